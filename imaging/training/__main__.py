"""``python -m calx.imaging.training OUT``: simulate, train, export, quantise, calibrate and judge;
everything that ships, from seeds alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import torch
import typer

from calx.atomic import write_atomically
from calx.imaging.model.grid import CURVES, DEPTHS, FLAGS, LINES, REACH_MM
from calx.imaging.model.network import Network
from calx.imaging.model.package import FORMAT, SHIPPED
from calx.imaging.training.card import card
from calx.imaging.training.data import PER_VESSEL, Frames, frames, of_vessel, together
from calx.imaging.training.evaluate import calibrate, judge, reads
from calx.imaging.training.families import FAMILIES, members
from calx.imaging.training.quantise import quantise
from calx.imaging.training.ranges import ranges
from calx.imaging.training.train import Schedule, export, train

TRAINING, CALIBRATION, TESTING = (
    range(1_000_000, 1_006_000),
    range(2_000_000, 2_001_000),
    range(3_000_000, 3_001_000),
)
"""Seeds of the vessels: disjoint, and none of them used elsewhere."""
PULLBACKS = 60
VERSION = "2.0.0"


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
            "normalised": True,
        },
        "output": {"name": "lines", "kind": "lines", "curves": list(CURVES), "flags": list(FLAGS)},
        **more,
    }
    write_atomically(folder / "model.json", json.dumps(model, indent=1, ensure_ascii=False) + "\n")


def main(
    out: Annotated[Path, typer.Argument(help="folder of the package")] = SHIPPED,
    steps: Annotated[int, typer.Option(help="of training")] = Schedule.steps,
    shorter: Annotated[
        int, typer.Option(help="steps of each training without a family of machines")
    ] = 700,
    vessels: Annotated[int, typer.Option(help="to learn from")] = len(TRAINING),
    pullbacks: Annotated[
        int, typer.Option(help="to calibrate on, and as many to test on at most")
    ] = PULLBACKS,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto")] = "auto",
    work: Annotated[
        Path | None,
        typer.Option(help="where networks are kept; those that are there are not trained again"),
    ] = None,
) -> None:
    """Train the model from scratch."""
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as given:
        made = Workshop(work or Path(given), vessels, device)
        made.folder.mkdir(parents=True, exist_ok=True)
        network = made.network("all machines", Schedule(steps=steps))
        export(network, out)
        quantise(out, together([of_vessel(seed) for seed in TRAINING[:64]]))
        described(out)
        left_out = {}
        for number, family in enumerate(FAMILIES):
            schedule = Schedule(steps=shorter, seed=Schedule.seed + 4 + number)
            left_out[family] = made.folder / f"without-{number}"
            left_out[family].mkdir(exist_ok=True)
            export(made.network(family, schedule), left_out[family])
            described(left_out[family])
        typer.echo("calibrating")
        domain = ranges(CALIBRATION[:pullbacks], out)
        each = max(2, pullbacks // 3)
        found = {
            family: list(reads(members(CALIBRATION, family, each), folder))
            for family, folder in left_out.items()
        }
        found["all machines"] = list(reads(CALIBRATION[:pullbacks], out))
        source = (
            f"{pullbacks} simulated pullbacks read by the model, and {each} of each family of "
            f"machines ({', '.join(FAMILIES)}) read by a model that never saw it"
        )
        calibration = calibrate(found, source)
        described(out, calibration=calibration.plain(), domain=domain)
        typer.echo("testing on seeds never used before")
        tested = judge(reads(TESTING[:pullbacks], out), calibration).summary()
        few = TESTING[: min(pullbacks, 24)]
        tested_int8 = judge(reads(few, out, int8=True), calibration).summary()
        metrics = {
            "simulated, unseen seeds, fp32": tested,
            "simulated, unseen seeds, int8": tested_int8,
        }
        for family, folder in left_out.items():
            seeds = members(TESTING, family, each)
            name = f"simulated, {family}, by a model that never saw such"
            metrics[name] = judge(reads(seeds, folder), calibration).summary()
    described(
        out,
        calibration=replace(calibration, readers=True).plain(),
        domain=domain,
        metrics=metrics,
        known_failures=list(FAILURES),
    )
    how = {
        "steps": steps,
        "shorter": shorter,
        "frames": made.count,
        "device": device,
        "minutes": round((time.monotonic() - started) / 60),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    write_atomically(out / "README.md", card(out, how))
    typer.echo(json.dumps(metrics, indent=1))


class Workshop:
    """Simulated frames, and the networks that learnt from them; what is in the folder stays."""

    def __init__(self, folder: Path, vessels: int, device: str) -> None:
        self.folder, self._seeds, self._device = folder, TRAINING[:vessels], device
        self.count = vessels * PER_VESSEL

    @cached_property
    def frames(self) -> Frames:
        """All of them; simulated when first wanted."""
        typer.echo(f"simulating {len(self._seeds)} vessels")
        return together(list(frames(self._seeds)))

    def network(self, without: str, schedule: Schedule) -> Network:
        """A network that learnt from all frames but those of a family."""
        kept = self.folder / f"{without.replace(' ', '-')}.pt"
        if kept.is_file():
            network = Network()
            network.load_state_dict(torch.load(kept, weights_only=True))
            return network.eval()
        learnt = self.frames
        if without in FAMILIES:
            learnt = learnt.part(~learnt.family[:, list(FAMILIES).index(without)])
        typer.echo(f"training without {without}" if without in FAMILIES else "training")
        network = train(learnt, schedule, self._device, typer.echo)
        torch.save(network.state_dict(), kept)
        return network


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
        "A wall that is met obliquely fades behind a bright border: it may be read as calcium, "
        "and thin calcium that lets sound through as plaque."
    ),
    (
        "Where blood is as bright as plaque (40 MHz and more) plaque may be drawn in a "
        "near-normal vessel; its interval is wide or the burden undecided."
    ),
    "Frames in the guiding catheter may be read as a ring of calcium: leave them out (--frames).",
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
