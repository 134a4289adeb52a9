"""pySHACL as the judge: the guideline's own files, run by stock software, say whether a lesion
shows what it is said to show.

Needs the extra ``authoring``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from rdflib import OWL, RDF, RDFS, SH, BNode, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from calx.ontology import GuidelineFiles
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI, Names, predicate_of, term_of
from calx.reasoner.tell.rdf import as_rdflib, literal

CALX = Namespace(IRI)
Triple: TypeAlias = tuple[str, Value]
"""What a rule added to a lesion: the property, and a term's path or a value."""


class Judge:
    """Stock pySHACL over the files of one guideline, whole or in part."""

    def __init__(self, files: GuidelineFiles, guideline: Guideline) -> None:
        self.files = files
        self.guideline = guideline

    def _at(self, path: str) -> URIRef:
        return URIRef(self.guideline.names(path))

    @cached_property
    def everything(self) -> Graph:
        """All files, as an author would hand them to pySHACL, less the rules that are suspended."""
        found = Graph(bind_namespaces="none")
        for graph in self.files.graphs().values():
            for triple in graph:
                found.add(triple)
        for suspended in self.guideline.suspended:
            found.remove((self._at(f"rule/{suspended.rule}"), None, None))
        return found

    @cached_property
    def shapes(self) -> Graph:
        """The case shapes, without rules."""
        start = self.guideline.names("shape/")
        return self._with_what_it_names(
            *{s for s in self.everything.subjects() if str(s).startswith(start)}
        )

    def rule(self, name: str) -> Graph:
        """The shape of one rule, the conditions that
        it refers to, and the prefixes that it uses.
        """
        return self._with_what_it_names(
            self._at(f"rule/{name}"),
            *(subject for subject in self.everything.subjects(SH.declare, None)),
        )

    def _with_what_it_names(self, *nodes: Node) -> Graph:
        found, seen, todo = Graph(bind_namespaces="none"), set[Node](), list(nodes)
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            for predicate, value in self.everything.predicate_objects(node):
                found.add((node, predicate, value))
                if isinstance(value, BNode) or str(value).startswith(
                    self.guideline.names("condition/")
                ):
                    todo.append(value)
        return found

    @cached_property
    def _classes(self) -> list[tuple[Node, Node, Node]]:
        """What is of which class, where shapes ask for that."""
        graph = self.everything
        if (None, SH["class"], None) not in graph:
            return []
        things = set(graph.subjects(RDF.type, OWL.NamedIndividual))
        return [
            *((thing, RDF.type, cls) for thing in things for cls in graph.objects(thing, RDF.type)),
            *graph.triples((None, RDFS.subClassOf, None)),
        ]

    def lesions(self, states: Iterable[tuple[dict[str, Value], Iterable[str]]]) -> Graph:
        """Lesions with these values and conclusions, numbered from 0."""
        data = Graph(bind_namespaces="none")
        for triple in self._classes:
            data.add(triple)
        for number, (values, derived) in enumerate(states):
            node = CALX[f"case/{number}"]
            data.add((node, RDF.type, self._at(self.guideline.root.local)))
            for name, value in values.items():
                fact = self.guideline.facts[name]
                data.add((node, self._at(fact.local), as_rdflib(literal(fact, value))))
            for key in derived:
                predicate, term = predicate_of(key), term_of(key)
                data.add(
                    (
                        node,
                        self._at(predicate),
                        self._at(f"{self.guideline.properties[predicate].kind}/{term}"),
                    )
                )
        return data

    def run(self, data: Graph, rules: Graph | None = None) -> Graph:
        """The data with everything that the rules add."""
        from pyshacl import shacl_rules

        expanded = shacl_rules(
            data, shacl_graph=self.everything if rules is None else rules, advanced=True
        )
        assert isinstance(expanded, Graph)
        return expanded

    def added(self, data: Graph, rules: Graph | None = None) -> dict[int, set[Triple]]:
        """What the rules add to each numbered lesion."""
        found: dict[int, set[Triple]] = {}
        names = self.guideline.names
        for subject, predicate, value in self.run(data, rules).triples((None, None, None)):
            if (subject, predicate, value) not in data and str(subject).startswith(IRI + "case/"):
                found.setdefault(int(str(subject).rpartition("/")[2]), set()).add(
                    (names.below(predicate), plain(value, names))
                )
        return found

    def conforms(self, data: Graph, shapes: Graph | None = None) -> bool:
        """Whether the data are accepted as they stand."""
        from pyshacl import validate

        return bool(validate(data, shacl_graph=self.shapes if shapes is None else shapes)[0])

    def meets(self, data: Graph, *conditions: Node) -> bool:
        """Whether the lesions of the data meet all of
        the conditions, each a node shape of the files.
        """
        shape = URIRef(IRI + "shape/asked")
        asked = self._with_what_it_names(*conditions)
        asked.add((shape, RDF.type, SH.NodeShape))
        asked.add((shape, SH.targetClass, self._at(self.guideline.root.local)))
        for condition in conditions:
            asked.add((condition, RDF.type, SH.NodeShape))
            asked.add((shape, SH.node, condition))
        return self.conforms(data, asked)


def plain(node: Node, names: Names) -> Value:
    """A node by value: numbers as decimals, terms as their path."""
    if isinstance(node, Literal):
        return node.toPython() if isinstance(node.value, bool | str) else Decimal(str(node))
    return names.below(node)
