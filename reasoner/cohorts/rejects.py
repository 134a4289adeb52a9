"""Rows that are not answered: which, and why, in the words of the gate for one case."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, NamedTuple

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import AGAIN, ENTERED, NO_ID, RAW, ScoringPlan
from calx.reasoner.cohorts.sources import ROW, LesionFile
from calx.reasoner.columns.admission import LONGEST, NUMBER, ColumnKind
from calx.reasoner.columns.answers import CONTRADICTS
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.guideline import Fact
from calx.reasoner.recommendation import Reasoner

HEAD = ("row", "case_id", "column", "value", "reason")
IN_FULL = re.compile(NUMBER)
NEAR = (
    "its numbers are so large, and so near to a threshold, that columns cannot decide it; answer "
    "it alone with calx recommend"
)

TWICE = (
    "the guideline says two things of it, of which only one can be true; its authors must mend it "
    "(calx recommend tells which)"
)


class Reject(NamedTuple):
    """One thing wrong with one row."""

    row: int | None
    case_id: str
    column: str
    value: str
    reason: str


class Rejects:
    """Writes the rows that are not answered, and counts them.

    Args:
        stream: the file.
        several: its rows are of several files, which are named.
    """

    def __init__(self, stream: IO[str], *, several: bool) -> None:
        self._writer, self._several = csv.writer(stream), several
        self._writer.writerow([*(["file"] if several else []), *HEAD])
        self.rows = 0

    def write(self, file: str, rejects: Sequence[Reject]) -> None:
        """The faults of one row."""
        self.rows += 1
        for reject in rejects:
            self._writer.writerow([*([file] if self._several else []), *reject])

    def refused(self, judge: Refusals, file: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The rows of `ScoringPlan.refused`."""
        for row in rows:
            self.write(file, judge.faults(row))

    def undecided(self, file: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The rows of `ScoringPlan.undecided`."""
        for row in rows:
            why = TWICE if row[CONTRADICTS] else NEAR
            self.write(file, [Reject(row[ROW], row[CASE_ID], "", "", why)])


def are_rejects(path: Path) -> bool:
    """Whether a file holds rejects, or nothing at all."""
    with path.open("rb") as stream:
        head = stream.readline(200).decode(errors="replace").strip()
    return head in ("", ",".join(HEAD), ",".join(("file", *HEAD)))


@contextmanager
def written_aside(path: Path, *, several: bool) -> Iterator[Rejects]:
    """Rejects that are there once nothing went wrong."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield Rejects(stream, several=several)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def unread(source: LesionFile) -> Iterator[Reject]:
    """The rows that could not be read as such."""
    for row in source.unread:
        yield Reject(row.row, "", "", row.told[:200], row.reason)


@dataclass(frozen=True)
class Refusals:
    """Says why the gate's columns refused a row, in the words of the gate for one case.

    Attributes:
        reasoner: of the guideline.
        plan: by which the row was refused.
        language: of what it says.
    """

    reasoner: Reasoner
    plan: ScoringPlan
    language: str

    def faults(self, row: Mapping[str, Any]) -> list[Reject]:
        """What is wrong with a row.

        Raises:
            CohortError: the gate for one case admits it; the two must never differ.
        """
        problems: list[Problem] = []
        if row[AGAIN] is not None:
            told = f"the id stands already in row {row[AGAIN]}; give each lesion its own"
            problems.append(Problem(told, CASE_ID))
        try:
            self.reasoner.gate.admit(self._case(row), self.language)
        except CaseError as error:
            problems += error.problems
        if not problems:
            raise CohortError(
                f"{row[CASE_ID]}: the columns refuse it and the gate for one case does not; no "
                "answer is given, rather than one that may be wrong"
            )
        return [self._reject(row, problem) for problem in problems]

    def _case(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as one case."""
        raw: dict[str, Any] = {CASE_ID: row[CASE_ID]}
        for name, entered in self.plan.found.entered.items():
            # numbers of 32 bits have as many digits as they stand for
            value = row[(RAW if entered is ColumnKind.SINGLE else ENTERED) + name]
            if value is not None and str(value).strip(" "):  # as SQL trims
                raw[name] = typed(self.reasoner.guideline.facts[name], value)
        return raw

    def _reject(self, row: Mapping[str, Any], fault: Problem) -> Reject:
        facts, id_ = self.plan.found.facts, row[CASE_ID]
        shown = "" if row[NO_ID] else str(id_)
        if fault.fact == CASE_ID:
            return Reject(row[ROW], shown, self.plan.found.case_id, _text(id_), fault.message)
        names = [name for name in fault.facts or (fault.fact or "",) if name in facts]
        read = [told for name in names for told in self._read(row, name)]
        return Reject(
            row[ROW],
            shown,
            ", ".join(facts[name] for name in names),
            ", ".join(_text(row[RAW + name]) for name in names),
            f"{fault.message} [{', '.join(read)}]" if read else fault.message,
        )

    def _read(self, row: Mapping[str, Any], name: str) -> Iterator[str]:
        """What the map makes of a value, where that is another."""
        raw, entered = _text(row[RAW + name]), _text(row[ENTERED + name])
        if (
            self.plan.found.entered[name] is not ColumnKind.SINGLE
            and raw.strip() != entered.strip()
        ):
            yield f"{raw} → {entered}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:200]


def typed(fact: Fact, value: Any) -> Any:
    """What a file holds as one case would have given it; what is no value of the fact stays, for
    the gate to refuse.
    """
    if not isinstance(value, str):
        return value
    text = value.strip(" ")  # as SQL trims
    if fact.kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if fact.kind == "text":
        return text
    return Decimal(text) if len(text) <= LONGEST and IN_FULL.fullmatch(text) else text
