"""How far each known fact is from changing an answer, all others as they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import ContradictionError
from calx.reasoner.model.case import Case
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.section import Criteria
from calx.reasoner.model.values import Values
from calx.reasoner.whatif.cuts import NUMBERS, Range, cells, cuts_of
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.outcomes import Turn, outcomes, turns


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
    until_closed: bool = True
    """It stands there too."""
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


@dataclass(frozen=True)
class There:
    """What is told of other facts.

    Attributes:
        told: the outcomes; None where no case may be so.
        changes: what is otherwise than here.
        constraint: the consistency rule that forbids it.
        along: the facts of the same reading that give way, so that a case may be so.
    """

    told: Mapping[str, str | None] | None
    changes: tuple[Turn, ...] = ()
    constraint: str | None = None
    along: tuple[tuple[str, Value], ...] = ()


class Elsewhere:
    """A case as it would be answered with other facts.

    Args:
        answer: of the case.
        whole: criteria and actions are told apart too (`outcomes`).
    """

    def __init__(self, answer: Answer, whole: bool = False) -> None:
        self.answer, self.reasoner, self.whole = answer, answer.reasoner, whole
        self.cuts = cuts_of(answer.reasoner, whole)
        self.facts: Values = dict(answer.case.facts)
        self.here = outcomes(answer, whole)
        self._drawn_from = self._behind(answer)

    def outcomes(self, there: Answer) -> Mapping[str, str | None]:
        """What another answer comes to; that of this case where it is drawn from the same."""
        if self._behind(there) == self._drawn_from:
            return self.here
        return outcomes(there, self.whole)

    def _behind(self, answer: Answer) -> tuple[Any, ...]:
        """All from which outcomes are drawn: what rules concluded with which level, the statements
        that concern it, and what is open of the criteria.
        """
        return (
            [(id(production), level) for _, production, _, level in answer.trace.steps],
            answer.statements,
            [
                answer.judged(section).criteria
                for section in answer.guideline.sections
                if self.whole and isinstance(section, Criteria)
            ],
        )

    def forbidden_by(self, facts: Values) -> str | None:
        """The consistency rule that other facts break; None where they may be."""
        evaluation = self.reasoner.evaluation
        broken = evaluation.violated(evaluation.complete(facts).values)
        return broken[0].id if broken else None

    def _following(self, moved: Collection[str]) -> list[str]:
        """The known facts that follow one of those moved."""
        described = self.reasoner.guideline.facts
        local = {described[name].local for name in moved}
        return [n for n in self.facts if n not in moved and described[n].follows in local]

    def followed(self, facts: Values, moved: Collection[str]) -> Values | None:
        """The same facts, one that follows one of the moved put to a value with which a case may
        be so: the nearest with which the answer stands, else the nearest below, else above; None
        where there is none.
        """
        described = self.reasoner.guideline.facts
        for name in self._following(moved):
            options = [{**facts, name: value} for value in self._others(described[name], facts)]
            may = [option for option in options if self.forbidden_by(option) is None]
            if may:
                return next((option for option in may if self.stands(option)), may[0])
        return None

    def cells(self, fact: Fact) -> list[Range]:
        """The cells of a number; where a number follows it, also cut where that one's cells
        begin, end or change their order.
        """
        cuts = set(self.cuts.at(fact, self.facts))
        described = self.reasoner.guideline.facts
        for name in self._following([fact.name]):
            value = self.facts[name]
            if described[name].kind in NUMBERS and isinstance(value, Decimal):
                curves = self.cuts.curves(fact, described[name], self.facts)
                bounds = (described[name].minimum, described[name].maximum)
                levels = {Fraction(end) for end in (value, *bounds) if end is not None}
                cuts |= curves.stops(levels) if curves else set()
        return cells(fact, cuts)

    def along_in(
        self, fact: Fact, cell: Range, there: There
    ) -> tuple[tuple[str, Value | None], ...]:
        """The facts that follow a number in a cell, each with a value that it may have in all of
        the cell; None: it depends on the number.
        """
        cuts = self.cuts.at(fact, {**self.facts, **dict(there.along)}) if there.along else []
        fixed = not any(
            (cell.low is None or cut > cell.low) and (cell.high is None or cut < cell.high)
            for cut in cuts
        )
        return tuple((name, value if fixed else None) for name, value in there.along)

    def _others(self, fact: Fact, facts: Values) -> list[Value]:
        """The values of a fact that stand for all others, the nearest below first."""
        value = facts[fact.name]
        if isinstance(value, Decimal):
            found = [cell.value for cell in self.cuts.cells(fact, facts)]
            return [*reversed([v for v in found if v <= value]), *(v for v in found if v > value)]
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
        return there is not None and self.outcomes(there) == self.here

    def there(self, facts: Values, moved: Collection[str]) -> There:
        """What is told of other facts, those that follow the moved giving way where they must."""
        constraint = self.forbidden_by(facts)
        so = facts if constraint is None else self.followed(facts, moved)
        there = None if so is None else self.answered(so)
        if so is None or there is None:
            return There(None, (), constraint)
        along = tuple((name, value) for name, value in so.items() if facts[name] != value)
        told = self.outcomes(there)
        return There(told, tuple(turns(self.answer, there, self.here, told)), None, along)

    def differs(self, facts: Values) -> tuple[Turn, ...]:
        """What would be answered otherwise."""
        there = self.answered(facts)
        if there is None:
            return ()
        return tuple(turns(self.answer, there, self.here, self.outcomes(there)))


@dataclass(frozen=True)
class Edge:
    """Where a known number turns an answer, the other facts as they stand or following it.

    Attributes:
        closed: the answer stands at the border itself.
        away: how far it is, in standard deviations of measurement; None where no error is known.
        along: the facts that follow, with their values.
    """

    fact: str
    value: Decimal
    side: Literal["low", "high"]
    at: Fraction
    closed: bool
    away: float | None
    changes: tuple[Turn, ...]
    along: tuple[tuple[str, Value], ...] = ()


def edges(elsewhere: Elsewhere, errors: Mapping[str, MeasurementError]) -> list[Edge]:
    """The borders on either side of every known number, the nearest first by its error; after them
    those of numbers without a known one, the nearest first by their share of the number.
    """
    described, found = elsewhere.reasoner.guideline.facts, []
    for name, value in elsewhere.facts.items():
        fact = described[name]
        if fact.kind in NUMBERS and isinstance(value, Decimal):
            item = of_number(elsewhere, fact, value)
            found += [b for end in item.beyond if (b := _edge(item, end, errors.get(name)))]
    return sorted(found, key=lambda b: (b.away is None, _apart(b), described[b.fact].order))


def _edge(item: Stability, end: Beyond, error: MeasurementError | None) -> Edge | None:
    """An end at which something is told otherwise."""
    stands, low = item.stands, end.side == "low"
    assert stands is not None
    assert isinstance(item.value, Decimal)
    if not end.changes and not end.then:
        return None
    closed = stands.low_closed if low else stands.high_closed
    at, closed = (end.until, end.until_closed) if end.then else (end.at, closed)
    assert isinstance(at, Fraction)
    assert end.side != "value"
    off, away = abs(Fraction(item.value) - at), None
    deviation = error and (error.below if low else error.above)
    if deviation:
        away = float(off) / deviation
    return Edge(
        item.fact, item.value, end.side, at, closed, away, end.changes or end.then, end.followed
    )


def _apart(edge: Edge) -> float:
    if edge.away is not None:
        return edge.away
    return abs(float(edge.at) / float(edge.value) - 1) if edge.value else float("inf")


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
    found = elsewhere.cells(fact)
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


def share(item: Stability, error: MeasurementError | None) -> float | None:
    """Share of the error in which the answer stands, of what a case may be."""
    if error is None or item.stands is None:
        return None
    low, high, outside = item.stands.low, item.stands.high, 0.0
    for end in item.beyond:
        edge = low if end.side == "low" else high
        if end.constraint is not None:  # facts of the same reading go along, or no case is so
            edge = end.until if end.followed else edge
        elif not end.possible:  # a bound of the fact: what is read beyond it is that bound
            edge = None
        if end.side == "low":
            low = edge
        else:
            high = edge
        if end.possible or end.then:
            outside += error.share(None, edge) if end.side == "low" else error.share(edge, None)
    within = error.share(low, high)
    return round(within / (within + outside), 4) if within + outside else 1.0


@dataclass(frozen=True)
class Stretch:
    """Values of a number, of which the same is told.

    Attributes:
        low: its lower end; None without one.
        holds_low: the end is one of them.
        value: one of them that a case can give.
        told: the outcomes; None where no case may be so.
        along: the facts that follow there, with their values; None: it depends on the number.
    """

    low: Fraction | None
    holds_low: bool
    high: Fraction | None
    holds_high: bool
    value: Decimal
    told: Mapping[str, str | None] | None
    changes: tuple[Turn, ...]
    constraint: str | None = None
    along: tuple[tuple[str, Value | None], ...] = ()


def stretches(elsewhere: Elsewhere, fact: Fact) -> list[Stretch]:
    """All values of a number, the lowest first, the other facts as they stand or following it."""
    found: list[Stretch] = []
    for cell in elsewhere.cells(fact):
        there = elsewhere.there({**elsewhere.facts, fact.name: cell.value}, [fact.name])
        along = elsewhere.along_in(fact, cell, there)
        ends = cell.low, cell.point, cell.high, cell.point
        stretch = Stretch(*ends, cell.value, there.told, there.changes, there.constraint, along)
        before = found[-1] if found else None
        if before is not None and before.high != cell.low:  # no case can give a value between
            stretch = replace(stretch, low=before.high, holds_low=False)
        if before is not None and _same(before, stretch):
            found[-1] = replace(before, high=stretch.high, holds_high=stretch.holds_high)
        else:
            found.append(stretch)
    return found


def _same(one: Stretch, other: Stretch) -> bool:
    told = one.told, one.constraint, one.along
    return told == (other.told, other.constraint, other.along)


def of_words(elsewhere: Elsewhere) -> list[Stability]:
    """Of every known fact that is no number."""
    facts = elsewhere.reasoner.guideline.facts
    return [
        of_word(elsewhere, facts[name], value)
        for name, value in sorted(elsewhere.facts.items(), key=lambda item: facts[item[0]].order)
        if facts[name].kind not in NUMBERS
    ]


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


_Followed: TypeAlias = tuple[tuple[tuple[str, Value], ...], Fraction | None, bool, tuple[Turn, ...]]


def _followed(
    elsewhere: Elsewhere, fact: Fact, found: list[Range], at: int, step: Literal[-1, 1]
) -> _Followed:
    """What gives way beyond a cell, how far the answer stands then, and what changes there."""
    gave: tuple[tuple[str, Value], ...] = ()
    until, closed = found[at].low if step < 0 else found[at].high, found[at].point
    for cell in found[at + step :: step] if at + step >= 0 else ():
        facts = {**elsewhere.facts, fact.name: cell.value}
        moved = elsewhere.followed(facts, [fact.name])
        if moved is None:
            break
        gave = tuple((name, value) for name, value in moved.items() if facts[name] != value)
        then = elsewhere.differs(moved)
        if then:
            return gave, until, closed, then
        until, closed = cell.low if step < 0 else cell.high, cell.point
    return gave, until, closed, ()
