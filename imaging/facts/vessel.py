"""The vessel of a recording: diameters, reference, the smallest lumen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.along import NO_RATE, NO_SCALE, Along, Array, not_drawn
from calx.imaging.facts.frames import Bounded
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
        if "eem" not in self.along.drawn:
            why = not_drawn("eem")
            return {
                each: refused(each, "mm", why) for each in (name, "reference_vessel_diameter_mm")
            }
        return {name: self._lesion_diameter(name), "reference_vessel_diameter_mm": self.reference()}

    def _lesion_diameter(self, name: str) -> Measurement:
        if not np.isfinite(self.along.readings.lumen_area.value).any():
            return refused(name, "mm", self.along.no_frame)
        diameter = self.along.steady(self.along.readings.eem_diameter)
        if "calcium" not in self.along.drawn:
            return self._any_diameter(name, diameter)
        if not self.along.usable.any():
            return refused(name, "mm", self.along.no_frame)
        site = (
            int(np.nanargmax(self.along.arc.value))
            if np.nanmax(self.along.arc.value) > 0
            else int(np.nanargmin(self.narrowness()))
        )
        if not np.isfinite(diameter.value[site]):
            near = self._nearby(site)
            if near is None:
                return refused(
                    name, "mm", "the membrane is hidden at the lesion: its size can't be read there"
                )
            hidden = (
                f"the membrane is hidden or not drawn at frame {self.along.curves.frame[site]}; "
                "read at the nearest frame of the lesion that shows enough of it, the interval is "
                "that of all of them"
            )
            item = self.along.bounded(name, "mm", diameter, near)
            span = self.along.lesion or Run(site, site + 1)
            within = slice(span.start, span.stop)
            return replace(
                item,
                low=min(item.low or 0.0, float(np.nanmin(diameter.low[within]))),
                high=max(item.high or 0.0, float(np.nanmax(diameter.high[within]))),
                status=INTERPOLATED,
                reason=hidden,
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

    def _any_diameter(self, name: str, diameter: Bounded) -> Measurement:
        """Where calcium is not drawn the lesion lies anywhere: the diameter at the smallest lumen,
        its interval that of all frames.
        """
        able = np.flatnonzero(np.isfinite(diameter.value))
        if not len(able):
            return refused(name, "mm", "the membrane is hidden in every frame")
        site = int(able[np.argmin(self.narrowness()[able])])
        low, high = float(diameter.low[able].min()), float(diameter.high[able].max())
        if len(able) < len(diameter.value) or len(self.along.gaps):
            # the lesion may lie in a frame that was not read
            plausible = self.along.rules.plausible["eem_diameter_mm"]
            low, high = plausible.least, plausible.most
        return replace(
            self.along.bounded(name, "mm", diameter, site),
            low=low,
            high=high,
            status=INTERPOLATED,
            reason=(
                "calcium is not drawn, so where the lesion lies is not known: read at the smallest "
                "lumen, the interval is that of all frames"
            ),
        )

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
        """The frames of one side that can be references, those with least plaque first: with
        little plaque, well seen, off branches, within the window beyond ``edge``.
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
        burden = self.along.readings.plaque_burden.value
        able = able[burden[able] < self.along.rules.reference_burden_percent]
        least: NDArray[np.int64] = able[np.argsort(burden[able], kind="stable")]
        return least

    def _unseen(self, lesion: Run) -> bool:
        """Whether a frame near the lesion was not read, or has no membrane drawn, or is missing: it
        may be a better reference.
        """
        z = self.along.z
        window = self.along.rules.reference_window_mm
        around = np.flatnonzero(
            (np.abs(z - z[lesion.start]) <= window) | (np.abs(z - z[lesion.stop - 1]) <= window)
        )
        drawn = np.isfinite(np.asarray(self.along.curves.eem, float)).any(axis=1)
        return bool((~drawn[around]).any() or np.isin(self.along.gaps, around).any())

    def reference(self) -> Measurement:
        """Mean EEM diameter of the best frames on either side of the lesion; a side that can't be
        read is missing, never copied.
        """
        name = "reference_vessel_diameter_mm"
        if not self.along.placed:
            return refused(name, "mm", NO_RATE)
        if not self.along.usable.any():
            return refused(name, "mm", self.along.no_frame)
        if "calcium" not in self.along.drawn:
            return refused(
                name, "mm", "calcium is not drawn, so where the lesion ends is not known"
            )
        site = int(np.nanargmin(self.narrowness()))
        lesion = self.along.lesion or Run(site, site + 1)
        able = {"distal": self._side(lesion.start, -1), "proximal": self._side(lesion.stop - 1, 1)}
        if not self.along.distal_first:
            able = {"distal": able["proximal"], "proximal": able["distal"]}
        sides = {side: of[: int(self.along.rules.reference_frames)] for side, of in able.items()}
        members = [side for side in sides.values() if len(side)]
        if not members:
            return refused(
                name,
                "mm",
                (
                    f"no frame within {self.along.rules.reference_window_mm:g} mm of the lesion "
                    "can be a reference: its membrane seen, no branch or calcium, and a plaque "
                    f"burden below {self.along.rules.reference_burden_percent:g} %"
                ),
            )
        margin = self.along.calibration.margins.get(name, 0.0)
        diameter = self.along.readings.eem_diameter
        unsure = "branch" not in self.along.drawn
        unseen = self._unseen(lesion)
        low, value, high = (
            float(np.mean([part[side].mean() for side in members]))
            for part in (diameter.low, diameter.value, diameter.high)
        )
        if unsure or unseen:
            # which of the frames lie at a branch is not known: any of them may be the references
            every = np.concatenate(list(able.values()))
            low, high = float(diameter.low[every].min()), float(diameter.high[every].max())
        low, high = low - margin, high + margin
        detail = {
            f"{side}_mm": round(float(self.along.readings.eem_diameter.value[frames].mean()), 2)
            if len(frames)
            else None
            for side, frames in sides.items()
        }
        missing = next((side for side, frames in sides.items() if not len(frames)), None)
        reasons = [
            f"only one side could be read; the {missing} reference is missing" if missing else "",
            "side branches are not drawn: a reference may lie at one" if unsure else "",
            "frames beside the lesion were not read, or show no membrane" if unseen else "",
        ]
        reason = "; ".join(filter(None, reasons))
        frames = self.along.numbers(np.sort(np.concatenate(members)))
        return Measurement(
            name,
            value,
            low,
            high,
            "mm",
            INTERPOLATED if reason else MEASURED,
            reason,
            frames,
            detail,
        )

    def smallest(self, name: str, inside: NDArray[np.int64]) -> Measurement:
        """The smallest lumen area among some frames."""
        if self.along.curves.scale_mm is None:
            return refused(name, "mm2", NO_SCALE)
        area = self.along.steady(self.along.readings.lumen_area, filled=True)
        if not np.isfinite(area.value[inside]).any():
            return refused(name, "mm2", self.along.no_frame)
        least = np.pi / 4 * self.along.rules.plausible["lumen_diameter_mm"].least ** 2
        return self.along.smallest(name, "mm2", area, inside, least)
