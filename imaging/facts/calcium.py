"""The calcium facts of a recording: presence, arcs, length, ring, depth, nodule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.along import NO_RATE, Along, Array, not_drawn
from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.geometry import Run, runs
from calx.imaging.facts.measurement import INTERPOLATED, MEASURED, UNDECIDED, Measurement, refused

LEFT_TO_READER = {
    "nodule_type": (
        "the adapter does not tell eruptive from non-eruptive nodules; look at the candidate frames"
    ),
    "mobile_calcium": "mobility is seen in moving images, not in contours",
    "calcium_fracture": "a fracture is judged by comparing with the recording before preparation",
    "patient_ivus_calcium_score": (
        "the published automated score needs its own software and the whole patient"
    ),
}
"""Calcium facts of the guideline that a recording's curves do not hold, and why."""

UNITS = {
    "calcium_present": "",
    "max_superficial_arc_deg": "deg",
    "superficial_arc_gt270_length_mm": "mm",
    "calcium_length_mm": "mm",
    "calcium_depth": "",
    "calcium_leading_edge_depth_fraction": "1",
    "calcified_nodule": "",
    "residual_thin_plaque": "",
}
"""Calcium facts that curves hold, and their units."""


OF_CALCIUM = (
    "max_superficial_arc_deg",
    "calcium_length_mm",
    "calcium_depth",
    "calcium_leading_edge_depth_fraction",
)
"""Facts of calcium that is there: undecided where that is."""


class CalciumReader:
    """Reads the calcium of one recording; each method answers for some facts."""

    def __init__(self, along: Along) -> None:
        self.along = along

    def facts(self) -> dict[str, Measurement]:
        """The calcium facts of the guideline."""
        left = {name: refused(name, "", reason) for name, reason in LEFT_TO_READER.items()}
        if "calcium" not in self.along.drawn:
            why = not_drawn("calcium")
            return {name: refused(name, unit, why) for name, unit in UNITS.items()} | left
        found = [self._present(), *self._arcs(), self._depth()]
        named = {item.name: item for item in found}
        named |= self._fraction(named["calcium_depth"], named["max_superficial_arc_deg"])
        named["calcified_nodule"] = self._nodule(named["calcium_present"])
        named["residual_thin_plaque"] = self._thin()
        if named["calcium_present"].status == UNDECIDED:  # nothing is known of what may not be
            named |= {
                name: replace(
                    named[name],
                    value=None,
                    status=UNDECIDED,
                    reason=named["calcium_present"].reason,
                    detail={**named[name].detail, "seen": named[name].value},
                )
                for name in OF_CALCIUM
                if named[name].claimed and named[name].value
            }
        if named["calcium_present"].value is False:
            names = (
                "max_superficial_arc_deg",
                "superficial_arc_gt270_length_mm",
                "calcium_length_mm",
            )
            named |= {
                name: replace(named[name], value=0.0, low=0.0)
                for name in names
                if named[name].status == MEASURED
            }
        return named | left

    def _present(self) -> Measurement:
        """Whether there is any calcium: no only where
        nearly all of the wall of every frame was seen.
        """
        name = "calcium_present"
        if not self.along.usable.any():
            return refused(name, "", self.along.no_frame)
        likely = self.along.any_arc.value >= self.along.rules.arc_counted_deg
        certain = self.along.any_arc.low >= self.along.rules.arc_counted_deg
        possible = self.along.any_arc.high >= self.along.rules.arc_counted_deg
        if certain.any() or (likely.any() and self.along.calibration == Calibration()):
            return Measurement(name, True, frames=self.along.numbers(np.flatnonzero(likely)))
        if possible.any():
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason="an echo may be calcium; look at these frames",
                frames=self.along.numbers(np.flatnonzero(possible)),
            )
        if not self.along.whole:
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason="no calcium where it could be read; some frames could not, or are missing",
                frames=self.along.numbers(np.flatnonzero(~self.along.usable)),
            )
        by = "none was drawn, and a person says that it was looked for in every frame"
        return Measurement(name, False, reason=by if self._told_by_a_person() else "")

    def _told_by_a_person(self) -> bool:
        return "calcium" in self.along.curves.provenance.get("told", ())

    def _arcs(self) -> list[Measurement]:
        if not self.along.usable.any():
            names = (
                ("max_superficial_arc_deg", "deg"),
                ("superficial_arc_gt270_length_mm", "mm"),
                ("calcium_length_mm", "mm"),
            )
            return [refused(name, unit, self.along.no_frame) for name, unit in names]
        at = int(np.nanargmax(self.along.arc.value))
        largest = self.along.largest("max_superficial_arc_deg", "deg", self.along.arc, 360.0)
        if self.ring().value is True:
            unclosed = 360.0 - float(self.along.readings.gap[at])
            largest = replace(largest, value=360.0, low=unclosed, high=360.0)
        largest = replace(
            self._as_read(largest),
            detail={
                "wire_deg": round(float(self.along.readings.wire[at]), 1),
                "total_arc_deg": round(float(self.along.readings.total_arc.value[at]), 1),
            },
        )
        largest = self._unless_shadowed(
            largest, self.along.seen_arc, self.along.arc.high, self.along.rules.shadow_open_deg
        )
        wide = self.along.length(
            "superficial_arc_gt270_length_mm",
            self.along.arc,
            self.along.rules.wide_arc_deg,
            bridge=0.0,
        )
        whole = self.along.length(
            "calcium_length_mm", self.along.any_arc, self.along.rules.length_arc_deg - 1e-9
        )
        whole = self._unless_longer(whole)
        long = self.long_wide_arc()
        if wide.status == MEASURED and long.value is None:
            wide = replace(
                wide,
                status=UNDECIDED,
                reason=(
                    f"whether it exceeds {self.along.rules.wide_length_mm:g} mm can't be decided: "
                    f"{long.reason}"
                ),
            )
        elif (
            wide.status == MEASURED
            and wide.value
            and largest.value is not None
            and float(largest.value) <= self.along.rules.wide_arc_deg
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
            and np.nanmax(self.along.any_arc.high) >= self.along.rules.arc_counted_deg
        ):
            largest = replace(
                largest,
                status=UNDECIDED,
                value=None,
                reason="an echo may be calcium; look at these frames",
            )
        return [largest, wide, whole]

    def _as_read(self, item: Measurement) -> Measurement:
        """An arc that a model drew, its interval wide enough for what a person would read."""
        if not self.along.calibration.readers or item.low is None or item.high is None:
            return item
        value = float(item.value or 0.0)
        apart = self.along.rules.bound_z * self.along.rules.reader_arc_percent / 100 * value
        return replace(
            item,
            low=max(0.0, value - float(np.hypot(value - item.low, apart))),
            high=min(360.0, value + float(np.hypot(item.high - value, apart))),
        )

    def _unless_shadowed(
        self, item: Measurement, seen: Array, possible: Array, most: float
    ) -> Measurement:
        """An arc that shadows without an explanation could make larger than all that was seen, by
        more than ``most``: undecided, its interval kept. One that is wide anyway is told.
        """
        margin = self.along.calibration.margins.get(item.name, 0.0)
        by_sight = max(float(np.nanmax(seen)) + margin, float(item.value or 0.0))
        shadows = self.along.readings.shadow
        if (item.low or 0.0) > self.along.rules.wide_arc_deg:
            return item
        if float(np.nanmax(possible)) <= by_sight + most or not (shadows > 0).any():
            return item
        frames = np.flatnonzero((possible > by_sight + most) & (shadows > 0))
        widest = float(np.nanmax(shadows))
        if not len(frames):
            return item
        return replace(
            item,
            value=None,
            status=UNDECIDED,
            reason=(
                f"a shadow of {widest:.0f}° has no explanation (no bright edge, no wire): calcium, "
                "air or an oblique catheter; look at these frames"
            ),
            frames=self.along.numbers(frames),
            detail={**item.detail, "seen_deg": round(float(item.value or 0.0), 1)},
        )

    def _unless_longer(self, item: Measurement) -> Measurement:
        """A length that shadows without an explanation could make longer: undecided."""
        if item.status != MEASURED or item.high is None:
            return item
        least = self.along.rules.length_arc_deg - 1e-9
        seen = self.along.extent(self.along.run(self.along.seen_any_arc > least, across=True))
        possible = self.along.extent(self.along.run(self.along.any_arc.high > least, across=True))
        if possible <= max(seen, float(item.value or 0.0)) + self.along.rules.shadow_open_mm:
            return item
        if not (self.along.readings.shadow > 0).any():
            return item
        return replace(
            item,
            value=None,
            status=UNDECIDED,
            reason=(
                f"calcium is seen over {float(item.value or 0.0):.1f} mm, and shadows without an "
                "explanation lie beside it; look at these frames"
            ),
        )

    def long_wide_arc(self) -> Measurement:
        """Longer than the guideline's length above its wide arc: yes, no, or undecided."""
        name = "arc_gt270_over_5mm"
        if "calcium" not in self.along.drawn:
            return refused(name, "", not_drawn("calcium"))
        if not self.along.placed:
            return refused(name, "", NO_RATE)
        wide, long = self.along.rules.wide_arc_deg, self.along.rules.wide_length_mm
        margin, slack = self.along.calibration.decision_deg, self.along.calibration.decision_mm
        least = self.along.extent(self.along.run(self.along.arc.low - margin > wide, bridge=0.0))
        run = self.along.run(
            (self.along.arc.high + margin > wide) | ~self.along.usable,
            bridge=self.along.rules.length_bridge_mm if margin else 0.0,
            across=True,
        )
        most = self.along.extent(run) + (2 * self.along.spacing if run and margin else 0.0)
        if least - slack > long:
            return Measurement(
                name,
                True,
                frames=self.along.numbers(self.along.run(self.along.arc.low > wide, bridge=0.0)),
            )
        if most + slack <= long:
            return Measurement(name, False)
        reason = f"above {wide:g}° over at least {least:.1f} and at most {most:.1f} mm" + (
            "" if self.along.whole else ", and some frames could not be read, or are missing"
        )
        return Measurement(
            name, None, status=UNDECIDED, reason=reason, frames=self.along.numbers(run)
        )

    def ring(self) -> Measurement:
        """Whether calcium goes all the way round: yes, no, or undecided."""
        name = "calcium_ring_360"
        if "calcium" not in self.along.drawn:
            return refused(name, "", not_drawn("calcium"))
        if not self.along.usable.any():
            return refused(name, "", self.along.no_frame)
        margin = self.along.calibration.decision_deg
        full = 360.0 - 1e-6
        wired = self.along.readings.wire > self.along.rules.ring_wire_deg
        sure = self.along.run(self.along.readings.ring_low & ~wired, bridge=0.0)
        # without places a ring in one frame may be as long as any
        enough = 1 if not self.along.placed else None
        may = (
            self.along.readings.ring_high
            | (self.along.readings.arc.high + margin >= full)
            | ~self.along.usable
        )
        possible = self.along.run(may, bridge=0.0, across=True)
        if self._ring_long(sure):
            return Measurement(name, True, frames=self.along.numbers(sure))
        if not self._ring_long(possible, enough):
            if self._ring_missed(may):
                gone = "frames are missing that may show one"
                return Measurement(name, None, status=UNDECIDED, reason=gone)
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
            name, None, status=UNDECIDED, reason=reason, frames=self.along.numbers(possible)
        )

    def _ring_missed(self, may: NDArray[np.bool_]) -> bool:
        """Whether a ring can be where frames are missing, with what is beside them."""
        for gap, missing in zip(self.along.gaps, self.along.missing, strict=True):
            first, last = int(gap) + 1, int(gap)
            while first > 0 and may[first - 1]:
                first -= 1
            while last < len(may) - 1 and may[last + 1]:
                last += 1
            frames = missing + last + 1 - first
            length = (frames - 1) * self.along.spacing if self.along.placed else 0.0
            if frames >= self.along.rules.ring_frames or length >= self.along.rules.ring_length_mm:
                return True
        return False

    def _ring_long(self, run: Run | None, frames: int | None = None) -> bool:
        if run is None:
            return False
        enough = run.stop - run.start >= (frames or self.along.rules.ring_frames)
        return enough or (
            self.along.placed and self.along.extent(run) >= self.along.rules.ring_length_mm
        )

    def _depth(self) -> Measurement:
        """Superficial, deep or mixed, by the degrees of each over the lesion."""
        name = "calcium_depth"
        if not self.along.usable.any():
            return refused(name, "", self.along.no_frame)
        if self.along.lesion is None:
            return refused(
                name, "", f"no stretch with an arc of {self.along.rules.length_arc_deg:g}° or more"
            )
        members = slice(self.along.lesion.start, self.along.lesion.stop)
        near, far = (
            np.nansum(self.along.readings.superficial[members]),
            np.nansum(self.along.readings.deep[members]),
        )
        unplaced = float(np.nansum(self.along.readings.of_open_depth[members]))
        if unplaced / (near + far) >= self.along.rules.mixed_share:
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason="the membrane is not drawn behind it, and it does not lie at the lumen",
                frames=self.along.numbers(self.along.lesion),
            )
        share = far / (near + far)
        word = (
            "superficial"
            if share < self.along.rules.mixed_share
            else "deep"
            if share > 1 - self.along.rules.mixed_share
            else "mixed"
        )
        detail = {
            "superficial_deg_mm": round(float(near) * self._weight(), 1),
            "deep_deg_mm": round(float(far) * self._weight(), 1),
            "deep_share": round(float(share), 3),
        }
        if word == "deep" and np.nanmax(self.along.arc.value) > 0:
            word = "mixed"
        unread = self._unread_share()
        if word != "mixed" and (share if word == "superficial" else 1 - share) + unread >= (
            self.along.rules.mixed_share
        ):
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason=f"{word} where it was read; some frames could not be, or are missing",
                frames=self.along.numbers(self.along.lesion),
                detail=detail,
            )
        hidden = (
            np.nanmedian(self.along.readings.hidden[members])
            > self.along.rules.membrane_refused_deg
        )
        told = (
            "the membrane is hidden behind most of the lesion; its course is interpolated"
            if "eem" in self.along.drawn
            else f"judged by its distance from the lumen: {not_drawn('eem')}"
        )
        reason = told if hidden else ""
        return Measurement(
            name,
            word,
            status=INTERPOLATED if hidden else MEASURED,
            reason=reason,
            frames=self.along.numbers(self.along.lesion),
            detail=detail,
        )

    def _unread_share(self) -> float:
        """How much of the lesion and its borders was not read; 1 with a frame missing."""
        if self.along.lesion is None:
            return 0.0
        first, last = self.along.lesion.start, self.along.lesion.stop
        if ((self.along.gaps >= first - 1) & (self.along.gaps < last)).any():
            return 1.0
        around = ~self.along.usable[max(0, first - 1) : last + 1]
        return float(around.mean()) if around.any() else 0.0

    def _weight(self) -> float:
        return self.along.spacing if self.along.placed else 1.0

    def _fraction(self, depth: Measurement, arc: Measurement) -> dict[str, Measurement]:
        name = "calcium_leading_edge_depth_fraction"
        if self.along.lesion is None or depth.value is None:
            return {name: refused(name, "1", depth.reason)}
        part = (
            self.along.readings.deep_depth if depth.value == "deep" else self.along.readings.depth
        )
        values = part[self.along.lesion.start : self.along.lesion.stop]
        values = values[np.isfinite(values)]
        if not len(values) or arc.value == 0:
            return {name: refused(name, "1", "no leading edge was drawn")}
        margin = self.along.calibration.margins.get(name, 0.0)
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
            self.along.numbers(self.along.lesion),
        )
        return {name: item}

    def _nodule(self, present: Measurement) -> Measurement:
        """A candidate at most; whether it is a nodule is for a person to say."""
        name = "calcified_nodule"
        if present.value is False:
            return Measurement(name, False)
        found = [
            run
            for run in runs(self.along.readings.nodule)
            if run.stop - run.start >= self.along.rules.nodule_frames
        ]
        if found:
            members = np.concatenate([np.arange(run.start, run.stop) for run in found])
            likely = self._nodule_probability(members)
            share = "" if likely is None else f" (a nodule in {100 * likely:.0f} % of such)"
            return Measurement(
                name,
                None,
                status=UNDECIDED,
                reason=(
                    f"candidate: convex calcium at the lumen{share}; look at these frames and "
                    "confirm or reject"
                ),
                frames=self.along.numbers(members),
                detail={"probability": likely},
            )
        return Measurement(
            name,
            None,
            status=UNDECIDED,
            reason="no candidate was found; that does not exclude one: confirm by eye",
        )

    def _nodule_probability(self, members: NDArray[np.int64]) -> float | None:
        """How often a candidate with such a score is a nodule, as calibrated; None of a drawer who
        gives no score.
        """
        scores = self.along.readings.nodule_score[members]
        if self.along.calibration == Calibration() or not np.isfinite(scores).any():
            return None
        return round(probability(float(np.nanmax(scores)), self.along.calibration.nodule), 2)

    def _thin(self) -> Measurement:
        """Thin wall opposite the calcium, for a person to judge."""
        name = "residual_thin_plaque"
        wall = self.along.readings.opposite_wall
        told = np.flatnonzero(
            np.isfinite(wall.value) & (self.along.any_arc.value >= self.along.rules.length_arc_deg)
        )
        if not len(told):
            why = "the wall opposite calcium is not seen, or there is none"
            return refused(name, "", f"{why}; judge it from the frames")
        at = int(told[np.argmin(wall.value[told])])
        low, value, high = (float(part[at]) for part in (wall.low, wall.value, wall.high))
        return Measurement(
            name,
            None,
            status=UNDECIDED,
            reason=(
                f"the wall opposite the calcium is {value:.2f} mm thick there ({low:.2f} to "
                f"{high:.2f}); the guideline gives no thickness for thin plaque: look at the frame "
                "and confirm or reject"
            ),
            frames=self.along.numbers(np.array([at])),
            detail={
                "wall_mm": round(value, 2),
                "wall_interval_mm": [round(low, 2), round(high, 2)],
            },
        )


def probability(score: float, weights: tuple[float, float]) -> float:
    """Of a score, 0..1, by calibrated weights of its log-odds."""
    held = min(max(score, 1e-3), 1 - 1e-3)
    return float(1 / (1 + np.exp(-(weights[0] + weights[1] * np.log(held / (1 - held))))))
