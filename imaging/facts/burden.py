"""How much calcium a whole pullback holds.

Plain sums with their definitions, of this recording alone; they are nobody's published score.
"""

from __future__ import annotations

import numpy as np

from calx.imaging.facts.along import NO_RATE, Along, Array, not_drawn
from calx.imaging.facts.geometry import Run
from calx.imaging.facts.measurement import Measurement, refused

ARCS = 90, 180, 270
"""Arcs above which frames are counted, degrees."""


class BurdenReader:
    """Reads the calcium burden of one recording."""

    def __init__(self, along: Along) -> None:
        self.along = along
        self.missing = int(along.missing.sum())
        """Frames that are not there between those that are; they may hold anything."""

    def measures(self) -> list[Measurement]:
        """Mean arc, degrees times length, deposits and shares of frames, with their intervals."""
        names = {"mean_calcium_arc_deg": "deg", "calcium_degree_mm": "deg.mm"}
        names |= {"calcium_deposits": "1"}
        names |= {f"share_arc_above_{arc}_percent": "percent" for arc in ARCS}
        if "calcium" not in self.along.drawn or not self.along.usable.any():
            drawn = "calcium" in self.along.drawn
            why = self.along.no_frame if drawn else not_drawn("calcium")
            return [refused(name, unit, why) for name, unit in names.items()]
        found = [self._mean(), *(self._share(arc) for arc in ARCS)]
        if not self.along.placed:
            lengths = ("calcium_degree_mm", "calcium_deposits")
            return found + [refused(name, names[name], NO_RATE) for name in lengths]
        return [*found, self._degree_mm(), self._deposits()]

    def _mean(self) -> Measurement:
        """Mean over the frames of all calcium in each, at any depth."""
        total = self.along.total_arc
        value, count = float(np.nanmean(total.value)), len(total.value) + self.missing
        low = float(np.nan_to_num(total.low).sum()) / count
        high = (float(np.minimum(total.high, 360.0).sum()) + 360.0 * self.missing) / count
        return Measurement("mean_calcium_arc_deg", value, min(low, value), max(high, value), "deg")

    def _degree_mm(self) -> Measurement:
        """All calcium of each frame times the length that the frame stands for."""
        z, total = self.along.z, self.along.total_arc
        usable = np.isfinite(total.value)
        value = self._along(np.interp(z, z[usable], total.value[usable]))
        low = self._along(np.nan_to_num(total.low), 0.0)
        high = self._along(np.minimum(total.high, 360.0), 360.0)
        return Measurement("calcium_degree_mm", value, min(low, value), max(high, value), "deg.mm")

    def _along(self, values: Array, missing: float | None = None) -> float:
        """The integral along the vessel; where a frame is missing, of ``missing`` instead."""
        steps = np.abs(np.diff(self.along.z))
        means = (values[1:] + values[:-1]) / 2
        if missing is not None:
            means[self.along.gaps] = missing
        return float((steps * means).sum())

    def _share(self, arc: int) -> Measurement:
        """Percent of the frames whose largest superficial arc exceeds ``arc``."""
        found = self.along.arc
        count, read = len(found.value) + self.missing, np.isfinite(found.value)
        value = 100 * float((found.value[read] > arc).mean())
        low = 100 * float((np.nan_to_num(found.low) > arc).sum()) / count
        high = 100 * float((found.high > arc).sum() + self.missing) / count
        return Measurement(
            f"share_arc_above_{arc}_percent", value, min(low, value), max(high, value), "percent"
        )

    def _deposits(self) -> Measurement:
        """Stretches along the vessel with the arc that counts for a length, apart by more than the
        bridged gap. Its interval is that of their number by the least and by the most calcium:
        where more calcium joins two, the number is smaller.
        """
        least = self.along.rules.length_arc_deg - 1e-9
        found = self.along.any_arc
        counts = [
            len(self.along.stretches(part > least, across=across))
            for part in (found.low, found.value, found.high)
            for across in (False, True)
        ]
        stretches = self.along.stretches(found.value > least)
        return Measurement(
            "calcium_deposits",
            float(len(stretches)),
            float(min(counts)),
            float(max(counts) + len(self.along.gaps)),
            "1",
            frames=self.along.numbers(self._members(stretches)),
            detail={
                "lengths_mm": [round(self.along.extent(run), 2) for run in stretches],
                "from_mm": [round(float(self.along.z[run.start]), 2) for run in stretches],
            },
        )

    @staticmethod
    def _members(stretches: list[Run]) -> np.ndarray | None:
        if not stretches:
            return None
        return np.concatenate([np.arange(run.start, run.stop) for run in stretches])
