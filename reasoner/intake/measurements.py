"""Facts that were measured: how sure they are, where they were seen, who drew them, and what a
person made of them.

A case may carry ``measured`` beside its facts, as a segmentation adapter writes it. The facts
themselves are read from the case as ever; ``measured`` says of each where it comes from. A fact
whose value differs from what was measured was corrected by a person: the person's value counts, the
measured one is kept.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.measured import CLAIMED, KEY, STATUSES, Measured
from calx.reasoner.model.values import nested_as_json

DEEPEST = 32
"""Levels of nesting in a ``measured``."""
LARGEST = 2_000_000
"""Numbers and texts in a ``measured``; more is no recording."""


def read_measurements(
    raw: object, given: Mapping[str, Any], known: Mapping[str, object]
) -> Measured | list[Problem]:
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
        plain = nested_as_json(entry)
        was, now = (
            plain["value"] if plain["status"] in CLAIMED else None,
            nested_as_json(given.get(name)),
        )
        if now != was and not plain.get("correction"):
            plain["correction"] = {
                "value": now,
                "by": None,
                "at": None,
                "reason": "changed in the case",
            }
        elif plain.get("correction"):
            plain["correction"] = plain["correction"] | {"value": now}
        facts[name] = plain
    if problems:
        return problems
    return Measured(
        facts, {key: nested_as_json(value) for key, value in raw.items() if key != "facts"}
    )


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
        isinstance(interval, list)
        and len(interval) == 2
        and all(
            isinstance(end, int | float | Decimal) and not isinstance(end, bool) for end in interval
        )
    ):
        return "its interval is not two numbers"
    if frames is not None and not (
        isinstance(frames, list)
        and all(
            isinstance(frame, int | Decimal) and not isinstance(frame, bool) for frame in frames
        )
    ):
        return "its frames are not whole numbers"
    for name in ("correction", "confirmed"):
        if entry.get(name) is not None and not isinstance(entry[name], dict):
            return f"its {name} is no object"
    return ""


def correct(
    raw: Mapping[str, Any], changes: Mapping[str, Any], by: str, why: str = ""
) -> dict[str, Any]:
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
        raise CaseError(
            [Problem("the case holds no measurements to correct; calx segment writes them", KEY)]
        )
    made = {**raw, KEY: {**block, "facts": dict(block["facts"])}}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name, value in changes.items():
        if name not in made[KEY]["facts"]:
            raise CaseError(
                [Problem("was not among the measurements; add it to the case itself", name)]
            )
        entry = dict(made[KEY]["facts"][name])
        history = (
            [*entry.get("earlier_corrections", []), entry["correction"]]
            if entry.get("correction")
            else entry.get("earlier_corrections", [])
        )
        entry["correction"] = {"value": value, "by": by, "at": now, "reason": why or None}
        made[KEY]["facts"][name] = entry | ({"earlier_corrections": history} if history else {})
        if value is None:
            made.pop(name, None)
        else:
            made[name] = value
    order = ["case_id", *(name for name in made if name not in ("case_id", KEY)), KEY]
    return {name: made[name] for name in order if name in made}


def confirm(raw: Mapping[str, Any], names: list[str], by: str) -> dict[str, Any]:
    """A case with some measurements confirmed by a person.

    Raises:
        CaseError: one of the facts was not measured.
    """
    made = {**raw, KEY: {**raw[KEY], "facts": dict(raw[KEY]["facts"])}}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for name in names:
        entry = made[KEY]["facts"].get(name)
        if entry is None or entry.get("status") not in CLAIMED:
            raise CaseError(
                [
                    Problem(
                        "was not measured, so there is nothing to confirm; give its value instead",
                        name,
                    )
                ]
            )
        made[KEY]["facts"][name] = {**entry, "confirmed": {"by": by, "at": now}}
    return made
