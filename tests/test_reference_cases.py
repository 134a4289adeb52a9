"""The reference cases hold, and together make every rule fire."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import yaml

from ontology import DEFAULT_DIRECTORY
from reasoner.recommendation import Reasoner

FILES = sorted((DEFAULT_DIRECTORY / "cases").glob("*.yaml"))


def cases() -> list[dict[str, Any]]:
    return [case for file in FILES for case in yaml.safe_load(file.read_text(encoding="utf-8"))]


def observed(result: dict[str, Any]) -> dict[str, Any]:
    """The parts of an answer that a reference case can speak of."""
    devices, strategy = {device["id"]: device for device in result["devices"]}, result["strategy"] or {}
    return {
        **{key: result[key] for key in ("arc_grade", "findings", "high_risk_features", "advice", "parameters", "prognosis", "comparisons")},
        "points": result["calcium_score"]["points"],
        "score": result["calcium_score"]["value"],
        "strategy": strategy.get("id"),
        "settled": strategy.get("settled", False),
        "disputed_by": strategy.get("disputed_by", []),
        "devices": {key: device["status"] for key, device in devices.items()},
        "contraindications": {key: [c["rule"] for c in device["contraindications"]] for key, device in devices.items()},
        "cautions": {key: sorted(c["id"] for c in device["cautions"]) for key, device in devices.items()},
        "device_parameters": {key: device["parameters"] for key, device in devices.items()},
        "alerts": {alert["id"]: alert["severity"] for alert in result["alerts"]},
        "factors": sorted(factor for alert in result["alerts"] for factor in alert["factors"]),
        "criteria": result["optimisation"]["criteria"],
        "missing": {item["fact"]: "strategy" if "strategy" in item["decides"] else "devices" for item in result["missing"]},
    }


def answered(reasoner: Reasoner) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for case in cases():
        facts = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in case["case"].items()}
        yield case, reasoner.recommend({"case_id": case["id"], **facts}).json()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_the_case_comes_out_as_it_must(case: dict[str, Any], reasoner: Reasoner) -> None:
    assert case["why"] and case["expect"]
    found = observed(reasoner.recommend({"case_id": case["id"], **case["case"]}).json())
    for key, expected in case["expect"].items():
        if isinstance(expected, dict) and expected:
            assert {name: found[key].get(name) for name in expected} == expected, key
        else:
            assert found[key] == expected, key


def test_there_are_enough_cases_and_their_names_differ() -> None:
    names = [case["id"] for case in cases()]
    assert len(names) >= 30
    assert len(set(names)) == len(names)


def test_together_they_make_every_rule_fire(reasoner: Reasoner) -> None:
    fired = {step["rule"] for _, result in answered(reasoner) for step in result["steps"]}
    assert {rule.id for rule in reasoner.guideline.rules} - fired == set()
