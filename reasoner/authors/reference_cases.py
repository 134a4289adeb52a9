"""Reference cases: what must come out of a lesion, and why. They live beside the guideline, in
``cases/*.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from calx.ontology import AuthoringProblem
from calx.ontology.reference_cases import ReferenceCase
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.recommendation import Reasoner


def observe(result: dict[str, Any]) -> dict[str, Any]:
    """The parts of an answer that a reference case can speak of."""
    devices, strategy = (
        {device["id"]: device for device in result["devices"]},
        result["strategy"] or {},
    )
    return {
        **{
            key: result[key]
            for key in (
                "arc_grade",
                "findings",
                "high_risk_features",
                "advice",
                "parameters",
                "prognosis",
                "comparisons",
            )
        },
        "points": result["calcium_score"]["points"],
        "score": result["calcium_score"]["value"],
        "strategy": strategy.get("id"),
        "settled": strategy.get("settled", False),
        "disputed_by": strategy.get("disputed_by", []),
        "devices": {key: device["status"] for key, device in devices.items()},
        "contraindications": {
            key: [c["rule"] for c in device["contraindications"]] for key, device in devices.items()
        },
        "cautions": {
            key: sorted(c["id"] for c in device["cautions"]) for key, device in devices.items()
        },
        "device_parameters": {key: device["parameters"] for key, device in devices.items()},
        "alerts": {alert["id"]: alert["severity"] for alert in result["alerts"]},
        "factors": sorted(factor for alert in result["alerts"] for factor in alert["factors"]),
        "criteria": result["optimisation"]["criteria"],
        "missing": {
            item["fact"]: "strategy" if "strategy" in item["decides"] else "devices"
            for item in result["missing"]
        },
    }


REFUSED = "the case is no longer admitted"


def judge(
    reasoner: Reasoner, cases: list[ReferenceCase]
) -> tuple[list[AuthoringProblem], set[str]]:
    """What no longer holds, and the rules that fired."""
    problems: list[AuthoringProblem] = []
    fired = set[str]()
    for case in cases:
        facts = {
            name: Decimal(str(value)) if isinstance(value, float) else value
            for name, value in case.facts.items()
        }
        try:
            result = reasoner.recommend({"case_id": case.id, **facts}).json()
        except CaseError as error:
            told = "; ".join(str(problem) for problem in error.problems)
            problems.append(
                AuthoringProblem(
                    "reference-case",
                    case.file,
                    f"{REFUSED}: {told}",
                    case.id,
                    case.line,
                )
            )
            continue
        fired |= {step["rule"] for step in result["steps"]}
        for key, expected, seen in _differences(case.expect, observe(result)):
            message = (
                f"{key} must be {_shown(expected)} and is {_shown(seen)} ({case.why}); mend "
                "the rule, or say why the case must change"
            )
            problems.append(
                AuthoringProblem("reference-case", case.file, message, case.id, case.line)
            )
    return problems, fired


def _differences(expect: dict[str, Any], seen: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key, expected in expect.items():
        if key not in seen:
            yield key, expected, "no part of an answer"
        elif isinstance(expected, dict) and expected and isinstance(seen[key], dict):
            for name, value in expected.items():
                if seen[key].get(name) != value:
                    yield f"{key} {name}", value, seen[key].get(name)
        elif seen[key] != expected:
            yield key, expected, seen[key]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "empty"
    return (
        "none"
        if value is None
        else "empty"
        if value == {}
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
