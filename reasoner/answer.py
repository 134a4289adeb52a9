"""The answer of the public contract, built from the trace of a case and its three-valued outlook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from . import evidence as evidence_of
from .case import Case
from .evaluation import Trace
from .evidence import Evidence
from .guideline import Assertion, Assignment, Guideline, Rule, Statement, Term
from .proof import ProofView, plain
from .uncertainty import Outlook

SEVERITIES = {"criticalAlert": "critical", "warningAlert": "warning", "infoAlert": "info"}
ALERTS = ("alert", *SEVERITIES)
STATUSES = {"contraindicated": "contraindicated", "preferred": "preferred", "suitable": "suitable", "notIndicated": "not_indicated"}


class Answer:
    """What the guideline says of one case; every part of it is the conclusion of a step of the proof."""

    def __init__(self, guideline: Guideline, case: Case, trace: Trace, outlook: Outlook, evidence: Evidence, view: ProofView) -> None:
        self.guideline = guideline
        self.case = case
        self.trace = trace
        self.outlook = outlook
        self._evidence = evidence
        self._view = view

    # --- the whole ------------------------------------------------------------------

    def json(self, language: str = "en") -> dict[str, Any]:
        """The result of the public contract; labels in `language` (``en`` or ``zh``)."""
        guideline, values = self.guideline, self.trace.values
        return {
            "case_id": self.case.id,
            "guideline": {
                "iri": guideline.iri,
                "version": guideline.version,
                "digest": guideline.digest,
                "suspended": [{"rule": rule.rule, "withdrawn": list(rule.studies)} for rule in guideline.suspended],
            },
            "notice": guideline.notice[language],
            "arc_grade": next(iter(self.ids("arcGrade")), None),
            "findings": self.ids("finding"),
            "calcium_score": {
                "value": plain(values.get("calcium_score")),
                "points": self.ids("scorePoint"),
                "unknown": sorted(point.id for point in guideline.of_kind("point") if self.outlook.holds(f"scorePoint:{point.local}") is None),
            },
            "high_risk_features": self.ids("highRiskFeature"),
            "strategy": self.strategy(language),
            "devices": [self._device(device, language) for device in guideline.of_kind("device")],
            "alerts": self.alerts(language),
            "parameters": self._parameters(None),
            "optimisation": self._optimisation(),
            "advice": sorted({*self.ids("advice"), *self.ids("stentAdvice")}),
            "prognosis": self.ids("prognosis"),
            "comparisons": self.ids("comparison"),
            "missing": self.missing,
            "possible_alerts": self.possible_alerts(language),
            "steps": self._view.steps(self.trace, language, self._cited(language)),
        }

    # --- conclusions ----------------------------------------------------------------

    def ids(self, property_name: str) -> list[str]:
        """Ids concluded for a property, sorted."""
        return sorted([self._view.id_of[key] for key in self.trace.by_property.get(property_name, ())])

    def strategy(self, language: str) -> dict[str, Any] | None:
        """The strategy with its rule, and whether the unknown facts leave it standing; None where there is none."""
        local = next(iter(self.trace.terms("strategy")), None)
        if local is None:
            return None
        key = f"strategy:{local}"
        rule = self._rules_of(key)[0]
        statements = self.statements[rule.id]
        return {
            "id": self.guideline.term("strategy", local).id,
            "rule": rule.id,
            "label": self.guideline.term("strategy", local).label[language],
            "settled": self.outlook.holds(key) is True,
            "level": self._level(key),
            "disputed_by": evidence_of.disputed_by(statements),
            "limits": evidence_of.limits(statements),
        }

    def _device(self, device: Term, language: str) -> dict[str, Any]:
        key = {name: f"{name}:{device.local}" for name in ("indicated", "favoured", *STATUSES)}
        status = next((name for name in STATUSES if key[name] in self.trace.derived), "notIndicated")
        used = status in ("preferred", "suitable")
        indicated, favoured = self._rules_of(key["indicated"]), self._rules_of(key["favoured"]) if used else []
        forbidding = self._by_key.get(key["contraindicated"], [])
        reasons = self._statements_of([rule for rule, _ in forbidding] if forbidding else indicated + favoured)
        return {
            "id": device.id,
            "label": device.label[language],
            "status": STATUSES[status],
            "indicated_by": [rule.id for rule in indicated],
            "preferred_by": [rule.id for rule in favoured],
            "contraindications": [
                {"rule": rule.id, "facts": list(self.guideline.given_facts(production.reads)), **self._backing(rule)} for rule, production in forbidding
            ],
            "cautions": self._cautions(device, language),
            "unverified": self.outlook.open_producers(key["contraindicated"]),
            "parameters": self._parameters(device.local),
            "level": self._level(key[status]),
            "disputed_by": evidence_of.disputed_by(reasons),
            "limits": evidence_of.limits(reasons),
        }

    def _cautions(self, device: Term, language: str) -> list[dict[str, Any]]:
        shown = []
        for key in self.trace.by_property.get("caution", ()):
            caution = self.guideline.terms[key.replace(":", "/", 1)]
            if caution.device == device.local:
                shown += [{"id": caution.id, "rule": rule.id, "label": caution.label[language], **self._backing(rule)} for rule in self._rules_of(key)]
        return shown

    def _backing(self, rule: Rule) -> dict[str, Any]:
        statements = self.statements[rule.id]
        return {"level": rule.level, "disputed_by": evidence_of.disputed_by(statements), "limits": evidence_of.limits(statements)}

    def alerts(self, language: str) -> list[dict[str, Any]]:
        """Alerts, the most severe first, each with the advice and factors that its rules add."""
        raised = dict.fromkeys(local for name in ALERTS for local in self.trace.terms(name))
        shown = [self._alert(self.guideline.terms[f"alert/{local}"], language) for local in raised]
        return sorted(shown, key=lambda alert: (list(SEVERITIES.values()).index(alert["severity"]), alert["id"]))

    def _alert(self, alert: Term, language: str) -> dict[str, Any]:
        keys = [key for key in (f"{name}:{alert.local}" for name in ALERTS) if key in self.trace.derived]
        raising = {rule.id for key in keys for rule in self._rules_of(key)}
        adding = [(rule, production.conclusion) for rule, production, _, _ in self.trace.steps if rule.alert == alert.local or rule.id in raising]
        rules = list({rule.id: rule for rule, conclusion in adding if rule.alert == alert.local or conclusion.key in keys}.values())
        added = [conclusion for rule, conclusion in adding if rule.alert == alert.local and isinstance(conclusion, Assertion)]
        statements = self._statements_of(rules)
        return {
            "id": alert.id,
            "severity": next(severity for name, severity in SEVERITIES.items() if f"{name}:{alert.local}" in keys),
            "rules": [rule.id for rule in rules],
            "label": alert.label[language],
            "factors": sorted(self._view.id_of[c.key] for c in added if c.predicate == "factor"),
            "advice": list(dict.fromkeys(self._view.id_of[c.key] for c in added if c.predicate == "advice")),
            "level": self.guideline.levels[min(self.trace.derived[key] for key in keys)],
            "disputed_by": evidence_of.disputed_by(statements),
            "limits": evidence_of.limits(statements),
        }

    def _parameters(self, device: str | None) -> dict[str, Any]:
        values = self.trace.values
        return {name: plain(values[name]) for name in self.guideline.parameters.get(device, ()) if name in values}

    def _optimisation(self) -> dict[str, Any]:
        if self.trace.values.get("stent_implanted") is not True:
            return {"criteria": {}, "advice": [], "limits": []}
        met, missed = self.ids("criterionMet"), self.ids("criterionNotMet")
        criteria = {c.id: "met" if c.id in met else "not_met" if c.id in missed else "unknown" for c in self.guideline.of_kind("criterion")}
        judging = (statement for rule in self.guideline.judging for statement in self._evidence.of(rule, self.trace, self.outlook))
        return {"criteria": criteria, "advice": self.ids("stentAdvice"), "limits": evidence_of.limits(judging)}

    # --- what is unknown ------------------------------------------------------------

    @cached_property
    def missing(self) -> list[dict[str, Any]]:
        """The unknown facts that could change the strategy or a device, what matters most first."""
        decides: dict[str, list[str]] = {}
        for fact in self._open(self.guideline.of_kind("strategy"), ("strategy",)):
            decides.setdefault(fact, []).append("strategy")
        for device in self.guideline.of_kind("device"):
            for fact in self._open([device], tuple(STATUSES)):
                decides.setdefault(fact, []).append(device.id)
        order = sorted(decides, key=lambda fact: ("strategy" not in decides[fact], -len(decides[fact]), fact))
        return [{"fact": fact, "decides": sorted(decides[fact], key=lambda id_: (id_ != "strategy", id_))} for fact in order]

    def _open(self, terms: Sequence[Term], properties: tuple[str, ...]) -> list[str]:
        """The unknown facts that leave open which of these conclusions holds."""
        keys = [f"{name}:{term.local}" for name in properties for term in terms]
        if any(self.outlook.holds(key) is True for key in keys):
            return []
        return self.outlook.because_of(*keys)

    def possible_alerts(self, language: str) -> list[dict[str, Any]]:
        """Critical alerts that were not raised and that unknown facts leave open: unknown is never "no"."""
        shown = []
        for alert in self.guideline.of_kind("alert"):
            key = f"criticalAlert:{alert.local}"
            if key not in self.trace.derived and self.outlook.holds(key) is None:
                shown.append({"id": alert.id, "label": alert.label[language], "because_of": self.outlook.because_of(key)})
        return shown

    # --- evidence -------------------------------------------------------------------

    @cached_property
    def statements(self) -> dict[str, tuple[Statement, ...]]:
        """For each rule that fired the statements that concern this case."""
        rules = {rule.id: rule for rule, _, _, _ in self.trace.steps}
        return {name: self._evidence.of(rule, self.trace, self.outlook) for name, rule in rules.items()}

    @cached_property
    def _by_key(self) -> dict[str, list[tuple[Rule, Any]]]:
        found: dict[str, list[tuple[Rule, Any]]] = {}
        for rule, production, _, _ in self.trace.steps:
            if not isinstance(production.conclusion, Assignment):
                found.setdefault(production.conclusion.key, []).append((rule, production))
        return found

    def _rules_of(self, key: str) -> list[Rule]:
        return [rule for rule, _ in self._by_key.get(key, ())]

    def _statements_of(self, rules: Iterable[Rule]) -> list[Statement]:
        return [statement for rule in rules for statement in self.statements[rule.id]]

    def _level(self, key: str) -> str | None:
        rank = self.trace.derived.get(key)
        return None if rank is None else self.guideline.levels[rank]

    def _cited(self, language: str) -> dict[str, list[dict[str, Any]]]:
        return {rule: self._evidence.cited(statements, language) for rule, statements in self.statements.items()}
