"""The round field of view and the catheter's disc in a recording's frames: what must be there, and
lie in the middle, before a frame is read as a cross-section.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from calx.imaging.facts.protocol import protocol
from calx.imaging.polar import Grey, to_polar

Array = NDArray[np.float64]

SIDE = 256
"""Pixels across the small picture in which the field is sought."""
DIFFERENT = 6
"""Grey levels by which the field's mean differs from what lies around it."""
TEXT = 13
"""Pixels, in the small picture, up to which a thing is a mark or text and no field."""
DIRECTIONS = 180
LARGE = 0.85
"""Share of half the picture from which a circle is the field; within it, echoes just fade."""
TRIMMED = 0.012
"""Share of the radius by which a point may lie off a circle and belong to it."""
ENOUGH = 0.5
"""Share of all directions in which the border of a field must be seen to say where it lies."""
FULL = 0.04
"""Share of a round field's area that marks beside it may fill."""
EMPTY = 0.03
"""Share of half the field below which there is nothing in it; of a shadow its edge is seen."""
HALF = "a half or a quarter of its round field is empty"
WHOLE = 0.9
"""Share of a picture that a part of a field fills."""
TEXTURED = 0.3
"""Share of pixels with the grain of ultrasound, in the corners of a part of a field."""
GRAIN = 4.0
"""Grey levels by which ultrasound varies between neighbouring pixels."""
STEP = 14
"""Grey levels by which the border of the catheter's disc stands out from it."""
STEADY = 0.04
"""Share by which the size of the catheter's disc may vary between frames; a lumen varies more."""
ROUND = 0.03
"""Share of its radius by which the disc's border may deviate from a circle."""
SMALLEST_DISC = 0.04
"""Share of half the picture below which a round thing is a mark at the centre, not the catheter."""
FEWEST = 3
"""Frames from which a disc that lies aside is told from a lumen."""
OBLONG = 1.2
"""Sides of a picture that differ by more need a border to tell where its middle is."""
MOST_ASIDE = 0.25
"""Share of its radius by which a round field may lie off the picture's middle and be cut out."""
ASIDE = (8, 16, 24)
"""Pixels from the picture's centre at which the catheter's disc is sought where it is not there."""
BRIGHT = 64
"""Grey level from which what surrounds a picture is a window, not a machine's screen."""


@dataclass(frozen=True)
class Circle:
    """A circle in a picture, pixels; the centre from the picture's own."""

    right: float
    down: float
    radius: float

    @property
    def off(self) -> float:
        """How far its centre lies from the picture's."""
        return float(np.hypot(self.right, self.down))


@dataclass(frozen=True)
class FieldOfView:
    """What was seen.

    Attributes:
        border: of the round field; None where too little of it is in the picture.
        disc: of the catheter; None where none stands out, as in black blood.
        wrong: why the picture is not one round field; empty where it may be.
    """

    border: Circle | None
    disc: Circle | None
    wrong: str


def examine(frames: list[Grey]) -> FieldOfView:
    """Look for field and disc.

    Args:
        frames: some of a recording, of one size.
    """
    mean = np.mean([np.asarray(frame, np.float32) for frame in frames], axis=0)
    inside, level, active = _inside(mean)
    border = _border(inside)
    disc = _disc(frames, border, mean.shape[0] / inside.shape[0])
    scale = mean.shape[0] / inside.shape[0]
    y, x = np.indices(inside.shape)
    rows, columns = inside.shape
    sought = border or Circle(0.0, 0.0, min(inside.shape) / 2)
    right, down = sought.right + (columns - 1) / 2, sought.down + (rows - 1) / 2
    away = np.hypot(x - right, y - down) / sought.radius
    sides = (x < right, x > right, y < down, y > down)
    half = min(float(active[(away < 1) & side].mean()) for side in sides) < EMPTY < active.mean()
    quarters = [one & other for one in sides[:2] for other in sides[2:]]
    half |= active.mean() > EMPTY and any(not active[(away < 1) & part].any() for part in quarters)
    if border is None:
        shaped = _rectangular(inside)
        part = shaped and inside.mean() > WHOLE and _grained(frames[len(frames) // 2])
        oblong = max(inside.shape) > OBLONG * min(inside.shape)
        wrong = (shaped and not part) or level > BRIGHT or oblong
        told = "its picture is not one round field" if wrong else HALF if half else ""
        return FieldOfView(None, disc, told)
    beside = float((inside & (away > 1.06)).sum() / (away <= 1.06).sum())
    found = Circle(border.right * scale, border.down * scale, border.radius * scale)
    if half:
        return FieldOfView(found, disc, HALF)
    wrong = "something lies beside its round field" if beside > FULL or level > BRIGHT else ""
    return FieldOfView(found, disc, wrong)


def _inside(mean: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float, NDArray[np.bool_]]:
    """What differs from the surroundings, holes filled and marks removed, in a small picture; the
    grey level of the surroundings; and what differs from it as it is.
    """
    factor = SIDE / min(mean.shape)
    size = round(mean.shape[1] * factor), round(mean.shape[0] * factor)
    small = np.asarray(
        Image.fromarray(mean.astype(np.float32)).resize(size, Image.Resampling.BOX), float
    )
    edge = max(4, SIDE // 16)
    corners = np.stack(
        [small[:edge, :edge], small[:edge, -edge:], small[-edge:, :edge], small[-edge:, -edge:]]
    )
    level = float(np.median(corners))
    active = np.abs(small - level) > DIFFERENT
    outside = np.zeros(np.add(active.shape, 2), bool)
    outside[[0, -1]], outside[:, [0, -1]] = True, True
    free = np.pad(~active, 1, constant_values=True)
    while True:
        grown = outside.copy()
        grown[1:] |= outside[:-1]
        grown[:-1] |= outside[1:]
        grown[:, 1:] |= outside[:, :-1]
        grown[:, :-1] |= outside[:, 1:]
        grown &= free
        if (grown == outside).all():
            break
        outside = grown
    held = Image.fromarray((~outside[1:-1, 1:-1]).astype(np.uint8) * 255)
    opened = held.filter(ImageFilter.MinFilter(TEXT)).filter(ImageFilter.MaxFilter(TEXT))
    return np.asarray(opened) > 0, level, active


def _rectangular(inside: NDArray[np.bool_]) -> bool:
    """Whether what is inside fills the corners of the box around it, as no circle does."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return False
    box = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    high, wide = (max(2, side // 12) for side in box.shape)
    corners = (
        box[:high, :wide],
        box[:high, -wide:],
        box[-high:, :wide],
        box[-high:, -wide:],
    )
    return sum(bool(corner.mean() > 0.5) for corner in corners) >= 3


def _grained(frame: Grey) -> bool:
    """Whether all corners of a frame have the grain of ultrasound, as a part of a field has."""
    high, wide = (side // 12 for side in frame.shape)
    blocks = (
        frame[:high, :wide],
        frame[:high, -wide:],
        frame[-high:, :wide],
        frame[-high:, -wide:],
    )
    return all(
        (np.abs(np.diff(np.asarray(block, float), axis=1)) > GRAIN).mean() > TEXTURED
        for block in blocks
    )


def _border(inside: NDArray[np.bool_]) -> Circle | None:
    """The circle around what is inside, by its outermost points; None where too few of them lie
    within the picture and on one circle.
    """
    if inside.mean() < 0.1:
        return None
    rows, columns = inside.shape
    y, x = np.nonzero(inside)
    middle = (columns - 1) / 2, (rows - 1) / 2
    start = float(np.median(x)), float(np.median(y))
    angle = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    reach = np.arange(0, np.hypot(rows, columns), 0.5)
    at_x = start[0] + reach[None] * np.cos(angle)[:, None]
    at_y = start[1] + reach[None] * np.sin(angle)[:, None]
    valid = (at_x > -0.5) & (at_x < columns - 0.5) & (at_y > -0.5) & (at_y < rows - 0.5)
    i, j = (
        np.clip(np.round(at_y), 0, rows - 1).astype(int),
        np.clip(np.round(at_x), 0, columns - 1).astype(int),
    )
    seen = inside[i, j] & valid
    last = np.where(seen.any(axis=1), reach.size - 1 - seen[:, ::-1].argmax(axis=1), 0)
    place = np.arange(DIRECTIONS), last
    points = np.stack([at_x[place], at_y[place]], axis=1)
    cut = (
        (points[:, 0] < 1)
        | (points[:, 0] > columns - 2)
        | (points[:, 1] < 1)
        | (points[:, 1] > rows - 2)
    )
    free = points[~cut & seen.any(axis=1)]
    for _ in range(30):
        if len(free) < ENOUGH * DIRECTIONS:
            return None
        centre, radius = _circle(free)
        off = np.hypot(*(free - centre).T) - radius
        keep = np.abs(off) < max(TRIMMED * radius, 1.0)
        if keep.all():
            large = radius > LARGE * min(rows, columns) / 2
            return Circle(centre[0] - middle[0], centre[1] - middle[1], radius) if large else None
        # shadows end within the field: what lies furthest inside goes first
        worst = np.quantile(np.abs(off), 0.9)
        free = free[np.abs(off) < max(worst, TRIMMED * radius)]
    return None


def _circle(points: Array) -> tuple[Array, float]:
    """The circle through points, by least squares."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    found = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    centre = found[:2]
    return centre, float(np.sqrt(max(found[2] + (centre**2).sum(), 0.0)))


def _disc(frames: list[Grey], border: Circle | None, scale: float) -> Circle | None:
    """The catheter's disc: of one size in all frames, its border crisp and round."""
    found = _steady(frames, (0.0, 0.0))
    if found is None and border is not None and border.off:
        found = _steady(frames, (border.right * scale, border.down * scale))
    if found is not None or len(frames) < FEWEST:
        return found
    for away in ASIDE:
        for angle in np.arange(0, 2 * np.pi, 6 / away):
            aside = float(away * np.cos(angle)), float(away * np.sin(angle))
            if _disc_of(frames[0], aside) and (found := _steady(frames, aside)):
                return found
    return None


def _steady(frames: list[Grey], aside: tuple[float, float]) -> Circle | None:
    """A disc near a point that has one size in all frames."""
    found = [circle for frame in frames if (circle := _disc_of(frame, aside)) is not None]
    if len(found) < max(1, 0.6 * len(frames)):
        return None
    radii = np.array([circle.radius for circle in found])
    radius = float(np.median(radii))
    near = np.abs(radii - radius) <= max(STEADY * radius, 1.0)
    if near.mean() < 0.8:
        return None
    right, down = (
        float(np.median([getattr(circle, axis) for circle in found])) for axis in ("right", "down")
    )
    return Circle(right, down, radius)


def _disc_of(frame: Grey, aside: tuple[float, float]) -> Circle | None:
    """The disc in one frame, near a point so far from the picture's centre."""
    rows, columns = frame.shape
    centre = ((columns - 1) / 2 + aside[0], (rows - 1) / 2 + aside[1])
    reach = round(0.2 * min(rows, columns))
    lines = to_polar(frame.shape, centre, 1.0, 120, reach, float(reach))(frame)
    first = max(4, round(SMALLEST_DISC * min(rows, columns) / 2))
    level = float(np.median(lines[:, first // 2 : first]))
    differs = np.abs(lines - level) > STEP
    differs[:, :first] = False
    both = differs[:, :-1] & differs[:, 1:]
    met = both.any(axis=1)
    if met.mean() < 0.85:
        return None
    radius = both.argmax(axis=1)[met].astype(float)
    if (radius <= first).mean() > 0.2:
        return None
    angle = (np.arange(120) * 2 * np.pi / 120)[met]
    basis = np.column_stack([np.ones_like(angle), np.cos(angle), np.sin(angle)])
    keep = np.ones(len(radius), bool)
    for _ in range(4):
        weights = np.linalg.lstsq(basis[keep], radius[keep], rcond=None)[0]
        off = np.abs(radius - basis @ weights)
        keep = off <= max(1.5, 2 * ROUND * weights[0])
        if keep.mean() < 0.7:
            return None
    spread = float(np.sqrt(np.mean((radius - basis @ weights)[keep] ** 2)))
    if spread > max(1.0, ROUND * weights[0]):
        return None
    right, down = aside[0] + float(weights[1]), aside[1] + float(weights[2])
    return Circle(right, down, float(weights[0]) + 0.5)


def standing(
    field: FieldOfView,
    shape: tuple[int, int],
    pixel_mm: float | None,
    vessel_mm: float | None = None,
) -> str:
    """Why frames cannot be read about the picture's centre at this scale; empty where they can.

    Args:
        field: what was seen.
        shape: rows and columns of a frame.
        pixel_mm: mm a pixel; None where it is not known.
        vessel_mm: median diameter of the membrane, once it was drawn.
    """
    if field.wrong:
        return f"{field.wrong}; give the cross-section alone, as the machine shows it"
    rules = protocol()
    off = rules.centre_off_percent / 100 * min(shape) / 2
    border, disc = field.border, field.disc
    if border is None and disc is None:
        return (
            "neither the border of its round field nor the catheter's disc can be seen, so its "
            "centre is not known; give the whole round field, as the machine shows it"
        )
    if border is not None and border.off > MOST_ASIDE * border.radius:
        return (
            f"the centre of the field's border lies {border.off:.0f} pixels off the picture's; "
            "give the whole round field"
        )
    moved = border is not None and border.off > off
    right, down = (border.right, border.down) if border is not None and moved else (0.0, 0.0)
    if disc is not None and np.hypot(disc.right - right, disc.down - down) > off:
        return (
            f"the centre of the catheter lies {np.hypot(disc.right - right, disc.down - down):.0f} "
            f"pixels off the {'round field' if moved else 'picture'}'s; give the whole round field"
        )
    if not pixel_mm:
        return ""
    wide, narrow = (
        None if circle is None else circle.radius * pixel_mm for circle in (border, disc)
    )
    sizes = (
        ("field of view", "radius", wide, "field_radius_mm", rules.usual_field_mm),
        ("catheter's disc", "radius", narrow, "catheter_radius_mm", rules.usual_catheter_mm),
        ("vessel", "median diameter", vessel_mm, "recording_eem_mm", rules.usual_eem_mm),
    )
    unusual = []
    for what, side, size, name, usual in sizes:
        if size is None:
            continue
        plausible = rules.plausible[name]
        told = f"the {what} has a {side} of {size:.2f} mm"
        if not plausible.holds(size):
            return f"at this scale {told}; {plausible} are plausible: is the scale right?"
        unusual += [told] if size > usual else []
    if len(unusual) > 1:
        return f"at this scale {' and '.join(unusual)}, which is unusual: is the scale right?"
    return ""
