"""In how much of all measurement errors together an answer stands, the errors being independent.

The errors' space is cut into boxes inside which no condition of the guideline changes its mind; one
evaluation decides a box. Borders of what is computed from several numbers run obliquely through
boxes, so these are halved, the likeliest first; what is not decided in the end makes the share a
pair of bounds.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import TypeAlias, assert_never

from calx.reasoner.model.condition import Arithmetic, Constant, Expression, Of
from calx.reasoner.model.rule import Assignment
from calx.reasoner.whatif.cuts import between
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.polynomials import FINEST
from calx.reasoner.whatif.stability import Elsewhere

REACH = 6
"""Standard deviations on either side; what lies beyond (two in a thousand million) is undecided."""
LOOKS = 2000
"""Boxes that are looked at, at most."""
ENOUGH = 1e-4
"""Probability that may stay undecided."""

Interval: TypeAlias = tuple[Fraction, Fraction]
Box: TypeAlias = dict[str, Interval]


@dataclass(frozen=True)
class Joint:
    """The share of the errors in which an answer stands, of those that a case may be.

    Attributes:
        low: at least so much.
        high: at most so much.
        facts: whose errors were taken.
    """

    low: float
    high: float
    facts: tuple[str, ...]


def joint(elsewhere: Elsewhere, errors: Mapping[str, MeasurementError]) -> Joint | None:
    """The share for all facts that have an error; None where none has."""
    program = elsewhere.reasoner.guideline.program
    moving = {
        name: error
        for name, error in errors.items()
        if error.deviation > 0 and program.hang_on([name]) & elsewhere.cuts.limits.keys()
    }
    if not moving:
        return None
    boxes = _Boxes(elsewhere, moving)
    whole = {
        name: (
            Fraction(error.value) - Fraction(REACH * error.below),
            Fraction(error.value) + Fraction(REACH * error.above),
        )
        for name, error in moving.items()
    }
    stands, falls, open_ = 0.0, 0.0, max(0.0, 1 - boxes.mass(whole))
    waiting = [(-boxes.mass(whole), 0, whole)]
    numbers = itertools.count(1)
    left = boxes.mass(whole)
    for _ in range(LOOKS):
        if not waiting or left < ENOUGH:
            break
        mass, _, box = heapq.heappop(waiting)
        parts = boxes.halved(box)
        if parts:
            for part in parts:
                heapq.heappush(waiting, (-boxes.mass(part), next(numbers), part))
            continue
        verdict, left = boxes.verdict(box), left + mass
        if verdict is True:
            stands -= mass
        elif verdict is False:
            falls -= mass
    open_ += sum(-mass for mass, _, _ in waiting)
    total = stands + falls + open_
    if total <= 0:
        return None
    return Joint(stands / total, (stands + open_) / total, tuple(moving))


class _Boxes:
    """Boxes of values of the facts that move."""

    def __init__(self, elsewhere: Elsewhere, moving: Mapping[str, MeasurementError]) -> None:
        self._elsewhere, self._moving = elsewhere, moving
        guideline = elsewhere.reasoner.guideline
        self._guideline = guideline
        self._reached = {name: guideline.program.hang_on([name]) for name in moving}
        reached = set[str]().union(*self._reached.values())
        self._limits = {
            name: limits for name, limits in elsewhere.cuts.limits.items() if name in reached
        }

    def mass(self, box: Box) -> float:
        """Probability of a box."""
        return prod(self._moving[name].share(*ends) for name, ends in box.items())

    def halved(self, box: Box) -> list[Box]:
        """The parts of a box in which something changes its mind; none where nothing does."""
        for name, (low, high) in box.items():
            fact = self._guideline.facts[name]
            bounds = (fact.minimum, fact.maximum)
            cuts = {Fraction(bound) for bound in bounds if bound is not None}
            cuts |= self._limits.get(name, set())
            inside = sorted(cut for cut in cuts if low < cut < high)
            if inside:
                ends = [low, *inside, high]
                return [{**box, name: pair} for pair in itertools.pairwise(ends)]
        hull = _Hull(self._elsewhere, box)
        for name, limits in self._limits.items():
            if name in box:
                continue
            for found in hull.of(name):
                if found is None or any(found[0] < limit < found[1] for limit in limits):
                    turning = [fact for fact in box if name in self._reached[fact]]
                    widest = max(turning, key=lambda fact: self._moving[fact].share(*box[fact]))
                    low, high = box[widest]
                    middle = (low + high) / 2
                    return [{**box, widest: (low, middle)}, {**box, widest: (middle, high)}]
        return []

    def verdict(self, box: Box) -> bool | None:
        """Whether the answer stands in a box where nothing changes its mind; None where no case may
        be so.
        """
        facts = dict(self._elsewhere.facts)
        for name, (low, high) in box.items():
            fact = self._guideline.facts[name]
            value: Decimal | None
            if fact.maximum is not None and low >= fact.maximum:
                value = fact.maximum  # what is read beyond a bound is that bound
            elif fact.minimum is not None and high <= fact.minimum and not fact.exclusive_minimum:
                value = fact.minimum
            else:
                value = between(low, high, Fraction(1) if fact.kind == "integer" else FINEST)
            if value is None or (fact.minimum is not None and value < fact.minimum):
                return None
            facts[name] = value
        if self._elsewhere.forbidden_by(facts) is not None:
            leading = [name for name in box if self._guideline.facts[name].follows is None]
            moved = self._elsewhere.followed(facts, leading)
            return None if moved is None else self._elsewhere.stands(moved)
        return self._elsewhere.stands(facts)


class _Hull:
    """Intervals that hold every value of what is computed in a box."""

    def __init__(self, elsewhere: Elsewhere, box: Box) -> None:
        self._program = elsewhere.reasoner.guideline.program
        self._facts, self._box = elsewhere.facts, box
        self._known: dict[str, list[Interval | None]] = {}

    def of(self, name: str) -> list[Interval | None]:
        """One interval for each way to the value; None: it may be anything."""
        if name not in self._known:
            self._known[name] = []
            self._known[name] = list(self._all(name))
        return self._known[name]

    def _all(self, name: str) -> Iterator[Interval | None]:
        if name in self._box:
            yield self._box[name]
        elif name in self._facts:
            value = self._facts[name]
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                yield Fraction(value), Fraction(value)
        else:
            for clause in self._program.writers_of.get(name, ()):
                made = clause.production.conclusion
                if isinstance(made, Assignment):
                    yield from self._expression(made.expression)

    def _expression(self, expression: Expression) -> Iterator[Interval | None]:
        match expression:
            case Constant(value):
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    yield Fraction(value), Fraction(value)
            case Of(fact):
                yield from self.of(fact)
            case Arithmetic(sign, left, right):
                for one, other in itertools.product(
                    self._expression(left), tuple(self._expression(right))
                ):
                    yield None if one is None or other is None else _joined(sign, one, other)
            case _:
                assert_never(expression)


def _joined(sign: str, one: Interval, other: Interval) -> Interval | None:
    """The interval of a sum, difference, product or quotient."""
    if sign == "+":
        return one[0] + other[0], one[1] + other[1]
    if sign == "-":
        return one[0] - other[1], one[1] - other[0]
    if sign == "/":
        if other[0] <= 0 <= other[1]:
            return None
        other = 1 / other[1], 1 / other[0]
    products = [a * b for a in one for b in other]
    return min(products), max(products)
