"""A folder to look at: curves, pictures, the structured report, and what was run."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import calx
from calx.atomic import write_atomically
from calx.imaging.errors import ImagingError
from calx.imaging.facts.findings import Findings
from calx.imaging.model.segmenter import SegmentationRun
from calx.imaging.polar import to_polar
from calx.imaging.pullback import Pullback
from calx.imaging.report import pictures

COLUMNS = 1000
"""Most columns of a longitudinal view."""
HEIGHT = 200


def write(
    folder: Path,
    findings: Findings,
    case: dict[str, Any],
    pullback: Pullback | None = None,
    run: SegmentationRun | None = None,
) -> list[str]:
    """Write the report.

    Args:
        folder: to write into; files of an earlier report are replaced one by one, each whole.
        findings: of the recording.
        case: that came of them.
        pullback: the recording, for the pictures; None for contours without images.
        run: of the model; None for contours.

    Returns:
        The names of the files written.
    """
    if folder.exists() and not folder.is_dir():
        raise ImagingError("is a file; give a folder for the report", folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "frames", ignore_errors=True)
    (folder / "frames").mkdir()
    written = ["curves.npz", "curves.csv"]
    findings.whole.save(folder / "curves.npz")
    write_atomically(folder / "curves.csv", findings.whole.table())
    chosen = pictures.interesting(findings)
    columns = None
    if pullback is not None:
        columns = cut(pullback, findings)
        places = {int(number): k for k, number in enumerate(pullback.frame)}
        at = [places[int(findings.curves.frame[position])] for position in chosen]
        for position, grey in zip(chosen, pullback.images(at), strict=True):
            name = f"frames/frame-{int(findings.curves.frame[position]):05d}.png"
            write_atomically(folder / name, _png(pictures.overlay(grey, findings, position)))
            written.append(name)
    write_atomically(folder / "longitudinal.png", _png(pictures.longitudinal(columns, findings)))
    written.append("longitudinal.png")
    if pullback is not None and pullback.identifiers.get("SOPInstanceUID"):
        from calx.imaging.report.structured import report

        packed = io.BytesIO()
        report(findings, pullback.identifiers, case["measured"]["model"] or {}, chosen).save_as(
            packed, enforce_file_format=True
        )
        write_atomically(folder / "report.dcm", packed.getvalue())
        written.append("report.dcm")
    write_atomically(
        folder / "run.json",
        json.dumps(ran(findings, run, pullback, written), indent=1, ensure_ascii=False) + "\n",
    )
    return [*written, "run.json"]


def ran(
    findings: Findings, run: SegmentationRun | None, pullback: Pullback | None, written: list[str]
) -> dict[str, Any]:
    """What was run, on what, and what came of it."""
    told = {key: value for key, value in findings.provenance.items() if key != "notes"}
    return {
        "software": {"calx": calx.__version__, "numpy": np.__version__},
        **told,
        "frames": len(findings.whole),
        "frames_of_one_phase": len(findings.curves) if findings.curves.one_phase else None,
        "seconds": None if run is None else round(run.seconds, 2),
        "frames_per_second": None
        if run is None or not run.seconds
        else round(run.frames / run.seconds, 1),
        "refused_frames": {} if run is None else dict(run.refused),
        "notes": [] if pullback is None else list(pullback.notes),
        "files": written,
    }


def cut(pullback: Pullback, findings: Findings) -> NDArray[np.uint8]:
    """The longitudinal view: grey levels along the horizontal
    diameter, a column a frame, at most :data:`COLUMNS`.
    """
    places = {int(number): k for k, number in enumerate(pullback.frame)}
    frames = findings.curves.frame
    step = max(1, -(-len(frames) // COLUMNS))
    centre = ((pullback.shape[1] - 1) / 2, (pullback.shape[0] - 1) / 2)
    unit = pullback.pixel_mm or 1.0
    reach = float(findings.curves.provenance.get("reach", min(pullback.shape) / 2 * unit))
    plan = to_polar(pullback.shape, centre, unit, 2, HEIGHT // 2, reach)
    columns = [
        plan(grey) for grey in pullback.images([places[int(number)] for number in frames[::step]])
    ]
    return np.stack(
        [np.concatenate([column[1, ::-1], column[0]]) for column in columns], axis=1
    ).astype(np.uint8)


def _png(picture: Any) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()
