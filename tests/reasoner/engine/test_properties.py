"""What must hold over every valid case, tried on many random lesions."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calx.reasoner.intake.errors import CaseError
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesion, repaired
from tests.sampling import much

REASONER = Reasoner.load()
LADDER = ["semi_compliant_predilation", "stepwise_balloon", "active_modification"]
MANY = settings(max_examples=much(300, 60))
seeds = st.integers(0, 10**9)
pytestmark = pytest.mark.long


def answered(raw: dict[str, Any]) -> dict[str, Any]:
    return REASONER.recommend(raw).json()


def strategy(result: dict[str, Any]) -> str | None:
    return result["strategy"]["id"] if result["strategy"] else None


@MANY
@given(seeds)
def test_a_strategy_is_derived_once_calcium_arc_and_depth_are_known(seed: int) -> None:
    source = random.Random(seed)
    raw = lesion(REASONER, source)
    present = source.random() < 0.8
    raw |= {
        "calcium_present": present,
        "max_superficial_arc_deg": source.randint(0, 360) if present else 0,
    }
    raw |= {"calcium_depth": source.choice(["superficial", "deep", "mixed"]) if present else None}
    try:
        result = answered(raw)
    except CaseError:
        return
    assert result["strategy"] is not None


@MANY
@given(seeds)
def test_a_strategy_is_settled_once_the_facts_that_decide_it_are_known(seed: int) -> None:
    source = random.Random(seed)
    complete = lesion(REASONER, source, density=1.0)
    values = REASONER.evaluation.complete(REASONER.gate.admit(complete).facts).values
    # nodule, vessel diameter, crossing, balloon, stent and complication facts, beside arc and depth
    for name, otherwise in KNOWN.items():
        if name not in values:
            complete[name] = otherwise
    try:
        answer = REASONER.recommend(complete)
    except CaseError:
        return
    result = answer.json()
    if all(name in answer.trace.values for name in KNOWN) and result["strategy"]:
        open_ = {item["fact"] for item in result["missing"] if "strategy" in item["decides"]}
        assert open_ <= CONDITIONAL
        assert result["strategy"]["settled"] == (not open_)


KNOWN: dict[str, Any] = {
    "calcium_present": False,
    "max_superficial_arc_deg": Decimal(100),
    "superficial_arc_gt270_length_mm": Decimal(0),
    "calcified_nodule": False,
    "vessel_diameter_mm": Decimal(3),
    "wire_crossed": True,
    "imaging_catheter_crossed": True,
    "balloon_crossed": True,
    "predilation_balloon": "none",
    "ivl_pulses_delivered": 0,
    "modification_done": "none",
    "calcium_fracture": False,
    "stent_implanted": False,
    "edge_dissection": False,
    "chronic_total_occlusion": False,
    "coronary_dissection": False,
    "flow_limiting": False,
    "intramural_hematoma": False,
    "perforation_grade": "none",
    "tamponade": False,
}
"""What decides a strategy, with a value to add where a random lesion lacks it."""
CONDITIONAL = {
    "balloon_fully_expanded",
    "balloon_diameter_mm",
    "reference_vessel_diameter_mm",
    "residual_thin_plaque",
    "stage",
    "wire_in_true_lumen",
    "calcium_depth",
    "calcium_leading_edge_depth_fraction",
}
"""What decides it too, but cannot be given for every lesion: it needs a balloon, a dissection, a stent or calcium."""


@MANY
@given(seeds)
def test_no_device_is_usable_and_contraindicated(seed: int) -> None:
    trace = REASONER.recommend(lesion(REASONER, random.Random(seed))).trace
    assert not set(trace.terms("usable")) & set(trace.terms("contraindicated"))
    assert set(trace.terms("usable")) == set(trace.terms("preferred")) | set(
        trace.terms("suitable")
    )
    status = [
        *trace.terms("contraindicated"),
        *trace.terms("unavailable"),
        *trace.terms("preferred"),
        *trace.terms("suitable"),
        *trace.terms("notIndicated"),
    ]
    assert len(status) == len(set(status)) == 9


@MANY
@given(seeds)
def test_worse_calcium_never_asks_for_less(seed: int) -> None:
    source = random.Random(seed)
    raw = lesion(REASONER, source)
    raw["max_superficial_arc_deg"] = arc = source.randint(1, 360)
    raw = repaired(REASONER, raw, source)
    before = strategy(answered(raw))
    if before not in LADDER or not raw.get("max_superficial_arc_deg"):
        return
    worse = dict(raw)
    match source.randrange(3):
        case 0:
            worse["max_superficial_arc_deg"] = source.randint(arc, 360)
        case 1:
            worse["calcified_nodule"] = True
        case 2 if "vessel_diameter_mm" in raw:
            worse["vessel_diameter_mm"] = max(
                Decimal(1), Decimal(raw["vessel_diameter_mm"]) - source.randint(1, 20) / Decimal(10)
            )
    try:
        after = strategy(answered(worse))
    except CaseError:
        return
    assert after in LADDER
    assert LADDER.index(after) >= LADDER.index(before)


@MANY
@given(seeds)
def test_the_c_cat_sign_always_alerts_and_caps_every_balloon(seed: int) -> None:
    source = random.Random(seed)
    raw = {
        **lesion(REASONER, source),
        "max_superficial_arc_deg": source.randint(270, 359),
        "residual_thin_plaque": True,
    }
    raw = repaired(REASONER, raw, source)
    result = answered(raw)
    if "c_cat_sign" not in result["findings"]:
        return
    assert {"id": "c_cat", "severity": "critical"}.items() <= next(
        a for a in result["alerts"] if a["id"] == "c_cat"
    ).items()
    if "reference_vessel_diameter_mm" in raw:
        cap = result["parameters"]["max_balloon_diameter_mm"]
        sizes = [
            d["parameters"]["ivl_balloon_diameter_mm"]
            for d in result["devices"]
            if "ivl_balloon_diameter_mm" in d["parameters"]
        ]
        assert all(size <= cap for size in sizes)


@MANY
@given(seeds)
def test_a_settled_strategy_survives_every_consistent_completion(seed: int) -> None:
    source = random.Random(seed)
    raw = lesion(REASONER, source)
    result = answered(raw)
    for _ in range(6):
        completed = completion(raw, source)
        if completed is None:
            continue
        again = answered(completed)
        if result["strategy"] and result["strategy"]["settled"]:
            assert strategy(again) == strategy(result)
        # N11 takes a dissection for the one before modification while no stent is known to be in
        stent_known = "stent_implanted" in answer_values(raw)
        for before, after in zip(result["devices"], again["devices"], strict=True):
            if not stent_known:
                break
            if not before["unverified"] and before["status"] != "contraindicated":
                assert after["status"] != "contraindicated"
        for point in again["calcium_score"]["points"]:
            assert (
                point in result["calcium_score"]["points"]
                or point in result["calcium_score"]["unknown"]
            )
        for criterion, verdict in result["optimisation"]["criteria"].items():
            if verdict != "unknown":
                assert again["optimisation"]["criteria"][criterion] == verdict
        possible = {alert["id"] for alert in result["possible_alerts"]}
        for alert in again["alerts"]:
            # these two are never told as open, and the first hangs on the wire where one is in doubt
            if alert["id"] in ("recurrent_ischemia", "no_usable_device", "wire_in_false_lumen"):
                continue
            if not stent_known and alert["id"] in ("dissection", "slow_flow"):
                continue
            if alert["severity"] == "critical" and alert["id"] not in possible:
                assert (
                    next((a["severity"] for a in result["alerts"] if a["id"] == alert["id"]), None)
                    == "critical"
                )


def answer_values(raw: dict[str, Any]) -> dict[str, Any]:
    """The values of a case with what they imply."""
    return dict(REASONER.evaluation.complete(REASONER.gate.admit(raw).facts).values)


def completion(raw: dict[str, Any], source: random.Random) -> dict[str, Any] | None:
    """The case with unknown facts filled in, consistently; the facts that were given stay."""
    filled = {**lesion(REASONER, source, density=0.9), **raw}
    while True:
        try:
            REASONER.gate.admit(filled)
        except CaseError as error:
            loose = [
                fact
                for problem in error.problems
                for fact in problem.facts
                if fact in filled and fact not in raw
            ]
            if not loose:
                return None
            filled.pop(source.choice(loose))
        else:
            return filled


def test_the_outlook_refuses_to_tell_of_what_it_does_not_follow() -> None:
    outlook = REASONER.recommend({"case_id": "t"}).outlook
    assert outlook.holds("strategy:active_modification") is None
    with pytest.raises(ValueError, match="does not follow"):
        outlook.holds("warningAlert:covered_stent")


@MANY
@given(seeds)
def test_while_a_complication_comes_first_no_device_is_usable_and_no_criterion_advises(
    seed: int,
) -> None:
    source = random.Random(seed)
    raw = {
        **lesion(REASONER, source),
        **source.choice(
            [
                {"tamponade": True},
                {"perforation_grade": "ellis_2"},
                {"coronary_dissection": True, "wire_in_true_lumen": False},
            ]
        ),
    }
    result = answered(repaired(REASONER, raw, source))
    if strategy(result) == "manage_complication_first":
        assert not [
            device for device in result["devices"] if device["status"] in ("preferred", "suitable")
        ]
        assert result["optimisation"]["advice"] == []


@MANY
@given(seeds)
def test_no_rule_fires_without_a_citation_and_one_strategy_at_most_is_derived(seed: int) -> None:
    answer = REASONER.recommend(lesion(REASONER, random.Random(seed)))
    assert len(answer.trace.terms("strategy")) <= 1
    assert len(answer.trace.terms("arcGrade")) <= 1
    assert all(step["evidence"] for step in answer.json()["steps"])


@MANY
@given(seeds)
def test_the_order_of_the_facts_changes_nothing(seed: int) -> None:
    source = random.Random(seed)
    raw = lesion(REASONER, source)
    shuffled = list(raw.items())
    source.shuffle(shuffled)
    assert answered(dict(shuffled)) == answered(raw)


@MANY
@given(seeds)
def test_stent_criteria_are_the_three_valued_reading_of_their_rules(seed: int) -> None:
    answer = REASONER.recommend(
        {
            **repaired(
                REASONER,
                {**lesion(REASONER, random.Random(seed)), "stent_implanted": True},
                random.Random(seed),
            )
        }
    )
    if not answer.json()["optimisation"]["criteria"]:
        return
    for criterion, verdict in answer.json()["optimisation"]["criteria"].items():
        truth = answer.outlook.holds(f"criterionMet:{criterion}")
        assert verdict == {True: "met", False: "not_met", None: "unknown"}[truth], criterion


@given(
    st.dictionaries(
        st.text(max_size=30),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=20),
            st.lists(st.integers(), max_size=2),
        ),
    )
)
def test_whatever_is_handed_in_is_answered_or_refused_in_order(raw: dict[str, Any]) -> None:
    try:
        REASONER.recommend({"case_id": "t", **raw})
    except CaseError as error:
        assert error.problems


names = st.sampled_from([fact.name for fact in REASONER.guideline.facts.values() if fact.given])


@given(
    st.dictionaries(
        names,
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.decimals(),
            st.text(max_size=20),
        ),
        max_size=8,
    )
)
def test_whatever_a_fact_is_given_is_answered_or_refused_in_order(raw: dict[str, Any]) -> None:
    try:
        REASONER.recommend({"case_id": "t", **raw})
    except CaseError as error:
        assert all(problem.fact for problem in error.problems)
