"""Facts that were measured: how sure they are, where they were seen, who drew them, and what a person made of them.

A case may carry ``measured`` beside its facts, as a segmentation adapter writes it. The facts themselves are read from the case as ever; ``measured`` says of
each where it comes from. A fact whose value differs from what was measured was corrected by a person: the person's value counts, the measured one is kept.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .errors import CaseError, Problem

if TYPE_CHECKING:
    from .case import Case
    from .recommendation import Reasoner

KEY = "measured"
STATUSES = ("measured", "interpolated", "undecided", "refused")
CLAIMED = STATUSES[:2]
DEEPEST = 32
"""Levels of nesting in a ``measured``."""
LARGEST = 2_000_000
"""Numbers and texts in a ``measured``; more is no recording."""


@dataclass(frozen=True)
class Measured:
    """What is known of measured facts.

    Attributes:
        facts: by fact, what was measured: ``value``, ``interval``, ``unit``, ``status``, ``reason``, ``frames``, and
            ``correction`` where a person overruled it.
        source: the rest: ``model``, ``input``, ``software``, ``protocol``, ``drawn_by``, ``measures``, …, as given.
    """

    facts: Mapping[str, Mapping[str, Any]]
    source: Mapping[str, Any] = field(default_factory=dict)

    def premise(self, fact: str) -> dict[str, Any] | None:
        """What a step of the proof says of a measured fact; None for one that was not measured."""
        entry = self.facts.get(fact)
        if entry is None:
            return None
        told = {key: entry.get(key) for key in ("value", "interval", "status", "frames")}
        by_person = {"corrected": "correction", "confirmed": "confirmed"}
        return told | {key: entry[name] for key, name in by_person.items() if entry.get(name)}

    def json(self) -> dict[str, Any]:
        """As the answer shows it."""
        return {**self.source, "facts": dict(self.facts)}


def read(raw: object, given: Mapping[str, Any], known: Mapping[str, object]) -> Measured | list[Problem]:
    """Check what a case says of its measurements.

    Args:
        raw: the case's ``measured``.
        given: the case's facts, as given.
        known: facts of the guideline.

    Returns:
        The measurements, corrections made out; or what is wrong with them.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("facts"), dict):
        return [Problem("is an object with 'facts', as calx segment writes it", KEY)]
    if sum(1 for _ in _leaves(raw, 0)) > LARGEST:
        return [Problem("holds more than a recording has", KEY)]
    problems, facts = [], {}
    for name, entry in raw["facts"].items():
        wrong = "is no fact of the guideline" if name not in known else _fault(entry)
        if wrong:
            problems.append(Problem(f"{str(name)[:64]}: {wrong}", KEY))
            continue
        plain = _plain(entry)
        was, now = plain["value"] if plain["status"] in CLAIMED else None, _plain(given.get(name))
        if now != was and not plain.get("correction"):
            plain["correction"] = {"value": now, "by": None, "at": None, "reason": "changed in the case"}
        elif plain.get("correction"):
            plain["correction"] = plain["correction"] | {"value": now}
        facts[name] = plain
    if problems:
        return problems
    return Measured(facts, {key: _plain(value) for key, value in raw.items() if key != "facts"})


def _leaves(node: object, depth: int) -> Iterator[None]:
    if depth > DEEPEST:
        raise CaseError([Problem("is nested too deeply", KEY)])
    if isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _leaves(item, depth + 1)
    else:
        yield None


def _fault(entry: object) -> str:
    """What is wrong with a measurement; empty when nothing is."""
    if not isinstance(entry, dict):
        return "is no object"
    if entry.get("status") not in STATUSES:
        return f"has no status among {', '.join(STATUSES)}"
    value, interval, frames = (entry.get(key) for key in ("value", "interval", "frames"))
    if not (value is None or isinstance(value, bool | int | float | Decimal | str)):
        return "its value is no number, truth or word"
    if interval is not None and not (
        isinstance(interval, list) and len(interval) == 2 and all(isinstance(end, int | float | Decimal) and not isinstance(end, bool) for end in interval)
    ):
        return "its interval is not two numbers"
    if frames is not None and not (isinstance(frames, list) and all(isinstance(frame, int | Decimal) and not isinstance(frame, bool) for frame in frames)):
        return "its frames are not whole numbers"
    for name in ("correction", "confirmed"):
        if entry.get(name) is not None and not isinstance(entry[name], dict):
            return f"its {name} is no object"
    return ""


def _plain(value: Any) -> Any:
    """The value as JSON has it, whole numbers as integers."""
    if isinstance(value, Decimal | float) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() else number
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def corrected(raw: Mapping[str, Any], changes: Mapping[str, Any], by: str, why: str = "") -> dict[str, Any]:
    """A case with some facts overruled by a person.

    Args:
        raw: a case with ``measured``.
        changes: fact names to values; None withdraws a fact.
        by: who.
        why: the reason.

    Raises:
        CaseError: the case has no measurements, or a fact was none of them.
    """
    block = raw.get(KEY) if isinstance(raw, dict) else None
    if not isinstance(block, dict) or not isinstance(block.get("facts"), dict):
        raise CaseError([Problem("the case holds no measurements to correct; calx segment writes them", KEY)])
    made = {**raw, KEY: {**block, "facts": dict(block["facts"])}}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name, value in changes.items():
        if name not in made[KEY]["facts"]:
            raise CaseError([Problem("was not among the measurements; add it to the case itself", name)])
        entry = dict(made[KEY]["facts"][name])
        history = [*entry.get("earlier_corrections", []), entry["correction"]] if entry.get("correction") else entry.get("earlier_corrections", [])
        entry["correction"] = {"value": value, "by": by, "at": now, "reason": why or None}
        made[KEY]["facts"][name] = entry | ({"earlier_corrections": history} if history else {})
        if value is None:
            made.pop(name, None)
        else:
            made[name] = value
    order = ["case_id", *(name for name in made if name not in ("case_id", KEY)), KEY]
    return {name: made[name] for name in order if name in made}


def confirmed(raw: Mapping[str, Any], names: list[str], by: str) -> dict[str, Any]:
    """A case with some measurements confirmed by a person.

    Raises:
        CaseError: one of the facts was not measured.
    """
    made = {**raw, KEY: {**raw[KEY], "facts": dict(raw[KEY]["facts"])}}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name in names:
        entry = made[KEY]["facts"].get(name)
        if entry is None or entry.get("status") not in CLAIMED:
            raise CaseError([Problem("was not measured, so there is nothing to confirm; give its value instead", name)])
        made[KEY]["facts"][name] = {**entry, "confirmed": {"by": by, "at": now}}
    return made


def within(reasoner: Reasoner, case: Case) -> list[dict[str, Any]]:
    """What the answer would be elsewhere in the intervals of the measured facts.

    Each measured number is put to the ends of its interval, one at a time; where that contradicts another measured fact, that one goes to the same end with it.

    Returns:
        For each end that changes the strategy, a device's status or a critical alert: the fact, the value, and the changes as
        ``{"of": …, "from": …, "to": …}``.
    """
    if case.measured is None:
        return []
    ends = {
        name: (Decimal(str(entry["interval"][0])), Decimal(str(entry["interval"][1])))
        for name, entry in case.measured.facts.items()
        if entry.get("interval") and not entry.get("correction") and isinstance(case.facts.get(name), Decimal)
    }
    here, found = _conclusions(reasoner, case.facts), []
    for name, pair in ends.items():
        for side, value in enumerate(pair):
            moved = _moved(reasoner, case.facts, name, value, {other: both[side] for other, both in ends.items()})
            there = here if moved is None else _conclusions(reasoner, moved)
            changes = [{"of": key, "from": here.get(key), "to": there.get(key)} for key in sorted({*here, *there}) if here.get(key) != there.get(key)]
            if changes:
                found.append({"fact": name, "value": _plain(value), "changes": changes})
    return found


def _moved(reasoner: Reasoner, facts: Mapping[str, Any], name: str, value: Decimal, others: Mapping[str, Decimal]) -> dict[str, Any] | None:
    """The facts with one of them moved, and those that this contradicts moved with it; None where that does not help."""
    moved = {**facts, name: value}
    for _ in range(len(others) + 1):
        violated = list(reasoner.evaluation.violated(reasoner.evaluation.complete(moved).values))
        if not violated:
            return moved
        from .condition import values_read

        more = {fact: others[fact] for rule in violated for fact in values_read(rule.condition) if fact in others and moved.get(fact) != others[fact]}
        if not more:
            return None
        moved |= more
    return None


def _conclusions(reasoner: Reasoner, facts: Mapping[str, Any]) -> dict[str, str | None]:
    """Strategy, devices' statuses and critical alerts, as words."""
    from .case import Case

    answer = reasoner.plain_answer(Case("within", dict(facts)))
    strategy = answer.strategy("en")
    told: dict[str, str | None] = {"strategy": strategy["id"] if strategy else None}
    told |= {f"device {key}": status for key, status in answer.device_statuses().items()}
    return told | {f"alert {alert['id']}": alert["severity"] for alert in answer.alerts("en") if alert["severity"] == "critical"}
