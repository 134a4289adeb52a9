"""``python -m calx.imaging.simulator out.dcm --seed 7``:
a simulated pullback as DICOM, its truth beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from calx.atomic import write_atomically
from calx.imaging.facts.findings import facts
from calx.imaging.simulator import dicom
from calx.imaging.simulator.recording import simulate


def main(
    out: Annotated[
        Path,
        typer.Argument(
            help="the DICOM file to write; out.truth.npz and out.truth.json come beside it"
        ),
    ],
    seed: Annotated[int, typer.Option(help="the same seed gives the same recording")] = 1,
    length: Annotated[float, typer.Option(help="mm")] = 30.0,
    frames_per_mm: Annotated[float, typer.Option()] = 5.0,
    frequency: Annotated[
        int | None, typer.Option(help="MHz: 20, 40, 50 or 60; drawn from the seed unless given")
    ] = None,
    gated: Annotated[
        bool,
        typer.Option(
            help="frames of one phase of the heart; else it moves the catheter to and fro"
        ),
    ] = True,
) -> None:
    """Simulate a pullback; the truth tells of the vessel, whatever the heart does to its frames."""
    recording = simulate(seed, length, frames_per_mm, frequency, gated=gated)
    curves = dicom.write(
        recording,
        out,
        lambda done, total: typer.echo(f"\r{done} of {total} frames", nl=done == total, err=True),
    )
    still = recording.still()
    found = facts(
        curves
        if recording.gated
        else dicom.truth(still, [still.envelope(number)[1] for number in range(len(still))])
    )
    curves.save(out.with_suffix(".truth.npz"))
    told = {name: item.plain() for name, item in {**found.facts, **found.measures}.items()}
    write_atomically(
        out.with_suffix(".truth.json"), json.dumps({"seed": seed, "truth": told}, indent=1)
    )


if __name__ == "__main__":
    typer.run(main)
