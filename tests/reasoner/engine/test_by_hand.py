"""The hand-written peer of the benchmark decides what the rules decide."""

from __future__ import annotations

from benchmarks.__main__ import agree
from calx.reasoner.recommendation import Reasoner
from tests.conftest import conformance_cases
from tests.lesions import lesions


def test_by_hand_and_by_rules_agree(reasoner: Reasoner) -> None:
    cases = [*lesions(reasoner, 3000, 17), *conformance_cases()]
    agree(reasoner, [reasoner.gate.admit(raw) for raw in cases])
