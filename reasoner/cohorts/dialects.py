"""The same queries in the words of other engines."""

from __future__ import annotations

from hashlib import sha256

from calx.reasoner.cohorts.errors import CohortError

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
