"""The smallest changes towards an outcome, against all changes of one and two facts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from calx.reasoner.model.condition import Value
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.cuts import NUMBERS
from calx.reasoner.whatif.errors import error_of
from calx.reasoner.whatif.goals import NONE, Goal, NoSuchOutcomeError, goal, possible
from calx.reasoner.whatif.outcomes import outcomes
from calx.reasoner.whatif.stability import Elsewhere
from calx.reasoner.whatif.towards import Towards
from tests.lesions import lesion
from tests.reasoner.whatif.test_stability import BEFORE
from tests.sampling import much


@pytest.fixture(scope="module")
def towards(reasoner: Reasoner) -> Towards:
    return Towards(reasoner)


def elsewhere(reasoner: Reasoner, raw: dict[str, Any]) -> Elsewhere:
    return Elsewhere(reasoner.recommend(raw))


def options(found: Elsewhere, name: str) -> Iterator[Value]:
    """The other values of a fact that rules tell apart."""
    fact, value = found.reasoner.guideline.facts[name], found.facts.get(name)
    if fact.kind in NUMBERS:
        for cell in found.cuts.cells(fact, found.facts):
            if value is None or not cell.holds(value):  # type: ignore[arg-type]
                yield cell.value
    else:
        yield from (v for v in fact.values or (True, False) if v != value)


def gives(found: Elsewhere, change: dict[str, Value], wanted: Goal) -> bool:
    facts = {**found.facts, **change}
    if found.forbidden_by(facts) is not None:
        return False
    answer = found.answered(facts)
    return answer is not None and outcomes(answer).get(wanted.of) == wanted.value


def test_a_named_outcome_and_what_leads_to_it(reasoner: Reasoner, towards: Towards) -> None:
    found = elsewhere(reasoner, {**BEFORE, "superficial_arc_gt270_length_mm": None})
    errors = {
        name: error
        for name in found.facts
        if (
            error := error_of(reasoner.guideline, found.answer.case, reasoner.guideline.facts[name])
        )
    }
    wanted = goal(reasoner.guideline, "strategy=stepwise_balloon", "en")
    ways = towards.ways(found, wanted, errors)
    assert ways.complete_up_to == 4
    (arc,) = ways.found[0].moved
    assert (arc.fact, arc.direction, arc.limit, arc.closed) == (
        "max_superficial_arc_deg",
        "below",
        270,
        False,
    )
    assert ways.found[0].rules == ("D3",)
    assert ways.found[0].errors == pytest.approx(30 / 17.4, abs=0.01)
    none = towards.ways(found, Goal("alert:perforation_risk", None), errors)
    assert any(way.moved[0].fact == "thrombus" for way in none.found)


def test_an_outcome_that_nothing_can_have_is_told(reasoner: Reasoner) -> None:
    for text in ("strategy=none", "device:scissors=suitable", "first=", "alert:c_cat=grave", "x"):
        with pytest.raises(NoSuchOutcomeError):
            goal(reasoner.guideline, text, "en")
    assert goal(reasoner.guideline, "alert:c_cat=none", "en") == Goal("alert:c_cat", None)


@pytest.mark.long
def test_no_smallest_set_of_one_or_two_facts_is_missed_and_none_is_larger_than_needed(
    reasoner: Reasoner, towards: Towards
) -> None:
    source = random.Random(4)
    for _ in range(much(30, 3)):
        found = elsewhere(reasoner, lesion(reasoner, source))
        name, values = source.choice(list(possible(reasoner.guideline).items()))
        value = source.choice(values)
        wanted = Goal(name, None if value == NONE else value)
        if found.here.get(name) == wanted.value:
            continue
        ways = towards.ways(found, wanted, {})
        sets = {frozenset(moved.fact for moved in way.moved) for way in ways.found}
        for way in ways.found:
            assert gives(found, {m.fact: m.value for m in way.moved}, wanted), (found.facts, way)
        names = [fact.name for fact in reasoner.guideline.facts.values() if fact.given]
        alone = {
            frozenset([fact])
            for fact in names
            if any(gives(found, {fact: v}, wanted) for v in options(found, fact))
        }
        assert {one for one in sets if len(one) == 1} == alone, (found.facts, wanted)
        for one in sets:
            assert len(one) == 1 or not any(single <= one for single in alone)
        drawn = source.sample(names, 12)
        for pair in itertools.combinations(drawn, 2):
            if any(single <= set(pair) for single in alone):
                continue
            reached = any(
                gives(found, dict(zip(pair, both, strict=True)), wanted)
                for both in itertools.product(*(list(options(found, fact)) for fact in pair))
            )
            assert not reached or frozenset(pair) in sets, (found.facts, wanted, pair)
