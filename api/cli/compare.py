"""What an edit changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from calx.api.cli.app import app
from calx.api.cli.input import (
    case_source,
    fail,
    read_provable,
    read_submissions,
    show_steps,
    wrong_use,
)
from calx.api.cli.options import AT_FAULT, DONE, Lang, Ontology
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.intake.files import SUFFIXES, Submission, suffix_of
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT


class DiffFormat(StrEnum):
    """How a comparison is shown."""

    text = "text"
    json = "json"
    markdown = "markdown"


@app.command()
def diff(
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="A folder, or a revision of git (main, HEAD~1, a tag)."),
    ],
    new: Annotated[
        str | None,
        typer.Argument(metavar="[NEW]", help="The same, after the edit; --ontology if not given."),
    ] = None,
    cases: Annotated[
        list[Path] | None,
        typer.Option(
            "--cases", metavar="PATH", help="Case files, or folders of them, to answer by both."
        ),
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option(
            "--cohort",
            metavar="FILE",
            help="A registry, scored by both: who is told otherwise, by which rule; only that.",
        ),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(
            "--columns", metavar="MAP", help="Of the registry: which column is which fact."
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="DIR", help="The guideline's folder inside the repository."),
    ] = None,
    format: Annotated[
        DiffFormat,
        typer.Option("--format", help="Form of the report; markdown for a pull request."),
    ] = DiffFormat.text,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """What an edit of the guideline changes: in meaning,
    for all lesions, for cases, and in what is proved.
    """
    new = str(ontology) if new is None else new
    if cohort is not None:
        _registry(old, new, path, cohort, columns, format, lang)
    from calx.reasoner.authors.compare import report
    from calx.reasoner.authors.compare.difference import Version, difference
    from calx.reasoner.authors.compare.revisions import RevisionError, folder_of
    from calx.reasoner.authors.prove.witness import DisagreementError

    try:
        with (
            folder_of(old, path, Path(new)) as before,
            folder_of(new, path, Path(old)) as after,
            show_steps() as progress,
        ):
            versions = Version(*read_provable(before, old)), Version(*read_provable(after, new))
            found = difference(
                *versions, _cohort(cases, versions[1].guideline) if cases else None, progress
            )
    except RevisionError as error:
        wrong_use(str(error))
    except DisagreementError as error:
        typer.echo(f"no answer is given, rather than one that may be wrong: {error}", err=True)
        raise typer.Exit(AT_FAULT) from None
    if format is DiffFormat.json:
        typer.echo(json.dumps(report.as_json(found), ensure_ascii=False, indent=1))
    else:
        typer.echo(
            (report.as_text if format is DiffFormat.text else report.as_markdown)(found, lang)
        )
    raise typer.Exit(DONE)


def _registry(
    old: str,
    new: str,
    path: str | None,
    cohort: Path,
    columns: Path | None,
    format: DiffFormat,
    lang: str,
) -> NoReturn:
    """What changes in a registry."""
    from calx.api.cli.cohort import shown
    from calx.reasoner.authors.compare.revisions import RevisionError, folder_of
    from calx.reasoner.cohorts.changes import changes
    from calx.reasoner.cohorts.column_map import ColumnMap, read_map
    from calx.reasoner.cohorts.errors import CohortError
    from calx.reasoner.cohorts.scored import Options

    try:
        with folder_of(old, path, Path(new)) as before, folder_of(new, path, Path(old)) as after:
            versions = [
                Reasoner(read_provable(folder, named)[1])
                for folder, named in ((before, old), (after, new))
            ]
            by = ColumnMap() if columns is None else read_map(columns, versions[1].guideline)
            with shown() as progress:
                found = changes(versions[0], versions[1], cohort, Options(by), progress)
    except RevisionError as error:
        wrong_use(str(error))
    except CohortError as error:
        fail(str(error))
    if format is DiffFormat.json:
        typer.echo(json.dumps(found.json(), ensure_ascii=False, indent=1))
    else:
        text = found.text(versions[1].guideline, lang)
        typer.echo(f"```text\n{text}\n```" if format is DiffFormat.markdown else text)
    raise typer.Exit(DONE)


def _cohort(paths: list[Path], guideline: Guideline) -> Iterator[Submission]:
    """The cases of files and folders."""
    for path in paths:
        files = (
            sorted(file for file in path.rglob("*") if suffix_of(file)) if path.is_dir() else [path]
        )
        if not files:
            wrong_use(f"{path}: holds no case file ({', '.join(SUFFIXES)})")
        for file in files:
            yield from read_submissions(*case_source(str(file)), guideline)
