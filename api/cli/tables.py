"""Thresholds, limits, evidence and wordings as tables, and back."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import DryRun, fail, read_files, write_guideline, wrong_use
from calx.api.cli.options import AT_FAULT, Ontology
from calx.atomic import write_atomically
from calx.ontology import DEFAULT_DIRECTORY


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
