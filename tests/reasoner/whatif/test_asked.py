"""What is asked of an answer as a whole: errors, what to find out, why not, comparison."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.condition import Value
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.asking import WhatIf
from calx.reasoner.whatif.outcomes import outcomes
from calx.reasoner.whatif.result import as_result
from tests import command
from tests.lesions import lesion, values_of
from tests.reasoner.whatif.test_stability import BEFORE
from tests.sampling import much

KEYS = {
    "case_id",
    "guideline",
    "stability",
    "joint",
    "decided",
    "next",
    "to",
    "why_not",
}
"""Of the public contract."""


@pytest.fixture(scope="module")
def asking(reasoner: Reasoner) -> WhatIf:
    return WhatIf(reasoner)


def of(asking: WhatIf, reasoner: Reasoner, raw: dict[str, Any]) -> dict[str, Any]:
    return as_result(asking.ask(reasoner.recommend(raw)))


def by_fact(result: dict[str, Any], key: str) -> dict[str, Any]:
    return {item["fact"]: item for item in result[key]}


def test_every_key_is_always_there(asking: WhatIf, reasoner: Reasoner) -> None:
    for raw in (BEFORE, {"case_id": "empty"}):
        result = of(asking, reasoner, raw)
        assert result.keys() >= KEYS
        json.dumps(result)
    assert result["stability"] == []
    assert result["joint"] is None


def test_the_error_comes_from_the_evidence_and_its_share_from_the_interval(
    asking: WhatIf, reasoner: Reasoner
) -> None:
    found = by_fact(of(asking, reasoner, BEFORE), "stability")
    reference = found["reference_vessel_diameter_mm"]
    assert reference["error"]["sd"] == 0.25
    assert reference["error"]["unit"] == "mm"
    assert reference["share"] == pytest.approx(0.9772, abs=0.001)  # 3 - 2 × 0.25 = 2.5
    arc = found["max_superficial_arc_deg"]
    assert arc["error"]["sd"] == pytest.approx(17.4)
    # below 270 the length above 270 goes along, and the strategy is another
    assert arc["beyond"][0]["followed_by"]["facts"] == [
        {"fact": "superficial_arc_gt270_length_mm", "value": 0}
    ]
    assert arc["share"] == pytest.approx(0.957, abs=0.002)
    assert found["thrombus"]["error"] is None


def test_the_interval_of_a_measurement_goes_before_the_evidence(
    asking: WhatIf, reasoner: Reasoner
) -> None:
    measured = {
        "facts": {
            "max_superficial_arc_deg": {
                "value": 300,
                "interval": [290, 340],
                "unit": "deg",
                "status": "measured",
                "frames": [1],
            }
        }
    }
    raw = {"case_id": "m", "max_superficial_arc_deg": 300, "measured": measured}
    arc = by_fact(of(asking, reasoner, raw), "stability")["max_superficial_arc_deg"]
    assert arc["error"]["sd"] == pytest.approx(25 / 1.6449, abs=0.01)
    assert arc["error"]["statement"] is None


@pytest.mark.long
def test_the_joint_share_lies_within_its_bounds(asking: WhatIf, reasoner: Reasoner) -> None:
    """Against drawn errors: facts that follow another go along, what may not be is left out."""
    source = random.Random(2)
    asked = asking.ask(reasoner.recommend(BEFORE))
    assert asked.joint is not None
    stands = falls = 0
    for _ in range(much(6000, 1500)):
        raw: dict[str, Any] = {**BEFORE}
        for name, error in asked.errors.items():
            raw[name] = round(source.gauss(float(error.value), error.deviation), 5)
        if raw["max_superficial_arc_deg"] <= 270:
            raw["superficial_arc_gt270_length_mm"] = 0
        try:
            same = outcomes(reasoner.recommend(raw)) == outcomes(asked.answer)
        except CaseError:
            continue
        stands, falls = stands + same, falls + (not same)
    share = stands / (stands + falls)
    slack = 4 * (share * (1 - share) / (stands + falls)) ** 0.5
    assert asked.joint.low - slack <= share <= asked.joint.high + slack
    assert asked.joint.high - asked.joint.low < 0.05


@pytest.mark.long
def test_what_to_find_out_is_what_can_change_the_answer(asking: WhatIf, reasoner: Reasoner) -> None:
    source = random.Random(9)
    for _ in range(much(60, 6)):
        raw = lesion(reasoner, source)
        answer = reasoner.recommend(raw)
        result = as_result(asking.ask(answer))
        listed = by_fact(result, "next")
        completed = answer.trace.values
        turning = set()
        for fact in reasoner.guideline.facts.values():
            if not fact.given or fact.name in completed:
                continue
            for value in values_of(reasoner, fact.name):
                try:
                    there = reasoner.recommend({**raw, fact.name: value})
                except CaseError:
                    continue
                if outcomes(there) != outcomes(answer):
                    turning.add(fact.name)
        alone = {name for name, item in listed.items() if not item["together_with"]}
        assert turning <= alone
        assert result["decided"] is False or not turning
        assert all(item["decides"] or item["together_with"] for item in listed.values())
        if result["decided"]:
            assert result["next"] == []
            for _ in range(5):
                more = _completed(reasoner, raw, source)
                assert outcomes(reasoner.recommend(more)) == outcomes(answer)


def _completed(reasoner: Reasoner, raw: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """The same case with some of its unknown facts told."""
    for fact in reasoner.guideline.facts.values():
        if fact.given and raw.get(fact.name) is None and source.random() < 0.5:
            value: Value = source.choice(values_of(reasoner, fact.name) or [Decimal(1)])
            try:
                reasoner.recommend({**raw, fact.name: value})
            except CaseError:
                continue
            raw = {**raw, fact.name: value}
    return raw


def test_why_something_else_is_not_first(asking: WhatIf, reasoner: Reasoner) -> None:
    found = {item["of"]: item for item in of(asking, reasoner, BEFORE)["why_not"]}
    rota = found["device:rotational_atherectomy"]
    assert rota["status"] == "suitable"
    assert rota["not"] == "first"
    (lack,) = next(b for b in rota["because"] if b["rule"] == "P1")["missing"]
    assert lack == {"fact": "balloon_crossed", "value": True, "needs": "false"}
    stopped = {
        item["of"]: item for item in of(asking, reasoner, {**BEFORE, "thrombus": True})["why_not"]
    }
    assert {"rule": "F-RA-1", "missing": []} in stopped["device:rotational_atherectomy"]["because"]
    alert = found["alert:dissection"]
    assert (alert["status"], alert["not"]) == (None, "raised")
    assert alert["because"][0]["missing"][0]["fact"] == "coronary_dissection"


def test_two_cases_side_by_side(asking: WhatIf, reasoner: Reasoner) -> None:
    other = {**BEFORE, "case_id": "b", "reference_vessel_diameter_mm": 2.4, "age_years": 70}
    asked = asking.ask(reasoner.recommend(BEFORE), other=reasoner.recommend(other))
    found = as_result(asked)["compare"]
    assert found["other"] == "b"
    assert {item["fact"] for item in found["facts"]} == {
        "reference_vessel_diameter_mm",
        "age_years",
    }
    first = next(item for item in found["changes"] if item["of"] == "first")
    assert first["explained_by"] == [["reference_vessel_diameter_mm"]]
    assert "X-IVL-2" in found["rules"]["only_there"]


def test_the_command(tmp_path: Path) -> None:
    path, other = tmp_path / "case.json", tmp_path / "other.json"
    path.write_text(json.dumps(BEFORE))
    other.write_text(json.dumps({**BEFORE, "case_id": "b", "thrombus": True}))
    done = command.calx("whatif", str(path), "--to", "first=rotational_atherectomy")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["to"]["outcome"] == "first=rotational_atherectomy"
    assert result["to"]["sets"][0]["size"] == 1
    for language, word in (("en", "Find out"), ("zh", "宜了解")):
        told = command.calx(
            *("whatif", str(path), "--compare", str(other), "--format", "text", "--lang", language)
        )
        assert told.returncode == 0, told.stderr
        assert word in told.stdout
    wrong = command.calx("whatif", str(path), "--to", "first=scissors")
    assert wrong.returncode == 2
    assert "rotational_atherectomy" in wrong.stderr
    path.write_text(json.dumps({**BEFORE, "thrombus": "perhaps"}))
    refused = command.calx("whatif", str(path))
    assert refused.returncode == 1
    assert "thrombus" in refused.stderr
