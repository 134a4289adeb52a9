"""Where the frames of a DICOM recording lie along the vessel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.protocol import protocol
from calx.imaging.readers.elements import Elements, MalformedError
from calx.imaging.readers.sidecar import Sidecar

VENDOR = 0x000B, "BOSTON SCIENTIFIC", 0x01
"""Group, creator and offset of Boston Scientific's private element for the pullback rate, mm/s."""


@dataclass(frozen=True)
class FramePlaces:
    """Of the frames of the pullback itself.

    Attributes:
        chosen: their positions in the file, from 0.
        z_mm: from the first one; NaN where the recording does not tell.
        gated: they are of one phase of the heart.
        notes: where the places come from, or why there are none.
        per_second: how many of them; None where the recording does not tell.
    """

    chosen: NDArray[np.int64]
    z_mm: NDArray[np.float64]
    gated: bool
    notes: list[str]
    per_second: float | None


def places(header: Elements, count: int, told: Sidecar) -> FramePlaces:
    """The frames of the pullback and where they lie; what a person told counts first."""
    acquisition = header.text("IVUSAcquisition").strip().upper()
    chosen, notes = _pullback(header, count)
    gated = told.gated or acquisition == "GATED_PULLBACK"
    z, told_by = _z(header, chosen, count, told, acquisition)
    limit = protocol().plausible["length_mm"]
    length = float(np.ptp(z)) if np.isfinite(z).all() else 0.0
    if length > limit.most:
        told_by = f"{told_by} would make a pullback of {length:g} mm ({limit} are plausible)"
        z, told_by = np.full(len(chosen), np.nan), f"{told_by}: no length can be measured"
    times, _ = _times(header, count, told)
    known = times is not None and count > 1 and acquisition != "GATED_PULLBACK"
    per_second = (count - 1) / float(times[-1] - times[0]) if known and times is not None else None
    return FramePlaces(chosen, z, gated, [*notes, told_by], per_second)


def _pullback(header: Elements, count: int) -> tuple[NDArray[np.int64], list[str]]:
    """The frames between the start and the stop of the pullback."""
    first = header.number("IVUSPullbackStartFrameNumber")
    last = header.number("IVUSPullbackStopFrameNumber")
    start, stop = 1 if first is None else first, count if last is None else last
    if 1 <= start < stop <= count and start == int(start) and stop == int(stop):
        return np.arange(int(start) - 1, int(stop)), []
    if (start, stop) == (1, count):
        return np.arange(count), []
    told = (
        f"start and stop frames {start:g} and {stop:g} do not fit its {count} frames and were left "
        "out of account"
    )
    return np.arange(count), [told]


def _z(
    header: Elements, chosen: NDArray[np.int64], count: int, told: Sidecar, acquisition: str
) -> tuple[NDArray[np.float64], str]:
    """Places, and where they come from, or NaN and why."""
    unknown = np.full(len(chosen), np.nan)
    none = "no length can be measured"
    placed, why = _distances(header, count)
    if placed is not None:
        steps = np.diff(placed[chosen])
        if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
            return unknown, f"its longitudinal distances do not run one way: {none}"
        distance = np.abs(placed[chosen] - placed[chosen[0]])
        return distance, "places by the longitudinal distance of each frame"
    if why:
        return unknown, f"{why}: {none}"
    if told.frame_mm is not None:
        step = told.frame_mm
        return (chosen - chosen[0]) * step, f"{step:g} mm between frames as told by a person"
    if acquisition == "GATED_PULLBACK" and told.rate_mm_s is None:
        if "IVUSGatedRate" not in header:
            return unknown, f"gated, and the mm a beat (IVUSGatedRate) are not told: {none}"
        per_beat = header.number("IVUSGatedRate")
        if not _plausible("frame_spacing_mm", per_beat):
            return unknown, f"{_shown('IVUSGatedRate', per_beat, 'frame_spacing_mm')}: {none}"
        return (chosen - chosen[0]) * (per_beat or 0.0), f"gated, {per_beat:g} mm a beat"
    if acquisition in ("MANUAL_PULLBACK", "SELECTED"):
        named = acquisition.replace("_", " ").lower()
        return unknown, f"{named}: its frames have no known places, {none}"
    rate, by = _rate(header, told)
    times, why = _times(header, count, told)
    if rate is None:
        return unknown, f"{by}: {none}. Give --rate{'' if times is not None else ' and --fps'}"
    if times is None:
        return unknown, f"{why}: {none}. Give --fps"
    return (times[chosen] - times[chosen[0]]) * rate, f"{rate:g} mm/s {by}"


def _plausible(quantity: str, value: float | None) -> bool:
    return value is not None and protocol().plausible[quantity].holds(value)


def _shown(name: str, value: float | None, quantity: str) -> str:
    if value is None:
        return f"{name} cannot be read"
    return f"{name} is {value:g}; {protocol().plausible[quantity]} are plausible"


def _rate(header: Elements, told: Sidecar) -> tuple[float | None, str]:
    """The speed of the pullback, and by what; or None and why."""
    if told.rate_mm_s is not None:
        return told.rate_mm_s, "as told by a person"
    if "IVUSPullbackRate" in header:
        rate, name, by = header.number("IVUSPullbackRate"), "the pullback rate", ""
        vendor = header.private(*VENDOR)
        if rate is not None and vendor is not None and not _same(rate, vendor):
            return None, (
                f"it contradicts itself: {rate:g} mm/s by IVUSPullbackRate, {vendor:g} by the "
                "manufacturer's own element"
            )
    else:
        rate, by = header.private(*VENDOR), "manufacturer's own element"
        name = f"the {by}"
        if rate is None:
            return None, "no pullback rate" + _because(header, "(000B,1001)")
    if not _plausible("rate_mm_s", rate):
        return None, _shown(name, rate, "rate_mm_s")
    return rate, f"by {name}"


def _because(header: Elements, part: str) -> str:
    """What was wrong with an element, in brackets."""
    found = next((fault for fault in header.faults if part in fault), "")
    return f" ({found})" if found else ""


def _times(header: Elements, count: int, told: Sidecar) -> tuple[NDArray[np.float64] | None, str]:
    """Seconds from the first frame; or None and why."""
    if told.frames_per_second is not None:
        return np.arange(count) / told.frames_per_second, ""
    try:
        vector = header.numbers("FrameTimeVector")
    except MalformedError as fault:
        return None, f"the times of its frames cannot be read ({fault})"
    if vector:
        if len(vector) != count:
            return None, f"FrameTimeVector has {len(vector)} times for {count} frames"
        if len(vector) > 3 and all(b > a for a, b in pairwise(vector)):
            return None, "FrameTimeVector grows: whether it holds times or steps is not known"
        usual = header.number("FrameTime")
        mean = float(np.mean(vector[1:])) if count > 1 else 0.0
        if usual is not None and count > 1 and not _same(usual, mean):
            return None, (
                f"it contradicts itself: {usual:g} ms a frame by FrameTime, {mean:g} by "
                "FrameTimeVector"
            )
        times = np.cumsum(vector) / 1000
        if not np.all(np.diff(times) > 0):
            return None, "the times of FrameTimeVector do not grow"
        if count > 1 and not _plausible("frames_per_second", (count - 1) / (times[-1] - times[0])):
            return None, _shown("the frame rate", (count - 1) / times[-1], "frames_per_second")
        return times, ""
    stated: dict[str, float] = {}
    # RecommendedDisplayFrameRate tells how fast it is to be shown, not how fast it was recorded
    for keyword in ("FrameTime", "ActualFrameDuration", "CineRate"):
        value = header.number(keyword)
        if value is None:
            if not stated and _because(header, keyword):
                return None, f"{keyword} cannot be read"
            continue
        rate = value if keyword.endswith("Rate") else 1000 / value if value > 0 else 0.0
        if _plausible("frames_per_second", rate):
            stated[keyword] = rate
        elif not stated:
            return None, _shown(f"the frame rate by {keyword}", rate, "frames_per_second")
    if not stated:
        return None, "no times of its frames"
    (name, rate), *others = stated.items()
    for other, also in others:
        if not _same(rate, also):
            return None, (
                f"it contradicts itself: {rate:g} frames a second by {name}, {also:g} by {other}"
            )
    return np.arange(count) / rate, ""


def _same(one: float, other: float) -> bool:
    """Whether two statements of one quantity agree."""
    return abs(one - other) <= protocol().sizes_differ_percent / 100 * max(one, other)


def _distances(header: Elements, count: int) -> tuple[NDArray[np.float64] | None, str]:
    """Longitudinal distances that an enhanced object gives frame by frame, mm; None without them,
    and why where they are there and cannot be read.
    """
    try:
        groups = header.items("PerFrameFunctionalGroupsSequence")
        found = [
            content.one("IntravascularLongitudinalDistance")
            for group in groups
            for content in group.items("IntravascularFrameContentSequence")[:1]
        ]
    except MalformedError as fault:
        return None, str(fault)
    told = [value for value in found if value is not None]
    if not told:
        return None, ""
    if len(told) != count:
        return None, f"longitudinal distances of {len(told)} of its {count} frames"
    return np.array(told), ""
