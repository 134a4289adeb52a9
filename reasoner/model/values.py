"""The values of facts and conclusions as the readings pass them on, and as JSON has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from calx.reasoner.model.condition import Value

Values: TypeAlias = dict[str, Value]
"""The known values of facts and quantities, by name."""

Derivations: TypeAlias = dict[str, int]
"""For each conclusion (``property:term``) the rank of its evidence level, 0 the best."""

Counts: TypeAlias = dict[str, list[str]]
"""For each property the conclusions derived so far."""

FRACTION_DIGITS = 6
"""Digits after the point that a value may have."""

LARGEST = Decimal(10) ** 12
"""Beyond any measurement; keeps arithmetic exact."""


def as_json(value: Value | None) -> bool | str | int | float | None:
    """The value as JSON has it: whole numbers as integers."""
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def nested_as_json(value: Any) -> Any:
    """The same for whatever holds values, and for numbers that a file gave."""
    if isinstance(value, dict):
        return {str(key): nested_as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nested_as_json(item) for item in value]
    return as_json(Decimal(value) if isinstance(value, float) else value)
