"""Contours drawn elsewhere: multimodars tables, HolOrama JSON, echoPlaque XML. A person's lines
become :class:`~calx.imaging.facts.curves.Curves`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.protocol import protocol
from calx.imaging.readers.sidecar import Sidecar

Points = NDArray[np.float64]

KINDS = ("lumen", "eem", "calcium", "branch", "stent", "wire")
LARGEST = 200 << 20
"""Bytes of a contour file."""


@dataclass(frozen=True)
class Drawn:
    """One line that a person drew.

    Attributes:
        points: ``(n, 2)`` in the unit of the set.
        closed: it is a closed curve; an open one claims nothing beyond its ends.
        doubtful: pairs of points between which the person was not sure of the curve.
    """

    points: Points
    closed: bool = True
    doubtful: tuple[tuple[Points, Points], ...] = ()


@dataclass
class ContourSet:
    """Lines by frame and kind.

    Attributes:
        frames: frame number to kind to lines.
        z_mm: frame number to place, where known.
        unit_mm: mm of one unit of the points; None when unknown.
        origin: what it is, for the provenance.
        gated: all frames are of one phase of the heart.
    """

    frames: dict[int, dict[str, list[Drawn]]]
    z_mm: dict[int, float]
    unit_mm: float | None
    origin: str
    gated: bool = False
    digest: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def is_contours(path: Path) -> bool:
    """Whether this looks like a set of contours rather than images."""
    if path.is_dir():
        return any(path.glob("*contours*.csv")) and not any(path.glob("*.png"))
    return path.suffix.lower() in (".csv", ".txt", ".tsv", ".xml") or (
        path.suffix.lower() == ".json" and _is_holorama(path)
    )


def _is_holorama(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"lumen"' in file.read(4096)


def read_contours(path: Path, sidecar: Sidecar | None = None, phase: str = "diastolic") -> Curves:
    """Read a set of contours.

    Args:
        path: a folder or file of multimodars tables, a HolOrama ``.json``, an echoPlaque ``.xml``.
        sidecar: spacing and rate where the file itself has none.
        phase: of the heart, where a folder holds both.

    Raises:
        ImagingError: nothing can be read from it, and why.
    """
    sidecar = sidecar or Sidecar()
    if path.is_dir() or path.suffix.lower() in (".csv", ".txt", ".tsv"):
        found = _tables(path, phase)
    elif path.suffix.lower() == ".xml":
        found = _echoplaque(path)
    else:
        found = _holorama(path, sidecar)
    if not any(lines.get("lumen") for lines in found.frames.values()):
        raise ImagingError(
            "no lumen contour in it; arcs and areas are measured around the lumen", path
        )
    return curves(found, sidecar)


def _limited(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise ImagingError(f"larger than {LARGEST >> 20} MiB; contours are not", path)
    return path.read_bytes()


def _tables(path: Path, phase: str) -> ContourSet:
    """multimodars: ``frame x y z`` in mm, one file a kind."""
    other = {"diastolic": "systolic", "systolic": "diastolic"}[phase]
    files = sorted(path.glob("*contours*.csv")) if path.is_dir() else [path]
    files = [file for file in files if other not in file.name]
    frames: dict[int, dict[str, list[Drawn]]] = defaultdict(dict)
    z: dict[int, float] = {}
    digest = hashlib.sha256()
    for file in files:
        kind = next((kind for kind in KINDS if kind in file.name.lower()), "lumen")
        text = _limited(file)
        digest.update(text)
        try:
            rows = np.array(
                [
                    [float(part) for part in re.split(r"[,;\s]+", line.strip())[:4]]
                    for line in text.decode().splitlines()
                    if line.strip() and not re.match(r"\s*[A-Za-z#]", line)
                ]
            )
        except (ValueError, UnicodeDecodeError):
            raise ImagingError("not a table of 'frame x y z'", file) from None
        if rows.ndim != 2 or rows.shape[1] < 4 or not np.isfinite(rows).all():
            raise ImagingError("not a table of 'frame x y z'; give four finite numbers a row", file)
        for number in np.unique(rows[:, 0]):
            part = rows[rows[:, 0] == number]
            frames[int(number)].setdefault(kind, []).append(Drawn(part[:, 1:3]))
            z[int(number)] = float(part[0, 3])
    if not files:
        raise ImagingError(f"no table of {phase} contours in it", path)
    return ContourSet(
        dict(frames),
        z,
        1.0,
        "contour tables (multimodars)",
        any(phase in file.name for file in files),
        digest.hexdigest(),
    )


def _holorama(path: Path, sidecar: Sidecar) -> ContourSet:
    """HolOrama: pixel knots of closed or open splines by frame, counted from 0."""
    text = _limited(path)
    try:
        raw = json.loads(text)
        frames: dict[int, dict[str, list[Drawn]]] = {}
        phases = {key: str(frame.get("phase", "-")) for key, frame in raw.items() if key.isdigit()}
        keep = {key for key, phase in phases.items() if phase == "D"} or set(phases)
        for key in sorted(keep, key=int):
            frame = raw[key]
            if frame.get("unanalyzable") or frame.get("guiding_catheter"):
                continue
            frames[int(key) + 1] = {kind: list(_splines(frame.get(kind))) for kind in KINDS}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ImagingError("not a HolOrama file of contours", path) from None
    if not frames:
        raise ImagingError("no frame with contours in it", path)
    z = (
        {}
        if sidecar.frame_mm is None
        else {number: (number - 1) * sidecar.frame_mm for number in frames}
    )
    return ContourSet(
        frames,
        z,
        sidecar.spacing_mm,
        "HolOrama contours",
        "D" in phases.values(),
        hashlib.sha256(text).hexdigest(),
    )


def _splines(raw: object) -> Iterator[Drawn]:
    if not isinstance(raw, dict):
        return
    closed = raw.get("closed") or []
    starts, ends = raw.get("start_coords") or [], raw.get("end_coords") or []
    for k, entry in enumerate(raw.get("contours") or []):
        points = np.array(entry, float).T
        if points.ndim != 2 or len(points) < 2 or not np.isfinite(points).all():
            continue
        if len(points) > 3 and np.allclose(points[0], points[-1]):
            points = points[:-1]
        shut = bool(closed[k]) if k < len(closed) else len(points) > 3
        marks = zip(
            starts[k] if k < len(starts) else [], ends[k] if k < len(ends) else [], strict=False
        )
        doubtful = tuple((np.array(a, float), np.array(b, float)) for a, b in marks if a and b)
        yield Drawn(spline(points, shut), shut, doubtful)


def _echoplaque(path: Path) -> ContourSet:
    """echoPlaque: pixel polygons by frame (``L`` lumen, ``V`` vessel, ``S`` stent), with
    calibration and pullback speed.
    """
    text = _limited(path)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ImagingError("XML with a document type is not read", path)
    try:
        # without document type there are no entities to expand
        root = ElementTree.fromstring(text)  # noqa: S314
        kinds = {"L": "lumen", "V": "eem", "S": "stent"}
        frames: dict[int, dict[str, list[Drawn]]] = {}
        for frame in root.iter("Fm"):
            lines: dict[str, list[Drawn]] = {}
            for contour in frame.iter("Ctr"):
                points = np.array(
                    [[float(part) for part in (p.text or "").split(",")] for p in contour.iter("p")]
                )
                kind = kinds.get((contour.findtext("Type") or "").strip())
                if kind and points.ndim == 2 and len(points) > 2:
                    lines.setdefault(kind, []).append(Drawn(points))
            if lines:
                frames[int(frame.findtext("Num") or 0) + 1] = lines
        across, down = (
            float(root.findtext(f".//{name}") or "nan") for name in ("XCalibration", "YCalibration")
        )
        speed, rate = (
            float(root.findtext(f".//{name}") or "nan")
            for name in ("PullbackSpeed", "AcqRateInFPS")
        )
    except (ElementTree.ParseError, ValueError):
        raise ImagingError("not an echoPlaque file of contours", path) from None
    if not frames:
        raise ImagingError("no frame with contours in it", path)
    if np.isfinite(across) and np.isfinite(down) and not np.isclose(across, down):
        raise ImagingError(
            f"pixels of {across:g} by {down:g} mm; only square pixels are read", path
        )
    unit = across if np.isfinite(across) and across > 0 else None
    step = (
        speed / rate
        if np.isfinite(speed) and np.isfinite(rate) and rate > 0 and speed > 0
        else None
    )
    z = {} if step is None else {number: (number - 1) * step for number in frames}
    return ContourSet(
        frames, z, unit, "echoPlaque contours", False, hashlib.sha256(text).hexdigest()
    )


def spline(knots: Points, closed: bool) -> Points:
    """Points along the cubic spline through knots, parameterised by the distance between them; a
    closed one is periodic.
    """
    if len(knots) < 3:
        return knots
    turn = np.concatenate([knots, knots[:1]]) if closed else knots
    steps = np.hypot(*np.diff(turn, axis=0).T)
    keep = np.concatenate([[True], steps > 0])
    turn, steps = turn[keep], steps[steps > 0]
    count = len(turn) - 1
    at = np.concatenate([[0.0], np.cumsum(steps)])
    matrix, right = np.zeros((count + 1, count + 1)), np.zeros((count + 1, 2))
    slopes = np.diff(turn, axis=0) / steps[:, None]
    for k in range(1, count):
        matrix[k, k - 1 : k + 2] = steps[k - 1], 2 * (steps[k - 1] + steps[k]), steps[k]
        right[k] = 6 * (slopes[k] - slopes[k - 1])
    if closed:
        matrix[0, 0], matrix[0, count] = 1, -1
        matrix[count, 0], matrix[count, 1] = 2 * steps[0], steps[0]
        matrix[count, count - 1], matrix[count, count] = steps[-1], 2 * steps[-1]
        right[count] = 6 * (slopes[0] - slopes[-1])
    else:
        matrix[0, 0] = matrix[count, count] = 1
    bend = np.linalg.solve(matrix, right)
    place = np.linspace(0, at[-1], 2000, endpoint=not closed)
    i = np.clip(np.searchsorted(at, place, side="right") - 1, 0, count - 1)
    h, a, b = steps[i][:, None], (at[i + 1] - place)[:, None], (place - at[i])[:, None]
    return np.asarray(
        (bend[i] * a**3 + bend[i + 1] * b**3) / (6 * h)
        + (turn[i] / h - bend[i] * h / 6) * a
        + (turn[i + 1] / h - bend[i + 1] * h / 6) * b
    )


def dense(points: Points, closed: bool, count: int = 4000) -> Points:
    """The polygon's points with more between them, evenly along it."""
    turn = np.concatenate([points, points[:1]]) if closed else points
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(turn, axis=0).T))])
    place = np.linspace(0, at[-1], count, endpoint=not closed)
    return np.stack([np.interp(place, at, turn[:, axis]) for axis in (0, 1)], axis=1)


def centre_of(points: Points) -> Points:
    """Centre of mass of a polygon."""
    x, y = points.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    if abs(cross.sum()) < 1e-12:
        return np.asarray(points.mean(axis=0))
    return np.asarray(
        np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()])
        / (3 * cross.sum())
    )


def rays(line: Drawn, centre: Points, lines: int) -> NDArray[np.float64]:
    """The radius at which each line from the centre
    first meets a drawn line; NaN where it does not.
    """
    points = dense(line.points, line.closed, max(4000, 4 * lines)) - centre
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    radius = np.hypot(points[:, 0], points[:, 1])
    place = angle / (2 * np.pi) * lines
    met = np.full(lines, np.nan)
    if line.closed:
        place, radius = (
            np.append(place, place[0] + round((place[-1] - place[0]) / lines) * lines),
            np.append(radius, radius[0]),
        )
    for k in range(len(place) - 1):
        low, high = sorted((place[k], place[k + 1]))
        for n in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            share = 0.0 if high == low else (n - place[k]) / (place[k + 1] - place[k])
            met[n % lines] = np.fmin(
                met[n % lines], radius[k] + share * (radius[k + 1] - radius[k])
            )
    return met


def curves(found: ContourSet, sidecar: Sidecar) -> Curves:
    """A set of contours as curves around each lumen's centre of mass."""
    lines = int(protocol().contour_lines)
    numbers = [number for number in sorted(found.frames) if found.frames[number].get("lumen")]
    z = np.array([found.z_mm.get(number, np.nan) for number in numbers])
    order = np.argsort(z, kind="stable") if np.isfinite(z).all() else np.arange(len(numbers))
    numbers, z = [numbers[k] for k in order], z[order]
    unit = found.unit_mm if found.unit_mm is not None else sidecar.spacing_mm
    provenance = {
        "drawn_by": found.origin,
        "input": {"sha256": found.digest},
        "gated": found.gated or sidecar.gated,
    }
    drawn = Curves.empty(np.array(numbers), z, lines, unit, provenance)
    for f, number in enumerate(numbers):
        kinds = found.frames[number]
        outline = kinds["lumen"][0]
        centre = centre_of(dense(outline.points, True))
        drawn.centre[f] = centre
        lumen = rays(outline, centre, lines)
        if not np.isfinite(lumen).all():
            drawn.refused[f] = "the lumen contour does not close around its own centre"
            continue
        drawn.lumen[f] = lumen
        if kinds.get("eem"):
            membrane = kinds["eem"][0]
            drawn.eem[f] = rays(membrane, centre, lines)
            drawn.visible[f] = np.isfinite(drawn.eem[f])
            for start, end in membrane.doubtful:
                drawn.visible[f][_sector(start, end, centre, lines)] = 0.0
            if np.isfinite(drawn.eem[f]).any():
                drawn.eem[f] = _completed(drawn.eem[f])
        else:
            drawn.visible[f] = 0.0
        for deposit in kinds.get("calcium", []):
            edge = rays(deposit, centre, lines)
            drawn.calcium[f][np.isfinite(edge)] = 1.0
            drawn.calcium_edge[f] = np.fmin(drawn.calcium_edge[f], edge)
        for mouth in kinds.get("branch", []):
            drawn.branch[f][np.isfinite(rays(mouth, centre, lines))] = 1.0
        for wire in kinds.get("wire", []):
            if len(wire.points) >= 2:
                drawn.wire[f][_sector(wire.points[0], wire.points[-1], centre, lines)] = 1.0
        for stent in kinds.get("stent", []):
            drawn.stent[f] = rays(stent, centre, lines)
    if not (drawn.refused == "").any():
        raise ImagingError("no lumen contour closes around its own centre")
    return drawn


def _completed(radius: NDArray[np.float32]) -> NDArray[np.float32]:
    """An open membrane closed by a smooth curve of few harmonics, fitted to what was drawn."""
    from calx.imaging.facts.geometry import harmonics

    known = np.isfinite(radius)
    if known.all():
        return radius
    fitted = harmonics(
        radius[None].astype(float), known[None].astype(float), 4, 0.02 * known.sum()
    )[0]
    return np.where(known, radius, fitted).astype(np.float32)


def _sector(start: Points, end: Points, centre: Points, lines: int) -> NDArray[np.int64]:
    """The lines between two points, the shorter way round."""
    a, b = (np.arctan2(*(point - centre)[::-1]) / (2 * np.pi) * lines for point in (start, end))
    span = (b - a + lines / 2) % lines - lines / 2
    first = a if span >= 0 else b
    return np.arange(int(np.ceil(first)), int(np.floor(first + abs(span))) + 1) % lines
