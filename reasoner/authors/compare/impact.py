"""What follows from an edit for all lesions: what they get instead, told by region and border."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

import z3

from calx.reasoner.authors.compare.changes import Changes
from calx.reasoner.authors.compare.cohort import admits_alike
from calx.reasoner.authors.prove.literals import cuts
from calx.reasoner.authors.prove.phrases import describe_literals
from calx.reasoner.authors.prove.session import Lesion, Region, Session, UndecidedError
from calx.reasoner.authors.prove.witness import DisagreementError, runnable
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.condition import Compare, Not, OneOf
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import Text, predicate_of, term_of
from calx.reasoner.model.section import Alerts, One, Status
from calx.reasoner.model.values import FRACTION_DIGITS
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.fractions import Quotient, Truth, both, differ, either, none
from calx.reasoner.symbolic.solver import AnyLesion, Given
from calx.words import wording

MOST_REGIONS = 3


@dataclass(frozen=True)
class Border:
    """Two lesions that differ in one fact: the edit changes the first and not the second."""

    fact: str
    changed: dict[str, Any]
    unchanged: dict[str, Any]


@dataclass(frozen=True)
class Where:
    """Lesions that an edit changes, in words."""

    words: Text | None
    """None where no words tell them apart; the example is one of them."""
    example: dict[str, Any]
    border: Border | None


@dataclass(frozen=True)
class Shift:
    """One outcome that becomes another for some lesions."""

    about: str
    """The outcome: the key of a section, or kind and id of a thing."""
    subject: Text
    before: Text
    after: Text
    rules: tuple[str, str]
    """Ids of the rules that concluded it before and after."""
    only_with_lead: bool
    """It changes only where what leads an answer changes too."""
    where: tuple[Where, ...]
    more: bool
    """There are other lesions of which it is true."""


@dataclass(frozen=True)
class Impact:
    """What an edit changes for all lesions."""

    shifts: tuple[Shift, ...]
    unchanged: tuple[Text, ...]
    """The outcomes proved to stay the same for every lesion that both guidelines admit."""
    refused: dict[str, Any] | None
    """A case that only the old guideline admits."""
    admitted: dict[str, Any] | None
    """A case that only the new one admits."""
    undecided: tuple[Text, ...] = ()
    """The outcomes of which the solver could not tell what becomes, or not all of it."""
    told: bool = True
    """False where a fact changed its type, so that lesions cannot be compared."""


def impact(changes: Changes, progress: Callable[[str], None] = lambda told: None) -> Impact:
    """What an edit changes for all lesions, proved.

    Raises:
        DisagreementError: the engine does not confirm what the solver found.
    """
    return _Comparison(changes, progress).impact()


class _Comparison:
    def __init__(self, changes: Changes, progress: Callable[[str], None]) -> None:
        self.old, self.new = changes.old, changes.new
        self._progress = progress
        self._changed_shared = changes.changed_shared
        self._reasoners = Reasoner(self.old), Reasoner(self.new)
        self._statuses: dict[str, Text] = {}
        """How the statuses of things are called, by property."""

    def impact(self) -> Impact:
        facts = _all_facts(self.old, self.new)
        if facts is None:
            return Impact((), (), None, None, told=False)
        self.given = Given(facts.values())
        # words may use a shared condition only where it means the same in both
        told = tuple(shared for shared in self.old.shared if shared.id not in self._changed_shared)
        self.before = AnyLesion(replace(self.old, shared=told), self.given, "old ")
        self.after = AnyLesion(self.new, self.given, "new ")
        self.session = Session(self.before, self.after)
        lead = self.new.lead or self.old.lead
        self._lead = lead.predicate if lead else None
        self._same_lead = self._same(self._lead) if self._lead else both([])
        shifts, unchanged, undecided = list[Shift](), list[Text](), list[Text]()
        for subject, found in self._outcomes():
            self._progress(subject["en"])
            before = len(shifts)
            try:
                for shift in found:
                    shifts.append(shift)
            except UndecidedError:
                undecided.append(subject)
            else:
                if len(shifts) == before:
                    unchanged.append(subject)
        refused = admitted = None
        if not admits_alike(self.old, self.new):
            try:
                refused = self._only(self.before, self.after)
                admitted = self._only(self.after, self.before)
            except UndecidedError:
                undecided.append(wording("change", "admitted cases"))
        return Impact(tuple(shifts), tuple(unchanged), refused, admitted, tuple(undecided))

    def _only(self, one: AnyLesion, other: AnyLesion) -> dict[str, Any] | None:
        """A case that one guideline admits and the other does not."""
        session = Session(AnyLesion(one.guideline, self.given, "alone "))
        found = session.smallest(
            (one,), none(both(other.valid)), *one.definitions, *other.definitions
        )
        return runnable("admitted", found) if found else None

    # --- outcomes -----------------------------------------------------------------------

    def _outcomes(self) -> Iterator[tuple[Text, Iterator[Shift]]]:
        sections = list({s.key: s for s in (*self.old.sections, *self.new.sections)}.values())
        told = set[str]()
        for section in sections:
            if isinstance(section, One) and section.leads:
                label = self._label(section.predicate)
                keys = self._keys(section.predicate)
                yield label, self._of_one(section.key, label, keys, leads=True)
                told.add(section.predicate)
        for section in sections:
            if isinstance(section, Status):
                yield from self._things(section)
                told |= {name for name in section.shown if name != section.caution}
        if self._lead is not None:
            settled = wording("change", "settled whether", lead=self._label(self._lead))
            yield settled, self._settled(self._lead, settled)
        for section in sections:
            if isinstance(section, Alerts):
                names = tuple(name for name, _ in section.severities)
                yield section.label, self._each(names, section.kind)
                told |= set(section.raising)
        for name in dict.fromkeys((*self.new.properties, *self.old.properties)):
            if name not in told and self._keys(name):
                yield self._label(name), self._each((name,), name)
        for fact in dict.fromkeys((*self.new.facts, *self.old.facts)):
            known = self.new.facts.get(fact) or self.old.facts[fact]
            if not known.given and known.result_key:
                yield known.label, self._value(fact, known)

    def _things(self, section: Status) -> Iterator[tuple[Text, Iterator[Shift]]]:
        things = {  # one that is gone is told like any other
            thing.local: thing
            for guideline in (self.old, self.new)
            for thing in guideline.of_kind(section.kind)
        }
        self._statuses |= {status.predicate: status.label for status in section.statuses}
        for thing in things.values():
            yield (
                thing.label,
                self._of_one(
                    f"{section.kind} {thing.id}",
                    thing.label,
                    section.keys(thing.local),
                    leads=False,
                ),
            )

    def _label(self, name: str) -> Text:
        return (self.new.properties.get(name) or self.old.properties[name]).label

    def _keys(self, name: str) -> list[str]:
        return list(dict.fromkeys([*self.before.terms(name), *self.after.terms(name)]))

    def _holds(self, lesion: AnyLesion, key: str) -> Truth:
        return lesion.derived.get(key, cast("Truth", z3.BoolVal(False)))

    def _same(self, name: str) -> Truth:
        return both(
            cast("Truth", self._holds(self.before, key) == self._holds(self.after, key))
            for key in self._keys(name)
        )

    def _of_one(
        self, about: str, subject: Text, keys: Sequence[str], leads: bool
    ) -> Iterator[Shift]:
        """An outcome of which at most one of several keys holds."""
        here, there = (
            {key: self._holds(lesion, key) for key in keys} for lesion in (self.before, self.after)
        )
        if not self.session.possible(
            either(cast("Truth", here[key] != there[key]) for key in keys)
        ):
            return
        nothing = "-"
        sides = [{**side, nothing: none(either(side.values()))} for side in (here, there)]
        for one, before in sides[0].items():
            if not self.session.possible(before, none(sides[1][one])):
                continue
            for other, after in sides[1].items():
                if one != other and self.session.possible(before, after):
                    yield self._shift(about, subject, (one, other), (before, after), leads)

    def _each(self, names: tuple[str, ...], about: str) -> Iterator[Shift]:
        """Conclusions that come or go, each by itself."""
        keys = [key for name in names for key in self._keys(name)]
        pairs = {key: (self._holds(self.before, key), self._holds(self.after, key)) for key in keys}
        if not self.session.possible(
            either(cast("Truth", one != other) for one, other in pairs.values())
        ):
            return
        for key, (one, other) in pairs.items():
            subject = self._term(key)
            for (before, after), told in (
                ((none(one), other), ("-", key)),
                ((one, none(other)), (key, "-")),
            ):
                if self.session.possible(before, after):
                    yield self._shift(
                        f"{about} {key.partition(':')[2]}", subject, told, (before, after), False
                    )

    def _settled(self, lead: str, subject: Text) -> Iterator[Shift]:
        """What leads stays, and is settled for one guideline and provisional for the other."""
        words: dict[bool, Text] = {
            True: wording("change", "settled"),
            False: wording("change", "provisional"),
        }
        for key in self._keys(lead):
            sure = [
                lesion.certain.get(key, cast("Truth", z3.BoolVal(False)))
                for lesion in (self.before, self.after)
            ]
            both_ = both([self._holds(self.before, key), self._holds(self.after, key)])
            for first in (True, False):
                before, after = (sure[0], none(sure[1])) if first else (none(sure[0]), sure[1])
                if self.session.possible(both_, before, after):
                    about = f"settled {key}"
                    (example,) = self.session.smallest((self.before,), both_, before, after) or (
                        {},
                    )
                    where = (self._where(Region((), example, False), (key, key), about),)
                    yield Shift(
                        about, subject, words[first], words[not first], ("", ""), False, where, True
                    )

    def _value(self, name: str, fact: Fact) -> Iterator[Shift]:
        """A computed number that becomes another."""
        other_value = either(
            both([one.guard, other.guard, differ(one.value, other.value)])
            for one in self.before.values.get(name, ())
            for other in self.after.values.get(name, ())
            if isinstance(one.value, Quotient) and isinstance(other.value, Quotient)
        )
        lost = both([self.before.known(name), none(self.after.known(name))])
        won = both([none(self.before.known(name)), self.after.known(name)])
        goal = either([other_value, lost, won])
        if self.session.possible(goal):
            words: Text = wording("change", "another value")
            yield self._shift(
                f"value {name}",
                fact.label,
                ("-", "-"),
                (cast("Truth", z3.BoolVal(True)), goal),
                False,
                words,
            )

    # --- one shift ------------------------------------------------------------------------

    def _shift(
        self,
        about: str,
        subject: Text,
        keys: tuple[str, str],
        sides: tuple[Truth, Truth],
        leads: bool,
        words: Text | None = None,
    ) -> Shift:
        before, after = sides
        alone = () if leads else (self._same_lead,)
        dependent = not leads and not self.session.possible(before, after, *alone)
        where, more = list[Where](), False
        if not dependent:
            asked = (
                tuple(dict.fromkeys(predicate_of(key) for key in keys if key != "-"))
                if words is None
                else (about.partition(" ")[2],)
            )
            for region in self.session.regions(
                self.before, after, (before, *alone), asked, MOST_REGIONS + 1, self._cuts
            ):
                if len(where) == MOST_REGIONS:
                    more = True
                    break
                where.append(self._where(region, keys, about))
        told = words or self._told(keys[0]), words or self._told(keys[1])
        return Shift(
            about,
            subject,
            *told,
            (self._rules(self.old, keys[0]), self._rules(self.new, keys[1])),
            dependent,
            tuple(where),
            more,
        )

    def _told(self, key: str) -> Text:
        return wording("change", "none") if key == "-" else self._term(key)

    def _term(self, key: str) -> Text:
        name, local = predicate_of(key), term_of(key)
        guideline = (
            self.new
            if name in self.new.properties
            and f"{self.new.properties[name].kind}/{local}" in self.new.terms
            else self.old
        )
        if name in self._statuses:
            return self._statuses[name]
        return guideline.term(name, local).label

    @staticmethod
    def _rules(guideline: Guideline, key: str) -> str:
        named = [clause.rule.id for clause in guideline.program.writers_of.get(key, ())]
        return ", ".join(dict.fromkeys(named))

    def _where(self, region: Region, keys: tuple[str, str], about: str) -> Where:
        words = describe_literals(self.before.guideline, region.literals) if region.exact else None
        case = runnable("changed", (region.example,))
        differs = self._differs(region.example, keys, about)
        if differs is None:  # numbers that no case can give: the region is told without an example
            return Where(words, {}, None)
        if not differs:
            raise DisagreementError(
                f"the engine does not confirm that {case} changes; please report this as a fault "
                "of Calx"
            )
        return Where(words, case, self._border(region, keys, about))

    # --- either side of the border ----------------------------------------------------------

    def _border(self, region: Region, keys: tuple[str, str], about: str) -> Border | None:
        """Two lesions that differ in one number, or one finding, as little as can be."""
        named = list(
            dict.fromkeys(
                _fact(literal.condition) for literal in region.literals if literal.named is None
            )
        )
        order = [name for name in named if name in self.given.symbol] + [
            name for name in named if name not in self.given.symbol
        ]
        order = [name for name in order if name in self.given.facts]
        order += [
            name for name in region.example if name in self.given.symbol and name not in order
        ]
        for name in order:
            states = [
                (value, self._differs({**region.example, name: value}, keys, about))
                for value in self._nearby(name, region.example.get(name))
            ]
            known = [(value, state) for value, state in states if state is not None]
            pairs = [(a, b) for (a, one), (b, other) in pairwise(known) if one != other]
            if pairs:
                yes = {value for value, state in known if state}
                one, other = min(
                    pairs,
                    key=lambda pair: (
                        abs(pair[0] - pair[1])
                        if isinstance(pair[0], Decimal) and isinstance(pair[1], Decimal)
                        else 0
                    ),
                )
                inside, outside = (one, other) if one in yes else (other, one)
                sides = ({**region.example, name: inside}, {**region.example, name: outside})
                return Border(
                    name, runnable("changed", (sides[0],)), runnable("unchanged", (sides[1],))
                )
        return None

    def _nearby(self, name: str, value: object) -> list[Any]:
        fact = self.given.facts[name]
        if name not in self.given.symbol:
            return [True, False] if fact.kind == "boolean" else list(fact.values)
        step = Decimal(1) if fact.kind == "integer" or (fact.maximum or 0) > 100 else Decimal("0.1")
        near = {
            cut + shift for cut in self._cuts.get(name, []) for shift in (-step, Decimal(0), step)
        }
        near |= {value} if isinstance(value, Decimal) else set()
        low, high = fact.minimum, fact.maximum
        return sorted(
            n
            for n in near
            if (low is None or n >= low)
            and (high is None or n <= high)
            and round(n, FRACTION_DIGITS) == n
        )

    @cached_property
    def _cuts(self) -> dict[str, list[Decimal]]:
        mine, theirs = cuts(self.old), cuts(self.new)
        return {
            name: sorted({*mine.get(name, []), *theirs.get(name, [])}) for name in {*mine, *theirs}
        }

    def _differs(self, facts: Lesion, keys: tuple[str, str], about: str) -> bool | None:
        """Whether the engine sees this change in a lesion;
        None where one of the guidelines does not admit it.
        """
        traces = list[Trace]()
        for reasoner in self._reasoners:
            try:
                admitted = reasoner.gate.admit(runnable("c", (facts,)))
            except CaseError:
                return None
            traces.append(reasoner.evaluation.run(admitted.facts))
        if about.startswith("value "):
            name = about.partition(" ")[2]
            return traces[0].values.get(name) != traces[1].values.get(name)
        if about.startswith("settled "):
            sure = [
                reasoner.uncertainty.outlook(trace.values).holds(keys[0]) is True
                for reasoner, trace in zip(self._reasoners, traces, strict=True)
            ]
            return sure[0] != sure[1]
        one, other = (key if key != "-" else None for key in keys)
        return (one is None or (one in traces[0].derived and one not in traces[1].derived)) and (
            other is None or (other in traces[1].derived and other not in traces[0].derived)
        )


def _all_facts(old: Guideline, new: Guideline) -> dict[str, Fact] | None:
    """The facts of either guideline, with the values of both; None where one changed its type."""
    facts = {name: fact for name, fact in old.facts.items() if fact.given}
    for name, fact in new.facts.items():
        if fact.given and name in facts:
            if facts[name].kind != fact.kind:
                return None
            facts[name] = replace(
                fact, values=tuple(dict.fromkeys((*facts[name].values, *fact.values)))
            )
        elif fact.given:
            facts[name] = fact
    return facts


def _fact(condition: object) -> str:
    inner = condition.part if isinstance(condition, Not) else condition
    assert isinstance(inner, Compare | OneOf) or hasattr(inner, "fact")
    return str(inner.fact)
