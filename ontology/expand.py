"""What authors write once for a whole class, written out: rules and requirements for each thing of
a class, and the sums of tallies. What comes out is plain SHACL, which any engine runs.

``calx:forEach C`` on a rule, on one ``sh:rule`` of it or on a requirement repeats that for every
individual of the class, which stands for ``calx:each``; ``{each}`` in its words is its label. A
rule or requirement gets the individual's ``calx:code`` (else its ``skos:notation``) after its id.

``calx:sumOf P`` in a ``calx:TallyRule`` gives a number the sum of the ``calx:weight`` of all terms
of P that were concluded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

from rdflib import RDF, RDFS, SH, SKOS, BNode, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from calx.ontology.errors import AuthoringProblem

CALX = Namespace("https://w3id.org/calx/")
EACH = "{each}"
CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
MOST_SUMS, MOST_WAYS = 400, 20_000
"""Values that one tally may come to, and ways in which points can make them."""
WEIGHT = "calx:weight is a whole number from 1: what the point counts"


class Origin(NamedTuple):
    """Where something that was written out comes from."""

    subject: str
    """IRI of what authors wrote."""
    number: int
    """Of how many that were made from it."""


class Expanded(NamedTuple):
    """The files of a guideline, written out."""

    graphs: dict[str, Graph]
    origins: dict[str, Origin]
    tallies: dict[str, str]
    """By the number's IRI, that of the property of the points that are added up."""
    problems: list[AuthoringProblem]


def expand(graphs: dict[str, Graph], core: Graph) -> Expanded:
    """The same files with everything written out; files that need nothing come back as they are."""
    writer = _Writer(graphs, core)
    return Expanded(
        {name: writer.written(name, graph) for name, graph in graphs.items()},
        writer.origins,
        writer.tallies,
        writer.problems,
    )


class _Writer:
    def __init__(self, graphs: dict[str, Graph], core: Graph) -> None:
        self._all = [*graphs.values(), core]
        self.origins: dict[str, Origin] = {}
        self.tallies: dict[str, str] = {}
        self.problems: list[AuthoringProblem] = []

    def written(self, name: str, graph: Graph) -> Graph:
        templates = sorted(graph.subject_objects(CALX.forEach), key=str)
        tallies = sorted(set(graph.subjects(RDF.type, CALX.TallyRule)), key=str)
        if not templates and not tallies:
            return graph
        found = Graph(store="SimpleMemory", bind_namespaces="none")
        for triple in graph:
            found.add(triple)
        self._name = name
        for body in tallies:
            self._sum(found, body)
        whole = {node for node, _ in templates if isinstance(node, URIRef)}
        for node, cls in templates:
            rule = graph.value(None, SH.rule, node)
            if len(set(graph.objects(node, CALX.forEach))) > 1:
                self._problem(rule or node, "calx:forEach names two classes; name one above both")
            elif isinstance(node, BNode) and rule in whole:
                self._problem(
                    rule or node,
                    "calx:forEach stands on the rule and on a sh:rule of it; keep one of them",
                )
            elif not self._speaks_of_each(graph, node):
                self._problem(
                    rule or node, "calx:forEach, and nothing in it is calx:each; name the thing so"
                )
            elif isinstance(node, BNode):
                self._bodies(found, node, cls)
        for node, cls in templates:
            if isinstance(node, URIRef):
                self._whole(found, node, cls)
        return found

    def _speaks_of_each(self, graph: Graph, node: Node) -> bool:
        return any(
            value == CALX.each or (isinstance(value, BNode) and self._speaks_of_each(graph, value))
            for value in graph.objects(node)
        )

    # --- for each thing of a class ------------------------------------------------------

    def _whole(self, graph: Graph, node: URIRef, cls: Node) -> None:
        """A rule or requirement, once for each thing."""
        graph.remove((node, CALX.forEach, None))
        for number, thing in enumerate(self._things(node, cls)):
            code = self._value(thing, CALX.code) or self._value(thing, SKOS.notation)
            if code is None or not CODE.fullmatch(str(code)):
                self._problem(
                    thing,
                    f"has {'no' if code is None else 'the'} calx:code or skos:notation "
                    f"{str(code or '')[:16]!r}; the ids of what is repeated for it end in it: "
                    "letters, digits, '.', '_', '-'",
                )
                continue
            name = URIRef(f"{node}-{code}")
            if (name, None, None) in graph or any((name, None, None) in g for g in self._all):
                self._problem(
                    node, f"{name.rpartition('/')[2]} is there already; name one otherwise"
                )
                continue
            if str(name) in self.origins:
                self._problem(node, f"calx:code {code} is that of two things; give each its own")
                continue
            self.origins[str(name)] = Origin(str(node), number)
            self._copy(graph, node, name, thing, str(code))
        _remove(graph, node)

    def _bodies(self, graph: Graph, body: BNode, cls: Node) -> None:
        """One production of a rule, once for each thing, in the order of the others."""
        rule = graph.value(None, SH.rule, body)
        if rule is None:
            self._problem(body, "calx:forEach stands on a rule, a sh:rule or a requirement")
            return
        graph.remove((body, CALX.forEach, None))
        before = sorted(graph.objects(rule, SH.rule), key=lambda node: _order(graph, node))
        after = list[Node]()
        for other in before:
            if other != body:
                after.append(other)
                continue
            for thing in self._things(rule, cls):
                copy = BNode()
                self._copy(graph, body, copy, thing, "")
                graph.add((rule, SH.rule, copy))
                after.append(copy)
        graph.remove((rule, SH.rule, body))
        _remove(graph, body)
        for number, other in enumerate(after, 1):
            graph.set((other, SH.order, Literal(number)))

    def _copy(self, graph: Graph, node: Node, name: Node, thing: Node, code: str) -> None:
        """Everything said of a node, said of another, with the thing for ``calx:each``."""
        copies: dict[Node, Node] = {node: name, CALX.each: thing}
        todo = [node]
        while todo:
            old = todo.pop()
            for predicate, value in list(graph.predicate_objects(old)):
                if isinstance(value, BNode) and value not in copies:
                    copies[value] = BNode()
                    todo.append(value)
                new = copies.get(value, value)
                if isinstance(value, Literal):
                    new = self._filled(value, thing)
                    if predicate == SKOS.notation and old == node and code:
                        new = Literal(f"{value}-{code}")
                graph.add((copies[old], predicate, new))

    def _filled(self, text: Literal, thing: Node) -> Literal:
        if EACH not in text:
            return text
        label = next(
            (
                str(label)
                for label in self._objects(thing, RDFS.label)
                if getattr(label, "language", None) == text.language
            ),
            str(thing),
        )
        return Literal(text.replace(EACH, label), lang=text.language)

    def _things(self, node: Node, cls: Node) -> list[Node]:
        """The individuals of a class, in their order."""
        classes = {cls}
        while (
            more := {below for above in classes for below in self._subjects(RDFS.subClassOf, above)}
            - classes
        ):
            classes |= more
        found = {thing for one in classes for thing in self._subjects(RDF.type, one)}
        if not found:
            name = str(cls).rpartition("/")[2].rpartition("#")[2]
            self._problem(node, f"calx:forEach {name}: nothing is of this class; mend its name")
        return sorted(found, key=lambda thing: (self._order_of(thing), str(thing)))

    # --- sums -----------------------------------------------------------------------------

    def _sum(self, graph: Graph, body: Node) -> None:
        """A tally as triple rules, one for each value that it can come to."""
        rule, points = graph.value(None, SH.rule, body), graph.value(body, CALX.sumOf)
        predicate = graph.value(body, SH.predicate)
        cls = next(iter(self._objects(points, RDFS.range)), None) if points else None
        strange = set(graph.predicates(body)) - {RDF.type, SH.predicate, CALX.sumOf}
        if strange:
            self._problem(
                rule or body,
                f"{', '.join(sorted(str(p).rpartition('#')[2] for p in strange))} in a "
                "calx:TallyRule is not known; it adds up all points of calx:sumOf, always",
            )
            return
        for only in (SH.predicate, CALX.sumOf):
            if len(set(graph.objects(body, only))) > 1:
                self._problem(rule or body, "a calx:TallyRule adds up one property to one number")
                return
        if rule is None or predicate is None or points is None or cls is None:
            self._problem(
                rule or body,
                "a calx:TallyRule names with sh:predicate the number and with calx:sumOf the "
                "property of its points, whose rdfs:range is their class",
            )
            return
        if any(other != body for other in self._subjects(SH.predicate, predicate)):
            self._problem(
                rule, "the number of a tally is written by its calx:TallyRule alone; remove others"
            )
            return
        weighted: dict[int, list[Node]] = {}
        for point in self._things(body, cls):
            weight = self._value(point, CALX.weight)
            number = weight_of(weight)
            if number is None:
                self._problem(point, f"{WEIGHT}, not {str(weight)[:16]!r}", "number")
                return
            weighted.setdefault(number, []).append(point)
        if prod(len(terms) + 1 for terms in weighted.values()) > MOST_WAYS:
            self._problem(rule, "a tally of too many different weights; make them fewer")
            return
        sums = counts_by_sum({weight: len(terms) for weight, terms in weighted.items()})
        if len(sums) > MOST_SUMS:
            self._problem(rule, f"a tally of more than {MOST_SUMS} values; make its weights fewer")
            return
        _remove(graph, body)
        self.tallies[str(predicate)] = str(points)
        for order, (value, ways) in enumerate(sorted(sums.items()), 1):
            made, condition = BNode(), BNode()
            graph.add((rule, SH.rule, made))
            for triple in (
                (made, RDF.type, SH.TripleRule),
                (made, SH.order, Literal(order)),
                (made, SH.subject, SH.this),
                (made, SH.predicate, predicate),
                (made, SH.object, Literal(value)),
                (made, SH.condition, condition),
                (condition, RDF.type, SH.NodeShape),
            ):
                graph.add(triple)
            shapes = [
                [
                    self._exactly(graph, points, None if len(weighted) == 1 else terms, count)
                    for count, terms in zip(way, weighted.values(), strict=True)
                ]
                for way in ways
            ]
            if len(shapes) == 1:
                for shape in shapes[0]:
                    graph.add((condition, SH.property, shape))
                continue
            alternatives = list[Node]()
            for parts in shapes:
                alternative = BNode()
                graph.add((alternative, RDF.type, SH.NodeShape))
                for shape in parts:
                    graph.add((alternative, SH.property, shape))
                alternatives.append(alternative)
            head = BNode()
            Collection(graph, head, alternatives)
            graph.add((condition, SH["or"], head))

    @staticmethod
    def _exactly(graph: Graph, points: Node, among: list[Node] | None, count: int) -> BNode:
        """A property shape: so many of these points, neither more nor fewer."""
        shape = BNode()
        graph.add((shape, SH.path, points))
        least, most = (SH.minCount, SH.maxCount)
        if among is not None:
            least, most = (SH.qualifiedMinCount, SH.qualifiedMaxCount)
            inner, head = BNode(), BNode()
            Collection(graph, head, among)
            graph.add((shape, SH.qualifiedValueShape, inner))
            graph.add((inner, SH["in"], head))
        if count:
            graph.add((shape, least, Literal(count)))
        graph.add((shape, most, Literal(count)))
        return shape

    # --- all files at once ------------------------------------------------------------------

    def _objects(self, subject: Node | None, predicate: URIRef) -> Iterator[Node]:
        for graph in self._all:
            yield from graph.objects(subject, predicate)

    def _subjects(self, predicate: URIRef, value: Node) -> Iterator[Node]:
        for graph in self._all:
            yield from graph.subjects(predicate, value)

    def _value(self, subject: Node, predicate: URIRef) -> Node | None:
        return next(iter(self._objects(subject, predicate)), None)

    def _order_of(self, subject: Node) -> int:
        order = self._value(subject, SH.order)
        return int(str(order)) if order is not None and str(order).isdigit() else 0

    def _problem(self, node: Node, message: str, kind: str = "profile") -> None:
        name = "" if isinstance(node, BNode) else str(node).rpartition("/")[2]
        self.problems.append(AuthoringProblem(kind, self._name, message, name or None))


def weight_of(value: Node | None) -> int | None:
    """What a point counts by its ``calx:weight``, 1 where it has none; None for what is no whole
    number from 1.
    """
    if value is None:
        return 1
    return int(str(value)) if re.fullmatch(r"[1-9][0-9]{0,5}", str(value)) else None


def counts_by_sum(sizes: dict[int, int]) -> dict[int, list[tuple[int, ...]]]:
    """For each sum that weights can come to, how many of each weight make it.

    Args:
        sizes: how many points there are of each weight.

    >>> counts_by_sum({1: 2, 2: 1})
    {0: [(0, 0)], 2: [(0, 1), (2, 0)], 1: [(1, 0)], 3: [(1, 1)], 4: [(2, 1)]}
    """
    found: dict[int, list[tuple[int, ...]]] = {}
    for way in product(*(range(size + 1) for size in sizes.values())):
        total = sum(count * weight for count, weight in zip(way, sizes, strict=True))
        found.setdefault(total, []).append(way)
    return found


def _order(graph: Graph, node: Node) -> int:
    order = graph.value(node, SH.order)
    return int(str(order)) if order is not None and str(order).lstrip("-").isdigit() else 0


def _remove(graph: Graph, node: Node) -> None:
    """A node, what hangs on it alone, and what leads to it."""
    inner = [value for value in graph.objects(node) if isinstance(value, BNode)]
    graph.remove((node, None, None))
    graph.remove((None, None, node))
    for value in inner:
        if (None, None, value) not in graph:
            _remove(graph, value)
