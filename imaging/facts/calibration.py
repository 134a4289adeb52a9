"""What was learnt of a drawer's errors: thresholds and margins, kept with its curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Calibration:
    """How far a drawer's curves are to be trusted; the
    default is a drawer whose lines are taken as drawn.

    Attributes:
        likely: probability from which a line is called calcium.
        at_least: a higher one, for the least that can be claimed.
        at_most: a lower one, for the most that can't be excluded.
        spread_lumen: factor on the stated standard deviations of the lumen's radii.
        spread_eem: the same of the membrane's.
        depth: by how many of its standard deviations the depth of a leading edge may be wrong.
        readers: the intervals hold what a person would draw, whose contours differ from each
            other's; without, what is there.
        nodule: weights that make a probability of a nodule's score: the log-odds are the first plus
            the second times the score's own.
        margins: by measurement, what is added on both sides of its raw interval so that it holds
            the truth nine times in ten.
        decision_deg: degrees by which an arc must pass a limit before yes or no is said.
        decision_mm: likewise for lengths.
        source: on what it was learnt.
    """

    likely: float = 0.5
    at_least: float = 0.5
    at_most: float = 0.5
    spread_lumen: float = 1.0
    spread_eem: float = 1.0
    depth: float = 0.0
    readers: bool = False
    nodule: tuple[float, float] = (0.0, 1.0)
    margins: Mapping[str, float] = field(default_factory=dict)
    decision_deg: float = 0.0
    decision_mm: float = 0.0
    source: str = "none: curves taken as drawn"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"margins": dict(self.margins)}
