"""Shares with 95 % intervals, where lesions of a patient are alike: the sandwich variance of a
ratio, and Wilson's interval with as many lesions as they are worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist

from calx.reasoner.cohorts.report.tables import Share

WIDE = NormalDist().inv_cdf(0.975)
"""Standard deviations to either side of a 95 % interval."""
FAR = NormalDist().inv_cdf(0.999)
"""The same of 99.8 %, the outer limits of a funnel."""


def share(clusters: Iterable[tuple[int, int]]) -> Share | None:
    """A share of lesions.

    Args:
        clusters: of each patient how many lesions count, and of how many.

    >>> found = share([(1, 1), (0, 1), (1, 1), (0, 1)])
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.5, 0.13, 0.87)
    """
    each = [(hit, of) for hit, of in clusters if of]
    return _share(
        len(each),
        sum(hit for hit, _ in each),
        sum(of for _, of in each),
        sum(hit * hit for hit, _ in each),
        sum(hit * of for hit, of in each),
        sum(of * of for _, of in each),
    )


def of_sums(many: int, hits: int, all_: int, hh: int, ha: int, aa: int) -> Share | None:
    """The same of sums over patients: their number, hits, lesions, and the sums of products."""
    return _share(many, hits, all_, hh, ha, aa)


def _share(many: int, hits: int, all_: int, hh: int, ha: int, aa: int) -> Share | None:
    if not all_:
        return None
    value = hits / all_
    plain = value * (1 - value) / all_
    worth = float(all_)
    if many > 1 and plain > 0:
        residual = hh - 2 * value * ha + value * value * aa
        variance = residual / all_**2 * many / (many - 1)
        worth = min(float(all_), all_ * plain / variance) if variance > 0 else float(all_)
    return wilson(value, worth)


def wilson(value: float, worth: float, wide: float = WIDE) -> Share:
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
    return Share(value, max(0.0, middle - half), min(1.0, middle + half))
