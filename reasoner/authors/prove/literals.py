"""What can be said of a lesion: literals about its facts, weak and strong, and about the conditions
that authors named.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from calx.reasoner.authors.prove.phrases import Literal
from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    AtLeast,
    Comparator,
    Compare,
    Condition,
    Derived,
    Not,
    OneOf,
    Value,
    find,
    properties_read,
    values_read,
)
from calx.reasoner.model.guideline import Guideline, SharedCondition

OPPOSITE: dict[Comparator, Comparator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class RegionWords:
    """The literals with which lesions are told apart, for questions about some conclusions."""

    def __init__(
        self,
        guideline: Guideline,
        speaking_of: tuple[str, ...] = (),
        limits: dict[str, list[Decimal]] | None = None,
    ) -> None:
        self._guideline = guideline
        self._cuts = cuts(guideline) if limits is None else limits
        asked = set(speaking_of) & set(guideline.properties)
        self.facts = (
            _behind(guideline, asked, self._cuts)
            if asked
            else [name for name, fact in guideline.facts.items() if fact.given]
        )
        later = guideline.program.hang_on(asked)
        readable = set(self.facts) | {
            name for name, fact in guideline.facts.items() if not fact.given
        }
        self.shared = [
            shared
            for shared in guideline.shared
            if not _only_denies(shared.condition)
            and not later & set(properties_read(shared.condition))
            and readable >= set(values_read(shared.condition))
        ]
        """Named conditions that do not hang on the conclusions asked about."""

    def named(self, holding: list[SharedCondition]) -> list[Literal]:
        """For each named condition that it holds, or that it does not."""
        return [
            Literal(shared.condition, shared, True)
            if shared in holding
            else Literal(Not(shared.condition), shared, False)
            for shared in self.shared
        ]

    def of_fact(self, name: str, value: Value | None) -> list[Literal]:
        """Everything that is true of one value."""
        fact = self._guideline.facts[name]
        if fact.kind in ("number", "integer"):
            conditions = _of_number(
                name, value if isinstance(value, Decimal) else None, self._cuts.get(name, [])
            )
        else:
            values: tuple[Value, ...] = (True, False) if fact.kind == "boolean" else fact.values
            conditions = [Not(OneOf(name, (other,))) for other in values if other != value]
            conditions += (
                [Absent(name)] if value is None else [Not(Absent(name)), OneOf(name, (value,))]
            )
        return [Literal(condition) for condition in conditions]


def cuts(guideline: Guideline) -> dict[str, list[Decimal]]:
    """For each number the constants that rules and shapes compare it with, sorted."""
    found: dict[str, set[Decimal]] = {}
    conditions = [clause.production.condition for clause in guideline.program.clauses]
    conditions += [constraint.condition for constraint in guideline.constraints]
    for condition in conditions:
        for leaf in find(condition, Compare):
            found.setdefault(leaf.fact, set()).add(leaf.limit)
    return {fact: sorted(limits) for fact, limits in found.items()}


def _only_denies(condition: Condition) -> bool:
    """Whether a condition says only what is not so; "without none of …" helps nobody."""
    match condition:
        case Not():
            return True
        case AllOf(parts) | AnyOf(parts):
            return all(_only_denies(part) for part in parts)
        case Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return False
        case _:
            assert_never(condition)


def _behind(guideline: Guideline, asked: set[str], limits: dict[str, list[Decimal]]) -> list[str]:
    """The given facts on which conclusions of these properties hang, and the quantities that are
    compared on the way.
    """
    given = {name for name, fact in guideline.facts.items() if fact.given}
    behind = guideline.program.behind(asked, until=given)
    return [
        name for name in guideline.facts if name in behind and (name in given or limits.get(name))
    ]


def _of_number(name: str, value: Decimal | None, limits: list[Decimal]) -> list[Condition]:
    if value is None:
        return [
            *(Not(Compare(name, ">=", limit)) for limit in limits),
            *(Not(Compare(name, "<=", limit)) for limit in limits),
            Absent(name),
        ]
    found: list[Condition] = [Not(Absent(name))]
    for limit in limits:
        if value >= limit:
            found += [Not(Compare(name, "<", limit)), Compare(name, ">=", limit)]
        if value > limit:
            found += [Not(Compare(name, "<=", limit)), Compare(name, ">", limit)]
        if value <= limit:
            found += [Not(Compare(name, ">", limit)), Compare(name, "<=", limit)]
        if value < limit:
            found += [Not(Compare(name, ">=", limit)), Compare(name, "<", limit)]
    return found


def strength(literal: Literal) -> tuple[int, Decimal, bool]:
    """How much a literal claims; the strongest are tried first to do without. Named conditions go
    last, as they say most in fewest words.
    """
    if literal.named:
        return -1, Decimal(0), False
    match literal.condition:
        case Not(Absent()):
            return 1, Decimal(0), False
        case Not(Compare(_, comparator, limit)):
            return 0, limit if comparator in ("<", "<=") else -limit, comparator in ("<=", ">=")
        case Not():
            return 0, Decimal(0), False
        case Compare(_, comparator, limit):
            return 2, limit if comparator in (">", ">=") else -limit, comparator in ("<", ">")
        case OneOf() | Absent() | Derived() | AtLeast() | AllOf() | AnyOf():
            return 2, Decimal(0), False
        case _:
            assert_never(literal.condition)


def strengthen(guideline: Guideline, condition: Condition) -> Condition | None:
    """What "not known to be" comes to where the value is known."""
    match condition:
        case Not(Compare(fact, comparator, limit)) if comparator in OPPOSITE:
            return Compare(fact, OPPOSITE[comparator], limit)
        case Not(OneOf(fact, values)):
            possible: tuple[Value, ...] = (
                (True, False)
                if guideline.facts[fact].kind == "boolean"
                else guideline.facts[fact].values
            )
            left = tuple(value for value in possible if value not in values)
            return OneOf(fact, left) if len(left) == 1 else None
        case Compare() | OneOf() | Absent() | Derived() | AtLeast() | AllOf() | AnyOf() | Not():
            return None
        case _:
            assert_never(condition)
