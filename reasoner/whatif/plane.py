"""Where two numbers turn an answer together: their plane, cut along every border that the rules
draw in it.

A limit that a quantity meets is a curve, exact as long as the quantity is linear in one of the two
numbers; between neighbouring curves and the places where any two of them cross no condition of the
guideline changes its mind, so one evaluation decides a whole tile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.values import Values
from calx.reasoner.whatif.cuts import NUMBERS, Borders, between, level
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.polynomials import Ratio
from calx.reasoner.whatif.stability import Elsewhere, There

SEEN = 3
"""Standard deviations on either side that a view of a number takes in."""
MARGIN = Fraction(1, 12)
"""Of a view, that is left around what it takes in."""
MOST_FOLLOWING = 5
"""Values that facts take which follow the two numbers."""
MOST_COLUMNS = 400
"""Whole numbers across that are drawn."""

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
    if fact.kind == "integer":
        low, high = low // 1 - Fraction(1, 2), -(-high // 1) + Fraction(1, 2)
        least = None if least is None else least - Fraction(1, 2)
        most = None if most is None else most + Fraction(1, 2)
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
    """The tiles of a view; None where they cannot be told exactly: a border is no fraction in the
    number across, only the number up is whole, or too many whole numbers are in view.

    Args:
        elsewhere: the case.
        across: one known number, another one `up`.
        up: the number in which curves are told.
        wide: the view across, and `tall` the view up.
        tall: from the lowest to the highest.
    """
    following: list[Values] = [{}]  # the values that facts take which follow these two
    while len(following) <= MOST_FOLLOWING:
        if across.kind == "integer":
            tiles = _columns(elsewhere, across, up, wide, tall)
        elif up.kind == "integer":
            tiles = None
        else:
            tiles = _between_curves(elsewhere, across, up, wide, tall, following)
        if tiles is None:
            return None
        new = (dict(tile.there.along) for tile in tiles if tile.there.along)
        unseen = next((values for values in new if values not in following), None)
        if unseen is None or across.kind == "integer":
            return Plane(across.name, up.name, wide, tall, tuple(tiles))
        following.append(unseen)
    return None


def _between_curves(
    elsewhere: Elsewhere,
    across: Fact,
    up: Fact,
    wide: Span,
    tall: Span,
    following: Iterable[Values],
) -> list[Tile] | None:
    """The parts between borders, each with what is told of a point in it."""
    curves = Borders(frozenset(), ())
    for values in following:
        more = elsewhere.cuts.curves(across, up, {**elsewhere.facts, **values})
        if more is None:
            return None
        curves = curves.joined(more)
    inside = sorted(stop for stop in curves.stops(tall) if wide[0] < stop < wide[1])
    tiles = []
    for low, high in itertools.pairwise([wide[0], *inside, wide[1]]):
        x = between(low, high)
        if x is None:
            continue
        heights = {end: level(end) for end in tall} | {
            height: curve
            for height, curve in curves.heights(Fraction(x)).items()
            if tall[0] < height < tall[1]
        }
        borders = sorted(heights.items(), key=lambda pair: pair[0])
        for (bottom, below), (top, above) in itertools.pairwise(borders):
            y = between(bottom, top)
            if y is not None:
                there = _there(elsewhere, across, up, x, y)
                tiles.append(Tile(low, high, below, above, (x, y), there))
    return tiles


def _columns(
    elsewhere: Elsewhere, across: Fact, up: Fact, wide: Span, tall: Span
) -> list[Tile] | None:
    """A column for each whole number across, cut where something is told otherwise."""
    first, last = -(-wide[0] // 1), wide[1] // 1
    if last - first > MOST_COLUMNS:
        return None
    tiles, half = [], Fraction(1, 2)
    for whole in range(int(first), int(last) + 1):
        x = Decimal(whole)
        ends = max(wide[0], whole - half), min(wide[1], whole + half)
        moved = {**elsewhere.facts, across.name: x}
        below = tall[0]
        for cell in elsewhere.cuts.cells(up, moved):
            if cell.high is None:
                top = tall[1]
            elif up.kind != "integer":
                top = cell.high
            else:  # half way to the next whole number
                top = cell.high + half if cell.point else -(-cell.high // 1) - half
            top = min(top, tall[1])
            if top > below:
                there = _there(elsewhere, across, up, x, cell.value)
                tiles.append(Tile(*ends, level(below), level(top), (x, cell.value), there))
                below = top
    return tiles


def _there(elsewhere: Elsewhere, across: Fact, up: Fact, x: Decimal, y: Decimal) -> There:
    facts = {**elsewhere.facts, across.name: x, up.name: y}
    return elsewhere.there(facts, [across.name, up.name])
