"""Scoring a cohort in the database that holds it, by way of Ibis: table to table, nothing leaves
but the rows that are not answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from calx.reasoner.cohorts.column_map import found
from calx.reasoner.cohorts.dialects import DIALECTS, written
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import plan
from calx.reasoner.cohorts.rejects import Refusals, written_aside
from calx.reasoner.cohorts.scored import (
    Options,
    Progress,
    Scored,
    added_up,
    marks,
    no_doubles,
    notes,
)
from calx.reasoner.cohorts.sources import ROW
from calx.reasoner.columns.admission import ColumnKind
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.recommendation import Reasoner

MOST_DOUBLES = 5
"""Ids that stand twice, up to which they are named."""


def score(
    reasoner: Reasoner,
    url: str,
    table: str,
    out: str,
    rejects: Path,
    options: Options | None = None,
    progress: Progress = lambda told, done: None,
) -> Scored:
    """Score the lesions of a table.

    Args:
        reasoner: of the guideline.
        url: of the database, as Ibis takes it: ``postgres://user@host/name``.
        table: of the lesions.
        out: a table that is not there yet.
        rejects: a CSV file on this machine, of the rows that are not answered. Rows have no number
            here, as a table has no order.
        options: how.
        progress: told what is being done.

    Raises:
        CohortError: it cannot be done; no table is left.
    """
    import ibis

    try:
        with closing(_Connection(ibis.connect(url))) as database:
            return _score(reasoner, database, table, out, rejects, options or Options(), progress)
    except ModuleNotFoundError:
        raise
    except CohortError:
        raise
    except Exception as error:  # every database has errors of its own
        raise CohortError(f"{out}: {' '.join(str(error).split())[:300]}") from None


class _Connection:
    """A database, whatever its words are."""

    def __init__(self, ibis: Any) -> None:
        self._ibis = ibis
        self.dialect = str(ibis.name)
        if self.dialect not in DIALECTS:
            raise CohortError(
                f"{self.dialect}: no database that is scored in; it is {', '.join(DIALECTS)}"
            )

    def close(self) -> None:
        self._ibis.disconnect()

    def columns(self, table: str) -> dict[str, ColumnKind | None]:
        """Of a table, what each column holds."""
        schema = self._ibis.table(table).schema()
        return {name: _entered(kind) for name, kind in schema.items()}

    def rows(self, text: str) -> Iterator[dict[str, Any]]:
        """What a query gives, written as DuckDB has it."""
        with closing(self._ibis.raw_sql(written(text, self.dialect))) as cursor:
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(10_000):
                for row in rows:
                    yield dict(zip(names, row, strict=True))

    def count(self, table: str) -> int:
        (row,) = self.rows(f"SELECT count(*) AS rows FROM {quoted(table)}")
        return int(row["rows"])

    def run(self, *texts: str) -> None:
        """Statements, all of them or none where the database can do that."""
        for text in texts:
            with closing(self._ibis.raw_sql(text)):
                pass

    def exists(self, table: str) -> bool:
        return table in self._ibis.list_tables()

    def quoted(self, name: str) -> str:
        """A name of a table, as the database writes it."""
        import sqlglot

        return sqlglot.exp.to_identifier(name, quoted=True).sql(self.dialect)


def _score(
    reasoner: Reasoner,
    database: _Connection,
    table: str,
    out: str,
    rejects: Path,
    how: Options,
    progress: Progress,
) -> Scored:
    if not database.exists(table):
        raise CohortError(f"{table}: there is no such table")
    if database.exists(out):
        raise CohortError(f"{out}: there is such a table already; drop it, or name another")
    where = found(reasoner.guideline, database.columns(table), how.columns)
    asked = plan(reasoner, where, facts=how.facts, rules=how.rules, opened=how.opened)
    twice = database.rows(
        f"SELECT id FROM (SELECT {where.id_text} AS id FROM {quoted(table)}) AS ids "
        f"WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 LIMIT {MOST_DOUBLES}"
    )
    no_doubles(where, [row["id"] for row in twice])
    rows = f"SELECT *, CAST(NULL AS BIGINT) AS {quoted(ROW)} FROM {quoted(table)}"
    aside = f"{out}__unfinished"
    progress("scoring", 0)
    try:
        text = written(asked.results(rows), database.dialect)
        database.run(f"CREATE TABLE {database.quoted(aside)} AS {text}")
        answered, whole = database.count(aside), database.count(table)
        with written_aside(rejects, several=False) as refused:
            if answered < whole:
                progress("looking why rows are not answered", 0)
                judge = Refusals(reasoner, asked, how.language)
                refused.refused(judge, "", database.rows(asked.refused(rows)))
                refused.undecided("", database.rows(asked.undecided(rows)))
            scored = added_up(whole, answered, refused.rows, notes=notes(reasoner, [asked]))
            database.run(
                f"ALTER TABLE {database.quoted(aside)} RENAME TO {database.quoted(out)}",
            )
        _comment(database, reasoner, out)
        return scored
    finally:
        if database.exists(aside):
            database.run(f"DROP TABLE {database.quoted(aside)}")


def _comment(database: _Connection, reasoner: Reasoner, out: str) -> None:
    """By which guideline and version a table was made stands in its comment."""
    told = ", ".join(f"{name}={value}" for name, value in marks(reasoner).items())
    database.run(f"COMMENT ON TABLE {database.quoted(out)} IS {literal(told)}")


def _entered(kind: Any) -> ColumnKind | None:
    if kind.is_string():
        return ColumnKind.TEXT
    if kind.is_boolean():
        return ColumnKind.BOOLEAN
    if kind.is_floating() and str(kind).startswith("float32"):
        return ColumnKind.SINGLE
    return ColumnKind.NUMBER if kind.is_numeric() else None
