"""A recording: a vessel, a catheter drawn through it,
a beating heart, and what the machine shows of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calx.imaging.polar import Grey, to_image
from calx.imaging.simulator import echo
from calx.imaging.simulator.anatomy import ANGLES, LINES, Vessel, smooth, vessel
from calx.imaging.simulator.echo import Catheter, EchoLines, Shadow


@dataclass(frozen=True)
class Display:
    """How a machine turns echoes into grey levels on its screen.

    Attributes:
        size: rows and columns of the image.
        scale: mm a pixel.
        centre: of the catheter in the image, (column, row), pixels.
        reach: mm that the machine shows around the catheter.
        reference: percentile of the wall that is shown white.
        dynamic: dB shown between black and white.
        gamma: of the grey scale.
        floor: grey level of black inside the field.
        around: grey level outside it, and of the catheter's disc.
        marks: millimetre dots and a text are drawn over the image.
        quality: of JPEG; None for uncompressed.
    """

    size: int
    scale: float
    centre: tuple[float, float]
    reach: float
    reference: float
    dynamic: float
    gamma: float
    floor: float
    around: float
    marks: bool
    quality: int | None

    @classmethod
    def drawn(cls, rng: np.random.Generator, catheter: Catheter) -> Display:
        """Draw one for a catheter."""
        size = int(rng.choice((384, 480, 500, 512)))
        reach = float(
            rng.uniform(4.2, 5.2)
            if catheter.frequency_mhz == 20 or rng.random() < 0.6
            else rng.uniform(3.8, 6.4)
        )
        low, high = (20, 34) if catheter.frequency_mhz == 20 else (22, 42)
        usual = 90 if catheter.frequency_mhz == 20 else 78
        return cls(
            size=size,
            scale=2 * reach / size,
            centre=(
                (size - 1) / 2 + float(rng.uniform(-3, 3)),
                (size - 1) / 2 + float(rng.uniform(-3, 3)),
            ),
            reach=reach,
            reference=float(rng.uniform(usual, 99.9)),
            dynamic=float(rng.uniform(low, high)),
            gamma=float(rng.uniform(0.75, 1.6)),
            floor=float(rng.uniform(2, 45)) if rng.random() < 0.4 else 0.0,
            around=float(rng.uniform(5, 40)) if rng.random() < 0.2 else 0.0,
            marks=bool(rng.random() < 0.4),
            quality=int(rng.integers(70, 96)) if rng.random() < 0.5 else None,
        )

    def show(self, envelope: NDArray[np.float32], lines: EchoLines) -> Grey:
        """The image of one frame, without marks: ``(size, size)`` grey levels."""
        depth = echo.RADII[None, :]
        wall = (depth > lines.lumen[:, None]) & (depth < lines.eem[:, None] + 0.8)
        decibel = 20 * np.log10(np.maximum(envelope, 1e-5))
        top = np.percentile(decibel[wall], self.reference)
        shown = np.clip((decibel - top) / self.dynamic + 1, 0, 1) ** self.gamma
        grey = self.floor + (255 - self.floor) * shown
        grey[envelope == 0] = self.around
        plan = to_image(
            (self.size, self.size),
            self.centre,
            self.scale,
            LINES,
            echo.DEPTHS,
            echo.DEPTHS * echo.STEP_MM,
        )
        image = plan(grey.astype(np.float32))
        x, y = (
            (np.arange(self.size) - self.centre[0]) * self.scale,
            (np.arange(self.size) - self.centre[1]) * self.scale,
        )
        image[x[None, :] ** 2 + y[:, None] ** 2 > self.reach**2] = self.around
        return np.asarray(image + 0.5, np.uint8)

    def compressed(self, image: Grey) -> Grey:
        """The image as it comes back from the machine's file."""
        if self.quality is None:
            return image
        from PIL import Image

        packed = io.BytesIO()
        Image.fromarray(image).save(packed, "JPEG", quality=self.quality)
        return np.asarray(Image.open(packed))

    def marked(self, image: Grey) -> Grey:
        """The image with the millimetre dots that many machines draw."""
        if not self.marks:
            return image
        image = image.copy()
        for step in range(1, int(self.reach) + 1):
            for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step)):
                column, row = (
                    round(self.centre[0] + dx / self.scale),
                    round(self.centre[1] + dy / self.scale),
                )
                if 1 <= row < self.size - 1 and 1 <= column < self.size - 1:
                    image[row - 1 : row + 1, column - 1 : column + 1] = 230
        return image


@dataclass(frozen=True)
class Motion:
    """The course of a pullback, a value a frame.

    Attributes:
        nominal: mm along the vessel, as the machine counts it.
        true: mm, where the catheter really is; the heart moves it to and fro.
        x: of the catheter from the vessel's centre, mm.
        y: likewise.
        scale: of the lumen's radius by the pulse.
        turn: of the image, radians.
        wire: angle of the guide wire.
    """

    nominal: NDArray[np.float64]
    true: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    scale: NDArray[np.float64]
    turn: NDArray[np.float64]
    wire: NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedRecording:
    """A simulated pullback; frames are made when asked for, each from its own generator, so any one
    can be made alone.
    """

    seed: int
    vessel: Vessel
    catheter: Catheter
    display: Display
    motion: Motion
    rate_mm_s: float
    frames_per_second: float
    shadows: tuple[tuple[float, float, Shadow], ...]
    rotation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.motion.nominal)

    @property
    def gated(self) -> bool:
        """Whether its frames are of one phase of the heart."""
        return bool((self.motion.true == self.motion.nominal).all())

    def still(self) -> SimulatedRecording:
        """The same vessel and catheter without the heart: what lies where the machine counts it."""
        return replace(
            self, motion=replace(self.motion, true=self.motion.nominal, scale=np.ones(len(self)))
        )

    def lines(self, number: int) -> NDArray[np.float64]:
        """The physical direction of each line of a frame."""
        warp = self.rotation[number]
        return np.asarray(
            ANGLES
            + self.motion.turn[number]
            + warp[0] * np.sin(ANGLES + warp[1])
            + warp[2] * np.sin(2 * ANGLES + warp[3])
        )

    def envelope(self, number: int) -> tuple[NDArray[np.float32], EchoLines]:
        """What the catheter hears at a frame (counted from 0), and the truth."""
        rng = np.random.default_rng((self.seed, 1, number))
        z = self.motion.true[number]
        lines = self.lines(number)
        on_image = np.interp(self.motion.wire[number], lines - lines[0], ANGLES, period=2 * np.pi)
        pitch = self.seed % 7 + 8
        return echo.frame(
            rng,
            self.vessel,
            self.catheter,
            self.vessel.at(z),
            (self.motion.x[number], self.motion.y[number]),
            scale=float(self.motion.scale[number]),
            lines=lines,
            wire=float(on_image) if self.catheter.wire else None,
            shadows=tuple(shadow for start, stop, shadow in self.shadows if start <= z <= stop),
            struts=tuple(
                (np.arange(pitch) + rng.uniform(-0.25, 0.25, pitch))
                * 2
                * np.pi
                / pitch
                % (2 * np.pi)
            ),
        )

    def frame(self, number: int) -> tuple[Grey, EchoLines]:
        """The image of a frame (counted from 0) as the machine stores it, and the truth."""
        envelope, lines = self.envelope(number)
        return self.display.compressed(
            self.display.marked(self.display.show(envelope, lines))
        ), lines

    def frames(self) -> Iterator[tuple[Grey, EchoLines]]:
        """All frames, in order."""
        for number in range(len(self)):
            yield self.frame(number)


def simulate(
    seed: int,
    length_mm: float = 30.0,
    frames_per_mm: float = 5.0,
    frequency_mhz: int | None = None,
    *,
    gated: bool = True,
) -> SimulatedRecording:
    """Draw a recording.

    Args:
        seed: the same seed and arguments give the same recording, pixel for pixel.
        length_mm: of the pullback.
        frames_per_mm: kept frames.
        frequency_mhz: of the transducer, 20, 40, 50 or 60; drawn unless given.
        gated: frames were taken in one phase of the heart; else it moves the catheter to and fro
            between frames.
    """
    if not (0 < length_mm <= 200 and 0 < frames_per_mm <= 100):
        raise ValueError("a simulated pullback is 0 to 200 mm long and has at most 100 frames a mm")
    rng = np.random.default_rng((seed, 0))
    count = max(2, round(length_mm * frames_per_mm))
    tissue = vessel(rng, length_mm)
    machine = np.random.default_rng((seed, 3))  # of its own, whatever the vessel takes
    catheter = Catheter.drawn(machine, frequency_mhz, near_normal=tissue.near_normal)
    display = Display.drawn(machine, catheter)
    nominal = np.arange(count) / frames_per_mm
    rate = float(rng.choice((0.5, 1.0)))
    heart = rng.uniform(0.8, 1.8) * nominal / rate * 2 * np.pi + rng.uniform(0, 6.28)
    beat = 0.0 if gated else 1.0
    to_and_fro = beat * np.clip(rng.normal(0.75, 0.35), 0.15, 2.0) * np.sin(heart)
    lumen = tissue.lumen.min(axis=1)[np.clip((nominal / 0.1).astype(int), 0, len(tissue.lumen) - 1)]
    centre = _lumen_centre(tissue, nominal)
    room = np.maximum(lumen - catheter.radius - 0.06, 0) * rng.uniform(0.1, 1.0) ** 0.6
    step = 1 / frames_per_mm
    drift = smooth(rng, count, step, 3.0, rows=3)
    far = np.clip(0.6 + 0.3 * drift[0], 0, 0.95) * room
    where = rng.uniform(0, 6.28) + 0.8 * drift[1]
    jitter = beat * rng.uniform(0.05, 0.15) * np.stack([np.sin(heart + 1), np.cos(heart + 2)])
    small = np.where(room > 0.3, 1.0, 0.2)
    turning = rng.random() < 0.3 and not catheter.solid_state
    strength = rng.uniform(0.05, 0.3) if turning else 0.0
    rotation = np.stack(
        [
            strength * np.abs(drift[2]),
            rng.uniform(0, 6.28) + 0.5 * drift[1],
            0.4 * strength * np.abs(drift[0]),
            rng.uniform(0, 6.28) + drift[2],
        ],
        axis=1,
    )
    rotation[:, 0] = np.clip(rotation[:, 0], 0, 0.35)
    rotation[:, 2] = np.clip(rotation[:, 2], 0, 0.15)
    motion = Motion(
        nominal=nominal,
        true=np.clip(nominal + to_and_fro, 0, length_mm),
        x=centre[:, 0] + far * np.cos(where) + jitter[0] * small,
        y=centre[:, 1] + far * np.sin(where) + jitter[1] * small,
        scale=1 - 0.04 * beat * (0.5 + 0.5 * np.sin(heart)),
        turn=rng.uniform(0, 6.28) + 0.15 * drift[2] + 0.05 * beat * np.sin(heart),
        wire=rng.uniform(0, 6.28) + 0.8 * drift[1],
    )
    return SimulatedRecording(
        seed,
        tissue,
        catheter,
        display,
        motion,
        rate,
        rate * frames_per_mm,
        _shadows(rng, length_mm),
        rotation,
    )


def _lumen_centre(tissue: Vessel, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre of the lumen about the vessel's centre, at each ``z``."""
    radius = tissue.lumen[[tissue.at(value) for value in z]].astype(float)
    weight = (radius**3).sum(axis=1) / 3, (radius**2).sum(axis=1) / 2
    x, y = (
        (radius**3 * shape / 3).sum(axis=1) / weight[1]
        for shape in (np.cos(ANGLES), np.sin(ANGLES))
    )
    return np.stack([x, y], axis=1)


def _shadows(rng: np.random.Generator, length: float) -> tuple[tuple[float, float, Shadow], ...]:
    """Drop-outs that come and go along the pullback, as (from, to, shadow)."""
    found = []
    for _ in range(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1))):
        start = rng.uniform(-0.2, 1) * length
        shadow = Shadow(
            angle=rng.uniform(0, 2 * np.pi),
            width=np.deg2rad(rng.uniform(12, 130)),
            loss=rng.uniform(8, 40),
            start=rng.choice((0.0, rng.uniform(0.3, 1.4))),
        )
        found.append((start, start + rng.uniform(1, 0.6 * length + 1), shadow))
    return tuple(found)
