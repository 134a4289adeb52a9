"""The commands that change a guideline's files, or write them in another form: tables, evidence, the rule book, RDF/XML."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from calx.imaging.written import replaced
from calx.ontology import DEFAULT_DIRECTORY, GuidelineError, GuidelineFiles

from .cli import AT_FAULT, Lang, Language, Ontology, _folder, _refuse, _wrong, app

if TYPE_CHECKING:
    from calx.reasoner.authoring import Reading

evidence = typer.Typer(
    no_args_is_help=False, invoke_without_command=True, rich_markup_mode=None, help="What each rule rests on; add studies and statements, withdraw studies."
)
app.add_typer(evidence, name="evidence")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]


class SupportFormat(StrEnum):
    """How the support of the rules is shown."""

    text = "text"
    markdown = "markdown"
    json = "json"
    svg = "svg"


class BookFormat(StrEnum):
    """How the rules are told."""

    markdown = "markdown"
    svg = "svg"


# --- tables ------------------------------------------------------------------------------


@app.command(name="export-table")
def export_table(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A workbook (.xlsx), one table (.csv, named for it), or a folder for all of them.")],
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write thresholds, device limits, studies, statements and wordings as tables: OUT.xlsx, a folder of CSV files, or one of them."""
    from calx.reasoner.authors.edits import EditError
    from calx.reasoner.authors.table_files import as_csv, as_xlsx
    from calx.reasoner.authors.tables import tables

    try:
        found = tables(_files(ontology))
    except EditError as error:
        _fail(str(error))
    try:
        if out.suffix.lower() == ".xlsx":
            _needs_openpyxl()
            replaced(out, as_xlsx(found))
        elif out.suffix.lower() == ".csv":
            one = next((table for table in found if table.name == out.stem), None)
            if one is None:
                _wrong(f"{out}: name it for a table: {', '.join(f'{table.name}.csv' for table in found)}")
            replaced(out, as_csv(one))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for table in found:
                replaced(out / f"{table.name}.csv", as_csv(table))
    except OSError as error:
        _fail(f"{out}: cannot be written ({error.strerror})")
    typer.echo(f"{out}: {', '.join(f'{table.name} {len(table.rows)}' for table in found)}", err=True)


@app.command(name="import-table")
def import_table(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A workbook, a CSV file named for its table, or a folder of them.")],
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Take the changed cells of a table over into the guideline's files; comments, order and layout stay as they are."""
    from calx.reasoner.authors.edits import EditError
    from calx.reasoner.authors.table_files import TableError, imported

    if not table.exists():
        _wrong(f"{table}: no such file")
    if table.suffix.lower() == ".xlsx":
        _needs_openpyxl()
    try:
        texts, edited = imported(_files(ontology), table)
    except TableError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        typer.echo("nothing was written", err=True)
        raise typer.Exit(AT_FAULT) from None
    except EditError as error:
        _fail(str(error))
    for cell in edited:
        typer.echo(f"{cell.table} {cell.key} {cell.column}: {cell.before or '(none)'} → {cell.after}")
    _write(ontology, texts, dry_run)


# --- evidence ----------------------------------------------------------------------------


@evidence.callback()
def support(
    context: typer.Context,
    format: Annotated[SupportFormat, typer.Option("--format", help="Form of the list; svg is a picture.")] = SupportFormat.text,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Show what every rule rests on, rules that fall with one study first."""
    if context.invoked_subcommand is not None:
        return
    from calx.reasoner.authors import support as shown

    found = shown.supports(_reading(ontology).whole)
    if format is SupportFormat.json:
        typer.echo(json.dumps(shown.as_json(found), ensure_ascii=False, indent=1))
    else:
        typer.echo({"text": shown.as_text, "markdown": shown.as_markdown, "svg": shown.as_svg}[format.value](found, lang.value))


@evidence.command()
def add(
    study: Annotated[str, typer.Argument(metavar="ID", help="Id of the study, such as smith2026-ivl.")],
    type: Annotated[str, typer.Option("--type", help="Study type, from which the level follows: randomised_trial, observational, case_series …")],
    citation: Annotated[str, typer.Option("--citation", help="Authors, title, journal, year.")],
    en: Annotated[str, typer.Option("--en", help="Short label in English.")],
    zh: Annotated[str, typer.Option("--zh", help="Short label in Chinese.")],
    identifier: Annotated[str, typer.Option("--doi", help="DOI, or another identifier with its scheme (pmid:…). Nothing is looked up.")] = "",
    participants: Annotated[Optional[int], typer.Option("--participants", help="How many were studied.")] = None,  # noqa: UP045
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Add a study from its record."""
    from calx.reasoner.authors.edits import EditError
    from calx.reasoner.authors.studies import Record, added

    reading = _reading(ontology)
    try:
        texts = added(reading.source.files, reading.whole, Record(study, type, {"en": en, "zh": zh}, citation, identifier, participants))
    except EditError as error:
        _fail(f"{study}: {error}")
    _write(ontology, texts, dry_run)


@evidence.command()
def state(
    statement: Annotated[str, typer.Argument(metavar="ID", help="Id of the statement.")],
    study: Annotated[str, typer.Option("--study", help="Id of the study that states it.")],
    stance: Annotated[str, typer.Option("--stance", help="supports, disputes or limits.")],
    locator: Annotated[str, typer.Option("--locator", help="Where in the source it stands.")],
    en: Annotated[str, typer.Option("--en", help="What it states, in English.")],
    zh: Annotated[str, typer.Option("--zh", help="What it states, in Chinese.")],
    verified: Annotated[str, typer.Option("--verified", help="page, secondary, review or unverified.")] = "page",
    population: Annotated[str, typer.Option("--population", help="Who was studied.")] = "",
    states: Annotated[Optional[list[str]], typer.Option("--states", help="A number that it gives, such as 'max_superficial_arc_deg >= 180 deg'.")] = None,  # noqa: UP045
    rule: Annotated[Optional[list[str]], typer.Option("--rule", help="Id of a rule that it supports, disputes or limits.")] = None,  # noqa: UP045
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Add what a study states, for or against rules."""
    from calx.reasoner.authors.edits import EditError
    from calx.reasoner.authors.studies import NewStatement, stated

    reading = _reading(ontology)
    new = NewStatement(statement, study, stance, verified, locator, {"en": en, "zh": zh}, population, tuple(states or ()), tuple(rule or ()))
    try:
        texts = stated(reading.source.files, reading.whole, new)
    except EditError as error:
        _fail(f"{statement}: {error}")
    _write(ontology, texts, dry_run)


@evidence.command()
def withdraw(
    study: Annotated[str, typer.Argument(metavar="ID", help="Id of the study.")],
    undo: Annotated[bool, typer.Option("--undo", help="It is no longer withdrawn.")] = False,
    dry_run: DryRun = False,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Withdraw a study: it supports nothing any more, and rules that it alone supported stop firing."""
    from calx.reasoner.authors.edits import EditError
    from calx.reasoner.authors.studies import withdrawn
    from calx.reasoner.authors.support import supports

    reading = _reading(ontology)
    try:
        texts = withdrawn(reading.source.files, study, not undo)
    except EditError as error:
        _fail(str(error))
    fall = [support.rule.id for support in supports(reading.whole) if support.falls_with is not None and support.falls_with.id == study]
    if fall and not undo:
        typer.echo(f"rules that stop firing: {', '.join(fall)}")
    _write(ontology, texts, dry_run)


# --- other forms -------------------------------------------------------------------------


@app.command()
def rulebook(
    format: Annotated[BookFormat, typer.Option("--format", help="markdown: the rule book; svg: the flow of strategies.")] = BookFormat.markdown,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write every rule in sentences with its evidence, or the flow of strategies as a picture."""
    from calx.reasoner.authors import rulebook as written

    whole = _reading(ontology).whole
    typer.echo(written.book(whole, lang.value) if format is BookFormat.markdown else written.flow(whole, lang.value), nl=False)


@app.command(name="export-owl")
def export_owl(
    out: Annotated[Path, typer.Argument(metavar="OUT.owl", help="File to write, RDF/XML; - for standard output.")],
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write the terms as RDF/XML, which Protégé and other OWL tools open."""
    from calx.reasoner.owl import rdf_xml

    try:
        content = rdf_xml(_files(ontology))
    except GuidelineError as error:
        _refuse(error)
    if str(out) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        replaced(out, content)
    except OSError as error:
        _fail(f"{out}: cannot be written ({error.strerror})")


# --- reading and writing -------------------------------------------------------------------


def _files(ontology: Path) -> GuidelineFiles:
    try:
        return GuidelineFiles(_folder(ontology))
    except GuidelineError as error:
        _refuse(error)


def _reading(ontology: Path) -> Reading:
    try:
        from calx.reasoner.authoring import examine

        return examine(_files(ontology))
    except GuidelineError as error:
        _refuse(error)


def _write(ontology: Path, texts: dict[str, str], dry_run: bool) -> None:
    """Write changed files, each whole or not at all."""
    if not texts:
        typer.echo("nothing to change", err=True)
    written: dict[Path, bytes] = {}
    for name, text in texts.items():
        if not dry_run:
            place = (ontology / name).resolve()
            try:
                before = place.read_bytes()
                replaced(place, text)
                written[place] = before
            except OSError as error:
                for other, content in written.items():
                    with contextlib.suppress(OSError):
                        replaced(other, content)
                _fail(f"{name}: cannot be written ({error.strerror}); the files are as they were")
        typer.echo(f"{name}: {'would change' if dry_run else 'written'}", err=True)
    if texts and not dry_run:
        typer.echo(f"now: calx check --ontology {ontology}; calx diff OLD {ontology}", err=True)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(AT_FAULT)


def _needs_openpyxl() -> None:
    if importlib.util.find_spec("openpyxl") is None:
        _wrong("workbooks need openpyxl; install the extra: pip install 'calx[authoring]', or use CSV")
