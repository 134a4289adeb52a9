"""Reads the sections of an answer, which the guideline's header lists in their order."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypedDict

from rdflib import RDF, RDFS, SH, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from calx.reasoner.load.shapes import ProfileError, describe_error
from calx.reasoner.load.source import CALX, Source
from calx.reasoner.load.vocabulary import Vocabulary
from calx.reasoner.model.guideline import above
from calx.reasoner.model.names import Text
from calx.reasoner.model.section import (
    SEVERITIES,
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Picture,
    Section,
    Standing,
    Status,
    Tally,
)

COMMON = {RDF.type, RDFS.label, RDFS.comment, SH.order, CALX.resultKey, CALX.detail}
MARKS = {CALX.binding, CALX.asksFor}
KEY = re.compile(r"(?!model_)[a-z][a-z0-9_]*")
TAKEN = frozenset(
    {
        *("case_id", "guideline", "notice", "missing", "possible_alerts", "measured", "steps"),
        *("stored", "settled", "guideline_version", "disputed_by"),  # of lists of answers
        *("construct", "copy", "dict", "from_orm", "json", "schema", "schema_json", "validate"),
        *keyword.kwlist,
    }
)
"""Keys that every answer has, whatever the guideline, or that no attribute can be named."""


LEAST_STATUSES = 2
"""With so many, the first may be used: the last is that of things for which nothing speaks."""


class _Common(TypedDict):
    """What a section of any kind has."""

    key: str
    label: Text
    order: int
    binding: bool
    listed: bool
    detail: bool


class _Kind(NamedTuple):
    read: Callable[[Node, _Common], Section]
    takes: set[URIRef]


class Sections:
    """The sections of one guideline's answer; what cannot be read is a problem of the source."""

    def __init__(self, source: Source, vocabulary: Vocabulary) -> None:
        self._source, self._short = source, source.names.short
        self._vocabulary = vocabulary
        self._kinds: dict[URIRef, _Kind] = {
            CALX.OneSection: _Kind(self._one, {CALX.shows, CALX.brief, CALX.leads, *MARKS}),
            CALX.SetSection: _Kind(self._members, {CALX.shows, *MARKS}),
            CALX.TallySection: _Kind(self._tally, {CALX.shows, CALX.total, *MARKS}),
            CALX.StatusSection: _Kind(
                self._status,
                {
                    CALX.shows,
                    CALX.indicates,
                    CALX.favours,
                    CALX.forbids,
                    CALX.cautions,
                    CALX.uses,
                    CALX.hinders,
                    CALX.indicatesBeside,
                    CALX.ranked,
                    CALX.unusable,
                    *MARKS,
                },
            ),
            CALX.AlertsSection: _Kind(
                self._alerts,
                {CALX.shows, CALX.leavesOpen, CALX.reasons, CALX.advises, CALX.binding},
            ),
            CALX.ActionsSection: _Kind(self._actions, {CALX.shows, CALX.binding}),
            CALX.CriteriaSection: _Kind(
                self._criteria, {CALX.shows, CALX.advises, CALX.shownWhere, *MARKS}
            ),
            CALX.ValuesSection: _Kind(self._numbers, set()),
            CALX.PictureSection: _Kind(self._picture, {CALX.drawnBy}),
        }

    def __iter__(self) -> Iterator[Section]:
        head = self._source.value(self._source.node, CALX.sections)
        listed = list(Collection(self._source.graph, head)) if head is not None else []
        if not listed:
            self._source.problem(
                self._source.node,
                "lists no calx:sections, so that no answer would show anything; list them in round "
                "brackets",
                kind="section",
            )
            return
        found: list[Section] = []
        things = self._things(CALX.StatusSection)
        self._things(CALX.AlertsSection)
        for node in listed:
            try:
                section = self._section(node)
                if listed.count(node) > 1:
                    raise ProfileError("is listed twice in calx:sections; keep one", "section")
                if section.key in things:
                    raise ProfileError(
                        f"calx:resultKey {section.key} is the id of a thing with a status; give "
                        "another",
                        "duplicate-id",
                    )
                self._beside(section, found)
            except (ProfileError, ValueError, StopIteration) as error:
                self._source.problem(
                    node, describe_error(error), kind=getattr(error, "kind", "section")
                )
            else:
                found.append(section)
        yield from found
        for kind in self._kinds:
            for node in self._source.declared(kind):
                if node not in listed:
                    self._source.problem(
                        node, "is not among calx:sections of the header; list it", kind="section"
                    )

    @staticmethod
    def _beside(section: Section, others: list[Section]) -> None:
        """Refuses a section that cannot stand beside others."""
        if section.key in TAKEN:
            raise ProfileError(
                f"calx:resultKey {section.key} is a key of every answer, or a word with a meaning "
                "of its own; give another",
                "section",
            )
        for other in others:
            if other.key == section.key:
                raise ProfileError(
                    f"calx:resultKey {section.key} is that of another section; give another",
                    "duplicate-id",
                )
            match section, other:
                case One(leads=True), One(leads=True):
                    raise ProfileError("calx:leads stands on two sections; keep one", "section")
                case (Status(kind=kind), Status(kind=same)) | (
                    Alerts(kind=kind),
                    Alerts(kind=same),
                ) if kind == same:
                    raise ProfileError(
                        f"tells of the same things as {other.key}; tell of them in one section",
                        "section",
                    )
                case _:
                    pass

    def _things(self, section: URIRef) -> set[str]:
        """Ids of the things that sections of a kind tell of; answers name them by these alone, so
        that no two kinds of things may share one.
        """
        kinds = {
            self._vocabulary.properties[local].kind
            for node in self._source.declared(section)
            for head in self._source.graph.objects(node, CALX.shows)
            for part in Collection(self._source.graph, head)
            if (local := self._local(part)) in self._vocabulary.properties
        }
        found: dict[str, str] = {}
        for term in self._vocabulary.terms.values():
            if term.kind not in kinds:
                continue
            for name in {term.id, term.local}:
                if found.setdefault(name, term.kind) != term.kind:
                    self._source.problem(
                        URIRef(self._source.names(f"{term.kind}/{term.local}")),
                        f"{name} is also an id among {found[name]}; name one of them otherwise",
                        kind="duplicate-id",
                    )
        return set(found)

    def _section(self, node: Node) -> Section:
        source, graph = self._source, self._source.graph
        kinds = [kind for kind in self._kinds if (node, RDF.type, kind) in graph]
        if len(kinds) != 1:
            told = sorted(self._short(kind) for kind in graph.objects(node, RDF.type))
            raise ProfileError(
                f"is {', '.join(told) or 'not described'}; a section is one of "
                f"{', '.join(self._short(kind) for kind in self._kinds)}",
                "section",
            )
        (kind,) = kinds
        read, takes = self._kinds[kind]
        strange = sorted(self._short(p) for p in set(graph.predicates(node)) - takes - COMMON)
        if strange:
            raise ProfileError(
                f"{', '.join(strange)} in a {self._short(kind)} is not known; it takes "
                f"{', '.join(sorted(self._short(p) for p in takes)) or 'nothing more'}",
                "section",
            )
        key = source.value(node, CALX.resultKey)
        if key is None or not KEY.fullmatch(str(key)):
            raise ProfileError(
                "has no calx:resultKey of small letters, digits and _ (a letter first, not "
                "model_): its key in the JSON",
                "section",
            )
        common: _Common = {
            "key": str(key),
            "label": source.text(node, RDFS.label),
            "order": source.whole(node, SH.order),
            "binding": self._says(node, CALX.binding),
            "listed": self._says(node, CALX.asksFor),
            "detail": self._says(node, CALX.detail),
        }
        return read(node, common)

    # --- kinds ------------------------------------------------------------------------

    def _one(self, node: Node, common: _Common) -> Section:
        name = self._one_shown(node)
        if not self._vocabulary.properties[name].functional:
            raise ProfileError(
                f"shows {name}, of which several terms may hold; make it an "
                "owl:FunctionalProperty, or show it in a calx:SetSection",
                "section",
            )
        brief, leads = self._says(node, CALX.brief), self._says(node, CALX.leads)
        if brief and leads:
            raise ProfileError("is brief and leads; what leads is told whole", "section")
        return One(predicate=name, brief=brief, leads=leads, **common)

    def _members(self, node: Node, common: _Common) -> Section:
        return Members(predicates=self._with_those_below(self._one_shown(node)), **common)

    def _tally(self, node: Node, common: _Common) -> Section:
        points = self._one_shown(node)
        total = self._local(self._needed(node, CALX.total))
        facts = self._vocabulary.facts
        name = next((f.name for f in facts.values() if f.local == total and not f.given), None)
        if name is None:
            raise ProfileError(
                f"calx:total {total} is no number that rules conclude", "unknown-fact"
            )
        source, names = self._source, self._source.names
        if source.files.tallies.get(names(total)) != names(points):
            raise ProfileError(
                f"calx:total {total} is added up from {points} by no calx:TallyRule; give it one "
                f"(sh:predicate {names.prefix}:{total} ; calx:sumOf {names.prefix}:{points})",
                "section",
            )
        kind = self._vocabulary.properties[points].kind
        cls = source.value(URIRef(names(points)), RDFS.range)
        terms = [term for term in self._vocabulary.terms.values() if term.kind == kind]
        for term in terms:
            if (URIRef(names(f"{kind}/{term.local}")), RDF.type, cls) not in source.graph:
                raise ProfileError(
                    f"{kind}/{term.local} is no {self._short(cls)}, which {points} counts; give it "
                    "this class, or a name in another folder",
                    "unknown-term",
                )
        return Tally(
            predicate=points,
            total=name,
            weights=tuple((term.local, term.weight) for term in terms),
            **common,
        )

    def _status(self, node: Node, common: _Common) -> Section:
        names = self._shown(node, 2)
        indicated, favoured, forbidden, usable, hindered, adjunct = roles = [
            self._role(node, predicate)
            for predicate in (
                *(CALX.indicates, CALX.favours, CALX.forbids, CALX.uses),
                *(CALX.hinders, CALX.indicatesBeside),
            )
        ]
        kind = self._one_kind((*names, *(name for name in roles if name)))
        bad = {forbidden, hindered}
        if forbidden and forbidden not in names:
            raise ProfileError(
                f"calx:forbids {forbidden} is no status that calx:shows lists; list it there",
                "section",
            )
        words = [self._word(name) for name in names]
        if len(set(words)) < len(words):
            raise ProfileError(
                f"two statuses have one word ({', '.join(words)}), the last part of a property's "
                "calx:resultKey; give each its own",
                "duplicate-id",
            )
        if (node, CALX.unusable, None) in self._source.graph:
            bad = set(self._listed(node, CALX.unusable))
            if not bad < set(names):
                raise ProfileError(
                    "calx:unusable lists some of the statuses that calx:shows lists", "section"
                )
        elif hindered:
            raise ProfileError(
                "names calx:hinders, and no calx:unusable: the statuses that bar use", "section"
            )
        self._may_be_used(names, bad, usable)
        ranked = self._says(node, CALX.ranked)
        if hindered and not ranked:
            raise ProfileError(
                "names calx:hinders, which only ranked things tell; say calx:ranked true", "section"
            )
        return Status(
            kind=kind,
            statuses=tuple(self._standing(name, names, bad) for name in names),
            indicated=indicated,
            favoured=favoured,
            forbidden=forbidden,
            usable=usable,
            caution=self._role(node, CALX.cautions),
            hindered=hindered,
            adjunct=adjunct,
            ranked=ranked,
            **common,
        )

    def _may_be_used(
        self, names: tuple[str, ...], bad: set[str | None], usable: str | None
    ) -> None:
        """Whether it is said of every status but the last whether a thing may be used."""
        used = {name for name in names if usable in (name, *self._above(name))}
        for name in names[:-1]:
            if name in bad | used:
                continue
            if used or (not bad - {None} and len(names) > LEAST_STATUSES):
                raise ProfileError(
                    f"does not tell whether a thing that is {name} may be used; list it in "
                    "calx:unusable, or let it be calx:uses or below it",
                    "section",
                )

    def _standing(self, name: str, names: tuple[str, ...], bad: set[str | None]) -> Standing:
        good = [other for other in names[:-1] if other not in bad]
        return Standing(
            predicate=name,
            word=self._word(name),
            label=self._vocabulary.properties[name].word,
            mark="bad"
            if name in bad
            else "idle"
            if name == names[-1]
            else "best"
            if len(good) > 1 and name == good[0]
            else "good",
        )

    def _alerts(self, node: Node, common: _Common) -> Section:
        names = self._shown(node, 1)
        severities = [(name, self._word(name)) for name in names]
        grave = [SEVERITIES.index(word) for _, word in severities if word in SEVERITIES]
        if len(grave) != len(severities) or grave != sorted(set(grave)):
            raise ProfileError(
                f"shows properties whose calx:resultKey ends in {', '.join(SEVERITIES)}, "
                "each once, the gravest first",
                "section",
            )
        kind = self._one_kind(names)
        left_open = tuple(
            self._property(part)
            for part in sorted(self._source.graph.objects(node, CALX.leavesOpen), key=str)
        )
        if not set(left_open) <= {name for name, word in severities if word == SEVERITIES[0]}:
            raise ProfileError(
                f"calx:leavesOpen names the property of what is {SEVERITIES[0]}, which "
                "calx:shows lists",
                "section",
            )
        return Alerts(
            kind=kind,
            severities=tuple(severities),
            raised=tuple(
                name
                for name, found in self._vocabulary.properties.items()
                if found.kind == kind
                and name not in names
                and any(name in self._above(shown) for shown in names)
            ),
            left_open=left_open,
            factor=self._role(node, CALX.reasons),
            advice=self._role(node, CALX.advises),
            **common,
        )

    def _actions(self, node: Node, common: _Common) -> Section:
        return Actions(predicates=self._with_those_below(self._one_shown(node)), **common)

    def _criteria(self, node: Node, common: _Common) -> Section:
        met, not_met = self._shown(node, 2, 2)
        where = self._source.value(node, CALX.shownWhere)
        facts = self._vocabulary.facts.values()
        fact = next(
            (f.name for f in facts if where is not None and f.local == self._local(where)), None
        )
        if where is not None and (fact is None or self._vocabulary.facts[fact].kind != "boolean"):
            raise ProfileError(
                f"calx:shownWhere {self._short(where)} is no fact that is true or false",
                "unknown-fact",
            )
        return Criteria(
            kind=self._one_kind((met, not_met)),
            met=met,
            not_met=not_met,
            advice=self._role(node, CALX.advises),
            where=fact,
            **common,
        )

    def _numbers(self, node: Node, common: _Common) -> Section:
        del node
        names = tuple(
            fact.name
            for fact in self._vocabulary.facts.values()
            if fact.result_key == common["key"] and fact.concerns is None
        )
        return Numbers(names=names, **common)

    def _picture(self, node: Node, common: _Common) -> Section:
        return Picture(drawn_by=str(self._needed(node, CALX.drawnBy)), **common)

    # --- parts ------------------------------------------------------------------------

    def _shown(self, node: Node, least: int, most: int | None = None) -> tuple[str, ...]:
        """The properties that a section shows: one, or a list in round brackets."""
        parts = self._listed(node, CALX.shows)
        if len(parts) < least or (most is not None and len(parts) > most):
            raise ProfileError(
                f"calx:shows lists {len(parts)} properties; it needs "
                f"{'just' if most == least else 'at least'} {least}, in round brackets",
                "section",
            )
        return parts

    def _one_shown(self, node: Node) -> str:
        parts = self._listed(node, CALX.shows)
        if len(parts) != 1:
            raise ProfileError(
                f"calx:shows names {len(parts)} properties; this kind of section shows one (and "
                "those below it by rdfs:subPropertyOf)",
                "section",
            )
        return parts[0]

    def _listed(self, node: Node, predicate: URIRef) -> tuple[str, ...]:
        head = self._needed(node, predicate)
        graph = self._source.graph
        parts = list(Collection(graph, head)) if (head, RDF.first, None) in graph else [head]
        return tuple(self._property(part) for part in parts)

    def _property(self, node: Node) -> str:
        local = self._local(node)
        if local not in self._vocabulary.properties:
            raise ProfileError(
                f"{self._short(node)} is no property that rules conclude of a thing",
                "unknown-term",
            )
        return local

    def _role(self, node: Node, predicate: URIRef) -> str | None:
        named = self._source.value(node, predicate)
        return None if named is None else self._property(named)

    def _needed(self, node: Node, predicate: URIRef) -> Node:
        value = self._source.value(node, predicate)
        if value is None:
            raise ProfileError(f"has no {self._short(predicate)}", "section")
        return value

    def _one_kind(self, names: tuple[str, ...]) -> str:
        kinds = {self._vocabulary.properties[name].kind for name in names}
        if len(kinds) != 1:
            raise ProfileError(
                f"shows {', '.join(names)}, whose terms are of several kinds", "section"
            )
        return kinds.pop()

    def _with_those_below(self, name: str) -> tuple[str, ...]:
        properties = self._vocabulary.properties
        return (name, *(other for other in properties if name in self._above(other)))

    def _above(self, name: str) -> list[str]:
        return above(self._vocabulary.properties, name)

    def _word(self, name: str) -> str:
        """The word for a status or severity: the last part of the property's result key."""
        return self._vocabulary.properties[name].result_key.rpartition(".")[2]

    def _says(self, node: Node, predicate: URIRef) -> bool:
        value = self._source.value(node, predicate)
        if value is None:
            return False
        told = value.toPython() if isinstance(value, Literal) else None
        if not isinstance(told, bool):
            raise ProfileError(
                f"{self._short(predicate)} is neither true nor false (without quotes)",
                "unknown-value",
            )
        return told

    def _local(self, node: Node) -> str:
        return self._source.local(node)
