"""Lines by frame and layer, as the readers of contours give them, and how they become curves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.geometry import area, harmonics
from calx.imaging.facts.protocol import protocol
from calx.imaging.readers.outlines import (
    SIDE,
    Drawn,
    Points,
    centre_of,
    crossings,
    dense,
    jumps,
    rays,
    sector,
    sharpest,
    turns,
)
from calx.imaging.readers.sidecar import Sidecar

KINDS = ("lumen", "eem", "calcium", "branch", "stent", "wire")
"""Layers that contours can draw."""
INSIDE, OUTSIDE = -0.3, 1.2
"""Where the leading edge of calcium may lie in the wall, 0 at the lumen and 1 at the membrane, as
drawn by a hand; elsewhere another layer was drawn.
"""
MOST_ASTRAY = 0.05
"""Share of a leading edge that may lie elsewhere; what was cut closes across the lumen."""
COARSE, SHARPEST = 16, 100
"""A closed outline of more points than this turns nowhere by more degrees than that."""
FAR = 1e5
"""Beyond this no point of an image lies, in pixels or mm."""
FEW = 3
"""Frames amid a deposit that nobody leaves out but by a slip."""
MOST_LISTED = 8
"""Frames that a message lists."""


@dataclass
class ContourSet:
    """Lines by frame and kind.

    Attributes:
        frames: frame number to kind to lines.
        z_mm: frame number to place, where known.
        unit_mm: mm of one unit of the points; None when unknown.
        origin: what it is, for the provenance.
        gated: all frames are of one phase of the heart.
        digest: SHA-256 of its files.
        unread: frames that the drawer marked as not to be read, and why.
        notes: what a user should know of it.
        elsewhere: layers that are drawn in another phase of the heart alone, and where.
    """

    frames: dict[int, dict[str, list[Drawn]]]
    z_mm: dict[int, float]
    unit_mm: float | None
    origin: str
    gated: bool = False
    digest: str = ""
    unread: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def curves(found: ContourSet, told: Sidecar) -> Curves:
    """A set of contours as curves around each lumen's centre of mass.

    Raises:
        ImagingError: what was drawn cannot be of one vessel; the frame and the layer are named.
    """
    _checked_frames(found)
    numbers = sorted(
        {n for n, lines in found.frames.items() if lines.get("lumen")} | {*found.unread}
    )
    if not any(n not in found.unread for n in numbers):
        raise ImagingError("no lumen contour in it; arcs and areas are measured around the lumen")
    z = _places(found, numbers)
    if len(z) > 1 and z[0] > z[-1]:
        numbers, z = numbers[::-1], z[::-1]
    unit = told.spacing_mm if told.spacing_mm is not None else found.unit_mm
    drawn_here = {kind for lines in found.frames.values() for kind in lines}
    for kind in sorted({*found.elsewhere} - drawn_here):
        where = f"{kind} is drawn in {found.elsewhere[kind]}, of another phase"
        if kind in told.drawn:
            raise ImagingError(
                f"{where}, and told as drawn in every frame of this one: which is meant? Leave "
                "'drawn' out, or read that phase with --phase"
            )
        found.notes.append(f"{where}; it was left aside")
    layers = drawn_here | {*told.drawn}
    if told.drawn:
        found.notes.append(
            f"{', '.join(told.drawn)} were looked for in every frame, as told by a person: none "
            "drawn there is none"
        )
    notes = [*found.notes, *_partly(found, layers, {*told.drawn}, numbers, z)]
    provenance = {
        "drawn_by": found.origin,
        "input": {"sha256": found.digest},
        "gated": found.gated or told.gated,
        "told": sorted({*told.drawn} - drawn_here),
        "notes": notes,
    }
    lines = int(protocol().contour_lines)
    drawn = Curves.empty(np.array(numbers), z, lines, unit, provenance, layers)
    silent = _silent(found, numbers, z) if "calcium" not in told.drawn else set()
    for f, number in enumerate(numbers):
        if number in found.unread:
            drawn.refused[f] = found.unread[number][:200]
            continue
        _frame(drawn, f, number, found.frames[number], unit)
        if number in silent:
            drawn.calcium[f] = np.nan
    if not (drawn.refused == "").any():
        raise ImagingError(f"no frame of it can be read: {drawn.refused[0]}")
    return drawn


def _checked_frames(found: ContourSet) -> None:
    """Nothing is drawn around a lumen that is not, and no outline is drawn twice."""
    for number, lines in sorted(found.frames.items()):
        if number in found.unread:
            continue
        others = [kind for kind in lines if kind != "lumen"]
        if others and not lines.get("lumen"):
            raise ImagingError(
                f"frame {number} has {', '.join(others)} and no lumen contour: nothing can be "
                "measured around it. Draw the lumen, or remove the frame"
            )
        for kind in ("lumen", "eem", "stent"):
            if len(lines.get(kind, ())) > 1:
                raise ImagingError(
                    f"frame {number} has {len(lines[kind])} contours of the {kind}; keep one"
                )


def _places(found: ContourSet, numbers: list[int]) -> NDArray[np.float64]:
    """Places of the frames, which must run along the vessel as the numbers do."""
    z = np.array([found.z_mm.get(number, np.nan) for number in numbers])
    if not np.isfinite(z).any() or len(z) < 2:
        return z
    if not np.isfinite(z).all():
        without = [n for n, place in zip(numbers, z, strict=True) if not np.isfinite(place)]
        raise ImagingError(f"{_listed(without)} without a place along the vessel, others have one")
    steps = np.diff(z)
    if not steps.any():
        raise ImagingError(f"all its frames lie at {z[0]:g} mm: their places are not told")
    if not ((steps > 0).all() or (steps < 0).all()):
        at = int(np.flatnonzero(np.sign(steps) != np.sign(steps.sum()))[0])
        raise ImagingError(
            f"frames {numbers[at]} and {numbers[at + 1]} lie at {z[at]:g} and {z[at + 1]:g} mm: "
            "places along the vessel do not run as the frames do"
        )
    for name, value in (
        ("length_mm", float(abs(z[-1] - z[0]))),
        ("frame_spacing_mm", float(np.median(np.abs(steps)))),
    ):
        plausible = protocol().plausible[name]
        if not plausible.holds(value):
            what = "all its frames" if name == "length_mm" else "two of its frames"
            raise ImagingError(
                f"{what} lie {value:g} mm apart; {plausible} are plausible. Is z in mm?"
            )
    return z


def _partly(
    found: ContourSet, layers: set[str], sought: set[str], numbers: list[int], z: Points
) -> list[str]:
    """What to say of layers that are drawn in some frames only."""
    read = [number for number in numbers if number not in found.unread]
    notes = []
    for kind in sorted(layers - sought):
        without = [number for number in read if not found.frames[number].get(kind)]
        if without and kind in ("eem", "calcium", "branch"):
            taken = {
                "eem": "it is unknown there",
                "calcium": "the others are taken to have none",
                "branch": "the others are taken to have none",
            }[kind]
            notes.append(
                f"{kind} is drawn in {len(read) - len(without)} of {len(read)} frames; {taken}"
            )
    silent = sorted(_silent(found, numbers, z))
    if silent and "calcium" not in sought:
        notes.append(
            f"{_listed(silent)} without calcium between frames that have it: unknown there"
        )
    return notes


def _silent(found: ContourSet, numbers: list[int], z: Points) -> set[int]:
    """Frames without calcium in a deposit's midst: a gap in the drawing rather than in the deposit,
    where it is of few frames or no longer than what does not end a deposit.
    """
    have = [bool(found.frames.get(number, {}).get("calcium")) for number in numbers]
    marked = [f for f, drawn in enumerate(have) if drawn]
    bridge = protocol().length_bridge_mm
    silent: set[int] = set()
    for before, after in pairwise(marked):
        between = range(before + 1, after)
        apart = abs(z[after] - z[before])
        if len(between) <= FEW or (np.isfinite(apart) and apart <= bridge):
            silent |= {numbers[f] for f in between}
    return silent


def _frame(
    drawn: Curves, f: int, number: int, kinds: dict[str, list[Drawn]], unit: float | None
) -> None:
    """Enter the lines of one frame."""
    lines = drawn.lines
    outline = kinds["lumen"][0]
    centre = centre_of(dense(outline.points, True))
    drawn.centre[f] = centre
    for kind in ("lumen", "eem"):
        lines_of = kinds.get(kind, ())
        if any(
            crossings(line.points, line.closed)
            or (line.closed and len(line.points) > COARSE and sharpest(line.points) > SHARPEST)
            or (line.closed and len(jumps(line.points)))
            for line in lines_of
        ):
            drawn.refused[f] = (
                f"the {kind} contour crosses itself, turns back or leaves a part out: its points "
                "are not those that were drawn, in their order"
            )
            return
    lumen = rays(outline, centre, lines)
    if not np.isfinite(lumen).all():
        drawn.refused[f] = "the lumen contour does not close around its own centre"
        return
    _plausible("lumen", number, lumen, unit)
    drawn.lumen[f] = lumen
    if kinds.get("eem"):
        _membrane(drawn, f, number, kinds["eem"][0], centre, unit)
    else:
        drawn.visible[f] = 0.0
    for deposit in kinds.get("calcium", []):
        edge = rays(deposit, centre, lines)
        _in_the_wall(edge, drawn, f, number)
        if crossings(deposit.points, deposit.closed) or (
            deposit.closed and len(jumps(deposit.points, SIDE))
        ):
            drawn.calcium[f] = np.nan  # where it lies is not told
            continue
        if not np.isnan(drawn.calcium[f]).any():
            drawn.calcium[f][np.isfinite(edge)] = 1.0
        drawn.calcium_edge[f] = np.fmin(drawn.calcium_edge[f], edge)
    for mouth in kinds.get("branch", []):
        drawn.branch[f][np.isfinite(rays(mouth, centre, lines))] = 1.0
    for wire in kinds.get("wire", []):
        drawn.wire[f][sector(wire.points[0], wire.points[-1], centre, lines)] = 1.0
    for stent in kinds.get("stent", []):
        drawn.stent[f] = rays(stent, centre, lines)


def _membrane(
    drawn: Curves, f: int, number: int, membrane: Drawn, centre: Points, unit: float | None
) -> None:
    """Enter the membrane, which lies around the lumen."""
    if membrane.closed and turns(membrane.points, centre) != 1:
        raise ImagingError(f"the eem contour of frame {number} does not go round the lumen once")
    radius = rays(membrane, centre, drawn.lines)
    seen = np.isfinite(radius)
    if not seen.any():
        raise ImagingError(f"the eem contour of frame {number} lies nowhere around the lumen")
    inside = (radius < drawn.lumen[f]) & seen
    if inside.sum() > seen.sum() / 2:
        raise ImagingError(
            f"the lumen of frame {number} lies outside the membrane: are the layers swapped?"
        )
    drawn.visible[f] = seen
    for start, end in membrane.doubtful:
        drawn.visible[f][sector(start, end, centre, drawn.lines)] = 0.0
    drawn.eem[f] = _completed(radius.astype(np.float32))
    _plausible("eem", number, np.asarray(drawn.eem[f], float), unit)


def _in_the_wall(edge: Points, drawn: Curves, f: int, number: int) -> None:
    """Calcium lies in the wall; what lies elsewhere is another layer, or of another scale."""
    seen = np.isfinite(edge)
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = (edge - drawn.lumen[f]) / (drawn.eem[f] - drawn.lumen[f])
    told = depth[seen & np.isfinite(depth)]
    astray = ((told < INSIDE) | (told > OUTSIDE)).mean() if len(told) else 0.0
    if not seen.any() or astray > MOST_ASTRAY:
        raise ImagingError(
            f"the calcium contour of frame {number} does not lie in the wall: are layers "
            "swapped, or was it cut?"
        )


def _plausible(layer: str, number: int, radius: Points, unit: float | None) -> None:
    if unit is None:
        return
    plausible = protocol().plausible[f"{layer}_diameter_mm"]
    diameter = 2 * float(np.sqrt(area(radius) / np.pi)) * unit
    if not plausible.holds(diameter):
        raise ImagingError(
            f"the {layer} of frame {number} has a diameter of {diameter:.3g} mm; {plausible} are "
            "plausible. Is the scale right?"
        )


def _completed(radius: NDArray[np.float32]) -> NDArray[np.float32]:
    """An open membrane closed by a smooth curve of few harmonics, fitted to what was drawn."""
    known = np.isfinite(radius)
    if known.all():
        return radius
    fitted = harmonics(
        radius[None].astype(float), known[None].astype(float), 4, 0.02 * known.sum()
    )[0]
    return np.where(known, radius, fitted).astype(np.float32)


def _listed(numbers: Iterable[int]) -> str:
    """Frames in words."""
    shown = list(numbers)
    told = ", ".join(map(str, shown[:MOST_LISTED])) + (" …" if len(shown) > MOST_LISTED else "")
    return f"frame{'s' if len(shown) > 1 else ''} {told}"
