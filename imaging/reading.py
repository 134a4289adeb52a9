"""The whole way from a path to findings: what the command line and the service both call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import Findings, facts
from calx.imaging.facts.stent import Stent
from calx.imaging.model.package import SHIPPED, load
from calx.imaging.model.runtime import backend
from calx.imaging.model.segmenter import Progress, SegmentationRun, refusal, segment
from calx.imaging.pullback import Pullback
from calx.imaging.readers.opened import open_recording
from calx.imaging.readers.sidecar import Sidecar


@dataclass(frozen=True)
class Asked:
    """What a user wants.

    Attributes:
        told: of the recording, as :class:`~calx.imaging.readers.sidecar.Sidecar` has it.
        phase: of the heart, where contours of both are there.
        model: a package; the shipped one unless given.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: of the processor.
        int8: the quantised weights.
        every: take every n-th frame.
        frames: first and last frame to read; all of them unless given.
        stent: first and last frame of an implanted stent.
        distal_first: the recording runs from distal to proximal.
        partial: a folder for what is finished while it runs.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    phase: str = "diastolic"
    model: Path | None = None
    device: str = "auto"
    threads: int | None = None
    int8: bool = False
    every: int = 1
    frames: tuple[int, int] | None = None
    stent: tuple[int, int] | None = None
    distal_first: bool = True
    partial: Path | None = None


@dataclass(frozen=True)
class Found:
    """What came of it.

    Attributes:
        findings: the facts and what they were read from.
        pullback: the recording; None for contours and curves.
        run: of the model; None for contours and curves.
        refusal: why nothing is claimed of the whole recording; empty when something is.
    """

    findings: Findings
    pullback: Pullback | None
    run: SegmentationRun | None
    refusal: str


def read(
    path: Path,
    asked: Asked | None = None,
    progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Found:
    """Read the facts of a recording.

    Args:
        path: what :func:`calx.imaging.readers.opened.open_recording` opens.
        asked: how.
        progress: is told after each batch of frames.
        say: is given the device and what a user should know.

    Raises:
        ImagingError: nothing can be read from it, and why.
    """
    asked = asked or Asked()
    source = open_recording(path, Sidecar.of(dict(asked.told), "options"), asked.phase)
    stent = None if asked.stent is None else Stent(*asked.stent)
    if isinstance(source, Curves) and path.suffix.lower() == ".npz" and asked.told:
        raise ImagingError(
            f"curves of an earlier run keep their scale and places; {', '.join(asked.told)} cannot "
            "be told of them. Run calx segment on the recording again",
            path,
        )
    if isinstance(source, Curves):
        for note in source.provenance.get("notes", ()):
            say(str(note))
        return Found(facts(source, stent=stent, distal_first=asked.distal_first), None, None, "")
    if asked.frames is not None:
        whole, source = source, source.between(*asked.frames)
        if not len(source):
            raise ImagingError(
                f"no frames {asked.frames[0]} to {asked.frames[1]}: it has {whole.frame[0]} to "
                f"{whole.frame[-1]}",
                path,
            )
    for note in source.notes:
        say(note)
    package = load(asked.model or SHIPPED)
    runtime = backend(package, asked.device, asked.threads, int8=asked.int8)
    say(f"{len(source)} frames with {package.id} {package.version} on {runtime.device}")
    run = segment(
        source,
        package,
        runtime,
        every=asked.every,
        batch=64 if "cpu" not in runtime.device else 4,
        partial=asked.partial,
        progress=progress,
    )
    say(_heart(run.curves))
    why = refusal(run)
    if why:
        run.curves.refused[:] = np.where(run.curves.refused == "", why[:200], run.curves.refused)
        for name in ("lumen", "eem"):
            getattr(run.curves, name)[:] = np.nan
    return Found(
        facts(run.curves, stent=stent if not why else None, distal_first=asked.distal_first),
        source,
        run,
        why,
    )


def _heart(curves: Curves) -> str:
    """What was found of the heart's phases, in words."""
    beat = curves.provenance.get("beat")
    if curves.provenance.get("gated"):
        return "gated: all frames are of one phase of the heart"
    if beat is None:
        return "not gated, and no clear beat in its pictures: every frame counts for itself"
    rate = f"{beat['per_minute']:g} a minute" if beat["per_minute"] else "of unknown rate"
    return (
        f"a beat every {beat['frames']:g} frames in its pictures ({rate}): facts are read from one "
        f"frame of each of {beat['beats']} beats, at the stillest phase"
    )
