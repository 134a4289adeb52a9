"""A new reading of the rules is one visitor: here the rules as columns of SQL, run in sqlite.

What it takes is the whole of `sql` and the use of the program's layers in `statements`; who adds
a reading starts from this file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

import pytest

from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Compare,
    Condition,
    Constant,
    Derived,
    Expression,
    Not,
    Of,
    OneOf,
    Value,
)
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.program import Clause
from calx.reasoner.model.rule import Assignment
from calx.reasoner.recommendation import Reasoner
from tests.conftest import CONFORMANCE


def literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"'{value}'" if isinstance(value, str) else str(float(value))


def sql(condition: Condition, guideline: Guideline) -> str:
    """The condition as an expression of SQL, 1 or 0."""
    match condition:
        case Compare(fact, comparator, limit):
            return f'ifnull("{fact}" {comparator} {literal(limit)}, 0)'
        case OneOf(fact, values):
            return f'ifnull("{fact}" IN ({", ".join(map(literal, values))}), 0)'
        case Absent(fact):
            return f'"{fact}" IS NULL'
        case Derived():
            return f'"{condition.key}"'
        case AtLeast(count, predicate):
            keys = guideline.program.keys_of(predicate)
            return " + ".join(f'"{key}"' for key in keys) + f" >= {count}"
        case Not(part):
            return f"NOT ({sql(part, guideline)})"
        case AllOf(parts):
            return " AND ".join(f"({sql(part, guideline)})" for part in parts) or "1"
        case AnyOf(parts):
            return " OR ".join(f"({sql(part, guideline)})" for part in parts) or "0"
        case _:
            assert_never(condition)


def computed(expression: Expression) -> str:
    match expression:
        case Constant(value):
            return literal(value)
        case Of(fact):
            return f'"{fact}"'
        case Arithmetic(sign, left, right):
            return f"({computed(left)} {sign} {computed(right)})"
        case _:
            assert_never(expression)


def value_of(clause: Clause, guideline: Guideline) -> str:
    conclusion = clause.production.conclusion
    assert isinstance(conclusion, Assignment)
    applies = sql(clause.production.applies, guideline)
    return f"CASE WHEN {applies} THEN {computed(conclusion.expression)} END"


def statements(guideline: Guideline) -> Iterator[str]:
    """One table a layer; a column for each value and each key of a conclusion."""
    names = [*guideline.facts]
    keys = [key for name in guideline.properties for key in guideline.program.keys_of(name)]
    for number, layer in enumerate(guideline.program.layers):
        columns = []
        for fact in names:
            given = (value_of(clause, guideline) for clause in layer.assigning.get(fact, ()))
            columns.append(f'coalesce("{fact}", {", ".join([*given, "NULL"])}) AS "{fact}"')
        for key in keys:
            conditions = (c.production.condition for c in layer.asserting.get(key, ()))
            holds = [f'"{key}"', *(f"({sql(condition, guideline)})" for condition in conditions)]
            columns.append(f'{" OR ".join(holds)} AS "{key}"')
        selected = ", ".join(["id", *columns])
        yield f"CREATE TEMP TABLE step{number + 1} AS SELECT {selected} FROM step{number}"


def test_the_rules_as_columns_conclude_the_same_of_every_conformance_case() -> None:
    reasoner = Reasoner.load()
    guideline = reasoner.guideline
    cases = {}
    for line in (CONFORMANCE / "cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        try:
            admitted = reasoner.gate.admit(case)
        except CaseError:
            continue
        cases[admitted.id] = admitted.facts
    assert len(cases) > 400
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    keys = [key for name in guideline.properties for key in guideline.program.keys_of(name)]
    columns = ", ".join([*(f'"{name}"' for name in guideline.facts), *(f'"{k}"' for k in keys)])
    database.execute(f"CREATE TEMP TABLE step0 (id, {columns})")
    for name, facts in cases.items():
        row = [
            float(value) if isinstance(value, Decimal) else value
            for value in (facts.get(fact) for fact in guideline.facts)
        ]
        marks = ", ".join("?" * (1 + len(row) + len(keys)))
        database.execute(f"INSERT INTO step0 VALUES ({marks})", (name, *row, *([0] * len(keys))))
    for statement in statements(guideline):
        database.execute(statement)
    last = database.execute(f"SELECT * FROM step{len(guideline.program.layers)}").fetchall()
    assert len(last) == len(cases)
    for row in last:
        trace = reasoner.evaluation.run(cases[row["id"]])
        assert {key for key in keys if row[key]} == set(trace.derived), row["id"]
        for fact in guideline.facts:
            expected = trace.values.get(fact)
            if isinstance(expected, Decimal):
                assert row[fact] == pytest.approx(float(expected)), (row["id"], fact)
            else:
                assert row[fact] == expected, (row["id"], fact)
