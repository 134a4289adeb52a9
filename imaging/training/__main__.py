"""``python -m calx.imaging.training OUT``: simulate, train, export, quantise, calibrate and judge;
everything that ships, from seeds alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from calx.atomic import write_atomically
from calx.imaging.model.grid import CURVES, DEPTHS, FLAGS, LINES, REACH_MM
from calx.imaging.model.package import FORMAT, SHIPPED
from calx.imaging.training.card import card
from calx.imaging.training.data import Frames, frames
from calx.imaging.training.evaluate import calibrate, judge, reads
from calx.imaging.training.quantise import quantise
from calx.imaging.training.ranges import ranges
from calx.imaging.training.train import Schedule, export, train

TRAINING, CALIBRATION, TESTING = (
    range(1_000_000, 1_004_800),
    range(2_000_000, 2_000_060),
    range(3_000_000, 3_000_060),
)
"""Seeds of the vessels: disjoint, and none of them used elsewhere."""
VERSION = "1.0.0"


def described(folder: Path, **more: object) -> None:
    """Write ``model.json`` for the files in a folder."""
    files = {
        file.name: f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in sorted(folder.iterdir())
        if file.suffix in (".onnx", ".safetensors")
    }
    model = {
        "format": FORMAT,
        "id": "calx-ivus-sim",
        "version": VERSION,
        "title": (
            "Lumen, external elastic membrane and calcium of intravascular ultrasound, line "
            "by line, learnt from simulated recordings alone"
        ),
        "licence": "Apache-2.0",
        "intended_use": (
            "Research, and proposals of facts that a professional confirms. Not for clinical use."
        ),
        "training_data": (
            "Simulated recordings only (python -m calx.imaging.training); no patient's data."
        ),
        "files": files,
        "input": {
            "name": "grey",
            "kind": "polar",
            "size": [LINES, DEPTHS],
            "reach_mm": REACH_MM,
            "channels": 1,
            "range": [0.0, 1.0],
            "mirrored": True,
        },
        "output": {"name": "lines", "kind": "lines", "curves": list(CURVES), "flags": list(FLAGS)},
        **more,
    }
    write_atomically(folder / "model.json", json.dumps(model, indent=1, ensure_ascii=False) + "\n")


def main(
    out: Annotated[Path, typer.Argument(help="folder of the package")] = SHIPPED,
    steps: Annotated[int, typer.Option(help="of training")] = Schedule.steps,
    vessels: Annotated[int, typer.Option(help="to learn from")] = len(TRAINING),
    pullbacks: Annotated[
        int, typer.Option(help="to calibrate on, and as many to test on at most")
    ] = len(CALIBRATION),
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto")] = "auto",
) -> None:
    """Train the model from scratch."""
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    typer.echo(f"simulating {vessels} vessels, then {steps} steps on {device}")
    parts = list(frames(TRAINING[:vessels]))
    learnt = Frames(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("grey", "curves", "flags")
        )
    )
    del parts
    network = train(learnt, Schedule(steps=steps), device, typer.echo)
    export(network, out)
    quantise(out, learnt)
    described(out)
    typer.echo("calibrating")
    domain = ranges(CALIBRATION[:pullbacks], out)
    found = list(reads(CALIBRATION[:pullbacks], out))
    calibration = calibrate(
        found,
        (
            f"{pullbacks} simulated pullbacks, seeds {CALIBRATION.start} to "
            f"{CALIBRATION.start + pullbacks - 1}"
        ),
    )
    described(out, calibration=calibration.plain(), domain=domain)
    typer.echo("testing on seeds never used before")
    tested = judge(reads(TESTING[:pullbacks], out), calibration).summary()
    tested_int8 = judge(reads(TESTING[: min(pullbacks, 24)], out, int8=True), calibration).summary()
    metrics = {
        "simulated, unseen seeds, fp32": tested,
        "simulated, unseen seeds, int8": tested_int8,
    }
    described(
        out,
        calibration=calibration.plain(),
        domain=domain,
        metrics=metrics,
        known_failures=list(FAILURES),
    )
    how = {
        "steps": steps,
        "frames": len(learnt),
        "device": device,
        "minutes": round((time.monotonic() - started) / 60),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    write_atomically(out / "README.md", card(out, how))
    typer.echo(json.dumps(metrics, indent=1))


FAILURES = (
    (
        "Learnt from simulated recordings alone: real recordings differ in ways that no test here "
        "shows."
    ),
    (
        "Whether calcium is superficial or deep is uncertain where the membrane is hidden behind "
        "it; the interval of the arc says so."
    ),
    (
        "A drop-out without a bright leading edge may be read as calcium, and thin calcium that "
        "lets sound through as plaque."
    ),
    "Nodules are proposed as candidates only; most are flat to it.",
    (
        "Struts are found one by one; overlapping stents, bioresorbable scaffolds and stents in "
        "stents were not in the training data."
    ),
    "Vessels that reach beyond 5 mm from the catheter are cut off.",
    (
        "Only concentric images (one catheter in the middle of the frame) are read; "
        "forward-looking or split displays are not."
    ),
)
"""Known failures, for model.json and the card."""


if __name__ == "__main__":
    typer.run(main)
