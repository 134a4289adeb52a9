"""Outcomes that somebody names, as truth values of a symbolic lesion: what would have to hold so
that an answer said that. The rank of things is the one of `engine.ranking`, read into Z3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import z3

from calx.errors import CalxError
from calx.reasoner.engine.compiler import Reading
from calx.reasoner.engine.proof import ThingKeys
from calx.reasoner.model.guideline import Guideline, Statement, Term
from calx.reasoner.model.names import key_of
from calx.reasoner.model.rule import Rule
from calx.reasoner.model.section import Alerts, One, Status
from calx.reasoner.symbolic.fractions import NO, YES, Truth, both, either, none
from calx.reasoner.symbolic.solver import AnyLesion
from calx.reasoner.whatif.outcomes import ranked
from calx.words import words

NONE = "none"
"""Of an alert: it is not raised."""


class NoSuchOutcomeError(CalxError):
    """An outcome that the guideline cannot say; the message tells which there are."""


@dataclass(frozen=True)
class Goal:
    """An outcome that is wanted: ``of`` has ``value``; None where it is to have none."""

    of: str
    value: str | None

    def __str__(self) -> str:
        return f"{self.of}={self.value or NONE}"


def possible(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    """What an answer can say, by the name of each outcome."""
    found: dict[str, tuple[str, ...]] = {}
    for section in guideline.sections:
        match section:
            case One(leads=True):
                kind = guideline.properties[section.predicate].kind
                found[section.key] = tuple(term.id for term in guideline.of_kind(kind))
            case Status(listed=True):
                told = tuple(status.word for status in section.statuses)
                found |= {f"{section.kind}:{t.id}": told for t in guideline.of_kind(section.kind)}
            case Alerts():
                written = guideline.program.writers_of
                found |= {
                    f"{section.kind}:{t.id}": (
                        NONE,
                        *(
                            word
                            for name, word in section.severities
                            if key_of(name, t.local) in written
                            or any(key_of(one, t.local) in written for one in section.raised)
                        ),
                    )
                    for t in guideline.of_kind(section.kind)
                }
            case _:
                pass
    for section, name in ranked(guideline):
        found[name] = tuple(term.id for term in guideline.of_kind(section.kind))
    return found


def goal(guideline: Guideline, text: str, language: str) -> Goal:
    """The outcome that ``of=value`` names.

    Raises:
        NoSuchOutcomeError: the guideline cannot say that.
    """
    name, _, value = (part.strip() for part in text.partition("="))
    can = possible(guideline)
    say = words("whatif", language)
    if name not in can:
        kind = name.partition(":")[0]
        alike = [key for key in can if ":" in name and key.startswith(f"{kind}:")]
        every = (key.partition(":")[0] + ":…" * (":" in key) for key in can)
        told = ", ".join(alike or dict.fromkeys(every))
        raise NoSuchOutcomeError(say["no such outcome"].format(outcome=text[:80], outcomes=told))
    if value not in can[name]:
        told = ", ".join(can[name])
        raise NoSuchOutcomeError(
            say["no such value"].format(of=name, value=value[:40], values=told)
        )
    return Goal(name, None if value == NONE and NONE in can[name] else value)


class Goals:
    """Says of a symbolic lesion when an outcome is reached."""

    def __init__(self, lesion: AnyLesion) -> None:
        self._lesion, self._guideline = lesion, lesion.guideline
        self._places: dict[str, dict[str, tuple[z3.ArithRef, ...]]] = {}

    def reached(self, wanted: Goal) -> Truth:
        """The outcome is the one wanted."""
        kind, _, id_ = wanted.of.partition(":")
        for ranking, name in ranked(self._guideline):
            if name == wanted.of:
                return self._first(ranking, wanted.value)
        for section in self._guideline.sections:
            match section:
                case One(leads=True) if section.key == wanted.of and wanted.value is None:
                    keys = self._guideline.program.keys_of(section.predicate)
                    return none(either(self._derived(key) for key in keys))
                case One(leads=True) if section.key == wanted.of:
                    term = self._term(
                        self._guideline.properties[section.predicate].kind, wanted.value
                    )
                    return self._derived(key_of(section.predicate, term.local))
                case Status(listed=True) if section.kind == kind:
                    return self._status(section, self._term(kind, id_), str(wanted.value))
                case Alerts() if section.kind == kind:
                    return self._severity(section, self._term(kind, id_), wanted.value)
                case _:
                    pass
        raise AssertionError(wanted)

    def _term(self, kind: str, id_: str | None) -> Term:
        return next(term for term in self._guideline.of_kind(kind) if term.id == id_)

    def _derived(self, key: str) -> Truth:
        return self._lesion.derived.get(key, NO)

    def _status(self, section: Status, thing: Term, word: str) -> Truth:
        earlier: list[Truth] = []
        for status, key in zip(section.statuses, section.keys(thing.local), strict=True):
            holds = YES if status is section.statuses[-1] else self._derived(key)
            if status.word == word:
                return both([holds, *(none(one) for one in earlier)])
            earlier.append(holds)
        raise AssertionError(word)

    def _severity(self, section: Alerts, alert: Term, severity: str | None) -> Truth:
        graded = [
            (word, self._derived(key_of(name, alert.local))) for name, word in section.severities
        ]
        raised = [self._derived(key_of(name, alert.local)) for name in section.raised]
        if severity is None:
            return none(either([*(holds for _, holds in graded), *raised]))
        earlier: list[Truth] = []
        ways = []
        for word, holds in graded:
            if word == severity:
                ways.append(both([holds, *(none(one) for one in earlier)]))
            earlier.append(holds)
        if severity == section.gravest:
            ways.append(both([either(raised), *(none(one) for one in earlier)]))
        return either(ways)

    # --- rank ---------------------------------------------------------------------------

    def _first(self, section: Status, id_: str | None) -> Truth:
        places = self._places_of(section)
        usable = len([s for s in section.statuses if s.usable])
        if id_ is None:
            return both(cast("Truth", place[0] >= usable) for place in places.values())
        mine = places[id_]
        before = [
            either([cast("Truth", other[0] >= usable), _before(mine, other)])
            for name, other in places.items()
            if name != id_
        ]
        return both([cast("Truth", mine[0] < usable), *before])

    def _places_of(self, section: Status) -> dict[str, tuple[z3.ArithRef, ...]]:
        if section.key not in self._places:
            self._places[section.key] = {
                thing.id: self._place(section, thing)
                for thing in self._guideline.of_kind(section.kind)
            }
        return self._places[section.key]

    def _place(self, section: Status, thing: Term) -> tuple[z3.ArithRef, ...]:
        """As `ranking.in_rank` has it; a thing that may not be used comes after all that may."""
        keys, levels = ThingKeys(section, thing.local), self._guideline.levels
        good = [s.word for s in section.in_reading_order if s.usable]
        standing = _index([self._status(section, thing, word) for word in good])
        primary, beside = self._firing(keys.indicated), self._firing(keys.adjunct)
        used = either(self._derived(key) for key in keys.usable)
        favoured = {
            rule: both([fires, used]) for rule, fires in self._firing(keys.favoured).items()
        }
        adjunct = both(
            [
                either([*primary.values(), *beside.values()]),
                *(either([none(fires), beside.get(rule, NO)]) for rule, fires in primary.items()),
            ]
        )
        cautions = [
            fires
            for caution in self._guideline.terms.values()
            if section.caution
            and caution.weighty
            and caution.concerns == thing.local
            and caution.kind == self._guideline.properties[section.caution].kind
            for fires in self._firing(key_of(section.caution, caution.local)).values()
        ]
        speaking = [*primary.items(), *beside.items(), *favoured.items()]
        disputed = either(both([fires, self._disputed(rule)]) for rule, fires in speaking)
        by_level = [
            either(fires for rule, fires in speaking if self._guideline.rule[rule].level == level)
            for level in levels[:-1]
        ]
        return (
            standing,
            _number(adjunct),
            cast("z3.ArithRef", z3.Sum([_number(one) for one in cautions] or [z3.IntVal(0)])),
            _number(disputed),
            _index(by_level),
            z3.IntVal(thing.precedence or thing.order),
        )

    def _firing(self, key: str) -> dict[str, Truth]:
        """By rule, that it concludes something."""
        found: dict[str, list[Truth]] = {}
        for clause in self._guideline.program.writers_of.get(key, ()):
            holds = self._lesion.production[clause.rule.id, clause.number]
            found.setdefault(clause.rule.id, []).append(holds)
        return {rule: either(each) for rule, each in found.items()}

    def _disputed(self, rule: str) -> Truth:
        return either(
            self._concerns(s) for s in disputing(self._guideline, self._guideline.rule[rule])
        )

    def _concerns(self, statement: Statement) -> Truth:
        parts = [] if statement.when is None else [self._lesion.holds(statement.when)]
        if statement.when_known is not None:
            parts.append(self._lesion.holds(statement.when_known, Reading.CERTAIN))
        return both(parts)


def disputing(guideline: Guideline, rule: Rule) -> Iterable[Statement]:
    """The statements of a rule that speak against it, of studies that were not withdrawn."""
    found = (guideline.statements[id_] for id_ in rule.evidence if id_ in guideline.statements)
    return [s for s in found if s.stance == "disputes" and not guideline.studies[s.study].withdrawn]


def _number(truth: Truth) -> z3.ArithRef:
    return cast("z3.ArithRef", z3.If(truth, z3.IntVal(1), z3.IntVal(0)))


def _index(truths: list[Truth]) -> z3.ArithRef:
    """The place of the first that holds; their number where none does."""
    found: z3.ArithRef = z3.IntVal(len(truths))
    for index in reversed(range(len(truths))):
        found = cast("z3.ArithRef", z3.If(truths[index], z3.IntVal(index), found))
    return found


def _before(one: tuple[z3.ArithRef, ...], other: tuple[z3.ArithRef, ...]) -> Truth:
    """A place comes before another: by the first part in which they differ."""
    found: Truth = NO
    for mine, theirs in reversed(list(zip(one, other, strict=True))):
        less, equal = cast("Truth", mine < theirs), cast("Truth", mine == theirs)
        found = either([less, both([equal, found])])
    return found
