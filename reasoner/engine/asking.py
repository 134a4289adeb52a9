"""What to find out next: the few unknown facts that matter most to what an answer says first, those
that can be had now before what only the next step shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.guideline import COSTS
from calx.words import DEFAULT


@dataclass(frozen=True)
class Ask:
    """An unknown fact worth finding out."""

    fact: str
    decides: tuple[str, ...]
    """Keys of sections, ids of things, and ids of alerts that it leaves open."""
    settles: bool = False
    """Known to be true it would settle what leads the answer."""


def asks(answer: Answer) -> list[Ask]:
    """The unknown facts that leave open what leads the answer, which thing comes first, or a
    critical alert; what matters most first. Where one fact stands for several of them (nothing
    looked for was seen), it is named in their place.
    """
    guideline = answer.guideline
    lead = guideline.lead.key if guideline.lead else None
    first = {thing.id for thing in answer.first_things(DEFAULT)}
    open_: dict[str, list[str]] = {}
    for item in answer.missing:
        told = [name for name in item.decides if name == lead or name in first]
        if told:
            open_[item.fact] = told
    for alert in answer.possible_alerts(DEFAULT):
        for fact in alert.because_of:
            open_.setdefault(fact, []).append(alert.id)
    deciding = {fact for fact, told in open_.items() if lead in told}
    asked, settled_by = standing_for_others(answer, open_), None
    for fact, told in asked.items():
        value, implied = guideline.stands_for.get(fact, (None, {}))
        if value is True and lead in told and deciding <= {fact, *implied}:
            settled_by = fact
    facts, costs = guideline.facts, COSTS

    def place(fact: str) -> tuple[bool | int, ...]:
        told = asked[fact]
        return (
            facts[fact].cost == costs[-1],
            lead not in told,
            not first.intersection(told),
            costs.index(facts[fact].cost),
            -len(told),
            facts[fact].order,
        )

    return [
        Ask(fact, tuple(dict.fromkeys(asked[fact])), fact == settled_by)
        for fact in sorted(asked, key=place)
    ]


def standing_for_others(answer: Answer, open_: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The same with facts replaced by one that stands for several of them."""
    asked = dict(open_)
    values = answer.trace.values
    for fact, (_, implied) in answer.guideline.stands_for.items():
        covered = [name for name in implied if name in asked]
        against = any(name in values and values[name] != value for name, value in implied.items())
        if fact in values or against or len(covered) < LEAST_COVERED:
            continue
        told = [name for other in covered for name in asked.pop(other)]
        asked[fact] = [*asked.get(fact, ()), *told]
    return asked


LEAST_COVERED = 2
"""A fact is named in place of at least so many others."""
