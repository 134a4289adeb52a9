"""The rules as columns: row for row the same as the engine says of each lesion alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calx.reasoner.columns.admission import ColumnKind, admission
from calx.reasoner.columns.answers import answers
from calx.reasoner.columns.blame import Bits
from calx.reasoner.columns.program import query
from calx.reasoner.columns.sql import TYPES, quoted
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import RankedThing
from calx.reasoner.engine.proof import ProofView
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.section import Actions, Alerts, Criteria, Members, One, Status, Tally
from calx.reasoner.model.values import Values, as_json
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions, values_of
from tests.sampling import much

FOREIGN = Path(__file__).parents[2] / "guidelines"


def rows(reasoner: Reasoner, cases: Iterable[Case], text: str) -> list[dict[str, Any]]:
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
        found = connection.execute(f"SELECT * FROM ({text}) ORDER BY place")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def check(reasoner: Reasoner, cases: list[Case]) -> int:
    """Values, conclusions, fired rules and what is open against the engine; how many rules fired."""
    asked, fired = query(reasoner.guideline, reasoner.uncertainty.read, ["place"]), 0
    bits = {
        f"facts of {k}": Bits(reasoner.guideline).known_of({w: quoted(c) for w, c in words.items()})
        for k, words in asked.blamed.items()
    }
    table = asked.table.select(bits)
    for case, row in zip(cases, rows(reasoner, cases, table.text), strict=True):
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
        for key in asked.blamed:
            assert row[f"facts of {key}"] == len(outlook.open_producers(key)), (case.id, key)
    return fired


def said(answer: Answer) -> dict[str, Any]:
    """What an answer says, by the columns of a cohort (those of the public contract)."""
    guideline, found = answer.guideline, dict[str, Any]()
    for section in guideline.sections:
        match section:
            case One():
                chosen = answer.chosen(section, "en")
                found[section.key] = chosen and chosen.id
                if section.leads:
                    found["settled"] = chosen and chosen.settled
            case Tally():
                total = answer.total(section)
                kind = guideline.properties[section.predicate].kind
                counts = {t.id: dict(section.weights)[t.local] for t in guideline.of_kind(kind)}
                found[section.key] = total.value
                rise = sum(counts[point] for point in total.unknown)
                found[f"most_{section.key}"] = int(total.value or 0) + rise
            case Members() if section.key not in ("advice",):
                for name in section.predicates:
                    kind = guideline.properties[name].kind
                    told = answer.ids(name)
                    found |= {f"{kind}_{t.id}": t.id in told for t in guideline.of_kind(kind)}
            case Status():
                things = answer.things(section, "en")
                found |= {f"status_{thing.id}": thing.status for thing in things}
                found |= {f"unverified_{thing.id}": len(thing.unverified) for thing in things}
                if section.ranked:
                    ranks = {t.id: t.rank for t in things if isinstance(t, RankedThing)}
                    found |= {f"rank_{id_}": rank for id_, rank in ranks.items()}
                    first = [id_ for id_, rank in ranks.items() if rank == 1]
                    found[f"first_{section.kind}"] = first[0] if first else None
            case Alerts():
                graded = {alert.id: alert.severity for alert in answer.alerts(section, "en")}
                for alert in guideline.of_kind(section.kind):
                    found[f"{section.kind}_{alert.id}"] = graded.get(alert.id)
            case Actions():
                actions = [action.id for action in answer.actions(section, "en")]
                for place in range(3):
                    found[f"action_{place + 1}"] = (actions + [None] * 3)[place]
            case Criteria():
                judged = answer.judged(section).criteria
                for criterion in guideline.of_kind(section.kind):
                    found[f"{section.kind}_{criterion.id}"] = judged.get(criterion.id)
            case _:
                pass
    found["missing"] = len(answer.missing)
    open_ = {alert.id for alert in answer.possible_alerts("en")}
    for _, alert in ProofView(guideline).left_open:
        found[f"possible_{alert.id}"] = alert.id in open_
    return found


def check_answers(reasoner: Reasoner, cases: list[Case]) -> int:
    """Everything that an answer says; how many lesions have a thing that comes first."""
    asked = answers(reasoner.guideline, reasoner.uncertainty.read, ["place"])
    firsts = 0
    for case, row in zip(cases, rows(reasoner, cases, asked.table.text), strict=True):
        told = said(reasoner.answer(case))
        assert told.keys() <= row.keys(), told.keys() - row.keys()
        assert {name: row[name] for name in told} == told, case.facts
        firsts += any(told[name] for name in told if name.startswith("first_"))
    return firsts


@pytest.mark.long
def test_answers_are_those_of_each_lesion_alone(reasoner: Reasoner) -> None:
    raw = [
        *lesions(reasoner, much(2000, 200), 13, density=0.5),
        *reasoner.sample[: much(3000, 200)],
    ]
    cases = [reasoner.gate.admit({**one, "case_id": str(n)}) for n, one in enumerate(raw)]
    assert check_answers(reasoner, cases) > 50


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


WRONG = ("maybe", "-1", "1e30", "0.1234567", "nan", "inf", "", "270°", "true", "2.5", "1e-05")
"""What may stand in a column of text."""


def entered(reasoner: Reasoner, source: random.Random) -> dict[str, Any]:
    """Values of facts that nobody made fit together, some of them none."""
    facts = [fact for fact in reasoner.guideline.facts.values() if fact.given]
    found: dict[str, Any] = {}
    for fact in source.sample(facts, source.randrange(1, len(facts) // 2)):
        found[fact.name] = source.choice(values_of(reasoner, fact.name) or [Decimal(1)])
        if source.random() < 0.05:
            found[fact.name] = source.choice(WRONG)
    return found


def typed(fact: Fact, text: str) -> Any:
    """A text as a table's reader hands it to the gate; one that it refuses where it is no value."""
    if fact.kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if fact.kind == "text":
        return text
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


@pytest.mark.long
def test_a_row_is_admitted_where_the_gate_admits_the_case(reasoner: Reasoner) -> None:
    source, given = random.Random(9), reasoner.guideline.facts
    as_text = {name: ColumnKind.TEXT for name, fact in given.items() if fact.given}
    gate = admission(reasoner.guideline, as_text, ["place"])
    told = [
        {name: str(as_json(v)).lower() if not isinstance(v, str) else v for name, v in one.items()}
        for one in (entered(reasoner, source) for _ in range(much(3000, 400)))
    ]
    names = [fact.name for fact in given.values() if fact.given]
    with duckdb.connect() as connection:
        columns = ", ".join(f"{quoted(name)} VARCHAR" for name in names)
        connection.execute(f"CREATE TABLE entered (place INTEGER, {columns})")
        marks = ", ".join("?" for _ in range(len(names) + 1))
        table = [[place, *(one.get(name) for name in names)] for place, one in enumerate(told)]
        connection.executemany(f"INSERT INTO entered VALUES ({marks})", table)
        found = connection.execute(f"SELECT * FROM ({gate.table.text}) ORDER BY place")
        heads = [column[0] for column in found.description or ()]
        rows = [dict(zip(heads, row, strict=True)) for row in found.fetchall()]
    assert {*names, *gate.wrong.values(), *gate.broken.values(), gate.refused, "place"} == {*heads}
    admitted = 0
    for one, row in zip(told, rows, strict=True):
        raw = {name: typed(given[name], text) for name, text in one.items() if text.strip()}
        wrong, facts = set[str](), Values()
        for name, value in raw.items():
            try:
                facts |= reasoner.gate.admit({"case_id": "a", name: value}).facts
            except CaseError as error:
                if any(not problem.facts for problem in error.problems):
                    wrong.add(name)
                else:  # a value that cannot stand alone
                    facts[name] = value
        assert {name for name, column in gate.wrong.items() if row[column]} == wrong, one
        completed = reasoner.evaluation.complete(facts).values
        broken = {rule.id for rule in reasoner.evaluation.violated(completed)}
        assert {rule for rule, column in gate.broken.items() if row[column]} == broken, one
        for name, value in facts.items():
            assert row[name] == as_json(value), (one, name)
        admitted += not wrong and not broken
    assert 0 < admitted < len(told)


@pytest.mark.parametrize("name", ["pneumonia", "oct"])
def test_columns_are_of_any_guideline(name: str) -> None:
    reasoner = Reasoner.load(FOREIGN / name)
    raw = lesions(reasoner, 200, 3, density=0.8)
    cases = [reasoner.gate.admit({**one, "case_id": str(n)}) for n, one in enumerate(raw)]
    assert check(reasoner, cases)
    check_answers(reasoner, cases)
