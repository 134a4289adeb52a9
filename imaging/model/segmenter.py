"""Frames to curves: a model package run over a recording,
a batch at a time, on the device that was chosen.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial as partial_of
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

import calx
from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.protocol import protocol
from calx.imaging.model import domain
from calx.imaging.model.beat import Beat, beat, likeness
from calx.imaging.model.drawing import LINES, draw
from calx.imaging.model.field import standing
from calx.imaging.model.look import Look, domain_of
from calx.imaging.model.package import Package
from calx.imaging.model.runtime import Backend, Remapping, free_cores
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback

Array = NDArray[np.float32]

MOST_REFUSED = 0.5
"""Share of refused frames from which the whole recording is refused."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: frames.
        total: frames.
        per_second: frames, so far.
    """

    done: int
    total: int
    per_second: float

    @property
    def seconds_left(self) -> float:
        """At the rate so far."""
        return (self.total - self.done) / self.per_second if self.per_second else float("inf")


@dataclass(frozen=True)
class SegmentationRun:
    """What a run gave.

    Attributes:
        curves: of the frames that were read.
        device: on what it ran.
        seconds: of wall time, in this call.
        frames: that were run in this call (the others were kept from an interrupted one).
        refused: why frames were refused, with how many.
    """

    curves: Curves
    device: str
    seconds: float
    frames: int
    refused: Mapping[str, int]


def segment(
    pullback: Pullback,
    package: Package,
    runtime: Backend,
    *,
    every: int = 1,
    batch: int = 4,
    partial: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SegmentationRun:
    """Draw the curves of a recording.

    Args:
        pullback: the recording.
        package: the model.
        runtime: what runs it.
        every: take every n-th frame.
        batch: frames at a time.
        partial: a folder for what is finished; an interrupted run of the same recording and model
            goes on from there.
        progress: is told after each batch.

    Raises:
        ImagingError: a frame can't be read, or the recording is not of the model's domain.
    """
    plausible = protocol().plausible["spacing_mm"]
    if pullback.pixel_mm is not None and not plausible.holds(pullback.pixel_mm):
        raise ImagingError(
            f"{pullback.pixel_mm:g} mm a pixel is not the scale of intravascular ultrasound "
            f"({plausible}); correct it with --spacing"
        )
    positions = np.arange(0, len(pullback), max(1, every))
    started = time.monotonic()
    store = _Parts(
        partial,
        {
            "input": pullback.provenance.get("sha256"),
            "model": package.digest,
            "runtime": runtime.device,
            "every": every,
            "frames": [int(pullback.frame[0]), len(pullback)],
            "pixel_mm": pullback.pixel_mm,
        },
    )
    look = Look(package, pullback, [int(position) for position in positions])
    why = standing(look.field, pullback.shape, pullback.pixel_mm)
    kept = store.done()
    if kept and progress:
        progress(Progress(kept, len(positions), 0.0))
    provenance = _provenance(pullback, package) | {
        "device": runtime.device,
        "every": every,
        "reach": look.reach,
        "levels": [round(look.levels.black, 1), round(look.levels.white, 1)],
    }
    if why:
        store.clear()
        return _nothing(pullback, positions, provenance, runtime.device, why)
    ran, wanted = 0, [int(position) for position in positions[kept:]]
    device = isinstance(runtime, Remapping) and package.output.kind == "lines"
    with ThreadPoolExecutor(free_cores() if device else 1) as pool:
        for greys in ahead(pullback.images(wanted), batch):
            images, raw = look.answered(greys, runtime)
            rows = list(pool.map(partial_of(domain_of, look), images, raw))
            store.add(raw, rows, [likeness(image) for image in images])
            ran += len(greys)
            if progress:
                progress(
                    Progress(
                        kept + ran, len(positions), ran / max(time.monotonic() - started, 1e-9)
                    )
                )
    raw, rows, alike = store.all()
    if len(raw) != len(positions):
        raise ImagingError(
            f"{len(positions)} frames were asked for and {len(raw)} came: the recording is cut "
            "short"
        )
    scale = None if pullback.pixel_mm is None else 1.0
    heart = _beat(pullback, alike, every)
    if heart is not None:
        per_second = pullback.frames_per_second
        provenance["beat"] = {
            "frames": heart.frames * every,
            "per_minute": per_second and round(60 * per_second / (heart.frames * every), 1),
            "clear": round(heart.clear, 3),
            "beats": len(heart.read),
        }
    said, doubt = look.named(raw)
    drawn = draw(
        said,
        doubt,
        pullback.frame[positions],
        pullback.z_mm[positions],
        scale,
        look.reach,
        provenance,
        phase=None if heart is None else heart.phase,
    )
    drawn.centre[:] = look.centre
    pixel_mm = float("nan") if pullback.pixel_mm is None else pullback.pixel_mm
    drawn = replace(drawn, pixel_mm=pixel_mm)
    reasons = [domain.outside(row, package.domain) for row in rows]
    refused = dict(Counter(filter(None, reasons)))
    drawn.refused[:] = [reason[:200] for reason in reasons]
    vessel = 2 * np.sqrt((drawn.eem.astype(float) ** 2).mean(axis=1))[drawn.refused == ""]
    if len(vessel) and "eem" in drawn.drawn:
        why = standing(look.field, pullback.shape, pullback.pixel_mm, float(np.median(vessel)))
    if why:
        drawn.refused[:] = why[:200]
        refused = {why: len(drawn)}
    _withhold(drawn)
    store.clear()
    return SegmentationRun(drawn, runtime.device, time.monotonic() - started, ran, refused)


def _beat(pullback: Pullback, alike: Array, every: int) -> Beat | None:
    """The heartbeat in a recording that is not gated; the frames that were left out are counted."""
    if pullback.gated or (np.diff(pullback.frame) != 1).any():
        return None
    per_second = pullback.frames_per_second
    return beat(alike, None if per_second is None else per_second / every)


def _provenance(pullback: Pullback, package: Package) -> dict[str, Any]:
    """Who draws, and from what."""
    return {
        "drawn_by": "model",
        "model": package.named(),
        "input": dict(pullback.provenance),
        "gated": pullback.gated,
        "software": {"calx": calx.__version__},
        "notes": list(pullback.notes),
        "calibration": package.calibration.plain(),
        "not_for_clinical_use": True,
    }


def _nothing(
    pullback: Pullback,
    positions: NDArray[np.int64],
    provenance: Mapping[str, Any],
    device: str,
    why: str,
) -> SegmentationRun:
    """A run that claims nothing, as the pictures cannot be read as they are."""
    scale = None if pullback.pixel_mm is None else 1.0
    frame, z = pullback.frame[positions], pullback.z_mm[positions]
    drawn = Curves.empty(frame, z, LINES, scale, provenance)
    drawn.refused[:] = why[:200]
    _withhold(drawn)
    pixel_mm = float("nan") if pullback.pixel_mm is None else pullback.pixel_mm
    drawn = replace(drawn, pixel_mm=pixel_mm)
    return SegmentationRun(drawn, device, 0.0, 0, {why: len(drawn)})


def ahead(frames: Iterator[Grey], batch: int) -> Iterator[list[Grey]]:
    """Frames in batches, the next ones being decoded by a thread while the last are looked at; a
    few batches are in memory at a time.
    """
    ready: Queue[list[Grey] | BaseException | None] = Queue(maxsize=4)
    stopped = Event()

    def put(item: list[Grey] | BaseException | None) -> None:
        while not stopped.is_set():
            with contextlib.suppress(Full):
                ready.put(item, timeout=0.2)
                return

    def decode() -> None:
        try:
            while not stopped.is_set() and (greys := list(itertools.islice(frames, batch))):
                put(greys)
            put(None)
        except BaseException as error:  # handed to whoever waits for frames
            put(error)

    thread = Thread(target=decode, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def refusal(run: SegmentationRun) -> str:
    """Why the whole recording is refused; empty when it is not."""
    count, total = sum(run.refused.values()), len(run.curves)
    if count <= MOST_REFUSED * total:
        return ""
    why = max(run.refused, key=lambda key: run.refused[key])
    return (
        f"{count} of {total} frames are not what can be read (most often: {why}); nothing is "
        "claimed of the recording"
    )


def _withhold(drawn: Curves) -> None:
    """Take back every claim about refused frames."""
    gone = drawn.refused != ""
    for name in ("lumen", "lumen_sd", "eem", "eem_sd", "calcium_edge", "stent"):
        getattr(drawn, name)[gone] = np.nan
    for name in ("calcium", "wire", "branch", "strut", "nodule", "visible"):
        getattr(drawn, name)[gone] = 0.0


FRAMES_PER_PART = 200
"""Frames that are kept at a time; so many are read again after an interruption at most."""


class _Parts:
    """What is finished of a run, kept in a folder until it ends."""

    def __init__(self, folder: Path | None, key: dict[str, Any]) -> None:
        self._folder, self._key = folder, json.dumps(key, sort_keys=True, default=str)
        self._raw: list[Array] = []
        self._rows: list[dict[str, float]] = []
        self._alike: list[Array] = []
        self._saved = 0
        if (
            folder is not None
            and (folder / "key.json").is_file()
            and (folder / "key.json").read_text() == self._key
        ):
            for file in sorted(folder.glob("part-*.npz")):
                with np.load(file, allow_pickle=False) as part:
                    self._raw += list(part["raw"])
                    self._alike += list(part["alike"])
                    self._rows += json.loads(part["rows"].tobytes())
            self._saved = len(self._raw)
        elif folder is not None:
            self.clear()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "key.json").write_text(self._key)

    def done(self) -> int:
        return len(self._raw)

    def add(self, raw: Array, rows: list[dict[str, float]], alike: list[Array]) -> None:
        self._raw += list(raw)
        self._rows += rows
        self._alike += alike
        if self._folder is not None and len(self._raw) - self._saved >= FRAMES_PER_PART:
            beside = self._folder / ".part.npz"
            np.savez(
                beside,
                raw=np.stack(self._raw[self._saved :]),
                alike=np.stack(self._alike[self._saved :]),
                rows=np.frombuffer(json.dumps(self._rows[self._saved :]).encode(), np.uint8),
            )
            beside.rename(self._folder / f"part-{self._saved:07d}.npz")
            self._saved = len(self._raw)

    def all(self) -> tuple[Array, list[dict[str, float]], Array]:
        if not self._raw:
            return np.zeros((0, 1, 1), np.float32), [], np.zeros((0, 1), np.float32)
        return np.stack(self._raw), self._rows, np.stack(self._alike)

    def clear(self) -> None:
        if self._folder is not None and self._folder.is_dir():
            for file in (
                *self._folder.glob("part-*.npz"),
                self._folder / ".part.npz",
                self._folder / "key.json",
            ):
                file.unlink(missing_ok=True)
            self._folder.rmdir()
