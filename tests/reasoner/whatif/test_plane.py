"""The plane of two numbers: what the engine says of a point is what its tile says."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest

from calx.reasoner.model.guideline import Fact
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.cuts import IDENTITY
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.plane import Plane, Tile, numbers, plane, view
from calx.reasoner.whatif.polynomials import FINEST, Polynomial, Ratio
from calx.reasoner.whatif.stability import Elsewhere, Stretch, stretches
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


def check_planes(reasoner: Reasoner, source: random.Random, many: int) -> tuple[int, int]:
    """Points of planes of some lesions against the engine; how many planes and points."""
    points, drawn, facts = 0, 0, reasoner.guideline.facts
    for _ in range(many):
        answer = reasoner.answer(reasoner.gate.admit(lesion(reasoner, source)))
        elsewhere = Elsewhere(answer, whole=True)
        for found in planes(elsewhere, source):
            drawn += 1
            axes = (found.across, found.wide), (found.up, found.tall)
            for _ in range(12):
                x, y = (
                    Fraction(
                        round(source.uniform(float(low), float(high)), 0 if whole else 6)
                    ).limit_denominator(10**6)
                    for name, (low, high) in axes
                    for whole in [facts[name].kind == "integer"]
                )
                holding = tiles_of(found, x, y)
                assert len(holding) <= 1
                if facts[found.across].kind == "integer" and _may_be(facts[found.across], x):
                    assert holding, "columns leave nothing out"
                for tile in holding:
                    points += 1
                    values = (Decimal(v.numerator) / v.denominator for v in (x, y))
                    moved = dict(zip((found.across, found.up), values, strict=True))
                    if not all(_may_be(facts[n], v) for n, v in moved.items()):
                        continue
                    there = elsewhere.there({**elsewhere.facts, **moved}, list(moved))
                    assert there.told == tile.there.told, (answer.case.facts, moved)
    return drawn, points


def _may_be(fact: Fact, value: Decimal | Fraction) -> bool:
    least, most = fact.minimum, fact.maximum
    return (least is None or value >= least) and (most is None or value <= most)


def check_stretches(reasoner: Reasoner, source: random.Random, many: int) -> int:
    """Values of sliders of some lesions against the engine; how many."""
    values = 0
    for _ in range(many):
        answer = reasoner.answer(reasoner.gate.admit(lesion(reasoner, source)))
        elsewhere = Elsewhere(answer, whole=True)
        for fact in numbers(elsewhere):
            found = stretches(elsewhere, fact)
            for before, after in itertools.pairwise(found):
                assert before.high == after.low
                assert not (before.holds_high and after.holds_low)
                told = (before.told, before.constraint, before.along)
                assert told != (after.told, after.constraint, after.along)
            for stretch in found:
                for value in _some_of(stretch, fact, source):
                    values += 1
                    facts = {**elsewhere.facts, fact.name: value}
                    there = elsewhere.there(facts, [fact.name])
                    assert there.told == stretch.told, (answer.case.facts, fact.name, value)
                    fixed = {n: v for n, v in stretch.along if v is not None}
                    assert elsewhere.forbidden_by({**facts, **fixed}) is None or (
                        stretch.told is None or len(fixed) < len(stretch.along)
                    )
    return values


def _some_of(stretch: Stretch, fact: Fact, source: random.Random) -> Iterator[Decimal]:
    """Values of a stretch: its own, its ends, and some between."""
    step = Fraction(1) if fact.kind == "integer" else FINEST
    low = Fraction(stretch.value) - 3 if stretch.low is None else stretch.low
    high = Fraction(stretch.value) + 3 if stretch.high is None else stretch.high
    yield stretch.value
    for end, holds in ((low, stretch.holds_low), (high, stretch.holds_high)):
        if holds and (end / step).denominator == 1:
            yield Decimal(end.numerator) / end.denominator
    for _ in range(3):
        at = low + (high - low) * Fraction(source.random())
        at = at // step * step
        if low < at < high:
            yield Decimal(at.numerator) / at.denominator


@pytest.mark.long
def test_no_point_of_a_tile_is_told_otherwise(reasoner: Reasoner) -> None:
    drawn, points = check_planes(reasoner, random.Random(5), much(400, 40))
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
    monkeypatch.setattr("calx.reasoner.whatif.cuts.Moving.ratios", lambda *_: (square,))
    span = Fraction(1), Fraction(9)
    assert plane(elsewhere, across, up, span, span) is None


@pytest.mark.long
def test_no_value_of_a_stretch_is_told_otherwise(reasoner: Reasoner) -> None:
    assert check_stretches(reasoner, random.Random(11), much(1000, 60)) > 500


def test_what_follows_gives_way_only_to_what_it_follows(reasoner: Reasoner) -> None:
    """The length above 270° follows the arc; it does not follow itself, nor the calcium's length."""
    case = {
        "case_id": "a",
        "max_superficial_arc_deg": 320,
        "superficial_arc_gt270_length_mm": 6,
        "calcium_length_mm": 20,
    }
    elsewhere = Elsewhere(reasoner.recommend(case), whole=True)
    arc, long_arc, length = (reasoner.guideline.facts[name] for name in list(case)[1:])
    below = [s for s in stretches(elsewhere, arc) if s.high is not None and s.high <= 270]
    assert below
    assert {dict(s.along).get(long_arc.name, 0) for s in below if s.told is not None} == {0}
    for fact in (long_arc, length):
        told = stretches(elsewhere, fact)
        assert not any(stretch.along for stretch in told)
    never = [s for s in stretches(elsewhere, length) if s.told is None]
    assert any(s.high == 6 for s in never), "shorter than its part above 270°"


def test_the_number_that_moves_is_itself() -> None:
    assert IDENTITY(Fraction(7, 3)) == Fraction(7, 3)
