"""An answer as FHIR: a GuidanceResponse with its proposals and what is missing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from calx.api.exchange.codes import OURS, Codes
from calx.api.exchange.fhir_facts import FhirFacts
from calx.api.pages.words import words_of
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.words import words


def guidance(answer: Answer, reading: FhirFacts, language: str) -> dict[str, Any]:
    """The answer as a GuidanceResponse.

    `status` is ``success`` where the strategy is settled, nothing is missing and no critical alert
    is left open; ``data-requested`` where unknown facts could change the answer; ``data-required``
    where no strategy can be derived. `dataRequirement` names what is missing, what matters most
    first, then what leaves critical alerts open.
    """
    result = answer.json(language)
    strategy, subject = result["strategy"], reading.subject
    missing = [item["fact"] for item in result["missing"]] + [
        fact for alert in result["possible_alerts"] for fact in alert["because_of"]
    ]
    status = (
        "data-required"
        if strategy is None
        else "data-requested"
        if missing or not strategy["settled"]
        else "success"
    )
    found = {
        "resourceType": "GuidanceResponse",
        "id": str(uuid.uuid4()),
        "language": words("language", language)["tag"],
        "contained": [
            _outputs(result),
            _Proposal(result, answer.guideline, subject, language).resource(),
        ],
        "identifier": [{"system": IRI + "case", "value": result["case_id"]}],
        "moduleUri": f"{IRI}{result['guideline']['version']}",
        "status": status,
        "subject": {"reference": subject} if subject else None,
        "occurrenceDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": [{"text": text} for text in (result["notice"], *reading.notes)],
        "outputParameters": {"reference": "#answer"},
        "result": {"reference": "#proposal"},
        "dataRequirement": [
            _requirement(fact, answer.guideline, reading.codes, language)
            for fact in dict.fromkeys(missing)
        ],
    }
    kept: dict[str, Any] = without_empties(found)
    return kept


def _outputs(result: dict[str, Any]) -> dict[str, Any]:
    """What an integrator reads first; the whole answer as JSON beside it."""
    import orjson

    def part(name: str, values: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "valueString": value} for value in values]

    parameters: list[dict[str, Any]] = [
        {"name": "guideline-digest", "valueString": result["guideline"]["digest"]}
    ]
    strategy = result["strategy"]
    if strategy:
        parameters += [
            {"name": "strategy", "valueCode": strategy["id"]},
            {"name": "settled", "valueBoolean": strategy["settled"]},
        ]
        parameters += part("strategy-disputed-by", strategy["disputed_by"])
    for device in result["devices"]:
        told = [
            {"name": "id", "valueCode": device["id"]},
            {"name": "status", "valueCode": device["status"]},
        ]
        told += part("unverified", device["unverified"]) + part(
            "disputed-by", device["disputed_by"]
        )
        told += part("caution", [caution["id"] for caution in device["cautions"]])
        parameters.append({"name": "device", "part": told})
    parameters += [
        {
            "name": "alert",
            "part": [
                {"name": "id", "valueCode": a["id"]},
                {"name": "severity", "valueCode": a["severity"]},
            ],
        }
        for a in result["alerts"]
    ]
    parameters += [
        {"name": "not-excluded", "valueCode": alert["id"]} for alert in result["possible_alerts"]
    ]
    parameters.append({"name": "answer", "valueString": orjson.dumps(result).decode()})
    return {"resourceType": "Parameters", "id": "answer", "parameter": parameters}


class _Proposal:
    """What is recommended, with its standing, what speaks against it, and citations by stance. A
    proposal, never an order.
    """

    def __init__(
        self, result: dict[str, Any], guideline: Guideline, subject: str | None, language: str
    ) -> None:
        self._result, self._guideline, self._subject, self._language = (
            result,
            guideline,
            subject,
            language,
        )
        self._words = words_of(language)

    def resource(self) -> dict[str, Any]:
        result, words = self._result, self._words
        actions = [
            self._action(alert["label"], alert["rules"], alert, alert["severity"] != "info")
            for alert in result["alerts"]
        ]
        if result["possible_alerts"]:
            named = ", ".join(alert["label"] for alert in result["possible_alerts"])
            actions.append(
                {
                    "title": f"{words['not excluded']}: {named}",
                    "description": words["not excluded hint"],
                    "priority": "urgent",
                }
            )
        if result["strategy"]:
            strategy = result["strategy"]
            actions.append(
                self._action(
                    (
                        f"{strategy['label']} "
                        f"({words['settled' if strategy['settled'] else 'provisional']})"
                    ),
                    [strategy["rule"]],
                    strategy,
                )
            )
        else:
            actions.append({"title": f"{words['strategy']}: {words['no strategy']}"})
        actions += [
            self._device(device)
            for device in result["devices"]
            if device["status"] != "not_indicated"
        ]
        return {
            "resourceType": "RequestGroup",
            "id": "proposal",
            "status": "draft",
            "intent": "proposal",
            "subject": {"reference": self._subject} if self._subject else None,
            "action": actions,
            "note": [{"text": result["notice"]}],
        }

    def _device(self, device: dict[str, Any]) -> dict[str, Any]:
        rules = [item["rule"] for item in device["contraindications"]] or device[
            "preferred_by"
        ] + device["indicated_by"]
        return self._action(f"{device['label']}: {self._words[device['status']]}", rules, device)

    def _action(
        self, title: str, rules: list[str], conclusion: dict[str, Any], urgent: bool = False
    ) -> dict[str, Any]:
        return {
            "title": title,
            "description": reservations_in_words(conclusion, self._guideline, self._language),
            "priority": "urgent" if urgent else "routine",
            "code": [{"coding": [{"system": IRI + "rule", "code": rule} for rule in rules]}],
            "documentation": self._cited(rules),
        }

    def _cited(self, rules: list[str]) -> list[dict[str, Any]]:
        cited = {
            (item["citation"], item["stance"]): item
            for step in self._result["steps"]
            if step["rule"] in rules
            for item in step["evidence"]
        }
        return [
            {
                "type": "citation",
                "display": f"{self._words[item['stance']]} ({item['level']}): {item['statement']}",
                "citation": item["citation"],
            }
            for item in cited.values()
        ]


def reservations_in_words(conclusion: dict[str, Any], guideline: Guideline, language: str) -> str:
    """What stands against a conclusion, or is open about it, in one text: level, disputes, limits,
    cautions, contraindications not ruled out.
    """
    words = words_of(language)
    parts = [f"{words['level heading']} {conclusion['level']}"] if conclusion["level"] else []
    parts += [
        f"{words['disputed by']} {guideline.studies[study].label[language]}"
        for study in conclusion["disputed_by"]
    ]
    parts += [
        f"{words['limited by']} {guideline.statements[limit].text[language]}"
        for limit in conclusion["limits"]
    ]
    for caution in conclusion.get("cautions", ()):
        disputers = ", ".join(
            guideline.studies[study].label[language] for study in caution["disputed_by"]
        )
        against = f"; {words['disputed by']} {disputers}" if disputers else ""
        parts.append(f"{words['caution']}: {caution['label']} ({caution['level']}{against})")
    if conclusion.get("unverified") and conclusion.get("status") != "contraindicated":
        parts.append(
            f"{words['not verified']} "
            + ", ".join(guideline.facts[fact].label[language] for fact in conclusion["unverified"])
        )
    return ". ".join(parts)


def _requirement(name: str, guideline: Guideline, codes: Codes, language: str) -> dict[str, Any]:
    asked = [{"system": OURS, "code": name, "display": guideline.facts[name].label[language]}]
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
