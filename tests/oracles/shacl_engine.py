"""Stock pySHACL running the guideline's own files: whole, or one rule with what it refers to."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from decimal import Decimal

from pyshacl import shacl_rules, validate
from rdflib import RDF, SH, BNode, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from ontology import GuidelineFiles
from reasoner.condition import Value
from reasoner.guideline import IRI, Guideline
from reasoner.rdf import as_rdflib, literal

CALX = Namespace(IRI)
Triple = tuple[str, Value]
"""What a rule added to a lesion: the property, and a term's path or a value."""


@functools.cache
def _files() -> Graph:
    found = Graph(bind_namespaces="none")
    for graph in GuidelineFiles().graphs().values():
        for triple in graph:
            found.add(triple)
    return found


@functools.cache
def rule_alone(rule: str) -> Graph:
    """The shape of one rule, the conditions that it refers to, and the prefixes that it uses."""
    full, found, seen = _files(), Graph(bind_namespaces="none"), set[Node]()
    open_nodes: list[Node] = [CALX[f"rule/{rule}"], *(subject for subject in full.subjects(SH.declare, None))]
    while open_nodes:
        node = open_nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        for predicate, value in full.predicate_objects(node):
            found.add((node, predicate, value))
            if isinstance(value, BNode) or str(value).startswith(IRI + "condition/"):
                open_nodes.append(value)
    return found


def shapes_only() -> Graph:
    """The case shapes, without rules."""
    found = Graph(bind_namespaces="none")
    for name, graph in GuidelineFiles().graphs().items():
        if name.startswith("shapes/") or name == "rules/conditions.ttl":
            for triple in graph:
                found.add(triple)
    return found


def lesions(guideline: Guideline, states: Iterable[tuple[dict[str, Value], Iterable[str]]]) -> Graph:
    """Lesions with these values and conclusions, numbered from 0."""
    data = Graph(bind_namespaces="none")
    for number, (values, derived) in enumerate(states):
        node = CALX[f"case/{number}"]
        data.add((node, RDF.type, CALX.Lesion))
        for name, value in values.items():
            data.add((node, CALX[guideline.facts[name].local], as_rdflib(literal(guideline.facts[name], value))))
        for key in derived:
            predicate, _, term = key.partition(":")
            data.add((node, CALX[predicate], URIRef(f"{IRI}{guideline.properties[predicate].kind}/{term}")))
    return data


def added(data: Graph, shapes: Graph) -> dict[int, set[Triple]]:
    """What pySHACL's rules add to each numbered lesion."""
    expanded = shacl_rules(data, shacl_graph=shapes, advanced=True)
    assert isinstance(expanded, Graph)
    found: dict[int, set[Triple]] = {}
    for subject, predicate, value in expanded.triples((None, None, None)):
        if (subject, predicate, value) not in data and str(subject).startswith(IRI + "case/"):
            found.setdefault(int(str(subject).rpartition("/")[2]), set()).add((str(predicate).removeprefix(IRI), plain(value)))
    return found


def conforms(data: Graph, shapes: Graph) -> bool:
    """Whether pySHACL accepts the data as it stands."""
    return bool(validate(data, shacl_graph=shapes)[0])


def plain(node: Node) -> Value:
    """A node by value: numbers as decimals, terms as their path."""
    if isinstance(node, Literal):
        return node.toPython() if isinstance(node.value, bool | str) else Decimal(str(node))
    return str(node).removeprefix(IRI)


@functools.cache
def everything() -> Graph:
    """All files, as an author would hand them to pySHACL."""
    return _files()
