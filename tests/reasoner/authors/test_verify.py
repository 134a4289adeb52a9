"""What is proved holds, and a fault in any group of rules is found, with the smallest lesion that shows it."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import pytest
import z3

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.authors.compare.difference import Version
from calx.reasoner.authors.prove.literals import cuts
from calx.reasoner.authors.prove.session import Session
from calx.reasoner.authors.prove.verdicts import Verification
from calx.reasoner.authors.prove.verify import verify
from calx.reasoner.load.reader import read
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.fractions import Quotient
from calx.reasoner.symbolic.solver import AnyLesion
from tests.lesions import lesions
from tests.reasoner.authors.conftest import Edit, version
from tests.sampling import some

A, C, S, D = (
    "rules/assessment.ttl",
    "rules/conditions.ttl",
    "rules/strategy.ttl",
    "rules/devices.ttl",
)


@pytest.fixture(scope="module")
def proved(base: Version) -> Verification:
    return verify(base.files, base.guideline)


def test_every_requirement_of_the_guideline_is_proved(proved: Verification) -> None:
    assert {
        verdict.id: verdict.outcome for verdict in proved.verdicts if verdict.outcome != "proved"
    } == {}
    assert proved.holds
    assert len(proved.verdicts) >= 20


def test_section_ten_of_the_specification_is_covered(proved: Verification) -> None:
    assert {
        "strategy-derived", "strategy-settled", "usable-not-barred", "graver-never-milder", "c-cat-alert", "c-cat-cap",
        "no-balloon-above-cap", "strategy-stable", "contraindication-stable", "complication-first", "at-most-one-strategy", "complications-ruled-out", "no-burr-above-2",
    } <= {verdict.id for verdict in proved.verdicts}  # fmt: skip


def test_c2_alone_is_redundant_by_design(proved: Verification) -> None:
    found = [
        remark for remark in proved.remarks if remark.kind in ("redundant", "redundant by design")
    ]
    assert [(remark.rule, remark.kind) for remark in found] == [
        ("C2", "redundant by design"),
        ("E10", "redundant by design"),
    ]
    assert "C1 or C3" in found[0].message["en"]


def test_no_rule_is_dead_shadowed_or_uncited(proved: Verification) -> None:
    assert [
        remark for remark in proved.remarks if remark.at_fault or remark.kind == "unreachable"
    ] == []


# group, file, the text, the fault, what must be found: requirements refuted, or rules remarked on
FAULTS = [
    (
        "N",
        "rules/implied-facts.ttl",
        "sh:path calx:calciumPresent ; sh:hasValue false ]",
        "sh:path calx:calciumPresent ; sh:hasValue true ]",
        {"strategy-stable"},
    ),
    (
        "A",
        A,
        "sh:minExclusive 180 ; sh:maxInclusive 270 ]",
        "sh:minExclusive 200 ; sh:maxInclusive 270 ]",
        {"grade-where-arc"},
    ),
    (
        "A",
        A,
        "sh:minInclusive 90 ; sh:maxInclusive 180",
        "sh:minInclusive 90 ; sh:maxInclusive 185",
        {"at-most-one-arcGrade"},
    ),
    (
        "B",
        A,
        "sh:path calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minExclusive 5 ]",
        "sh:path calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minExclusive 500 ]",
        {"dead B1", "unreachable B1"},
    ),
    ("C", C, "sh:minInclusive 270", "sh:minInclusive 300", {"strategy-derived"}),
    (
        "D",
        S,
        "sh:node cond:NothingUpToD7 ; sh:node cond:HighRisk ]",
        "sh:node cond:HighRisk ]",
        {"complication-first", "at-most-one-strategy"},
    ),
    (
        "D",
        C,
        "sh:property [ sh:path calx:balloonFullyExpanded ; sh:hasValue true ] ;",
        "sh:property [ sh:path calx:balloonFullyExpanded ; sh:hasValue true ] ; sh:property [ sh:path calx:stentImplanted ; sh:hasValue true ] ;",
        {"shadowed D7"},
    ),
    (
        "E",
        D,
        "sh:node cond:Active ; sh:not cond:Uncrossable",
        "sh:node cond:Active",
        {"uncrossable-no-balloon"},
    ),
    (
        "P",
        D,
        "sh:property [ sh:path calx:finding ; sh:hasValue finding:circumferential_calcium ] ;",
        "sh:property [ sh:path calx:finding ; sh:hasValue finding:circumferential_calcium ] ; sh:property [ sh:path calx:finding ; sh:hasValue finding:c_shaped_calcium ] ;",
        {"dead P3"},
    ),
    ("F", D, 'sh:hasValue "vein_graft"', 'sh:hasValue "arterial_graft"', {"graft-no-atherectomy"}),
    (
        "W",
        D,
        "sh:minExclusive 60 ] ] ] .",
        "sh:minExclusive 600 ] ] ] .",
        {"dead W-RA-1", "unreachable W-RA-1"},
    ),
    (
        "S",
        "rules/device-status.ttl",
        "          sh:not [ sh:property [ sh:path calx:contraindicated ; sh:hasValue calx:each ] ] ] ] ,\n    [ a sh:TripleRule ; sh:order 3",
        "          sh:not [ sh:property [ sh:path calx:favoured ; sh:hasValue calx:each ] ] ] ] ,\n    [ a sh:TripleRule ; sh:order 3",
        {"one-status"},
    ),
    (
        "G",
        "rules/alerts.ttl",
        "sh:object advice:heart_team",
        "sh:object advice:downsize_balloon",
        {"no-device-told"},
    ),
    (
        "I",
        "rules/stent.ttl",
        "sh:not [ sh:property [ sh:path calx:distalEdgePlaqueBurdenPercent ; sh:minCount 1 ; sh:maxExclusive 50 ] ]",
        "sh:property [ sh:path calx:distalEdgePlaqueBurdenPercent ; sh:minCount 1 ; sh:maxExclusive 50 ]",
        {"criterion-not-both-ultimate_plaque_burden"},
    ),
    (
        "J",
        "rules/complications.ttl",
        "sh:object advice:reimage_dissection",
        "sh:object advice:reimage_hematoma",
        {"dissection-planned"},
    ),
    (
        "K",
        "rules/prognosis.ttl",
        "sh:hasValue device:orbital_atherectomy",
        "sh:hasValue device:semi_compliant_balloon",
        {"dead K4"},
    ),
    (
        "V",
        "rules/complications.ttl",
        "sh:not [ sh:property [ sh:path calx:criticalAlert ; sh:hasValue alert:dissection ] ]",
        "sh:not [ sh:property [ sh:path calx:alert ; sh:hasValue alert:dissection ] ]",
        {"alert-severity", "idle V-WARNING"},
    ),
    (
        "Z",
        "rules/sizes.ttl",
        "sh:path calx:maxBalloonDiameterMm ] ;",
        "sh:path calx:referenceVesselDiameterMm ] ;",
        {"no-balloon-above-cap"},
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("group", "file", "old", "new", "expected"),
    some([pytest.param(*fault, id=f"{fault[0]}-{n}") for n, fault in enumerate(FAULTS)], 3),
)
def test_a_fault_in_a_group_of_rules_is_found(
    group: str, file: str, old: str, new: str, expected: set[str], edited: Edit
) -> None:
    edit = version(edited(file, old, new))
    # the rest would only take time
    alone = next(iter(expected)) if len(expected) == 1 and " " not in next(iter(expected)) else None
    found = verify(edit.files, edit.guideline, only=alone)
    told = {verdict.id for verdict in found.verdicts if verdict.outcome == "refuted"} | {
        f"{remark.kind} {remark.rule}" for remark in found.remarks
    }
    assert expected <= told
    assert not found.holds
    for verdict in found.verdicts:
        if verdict.outcome == "refuted":
            example = verdict.counterexample
            assert example is not None
            assert example.confirmed[0] == "engine"
            assert example.confirmed == ("engine", "pySHACL") or verdict.id == "strategy-settled"


def test_the_counterexample_is_the_smallest_and_the_region_is_told_in_words(edited: Edit) -> None:
    edit = version(
        edited(
            A,
            "sh:minExclusive 180 ; sh:maxInclusive 270 ]",
            "sh:minExclusive 200 ; sh:maxInclusive 270 ]",
        )
    )
    found = verify(edit.files, edit.guideline, only="grade-where-arc")
    (verdict,) = found.verdicts
    assert verdict.counterexample is not None
    (case,) = verdict.counterexample.cases
    assert set(case) == {"case_id", "max_superficial_arc_deg"}
    assert 180 < case["max_superficial_arc_deg"] <= 200
    assert [region["en"] for region in verdict.open] == [
        "largest superficial calcium arc above 180° and at most 200°"
    ]
    assert [region["zh"] for region in verdict.open] == ["最大浅表钙化弧度大于180°且不超过200°"]
    assert Reasoner(edit.guideline).recommend(case).json()["arc_grade"] is None


OWN = """
must:mine a calx:Requirement ; skos:notation "mine" ;
  rdfs:label "{label}"@en , "我的要求"@zh ; calx:rationale "Mine."@en , "我的。"@zh ;
  {demand} .
"""


@pytest.mark.parametrize(
    ("demand", "outcome"),
    [
        ("calx:whenever cond:CCat ; calx:never [ a sh:NodeShape ; sh:property [ sh:path calx:usable ; sh:hasValue device:super_high_pressure_balloon ] ]", "refuted"),
        ("calx:whenever [ a sh:NodeShape ; sh:property [ sh:path calx:pregnant ; sh:hasValue true ] ] ; calx:never [ a sh:NodeShape ; sh:property [ sh:path calx:usable ; sh:hasValue device:orbital_atherectomy ] ]", "proved"),
        ("calx:whenever [ a sh:NodeShape ; sh:node cond:CCat ; sh:property [ sh:path calx:calciumPresent ; sh:hasValue false ] ] ; calx:always cond:Active", "vacuous"),
        ("calx:whenever cond:HighRisk ; calx:settles calx:strategy", "refuted"),
        ("calx:whenever [ a sh:NodeShape ; sh:property [ sh:path calx:stentImplanted ; sh:minCount 1 ] ] ; calx:stable calx:preferred", "refuted"),
        ("calx:stable calx:finding", "proved"),
        ("calx:whenever cond:CalciumDescribed ; calx:settles calx:arcGrade", "refuted"),
        ("sh:property [ sh:path calx:burrDiameterMaxMm ; sh:lessThanOrEquals calx:burrDiameterMinMm ]", "refuted"),
        ("sh:property [ sh:path calx:burrDiameterMinMm ; sh:lessThanOrEquals calx:burrDiameterMaxMm ]", "proved"),
        ("calx:ladder ( strategy:stepwise_balloon strategy:active_modification ) ; calx:lowering calx:maxSuperficialArcDeg", "refuted"),
        ("calx:advised ( calx:criticalAlert )", "proved"),
        ("calx:advised ( calx:criticalAlert calx:warningAlert ) ; calx:except alert:ra_in_stemi", "refuted"),
        ("calx:graded ( calx:criticalAlert calx:warningAlert )", "refuted"),
    ],
)  # fmt: skip
def test_an_author_states_a_requirement_of_his_own(demand: str, outcome: str, edited: Edit) -> None:
    edit = version(
        edited(
            "requirements.ttl",
            "\nmust:strategy-derived a",
            OWN.format(label="Mine", demand=demand) + "\nmust:strategy-derived a",
        )
    )
    found = verify(edit.files, edit.guideline, only="mine")
    assert [verdict.outcome for verdict in found.verdicts] == [outcome]


@pytest.mark.parametrize(
    ("demand", "told"),
    [
        ("calx:always cond:CCat ; calx:never cond:CCat", "requires 2 things"),
        ("calx:whenever cond:CCat", "requires no things"),
        ("calx:settles calx:thrombus", "no property that rules conclude"),
        ("calx:ladder ( strategy:stepwise_balloon ) ; calx:raising calx:thrombus", "name numbers"),
        (
            "sh:property [ sh:path calx:thrombs ; sh:lessThanOrEquals calx:ageYears ]",
            "neither a fact nor a quantity",
        ),
        ("calx:never cond:CCat ; calx:maybe true", "is not known"),
        ("calx:never cond:CCat ; calx:except alert:c_cat", "is not known"),
        ("calx:advised ( calx:usable )", "speaks of alerts"),
        ("calx:graded ( calx:strategy calx:usable )", "conclude things of one kind"),
        ("calx:advised ( calx:criticalAlert ) ; calx:except device:stent", "no alert"),
    ],
)
def test_a_requirement_that_cannot_be_read_is_told(demand: str, told: str, edited: Edit) -> None:
    folder = edited(
        "requirements.ttl",
        "\nmust:strategy-derived a",
        OWN.format(label="Mine", demand=demand) + "\nmust:strategy-derived a",
    )
    _, problems = read(GuidelineFiles(folder))
    assert any(
        told in problem.message and problem.rule == "must:mine" and problem.line
        for problem in problems
    ), problems


def test_the_solver_concludes_what_the_engine_concludes(base: Version, reasoner: Reasoner) -> None:
    """The reading into Z3 agrees with the engine: values, conclusions, and both halves of the three-valued reading."""
    lesion = AnyLesion(base.guideline)
    certain, possible = lesion.certain, lesion.possible
    solver = z3.Solver()
    solver.add(lesion.valid)
    solver.add(lesion.definitions)
    compared = 0
    for raw in islice(lesions(reasoner, 60, 77), 60):
        facts = reasoner.gate.admit(raw).facts
        trace = reasoner.evaluation.run(facts)
        outlook = reasoner.uncertainty.outlook(trace.values)
        solver.push()
        solver.add([lesion.given.is_(name, facts.get(name)) for name in lesion.given.facts])
        assert solver.check() == z3.sat
        model = solver.model()

        def holds(truth: z3.BoolRef, model: z3.ModelRef = model) -> bool:
            return bool(z3.is_true(model.eval(truth, model_completion=True)))

        for key, truth in lesion.derived.items():
            assert holds(truth) == (key in trace.derived), key
        for key, truth in certain.items():
            assert holds(truth) == (key in outlook.certain), key
        for key, truth in possible.items():
            assert holds(truth) == (key in outlook.possible), key
        for name, alternatives in lesion.values.items():
            found = [alternative.value for alternative in alternatives if holds(alternative.guard)]
            assert len(found) == (name in trace.values), name
            if found and isinstance(found[0], Quotient):
                above, below = found[0].above, found[0].below
                exact = model.eval(above, model_completion=True).as_fraction()
                exact /= (
                    model.eval(below, model_completion=True).as_fraction()
                    if below is not None
                    else 1
                )
                assert abs(
                    Decimal(exact.numerator) / Decimal(exact.denominator)
                    - Decimal(trace.values[name])
                ) < Decimal("1e-20"), name
            elif found:
                assert found[0] == trace.values[name], name
            compared += 1
        solver.pop()
    assert compared > 1000


def test_the_solver_admits_what_the_gate_admits(base: Version, reasoner: Reasoner) -> None:
    """Two lesions mixed are often contradictory: gate and solver refuse the same."""
    import random

    from calx.reasoner.intake.errors import CaseError

    session = Session(lesion := AnyLesion(base.guideline))
    source, seen = random.Random(3), set[bool]()
    pairs = list(islice(lesions(reasoner, 160, 5, density=0.4), 160))
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        mixed = {
            **one,
            **dict(source.sample(sorted(other.items()), min(4, len(other)))),
            "case_id": "mixed",
        }
        try:
            reasoner.gate.admit(mixed)
            admitted = True
        except CaseError:
            admitted = False
        facts = {
            name: Decimal(str(value))
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
            for name, value in mixed.items()
        }
        assert (
            session.possible(
                *[lesion.given.is_(name, facts.get(name)) for name in lesion.given.facts]
            )
            == admitted
        )
        seen.add(admitted)
    assert seen == {True, False}


def test_numbers_of_a_counterexample_can_be_given_in_a_case(base: Version) -> None:
    """Three decimals of a ratio are no case; a plain number on the same side of every cut is."""
    lesion = AnyLesion(base.guideline)
    session = Session(lesion)
    goal = lesion.derived["criterionNotMet:optivus_expansion"]
    found = session.smallest((lesion,), goal)
    assert found is not None
    assert all(
        value == round(value, 2) for value in found[0].values() if isinstance(value, Decimal)
    )
    assert cuts(base.guideline)["max_superficial_arc_deg"] == [0, 90, 180, 270, 360]
    assert (DEFAULT_DIRECTORY / "requirements.ttl").is_file()
