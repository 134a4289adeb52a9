"""Which facts a form asks for: what is settled is not asked, what can still be given is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from calx.ontology import GuidelineFiles
from calx.reasoner.engine.entry import probes
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.condition import Value
from calx.reasoner.recommendation import Reasoner
from tests.guidelines.test_foreign import PNEUMONIA
from tests.lesions import lesions


def places(reasoner: Reasoner, given: dict[str, Any]) -> dict[str, str]:
    case = reasoner.gate.admit({"case_id": "entry", **given})
    return dict(reasoner.entry.places(given, reasoner.evaluation.complete(case.facts).values))


def admitted(reasoner: Reasoner, given: dict[str, Any], name: str) -> list[Value]:
    """Values that the gate lets pass beside what is given."""
    fact = reasoner.guideline.facts[name]
    conditions = [constraint.condition for constraint in reasoner.guideline.constraints]
    found: list[Value] = []
    for value, _ in probes(fact, conditions):
        raw = float(value) if isinstance(value, Decimal) and fact.kind == "number" else value
        raw = int(value) if isinstance(value, Decimal) and fact.kind == "integer" else raw
        try:
            reasoner.gate.admit({"case_id": "entry", **given, name: raw})
        except CaseError:
            continue
        found.append(value)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_fact_that_is_not_asked_for_is_implied_or_has_one_value_at_most(
    seed: int, reasoner: Reasoner
) -> None:
    seen = 0
    for raw in lesions(reasoner, 15, seed, density=0.2):
        given = {name: value for name, value in raw.items() if name != "case_id"}
        implied = reasoner.evaluation.complete(
            reasoner.gate.admit({"case_id": "entry", **given}).facts
        ).values
        inapplicable = reasoner.guideline.inapplicable
        for name, place in places(reasoner, given).items():
            if place == "off" and name not in implied and name not in inapplicable:
                assert len(admitted(reasoner, given, name)) <= 1, (given, name)
                seen += 1
    assert seen


def test_what_is_given_is_always_shown(reasoner: Reasoner) -> None:
    for raw in lesions(reasoner, 40, 3, density=0.5):
        given = {name: value for name, value in raw.items() if name != "case_id"}
        assert "off" not in {places(reasoner, given)[name] for name in given}


@pytest.mark.parametrize(
    ("stage", "asked", "gone"),
    [
        (None, "max_superficial_arc_deg", None),
        ("before_preparation", "residual_thin_plaque", "minimum_stent_area_mm2"),
        ("after_preparation", "balloon_fully_expanded", "edge_dissection"),
        ("after_stent", "minimum_stent_area_mm2", "wire_crossed"),
    ],
)
def test_about_eight_facts_are_asked_first_beside_moment_and_complication(
    stage: str | None, asked: str, gone: str | None, reasoner: Reasoner
) -> None:
    found = places(reasoner, {"stage": stage} if stage else {})
    first = {name for name, place in found.items() if place == "first"}
    assert {"stage", "complication_free", asked} <= first
    assert 8 <= len(first - {"stage", "complication_free"}) <= 11
    assert gone is None or found[gone] == "off"


def test_no_complication_so_far_puts_the_complications_away(reasoner: Reasoner) -> None:
    found = places(reasoner, {"complication_free": True})
    assert {found[n] for n in ("coronary_dissection", "tamponade", "perforation_grade")} == {"off"}
    seen = places(reasoner, {"complication_free": False})
    assert {seen[n] for n in ("coronary_dissection", "tamponade", "perforation_grade")} == {"first"}


def test_a_guideline_without_marks_asks_for_all_of_its_facts() -> None:
    reasoner = Reasoner.load(GuidelineFiles(PNEUMONIA).directory)
    assert set(places(reasoner, {}).values()) == {"first"}
