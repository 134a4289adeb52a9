"""The smallest changes that would turn an answer into another, named one.

Z3 finds every set of at most four facts that do it and of which no part does; the values nearest to
the case are then sought in the cells of those facts by the engine itself, which also has the last
word on each set.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeAlias, cast

import z3

from calx.reasoner.model.condition import Value
from calx.reasoner.model.values import FRACTION_DIGITS, Values
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.fractions import Truth, either, none
from calx.reasoner.symbolic.solver import EFFORT, AnyLesion
from calx.reasoner.whatif.cuts import NUMBERS, Range
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.goals import Goal, Goals
from calx.reasoner.whatif.outcomes import changes, outcomes
from calx.reasoner.whatif.stability import Elsewhere

MOST_TOGETHER = 4
"""Facts that are changed together."""
MOST_SETS = 200
"""Sets that are sought."""
MOST_TRIED = 3000
"""Combinations of cells that are tried for one set."""

_Option: TypeAlias = tuple[Value, Range | None]


@dataclass(frozen=True)
class Moved:
    """One fact of a set.

    Attributes:
        limit: the end that the value has to pass or reach; the other value of a yes, no or word.
        direction: ``below`` or ``above`` the limit, or ``to`` it.
        closed: the limit itself will do.
    """

    fact: str
    before: Value | None
    limit: Value | Fraction
    direction: Literal["below", "above", "to"]
    closed: bool
    value: Value
    """A value that does it, as near as one is."""


@dataclass(frozen=True)
class Way:
    """A smallest set of changes that gives the outcome.

    Attributes:
        errors: its size in standard deviations of measurement; None where one of them is unknown.
        actionable: each of its facts can be acted on.
        rules: by which the outcome is then told.
    """

    moved: tuple[Moved, ...]
    errors: float | None
    actionable: bool
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Ways:
    """All of them, the fewest facts first.

    Attributes:
        complete_up_to: no smallest set of so many facts or fewer is missing.
        larger_exist: whether sets of more facts do it where none of these does; None: not decided.
    """

    goal: Goal
    found: tuple[Way, ...]
    complete_up_to: int
    larger_exist: bool | None


class Towards:
    """Finds the ways to outcomes. The symbolic lesion is made once."""

    def __init__(self, reasoner: Reasoner) -> None:
        self._reasoner = reasoner

    @cached_property
    def lesion(self) -> AnyLesion:
        return AnyLesion(self._reasoner.guideline)

    @cached_property
    def goals(self) -> Goals:
        return Goals(self.lesion)

    def ways(
        self, elsewhere: Elsewhere, goal: Goal, errors: Mapping[str, MeasurementError]
    ) -> Ways:
        """Every smallest set of changes to a case that gives an outcome."""
        lesion, facts = self.lesion, elsewhere.facts
        reached = self.goals.reached(goal)
        solver = z3.Solver()
        solver.set("rlimit", EFFORT)
        solver.add(*lesion.valid, *lesion.definitions, reached)
        differs: dict[str, Truth] = {}
        for name in lesion.given.facts:
            differs[name] = cast("Truth", z3.Bool(f"differs {name}"))
            solver.add(differs[name] == none(lesion.given.is_(name, facts.get(name))))
            if name in facts:
                solver.add(lesion.given.known[name])
        sets: list[dict[str, Value]] = []
        complete = MOST_TOGETHER
        for size in range(MOST_TOGETHER + 1):
            solver.push()
            solver.add(z3.AtMost(*differs.values(), size))
            while (answer := solver.check()) == z3.sat and len(sets) < MOST_SETS:
                model = solver.model()
                values = lesion.given.read(model)
                changed = {n: values[n] for n, d in differs.items() if z3.is_true(model.eval(d))}
                sets.append(changed)
                blocked = either(none(differs[name]) for name in changed)
                solver.pop()
                solver.add(blocked)
                solver.push()
                solver.add(z3.AtMost(*differs.values(), size))
            solver.pop()
            if answer != z3.unsat:
                complete = size - 1
                break
        last = solver.check()
        larger = None if last == z3.unknown else last == z3.sat
        ways = []
        for found in sets:
            way = self._way(elsewhere, found, goal, errors)
            if way is not None:
                ways.append(way)
            else:  # no value that a case can give was found
                complete = min(complete, len(found) - 1)
        order = {fact.name: fact.order for fact in self._reasoner.guideline.facts.values()}
        ways.sort(
            key=lambda way: (
                len(way.moved),
                way.errors is None,
                way.errors or 0.0,
                [order[moved.fact] for moved in way.moved],
            )
        )
        return Ways(goal, tuple(ways), complete, larger)

    def _way(
        self,
        elsewhere: Elsewhere,
        changed: Mapping[str, Value],
        goal: Goal,
        errors: Mapping[str, MeasurementError],
    ) -> Way | None:
        """The nearest values of some facts that give the outcome, those of Z3 if there are no
        others.
        """
        best: tuple[float, Values, tuple[_Option, ...]] | None = None
        names = tuple(changed)
        options = [self._options(elsewhere, name) for name in names]
        tried = itertools.islice(itertools.product(*options), MOST_TRIED)
        theirs = tuple((_given(value), None) for value in changed.values())
        for combination in itertools.chain(tried, [theirs]):
            if combination is theirs and best is not None:
                continue
            size = self._size(elsewhere, dict(zip(names, combination, strict=True)), errors)
            if best is not None and size >= best[0]:
                continue
            facts = dict(elsewhere.facts)
            facts |= {n: option[0] for n, option in zip(names, combination, strict=True)}
            if elsewhere.forbidden_by(facts) is None and self._gives(elsewhere, facts, goal):
                best = size, facts, combination
        if best is None:
            return None
        _, facts, combination = best
        there = elsewhere.answered(facts)
        assert there is not None
        turned = [c for c in changes(elsewhere.answer, there) if c.of == goal.of and c.rule]
        described = self._reasoner.guideline.facts
        return Way(
            tuple(
                _moved(name, elsewhere.facts.get(name), option)
                for name, option in zip(names, combination, strict=True)
            ),
            self._errors(elsewhere, dict(zip(names, combination, strict=True)), errors),
            all(described[name].actionable for name in names),
            tuple(dict.fromkeys(str(change.rule) for change in turned)),
        )

    def _gives(self, elsewhere: Elsewhere, facts: Values, goal: Goal) -> bool:
        answer = elsewhere.answered(facts)
        return answer is not None and outcomes(answer).get(goal.of) == goal.value

    def _options(self, elsewhere: Elsewhere, name: str) -> list[_Option]:
        """Other values of a fact: those of words, a number's cells."""
        fact, value = self._reasoner.guideline.facts[name], elsewhere.facts.get(name)
        if fact.kind == "boolean":
            return [(other, None) for other in (True, False) if other is not value]
        if fact.kind not in NUMBERS:
            return [(other, None) for other in fact.values if other != value]
        return [
            (cell.value, cell)
            for cell in elsewhere.cuts.cells(fact, elsewhere.facts)
            if not (isinstance(value, Decimal) and cell.holds(value))
        ]

    def _distance(
        self,
        elsewhere: Elsewhere,
        name: str,
        option: _Option,
        errors: Mapping[str, MeasurementError],
    ) -> float:
        """How far an option is, in standard deviations where these are known."""
        value, (_, cell) = elsewhere.facts.get(name), option
        if cell is None or not isinstance(value, Decimal):
            return 0.0
        edge = _edge(cell, value)
        off = abs(float(edge - Fraction(value)))
        error = errors.get(name)
        if error is None or not error.deviation:
            return off / (abs(float(value)) or 1.0)
        return off / (error.below if edge < value else error.above)

    def _errors(
        self,
        elsewhere: Elsewhere,
        options: Mapping[str, _Option],
        errors: Mapping[str, MeasurementError],
    ) -> float | None:
        if any(name not in errors or not errors[name].deviation for name in options):
            return None
        return round(self._size(elsewhere, options, errors), 2)

    def _size(
        self,
        elsewhere: Elsewhere,
        options: Mapping[str, _Option],
        errors: Mapping[str, MeasurementError],
    ) -> float:
        """How far a set goes; a fact that follows another of the set goes with it."""
        facts = self._reasoner.guideline.facts
        moved = {facts[name].local for name in options}
        return sum(
            self._distance(elsewhere, name, option, errors)
            for name, option in options.items()
            if facts[name].follows not in moved
        )


def _given(value: Value) -> Value:
    """A value of Z3 as a case can give it."""
    return round(value, FRACTION_DIGITS) if isinstance(value, Decimal) else value


def _edge(cell: Range, value: Decimal) -> Fraction:
    """The end of a cell that is nearer to a value outside it."""
    here = Fraction(value)
    ends = [end for end in (cell.low, cell.high) if end is not None]
    return min(ends, key=lambda end: abs(end - here), default=here)


def _moved(name: str, before: Value | None, option: _Option) -> Moved:
    value, cell = option
    if cell is None or not isinstance(before, Decimal):
        if cell is not None and cell.low is not None and not cell.point:
            return Moved(name, before, cell.low, "above", closed=False, value=value)
        return Moved(name, before, value, "to", closed=True, value=value)
    edge = _edge(cell, before)
    side: Literal["below", "above"] = (
        "below" if edge <= Fraction(before) and cell.high == edge else "above"
    )
    return Moved(name, before, edge, side, closed=cell.point, value=value)
