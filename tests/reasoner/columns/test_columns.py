"""The rules as columns: row for row the same as the engine says of each lesion alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calx.reasoner.columns.program import RuleColumns, query
from calx.reasoner.columns.sql import TYPES, quoted
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.case import Case
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.sampling import much

FOREIGN = Path(__file__).parents[2] / "guidelines"


def rows(reasoner: Reasoner, cases: Iterable[Case], asked: RuleColumns) -> list[dict[str, Any]]:
    """What the columns say of each case, in their order."""
    given = [fact for fact in reasoner.guideline.facts.values() if fact.given]
    with duckdb.connect() as connection:
        columns = ", ".join(f"{quoted(fact.name)} {TYPES[fact.kind]}" for fact in given)
        connection.execute(f"CREATE TABLE lesions (place INTEGER, {columns})")
        told = [
            [place, *(as_json(case.facts.get(fact.name)) for fact in given)]
            for place, case in enumerate(cases)
        ]
        marks = ", ".join("?" for _ in range(len(given) + 1))
        connection.executemany(f"INSERT INTO lesions VALUES ({marks})", told)
        found = connection.execute(f"SELECT * FROM ({asked.text}) ORDER BY place")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def check(reasoner: Reasoner, cases: list[Case]) -> int:
    """Values, conclusions, fired rules and what is open against the engine; how many rules fired."""
    asked, fired = query(reasoner.guideline, reasoner.uncertainty.read), 0
    for case, row in zip(cases, rows(reasoner, cases, asked), strict=True):
        trace = reasoner.evaluation.run(case.facts)
        for name in asked.values:
            expected = trace.values.get(name)
            if isinstance(expected, Decimal):
                assert row[name] == pytest.approx(float(expected), rel=1e-9), (case.id, name)
            else:
                assert row[name] == expected, (case.id, name)
        derived = {key for key in asked.conclusions if row[key]}
        assert derived == set(trace.derived), case.id
        ours = {rule for rule, columns in asked.fired.items() if any(row[c] for c in columns)}
        assert ours == {step[0].id for step in trace.steps}, case.id
        fired += len(ours)
        outlook = reasoner.uncertainty.outlook(trace.values)
        for key, column in asked.open.items():
            told = True if key in outlook.certain else None if key in outlook.possible else False
            assert row[column] is told, (case.id, key)
    return fired


@pytest.mark.long
def test_columns_say_what_the_engine_says_of_random_lesions(reasoner: Reasoner) -> None:
    raw = lesions(reasoner, much(3000, 300), 7, density=0.6)
    cases = [reasoner.gate.admit({**one, "case_id": str(n)}) for n, one in enumerate(raw)]
    assert check(reasoner, cases) > len(cases)


def test_columns_say_what_the_engine_says_of_the_sample(reasoner: Reasoner) -> None:
    cases = [reasoner.gate.admit(raw) for raw in reasoner.sample[: much(3000, 300)]]
    assert check(reasoner, cases) > len(cases)


def test_a_quotient_ties_where_the_exact_one_does(reasoner: Reasoner) -> None:
    """An expansion of exactly 90 and 80 percent, in areas whose quotients are no doubles."""
    cases = []
    for hundredths in range(101, much(1400, 500)):
        reference = Decimal(hundredths) / 100
        for part in ("0.9", "0.8"):
            facts = {
                "case_id": f"{hundredths}-{part}",
                "stage": "after_stent",
                "stent_implanted": True,
                "minimum_stent_area_mm2": json.loads(str(reference * Decimal(part))),
                "distal_reference_lumen_area_mm2": float(reference),
                "proximal_reference_lumen_area_mm2": float(reference),
            }
            try:
                cases.append(reasoner.gate.admit(facts))
            except CaseError:
                continue
    assert len(cases) > 500
    check(reasoner, cases)


@pytest.mark.parametrize("name", ["pneumonia", "oct"])
def test_columns_are_of_any_guideline(name: str) -> None:
    reasoner = Reasoner.load(FOREIGN / name)
    raw = lesions(reasoner, 200, 3, density=0.8)
    cases = [reasoner.gate.admit({**one, "case_id": str(n)}) for n, one in enumerate(raw)]
    assert check(reasoner, cases)
