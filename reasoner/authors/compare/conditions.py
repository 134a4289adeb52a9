"""How two conditions differ: their skeletons, the leaves that moved, the shared parts set aside."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import assert_never

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
    leaves,
    map_nodes,
    nodes,
)
from calx.reasoner.model.rule import Assignment, Production, Rule


def logic(rule: Rule) -> tuple[object, ...]:
    return tuple((p.condition, conclusion_of(p)) for p in rule.productions)


def conclusion_of(production: Production) -> object:
    conclusion = production.conclusion
    return (
        (conclusion.fact, conclusion.expression)
        if isinstance(conclusion, Assignment)
        else conclusion.key
    )


def skeleton(condition: Condition) -> Condition:
    """The condition without its constants."""
    return map_nodes(condition, _without_constants)


def _without_constants(node: Condition) -> Condition:
    match node:
        case Compare(fact):
            return Compare(fact, "=", Decimal(0))
        case OneOf(fact, values):
            return node if isinstance(values[0], bool) else OneOf(fact, ())
        case AtLeast(_, predicate):
            return AtLeast(0, predicate, node.among)
        case Absent() | Derived() | AllOf() | AnyOf() | Not():
            return node
        case _:
            assert_never(node)


def moved_leaves(old: Condition, new: Condition) -> list[tuple[Condition, Condition]]:
    """Leaves that changed, of conditions with one skeleton."""
    return list(
        dict.fromkeys(
            (one, other)
            for one, other in zip(leaves(old), leaves(new), strict=True)
            if one != other
        )
    )


def contains(whole: Condition, part: Condition) -> bool:
    return part in nodes(whole)


def without_shared(condition: Condition, shared: Mapping[str, Condition]) -> object:
    """The condition as a set of parts, with shared ones replaced by their names."""
    for name, meaning in shared.items():
        if condition == meaning:
            return ("shared", name)
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return (
                type(condition).__name__,
                frozenset(without_shared(part, shared) for part in parts),
            )
        case Not(part):
            return ("not", without_shared(part, shared))
        case Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return condition
        case _:
            assert_never(condition)
