"""One recording along the vessel: steadied readings, runs of frames, lengths, bounded values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.frames import Bounded, read
from calx.imaging.facts.geometry import Run, runs
from calx.imaging.facts.measurement import Measurement, refused
from calx.imaging.facts.protocol import Protocol

Array = NDArray[np.float64]

NO_RATE = (
    "the recording does not tell where its frames lie along the vessel (no pullback rate): "
    "no length can be measured"
)
NO_SCALE = "the recording does not tell the size of a pixel: nothing can be measured in mm"
NO_FRAME = "no frame could be read"


class Along:
    """What calcium, vessel and stent are read from; lengths, runs and numbers of frames."""

    def __init__(
        self, curves: Curves, calibration: Calibration, rules: Protocol, distal_first: bool
    ) -> None:
        self.curves, self.calibration, self.rules, self.distal_first = (
            curves,
            calibration,
            rules,
            distal_first,
        )
        self.readings = read(curves, calibration, rules)
        self.z = curves.z_mm
        self.placed = bool(np.isfinite(self.z).all()) and len(curves) > 1
        self.usable = np.isfinite(self.readings.arc.value)
        self.spacing = float(np.median(np.abs(np.diff(self.z)))) if self.placed else float("nan")
        self.gated = bool(curves.provenance.get("gated", False))
        self.arc, self.any_arc = (
            self.steady(part) for part in (self.readings.arc, self.readings.any_arc)
        )
        reasons = sorted({str(reason) for reason in curves.refused if reason})
        self.no_frame = NO_FRAME + (f" ({reasons[0]})" if reasons else "")
        self.lesion = self.run(self.any_arc.value >= rules.length_arc_deg)

    def steady(self, values: Bounded) -> Bounded:
        """Medians over the protocol's window."""
        return Bounded(*(self.median(part) for part in (values.low, values.value, values.high)))

    def median(self, values: Array) -> Array:
        """The median of the frames within half a window; a frame
        without a value stays without, and counts for none.
        """
        if not self.placed or self.spacing > self.rules.window_mm / 2 + 1e-9:
            return values
        steady = values.copy()
        for f in np.flatnonzero(np.isfinite(values)):
            near = np.abs(self.z - self.z[f]) <= self.rules.window_mm / 2 + 1e-9
            steady[f] = np.nanmedian(values[near])
        return steady

    def run(self, mask: NDArray[np.bool_], bridge: float | None = None) -> Run | None:
        """The longest stretch of frames, gaps along the vessel up to the bridge included."""
        found = runs(mask)
        if not found:
            return None
        if not self.placed:
            return max(found, key=lambda run: run.stop - run.start)
        joined = [found[0]]
        gap = self.rules.length_bridge_mm if bridge is None else bridge
        for run in found[1:]:
            if (
                abs(self.z[run.start] - self.z[joined[-1].stop - 1])
                <= max(gap, 0.0) + self.spacing * 0.01
            ):
                joined[-1] = Run(joined[-1].start, run.stop)
            else:
                joined.append(run)
        return max(joined, key=lambda run: (self.extent(run), run.stop - run.start))

    def extent(self, run: Run | None) -> float:
        """From the first frame of a run to its last."""
        return 0.0 if run is None else float(abs(self.z[run.stop - 1] - self.z[run.start]))

    def numbers(self, frames: Run | NDArray[np.int64] | None) -> tuple[int, ...]:
        if frames is None:
            return ()
        members = np.arange(frames.start, frames.stop) if isinstance(frames, Run) else frames
        return tuple(int(number) for number in self.curves.frame[members])

    def length(
        self, name: str, values: Bounded, above: float, bridge: float | None = None
    ) -> Measurement:
        """The longest stretch on which an arc exceeds a limit,
        uncertain by a frame at each end and by the heart.
        """
        if not self.placed:
            return refused(name, "mm", NO_RATE)
        least, likely, most = (
            self.run(part > above, bridge) for part in (values.low, values.value, values.high)
        )
        value = self.extent(likely)
        slack = 2 * self.spacing + (0.0 if self.gated else self.rules.heart_mm / 2)
        margin = self.calibration.margins.get(name, 0.0)
        low = min(self.extent(least), value) - (slack if least and not likely else 0.0) - margin
        high = max(self.extent(most), value) + (2 * self.spacing if most else 0.0) + margin
        if not self.gated and most:
            low, high = low - self.rules.heart_mm / 2, high + self.rules.heart_mm / 2
        return Measurement(
            name, value, max(0.0, low), max(high, value), "mm", frames=self.numbers(likely)
        )

    def bounded(
        self,
        name: str,
        unit: str,
        values: Bounded,
        at: int,
        *,
        frames: tuple[int, ...] | None = None,
        most: float | None = None,
    ) -> Measurement:
        """A frame's value as a measurement, its margin added."""
        margin = self.calibration.margins.get(name, 0.0)
        value = float(values.value[at])
        low, high = (
            min(value, float(values.low[at]) - margin),
            max(value, float(values.high[at]) + margin),
        )
        told = frames if frames is not None else self.numbers(np.array([at]))
        return Measurement(
            name, value, max(0.0, low), high if most is None else min(most, high), unit, frames=told
        )
