"""A guideline that says two things of which only one can be true gives no answer, and says which rules do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from calx.ontology import GuidelineError, GuidelineFiles
from calx.reasoner.batch import outcomes
from calx.reasoner.intake.errors import ContradictionError
from calx.reasoner.intake.files import Submission
from calx.reasoner.load.reader import read
from calx.reasoner.model.condition import Constant
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assignment, Rule
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.contradictions import contradictions
from tests.command import calx
from tests.reasoner.authors.seeds import SEEDS
from tests.reasoner.authors.test_seeded import sown

(OVERLAP,) = (seed for seed in SEEDS if seed.name.startswith("05 "))


@pytest.fixture
def overlapping(tmp_path: Path) -> Path:
    """Grade II up to 200°, with its statements; grade III begins above 180°."""
    return sown(OVERLAP, tmp_path / "overlapping").directory


def test_it_is_refused_when_it_is_loaded(overlapping: Path) -> None:
    with pytest.raises(GuidelineError) as error:
        Reasoner.load(overlapping)
    (problem,) = error.value.problems
    assert problem.kind == "contradiction"
    assert "A2 and A3 say two things of arcGrade" in problem.message
    assert problem.file == "rules/assessment.ttl"


def test_without_a_solver_the_first_lesion_that_shows_it_gets_no_answer(overlapping: Path) -> None:
    reasoner = Reasoner(read(GuidelineFiles(overlapping))[0])
    assert reasoner.recommend({"case_id": "a", "max_superficial_arc_deg": 150}).json()
    for language, said in (("en", "II [A2], III [A3]"), ("zh", "II级 [A2]")):
        with pytest.raises(ContradictionError) as error:
            reasoner.recommend({"case_id": "a", "max_superficial_arc_deg": 190}, language)
        assert error.value.case_id == "a"
        assert said.split(" ")[-1] in str(error.value)


def test_of_many_cases_only_those_that_show_it_get_none(overlapping: Path) -> None:
    reasoner = Reasoner(read(GuidelineFiles(overlapping))[0])
    cases = [
        Submission({"case_id": f"a{arc}", "max_superficial_arc_deg": arc})
        for arc in (150, 180, Decimal("180.1"), 200, 201)
    ]
    found = list(outcomes(reasoner, cases))
    assert [outcome.answer is not None for outcome in found] == [True, True, False, False, True]
    assert isinstance(found[2].error, ContradictionError)


def test_the_command_says_which_rules(overlapping: Path, tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text('{"case_id": "a", "max_superficial_arc_deg": 190}')
    done = calx("recommend", str(case), "--ontology", str(overlapping))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "A2 and A3" in done.stderr


def with_another_value(guideline: Guideline) -> Guideline:
    """The same, with a rule that gives a score of 9 where one point is met."""
    (score,) = (rule for rule in guideline.rules if rule.id == "B-SUM")
    (one,) = (
        production
        for production in score.productions
        if isinstance(production.conclusion, Assignment)
        and production.conclusion.expression == Constant(Decimal(1))
    )
    other = replace(one, conclusion=Assignment("calcium_score", Constant(Decimal(9))))
    rule = Rule("B-TWICE", score.layer, score.label, score.rationale, score.evidence, (other,), "x")
    return replace(guideline, rules=(*guideline.rules, rule))


def test_two_values_of_one_quantity_are_a_contradiction_too() -> None:
    guideline = with_another_value(read(GuidelineFiles())[0])
    (found,) = contradictions(guideline)
    assert found.about == "calcium_score" and "B-TWICE" in found.rules
    with pytest.raises(ContradictionError, match="B-TWICE"):
        Reasoner(guideline).recommend(
            {"case_id": "a", "vessel_diameter_mm": 3, "max_superficial_arc_deg": 90}
        )


def test_the_shipped_guideline_has_none() -> None:
    assert contradictions(read(GuidelineFiles())[0]) == []
