"""Cases are answered; the facts that a case may give are listed."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from calx.api.cli.app import app
from calx.api.cli.input import (
    REPORT,
    case_source,
    load_reasoner,
    read_submissions,
    report_problems,
)
from calx.api.cli.options import AT_FAULT, DONE, WRONG_USE, Lang, Ontology, one_of
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.batch import Outcome, outcomes
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.files import SUFFIXES, Submission
from calx.reasoner.tell import forms
from calx.reasoner.tell.proof import NoSuchConclusionError
from calx.reasoner.tell.proof import why as explained
from calx.words import DEFAULT


class Listing(StrEnum):
    """How a list is shown."""

    text = "text"
    markdown = "markdown"
    schema = "schema"


@app.command()
def recommend(
    cases: Annotated[
        list[str],
        typer.Argument(
            metavar="CASE...",
            help=(
                f"Case files ({', '.join(SUFFIXES)}), DICOM structured reports ({REPORT}), or - "
                "for JSON lines on standard input."
            ),
        ),
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Form of the answer.",
            show_default="text on a terminal, else json",
            metavar=f"[{'|'.join(forms.BY_NAME)}]",
            parser=one_of(forms.BY_NAME),
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add every step of the proof to the text.")
    ] = False,
    more: Annotated[
        bool, typer.Option("--more", help="Add to the text what comes second: cautions, limits.")
    ] = False,
    why: Annotated[
        str | None,
        typer.Option(
            "--why",
            help="Explain one conclusion alone, as text: strategy, or the id of a device or alert.",
            metavar="ID",
        ),
    ] = None,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Answer one or more cases: strategy, devices, alerts, sizes, what is missing, and why."""
    sources = [case_source(name) for name in cases]
    by_default = forms.TEXT if sys.stdout.isatty() else forms.JSON
    form = forms.BY_NAME[format] if format else by_default
    reasoner = load_reasoner(ontology)
    gc.freeze()  # the guideline is not garbage to look through, case after case
    status, seen = DONE, dict[str, str]()
    with _progress(sources) as advance:
        for name, suffix in sources:
            for outcome in outcomes(
                reasoner,
                advance(name, read_submissions(name, suffix, reasoner.guideline)),
                lang,
                seen,
                name,
            ):
                if outcome.error:
                    status = AT_FAULT
                    report_problems(name, outcome.error)
                if why is not None and outcome.answer:
                    status = max(status, _explain(outcome.answer, why, lang))
                else:
                    _show(outcome, form, lang, forms.Detail(explain, more))
    raise typer.Exit(status)


@app.command()
def facts(
    format: Annotated[Listing, typer.Option("--format", help="Form of the list.")] = Listing.text,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """List the facts that a case may give: name, type, unit, bounds or values, meaning."""
    from calx.reasoner.tell.fact_list import facts_as_markdown, facts_as_text

    guideline = load_reasoner(ontology).guideline
    if format is Listing.schema:
        from calx.api.contract.models import case_schema

        typer.echo(json.dumps(case_schema(guideline), indent=1, ensure_ascii=False))
        raise typer.Exit(DONE)
    typer.echo(
        (facts_as_markdown if format is Listing.markdown else facts_as_text)(guideline, lang),
        nl=False,
    )


def _explain(answer: Answer, target: str, language: str) -> int:
    """Why one thing was concluded, as text."""
    try:
        typer.echo(explained(answer, target, language))
    except NoSuchConclusionError as error:
        typer.echo(f"--why: {error}", err=True)
        return WRONG_USE
    return DONE


def _show(outcome: Outcome, form: forms.AnswerForm, language: str, detail: forms.Detail) -> None:
    """One answer a line or more; a case without one stands in its place where the form is JSON."""
    if outcome.answer:
        sys.stdout.buffer.write(form.write(outcome.answer, language, detail) + b"\n")
    elif outcome.error and form is forms.JSON:
        sys.stdout.buffer.write(orjson.dumps(outcome.error.json()) + b"\n")


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
