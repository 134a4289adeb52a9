"""Where a number turns something: the cut points that the rules put on a fact, directly or through
what is computed from it, and the cells between them.

Exact: a quantity is followed as a fraction of polynomials in the one fact that moves, and a limit
that it meets is a root of one. Between two cuts no condition of the guideline changes its mind.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import assert_never

from calx.reasoner.engine.answer import Answering
from calx.reasoner.model.condition import (
    Arithmetic,
    Compare,
    Condition,
    Constant,
    Expression,
    Of,
    OneOf,
    leaves,
    values_read,
)
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.rule import Assignment
from calx.reasoner.model.values import LARGEST, Values
from calx.reasoner.whatif.outcomes import kept
from calx.reasoner.whatif.polynomials import FINEST, Polynomial, Ratio, roots

NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class Range:
    """Values of a fact among which nothing changes: one value, or all between two cuts.

    Attributes:
        low: its lower end; None without one.
        high: its upper end.
        value: a value in it that a case can give.
    """

    low: Fraction | None
    high: Fraction | None
    value: Decimal

    @property
    def point(self) -> bool:
        """It is one value."""
        return self.low == self.high and self.low is not None

    def holds(self, value: Decimal) -> bool:
        """Whether a value lies in it."""
        if self.point:
            return Fraction(value) == self.low
        above = self.low is None or Fraction(value) > self.low
        return above and (self.high is None or Fraction(value) < self.high)


class Cuts:
    """The cut points of a guideline's facts, of the outcomes that are kept (`outcomes`). Immutable;
    made once.
    """

    def __init__(self, guideline: Guideline, whole: bool = False) -> None:
        self.guideline = guideline
        self.limits: dict[str, set[Fraction]] = {}
        """By value, the numbers that conditions compare it with."""
        for condition in conditions(guideline, whole):
            for leaf in leaves(condition):
                if isinstance(leaf, Compare):
                    self.limits.setdefault(leaf.fact, set()).add(Fraction(leaf.limit))
                elif isinstance(leaf, OneOf):
                    each = (v for v in leaf.values if isinstance(v, int | Decimal))
                    more = {Fraction(v) for v in each if not isinstance(v, bool)}
                    if more:
                        self.limits.setdefault(leaf.fact, set()).update(more)
        numbers = [f for f in guideline.facts.values() if f.given and f.kind in NUMBERS]
        self.hanging = {
            fact.name: sorted(guideline.program.hang_on([fact.name]) & self.limits.keys())
            for fact in numbers
        }
        """For each number the values with limits that come from it."""

    def cells(self, fact: Fact, values: Values) -> list[Range]:
        """The cells of a fact, the lowest first, where all else is as it stands.

        Args:
            fact: a number that a case gives.
            values: the facts of the case.
        """
        return cells(fact, self.at(fact, values))

    def at(self, fact: Fact, values: Values) -> list[Fraction]:
        """The cuts of a fact, sorted; one that no case can give stands between two values."""
        moved = Moving(self.guideline, values, {fact.name: IDENTITY}, number)
        found: set[Fraction] = set()
        for name in self.hanging[fact.name]:
            for ratio in moved.ratios(name):
                found |= set(roots(ratio.below))
                for limit in self.limits[name]:
                    found |= set(roots(ratio.above - ratio.below * number(limit)))
        return sorted(found)

    def curves(self, across: Fact, up: Fact, values: Values) -> Borders | None:
        """The borders that limits draw in the plane of two numbers where all else is as it stands;
        None where one is not linear in the number up.
        """
        moving = Moving(self.guideline, values, {across.name: ACROSS, up.name: UP}, _level)
        upright, curves = set[Fraction](), dict[Ratio, None]()
        for name in sorted({*self.hanging[across.name], *self.hanging[up.name]}):
            for ratio in moving.ratios(name):
                met = (ratio.above - ratio.below * _level(limit) for limit in self.limits[name])
                for border in (ratio.below, *met):
                    if border.degree > 1:
                        return None
                    if border.degree == 1:
                        curves.setdefault(Ratio(-border.of[0], border.of[1]))
                    if border.degree >= 0:
                        upright |= set(roots(border.of[-1]))
        return Borders(frozenset(upright), tuple(curves))


@dataclass(frozen=True)
class Borders:
    """Borders in the plane of two numbers.

    Attributes:
        upright: the numbers across at which one stands upright.
        up: those that are curves, as fractions in the number across.
    """

    upright: frozenset[Fraction]
    up: tuple[Ratio, ...]

    def joined(self, other: Borders) -> Borders:
        """With those of another case."""
        return Borders(self.upright | other.upright, tuple(dict.fromkeys((*self.up, *other.up))))

    def stops(self, levels: Iterable[Fraction]) -> set[Fraction]:
        """The numbers across between which curves, and level lines, neither begin nor cross."""
        found = set(self.upright)
        lines = dict.fromkeys((*self.up, *map(level, levels)))
        for one, other in itertools.combinations(lines, 2):
            found |= set(roots(one.above * other.below - other.above * one.below))
        return found

    def heights(self, x: Fraction) -> dict[Fraction, Ratio]:
        """Where an upright line crosses curves, each height once."""
        found: dict[Fraction, Ratio] = {}
        for curve in self.up:
            found.setdefault(curve.above(x) / curve.below(x), curve)
        return found


def level(value: Fraction) -> Ratio:
    """A level line."""
    return Ratio(number(value), number(Fraction(1)))


@lru_cache(maxsize=8)
def cuts_of(reasoner: Answering, whole: bool) -> Cuts:
    """The cut points of the guideline that a reasoner answers by, found once."""
    return Cuts(reasoner.guideline, whole)


def conditions(guideline: Guideline, whole: bool = False) -> Iterator[Condition]:
    """Every condition that what an answer comes to (`outcomes`) hangs on, and whether a case may be
    so.
    """
    followed = guideline.program.behind(kept(guideline, whole))
    forbidding = (values_read(constraint.condition) for constraint in guideline.constraints)
    followed |= guideline.program.behind(name for names in forbidding for name in names)
    for clause in guideline.program.clauses:
        made = clause.production.conclusion
        if (made.fact if isinstance(made, Assignment) else made.predicate) in followed:
            yield clause.production.condition
    for constraint in guideline.constraints:
        yield constraint.condition
    for statement in guideline.statements.values():
        yield from (c for c in (statement.when, statement.when_known) if c is not None)
    yield from guideline.inapplicable.values()


def cells(fact: Fact, cuts: Iterable[Fraction]) -> list[Range]:
    """The cells that cuts make of the values that a fact can have; those without a value that a
    case can give are left out.
    """
    step = Fraction(1) if fact.kind == "integer" else FINEST
    low = Fraction(fact.minimum) if fact.minimum is not None else None
    high = Fraction(fact.maximum) if fact.maximum is not None else None
    least = -Fraction(LARGEST) if low is None else low + (step if fact.exclusive_minimum else 0)
    most = Fraction(LARGEST) - 1 if high is None else high
    inside = {cut for cut in cuts if (low is None or cut > low) and (high is None or cut < high)}
    edges = [low, *sorted(inside), high]

    def at(edge: Fraction | None) -> list[Range]:
        if edge is None or not least <= edge <= most or (edge / step).denominator != 1:
            return []
        return [Range(edge, edge, _decimal(edge))]

    found: list[Range] = []
    for edge, after in itertools.pairwise(edges):
        found += at(edge)
        value = between(least if edge is None else edge, most if after is None else after, step)
        if value is not None:
            found.append(Range(edge, after, value))
    return found + at(high)


def between(low: Fraction, high: Fraction, step: Fraction = FINEST) -> Decimal | None:
    """A value that a case can give, strictly between two others, with few digits."""
    first, last = low // step + 1, -(-high // step) - 1
    if first > last:
        return None
    size = step
    while True:  # the roundest of the values near the middle
        coarser = size * 10
        if (high - low) / 2 < coarser:
            break
        size = coarser
    middle = (low + high) / 2
    while size >= step:
        near = round(middle / size) * size
        if low < near < high:
            return _decimal(near)
        size /= 10
    return _decimal((first + last) // 2 * step)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


# --- what is computed from a fact that moves ---------------------------------------------


class Moving:
    """Everything that a case's values are where a few of its numbers move and the others stay.

    Args:
        moving: the facts that move, each as a fraction of polynomials.
        one: the polynomial that is 1.
        constant: a number as a polynomial.
    """

    def __init__(
        self,
        guideline: Guideline,
        values: Mapping[str, object],
        moving: Mapping[str, Polynomial],
        constant: Callable[[Fraction], Polynomial],
    ) -> None:
        self._guideline, self._values, self._constant = guideline, values, constant
        self._one = constant(Fraction(1))
        self._known: dict[str, tuple[Ratio, ...]] = {
            name: (Ratio(moved, self._one),) for name, moved in moving.items()
        }

    def ratios(self, name: str) -> tuple[Ratio, ...]:
        """What a value may be: one way for each clause that may give it; none where it is no
        number, or cannot be known.
        """
        if name not in self._known:
            self._known[name] = ()
            self._known[name] = tuple(dict.fromkeys(self._all(name)))
        return self._known[name]

    def _all(self, name: str) -> Iterator[Ratio]:
        value = self._values.get(name)
        if value is not None:
            yield from self._number(value)
            return
        for clause in self._guideline.program.writers_of.get(name, ()):
            made = clause.production.conclusion
            if isinstance(made, Assignment):
                yield from self._of(made.expression)

    def _number(self, value: object) -> Iterator[Ratio]:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            yield Ratio(self._constant(Fraction(value)), self._one)

    def _of(self, expression: Expression) -> Iterator[Ratio]:
        match expression:
            case Constant(value):
                yield from self._number(value)
            case Of(fact):
                yield from self.ratios(fact)
            case Arithmetic(sign, left, right):
                for one, other in itertools.product(self._of(left), tuple(self._of(right))):
                    yield JOIN[sign](one, other)
            case _:
                assert_never(expression)


JOIN: Mapping[str, Callable[[Ratio, Ratio], Ratio]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def number(value: Fraction) -> Polynomial:
    """A number as a polynomial."""
    return Polynomial((value,) if value else ())


IDENTITY = Polynomial((Fraction(0), Fraction(1)))
"""The number that moves, as a polynomial in itself."""
ACROSS = Polynomial((IDENTITY,))
"""Of two numbers that move the first, as a polynomial in the second, its coefficients being
polynomials in the first.
"""
UP = Polynomial((Polynomial(), number(Fraction(1))))
"""The second."""


def _level(value: Fraction) -> Polynomial:
    return Polynomial((number(value),)) if value else Polynomial()
