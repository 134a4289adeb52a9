"""The input cells of a rule: every way in which its inputs can differ for it.

A rule sees a number only through comparisons with constants, so its inputs fall into finitely many cells: each cut
point, one point in each gap, each boolean, each set of values that it does not tell apart, absent; and for each
conclusion that it reads, derived or not. Agreement on every cell of every rule, with the layering that the guideline is checked for, gives agreement
of the whole program on every case by induction over the layers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

from calx.reasoner.model.condition import (
    Absent,
    AtLeast,
    Compare,
    Derived,
    OneOf,
    Value,
    inputs,
    leaf_holds,
    leaves,
)
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assignment, Production

Cell = tuple[dict[str, Value], frozenset[str]]
"""Values, and keys of conclusions derived."""
STEP = Decimal("0.125")
MOST = 200_000
"""Cells of a production that can still all be tried."""


def cells(guideline: Guideline, production: Production) -> Iterator[Cell]:
    """Every input cell of a production."""
    values, conclusions = choices(guideline, production)
    number = math.prod([len(groups) for groups in values.values()])
    number *= math.prod([len(ways) for ways in conclusions])
    if number > MOST:
        raise ValueError(
            f"{number} cells: too much is asked at once for each to be tried; split the rule into several productions"
        )
    names = list(values)
    # a cell stands for values that no leaf tells apart; which of them is tried rotates, so that each is
    members = [[itertools.cycle(group) for group in groups] for groups in values.values()]
    for combination in itertools.product(*members):
        chosen = [(name, next(group)) for name, group in zip(names, combination, strict=True)]
        for derived in itertools.product(*conclusions):
            yield (
                {name: value for name, value in chosen if value is not None},
                frozenset().union(*derived),
            )


def choices(
    guideline: Guideline, production: Production
) -> tuple[dict[str, list[list[Value | None]]], list[list[frozenset[str]]]]:
    """For each value read its cells, each with its members; for the conclusions read what may be derived together."""
    read: dict[str, list[Compare | OneOf | Absent]] = {}
    single: dict[str, None] = {}
    counted: dict[str, int] = {}
    for leaf in leaves(production.condition):
        match leaf:
            case Derived():
                single[leaf.key] = None
            case AtLeast(count, predicate):
                counted[predicate] = max(count, counted.get(predicate, 0))
            case Compare() | OneOf() | Absent():
                read.setdefault(leaf.fact, []).append(leaf)
            case _:
                assert_never(leaf)
    computed = (
        inputs(production.conclusion.expression)
        if isinstance(production.conclusion, Assignment)
        else ()
    )
    values = {
        fact: _classes(guideline, fact, read.get(fact, []))
        for fact in dict.fromkeys((*read, *computed))
    }
    functional: dict[str, list[frozenset[str]]] = {}
    conclusions: list[list[frozenset[str]]] = []
    for key in single:
        predicate = key.partition(":")[0]
        if guideline.properties[predicate].functional:
            functional.setdefault(predicate, [frozenset()]).append(frozenset({key}))
        else:
            conclusions.append([frozenset(), frozenset({key})])
    conclusions += functional.values()
    for predicate, count in counted.items():
        conclusions.append(
            _subsets(
                [key for key in guideline.program.keys_of(predicate) if key not in single], count
            )
        )
    return values, conclusions


def _classes(
    guideline: Guideline, fact: str, about: list[Compare | OneOf | Absent]
) -> list[list[Value | None]]:
    """The values of a fact, grouped by what the leaves say of them."""
    groups: dict[tuple[bool, ...], list[Value | None]] = {}
    for value in (None, *_points(guideline, fact, about)):
        groups.setdefault((value is None, *(leaf_holds(leaf, value) for leaf in about)), []).append(
            value
        )
    if any(isinstance(leaf, Compare) for leaf in about):
        return [[value] for group in groups.values() for value in group]
    return list(groups.values())


def _points(guideline: Guideline, fact: str, about: list[Compare | OneOf | Absent]) -> list[Value]:
    described = guideline.facts[fact]
    if described.kind == "boolean":
        return [False, True]
    if described.kind == "text":
        return list(described.values)
    cuts = sorted({leaf.limit for leaf in about if isinstance(leaf, Compare)}) or [Decimal(2)]
    between = [(low + high) / 2 for low, high in itertools.pairwise(cuts)]
    step = Decimal(1) if described.kind == "integer" else STEP
    points = {cuts[0] - step, *cuts, *between, cuts[-1] + step}
    low, high = described.minimum, described.maximum
    return [
        point
        for point in sorted(points)
        if (low is None or point >= low) and (high is None or point <= high)
    ]


def _subsets(keys: list[str], count: int) -> list[frozenset[str]]:
    """Subsets around a count: all of them where there are few, else those of up to `count` members, and all members."""
    if len(keys) <= 4:
        return [
            frozenset(found)
            for size in range(len(keys) + 1)
            for found in itertools.combinations(keys, size)
        ]
    return [
        *(
            frozenset(found)
            for size in range(count + 1)
            for found in itertools.combinations(keys, size)
        ),
        frozenset(keys),
    ]
