"""From curves to the facts of the guideline: numpy only, no model, the same arithmetic for a
network's curves and a person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.frames import Bounded, Readings, read
from calx.imaging.facts.geometry import Run, runs
from calx.imaging.facts.measurement import (
    INTERPOLATED,
    MEASURED,
    REFUSED,
    UNDECIDED,
    Measurement,
    refused,
)
from calx.imaging.facts.protocol import Protocol, protocol

Array = NDArray[np.float64]

NO_RATE = (
    "the recording does not tell where its frames lie along the vessel (no pullback rate): "
    "no length can be measured"
)
NO_SCALE = "the recording does not tell the size of a pixel: nothing can be measured in mm"
NO_FRAME = "no frame could be read"
LEFT_TO_READER = {
    "nodule_type": (
        "the adapter does not tell eruptive from non-eruptive nodules; look at the candidate frames"
    ),
    "residual_thin_plaque": (
        "the guideline gives no thickness for thin plaque; judge it from the "
        "frames and from free_wall_mm"
    ),
    "mobile_calcium": "mobility is seen in moving images, not in contours",
    "calcium_fracture": "a fracture is judged by comparing with the recording before preparation",
    "patient_ivus_calcium_score": (
        "the published automated score needs its own software and the whole patient"
    ),
}
"""Calcium facts of the guideline that a recording's curves do not hold, and why."""


@dataclass(frozen=True)
class Stent:
    """The frames between which a stent lies, both included, in the numbers of the recording."""

    first: int
    last: int


@dataclass(frozen=True)
class Findings:
    """What a recording says.

    Attributes:
        facts: facts of the guideline by name, refused and undecided ones included.
        measures: other measurements that help to judge them.
        readings: of each frame.
        curves: what they were read from.
        provenance: of the curves, with the reading protocol's digest.
    """

    facts: Mapping[str, Measurement]
    measures: Mapping[str, Measurement]
    readings: Readings
    curves: Curves
    provenance: Mapping[str, Any]


def facts(
    curves: Curves,
    calibration: Calibration | None = None,
    *,
    stent: Stent | None = None,
    distal_first: bool = True,
    rules: Protocol | None = None,
) -> Findings:
    """Derive the facts.

    Args:
        curves: of a recording.
        calibration: of their drawer; from the curves' provenance unless given.
        stent: where a stent was implanted; its facts are read then, and the reference frames lie
            beyond its edges.
        distal_first: the recording runs from distal to proximal, as a pullback does.
        rules: the reading protocol, the shipped one unless given.
    """
    if calibration is None:
        calibration = (
            Calibration(**curves.provenance["calibration"])
            if "calibration" in curves.provenance
            else Calibration()
        )
    reader = _Reader(curves, calibration, rules or protocol(), distal_first)
    found = reader.calcium() | reader.vessel()
    if stent is not None:
        found |= reader.stented(stent)
    measures = reader.measures()
    provenance = dict(curves.provenance) | {"protocol": reader.rules.digest}
    provenance.pop("calibration", None)
    return Findings(
        {name: item.rounded() for name, item in found.items()},
        measures,
        reader.readings,
        curves,
        provenance,
    )


class _Reader:
    """Reads one recording; each method answers for some facts."""

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
            self._steady(part) for part in (self.readings.arc, self.readings.any_arc)
        )
        reasons = sorted({str(reason) for reason in curves.refused if reason})
        self.no_frame = NO_FRAME + (f" ({reasons[0]})" if reasons else "")
        self.lesion = self._run(self.any_arc.value >= rules.length_arc_deg)

    # along the vessel

    def _steady(self, values: Bounded) -> Bounded:
        """Medians over the protocol's window."""
        return Bounded(*(self._median(part) for part in (values.low, values.value, values.high)))

    def _median(self, values: Array) -> Array:
        """The median of the frames within half a window; a frame without a value stays without, and
        counts for none.
        """
        if not self.placed or self.spacing > self.rules.window_mm / 2 + 1e-9:
            return values
        steady = values.copy()
        for f in np.flatnonzero(np.isfinite(values)):
            near = np.abs(self.z - self.z[f]) <= self.rules.window_mm / 2 + 1e-9
            steady[f] = np.nanmedian(values[near])
        return steady

    def _run(self, mask: NDArray[np.bool_], bridge: float | None = None) -> Run | None:
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
        return max(joined, key=lambda run: (self._extent(run), run.stop - run.start))

    def _extent(self, run: Run | None) -> float:
        """From the first frame of a run to its last."""
        return 0.0 if run is None else float(abs(self.z[run.stop - 1] - self.z[run.start]))

    def _numbers(self, frames: Run | NDArray[np.int64] | None) -> tuple[int, ...]:
        if frames is None:
            return ()
        members = np.arange(frames.start, frames.stop) if isinstance(frames, Run) else frames
        return tuple(int(number) for number in self.curves.frame[members])

    def _length(
        self, name: str, values: Bounded, above: float, bridge: float | None = None
    ) -> Measurement:
        """The longest stretch on which an arc exceeds a limit, uncertain by a frame at each end and
        by the heart.
        """
        if not self.placed:
            return refused(name, "mm", NO_RATE)
        least, likely, most = (
            self._run(part > above, bridge) for part in (values.low, values.value, values.high)
        )
        value = self._extent(likely)
        slack = 2 * self.spacing + (0.0 if self.gated else self.rules.heart_mm / 2)
        margin = self.calibration.margins.get(name, 0.0)
        low = min(self._extent(least), value) - (slack if least and not likely else 0.0) - margin
        high = max(self._extent(most), value) + (2 * self.spacing if most else 0.0) + margin
        if not self.gated and most:
            low, high = low - self.rules.heart_mm / 2, high + self.rules.heart_mm / 2
        return Measurement(
            name, value, max(0.0, low), max(high, value), "mm", frames=self._numbers(likely)
        )

    def _bounded(
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
        told = frames if frames is not None else self._numbers(np.array([at]))
        return Measurement(
            name, value, max(0.0, low), high if most is None else min(most, high), unit, frames=told
        )

    # calcium

    def calcium(self) -> dict[str, Measurement]:
        """The calcium facts of the guideline."""
        found = [self._present(), *self._arcs(), self._depth()]
        facts = {item.name: item for item in found}
        facts |= self._fraction(facts["calcium_depth"], facts["max_superficial_arc_deg"])
        facts["calcified_nodule"] = self._nodule(facts["calcium_present"])
        if facts["calcium_present"].value is False:
            names = (
                "max_superficial_arc_deg",
                "superficial_arc_gt270_length_mm",
                "calcium_length_mm",
            )
            facts |= {
                name: replace(facts[name], value=0.0, low=0.0)
                for name in names
                if facts[name].status == MEASURED
            }
        return facts | {name: refused(name, "", reason) for name, reason in LEFT_TO_READER.items()}

    def _present(self) -> Measurement:
        """Whether there is any calcium: no only where nearly all of the wall of every frame was
        seen.
        """
        name = "calcium_present"
        if not self.usable.any():
            return refused(name, "", self.no_frame)
        likely = self.any_arc.value >= self.rules.arc_counted_deg
        certain = self.any_arc.low >= self.rules.arc_counted_deg
        possible = self.any_arc.high >= self.rules.arc_counted_deg
        if certain.any() or (likely.any() and self.calibration == Calibration()):
            return Measurement(name, True, frames=self._numbers(np.flatnonzero(likely)))
        if possible.any():
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason="an echo may be calcium; look at these frames",
                frames=self._numbers(np.flatnonzero(possible)),
            )
        if not self.usable.all():
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason="no calcium where it could be read, but some frames could not",
                frames=self._numbers(np.flatnonzero(~self.usable)),
            )
        return Measurement(name, False)

    def _arcs(self) -> list[Measurement]:
        if not self.usable.any():
            names = (
                ("max_superficial_arc_deg", "deg"),
                ("superficial_arc_gt270_length_mm", "mm"),
                ("calcium_length_mm", "mm"),
            )
            return [refused(name, unit, self.no_frame) for name, unit in names]
        at = int(np.nanargmax(self.arc.value))
        largest = self._bounded("max_superficial_arc_deg", "deg", self.arc, at, most=360.0)
        largest = replace(
            largest,
            detail={
                "wire_deg": round(float(self.readings.wire[at]), 1),
                "total_arc_deg": round(float(self.readings.total_arc[at]), 1),
            },
        )
        wide = self._length(
            "superficial_arc_gt270_length_mm", self.arc, self.rules.wide_arc_deg, bridge=0.0
        )
        whole = self._length("calcium_length_mm", self.any_arc, self.rules.length_arc_deg - 1e-9)
        long = self.long_wide_arc()
        if wide.status == MEASURED and long.value is None:
            wide = replace(
                wide,
                status=UNDECIDED,
                reason=(
                    f"whether it exceeds {self.rules.wide_length_mm:g} mm can't be decided: "
                    f"{long.reason}"
                ),
            )
        elif (
            wide.status == MEASURED
            and wide.value
            and largest.value is not None
            and float(largest.value) <= self.rules.wide_arc_deg
        ):
            wide = replace(wide, value=0.0)
        if (
            wide.status == MEASURED
            and isinstance(wide.value, float)
            and isinstance(whole.value, float)
            and wide.value > whole.value
        ):
            wide = replace(wide, value=whole.value)
        if (
            largest.value == 0.0
            and not whole.value
            and np.nanmax(self.any_arc.high) >= self.rules.arc_counted_deg
        ):
            largest = replace(
                largest,
                status=UNDECIDED,
                value=None,
                reason="an echo may be calcium; look at these frames",
            )
        return [largest, wide, whole]

    def long_wide_arc(self) -> Measurement:
        """Longer than the guideline's length above its wide arc: yes, no, or undecided."""
        name = "arc_gt270_over_5mm"
        if not self.placed:
            return refused(name, "", NO_RATE)
        wide, long = self.rules.wide_arc_deg, self.rules.wide_length_mm
        margin, slack = self.calibration.decision_deg, self.calibration.decision_mm
        least = self._extent(self._run(self.arc.low - margin > wide, bridge=0.0))
        run = self._run(
            (self.arc.high + margin > wide) | ~self.usable,
            bridge=self.rules.length_bridge_mm if margin else 0.0,
        )
        most = self._extent(run) + (2 * self.spacing if run and margin else 0.0)
        if least - slack > long:
            return Measurement(
                name, True, frames=self._numbers(self._run(self.arc.low > wide, bridge=0.0))
            )
        if most + slack <= long:
            return Measurement(name, False)
        reason = f"above {wide:g}° over at least {least:.1f} and at most {most:.1f} mm" + (
            "" if self.usable.all() else ", and some frames could not be read"
        )
        return Measurement(name, None, status=UNDECIDED, reason=reason, frames=self._numbers(run))

    def ring(self) -> Measurement:
        """Whether calcium goes all the way round: yes, no, or undecided."""
        name = "calcium_ring_360"
        if not self.usable.any():
            return refused(name, "", self.no_frame)
        margin = self.calibration.decision_deg
        full = 360.0 - 1e-6
        wired = self.readings.wire > self.rules.ring_wire_deg
        sure = self._run((self.readings.arc.low >= full) & ~wired, bridge=0.0)
        possible = self._run((self.readings.arc.high + margin >= full) | ~self.usable, bridge=0.0)
        if self._ring_long(sure):
            return Measurement(name, True, frames=self._numbers(sure))
        if not self._ring_long(possible):
            return Measurement(name, False)
        hidden = possible is not None and bool(wired[possible.start : possible.stop].any())
        reason = (
            "the guide wire hides the gap or the ring"
            if hidden
            else "a gap can't be told from a ring"
            if possible
            else "some frames could not be read"
        )
        return Measurement(
            name, None, status=UNDECIDED, reason=reason, frames=self._numbers(possible)
        )

    def _ring_long(self, run: Run | None) -> bool:
        if run is None:
            return False
        enough = run.stop - run.start >= self.rules.ring_frames
        return enough or (self.placed and self._extent(run) >= self.rules.ring_length_mm)

    def _depth(self) -> Measurement:
        """Superficial, deep or mixed, by the degrees of each over the lesion."""
        name = "calcium_depth"
        if not self.usable.any():
            return refused(name, "", self.no_frame)
        if self.lesion is None:
            return refused(
                name, "", f"no stretch with an arc of {self.rules.length_arc_deg:g}° or more"
            )
        members = slice(self.lesion.start, self.lesion.stop)
        near, far = (
            np.nansum(self.readings.superficial[members]),
            np.nansum(self.readings.deep[members]),
        )
        share = far / (near + far)
        word = (
            "superficial"
            if share < self.rules.mixed_share
            else "deep"
            if share > 1 - self.rules.mixed_share
            else "mixed"
        )
        detail = {
            "superficial_deg_mm": round(float(near) * self._weight(), 1),
            "deep_deg_mm": round(float(far) * self._weight(), 1),
            "deep_share": round(float(share), 3),
        }
        if word == "deep" and np.nanmax(self.arc.value) > 0:
            word = "mixed"
        hidden = np.nanmedian(self.readings.hidden[members]) > self.rules.membrane_refused_deg
        reason = (
            "the membrane is hidden behind most of the lesion; its course is interpolated"
            if hidden
            else ""
        )
        return Measurement(
            name,
            word,
            status=INTERPOLATED if hidden else MEASURED,
            reason=reason,
            frames=self._numbers(self.lesion),
            detail=detail,
        )

    def _weight(self) -> float:
        return self.spacing if self.placed else 1.0

    def _fraction(self, depth: Measurement, arc: Measurement) -> dict[str, Measurement]:
        name = "calcium_leading_edge_depth_fraction"
        if self.lesion is None or depth.value is None:
            return {name: refused(name, "1", depth.reason)}
        part = self.readings.deep_depth if depth.value == "deep" else self.readings.depth
        values = part[self.lesion.start : self.lesion.stop]
        values = values[np.isfinite(values)]
        if not len(values) or not arc.value:
            return {name: refused(name, "1", "no leading edge was drawn")}
        margin = self.calibration.margins.get(name, 0.0)
        value, low, high = (
            float(np.median(values)),
            *(float(end) for end in np.percentile(values, (25, 75))),
        )
        item = Measurement(
            name,
            value,
            max(0.0, low - margin),
            min(1.0, high + margin),
            "1",
            depth.status,
            depth.reason,
            self._numbers(self.lesion),
        )
        return {name: item}

    def _nodule(self, present: Measurement) -> Measurement:
        """A candidate at most; whether it is a nodule is for a person to say."""
        name = "calcified_nodule"
        if present.value is False:
            return Measurement(name, False)
        found = [
            run
            for run in runs(self.readings.nodule)
            if run.stop - run.start >= self.rules.nodule_frames
        ]
        if found:
            members = np.concatenate([np.arange(run.start, run.stop) for run in found])
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason=(
                    "candidate: convex calcium at the lumen; look at these frames and confirm "
                    "or reject"
                ),
                frames=self._numbers(members),
            )
        return Measurement(
            name,
            None,
            status=UNDECIDED,
            reason="no candidate was found; that does not exclude one: confirm by eye",
        )

    # vessel

    def vessel(self) -> dict[str, Measurement]:
        """Vessel diameters: at the lesion, and of its references."""
        name = "vessel_diameter_mm"
        if self.curves.scale_mm is None:
            return {
                name: refused(name, "mm", NO_SCALE),
                "reference_vessel_diameter_mm": refused(
                    "reference_vessel_diameter_mm", "mm", NO_SCALE
                ),
            }
        return {name: self._lesion_diameter(name), "reference_vessel_diameter_mm": self.reference()}

    def _lesion_diameter(self, name: str) -> Measurement:
        if not self.usable.any():
            return refused(name, "mm", self.no_frame)
        site = (
            int(np.nanargmax(self.arc.value))
            if np.nanmax(self.arc.value) > 0
            else int(np.nanargmin(self._narrowness()))
        )
        diameter = self._steady(self.readings.eem_diameter)
        if not np.isfinite(diameter.value[site]):
            near = self._nearby(site)
            if near is None:
                return refused(
                    name, "mm", "the membrane is hidden at the lesion: its size can't be read there"
                )
            hidden = (
                f"the membrane is hidden at frame {self.curves.frame[site]}; read at the "
                "nearest frame of the lesion that shows enough of it"
            )
            return replace(
                self._bounded(name, "mm", diameter, near), status=INTERPOLATED, reason=hidden
            )
        item = self._bounded(name, "mm", diameter, site)
        if self.readings.hidden[site] > self.rules.membrane_flagged_deg:
            return replace(
                item,
                status=INTERPOLATED,
                reason=(
                    f"{self.readings.hidden[site]:.0f}° of the membrane are hidden; its course "
                    "there is interpolated"
                ),
            )
        return item

    def _narrowness(self) -> Array:
        return np.where(
            np.isfinite(self.readings.lumen_area.value), self.readings.lumen_area.value, np.inf
        )

    def _nearby(self, site: int) -> int | None:
        """The frame nearest to ``site`` within the lesion whose membrane can be sized."""
        span = self.lesion or Run(site, site + 1)
        able = [
            f
            for f in range(span.start, span.stop)
            if np.isfinite(self.readings.eem_diameter.value[f])
        ]
        return min(able, key=lambda f: abs(f - site)) if able else None

    def _side(self, edge: int, step: int) -> NDArray[np.int64]:
        """The reference frames of one side: those with least plaque, well seen, off branches,
        within the window beyond ``edge``.
        """
        beyond = np.arange(edge + step, len(self.curves) if step > 0 else -1, step)
        if not len(beyond):
            return beyond
        seen = np.isfinite(self.readings.plaque_burden.value[beyond]) & (
            self.readings.hidden[beyond] <= self.rules.reference_hidden_deg
        )
        branch = (self.curves.branch[beyond] >= 0.5).any(axis=1)
        near = np.abs(self.z[beyond] - self.z[edge]) <= self.rules.reference_window_mm
        able = beyond[
            seen & ~branch & near & (self.readings.arc.value[beyond] < self.rules.length_arc_deg)
        ]
        best: NDArray[np.int64] = able[
            np.argsort(self.readings.plaque_burden.value[able], kind="stable")
        ]
        return best[: int(self.rules.reference_frames)]

    def reference(self) -> Measurement:
        """Mean EEM diameter of the best frames on either side of the lesion; a side that can't be
        read is missing, never copied.
        """
        name = "reference_vessel_diameter_mm"
        if not self.placed:
            return refused(name, "mm", NO_RATE)
        if not self.usable.any():
            return refused(name, "mm", self.no_frame)
        site = int(np.nanargmin(self._narrowness()))
        lesion = self.lesion or Run(site, site + 1)
        sides = {"distal": self._side(lesion.start, -1), "proximal": self._side(lesion.stop - 1, 1)}
        if not self.distal_first:
            sides = {"distal": sides["proximal"], "proximal": sides["distal"]}
        members = [side for side in sides.values() if len(side)]
        if not members:
            return refused(
                name,
                "mm",
                (
                    f"no frame within {self.rules.reference_window_mm:g} mm of the lesion shows "
                    "its "
                    "membrane without branch or calcium"
                ),
            )
        margin = self.calibration.margins.get(name, 0.0)
        ends = [
            np.mean([part[side].mean() for side in members])
            for part in (
                self.readings.eem_diameter.low,
                self.readings.eem_diameter.value,
                self.readings.eem_diameter.high,
            )
        ]
        low, value, high = float(ends[0] - margin), float(ends[1]), float(ends[2] + margin)
        detail = {
            f"{side}_mm": round(float(self.readings.eem_diameter.value[frames].mean()), 2)
            if len(frames)
            else None
            for side, frames in sides.items()
        }
        missing = next((side for side, frames in sides.items() if not len(frames)), None)
        reason = (
            f"only one side could be read; the {missing} reference is missing" if missing else ""
        )
        frames = self._numbers(np.sort(np.concatenate(members)))
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

    # after stenting

    def stented(self, stent: Stent) -> dict[str, Measurement]:
        """Areas in the stent and its edges."""
        inside = np.flatnonzero(
            (self.curves.frame >= min(stent.first, stent.last))
            & (self.curves.frame <= max(stent.first, stent.last))
        )
        if len(inside) < 2:
            first, last = (int(number) for number in (self.curves.frame[0], self.curves.frame[-1]))
            raise ImagingError(
                f"the stent's ends {stent.first} and {stent.last} hold fewer than two frames; the "
                f"recording has frames {first} to {last}"
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
        found.append(self._smallest("stented_minimum_lumen_area_mm2", inside))
        found.append(self._stent_area(inside))
        edges = {"distal": (int(inside[0]), -1), "proximal": (int(inside[-1]), 1)}
        if not self.distal_first:
            edges = {"distal": edges["proximal"], "proximal": edges["distal"]}
        for side, (edge, step) in edges.items():
            found += self._edge(side, edge, step)
        return {item.name: item for item in found}

    def _stent_length(self, inside: NDArray[np.int64]) -> Measurement:
        name = "stent_length_mm"
        if not self.placed:
            return refused(name, "mm", NO_RATE)
        length = self._extent(Run(int(inside[0]), int(inside[-1]) + 1))
        slack = 2 * self.spacing + (0.0 if self.gated else self.rules.heart_mm / 2)
        return Measurement(
            name,
            length,
            max(0.0, length - slack),
            length + slack,
            "mm",
            frames=self._numbers(inside[[0, -1]]),
        )

    def _smallest(self, name: str, inside: NDArray[np.int64]) -> Measurement:
        """The smallest lumen area among some frames."""
        if self.curves.scale_mm is None:
            return refused(name, "mm2", NO_SCALE)
        area = self._steady(self.readings.lumen_area)
        if not np.isfinite(area.value[inside]).any():
            return refused(name, "mm2", self.no_frame)
        return self._bounded(name, "mm2", area, int(inside[np.nanargmin(area.value[inside])]))

    def _stent_area(self, inside: NDArray[np.int64]) -> Measurement:
        """Minimum stent area, through the struts that were drawn."""
        name = "minimum_stent_area_mm2"
        if self.curves.scale_mm is None:
            return refused(name, "mm2", NO_SCALE)
        stent = np.where(
            (self.curves.strut >= 0.5)
            | (np.isfinite(self.curves.stent) & (self.curves.strut == 0)),
            self.curves.stent,
            np.nan,
        )[inside].astype(float)
        drawn = np.isfinite(stent)
        enough = (drawn.sum(axis=1) >= 8) & np.array(
            [_widest_gap(row) < self.rules.membrane_flagged_deg for row in drawn]
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
        area = np.pi * (around**2).mean(axis=1) * self.curves.scale_mm**2
        at = int(np.nanargmin(area))
        margin = self.calibration.margins.get(
            name, float(np.nanstd(area) / np.sqrt(max(enough.sum(), 1)) * self.rules.bound_z)
        )
        value = float(area[at])
        return Measurement(
            name,
            value,
            max(0.0, value - margin),
            value + margin,
            "mm2",
            INTERPOLATED,
            "the stent is drawn through its struts",
            self._numbers(inside[[at]]),
        )

    def _edge(self, side: str, edge: int, step: int) -> list[Measurement]:
        """Reference lumen area and largest plaque burden within the window beyond one end of the
        stent.
        """
        names = (
            (f"{side}_reference_lumen_area_mm2", "mm2"),
            (f"{side}_edge_plaque_burden_percent", "percent"),
        )
        if self.curves.scale_mm is None or not self.placed:
            return [
                refused(name, unit, NO_SCALE if self.curves.scale_mm is None else NO_RATE)
                for name, unit in names
            ]
        beyond = np.arange(edge + step, len(self.curves) if step > 0 else -1, step)
        beyond = (
            beyond[np.abs(self.z[beyond] - self.z[edge]) <= self.rules.reference_window_mm]
            if len(beyond)
            else beyond
        )
        able = (
            beyond[
                np.isfinite(self.readings.lumen_area.value[beyond])
                & ~(self.curves.branch[beyond] >= 0.5).any(axis=1)
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
                        f"no frame within {self.rules.reference_window_mm:g} mm beyond the {side} "
                        "end "
                        "could be read"
                    ),
                )
                for name, unit in names
            ]
        largest = int(able[np.nanargmax(self.readings.lumen_area.value[able])])
        area = self._bounded(names[0][0], "mm2", self.readings.lumen_area, largest)
        shown = able[np.isfinite(self.readings.plaque_burden.value[able])]
        if not len(shown):
            return [area, refused(*names[1], "the membrane is hidden beyond this end")]
        worst = int(shown[np.nanargmax(self.readings.plaque_burden.value[shown])])
        return [
            area,
            self._bounded(names[1][0], "percent", self.readings.plaque_burden, worst, most=100.0),
        ]

    # more that helps to judge

    def measures(self) -> dict[str, Measurement]:
        """Decisions and sizes that are no facts of the guideline but stand behind them."""
        found = [
            self.long_wide_arc(),
            self.ring(),
            self._smallest("minimum_lumen_area_mm2", np.arange(len(self.curves))),
        ]
        if self.usable.any() and self.curves.scale_mm is not None:
            at = int(np.nanargmin(self._narrowness()))
            burden = self.readings.plaque_burden
            found.append(
                self._bounded("plaque_burden_at_mla_percent", "percent", burden, at, most=100.0)
                if np.isfinite(burden.value[at])
                else refused(
                    "plaque_burden_at_mla_percent", "percent", "the membrane is hidden there"
                )
            )
            widest = int(np.nanargmax(self.arc.value))
            if np.isfinite(self.readings.free_wall[widest]) and self.arc.value[widest] > 0:
                found.append(
                    Measurement(
                        "free_wall_mm",
                        float(self.readings.free_wall[widest]),
                        unit="mm",
                        frames=self._numbers(np.array([widest])),
                    )
                )
        return {item.name: item.rounded() for item in found}


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


__all__ = ["MEASURED", "REFUSED", "Findings", "Stent", "facts"]
