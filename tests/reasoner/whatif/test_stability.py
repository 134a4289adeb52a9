"""How far each fact is from changing an answer, held against the engine on both sides of every border."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.case import Case
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.outcomes import outcomes
from calx.reasoner.whatif.polynomials import FINEST
from calx.reasoner.whatif.stability import Elsewhere, Stability, stability
from tests.lesions import lesion
from tests.sampling import much

BEFORE = {
    "case_id": "a",
    "stage": "before_preparation",
    "complication_free": True,
    "max_superficial_arc_deg": 300,
    "superficial_arc_gt270_length_mm": 6,
    "reference_vessel_diameter_mm": 3,
    "balloon_crossed": True,
    "thrombus": False,
}


def of(reasoner: Reasoner, raw: dict[str, Any]) -> dict[str, Stability]:
    answer = reasoner.recommend(raw)
    return {item.fact: item for item in stability(Elsewhere(answer))}


def same(reasoner: Reasoner, answer: Answer, name: str, value: Any) -> bool | None:
    """Whether the answer stands with another value, asked by the door; None where that may not be."""
    raw = {"case_id": "x", **answer.case.facts, name: value}
    try:
        return outcomes(reasoner.recommend(raw)) == outcomes(answer)
    except CaseError:
        return None


def beside(item: Stability, side: str, step: Fraction) -> tuple[Decimal | None, Decimal | None]:
    """The last value that stands on a side, and the first beyond it."""
    assert item.stands is not None
    low = side == "low"
    edge = item.stands.low if low else item.stands.high
    closed = item.stands.low_closed if low else item.stands.high_closed
    if edge is None:
        return None, None
    whole = (edge / step).denominator == 1
    down = edge // step * step
    inner, outer = (down + step, down) if low else (down if not whole else down - step, down + step)
    if whole and low:
        inner, outer = (edge, edge - step) if closed else (edge + step, edge)
    elif whole:
        inner, outer = (edge, edge + step) if closed else (edge - step, edge)
    return _decimal(inner), _decimal(outer)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def inside(item: Stability, source: random.Random, step: Fraction) -> Iterator[Decimal]:
    """Values in the interval, drawn."""
    assert item.stands is not None
    value = Fraction(item.value)
    low = value - 500 if item.stands.low is None else item.stands.low
    high = value + 500 if item.stands.high is None else item.stands.high
    for _ in range(6):
        drawn = low + (high - low) * Fraction(source.randrange(1, 10**4), 10**4)
        drawn = drawn // step * step
        if low < drawn < high:
            yield Decimal(drawn.numerator) / Decimal(drawn.denominator)


def test_the_interval_of_an_arc_and_what_begins_at_its_ends(reasoner: Reasoner) -> None:
    found = of(reasoner, BEFORE)
    arc = found["max_superficial_arc_deg"]
    assert arc.stands is not None
    assert arc.stands.low == 270
    assert arc.stands.high == 360
    assert not arc.stands.low_closed  # a length above 270 is known
    assert not arc.stands.high_closed
    low, high = arc.beyond
    assert (low.possible, low.constraint) == (False, "arc-270-1")
    assert [tuple(change) for change in high.changes] == [
        ("device:intravascular_lithotripsy", "suitable", "preferred", "P3")
    ]
    reference = found["reference_vessel_diameter_mm"]
    assert reference.stands is not None
    assert reference.stands.low == Decimal("2.5")
    assert {change.of for change in reference.beyond[0].changes} == {
        "device:intravascular_lithotripsy",
        "first",
    }


def test_other_words_tell_what_they_change_or_what_forbids_them(reasoner: Reasoner) -> None:
    (thrombus,) = of(reasoner, BEFORE)["thrombus"].beyond
    assert thrombus.at is True
    assert thrombus.possible
    assert ("device:rotational_atherectomy", "suitable", "contraindicated", "F-RA-1") in [
        tuple(change) for change in thrombus.changes
    ]
    forbidden = of(reasoner, {**BEFORE, "wire_crossed": True})["wire_crossed"].beyond[0]
    assert (forbidden.possible, forbidden.constraint, forbidden.changes) == (False, "wire-2", ())


@pytest.mark.long
def test_every_border_holds_on_both_sides_and_no_point_inside_breaks_it(reasoner: Reasoner) -> None:
    source, borders, points = random.Random(18), 0, 0
    for _ in range(much(3000, 150)):
        answer = reasoner.answer(reasoner.gate.admit(lesion(reasoner, source)))
        for item in stability(Elsewhere(answer)):
            if item.stands is None:
                for end in item.beyond:
                    told = same(reasoner, answer, item.fact, end.at)
                    assert told is (False if end.possible else None), (answer.case.facts, item)
                continue
            kind = reasoner.guideline.facts[item.fact].kind
            step = Fraction(1) if kind == "integer" else FINEST
            for value in inside(item, source, step):
                points += 1
                assert same(reasoner, answer, item.fact, value) is True, (
                    answer.case.facts,
                    item,
                    value,
                )
            for end in item.beyond:
                inner, outer = beside(item, end.side, step)
                if inner is None:
                    continue
                borders += 1
                assert same(reasoner, answer, item.fact, inner) is True, (answer.case.facts, item)
                assert outer is not None
                told = same(reasoner, answer, item.fact, outer)
                assert told is (False if end.possible else None), (answer.case.facts, item, outer)
    assert borders > 100
    assert points > 1000


def test_what_is_unknown_is_no_part_of_it(reasoner: Reasoner) -> None:
    assert set(of(reasoner, {"case_id": "a", "thrombus": None})) == set()


def test_a_case_may_be_on_a_border_or_within_one_value_of_it(reasoner: Reasoner) -> None:
    for value in ("270", "270.000001"):
        answer = reasoner.answer(Case("a", {"max_superficial_arc_deg": Decimal(value)}))
        (arc,) = stability(Elsewhere(answer))
        assert arc.stands is not None
        assert arc.stands.low == 270
        assert arc.stands.low_closed
