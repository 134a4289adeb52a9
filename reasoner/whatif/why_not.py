"""Why a thing is not first, or an alert not raised: what stood in its way, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.compiler import compiled_tests
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.engine.parts import RankedThing
from calx.reasoner.engine.ranking import weighty
from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    AtLeast,
    Compare,
    Condition,
    Derived,
    Not,
    OneOf,
    Value,
    leaf_holds,
)
from calx.reasoner.model.names import key_of
from calx.reasoner.model.program import Clause
from calx.reasoner.model.section import Alerts, Status
from calx.reasoner.whatif.outcomes import outcomes, ranked
from calx.words import DEFAULT


@dataclass(frozen=True)
class Lack:
    """A premise that does not hold.

    Attributes:
        fact: the value that it reads; for a conclusion, its key.
        value: what that is; None: not known, or not concluded.
        needs: what it would have to be, such as ``>= 360`` or ``not true``.
    """

    fact: str
    value: Value | None
    needs: str


@dataclass(frozen=True)
class Because:
    """A rule that stood in the way (nothing is missing), or that did not fire."""

    rule: str
    missing: tuple[Lack, ...] = ()


@dataclass(frozen=True)
class WhyNot:
    """Why something was not said."""

    of: str
    status: str | None
    other: str
    """What it is not: ``first``, or a severity."""
    because: tuple[Because, ...]


def why_not(answer: Answer) -> list[WhyNot]:
    """Of every thing that is not first, and every alert that is not raised."""
    said = outcomes(answer)
    found = []
    for section, first in ranked(answer.guideline):
        for thing in answer.things(section, DEFAULT):
            name = f"{section.kind}:{thing.id}"
            if isinstance(thing, RankedThing) and thing.rank != 1:
                because = tuple(_not_first(answer, section, thing, said[first]))
                found.append(WhyNot(name, thing.status, first, because))
    for alerts in answer.guideline.sections:
        if isinstance(alerts, Alerts):
            for alert in answer.guideline.of_kind(alerts.kind):
                name = f"{alerts.kind}:{alert.id}"
                keys = [key_of(predicate, alert.local) for predicate in alerts.raising]
                if name not in said and (because := tuple(_not_concluded(answer, *keys))):
                    found.append(WhyNot(name, None, "raised", because))
    return found


def _not_first(
    answer: Answer, section: Status, thing: RankedThing, first: str | None
) -> Iterator[Because]:
    """What forbids it; else what could speak for it; else what put another before it."""
    if thing.against:
        yield from (Because(reason.rule) for reason in thing.against)
        return
    local = next(t.local for t in answer.guideline.of_kind(section.kind) if t.id == thing.id)
    if thing.rank is None:
        speaking = [role for role in (section.indicated, section.adjunct) if role]
        yield from _not_concluded(answer, *(key_of(role, local) for role in speaking))
        return
    yield from (Because(caution.rule) for caution in weighty(thing))
    if section.favoured and not thing.preferred_by:
        yield from _not_concluded(answer, key_of(section.favoured, local))
    leading = next((t for t in answer.things(section, DEFAULT) if t.id == first), None)
    if leading is not None:
        gone = {*thing.preferred_by, *thing.indicated_by}
        yield from (Because(rule) for rule in leading.preferred_by if rule not in gone)


def _not_concluded(answer: Answer, *keys: str) -> Iterator[Because]:
    """The rules that could conclude something, each with the fewest premises that are missing."""
    seeking = _Seeking(answer)
    by_rule: dict[str, tuple[Lack, ...]] = {}
    for key in keys:
        for clause in answer.guideline.program.writers_of.get(key, ()):
            lacks = seeking.lacks(clause.production.condition)
            known = by_rule.get(clause.rule.id)
            if known is None or len(lacks) < len(known):
                by_rule[clause.rule.id] = lacks
    for rule, lacks in sorted(by_rule.items(), key=lambda item: len(item[1])):
        yield Because(rule, lacks)


class _Seeking:
    """Finds what a condition lacks in one case."""

    def __init__(self, answer: Answer) -> None:
        self._guideline, self._trace = answer.guideline, answer.trace
        self._open: set[str] = set()

    def lacks(self, condition: Condition) -> tuple[Lack, ...]:
        """The fewest premises without which it does not hold; none where it holds."""
        return tuple(dict.fromkeys(self._lacks(condition)))

    def _lacks(self, condition: Condition) -> Iterator[Lack]:
        match condition:
            case AllOf(parts):
                for part in parts:
                    yield from self._lacks(part)
            case AnyOf(parts):
                yield from min((self.lacks(part) for part in parts), key=len, default=())
            case Not(part):
                if _holds(part, self._trace):
                    yield from self._too_much(part)
            case Compare() | OneOf() | Absent():
                value = self._trace.values.get(condition.fact)
                if not leaf_holds(condition, value):
                    yield Lack(condition.fact, value, _needs(condition))
            case Derived():
                if condition.key not in self._trace.derived:
                    yield from self._behind(condition.key)
            case AtLeast(count, predicate):
                among = condition.keys or self._trace.by_property.get(predicate, ())
                have = sum(key in self._trace.derived for key in among)
                if have < count:
                    yield Lack(predicate, have, f">= {count}")
            case _:
                assert_never(condition)

    def _too_much(self, condition: Condition) -> Iterator[Lack]:
        """What would have to be otherwise so that a condition which holds does not."""
        match condition:
            case AllOf(parts):
                yield from self._too_much(parts[0])
            case AnyOf(parts):
                for part in parts:
                    if _holds(part, self._trace):
                        yield from self._too_much(part)
            case Not(part):
                yield from self._lacks(part)
            case Compare() | OneOf() | Absent():
                value = self._trace.values.get(condition.fact)
                yield Lack(condition.fact, value, f"not {_needs(condition)}")
            case Derived():
                yield Lack(condition.key, True, "not concluded")
            case AtLeast(count, predicate):
                have = len(self._trace.by_property.get(predicate, ()))
                yield Lack(predicate, have, f"< {count}")
            case _:
                assert_never(condition)

    def _behind(self, key: str) -> tuple[Lack, ...]:
        """What the nearest rule to a conclusion lacks."""
        if key in self._open:
            return (Lack(key, None, "concluded"),)
        self._open.add(key)
        writers: tuple[Clause, ...] = self._guideline.program.writers_of.get(key, ())
        found = min((self.lacks(c.production.condition) for c in writers), key=len, default=())
        self._open.discard(key)
        return found or (Lack(key, None, "concluded"),)


def _holds(condition: Condition, trace: Trace) -> bool:
    return compiled_tests([condition])[0](trace.values, trace.derived, trace.by_property)


def _needs(leaf: Compare | OneOf | Absent) -> str:
    """What a leaf asks of a value."""
    match leaf:
        case Compare(_, comparator, limit):
            return f"{comparator} {_plain(limit)}"
        case OneOf(_, values):
            return " | ".join(str(value).lower() for value in values)
        case Absent():
            return "unknown"
        case _:
            assert_never(leaf)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
