"""A guideline is edited: numbers and words as tables, studies and statements by a command."""

from __future__ import annotations

import importlib.util
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import DryRun, fail, read_files, read_guideline, write_guideline, wrong_use
from calx.api.cli.options import AT_FAULT, Lang, Ontology
from calx.atomic import write_atomically
from calx.ontology import DEFAULT_DIRECTORY
from calx.words import DEFAULT


@app.command(name="export-table")
def export_table(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="A workbook (.xlsx), one table (.csv, named for it), or a folder for all of them.",
        ),
    ],
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write thresholds, device limits, studies, statements and wordings as tables: OUT.xlsx, a
    folder of CSV files, or one of them.
    """
    from calx.ontology.edits import EditError
    from calx.reasoner.authors.edit.spreadsheets import as_csv, as_xlsx
    from calx.reasoner.authors.edit.tables import tables

    try:
        found = tables(read_files(ontology))
    except EditError as error:
        fail(str(error))
    try:
        if out.suffix.lower() == ".xlsx":
            _needs_openpyxl()
            write_atomically(out, as_xlsx(found))
        elif out.suffix.lower() == ".csv":
            one = next((table for table in found if table.name == out.stem), None)
            if one is None:
                wrong_use(
                    f"{out}: name it for a table: "
                    f"{', '.join(f'{table.name}.csv' for table in found)}"
                )
            write_atomically(out, as_csv(one))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for table in found:
                write_atomically(out / f"{table.name}.csv", as_csv(table))
    except OSError as error:
        fail(f"{out}: cannot be written ({error.strerror})")
    typer.echo(
        f"{out}: {', '.join(f'{table.name} {len(table.rows)}' for table in found)}", err=True
    )


@app.command(name="import-table")
def import_table(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="A workbook, a CSV file named for its table, or a folder of them."
        ),
    ],
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Take the changed cells of a table over into the guideline's files; comments, order and layout
    stay as they are.
    """
    from calx.ontology.edits import EditError
    from calx.reasoner.authors.edit.spreadsheets import TableError, import_tables

    if not table.exists():
        wrong_use(f"{table}: no such file")
    if table.suffix.lower() == ".xlsx":
        _needs_openpyxl()
    try:
        texts, edited = import_tables(read_files(ontology), table)
    except TableError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        typer.echo("nothing was written", err=True)
        raise typer.Exit(AT_FAULT) from None
    except EditError as error:
        fail(str(error))
    for cell in edited:
        typer.echo(
            f"{cell.table} {cell.key} {cell.column}: {cell.before or '(none)'} → {cell.after}"
        )
    write_guideline(ontology, texts, dry_run)


def _needs_openpyxl() -> None:
    if importlib.util.find_spec("openpyxl") is None:
        wrong_use(
            "workbooks need openpyxl; install the extra: pip install 'calx[authoring]', or use CSV"
        )


evidence = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    help="What each rule rests on; add studies and statements, withdraw studies.",
)
app.add_typer(evidence, name="evidence")


class SupportFormat(StrEnum):
    """How the support of the rules is shown."""

    text = "text"
    markdown = "markdown"
    json = "json"
    svg = "svg"


@evidence.callback()
def support(
    context: typer.Context,
    format: Annotated[
        SupportFormat, typer.Option("--format", help="Form of the list; svg is a picture.")
    ] = SupportFormat.text,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Show what every rule rests on, rules that fall with one study first."""
    if context.invoked_subcommand is not None:
        return
    from calx.reasoner.authors.publish import support as shown

    found = shown.supports(read_guideline(ontology).whole)
    if format is SupportFormat.json:
        typer.echo(json.dumps(shown.as_json(found), ensure_ascii=False, indent=1))
    else:
        typer.echo(
            {"text": shown.as_text, "markdown": shown.as_markdown, "svg": shown.as_svg}[
                format.value
            ](found, lang)
        )


@evidence.command()
def add(
    study: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the study, such as smith2026-ivl.")
    ],
    type: Annotated[
        str,
        typer.Option(
            "--type",
            help=(
                "Study type, from which the level follows: randomised_trial, observational, "
                "case_series …"
            ),
        ),
    ],
    citation: Annotated[str, typer.Option("--citation", help="Authors, title, journal, year.")],
    en: Annotated[str, typer.Option("--en", help="Short label in English.")],
    zh: Annotated[str, typer.Option("--zh", help="Short label in Chinese.")],
    identifier: Annotated[
        str,
        typer.Option(
            "--doi",
            help="DOI, or another identifier with its scheme (pmid:…). Nothing is looked up.",
        ),
    ] = "",
    participants: Annotated[
        int | None, typer.Option("--participants", help="How many were studied.")
    ] = None,
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Add a study from its record."""
    from calx.ontology.edits import EditError
    from calx.reasoner.authors.edit.evidence import EvidenceRecord, add_study

    reading = read_guideline(ontology)
    try:
        texts = add_study(
            reading.source.files,
            reading.whole,
            EvidenceRecord(study, type, {"en": en, "zh": zh}, citation, identifier, participants),
        )
    except EditError as error:
        fail(f"{study}: {error}")
    write_guideline(ontology, texts, dry_run)


@evidence.command()
def state(
    statement: Annotated[str, typer.Argument(metavar="ID", help="Id of the statement.")],
    study: Annotated[str, typer.Option("--study", help="Id of the study that states it.")],
    stance: Annotated[str, typer.Option("--stance", help="supports, disputes or limits.")],
    locator: Annotated[str, typer.Option("--locator", help="Where in the source it stands.")],
    en: Annotated[str, typer.Option("--en", help="What it states, in English.")],
    zh: Annotated[str, typer.Option("--zh", help="What it states, in Chinese.")],
    verified: Annotated[
        str, typer.Option("--verified", help="page, secondary, review or unverified.")
    ] = "page",
    population: Annotated[str, typer.Option("--population", help="Who was studied.")] = "",
    states: Annotated[
        list[str] | None,
        typer.Option("--states", help="A number that it gives, such as 'FACT >= 180 deg'."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="Id of a rule that it supports, disputes or limits."),
    ] = None,
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Add what a study states, for or against rules."""
    from calx.ontology.edits import EditError
    from calx.reasoner.authors.edit.evidence import NewStatement, add_statement

    reading = read_guideline(ontology)
    new = NewStatement(
        statement,
        study,
        stance,
        verified,
        locator,
        {"en": en, "zh": zh},
        population,
        tuple(states or ()),
        tuple(rule or ()),
    )
    try:
        texts = add_statement(reading.source.files, reading.whole, new)
    except EditError as error:
        fail(f"{statement}: {error}")
    write_guideline(ontology, texts, dry_run)


@evidence.command()
def withdraw(
    study: Annotated[str, typer.Argument(metavar="ID", help="Id of the study.")],
    undo: Annotated[bool, typer.Option("--undo", help="It is no longer withdrawn.")] = False,
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Withdraw a study: it supports nothing any more,
    and rules that it alone supported stop firing.
    """
    from calx.ontology.edits import EditError
    from calx.reasoner.authors.edit.evidence import withdrawn
    from calx.reasoner.authors.publish.support import supports

    reading = read_guideline(ontology)
    try:
        texts = withdrawn(reading.source.files, study, not undo)
    except EditError as error:
        fail(str(error))
    fall = [
        support.rule.id
        for support in supports(reading.whole)
        if support.falls_with is not None and support.falls_with.id == study
    ]
    if fall and not undo:
        typer.echo(f"rules that stop firing: {', '.join(fall)}")
    write_guideline(ontology, texts, dry_run)
