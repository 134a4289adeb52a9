"""Where doubles cannot decide what exact numbers decide.

A computed number is compared with a constant after it was rounded (`sql.DIGITS`). That is right as
long as its error stays below half a step of the rounding, and two values that differ stand further
apart than a step: both hang on how large the numbers are of which it is made. Where they are too
large **and** the number comes that near to the constant, the row is marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.condition import (
    Arithmetic,
    Compare,
    Condition,
    Constant,
    Expression,
    Of,
    find,
)
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.rule import Assignment
from calx.reasoner.model.values import FRACTION_DIGITS

ERROR = "1e-13"
"""Of a computed number, in parts of its size: some hundred times what rounding comes to in the
operations of a formula."""
STEP = "1e-9"
"""What rounding to `sql.DIGITS` tells apart."""
HALF = "4e-10"
"""Less than half of it."""


@dataclass(frozen=True)
class _Size:
    """Of an expression N / D: its value and size as SQL, the digits after the point of N and D, D
    as SQL, and the largest size and D, where they are known.
    """

    value: str
    size: str
    digits: int
    below: str
    below_digits: int
    most: Decimal | None
    most_below: Decimal | None


def beyond(guideline: Guideline) -> str:
    """Whether doubles cannot decide a comparison of a row; never NULL.

    Args:
        guideline: whose comparisons are read, all of them.
    """
    found = dict.fromkeys(
        test
        for condition in _conditions(guideline)
        for compare in find(condition, Compare)
        for way in _ways(guideline, compare.fact)
        if not isinstance(way, Of | Constant)
        for test in _undecided(guideline, way, compare)
    )
    return " OR ".join(f"({test}) IS TRUE" for test in found) or "FALSE"


def _conditions(guideline: Guideline) -> Iterator[Condition]:
    for clause in guideline.program.clauses:
        yield clause.production.condition
    for constraint in guideline.constraints:
        yield constraint.condition
    for statement in guideline.statements.values():
        yield from (c for c in (statement.when, statement.when_known) if c is not None)
    yield from guideline.inapplicable.values()
    yield from (t.open_where for t in guideline.terms.values() if t.open_where is not None)


def _ways(guideline: Guideline, name: str) -> Iterator[Expression]:
    """How a value comes from given facts, each way written out."""
    if guideline.facts[name].given:
        yield Of(name)
    for clause in guideline.program.writers_of.get(name, ()):
        made = clause.production.conclusion
        assert isinstance(made, Assignment)
        yield from _written_out(guideline, made.expression)


def _written_out(guideline: Guideline, expression: Expression) -> Iterator[Expression]:
    match expression:
        case Constant():
            yield expression
        case Of(name):
            if guideline.facts[name].given:
                yield expression
            else:
                yield from _ways(guideline, name)
        case Arithmetic(sign, left, right):
            for one in _written_out(guideline, left):
                for other in _written_out(guideline, right):
                    yield Arithmetic(sign, one, other)
        case _:
            assert_never(expression)


def _undecided(guideline: Guideline, way: Expression, compare: Compare) -> Iterator[str]:
    """Whether one comparison of one way cannot be decided; nothing where that never is."""
    size = _size(guideline.facts, way)
    step = max(size.digits, size.below_digits + _digits(Decimal(compare.limit)))
    apart = Decimal(10) ** -step
    if (
        size.most is not None
        and size.most_below is not None
        and size.most * Decimal(ERROR) < Decimal(HALF)
        and size.most_below * Decimal(STEP) < apart
    ):
        return
    error = f"{ERROR} * ({size.size})"
    near = f"abs({size.value} - {Decimal(compare.limit)}) <= {STEP} + {error}"
    well = f"{error} < {HALF} AND ({size.below}) * {STEP} < {apart:f}"
    yield f"{near} AND NOT ({well})"


def _digits(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))


def _size(facts: dict[str, Fact], expression: Expression) -> _Size:
    match expression:
        case Constant(value):
            number = abs(Decimal(value))
            text = f"{Decimal(value):f}"
            return _Size(text, f"{number:f}", _digits(number), "1", 0, number, Decimal(1))
        case Of(name):
            fact = facts[name]
            digits = 0 if fact.kind == "integer" else FRACTION_DIGITS
            least = fact.minimum or Decimal(0)
            most = None if fact.maximum is None else max(abs(fact.maximum), abs(least))
            text = quoted(name)
            return _Size(text, f"abs({text})", digits, "1", 0, most, Decimal(1))
        case Arithmetic(sign, left, right):
            return _joined(sign, _size(facts, left), _size(facts, right))
        case _:
            assert_never(expression)


def _joined(sign: str, one: _Size, other: _Size) -> _Size:
    value = f"({one.value} {sign} {other.value})"
    below, below_digits = f"{one.below} * {other.below}", one.below_digits + other.below_digits
    most_below = _times(one.most_below, other.most_below)
    if sign == "/":
        by = f"nullif(abs({other.value}), 0)"
        return _Size(
            f"({one.value} / nullif({other.value}, 0))",
            f"({one.size} / {by} * (1 + {other.size} / {by}))",
            one.digits + other.below_digits,
            f"{below} * abs({other.value})",
            one.below_digits + other.digits,
            None,
            None,
        )
    if sign == "*":
        return _Size(
            value,
            f"(2 * {one.size} * {other.size})",
            one.digits + other.digits,
            below,
            below_digits,
            _times(Decimal(2), _times(one.most, other.most)),
            most_below,
        )
    return _Size(
        value,
        f"({one.size} + {other.size})",
        max(one.digits + other.below_digits, other.digits + one.below_digits),
        below,
        below_digits,
        None if one.most is None or other.most is None else one.most + other.most,
        most_below,
    )


def _times(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one * other
