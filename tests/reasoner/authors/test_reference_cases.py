"""The reference cases hold, and together make every rule fire."""

from __future__ import annotations

import pytest

from calx.ontology import DEFAULT_DIRECTORY
from calx.ontology.reference_cases import ReferenceCase, read_reference_cases
from calx.reasoner.authors.reference_cases import judge
from calx.reasoner.recommendation import Reasoner

CASES, PROBLEMS = read_reference_cases(DEFAULT_DIRECTORY)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_case_comes_out_as_it_must(case: ReferenceCase, reasoner: Reasoner) -> None:
    problems, fired = judge(reasoner, [case])
    assert problems == []
    assert fired


def test_there_are_enough_cases_and_their_files_have_no_fault() -> None:
    assert PROBLEMS == []
    assert len(CASES) >= 30


def test_together_they_make_every_rule_fire(reasoner: Reasoner) -> None:
    _, fired = judge(reasoner, CASES)
    assert {rule.id for rule in reasoner.guideline.rules} - fired == set()
