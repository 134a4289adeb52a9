"""A vessel to look at: walls, plaque, calcium, nodules, side branches and a stent, in mm along z.

Every quantity is a smooth random field over (frame, angle), drawn from one generator, so a seed is
a vessel. The ranges are those of the recipe in ``docs/imaging.md``, with their sources. Angles are
radians about the vessel's centre, counter-clockwise; radii are mm; ``z`` is mm along the vessel,
distal first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LINES = 256
"""Angles at which a wall is described."""
ANGLES = np.arange(LINES) * (2 * np.pi / LINES)
STEP_MM = 0.1
"""Distance of the cross-sections that describe a vessel."""
NEAR_NORMAL = 0.3
"""Share of the vessel's area that is wall, in the median cross-section of a near-normal vessel."""

Array = NDArray[np.float32]


def smooth(
    rng: np.random.Generator, count: int, step: float, correlation: float, rows: int = 1
) -> NDArray[np.float64]:
    """Gaussian noise of unit deviation, smooth over ``correlation``; ``rows`` independent ones of
    ``count`` values.
    """
    width = max(1, round(3 * correlation / step))
    kernel = np.exp(-0.5 * (np.arange(-width, width + 1) * step / correlation) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    noise = rng.standard_normal((rows, count + 2 * width))
    return np.stack([np.convolve(row, kernel, mode="valid") for row in noise])


def between(
    angle: NDArray[np.floating] | float, other: NDArray[np.floating] | float
) -> NDArray[np.float64]:
    """The signed difference of two angles, in [-pi, pi)."""
    return np.asarray((np.asarray(angle) - other + np.pi) % (2 * np.pi) - np.pi)


@dataclass(frozen=True)
class Deposit:
    """One calcium deposit.

    Attributes:
        start: where it begins along the vessel, mm.
        length: mm.
        arc: its largest arc, radians; the full circle for a ring.
        angle: of its middle.
        twist: how far the middle turns along its length, radians.
        depth: of its leading edge, as a fraction of the wall from the lumen.
        nodule: it protrudes into the lumen, convex and irregular.
        protrusion: how far, mm.
    """

    start: float
    length: float
    arc: float
    angle: float
    twist: float
    depth: float
    nodule: bool
    protrusion: float


@dataclass(frozen=True)
class Branch:
    """A side branch: where its mouth begins, how long and how wide it is."""

    start: float
    length: float
    angle: float
    width: float


@dataclass(frozen=True)
class Vessel:
    """A vessel at every :data:`STEP_MM`.

    Attributes:
        length: mm.
        eem: radius of the external elastic membrane about the vessel's centre, ``(cross-sections,
            LINES)``.
        lumen: radius of the lumen, likewise.
        calcium: probability-free truth, whether calcium lies at this angle.
        edge: radius of its leading edge; NaN without calcium.
        nodule: whether that calcium is a nodule.
        branch: whether a side branch opens at this angle.
        mouth: mm by which the lumen bulges into the mouth of a branch, as readers draw it.
        media: thickness of the media, mm.
        fibrous: dB above plaque of bright fibrous tissue, 0 elsewhere.
        lipid: dB below plaque of lipid, 0 elsewhere.
        stent: radius of an implanted stent; NaN where there is none.
    """

    length: float
    eem: Array
    lumen: Array
    calcium: NDArray[np.bool_]
    edge: Array
    nodule: NDArray[np.bool_]
    branch: NDArray[np.bool_]
    mouth: Array
    media: float
    fibrous: Array
    lipid: Array
    stent: Array
    deposits: tuple[Deposit, ...] = field(default=())

    @property
    def near_normal(self) -> bool:
        """Little plaque along most of it: where blood is bright, the media is the only border."""
        share = 1 - (self.lumen.astype(float) ** 2).mean(axis=1) / (self.eem**2).mean(axis=1)
        return bool(np.median(share) < NEAR_NORMAL)

    def at(self, z: float) -> int:
        """The cross-section nearest to ``z``."""
        return int(np.clip(round(z / STEP_MM), 0, len(self.eem) - 1))


def about(radius: NDArray[np.float64], dx: float, dy: float) -> NDArray[np.float64]:
    """A closed curve, given by its radii at :data:`ANGLES`, seen from a centre moved by ``(-dx,
    -dy)``: its radii at the same angles.
    """
    x, y = radius * np.cos(ANGLES) + dx, radius * np.sin(ANGLES) + dy
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    order = np.argsort(angle)
    moved: NDArray[np.float64] = np.interp(
        between(ANGLES, 0.0), angle[order], distance[order], period=2 * np.pi
    )
    return moved


def _outline(
    rng: np.random.Generator, count: int, amplitudes: tuple[float, ...]
) -> NDArray[np.float64]:
    """Relative deviation from a circle: harmonics 2, 3, … whose weights drift along the vessel."""
    shape = np.zeros((count, LINES))
    for harmonic, amplitude in enumerate(amplitudes, start=2):
        cosine, sine = smooth(rng, count, STEP_MM, 4.0, rows=2) * amplitude
        shape += cosine[:, None] * np.cos(harmonic * ANGLES) + sine[:, None] * np.sin(
            harmonic * ANGLES
        )
    return shape


def _deposits(rng: np.random.Generator, length: float) -> tuple[Deposit, ...]:
    """Zero to four deposits; arcs small (half), moderate, large, or a whole ring."""
    found = []
    for _ in range(rng.choice(5, p=(0.16, 0.34, 0.28, 0.14, 0.08))):
        kind = rng.random()
        if kind < 0.44:
            arc = rng.uniform(15, 60)
        elif kind < 0.76:
            arc = rng.uniform(60, 180)
        elif kind < 0.93:
            arc = rng.uniform(180, 340)
        else:
            arc = 360.0
        extent = float(
            np.clip(
                rng.gamma(2.0, 3.0) + 1 + (arc > 180) * rng.uniform(0, 6), 1, min(25, 0.8 * length)
            )
        )
        nodule = arc < 120 and rng.random() < 0.16
        superficial = nodule or rng.random() < 0.65 or arc > 300
        found.append(
            Deposit(
                start=float(rng.uniform(0.02 * length, max(0.03 * length, 0.98 * length - extent))),
                length=min(extent, 6.0) if nodule else extent,
                arc=float(np.deg2rad(arc)),
                angle=float(rng.uniform(0, 2 * np.pi)),
                twist=float(rng.normal(0, 0.35)),
                depth=0.0
                if nodule
                else float(rng.uniform(0.0, 0.35) if superficial else rng.uniform(0.55, 0.85)),
                nodule=bool(nodule),
                protrusion=float(rng.uniform(0.2, 0.5)),
            )
        )
    return tuple(found)


def vessel(rng: np.random.Generator, length: float) -> Vessel:
    """Draw a vessel of ``length`` mm."""
    count = round(length / STEP_MM) + 1
    z = np.arange(count) * STEP_MM
    size = rng.uniform(1.35, 2.6) if rng.random() < 0.9 else rng.uniform(2.6, 3.2)
    mean = np.clip(
        size
        + rng.uniform(0, 0.012) * (z - length / 2)
        + 0.05 * size * smooth(rng, count, STEP_MM, 6.0)[0],
        1.15,
        3.4,
    )
    eem = mean[:, None] * (1 + _outline(rng, count, (0.035, 0.012, 0.007)))
    near_normal = rng.random() < 0.3
    deposits = () if near_normal and rng.random() < 0.7 else _deposits(rng, length)
    lumen = _lumen(rng, z, length, eem, mean, near_normal=near_normal)
    calcium = np.zeros((count, LINES), bool)
    nodule = np.zeros((count, LINES), bool)
    depth = np.full((count, LINES), np.nan)
    for deposit in deposits:
        inside, lift = _extent(rng, deposit, z)
        calcium |= inside
        if deposit.nodule:
            lumen = np.maximum(lumen - lift * deposit.protrusion, 0.5)
            nodule |= inside
        jagged = (
            0.06 * smooth(rng, LINES, 1.0, 4.0)[0]
            + 0.05 * smooth(rng, count, STEP_MM, 1.0)[0][:, None]
        )
        depth = np.where(
            inside,
            np.fmin(
                np.where(np.isnan(depth), 9.0, depth),
                np.clip(deposit.depth + jagged * (not deposit.nodule), 0.0, 0.9),
            ),
            depth,
        )
    wall = eem - lumen
    edge = lumen + depth * wall
    branch, mouth = _branches(rng, z, length)
    free = ~calcium & (rng.random() < 0.8)
    lumen = lumen + mouth * free
    eem = np.maximum(eem, lumen + 0.1)
    return Vessel(
        length=length,
        eem=eem.astype(np.float32),
        lumen=lumen.astype(np.float32),
        calcium=calcium,
        edge=edge.astype(np.float32),
        nodule=nodule,
        branch=branch,
        mouth=(mouth * free).astype(np.float32),
        media=float(rng.uniform(0.08, 0.22)),
        fibrous=_patches(rng, z, length, rng.uniform(2, 9)),
        lipid=_patches(rng, z, length, rng.uniform(4, 9)),
        stent=_stent(rng, z, length, lumen),
        deposits=deposits,
    )


def _lumen(
    rng: np.random.Generator,
    z: NDArray[np.floating],
    length: float,
    eem: NDArray[np.float64],
    mean: NDArray[np.float64],
    *,
    near_normal: bool,
) -> NDArray[np.float64]:
    """An eccentric lumen that leaves the plaque burden drawn
    for its place: little at the ends, a lesion between.
    """
    ends = rng.uniform(0.08, 0.2 if near_normal else 0.4)
    peak = ends + ((0.3 if near_normal else 0.82) - ends) * rng.beta(2.2, 2.2)
    middle, spread = rng.uniform(0.3, 0.7) * length, rng.uniform(0.12, 0.4) * length
    burden = (
        ends
        + (peak - ends) * np.exp(-0.5 * ((z - middle) / spread) ** 2)
        + 0.05 * smooth(rng, len(z), STEP_MM, 3.0)[0]
    )
    burden = np.clip(burden, 0.06, 0.85)
    radius = np.maximum(mean * np.sqrt(1 - burden), 0.72)
    shape = _outline(rng, len(z), (0.07, 0.03, 0.015, 0.01))
    turn = rng.uniform(0, 2 * np.pi) + 0.7 * smooth(rng, len(z), STEP_MM, 6.0)[0]
    shift = np.maximum(mean - radius - 0.16, 0) * np.clip(
        rng.uniform(0.1, 1.0) + 0.2 * smooth(rng, len(z), STEP_MM, 5.0)[0], 0, 1
    )
    lumen = np.stack(
        [
            about(
                radius[i] * (1 + shape[i]), shift[i] * np.cos(turn[i]), shift[i] * np.sin(turn[i])
            )
            for i in range(len(z))
        ]
    )
    return np.minimum(lumen, eem - 0.12)


def _extent(
    rng: np.random.Generator, deposit: Deposit, z: NDArray[np.floating]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Where a deposit lies, and how far it lifts the lumen if it is a nodule (0 to 1)."""
    along = (z - deposit.start) / deposit.length
    taper = np.clip(np.minimum(along, 1 - along) / rng.uniform(0.08, 0.4), 0, 1) ** rng.uniform(
        0.3, 0.8
    )
    ripple = 1 + 0.06 * smooth(rng, len(z), STEP_MM, 2.0)[0]
    whole = deposit.arc > 6.2
    width = np.where(
        (along >= 0) & (along <= 1), deposit.arc * taper * (1.06 if whole else ripple), 0.0
    )
    middle = deposit.angle + deposit.twist * (along - 0.5)
    off = between(ANGLES[None, :], middle[:, None])
    inside = np.abs(off) < width[:, None] / 2
    rough = 1 + 0.25 * smooth(rng, LINES, 1.0, 3.0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        bump = np.where(
            width[:, None] > 0.05,
            np.cos(np.pi * np.clip(off / np.maximum(width[:, None], 0.05), -0.5, 0.5)),
            0.0,
        )
    return inside, np.clip(
        bump * rough * taper[:, None] * ((along >= 0) & (along <= 1))[:, None], 0, 1.4
    )


def _branches(
    rng: np.random.Generator, z: NDArray[np.floating], length: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Where side branches open, and by how much the lumen bulges into their mouths, mm."""
    mouth, bulge = np.zeros((len(z), LINES), bool), np.zeros((len(z), LINES))
    for _ in range(rng.choice(3, p=(0.45, 0.4, 0.15))):
        branch = Branch(
            rng.uniform(0, length),
            rng.uniform(1.0, 3.0),
            rng.uniform(0, 2 * np.pi),
            rng.uniform(0.4, 1.9),
        )
        along = (z - branch.start) / branch.length
        width = np.where(
            (along > 0) & (along < 1),
            branch.width * np.sqrt(np.clip(1 - (2 * along - 1) ** 2, 0, 1)),
            0,
        )
        off = np.abs(between(ANGLES[None, :], branch.angle))
        inside = off < width[:, None] / 2
        mouth |= inside
        round_ = np.cos(np.pi * np.clip(off / np.maximum(width[:, None], 0.05), 0, 0.5)) ** 0.7
        depth = rng.uniform(0.2, 1.7) * width[:, None] / branch.width
        bulge = np.maximum(bulge, depth * round_ * inside)
    return mouth, bulge


def _patches(
    rng: np.random.Generator, z: NDArray[np.floating], length: float, strength: float
) -> Array:
    """Smooth-edged patches of the wall, as dB, 0 elsewhere."""
    field = np.zeros((len(z), LINES))
    for _ in range(rng.choice(4, p=(0.3, 0.35, 0.2, 0.15))):
        where, extent = rng.uniform(0, length), rng.uniform(1, 6)
        angle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 2.2)
        along = np.exp(-(((z - where) / extent) ** 4))
        field = np.maximum(
            field,
            strength
            * along[:, None]
            * np.exp(-((between(ANGLES, angle)[None, :] / (width / 2)) ** 4)),
        )
    return field.astype(np.float32)


def _stent(
    rng: np.random.Generator, z: NDArray[np.floating], length: float, lumen: NDArray[np.float64]
) -> Array:
    """The radius of a stent's struts in some vessels,
    at the lumen or (malapposed) a little inside it.
    """
    stent = np.full(lumen.shape, np.nan, np.float32)
    if rng.random() < 0.14:
        start, extent = rng.uniform(0.05, 0.4) * length, rng.uniform(0.3, 0.6) * length
        inside = (z >= start) & (z <= start + extent)
        gap = 0.02 + (rng.uniform(0.1, 0.4) if rng.random() < 0.2 else 0.0) * np.exp(
            -((between(ANGLES, rng.uniform(0, 6.28)) / 0.6) ** 2)
        )
        stent[inside] = np.maximum(lumen[inside] - gap, 0.5)
    return stent
