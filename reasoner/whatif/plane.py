"""Where two numbers turn an answer together: their plane, cut along every border that the rules
draw in it.

A limit that a quantity meets is a curve, exact as long as the quantity is linear in one of the two
numbers; between neighbouring curves and the places where any two of them cross no condition of the
guideline changes its mind, so one evaluation decides a whole tile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.values import Values
from calx.reasoner.whatif.cuts import NUMBERS, Moving, between
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.polynomials import FINEST, Polynomial, Ratio, roots
from calx.reasoner.whatif.stability import Elsewhere, There

SEEN = 3
"""Standard deviations on either side that a view of a number takes in."""
MARGIN = Fraction(1, 12)
"""Of a view, that is left around what it takes in."""

Span: TypeAlias = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Tile:
    """A part of the plane of which the same is told: between two numbers across, and between two
    curves up.

    Attributes:
        below: its lower border, as a fraction in the number across.
        at: a point in it that a case can give, across and up.
    """

    low: Fraction
    high: Fraction
    below: Ratio
    above: Ratio
    at: tuple[Decimal, Decimal]
    there: There


@dataclass(frozen=True)
class Plane:
    """The plane of two numbers of a case, in a view."""

    across: str
    up: str
    wide: Span
    tall: Span
    tiles: tuple[Tile, ...]


def view(elsewhere: Elsewhere, fact: Fact, error: MeasurementError | None) -> Span:
    """The values of a number that are worth seeing: its own, its error, and every border."""
    value = Fraction(Decimal(str(elsewhere.facts[fact.name])))
    seen = [value, *elsewhere.cuts.at(fact, elsewhere.facts)]
    if error is not None:
        seen += [value - Fraction(SEEN * error.below), value + Fraction(SEEN * error.above)]
    least = Fraction(fact.minimum) if fact.minimum is not None else None
    most = Fraction(fact.maximum) if fact.maximum is not None else None
    inside = [s for s in seen if (least is None or s >= least) and (most is None or s <= most)]
    low, high = min(inside), max(inside)
    margin = MARGIN * (high - low or abs(value) or 1)
    low, high = low - margin, high + margin
    return (
        low if least is None else max(low, least),
        high if most is None else min(high, most),
    )


def numbers(elsewhere: Elsewhere) -> list[Fact]:
    """The known numbers on which something hangs, in the order of the guideline."""
    described = elsewhere.reasoner.guideline.facts
    known = [described[name] for name in elsewhere.facts if described[name].kind in NUMBERS]
    hanging = [fact for fact in known if elsewhere.cuts.hanging[fact.name]]
    return sorted(hanging, key=lambda fact: fact.order)


def plane(elsewhere: Elsewhere, across: Fact, up: Fact, wide: Span, tall: Span) -> Plane | None:
    """The tiles of a view; None where a border is linear in neither of the two numbers.

    Args:
        elsewhere: the case.
        across: one known number, another one `up`.
        up: the number in which curves are told.
        wide: the view across, and `tall` the view up.
        tall: from the lowest to the highest.
    """
    following: list[Values] = [{}]  # the values that facts take which follow these two
    while True:
        curves = _curves(elsewhere, across, up, following)
        if curves is None:
            return None
        tiles = tuple(_tiles(elsewhere, across, up, curves, wide, tall))
        new = (dict(tile.there.along) for tile in tiles if tile.there.along)
        unseen = next((values for values in new if values not in following), None)
        if unseen is None:
            return Plane(across.name, up.name, wide, tall, tiles)
        following.append(unseen)


def _tiles(
    elsewhere: Elsewhere, across: Fact, up: Fact, curves: _Curves, wide: Span, tall: Span
) -> Iterator[Tile]:
    """The parts between borders, each with what is told of a point in it."""
    for low, high in _slabs(curves, wide, tall):
        x = between(low, high, _step(across))
        if x is None:
            continue
        borders = sorted(_crossed(curves.up, Fraction(x), tall), key=lambda pair: pair[0])
        for (bottom, below), (top, above) in itertools.pairwise(borders):
            y = between(bottom, top, _step(up))
            if y is not None:
                facts = {**elsewhere.facts, across.name: x, up.name: y}
                there = elsewhere.there(facts, [across.name, up.name])
                yield Tile(low, high, below, above, (x, y), there)


@dataclass(frozen=True)
class _Curves:
    """Borders in a plane: at numbers across, and curves up."""

    across: frozenset[Fraction]
    up: tuple[Ratio, ...]


def _step(fact: Fact) -> Fraction:
    return Fraction(1) if fact.kind == "integer" else FINEST


def _curves(
    elsewhere: Elsewhere, across: Fact, up: Fact, following: Iterable[Values]
) -> _Curves | None:
    """Every border that a limit draws; None where one is not linear in the number up."""
    cuts = elsewhere.cuts
    upright, curves = set[Fraction](), dict[Ratio, None]()
    for values in following:
        facts = {**elsewhere.facts, **values}
        moving = Moving(cuts.guideline, facts, {across.name: X, up.name: Y}, _constant)
        for border in _met(elsewhere, across, up, moving):
            if border.degree > 1:
                return None
            if border.degree == 1:
                curves.setdefault(Ratio(-border.of[0], border.of[1]))
            if border.degree >= 0:
                upright |= set(roots(border.of[-1]))
    return _Curves(frozenset(upright), tuple(curves))


def _met(elsewhere: Elsewhere, across: Fact, up: Fact, moving: Moving) -> Iterator[Polynomial]:
    """What is 0 where a value meets a limit, or cannot be computed."""
    cuts = elsewhere.cuts
    for name in sorted({*cuts.hanging[across.name], *cuts.hanging[up.name]}):
        for ratio in moving.ratios(name):
            yield ratio.below
            for limit in sorted(cuts.limits[name]):
                yield ratio.above - ratio.below * _constant(limit)


def _constant(value: Fraction) -> Polynomial:
    """A number as a polynomial in the number up, with polynomials across as coefficients."""
    return Polynomial((Polynomial((value,)),)) if value else Polynomial()


ONE = Polynomial((Fraction(1),))
X = Polynomial((Polynomial((Fraction(0), Fraction(1))),))
Y = Polynomial((Polynomial(), ONE))


def _level(value: Fraction) -> Ratio:
    """A level line."""
    return Ratio(Polynomial((value,)) if value else Polynomial(), ONE)


def _slabs(curves: _Curves, wide: Span, tall: Span) -> Iterator[Span]:
    """The view across, cut where a border stands upright and where two of them cross."""
    all_ = (*curves.up, *map(_level, tall))
    stops = set(curves.across)
    for one, other in itertools.combinations(all_, 2):
        stops |= set(roots(one.above * other.below - other.above * one.below))
    inside = sorted(stop for stop in stops if wide[0] < stop < wide[1])
    yield from itertools.pairwise([wide[0], *inside, wide[1]])


def _crossed(
    curves: tuple[Ratio, ...], x: Fraction, tall: Span
) -> Iterator[tuple[Fraction, Ratio]]:
    """Where an upright line crosses curves in the view, each height once, with its ends."""
    heights: Mapping[Fraction, Ratio] = {end: _level(end) for end in tall}
    yield from heights.items()
    seen = set(heights)
    for curve in curves:
        height = curve.above(x) / curve.below(x)
        if tall[0] < height < tall[1] and height not in seen:
            seen.add(height)
            yield height, curve
