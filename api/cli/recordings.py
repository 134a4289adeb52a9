"""The command line for recordings: from a pullback to facts, and a person's corrections of them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calx.api.cli.app import app
from calx.api.cli.input import load_reasoner, wrong_use
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.case import CASE_ID
from calx.words import DEFAULT

if TYPE_CHECKING:
    from calx.imaging.facts.findings import Findings
    from calx.imaging.model.segmenter import Progress


class Processor(StrEnum):
    """Where the model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Phase(StrEnum):
    """Of the heart, where contours of both are there."""

    diastolic = "diastolic"
    systolic = "systolic"


@app.command()
def segment(
    pullback: Annotated[
        Path,
        typer.Argument(
            metavar="PULLBACK",
            help=(
                "A DICOM recording, a folder of PNG or JPEG frames, drawn contours, or the "
                "curves.npz of an earlier report."
            ),
        ),
    ],
    facts: Annotated[
        Path,
        typer.Option(
            "--facts",
            metavar="OUT.json",
            help="The case to write: its facts, with how sure they are and where they come from.",
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="A folder for pictures, curves, the structured report and what was run.",
        ),
    ] = None,
    case_id: Annotated[
        str | None,
        typer.Option(
            "--case-id",
            help="Id of the case; never a patient's name.",
            show_default="from the recording's digest",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="PACKAGE",
            help="A model package: a folder or zip with model.json.",
            show_default="the one that comes with Calx",
        ),
    ] = None,
    device: Annotated[
        Processor, typer.Option("--device", help="Where the model runs.")
    ] = Processor.auto,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            help="Threads of the processor.",
            min=1,
            max=64,
            show_default="the free cores, at most 4",
        ),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Eight-bit weights: about twice as fast on a processor.")
    ] = False,
    every: Annotated[int, typer.Option("--every", help="Read every n-th frame.", min=1)] = 1,
    frames: Annotated[
        tuple[int, int] | None,
        typer.Option(
            "--frames",
            metavar="FIRST LAST",
            help="Read these frames alone, without those in the guiding catheter for example.",
            show_default=False,
        ),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option("--spacing", help="Millimetres a pixel; overrules what the recording tells."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Speed of the pullback, mm/s.")
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second.")] = None,
    gated: Annotated[
        bool, typer.Option("--gated", help="All frames are of one phase of the heart.")
    ] = False,
    drawn: Annotated[
        str | None,
        typer.Option(
            "--drawn",
            metavar="LAYERS",
            help=(
                "Layers of drawn contours that were looked for in every frame, as "
                "lumen,eem,calcium: none drawn then means that there is none."
            ),
            show_default="a layer that is not drawn says nothing",
        ),
    ] = None,
    phase: Annotated[
        Phase, typer.Option("--phase", help="Of the heart, where contours of both are there.")
    ] = Phase.diastolic,
    stent: Annotated[
        tuple[int, int] | None,
        typer.Option(
            "--stent",
            metavar="FIRST LAST",
            help="Frames between which a stent was implanted.",
            show_default=False,
        ),
    ] = None,
    proximal_first: Annotated[
        bool, typer.Option("--proximal-first", help="The recording runs from proximal to distal.")
    ] = False,
) -> None:
    """Read the facts of a case from a recording: calcium, vessel and stent, each with its interval,
    its frames and the model.
    """
    if case_id is not None and not CASE_ID.fullmatch(case_id):
        wrong_use("--case-id: 1 to 64 letters, digits, '.', '_' or '-'; never a patient's name")
    for place in filter(None, (facts.parent, report.parent if report else None)):
        if not place.is_dir():
            wrong_use(f"{place}: no such folder")
    from calx.imaging.facts.case import case, save
    from calx.imaging.reading import Asked, read

    told = {"spacing_mm": spacing, "rate_mm_s": rate, "frames_per_second": fps}
    asked = Asked(
        told={key: value for key, value in told.items() if value is not None}
        | ({"gated": True} if gated else {})
        | ({"drawn": [name.strip() for name in drawn.split(",")]} if drawn else {}),
        phase=phase.value,
        model=model,
        device=device.value,
        threads=threads,
        int8=int8,
        every=every,
        frames=frames,
        stent=stent,
        distal_first=not proximal_first,
        partial=facts.with_name(f".{facts.name}.part"),
    )
    with _failures_in_words(asked.partial):
        with _watched() as (progress, say):
            found = read(pullback, asked, progress, say)
        made = case(found.findings, case_id)
        if report is not None:
            from calx.imaging.report.write import write

            write(report, found.findings, made, found.pullback, found.run)
        save(made, facts)
    if found.refusal:
        typer.echo(f"{pullback}: {found.refusal}", err=True)
        raise typer.Exit(AT_FAULT)
    typer.echo(summary(found.findings, facts, report))
    raise typer.Exit(DONE)


@contextlib.contextmanager
def _failures_in_words(partial: Path | None) -> Iterator[None]:
    """End the command with what was wrong; where it was stopped, say how to go on."""
    from calx.imaging.errors import ImagingError, NothingThereError

    try:
        yield
    except NothingThereError as error:
        wrong_use(str(error))
    except ImagingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(AT_FAULT) from None
    except KeyboardInterrupt:
        typer.echo(
            "stopped; the frames that were finished are kept: run the same command again to go "
            f"on ({partial})",
            err=True,
        )
        raise typer.Exit(AT_FAULT) from None


@contextlib.contextmanager
def _watched() -> Iterator[tuple[Callable[[Progress], None], Callable[[str], None]]]:
    """A bar on a terminal, else a line now and then, on standard error."""

    def say(line: str) -> None:
        typer.echo(line, err=True)

    if not sys.stderr.isatty():
        last = [0]

        def line(progress: Progress) -> None:
            if progress.done == progress.total or progress.done >= last[0] + 200:
                last[0] = progress.done
                say(
                    f"{progress.done} of {progress.total} frames, {progress.per_second:.0f} a "
                    f"second, {progress.seconds_left:.0f} s left"
                )

        yield line, say
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("reading frames"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("frames", total=None)
        yield (
            (lambda progress: bar.update(task, completed=progress.done, total=progress.total)),
            bar.console.print,
        )


def summary(findings: Findings, facts: Path, report: Path | None) -> str:
    """What was found, a fact a line."""
    lines = []
    for name, item in {**findings.facts, **findings.measures}.items():
        shown = item.plain()
        value, unit = (
            shown["value"],
            (shown["unit"] or "")
            .replace("mm2", "mm²")
            .replace("deg", "°")
            .replace("percent", "%")
            .replace("1", ""),
        )
        told = (
            "–"
            if value is None
            else str(value).lower()
            if isinstance(value, bool)
            else f"{value} {unit}".strip()
        )
        interval = (
            ""
            if shown["interval"] is None
            else f"  ({shown['interval'][0]:g} to {shown['interval'][1]:g})"
        )
        lines.append(
            f"  {name:38} {told}{interval}"
            + (
                ""
                if shown["status"] == "measured"
                else f"  [{shown['status']}] {shown['reason'] or ''}"
            )
        )
    places = f"written: {facts}" + (f", {report}" if report else "")
    return "\n".join(
        [
            *lines,
            places,
            f"next: calx recommend {facts}",
            "Not for clinical use: every fact is to be confirmed by a person.",
        ]
    )


@app.command()
def correct(
    facts: Annotated[
        Path, typer.Argument(metavar="FACTS.json", help="A case that calx segment wrote.")
    ],
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="FACT=VALUE...",
            help="Facts to overrule, as FACT=300; FACT=unknown withdraws one.",
        ),
    ],
    by: Annotated[
        str, typer.Option("--by", help="Who corrects: a role or initials, never a patient.")
    ],
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the correction.")] = "",
    ontology: Ontology = DEFAULT_DIRECTORY,
    lang: Lang = DEFAULT,
) -> None:
    """Overrule measured facts: the new value counts,
    the old one is kept, and the proof names both.
    """
    from calx.reasoner.intake.measurements import correct

    reasoner = load_reasoner(ontology)
    try:
        raw = json.loads(facts.read_text())
    except (OSError, ValueError) as error:
        wrong_use(f"{facts}: {error}")
    asked: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            wrong_use(f"{change}: write FACT=VALUE")
        with contextlib.suppress(ValueError):
            asked[name] = None if text == "unknown" else json.loads(text)
        asked.setdefault(name, text)
    try:
        made = correct(raw, asked, by, why)
        reasoner.gate.admit(made, lang)
    except CaseError as error:
        for problem in error.problems:
            typer.echo(f"{facts}: {problem}", err=True)
        raise typer.Exit(AT_FAULT) from None
    from calx.atomic import write_atomically

    write_atomically(facts, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    for name, value in asked.items():
        old = made["measured"]["facts"].get(name, {}).get("value")
        typer.echo(f"{name}: {json.dumps(old)} measured, now {json.dumps(value)} by {by}")
