"""The plane of two numbers: what the engine says of a point is what its tile says."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.cuts import IDENTITY, between
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.plane import Plane, Tile, numbers, plane, view
from calx.reasoner.whatif.polynomials import FINEST, Polynomial, Ratio
from calx.reasoner.whatif.stability import Elsewhere, stretches
from tests.lesions import lesion
from tests.sampling import much

STENT = {
    "case_id": "stent",
    "stage": "after_stent",
    "stent_implanted": True,
    "minimum_stent_area_mm2": 5,
    "stent_postdilation_balloon": "non_compliant",
    "proximal_reference_lumen_area_mm2": 7,
    "distal_reference_lumen_area_mm2": 6,
}


def tiles_of(found: Plane, x: Fraction, y: Fraction) -> list[Tile]:
    """Those that hold a point, their borders left out."""
    return [
        tile
        for tile in found.tiles
        if tile.low < x < tile.high
        and tile.below.above(x) / tile.below.below(x) < y
        and y < tile.above.above(x) / tile.above.below(x)
    ]


def planes(elsewhere: Elsewhere, source: random.Random) -> list[Plane]:
    """Of some pairs of the numbers of a case."""
    errors = errors_of(elsewhere.answer)
    pairs = list(itertools.permutations(numbers(elsewhere), 2))
    found = []
    for across, up in source.sample(pairs, min(4, len(pairs))):
        views = (view(elsewhere, fact, errors.get(fact.name)) for fact in (across, up))
        drawn = plane(elsewhere, across, up, *views)
        if drawn is not None:
            found.append(drawn)
    return found


@pytest.mark.long
def test_no_point_of_a_region_is_told_otherwise(reasoner: Reasoner) -> None:
    source, points, drawn = random.Random(5), 0, 0
    for _ in range(much(400, 40)):
        answer = reasoner.answer(reasoner.gate.admit(lesion(reasoner, source)))
        elsewhere = Elsewhere(answer, whole=True)
        for found in planes(elsewhere, source):
            drawn += 1
            whole = [
                reasoner.guideline.facts[name].kind == "integer"
                for name in (found.across, found.up)
            ]
            for _ in range(12):
                x, y = (
                    Fraction(
                        round(source.uniform(float(low), float(high)), 0 if whole[k] else 6)
                    ).limit_denominator(10**6)
                    for k, (low, high) in enumerate((found.wide, found.tall))
                )
                holding = tiles_of(found, x, y)
                assert len(holding) <= 1
                for tile in holding:
                    points += 1
                    values = (Decimal(v.numerator) / v.denominator for v in (x, y))
                    moved = dict(zip((found.across, found.up), values, strict=True))
                    there = elsewhere.there({**elsewhere.facts, **moved}, list(moved))
                    assert there.told == tile.there.told, (answer.case.facts, moved)
    assert drawn > 20
    assert points > 200


def test_the_regions_fill_the_view(reasoner: Reasoner) -> None:
    elsewhere = Elsewhere(reasoner.recommend(STENT), whole=True)
    facts = reasoner.guideline.facts
    across, up = facts["distal_reference_lumen_area_mm2"], facts["minimum_stent_area_mm2"]
    found = plane(elsewhere, across, up, *(view(elsewhere, f, None) for f in (across, up)))
    assert found is not None
    source, missed = random.Random(7), 0
    for _ in range(300):
        x, y = (Fraction(source.uniform(*map(float, span))) for span in (found.wide, found.tall))
        missed += not tiles_of(found, x, y)
    assert missed <= 3, "only points on a border"


def test_the_border_of_a_quotient_is_a_line_through_both_numbers(reasoner: Reasoner) -> None:
    elsewhere = Elsewhere(reasoner.recommend(STENT), whole=True)
    facts = reasoner.guideline.facts
    across, up = facts["distal_reference_lumen_area_mm2"], facts["minimum_stent_area_mm2"]
    found = plane(elsewhere, across, up, *(view(elsewhere, f, None) for f in (across, up)))
    assert found is not None
    turned = 0
    for under, over in itertools.pairwise(found.tiles):
        line = under.above
        if under.low != over.low or under.there.told == over.there.told or line.above.degree < 1:
            continue
        turned += 1
        x = Fraction(under.at[0])
        height = line.above(x) / line.below(x) // FINEST
        for steps, tile in ((height - 1, under), (height + 2, over)):
            y = Decimal((steps * FINEST).numerator) / (steps * FINEST).denominator
            there = elsewhere.there(
                {**elsewhere.facts, across.name: under.at[0], up.name: y}, [across.name, up.name]
            )
            assert there.told == tile.there.told, "either side of it"
    assert turned


def test_a_curve_that_is_linear_in_neither_number_is_not_drawn(
    reasoner: Reasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Elsewhere(reasoner.recommend(STENT), whole=True)
    facts = reasoner.guideline.facts
    across, up = facts["distal_reference_lumen_area_mm2"], facts["minimum_stent_area_mm2"]
    one = Polynomial((Polynomial((Fraction(1),)),))
    square = Ratio(Polynomial((*one.of, *one.of, *one.of)), one)
    monkeypatch.setattr("calx.reasoner.whatif.plane.Moving.ratios", lambda *_: (square,))
    span = Fraction(1), Fraction(9)
    assert plane(elsewhere, across, up, span, span) is None


@pytest.mark.long
def test_no_value_of_a_stretch_is_told_otherwise(reasoner: Reasoner) -> None:
    source, values = random.Random(11), 0
    for _ in range(much(1000, 60)):
        answer = reasoner.answer(reasoner.gate.admit(lesion(reasoner, source)))
        elsewhere = Elsewhere(answer, whole=True)
        for fact in numbers(elsewhere):
            found = stretches(elsewhere, fact)
            for before, after in itertools.pairwise(found):
                assert before.high == after.low
                assert before.high is not None
                can_be = (before.high * 10**6).denominator == 1
                assert before.holds_high + after.holds_low == can_be
                told = (before.told, before.constraint, before.along)
                assert told != (after.told, after.constraint, after.along)
            for stretch in found:
                ends = [
                    Fraction(stretch.value) + by if end is None else end
                    for end, by in ((stretch.low, -3), (stretch.high, 3))
                ]
                inside = between(
                    ends[0], ends[1], Fraction(1) if fact.kind == "integer" else Fraction(1, 100)
                )
                held = [
                    Decimal(end.numerator) / end.denominator
                    for end, holds in (
                        (stretch.low, stretch.holds_low),
                        (stretch.high, stretch.holds_high),
                    )
                    if holds and end is not None
                ]
                for value in (stretch.value, inside, *held):
                    if value is not None:
                        values += 1
                        there = elsewhere.there({**elsewhere.facts, fact.name: value}, [fact.name])
                        assert there.told == stretch.told, (answer.case.facts, fact.name, value)
    assert values > 500


def test_the_number_that_moves_is_itself() -> None:
    assert IDENTITY(Fraction(7, 3)) == Fraction(7, 3)
