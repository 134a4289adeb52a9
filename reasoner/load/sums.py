"""Thresholds on the sum of a tally, read as what they say of its points.

A rule compares the number that points add up to; whether it is reached hangs on the points, known
and unknown. So that the three-valued reading and the solver see that, the comparison is read as a
condition on how many points of each weight were concluded.
"""

from __future__ import annotations

from itertools import product

from calx.errors import CalxError
from calx.reasoner.model.condition import (
    ALWAYS,
    Absent,
    AllOf,
    AnyOf,
    AtLeast,
    Compare,
    Condition,
    Not,
    all_of,
)
from calx.reasoner.model.section import Tally


class UnreachableError(CalxError):
    """The points never add up to the limit."""


def on_points(compare: Compare, tally: Tally) -> Condition:
    """What a comparison of a tally's number says of its points; the number must be known, so that
    nothing is decided by a sum that no rule makes any more.

    Raises:
        UnreachableError: the points never add up to the limit.

    >>> from decimal import Decimal
    >>> points = (("a", 2), ("b", 1), ("c", 1))
    >>> tally = Tally("score", {}, 0, False, False, False, "point", "score", points)
    >>> on_points(Compare("score", ">=", Decimal(3)), tally).parts[1]  # doctest: +ELLIPSIS
    AllOf(parts=(AtLeast(count=1, predicate='point', among=('a',)), AtLeast(count=1, ...)))
    """
    return AllOf((Not(Absent(compare.fact)), _of_points(compare, tally)))


def _of_points(compare: Compare, tally: Tally) -> Condition:
    limit = compare.limit
    whole = int(limit.to_integral_value(rounding="ROUND_CEILING"))
    above = int(limit.to_integral_value(rounding="ROUND_FLOOR")) + 1
    match compare.comparator:
        case ">=":
            return _reaches(whole, tally)
        case ">":
            return _reaches(above, tally)
        case "<":
            return _stays_below(whole, tally)
        case "<=":
            return _stays_below(above, tally)
        case "=":
            if limit != whole:
                raise UnreachableError(f"the points add up to whole numbers, never to {limit}")
            return all_of((_reaches(whole, tally), _stays_below(whole + 1, tally)))


def _stays_below(limit: int, tally: Tally) -> Condition:
    return ALWAYS if limit > _most(tally) else Not(_reaches(limit, tally))


def _most(tally: Tally) -> int:
    return sum(weight for _, weight in tally.weights)


def _reaches(least: int, tally: Tally) -> Condition:
    """The points add up to so much or more: some way to it, none of which can do with fewer."""
    terms: dict[int, tuple[str, ...]] = {}
    for term, weight in tally.weights:
        terms[weight] = (*terms.get(weight, ()), term)
    if least <= 0:
        return ALWAYS
    most = _most(tally)
    if least > most:
        raise UnreachableError(f"the points add up to {most} at most, never to {least}")
    ways = [
        way
        for way in product(*(range(len(group) + 1) for group in terms.values()))
        if least
        <= _total(way, terms)
        < least + min(w for w, n in zip(terms, way, strict=True) if n)
    ]
    alternatives = [
        all_of(
            [
                AtLeast(count, tally.predicate, group if len(terms) > 1 else ())
                for count, group in zip(way, terms.values(), strict=True)
                if count
            ]
        )
        for way in ways
    ]
    return alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives))


def _total(way: tuple[int, ...], weights: dict[int, tuple[str, ...]]) -> int:
    return sum(count * weight for count, weight in zip(way, weights, strict=True))
