"""Shares with 95 % intervals, where lesions of a patient are alike: the sandwich variance of a
ratio, and Wilson's interval with as many lesions as they are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import Any

WIDE = NormalDist().inv_cdf(0.975)
"""Standard deviations to either side of a 95 % interval."""
FAR = NormalDist().inv_cdf(0.999)
"""The same of 99.8 %, the outer limits of a funnel."""


@dataclass(frozen=True)
class Share:
    """A share of lesions with its 95 % interval, each 0 to 1.

    Attributes:
        hits: lesions that count.
        of: how many there are; not 0.
        worth: as many independent lesions would tell as much.
        off: by how much both counts may be off, where they are rounded; the interval allows for it.
        hidden: it is not shown.
    """

    hits: int
    of: int
    worth: float
    off: int = 0
    hidden: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether it is not shown, or made of a count that is not."""
        return self.hidden or self.hits < 0 or self.of <= 0

    @property
    def value(self) -> float:
        return self.hits / self.of

    @property
    def low(self) -> float:
        return wilson(max(0.0, (self.hits - self.off) / (self.of + self.off)), self.worth)[0]

    @property
    def high(self) -> float:
        return wilson(min(1.0, (self.hits + self.off) / (self.of - self.off)), self.worth)[1]


def wilson(value: float, worth: float, wide: float = WIDE) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        value: the share.
        worth: of how many independent lesions.
        wide: standard deviations to either side.
    """
    square = wide * wide
    middle = (value + square / (2 * worth)) / (1 + square / worth)
    half = wide / (1 + square / worth)
    half *= sqrt(value * (1 - value) / worth + square / (4 * worth * worth))
    return max(0.0, middle - half), min(1.0, middle + half)


def expected(mean: float, of: int, wide: float) -> tuple[int, int]:
    """The fewest and the most hits that a site has where chance alone is at work: the binomial
    distribution itself, as any approximation calls small sites odd.

    Args:
        mean: the share of all sites.
        of: lesions of the site.
        wide: standard deviations to either side, whose tails it leaves out.

    >>> expected(0.41, 3, FAR), expected(0.5, 100, FAR)
    ((0, 3), (35, 65))
    """
    tail = NormalDist().cdf(-wide)
    if not 0 < mean < 1:
        return (0, 0) if mean <= 0 else (of, of)
    odds = log(mean), log(1 - mean)

    def chance(hits: int) -> float:
        ways = lgamma(of + 1) - lgamma(hits + 1) - lgamma(of - hits + 1)
        return exp(ways + hits * odds[0] + (of - hits) * odds[1])

    spread = int(20 + 8 * wide * sqrt(of * mean * (1 - mean)))
    first, last = max(0, int(of * mean) - spread), min(of, int(of * mean) + spread)
    low, below = first, chance(first)
    while below < tail:
        low += 1
        below += chance(low)
    high, above = last, chance(last)
    while above < tail:
        high -= 1
        above += chance(high)
    return low, high


def share(patients: int, hits: int, of: int, hh: int, ha: int, aa: int) -> Share | None:
    """A share of sums over patients; None of no lesion.

    Args:
        patients: their number.
        hits: lesions that count.
        of: all lesions.
        hh: sum of the squares of each patient's hits.
        ha: sum of the products of each patient's hits and lesions.
        aa: sum of the squares of each patient's lesions.

    >>> found = share(4, 2, 4, 2, 2, 4)
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (0.5, 0.13, 0.87)
    """
    if not of:
        return None
    value = hits / of
    plain = value * (1 - value) / of
    worth = float(of)
    if patients > 1 and plain > 0:
        residual = hh - 2 * value * ha + value * value * aa
        variance = residual / of**2 * patients / (patients - 1)
        worth = min(worth, of * plain / variance) if variance > 0 else worth
    return Share(hits, of, worth)


def sums(source: str, tests: Sequence[str], patient: str | None, part: str = "NULL") -> str:
    """A query whose rows `shares` reads, a row a part.

    Args:
        source: ``FROM`` and ``WHERE`` of the lesions.
        tests: of each the lesions count that meet it.
        patient: SQL of whose a lesion is; None: each is its own.
        part: SQL of the part to which a lesion belongs.
    """
    numbers = range(len(tests))
    if patient is None:
        hits = ", ".join(f"count(*) FILTER ({test})" for test in tests)
        own = ", ".join(f"h{n}, h{n}, h{n}" for n in numbers)
        named = ", ".join(f"h{n}" for n in numbers)
        return (
            f"SELECT part, a, a, a, {own} FROM (SELECT {part}, count(*), {hits} {source} "
            f"GROUP BY 1) AS parts(part, a, {named})"
        )
    hits = ", ".join(f"count(*) FILTER ({test}) AS h{n}" for n, test in enumerate(tests))
    told = ", ".join(f"sum(h{n}), sum(h{n} * h{n}), sum(h{n} * a)" for n in numbers)
    return (
        f"SELECT part, count(*), sum(a), sum(a * a), {told} FROM "
        f"(SELECT {part} AS part, {patient} AS patient, count(*) AS a, {hits} {source} "
        "GROUP BY 1, 2) AS patients GROUP BY part"
    )


def shares(row: Sequence[Any]) -> tuple[Any, list[Share | None]]:
    """The part of a row of `sums`, and the share of each test."""
    part, patients, of, aa, *rest = row
    return part, [
        share(int(patients), int(hits), int(of), int(hh), int(ha), int(aa))
        for hits, hh, ha in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    ]
