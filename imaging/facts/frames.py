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
        total_arc: of all calcium together.
        seen_arc: the most that the superficial arc may be by what was seen, without shadows that
            nothing explains; ``arc`` holds these.
        seen_any_arc: likewise of calcium at any depth.
        shadow: degrees of the widest shadow that nothing explains.
        of_open_depth: degrees of calcium whose depth is not known, without a membrane.
        gap: widest stretch that is neither calcium, by the least that can be claimed, nor wire.
        superficial: degrees of superficial calcium.
        deep: degrees of deep calcium.
        depth: median depth of the leading edge, as a fraction of plaque and media from the lumen,
            of the superficial part where there is one.
        deep_depth: the same of the deep part.
        wire: degrees that the guide wire hides inside calcium or its gaps.
        free_wall: thickest plaque and media on the lines without calcium, mm.
        opposite_wall: thinnest plaque and media opposite the calcium, mm, where it is seen.
        nodule: a nodule candidate is seen.
        nodule_score: how much of a nodule the drawer sees there, 0..1; NaN without a word of it.
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
    total_arc: Bounded
    seen_arc: Array
    seen_any_arc: Array
    shadow: Array
    of_open_depth: Array
    gap: Array
    superficial: Array
    deep: Array
    depth: Array
    deep_depth: Array
    wire: Array
    free_wall: Array
    opposite_wall: Bounded
    nodule: NDArray[np.bool_]
    nodule_score: Array
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
    reader = protocol.reader_mm if calibration.readers else 0.0
    lumen_area = _area(lumen, curves.lumen_sd * calibration.spread_lumen, scale, protocol, reader)
    eem_area = _area(
        np.where((hidden > protocol.membrane_refused_deg)[:, None], np.nan, eem),
        curves.eem_sd * calibration.spread_eem,
        scale,
        protocol,
        reader,
    )
    with np.errstate(invalid="ignore"):
        burden = 100 * (1 - lumen_area.value / eem_area.value)
        # the errors of the two borders are each their own
        either = np.hypot(
            (lumen_area.high - lumen_area.value) / eem_area.value,
            (eem_area.high - eem_area.value) * lumen_area.value / eem_area.value**2,
        )
        share = [burden - 100 * either, burden, burden + 100 * either]
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


def _area(
    radius: Array, spread: NDArray[np.float32], scale: float, protocol: Protocol, reader: float
) -> Bounded:
    """Area with bounds; errors of neighbouring lines go together, those of a reader all round."""
    lines = radius.shape[1]
    value = geometry.area(radius) * scale**2
    apart = np.abs((np.arange(lines) + lines // 2) % lines - lines // 2) * 360 / lines
    shared = np.fft.rfft(np.exp(-0.5 * (apart / protocol.spread_deg) ** 2)).real
    pull = np.fft.rfft(np.nan_to_num(radius * spread), axis=1)
    variance = np.fft.irfft(np.abs(pull) ** 2 * shared, n=lines, axis=1)[:, 0]
    drawn = np.sqrt(np.maximum(variance, 0)) * (2 * np.pi / lines) * scale**2
    read = 2 * np.pi * radius.mean(axis=1) * scale * reader
    deviation = np.hypot(drawn, read) * protocol.bound_z
    return Bounded(value - deviation, value, value + deviation)


def _diameters(radius: Array, scale: float) -> tuple[Array, Array]:
    shortest, longest = geometry.diameters(radius)
    return shortest * scale, longest * scale


DEGREES = ("seen_arc", "seen_any_arc", "shadow", "of_open_depth", "gap", "superficial", "deep")


def _arcs(
    curves: Curves, calibration: Calibration, protocol: Protocol, width: Array, scale: float
) -> dict[str, Any]:
    """Everything about calcium, frame by frame."""
    count, lines = curves.lumen.shape
    names = (*DEGREES, "depth", "deep_depth", "wire", "free_wall", "nodule_score")
    told: dict[str, Array] = {name: np.full(count, np.nan) for name in names}
    bounded = ("arc", "any_arc", "total_arc", "opposite_wall")
    bounds = {name: np.full((3, count), np.nan) for name in bounded}
    unexplained = _unexplained(curves, calibration)
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
        shadow = _wide(unexplained[f] & ~at_most, width[f], protocol.shadow_deg)
        told["shadow"][f] = _largest(shadow, width[f])
        near = _superficial(shallow_if[1][f], known[f], likely, width[f], protocol)
        calcified[f], shallow[f] = likely, near & likely
        for k, mask in enumerate((at_least, likely, at_most)):
            superficial = mask & _superficial(shallow_if[k][f], known[f], mask, width[f], protocol)
            # whether closing its last gap makes an arc a ring is decided over frames
            unclosed = _widest_gap(open_masks[k], width[f]) if mask.all() and k < 2 else 0.0
            bounds["arc"][k, f] = min(_largest(superficial, width[f]), 360.0 - unclosed)
            bounds["any_arc"][k, f] = min(_largest(mask, width[f]), 360.0 - unclosed)
            bounds["total_arc"][k, f] = width[f][mask].sum()
            if k == 2:
                told["seen_arc"][f], told["seen_any_arc"][f] = (
                    bounds[name][k, f] for name in ("arc", "any_arc")
                )
                if shadow.any():  # what it hides may be calcium, and superficial
                    hides = geometry.closed(superficial | shadow, width[f], protocol.gap_closed_deg)
                    bounds["arc"][k, f] = max(bounds["arc"][k, f], _largest(hides, width[f]))
                    hides = geometry.closed(mask | shadow, width[f], protocol.gap_closed_deg)
                    bounds["any_arc"][k, f] = max(
                        bounds["any_arc"][k, f], _largest(hides, width[f])
                    )
                    bounds["total_arc"][k, f] += width[f][shadow & ~mask].sum()
                    superficial = superficial | shadow
            if k == 0:
                ring_low[f] = superficial.all()
                told["gap"][f] = _widest_gap(open_masks[k] | wire, width[f])
            elif k == 2:
                ring_high[f] = superficial.all()
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
        bounds["opposite_wall"][:, f] = _opposite(
            curves, calibration, f, likely, width[f], protocol, scale
        )
        nodule[f] = _nodule(curves, f, likely, width[f], protocol, scale)
        told["nodule_score"][f] = _nodule_score(curves.nodule[f], likely, width[f], protocol)
    return (
        told
        | {name: Bounded(*part).ordered() for name, part in bounds.items()}
        | {"nodule": nodule, "ring_low": ring_low, "ring_high": ring_high}
        | {"calcified": calcified, "superficial_lines": shallow}
    )


def _unexplained(curves: Curves, calibration: Calibration) -> NDArray[np.bool_]:
    """Lines on which a model sees no membrane, and nothing that would hide it: neither calcium nor
    wire, branch or strut. A person who draws has an explanation.
    """
    if curves.provenance.get("drawn_by") != "model" or "eem" not in curves.drawn:
        return np.zeros(curves.lumen.shape, bool)
    reasons = (curves.wire >= 0.5) | (curves.branch >= 0.5) | (curves.strut >= 0.5)
    return np.asarray((curves.visible < 0.5) & (curves.calcium < calibration.at_most) & ~reasons)


def _wide(mask: NDArray[np.bool_], width: Array, least: float) -> NDArray[np.bool_]:
    """The stretches of a circular mask that are at least so many degrees wide."""
    kept = np.zeros(len(mask), bool)
    for run in geometry.circular_runs(mask):
        members = run.indices(len(mask))
        kept[members] = width[members].sum() >= least
    return kept


def _opposite(
    curves: Curves,
    calibration: Calibration,
    f: int,
    mask: NDArray[np.bool_],
    width: Array,
    protocol: Protocol,
    scale: float,
) -> tuple[float, float, float]:
    """The thinnest wall opposite the largest arc of calcium, with its bounds; NaN where the
    membrane is not seen in most of that sector, or without calcium.
    """
    none = (np.nan, np.nan, np.nan)
    found = geometry.circular_runs(mask)
    if not found or mask.all() or "eem" not in curves.drawn or curves.branch[f].max() >= 0.5:
        return none
    largest = max(found, key=lambda run: float(width[run.indices(len(mask))].sum()))
    middle = (largest.start + largest.stop) / 2 + len(mask) / 2
    half = protocol.wall_opposite_deg / 720 * len(mask)
    sector = np.arange(round(middle - half), round(middle + half) + 1) % len(mask)
    seen = sector[(curves.visible[f, sector] >= 0.5) & ~mask[sector]]
    if len(seen) < len(sector) / 2:
        return none
    wall = (curves.eem[f, seen] - curves.lumen[f, seen]).astype(float) * scale
    spread = scale * np.hypot(
        calibration.spread_lumen * curves.lumen_sd[f, seen],
        calibration.spread_eem * curves.eem_sd[f, seen],
    )
    at, sure = int(np.argmin(wall)), protocol.bound_z * np.nan_to_num(spread)
    return max(0.0, float(wall[at] - sure[at])), float(wall[at]), float(wall[at] + sure[at])


def _nodule_score(
    nodule: NDArray[np.float32], mask: NDArray[np.bool_], width: Array, protocol: Protocol
) -> float:
    """The mean of the drawer's word over the narrowest nodule's width, where it is highest."""
    if not mask.any() or np.isnan(nodule).any():
        return np.nan
    lines = max(1, round(protocol.nodule_narrow_deg / 360 * len(nodule)))
    kernel = np.zeros(len(nodule))
    kernel[:lines] = 1 / lines
    shown = np.where(mask, nodule, 0.0)
    return float(np.fft.irfft(np.fft.rfft(shown) * np.fft.rfft(kernel), n=len(nodule)).max())


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
