"""Cohorts: a registry is scored, simulated, reported on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
    from calx.reasoner.cohorts.scored import Options, Progress, Scored

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
        list[str] | None,
        typer.Argument(
            metavar="IN... OUT",
            help=(
                "Files of lesions (Parquet, CSV, Arrow, JSON lines, FHIR bulk export, a database), "
                "then the results: a .parquet file, or a folder, which is written in parts. In a "
                "database, two tables."
            ),
        ),
    ] = None,
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
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="ENGINE",
            help="duckdb (this machine), spark, or the URL of a database, which then does it.",
        ),
    ] = "duckdb",
    sql: Annotated[
        str | None,
        typer.Option(
            "--sql",
            metavar="DIALECT",
            help=(
                "Print the query instead, for the table lesions or the columns of a file: duckdb, "
                "postgres, spark, bigquery, snowflake, trino."
            ),
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Of a database file, the table.")
    ] = None,
    facts: Annotated[
        bool, typer.Option("--facts/--no-facts", help="The facts go through to the results.")
    ] = True,
    rules: Annotated[
        bool, typer.Option("--rules/--no-rules", help="The results have a column a rule.")
    ] = True,
    opened: Annotated[
        bool,
        typer.Option(
            "--open/--no-open",
            help="The results tell what unknown facts leave open: settled, possible, missing.",
        ),
    ] = True,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="What duckdb may hold.")
    ] = "1GB",
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Score a registry: what the guideline says of every lesion, as columns."""
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.scored import Options

    reasoner, named = load_reasoner(ontology), files or []
    try:
        how = Options(_columns(columns, reasoner), table, facts, rules, opened, lang, memory)
        if sql is not None:
            typer.echo(_query(reasoner, sql, named, how))
            raise typer.Exit(DONE)
        if len(named) < 2:
            wrong_use("name files of lesions, then where the results go: IN... OUT")
        *inputs, out = named
        refused = rejects or Path(f"{out.rstrip('/').removesuffix('.parquet')}.rejects.csv")
        _apart([*inputs, *([str(columns)] if columns else [])], [out, str(refused)])
        with shown() as progress:
            scored = _scored(reasoner, engine, inputs, out, refused, how, progress)
    except CohortError as error:
        fail(str(error))
    except KeyboardInterrupt:
        _stopped(Path(named[-1]))
    _told(scored, Path(out), refused)
    raise typer.Exit(AT_FAULT if scored.rejected else DONE)


def _apart(read: list[str], written: list[str]) -> None:
    """What is read is never written over, nor two things written to one place."""
    places = {Path(name).resolve() for name in read}
    for name in written:
        place = Path(name).resolve()
        within = any(place in other.parents or other in place.parents for other in places)
        if place in places or within:
            wrong_use(f"{name}: is read, or written already, or stands within; name another")
        places |= {place, place.with_name(f"{place.name}.partial")}


def _scored(
    reasoner: Reasoner,
    engine: str,
    inputs: list[str],
    out: str,
    rejects: Path,
    how: Options,
    progress: Progress,
) -> Scored:
    """Score lesions where they are to be scored."""
    if engine == "duckdb":
        return _scored_here(reasoner, [*map(Path, inputs)], Path(out), rejects, how, progress)
    if engine == "spark":
        from calx.reasoner.cohorts import spark

        return spark.score(reasoner, inputs, out, rejects, how, progress)
    if "://" not in engine:
        wrong_use(f"--engine {engine}: is duckdb, spark, or the URL of a database")
    if len(inputs) != 1:
        wrong_use("in a database one table is scored at a time: TABLE OUT")
    from calx.reasoner.cohorts import warehouse

    return warehouse.score(reasoner, engine, inputs[0], out, rejects, how, progress)


def _scored_here(
    reasoner: Reasoner,
    inputs: list[Path],
    out: Path,
    rejects: Path,
    how: Options,
    progress: Progress,
) -> Scored:
    from calx.api.exchange import bulk
    from calx.api.exchange.codes import Codes
    from calx.reasoner.cohorts.run import connected, score_sources, workplace
    from calx.reasoner.cohorts.sources import LINES, LesionFiles

    with workplace(out, rejects) as stage, connected(stage, how.memory) as connection:
        sources = LesionFiles(reasoner.guideline, connection, stage)
        exported = [
            path
            for path in inputs
            if path.suffix in LINES and path.is_file() and bulk.is_bulk(path)
        ]
        opened = []
        for path in inputs:
            if path not in exported:
                progress(f"reading {path.name}", 0)
                opened.append(sources.open(path, how.table))
        if exported:
            progress("gathering the resources of each patient", 0)
            reader = bulk.Bulk(
                reasoner.guideline, Codes(reasoner.guideline, DEFAULT_DIRECTORY), connection
            )
            name = ", ".join(map(str, exported))
            rows = reader.rows(exported)
            more = (bulk.PATIENT, bulk.LESION)
            opened.append(sources.of_rows(name, bulk.digest(exported), rows, more))
            for note, patients in reader.notes.items():
                typer.echo(f"of {patients} patients: {note}", err=True)
        return score_sources(reasoner, connection, opened, out, rejects, how, progress)


def _query(reasoner: Reasoner, dialect: str, files: list[str], how: Options) -> str:
    """The query that scores a table, with what it is."""
    from calx.reasoner.cohorts.dialects import DIALECTS, EXECUTED, printed

    if dialect not in DIALECTS:
        wrong_use(f"--sql {dialect}: is {', '.join(DIALECTS)}")
    if len(files) > 1:
        wrong_use("--sql: name one file whose columns the table has, or none")
    text = printed(reasoner, dialect, Path(files[0]) if files else None, how)
    if dialect not in EXECUTED:
        typer.echo(f"{dialect}: this text is parsed by tests, not executed by them", err=True)
    return text


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


@cohort.command()
def report(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS...", help="Results of calx cohort run: files or folders."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the report.")],
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="A column by which lesions are parted too."),
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option("--patient", metavar="COLUMN", help="Of patients, for the intervals."),
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="COLUMN", help="Of sites, for the funnel.")
    ] = None,
    performed: Annotated[
        str | None,
        typer.Option("--performed", metavar="COLUMN", help="Of the device used."),
    ] = None,
    word: Annotated[
        list[str] | None,
        typer.Option(
            "--word",
            metavar="WORD=ID",
            help="What a word of that column stands for, where it is not the device's id.",
        ),
    ] = None,
    shift: Annotated[
        list[str] | None,
        typer.Option(
            "--shift",
            metavar="FACT=BY",
            help="What if every reading of a number were so much more, or less?",
            show_default="those in registry/report.yaml of the guideline",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects",
            metavar="FILE",
            help="Of the run, for the flow of exclusions.",
            show_default="RESULTS.rejects.csv, where there is one",
        ),
    ] = None,
    suppress: Annotated[
        int,
        typer.Option(
            "--suppress",
            metavar="N",
            min=0,
            help="Hide counts from 1 to N - 1, say 5, and round the others to multiples of N.",
        ),
    ] = 0,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Report on a scored registry: a page, Markdown, tables, figures."""
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.report.asked import by_default, pairs, shifts, words
    from calx.reasoner.cohorts.report.write import report as written

    reasoner = load_reasoner(ontology)
    beside = Path(f"{str(results[0]).rstrip('/').removesuffix('.parquet')}.rejects.csv")
    refused = rejects or (beside if beside.is_file() else None)
    try:
        asked = by_default(reasoner.guideline, ontology)
        moved = asked.shifts if shift is None else shifts(reasoner.guideline, pairs(shift))
        asked = replace(
            asked,
            by=tuple(dict.fromkeys((*asked.by, *(by or ())))),
            more=tuple(by or ()),
            patient=patient,
            site=site,
            performed=performed,
            words=words(reasoner.guideline, word or ()),
            shifts=moved,
            rejects=refused,
            least=suppress,
            language=lang,
        )
        with shown() as progress:
            titles = written(reasoner, results, out, asked, progress)
    except CohortError as error:
        fail(str(error))
    typer.echo(f"{len(titles)} tables in {out / 'report.html'}", err=True)
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
