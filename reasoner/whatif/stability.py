"""How far each known fact is from changing an answer, all others as they stand."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import ContradictionError
from calx.reasoner.model.case import Case
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.values import Values
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.cuts import NUMBERS, Cuts, Range
from calx.reasoner.whatif.outcomes import Turn, changes, outcomes


@dataclass(frozen=True)
class Stands:
    """The largest interval around a value in which the answer stands; None: without end."""

    low: Fraction | None
    low_closed: bool
    high: Fraction | None
    high_closed: bool


@dataclass(frozen=True)
class Beyond:
    """What lies beyond an end of that interval, or at another value of a yes, no or word."""

    side: Literal["low", "high", "value"]
    at: Value | Fraction | None
    possible: bool
    """Whether a case may be so; if not, it is the end of what the fact can be."""
    changes: tuple[Turn, ...]
    constraint: str | None = None
    """The consistency rule that forbids it."""
    followed: tuple[tuple[str, Value], ...] = ()
    """Facts of the same reading (``calx:follows``) which, going along, make it possible."""
    until: Fraction | None = None
    """How far the answer stands where they do."""
    then: tuple[Turn, ...] = ()
    """What is told otherwise beyond that."""


@dataclass(frozen=True)
class Stability:
    """How a fact carries the answer."""

    fact: str
    value: Value
    stands: Stands | None
    """None of what is no number."""
    beyond: tuple[Beyond, ...]


class Elsewhere:
    """A case as it would be answered with other facts."""

    def __init__(self, reasoner: Reasoner, answer: Answer, cuts: Cuts) -> None:
        self.reasoner, self.answer, self.cuts = reasoner, answer, cuts
        self.facts: Values = dict(answer.case.facts)
        self.here = outcomes(answer)

    def forbidden_by(self, facts: Values) -> str | None:
        """The consistency rule that other facts break; None where they may be."""
        evaluation = self.reasoner.evaluation
        broken = evaluation.violated(evaluation.complete(facts).values)
        return broken[0].id if broken else None

    def followed(self, facts: Values) -> Values | None:
        """The same facts, those that follow others put to their nearest value with which a case may
        be so; None where there is none.
        """
        described = self.reasoner.guideline.facts
        local = {described[name].local for name in facts}
        following = [name for name in facts if described[name].follows in local]
        for name in following:
            for value in self._others(described[name], facts):
                moved = {**facts, name: value}
                if self.forbidden_by(moved) is None:
                    return moved
        return None

    def _others(self, fact: Fact, facts: Values) -> list[Value]:
        """The values of a fact that stand for all others, the nearest first."""
        value = facts[fact.name]
        if isinstance(value, Decimal):
            here, cells = value, self.cuts.cells(fact, facts)
            return [c.value for c in sorted(cells, key=lambda cell: abs(cell.value - here))]
        return [not value] if isinstance(value, bool) else [v for v in fact.values if v != value]

    def answered(self, facts: Values) -> Answer | None:
        """What would be answered; None where the guideline contradicts itself of it."""
        try:
            return self.reasoner.plain_answer(Case(self.answer.case.id, facts))
        except ContradictionError:
            return None

    def stands(self, facts: Values) -> bool:
        """Whether the answer stands with other facts, which a case may give."""
        there = self.answered(facts)
        return there is not None and outcomes(there) == self.here

    def differs(self, facts: Values) -> tuple[Turn, ...]:
        """What would be answered otherwise."""
        there = self.answered(facts)
        return () if there is None else tuple(changes(self.answer, there))


def stability(elsewhere: Elsewhere) -> list[Stability]:
    """Of every known fact, in the order of the guideline."""
    facts = elsewhere.reasoner.guideline.facts
    return [
        of_number(elsewhere, facts[name], value)
        if facts[name].kind in NUMBERS and isinstance(value, Decimal)
        else of_word(elsewhere, facts[name], value)
        for name, value in sorted(elsewhere.facts.items(), key=lambda item: facts[item[0]].order)
    ]


def of_number(elsewhere: Elsewhere, fact: Fact, value: Decimal) -> Stability:
    """The cells around a number that leave the answer as it is, and what begins at their ends."""
    found = elsewhere.cuts.cells(fact, elsewhere.facts)
    at = next(k for k, cell in enumerate(found) if cell.holds(value))
    first, below = _walk(elsewhere, fact, found, at, -1)
    last, above = _walk(elsewhere, fact, found, at, 1)
    low, high = found[first], found[last]
    return Stability(
        fact.name,
        value,
        Stands(low.low, low.point, high.high, high.point),
        tuple(end for end in (below, above) if end is not None),
    )


def _walk(
    elsewhere: Elsewhere, fact: Fact, found: list[Range], at: int, step: Literal[-1, 1]
) -> tuple[int, Beyond | None]:
    """The last cell in a direction in which the answer stands, and what lies beyond."""
    side: Literal["low", "high"] = "low" if step < 0 else "high"
    while 0 <= at + step < len(found):
        facts = {**elsewhere.facts, fact.name: found[at + step].value}
        forbidden = elsewhere.forbidden_by(facts)
        edge = found[at].low if step < 0 else found[at].high
        if forbidden is not None:
            with_others = _followed(elsewhere, fact, found, at, step)
            return at, Beyond(side, edge, False, (), forbidden, *with_others)
        if not elsewhere.stands(facts):
            told = elsewhere.differs(facts)
            return at, Beyond(side, edge, bool(told), told)
        at += step
    edge = found[at].low if step < 0 else found[at].high
    return at, Beyond(side, edge, possible=False, changes=())


def of_word(elsewhere: Elsewhere, fact: Fact, value: Value) -> Stability:
    """What each other value of a yes, no or word would change; those that change nothing are left
    out.
    """
    others: tuple[Value, ...] = (
        (not value,) if isinstance(value, bool) else tuple(v for v in fact.values if v != value)
    )
    beyond = []
    for other in others:
        facts = {**elsewhere.facts, fact.name: other}
        forbidden = elsewhere.forbidden_by(facts)
        told = () if forbidden is not None else elsewhere.differs(facts)
        if forbidden is not None or told:
            beyond.append(Beyond("value", other, forbidden is None, told, forbidden))
    return Stability(fact.name, value, None, tuple(beyond))


def _followed(
    elsewhere: Elsewhere, fact: Fact, found: list[Range], at: int, step: Literal[-1, 1]
) -> tuple[tuple[tuple[str, Value], ...], Fraction | None, tuple[Turn, ...]]:
    """What gives way beyond a cell, how far the answer stands then, and what changes there."""
    gave: tuple[tuple[str, Value], ...] = ()
    until = found[at].low if step < 0 else found[at].high
    for cell in found[at + step :: step] if at + step >= 0 else ():
        facts = {**elsewhere.facts, fact.name: cell.value}
        moved = elsewhere.followed(facts)
        if moved is None:
            break
        gave = tuple((name, value) for name, value in moved.items() if facts[name] != value)
        then = elsewhere.differs(moved)
        if then:
            return gave, until, then
        until = cell.low if step < 0 else cell.high
    return gave, until, ()
