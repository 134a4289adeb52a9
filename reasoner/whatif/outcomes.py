"""What an answer comes to: the few things that have to stay for it to stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import RankedThing, Thing
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import key_of
from calx.reasoner.model.section import Actions, Alerts, Criteria, One, Status
from calx.words import DEFAULT

FIRST = "first"
ADVISED = "advised"


class Turn(NamedTuple):
    """Something that is otherwise elsewhere."""

    of: str
    """``strategy``, ``first``, ``device:ID``, ``alert:ID``."""
    before: str | None
    """An id, a status, a severity; None where there is none."""
    after: str | None
    rule: str | None
    """By which it is told there; where nothing is told, by which it was told here."""


def outcomes(answer: Answer, whole: bool = False) -> dict[str, str | None]:
    """The term that leads, the status of every thing, which thing comes first, every raised alert
    with its severity; of the whole also what becomes of every criterion, and every advised action.
    """
    told: dict[str, str | None] = {}
    for section in answer.guideline.sections:
        match section:
            case One(leads=True):
                told[section.key] = next(iter(answer.ids(section.predicate)), None)
            case Status(listed=True):
                for thing in answer.things(section, DEFAULT):
                    told[f"{section.kind}:{thing.id}"] = thing.status
            case Alerts():
                for alert in answer.alerts(section, DEFAULT):
                    told[f"{section.kind}:{alert.id}"] = alert.severity
            case Criteria() if whole:
                for criterion, verdict in answer.judged(section).criteria.items():
                    told[f"{section.kind}:{criterion}"] = verdict
            case Actions() if whole:
                kind = answer.guideline.properties[section.predicates[0]].kind
                for action in answer.actions(section, DEFAULT):
                    told[f"{kind}:{action.id}"] = ADVISED
            case _:
                pass
    for section, name in ranked(answer.guideline):
        first = _first(answer, section)
        told[name] = first.id if first else None
    return told


def kept(guideline: Guideline, whole: bool = False) -> set[str]:
    """The properties from which outcomes are drawn."""
    return {
        name
        for section in guideline.sections
        if isinstance(section, Alerts)
        or (whole and isinstance(section, Criteria | Actions))
        or (isinstance(section, One) and section.leads)
        or (isinstance(section, Status) and section.listed)
        for name in (section.raising if isinstance(section, Alerts) else section.shown)
    }


def ranked(guideline: Guideline) -> list[tuple[Status, str]]:
    """The sections that rank their things, and what the first of each is called."""
    found = [s for s in guideline.sections if isinstance(s, Status) and s.ranked]
    return [(s, FIRST if len(found) == 1 else f"{FIRST}:{s.kind}") for s in found]


def changes(here: Answer, there: Answer, whole: bool = False) -> list[Turn]:
    """What an answer says otherwise than another."""
    before, after = outcomes(here, whole), outcomes(there, whole)
    return turns(here, there, before, after)


def turns(
    here: Answer,
    there: Answer,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
) -> list[Turn]:
    """The same, of outcomes that are known already."""
    return [
        Turn(name, before.get(name), after.get(name), next(_turned_by(name, here, there), None))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def _turned_by(name: str, here: Answer, there: Answer) -> Iterator[str]:
    """The rules by which something is told there, and no longer here; the most telling first."""
    kind, _, id_ = name.partition(":")
    for section in here.guideline.sections:
        match section:
            case One(leads=True) if section.key == name:
                for answer in (there, here):
                    chosen = answer.chosen(section, DEFAULT)
                    if chosen is not None:
                        yield chosen.rule
            case Status(listed=True) if section.kind == kind and kind != FIRST:
                yield from _differing(
                    _reasons(_thing(there, section, id_)), _reasons(_thing(here, section, id_))
                )
            case Alerts() if section.kind == kind:
                yield from _differing(_alert(there, section, id_), _alert(here, section, id_))
            case Criteria() if section.kind == kind:
                told = _concluding(kind, id_, (section.met, section.not_met))
                yield from _differing(told(there), told(here))
            case Actions() if here.guideline.properties[section.predicates[0]].kind == kind:
                told = _concluding(kind, id_, section.predicates)
                yield from _differing(told(there), told(here))
            case _:
                pass
    for section, first in ranked(here.guideline):
        if first == name:
            yield from _first_turned_by(section, here, there)


def _first_turned_by(section: Status, here: Answer, there: Answer) -> Iterator[str]:
    """What lifted the new first thing, or put the old one down."""
    ids = [thing.id for thing in (_first(there, section), _first(here, section)) if thing]
    for tell in (_reasons, _weighed):
        for id_ in ids:
            yield from _differing(
                tell(_thing(there, section, id_)), tell(_thing(here, section, id_)), same=False
            )


def _differing(after: list[str], before: list[str], *, same: bool = True) -> Iterator[str]:
    """What is new, then what is gone, then (``same``) what is told in both."""
    yield from (rule for rule in after if rule not in before)
    yield from (rule for rule in before if rule not in after)
    if same:
        yield from after


def _first(answer: Answer, section: Status) -> Thing | None:
    things = answer.things(section, DEFAULT)
    return next((t for t in things if isinstance(t, RankedThing) and t.rank == 1), None)


def _thing(answer: Answer, section: Status, id_: str) -> Thing:
    return next(thing for thing in answer.things(section, DEFAULT) if thing.id == id_)


def _reasons(thing: Thing) -> list[str]:
    return [*(reason.rule for reason in thing.against), *thing.preferred_by, *thing.indicated_by]


def _weighed(thing: Thing) -> list[str]:
    return [caution.rule for caution in thing.cautions]


def _concluding(kind: str, id_: str, names: Collection[str]) -> Callable[[Answer], list[str]]:
    """Tells the rules of an answer that concluded a term of one of some properties."""

    def told(answer: Answer) -> list[str]:
        local = next(term.local for term in answer.guideline.of_kind(kind) if term.id == id_)
        return [rule.id for name in names for rule in answer.rules_of(key_of(name, local))]

    return told


def _alert(answer: Answer, section: Alerts, id_: str) -> list[str]:
    found: Iterable[list[str]] = (
        alert.rules for alert in answer.alerts(section, DEFAULT) if alert.id == id_
    )
    return next(iter(found), [])
