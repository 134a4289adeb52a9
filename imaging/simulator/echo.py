"""What a catheter hears in a vessel: lines of speckle, shadow and reverberation.

The convolution model: complex white noise, scaled by the echo level of each tissue and by what the
beam has lost on its way, blurred by the beam's point spread, and its modulus taken (fully developed
speckle is Rayleigh). Levels are dB relative to the adventitia. Sources of the ranges:
``docs/imaging.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from calx.imaging.simulator.anatomy import ANGLES, LINES, Array, Vessel, between, smooth

DEPTHS = 320
STEP_MM = 0.02
"""Samples along a line, and their distance: 6.4 mm."""
RADII = (np.arange(DEPTHS, dtype=np.float32) + 0.5) * np.float32(STEP_MM)
GAIN_MM = 0.8
"""Distance of the knots between which focus and time gain change along a line."""
BEHIND = -16.0
"""dB of transmission behind which the membrane is taken as hidden."""

Level = TypeVar("Level", NDArray[np.float32], np.float32)


@dataclass(frozen=True)
class Catheter:
    """A transducer and the settings of one recording:
    what changes between patients, machines and hands.
    """

    frequency_mhz: int
    radius: float
    solid_state: bool
    axial_fwhm: float
    lateral_fwhm: float
    blood: float
    plaque: float
    texture: float
    media_drop: float
    intima: tuple[float, float]
    perivascular: float
    fade: float
    uneven: float
    ring: float
    attenuation: float
    compensated: float
    noise: float
    ring_down: float
    wire: bool
    stasis: float
    clutter: tuple[float, float]
    halo: tuple[float, float]
    sheath: float
    side_lobe: float
    seam: float
    coarseness: float
    depth_gain: tuple[float, ...]

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, frequency: int | None = None, *, near_normal: bool = False
    ) -> Catheter:
        """Draw one; the frequency among 20, 40, 50 and 60 MHz unless given. In a near-normal vessel
        blood may be as bright as the thin intima, as the media is a border that can be seen.
        """
        mhz = (
            int(rng.choice((20, 40, 50, 60), p=(0.4, 0.25, 0.15, 0.2)))
            if frequency is None
            else frequency
        )
        low, high = (
            np.interp(mhz, (20, 40, 60), (-34, -20, -12)),
            np.interp(mhz, (20, 40, 60), (-19, -8, -3)),
        )
        plaque = float(rng.uniform(-18, -6) if mhz == 20 else rng.uniform(-14, -4))
        stasis = float(rng.uniform(4, 10)) if rng.random() < 0.12 else 0.0
        # where plaque is thick a border that no still frame shows has no truth that a reader could
        # draw: blood is told from it by some dB, seldom by so little that it can only be guessed
        apart = float(rng.uniform(3, 8) if rng.random() < 0.9 else 1.5)
        apart = -2.0 if near_normal else apart
        blood = min(float(rng.uniform(low, high)), plaque - stasis - apart)
        coarseness = float(rng.uniform(0.75, 1.3))
        return cls(
            frequency_mhz=mhz,
            radius=float(rng.uniform(0.45, 0.72)),
            solid_state=mhz == 20 and rng.random() < 0.85,
            axial_fwhm=float(
                np.interp(mhz, (20, 40, 50, 60), (0.13, 0.09, 0.065, 0.055))
                * coarseness
                * rng.uniform(0.9, 1.1)
            ),
            lateral_fwhm=float(
                np.deg2rad(np.interp(mhz, (20, 40, 50, 60), (7, 4.7, 3.4, 3.2)))
                * coarseness
                * rng.uniform(0.9, 1.1)
            ),
            blood=blood,
            plaque=plaque,
            texture=float(rng.uniform(1.5, 4)),
            media_drop=float(rng.uniform(2, 14)),
            intima=(float(rng.uniform(0, 7)), float(rng.uniform(0.05, 0.14))),
            perivascular=float(rng.uniform(-18, -1)),
            fade=float(rng.uniform(0, 10)),
            uneven=float(rng.uniform(1, 5) if rng.random() < 0.6 else rng.uniform(5, 14)),
            ring=float(rng.uniform(0.3, 1.0)),
            attenuation=float(rng.uniform(0.5, 1.1) * mhz / 10),
            compensated=float(rng.uniform(0.7, 1.05)),
            noise=float(rng.uniform(-50, -32)),
            ring_down=float(
                rng.uniform(0.15, 0.4) if rng.random() < 0.2 else rng.uniform(0.05, 0.16)
            ),
            wire=mhz != 20 and rng.random() < 0.96,
            stasis=stasis,
            clutter=(
                float(np.interp(mhz, (20, 40, 60), (1, 0.45, 0.3)) * rng.uniform(0.2, 0.85)),
                float(rng.uniform(-16, -1)),
            ),
            halo=(float(rng.uniform(0.3, 0.98)), float(rng.uniform(0.1, 0.5)))
            if rng.random() < 0.35
            else (0.0, 0.1),
            sheath=float(rng.uniform(0.5, 4)) if mhz != 20 and rng.random() < 0.5 else 0.0,
            side_lobe=float(rng.uniform(-30, -14)),
            seam=float(rng.normal(0, 5)) if mhz != 20 and rng.random() < 0.3 else 0.0,
            coarseness=coarseness,
            depth_gain=tuple(
                float(step)
                for step in rng.uniform(0, 3)
                * rng.standard_normal(round(DEPTHS * STEP_MM / GAIN_MM) + 2)
            ),
        )


@dataclass(frozen=True)
class Shadow:
    """A drop-out without a bright leading edge: air, oblique contact, a wire's twin."""

    angle: float
    width: float
    loss: float
    start: float


@dataclass(frozen=True)
class EchoLines:
    """The curves of one frame as the catheter sees them, one value a line, mm from the catheter.

    Attributes:
        lumen: the lumen's border, closed over side branches as a reader draws it.
        eem: the external elastic membrane, also where it can't be seen.
        calcium: calcium lies on this line.
        edge: its leading edge; NaN without.
        visible: the membrane can be seen.
        wire: the guide wire or its shadow covers this line.
        branch: a side branch opens here.
        nodule: the calcium is a nodule.
        stent: radius of the stent; NaN without.
        strut: a strut lies on this line.
    """

    lumen: Array
    eem: Array
    calcium: NDArray[np.bool_]
    edge: Array
    visible: NDArray[np.bool_]
    wire: NDArray[np.bool_]
    branch: NDArray[np.bool_]
    nodule: NDArray[np.bool_]
    stent: Array
    strut: NDArray[np.bool_]


def _seen(
    vessel: Vessel, at: int, dx: float, dy: float, scale: float, lines: NDArray[np.floating]
) -> dict[str, NDArray[np.generic]]:
    """The vessel's curves at one cross-section, from a
    catheter at ``(dx, dy)``, along ``lines`` (angles).
    """

    def curve(radius: Array) -> NDArray[np.float64]:
        x, y = radius * np.cos(ANGLES) - dx, radius * np.sin(ANGLES) - dy
        angle = np.arctan2(y, x)
        order = np.argsort(angle)
        seen: NDArray[np.float64] = np.interp(
            lines, angle[order], np.hypot(x, y)[order], period=2 * np.pi
        )
        return seen

    lumen, eem = curve(vessel.lumen[at] * scale), curve(vessel.eem[at])
    # the wall point that a line meets: its angle about the vessel's centre
    x, y = lumen * np.cos(lines) + dx, lumen * np.sin(lines) + dy
    wall = np.round(np.arctan2(y, x) / (2 * np.pi) * LINES).astype(int) % LINES
    eem = np.maximum(eem, lumen + 0.1)
    calcium = vessel.calcium[at][wall]
    depth = (vessel.edge[at][wall] - vessel.lumen[at][wall]) / np.maximum(
        vessel.eem[at][wall] - vessel.lumen[at][wall], 0.05
    )
    return {
        "lumen": lumen,
        "eem": eem,
        "calcium": calcium,
        "edge": np.where(calcium, lumen + depth * (eem - lumen), np.nan),
        "nodule": vessel.nodule[at][wall] & calcium,
        "branch": vessel.branch[at][wall] & ~calcium,
        "fibrous": vessel.fibrous[at][wall],
        "lipid": vessel.lipid[at][wall],
        "stent": lumen - (vessel.lumen[at] - vessel.stent[at])[wall],
    }


def _decibel(level: Level) -> Level:
    amplitude: Level = np.exp(level * np.float32(np.log(10) / 20))
    return amplitude


def frame(
    rng: np.random.Generator,
    vessel: Vessel,
    catheter: Catheter,
    at: int,
    position: tuple[float, float],
    *,
    scale: float = 1.0,
    lines: NDArray[np.floating] = ANGLES,
    wire: float | None = None,
    shadows: tuple[Shadow, ...] = (),
    struts: tuple[float, ...] = (),
) -> tuple[NDArray[np.float32], EchoLines]:
    """The envelope of one frame, ``(LINES, DEPTHS)``, and the truth behind it.

    Args:
        rng: of the speckle.
        vessel: what is imaged.
        catheter: what images it.
        at: number of the cross-section.
        position: of the catheter about the vessel's centre, mm.
        scale: of the lumen's radius, by the heart's pressure wave.
        lines: the physical direction of each line (they are not evenly spaced under non-uniform
            rotation).
        wire: angle of the guide wire; None without.
        shadows: drop-outs.
        struts: angles of stent struts, where the vessel has a stent here.
    """
    seen = _seen(vessel, at, *position, scale, lines)
    lumen, eem, calcium, edge = (
        np.asarray(seen[name]) for name in ("lumen", "eem", "calcium", "edge")
    )
    lumen, eem = lumen.astype(np.float32), eem.astype(np.float32)
    lumen = np.maximum(lumen, np.float32(catheter.radius + 0.03))
    eem = np.maximum(eem, lumen + np.float32(0.1))
    r = RADII[None, :]
    column_lumen, column_eem = lumen[:, None], eem[:, None]
    patches = _patches(rng, catheter.texture)
    plaque = (
        np.float32(catheter.plaque)
        + np.asarray(seen["fibrous"], np.float32)[:, None]
        - np.asarray(seen["lipid"], np.float32)[:, None]
        + patches
    )
    level = np.where(
        r < column_lumen, np.float32(catheter.blood + catheter.stasis) + 0.4 * patches, plaque
    )
    media = np.float32(min(vessel.media, 0.22))
    level = np.where(
        (r > column_eem - media) & (r < column_eem) & (r > column_lumen + 0.05),
        plaque - np.float32(catheter.media_drop),
        level,
    )
    outside = r - column_eem
    fall = np.clip(outside / np.float32(catheter.ring), 0, 1)
    beyond = _patches(rng, catheter.texture + catheter.uneven) - np.float32(
        catheter.fade
    ) * np.clip(outside - np.float32(catheter.ring), 0, None)
    level = np.where(
        outside >= 0,
        np.float32(catheter.perivascular) * fall**2 + fall * beyond + (1 - fall) * patches,
        level,
    )
    line = np.exp(-(((r - column_lumen) / np.float32(catheter.intima[1])) ** 2))
    level += np.float32(catheter.intima[0]) * line * (r >= column_lumen - 0.1)
    branch = np.asarray(seen["branch"], bool)
    if branch.any() and rng.random() < 0.7:
        mouth = (
            branch[:, None]
            & (r >= column_lumen - 0.05)
            & (r < column_lumen + np.float32(rng.uniform(1.0, 2.6)))
        )
        level = np.where(mouth, np.float32(catheter.blood + catheter.stasis) + 0.4 * patches, level)
    for _ in range(rng.choice(3, p=(0.5, 0.35, 0.15))):  # veins and neighbours outside the vessel
        angle, far, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.6), rng.uniform(0.2, 0.7)
        distance = np.hypot(
            (r - column_eem - far), (r * between(ANGLES, angle).astype(np.float32)[:, None])
        )
        level = np.where((distance < size) & (outside > 0.1), np.float32(catheter.blood), level)

    loss = _unevenness(rng, catheter)
    hidden = np.zeros(LINES, bool)
    if rng.random() < 0.35:
        hidden |= _oblique(rng, lumen, eem, r, loss)
    path = np.clip(r - np.float32(catheter.radius), 0, None)
    loss -= path * np.float32(catheter.attenuation / 10 * (1 - catheter.compensated) * 2)
    fibrous = np.asarray(seen["fibrous"], np.float32)
    loss -= np.clip(r - column_lumen, 0, 0.8) * fibrous[:, None] * np.float32(rng.uniform(0.2, 1.4))
    bright = np.zeros((LINES, DEPTHS), np.float32)
    tail = np.zeros((LINES, DEPTHS), np.float32)
    _glints(rng, ~calcium & ~branch, lumen, eem, r, loss, bright)
    if calcium.any():
        hidden |= _calcify(rng, catheter, calcium, edge, r, tail, loss, bright)
    for shadow in shadows:
        off = np.abs(between(ANGLES, shadow.angle)) / (shadow.width / 2)
        soft = (1 / (1 + np.exp((off - 1) * 9))).astype(np.float32)
        start = lumen * np.float32(shadow.start) + np.float32(catheter.radius * (1 - shadow.start))
        cut = np.float32(shadow.loss) * soft[:, None] * np.clip((r - start[:, None]) / 0.15, 0, 1)
        loss -= cut
        hidden |= shadow.loss * soft > -BEHIND
    covered = _wire(rng, catheter, lumen, wire, r, loss, bright)
    stent = np.asarray(seen["stent"], np.float32)
    strut = np.zeros(LINES, bool)
    for angle in struts if np.isfinite(stent).any() else ():
        strut |= _strut(rng, stent, angle, r, loss, bright)

    bright = _side_lobes(bright, catheter.side_lobe)
    amplitude = np.hypot(_decibel(level + loss), tail)
    noise = rng.standard_normal((2, LINES, DEPTHS), dtype=np.float32)
    field = _blur((noise[0] + 1j * noise[1]) * amplitude, catheter) + bright
    field += _decibel(np.float32(catheter.noise)) * (
        rng.standard_normal((LINES, DEPTHS), dtype=np.float32)
        + 1j * rng.standard_normal((LINES, DEPTHS), dtype=np.float32)
    )
    envelope = np.abs(field).astype(np.float32)
    ring = np.exp(
        -(((r - np.float32(catheter.radius)) / np.float32(catheter.ring_down)) ** 2)
    ) * np.float32(rng.uniform(0.2, 1.6))
    if catheter.sheath:
        ring += np.float32(catheter.sheath) * np.exp(
            -(((r - np.float32(catheter.radius + 0.08)) / np.float32(0.05)) ** 2)
        )
    held, wide = catheter.halo
    envelope *= 1 - np.float32(held) * np.exp(
        -(((r - np.float32(catheter.radius)) / np.float32(wide)) ** 2)
    )
    envelope += ring * (r >= catheter.radius)
    envelope *= r >= np.float32(catheter.radius * 0.97)
    whole = np.abs(np.asarray(branch)) == 0
    return envelope, EchoLines(
        lumen=lumen,
        eem=eem,
        calcium=calcium,
        edge=edge.astype(np.float32),
        visible=~hidden & ~covered & whole & (eem < DEPTHS * STEP_MM - 0.1),
        wire=covered,
        branch=branch,
        nodule=np.asarray(seen["nodule"], bool),
        stent=stent,
        strut=strut,
    )


def _patches(rng: np.random.Generator, deviation: float) -> NDArray[np.float32]:
    """Slow changes of echo level inside a tissue, dB: coarse noise, enlarged."""
    coarse = rng.standard_normal((LINES // 16, DEPTHS // 16), dtype=np.float32)
    coarse = np.concatenate([coarse, coarse[:1]])
    row, column = (
        np.linspace(0, LINES // 16, LINES, endpoint=False),
        np.linspace(0, DEPTHS // 16 - 1.001, DEPTHS),
    )
    i, j = row.astype(int), column.astype(int)
    u, v = (row - i).astype(np.float32)[:, None], (column - j).astype(np.float32)[None, :]
    top = coarse[i][:, j] * (1 - v) + coarse[i][:, j + 1] * v
    bottom = coarse[i + 1][:, j] * (1 - v) + coarse[i + 1][:, j + 1] * v
    enlarged: NDArray[np.float32] = np.float32(deviation) * (top * (1 - u) + bottom * u)
    return enlarged


def _unevenness(rng: np.random.Generator, catheter: Catheter) -> NDArray[np.float32]:
    """What the machine's gain adds, dB: along a line by focus and time gain, from line to line by
    the transducer and its seam.
    """
    knots = np.arange(len(catheter.depth_gain)) * GAIN_MM
    along = np.interp(RADII, knots, catheter.depth_gain)
    weights = rng.standard_normal((2, 3)) * (catheter.uneven / 2 / np.array([1.0, 2.0, 3.0]))
    turns = np.arange(1, 4)[:, None] * ANGLES
    across = weights[0] @ np.cos(turns) + weights[1] @ np.sin(turns)
    across += catheter.seam * (np.arange(LINES) / LINES - 0.5)
    loss: NDArray[np.float32] = (across[:, None] + along[None, :]).astype(np.float32)
    return loss


def _oblique(
    rng: np.random.Generator,
    lumen: NDArray[np.float32],
    eem: NDArray[np.float32],
    r: NDArray[np.float32],
    loss: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """A wall that is met obliquely: it fades behind its inner border, not at once; the lines on
    which the membrane is hidden.
    """
    off = np.abs(between(ANGLES, rng.uniform(0, 2 * np.pi))) / np.deg2rad(rng.uniform(20, 90))
    soft = (1 / (1 + np.exp((off - 1) * rng.uniform(3, 10)))).astype(np.float32)
    steep, begins = np.float32(rng.uniform(4, 20)), np.float32(rng.uniform(0, 0.3))
    loss -= soft[:, None] * steep * np.clip(r - lumen[:, None] - begins, 0, None)
    return np.asarray(soft * steep * (eem - lumen - begins) > -BEHIND)


def _calcify(
    rng: np.random.Generator,
    catheter: Catheter,
    calcium: NDArray[np.bool_],
    edge: NDArray[np.float64],
    r: NDArray[np.float32],
    tail: NDArray[np.float32],
    loss: NDArray[np.float32],
    bright: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Add leading edge, the tail of clutter behind it, shadow and reverberation in place; return
    the lines behind which the membrane is hidden.

    Real calcium is no clean line before black: its edge is broken and now and then weaker than the
    tissue beside it, and grainy echo fades behind it over a part of a millimetre at 20 MHz.
    """
    jagged = 0.03 * smooth(rng, LINES, 1.0, 3.0)[0] + 0.03 * smooth(rng, LINES, 1.0, 12.0)[0]
    border = np.where(calcium, np.nan_to_num(edge, nan=9.0) + jagged, 9.0).astype(np.float32)[
        :, None
    ]
    width = np.float32(rng.uniform(0.06, 0.16))
    strength = (
        rng.uniform(-4, 15) + rng.uniform(1, 5) * smooth(rng, LINES, 1.0, rng.uniform(2, 9))[0]
    ).astype(np.float32)[:, None]
    if rng.random() < 0.5:  # a broken edge
        breaks = smooth(rng, LINES, 1.0, rng.uniform(2, 6))[0] > rng.uniform(0.3, 1.5)
        strength -= np.float32(rng.uniform(5, 20)) * breaks.astype(np.float32)[:, None]
    pulse = np.exp(-(((r - border - width / 2) / (width / 1.6)) ** 2))
    bright += _decibel(strength) * pulse
    transmission = (rng.uniform(16, 45) + 3 * smooth(rng, LINES, 1.0, 8.0)[0]).astype(np.float32)
    if rng.random() < 0.15:  # thin calcium lets some through
        transmission *= np.float32(rng.uniform(0.4, 0.8))
    length = np.float32(catheter.clutter[0]) * np.clip(
        1 + np.float32(0.35) * smooth(rng, LINES, 1.0, 10.0)[0].astype(np.float32), 0.3, 2.0
    )
    behind = (r - border - width / 2) / length[:, None]
    start = np.float32(catheter.clutter[1]) + np.float32(2.5) * smooth(rng, LINES, 1.0, 5.0)[
        0
    ].astype(np.float32)
    falling = start[:, None] - np.float32(rng.uniform(1, 10)) * behind
    fade = np.clip((1.25 - behind) / np.float32(0.5), 0, 1)  # it ends softly
    tail += np.where((behind > 0) & (behind < 1.25), _decibel(np.clip(falling, -90, 20)) * fade, 0)
    loss -= transmission[:, None] * np.clip((r - border - width) / np.float32(0.1), 0, 1)
    if rng.random() < 0.25:
        spacing = border - np.float32(catheter.radius)
        fade = rng.uniform(12, 22)
        for echo in (1, 2):
            bright += (
                _decibel(strength - np.float32(fade * echo + 8))
                * np.exp(-(((r - border - echo * spacing) / np.float32(0.08)) ** 2))
                * calcium[:, None]
            )
    hidden: NDArray[np.bool_] = calcium & (transmission > -BEHIND)
    return hidden


def _glints(
    rng: np.random.Generator,
    free: NDArray[np.bool_],
    lumen: NDArray[np.float32],
    eem: NDArray[np.float32],
    r: NDArray[np.float32],
    loss: NDArray[np.float32],
    bright: NDArray[np.float32],
) -> None:
    """Add bright fibrous arcs in place: edges like those of calcium that let sound through."""
    for _ in range(rng.choice(3, p=(0.45, 0.35, 0.2))):
        angle, half = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(8, 50))
        soft = np.exp(-((between(ANGLES, angle) / half) ** 4)).astype(np.float32) * free
        place = lumen + np.float32(rng.choice((0.05, 0.4, 1.0))) * (eem - lumen)
        thick = np.float32(rng.uniform(0.04, 0.1))
        rough = np.float32(rng.uniform(1, 4)) * smooth(rng, LINES, 1.0, 4.0)[0].astype(np.float32)
        strength = _decibel(np.float32(rng.uniform(-4, 9)) + rough) * soft
        bright += strength[:, None] * np.exp(-(((r - place[:, None]) / thick) ** 2))
        loss -= (
            soft[:, None]
            * np.float32(rng.uniform(0, 7))
            * np.clip((r - place[:, None]) / np.float32(0.3), 0, 1)
        )


def _side_lobes(bright: NDArray[np.float32], level: float) -> NDArray[np.float32]:
    """Coherent echoes with what the beam's side lobes hear of them: weak arcs at the same depth, to
    the sides.
    """
    off = np.minimum(np.arange(LINES), LINES - np.arange(LINES)) * (360 / LINES)
    lobes = np.exp(-((off / 14) ** 2)) * (off > 0)
    lobes *= 10 ** (level / 20) / lobes.sum() * 8
    kernel = np.fft.rfft(lobes + (off == 0))
    spread: NDArray[np.float32] = np.fft.irfft(
        np.fft.rfft(bright, axis=0) * kernel[:, None], n=LINES, axis=0
    ).astype(np.float32)
    return spread


def _wire(
    rng: np.random.Generator,
    catheter: Catheter,
    lumen: NDArray[np.float32],
    angle: float | None,
    r: NDArray[np.float32],
    loss: NDArray[np.float32],
    bright: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """The guide wire: a bright point between catheter and wall, a narrow shadow behind it."""
    if angle is None:
        return np.zeros(LINES, bool)
    off = between(ANGLES, angle).astype(np.float32)
    near = float(np.interp(angle, ANGLES, lumen, period=2 * np.pi))
    where = min(catheter.radius + rng.uniform(0.12, 0.5), near - 0.02)
    point, shade = np.deg2rad(rng.uniform(2, 5)), np.deg2rad(rng.uniform(5, 20))
    bright += (
        np.float32(rng.uniform(0.2, 5))
        * np.exp(-((off[:, None] / (point / 1.5)) ** 2))
        * np.exp(-(((r - where) / 0.07) ** 2))
    )
    if rng.random() < 0.6:
        bright += (
            np.float32(rng.uniform(0.2, 1))
            * np.exp(-((off[:, None] / (point / 1.5)) ** 2))
            * np.exp(-(((r - 2 * where + catheter.radius) / 0.08) ** 2))
        )
    cut = np.exp(-((off / (shade / 2)) ** 4)) * np.float32(rng.uniform(10, 40))
    loss -= cut[:, None] * np.clip((r - np.float32(where + 0.1)) / np.float32(0.08), 0, 1)
    return np.asarray(np.abs(off) < shade / 2)


def _strut(
    rng: np.random.Generator,
    stent: NDArray[np.float32],
    angle: float,
    r: NDArray[np.float32],
    loss: NDArray[np.float32],
    bright: NDArray[np.float32],
) -> NDArray[np.bool_]:
    off = between(ANGLES, angle).astype(np.float32)
    where = np.float32(np.interp(angle, ANGLES, stent, period=2 * np.pi))
    width = np.deg2rad(rng.uniform(3, 7))
    bright += (
        np.float32(rng.uniform(1.5, 6))
        * np.exp(-((off[:, None] / (width / 1.7)) ** 2))
        * np.exp(-(((r - where) / np.float32(0.06)) ** 2))
    )
    cut = np.exp(-((off / (width / 2)) ** 4)) * np.float32(rng.uniform(4, 16))
    loss -= cut[:, None] * np.clip((r - where - np.float32(0.08)) / np.float32(0.1), 0, 1)
    return np.asarray(np.abs(off) < width / 2)


def _blur(field: NDArray[np.complex64], catheter: Catheter) -> NDArray[np.complex64]:
    """Blur by the beam, Gaussian along and across, circular
    across; the mean power of unit noise stays one.
    """
    sigma = (
        catheter.axial_fwhm / 2.355 / STEP_MM,
        catheter.lateral_fwhm / 2.355 / (2 * np.pi / LINES),
    )
    radial, angular = (
        np.exp(-2 * (np.pi * np.fft.fftfreq(count) * width) ** 2)
        for count, width in ((DEPTHS, sigma[0]), (LINES, sigma[1]))
    )
    power = np.sqrt((radial**2).mean() * (angular**2).mean())
    spectrum = np.fft.fft2(field.astype(np.complex64)) * (
        angular[:, None] * radial[None, :] / power
    ).astype(np.complex64)
    return np.asarray(np.fft.ifft2(spectrum) / np.sqrt(2), np.complex64)
