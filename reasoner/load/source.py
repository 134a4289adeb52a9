"""The merged graph of a guideline's files, as readers ask it: values, wordings, declarations, and
faults with their place.
"""

from __future__ import annotations

import re

from rdflib import OWL, RDF, SH, SKOS, BNode, Namespace, URIRef
from rdflib.term import Node

from calx.ontology import AuthoringProblem, GuidelineError, GuidelineFiles
from calx.ontology.files import HEADER_FILE, core, empty_graph
from calx.reasoner.model.names import IRI, Names, Text
from calx.words import LANGUAGES

CALX = Namespace(IRI)


def _headless(told: str) -> AuthoringProblem:
    return AuthoringProblem("header", HEADER_FILE, f"{told}; is this the folder of a guideline?")


class Source:
    """One guideline's files, merged; faults found on the way gather in `problems`.

    Raises:
        GuidelineError: a file is not Turtle.
    """

    def __init__(self, files: GuidelineFiles) -> None:
        self.files = files
        self.graphs = files.graphs()
        self.graph = empty_graph()
        for graph in (*self.graphs.values(), core()):
            for triple in graph:
                self.graph.add(triple)
        self.problems: list[AuthoringProblem] = []
        self.names = Names(*files.names())
        self._short = self.names.short
        self.node = URIRef(self.names.iri)
        """The header."""
        root = self.value(self.node, CALX.rootClass)
        if root is None:
            raise GuidelineError([*self.problems, _headless("has no calx:rootClass")])
        if not any((root, RDF.type, OWL.Class) in graph for graph in self.graphs.values()):
            told = f"calx:rootClass {self.names.short(root)} is no owl:Class of the guideline"
            raise GuidelineError([*self.problems, _headless(told)])
        self.root = root
        """The class of what the guideline is about."""
        self.case_shape = URIRef(self.names(f"shape/{self.local(root)}"))
        """The shape that says which facts a case may give."""
        homes = [
            name for name, graph in self.graphs.items() if (self.case_shape, None, None) in graph
        ]
        if not homes:
            told = f"there is no {self.names.short(self.case_shape)}, the shape of a case"
            raise GuidelineError([*self.problems, _headless(told)])
        self.case_file = homes[0]
        """Where it stands."""

    def declared(self, cls: URIRef) -> list[Node]:
        """Everything typed so, in a fixed order."""
        return sorted(set(self.graph.subjects(RDF.type, cls)), key=str)

    def ordered(self, cls: URIRef, by: URIRef = SH.order) -> list[Node]:
        """The same in the order that a number gives."""
        return sorted(self.declared(cls), key=lambda node: self.whole(node, by))

    def value(self, node: Node, predicate: URIRef) -> Node | None:
        """The one value of a property, None where there is none; several are a fault."""
        found = sorted(set(self.graph.objects(node, predicate)), key=str)
        if len(found) > 1:
            self.problem(
                node, f"has {len(found)} {self._short(predicate)}; give one", kind="repeated"
            )
        return found[0] if found else None

    def whole(self, node: Node, predicate: URIRef) -> int:
        """A whole number, 0 where there is none."""
        value = self.value(node, predicate)
        if value is None:
            return 0
        if re.fullmatch(r"[+-]?[0-9]{1,9}", str(value)):
            return int(str(value))
        self.problem(
            node,
            f"{self._short(predicate)} {str(value)[:40]} is not a whole number",
            kind="number",
        )
        return 0

    def header(self, predicate: URIRef) -> Node:
        """A value that the ontology's header must have.

        Raises:
            GuidelineError: it has none.
        """
        value = self.value(self.node, predicate)
        if value is None:
            raise GuidelineError(
                [
                    *self.problems,
                    _headless(f"<{self.node}> has no {self._short(predicate)}"),
                ]
            )
        return value

    def local(self, node: Node | None) -> str:
        return self.names.local(node)

    def text(self, node: Node, predicate: URIRef) -> Text:
        """One wording a language; both must be there."""
        wordings: dict[str, list[str]] = {language: [] for language in LANGUAGES}
        for literal in self.graph.objects(node, predicate):
            if not getattr(literal, "language", None):
                self.problem(
                    node,
                    (
                        f"{self._short(predicate)} has a wording without a language; write @en or "
                        "@zh after it"
                    ),
                    kind="translation",
                )
            elif str(literal).strip():
                wordings.setdefault(str(literal.language), []).append(str(literal))  # type: ignore[attr-defined]
        for language, found in wordings.items():
            if language in LANGUAGES and len(found) != 1:
                kind = (
                    "repeated"
                    if found
                    else "translation"
                    if any(wordings.values())
                    else "definition"
                    if predicate == SKOS.definition
                    else "label"
                )
                self.problem(
                    node,
                    (
                        f"has {len(found) or 'no'} {self._short(predicate)} in '{language}'; give "
                        f"exactly one in each of {', '.join(LANGUAGES)}"
                    ),
                    kind=kind,
                )
        return {
            language: (wordings[language] or wordings["en"] or [self.local(node)])[0]
            for language in LANGUAGES
        }

    def line_of(self, file: str, iri: str) -> int | None:
        """The line on which something is described; of what was written out, that of what it was
        written for.
        """
        origin = self.files.origins.get(iri)
        return self.files.line_of(file, self._short(origin.subject if origin else iri))

    def problem(
        self, node: Node, message: str, file: str | None = None, kind: str = "profile"
    ) -> None:
        while (
            isinstance(node, BNode)
            and (around := next(self.graph.subjects(None, node), None)) is not None
        ):
            node = around  # the thing of which an anonymous node is part
        name = self._short(node)
        homes = (
            [file]
            if file
            else [home for home, graph in self.graphs.items() if (node, None, None) in graph]
        )
        home = homes[0] if homes else HEADER_FILE
        self.problems.append(
            AuthoringProblem(
                kind,
                home,
                message,
                name.partition(":")[2] if name.startswith("rule:") else name,
                self.line_of(home, str(node)),
            )
        )

    def declared_once(self) -> None:
        """Ids stand once; a thing in the rules' namespace is a rule."""
        seen: dict[str, tuple[str, int]] = {}
        for prefix in ("rule", "ev", "shape", "cond", "must"):
            for file, subject, line in self.files.declarations(prefix):
                if subject in seen:
                    first = seen[subject]
                    self.problems.append(
                        AuthoringProblem(
                            "duplicate-id",
                            file,
                            (
                                f"{subject} is declared twice, first in {first[0]}:{first[1]}; "
                                "give one of them another id"
                            ),
                            subject.partition(":")[2],
                            line,
                        )
                    )
                seen.setdefault(subject, (file, line))
