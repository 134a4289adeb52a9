"""Questions in SPARQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import (
    case_source,
    fail,
    load_reasoner,
    read_submissions,
    report_problems,
    wrong_use,
)
from calx.api.cli.options import AT_FAULT, DONE, WRONG_USE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.batch import outcomes
from calx.reasoner.engine.answer import Answer
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT


class TableForm(StrEnum):
    """How the result of a query is shown."""

    table = "table"
    json = "json"
    csv = "csv"
    tsv = "tsv"
    xml = "xml"
    turtle = "turtle"


@app.command()
def query(
    query_file: Annotated[
        str, typer.Argument(metavar="QUERY.rq", help="A SPARQL 1.1 query, or - for standard input.")
    ],
    cases: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CASE...]",
            help=(
                "Case files to ask about, with their conclusions; or results of calx cohort run "
                "(.parquet, or a folder)."
            ),
        ),
    ] = None,
    format: Annotated[
        TableForm | None,
        typer.Option(
            "--format",
            help="Form of the result.",
            show_default="table on a terminal, else csv or turtle",
        ),
    ] = None,
    limit: Annotated[
        float, typer.Option("--timeout", help="Seconds that the query may take.", min=0.1, max=600)
    ] = 10,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Ask the stored cases in this folder of a service instead.",
        ),
    ] = None,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Ask the knowledge base, and given cases with their conclusions, in SPARQL."""
    from calx.api.sparql.gate import QueryError
    from calx.api.sparql.local import run

    if query_file != "-" and not Path(query_file).is_file():
        wrong_use(f"{query_file}: no such file")
    if data is not None and cases:
        wrong_use("--data asks the stored cases; give case files without it")
    scored = [Path(name) for name in cases or () if _is_scored(Path(name))]
    sources = [case_source(name) for name in cases or () if Path(name) not in scored]
    if query_file == "-" and any(name == "-" for name, _ in sources):
        wrong_use("-: standard input is either the query or the cases, not both")
    reasoner = load_reasoner(ontology)
    answers, status, seen = list[Answer](), DONE, dict[str, str]()
    for name, suffix in sources:
        for answer, error in outcomes(
            reasoner, read_submissions(name, suffix, reasoner.guideline), lang, seen, name
        ):
            if error:
                status = AT_FAULT
                report_problems(name, error)
            elif answer:
                answers.append(answer)
    text = sys.stdin.buffer.read() if query_file == "-" else Path(query_file).read_bytes()
    shown = format.value if format else None
    try:
        if data is not None:
            from calx.api.server.client import ask_stored_cases

            typer.echo(
                ask_stored_cases(data, text, shown, limit, sys.stdout.isatty(), ontology), nl=False
            )
        else:
            with _as_quads(reasoner, scored) as quads:
                told = run(text, ontology, answers, shown, limit, sys.stdout.isatty(), quads=quads)
            typer.echo(told, nl=False)
    except QueryError as problem:
        typer.echo(f"{query_file}: {problem}", err=True)
        raise typer.Exit(WRONG_USE) from None
    raise typer.Exit(status)


def _is_scored(path: Path) -> bool:
    """Whether something looks like results of a cohort."""
    return path.suffix == ".parquet" or (path.is_dir() and any(path.glob("*.parquet")))


@contextmanager
def _as_quads(reasoner: Reasoner, scored: list[Path]) -> Iterator[Path | None]:
    """Results of cohorts as a file of quads."""
    if not scored:
        yield None
        return
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.graph import write_quads
    from calx.reasoner.cohorts.report.results import opened

    with TemporaryDirectory() as folder:
        quads = Path(folder) / "lesions.nq"
        try:
            with quads.open("wb") as stream:
                for path in scored:
                    with opened([path], reasoner) as results:
                        write_quads(reasoner.guideline, results.connection, path, stream)
        except CohortError as error:
            fail(str(error))
        yield quads
