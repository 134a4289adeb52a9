"""Grey levels and speckle of simulated frames beside those of
real ones: ``python -m calx.imaging.simulator.statistics OUT``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calx.imaging.model.grid import DEPTHS, LINES, REACH_MM
from calx.imaging.polar import to_polar
from calx.imaging.simulator.recording import simulate

STEP = REACH_MM / DEPTHS


@dataclass(frozen=True)
class FrameStatistics:
    """Grey levels (mean and deviation, 0..255), speckle widths and contrast of some frames."""

    source: str
    lumen: tuple[float, float] | None
    wall: tuple[float, float] | None
    adventitia: tuple[float, float] | None
    radial_um: tuple[float, float] | None
    angular_deg: tuple[float, float] | None
    contrast: float | None


REAL = (
    FrameStatistics(
        "20 MHz set A (24 frames, true contours)",
        (11, 15),
        (65, 50),
        (125, 72),
        (136, 136),
        (7.0, 7.0),
        0.74,
    ),
    FrameStatistics("20 MHz set B (60 frames)", (22, 22), None, None, (131, 131), (6.6, 6.6), 0.43),
    FrameStatistics("50 MHz (51 frames)", (110, 126), None, None, (64, 81), (3.4, 4.0), 0.66),
)
"""Measured on real frames, as ``docs/imaging.md``
quotes them; for a pair of one kind of value a range.
"""


def width(values: NDArray[np.float64]) -> float:
    """Full width at half maximum of an autocorrelation, samples."""
    half = values[: len(values) // 2] / values[0]
    k = int(np.argmax(half < 0.5))
    return float(2 * (k - 1 + (half[k - 1] - 0.5) / (half[k - 1] - half[k])))


def measure(frequency: int, seeds: Iterable[int]) -> FrameStatistics:
    """The look of simulated frames of one frequency."""
    parts: dict[str, list[NDArray[np.float32]]] = {"lumen": [], "wall": [], "adventitia": []}
    radial, angular, contrast = [], [], []
    for seed in seeds:
        recording = simulate(seed, 10.0, 2.0, frequency)
        image, truth = recording.frame(len(recording) // 2)
        middle = (recording.display.size - 1) / 2
        grey = to_polar(
            image.shape, (middle, middle), recording.display.scale, LINES, DEPTHS, REACH_MM
        )(image)
        depth = (np.arange(DEPTHS) + 0.5) * STEP
        seen = (truth.visible & ~truth.wire)[:, None]
        lumen, eem = truth.lumen[:, None], truth.eem[:, None]
        parts["lumen"].append(
            grey[
                (depth > recording.catheter.radius + 0.25)
                & (depth < lumen - 0.08)
                & ~truth.wire[:, None]
            ]
        )
        parts["wall"].append(grey[(depth > lumen) & (depth < eem) & seen])
        parts["adventitia"].append(grey[(depth > eem) & (depth < eem + 0.5) & seen])
        band = grey[:, int(2.0 / STEP) : int(4.0 / STEP)].astype(float)
        slow = np.repeat(
            np.repeat(
                band[: LINES // 16 * 16, : band.shape[1] // 16 * 16]
                .reshape(LINES // 16, 16, -1, 16)
                .mean((1, 3)),
                16,
                0,
            ),
            16,
            1,
        )
        rough = band[:, : slow.shape[1]] - slow
        shared = np.fft.ifft2(np.abs(np.fft.fft2(rough)) ** 2).real
        if shared[0, 0] > 0 and truth.calcium.mean() < 0.3:
            radial.append(width(shared[0]) * STEP * 1000)
            angular.append(width(shared[:, 0]) * 360 / LINES)
            contrast.append(band.std() / max(band.mean(), 1))
    levels = [
        (float(np.concatenate(part).mean()), float(np.concatenate(part).std()))
        for part in parts.values()
    ]
    spans = [
        (float(np.percentile(part, 10)), float(np.percentile(part, 90)))
        for part in (radial, angular)
    ]
    return FrameStatistics(
        f"simulated {frequency} MHz ({len(parts['lumen'])} frames)",
        levels[0],
        levels[1],
        levels[2],
        spans[0],
        spans[1],
        float(np.median(contrast)),
    )


def table(looks: Iterable[FrameStatistics]) -> str:
    """A Markdown table."""

    def pair(values: tuple[float, float] | None, sign: str, digits: int = 0) -> str:
        return "–" if values is None else f"{values[0]:.{digits}f} {sign} {values[1]:.{digits}f}"

    rows = [
        (
            "| source | lumen | plaque and media | adventitia | radial width, µm | angular width, "
            "° | contrast |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for look in looks:
        sign = "to" if look.wall is None else "±"
        cells = [
            look.source,
            pair(look.lumen, sign),
            pair(look.wall, "±"),
            pair(look.adventitia, "±"),
            pair(look.radial_um, "to"),
            pair(look.angular_deg, "to", 1),
            f"{look.contrast:.2f}",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """A sheet of simulated frames: rows of 20, 40, 50 and 60 MHz."""
    from PIL import Image

    rows = []
    for frequency in (20, 40, 50, 60):
        row = []
        for k in range(8):
            recording = simulate(seed + 10 * k, 10.0, 2.0, frequency)
            image, _ = recording.frame(int(np.random.default_rng(k).integers(len(recording))))
            row.append(
                np.asarray(Image.fromarray(image).resize((200, 200), Image.Resampling.LANCZOS))
            )
        rows.append(np.hstack(row))
    return np.vstack(rows)


def main(out: Path) -> None:
    """Print the table of ``docs/imaging.md`` and write its ``simulator.png`` into a folder."""
    from PIL import Image

    looks = [measure(frequency, range(60)) for frequency in (20, 40, 50, 60)]
    print(table([*REAL, *looks]))
    out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture()).save(out / "simulator.png", optimize=True)


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]))
