"""The typed gate: what is not a lesion never meets a rule, and its author is told everything at once."""

from __future__ import annotations

import io
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.intake.files import submissions
from calx.reasoner.recommendation import Reasoner


def problems(reasoner: Reasoner, **facts: Any) -> list[Problem]:
    with pytest.raises(CaseError) as caught:
        reasoner.recommend({"case_id": "t", **facts})
    return caught.value.problems


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("max_superficial_arc_deg", "unknown", "without quotes or unit"),
        ("max_superficial_arc_deg", "344 deg", "without quotes or unit (unit deg)"),
        ("max_superficial_arc_deg", "90", "without quotes"),
        ("max_superficial_arc_deg", True, "not a number"),
        ("max_superficial_arc_deg", [300], "not a number"),
        ("max_superficial_arc_deg", {"value": 300}, "not a number"),
        ("max_superficial_arc_deg", float("nan"), "not a finite number"),
        ("max_superficial_arc_deg", float("inf"), "not a finite number"),
        ("max_superficial_arc_deg", Decimal("NaN"), "not a finite number"),
        ("max_superficial_arc_deg", Decimal("sNaN"), "not a finite number"),
        ("max_superficial_arc_deg", Decimal("-Infinity"), "not a finite number"),
        ("max_superficial_arc_deg", 360.5, "≥ 0, ≤ 360"),
        ("max_superficial_arc_deg", -1, "≥ 0, ≤ 360"),
        ("max_superficial_arc_deg", 10**400, "out of range"),
        ("max_superficial_arc_deg", Decimal("1e99999"), "out of range"),
        ("max_superficial_arc_deg", Decimal("1e-99999"), "more than 6 digits"),
        ("max_superficial_arc_deg", Decimal("180.0000001"), "more than 6 digits"),
        ("max_superficial_arc_deg", Decimal("180." + "0" * 60 + "1"), "more than 6 digits"),
        ("stent_length_mm", 0, "> 0"),
        ("ivl_pulses_delivered", 79.5, "not a whole number"),
        ("ivl_pulses_delivered", -1, "≥ 0"),
        ("thrombus", "no", "not true or false"),
        ("thrombus", 0, "not true or false"),
        ("calcium_depth", "Deep", "did you mean 'deep'"),
        ("calcium_depth", "", "one of superficial, deep, mixed"),
        ("calcium_depth", True, "one of superficial, deep, mixed"),
        ("arc", 300, "unknown fact"),
        ("max_superficial_arc", 300, "did you mean 'max_superficial_arc_deg'"),
        ("calcium_score", 2, "unknown fact"),
    ],
)
def test_a_value_that_the_fact_cannot_have(
    reasoner: Reasoner, fact: str, value: object, told: str
) -> None:
    (problem,) = problems(reasoner, **{fact: value})
    assert problem.fact == fact
    assert told in problem.message


@pytest.mark.parametrize("name", [None, "", "Jane Doe", "a" * 65, "ä", 7, "a/b", "a\n"])
def test_a_case_needs_an_id_that_is_no_name(reasoner: Reasoner, name: object) -> None:
    with pytest.raises(CaseError) as caught:
        reasoner.recommend({"case_id": name})
    assert [problem.fact for problem in caught.value.problems] == ["case_id"]


def test_all_problems_are_reported_at_once(reasoner: Reasoner) -> None:
    found = problems(
        reasoner,
        max_superficial_arc_deg="a",
        thrombus=1,
        foo=2,
        calcium_present=False,
        mobile_calcium=True,
    )
    assert {problem.fact for problem in found} == {
        "max_superficial_arc_deg",
        "thrombus",
        "foo",
        "calcium_present",
    }


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (
            {"calcium_present": False, "max_superficial_arc_deg": 10},
            {"calcium_present", "max_superficial_arc_deg"},
        ),
        ({"calcium_present": False, "calcium_depth": "deep"}, {"calcium_present", "calcium_depth"}),
        (
            {"superficial_arc_gt270_length_mm": 3, "max_superficial_arc_deg": 270},
            {"superficial_arc_gt270_length_mm", "max_superficial_arc_deg"},
        ),
        (
            {"superficial_arc_gt270_length_mm": 9, "calcium_length_mm": 8},
            {"superficial_arc_gt270_length_mm", "calcium_length_mm"},
        ),
        (
            {"calcium_depth": "deep", "calcium_leading_edge_depth_fraction": 0.5},
            {"calcium_depth", "calcium_leading_edge_depth_fraction"},
        ),
        (
            {"calcium_depth": "superficial", "max_superficial_arc_deg": 0},
            {"calcium_depth", "max_superficial_arc_deg"},
        ),
        (
            {"calcium_leading_edge_depth_fraction": 0.6, "max_superficial_arc_deg": 90},
            {"calcium_leading_edge_depth_fraction", "max_superficial_arc_deg", "calcium_depth"},
        ),
        ({"nodule_type": "eruptive"}, {"nodule_type", "calcified_nodule"}),
        (
            {"calcified_nodule": True, "max_superficial_arc_deg": 0},
            {"calcified_nodule", "max_superficial_arc_deg"},
        ),
        ({"wire_crossed": False, "balloon_crossed": True}, {"wire_crossed", "balloon_crossed"}),
        (
            {"balloon_crossed": False, "ivl_pulses_delivered": 10},
            {"balloon_crossed", "ivl_pulses_delivered"},
        ),
        (
            {"predilation_balloon": "none", "balloon_fully_expanded": False},
            {"predilation_balloon", "balloon_fully_expanded"},
        ),
        ({"stent_length_mm": 20}, {"stent_length_mm", "stent_implanted"}),
        (
            {"predilation_balloon": "none", "balloon_diameter_mm": 3},
            {"predilation_balloon", "balloon_diameter_mm"},
        ),
        (
            {"predilation_balloon": "lithotripsy", "ivl_pulses_delivered": 0},
            {"predilation_balloon", "ivl_pulses_delivered"},
        ),
        (
            {"modification_done": "none", "predilation_balloon": "lithotripsy"},
            {"modification_done", "predilation_balloon"},
        ),
        ({"complication_free": True, "tamponade": True}, {"complication_free", "tamponade"}),
        (
            {"complication_free": True, "perforation_grade": "ellis_1"},
            {"complication_free", "perforation_grade"},
        ),
        (
            {"stent_postdilation_balloon": "non_compliant"},
            {"stent_postdilation_balloon", "stent_implanted"},
        ),
        (
            {"stent_implanted": False, "recurrent_ischemia_after_stent": True},
            {"stent_implanted", "recurrent_ischemia_after_stent"},
        ),
        ({"dissection_depth": "intimal"}, {"dissection_depth", "coronary_dissection"}),
        (
            {"covered_stent_fully_expanded": True},
            {"covered_stent_fully_expanded", "covered_stent_implanted"},
        ),
        ({"stage": "before_preparation", "tamponade": True}, {"stage", "tamponade"}),
        ({"stage": "after_stent", "stent_implanted": False}, {"stage", "stent_implanted"}),
        (
            {"stage": "before_preparation", "balloon_fully_expanded": True},
            {"stage", "balloon_fully_expanded"},
        ),
        (
            {
                "stage": "before_preparation",
                "dissection_before_modification": True,
                "coronary_dissection": False,
            },
            {"stage", "dissection_before_modification", "coronary_dissection"},
        ),
    ],
)
def test_a_contradiction_names_the_facts(
    reasoner: Reasoner, facts: dict[str, Any], named: set[str]
) -> None:
    found = problems(reasoner, **facts)
    assert any(set(problem.facts) == named for problem in found), [
        problem.facts for problem in found
    ]
    assert all(problem.fact in named for problem in found)


@pytest.mark.parametrize(
    "value", [344, 344.0, Decimal("344"), Decimal("344.000000"), Decimal("3.44e2")]
)
def test_numbers_may_come_in_any_numeric_type(reasoner: Reasoner, value: object) -> None:
    assert (
        reasoner.recommend({"case_id": "t", "max_superficial_arc_deg": value}).json()["arc_grade"]
        == "IV"
    )


def test_null_means_unknown(reasoner: Reasoner) -> None:
    facts = {name: None for name, fact in reasoner.guideline.facts.items() if fact.given}
    with_null, without = (
        reasoner.recommend({"case_id": "t", **facts}).json(),
        reasoner.recommend({"case_id": "t"}).json(),
    )
    assert with_null == without


def test_messages_come_in_chinese_too(reasoner: Reasoner) -> None:
    with pytest.raises(CaseError, match="无钙化时"):
        reasoner.recommend(
            {"case_id": "t", "calcium_present": False, "calcified_nodule": True}, "zh"
        )


@pytest.mark.parametrize("number", [np.float64(300), np.float32(300), np.int64(300), Fraction(300)])
def test_numbers_of_other_libraries_count_by_their_value(
    number: object, reasoner: Reasoner
) -> None:
    assert reasoner.recommend({"case_id": "t", "max_superficial_arc_deg": number}).case.facts == {
        "max_superficial_arc_deg": Decimal(300)
    }


def test_another_language_is_refused(reasoner: Reasoner) -> None:
    with pytest.raises(ValueError, match="en or zh"):
        reasoner.recommend({"case_id": "t"}, "fr")
    with pytest.raises(ValueError, match="en or zh"):
        reasoner.recommend({"case_id": "t"}).json("fr")


def test_a_folder_may_be_given_as_text() -> None:
    assert Reasoner.load(str(DEFAULT_DIRECTORY)).guideline == Reasoner.load().guideline


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (
            ".ttl",
            "@prefix calx: <https://w3id.org/calx/> .\n"
            '[] a calx:Lesion ; calx:caseId "a" ; calx:vesselDiameterMm 3,3 .',
        ),
        (
            ".ttl",
            "@prefix calx: <https://w3id.org/calx/> .\n"
            '[] a calx:Lesion ; calx:caseId "a" ; calx:vesselDiameterMm 3 .24 .',
        ),
        (
            ".ttl",
            "@prefix calx: <https://w3id.org/calx/> .\n"
            '<urn:a> a calx:Lesion ; calx:caseId "a" . <urn:b> calx:thrombus true .\n',
        ),
        (
            ".ttl",
            "@prefix calx: <https://w3id.org/calx/> .\n"
            '<urn:a> a calx:Lesion ; calx:caseId "a" ; <http://w3id.org/calx/thrombus> true .\n',
        ),
        (
            ".jsonld",
            '{"@context": {"calx": "https://w3id.org/calx/"}, "@type": "calx:Lesion",'
            ' "calx:caseId": "a", "thrombus": true}',
        ),
        (
            ".jsonld",
            '{"@context": {"@vocab": "https://w3id.org/calx/"}, "@type": "Lesion",'
            ' "caseId": "a", "maxSuperficialArcDeg": 269.99999999999999999}',
        ),
        (
            ".jsonld",
            '{"@context": {"@vocab": "https://w3id.org/calx/"}, "@type": "Lesion",'
            ' "caseId": "a", "vesselDiameterMm": [3, 3]}',
        ),
    ],
)
def test_a_value_that_rdf_would_forget_is_refused(
    suffix: str, text: str, reasoner: Reasoner
) -> None:
    """Twice in a list, beyond what RDF keeps, of another name, or of what is no lesion."""
    (found,) = submissions(io.BytesIO(text.encode()), suffix, reasoner.guideline)
    assert found.problems
