"""Reads the terms of a guideline: facts and quantities, what can be concluded, and the properties
that conclude it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, cast

from rdflib import DCTERMS, OWL, RDF, RDFS, SH, SKOS, XSD, URIRef
from rdflib.collection import Collection
from rdflib.term import Literal, Node

from calx.ontology.expand import WEIGHT, weight_of
from calx.reasoner.load.shapes import ProfileError, number
from calx.reasoner.load.source import CALX, Source
from calx.reasoner.model.guideline import COSTS, ConclusionProperty, Fact, Term
from calx.reasoner.model.names import Text


class Vocabulary:
    """The words that the rules of a guideline may use."""

    def __init__(self, source: Source) -> None:
        self.source, self._short = source, source.names.short
        self.facts = self._facts()
        self.terms = self._terms()
        self.properties = self._properties()

    def _facts(self) -> dict[str, Fact]:
        facts = {}
        case_shape = self.source.case_shape
        for node in self.source.graph.objects(case_shape, SH.property):
            path = cast(URIRef, self.source.value(node, SH.path))
            if path == CALX.caseId:
                continue
            try:
                fact = self._fact(path, node)
                if fact.name in facts:
                    raise ProfileError("has two shapes; keep one", "duplicate-id")
                facts[fact.name] = fact
            except (ProfileError, ValueError) as error:
                self.source.problem(
                    case_shape,
                    f"{self._short(path)}: {error}",
                    kind=getattr(error, "kind", "profile"),
                )
        for quantity in self.source.declared(CALX.Quantity):
            name = str(self.source.value(quantity, SKOS.notation))
            try:
                facts[name] = replace(self._described(quantity, name), given=False)
            except ProfileError as error:
                self.source.problem(quantity, str(error), kind=error.kind)
        return dict(sorted(facts.items(), key=lambda item: (not item[1].given, item[1].order)))

    def _described(self, path: Node, name: str) -> Fact:
        if name == "None":
            raise ProfileError("has no skos:notation, the name under which a case gives it")
        unit, key, concerns, leading = (
            self.source.value(path, predicate)
            for predicate in (CALX.unit, CALX.resultKey, CALX.concerns, CALX.follows)
        )
        return Fact(
            name=name,
            local=self.source.local(path),
            kind="number",
            label=self.source.text(path, RDFS.label),
            definition=self.source.text(path, SKOS.definition),
            source=str(self.source.value(path, DCTERMS.source) or ""),
            unit=str(unit) if unit else None,
            result_key=str(key) if key else None,
            concerns=self.source.local(concerns) if concerns else None,
            unbounded=self.source.text(path, CALX.unbounded)
            if (path, CALX.unbounded, None) in self.source.graph
            else None,
            cost=self._cost(path),
            actionable=str(self.source.value(path, CALX.actionable)) == "true",
            follows=self.source.local(leading) if leading else None,
            yes=self._text_if_any(path, CALX.yesLabel),
            no=self._text_if_any(path, CALX.noLabel),
        )

    def _text_if_any(self, path: Node, predicate: URIRef) -> Text:
        there = (path, predicate, None) in self.source.graph
        return self.source.text(path, predicate) if there else {}

    def _cost(self, path: Node) -> str:
        """What it takes to learn a fact."""
        cost = str(self.source.value(path, CALX.cost) or COSTS[0])
        if cost not in COSTS:
            raise ProfileError(
                f"calx:cost {cost[:24]} is none of {', '.join(COSTS)}", "unknown-value"
            )
        return cost

    def _fact(self, path: URIRef, node: Node) -> Fact:
        """One fact from its property shape (type, bounds,
        values) and its description (label, unit).
        """
        if (path, RDF.type, OWL.DatatypeProperty) not in self.source.graph:
            raise ProfileError(
                "has a shape and no definition; describe it as an owl:DatatypeProperty", "undefined"
            )
        strange = {str(p) for p in self.source.graph.predicates(node)} - {
            str(p)
            for p in (
                SH.path,
                SH.group,
                SH.order,
                SH.maxCount,
                SH.datatype,
                SH["in"],
                SH["or"],
                SH.minInclusive,
                SH.minExclusive,
                SH.maxInclusive,
            )
        }
        if strange:
            raise ProfileError(
                f"{', '.join(sorted(self._short(URIRef(s)) for s in strange))} in the shape of a "
                "fact is outside the supported profile"
            )
        datatype, allowed = self.source.value(node, SH.datatype), self.source.value(node, SH["in"])
        kind = (
            {XSD.boolean: "boolean", XSD.integer: "integer", None: "number"}.get(
                cast(URIRef, datatype)
            )
            if allowed is None
            else "text"
        )
        if kind is None:
            raise ProfileError(
                f"type {self._short(datatype)}; a fact is boolean, integer, a number (sh:or of the "
                "numeric types) or one of sh:in"
            )
        if allowed is not None and not list(Collection(self.source.graph, allowed)):
            raise ProfileError("has an empty sh:in; list the values that it can take")
        low, low_open, high = (
            self.source.value(node, bound)
            for bound in (SH.minInclusive, SH.minExclusive, SH.maxInclusive)
        )
        if low is not None and high is not None and number(low) > number(high):
            raise ProfileError(f"has a lowest value of {low} above its highest of {high}", "number")
        return replace(
            self._described(path, str(self.source.value(path, SKOS.notation))),
            kind=cast(Any, kind),
            minimum=number(low if low is not None else low_open)
            if low is not None or low_open is not None
            else None,
            exclusive_minimum=low_open is not None,
            maximum=number(high) if high is not None else None,
            values=tuple(str(value) for value in Collection(self.source.graph, allowed))
            if allowed is not None
            else (),
            group=self.source.local(self.source.value(node, SH.group))
            if self.source.value(node, SH.group)
            else None,
            order=self.source.whole(node, SH.order),
        )

    def _terms(self) -> dict[str, Term]:
        terms = {}
        for node in self.source.declared(OWL.NamedIndividual):
            path = self.source.names.below(node)
            kind, _, local = path.partition("/")
            concerns = self.source.value(node, CALX.concerns)
            terms[path] = Term(
                id=str(self.source.value(node, SKOS.notation) or local),
                local=local,
                kind=kind,
                label=self.source.text(node, RDFS.label),
                definition=self.source.text(node, SKOS.definition),
                concerns=self.source.local(concerns) if concerns else None,
                order=self.source.whole(node, SH.order),
                weight=self._weight(node),
                weighty=str(self.source.value(node, CALX.weighty)) == "true",
                precedence=self.source.whole(node, CALX.precedence),
                alternatives=self._alternatives(node),
                told_open=str(self.source.value(node, CALX.notLeftOpen)) != "true",
            )
        return terms

    def _alternatives(self, node: Node) -> tuple[str, ...]:
        """Local names of the actions of which one is enough, whichever of them says so."""
        graph = self.source.graph
        named = {
            *graph.objects(node, CALX.alternativeTo),
            *graph.subjects(CALX.alternativeTo, node),
        }
        for other in named:
            if (other, RDF.type, OWL.NamedIndividual) not in graph:
                self.source.problem(
                    node,
                    f"calx:alternativeTo {self._short(other)}, which is not described",
                    kind="unknown-term",
                )
        return tuple(
            sorted(
                self.source.local(other)
                for other in named
                if (other, RDF.type, OWL.NamedIndividual) in graph
            )
        )

    def _weight(self, node: Node) -> int:
        """What a term counts in a tally: a whole number from 1."""
        weight = weight_of(self.source.value(node, CALX.weight))
        if weight is None:
            self.source.problem(node, WEIGHT, kind="number")
        return weight or 1

    def _properties(self) -> dict[str, ConclusionProperty]:
        members: dict[Node, Counter[str]] = {}
        for path in self.terms:
            for cls in self.source.graph.objects(URIRef(self.source.names(path)), RDF.type):
                members.setdefault(cls, Counter())[path.partition("/")[0]] += 1
        # one thing in a wrong class moves no other
        kinds = {cls: folders.most_common(1)[0][0] for cls, folders in members.items()}
        properties = {}
        for node in self.source.declared(CALX.ConclusionProperty):
            if (node, RDF.type, OWL.ObjectProperty) in self.source.graph:
                parent = self.source.value(node, RDFS.subPropertyOf)
                properties[self.source.local(node)] = ConclusionProperty(
                    name=self.source.local(node),
                    result_key=str(self.source.value(node, CALX.resultKey)),
                    kind=kinds.get(cast(URIRef, self.source.value(node, RDFS.range)), ""),
                    label=self.source.text(node, RDFS.label),
                    parent=self.source.local(parent) if parent else None,
                    functional=(node, RDF.type, OWL.FunctionalProperty) in self.source.graph,
                    harm=number(self.source.value(node, CALX.harm) or Literal(0)),
                    word=self.source.text(
                        node,
                        CALX.word if (node, CALX.word, None) in self.source.graph else RDFS.label,
                    ),
                )
            else:
                name = next(
                    (
                        fact
                        for fact in self.facts
                        if self.facts[fact].local == self.source.local(node)
                    ),
                    None,
                )
                if name is None:
                    described = self._described(node, self._snake(self.source.local(node)))
                    self.facts[described.name] = replace(
                        described,
                        given=False,
                        kind="integer"
                        if self.source.value(node, RDFS.range) == XSD.integer
                        else "number",
                    )
        return properties

    @staticmethod
    def _snake(local: str) -> str:
        return "".join("_" + c.lower() if c.isupper() else c for c in local)

    def term(self, property_name: str, node: Node) -> str:
        path = self.source.names.below(node)
        kind = self.properties[property_name].kind
        if path not in self.terms or self.terms[path].kind != kind:
            raise ProfileError(
                (
                    f"{self._short(node)} is no {kind or 'term'} that {property_name} can have; "
                    "define it as an owl:NamedIndividual"
                ),
                "unknown-term",
            )
        return self.terms[path].local
