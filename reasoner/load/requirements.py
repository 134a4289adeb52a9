"""Reads what must hold over every valid case: the
requirements that a guideline states of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from rdflib import RDF, RDFS, SH, SKOS, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from calx.reasoner.load.shapes import ProfileError, ShapeReader, describe_error, kind_of
from calx.reasoner.load.source import CALX, Source
from calx.reasoner.model.condition import ALWAYS
from calx.reasoner.model.guideline import ConclusionProperty, Fact
from calx.reasoner.model.requirement import (
    Advised,
    Always,
    Demand,
    Graded,
    Ladder,
    Never,
    NotAbove,
    Partition,
    Requirement,
    Settles,
    Stable,
)

ALLOWED = {RDF.type, SKOS.notation, RDFS.label, RDFS.comment, CALX.rationale, CALX.whenever}
LADDER = (CALX.raising, CALX.lowering, CALX.adding)
HOW = (
    "say what is required with one of calx:always, calx:never, calx:settles, calx:stable, "
    "calx:partition, calx:graded, calx:advised, calx:ladder, "
    "or a sh:property with sh:lessThanOrEquals"
)


class Requirements:
    """The requirements of one guideline, each once;
    what cannot be read is a problem of the source.
    """

    def __init__(
        self,
        source: Source,
        shapes: ShapeReader,
        facts: dict[str, Fact],
        properties: dict[str, ConclusionProperty],
        owners: tuple[str, ...],
    ) -> None:
        self._source, self._short = source, source.names.short
        self._shapes = shapes
        self._facts = {fact.local: fact for fact in facts.values()}
        self._properties = properties
        self._owners = owners

    def __iter__(self) -> Iterator[Requirement]:
        for node in self._source.declared(CALX.Requirement):
            try:
                yield self._requirement(node)
            except (ProfileError, ValueError, RecursionError) as error:
                self._source.problem(node, describe_error(error), kind=kind_of(error))

    def _requirement(self, node: Node) -> Requirement:
        source, graph = self._source, self._source.graph
        demands: dict[URIRef, Callable[[Node], Demand]] = {
            CALX.always: lambda shape: Always(self._shapes.condition(shape)[0]),
            CALX.never: lambda shape: Never(self._shapes.condition(shape)[0]),
            CALX.settles: lambda named: Settles(self._property(named)),
            CALX.stable: lambda named: Stable(self._property(named)),
            CALX["partition"]: self._partition,
            CALX.graded: lambda head: Graded(self._of_one_kind(head, "calx:graded")),
            CALX.advised: lambda head: self._advised(node, head),
            CALX.ladder: lambda head: self._ladder(node, head),
            SH.property: self._not_above,
        }
        beside = {
            *(LADDER if (node, CALX.ladder, None) in graph else ()),
            *((CALX["except"],) if (node, CALX.advised, None) in graph else ()),
        }
        strange = sorted(
            {self._short(p) for p in graph.predicates(node)}
            - {self._short(p) for p in (*ALLOWED, *demands, *beside)}
        )
        if strange:
            raise ProfileError(f"{', '.join(strange)} in a requirement is not known; {HOW}")
        stated = [
            (predicate, value) for predicate in demands for value in graph.objects(node, predicate)
        ]
        if len(stated) != 1:
            raise ProfileError(f"requires {len(stated) or 'no'} things; {HOW}")
        if str(source.value(node, SKOS.notation)) != source.local(node):
            raise ProfileError("skos:notation is the id of the requirement")
        whenever = source.value(node, CALX.whenever)
        (predicate, value) = stated[0]
        return Requirement(
            id=source.local(node),
            label=source.text(node, RDFS.label),
            rationale=source.text(node, CALX.rationale),
            whenever=self._shapes.condition(whenever)[0] if whenever is not None else ALWAYS,
            demand=demands[predicate](value),
            file=next(
                name
                for name, part in source.graphs.items()
                if (node, RDF.type, CALX.Requirement) in part
            ),
        )

    def _partition(self, head: Node) -> Partition:
        predicates = self._of_one_kind(head, "calx:partition")
        if len(predicates) < 2:
            raise ProfileError("calx:partition lists two properties or more, in round brackets")
        return Partition(predicates)

    def _of_one_kind(self, head: Node, what: str) -> tuple[str, ...]:
        predicates = tuple(self._property(part) for part in Collection(self._source.graph, head))
        if len({self._properties[predicate].kind for predicate in predicates}) != 1:
            raise ProfileError(
                f"{what} lists properties that conclude things of one kind, in round brackets"
            )
        return predicates

    def _advised(self, node: Node, head: Node) -> Advised:
        predicates = self._of_one_kind(head, "calx:advised")
        if self._properties[predicates[0]].kind not in self._owners:
            raise ProfileError("calx:advised speaks of alerts, in whose name rules give advice")
        exempt = sorted(
            self._shapes.term(predicates[0], cast(URIRef, term))
            for term in self._source.graph.objects(node, CALX["except"])
        )
        return Advised(predicates, tuple(exempt))

    def _property(self, node: Node) -> str:
        name = self._source.names.below(node)
        if name not in self._properties or not isinstance(node, URIRef):
            raise ProfileError(
                f"{self._short(node)} is no property that rules conclude",
                "unknown-fact",
            )
        return name

    def _fact(self, node: Node) -> Fact:
        local = self._source.names.below(node)
        if local not in self._facts:
            raise ProfileError(
                f"{self._short(node)} is neither a fact nor a quantity", "unknown-fact"
            )
        return self._facts[local]

    def _not_above(self, node: Node) -> NotAbove:
        graph = self._source.graph
        if {str(p) for p in graph.predicates(node)} != {str(SH.path), str(SH.lessThanOrEquals)}:
            raise ProfileError(
                "sh:property of a requirement holds sh:path and sh:lessThanOrEquals, nothing else"
            )
        lesser, greater = (
            self._fact(cast(Node, self._source.value(node, predicate)))
            for predicate in (SH.path, SH.lessThanOrEquals)
        )
        if not {lesser.kind, greater.kind} <= {"number", "integer"}:
            raise ProfileError("sh:lessThanOrEquals compares two numbers")
        return NotAbove(lesser.name, greater.name)

    def _ladder(self, node: Node, head: Node) -> Ladder:
        graph = self._source.graph
        members = [self._source.names.below(member) for member in Collection(graph, head)]
        kinds = {member.partition("/")[0] for member in members}
        found = [
            name
            for name, described in self._properties.items()
            if described.kind in kinds and described.functional
        ]
        if len(kinds) != 1 or len(found) != 1:
            raise ProfileError(
                "calx:ladder lists terms of one property that has at most one term, from the lowest"
            )
        terms = tuple(
            self._shapes.term(found[0], URIRef(self._source.names(member))) for member in members
        )
        raising, lowering, adding = (
            tuple(sorted(self._fact(fact).name for fact in graph.objects(node, predicate)))
            for predicate in (CALX.raising, CALX.lowering, CALX.adding)
        )
        wrong = [
            name for name in (*raising, *lowering, *adding) if not self._facts_by_name(name).given
        ]
        wrong += [
            name
            for name in (*raising, *lowering)
            if self._facts_by_name(name).kind not in ("number", "integer")
        ]
        wrong += [name for name in adding if self._facts_by_name(name).kind != "boolean"]
        if wrong or not (raising or lowering or adding):
            raise ProfileError(
                "calx:raising and calx:lowering name numbers that a case gives, calx:adding such "
                "a boolean; name at least one"
            )
        return Ladder(found[0], terms, raising, lowering, adding)

    def _facts_by_name(self, name: str) -> Fact:
        return next(fact for fact in self._facts.values() if fact.name == name)
