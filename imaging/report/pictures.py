"""Pictures to look at: frames with what was drawn on them, the longitudinal view, and the arc and
areas along the vessel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import Findings
from calx.imaging.polar import Grey

LUMEN, EEM, CALCIUM, DEEP, WIRE, UNSEEN = (
    (230, 120, 20),
    (70, 170, 255),
    (255, 225, 40),
    (190, 150, 255),
    (255, 60, 200),
    (120, 120, 120),
)
"""Colours that people who confuse red and green can tell apart."""
INK, PAPER, GRID = (30, 34, 42), (255, 255, 255), (214, 218, 224)
SIDE = 512

Position = Callable[[float], float]
"""From a place along the vessel to one across the page."""


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _points(
    radius: NDArray[np.floating], centre: NDArray[np.float64], factor: float
) -> list[tuple[float, float]]:
    angle = np.arange(len(radius)) * (2 * np.pi / len(radius))
    x, y = centre[0] + radius * factor * np.cos(angle), centre[1] + radius * factor * np.sin(angle)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def overlay(grey: Grey, findings: Findings, at: int) -> Image.Image:
    """A frame with lumen, membrane (dashed where hidden),
    calcium and guide wire drawn on it, its numbers below.

    Args:
        grey: the frame's image.
        findings: of the recording.
        at: the frame's position among the curves.
    """
    curves, readings = findings.curves, findings.readings
    zoom = SIDE / max(grey.shape)
    picture = (
        Image.fromarray(round_of(grey))
        .convert("RGB")
        .resize(
            (round(grey.shape[1] * zoom), round(grey.shape[0] * zoom)), Image.Resampling.BICUBIC
        )
    )
    pen = ImageDraw.Draw(picture)
    units = 1.0 if curves.scale_mm is None else curves.scale_mm / curves.pixel_mm
    centre, factor = (curves.centre[at] + 0.5) * zoom, units * zoom
    if not curves.refused[at]:
        calcified, near = readings.calcified[at], readings.superficial_lines[at]
        outer = (
            np.nanmax(np.where(np.isfinite(curves.eem[at]), curves.eem[at], curves.lumen[at]))
            * 1.08
        )
        for start, stop, colour in _stretches(calcified, near):
            degrees = 360 / curves.lines
            box = [
                centre[0] - outer * factor,
                centre[1] - outer * factor,
                centre[0] + outer * factor,
                centre[1] + outer * factor,
            ]
            pen.arc(box, start * degrees, stop * degrees, fill=colour, width=7)
        _dashed(pen, _points(curves.eem[at], centre, factor), curves.visible[at] >= 0.5, EEM)
        pen.line(
            [
                *_points(curves.lumen[at], centre, factor),
                _points(curves.lumen[at], centre, factor)[0],
            ],
            fill=LUMEN,
            width=2,
        )
        edge = _points(curves.calcium_edge[at], centre, factor)
        for n in np.flatnonzero(calcified & np.isfinite(curves.calcium_edge[at])):
            x, y = edge[int(n)]
            pen.ellipse([x - 1.5, y - 1.5, x + 1.5, y + 1.5], fill=CALCIUM if near[n] else DEEP)
        for n in np.flatnonzero(curves.wire[at] >= 0.5):
            angle = n * 2 * np.pi / curves.lines
            pen.line(
                [
                    tuple(centre),
                    (
                        centre[0] + outer * factor * np.cos(angle),
                        centre[1] + outer * factor * np.sin(angle),
                    ),
                ],
                fill=WIRE,
                width=1,
            )
    page = Image.new("RGB", (picture.width, picture.height + 44), PAPER)
    page.paste(picture, (0, 0))
    pen = ImageDraw.Draw(page)
    pen.text((8, picture.height + 3), _caption(findings, at), fill=INK, font=_font(15))
    pen.text((8, picture.height + 24), "not for clinical use", fill=(120, 40, 40), font=_font(13))
    return page


def round_of(grey: Grey) -> Grey:
    """The frame's inscribed circle alone: what stands
    in the corners may be text, and text may be a name.
    """
    rows, columns = grey.shape
    y, x = np.ogrid[:rows, :columns]
    outside = np.hypot(y - (rows - 1) / 2, x - (columns - 1) / 2) > min(rows, columns) / 2
    return np.where(outside, np.uint8(0), grey)


def _caption(findings: Findings, at: int) -> str:
    curves, readings = findings.curves, findings.readings
    told = [f"frame {curves.frame[at]}"]
    if np.isfinite(curves.z_mm[at]):
        told.append(f"{curves.z_mm[at]:.1f} mm")
    if curves.refused[at]:
        return "  ".join([*told, f"refused: {curves.refused[at]}"])[:70]
    told.append(
        f"arc {readings.arc.value[at]:.0f}° "
        f"({readings.arc.low[at]:.0f}-{readings.arc.high[at]:.0f})"
    )
    for name, values in (("lumen", readings.lumen_area.value), ("EEM", readings.eem_area.value)):
        if np.isfinite(values[at]):
            told.append(f"{name} {values[at]:.1f} sq mm")
    return "  ".join(told)


def _stretches(
    calcified: NDArray[np.bool_], near: NDArray[np.bool_]
) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Runs of calcified lines of one depth, as (from, to, colour)."""
    from calx.imaging.facts.geometry import circular_runs

    found = [(run.start, run.stop, CALCIUM) for run in circular_runs(calcified & near)]
    return found + [(run.start, run.stop, DEEP) for run in circular_runs(calcified & ~near)]


def _dashed(
    pen: ImageDraw.ImageDraw,
    points: Sequence[tuple[float, float]],
    solid: NDArray[np.bool_],
    colour: tuple[int, int, int],
) -> None:
    """A closed line, dashed where it is not seen."""
    for n, start in enumerate(points):
        stop = points[(n + 1) % len(points)]
        if np.isfinite([*start, *stop]).all() and (solid[n] or n // 4 % 2 == 0):
            pen.line([start, stop], fill=colour, width=2)


@dataclass(frozen=True)
class Panel:
    """Where a graph stands on the page, and the range that it shows."""

    top: int
    height: int
    low: float
    high: float

    def y(self, value: float) -> float:
        return self.top + self.height - (value - self.low) / (self.high - self.low) * self.height


def longitudinal(columns: NDArray[np.uint8] | None, findings: Findings) -> Image.Image:
    """The longitudinal view with its contours, and below it the superficial arc with its interval,
    and the areas, along the vessel.

    Args:
        columns: ``(height, frames)`` grey levels along one diameter, a column a frame; None for
            contours without images.
        findings: of the recording.
    """
    curves, readings = findings.curves, findings.readings
    width, left, right = 1100, 64, 20
    placed = bool(np.isfinite(curves.z_mm).all()) and len(curves) > 1
    along = curves.z_mm if placed else curves.frame.astype(float)
    first, last = (
        float(along[0]),
        float(along[-1]) if len(along) > 1 and along[-1] > along[0] else float(along[0]) + 1,
    )
    view = 220 if columns is not None else 0
    page = Image.new("RGB", (width, view + 480), PAPER)
    pen = ImageDraw.Draw(page)

    def x(value: float) -> float:
        return left + (value - first) / (last - first) * (width - left - right)

    if columns is not None:
        strip = Image.fromarray(columns).resize(
            (width - left - right, view - 20), Image.Resampling.BILINEAR
        )
        page.paste(strip.convert("RGB"), (left, 10))
        _cut(pen, curves, along, x, view)
    arc = Panel(view + 24, 180, 0, 360)
    for level in (0, 90, 180, 270, 360):
        pen.line([left, arc.y(level), width - right, arc.y(level)], fill=GRID)
        pen.text((left - 34, arc.y(level) - 8), f"{level}°", fill=INK, font=_font(13))
    pen.text(
        (left, arc.top - 20), "superficial calcium arc, with its interval", fill=INK, font=_font(14)
    )
    _band(pen, along, readings.arc.low, readings.arc.high, x, arc, (255, 240, 170))
    _line(pen, along, readings.arc.value, x, arc, (170, 120, 0))
    for f in np.flatnonzero(curves.refused != ""):
        pen.line([x(along[f]), arc.y(0) - 4, x(along[f]), arc.y(0)], fill=UNSEEN, width=3)
    largest = np.nanmax(
        np.where(np.isfinite(readings.eem_area.value), readings.eem_area.value, 0), initial=0.0
    )
    largest = (
        max(
            largest,
            np.nanmax(
                np.where(np.isfinite(readings.lumen_area.value), readings.lumen_area.value, 0),
                initial=0.0,
            ),
            1.0,
        )
        * 1.1
    )
    areas = Panel(arc.top + arc.height + 40, 180, 0, float(largest))
    for area in _ticks(float(largest)):
        pen.line([left, areas.y(area), width - right, areas.y(area)], fill=GRID)
        pen.text((left - 40, areas.y(area) - 8), f"{area:.0f}", fill=INK, font=_font(13))
    pen.text(
        (left, areas.top - 20),
        "areas, square mm: lumen (orange), external elastic membrane (blue)",
        fill=INK,
        font=_font(14),
    )
    for values, colour, pale in (
        (readings.eem_area, (20, 110, 200), (205, 228, 250)),
        (readings.lumen_area, (190, 85, 0), (252, 222, 196)),
    ):
        _band(pen, along, values.low, values.high, x, areas, pale)
        _line(pen, along, values.value, x, areas, colour)
    for value in _ticks(last - first):
        pen.text(
            (x(first + value) - 8, areas.top + areas.height + 4),
            f"{first + value:g}",
            fill=INK,
            font=_font(13),
        )
    pen.text(
        (left, areas.top + areas.height + 22),
        ("mm along the vessel" if placed else "frame") + "        not for clinical use",
        fill=INK,
        font=_font(13),
    )
    return page


def _ticks(extent: float) -> list[float]:
    """Round values from 0 to an extent, about six."""
    step = next(
        size for size in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if extent / size <= 8
    )
    return [step * k for k in range(int(extent / step) + 1)]


def _cut(
    pen: ImageDraw.ImageDraw, curves: Curves, along: NDArray[np.float64], x: Position, view: int
) -> None:
    """Lumen and membrane where the longitudinal view cuts them."""
    half = curves.lines // 2
    reach = float(curves.provenance.get("reach", np.nan))
    if not np.isfinite(reach):
        return
    for values, colour in ((curves.eem, EEM), (curves.lumen, LUMEN)):
        for line, sign in ((0, 1), (half, -1)):
            points = [
                (x(a), 10 + (view - 20) * (0.5 + sign * value / reach / 2))
                for a, value in zip(along, values[:, line], strict=True)
                if np.isfinite(value)
            ]
            if len(points) > 1:
                pen.line(points, fill=colour, width=1)


def _line(
    pen: ImageDraw.ImageDraw,
    along: NDArray[np.float64],
    values: NDArray[np.float64],
    x: Position,
    panel: Panel,
    colour: tuple[int, int, int],
) -> None:
    """A line that breaks where nothing is known; a lone value is a dot."""
    from calx.imaging.facts.geometry import runs

    for run in runs(np.isfinite(values)):
        points = [(x(along[f]), panel.y(values[f])) for f in range(run.start, run.stop)]
        if len(points) > 1:
            pen.line(points, fill=colour, width=2)
        else:
            pen.ellipse(
                [points[0][0] - 2, points[0][1] - 2, points[0][0] + 2, points[0][1] + 2],
                fill=colour,
            )


def _band(
    pen: ImageDraw.ImageDraw,
    along: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    x: Position,
    panel: Panel,
    colour: tuple[int, int, int],
) -> None:
    """The interval around a line."""
    from calx.imaging.facts.geometry import runs

    for run in runs(np.isfinite(low) & np.isfinite(high)):
        members = range(run.start, run.stop)
        upper = [(x(along[f]), panel.y(min(high[f], panel.high))) for f in members]
        lower = [(x(along[f]), panel.y(max(low[f], panel.low))) for f in reversed(members)]
        if len(upper) > 1:
            pen.polygon([*upper, *lower], fill=colour)


def interesting(findings: Findings, most: int = 12) -> list[int]:
    """Positions of the frames that stand behind the facts,
    and some evenly between: what a person should look at.
    """
    places = {int(number): k for k, number in enumerate(findings.curves.frame)}
    chosen: dict[int, None] = {}
    for item in [*findings.facts.values(), *findings.measures.values()]:
        if 0 < len(item.frames) <= 4:
            chosen |= dict.fromkeys(places[number] for number in item.frames if number in places)
        elif item.frames:
            chosen[places[item.frames[len(item.frames) // 2]]] = None
    for k in np.linspace(0, len(findings.curves) - 1, 5).astype(int):
        chosen[int(k)] = None
    return sorted(list(chosen)[:most])
