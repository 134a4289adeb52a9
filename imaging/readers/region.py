"""Which part of a DICOM frame is the cross-section, and what a pixel of it measures."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from calx.imaging.errors import ImagingError
from calx.imaging.facts.protocol import protocol
from calx.imaging.readers.elements import Elements, MalformedError
from calx.imaging.readers.sidecar import Sidecar

CENTIMETRES = 3
TWO_DIMENSIONAL, TISSUE = 1, 1
SMALLEST = 64
"""Rows and columns of a cross-section."""
OBLONG = 1.2
"""A region whose sides differ by more than this factor is no round field: it is the view along the
vessel, a trace, a menu.
"""

Box = tuple[int, int, int, int]
"""Top, left, bottom (exclusive), right (exclusive)."""


@dataclass(frozen=True)
class CrossSection:
    """The cross-section of a frame.

    Attributes:
        box: where it lies.
        pixel_mm: what its pixels measure; None where the recording does not tell.
        notes: what a user should know of it.
    """

    box: Box
    pixel_mm: float | None
    notes: list[str] = field(default_factory=list)


def cross_section(
    header: Elements, shape: tuple[int, int], told: Sidecar, path: Path
) -> CrossSection:
    """Find the cross-section: the one region that is square, else the whole frame.

    Raises:
        ImagingError: its sizes contradict each other, or no single region is square.
    """
    notes: list[str] = []
    try:
        regions = [item for item in header.items("SequenceOfUltrasoundRegions") if _of_tissue(item)]
    except MalformedError as fault:
        regions = []
        notes.append(f"its ultrasound regions are not read: {fault}")
    boxes = [(item, _box(item, shape, path)) for item in regions]
    aspect = _aspect(header)
    if aspect and told.spacing_mm is None:
        raise ImagingError(
            f"{aspect}; only square pixels are read. Give --spacing to overrule", path
        )
    square = [(item, box) for item, box in boxes if box is not None and _square(box)]
    if len(square) > 1 and len({box for _, box in square}) > 1:
        raise ImagingError(
            f"{len(square)} square ultrasound regions; which of them is the cross-section is not "
            "known. Export one view",
            path,
        )
    if len(boxes) > 1 and not square:
        raise ImagingError("none of its ultrasound regions is square, as a cross-section is", path)
    chosen = square[0] if square else boxes[0] if boxes else None
    stated: dict[str, float] = {}
    box: Box = (0, 0, *shape)
    if chosen is not None:
        item, found = chosen
        box = found or box
        if min(box[2] - box[0], box[3] - box[1]) < SMALLEST:
            raise ImagingError(
                f"its ultrasound region has {box[3] - box[1]} by {box[2] - box[0]} pixels", path
            )
        sizes = {_size(other, told, path)[0] for other, of in boxes if of == found} - {None}
        if len(sizes) > 1:
            told_by = " and ".join(f"{size:g}" for size in sorted(filter(None, sizes)))
            raise ImagingError(
                f"two ultrasound regions in one place, of {told_by} mm a pixel: it contradicts "
                "itself. Give --spacing",
                path,
            )
        size, why = _size(item, told, path)
        notes += [why] if why else []
        if size is not None:
            stated["the ultrasound region"] = size
    spacing, why = _spacing(header)
    notes += [why] if why else []
    if spacing is not None:
        stated["the pixel spacing"] = spacing
    return CrossSection(box, *_settled(stated, notes, told, path))


def _settled(
    stated: dict[str, float], notes: list[str], told: Sidecar, path: Path
) -> tuple[float | None, list[str]]:
    """The size of a pixel out of what was stated, with the notes."""
    if told.spacing_mm is not None:
        by = "".join(f", {size:g} by {what}" for what, size in stated.items())
        return told.spacing_mm, [*notes, f"{told.spacing_mm:g} mm a pixel as told by a person{by}"]
    differ = protocol().sizes_differ_percent / 100
    values = list(stated.values())
    if len(values) == 2 and not math.isclose(*values, rel_tol=differ):
        first, second = stated
        raise ImagingError(
            f"it contradicts itself: a pixel has {values[0]:g} mm in {first} and {values[1]:g} mm "
            f"in {second}. Give --spacing",
            path,
        )
    if not values:
        none = "no size of a pixel: nothing can be measured in mm. Give --spacing if you know it"
        return None, [*notes, none]
    plausible = protocol().plausible["spacing_mm"]
    if not plausible.holds(values[0]):
        raise ImagingError(
            f"{values[0]:g} mm a pixel by {next(iter(stated))} is not the scale of intravascular "
            f"ultrasound ({plausible}); correct it with --spacing",
            path,
        )
    return values[0], [*notes, f"{values[0]:g} mm a pixel by {next(iter(stated))}"]


def _of_tissue(item: Elements) -> bool:
    """Whether a region shows tissue in two dimensions; one that does not say may."""
    spatial, data = item.number("RegionSpatialFormat"), item.number("RegionDataType")
    return spatial in (None, 0, TWO_DIMENSIONAL) and data in (None, 0, TISSUE)


def _aspect(header: Elements) -> str:
    """What tells that pixels are not square; empty where nothing does."""
    try:
        found = header.numbers("PixelAspectRatio")
    except MalformedError as fault:
        return str(fault)
    if found and (len(found) != 2 or found[0] <= 0 or not math.isclose(*found, rel_tol=0.01)):
        return f"PixelAspectRatio is {' to '.join(f'{part:g}' for part in found)}"
    return ""


def _box(item: Elements, shape: tuple[int, int], path: Path) -> Box | None:
    """Where a region lies; None where it does not say.

    Raises:
        ImagingError: it lies outside the frame.
    """
    left, top, right, bottom = (
        item.number(name)
        for name in (
            "RegionLocationMinX0",
            "RegionLocationMinY0",
            "RegionLocationMaxX1",
            "RegionLocationMaxY1",
        )
    )
    if left is None or top is None or right is None or bottom is None:
        return None
    if not (0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]):
        raise ImagingError(
            f"an ultrasound region from {left:g}, {top:g} to {right:g}, {bottom:g} does not lie in "
            f"its frames of {shape[1]} by {shape[0]} pixels",
            path,
        )
    return int(top), int(left), min(int(bottom) + 1, shape[0]), min(int(right) + 1, shape[1])


def _square(box: Box) -> bool:
    sides = box[2] - box[0], box[3] - box[1]
    return max(sides) <= OBLONG * min(sides)


def _size(item: Elements, told: Sidecar, path: Path) -> tuple[float | None, str]:
    """What a pixel of a region measures, mm; or None and why."""
    units = [item.number(f"PhysicalUnits{axis}Direction") for axis in "XY"]
    if units != [CENTIMETRES, CENTIMETRES]:
        return None, "its ultrasound region is not in centimetres"
    across, down = (item.number(f"PhysicalDelta{axis}") for axis in "XY")
    if across is None or down is None:
        return None, "its ultrasound region does not tell the size of its pixels"
    across, down = abs(across) * 10, abs(down) * 10
    if not math.isclose(across, down, rel_tol=0.01) and told.spacing_mm is None:
        raise ImagingError(
            f"pixels of {across:g} by {down:g} mm; only square pixels are read. Give --spacing to "
            "overrule",
            path,
        )
    return (across, "") if across > 0 else (None, "its ultrasound region has pixels of no size")


def _spacing(header: Elements) -> tuple[float | None, str]:
    """What a pixel measures by PixelSpacing; or None and why."""
    try:
        found = header.numbers("PixelSpacing")
    except MalformedError as fault:
        return None, str(fault)
    if not found:
        return None, ""
    if len(found) != 2 or min(found) <= 0 or not math.isclose(*found, rel_tol=0.01):
        shown = " by ".join(f"{part:g}" for part in found)
        return None, f"PixelSpacing is {shown}, not two equal lengths; it was not read"
    return found[0], ""
