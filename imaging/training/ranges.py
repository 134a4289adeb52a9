"""The ranges of a frame's statistics over simulated
recordings: the domain outside which the model abstains.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from calx.imaging.model.look import Look, domain_of
from calx.imaging.model.package import load
from calx.imaging.model.runtime import Onnx
from calx.imaging.simulator import dicom
from calx.imaging.simulator.recording import simulate

WIDENED = 1.6
"""Factor by which both ends of a range move outwards: real recordings differ more among themselves
than simulated ones.
"""
GRAIN = 2.0
"""The same of the grain's size: large shadows make it uncertain."""
EXTREMES = 3.0, 97.0
LIMITS = {
    "black": (0.0, 0.93),
    "white": (0.0, 0.35),
    "catheter": (0.0, 0.5),
    "beyond": (0.0, 3.0),
    "inside": (0.0, 0.95),
    "doubt_lumen": (0.0, 0.5),
    "doubt_eem": (0.0, 0.5),
}
"""Ranges that are set, not learnt: shares, ratios and doubts (mm) for which simulated recordings
say little of real ones.
"""


def of_vessel(seed: int, package: Path) -> list[dict[str, float]]:
    """The statistics of some frames of a simulated recording."""
    model = load(package)
    run = Onnx(model, threads=1)
    recording = simulate(seed, 12.0, 1.0, gated=False)
    source = dicom.pullback(recording)
    look = Look(model, source)
    images, raw = look.answered(list(source.images(range(0, len(recording), 3))), run)
    return [
        domain_of(look, image, line, always=True) for image, line in zip(images, raw, strict=True)
    ]


def ranges(seeds: Iterable[int], package: Path, workers: int = 2) -> dict[str, tuple[float, float]]:
    """The range of each statistic."""
    with ProcessPoolExecutor(workers) as pool:
        rows = [
            row for found in pool.map(partial(of_vessel, package=package), seeds) for row in found
        ]
    told = {}
    for name in rows[0]:
        low, high = np.percentile([row[name] for row in rows], EXTREMES)
        wider = GRAIN if name.startswith("speckle") else WIDENED
        told[name] = LIMITS.get(name) or (
            round(float(low / wider), 4),
            round(float(high * wider), 4),
        )
    return told
