"""How well a model reads simulated pullbacks that it never saw, against their truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import Findings, facts
from calx.imaging.facts.geometry import runs
from calx.imaging.facts.protocol import protocol
from calx.imaging.model.drawing import LINES
from calx.imaging.model.package import load
from calx.imaging.model.runtime import Onnx
from calx.imaging.model.segmenter import segment
from calx.imaging.simulator import dicom
from calx.imaging.simulator.recording import simulate

Array = NDArray[np.float64]

INTERVALS = (
    "max_superficial_arc_deg",
    "superficial_arc_gt270_length_mm",
    "calcium_length_mm",
    "calcium_leading_edge_depth_fraction",
    "vessel_diameter_mm",
    "reference_vessel_diameter_mm",
    "minimum_lumen_area_mm2",
    "plaque_burden_at_mla_percent",
)
"""Measurements of a pullback whose intervals are judged."""
ARC_HOLDS = 0.90
"""Share of frames in which the interval of the superficial arc shall hold the truth."""
DECISIONS = ("arc_gt270_over_5mm", "calcium_ring_360")


@dataclass(frozen=True)
class Read:
    """A pullback as the model and as the truth have it."""

    seed: int
    drawn: Curves
    truth: Curves
    vessel: Curves
    refused: dict[str, int] = field(default_factory=dict)

    @cached_property
    def shown(self) -> Curves:
        """What really was in the frames that facts are read from."""
        one_phase = self.drawn.phase == 0
        return self.truth.part(one_phase) if one_phase.any() else self.truth

    @cached_property
    def seen(self) -> Findings:
        """Its facts."""
        return facts(self.shown, Calibration())

    @cached_property
    def facts(self) -> Findings:
        """What the vessel is like, whatever the heart did to the frames."""
        return self.seen if self.vessel is self.truth else facts(self.vessel, Calibration())


def read(
    seed: int,
    package: Path,
    *,
    length_mm: float = 24.0,
    frames_per_mm: float = 4.0,
    int8: bool = False,
    gated: bool = True,
) -> Read:
    """Simulate the recording of a seed and let the model draw it."""
    model = load(package)
    recording = simulate(seed, length_mm, frames_per_mm, gated=gated)
    seen: dict[int, Any] = {}
    run = segment(dicom.pullback(recording, seen), model, Onnx(model, threads=1, int8=int8))
    truth, still = dicom.truth(recording, [seen[k] for k in sorted(seen)]), recording.still()
    vessel = (
        truth
        if gated
        else dicom.truth(still, [still.envelope(number)[1] for number in range(len(still))])
    )
    return Read(seed, run.curves, truth, vessel, dict(run.refused))


def reads(seeds: Iterable[int], package: Path, workers: int = 2, **how: Any) -> Iterator[Read]:
    """The same of many seeds."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(read, package=package, **how), seeds)


def jaccard(one: NDArray[np.float32], other: NDArray[np.float32]) -> Array:
    """Overlap of two curves around one centre, frame by frame: shared area over joint area."""
    small, large = np.fmin(one, other).astype(float), np.fmax(one, other).astype(float)
    return np.asarray((small**2).sum(axis=1) / (large**2).sum(axis=1))


@dataclass(frozen=True)
class Judged:
    """A model's errors over many pullbacks.

    Attributes:
        lumen: Jaccard of every frame; likewise ``eem``.
        arc: difference of the superficial arc in every calcified frame, degrees (model minus
            truth).
        intervals: by measurement, ``(n, 4)``: value, low, high, truth.
        decisions: by decision, (said, truth), None for undecided.
        frames: by name, share of frames whose 90 % interval holds the truth.
        refused: share of frames that were refused.
        pullbacks: how many were judged.
        arc_width: mean width of the arcs' intervals, degrees.
    """

    lumen: Array
    eem: Array
    arc: Array
    intervals: dict[str, Array]
    decisions: dict[str, list[tuple[bool | None, bool]]]
    frames: dict[str, float]
    refused: float
    pullbacks: int
    arc_width: float

    def summary(self) -> dict[str, Any]:
        """Numbers for the model card."""
        told: dict[str, Any] = {
            "pullbacks": self.pullbacks,
            "frames": len(self.lumen),
            "frames_refused_share": round(self.refused, 4),
            "lumen_jaccard": round(float(self.lumen.mean()), 4),
            "eem_jaccard": round(float(self.eem.mean()), 4),
            "arc_mae_deg": round(float(np.abs(self.arc).mean()), 2),
            "frame_intervals_hold": {name: round(share, 3) for name, share in self.frames.items()},
            "intervals": {},
            "decisions": {},
        }
        for name, rows in self.intervals.items():
            if len(rows):
                error = np.abs(rows[:, 0] - rows[:, 3])
                error = error[np.isfinite(error)]
                held = (rows[:, 1] <= rows[:, 3] + 1e-9) & (rows[:, 3] <= rows[:, 2] + 1e-9)
                told["intervals"][name] = {
                    "n": len(rows),
                    "undecided": len(rows) - len(error),
                    "mae": round(float(error.mean()), 3) if len(error) else None,
                    "p95": round(float(np.percentile(error, 95)), 3) if len(error) else None,
                    "holds": round(float(held.mean()), 3),
                }
        for name, pairs in self.decisions.items():
            said = [pair for pair in pairs if pair[0] is not None]
            told["decisions"][name] = {
                "n": len(pairs),
                "yes": sum(truth for _, truth in pairs),
                "undecided": len(pairs) - len(said),
                "wrong": sum(a != b for a, b in said),
            }
        return told


def judge(found: Iterable[Read], calibration: Calibration) -> Judged:
    """Compare what was drawn with the truth, through the facts layer for both."""
    lumen, eem, arc = [], [], []
    intervals: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in INTERVALS}
    decisions: dict[str, list[tuple[bool | None, bool]]] = {name: [] for name in DECISIONS}
    within: dict[str, list[NDArray[np.bool_]]] = {
        "lumen_area_mm2": [],
        "eem_area_mm2": [],
        "superficial_arc_deg": [],
    }
    widths: list[Array] = []
    refused = frames = pullbacks = 0
    for item in found:
        said, true = facts(item.drawn, calibration), item.seen
        drawn, truth = item.drawn.read(), item.shown
        kept = drawn.refused == ""
        frames, refused, pullbacks = frames + len(kept), refused + int((~kept).sum()), pullbacks + 1
        true_lumen, true_eem = (
            truth.lumen[:, :: truth.lines // LINES],
            truth.eem[:, :: truth.lines // LINES],
        )
        lumen.append(jaccard(drawn.lumen[kept], true_lumen[kept]))
        eem.append(jaccard(drawn.eem[kept], true_eem[kept]))
        both = kept & ((true.readings.arc.value > 0) | (said.readings.arc.value > 0))
        widths.append((said.readings.arc.high - said.readings.arc.low)[both])
        arc.append((said.readings.arc.value - true.readings.arc.value)[both])
        for name, part in FRAME_PARTS.items():
            a, b = getattr(said.readings, part), getattr(true.readings, part).value
            chosen = np.isfinite(a.value) & np.isfinite(b) & (both if part == "arc" else kept)
            within[name].append(((a.low <= b + 1e-9) & (b <= a.high + 1e-9))[chosen])
        _compare(said, item.facts, intervals, decisions)
    return Judged(
        lumen=np.concatenate(lumen),
        eem=np.concatenate(eem),
        arc=np.concatenate(arc),
        intervals={name: np.array(rows, float).reshape(-1, 4) for name, rows in intervals.items()},
        decisions=decisions,
        frames={name: float(np.concatenate(parts).mean()) for name, parts in within.items()},
        refused=refused / max(frames, 1),
        pullbacks=pullbacks,
        arc_width=float(np.concatenate(widths).mean()),
    )


def _compare(
    said: Findings,
    true: Findings,
    intervals: dict[str, list[tuple[float, float, float, float]]],
    decisions: dict[str, list[tuple[bool | None, bool]]],
) -> None:
    calcified = true.facts["calcium_present"].value is True
    for name in INTERVALS:
        a, b = ((part.facts.get(name) or part.measures.get(name)) for part in (said, true))
        if (
            a is None
            or b is None
            or a.low is None
            or a.high is None
            or not isinstance(b.value, float)
        ):
            continue
        calcium = name not in (
            "vessel_diameter_mm",
            "reference_vessel_diameter_mm",
            "minimum_lumen_area_mm2",
            "plaque_burden_at_mla_percent",
        )
        trivial = name == "superficial_arc_gt270_length_mm" and b.value == 0 and a.high == 0
        if (calcified or not calcium) and not trivial:
            value = float(a.value) if isinstance(a.value, float) else float("nan")
            intervals[name].append((value, a.low, a.high, b.value))
    for name in DECISIONS:
        truth = true.measures[name].value
        if isinstance(truth, bool):
            answer = said.measures[name].value
            decisions[name].append((answer if isinstance(answer, bool) else None, truth))


FRAME_PARTS = {
    "lumen_area_mm2": "lumen_area",
    "eem_area_mm2": "eem_area",
    "superficial_arc_deg": "arc",
}
"""Readings of a frame whose intervals are judged."""
POOLED, ANY = 0.91, 0.87
"""Share of frames that intervals shall hold, of all families together and of every one."""


def calibrate(found: Mapping[str, list[Read]], source: str) -> Calibration:
    """Learn thresholds, factors and margins so that intervals hold nine times in ten, also for
    machines of a family that the model never saw, and decisions are right whenever they are made.

    Args:
        found: by family, recordings read by a model that was trained without that family.
        source: in words.
    """
    every = [item for items in found.values() for item in items]
    likely = min(
        (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
        key=lambda level: float(
            np.abs(judge(every[::2], Calibration(level, level, level)).arc).mean()
        ),
    )
    best = _bounded(found, replace(Calibration(likely, likely, likely), source=source))
    best = replace(
        best,
        spread_lumen=_factor(found, "lumen_area"),
        spread_eem=_factor(found, "eem_area"),
    )
    best = replace(best, nodule=_nodules(every, best))
    judged = judge(every, best)
    margins = {}
    for name, rows in judged.intervals.items():
        if len(rows) >= 10:
            score = np.maximum(rows[:, 1] - rows[:, 3], rows[:, 3] - rows[:, 2])
            least = float(np.quantile(score, min(1.0, 0.92 * (len(rows) + 1) / len(rows))))
            margins[name] = round(max(0.0, least), 4)
    best = replace(best, margins=margins)
    for degrees in (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0):
        best = replace(best, decision_deg=degrees * 1.5, decision_mm=degrees / 20)
        decided = judge(every, best).decisions.values()
        if not any(
            answer is not None and answer != truth for pairs in decided for answer, truth in pairs
        ):
            break
    return best


def _bounded(found: Mapping[str, list[Read]], best: Calibration) -> Calibration:
    """The narrowest thresholds whose arcs hold the truth often enough in every family."""
    odds, least = np.log(best.likely / (1 - best.likely)), np.inf
    chosen = best
    for depth in (0.5, 1.0, 2.0):
        for step in (0.5, 1.0, 1.5, 2.5, 4.0):  # in log-odds around the middle threshold
            high, low = (
                round(float(1 / (1 + np.exp(-(odds + sign * step)))), 4) for sign in (1, -1)
            )
            tried = replace(best, at_least=high, at_most=low, depth=depth)
            judged = [judge(items[::2], tried) for items in found.values()]
            held = [item.frames["superficial_arc_deg"] for item in judged]
            width = float(np.mean([item.arc_width for item in judged]))
            if np.mean(held) >= ARC_HOLDS and min(held) >= ANY and width < least:
                chosen, least = tried, width
    return chosen if np.isfinite(least) else tried


def _factor(found: Mapping[str, list[Read]], part: str) -> float:
    """By how much stated deviations are stretched so that intervals hold often enough in all
    families together and in each.
    """
    ratios = []
    for items in found.values():
        mine = []
        for item in items:
            said, true = facts(item.drawn, Calibration()), item.seen
            a, b = getattr(said.readings, part), getattr(true.readings, part).value
            known = np.isfinite(a.value) & np.isfinite(b)
            mine.append((np.abs(a.value - b) / np.maximum(a.high - a.value, 1e-6))[known])
        ratios.append(np.concatenate(mine))
    pooled = float(np.quantile(np.concatenate(ratios), POOLED))
    return round(max(pooled, *(float(np.quantile(ratio, ANY)) for ratio in ratios)), 2)


def _nodules(found: Iterable[Read], best: Calibration) -> tuple[float, float]:
    """Weights that make a candidate's score the share of candidates that are nodules: logistic
    regression, held back a little towards the score itself.
    """
    scores, true = [], []
    for item in found:
        readings = facts(item.drawn, best).readings
        least = int(protocol().nodule_frames)
        for run in (run for run in runs(readings.nodule) if run.stop - run.start >= least):
            told = readings.nodule_score[run.start : run.stop]
            if np.isfinite(told).any():
                scores.append(float(np.clip(np.nanmax(told), 1e-3, 1 - 1e-3)))
                true.append(bool((item.shown.nodule[run.start : run.stop] >= 0.5).any()))
    if len(scores) < 10:
        return (0.0, 1.0)
    design = np.column_stack(
        [np.ones(len(scores)), np.log(np.array(scores) / (1 - np.array(scores)))]
    )
    start = np.array([0.0, 1.0])
    weights, hold = start.copy(), np.diag([0.5, 2.0])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (np.array(true) - chance) - hold @ (weights - start)
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + hold
        weights = weights + np.linalg.solve(curve, slope)
    return (round(float(weights[0]), 3), round(float(weights[1]), 3))
