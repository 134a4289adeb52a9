"""Cohorts: a registry is scored, simulated, reported on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import fail, load_reasoner, wrong_use
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT

if TYPE_CHECKING:
    from calx.reasoner.cohorts.column_map import ColumnMap
    from calx.reasoner.cohorts.run import Progress, Scored

cohort = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Score a registry, a lesion a row; report on it; simulate one.",
)
app.add_typer(cohort, name="cohort")

STOPPED = 130
"""The status of a command that was stopped by hand."""


@cohort.command()
def run(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... OUT",
            help=(
                "Files of lesions (Parquet, CSV, Arrow, JSON lines, FHIR bulk export, a database), "
                "then the results: a .parquet file, or a folder, which is written in parts."
            ),
        ),
    ],
    columns: Annotated[
        Path | None,
        typer.Option("--columns", metavar="MAP", help="YAML: which column is which fact."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects",
            metavar="FILE",
            help="CSV of the rows that are not answered, and why.",
            show_default="OUT.rejects.csv",
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Of a database, the table.")
    ] = None,
    facts: Annotated[
        bool, typer.Option("--facts/--no-facts", help="The facts go through to the results.")
    ] = True,
    rules: Annotated[
        bool, typer.Option("--rules/--no-rules", help="The results have a column a rule.")
    ] = True,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="What the engine may hold.")
    ] = "1GB",
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Score a registry: what the guideline says of every lesion, as columns."""
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.run import Options, score

    if len(files) < 2:
        wrong_use("name files of lesions, then where the results go: IN... OUT")
    *inputs, out = map(Path, files)
    if out in inputs:
        wrong_use(f"{out}: is read and would be written over; name another file for the results")
    refused = rejects or out.with_name(f"{out.name.removesuffix('.parquet')}.rejects.csv")
    reasoner = load_reasoner(ontology)
    try:
        how = Options(_columns(columns, reasoner), table, facts, rules, lang, memory)
        with shown() as progress:
            scored = score(reasoner, inputs, out, refused, how, progress)
    except CohortError as error:
        fail(str(error))
    except KeyboardInterrupt:
        _stopped(out)
    _told(scored, out, refused)
    raise typer.Exit(AT_FAULT if scored.rejected else DONE)


def _columns(path: Path | None, reasoner: Reasoner) -> ColumnMap:
    from calx.reasoner.cohorts.column_map import ColumnMap, read_map

    return ColumnMap() if path is None else read_map(path, reasoner.guideline)


def _stopped(out: Path) -> None:
    parts = out.with_name(f"{out.name}.partial")
    told = (
        "the parts that are whole are kept; run the same again to go on"
        if parts.is_dir()
        else ("nothing was written")
    )
    typer.echo(f"stopped: {told}", err=True)
    raise typer.Exit(STOPPED)


def _told(scored: Scored, out: Path, rejects: Path) -> None:
    """What came of a run, on standard error: what was written is the result."""
    for note in scored.notes:
        typer.echo(note, err=True)
    if scored.resumed:
        typer.echo(f"{scored.resumed} of {scored.parts} parts were there already", err=True)
    told = f"{scored.rows:,} rows: {scored.answered:,} answered in {out}"
    if scored.rejected:
        told += f", {scored.rejected:,} not answered, see {rejects}"
    typer.echo(told, err=True)


@cohort.command()
def simulate(
    lesions: Annotated[int, typer.Argument(metavar="N", min=1, help="How many lesions.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .parquet file.")],
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", help="Another seed gives other lesions.")
    ] = 1,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Draw a registry from the distributions in the guideline's folder; marked as simulated."""
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.simulate import DISTRIBUTIONS
    from calx.reasoner.cohorts.simulate import simulate as drawn

    reasoner = load_reasoner(ontology)
    try:
        with shown() as progress:
            refused = drawn(reasoner, ontology, lesions, seed, out, progress)
    except CohortError as error:
        fail(str(error))
    except KeyboardInterrupt:
        _stopped(out)
    typer.echo(
        f"{lesions:,} simulated lesions in {out}, drawn from {ontology / DISTRIBUTIONS} with seed "
        f"{seed}; {refused:,} that the guideline's gate refuses were drawn again",
        err=True,
    )
    raise typer.Exit(DONE)


@contextmanager
def shown() -> Iterator[Progress]:
    """How far it is, on standard error, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda told, done: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda told, done: bar.update(task, description=told, completed=done)
