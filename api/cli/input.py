"""What commands are given: case files, guidelines,
readings of them; and how a fault of either is told.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from calx.api.cli.options import AT_FAULT, WRONG_USE
from calx.atomic import write_atomically
from calx.ontology import DEFAULT_DIRECTORY, UNREAD, GuidelineError, GuidelineFiles
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.intake.files import SUFFIXES, Submission, submissions, suffix_of
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    from calx.reasoner.load.reader import ReadGuideline

REPORT = ".dcm"
"""Of a DICOM structured report, whose lesions are cases too."""


def case_source(name: str) -> tuple[str, str]:
    """A case file and how to read it."""
    if name == "-":
        return name, ".jsonl"
    path = Path(name)
    try:
        there = path.is_file()
    except OSError as error:
        wrong_use(f"{name[:100]}: {error.strerror}")
    if not there:
        wrong_use(
            f"{name}: {'is a folder; name the files in it' if path.is_dir() else 'no such file'}"
        )
    suffix = suffix_of(path) or (REPORT if path.suffix.lower() in (REPORT, ".dicom") else None)
    if suffix is None:
        wrong_use(
            f"{name}: cannot tell how to read it; name it {', '.join((*SUFFIXES, REPORT))}, or "
            "pass JSON lines on standard input with -"
        )
    return name, suffix


def wrong_use(message: str) -> NoReturn:
    """End the command: it was not used as it can be."""
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_USE)


def fail(message: str) -> NoReturn:
    """End the command: what it was given, or where it is to write, is at fault."""
    typer.echo(message, err=True)
    raise typer.Exit(AT_FAULT)


def read_submissions(name: str, suffix: str, guideline: Guideline) -> Iterator[Submission]:
    """The cases of a file; a file that cannot be read is
    one problem, and the next file is read all the same.
    """
    if suffix == REPORT:
        yield from _reported(name, guideline)
        return
    if name == "-" and sys.stdin is None:
        wrong_use("-: standard input is closed")
    try:
        with (
            contextlib.nullcontext(sys.stdin.buffer)
            if name == "-"
            else Path(name).open("rb") as stream
        ):
            yield from submissions(stream, suffix, guideline)
    except OSError as error:
        yield Submission(
            problems=[Problem(f"cannot be read: {error.strerror or error}")], readable=False
        )


def _reported(name: str, guideline: Guideline) -> Iterator[Submission]:
    """The lesions of a DICOM structured report; what was read as what goes to standard error."""
    try:
        from calx.api.exchange.codes import Codes
        from calx.api.exchange.report_facts import cases
        from calx.imaging.errors import ImagingError
        from calx.imaging.readers.reports import is_report, read_report
    except ImportError as error:
        wrong_use(f"{name}: {error.name} is needed to read DICOM: pip install 'calx[imaging]'")
    try:
        if not is_report(Path(name)):
            raise ImagingError(
                "no structured report; a recording is read with: calx segment "
                f"{name} --facts OUT.json"
            )
        found = cases(read_report(Path(name)), guideline, Codes(guideline, DEFAULT_DIRECTORY))
    except (ImagingError, OSError) as error:
        told = error.message if isinstance(error, ImagingError) else str(error.strerror or error)
        yield Submission(problems=[Problem(told)], readable=False)
        return
    for case in found:
        for note in case.notes:
            typer.echo(f"{name}: {note}", err=True)
        yield Submission(case.raw)


def guideline_folder(ontology: Path) -> Path:
    """The folder of a guideline, if it is one."""
    if not ontology.is_dir():
        wrong_use(
            f"{ontology}: no such folder; give the folder that holds the guideline's .ttl files"
        )
    return ontology


def load_reasoner(ontology: Path) -> Reasoner:
    """The reasoner of a folder; where it cannot be had, the command ends with all faults told."""
    try:
        return Reasoner.load(guideline_folder(ontology))
    except GuidelineError as error:
        refuse_guideline(error)


def refuse_guideline(error: GuidelineError) -> NoReturn:
    """End the command with every fault of a guideline."""
    for problem in error.problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(AT_FAULT)


def report_problems(name: str, error: CaseError) -> None:
    """Problems of a case on standard error, one a line."""
    for problem in error.problems:
        case = f"{error.case_id}: " if error.case_id else ""
        typer.echo(f"{'standard input' if name == '-' else name}: {case}{problem}", err=True)


MOST_ERRORS = 3
"""Errors of a guideline that are named one by one."""


def read_provable(ontology: Path, named: str | None = None) -> tuple[GuidelineFiles, Guideline]:
    """A guideline of which things can be proved, though its evidence or words may have faults;
    those are told in one line.
    """
    from calx.reasoner.load import cache
    from calx.reasoner.load.reader import read

    try:
        files = GuidelineFiles(guideline_folder(ontology))
        known = cache.find(files)
        if known is not None:
            return files, known
        guideline, problems = read(files)
    except GuidelineError as error:
        refuse_guideline(error)
    unread = [problem for problem in problems if problem.kind in UNREAD]
    if unread:
        refuse_guideline(GuidelineError(unread))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        many = "an error leaves" if len(errors) == 1 else f"{len(errors)} errors leave"
        told = f"{named or ontology}: {many} the rules readable ('calx check' tells more):"
        typer.echo(told, err=True)
        for problem in errors[:MOST_ERRORS]:
            typer.echo(f"  {problem}", err=True)
    else:
        cache.store(guideline)
    return files, guideline


@contextmanager
def show_steps() -> Iterator[Callable[[str], None]]:
    """What is being done, on standard error, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda told: None
        return
    try:  # a line of our own: a spinner runs in a thread, and diff forks
        yield lambda told: print(f"\r\x1b[K{told} …", end="", file=sys.stderr, flush=True)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]


def read_files(ontology: Path) -> GuidelineFiles:
    """The files of a folder."""
    try:
        return GuidelineFiles(guideline_folder(ontology))
    except GuidelineError as error:
        refuse_guideline(error)


def read_guideline(ontology: Path) -> ReadGuideline:
    """The guideline of a folder, with all that was found in reading it."""
    try:
        from calx.reasoner.load.reader import examine

        return examine(read_files(ontology))
    except GuidelineError as error:
        refuse_guideline(error)


def write_guideline(ontology: Path, texts: dict[str, str], dry_run: bool) -> None:
    """Write changed files, each whole or not at all; those of the guideline that Calx itself uses
    only where it was named.
    """
    if texts and not dry_run and ontology == DEFAULT_DIRECTORY:
        wrong_use(
            "this would change the guideline that comes with Calx; give a copy of your own with "
            "--ontology DIR"
        )
    if not texts:
        typer.echo("nothing to change", err=True)
    written: dict[Path, bytes] = {}
    for name, text in texts.items():
        if not dry_run:
            place = (ontology / name).resolve()
            try:
                before = place.read_bytes()
                write_atomically(place, text)
                written[place] = before
            except OSError as error:
                for other, content in written.items():
                    with contextlib.suppress(OSError):
                        write_atomically(other, content)
                fail(f"{name}: cannot be written ({error.strerror}); the files are as they were")
        typer.echo(f"{name}: {'would change' if dry_run else 'written'}", err=True)
    if texts and not dry_run:
        typer.echo(f"now: calx check --ontology {ontology}; calx diff OLD {ontology}", err=True)
