"""Every input cell of every rule: the condition as SQL, on each engine that is at hand, says what the engine for one lesion says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from calx.reasoner.columns.sql import TYPES, Sql, quoted
from calx.reasoner.engine.compiler import compiled_tests
from calx.reasoner.model.names import predicate_of
from calx.reasoner.model.rule import Rule
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from tests.oracles.cells import Cell, cells
from tests.sampling import some

GUIDELINE = Reasoner.load().guideline
SLICE = 3000


def tables(
    rule: Rule,
) -> Iterator[tuple[str, list[str], list[list[Any]], list[str], list[list[bool]]]]:
    """Of each production the columns that it reads, its cells as rows, its condition as SQL, and what the engine says."""
    for production in rule.productions:
        found: list[Cell] = some([*cells(GUIDELINE, production)], SLICE)
        values = sorted({name for facts, _ in found for name in facts} | {*production.reads})
        keys = sorted({key for _, derived in found for key in derived})
        by: dict[str, list[str]] = {}
        for key in keys:
            by.setdefault(predicate_of(key), []).append(key)
        given = {fact.name for fact in GUIDELINE.facts.values() if fact.given}
        condition = Sql(given, by).holds(production.applies)
        (test,) = compiled_tests([production.applies])
        rows, expected = [], []
        for facts, derived in found:
            counts: dict[str, list[str]] = {}
            for key in derived:
                counts.setdefault(predicate_of(key), []).append(key)
            rows.append(
                [*(as_json(facts.get(n)) for n in values), *(key in derived for key in keys)]
            )
            expected.append([test(facts, dict.fromkeys(derived, 0), counts)])
        columns = [f"{quoted(n)} {TYPES[GUIDELINE.facts[n].kind]}" for n in values]
        columns += [f"{quoted(key)} BOOLEAN" for key in keys]
        yield condition, columns, rows, [*values, *keys], expected


@pytest.mark.long
@pytest.mark.parametrize("name", [rule.id for rule in GUIDELINE.rules])
def test_every_cell_of_a_rule_is_read_as_the_engine_reads_it(name: str) -> None:
    seen = 0
    with duckdb.connect() as connection:
        for condition, columns, rows, _, expected in tables(GUIDELINE.rule[name]):
            told = ", ".join(["place INTEGER", *columns])
            connection.execute(f"CREATE OR REPLACE TABLE cell ({told})")
            marks = ", ".join("?" for _ in range(len(columns) + 1))
            connection.executemany(
                f"INSERT INTO cell VALUES ({marks})", [[n, *row] for n, row in enumerate(rows)]
            )
            found = connection.execute(f"SELECT {condition} FROM cell ORDER BY place").fetchall()
            assert [list(row) for row in found] == expected
            seen += len(rows)
    assert seen
