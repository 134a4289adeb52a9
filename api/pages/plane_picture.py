"""The plane of two numbers as a picture: where the answer stands and what is told elsewhere, the
borders between, and the case with the errors of its measurement as a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping
from fractions import Fraction

from markupsafe import Markup, escape

from calx.api.pages.form import fields_of
from calx.reasoner.tell.turned import Turned
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.plane import Plane, Span, Tile
from calx.reasoner.whatif.polynomials import Ratio
from calx.reasoner.whatif.stability import Elsewhere, There

WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 640, 440, 62, 14, 12, 52
"""The picture, and its margins."""
PIECES = 16
"""Straight pieces of a border that is no line."""
FILLS = 5
"""Fills of the style sheet for what is other than here; further outcomes take them again, told
apart by their numbers.
"""
LEAST_TICKS = 4
LABEL_AT_LEAST = 400
"""Area, in square pixels, of a tile that bears its number."""


def fill(outcome: int | None) -> str:
    """The fill of an outcome by its number: 0 is the case's own; None where no case may be so."""
    if outcome is None:
        return "never"
    return f"fill-{1 + (outcome - 1) % FILLS}" if outcome else "fill-0"


def draw_plane(
    plane: Plane,
    elsewhere: Elsewhere,
    errors: Mapping[str, MeasurementError],
    turned: Turned,
    told: Callable[[There], str],
) -> Markup:
    """The picture with its legend.

    Args:
        plane: of two numbers of the case.
        elsewhere: the case.
        errors: of its numbers, where they are known.
        turned: the words.
        told: what is told in a tile, in words.
    """
    return _Drawn(plane, elsewhere, errors, turned, told).all()


class _Drawn:
    def __init__(
        self,
        plane: Plane,
        elsewhere: Elsewhere,
        errors: Mapping[str, MeasurementError],
        turned: Turned,
        told: Callable[[There], str],
    ) -> None:
        self.plane, self.turned, self._told = plane, turned, told
        self._facts, self._errors = elsewhere.facts, errors
        self._shown = {_key(There(elsewhere.here)): There(elsewhere.here)}
        """What is told somewhere in the plane, each once; that of the case first."""
        for tile in plane.tiles:
            self._shown.setdefault(_key(tile.there), tile.there)
        self._numbers = {key: number for number, key in enumerate(self._shown)}

    def all(self) -> Markup:
        """Picture and legend."""
        told = ", ".join(self.turned.label.fact(n) for n in (self.plane.across, self.plane.up))
        head = (
            f'<svg class="plane" viewBox="0 0 {WIDE} {TALL}" role="img" '
            f'aria-label="{escape(told)}">{_HATCH}'
        )
        svg = "".join([head, *self._tiles(), *self._borders(), *self._axes(), *self._case()])
        # every part is made here or escaped
        return Markup(svg + "</svg>" + "".join(self._legend()))  # noqa: S704

    # --- places -----------------------------------------------------------------------------

    def _x(self, value: Fraction | float) -> float:
        low, high = map(float, self.plane.wide)
        return round(LEFT + (float(value) - low) / (high - low) * (WIDE - LEFT - RIGHT), 1)

    def _y(self, value: Fraction | float) -> float:
        low, high = map(float, self.plane.tall)
        return round(TALL - BOTTOM - (float(value) - low) / (high - low) * (TALL - TOP - BOTTOM), 1)

    def _along(self, border: Ratio, low: Fraction, high: Fraction) -> list[str]:
        """Points of a border from one number across to another."""
        straight = border.above.degree <= 1 and border.below.degree == 0
        pieces = 1 if straight else PIECES
        points = []
        for k in range(pieces + 1):
            x = low + (high - low) * Fraction(k, pieces)
            below = border.below(x)
            if below:  # at its asymptote it left the view
                y = min(max(border.above(x) / below, self.plane.tall[0]), self.plane.tall[1])
                points.append(f"{self._x(x)},{self._y(y)}")
        return points

    # --- tiles and their borders ----------------------------------------------------------

    def _number(self, tile: Tile) -> int:
        return self._numbers[_key(tile.there)]

    def _fill(self, there: There) -> str:
        return fill(None if there.told is None else self._numbers[_key(there)])

    def _tiles(self) -> Iterator[str]:
        largest: dict[int, tuple[float, float, float]] = {}
        for tile in self.plane.tiles:
            number = self._number(tile)
            low, high = tile.low, tile.high
            ring = [
                *self._along(tile.below, low, high),
                *reversed(self._along(tile.above, low, high)),
            ]
            yield f'<polygon class="{self._fill(tile.there)}" points="{" ".join(ring)}"/>'
            middle = (low + high) / 2
            ends = tile.below, tile.above
            bottom, top = (self._y(end.above(middle) / end.below(middle)) for end in ends)
            area = abs(bottom - top) * (self._x(high) - self._x(low))
            found = area, self._x(middle), (bottom + top) / 2
            largest[number] = max(largest.get(number, found), found)
        for number, (area, x, y) in largest.items():
            if number and area > LABEL_AT_LEAST:
                yield f'<text class="number" x="{x}" y="{y + 5:.1f}">{number}</text>'

    def _borders(self) -> Iterator[str]:
        """Lines between tiles of which another thing is told."""
        slabs: dict[Fraction, list[Tile]] = {}
        for tile in self.plane.tiles:
            slabs.setdefault(tile.low, []).append(tile)
        for tiles in slabs.values():
            for under, over in itertools.pairwise(tiles):
                if self._number(under) != self._number(over) and under.above == over.below:
                    line = " ".join(self._along(under.above, under.low, under.high))
                    yield f'<polyline class="border" points="{line}"/>'
        for (_, before), (x, after) in itertools.pairwise(sorted(slabs.items())):
            for one, other in itertools.product(before, after):
                if one.high == x and self._number(one) != self._number(other):
                    yield from self._upright(x, one, other)

    def _upright(self, x: Fraction, one: Tile, other: Tile) -> Iterator[str]:
        (a, b), (c, d) = (self._ends_at(tile, x) for tile in (one, other))
        low, high = max(a, c), min(b, d)
        if low < high:
            at = self._x(x)
            yield f'<polyline class="border" points="{at},{self._y(low)} {at},{self._y(high)}"/>'

    def _ends_at(self, tile: Tile, x: Fraction) -> Span:
        """The heights of a tile at one of its ends; an asymptote lies at the end of the view."""
        low, high = self.plane.tall
        found = []
        for border, out in ((tile.below, low), (tile.above, high)):
            below = border.below(x)
            found.append(min(max(border.above(x) / below, low), high) if below else out)
        return found[0], found[1]

    # --- axes and the case ------------------------------------------------------------------

    def _axes(self) -> Iterator[str]:
        bottom = TALL - BOTTOM
        yield (
            f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDE - LEFT - RIGHT}" '
            f'height="{TALL - TOP - BOTTOM}"/>'
        )
        for value in _ticks(self.plane.wide):
            yield (
                f'<text class="tick" x="{self._x(value)}" y="{bottom + 17}" '
                f'text-anchor="middle">{value:g}</text>'
            )
        for value in _ticks(self.plane.tall):
            yield (
                f'<text class="tick" x="{LEFT - 6}" y="{self._y(value) + 4:.1f}" '
                f'text-anchor="end">{value:g}</text>'
            )
        middle = (TOP + bottom) / 2
        across, up = (self._axis(name) for name in (self.plane.across, self.plane.up))
        yield (
            f'<text class="axis" x="{(LEFT + WIDE - RIGHT) / 2}" y="{TALL - 12}" '
            f'text-anchor="middle">{escape(across)}</text>'
        )
        yield (
            f'<text class="axis" x="14" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 14 {middle})">{escape(up)}</text>'
        )

    def _axis(self, name: str) -> str:
        field = fields_of(self.turned.guideline, self.turned.language)[name]
        return f"{field.label} ({field.unit})" if field.unit else field.label

    def _case(self) -> Iterator[str]:
        """The case, and one standard deviation on either side."""
        x, y = (float(str(self._facts[n])) for n in (self.plane.across, self.plane.up))
        wide, tall = (
            (v - e.below, v + e.above) if (e := self._errors.get(n)) else (v, v)
            for n, v in ((self.plane.across, x), (self.plane.up, y))
        )
        left, right = (self._x(_within(v, self.plane.wide)) for v in wide)
        bottom, top = (self._y(_within(v, self.plane.tall)) for v in tall)
        yield (
            f'<rect class="error" x="{left}" y="{top}" width="{max(right - left, 0.5):.1f}" '
            f'height="{max(bottom - top, 0.5):.1f}"/>'
            f'<circle class="case" cx="{self._x(x)}" cy="{self._y(y)}" r="4.5"/>'
        )

    def _legend(self) -> Iterator[str]:
        yield '<ol class="legend">'
        for key, there in self._shown.items():
            number, words = self._numbers[key], self._told(there)
            yield (
                f'<li><svg class="swatch-of" viewBox="0 0 20 20" aria-hidden="true">'
                f'<rect class="{self._fill(there)}" width="20" height="20"/></svg>'
                f"<b>{number or '●'}</b> {escape(words)}</li>"
            )
        yield "</ol>"


def _key(there: There) -> Hashable:
    """By which things that are told are the same."""
    if there.told is None:
        return there.constraint
    return tuple(sorted(there.told.items())), there.along


_HATCH = (
    '<defs><pattern id="never" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="never-ground" width="7" height="7"/>'
    '<line class="never-line" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>'
)


def _within(value: float, span: Span) -> float:
    return min(max(value, float(span[0])), float(span[1]))


def _ticks(span: Span) -> Iterator[float]:
    """A few round numbers in a view."""
    low, high = map(float, span)
    size = 10.0 ** len(str(int((high - low) * 10**6))) / 10**6
    sizes = (size / k for k in (1, 2, 5, 10, 20, 50, 100))
    step = next((s for s in sizes if (high - low) / s >= LEAST_TICKS), high - low)
    first = int(low / step)
    yield from (
        round(k * step, 6) for k in range(first, first + 40) if low <= round(k * step, 6) <= high
    )
