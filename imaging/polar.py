"""Between an image and lines around a point: resampling
by two interpolations, planned once for a size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Plan:
    """Bilinear interpolation of one image layout into another: four source pixels and their weights
    for each target pixel.
    """

    shape: tuple[int, int]
    corners: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __call__(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """The resampled image, float32; zero outside the source."""
        values = np.take(image.reshape(-1), self.corners).astype(np.float32, copy=False)
        mixed: NDArray[np.float32] = np.einsum("kij,kij->ij", values, self.weights).reshape(
            self.shape
        )
        return mixed


def _plan(
    shape: tuple[int, int],
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    *,
    periodic_rows: bool,
) -> Plan:
    height, width = shape
    i, j = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    u, v = row - i, column - j
    inside = (
        (column >= -0.5)
        & (column <= width - 0.5)
        & (periodic_rows | ((row >= -0.5) & (row <= height - 0.5)))
    )
    columns = np.clip(np.stack([j, j + 1]), 0, width - 1)
    rows = (
        np.stack([i, i + 1]) % height
        if periodic_rows
        else np.clip(np.stack([i, i + 1]), 0, height - 1)
    )
    corners = np.stack([rows[a] * width + columns[b] for a in (0, 1) for b in (0, 1)]).astype(
        np.int32
    )
    weights = (
        np.stack([(u if a else 1 - u) * (v if b else 1 - v) for a in (0, 1) for b in (0, 1)])
        * inside
    )
    return Plan(row.shape, corners, weights.astype(np.float32))


@lru_cache(maxsize=32)
def to_polar(
    shape: tuple[int, int],
    centre: tuple[float, float],
    scale: float,
    lines: int,
    depths: int,
    reach: float,
) -> Plan:
    """Image to lines.

    Args:
        shape: rows and columns of the image.
        centre: the point around which the lines run, as (column, row) in pixels; pixel centres are
            whole numbers.
        scale: length of a pixel, in the unit of ``reach``.
        lines: how many; line 0 points to the right, and they run clockwise as seen (towards growing
            rows).
        depths: samples a line, at the middles of ``depths`` equal steps.
        reach: length of a line.
    """
    angle = np.arange(lines)[:, None] * (2 * np.pi / lines)
    radius = (np.arange(depths)[None, :] + 0.5) * (reach / depths / scale)
    return _plan(
        shape,
        centre[1] + radius * np.sin(angle),
        centre[0] + radius * np.cos(angle),
        periodic_rows=False,
    )


@lru_cache(maxsize=8)
def to_image(
    shape: tuple[int, int],
    centre: tuple[float, float],
    scale: float,
    lines: int,
    depths: int,
    reach: float,
) -> Plan:
    """Lines to an image; the arguments as for :func:`to_polar`."""
    row, column = np.indices(shape)
    x, y = (column - centre[0]) * scale, (row - centre[1]) * scale
    radius = np.hypot(x, y)
    return _plan(
        (lines, depths),
        np.arctan2(y, x) % (2 * np.pi) / (2 * np.pi) * lines,
        radius / reach * depths - 0.5,
        periodic_rows=True,
    )
