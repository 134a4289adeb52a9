"""How a cohort is scored, what came of it, and what its owner should know; the same on every
engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import calx
from calx.reasoner.cohorts.column_map import ColumnMap, FoundColumns
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import ScoringPlan
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT

PART = 1_000_000
"""Rows of a part of a result that is a folder."""
MEMORY = "1GB"
"""What the engine may hold before it uses the disk."""

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is done, 0 to 1."""


@dataclass(frozen=True)
class Scored:
    """What came of a run.

    Attributes:
        rows: that were read.
        answered: rows with an answer.
        rejected: rows without; `rows` is the sum of both.
        parts: that were written.
        resumed: parts that an earlier run had written.
        notes: what the owner of the cohort should know.
    """

    rows: int
    answered: int
    rejected: int
    parts: int = 1
    resumed: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """How a cohort is scored.

    Attributes:
        columns: where the facts are found.
        table: of a database the table.
        facts: the facts go through to the results.
        rules: the results have a column a rule.
        opened: the results tell what unknown facts leave open.
        language: of the reasons of rejects.
        memory: what the engine may hold.
        part: rows of a part.
    """

    columns: ColumnMap = field(default_factory=ColumnMap)
    table: str | None = None
    facts: bool = True
    rules: bool = True
    opened: bool = True
    language: str = DEFAULT
    memory: str = MEMORY
    part: int = PART


def added_up(
    rows: int,
    answered: int,
    rejected: int,
    parts: int = 1,
    resumed: int = 0,
    notes: tuple[str, ...] = (),
) -> Scored:
    """What came of a run.

    Raises:
        CohortError: a row is neither answered nor rejected, or is both.
    """
    if rows != answered + rejected:
        raise CohortError(
            f"the counts do not add up: {rows} rows, {answered} answered, {rejected} rejected; "
            "nothing is written, rather than results that may be wrong"
        )
    return Scored(rows, answered, rejected, parts, resumed, notes)


def no_doubles(found: FoundColumns, doubles: Sequence[str]) -> None:
    """Where rows have no order, none of two is the first.

    Args:
        found: where the ids stand.
        doubles: some that stand in two rows.

    Raises:
        CohortError: there are any.
    """
    if doubles:
        raise CohortError(
            f"{found.case_id}: ids stand in more than one row ({', '.join(doubles)} …); give each "
            "lesion its own"
        )


def marks(reasoner: Reasoner) -> dict[str, str]:
    """What stands in every file of results: by which guideline and version it was made."""
    guideline = reasoner.guideline
    return {
        "calx_guideline": guideline.iri,
        "calx_guideline_version": guideline.version,
        "calx_guideline_digest": guideline.digest,
        "calx_version": calx.__version__,
    }


def notes(reasoner: Reasoner, plans: Sequence[ScoringPlan]) -> tuple[str, ...]:
    """What goes through, and what is not there."""
    notes = dict.fromkeys(note for p in plans for note in p.found.notes)
    given = [fact.name for fact in reasoner.guideline.facts.values() if fact.given]
    for p in plans:
        absent = [name for name in given if name not in p.found.facts]
        if absent:
            notes[
                f"no column for {len(absent)} of {len(given)} facts, unknown of every lesion: "
                + "; ".join(decided(reasoner, absent))
            ] = None
        if p.found.carried:
            notes[f"columns that go through: {', '.join(p.found.carried)}"] = None
    return tuple(notes)


def decided(reasoner: Reasoner, facts: Sequence[str]) -> list[str]:
    """Facts, by whether the leading section or a gravest alert hangs on them."""
    guideline = reasoner.guideline
    lead = guideline.lead
    behind = guideline.program.behind(lead.shown) if lead else set()
    first = [name for name in facts if name in behind]
    rest = [name for name in facts if name not in behind]
    told = [f"{lead.key} may hang on {', '.join(first)}"] if lead and first else []
    return told + ([f"other parts on {', '.join(rest)}"] if rest else [])
