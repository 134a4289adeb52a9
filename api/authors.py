"""The commands of guideline authors: is an edit well formed, what does it prove, what does it change."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from calx.ontology import DEFAULT_DIRECTORY, KINDS, UNREAD, GuidelineError, GuidelineFiles
from calx.ontology.kinds import page
from calx.reasoner.casefile import SUFFIXES, Submission, suffix_of
from calx.reasoner.guideline import Guideline

from .cli import AT_FAULT, DONE, Lang, Language, Ontology, _folder, _refuse, _source, _submissions, _wrong, app


class CheckFormat(StrEnum):
    """How the problems of a guideline are shown."""

    text = "text"
    json = "json"
    sarif = "sarif"


class VerifyFormat(StrEnum):
    """How proofs are shown."""

    text = "text"
    json = "json"


@app.command()
def check(
    format: Annotated[CheckFormat, typer.Option("--format", help="Form of the report; sarif for code hosts.")] = CheckFormat.text,
    owl: Annotated[bool, typer.Option("--owl/--no-owl", help="Ask HermiT whether the terms contradict each other.")] = True,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Is the guideline well formed: syntax, profile, layers, words, evidence, literals, terms, reference cases. Lists every problem."""
    from calx.reasoner import cache
    from calx.reasoner.authors import reports, sarif
    from calx.reasoner.authors.check import Report
    from calx.reasoner.authors.check import check as checked

    try:
        report = checked(GuidelineFiles(_folder(ontology)), owl)
    except GuidelineError as error:
        report = Report(error.problems, None, False, 0)
    if report.sound and report.guideline is not None:
        cache.store(report.guideline)  # what was just read need not be read again by the next command
    if format is CheckFormat.text:
        for problem in report.problems:
            typer.echo(reports.problem_as_text(problem, lang.value), err=problem.severity == "error")
        typer.echo(reports.check_summary(report, lang.value), err=not report.sound)
    else:
        shown = reports.check_as_json(report) if format is CheckFormat.json else sarif.log(report.problems, _inside_repository(ontology))
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))
    raise typer.Exit(DONE if report.sound else AT_FAULT)


def _inside_repository(folder: Path) -> str:
    """The folder as a path inside its repository, which code hosts want; empty where there is none."""
    whole = folder.resolve()
    root = next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)
    return "" if root is None or root == whole else f"{whole.relative_to(root).as_posix()}/"


@app.command()
def verify(
    only: Annotated[Optional[str], typer.Argument(metavar="[REQUIREMENT]", help="Prove this requirement alone.")] = None,  # noqa: UP045
    format: Annotated[VerifyFormat, typer.Option("--format", help="Form of the report.")] = VerifyFormat.text,
    cases: Annotated[Optional[Path], typer.Option("--cases", metavar="DIR", help="Write each counterexample as a case file into this folder.")] = None,  # noqa: UP045
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Prove over every valid case what the guideline requires of itself, or show the smallest lesion that breaks it."""
    from calx.reasoner.authors import reports
    from calx.reasoner.authors.verify import requirements
    from calx.reasoner.authors.verify import verify as verified
    from calx.reasoner.authors.witness import DisagreementError

    files, guideline = readable(ontology)
    known = {requirement.id for requirement in requirements(guideline)}
    if only is not None and only not in known:
        _wrong(f"{only}: no such requirement; there are {', '.join(sorted(known)) or 'none'}")
    try:
        with _steps() as progress:
            found = verified(files, guideline, progress, only)
    except DisagreementError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(AT_FAULT) from None
    if cases is not None:
        try:
            cases.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _wrong(f"{cases}: cannot be made a folder ({error.strerror})")
        for verdict in found.verdicts:
            for case in verdict.counterexample.cases if verdict.counterexample else ():
                (cases / f"{case['case_id']}.json").write_text(json.dumps(case, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shown = (
        reports.verify_as_text(found, lang.value) if format is VerifyFormat.text else json.dumps(reports.verify_as_json(found), ensure_ascii=False, indent=1)
    )
    typer.echo(shown)
    raise typer.Exit(DONE if found.holds else AT_FAULT)


@app.command()
def explain(
    kind: Annotated[Optional[str], typer.Argument(metavar="[KIND]", help="A kind of problem, such as literal; without it, all kinds are listed.")] = None,  # noqa: UP045
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """What a kind of problem is, an edit that shows it, and how to mend it: the page of a kind that check tells in brackets."""
    if kind is None:
        width = max(map(len, KINDS))
        for name, described in KINDS.items():
            typer.echo(f"{name:{width}}  {described.severity:7}  {described.zh if lang is Language.zh else described.en}")
        raise typer.Exit(DONE)
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        _wrong(f"{kind[:64]}: no such kind of problem; " + (f"did you mean '{near[0]}'?" if near else "'calx explain' lists them"))
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page(kind)))
    else:
        typer.echo(page(kind), nl=False)


class DiffFormat(StrEnum):
    """How a comparison is shown."""

    text = "text"
    json = "json"
    markdown = "markdown"


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A folder, or a revision of git (main, HEAD~1, a tag).")],
    new: Annotated[Optional[str], typer.Argument(metavar="[NEW]", help="The same, after the edit; --ontology if not given.")] = None,  # noqa: UP045
    cases: Annotated[Optional[list[Path]], typer.Option("--cases", metavar="PATH", help="Case files, or folders of them, to answer by both.")] = None,  # noqa: UP045
    path: Annotated[Optional[str], typer.Option("--path", metavar="DIR", help="The guideline's folder inside the repository.")] = None,  # noqa: UP045
    format: Annotated[DiffFormat, typer.Option("--format", help="Form of the report; markdown for a pull request.")] = DiffFormat.text,
    lang: Lang = Language.en,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """What an edit of the guideline changes: in meaning, for all lesions, for cases, and in what is proved."""
    new = str(ontology) if new is None else new
    from calx.reasoner.authors import diff_report
    from calx.reasoner.authors.diff import Version, difference
    from calx.reasoner.authors.revisions import RevisionError, folder_of
    from calx.reasoner.authors.session import UndecidedError
    from calx.reasoner.authors.witness import DisagreementError

    try:
        with folder_of(old, path, Path(new)) as before, folder_of(new, path, Path(old)) as after, _steps() as progress:
            versions = Version(*readable(before, old)), Version(*readable(after, new))
            found = difference(*versions, _cohort(cases, versions[1].guideline) if cases else None, progress)
    except RevisionError as error:
        _wrong(str(error))
    except (UndecidedError, DisagreementError) as error:
        typer.echo(f"no answer is given, rather than one that may be wrong: {error}", err=True)
        raise typer.Exit(AT_FAULT) from None
    if format is DiffFormat.json:
        typer.echo(json.dumps(diff_report.as_json(found), ensure_ascii=False, indent=1))
    else:
        typer.echo((diff_report.as_text if format is DiffFormat.text else diff_report.as_markdown)(found, lang.value))
    raise typer.Exit(DONE)


def _cohort(paths: list[Path], guideline: Guideline) -> Iterator[Submission]:
    """The cases of files and folders."""
    for path in paths:
        files = sorted(file for file in path.rglob("*") if suffix_of(file)) if path.is_dir() else [path]
        if not files:
            _wrong(f"{path}: holds no case file ({', '.join(SUFFIXES)})")
        for file in files:
            yield from _submissions(*_source(str(file)), guideline)


# --- reading ---------------------------------------------------------------------------


def readable(ontology: Path, named: str | None = None) -> tuple[GuidelineFiles, Guideline]:
    """A guideline of which things can be proved, though its evidence or words may have faults; those are told in one line."""
    from calx.reasoner import cache
    from calx.reasoner.authoring import read

    try:
        files = GuidelineFiles(_folder(ontology))
        known = cache.stored(files)
        if known is not None:
            return files, known
        guideline, problems = read(files)
    except GuidelineError as error:
        _refuse(error)
    unread = [problem for problem in problems if problem.kind in UNREAD]
    if unread:
        _refuse(GuidelineError(unread))
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        typer.echo(f"{named or ontology}: {errors} errors that leave the rules readable; 'calx check' lists them", err=True)
    else:
        cache.store(guideline)
    return files, guideline


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """What is being done, on standard error, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda told: None
        return
    try:  # a line of our own: a spinner runs in a thread, and diff forks
        yield lambda told: print(f"\r\x1b[K{told} …", end="", file=sys.stderr, flush=True)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
