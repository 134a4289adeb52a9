"""Is this what the model learnt from? Statistics of a frame against the ranges met in training.

A network answers whatever it is shown. These few numbers, of the frame and of the network's own
doubt, tell a black frame, noise, OCT, a photograph, another scale or a saturated recording from
intravascular ultrasound; outside the ranges nothing is claimed of the frame.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WHAT = {
    "black": "nearly all of it is black",
    "white": "it is saturated",
    "contrast": "its grey levels are too even or too uneven",
    "speckle_depth": "its grain along the lines is not that of ultrasound at this scale",
    "speckle_across": "its grain across the lines is not that of ultrasound at this scale",
    "anisotropy": "its grain has the wrong shape for ultrasound",
    "catheter": "there is no catheter at its centre",
    "beyond": "nothing is seen beyond the wall, or it is too bright there",
    "inside": "the lumen's brightness fits no transducer",
    "doubt_lumen": "the network is too unsure of the lumen",
    "doubt_eem": "the network is too unsure of the vessel wall",
    "lumen": "the lumen has an unusual size: is the scale right?",
    "eem": "the vessel has an unusual size: is the scale right?",
}
"""The statistics, and what it means when one lies outside its range."""


def statistics(
    grey: NDArray[np.float32],
    reach: float,
    lumen: NDArray[np.float32],
    eem: NDArray[np.float32],
    lumen_sd: NDArray[np.float32],
    eem_sd: NDArray[np.float32],
) -> dict[str, float]:
    """The statistics of one frame.

    Args:
        grey: ``(lines, depths)`` in 0..1.
        reach: length of a line, mm.
        lumen: radii that the network drew, mm, on evenly spaced lines; likewise the others.
        eem: of the membrane.
        lumen_sd: deviations.
        eem_sd: deviations.
    """
    lines, depths = grey.shape
    step = reach / depths
    depth = (np.arange(depths) + 0.5) * step
    at = np.arange(lines) * len(lumen) // lines
    lumen_line, eem_line = lumen[at][:, None], eem[at][:, None]
    band = grey[:, int(0.7 / step) : int(3.2 / step)]
    rough = band - _even(band)
    power = np.abs(np.fft.fft2(rough)) ** 2
    shared = np.fft.ifft2(power).real
    along, across = _half_width(shared[0]) * step, _half_width(shared[:, 0]) * 360 / lines
    with np.errstate(invalid="ignore", divide="ignore"):
        wall = grey[(depth > lumen_line) & (depth < eem_line + 0.3)]
        outer = grey[(depth > eem_line + 0.4) & (depth < eem_line + 1.0)]
        blood = grey[(depth > 0.7) & (depth < lumen_line - 0.1)]
    bright = max(float(np.percentile(band, 95)), 1e-3)
    return {
        "black": float((band < 0.02).mean()),
        "white": float((band > 0.98).mean()),
        "contrast": float(rough.std() / bright),
        "speckle_depth": along,
        "speckle_across": across,
        "anisotropy": across / max(along, 1e-3),
        "catheter": float(grey[:, : int(0.35 / step)].mean()),
        "beyond": float(outer.mean() / max(float(wall.mean()), 1e-3))
        if outer.size and wall.size
        else 1.0,
        "inside": float(blood.mean()) if blood.size > 200 else 0.3,
        "doubt_lumen": float(np.median(lumen_sd)),
        "doubt_eem": float(np.median(eem_sd)),
        "lumen": float(lumen.mean()),
        "eem": float(eem.mean()),
    }


def _even(band: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slow part of a band: means over blocks."""
    lines, depths = band.shape
    high, wide = lines // 16, depths // 8
    blocks = band[: high * 16, : wide * 8].reshape(high, 16, wide, 8).mean(axis=(1, 3))
    return np.asarray(
        np.pad(
            np.repeat(np.repeat(blocks, 16, 0), 8, 1),
            ((0, lines - high * 16), (0, depths - wide * 8)),
            mode="edge",
        ),
        np.float32,
    )


def _half_width(correlation: NDArray[np.float64]) -> float:
    """Full width at half maximum of a correlation, in samples."""
    half = correlation[: len(correlation) // 2] / max(float(correlation[0]), 1e-12)
    below = np.flatnonzero(half < 0.5)
    if not len(below):
        return 2.0 * len(half)
    k = int(below[0])
    return (
        2.0 * (k - 1 + float((half[k - 1] - 0.5) / max(half[k - 1] - half[k], 1e-9))) if k else 0.0
    )


def outside(found: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]) -> str:
    """Why a frame is not of the model's domain; empty when it is."""
    wrong = [WHAT[name] for name, (low, high) in ranges.items() if not low <= found[name] <= high]
    return "; ".join(wrong)
