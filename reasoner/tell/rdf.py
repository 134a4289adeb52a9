"""The answer as RDF: the lesion with its facts and conclusions, and PROV-O for how they came about.

Every derived triple is reified with ``sh:sourceRule``; ``prov:wasDerivedFrom`` leads to its
premises and ``cito:`` to its evidence, so that SPARQL can ask for all of it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.evaluation import Step
from calx.reasoner.engine.parts import RankedThing
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.names import IRI, Names
from calx.reasoner.model.rule import Assertion
from calx.reasoner.model.section import Criteria, One, Status, Tally
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.stability import Elsewhere, edges

if TYPE_CHECKING:
    import rdflib


class Namespace:
    """Terms under one namespace: ``CALX.Lesion``, ``CALX["rank"]``."""

    def __init__(self, iri: str) -> None:
        self.iri = iri
        self._known: dict[str, NamedNode] = {}

    def __getitem__(self, local: str) -> NamedNode:
        found = self._known.get(local)
        if found is None:
            found = self._known[local] = NamedNode(self.iri + local)
        return found

    def __getattr__(self, local: str) -> NamedNode:
        if local.startswith("__"):
            raise AttributeError(local)
        return self[local]


CALX = Namespace(IRI)
CITO, PROV = Namespace("http://purl.org/spar/cito/"), Namespace("http://www.w3.org/ns/prov#")
RDF, RDFS = (
    Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    Namespace("http://www.w3.org/2000/01/rdf-schema#"),
)
SH, XSD = Namespace("http://www.w3.org/ns/shacl#"), Namespace("http://www.w3.org/2001/XMLSchema#")
CASE = IRI + "case/"
PREFIXES = {
    "calx": IRI,
    "rule": f"{IRI}rule/",
    "ev": f"{IRI}ev/",
    "case": CASE,
    "sh": SH.iri,
    "prov": PROV.iri,
    "cito": CITO.iri,
    "rdf": RDF.iri,
    "rdfs": RDFS.iri,
}
PREFIXES["xsd"] = XSD.iri
"""Those of the guideline that comes with Calx, and of whatever is said beside one."""


@lru_cache(maxsize=8)
def prefixes(names: Names) -> dict[str, str]:
    """The prefixes of what is said by a guideline."""
    own = {names.prefix: names.iri, "rule": names("rule/"), "ev": names("ev/")}
    return PREFIXES | own


@lru_cache(maxsize=8)
def own_terms(names: Names) -> Namespace:
    """A guideline's own terms."""
    return Namespace(names.iri)


SOURCE_RULE = SH.sourceRule
"""From SHACL 1.2."""
CITES = {"supports": CITO.citesAsEvidence, "disputes": CITO.disputes, "limits": CITO.qualifies}
RdfTerm: TypeAlias = NamedNode | Literal


class _Triples(list[Triple]):
    def put(self, subject: NamedNode, predicate: NamedNode, value: RdfTerm) -> None:
        self.append(Triple(subject, predicate, value))


def lesion_of(case_id: str) -> NamedNode:
    """The lesion of a case; also the name of the graph that a store keeps of it."""
    return NamedNode(CASE + case_id)


def triples(answer: Answer) -> list[Triple]:
    """The answer as triples about ``…/case/<case_id>``; some may stand twice."""
    found = _Triples()
    guideline, lesion = answer.guideline, lesion_of(answer.case.id)
    own = own_terms(guideline.names)
    found.put(lesion, RDF.type, own[guideline.root.local])
    found.put(lesion, CALX.caseId, Literal(answer.case.id))
    for name, value in answer.case.facts.items():
        fact = guideline.facts[name]
        found.put(lesion, own[fact.local], literal(fact, value))
    decision = NamedNode(f"{lesion.value}/decision")
    found.put(decision, RDF.type, PROV.Activity)
    found.put(decision, RDF.type, CALX.Decision)
    found.put(decision, PROV.used, lesion)
    found.put(decision, PROV.used, own[guideline.version])
    found.put(decision, CALX.guidelineDigest, Literal(guideline.digest))
    for language, notice in guideline.notice.items():
        found.put(decision, RDFS.comment, _in(language, notice))
    _steps(found, answer, lesion, decision)
    _Summary(found, answer, lesion).put()
    found.put(decision, PROV.generated, lesion)
    _measured(found, answer, lesion)
    _borders(found, answer, lesion)
    return found


def graph(answer: Answer) -> rdflib.Graph:
    """The same as an rdflib graph."""
    from rdflib import Graph

    found = Graph(bind_namespaces="none")
    for prefix, namespace in prefixes(answer.guideline.names).items():
        found.bind(prefix, namespace)
    for triple in triples(answer):
        found.add(
            (as_rdflib(triple.subject), as_rdflib(triple.predicate), as_rdflib(triple.object))
        )
    return found


def as_rdflib(term: Any) -> Any:
    """A term as rdflib has it."""
    from rdflib import BNode, URIRef
    from rdflib import Literal as Value

    if isinstance(term, NamedNode):
        return URIRef(term.value)
    if isinstance(term, BlankNode):
        return BNode(term.value)
    return (
        Value(term.value, lang=term.language)
        if term.language
        else Value(term.value, datatype=_plain(term.datatype))
    )


def _plain(datatype: NamedNode) -> str | None:
    return None if datatype == XSD.string else datatype.value


def literal(fact: Fact, value: Value) -> Literal:
    """The value of a fact as a typed literal; numbers are decimals, counts integers."""
    if isinstance(value, Decimal):
        return (
            Literal(int(value))
            if fact.kind == "integer"
            else Literal(format(value, "f"), datatype=XSD.decimal)
        )
    return Literal(value)


@lru_cache(maxsize=4096)
def _in(language: str, text: str) -> Literal:
    return Literal(text, language=language)


def _triple(answer: Answer, step: Step) -> tuple[NamedNode, RdfTerm]:
    conclusion = step[1].conclusion
    own = own_terms(answer.guideline.names)
    if isinstance(conclusion, Assertion):
        kind = answer.guideline.properties[conclusion.predicate].kind
        return own[conclusion.predicate], own[f"{kind}/{conclusion.term}"]
    fact = answer.guideline.facts[conclusion.fact]
    return own[fact.local], literal(fact, answer.trace.values[conclusion.fact])


def _steps(found: _Triples, answer: Answer, lesion: NamedNode, decision: NamedNode) -> None:
    own = own_terms(answer.guideline.names)
    nodes: dict[str, list[NamedNode]] = {}
    facts: dict[str, NamedNode] = {}
    for number, step in enumerate(answer.trace.steps, 1):
        rule, production, premises, rank = step
        node = NamedNode(f"{lesion.value}/step/{number}")
        predicate, target = _triple(answer, step)
        found.put(lesion, predicate, target)
        if isinstance(production.conclusion, Assertion):
            for above in answer.guideline.above(production.conclusion.predicate):
                found.put(lesion, own[above], target)
        for triple in (
            (RDF.type, RDF.Statement),
            (RDF.type, PROV.Entity),
            (RDF.subject, lesion),
            (RDF.predicate, predicate),
            (RDF.object, target),
            (SOURCE_RULE, own[f"rule/{rule.id}"]),
            (CALX.level, Literal(answer.guideline.levels[rank])),
            (PROV.wasGeneratedBy, decision),
            *((RDFS.label, _in(language, text)) for language, text in rule.label.items()),
        ):
            found.put(node, *triple)
        for kind, of in premises:
            for source in nodes.get(of) or (
                [_fact(found, answer, lesion, of, facts)] if kind == "fact" else []
            ):
                found.put(node, PROV.wasDerivedFrom, source)
            if kind == "not":
                found.put(node, CALX.inAbsenceOf, Literal(of))
        for statement in answer.statements[rule.id]:
            found.put(node, CITES[statement.stance], own[f"ev/{statement.id}"])
        key = production.conclusion.key
        nodes.setdefault(key, []).append(node)


def _fact(
    found: _Triples, answer: Answer, lesion: NamedNode, name: str, facts: dict[str, NamedNode]
) -> NamedNode:
    """The node of a fact that was read: given, or not known."""
    if name not in facts:
        node = facts[name] = NamedNode(f"{lesion.value}/fact/{name}")
        fact, value = answer.guideline.facts[name], answer.case.facts.get(name)
        found.put(node, RDF.type, PROV.Entity)
        found.put(node, RDF.type, RDF.Statement if value is not None else CALX.UnknownFact)
        found.put(node, RDF.subject, lesion)
        found.put(node, RDF.predicate, own_terms(answer.guideline.names)[fact.local])
        if value is not None:
            found.put(node, RDF.object, literal(fact, value))
    return facts[name]


class _Summary:
    """What is not the conclusion of one step: settled or provisional, what is missing, what is
    unverified.
    """

    def __init__(self, found: _Triples, answer: Answer, lesion: NamedNode) -> None:
        self._found, self._answer, self._lesion = found, answer, lesion
        self._guideline = answer.guideline
        self._own = own_terms(answer.guideline.names)

    def put(self) -> None:
        """All of it."""
        for section in self._guideline.sections:
            match section:
                case One(brief=False):
                    self._one(section)
                case Tally():
                    for point in self._answer.total(section).unknown:
                        self._say(CALX.unknownPoint, self._term(section.predicate, point))
                case Criteria():
                    for criterion, verdict in self._answer.judged(section).criteria.items():
                        if verdict == "unknown":
                            self._say(CALX.criterionUnknown, self._term(section.met, criterion))
                case Status():
                    self._things(section)
                case _:
                    pass
        self._missing()
        for key, alert, facts in self._answer.left_open:
            term = self._term(key, alert)
            for fact in facts:
                self._describe(
                    f"possible-alert/{alert}/{fact}",
                    CALX.possibleAlert,
                    fact,
                    {CALX.alert: [term]},
                )

    def _say(self, predicate: NamedNode, value: RdfTerm) -> None:
        self._found.put(self._lesion, predicate, value)

    def _term(self, predicate: str, id_: str) -> NamedNode:
        kind = self._guideline.properties[predicate].kind
        local = next((t.local for t in self._guideline.of_kind(kind) if t.id == id_), id_)
        return self._own[f"{kind}/{local}"]

    def _one(self, section: One) -> None:
        chosen = self._answer.chosen(section, "en")
        if section.leads:
            self._say(CALX.settled, Literal(bool(chosen and chosen.settled)))
        if chosen is not None:
            self._disputes(chosen.disputed_by, None)

    def _things(self, section: Status) -> None:
        for thing in self._answer.things(section, "en"):
            term = self._term(section.statuses[0].predicate, thing.id)
            for fact in thing.unverified:
                self._describe(
                    f"unverified/{thing.id}/{fact}",
                    CALX.unverified,
                    fact,
                    {CALX.concerns: [term]},
                )
            if isinstance(thing, RankedThing) and thing.rank is not None:
                node = NamedNode(f"{self._lesion.value}/place/{thing.id}")
                self._say(CALX.place, node)
                self._found.put(node, CALX.concerns, term)
                self._found.put(node, CALX["rank"], Literal(thing.rank))
                self._found.put(node, CALX.role, Literal(str(thing.role)))
            self._disputes(thing.disputed_by, term)

    def _disputes(self, studies: list[str], term: NamedNode | None) -> None:
        of = term.value if term is not None else self._lesion.value
        for study in studies:
            node = NamedNode(f"{self._lesion.value}/dispute/{of.rpartition('/')[2]}/{study}")
            self._say(CALX.dispute, node)
            self._found.put(node, CITO.isDisputedBy, self._own[f"ev/{study}"])
            if term is not None:
                self._found.put(node, CALX.concerns, term)

    def _missing(self) -> None:
        decided = {
            section.key: self._own[section.shown[0]]
            for section in self._guideline.sections
            if section.listed and not isinstance(section, Status)
        } | {
            thing.id: self._own[f"{section.kind}/{thing.local}"]
            for section in self._guideline.sections
            if isinstance(section, Status)
            for thing in self._guideline.of_kind(section.kind)
        }
        for rank, missing in enumerate(self._answer.missing, 1):
            self._describe(
                f"missing/{missing.fact}",
                CALX.missing,
                missing.fact,
                {
                    CALX.decides: [decided[name] for name in missing.decides],
                    CALX["rank"]: [Literal(rank)],
                },
            )

    def _describe(
        self, path: str, link: NamedNode, fact: str, more: dict[NamedNode, list[Any]]
    ) -> None:
        """A node of its own that links the lesion to a fact."""
        node = NamedNode(f"{self._lesion.value}/{path}")
        self._say(link, node)
        self._found.put(node, RDF.predicate, self._own[self._guideline.facts[fact].local])
        for predicate, values in more.items():
            for value in values:
                self._found.put(node, predicate, value)


def _measured(found: _Triples, answer: Answer, lesion: NamedNode) -> None:
    """Where measured facts come from: interval, status, frames, who drew them from what, and a
    person's correction.
    """
    measured = answer.case.measured
    if measured is None:
        return
    model = measured.source.get("model") or {}
    drawer = NamedNode(f"{lesion.value}/drawer")
    found.put(drawer, RDF.type, PROV.Agent)
    found.put(
        drawer,
        RDFS.label,
        Literal(
            " ".join(str(model.get(key) or "") for key in ("id", "version")).strip()
            or str(measured.source.get("drawn_by") or "")
        ),
    )
    if model.get("digest"):
        found.put(drawer, CALX.modelDigest, Literal(str(model["digest"])))
    digest = str((measured.source.get("input") or {}).get("sha256") or "")
    for name, entry in measured.facts.items():
        fact, node = answer.guideline.facts[name], NamedNode(f"{lesion.value}/fact/{name}")
        found.put(lesion, CALX.measurement, node)
        found.put(node, RDF.type, CALX.Measurement)
        found.put(node, RDF.predicate, own_terms(answer.guideline.names)[fact.local])
        found.put(node, CALX.measurementStatus, Literal(entry["status"]))
        found.put(node, PROV.wasAttributedTo, drawer)
        if digest:
            found.put(node, CALX.recordingDigest, Literal(digest))
        for key, value in zip(
            (CALX.intervalLow, CALX.intervalHigh), entry.get("interval") or (), strict=False
        ):
            found.put(node, key, Literal(str(value), datatype=XSD.decimal))
        if entry.get("value") is not None:
            found.put(node, CALX.measuredValue, literal(fact, _exact(entry["value"])))
        frames = entry.get("frames") or ()
        for key, frame in ((CALX.firstFrame, frames[:1]), (CALX.lastFrame, frames[-1:])):
            if frame:
                found.put(node, key, Literal(int(frame[0])))
        correction = entry.get("correction")
        if correction:
            found.put(node, CALX.correctedBy, Literal(str(correction.get("by") or "a person")))
            if correction.get("reason"):
                found.put(node, RDFS.comment, Literal(str(correction["reason"])))


def _borders(found: _Triples, answer: Answer, lesion: NamedNode) -> None:
    """Where each known number turns the answer, and how far that is in its measurement error."""
    own = own_terms(answer.guideline.names)
    for edge in edges(Elsewhere(answer, whole=True), errors_of(answer)):
        node = NamedNode(f"{lesion.value}/border/{edge.fact}/{edge.side}")
        found.put(lesion, CALX.border, node)
        found.put(node, RDF.type, CALX.Border)
        found.put(node, RDF.predicate, own[answer.guideline.facts[edge.fact].local])
        found.put(node, CALX.side, Literal(edge.side))
        found.put(node, CALX.borderAt, _decimal(Decimal(edge.at.numerator) / edge.at.denominator))
        found.put(node, CALX.standsAtBorder, Literal(edge.closed))
        if edge.away is not None:
            found.put(node, CALX.deviationsAway, _decimal(Decimal(f"{edge.away:.4f}")))
        for change in edge.changes:
            found.put(node, CALX.turns, Literal(change.of))
            if change.rule:
                found.put(node, CALX.turnedBy, own[f"rule/{change.rule}"])


def _decimal(value: Decimal) -> Literal:
    return Literal(format(value, "f"), datatype=XSD.decimal)


def _exact(value: Any) -> Value:
    return (
        Decimal(str(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
    )


def turtle(answer: Answer) -> str:
    """The answer as Turtle."""
    return graph(answer).serialize(format="turtle")


def jsonld(answer: Answer) -> str:
    """The answer as JSON-LD on one line, its context inside."""
    document = json.loads(
        graph(answer).serialize(
            format="json-ld", context=prefixes(answer.guideline.names), auto_compact=True
        )
    )
    return json.dumps(document, ensure_ascii=False)
