"""Random lesions that the gate admits, drawn around the cut points of the rules."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.condition import Compare, leaves
from calx.reasoner.model.guideline import Fact
from calx.reasoner.recommendation import Reasoner

SPARSE, DENSE = 0.25, 0.9


@cache
def _cuts(reasoner: Reasoner) -> dict[str, list[Decimal]]:
    found: dict[str, set[Decimal]] = {}
    conditions = [
        production.condition for rule in reasoner.guideline.rules for production in rule.productions
    ]
    for condition in [
        *conditions,
        *(constraint.condition for constraint in reasoner.guideline.constraints),
    ]:
        for leaf in leaves(condition):
            if isinstance(leaf, Compare):
                found.setdefault(leaf.fact, set()).add(leaf.limit)
    return {fact: sorted(limits) for fact, limits in found.items()}


def values_of(reasoner: Reasoner, name: str) -> list[Any]:
    """Values of a fact that rules tell apart: each word, yes and no, about each cut point."""
    fact = reasoner.guideline.facts[name]
    if fact.kind == "boolean":
        return [True, False]
    if fact.kind == "text":
        return list(fact.values)
    step = Decimal(1) if fact.kind == "integer" else Decimal("0.25")
    low = Decimal(0) if fact.minimum is None else fact.minimum
    near = {cut + by for cut in _cuts(reasoner).get(name, ()) for by in (-step, Decimal(0), step)}
    whole = {round(value) if fact.kind == "integer" else value for value in near if value > low}
    return sorted(value for value in whole if fact.maximum is None or value <= fact.maximum)


def _value(fact: Fact, cuts: list[Decimal], source: random.Random) -> Any:
    if fact.kind == "boolean":
        return source.random() < 0.4
    if fact.kind == "text":
        return source.choice(fact.values)
    low = Decimal(0) if fact.minimum is None else fact.minimum
    high = low + 100 if fact.maximum is None else fact.maximum
    near = [
        cut + step
        for cut in cuts
        for step in (Decimal("-0.25"), Decimal(0), Decimal("0.25"))
        if low <= cut + step <= high
    ]
    value = (
        source.choice(near)
        if near and source.random() < 0.7
        else low + Decimal(source.randint(0, 400)) * (high - low) / 400
    )
    return (
        round(value)
        if fact.kind == "integer"
        else round(value, 2) or (Decimal("0.01") if fact.exclusive_minimum else Decimal(0))
    )


def lesion(
    reasoner: Reasoner, source: random.Random, density: float | None = None
) -> dict[str, Any]:
    """One admitted case; facts that contradict others are dropped until the gate is content."""
    share = source.uniform(SPARSE, DENSE) if density is None else density
    given = [fact for fact in reasoner.guideline.facts.values() if fact.given]
    raw: dict[str, Any] = {"case_id": "random"}
    raw |= {
        fact.name: _value(fact, _cuts(reasoner).get(fact.name, []), source)
        for fact in given
        if source.random() < share
    }
    return repaired(reasoner, raw, source)


def repaired(reasoner: Reasoner, raw: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """The case without facts that contradict others."""
    while True:
        try:
            reasoner.gate.admit(raw)
        except CaseError as error:
            for problem in error.problems:
                named = [fact for fact in problem.facts if fact in raw]
                if named:
                    raw.pop(source.choice(named))
        else:
            return raw


def lesions(
    reasoner: Reasoner, count: int, seed: int, density: float | None = None
) -> Iterator[dict[str, Any]]:
    """`count` admitted cases, the same for the same seed."""
    source = random.Random(seed)
    return (lesion(reasoner, source, density) for _ in range(count))
