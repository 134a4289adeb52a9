"""The heartbeat, from the pictures alone.

In a recording that is not gated the heart moves the catheter to and fro: frames a beat apart are
more alike than frames half a beat apart. Where that shows clearly, the beat is followed from frame
to frame, and the frames of its stillest phase are told from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BLOCK = 8
"""Lines and samples of a frame that are averaged into one number of its likeness."""
SLOWEST, FASTEST = 40.0, 180.0
"""Beats a minute within which a heart is sought."""
FEWEST_FRAMES, MOST_FRAMES = 5, 60
"""Frames a beat within which it is sought; with fewer a beat cannot be seen."""
FEWEST_BEATS = 6
CLEAR = 0.04
"""By how much (of a correlation) frames a beat apart are more alike than those between."""
SURE = 5.0
"""By how many standard errors of the mean likeness that must be more than chance."""
SHORTER = 0.7
"""Share of the clearest beat's clearness with which a shorter one is taken."""
STRETCH = 0.3
"""Share by which a beat may be longer or shorter than the usual one."""
PHASES = 20
"""Phases of a beat that are compared for how still they are."""


@dataclass(frozen=True)
class Beat:
    """A beat that was found.

    Attributes:
        frames: that a beat takes, in the median.
        clear: by how much frames a beat apart are more alike than those between.
        read: one frame a beat, all of one phase: positions among the frames.
        phase: of every frame, the share of its beat since the frame that is read, 0 to 1.
    """

    frames: float
    clear: float
    read: NDArray[np.int64]
    phase: NDArray[np.float64]


def likeness(image: Array) -> Array:
    """What frames are compared by: ``(lines, depths)`` in 0..1 to one row of numbers, without their
    mean and of length one.
    """
    lines, depths = (size // BLOCK * BLOCK for size in image.shape)
    blocks = image[:lines, :depths].reshape(lines // BLOCK, BLOCK, depths // BLOCK, BLOCK)
    row = blocks.mean(axis=(1, 3)).reshape(-1)
    row = row - row.mean()
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-6), np.float32)


def beat(rows: Array, frames_per_second: float | None) -> Beat | None:
    """Look for the beat.

    Args:
        rows: of each frame, as :func:`likeness` has it.
        frames_per_second: of them; None where it is not known.
    """
    low, high = float(FEWEST_FRAMES), float(MOST_FRAMES)
    if frames_per_second is not None:
        low = max(low, frames_per_second * 60 / FASTEST)
        high = frames_per_second * 60 / SLOWEST
    first, last = int(np.ceil(low)), int(min(high, len(rows) / FEWEST_BEATS))
    if last < first:
        return None
    longest = int(np.ceil(last * (1 + STRETCH))) + 1
    alike = np.full((len(rows), longest + 1), np.nan, np.float32)  # of a frame and one so far on
    for lag in range(1, longest + 1):
        alike[:-lag, lag] = np.einsum("ij,ij->i", rows[:-lag], rows[lag:])
    usual = np.concatenate([[1.0], np.nanmean(alike[:, 1:], axis=0)])
    peaks = {
        lag: float(usual[lag] - usual[1:lag].min())
        for lag in range(first, last + 1)
        if usual[lag] >= usual[lag - 1] and usual[lag] >= usual[lag + 1]
    }
    clear = max(peaks.values(), default=0.0)
    neighbours = usual[1] - usual[1:].min()  # pictures that are no film are like none of the others
    if clear < CLEAR or neighbours < clear / 2:
        return None
    if not _sure(alike, usual, max(peaks, key=peaks.__getitem__)):
        return None
    period = min(lag for lag, much in peaks.items() if much >= SHORTER * clear)
    cycles = _cycles(rows, _exact(usual, period))
    read = _stillest(cycles, alike[:, 1])
    if len(read) < FEWEST_BEATS:
        return None
    steps, place = np.diff(read), np.arange(len(rows))
    k = np.clip(np.searchsorted(read, place, side="right") - 1, 0, len(steps) - 1)
    phase = np.clip(((place - read[k]) / steps[k]) % 1.0, 1e-6, 1 - 1e-6)
    phase[read] = 0.0
    return Beat(float(np.median(steps)), peaks[period], read, phase)


def _sure(alike: Array, usual: NDArray[np.floating], lag: int) -> bool:
    """Whether frames so far apart are more alike than those between by more than chance."""
    between = 1 + int(np.argmin(usual[1:lag]))
    more = alike[: len(alike) - lag, lag] - alike[: len(alike) - lag, between]
    return bool(more.mean() > SURE * more.std() / np.sqrt(len(more)))


def _exact(usual: NDArray[np.floating], lag: int) -> float:
    """A peak between frames: the vertex of the parabola through it and its neighbours."""
    before, at, after = (float(usual[lag + step]) for step in (-1, 0, 1))
    curve = before - 2 * at + after
    return lag if curve >= 0 else lag + 0.5 * (before - after) / curve


def _cycles(rows: Array, period: float) -> NDArray[np.float64]:
    """Beats since the first frame, as a growing number: what changes in the pictures at about the
    heart's rate is followed from frame to frame, over all numbers of a row together.
    """
    count = len(rows)
    rate = np.abs(np.fft.fftfreq(count)) * period
    band = (np.fft.fftfreq(count) > 0) & (rate > 1 - STRETCH) & (rate < 1 + STRETCH)
    shifting = np.fft.ifft(np.fft.fft(rows - rows.mean(axis=0), axis=0) * band[:, None], axis=0)
    step = np.einsum("ij,ij->i", shifting[1:], np.conj(shifting[:-1]))
    width = max(1, round(period / 2))
    kernel = np.hanning(2 * width + 1)
    even = np.convolve(np.pad(step, width, mode="edge"), kernel, mode="valid")
    turned = np.clip(np.angle(even) / (2 * np.pi), 0.3 / period, 3 / period)
    return np.concatenate([[0.0], np.cumsum(turned)])


def _stillest(cycles: NDArray[np.float64], alike: Array) -> NDArray[np.int64]:
    """One frame a beat, at the phase in which frames are most like the next."""
    share, known = cycles % 1.0, np.isfinite(alike)
    centres = np.arange(PHASES) / PHASES
    apart = np.abs(share[known, None] - centres)
    near = np.exp(-0.5 * (np.minimum(apart, 1 - apart) * PHASES / 2) ** 2)
    still = centres[int(np.argmax((near * alike[known, None]).sum(axis=0) / near.sum(axis=0)))]
    first, last = int(np.ceil(cycles[0] - still)), int(np.floor(cycles[-1] - still))
    places = np.interp(np.arange(first, last + 1) + still, cycles, np.arange(len(cycles)))
    return np.unique(np.round(places).astype(np.int64))
