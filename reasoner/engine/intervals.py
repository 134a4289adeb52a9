"""What the answer would be elsewhere in the intervals of measured facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.model.case import Case
from calx.reasoner.model.condition import values_read
from calx.reasoner.model.values import as_json

Answering = Callable[[Case], Answer]
"""Answers a case as its facts stand."""


def within(evaluation: Evaluation, answering: Answering, case: Case) -> list[dict[str, Any]]:
    """What the answer would be elsewhere in the intervals of the measured facts.

    Each measured number is put to the ends of its interval, one at a time; where that contradicts
    another measured fact, that one goes to the same end with it.

    Returns:
        For each end that changes the strategy, a device's status or a critical alert: the fact, the
        value, and the changes as ``{"of": …, "from": …, "to": …}``.
    """
    if case.measured is None:
        return []
    ends = {
        name: (Decimal(str(entry["interval"][0])), Decimal(str(entry["interval"][1])))
        for name, entry in case.measured.facts.items()
        if entry.get("interval")
        and not entry.get("correction")
        and isinstance(case.facts.get(name), Decimal)
    }
    here, found = _conclusions(answering, case.facts), []
    for name, pair in ends.items():
        for side, value in enumerate(pair):
            moved = _moved(
                evaluation,
                case.facts,
                name,
                value,
                {other: both[side] for other, both in ends.items()},
            )
            there = here if moved is None else _conclusions(answering, moved)
            changes = [
                {"of": key, "from": here.get(key), "to": there.get(key)}
                for key in sorted({*here, *there})
                if here.get(key) != there.get(key)
            ]
            if changes:
                found.append({"fact": name, "value": as_json(value), "changes": changes})
    return found


def _moved(
    evaluation: Evaluation,
    facts: Mapping[str, Any],
    name: str,
    value: Decimal,
    others: Mapping[str, Decimal],
) -> dict[str, Any] | None:
    """The facts with one of them moved, and those that this contradicts moved with it; None where
    that does not help.
    """
    moved = {**facts, name: value}
    for _ in range(len(others) + 1):
        violated = list(evaluation.violated(evaluation.complete(moved).values))
        if not violated:
            return moved
        more = {
            fact: others[fact]
            for rule in violated
            for fact in values_read(rule.condition)
            if fact in others and moved.get(fact) != others[fact]
        }
        if not more:
            return None
        moved |= more
    return None


def _conclusions(answering: Answering, facts: Mapping[str, Any]) -> dict[str, str | None]:
    """What an answer says of each thing, as words."""
    outcomes = answering(Case("within", dict(facts))).outcomes()
    return {str(outcome): told for outcome, told in outcomes.items()}
