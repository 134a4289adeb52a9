"""The ontology is complete: labels, definitions, sources, units, and the words of the public contract."""

from __future__ import annotations

import pytest
from rdflib import DCTERMS, OWL, Graph, Literal, Namespace, URIRef
from rdflib.namespace import VANN

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.authors.check.check import check
from calx.reasoner.model.names import IRI
from calx.reasoner.recommendation import Reasoner

CALX = Namespace(IRI)
UCUM = {None, "1", "a", "%", "mm", "mm2", "deg", "{pulse}"}
DEVICES = [
    "rotational_atherectomy",
    "orbital_atherectomy",
    "intravascular_lithotripsy",
    "cutting_balloon",
    "scoring_balloon",
    "non_compliant_balloon",
    "semi_compliant_balloon",
    "super_high_pressure_balloon",
    "excimer_laser",
]


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = Graph()
    for part in GuidelineFiles().graphs().values():
        for triple in part:
            found.add(triple)
    return found


def test_the_header_says_what_an_ontology_should(graph: Graph) -> None:
    header = URIRef(IRI)
    for predicate in (
        OWL.versionIRI,
        DCTERMS.license,
        DCTERMS.creator,
        VANN.preferredNamespacePrefix,
        VANN.preferredNamespaceUri,
    ):
        assert graph.value(header, predicate), predicate
    assert {
        title.language
        for title in graph.objects(header, DCTERMS.title)
        if isinstance(title, Literal)
    } == {"en", "zh"}


def test_no_problem_of_any_kind_is_found() -> None:
    """Words, definitions, sources, units, evidence, used and defined, values and codes, reference cases; HermiT has a test of its own."""
    report = check(GuidelineFiles(), with_owl=False)
    assert report.problems == []
    assert report.cases >= 40


def test_every_fact_has_type_bounds_or_values_and_a_unit_where_it_is_measured(
    reasoner: Reasoner,
) -> None:
    for fact in reasoner.guideline.facts.values():
        assert fact.unit in UCUM
        assert (fact.unit is not None) == (fact.kind in ("number", "integer"))
        assert bool(fact.values) == (fact.kind == "text")
        if fact.given and fact.kind in ("number", "integer"):
            assert fact.minimum is not None
        for value in fact.values:
            assert value in reasoner.guideline.value_labels


def test_the_devices_stand_in_the_order_of_the_contract(reasoner: Reasoner) -> None:
    assert [device.id for device in reasoner.guideline.of_kind("device")] == DEVICES


def test_every_rule_has_its_words(reasoner: Reasoner) -> None:
    for rule in reasoner.guideline.rules:
        assert all(rule.label[language] and rule.rationale[language] for language in ("en", "zh"))
        assert "\n" not in rule.rationale["en"]


def test_the_files_are_utf8_with_one_newline_at_the_end() -> None:
    for path in DEFAULT_DIRECTORY.rglob("*.ttl"):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n") and "\t" not in text and "\r" not in text, path


def test_reading_is_reproducible() -> None:
    from calx.reasoner.load.reader import read_strict

    assert repr(read_strict(GuidelineFiles())) == repr(read_strict(GuidelineFiles()))
