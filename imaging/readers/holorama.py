"""HolOrama: pixel knots of closed or open splines by frame, counted from 0."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from calx import strict_json
from calx.imaging.errors import ImagingError
from calx.imaging.readers.contour_set import FAR, KINDS, ContourSet
from calx.imaging.readers.outlines import Drawn, Points, spline
from calx.imaging.readers.sidecar import Sidecar

PHASES = ("D", "S", "-")
MARKS = {
    "unanalyzable": "marked as one that cannot be analysed",
    "guiding_catheter": "in the guiding catheter",
}


def read(path: Path, told: Sidecar, phase: str = "diastolic") -> ContourSet:
    """Read a file of contours.

    Raises:
        ImagingError: it is none, or something in it is not as HolOrama writes it; the frame and
            the layer are named.
    """
    text = path.read_bytes()
    try:
        raw = strict_json.loads(text, float)
    except ValueError as error:
        raise ImagingError(f"not a HolOrama file of contours: {error}", path) from None
    frames = {key: of for key, of in raw.items() if key.isdecimal()} if _object(raw) else {}
    strays = [key for key in raw if key not in frames and _holds_layers(raw[key])] if frames else []
    if strays:
        raise ImagingError(f"'{strays[0][:40]}' holds contours and is no frame number", path)
    if any(len(key) > 9 for key in frames):
        raise ImagingError("a frame number that no recording has", path)
    if not frames or not all(map(_object, frames.values())):
        raise ImagingError("not a HolOrama file of contours: no objects by frame number", path)
    if len({int(key) for key in frames}) < len(frames):
        raise ImagingError("a frame number stands twice, written in two ways", path)
    phases = {key: str(frame.get("phase", "-")) for key, frame in frames.items()}
    strange = sorted(set(phases.values()) - {*PHASES})
    if strange:
        raise ImagingError(f"phase '{strange[0][:20]}'; known are {', '.join(PHASES)}", path)
    gated = {"D", "S"} & {*phases.values()}
    wanted = phase[0].upper()
    if gated and wanted not in gated:
        raise ImagingError(f"no {phase} frame in it; ask for the other phase with --phase", path)
    loose = [k for k in frames if gated and phases[k] == "-" and _holds_layers(frames[k])]
    kept = {int(key): frames[key] for key in frames if not gated or phases[key] == wanted}
    lines: dict[int, dict[str, list[Drawn]]] = {}
    unread: dict[int, str] = {}
    try:
        for key, frame in sorted(kept.items()):
            drawn = {kind: list(_splines(frame.get(kind), kind)) for kind in KINDS}
            drawn = {kind: found for kind, found in drawn.items() if found}
            if any(not isinstance(frame.get(name, False), bool) for name in MARKS):
                raise ValueError(f"one of {', '.join(MARKS)} is not true or false")
            mark = next((told for name, told in MARKS.items() if frame.get(name)), None)
            if mark:
                unread[key + 1] = mark
            elif drawn:
                lines[key + 1] = drawn
    except ValueError as error:
        raise ImagingError(f"frame {key}: {error}", path) from None
    except (TypeError, LookupError):
        raise ImagingError(f"frame {key} is not as HolOrama writes it", path) from None
    if not lines:
        raise ImagingError("no frame with contours in it", path)
    numbers = [*lines, *unread]
    step = told.frame_mm
    return ContourSet(
        lines,
        {} if step is None else {number: (number - 1) * step for number in numbers},
        None,
        "HolOrama contours",
        bool(gated),
        hashlib.sha256(text).hexdigest(),
        unread,
        [f"{len(loose)} frames with contours have no phase and were left aside"] if loose else [],
    )


def _object(raw: object) -> bool:
    return isinstance(raw, dict)


def _holds_layers(raw: object) -> bool:
    """Whether an object holds contours of a layer."""
    return isinstance(raw, dict) and any(
        isinstance(raw.get(kind), dict) and raw[kind].get("contours") for kind in KINDS
    )


def _splines(raw: Any, kind: str) -> Iterator[Drawn]:
    """The lines of one layer in one frame.

    Raises:
        ValueError: they are not as HolOrama writes them.
    """
    if raw is None:
        return
    if not isinstance(raw, dict):
        raise ValueError(f"its {kind} is no object")
    contours = raw.get("contours") or []
    starts, ends = raw.get("start_coords") or [], raw.get("end_coords") or []
    closed = raw.get("closed") or []
    for name, of in (("closed", closed), ("start_coords", starts), ("end_coords", ends)):
        if of and len(of) != len(contours):
            raise ValueError(f"its {kind} has {len(contours)} contours and {len(of)} {name}")
    for k, entry in enumerate(contours):
        points = _points(entry, kind)
        if len(points) > 3 and np.allclose(points[0], points[-1]):
            points = points[:-1]
        shut = closed[k] if closed else len(points) > 3
        if not isinstance(shut, bool):
            raise ValueError(f"'closed' of its {kind} is not true or false")
        marks = zip(starts[k] if starts else [], ends[k] if ends else [], strict=True)
        doubtful = tuple((_point(a, kind), _point(b, kind)) for a, b in marks if a and b)
        yield Drawn(spline(points, shut), shut, doubtful)


def _points(entry: Any, kind: str) -> Points:
    if (
        not isinstance(entry, list)
        or len(entry) != 2
        or not all(isinstance(axis, list) for axis in entry)
        or len(entry[0]) != len(entry[1])
    ):
        raise ValueError(f"a contour of its {kind} is not [[x, …], [y, …]] of one length")
    if len(entry[0]) < 2:
        raise ValueError(f"a contour of its {kind} has fewer than two points")
    if not all(_number(value) for axis in entry for value in axis):
        raise ValueError(f"a contour of its {kind} holds what is no number of pixels")
    return np.array(entry, float).T


def _point(entry: Any, kind: str) -> Points:
    if not isinstance(entry, list) or len(entry) != 2 or not all(map(_number, entry)):
        raise ValueError(f"a mark of doubt of its {kind} is no point")
    return np.array(entry, float)


def _number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) < FAR)
