"""Frames to curves: a model package run over a recording, a batch at a time, on the device that was chosen."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial as partial_of
from importlib.metadata import version
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from . import domain
from .curves import Curves
from .drawing import draw
from .errors import ImagingError
from .package import Package
from .polar import Grey, to_polar
from .pullback import Pullback

Array = NDArray[np.float32]

MOST_REFUSED = 0.5
"""Share of refused frames from which the whole recording is refused."""
PIXEL_MM = 0.004, 0.08
"""Sizes of a pixel that an intravascular ultrasound image has."""
LOOK = 128, 160
"""Lines and depths on which a labelling network's image is read."""


class Backend(Protocol):
    """What runs a network."""

    device: str

    def __call__(self, images: Array) -> Array:
        """``(n, channels, rows, columns)`` to the network's output."""


class Onnx:
    """ONNX Runtime, on the processor or through its CUDA provider."""

    def __init__(self, package: Package, *, device: Literal["cpu", "cuda"] = "cpu", threads: int | None = None, int8: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or free_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0" if (threads or free_cores()) > 1 else "1")
        providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
        name = "model.int8.onnx" if int8 else "model.onnx"
        try:
            self._session = onnxruntime.InferenceSession(package.weights(name), options, providers=providers)
        except ImagingError:
            raise
        except Exception as error:  # the runtime raises its own kinds, which share no base
            raise ImagingError(f"the runtime can't load {name}: {' '.join(str(error).split())[:200]}") from None
        inputs, outputs = {item.name for item in self._session.get_inputs()}, {item.name for item in self._session.get_outputs()}
        if package.input.name not in inputs or package.output.name not in outputs:
            raise ImagingError(f"{name} has inputs {', '.join(sorted(inputs))} and outputs {', '.join(sorted(outputs))}, not those that its description names")
        self._input, self._output = package.input.name, package.output.name
        used = self._session.get_providers()[0].removesuffix("ExecutionProvider").lower()
        self.device = f"{used} (ONNX Runtime {onnxruntime.__version__}, {'int8' if int8 else 'fp32'}, {options.intra_op_num_threads} threads)"

    def __call__(self, images: Array) -> Array:
        """Run the network."""
        try:
            found: Array = self._session.run([self._output], {self._input: images})[0]
        except Exception as error:  # as above
            raise ImagingError(f"the network can't be run on frames of this shape: {' '.join(str(error).split())[:200]}") from None
        return found


def free_cores() -> int:
    """Cores that this process may use, at most four: more gain little and disturb others."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, usable))


def backend(package: Package, device: str = "auto", threads: int | None = None, *, int8: bool = False) -> Backend:
    """The runtime for a device.

    Args:
        package: the model.
        device: ``cpu``; ``cuda``, where it is missing that is an error; ``auto``: cuda where there is one.
        threads: of the processor.
        int8: the quantised weights.

    Raises:
        ImagingError: the device is not there.
    """
    if device == "cpu" or (int8 and device == "auto"):
        return Onnx(package, threads=threads, int8=int8)
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return Onnx(package, device="cuda", threads=threads)
    try:
        import torch

        if torch.cuda.is_available() and "model.safetensors" in package.files:
            from .accelerated import Accelerated

            return Accelerated(package, "cuda")
    except ImportError:
        pass
    if device == "cuda":
        raise ImagingError("no CUDA device: install onnxruntime-gpu or torch with CUDA, or choose --device cpu (--int8 is the faster there)")
    return Onnx(package, threads=threads, int8=int8)


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
class Run:
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
) -> Run:
    """Draw the curves of a recording.

    Args:
        pullback: the recording.
        package: the model.
        runtime: what runs it.
        every: take every n-th frame.
        batch: frames at a time.
        partial: a folder for what is finished; an interrupted run of the same recording and model goes on from there.
        progress: is told after each batch.

    Raises:
        ImagingError: a frame can't be read, or the recording is not of the model's domain.
    """
    if pullback.pixel_mm is not None and not PIXEL_MM[0] <= pullback.pixel_mm <= PIXEL_MM[1]:
        raise ImagingError(
            f"{pullback.pixel_mm:g} mm a pixel is not the scale of intravascular ultrasound ({PIXEL_MM[0]:g} to {PIXEL_MM[1]:g}); correct it with --spacing"
        )
    positions = np.arange(0, len(pullback), max(1, every))
    started = time.monotonic()
    store = _Parts(
        partial, {"input": pullback.provenance.get("sha256"), "model": package.digest, "runtime": runtime.device, "every": every, "pixel_mm": pullback.pixel_mm}
    )
    look = Look(package, pullback)
    kept = store.done()
    if kept and progress:
        progress(Progress(kept, len(positions), 0.0))
    ran, wanted = 0, [int(position) for position in positions[kept:]]
    device = hasattr(runtime, "remapped") and package.input.kind == "polar" and package.output.kind == "lines"
    with ThreadPoolExecutor(free_cores() if device else 1) as pool:
        for greys in ahead(pullback.images(wanted), batch):
            images, raw = look.answered(greys, runtime)
            store.add(
                raw, list(pool.map(partial_of(domain_of, look), images, raw)) if device else [domain_of(look, *pair) for pair in zip(images, raw, strict=True)]
            )
            ran += len(greys)
            if progress:
                progress(Progress(kept + ran, len(positions), ran / max(time.monotonic() - started, 1e-9)))
    raw, rows = store.all()
    if len(raw) != len(positions):
        raise ImagingError(f"{len(positions)} frames were asked for and {len(raw)} came: the recording is cut short")
    provenance = {
        "drawn_by": "model",
        "model": package.named(),
        "input": dict(pullback.provenance),
        "gated": pullback.gated,
        "software": {"calx": version("calx")},
        "device": runtime.device,
        "every": every,
        "reach": look.reach,
        "notes": list(pullback.notes),
        "calibration": package.calibration.plain(),
        "not_for_clinical_use": True,
    }
    scale = None if pullback.pixel_mm is None else 1.0
    said, doubt = look.named(raw)
    drawn = draw(said, doubt, pullback.frame[positions], pullback.z_mm[positions], scale, look.reach, provenance)
    drawn.centre[:] = look.centre
    drawn = Curves(**{**drawn.__dict__, "pixel_mm": float("nan") if pullback.pixel_mm is None else pullback.pixel_mm})
    refused: dict[str, int] = {}
    for f, row in enumerate(rows):
        why = domain.outside(row, package.domain)
        if why:
            drawn.refused[f] = why[:200]
            refused[why] = refused.get(why, 0) + 1
    _withhold(drawn)
    store.clear()
    return Run(drawn, runtime.device, time.monotonic() - started, ran, refused)


def ahead(frames: Iterator[Grey], batch: int) -> Iterator[list[Grey]]:
    """Frames in batches, the next ones being decoded by a thread while the last are looked at; a few batches are in memory at a time."""
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


def refusal(run: Run) -> str:
    """Why the whole recording is refused; empty when it is not."""
    count, total = sum(run.refused.values()), len(run.curves)
    if count <= MOST_REFUSED * total:
        return ""
    why = max(run.refused, key=lambda key: run.refused[key])
    return f"{count} of {total} frames are not what the model learnt from (most often: {why}); nothing is claimed of the recording"


def _withhold(drawn: Curves) -> None:
    """Take back every claim about refused frames."""
    gone = drawn.refused != ""
    for name in ("lumen", "lumen_sd", "eem", "eem_sd", "calcium_edge", "stent"):
        getattr(drawn, name)[gone] = np.nan
    for name in ("calcium", "wire", "branch", "strut", "nodule", "visible"):
        getattr(drawn, name)[gone] = 0.0


class Look:
    """How a package sees frames, and how its answers become lines."""

    def __init__(self, package: Package, pullback: Pullback) -> None:
        self.package = package
        took = package.input
        self.centre = ((pullback.shape[1] - 1) / 2, (pullback.shape[0] - 1) / 2)
        half = min(pullback.shape) / 2
        pixel = pullback.pixel_mm
        reach = took.reach_mm if took.reach_mm is not None else half * (pixel or 1.0)
        if pixel is None:  # without a scale the image's half width stands for the usual depth of field
            self.reach, self.unit = half * (reach / 5.0) if took.kind == "polar" else half, 1.0
        else:
            self.reach, self.unit = reach, pixel
        self.scaled = pixel is not None
        lines, depths = took.size if took.kind == "polar" else LOOK
        self.plan = to_polar(pullback.shape, self.centre, self.unit, lines, depths, self.reach)
        self.shape = pullback.shape

    def seen(self, grey: Grey) -> Array:
        """A frame as the network wants it, 0..1, before channels and range."""
        if self.package.input.kind == "polar":
            return self.plan(grey) / np.float32(255)
        from PIL import Image

        rows, columns = self.package.input.size
        return np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BILINEAR), np.float32) / np.float32(255)

    def given(self, images: list[Array]) -> Array:
        """A batch for the network."""
        low, high = self.package.input.range
        stacked = np.stack(images)[:, None] * np.float32(high - low) + np.float32(low)
        return np.repeat(stacked, self.package.input.channels, axis=1)

    def answered(self, greys: list[Grey], runtime: Backend) -> tuple[list[Array], Array]:
        """Frames as the network sees them, and its answers as rows of lines."""
        if hasattr(runtime, "remapped") and self.package.output.kind == "lines":
            images, raw = runtime.remapped(np.stack(greys), self.plan)
            return list(images), raw
        seen = [self.seen(grey) for grey in greys]
        return seen, self.lines(runtime(self.given(seen)))

    def lines(self, output: Array) -> Array:
        """The network's output as ``(frames, rows, lines)``; rows as :meth:`named` reads them."""
        if self.package.output.kind == "lines":
            return output
        return np.stack([self._of_labels(scores) for scores in output])

    def _of_labels(self, scores: Array) -> Array:
        """Lines read off a map of label scores: how deep each tissue reaches along a line."""
        share = np.exp(scores - scores.max(axis=0))
        share /= share.sum(axis=0)
        rows, columns = share.shape[1:]
        plan = to_polar((rows, columns), ((columns - 1) / 2, (rows - 1) / 2), 1.0, *LOOK, min(rows, columns) / 2)
        names = self.package.output.labels
        blank = np.zeros(LOOK, np.float32)
        labels = {name: sum((plan(share[k]) for k, label in enumerate(names) if label == name), blank) for name in names}
        inner = labels["lumen"]
        whole = sum((labels.get(name, blank) for name in ("lumen", "wall", "calcium", "shadow", "strut")), blank)
        calcium = labels.get("calcium", blank)
        lumen, eem = inner.mean(axis=1), whole.mean(axis=1)
        edge = np.where(calcium.max(axis=1) > 0.5, (calcium > 0.5).argmax(axis=1) / LOOK[1], lumen)
        unsure = np.full(LOOK[0], 0.02, np.float32)
        flags = [labels.get(name, blank).max(axis=1) for name in ("calcium", "wire", "branch")]
        return np.stack([lumen, eem, edge, unsure, unsure, unsure, *flags]).astype(np.float32)

    def named(self, raw: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Means and probabilities by name, and deviations by name."""
        gave = self.package.output
        curves, flags = (gave.curves, gave.flags) if gave.kind == "lines" else (("lumen", "eem", "calcium_edge"), ("calcium", "wire", "branch"))
        count = len(curves)
        said = {name: raw[:, k] for k, name in enumerate(curves)} | {name: raw[:, 2 * count + k] for k, name in enumerate(flags)}
        return said, {name: raw[:, count + k] for k, name in enumerate(curves)}


def domain_of(look: Look, image: Array, line: Array, *, always: bool = False) -> dict[str, float]:
    """The statistics of a frame; none for a network that states no domain, unless they are wanted ``always``."""
    if not (always or look.package.domain) or look.package.input.kind != "polar" or look.package.output.kind != "lines":
        return {}
    said, doubt = look.named(line[None])
    reach = look.package.input.reach_mm or 5.0
    return domain.statistics(image, reach, said["lumen"][0] * reach, said["eem"][0] * reach, doubt["lumen"][0] * reach, doubt["eem"][0] * reach)


class _Parts:
    """What is finished of a run, kept in a folder until it ends."""

    PER_FILE = 200

    def __init__(self, folder: Path | None, key: dict[str, Any]) -> None:
        self._folder, self._key = folder, json.dumps(key, sort_keys=True, default=str)
        self._raw: list[Array] = []
        self._rows: list[dict[str, float]] = []
        self._saved = 0
        if folder is not None and (folder / "key.json").is_file() and (folder / "key.json").read_text() == self._key:
            for file in sorted(folder.glob("part-*.npz")):
                with np.load(file, allow_pickle=False) as part:
                    self._raw += list(part["raw"])
                    self._rows += json.loads(part["rows"].tobytes())
            self._saved = len(self._raw)
        elif folder is not None:
            self.clear()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "key.json").write_text(self._key)

    def done(self) -> int:
        return len(self._raw)

    def add(self, raw: Array, rows: list[dict[str, float]]) -> None:
        self._raw += list(raw)
        self._rows += rows
        if self._folder is not None and len(self._raw) - self._saved >= self.PER_FILE:
            beside = self._folder / ".part.npz"
            np.savez(beside, raw=np.stack(self._raw[self._saved :]), rows=np.frombuffer(json.dumps(self._rows[self._saved :]).encode(), np.uint8))
            beside.rename(self._folder / f"part-{self._saved:07d}.npz")
            self._saved = len(self._raw)

    def all(self) -> tuple[Array, list[dict[str, float]]]:
        return (np.stack(self._raw) if self._raw else np.zeros((0, 1, 1), np.float32)), self._rows

    def clear(self) -> None:
        if self._folder is not None and self._folder.is_dir():
            for file in (*self._folder.glob("part-*.npz"), self._folder / ".part.npz", self._folder / "key.json"):
                file.unlink(missing_ok=True)
            self._folder.rmdir()


def greys(pullback: Pullback, numbers: list[int]) -> Iterator[Grey]:
    """The images of some frame numbers."""
    places = {int(number): k for k, number in enumerate(pullback.frame)}
    yield from pullback.images(sorted(places[number] for number in numbers))
