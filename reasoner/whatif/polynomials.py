"""Exact polynomials and fractions of them, in one number that moves or in two."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from calx.reasoner.model.values import FRACTION_DIGITS

FINEST = Fraction(1, 10**FRACTION_DIGITS)
"""The step of the numbers that a case can give."""


@dataclass(frozen=True)
class Polynomial:
    """A polynomial in one number, its coefficients being numbers or polynomials in another.

    Attributes:
        of: the coefficients, that of the constant first; the last is not 0.
    """

    of: tuple[Any, ...] = ()

    @property
    def degree(self) -> int:
        """Its degree; -1 of 0."""
        return len(self.of) - 1

    def __bool__(self) -> bool:
        return bool(self.of)

    def __add__(self, other: Polynomial) -> Polynomial:
        shorter, longer = sorted((self.of, other.of), key=len)
        both = [a + b for a, b in zip(shorter, longer, strict=False)]
        return _trimmed([*both, *longer[len(shorter) :]])

    def __neg__(self) -> Polynomial:
        return Polynomial(tuple(-c for c in self.of))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        product: list[Any] = [None] * max(0, len(self.of) + len(other.of) - 1)
        for (i, a), (j, b) in itertools.product(enumerate(self.of), enumerate(other.of)):
            there = product[i + j]
            product[i + j] = a * b if there is None else there + a * b
        return _trimmed([c for c in product if c is not None])

    def __call__(self, value: Fraction) -> Fraction:
        """Its value, of one with numbers as coefficients."""
        total = Fraction(0)
        for coefficient in reversed(self.of):
            total = total * value + coefficient
        return total


def _trimmed(coefficients: list[Any]) -> Polynomial:
    while coefficients and not coefficients[-1]:
        coefficients.pop()
    return Polynomial(tuple(coefficients))


@dataclass(frozen=True)
class Ratio:
    """A fraction of polynomials."""

    above: Polynomial
    below: Polynomial

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.above * other.below + other.above * self.below, self.below * other.below)

    def __sub__(self, other: Ratio) -> Ratio:
        return Ratio(self.above * other.below - other.above * self.below, self.below * other.below)

    def __mul__(self, other: Ratio) -> Ratio:
        return Ratio(self.above * other.above, self.below * other.below)

    def __truediv__(self, other: Ratio) -> Ratio:
        return Ratio(self.above * other.below, self.below * other.above)


def roots(polynomial: Polynomial) -> Iterator[Fraction]:
    """The real roots of a polynomial: exact where it is linear, else exact where a case can give
    them, and otherwise a number between the two values that a case can give beside it.
    """
    if polynomial.degree < 1:
        return
    if polynomial.degree == 1:
        yield -polynomial.of[0] / polynomial.of[1]
        return
    slope = Polynomial(tuple(k * value for k, value in enumerate(polynomial.of))[1:])
    reach = 1 + max(abs(value / polynomial.of[-1]) for value in polynomial.of)
    stops = sorted({-reach, *roots(slope), reach})
    for stop in stops:
        if polynomial(stop) == 0:
            yield stop
    for low, high in itertools.pairwise(stops):
        if polynomial(low) * polynomial(high) < 0:
            yield _bisected(polynomial, low, high)


def _bisected(polynomial: Polynomial, low: Fraction, high: Fraction) -> Fraction:
    """The root between two ends at which a polynomial has other signs."""
    rising = polynomial(high) > 0
    one, other = low // FINEST, -(-high // FINEST)  # in steps
    while other - one > 1:
        middle = (one + other) // 2
        value = polynomial(middle * FINEST)
        if value == 0:
            return middle * FINEST
        if (value > 0) == rising:
            other = middle
        else:
            one = middle
    return (one + other) * FINEST / 2
