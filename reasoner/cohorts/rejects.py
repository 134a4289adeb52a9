"""Rows that are not answered: which, and why, in the words of the gate for one case."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any, NamedTuple

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import AGAIN, ENTERED, NO_ID, RAW, Plan
from calx.reasoner.cohorts.sources import ROW, Source
from calx.reasoner.columns.admission import LONGEST, NUMBER, Entered
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.guideline import Fact
from calx.reasoner.recommendation import Reasoner

HEAD = ("row", "case_id", "column", "value", "reason")
IN_FULL = re.compile(NUMBER)
NEAR = (
    "its numbers are so large, and so near to a threshold, that columns cannot decide it; answer "
    "it alone with calx recommend"
)


class Reject(NamedTuple):
    """One thing wrong with one row."""

    row: int
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

    def write(self, source: Source, rejects: Sequence[Reject]) -> None:
        """The faults of one row."""
        self.rows += 1
        for reject in rejects:
            self._writer.writerow([*([source.name] if self._several else []), *reject])


def unread(source: Source) -> Iterator[Reject]:
    """The rows that could not be read as such."""
    for row in source.unread:
        yield Reject(row.row, "", "", row.told[:200], row.reason)


def faults(reasoner: Reasoner, plan: Plan, row: Mapping[str, Any], language: str) -> list[Reject]:
    """What is wrong with a row that the gate's columns refused.

    Raises:
        CohortError: the gate for one case admits it; the two must never differ.
    """
    given, number = reasoner.guideline.facts, int(row[ROW])
    id_ = row[CASE_ID]
    raw: dict[str, Any] = {CASE_ID: id_}
    for name in plan.found.facts:
        value = row[ENTERED + name]
        if plan.found.entered[name] is Entered.SINGLE and value is not None:
            value = row[RAW + name]  # as many digits as it stands for
        if value is not None and str(value).strip():
            raw[name] = typed(given[name], value)
    problems: list[Problem] = []
    if row[AGAIN] is not None:
        problems.append(
            Problem(f"the id stands already in row {row[AGAIN]}; give each lesion its own", CASE_ID)
        )
    try:
        reasoner.gate.admit(raw, language)
    except CaseError as error:
        problems += error.problems
    if not problems:
        raise CohortError(
            f"row {number}: the columns refuse it and the gate for one case does not; no answer is "
            "given, rather than one that may be wrong"
        )
    shown = id_ if isinstance(id_, str) and not row[NO_ID] else ""
    return [_reject(plan, row, number, shown, problem) for problem in problems]


def _reject(plan: Plan, row: Mapping[str, Any], number: int, id_: str, fault: Problem) -> Reject:
    if fault.fact == CASE_ID:
        value = row[CASE_ID]
        return Reject(
            number,
            id_,
            plan.found.case_id,
            "" if value is None else str(value)[:200],
            fault.message,
        )
    names = [n for n in fault.facts or (fault.fact or "",) if n in plan.found.facts]
    values = [row[RAW + name] for name in names]
    return Reject(
        number,
        id_,
        ", ".join(plan.found.facts[name] for name in names),
        ", ".join("" if value is None else str(value)[:200] for value in values),
        fault.message,
    )


def typed(fact: Fact, value: Any) -> Any:
    """What a file holds as one case would have given it; what is no value of the fact stays, for
    the gate to refuse.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if fact.kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if fact.kind == "text":
        return text
    return Decimal(text) if len(text) <= LONGEST and IN_FULL.fullmatch(text) else text
