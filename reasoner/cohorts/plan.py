"""What is asked of an engine for one file: the gate, then the answers, as two queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from calx.reasoner.cohorts.column_map import CASE_ID, FoundColumns
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.sources import ROW
from calx.reasoner.columns.admission import Admission, admission
from calx.reasoner.columns.answers import BEYOND, CONTRADICTS, AnswerColumns, answers
from calx.reasoner.columns.sql import quoted
from calx.reasoner.load.cache import known_consistent
from calx.reasoner.model.case import CASE_ID as ID_PATTERN
from calx.reasoner.recommendation import Reasoner

FACT = "fact:"
"""Before the name of a fact, of the column of what was given for it."""
RAW = "raw:"
"""Before the name of a fact, of the column of what the file holds for it, as text."""
ENTERED = "entered:"
"""Before the name of a fact, of the column of the same, once it is read by the map."""
AGAIN = "again:"
"""The column of the row in which an id stands already."""
OF_ROW = "of row:"
"""Of the table of rows whose id stands in an earlier one, the column of their numbers."""
FIRST = "first row:"
"""Of the same, the column of where the id stands first."""
MOST_NAMED = 5
"""Columns that are named one by one."""
REFUSED = "row refused:"
"""The column that says that a row is not admitted."""
NO_ID = "no id:"
"""The column that says that there is no id that can be one."""


@dataclass(frozen=True)
class ScoringPlan:
    """The queries that score rows. Each is given a query of the rows: the columns of the file, and
    `ROW`.

    Attributes:
        found: where the facts stand.
        admission: the gate, which reads the table ``entered``.
        answers: what is said, which reads the table ``lesions``.
        facts: the facts that go through, or none.
        as_text: columns that go through as text, as another file has another type there.
    """

    found: FoundColumns
    admission: Admission
    answers: AnswerColumns
    facts: tuple[str, ...]
    as_text: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the results."""
        return (CASE_ID, *self.found.carried, *self.facts, *self.answers.columns)

    def results(self, rows: str, again: str | None = None) -> str:
        """The results.

        Args:
            rows: a query of the rows.
            again: a table of the rows whose id stands in an earlier one: `OF_ROW`, `FIRST`.
        """
        each = [
            *map(quoted, (CASE_ID, *self.found.carried)),
            *(f"{quoted(FACT + name)} AS {quoted(name)}" for name in self.facts),
            *map(quoted, self.answers.columns),
        ]
        answered = self._answered(rows, again)
        return (
            f"SELECT {', '.join(each)} FROM ({answered}) AS answered "
            f"WHERE NOT {quoted(BEYOND)} AND NOT {quoted(CONTRADICTS)}"
        )

    def undecided(self, rows: str, again: str | None = None) -> str:
        """The rows that doubles cannot decide, or of which the guideline contradicts itself."""
        answered = self._answered(rows, again)
        names = ", ".join(map(quoted, (ROW, CASE_ID, CONTRADICTS)))
        return (
            f"SELECT {names} FROM ({answered}) AS answered "
            f"WHERE {quoted(BEYOND)} OR {quoted(CONTRADICTS)}"
        )

    def refused(self, rows: str, again: str | None = None) -> str:
        """The rows that the gate refuses, with what was entered in them."""
        names = [ROW, CASE_ID, AGAIN, NO_ID]
        names += [prefix + name for name in self.found.facts for prefix in (RAW, ENTERED)]
        told = ", ".join(map(quoted, names))
        return f"SELECT {told} FROM ({self._judged(rows, again)}) AS judged WHERE {quoted(REFUSED)}"

    def _answered(self, rows: str, again: str | None) -> str:
        names = [quoted(name) for name in (ROW, CASE_ID, *self.found.carried)]
        names += [f"{quoted(name)}, {quoted(name)} AS {quoted(FACT + name)}" for name in self.given]
        lesions = (
            f"SELECT {', '.join(names)} FROM ({self._judged(rows, again)}) AS judged "
            f"WHERE NOT {quoted(REFUSED)}"
        )
        return _reading(self.answers.table.text, "lesions", lesions)

    @property
    def given(self) -> tuple[str, ...]:
        """All facts that a case may give."""
        columns = self.answers.table.columns
        return tuple(name.removeprefix(FACT) for name in columns if name.startswith(FACT))

    def _judged(self, rows: str, again: str | None) -> str:
        """The rows of the gate, each with whether it is refused."""
        gate = _reading(self.admission.table.text, "entered", self._entered(rows, again))
        tests = (quoted(NO_ID), f"{quoted(AGAIN)} IS NOT NULL", quoted(self.admission.refused))
        return f"SELECT *, {' OR '.join(tests)} AS {quoted(REFUSED)} FROM ({gate}) AS gate"

    def _entered(self, rows: str, again: str | None) -> str:
        """What was entered in the rows."""
        row, first = quoted(ROW), "CAST(NULL AS VARCHAR)" if again is None else quoted(FIRST)
        id_ = self.found.id_text
        each = [
            row,
            f"{id_} AS {quoted(CASE_ID)}",
            f"{first} AS {quoted(AGAIN)}",
            f"(regexp_matches({id_}, '^{ID_PATTERN.pattern}$')) IS NOT TRUE AS {quoted(NO_ID)}",
            *(
                f"CAST({quoted(column)} AS VARCHAR) AS {quoted(RAW + name)}"
                for name, column in self.found.facts.items()
            ),
            *(
                f"{text} AS {quoted(ENTERED + name)}"
                for name, text in self.found.expressions.items()
            ),
            *(
                f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
                if name in self.as_text
                else quoted(name)
                for name in self.found.carried
            ),
        ]
        joined = (
            f" LEFT JOIN {quoted(again)} AS again ON {quoted(OF_ROW)} = {quoted(ROW)}"
            if again
            else ""
        )
        inner = f"SELECT {', '.join(each)} FROM ({rows}) AS rows{joined}"
        named = ", ".join(
            f"{quoted(ENTERED + name)} AS {quoted(name)}" for name in self.found.facts
        )
        return f"SELECT *{', ' if named else ''}{named} FROM ({inner}) AS read"


def _reading(text: str, table: str, query: str) -> str:
    """A query, reading another one in place of a table."""
    return text.replace(f"FROM {table})", f"FROM ({query}) AS {table})")


def plan(
    reasoner: Reasoner,
    found: FoundColumns,
    *,
    facts: bool,
    rules: bool = True,
    opened: bool = True,
) -> ScoringPlan:
    """How to score the rows of a file.

    Args:
        reasoner: of the guideline.
        found: where its facts stand.
        facts: whether those that a file gives go through.
        rules: whether there is a column a rule.
        opened: whether it is told what unknown facts leave open.

    Raises:
        CohortError: a column that goes through is called as one of the results.
    """
    guideline = reasoner.guideline
    given = [fact.name for fact in guideline.facts.values() if fact.given]
    carried = [ROW, CASE_ID, *found.carried, *(FACT + name for name in given)]
    gate = admission(
        guideline,
        found.entered,
        [
            *(ROW, CASE_ID, AGAIN, NO_ID, *found.carried),
            *(prefix + name for name in found.facts for prefix in (RAW, ENTERED)),
        ],
    )
    doubted = not known_consistent(guideline)
    asked = reasoner.uncertainty.read if opened else ()
    told = answers(guideline, asked, carried, doubted=doubted)
    if not rules:
        kept = tuple(name for name in told.columns if not name.startswith("rule_"))
        told = replace(told, columns=kept)
    kept = tuple(name for name in given if name in found.facts) if facts else ()
    _no_clash(found.carried, [CASE_ID, *given, *told.columns])
    return ScoringPlan(found, gate, told, kept)


def _no_clash(carried: Sequence[str], columns: Sequence[str]) -> None:
    mine = {name.casefold() for name in columns}
    clashing = [name for name in carried if name.casefold() in mine]
    odd = [name for name in carried if ":" in name or not name.strip()]
    if len(clashing) > MOST_NAMED:
        raise CohortError(
            f"{len(clashing)} columns are called as those of results ({clashing[0]} …); "
            "are these results already? score the lesions themselves"
        )
    if clashing:
        raise CohortError(
            f"{', '.join(clashing)}: the results have a column of this name; rename it in the "
            "file, or leave it out (leave_out: in the map of --columns)"
        )
    if odd:
        raise CohortError(
            f"{', '.join(map(repr, odd))}: no name for a column that goes through; rename it "
            "without colon, or leave it out (leave_out: in the map of --columns)"
        )
