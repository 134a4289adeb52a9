"""From what a network says of each line to curves that a reader would draw: closed, smooth, steady
along the vessel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts import geometry
from calx.imaging.facts.curves import LAYERS, Curves

Array = NDArray[np.float32]

LINES = 256
"""Lines of the drawn curves."""
LUMEN_ORDER, EEM_ORDER, STENT_ORDER = 12, 5, 5
"""Harmonics of the closed shapes: a lumen may be
irregular, a membrane and a stent are near-circles.
"""
STEADY_MM = 0.25
"""Standard deviation of the smoothing of calcium probabilities along the vessel; speckle changes
from frame to frame, calcium does not.
"""
STEADY_PHASE = 0.05
"""The same over the phases of a heartbeat, as share of a beat."""
STEADY_DEG = 2.0
"""The same around it."""
WALL = 0.01
"""Least thickness of plaque and media that is drawn, as a share of the reach."""


def upsample(values: Array, lines: int) -> Array:
    """``(…, n)`` values on the middles of ``n`` equal sectors, interpolated to ``lines`` lines that
    begin at the start of the first sector.
    """
    count = values.shape[-1]
    place = np.arange(lines) * count / lines - (0.5 - 0.5 * count / lines)
    low = np.floor(place).astype(int)
    share = (place - low).astype(np.float32)
    return np.asarray(
        values[..., low % count] * (1 - share) + values[..., (low + 1) % count] * share, np.float32
    )


def draw(
    said: Mapping[str, Array],
    doubt: Mapping[str, Array],
    frame: NDArray[np.int64],
    z_mm: NDArray[np.float64],
    scale_mm: float | None,
    reach: float,
    provenance: Mapping[str, object],
    *,
    phase: NDArray[np.float64] | None = None,
) -> Curves:
    """Draw the curves of a recording.

    Args:
        said: by name ``(frames, lines)``: mean radii of curves (fractions of the reach) and
            probabilities of flags.
        doubt: deviations of the radii.
        frame: numbers.
        z_mm: places.
        scale_mm: mm of one unit of the drawn radii; None without a scale, the radii then are
            pixels.
        reach: length of a line in that unit.
        provenance: who drew.
        phase: of the heart in each frame, as :class:`Curves` has it; None where no beat was found.
    """
    layers = [name for name in LAYERS if name in said]  # a network that has no word for one
    drawn = Curves.empty(frame, z_mm, LINES, scale_mm, provenance, layers)
    wide = {name: upsample(values, LINES) for name, values in said.items()}
    sure = {name: np.maximum(upsample(values, LINES), 0.004) for name, values in doubt.items()}
    lumen = _shape(wide["lumen"], sure["lumen"], LUMEN_ORDER, 20.0)
    drawn.lumen[:], drawn.lumen_sd[:] = lumen * reach, sure["lumen"] * reach
    for name in ("calcium", "visible", "wire", "branch", "strut", "nodule"):
        if name in wide:
            getattr(drawn, name)[:] = wide[name]
    if "eem" in wide:
        eem = _shape(wide["eem"], sure["eem"], EEM_ORDER, 60.0)
        drawn.eem[:] = np.maximum(eem, lumen + WALL) * reach
        drawn.eem_sd[:] = sure["eem"] * reach
    else:
        drawn.visible[:] = 0.0
    if "calcium_edge" in wide:
        drawn.calcium_edge[:] = np.maximum(wide["calcium_edge"], lumen) * reach
    else:
        drawn.calcium_edge[:] = drawn.lumen
    if "stent" in wide and "strut" in wide:
        drawn.stent[:] = wide["stent"] * reach
    if phase is not None:
        drawn.phase[:] = phase
    one_phase = bool(provenance.get("gated"))
    drawn.calcium[:] = _steady(drawn.calcium, z_mm, np.zeros(len(z_mm)) if one_phase else phase)
    return drawn


def _shape(radius: Array, deviation: Array, order: int, stiffness: float) -> Array:
    """The closed curve of few harmonics that weighs each line by how sure it is."""
    return geometry.harmonics(
        radius.astype(float), 1 / deviation.astype(float) ** 2, order, stiffness
    ).astype(np.float32)


def _steady(values: Array, z_mm: NDArray[np.float64], phase: NDArray[np.float64] | None) -> Array:
    """Probabilities averaged with their neighbours around and, where places are known, along the
    vessel with those of the same phase of the heart; not along it where phases are not known.
    """
    lines = values.shape[1]
    around = np.exp(
        -0.5
        * (((np.arange(lines) + lines // 2) % lines - lines // 2) * 360 / lines / STEADY_DEG) ** 2
    )
    smooth = np.fft.irfft(
        np.fft.rfft(values, axis=1) * np.fft.rfft(around / around.sum()).real, n=lines, axis=1
    )
    if len(z_mm) < 2 or not np.isfinite(z_mm).all() or phase is None:
        return np.clip(smooth, 0, 1).astype(np.float32)
    steady = np.empty_like(smooth)
    for f in range(len(z_mm)):
        near = np.flatnonzero(np.abs(z_mm - z_mm[f]) <= 3 * STEADY_MM)
        apart = np.abs(phase[near] - phase[f])
        beats = np.minimum(apart, 1 - apart) / STEADY_PHASE
        weight = np.exp(-0.5 * (((z_mm[near] - z_mm[f]) / STEADY_MM) ** 2 + beats**2))
        steady[f] = weight @ smooth[near] / weight.sum()
    return np.clip(steady, 0, 1).astype(np.float32)
