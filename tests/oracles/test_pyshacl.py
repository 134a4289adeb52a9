"""Calx agrees with stock pySHACL: on every input cell of every rule, on whole cases, and on what a case may be.

This is the licence to be fast: the compiled rules stand in for the reference engine because they agree with it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

import pytest
from rdflib import Literal, URIRef

from calx.reasoner.authors.prove.pyshacl_judge import Triple
from calx.reasoner.engine.compiler import Holds, calculation, compiled_tests
from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    AtLeast,
    Comparator,
    Compare,
    Condition,
    Derived,
    Not,
    OneOf,
    Value,
)
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assertion, Production, Rule
from calx.reasoner.recommendation import Reasoner
from tests import sampling
from tests.conftest import conformance_cases
from tests.lesions import lesions
from tests.oracles.cells import Cell, cells
from tests.oracles.shacl_engine import JUDGE, rule_alone

CHUNK = 1500
SLICE = 40
"""Cells of each rule in a sample."""
GUIDELINE = Reasoner.load().guideline


def compiled(guideline: Guideline, rule: Rule, cell: Cell) -> set[Triple]:
    """What the compiled rule concludes in one cell."""
    values, keys = cell
    derived = dict.fromkeys(keys, 0)
    counts: dict[str, list[str]] = {}
    for key in derived:
        counts.setdefault(key.partition(":")[0], []).append(key)
    found: set[Triple] = set()
    for production, test in zip(
        rule.productions, compiled_tests([p.condition for p in rule.productions]), strict=True
    ):
        if test(values, derived, counts):
            conclusion = production.conclusion
            if isinstance(conclusion, Assertion):
                found.add(
                    (
                        conclusion.predicate,
                        f"{guideline.properties[conclusion.predicate].kind}/{conclusion.term}",
                    )
                )
            else:
                value = calculation(conclusion.expression)(values)
                if value is not None:
                    found.add((guideline.facts[conclusion.fact].local, value))
    return found


def all_cells(rule: Rule) -> list[Cell]:
    """Every cell of every production of a rule, each once."""
    found: dict[tuple[frozenset[tuple[str, Value]], frozenset[str]], Cell] = {}
    for production in rule.productions:
        for values, keys in cells(GUIDELINE, production):
            found.setdefault((frozenset(values.items()), keys), (values, keys))
    return list(found.values())


def chunks() -> list[object]:
    if not sampling.WHOLE:
        return [pytest.param(rule.id, 0, id=rule.id) for rule in GUIDELINE.rules]
    sizes = {rule.id: len(all_cells(rule)) for rule in GUIDELINE.rules}
    return [
        pytest.param(name, start, id=f"{name}-{start}" if size > CHUNK else name)
        for name, size in sizes.items()
        for start in range(0, size, CHUNK)
    ]


@pytest.mark.long
@pytest.mark.parametrize(("name", "start"), chunks())
def test_pyshacl_agrees_on_every_cell_of_the_rule(name: str, start: int) -> None:
    rule = GUIDELINE.rule[name]
    part = sampling.some(
        all_cells(rule)[start : start + CHUNK] if sampling.WHOLE else all_cells(rule), SLICE
    )
    reference = JUDGE.added(JUDGE.lesions(part), rule_alone(name))
    for number, cell in enumerate(part):
        # what stood there before is not "added", on either side
        before = {
            (
                key.partition(":")[0],
                f"{GUIDELINE.properties[key.partition(':')[0]].kind}/{key.partition(':')[2]}",
            )
            for key in cell[1]
        }
        assert compiled(GUIDELINE, rule, cell) - before == reference.get(number, set()) - before, (
            cell
        )


@pytest.mark.long
@pytest.mark.parametrize("seed", sampling.some(range(8), 1))
def test_pyshacl_agrees_on_whole_cases(seed: int, reasoner: Reasoner) -> None:
    given = [*lesions(reasoner, 25, seed), *conformance_cases()[seed * 15 : seed * 15 + 15]]
    cases = [reasoner.gate.admit(raw) for raw in given]
    reference = JUDGE.added(JUDGE.lesions([(case.facts, ()) for case in cases]), JUDGE.everything)
    for number, case in enumerate(cases):
        trace = reasoner.evaluation.run(case.facts)
        ours: set[Triple] = {
            (
                key.partition(":")[0],
                f"{GUIDELINE.properties[key.partition(':')[0]].kind}/{key.partition(':')[2]}",
            )
            for key in trace.derived
        }
        ours |= {
            (GUIDELINE.facts[name].local, value)
            for name, value in trace.values.items()
            if name not in case.facts
        }
        assert ours == reference[number], case


def test_pyshacl_refuses_the_cases_that_the_gate_refuses(reasoner: Reasoner) -> None:
    """The consistency rules say the same compiled as in SHACL, on completed values."""
    source, shapes, verdicts = random.Random(7), JUDGE.shapes, set()
    for raw in itertools.islice(lesions(reasoner, 120, 11, density=0.35), 120):
        facts = reasoner.gate.admit(raw).facts
        spoiled = dict(facts)
        donor = reasoner.gate.admit(next(lesions(reasoner, 1, source.randint(0, 10**6)))).facts
        spoiled |= dict(source.sample(list(donor.items()), min(3, len(donor))))
        values = reasoner.evaluation.complete(spoiled).values
        named = {**values}
        data = JUDGE.lesions([(named, ())])
        data.add(
            (
                URIRef("https://w3id.org/calx/case/0"),
                URIRef("https://w3id.org/calx/caseId"),
                Literal("c"),
            )
        )
        accepted = not reasoner.evaluation.violated(values)
        verdicts.add(accepted)
        assert JUDGE.conforms(data, shapes) == accepted, spoiled
    assert verdicts == {True, False}


FLIPPED: dict[Comparator, Comparator] = {">": ">=", ">=": ">", "<": "<=", "<=": "<"}


def mutants(condition: Condition) -> Iterator[Condition]:
    """The condition with one comparison flipped, or one count raised, or one "not" dropped."""
    match condition:
        case Compare(_, comparator, _) if comparator in FLIPPED:
            yield replace(condition, comparator=FLIPPED[comparator])
        case AtLeast(count, predicate) if count < len(GUIDELINE.program.keys_of(predicate)):
            yield replace(condition, count=count + 1)
        case Not(part):
            yield part
            yield from (Not(mutant) for mutant in mutants(part))
        case AllOf(parts) | AnyOf(parts):
            for index, part in enumerate(parts):
                for mutant in mutants(part):
                    yield replace(condition, parts=(*parts[:index], mutant, *parts[index + 1 :]))
        case Compare() | OneOf() | Absent() | Derived() | AtLeast():
            return
        case _:
            assert_never(condition)


def with_condition(rule: Rule, index: int, condition: Condition) -> Rule:
    production = Production(condition, rule.productions[index].conclusion)
    return replace(
        rule, productions=(*rule.productions[:index], production, *rule.productions[index + 1 :])
    )


@pytest.mark.parametrize("name", [rule.id for rule in GUIDELINE.rules])
def test_a_misread_comparison_would_be_caught(name: str) -> None:
    """Every mutant of every rule differs from the rule on one of the cells that pySHACL was asked about."""
    rule = GUIDELINE.rule[name]
    asked = all_cells(rule)
    random.Random(0).shuffle(asked)
    for index, production in enumerate(rule.productions):
        for mutant in mutants(production.condition):
            changed = with_condition(rule, index, mutant)
            pair = compiled_tests([production.condition, mutant])
            assert any(_differ(pair, cell) for cell in asked), changed.productions[index]


def _differ(pair: list[Holds], cell: Cell) -> bool:
    values, keys = cell
    derived = dict.fromkeys(keys, 0)
    counts: dict[str, list[str]] = {}
    for key in derived:
        counts.setdefault(key.partition(":")[0], []).append(key)
    first, second = (test(values, derived, counts) for test in pair)
    return bool(first) != bool(second)


def test_the_comparison_with_pyshacl_does_catch_a_misread_rule() -> None:
    """The harness itself can fail: a rule compiled with ``>`` for ``>=`` disagrees with pySHACL."""
    rule = GUIDELINE.rule["C1"]
    wrong = with_condition(rule, 0, next(mutants(rule.productions[0].condition)))
    asked = all_cells(rule)
    reference = JUDGE.added(JUDGE.lesions(asked), rule_alone("C1"))
    assert [
        cell
        for number, cell in enumerate(asked)
        if compiled(GUIDELINE, wrong, cell) != reference.get(number, set())
    ]
