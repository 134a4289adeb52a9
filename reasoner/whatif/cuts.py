"""Where a number turns something: the cut points that the rules put on a fact, directly or through
what is computed from it, and the cells between them.

Exact: a quantity is followed as a fraction of polynomials in the one fact that moves, and a limit
that it meets is a root of one. Between two cuts no condition of the guideline changes its mind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, assert_never

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
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST, Values
from calx.reasoner.whatif.outcomes import kept

NUMBERS = ("number", "integer")
Polynomial: TypeAlias = tuple[Fraction, ...]
"""Coefficients, that of the constant first; the last is not 0."""
ZERO: Polynomial = ()
FINEST = Fraction(1, 10**FRACTION_DIGITS)
"""The step of the numbers that a case can give."""


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
    """The cut points of a guideline's facts. Immutable; made once."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.limits: dict[str, set[Fraction]] = {}
        """By value, the numbers that conditions compare it with."""
        for condition in conditions(guideline):
            for leaf in leaves(condition):
                if isinstance(leaf, Compare):
                    self.limits.setdefault(leaf.fact, set()).add(Fraction(leaf.limit))
                elif isinstance(leaf, OneOf):
                    each = (v for v in leaf.values if isinstance(v, int | Decimal))
                    more = {Fraction(v) for v in each if not isinstance(v, bool)}
                    if more:
                        self.limits.setdefault(leaf.fact, set()).update(more)
        numbers = [f for f in guideline.facts.values() if f.given and f.kind in NUMBERS]
        self._hanging = {
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
        moved = _Moved(self.guideline, fact.name, values)
        found: set[Fraction] = set()
        for name in self._hanging[fact.name]:
            for ratio in moved.ratios(name):
                found |= set(ratio.undefined())
                for limit in self.limits[name]:
                    found |= set(ratio.meets(limit))
        return sorted(found)


@lru_cache(maxsize=8)
def cuts_of(reasoner: Answering) -> Cuts:
    """The cut points of the guideline that a reasoner answers by, found once."""
    return Cuts(reasoner.guideline)


def conditions(guideline: Guideline) -> Iterator[Condition]:
    """Every condition that what an answer comes to (`outcomes`) hangs on, and whether a case may be
    so.
    """
    followed = guideline.program.behind(kept(guideline))
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


@dataclass(frozen=True)
class Ratio:
    """A quantity as a fraction of polynomials in the fact that moves."""

    above: Polynomial
    below: Polynomial = (Fraction(1),)

    def meets(self, limit: Fraction) -> Iterator[Fraction]:
        """Where it equals a limit."""
        return roots(_minus(self.above, _times(self.below, (limit,) if limit else ZERO)))

    def undefined(self) -> Iterator[Fraction]:
        """Where its denominator is 0."""
        return roots(self.below)


class _Moved:
    """Everything that a case's values are where one fact moves and the others stay."""

    def __init__(self, guideline: Guideline, fact: str, values: Mapping[str, object]) -> None:
        self._guideline, self._fact, self._values = guideline, fact, values
        self._known: dict[str, tuple[Ratio, ...]] = {}

    def ratios(self, name: str) -> tuple[Ratio, ...]:
        """What a value may be: one way for each clause that may give it; none where it is no
        number, or cannot be known.
        """
        if name not in self._known:
            self._known[name] = ()
            self._known[name] = tuple(dict.fromkeys(self._all(name)))
        return self._known[name]

    def _all(self, name: str) -> Iterator[Ratio]:
        if name == self._fact:
            yield Ratio((Fraction(0), Fraction(1)))
            return
        value = self._values.get(name)
        if value is not None:
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                yield _constant(Fraction(value))
            return
        for clause in self._guideline.program.writers_of.get(name, ()):
            made = clause.production.conclusion
            if isinstance(made, Assignment):
                yield from self._of(made.expression)

    def _of(self, expression: Expression) -> Iterator[Ratio]:
        match expression:
            case Constant(value):
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    yield _constant(Fraction(value))
            case Of(fact):
                yield from self.ratios(fact)
            case Arithmetic(sign, left, right):
                for one, other in itertools.product(self._of(left), tuple(self._of(right))):
                    match sign:
                        case "+" | "-":
                            join = _plus if sign == "+" else _minus
                            yield Ratio(
                                join(
                                    _times(one.above, other.below), _times(other.above, one.below)
                                ),
                                _times(one.below, other.below),
                            )
                        case "*":
                            yield Ratio(
                                _times(one.above, other.above), _times(one.below, other.below)
                            )
                        case "/":
                            yield Ratio(
                                _times(one.above, other.below), _times(one.below, other.above)
                            )
                        case _:
                            assert_never(sign)
            case _:
                assert_never(expression)


def _constant(value: Fraction) -> Ratio:
    return Ratio((value,) if value else ZERO)


def _trimmed(coefficients: list[Fraction]) -> Polynomial:
    while coefficients and not coefficients[-1]:
        coefficients.pop()
    return tuple(coefficients)


def _plus(one: Polynomial, other: Polynomial) -> Polynomial:
    return _trimmed([a + b for a, b in itertools.zip_longest(one, other, fillvalue=Fraction(0))])


def _minus(one: Polynomial, other: Polynomial) -> Polynomial:
    return _plus(one, tuple(-value for value in other))


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    product = [Fraction(0)] * max(0, len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            product[i + j] += a * b
    return _trimmed(product)


def roots(polynomial: Polynomial) -> Iterator[Fraction]:
    """The real roots of a polynomial: exact where it is linear, else exact where a case can give
    them, and otherwise a number between the two values that a case can give beside it.
    """
    degree = len(polynomial) - 1
    if degree < 1:
        return
    if degree == 1:
        yield -polynomial[0] / polynomial[1]
        return
    slope = tuple(k * value for k, value in enumerate(polynomial))[1:]
    reach = 1 + max(abs(value / polynomial[-1]) for value in polynomial)
    stops = sorted({-reach, *roots(slope), reach})
    for stop in stops:
        if _at(polynomial, stop) == 0:
            yield stop
    for low, high in itertools.pairwise(stops):
        if _at(polynomial, low) * _at(polynomial, high) < 0:
            yield _bisected(polynomial, low, high)


def _bisected(polynomial: Polynomial, low: Fraction, high: Fraction) -> Fraction:
    """The root between two ends at which a polynomial has other signs."""
    rising = _at(polynomial, high) > 0
    one, other = low // FINEST, -(-high // FINEST)  # in steps
    while other - one > 1:
        middle = (one + other) // 2
        value = _at(polynomial, middle * FINEST)
        if value == 0:
            return middle * FINEST
        if (value > 0) == rising:
            other = middle
        else:
            one = middle
    return (one + other) * FINEST / 2


def _at(polynomial: Polynomial, value: Fraction) -> Fraction:
    total = Fraction(0)
    for coefficient in reversed(polynomial):
        total = total * value + coefficient
    return total
