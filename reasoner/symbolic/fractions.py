"""Truth values of Z3, and numbers as fractions of linear terms, so that comparisons stay linear."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeAlias, cast

import z3

from calx.reasoner.model.condition import (
    Compare,
    OneOf,
)

Truth: TypeAlias = z3.BoolRef


YES, NO = z3.BoolVal(True), z3.BoolVal(False)


class Quotient(NamedTuple):
    """A number as a fraction of linear terms; the
    denominator is never 0 where the alternative holds.
    """

    above: z3.ArithRef
    below: z3.ArithRef | None = None
    """None for 1."""
    positive: bool = True
    """Whether the denominator is known to be positive."""


def number(value: Decimal | Fraction | int) -> z3.ArithRef:
    """A number of Z3, exact."""
    fraction = Fraction(value)
    return cast("z3.ArithRef", z3.RealVal(f"{fraction.numerator}/{fraction.denominator}"))


def either(parts: Iterable[Truth]) -> Truth:
    """Some part holds."""
    kept = [part for part in parts if not z3.is_false(part)]
    return NO if not kept else kept[0] if len(kept) == 1 else cast("Truth", z3.Or(kept))


def both(parts: Iterable[Truth]) -> Truth:
    """Every part holds."""
    kept = [part for part in parts if not z3.is_true(part)]
    return YES if not kept else kept[0] if len(kept) == 1 else cast("Truth", z3.And(kept))


def none(part: Truth) -> Truth:
    """The part does not hold."""
    return NO if z3.is_true(part) else YES if z3.is_false(part) else cast("Truth", z3.Not(part))


def says(leaf: Compare | OneOf, value: bool | str | Quotient) -> Truth:
    """What a leaf says of one value."""
    if isinstance(leaf, OneOf):
        return YES if value in leaf.values and not isinstance(value, Quotient) else NO
    if not isinstance(value, Quotient):
        return NO
    limit = number(leaf.limit)
    if value.below is None:
        return _compared(leaf.comparator, value.above, limit)
    plain = _compared(leaf.comparator, value.above, cast("z3.ArithRef", limit * value.below))
    if value.positive:
        return plain
    turned = _compared(
        {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(leaf.comparator, "="),
        value.above,
        cast("z3.ArithRef", limit * value.below),
    )
    return cast("Truth", z3.If(value.below > 0, plain, turned))


def exceeds(one: Quotient, other: Quotient) -> Truth:
    """The first is above the second, whatever the signs of their denominators."""
    left, _ = calculate("-", one, other, True)
    if left.below is None or left.positive:
        return cast("Truth", left.above > 0)
    return cast("Truth", z3.If(left.below > 0, left.above > 0, left.above < 0))


def differ(one: Quotient, other: Quotient) -> Truth:
    """The two are not the same number."""
    left, _ = calculate("-", one, other, True)
    return cast("Truth", left.above != 0)


def _compared(comparator: str, left: z3.ArithRef, right: z3.ArithRef) -> Truth:
    found = {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
        "=": left == right,
    }[comparator]
    return cast("Truth", z3.simplify(found))


def calculate(
    sign: str, one: Quotient, other: Quotient, other_positive: bool
) -> tuple[Quotient, Truth]:
    """Result of an operation on fractions, and where it is defined."""
    a, b, c, d = one.above, one.below, other.above, other.below
    positive = one.positive and other.positive
    if sign in "+-":
        left, right = (a * d if d is not None else a), (c * b if b is not None else c)
        return _quotient(left + right if sign == "+" else left - right, _times(b, d), positive), YES
    if sign == "*":
        return _quotient(a * c, _times(b, d), positive), YES
    above = a * d if d is not None else a
    return _quotient(
        above, _times(b, c), positive and other_positive
    ), YES if other_positive else cast("Truth", c != 0)


def _times(one: z3.ArithRef | None, other: z3.ArithRef | None) -> z3.ArithRef | None:
    return other if one is None else one if other is None else cast("z3.ArithRef", one * other)


def _quotient(above: object, below: z3.ArithRef | None, positive: bool) -> Quotient:
    """A fraction; a constant denominator goes into
    the numerator, so that what is linear stays so.
    """
    top = cast("z3.ArithRef", z3.simplify(cast("z3.ArithRef", above)))
    if below is None:
        return Quotient(top)
    bottom = z3.simplify(below)
    if z3.is_rational_value(bottom):
        return Quotient(cast("z3.ArithRef", z3.simplify(top / bottom)))
    return Quotient(top, cast("z3.ArithRef", bottom), positive)
