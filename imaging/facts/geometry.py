"""Areas, diameters and angles of closed curves given by their radii on evenly spaced lines. Arrays
are ``(frames, lines)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def directions(lines: int) -> Array:
    """The angle of each line, radians."""
    return np.asarray(np.arange(lines) * (2 * np.pi / lines))


def area(radius: Array) -> Array:
    """Enclosed area; spectrally exact for smooth curves. NaN where any radius is."""
    return np.asarray(np.pi * (radius.astype(float) ** 2).mean(axis=-1))


def centroid(radius: Array) -> Array:
    """Centre of mass about the lines' centre, ``(…, 2)``."""
    angle, cubed = directions(radius.shape[-1]), radius.astype(float) ** 3
    moment = np.stack(
        [(cubed * np.cos(angle)).mean(axis=-1), (cubed * np.sin(angle)).mean(axis=-1)], axis=-1
    )
    return np.asarray(2 / 3 * moment / (radius.astype(float) ** 2).mean(axis=-1)[..., None])


def diameters(radius: Array) -> tuple[Array, Array]:
    """Shortest and longest diameter through the centre of mass."""
    centred = about(radius, centroid(radius))
    half = radius.shape[-1] // 2
    through = centred[..., :half] + centred[..., half : 2 * half]
    return through.min(axis=-1), through.max(axis=-1)


def about(radius: Array, centre: Array) -> Array:
    """The curves as seen from other centres (``(frames, 2)``): their radii on the same lines. NaN
    where any radius is.
    """
    angle = directions(radius.shape[-1])
    x = radius * np.cos(angle) - centre[..., :1]
    y = radius * np.sin(angle) - centre[..., 1:]
    seen, distance = np.arctan2(y, x), np.hypot(x, y)
    turned = np.full(radius.shape, np.nan)
    for frame in range(len(radius)):
        if np.isfinite(distance[frame]).all():
            turned[frame] = np.interp(angle, seen[frame], distance[frame], period=2 * np.pi)
    return turned


def widths(radius: Array, centre: Array) -> Array:
    """How many degrees of the circle around ``centre`` each line's stretch of curve covers; they
    add up to 360 for a curve around it.

    A line is the stretch between the middles to its neighbours. Seen from the lines' own centre all
    are equal; from another, they are not, and an arc counted in lines would be wrong.
    """
    angle = directions(radius.shape[-1])
    x = radius * np.cos(angle) - centre[..., :1]
    y = radius * np.sin(angle) - centre[..., 1:]
    seen = np.arctan2(y, x)
    step = (np.roll(seen, -1, axis=-1) - seen + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(np.rad2deg((step + np.roll(step, 1, axis=-1)) / 2))


@dataclass(frozen=True)
class Run:
    """A stretch of lines (or frames), ``start`` to ``stop``
    exclusive; on a circle ``stop`` may pass the end.
    """

    start: int
    stop: int

    def indices(self, count: int) -> NDArray[np.int64]:
        """The members, on a circle of ``count``."""
        return np.arange(self.start, self.stop) % count


def circular_runs(mask: NDArray[np.bool_]) -> list[Run]:
    """The unbroken stretches of True on a circle."""
    count = len(mask)
    if mask.all():
        return [Run(0, count)]
    starts = np.flatnonzero(mask & ~np.roll(mask, 1))
    stops = np.flatnonzero(mask & ~np.roll(mask, -1)) + 1
    if len(starts) and stops[0] <= starts[0]:
        stops = np.append(stops[1:], stops[0] + count)
    return [Run(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def runs(mask: NDArray[np.bool_]) -> list[Run]:
    """The unbroken stretches of True on a line."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return [
        Run(int(a), int(b))
        for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    ]


def closed(
    mask: NDArray[np.bool_], width: Array, gap: float, bridges: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """A circular mask with its gaps closed that are at most ``gap`` degrees wide, or that only
    ``bridges`` (a wire's lines) keep open.
    """
    if not mask.any():
        return mask
    shut = mask.copy()
    for run in circular_runs(~mask):
        members = run.indices(len(mask))
        open_width = (
            width[members] if bridges is None else np.where(bridges[members], 0.0, width[members])
        )
        if open_width.sum() <= gap:
            shut[members] = True
    return shut


def harmonics(radius: Array, weight: Array, order: int, stiffness: float) -> Array:
    """Closed curves of ``order`` harmonics through weighted radii: the smooth shape that a reader
    draws, also where lines say nothing.

    Args:
        radius: NaN where nothing is known.
        weight: inverse variance of each radius; 0 is as good as unknown.
        order: highest harmonic.
        stiffness: prior inverse variance of a harmonic, growing with its order to the fourth.
    """
    angle = directions(radius.shape[-1])
    basis = np.concatenate(
        [
            [np.ones_like(angle)],
            *([np.cos(k * angle), np.sin(k * angle)] for k in range(1, order + 1)),
        ]
    )
    prior = stiffness * np.concatenate(
        [[0.0], *([float(max(k - 1, 0.3)) ** 4] * 2 for k in range(1, order + 1))]
    )
    weight = np.where(np.isfinite(radius), weight, 0.0)
    drawn = np.full(radius.shape, np.nan)
    for frame in range(len(radius)):
        total = weight[frame].sum()
        if total > 0:
            matrix = (basis * weight[frame]) @ basis.T + np.diag(prior)
            drawn[frame] = (
                np.linalg.solve(
                    matrix + 1e-9 * np.eye(len(basis)),
                    basis @ (weight[frame] * np.nan_to_num(radius[frame])),
                )
                @ basis
            )
    return drawn
