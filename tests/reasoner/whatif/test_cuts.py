"""Cut points and cells: exact, whatever the quantity."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.cuts import Cuts, between, cells
from calx.reasoner.whatif.polynomials import FINEST, Polynomial, roots
from tests.lesions import lesion
from tests.sampling import much


def poly(*found: Fraction | int) -> Polynomial:
    """The polynomial with these roots."""
    made = [Fraction(1)]
    for root in found:
        shifted = [Fraction(0), *made]
        made = [a - root * b for a, b in zip(shifted, [*made, Fraction(0)], strict=True)]
    return Polynomial(tuple(made))


@pytest.mark.parametrize(
    "wanted", [(3,), (Fraction(1, 3),), (-2, 5), (0, 1, 2), (Fraction(5, 2), Fraction(-1, 4), 7, 8)]
)
def test_roots_are_found(wanted: tuple[Fraction | int, ...]) -> None:
    assert sorted(roots(poly(*wanted))) == sorted(map(Fraction, wanted))


def test_a_root_that_no_case_can_give_lies_between_two_that_it_can() -> None:
    (low, high) = sorted(roots(Polynomial((Fraction(-2), Fraction(0), Fraction(1)))))  # x² = 2
    assert low == -high
    assert (high - FINEST / 2) ** 2 < 2 < (high + FINEST / 2) ** 2
    assert (high / FINEST).denominator == 2


def test_no_root_of_what_never_meets_it() -> None:
    assert list(roots(Polynomial((Fraction(1), Fraction(0), Fraction(1))))) == []
    assert list(roots(Polynomial((Fraction(5),)))) == []


def test_a_value_between_two_others_is_round_and_inside() -> None:
    source = random.Random(3)
    assert between(Fraction(180), Fraction(270)) in (Decimal(200), Decimal(220), Decimal(225))
    assert between(Fraction(1), Fraction(1) + FINEST) is None
    for _ in range(2000):
        low = Fraction(source.randrange(10**9), source.choice((1, 3, 7, 10**6)))
        high = low + Fraction(source.randrange(1, 10**7), source.choice((1, 9, 10**6)))
        found = between(low, high)
        if found is not None:
            assert low < Fraction(found) < high
            assert (Fraction(found) / FINEST).denominator == 1
        else:
            assert high - low <= 2 * FINEST


def test_cells_hold_every_value_of_a_fact_once(reasoner: Reasoner) -> None:
    source, cuts = random.Random(5), Cuts(reasoner.guideline)
    for _ in range(much(400, 60)):
        case = reasoner.gate.admit(lesion(reasoner, source))
        for name, value in case.facts.items():
            fact = reasoner.guideline.facts[name]
            if fact.kind in ("number", "integer"):
                found = cuts.cells(fact, case.facts)
                assert isinstance(value, Decimal)
                assert sum(cell.holds(value) for cell in found) == 1
                for cell in found:
                    assert cell.holds(cell.value)
                    assert sum(other.holds(cell.value) for other in found) == 1


def test_a_fact_without_bounds_has_cells_without_ends(reasoner: Reasoner) -> None:
    fact = reasoner.guideline.facts["stent_length_mm"]
    assert fact.maximum is None
    found = cells(fact, [Fraction(28)])
    assert found[-1].high is None
    assert [cell.low for cell in found][-2:] == [28, 28]
