"""What holds over every valid case."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import read_provable, show_steps, wrong_use
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.words import DEFAULT


class VerifyFormat(StrEnum):
    """How proofs are shown."""

    text = "text"
    json = "json"


@app.command()
def verify(
    only: Annotated[
        str | None, typer.Argument(metavar="[REQUIREMENT]", help="Prove this requirement alone.")
    ] = None,
    format: Annotated[
        VerifyFormat, typer.Option("--format", help="Form of the report.")
    ] = VerifyFormat.text,
    cases: Annotated[
        Path | None,
        typer.Option(
            "--cases",
            metavar="DIR",
            help="Write each counterexample as a case file into this folder.",
        ),
    ] = None,
    effort: Annotated[
        int,
        typer.Option(
            "--effort",
            metavar="N",
            min=1,
            max=1000,
            help="Times the usual work that one question may take before it is left undecided.",
        ),
    ] = 1,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Prove over every valid case what the guideline requires of itself, or show the smallest
    lesion that breaks it.
    """
    from calx.reasoner.authors.prove import report
    from calx.reasoner.authors.prove.verify import requirements
    from calx.reasoner.authors.prove.verify import verify as verified
    from calx.reasoner.authors.prove.witness import DisagreementError

    files, guideline = read_provable(ontology)
    known = {requirement.id for requirement in requirements(guideline)}
    if only is not None and only not in known:
        wrong_use(f"{only}: no such requirement; there are {', '.join(sorted(known)) or 'none'}")
    try:
        with show_steps() as progress:
            found = verified(files, guideline, progress, only, effort)
    except DisagreementError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(AT_FAULT) from None
    if cases is not None:
        try:
            cases.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            wrong_use(f"{cases}: cannot be made a folder ({error.strerror})")
        for verdict in found.verdicts:
            for case in verdict.counterexample.cases if verdict.counterexample else ():
                (cases / f"{case['case_id']}.json").write_text(
                    json.dumps(case, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
                )
    shown = (
        report.verify_as_text(found, lang)
        if format is VerifyFormat.text
        else json.dumps(report.verify_as_json(found), ensure_ascii=False, indent=1)
    )
    typer.echo(shown)
    raise typer.Exit(DONE if found.holds else AT_FAULT)
