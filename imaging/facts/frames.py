"""What a single frame says: areas, diameters, arcs, depth, visibility; one array entry a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts import geometry
from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.protocol import Protocol

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bounded:
    """A value a frame, with the least and the most that it may be. NaN where nothing is claimed."""

    low: Array
    value: Array
    high: Array

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Bounded:
        return Bounded(self.low[chosen], self.value[chosen], self.high[chosen])

    def ordered(self) -> Bounded:
        """With bounds that hold the value."""
        return Bounded(np.fmin(self.low, self.value), self.value, np.fmax(self.high, self.value))


@dataclass(frozen=True)
class Readings:
    """Of each frame; areas in mm² and lengths in mm where the scale is known, else NaN; angles in
    degrees about the lumen's centre of mass.

    Attributes:
        lumen_area: of the lumen.
        eem_area: of the external elastic membrane; NaN where too much of it is hidden.
        plaque_burden: percent of the EEM area that is not lumen.
        lumen_diameters: shortest and longest through the centre of mass.
        eem_diameters: likewise.
        eem_diameter: of the circle with the EEM's area.
        hidden: degrees of the membrane that can't be seen.
        arc: largest single arc of superficial calcium.
        any_arc: largest single arc of calcium at any depth.
        total_arc: of all calcium.
        of_open_depth: degrees of calcium whose depth is not known, without a membrane.
        gap: widest stretch that is neither calcium, by the least that can be claimed, nor wire.
        superficial: degrees of superficial calcium.
        deep: degrees of deep calcium.
        depth: median depth of the leading edge, as a fraction of plaque and media from the lumen,
            of the superficial part where there is one.
        deep_depth: the same of the deep part.
        wire: degrees that the guide wire hides inside calcium or its gaps.
        free_wall: thickest plaque and media on the lines without calcium, mm.
        nodule: a nodule candidate is seen.
        ring_low: calcium goes all the way round, by the least that can be claimed, gaps closed.
        ring_high: by the most that can't be excluded.
        calcified: the lines called calcium, wire gaps closed.
        superficial_lines: those of them that are superficial.
    """

    lumen_area: Bounded
    eem_area: Bounded
    plaque_burden: Bounded
    lumen_diameters: tuple[Array, Array]
    eem_diameters: tuple[Array, Array]
    eem_diameter: Bounded
    hidden: Array
    arc: Bounded
    any_arc: Bounded
    total_arc: Array
    of_open_depth: Array
    gap: Array
    superficial: Array
    deep: Array
    depth: Array
    deep_depth: Array
    wire: Array
    free_wall: Array
    nodule: NDArray[np.bool_]
    ring_low: NDArray[np.bool_]
    ring_high: NDArray[np.bool_]
    calcified: NDArray[np.bool_]
    superficial_lines: NDArray[np.bool_]


def read(curves: Curves, calibration: Calibration, protocol: Protocol) -> Readings:
    """Read every frame."""
    scale = np.nan if curves.scale_mm is None else curves.scale_mm
    lumen, eem = curves.lumen.astype(float), curves.eem.astype(float)
    centre = geometry.centroid(lumen)
    width = np.nan_to_num(geometry.widths(lumen, centre))
    hidden = (width * (curves.visible < 0.5)).sum(axis=1)
    hidden[~np.isfinite(eem).all(axis=1)] = 360.0
    lumen_area = _area(lumen, curves.lumen_sd * calibration.spread_lumen, scale, protocol)
    eem_area = _area(
        np.where((hidden > protocol.membrane_refused_deg)[:, None], np.nan, eem),
        curves.eem_sd * calibration.spread_eem,
        scale,
        protocol,
    )
    with np.errstate(invalid="ignore"):
        share = [
            100 * (1 - a / b)
            for a, b in (
                (lumen_area.high, eem_area.low),
                (lumen_area.value, eem_area.value),
                (lumen_area.low, eem_area.high),
            )
        ]
        diameter = [
            2 * np.sqrt(part / np.pi) for part in (eem_area.low, eem_area.value, eem_area.high)
        ]
    arcs = _arcs(curves, calibration, protocol, width, scale)
    return Readings(
        lumen_area=lumen_area,
        eem_area=eem_area,
        plaque_burden=Bounded(*(np.clip(part, 0, 100) for part in share)).ordered(),
        lumen_diameters=_diameters(lumen, scale),
        eem_diameters=_diameters(
            np.where(np.isfinite(eem_area.value)[:, None], eem, np.nan), scale
        ),
        eem_diameter=Bounded(*diameter).ordered(),
        hidden=hidden,
        **arcs,
    )


def _area(radius: Array, spread: NDArray[np.float32], scale: float, protocol: Protocol) -> Bounded:
    """Area with bounds; errors of neighbouring lines go together."""
    lines = radius.shape[1]
    value = geometry.area(radius) * scale**2
    apart = np.abs((np.arange(lines) + lines // 2) % lines - lines // 2) * 360 / lines
    shared = np.fft.rfft(np.exp(-0.5 * (apart / protocol.spread_deg) ** 2)).real
    pull = np.fft.rfft(np.nan_to_num(radius * spread), axis=1)
    variance = np.fft.irfft(np.abs(pull) ** 2 * shared, n=lines, axis=1)[:, 0]
    deviation = np.sqrt(np.maximum(variance, 0)) * (2 * np.pi / lines) * scale**2 * protocol.bound_z
    return Bounded(value - deviation, value, value + deviation)


def _diameters(radius: Array, scale: float) -> tuple[Array, Array]:
    shortest, longest = geometry.diameters(radius)
    return shortest * scale, longest * scale


DEGREES = ("total_arc", "of_open_depth", "gap", "superficial", "deep")


def _arcs(
    curves: Curves, calibration: Calibration, protocol: Protocol, width: Array, scale: float
) -> dict[str, Any]:
    """Everything about calcium, frame by frame."""
    count, lines = curves.lumen.shape
    names = (*DEGREES, "depth", "deep_depth", "wire", "free_wall")
    told: dict[str, Array] = {name: np.full(count, np.nan) for name in names}
    bounds = {name: np.full((3, count), np.nan) for name in ("arc", "any_arc")}
    edges = _edges(curves, protocol, scale)
    fractions, known = edges.fraction, edges.known()
    shallow_if = [
        edges.near(shift, protocol) for shift in (calibration.depth, 0.0, -calibration.depth)
    ]
    # without a membrane an edge away from the lumen may lie in the wall's inner half or not
    open_depth = ~np.isfinite(fractions) & ~shallow_if[1]
    shallow_if[2] |= open_depth
    nodule = np.zeros(count, bool)
    ring_low, ring_high = np.zeros(count, bool), np.zeros(count, bool)
    calcified = np.zeros((count, lines), bool)
    shallow = np.zeros((count, lines), bool)
    for f in range(count):
        if curves.refused[f] or not np.isfinite(curves.lumen[f]).all():
            continue
        if np.isnan(curves.calcium[f]).any():
            continue  # the drawer does not say
        wire = curves.wire[f] >= 0.5
        fraction = fractions[f]
        open_masks = [
            (curves.calcium[f] >= threshold) & ~wire
            for threshold in (calibration.at_least, calibration.likely, calibration.at_most)
        ]
        masks = [
            geometry.closed(mask, width[f], protocol.gap_closed_deg, wire) for mask in open_masks
        ]
        at_least, likely, at_most = masks
        near = _superficial(shallow_if[1][f], known[f], likely, width[f], protocol)
        calcified[f], shallow[f] = likely, near & likely
        for k, mask in enumerate((at_least, likely, at_most)):
            superficial = mask & _superficial(shallow_if[k][f], known[f], mask, width[f], protocol)
            # whether closing its last gap makes an arc a ring is decided over frames
            unclosed = _widest_gap(open_masks[k], width[f]) if mask.all() and k < 2 else 0.0
            bounds["arc"][k, f] = min(_largest(superficial, width[f]), 360.0 - unclosed)
            bounds["any_arc"][k, f] = min(_largest(mask, width[f]), 360.0 - unclosed)
            if k == 0:
                ring_low[f] = superficial.all()
                told["gap"][f] = _widest_gap(open_masks[k] | wire, width[f])
            elif k == 2:
                ring_high[f] = superficial.all()
        told["total_arc"][f] = width[f][likely].sum()
        told["of_open_depth"][f] = width[f][likely & open_depth[f] & known[f]].sum()
        told["superficial"][f], told["deep"][f] = (
            width[f][likely & near].sum(),
            width[f][likely & ~near].sum(),
        )
        half = protocol.superficial_fraction
        for name, part in (
            ("depth", likely & near & (fraction <= half)),
            ("deep_depth", likely & ~near & (fraction > half + 0.01)),
        ):
            if part.any():
                told[name][f] = float(np.clip(np.median(fraction[part]), 0, 1))
        told["wire"][f] = width[f][wire & likely].sum()
        free = (curves.eem[f] - curves.lumen[f])[~likely & (curves.visible[f] >= 0.5)] * scale
        told["free_wall"][f] = free.max() if len(free) else np.nan
        nodule[f] = _nodule(curves, f, likely, width[f], protocol, scale)
    return (
        told
        | {name: Bounded(*part).ordered() for name, part in bounds.items()}
        | {"nodule": nodule, "ring_low": ring_low, "ring_high": ring_high}
        | {"calcified": calcified, "superficial_lines": shallow}
    )


@dataclass(frozen=True)
class Edges:
    """Where the leading edges of calcium lie, ``(frames, lines)``.

    Attributes:
        fraction: depth as a fraction of the wall from the lumen; NaN without a membrane.
        distance: mm from the lumen; NaN without a scale.
        fraction_sd: standard deviation of the fraction, by those of lumen and membrane; 0 where
            none was stated.
        distance_sd: of the distance.
    """

    fraction: Array
    distance: Array
    fraction_sd: Array
    distance_sd: Array

    def known(self) -> NDArray[np.bool_]:
        """Where either tells something."""
        return np.isfinite(self.fraction) | np.isfinite(self.distance)

    def near(self, deeper: float, protocol: Protocol) -> NDArray[np.bool_]:
        """Lines whose edge is superficial, were it ``deeper`` by so many standard deviations: in
        the wall's inner half, or near the lumen.

        Behind calcium the wall's outer border is rarely seen, so nearness to the lumen decides
        where the fraction would not.
        """
        with np.errstate(invalid="ignore"):
            inner = self.fraction + deeper * self.fraction_sd < protocol.superficial_fraction
            return inner | (self.distance + deeper * self.distance_sd < protocol.near_lumen_mm)


def _edges(curves: Curves, protocol: Protocol, scale: float) -> Edges:
    """The leading edges, averaged along the vessel
    over the lines that are calcified in each frame.
    """
    lumen, eem, edge = (
        np.asarray(values, float) for values in (curves.lumen, curves.eem, curves.calcium_edge)
    )
    lumen_sd, eem_sd = (
        np.nan_to_num(np.asarray(values, float)) for values in (curves.lumen_sd, curves.eem_sd)
    )
    window, calcified = protocol.depth_window_mm, curves.calcium >= 0.5
    with np.errstate(invalid="ignore"):
        wall = np.maximum(eem - lumen, 1e-6)
        fraction = np.clip((edge - lumen) / wall, -0.5, 1.5)
        fraction_sd = np.hypot(lumen_sd * (1 - fraction), eem_sd * fraction) / wall
    return Edges(
        fraction=_steady(fraction, calcified, curves.z_mm, window),
        distance=_steady((edge - lumen) * scale, calcified, curves.z_mm, window),
        fraction_sd=np.nan_to_num(fraction_sd),
        distance_sd=lumen_sd * (scale if np.isfinite(scale) else 0.0),
    )


def _steady(values: Array, calcified: NDArray[np.bool_], z: Array, window: float) -> Array:
    """Values averaged along the vessel over the frames in which a line is calcified."""
    if len(z) < 2 or not np.isfinite(z).all():
        return values
    told = np.isfinite(values) & calcified
    filled, steady = np.where(told, values, 0.0), values.copy()
    for f in range(len(z)):
        near = np.flatnonzero(np.abs(z - z[f]) <= 3 * window)
        weight = np.exp(-0.5 * ((z[near] - z[f]) / window) ** 2)
        total = weight @ told[near]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight @ filled[near]) / total
        steady[f] = np.where(told[f], mean, values[f])
    return steady


def _superficial(
    near: NDArray[np.bool_],
    known: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    width: Array,
    protocol: Protocol,
) -> NDArray[np.bool_]:
    """Which lines of a calcium mask are superficial; narrow stretches, and lines without an edge (a
    wire's), go with the lines around them.
    """
    shallow = np.zeros(len(mask), bool)
    for run in geometry.circular_runs(mask):
        members = run.indices(len(mask))
        told = np.flatnonzero(known[members])
        if len(told):
            nearest = told[np.abs(np.arange(len(members))[:, None] - told[None, :]).argmin(axis=1)]
            shallow[members] = _merged(
                near[members][nearest], width[members], protocol.depth_stretch_deg
            )
    return shallow


def _merged(parts: NDArray[np.bool_], width: Array, least: float) -> NDArray[np.bool_]:
    """A sequence of True and False without stretches
    narrower than ``least``, the narrowest given up first.
    """
    parts = parts.copy()
    while True:
        edges = np.flatnonzero(np.diff(parts.astype(np.int8))) + 1
        bounds = list(zip([0, *edges], [*edges, len(parts)], strict=True))
        if len(bounds) == 1:
            return parts
        sizes = [float(width[a:b].sum()) for a, b in bounds]
        narrowest = int(np.argmin(sizes))
        if sizes[narrowest] >= least:
            return parts
        a, b = bounds[narrowest]
        parts[a:b] = ~parts[a:b]


def _widest_gap(mask: NDArray[np.bool_], width: Array) -> float:
    """The widest stretch that is not calcium, degrees."""
    found = geometry.circular_runs(~mask)
    return max((float(width[run.indices(len(mask))].sum()) for run in found), default=0.0)


def _largest(mask: NDArray[np.bool_], width: Array) -> float:
    """The largest single arc, degrees."""
    return (
        min(
            360.0,
            max(
                (
                    float(width[run.indices(len(mask))].sum())
                    for run in geometry.circular_runs(mask)
                ),
                default=0.0,
            ),
        )
        if mask.any()
        else 0.0
    )


def _nodule(
    curves: Curves, f: int, mask: NDArray[np.bool_], width: Array, protocol: Protocol, scale: float
) -> bool:
    """Whether some calcium at the lumen pushes it inward over a narrow arc."""
    if not mask.any() or not np.isfinite(scale):
        return False
    lumen = np.asarray(curves.lumen[f], float) * scale
    edge = np.asarray(curves.calcium_edge[f], float) * scale
    at_lumen = mask & (np.abs(edge - lumen) < protocol.nodule_edge_mm)
    for run in geometry.circular_runs(at_lumen):
        members = run.indices(len(mask))
        arc = width[members].sum()
        if not protocol.nodule_narrow_deg <= arc <= protocol.nodule_wide_deg:
            continue
        first, last = (
            lumen[members[0] - len(members) // 4],
            lumen[(members[-1] + len(members) // 4) % len(mask)],
        )
        chord = np.linspace(first, last, len(members))
        if (chord - lumen[members]).max() >= protocol.nodule_protrusion_mm:
            return True
    return bool(
        (curves.nodule[f] >= 0.5)[mask].any()
        and width[(curves.nodule[f] >= 0.5) & mask].sum() >= protocol.nodule_narrow_deg
    )
