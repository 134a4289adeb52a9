"""The pydantic model of a case and the gate come from the same facts, and give the same verdict on every single fact."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from calx.api.contract.models import case_model
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.recommendation import Reasoner
from tests.sampling import much

REASONER = Reasoner.load()
CASE = case_model(REASONER.guideline)
FACTS = {fact.name: fact for fact in REASONER.guideline.facts.values() if fact.given}
VALUES = st.one_of(
    st.booleans(),
    st.integers(-5, 400),
    st.integers(-(10**14), 10**14),
    st.decimals(-1, 400, places=2).map(float),
    st.sampled_from(["", "none", "lad", "superficial", "true", "3"]),
    st.none(),
)


@pytest.mark.long
@settings(max_examples=much(2000, 200))
@given(st.sampled_from(sorted(FACTS)), VALUES)
def test_model_and_gate_agree_on_every_single_fact(name: str, value: Any) -> None:
    fact = FACTS[name]
    if fact.kind == "integer" and isinstance(value, float):
        return  # JSON does not tell 3.0 from 3; the gate takes both
    case = {"case_id": "t", name: value}
    try:
        CASE.model_validate(case)
        admitted = True
    except ValidationError:
        admitted = False
    try:
        REASONER.gate.admit(case)
        told: list[str | None] = []
    except CaseError as error:
        # what may not stand together is the gate's alone
        told = [problem.fact for problem in error.problems if not problem.facts]
    assert admitted == (not told)


def test_the_model_knows_no_other_key() -> None:
    try:
        CASE.model_validate({"case_id": "t", "thrombs": True})
    except ValidationError as error:
        assert error.error_count() == 1
    else:
        raise AssertionError("an unknown key was taken")
