"""A rule as plain data: conditions, what follows from them, and the numbers behind both."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    Condition,
    Expression,
    Not,
    inputs,
    values_read,
)
from calx.reasoner.model.names import Key, Text, key_of

DEVIATION = "±"
"""The comparator of a number that is the standard deviation of a reading: in the unit of the
quantity, or in percent of the value.
"""


@dataclass(frozen=True)
class Number:
    """A number that a statement gives, or that a rule uses: both must agree."""

    quantity: str
    comparator: str
    value: Decimal
    unit: str


@dataclass(frozen=True)
class Assertion:
    """The conclusion that a property holds of the lesion with a term."""

    predicate: str
    term: str

    @cached_property
    def key(self) -> Key:
        return key_of(self.predicate, self.term)


@dataclass(frozen=True)
class Assignment:
    """The conclusion that a value is known."""

    fact: str
    expression: Expression

    @property
    def key(self) -> str:
        return self.fact


@dataclass(frozen=True)
class Production:
    """One triple rule: a condition and what follows from it."""

    condition: Condition
    conclusion: Assertion | Assignment
    numbers: tuple[Number, ...] = ()
    """The literals of condition and conclusion, which statements must back."""

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Values read by the condition and by the computed conclusion."""
        computed = (
            inputs(self.conclusion.expression) if isinstance(self.conclusion, Assignment) else ()
        )
        return tuple(dict.fromkeys(values_read(self.condition) + computed))

    @cached_property
    def applies(self) -> Condition:
        """The condition, and that what the conclusion is computed from is known."""
        if isinstance(self.conclusion, Assertion):
            return self.condition
        needed = (Not(Absent(fact)) for fact in inputs(self.conclusion.expression))
        return AllOf((self.condition, *needed))


@dataclass(frozen=True)
class Rule:
    """One rule of the guideline: one or several productions under one id, label and evidence."""

    id: str
    layer: int
    label: Text
    rationale: Text
    evidence: tuple[str, ...]
    productions: tuple[Production, ...]
    file: str
    alert: str | None = None
    """The alert that the rule's advice belongs to."""
    level: str = "U"
    """Best level among the statements that support it."""
    redundant_by_design: Text | None = None
    """Why the rule is kept although its conclusion never arises from it alone."""
