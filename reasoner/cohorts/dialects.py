"""The same queries in the words of other engines, to be printed or run there."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from calx.reasoner.cohorts.column_map import CASE_ID, found
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import plan
from calx.reasoner.cohorts.run import connected
from calx.reasoner.cohorts.scored import Options, marks
from calx.reasoner.cohorts.sources import ROW, LesionFiles
from calx.reasoner.columns.admission import ColumnKind, entered
from calx.reasoner.columns.sql import quoted
from calx.reasoner.recommendation import Reasoner

EXECUTED = ("duckdb", "postgres", "spark")
"""Dialects in which the tests score cohorts."""
PARSED = ("bigquery", "snowflake", "trino")
"""Dialects whose text the tests parse; no such engine was at hand."""
DIALECTS = (*EXECUTED, *PARSED)
LONGEST = 63
"""Bytes of a name in PostgreSQL, which cuts off the rest."""


def written(text: str, dialect: str) -> str:
    """A query of DuckDB in another dialect.

    Raises:
        CohortError: it is none of `DIALECTS`.

    >>> written('SELECT round("a b", 9) > CAST(1 AS DOUBLE) FROM (SELECT * FROM t) AS u', "spark")
    'SELECT ROUND(`a b`, 9) > CAST(1 AS DOUBLE) FROM (SELECT * FROM t) AS u'
    """
    if dialect not in DIALECTS:
        raise CohortError(f"{dialect}: no dialect that is written; it is {', '.join(DIALECTS)}")
    if dialect == "duckdb":
        return text
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(text, read="duckdb")
    if dialect == "postgres":
        for name in [*tree.find_all(exp.Identifier)]:
            name.set("this", _short(name.name))
        for rounded in [*tree.find_all(exp.Round)]:
            rounded.set("this", exp.cast(rounded.this, exp.DataType.build("DECIMAL")))
        for below in [*tree.find_all(exp.Subquery)]:
            if isinstance(below.this, exp.Select):  # a fence: its planner flattens what it can
                below.this.set("offset", exp.Offset(expression=exp.Literal.number(0)))
    return tree.sql(dialect=dialect)


def _short(name: str) -> str:
    """A name that is not cut off, and still its own."""
    told = name.encode()
    if len(told) <= LONGEST:
        return name
    mark = sha256(told).hexdigest()[:12]
    return f"{told[: LONGEST - 13].decode(errors='ignore')}~{mark}"


def printed(reasoner: Reasoner, dialect: str, path: Path | None, how: Options) -> str:
    """The query that scores the table ``lesions``; rows that the gate refuses are not in what it
    gives.

    Args:
        reasoner: of the guideline.
        dialect: one of `dialects.DIALECTS`.
        path: a file whose columns the table has; None for a column a fact and ``case_id``.
        how: what it gives.
    """
    if path is None:
        facts = reasoner.guideline.facts.values()
        columns: dict[str, ColumnKind | None] = {CASE_ID: ColumnKind.TEXT}
        columns |= {fact.name: entered(fact) for fact in facts if fact.given}
    else:
        with TemporaryDirectory() as stage, connected(Path(stage)) as connection:
            source = LesionFiles(reasoner.guideline, connection, Path(stage)).open(path, how.table)
            columns = dict(source.columns)
    where = found(reasoner.guideline, columns, how.columns)
    asked = plan(reasoner, where, facts=how.facts, rules=how.rules, opened=how.opened)
    rows = f"SELECT *, CAST(NULL AS BIGINT) AS {quoted(ROW)} FROM lesions"
    text = written(asked.results(rows), dialect)
    told = ", ".join(f"{name} {value}" for name, value in marks(reasoner).items())
    return f"-- {told}\n{text};"
