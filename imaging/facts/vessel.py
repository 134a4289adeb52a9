"""The vessel of a recording: diameters, reference, the smallest lumen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.along import NO_RATE, NO_SCALE, Along, Array
from calx.imaging.facts.geometry import Run
from calx.imaging.facts.measurement import INTERPOLATED, MEASURED, Measurement, refused


class VesselReader:
    """Reads the vessel of one recording; each method answers for some facts."""

    def __init__(self, along: Along) -> None:
        self.along = along

    def facts(self) -> dict[str, Measurement]:
        """Vessel diameters: at the lesion, and of its references."""
        name = "vessel_diameter_mm"
        if self.along.curves.scale_mm is None:
            return {
                name: refused(name, "mm", NO_SCALE),
                "reference_vessel_diameter_mm": refused(
                    "reference_vessel_diameter_mm", "mm", NO_SCALE
                ),
            }
        return {name: self._lesion_diameter(name), "reference_vessel_diameter_mm": self.reference()}

    def _lesion_diameter(self, name: str) -> Measurement:
        if not self.along.usable.any():
            return refused(name, "mm", self.along.no_frame)
        site = (
            int(np.nanargmax(self.along.arc.value))
            if np.nanmax(self.along.arc.value) > 0
            else int(np.nanargmin(self.narrowness()))
        )
        diameter = self.along.steady(self.along.readings.eem_diameter)
        if not np.isfinite(diameter.value[site]):
            near = self._nearby(site)
            if near is None:
                return refused(
                    name, "mm", "the membrane is hidden at the lesion: its size can't be read there"
                )
            hidden = (
                f"the membrane is hidden at frame {self.along.curves.frame[site]}; read at the "
                "nearest frame of the lesion that shows enough of it"
            )
            return replace(
                self.along.bounded(name, "mm", diameter, near), status=INTERPOLATED, reason=hidden
            )
        item = self.along.bounded(name, "mm", diameter, site)
        if self.along.readings.hidden[site] > self.along.rules.membrane_flagged_deg:
            return replace(
                item,
                status=INTERPOLATED,
                reason=(
                    f"{self.along.readings.hidden[site]:.0f}° of the membrane are hidden; "
                    "its course there is interpolated"
                ),
            )
        return item

    def narrowness(self) -> Array:
        return np.where(
            np.isfinite(self.along.readings.lumen_area.value),
            self.along.readings.lumen_area.value,
            np.inf,
        )

    def _nearby(self, site: int) -> int | None:
        """The frame nearest to ``site`` within the lesion whose membrane can be sized."""
        span = self.along.lesion or Run(site, site + 1)
        able = [
            f
            for f in range(span.start, span.stop)
            if np.isfinite(self.along.readings.eem_diameter.value[f])
        ]
        return min(able, key=lambda f: abs(f - site)) if able else None

    def _side(self, edge: int, step: int) -> NDArray[np.int64]:
        """The reference frames of one side: those with least plaque, well seen, off branches,
        within the window beyond ``edge``.
        """
        beyond = np.arange(edge + step, len(self.along.curves) if step > 0 else -1, step)
        if not len(beyond):
            return beyond
        seen = np.isfinite(self.along.readings.plaque_burden.value[beyond]) & (
            self.along.readings.hidden[beyond] <= self.along.rules.reference_hidden_deg
        )
        branch = (self.along.curves.branch[beyond] >= 0.5).any(axis=1)
        near = (
            np.abs(self.along.z[beyond] - self.along.z[edge])
            <= self.along.rules.reference_window_mm
        )
        able = beyond[
            seen
            & ~branch
            & near
            & (self.along.readings.arc.value[beyond] < self.along.rules.length_arc_deg)
        ]
        best: NDArray[np.int64] = able[
            np.argsort(self.along.readings.plaque_burden.value[able], kind="stable")
        ]
        return best[: int(self.along.rules.reference_frames)]

    def reference(self) -> Measurement:
        """Mean EEM diameter of the best frames on either side of the lesion; a side that can't be
        read is missing, never copied.
        """
        name = "reference_vessel_diameter_mm"
        if not self.along.placed:
            return refused(name, "mm", NO_RATE)
        if not self.along.usable.any():
            return refused(name, "mm", self.along.no_frame)
        site = int(np.nanargmin(self.narrowness()))
        lesion = self.along.lesion or Run(site, site + 1)
        sides = {"distal": self._side(lesion.start, -1), "proximal": self._side(lesion.stop - 1, 1)}
        if not self.along.distal_first:
            sides = {"distal": sides["proximal"], "proximal": sides["distal"]}
        members = [side for side in sides.values() if len(side)]
        if not members:
            return refused(
                name,
                "mm",
                (
                    f"no frame within {self.along.rules.reference_window_mm:g} mm of the lesion "
                    "shows its membrane without branch or calcium"
                ),
            )
        margin = self.along.calibration.margins.get(name, 0.0)
        ends = [
            np.mean([part[side].mean() for side in members])
            for part in (
                self.along.readings.eem_diameter.low,
                self.along.readings.eem_diameter.value,
                self.along.readings.eem_diameter.high,
            )
        ]
        low, value, high = float(ends[0] - margin), float(ends[1]), float(ends[2] + margin)
        detail = {
            f"{side}_mm": round(float(self.along.readings.eem_diameter.value[frames].mean()), 2)
            if len(frames)
            else None
            for side, frames in sides.items()
        }
        missing = next((side for side, frames in sides.items() if not len(frames)), None)
        reason = (
            f"only one side could be read; the {missing} reference is missing" if missing else ""
        )
        frames = self.along.numbers(np.sort(np.concatenate(members)))
        return Measurement(
            name,
            value,
            low,
            high,
            "mm",
            INTERPOLATED if missing else MEASURED,
            reason,
            frames,
            detail,
        )

    def smallest(self, name: str, inside: NDArray[np.int64]) -> Measurement:
        """The smallest lumen area among some frames."""
        if self.along.curves.scale_mm is None:
            return refused(name, "mm2", NO_SCALE)
        area = self.along.steady(self.along.readings.lumen_area)
        if not np.isfinite(area.value[inside]).any():
            return refused(name, "mm2", self.along.no_frame)
        return self.along.bounded(name, "mm2", area, int(inside[np.nanargmin(area.value[inside])]))
