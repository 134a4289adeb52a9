"""echoPlaque: pixel polygons by frame (``L`` lumen, ``V`` vessel, ``S`` stent), with calibration
and pullback speed. Calcium and branches have no place in this form, so it says nothing of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from calx.imaging.errors import ImagingError
from calx.imaging.facts.protocol import protocol
from calx.imaging.readers.contour_set import FAR, ContourSet
from calx.imaging.readers.elements import as_number
from calx.imaging.readers.outlines import Drawn, Points
from calx.imaging.readers.sidecar import Sidecar

LETTERS = {"L": "lumen", "V": "eem", "S": "stent"}


def read(path: Path, told: Sidecar) -> ContourSet:
    """Read a file of contours.

    Raises:
        ImagingError: it is none, or something in it is not as echoPlaque writes it; the frame is
            named.
    """
    text = path.read_bytes()
    if b"\0" in text:
        raise ImagingError("XML that is not UTF-8; save it as UTF-8", path)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ImagingError("XML with a document type is not read", path)
    try:
        # without document type there are no entities to expand
        root = ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ImagingError(f"not an echoPlaque file of contours ({error})", path) from None
    try:
        frames = _frames(root)
        unit, step, notes = _calibration(root, told)
    except ValueError as error:
        raise ImagingError(str(error), path) from None
    if not frames:
        raise ImagingError("not an echoPlaque file: no frame with contours in it", path)
    return ContourSet(
        frames,
        {} if step is None else {number: (number - 1) * step for number in frames},
        unit,
        "echoPlaque contours",
        False,
        hashlib.sha256(text).hexdigest(),
        notes=notes,
    )


def _frames(root: ElementTree.Element) -> dict[int, dict[str, list[Drawn]]]:
    """Lines by frame.

    Raises:
        ValueError: a frame or a contour is not as echoPlaque writes it.
    """
    frames: dict[int, dict[str, list[Drawn]]] = {}
    for frame in root.iter("Fm"):
        told = (frame.findtext("Num") or "").strip()
        if not told.isdecimal() or len(told) > 9:
            raise ValueError(f"a frame's number is '{told[:20]}'")
        number = int(told) + 1
        if number in frames:
            raise ValueError(f"frame {told} stands twice; keep one of them")
        lines: dict[str, list[Drawn]] = {}
        for contour in frame.iter("Ctr"):
            letter = (contour.findtext("Type") or "").strip()
            kind = LETTERS.get(letter)
            if kind is None:
                raise ValueError(
                    f"frame {told} has a contour of type '{letter[:20]}'; known are "
                    f"{', '.join(LETTERS)}"
                )
            lines.setdefault(kind, []).append(Drawn(_points(contour, told)))
        if lines:
            frames[number] = lines
    return frames


def _points(contour: ElementTree.Element, frame: str) -> Points:
    points = []
    for p in contour.iter("p"):
        told = (p.text or "").strip()
        numbers = [as_number(part.strip()) for part in told.split(",")]
        if len(numbers) != 2 or any(n is None or abs(n) > FAR for n in numbers):
            raise ValueError(
                f"frame {frame} has a point '{told[:40]}': it must be two numbers with decimal "
                "points, parted by a comma"
            )
        points.append(numbers)
    count = contour.findtext("Npts")
    if count is not None and count.strip() != str(len(points)):
        raise ValueError(
            f"frame {frame} has a contour of {len(points)} points that says it has {count[:20]}"
        )
    if len(points) < 3:
        raise ValueError(f"frame {frame} has a contour of {len(points)} points")
    return np.array(points, float)


def _calibration(
    root: ElementTree.Element, told: Sidecar
) -> tuple[float | None, float | None, list[str]]:
    """Millimetres a pixel, millimetres between frames, and what to say of them.

    Raises:
        ValueError: one of them stands in two ways, is no number, or cannot be.
    """
    across, down = _one(root, "XCalibration"), _one(root, "YCalibration")
    if (across is None) != (down is None) or (
        across is not None and down is not None and not np.isclose(across, down)
    ):
        raise ValueError(f"pixels of {across} by {down} mm; only square pixels are read")
    _plausible("spacing_mm", across, "XCalibration")
    if told.frame_mm is not None:
        return across, told.frame_mm, [f"{told.frame_mm:g} mm between frames as told by a person"]
    speed, rate = _one(root, "PullbackSpeed"), _one(root, "AcqRateInFPS")
    if speed is None or rate is None or speed == 0 or rate == 0:
        lacking = "pullback speed" if not speed else "frame rate"
        return across, None, [f"no {lacking}: no length can be measured"]
    _plausible("rate_mm_s", speed, "PullbackSpeed")
    _plausible("frames_per_second", rate, "AcqRateInFPS")
    return across, speed / rate, []


def _one(root: ElementTree.Element, name: str) -> float | None:
    """The number of the elements of a name; None where there is none."""
    told = {(item.text or "").strip() for item in root.iter(name)} - {""}
    if len(told) > 1:
        raise ValueError(f"{name} stands in several ways: {', '.join(sorted(told))[:60]}")
    if not told:
        return None
    text = told.pop()
    found = as_number(text)
    if found is None:
        raise ValueError(f"{name} is '{text[:40]}', no number with a decimal point")
    return found


def _plausible(quantity: str, value: float | None, name: str) -> None:
    plausible = protocol().plausible[quantity]
    if value is not None and not plausible.holds(value):
        raise ValueError(f"{name} is {value:g}; {plausible} are plausible")
