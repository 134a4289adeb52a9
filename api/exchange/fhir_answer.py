"""An answer as FHIR: a GuidanceResponse with its proposals and what is missing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from calx.api.exchange.codes import Codes
from calx.api.exchange.fhir_facts import FhirFacts
from calx.api.pages.words import words_of
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import Chosen, Reserved, Thing
from calx.reasoner.engine.ranking import by_rank
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.reasoner.model.section import SEVERITIES, Actions, Alerts, One, Status, Tally
from calx.reasoner.tell.labels import labels
from calx.words import words


def guidance(answer: Answer, reading: FhirFacts, language: str) -> dict[str, Any]:
    """The answer as a GuidanceResponse.

    `status` is ``success`` where what leads the answer is settled, nothing is missing and no alert
    is left open; ``data-requested`` where unknown facts could change the answer; ``data-required``
    where what leads cannot be derived. `dataRequirement` names what is missing, what matters most
    first, then what leaves alerts open.
    """
    guideline, subject = answer.guideline, reading.subject
    lead = guideline.lead
    leading = answer.chosen(lead, language) if lead else None
    missing = [item.fact for item in answer.missing] + [
        fact for _, _, facts in answer.left_open for fact in facts
    ]
    status = (
        "data-required"
        if lead is not None and leading is None
        else "data-requested"
        if missing or (leading is not None and not leading.settled)
        else "success"
    )
    found = {
        "resourceType": "GuidanceResponse",
        "id": str(uuid.uuid4()),
        "language": words("language", language)["tag"],
        "contained": [
            _outputs(answer, language),
            _Proposal(answer, subject, language).resource(),
        ],
        "identifier": [{"system": IRI + "case", "value": answer.case.id}],
        "moduleUri": f"{guideline.iri}{guideline.version}",
        "status": status,
        "subject": {"reference": subject} if subject else None,
        "occurrenceDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": [{"text": text} for text in (guideline.notice[language], *reading.notes)],
        "outputParameters": {"reference": "#answer"},
        "result": {"reference": "#proposal"},
        "dataRequirement": [
            _requirement(fact, guideline, reading.codes, language)
            for fact in dict.fromkeys(missing)
        ],
    }
    kept: dict[str, Any] = without_empties(found)
    return kept


def _outputs(answer: Answer, language: str) -> dict[str, Any]:
    """What an integrator reads first; the whole answer as JSON beside it."""
    parameters: list[dict[str, Any]] = [
        {"name": "guideline-digest", "valueString": answer.guideline.digest}
    ]
    for section in answer.guideline.sections:
        match section:
            case One():
                parameters += _chosen(section, answer.chosen(section, language))
            case Tally():
                value = answer.total(section).value
                if isinstance(value, int):
                    parameters.append({"name": section.key, "valueInteger": value})
            case Status():
                parameters += [
                    {"name": section.kind, "part": _thing(thing)}
                    for thing in answer.things(section, language)
                ]
            case Alerts():
                parameters += [
                    {
                        "name": section.kind,
                        "part": [
                            {"name": "id", "valueCode": alert.id},
                            {"name": "severity", "valueCode": alert.severity},
                        ],
                    }
                    for alert in answer.alerts(section, language)
                ]
            case _:
                pass
    parameters += [{"name": "not-excluded", "valueCode": id_} for _, id_, _ in answer.left_open]
    parameters.append({"name": "answer", "valueString": answer.json_bytes(language).decode()})
    return {"resourceType": "Parameters", "id": "answer", "parameter": parameters}


def _chosen(section: One, chosen: Chosen | None) -> list[dict[str, Any]]:
    if chosen is None:
        return []
    found: list[dict[str, Any]] = [{"name": section.key, "valueCode": chosen.id}]
    if not section.brief:
        name = "settled" if section.leads else f"{section.key}-settled"
        found.append({"name": name, "valueBoolean": chosen.settled})
        found += _strings(f"{section.key}-disputed-by", chosen.disputed_by)
    return found


def _thing(thing: Thing) -> list[dict[str, Any]]:
    return [
        {"name": "id", "valueCode": thing.id},
        {"name": "status", "valueCode": thing.status},
        *_strings("unverified", thing.unverified),
        *_strings("disputed-by", thing.disputed_by),
        *_strings("caution", [caution.id for caution in thing.cautions]),
    ]


def _strings(name: str, values: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "valueString": value} for value in values]


class _Proposal:
    """What is recommended, with its standing, what speaks against it, and citations by stance. A
    proposal, never an order.
    """

    def __init__(self, answer: Answer, subject: str | None, language: str) -> None:
        self._answer, self._subject, self._language = answer, subject, language
        self._guideline = answer.guideline
        self._words = words_of(language)

    def resource(self) -> dict[str, Any]:
        answer, words, language = self._answer, self._words, self._language
        actions = [
            self._action(alert.label, alert.rules, alert, alert.severity != SEVERITIES[-1])
            for alert in answer.all_alerts(language)
        ]
        possible = answer.possible_alerts(language)
        if possible:
            named = ", ".join(alert.label for alert in possible)
            actions.append(
                {
                    "title": f"{words['not excluded']}: {named}",
                    "description": words["not excluded hint"],
                    "priority": "urgent",
                }
            )
        leads_first = sorted(self._guideline.sections, key=lambda s: s != self._guideline.lead)
        actions += [
            self._one(section)
            for section in leads_first
            if isinstance(section, One) and not section.brief
        ]
        for section in self._guideline.sections:
            if isinstance(section, Status):
                actions += self._things(section)
            elif isinstance(section, Actions):
                actions += [
                    {
                        "title": action.label,
                        "priority": "urgent" if action.alerts else "routine",
                        "documentation": self._cited(action.rules),
                    }
                    for action in answer.actions(section, language)
                ]
        return {
            "resourceType": "RequestGroup",
            "id": "proposal",
            "status": "draft",
            "intent": "proposal",
            "subject": {"reference": self._subject} if self._subject else None,
            "action": actions,
            "note": [{"text": self._guideline.notice[language]}],
        }

    def _one(self, section: One) -> dict[str, Any]:
        chosen, words = self._answer.chosen(section, self._language), self._words
        if chosen is None:
            none = words["none yet" if self._answer.open(section) else "none"]
            return {"title": f"{section.label[self._language]}: {none}"}
        standing = words["settled" if chosen.settled else "provisional"]
        return self._action(f"{chosen.label} ({standing})", [chosen.rule], chosen)

    def _things(self, section: Status) -> Iterator[dict[str, Any]]:
        for thing in by_rank(self._answer.things(section, self._language)):
            status = section.called[thing.status]
            if status.mark != "idle":
                title = f"{thing.label}: {status.label[self._language]}"
                yield self._action(title, thing.reasons, thing)

    def _action(
        self, title: str, rules: list[str], conclusion: Reserved, urgent: bool = False
    ) -> dict[str, Any]:
        system = self._guideline.names("rule")
        return {
            "title": title,
            "description": reservations_in_words(conclusion, self._guideline, self._language),
            "priority": "urgent" if urgent else "routine",
            "code": [{"coding": [{"system": system, "code": rule} for rule in rules]}],
            "documentation": self._cited(rules),
        }

    def _cited(self, rules: list[str]) -> list[dict[str, Any]]:
        studies = self._guideline.studies
        cited = {
            (studies[statement.study].citation, statement.stance): statement
            for step in self._answer.trace.steps
            if step[0].id in rules
            for statement in self._answer.statements[step[0].id]
        }
        return [
            {
                "type": "citation",
                "display": (
                    f"{self._words[stance]} ({statement.level}): {statement.text[self._language]}"
                ),
                "citation": citation,
            }
            for (citation, stance), statement in cited.items()
        ]


def reservations_in_words(conclusion: Reserved, guideline: Guideline, language: str) -> str:
    """What stands against a conclusion, or is open about it, in one text: level, disputes, limits,
    cautions, contraindications not ruled out.
    """
    words, label = words_of(language), labels(guideline, language)
    parts = [f"{words['level heading']} {conclusion.level}"] if conclusion.level else []
    parts += [f"{words['disputed by']} {label.study(study)}" for study in conclusion.disputed_by]
    parts += [f"{words['limited by']} {label.statement(limit)}" for limit in conclusion.limits]
    if not isinstance(conclusion, Thing):
        return ". ".join(parts)
    for caution in conclusion.cautions:
        disputers = ", ".join(label.study(study) for study in caution.disputed_by)
        against = f"; {words['disputed by']} {disputers}" if disputers else ""
        parts.append(f"{words['caution']}: {caution.label} ({caution.level}{against})")
    if conclusion.unverified and not conclusion.against:
        parts.append(
            f"{words['not verified']} "
            + ", ".join(label.fact(fact) for fact in conclusion.unverified)
        )
    return ". ".join(parts)


def _requirement(name: str, guideline: Guideline, codes: Codes, language: str) -> dict[str, Any]:
    asked = [{"system": codes.ours, "code": name, "display": guideline.facts[name].label[language]}]
    asked += [
        {"system": m.system, "code": m.code, "display": m.display}
        for m in codes.of_fact.get(name, ())
    ]
    return {
        "type": "Observation",
        "mustSupport": ["code", "value"],
        "codeFilter": [{"path": "code", "code": asked}],
    }


def without_empties(value: Any) -> Any:
    """The same without nulls, empty lists, objects and texts, which FHIR and CDS Hooks forbid."""
    if isinstance(value, dict):
        kept = {key: without_empties(item) for key, item in value.items()}
        return {
            key: item
            for key, item in kept.items()
            if item is not None and item != [] and item != {} and item != ""
        }
    if isinstance(value, list):
        return [
            item
            for item in map(without_empties, value)
            if item is not None and item != [] and item != {} and item != ""
        ]
    return value


def outcome(kind: str, detail: str, problems: list[Problem]) -> dict[str, Any]:
    """Problems as an OperationOutcome."""
    issues = [
        {"severity": "error", "code": kind, "diagnostics": str(problem)} for problem in problems
    ]
    return {
        "resourceType": "OperationOutcome",
        "issue": issues or [{"severity": "error", "code": kind, "diagnostics": detail}],
    }
