"""The answer of the public contract, built from the trace of a case and its
three-valued outlook.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import orjson

from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.engine.evidence import Evidence, reservations
from calx.reasoner.engine.proof import STATUSES, ProofView
from calx.reasoner.engine.uncertainty import Outlook
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline, Statement, Term
from calx.reasoner.model.rule import Assertion, Assignment, Production, Rule
from calx.reasoner.model.values import as_json
from calx.words import LANGUAGES

SEVERITIES = {"criticalAlert": "critical", "warningAlert": "warning", "infoAlert": "info"}
SEVERITY_ORDER = {severity: index for index, severity in enumerate(SEVERITIES.values())}
ALERTS = ("alert", *SEVERITIES)


class Answer:
    """What the guideline says of one case; every part
    of it is the conclusion of a step of the proof.

    >>> import calx
    >>> result = calx.recommend({"max_superficial_arc_deg": 300}).json()
    >>> result["strategy"]["rule"], result["strategy"]["settled"]
    ('D4', False)
    >>> [step["conclusion"] for step in result["steps"] if step["rule"] == "D4"]
    ['strategy: active_modification']
    """

    def __init__(
        self,
        guideline: Guideline,
        case: Case,
        trace: Trace,
        outlook: Outlook,
        evidence: Evidence,
        view: ProofView,
    ) -> None:
        self.guideline = guideline
        self.case = case
        self.trace = trace
        self.outlook = outlook
        self.within: list[dict[str, Any]] = []
        """What would change elsewhere in the intervals of measured facts."""
        self._evidence = evidence
        self._view = view

    # --- the whole ------------------------------------------------------------------

    def json(self, language: str = "en") -> dict[str, Any]:
        """The result of the public contract; labels in `language` (``en`` or ``zh``)."""
        result: dict[str, Any] = orjson.loads(self.json_bytes(language))
        return result

    def json_bytes(self, language: str = "en") -> bytes:
        """The same as JSON text, UTF-8, on one line."""
        if language not in LANGUAGES:
            raise ValueError(f"language is {' or '.join(LANGUAGES)}, not {language!r}")
        return orjson.dumps(self._result(language))

    def _result(self, language: str) -> dict[str, Any]:
        guideline, values = self.guideline, self.trace.values
        return {
            "case_id": self.case.id,
            "guideline": {
                "iri": guideline.iri,
                "version": guideline.version,
                "digest": guideline.digest,
                "suspended": [
                    {"rule": rule.rule, "withdrawn": list(rule.studies)}
                    for rule in guideline.suspended
                ],
            },
            "notice": guideline.notice[language],
            "arc_grade": next(iter(self.ids("arcGrade")), None),
            "findings": self.ids("finding"),
            "calcium_score": {
                "value": as_json(values.get("calcium_score")),
                "points": self.ids("scorePoint"),
                "unknown": sorted(
                    point.id
                    for point in guideline.of_kind("point")
                    if self.outlook.holds(f"scorePoint:{point.local}") is None
                ),
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
            "measured": None
            if self.case.measured is None
            else self.case.measured.json() | {"within_intervals": self.within},
            "steps": self.steps(language),
        }

    def steps(self, language: str) -> list[dict[str, Any]]:
        """The proof, premises before conclusions; a
        measured fact leads on to its frames and its drawer.
        """
        steps = self._view.steps(
            self.trace,
            language,
            self._evidence.cited_always[language],
            self._evidence.cited_at_times(self.statements, language),
        )
        measured = self.case.measured
        if measured is not None:
            for step in steps:
                step["premises"] = [
                    premise
                    if (found := measured.premise(premise.get("fact", ""))) is None
                    else premise | {"measured": found}
                    for premise in step["premises"]
                ]
        return steps

    # --- conclusions ----------------------------------------------------------------

    def ids(self, property_name: str) -> list[str]:
        """Ids concluded for a property, sorted."""
        return sorted(
            [self._view.id_of[key] for key in self.trace.by_property.get(property_name, ())]
        )

    def strategy(self, language: str) -> dict[str, Any] | None:
        """The strategy with its rule, and whether the unknown
        facts leave it standing; None where there is none.
        """
        local = next(iter(self.trace.terms("strategy")), None)
        if local is None:
            return None
        key = f"strategy:{local}"
        rule = self._rules_of(key)[0]
        return {
            "id": self.guideline.term("strategy", local).id,
            "rule": rule.id,
            "label": self.guideline.term("strategy", local).label[language],
            "settled": self.outlook.holds(key) is True and not self.unsure_strategies,
            "level": self._level(key),
            **self._evidence.reservations([rule], self.statements),
        }

    @property
    def unsure_strategies(self) -> list[str]:
        """Other strategies that hold elsewhere in the intervals of measured facts."""
        return sorted(
            {
                change["to"] or "none"
                for end in self.within
                for change in end["changes"]
                if change["of"] == "strategy"
            }
        )

    def device_statuses(self) -> dict[str, str]:
        """The status of each device."""
        keys, derived = self._view.device_keys, self.trace.derived
        return {
            device.id: STATUSES[
                next(
                    (name for name in STATUSES if keys[device.local][name] in derived),
                    "notIndicated",
                )
            ]
            for device in self.guideline.of_kind("device")
        }

    def _device(self, device: Term, language: str) -> dict[str, Any]:
        key, derived = self._view.device_keys[device.local], self.trace.derived
        status = next((name for name in STATUSES if key[name] in derived), "notIndicated")
        used = status in ("preferred", "suitable")
        indicated, favoured = (
            self._rules_of(key["indicated"]),
            self._rules_of(key["favoured"]) if used else [],
        )
        forbidding = self._by_key.get(key["contraindicated"], [])
        reasons = [rule for rule, _ in forbidding] or [*indicated, *favoured]
        return {
            "id": device.id,
            "label": device.label[language],
            "status": STATUSES[status],
            "indicated_by": sorted(rule.id for rule in indicated),
            "preferred_by": sorted(rule.id for rule in favoured),
            "contraindications": [
                {
                    "rule": rule.id,
                    "facts": list(self.guideline.given_facts(production.reads)),
                    **self._backing(rule),
                }
                for rule, production in forbidding
            ],
            "cautions": [
                {
                    "id": caution.id,
                    "rule": rule.id,
                    "label": caution.label[language],
                    **self._backing(rule),
                    "level": self._level(f"caution:{caution.local}"),
                }
                for caution, rule in sorted(
                    self._cautions.get(device.local, ()), key=lambda pair: pair[0].id
                )
            ],
            "unverified": self.outlook.open_producers(key["contraindicated"]),
            "parameters": self._parameters(device.local),
            "level": self._level(key[status]),
            **self._evidence.reservations(reasons, self.statements),
        }

    @cached_property
    def _cautions(self) -> dict[str | None, list[tuple[Term, Rule]]]:
        """The cautions of each device, with the rules that raised them."""
        found: dict[str | None, list[tuple[Term, Rule]]] = {}
        for key in self.trace.by_property.get("caution", ()):
            caution = self.guideline.terms[key.replace(":", "/", 1)]
            found.setdefault(caution.device, []).extend(
                (caution, rule) for rule in self._rules_of(key)
            )
        return found

    def _backing(self, rule: Rule) -> dict[str, Any]:
        return {"level": rule.level, **self._evidence.reservations([rule], self.statements)}

    def alerts(self, language: str) -> list[dict[str, Any]]:
        """Alerts, the most severe first, each with the advice and factors that its rules add."""
        raised = {local for name in ALERTS for local in self.trace.terms(name)}
        shown = [
            self._alert(alert, language)
            for alert in self.guideline.of_kind("alert")
            if alert.local in raised
        ]
        return sorted(shown, key=lambda alert: SEVERITY_ORDER[alert["severity"]])

    def _alert(self, alert: Term, language: str) -> dict[str, Any]:
        keys = [
            key for key in (f"{name}:{alert.local}" for name in ALERTS) if key in self.trace.derived
        ]
        adding = self._by_alert.get(alert.local, ())
        rules = list(
            {
                rule.id: rule
                for rule in (
                    *(rule for key in keys for rule in self._rules_of(key)),
                    *(rule for rule, _ in adding),
                )
            }.values()
        )
        added = [
            (conclusion.predicate, self._view.id_of[conclusion.key])
            for _, conclusion in adding
            if isinstance(conclusion, Assertion)
        ]
        return {
            "id": alert.id,
            # an alert whose severity no rule tells (its study was withdrawn) is taken for the worst
            "severity": next(
                (
                    severity
                    for name, severity in SEVERITIES.items()
                    if f"{name}:{alert.local}" in keys
                ),
                "critical",
            ),
            "rules": sorted(rule.id for rule in rules),
            "label": alert.label[language],
            "factors": sorted(id_ for predicate, id_ in added if predicate == "factor"),
            "advice": self._in_order(id_ for predicate, id_ in added if predicate == "advice"),
            "level": self.guideline.levels[min(self.trace.derived[key] for key in keys)],
            **self._evidence.reservations(rules, self.statements),
        }

    def _in_order(self, advice: Iterable[str]) -> list[str]:
        """Advised actions in the order in which they are done (`sh:order` of their terms)."""
        terms = self.guideline.terms
        return sorted(dict.fromkeys(advice), key=lambda id_: terms[f"advice/{id_}"].order)

    def _parameters(self, device: str | None) -> dict[str, Any]:
        values = self.trace.values
        return {
            name: as_json(values[name])
            for name in self.guideline.parameters.get(device, ())
            if name in values
        }

    def _optimisation(self) -> dict[str, Any]:
        if self.trace.values.get("stent_implanted") is not True:
            return {"criteria": {}, "advice": [], "limits": []}
        met, missed = self.ids("criterionMet"), self.ids("criterionNotMet")
        criteria = {
            c.id: "met" if c.id in met else "not_met" if c.id in missed else "unknown"
            for c in self.guideline.of_kind("criterion")
        }
        judging = (
            statement
            for rule in self.guideline.judging
            for statement in self._evidence.of(rule, self.trace, self.outlook)
        )
        return {
            "criteria": criteria,
            "advice": self._in_order(self.ids("stentAdvice")),
            "limits": reservations(judging)["limits"],
        }

    # --- what is unknown ------------------------------------------------------------

    @cached_property
    def missing(self) -> list[dict[str, Any]]:
        """The unknown facts that could change the strategy or a device, what matters most first."""
        decides = self.outlook.decides(self._view.questions)
        order = sorted(
            decides, key=lambda fact: ("strategy" not in decides[fact], -len(decides[fact]), fact)
        )
        return [{"fact": fact, "decides": decides[fact]} for fact in order]

    def possible_alerts(self, language: str) -> list[dict[str, Any]]:
        """Critical alerts that were not raised and that unknown facts leave open, those nearest to
        firing first: unknown is never "no".
        """
        certain, possible = self.outlook.certain, self.outlook.possible
        found = [
            {
                "id": alert.id,
                "label": alert.label[language],
                "because_of": self.outlook.because_of(key),
            }
            for key, alert in self._view.critical
            if key in possible and key not in certain and key not in self.trace.derived
        ]
        return sorted(found, key=lambda alert: len(alert["because_of"]))

    # --- evidence -------------------------------------------------------------------

    @cached_property
    def statements(self) -> dict[str, tuple[Statement, ...]]:
        """For each rule that fired the statements that concern this case."""
        return self._evidence.of_all(self.trace, self.outlook)

    @cached_property
    def _by_key(self) -> dict[str, list[tuple[Rule, Production]]]:
        """What concluded each conclusion."""
        found: dict[str, list[tuple[Rule, Production]]] = {}
        for rule, production, _, _ in self.trace.steps:
            key = production.conclusion.key
            if key in found:
                found[key].append((rule, production))
            else:
                found[key] = [(rule, production)]
        return found

    @cached_property
    def _by_alert(self) -> dict[str, list[tuple[Rule, Assertion | Assignment]]]:
        """What rules add to each alert, in their order."""
        found: dict[str, list[tuple[Rule, Assertion | Assignment]]] = {}
        for rule, production, _, _ in self.trace.steps:
            if rule.alert is not None:
                found.setdefault(rule.alert, []).append((rule, production.conclusion))
        return found

    def _rules_of(self, key: str) -> list[Rule]:
        return [rule for rule, _ in self._by_key.get(key, ())]

    def _level(self, key: str) -> str | None:
        rank = self.trace.derived.get(key)
        return None if rank is None else self.guideline.levels[rank]
