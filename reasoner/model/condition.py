"""The condition algebra: the seam that every reading of the rules shares.

A condition speaks of *values* (facts given or implied, and quantities computed from them) and of
*conclusions* that earlier rules derived. Every reading (closed world with proof, three-valued,
prose, solver, columns) is one visitor over these eight classes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

Value: TypeAlias = bool | str | int | Decimal
Comparator: TypeAlias = Literal["<", "<=", ">", ">=", "="]
Operator: TypeAlias = Literal["+", "-", "*", "/"]

COMPARISONS: dict[Comparator, Callable[[Decimal | int, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Compare:
    """The value is known and stands in this relation to a constant."""

    fact: str
    comparator: Comparator
    limit: Decimal


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is known and is one of these."""

    fact: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The value is not known."""

    fact: str


@dataclass(frozen=True, slots=True)
class Derived:
    """Some rule concludes `predicate` with this term."""

    predicate: str
    term: str

    @property
    def key(self) -> str:
        return f"{self.predicate}:{self.term}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Rules conclude at least `count` terms of `predicate`."""

    count: int
    predicate: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; `AllOf(())` always holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (closed world), or is false (three-valued)."""

    part: Condition


Condition: TypeAlias = Compare | OneOf | Absent | Derived | AtLeast | AllOf | AnyOf | Not
ALWAYS = AllOf(())


def leaves(condition: Condition) -> Iterator[Compare | OneOf | Absent | Derived | AtLeast]:
    """Every leaf of the condition, from left to right."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case leaf:
            yield leaf


def values_read(condition: Condition) -> tuple[str, ...]:
    """Names of the facts and quantities that the condition reads, each once, in order."""
    return tuple(
        dict.fromkeys(
            leaf.fact for leaf in leaves(condition) if isinstance(leaf, Compare | OneOf | Absent)
        )
    )


def unguarded(condition: Condition, predicate: str) -> Condition:
    """The condition without what only says that nothing of a property was concluded yet."""
    match condition:
        case Not(part) if all(
            isinstance(leaf, Derived | AtLeast) and leaf.predicate == predicate
            for leaf in leaves(part)
        ):
            return ALWAYS
        case AllOf(parts):
            kept = [
                part for part in (unguarded(part, predicate) for part in parts) if part != ALWAYS
            ]
            return kept[0] if len(kept) == 1 else AllOf(tuple(kept))
        case _:
            return condition


def leaf_holds(leaf: Compare | OneOf | Absent, value: Value | None) -> bool:
    """What a leaf says of one value, None being unknown (closed world)."""
    match leaf:
        case Absent():
            return value is None
        case OneOf(_, values):
            return value is not None and value in values
        case Compare(_, comparator, limit):
            return isinstance(value, int | Decimal) and COMPARISONS[comparator](value, limit)


# --- what a rule assigns to a value ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, boolean or text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Of:
    """The value of another fact or quantity."""

    fact: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two expressions joined by ``+ - * /``; decimal, 28 digits."""

    operator: Operator
    left: Expression
    right: Expression


Expression: TypeAlias = Constant | Of | Arithmetic


def inputs(expression: Expression) -> tuple[str, ...]:
    """The values that the expression needs."""
    match expression:
        case Arithmetic(_, left, right):
            return tuple(dict.fromkeys(inputs(left) + inputs(right)))
        case Of(fact):
            return (fact,)
        case _:
            return ()
