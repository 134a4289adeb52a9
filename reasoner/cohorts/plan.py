"""What is asked of an engine for one file: the gate, then the answers, as two queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calx.reasoner.cohorts.column_map import CASE_ID, Found
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.sources import ROW
from calx.reasoner.columns.admission import Admission, admission
from calx.reasoner.columns.answers import BEYOND, AnswerColumns, answers
from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.case import CASE_ID as ID_PATTERN
from calx.reasoner.recommendation import Reasoner

FACT = "fact:"
"""Before the name of a fact, of the column of what was given for it."""
AGAIN = "again:"
"""The column of the row in which an id stands already."""
NO_ID = "no id:"
"""The column that says that there is no id that can be one."""


@dataclass(frozen=True)
class Plan:
    """The queries that score rows.

    Attributes:
        entered: of a query of rows, what was entered in them.
        admission: the gate, which reads the table ``entered``.
        answers: what is said, which reads the table ``lesions``.
        carried: the columns that go through, under the names that they have in the results.
        facts: the facts that go through, or none.
    """

    found: Found
    admission: Admission
    answers: AnswerColumns
    carried: tuple[str, ...]
    facts: tuple[str, ...]

    def entered(self, rows: str, again: str | None = None) -> str:
        """What was entered in some rows.

        Args:
            rows: a query that gives the columns of the file, and `ROW`.
            again: a table of the rows whose id stands in an earlier one: ``row`` and ``first``.
        """
        first = "CAST(NULL AS VARCHAR)" if again is None else "again.first"
        id_ = f"CAST({quoted(self.found.case_id)} AS VARCHAR)"
        each = [
            f"{quoted(ROW)}",
            f"{id_} AS {quoted(CASE_ID)}",
            f"{first} AS {quoted(AGAIN)}",
            f"(regexp_matches({id_}, '^{ID_PATTERN.pattern}$')) IS NOT TRUE AS {quoted(NO_ID)}",
            *(
                f"CAST({quoted(column)} AS VARCHAR) AS {quoted(f'raw:{name}')}"
                for name, column in self.found.facts.items()
            ),
            *(
                f"{text} AS {quoted(f'entered:{name}')}"
                for name, text in self.found.expressions.items()
            ),
            *(
                f"{quoted(column)} AS {quoted(name)}"
                for name, column in zip(self.carried, self.found.carried, strict=True)
            ),
        ]
        joined = "" if again is None else f" LEFT JOIN {again} ON again.row = {quoted(ROW)}"
        inner = f"SELECT {', '.join(each)} FROM ({rows}) AS rows{joined}"  # noqa: S608
        names = [ROW, CASE_ID, AGAIN, NO_ID, *self.carried]
        names += [f"raw:{name}" for name in self.found.facts]
        told = [f"{quoted(f'entered:{name}')} AS {quoted(name)}" for name in self.found.facts]
        return f"SELECT {', '.join([*map(quoted, names), *told])} FROM ({inner}) AS entered"  # noqa: S608

    @property
    def refused(self) -> str:
        """Whether a row of the gate is refused."""
        return f"{quoted(NO_ID)} OR {quoted(AGAIN)} IS NOT NULL OR {self.admission.refused}"

    def lesions(self, admitted: str) -> str:
        """The rows that the gate admits, as the answers read them.

        Args:
            admitted: a query that gives the columns of the gate.
        """
        names = [quoted(name) for name in (ROW, CASE_ID, *self.carried)]
        facts = [f"{quoted(name)}, {quoted(name)} AS {quoted(FACT + name)}" for name in self.given]
        return (
            f"SELECT {', '.join(names + facts)} FROM ({admitted}) AS admitted "  # noqa: S608
            f"WHERE NOT ({self.refused})"
        )

    @property
    def given(self) -> tuple[str, ...]:
        """All facts that a case may give."""
        return tuple(
            name.removeprefix(FACT) for name in self.answers.table.columns if name.startswith(FACT)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the results."""
        return (CASE_ID, *self.carried, *self.facts, *self.answers.columns)

    def results(self) -> str:
        """The results of the table ``lesions``."""
        each = [
            *map(quoted, (CASE_ID, *self.carried)),
            *(f"{quoted(FACT + name)} AS {quoted(name)}" for name in self.facts),
            *map(quoted, self.answers.columns),
        ]
        return (
            f"SELECT {', '.join(each)} FROM ({self.answers.table.text}) AS answered "  # noqa: S608
            f"WHERE NOT {quoted(BEYOND)}"
        )

    def undecided(self) -> str:
        """The rows of the table ``lesions`` that doubles cannot decide."""
        return (
            f"SELECT {quoted(ROW)}, {quoted(CASE_ID)} "  # noqa: S608
            f"FROM ({self.answers.table.text}) AS answered WHERE {quoted(BEYOND)}"
        )


def plan(reasoner: Reasoner, found: Found, *, facts: bool, rules: bool = True) -> Plan:
    """How to score the rows of a file.

    Args:
        reasoner: of the guideline.
        found: where its facts stand.
        facts: whether those that a file gives go through.
        rules: whether there is a column a rule.

    Raises:
        CohortError: a column that goes through is called as one of the results.
    """
    guideline = reasoner.guideline
    given = [fact.name for fact in guideline.facts.values() if fact.given]
    carried = [ROW, CASE_ID, *found.carried, *(FACT + name for name in given)]
    gate = admission(
        guideline,
        found.entered,
        [ROW, CASE_ID, AGAIN, NO_ID, *found.carried, *(f"raw:{name}" for name in found.facts)],
    )
    told = answers(guideline, reasoner.uncertainty.read, carried)
    if not rules:
        kept = tuple(name for name in told.columns if not name.startswith("rule_"))
        told = AnswerColumns(told.table, kept)
    kept = tuple(name for name in given if name in found.facts) if facts else ()
    _no_clash(found.carried, [CASE_ID, *given, *told.columns])
    return Plan(found, gate, told, found.carried, kept)


def _no_clash(carried: Sequence[str], columns: Sequence[str]) -> None:
    mine = {name.casefold() for name in columns}
    clashing = [name for name in carried if name.casefold() in mine]
    odd = [name for name in carried if ":" in name or not name.strip()]
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
