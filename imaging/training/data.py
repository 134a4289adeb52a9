"""Training frames: simulated, seen as the adapter sees them, with the truth on the same lines."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray

from calx.imaging.model.grid import DEPTHS, LINES, REACH_MM
from calx.imaging.model.levels import Levels
from calx.imaging.polar import to_polar
from calx.imaging.simulator.echo import EchoLines
from calx.imaging.simulator.recording import Display, simulate
from calx.imaging.training import families

PER_VESSEL = 5
"""Frames taken from each simulated vessel."""


@dataclass(frozen=True)
class Frames:
    """Frames with their truth; ``n`` frames, ``LINES`` lines, radii as fractions of ``REACH_MM``.

    Attributes:
        grey: ``(n, LINES, DEPTHS)`` grey levels, between black and white of their recording.
        curves: ``(n, 4, LINES)`` radii of lumen, EEM, calcium edge and stent; NaN where there is
            none or it lies beyond the line.
        flags: ``(n, 6, LINES)`` what holds on a line.
        family: ``(n, families)`` to which families of machines a frame belongs.
    """

    grey: NDArray[np.uint8]
    curves: NDArray[np.float32]
    flags: NDArray[np.bool_]
    family: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.grey)

    def part(self, chosen: NDArray[np.bool_]) -> Frames:
        """Some of the frames."""
        return Frames(*(getattr(self, item.name)[chosen] for item in fields(self)))


def target(truth: EchoLines, display: Display) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The truth of a frame about the image's centre, as :class:`Frames` has it."""
    angle = np.arange(LINES) * (2 * np.pi / LINES)
    middle = (display.size - 1) / 2
    shift = (display.centre[0] - middle) * np.cos(angle) + (display.centre[1] - middle) * np.sin(
        angle
    )
    curves = (
        np.stack([truth.lumen, truth.eem, truth.edge, truth.stent]) + shift * display.scale
    ) / REACH_MM
    return np.where(curves < 1, curves, np.nan).astype(np.float32), np.stack(
        [
            truth.calcium,
            truth.visible,
            truth.wire,
            truth.branch,
            truth.strut & np.isfinite(truth.stent),
            truth.nodule,
        ]
    )


def of_vessel(seed: int, count: int = PER_VESSEL) -> Frames:
    """``count`` frames of the vessel of a seed."""
    recording = simulate(seed, length_mm=12.0, frames_per_mm=5.0, gated=False)
    chosen = np.sort(np.random.default_rng((seed, 2)).choice(len(recording), count, replace=False))
    seen, curves, flags = [], [], []
    for number in chosen:
        image, truth = recording.frame(int(number))
        middle = (recording.display.size - 1) / 2
        polar = to_polar(
            image.shape, (middle, middle), recording.display.scale, LINES, DEPTHS, REACH_MM
        )(image)
        seen.append(polar)
        radii, holds = target(truth, recording.display)
        curves.append(radii)
        flags.append(holds)
    to_polar.cache_clear()
    within = min(DEPTHS, int(recording.display.reach / REACH_MM * DEPTHS))
    levels = Levels.of(seen, within)
    grey = np.stack([levels(polar) for polar in seen])
    grey[:, :, within:] = 0
    return Frames(
        np.asarray(grey * 255 + 0.5, np.uint8),
        np.stack(curves),
        np.stack(flags),
        np.tile(families.of(recording), (count, 1)),
    )


def together(parts: list[Frames]) -> Frames:
    """The frames of all parts."""
    return Frames(
        *(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Frames))
    )


def frames(seeds: range, workers: int = 2) -> Iterator[Frames]:
    """The frames of many vessels, in the order of their seeds."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(of_vessel), seeds, chunksize=8)
