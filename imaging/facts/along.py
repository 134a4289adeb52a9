"""One recording along the vessel: steadied readings, runs of frames, lengths, bounded values."""

from __future__ import annotations

from dataclasses import replace

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
    "the recording does not tell where its frames lie along the vessel (no pullback rate or no "
    "times of its frames; what was said when it was read tells which): no length can be measured"
)
NO_SCALE = "the recording does not tell the size of a pixel: nothing can be measured in mm"
NO_FRAME = "no frame could be read"
TO_AND_FRO = (
    "not gated, and no clear beat in its pictures: the heart moves the catheter by about "
    "{:g} mm to and fro, which the interval holds"
)


def not_drawn(layer: str) -> str:
    """Why nothing is said of a layer that the drawer did not look for."""
    told = {"eem": "the membrane (EEM) is", "branch": "side branches are"}.get(layer, f"{layer} is")
    return f"{told} not drawn in this set; that it is not drawn does not say that there is none"


class Along:
    """What calcium, vessel and stent are read from; lengths, runs and numbers of frames."""

    def __init__(
        self, curves: Curves, calibration: Calibration, rules: Protocol, distal_first: bool
    ) -> None:
        """Read ``curves``, which are those that facts are read from (:meth:`Curves.read`)."""
        self.curves, self.calibration, self.rules, self.distal_first = (
            curves,
            calibration,
            rules,
            distal_first,
        )
        self.drawn = curves.drawn
        self.readings = read(curves, calibration, rules)
        self.z = curves.z_mm
        self.placed = bool(np.isfinite(self.z).all()) and len(curves) > 1
        self.usable = np.isfinite(self.readings.arc.value)
        steps = np.abs(np.diff(self.z))
        self.spacing = float(np.median(steps)) if self.placed else float("nan")
        apart = max(rules.gap_factor * self.spacing, rules.window_mm) if self.placed else np.inf
        missing = steps > apart if self.placed else np.zeros(len(steps), bool)
        count = steps / self.spacing - 1 if self.placed else np.zeros(len(steps))
        self.gated = curves.one_phase
        self.steadied = self.gated or curves.provenance.get("drawn_by") != "model"
        """Neighbours along the vessel see the same: of one phase, or drawn by a person."""
        every = curves.provenance.get("every")  # of a recording, whose own count numbers its frames
        if every and not self.gated:
            missing |= np.diff(curves.frame) > int(every)
            count = np.fmax(count, np.diff(curves.frame) / int(every) - 1)
        self.gaps = np.flatnonzero(missing)
        """Frames after which one is missing."""
        self.missing = np.maximum(np.round(count[self.gaps]), 1).astype(int)
        """How many are missing there."""
        self.whole = bool(self.usable.all()) and not len(self.gaps)
        """Every frame was read, and none is missing between them."""
        self.arc, self.any_arc, self.total_arc = (
            self.anything(self.steady(part, filled=True), 360.0)
            for part in (self.readings.arc, self.readings.any_arc, self.readings.total_arc)
        )
        self.seen_arc, self.seen_any_arc = (
            self.median(part, filled=True) if self.steadied else part
            for part in (self.readings.seen_arc, self.readings.seen_any_arc)
        )
        reasons = sorted({str(reason) for reason in curves.refused if reason})
        self.no_frame = NO_FRAME + (f" ({reasons[0]})" if reasons else "")
        self.lesion = self.run(self.any_arc.value >= rules.length_arc_deg)

    def steady(self, values: Bounded, *, filled: bool = False) -> Bounded:
        """Medians over the protocol's window. Where neighbours are of other phases of the heart
        values stay as they are, and the bounds hold both: one frame's slip is not told from what
        only it sees.
        """
        low, value, high = (
            self.median(part, filled=filled) for part in (values.low, values.value, values.high)
        )
        if self.steadied:
            return Bounded(low, value, high)
        kept = np.where(np.isfinite(values.value), values.value, value)
        return Bounded(np.fmin(values.low, low), kept, np.fmax(values.high, high))

    def median(self, values: Array, *, filled: bool = False) -> Array:
        """The median of the frames within half a window; a frame without a value counts for none,
        and stays without unless it is to be ``filled`` from the others in its window.
        """
        if not self.placed or self.spacing > self.rules.window_mm / 2 + 1e-9:
            return values
        steady = values.copy()
        known = np.isfinite(values)
        for f in range(len(values)):
            near = np.abs(self.z - self.z[f]) <= self.rules.window_mm / 2 + 1e-9
            if known[f] or (filled and known[near].any()):
                steady[f] = np.nanmedian(values[near])
        return steady

    def anything(self, values: Bounded, most: float) -> Bounded:
        """With nothing excluded up to ``most`` in frames that could not be read."""
        return Bounded(
            values.low, values.value, np.where(np.isfinite(values.value), values.high, most)
        )

    def run(
        self, mask: NDArray[np.bool_], bridge: float | None = None, *, across: bool = False
    ) -> Run | None:
        """The longest stretch of frames, gaps along the vessel up to the bridge included. It ends
        where a frame is missing, unless it may run ``across``.
        """
        found = self.stretches(mask, bridge, across=across)
        if not found:
            return None
        if not self.placed:
            return max(found, key=lambda run: run.stop - run.start)
        return max(found, key=lambda run: (self.extent(run), run.stop - run.start))

    def stretches(
        self, mask: NDArray[np.bool_], bridge: float | None = None, *, across: bool = False
    ) -> list[Run]:
        """The stretches of frames, as :meth:`run` has them."""
        found = runs(mask) if across else self._parted(runs(mask))
        if not found or not self.placed:
            return found
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
        return joined

    def _parted(self, found: list[Run]) -> list[Run]:
        """Runs, ended where a frame is missing."""
        parted = []
        for run in found:
            cuts = [int(gap) + 1 for gap in self.gaps if run.start <= gap < run.stop - 1]
            parted += [
                Run(a, b) for a, b in zip([run.start, *cuts], [*cuts, run.stop], strict=True)
            ]
        return parted

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
        least, likely = (self.run(part > above, bridge) for part in (values.low, values.value))
        most = self.run(values.high > above, bridge, across=True)
        value = self.extent(likely)
        slack = 2 * self.spacing + (0.0 if self.gated else self.rules.heart_mm / 2)
        margin = self.calibration.margins.get(name, 0.0)
        low = min(self.extent(least), value) - (slack if least and not likely else 0.0) - margin
        high = max(self.extent(most), value) + (2 * self.spacing if most else 0.0) + margin
        if not self.gated and most:
            low, high = low - self.rules.heart_mm / 2, high + self.rules.heart_mm / 2
        to_and_fro = "" if self.gated else TO_AND_FRO.format(self.rules.heart_mm)
        return Measurement(
            name,
            value,
            max(0.0, low),
            max(high, value),
            "mm",
            reason=to_and_fro,
            frames=self.numbers(likely),
        )

    def largest(self, name: str, unit: str, values: Bounded, most: float) -> Measurement:
        """The largest value of all frames: its interval runs from the largest lower end to the
        largest upper one, whichever frames these are, and to ``most`` where a frame is missing.
        """
        found = self.bounded(name, unit, values, int(np.nanargmax(values.value)), most=most)
        margin = self.calibration.margins.get(name, 0.0)
        low = max(found.low or 0.0, float(np.nanmax(values.low)) - margin)
        high = max(found.high or 0.0, float(np.nanmax(values.high)) + margin)
        value = float(found.value or 0.0)
        high = most if len(self.gaps) else min(most, high)
        return replace(found, low=max(0.0, min(low, value)), high=max(high, value))

    def smallest(
        self, name: str, unit: str, values: Bounded, inside: NDArray[np.int64], least: float
    ) -> Measurement:
        """The smallest value of some frames, likewise; down to ``least`` where one could not be
        read or is missing.
        """
        at = int(inside[np.nanargmin(values.value[inside])])
        found = self.bounded(name, unit, values, at)
        margin = self.calibration.margins.get(name, 0.0)
        value = float(found.value or 0.0)
        unread = not np.isfinite(values.value[inside]).all() or bool(
            np.isin(self.gaps, inside).any()
        )
        low = min(found.low or 0.0, float(np.nanmin(values.low[inside])) - margin)
        high = min(found.high or 0.0, float(np.nanmin(values.high[inside])) + margin)
        low = min(low, least) if unread else low
        return replace(found, low=max(0.0, min(low, value)), high=max(high, value))

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
