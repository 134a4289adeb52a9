"""The condition algebra: the seam that every reading of the rules shares.

A condition speaks of *values* (facts given or implied, and quantities computed from them) and of
*conclusions* that earlier rules derived. Every reading (closed world with proof, three-valued,
prose, solver, columns) is one visitor over these eight classes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias, TypeVar, assert_never

from calx.reasoner.model.names import Key, key_of

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
    def key(self) -> Key:
        return key_of(self.predicate, self.term)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Rules conclude at least `count` terms of `predicate`."""

    count: int
    predicate: str
    among: tuple[str, ...] = ()
    """Counts these terms alone; all where it is empty."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """The conclusions that count, where not all do."""
        return tuple(key_of(self.predicate, term) for term in self.among)


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


Leaf: TypeAlias = Compare | OneOf | Absent | Derived | AtLeast
N = TypeVar("N", Compare, OneOf, Absent, Derived, AtLeast, AllOf, AnyOf, Not)


# --- the shape of a condition: who only asks for parts or leaves needs no visitor ------


def children(condition: Condition) -> tuple[Condition, ...]:
    """The parts that a condition is joined from; none for a leaf."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return parts
        case Not(part):
            return (part,)
        case Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return ()
        case _:
            assert_never(condition)


def map_nodes(condition: Condition, change: Callable[[Condition], Condition]) -> Condition:
    """The condition with every node changed, parts before the whole that they make."""
    match condition:
        case AllOf(parts):
            return change(AllOf(tuple(map_nodes(part, change) for part in parts)))
        case AnyOf(parts):
            return change(AnyOf(tuple(map_nodes(part, change) for part in parts)))
        case Not(part):
            return change(Not(map_nodes(part, change)))
        case Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return change(condition)
        case _:
            assert_never(condition)


def nodes(condition: Condition) -> Iterator[Condition]:
    """The condition and all that it is made of, wholes before their parts, from left to right."""
    yield condition
    for part in children(condition):
        yield from nodes(part)


def find(condition: Condition, kind: type[N]) -> Iterator[N]:
    """Every node of one class, from left to right.

    >>> [leaf.fact for leaf in find(Not(Compare("age_years", ">", Decimal(80))), Compare)]
    ['age_years']
    """
    for node in nodes(condition):
        if isinstance(node, kind):
            yield node


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every leaf of the condition, from left to right."""
    for node in nodes(condition):
        match node:
            case AllOf() | AnyOf() | Not():
                pass
            case Compare() | OneOf() | Absent() | Derived() | AtLeast():
                yield node
            case _:
                assert_never(node)


def leaves_on_values(condition: Condition) -> Iterator[Compare | OneOf | Absent]:
    """The leaves that speak of a value."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Compare | OneOf | Absent))


def leaves_on_conclusions(condition: Condition) -> Iterator[Derived | AtLeast]:
    """The leaves that speak of what earlier rules concluded."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Derived | AtLeast))


def values_read(condition: Condition) -> tuple[str, ...]:
    """Names of the facts and quantities that the condition reads, each once, in order."""
    return tuple(dict.fromkeys(leaf.fact for leaf in leaves_on_values(condition)))


def properties_read(condition: Condition) -> tuple[str, ...]:
    """Names of the properties whose conclusions the condition reads, each once, in order."""
    return tuple(dict.fromkeys(leaf.predicate for leaf in leaves_on_conclusions(condition)))


def all_of(parts: Sequence[Condition]) -> Condition:
    """The condition that every part holds; a single part is itself that."""
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def unguarded(condition: Condition, predicate: str) -> Condition:
    """The condition without what only says that nothing of a property was concluded yet."""
    match condition:
        case Not(part):
            guard = values_read(part) == () and set(properties_read(part)) <= {predicate}
            return ALWAYS if guard else condition
        case AllOf(parts):
            rest = [
                part for part in (unguarded(part, predicate) for part in parts) if part != ALWAYS
            ]
            return all_of(rest)
        case AnyOf() | Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return condition
        case _:
            assert_never(condition)


def requires_known(condition: Condition, fact: str) -> bool:
    """Whether the condition can hold only where a fact is known."""
    match condition:
        case Compare(name, _, _) | OneOf(name, _) | Not(Absent(name)):
            return name == fact
        case AllOf(parts):
            return any(requires_known(part, fact) for part in parts)
        case AnyOf(parts):
            return all(requires_known(part, fact) for part in parts)
        case Not() | Absent() | Derived() | AtLeast():
            return False
        case _:
            assert_never(condition)


def leaf_holds(leaf: Compare | OneOf | Absent, value: Value | None) -> bool:
    """What a leaf says of one value, None being unknown (closed world)."""
    match leaf:
        case Absent():
            return value is None
        case OneOf(_, values):
            return value is not None and value in values
        case Compare(_, comparator, limit):
            return isinstance(value, int | Decimal) and COMPARISONS[comparator](value, limit)
        case _:
            assert_never(leaf)


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
        case Constant():
            return ()
        case _:
            assert_never(expression)
