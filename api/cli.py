"""The command line. The commands of the service stand in `api.upkeep`, those of authors in `api.authors`."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn, Optional

import orjson
import typer

import calx
from calx.ontology import DEFAULT_DIRECTORY, GuidelineError
from calx.reasoner.answer import Answer
from calx.reasoner.batch import Outcome, outcomes
from calx.reasoner.casefile import SUFFIXES, Submission, submissions, suffix_of
from calx.reasoner.errors import CaseError, Problem
from calx.reasoner.guideline import Guideline
from calx.reasoner.recommendation import Reasoner

DONE, AT_FAULT, WRONG_USE = 0, 1, 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="An executable guideline for PCI in calcified coronary lesions. Decision support for professionals and research; never an order.",
)


class Format(StrEnum):
    """How an answer is shown."""

    text = "text"
    json = "json"
    turtle = "turtle"
    jsonld = "jsonld"


class Table(StrEnum):
    """How the result of a query is shown."""

    table = "table"
    json = "json"
    csv = "csv"
    tsv = "tsv"
    xml = "xml"
    turtle = "turtle"


class Listing(StrEnum):
    """How a list is shown."""

    text = "text"
    markdown = "markdown"
    schema = "schema"


class Language(StrEnum):
    """Language of labels and messages."""

    en = "en"
    zh = "zh"


Ontology = Annotated[Path, typer.Option("--ontology", metavar="DIR", help="Folder of the guideline's files.", show_default="the one that comes with Calx")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of labels.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"calx {calx.__version__}")
        raise typer.Exit(DONE)


@app.callback()
def root(asked: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False) -> None:
    """Keep the commands as commands."""


@app.command()
def recommend(
    cases: Annotated[list[str], typer.Argument(metavar="CASE...", help=f"Case files ({', '.join(SUFFIXES)}), or - for JSON lines on standard input.")],
    format: Annotated[Optional[Format], typer.Option("--format", help="Form of the answer.", show_default="text on a terminal, else json")] = None,  # noqa: UP045
    explain: Annotated[bool, typer.Option("--explain", help="Add every step of the proof to the text.")] = False,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Answer one or more cases: strategy, devices, alerts, sizes, what is missing, and why."""
    sources = [_source(name) for name in cases]
    shown = format or (Format.text if sys.stdout.isatty() else Format.json)
    reasoner = _reasoner(ontology)
    gc.freeze()  # the guideline is not garbage to look through, case after case
    status, seen = DONE, dict[str, str]()
    with _progress(sources) as advance:
        for name, suffix in sources:
            for outcome in outcomes(reasoner, advance(name, _submissions(name, suffix, reasoner.guideline)), lang.value, seen, name):
                if outcome.error:
                    status = AT_FAULT
                    _report(name, outcome.error)
                _show(outcome, shown, lang.value, explain)
    raise typer.Exit(status)


@app.command()
def facts(
    format: Annotated[Listing, typer.Option("--format", help="Form of the list.")] = Listing.text,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """List the facts that a case may give: name, type, unit, bounds or values, meaning."""
    from calx.reasoner.text import facts_as_markdown, facts_as_text

    guideline = _reasoner(ontology).guideline
    if format is Listing.schema:
        from .models import case_schema

        typer.echo(json.dumps(case_schema(guideline), indent=1, ensure_ascii=False))
        raise typer.Exit(DONE)
    typer.echo((facts_as_markdown if format is Listing.markdown else facts_as_text)(guideline, lang.value), nl=False)


@app.command()
def query(
    query_file: Annotated[str, typer.Argument(metavar="QUERY.rq", help="A SPARQL 1.1 query, or - for standard input.")],
    cases: Annotated[Optional[list[str]], typer.Argument(metavar="[CASE...]", help="Case files to ask about, with their conclusions.")] = None,  # noqa: UP045
    format: Annotated[Optional[Table], typer.Option("--format", help="Form of the result.", show_default="table on a terminal, else csv or turtle")] = None,  # noqa: UP045
    limit: Annotated[float, typer.Option("--timeout", help="Seconds that the query may take.", min=0.1, max=600)] = 10,
    data: Annotated[Optional[Path], typer.Option("--data", metavar="DIR", help="Ask the stored cases in this folder of a service instead.")] = None,  # noqa: UP045
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Ask the knowledge base, and given cases with their conclusions, in SPARQL."""
    from .ask import run
    from .query import QueryError

    if query_file != "-" and not Path(query_file).is_file():
        _wrong(f"{query_file}: no such file")
    if data is not None and cases:
        _wrong("--data asks the stored cases; give case files without it")
    sources = [_source(name) for name in cases or ()]
    if query_file == "-" and any(name == "-" for name, _ in sources):
        _wrong("-: standard input is either the query or the cases, not both")
    reasoner = _reasoner(ontology)
    answers, status, seen = list[Answer](), DONE, dict[str, str]()
    for name, suffix in sources:
        for answer, error in outcomes(reasoner, _submissions(name, suffix, reasoner.guideline), lang.value, seen, name):
            if error:
                status = AT_FAULT
                _report(name, error)
            elif answer:
                answers.append(answer)
    text = sys.stdin.buffer.read() if query_file == "-" else Path(query_file).read_bytes()
    shown = format.value if format else None
    try:
        if data is not None:
            from .upkeep import asked

            typer.echo(asked(data, text, shown, limit, sys.stdout.isatty(), ontology), nl=False)
        else:
            typer.echo(run(text, ontology, answers, shown, limit, sys.stdout.isatty()), nl=False)
    except QueryError as problem:
        typer.echo(f"{query_file}: {problem}", err=True)
        raise typer.Exit(WRONG_USE) from None
    raise typer.Exit(status)


# --- sources and problems ----------------------------------------------------------


def _source(name: str) -> tuple[str, str]:
    """A case file and how to read it."""
    if name == "-":
        return name, ".jsonl"
    path = Path(name)
    try:
        there = path.is_file()
    except OSError as error:
        _wrong(f"{name[:100]}: {error.strerror}")
    if not there:
        _wrong(f"{name}: {'is a folder; name the files in it' if path.is_dir() else 'no such file'}")
    suffix = suffix_of(path)
    if suffix is None:
        _wrong(f"{name}: cannot tell how to read it; name it {', '.join(SUFFIXES)}, or pass JSON lines on standard input with -")
    return name, suffix


def _wrong(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_USE)


def _submissions(name: str, suffix: str, guideline: Guideline) -> Iterator[Submission]:
    """The cases of a file; a file that cannot be read is one problem, and the next file is read all the same."""
    if name == "-" and sys.stdin is None:
        _wrong("-: standard input is closed")
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
            yield from submissions(stream, suffix, guideline)
    except OSError as error:
        yield Submission(problems=[Problem(f"cannot be read: {error.strerror or error}")], readable=False)


def _folder(ontology: Path) -> Path:
    if not ontology.is_dir():
        _wrong(f"{ontology}: no such folder; give the folder that holds the guideline's .ttl files")
    return ontology


def _reasoner(ontology: Path) -> Reasoner:
    try:
        return Reasoner.load(_folder(ontology))
    except GuidelineError as error:
        _refuse(error)


def _refuse(error: GuidelineError) -> NoReturn:
    for problem in error.problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(AT_FAULT)


def _report(name: str, error: CaseError) -> None:
    """Problems of a case on standard error, one a line."""
    for problem in error.problems:
        case = f"{error.case_id}: " if error.case_id else ""
        typer.echo(f"{'standard input' if name == '-' else name}: {case}{problem}", err=True)


# --- showing -----------------------------------------------------------------------


def _show(outcome: Outcome, form: Format, language: str, explain: bool) -> None:
    if form is Format.json:
        sys.stdout.buffer.write(
            (outcome.answer.json_bytes(language) if outcome.answer else orjson.dumps(outcome.error.json() if outcome.error else {})) + b"\n"
        )
    elif outcome.answer is None:
        return
    elif form is Format.text:
        from calx.reasoner.text import render

        typer.echo(render(outcome.answer, language, explain))
    else:
        from calx.reasoner import rdf

        typer.echo(rdf.turtle(outcome.answer) if form is Format.turtle else rdf.jsonld(outcome.answer))


class _Advance:
    """Passes submissions on and moves the bar by the bytes that they took."""

    def __init__(self, progress: object = None, task: object = None) -> None:
        self._progress, self._task, self._before = progress, task, 0

    def __call__(self, name: str, cases: Iterator[Submission]) -> Iterator[Submission]:
        size = 0
        for case in cases:
            size = max(size, case.consumed)
            if self._progress is not None:
                self._progress.update(self._task, completed=self._before + size)  # type: ignore[attr-defined]
            yield case
        self._before += size


LONG_BYTES = 200_000


@contextlib.contextmanager
def _progress(sources: list[tuple[str, str]]) -> Iterator[_Advance]:
    """A bar on standard error for long batches, where somebody watches and answers go elsewhere."""
    size = sum(os.path.getsize(name) for name, _ in sources if name != "-" and os.path.exists(name))
    if size < LONG_BYTES or not sys.stderr.isatty() or sys.stdout.isatty():
        yield _Advance()
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield _Advance(bar, bar.add_task("answering", total=size))


def application() -> typer.Typer:
    """The command line with all its commands."""
    from . import authors, editing, segment, upkeep  # noqa: F401  their commands join those above

    return app


def main() -> None:
    """Run the command line; a reader that went away is no fault."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        application()()
    except ModuleNotFoundError as error:
        from . import extras

        told = extras.advice(error)
        if told is None:
            raise
        typer.echo(told, err=True)
        sys.exit(WRONG_USE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"cannot write: {error.strerror or error}")
