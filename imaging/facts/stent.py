"""The stent of a recording: its length, area, gaps and edges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.facts.along import NO_RATE, NO_SCALE, Along, Array, not_drawn
from calx.imaging.facts.frames import Bounded
from calx.imaging.facts.geometry import Run
from calx.imaging.facts.measurement import INTERPOLATED, Measurement, refused
from calx.imaging.facts.vessel import VesselReader


@dataclass(frozen=True)
class Stent:
    """The frames between which a stent lies, both included, in the numbers of the recording."""

    first: int
    last: int


class StentReader:
    """Reads a stent and its edges; each method answers for some facts."""

    def __init__(self, along: Along) -> None:
        self.along = along

    def facts(self, stent: Stent) -> dict[str, Measurement]:
        """Areas in the stent and its edges."""
        inside = np.flatnonzero(
            (self.along.curves.frame >= min(stent.first, stent.last))
            & (self.along.curves.frame <= max(stent.first, stent.last))
        )
        whole = range(int(self.along.curves.frame.min()), int(self.along.curves.frame.max()) + 1)
        if len(inside) < 2 or stent.first not in whole or stent.last not in whole:
            first, last = (
                int(number) for number in (self.along.curves.frame[0], self.along.curves.frame[-1])
            )
            raise ImagingError(
                f"the stent's ends {stent.first} and {stent.last} hold fewer than two frames or "
                f"lie outside; the recording has frames {first} to {last}"
            )
        found = [
            Measurement(
                "stent_implanted",
                True,
                frames=(stent.first, stent.last),
                detail={"given_by": "a person, with the stent's ends"},
            )
        ]
        found.append(self._stent_length(inside))
        found.append(VesselReader(self.along).smallest("stented_minimum_lumen_area_mm2", inside))
        found.append(self._stent_area(inside))
        edges = {"distal": (int(inside[0]), -1), "proximal": (int(inside[-1]), 1)}
        if not self.along.distal_first:
            edges = {"distal": edges["proximal"], "proximal": edges["distal"]}
        for side, (edge, step) in edges.items():
            found += self._edge(side, edge, step)
        return {item.name: item for item in found}

    def _stent_length(self, inside: NDArray[np.int64]) -> Measurement:
        name = "stent_length_mm"
        if not self.along.placed:
            return refused(name, "mm", NO_RATE)
        length = self.along.extent(Run(int(inside[0]), int(inside[-1]) + 1))
        slack = 2 * self.along.spacing + (
            0.0 if self.along.gated else self.along.rules.heart_mm / 2
        )
        return Measurement(
            name,
            length,
            max(0.0, length - slack),
            length + slack,
            "mm",
            frames=self.along.numbers(inside[[0, -1]]),
        )

    def _stent_area(self, inside: NDArray[np.int64]) -> Measurement:
        """Minimum stent area, through the struts that were drawn."""
        name = "minimum_stent_area_mm2"
        if self.along.curves.scale_mm is None:
            return refused(name, "mm2", NO_SCALE)
        if "stent" not in self.along.drawn:
            return refused(name, "mm2", not_drawn("stent"))
        stent = np.where(
            (self.along.curves.strut >= 0.5)
            | (np.isfinite(self.along.curves.stent) & (self.along.curves.strut == 0)),
            self.along.curves.stent,
            np.nan,
        )[inside].astype(float)
        drawn = np.isfinite(stent)
        enough = (drawn.sum(axis=1) >= 8) & np.array(
            [_widest_gap(row) < self.along.rules.membrane_flagged_deg for row in drawn]
        )
        if enough.mean() < 0.5:
            return refused(
                name,
                "mm2",
                (
                    "struts were drawn in fewer than half of the stent's frames; draw the stent or "
                    "give its area"
                ),
            )
        around = np.where(enough[:, None], _bridged(stent), np.nan)
        area = np.pi * (around**2).mean(axis=1) * self.along.curves.scale_mm**2
        at = int(np.nanargmin(area))
        margin = self.along.calibration.margins.get(
            name, float(np.nanstd(area) / np.sqrt(max(enough.sum(), 1)) * self.along.rules.bound_z)
        )
        value = float(area[at])
        least = value - margin
        reason = "the stent is drawn through its struts"
        if not enough.all():
            least = np.pi / 4 * self.along.rules.plausible["lumen_diameter_mm"].least ** 2
            reason += f"; in {int((~enough).sum())} frames it was not, and may be smaller"
        return Measurement(
            name,
            value,
            max(0.0, min(least, value)),
            value + margin,
            "mm2",
            INTERPOLATED,
            reason,
            self.along.numbers(inside[[at]]),
        )

    def _edge(self, side: str, edge: int, step: int) -> list[Measurement]:
        """Reference lumen area and largest plaque burden
        within the window beyond one end of the stent.
        """
        names = (
            (f"{side}_reference_lumen_area_mm2", "mm2"),
            (f"{side}_edge_plaque_burden_percent", "percent"),
        )
        if self.along.curves.scale_mm is None or not self.along.placed:
            return [
                refused(name, unit, NO_SCALE if self.along.curves.scale_mm is None else NO_RATE)
                for name, unit in names
            ]
        beyond = np.arange(edge + step, len(self.along.curves) if step > 0 else -1, step)
        beyond = (
            beyond[
                np.abs(self.along.z[beyond] - self.along.z[edge])
                <= self.along.rules.reference_window_mm
            ]
            if len(beyond)
            else beyond
        )
        able = (
            beyond[
                np.isfinite(self.along.readings.lumen_area.value[beyond])
                & ~(self.along.curves.branch[beyond] >= 0.5).any(axis=1)
            ]
            if len(beyond)
            else beyond
        )
        if not len(able):
            return [
                refused(
                    name,
                    unit,
                    (
                        f"no frame within {self.along.rules.reference_window_mm:g} mm beyond the "
                        f"{side} end could be read"
                    ),
                )
                for name, unit in names
            ]
        largest = int(able[np.nanargmax(self.along.readings.lumen_area.value[able])])
        area = self._largest_of(names[0], self.along.readings.lumen_area, able, largest, np.inf)
        shown = able[np.isfinite(self.along.readings.plaque_burden.value[able])]
        if not len(shown):
            return [area, refused(*names[1], "the membrane is hidden beyond this end")]
        worst = int(shown[np.nanargmax(self.along.readings.plaque_burden.value[shown])])
        burden = self._largest_of(names[1], self.along.readings.plaque_burden, able, worst, 100.0)
        if len(shown) < len(beyond):
            # a frame that was not read may hold more plaque, one at a branch too
            burden = replace(burden, high=100.0)
        return [area, burden]

    def _largest_of(
        self, named: tuple[str, str], values: Bounded, able: NDArray[np.int64], at: int, most: float
    ) -> Measurement:
        """The largest value of some frames, with the interval of a maximum; where branches are not
        drawn, any of the frames may be the one that counts.
        """
        name, unit = named
        found = self.along.bounded(name, unit, values, at, most=most)
        margin = self.along.calibration.margins.get(name, 0.0)
        unsure = "branch" not in self.along.drawn
        low = float((np.nanmin if unsure else np.nanmax)(values.low[able])) - margin
        high = min(most, float(np.nanmax(values.high[able])) + margin)
        low = max(found.low or 0.0, low) if not unsure else low
        return replace(
            found,
            low=max(0.0, min(low, float(found.value or 0.0))),
            high=max(high, float(found.value or 0.0)),
            status=INTERPOLATED if unsure else found.status,
            reason="side branches are not drawn: this frame may lie at one" if unsure else "",
        )


def _widest_gap(drawn: NDArray[np.bool_]) -> float:
    """The widest stretch without a strut, degrees."""
    places = np.flatnonzero(drawn)
    return (
        360.0
        if len(places) == 0
        else float(np.diff(np.append(places, places[0] + len(drawn))).max() * 360 / len(drawn))
    )


def _bridged(radius: Array) -> Array:
    """Radii with their gaps filled along the circle."""
    filled = radius.copy()
    lines = np.arange(radius.shape[1])
    for f in range(len(radius)):
        known = np.isfinite(radius[f])
        if known.any():
            filled[f] = np.interp(lines, lines[known], radius[f][known], period=len(lines))
    return filled
