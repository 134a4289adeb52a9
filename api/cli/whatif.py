"""How sure an answer is, and what would change it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from calx.api.cli.app import app
from calx.api.cli.input import (
    case_source,
    load_reasoner,
    read_submissions,
    report_problems,
    wrong_use,
)
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.batch import Outcome, outcomes
from calx.reasoner.engine.answer import Answer
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT

if TYPE_CHECKING:
    from calx.reasoner.whatif.goals import Goal


class WhatIfFormat(StrEnum):
    """How the result is shown."""

    text = "text"
    json = "json"


@app.command()
def whatif(
    cases: Annotated[
        list[str],
        typer.Argument(metavar="CASE...", help="Case files, or - for JSON lines."),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="OUTCOME",
            help=(
                "What would lead to another outcome: strategy=ID, first=DEVICE, "
                "device:ID=STATUS, alert:ID=none|warning|critical."
            ),
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", metavar="OTHER", help="A case file with one case to compare with."
        ),
    ] = None,
    format: Annotated[
        WhatIfFormat | None,
        typer.Option("--format", help="Form.", show_default="text on a terminal, else json"),
    ] = None,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """How sure is the answer to a case, and what would change it?"""
    from calx.reasoner.tell.whatif import told
    from calx.reasoner.whatif.asking import WhatIf
    from calx.reasoner.whatif.result import as_result

    sources = [case_source(name) for name in cases]
    by_default = WhatIfFormat.text if sys.stdout.isatty() else WhatIfFormat.json
    form = format or by_default
    reasoner = load_reasoner(ontology)
    goal = _goal(reasoner, to, lang)
    other = None if compare is None else _one(reasoner, compare, lang)
    asking, status, seen = WhatIf(reasoner), DONE, dict[str, str]()
    for name, suffix in sources:
        submissions = read_submissions(name, suffix, reasoner.guideline)
        for outcome in outcomes(reasoner, submissions, lang, seen, name):
            if outcome.answer is None:
                status = AT_FAULT
                _refused(name, outcome, form)
                continue
            asked = asking.ask(outcome.answer, goal, other, form is WhatIfFormat.text)
            if form is WhatIfFormat.text:
                typer.echo(told(asked, lang))
            else:
                sys.stdout.buffer.write(orjson.dumps(as_result(asked)) + b"\n")
                sys.stdout.buffer.flush()
    raise typer.Exit(status)


def _refused(name: str, outcome: Outcome, form: WhatIfFormat) -> None:
    assert outcome.error is not None
    report_problems(name, outcome.error)
    if form is WhatIfFormat.json:
        sys.stdout.buffer.write(orjson.dumps(outcome.error.json()) + b"\n")
        sys.stdout.buffer.flush()


def _goal(reasoner: Reasoner, text: str | None, language: str) -> Goal | None:
    from calx.reasoner.whatif.goals import NoSuchOutcomeError, goal

    try:
        return None if text is None else goal(reasoner.guideline, text, language)
    except NoSuchOutcomeError as error:
        wrong_use(f"--to: {error}")


def _one(reasoner: Reasoner, name: str, language: str) -> Answer:
    """The answer to the one case of a file."""
    path, suffix = case_source(name)
    found = list(outcomes(reasoner, read_submissions(path, suffix, reasoner.guideline), language))
    if len(found) != 1:
        wrong_use(f"--compare {name}: holds {len(found)} cases; give a file with one")
    if found[0].answer is None:
        assert found[0].error is not None
        report_problems(name, found[0].error)
        raise typer.Exit(AT_FAULT)
    return found[0].answer
