"""What HermiT finds: the terms are consistent, no class is empty, and OWL's definitions agree with the rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import owlready2
import pytest
from rdflib import OWL, RDF

from calx.ontology import GuidelineFiles
from calx.reasoner.authors.check.owl import classify, faults, terms
from calx.reasoner.model.names import IRI, Names
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.oracles.hermit import CALX, lesion_classes, with_lesions
from tests.sampling import some

NAMES = Names(IRI, "calx")
PREDICATE = {"grade": "arcGrade", "finding": "finding", "point": "scorePoint"}


def test_the_terms_are_consistent_and_every_class_can_have_members() -> None:
    world = classify(terms(GuidelineFiles()))
    assert [cls.iri for cls in world.inconsistent_classes()] == []
    assert len(list(world.classes())) > 50


def test_check_finds_no_fault_in_the_terms() -> None:
    assert faults(GuidelineFiles(), NAMES) == []


@pytest.mark.long
def test_check_tells_a_class_that_can_have_no_member(
    edited: Callable[[str, str, str], Path],
) -> None:
    folder = edited(
        "complications.ttl",
        "calx:EllisTwo a owl:Class ;",
        "calx:EllisTwo a owl:Class ; rdfs:subClassOf calx:EllisThree ;",
    )
    found = faults(GuidelineFiles(folder), NAMES)
    assert found
    assert any("EllisTwo can have no member" in problem.message for problem in found)


def test_a_contradiction_in_the_terms_is_found() -> None:
    graph = terms(GuidelineFiles())
    graph.add((CALX.EllisTwo, OWL.equivalentClass, CALX.EllisThree))
    assert {cls.name for cls in classify(graph).inconsistent_classes()} >= {
        "EllisTwo",
        "EllisThree",
    }


def test_an_individual_of_disjoint_classes_is_found() -> None:
    graph = terms(GuidelineFiles())
    graph.add((CALX["device/cutting_balloon"], RDF.type, CALX.PlainBalloon))
    with pytest.raises(owlready2.OwlReadyInconsistentOntologyError):
        classify(graph)


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(3), 1))
def test_definitions_in_owl_and_rules_agree_on_the_same_lesions(
    seed: int, reasoner: Reasoner
) -> None:
    cases = [
        reasoner.gate.admit(raw).facts for raw in lesions(reasoner, 30, 100 + seed, density=0.6)
    ]
    traces = [reasoner.evaluation.run(facts) for facts in cases]
    graph = with_lesions(
        reasoner.guideline, [reasoner.evaluation.complete(facts).values for facts in cases]
    )
    defined, world, members = lesion_classes(graph), classify(graph), 0
    assert len(defined) == 13
    for cls, term in defined.items():
        kind, local = term.split("/")
        by_hermit = {
            int(member.iri.rpartition("/")[2])
            for member in world[str(cls)].instances()
            if "/case/" in member.iri
        }
        by_rules = {
            number for number, trace in enumerate(traces) if local in trace.terms(PREDICATE[kind])
        }
        assert by_hermit == by_rules, cls
        members += len(by_rules)
    assert members > 30
