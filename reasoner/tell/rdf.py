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
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.names import IRI
from calx.reasoner.model.rule import Assertion

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


CALX, RULE, EV = Namespace(IRI), Namespace(IRI + "rule/"), Namespace(IRI + "ev/")
CITO, PROV = Namespace("http://purl.org/spar/cito/"), Namespace("http://www.w3.org/ns/prov#")
RDF, RDFS = (
    Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    Namespace("http://www.w3.org/2000/01/rdf-schema#"),
)
SH, XSD = Namespace("http://www.w3.org/ns/shacl#"), Namespace("http://www.w3.org/2001/XMLSchema#")
CASE = IRI + "case/"
PREFIXES = {
    "calx": IRI,
    "rule": RULE.iri,
    "ev": EV.iri,
    "case": CASE,
    "sh": SH.iri,
    "prov": PROV.iri,
    "cito": CITO.iri,
    "rdf": RDF.iri,
    "rdfs": RDFS.iri,
}
PREFIXES["xsd"] = XSD.iri
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
    found.put(lesion, RDF.type, CALX.Lesion)
    found.put(lesion, CALX.caseId, Literal(answer.case.id))
    for name, value in answer.case.facts.items():
        fact = guideline.facts[name]
        found.put(lesion, CALX[fact.local], literal(fact, value))
    decision = NamedNode(f"{lesion.value}/decision")
    found.put(decision, RDF.type, PROV.Activity)
    found.put(decision, RDF.type, CALX.Decision)
    found.put(decision, PROV.used, lesion)
    found.put(decision, PROV.used, CALX[guideline.version])
    found.put(decision, CALX.guidelineDigest, Literal(guideline.digest))
    for language, notice in guideline.notice.items():
        found.put(decision, RDFS.comment, _in(language, notice))
    _steps(found, answer, lesion, decision)
    _summary(found, answer, lesion, decision)
    _measured(found, answer, lesion)
    return found


def graph(answer: Answer) -> rdflib.Graph:
    """The same as an rdflib graph."""
    from rdflib import Graph

    found = Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
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
    if isinstance(conclusion, Assertion):
        kind = answer.guideline.properties[conclusion.predicate].kind
        return CALX[conclusion.predicate], NamedNode(f"{IRI}{kind}/{conclusion.term}")
    fact = answer.guideline.facts[conclusion.fact]
    return CALX[fact.local], literal(fact, answer.trace.values[conclusion.fact])


def _steps(found: _Triples, answer: Answer, lesion: NamedNode, decision: NamedNode) -> None:
    nodes: dict[str, list[NamedNode]] = {}
    facts: dict[str, NamedNode] = {}
    for number, step in enumerate(answer.trace.steps, 1):
        rule, production, premises, rank = step
        node = NamedNode(f"{lesion.value}/step/{number}")
        predicate, target = _triple(answer, step)
        parent = (
            answer.guideline.properties[production.conclusion.predicate].parent
            if isinstance(production.conclusion, Assertion)
            else None
        )
        found.put(lesion, predicate, target)
        if parent:
            found.put(lesion, CALX[parent], target)
        for triple in (
            (RDF.type, RDF.Statement),
            (RDF.type, PROV.Entity),
            (RDF.subject, lesion),
            (RDF.predicate, predicate),
            (RDF.object, target),
            (SOURCE_RULE, RULE[rule.id]),
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
            found.put(node, CITES[statement.stance], EV[statement.id])
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
        found.put(node, RDF.predicate, CALX[fact.local])
        if value is not None:
            found.put(node, RDF.object, literal(fact, value))
    return facts[name]


def _summary(found: _Triples, answer: Answer, lesion: NamedNode, decision: NamedNode) -> None:
    """What is not the conclusion of one step: settled
    or provisional, what is missing, what is unverified.
    """
    result = answer.json()
    found.put(
        lesion,
        CALX.strategySettled,
        Literal(bool(result["strategy"] and result["strategy"]["settled"])),
    )
    for point in result["calcium_score"]["unknown"]:
        found.put(lesion, CALX.unknownScorePoint, NamedNode(f"{IRI}point/{point}"))
    for criterion, verdict in result["optimisation"]["criteria"].items():
        if verdict == "unknown":
            found.put(lesion, CALX.criterionUnknown, NamedNode(f"{IRI}criterion/{criterion}"))
    for device in result["devices"]:
        for fact in device["unverified"]:
            node = NamedNode(f"{lesion.value}/unverified/{device['id']}/{fact}")
            _describe(
                found,
                lesion,
                node,
                CALX.unverified,
                fact,
                answer,
                {CALX.ofDevice: [NamedNode(f"{IRI}device/{device['id']}")]},
            )
    for rank, missing in enumerate(result["missing"], 1):
        decides = [
            CALX.strategy if what == "strategy" else NamedNode(f"{IRI}device/{what}")
            for what in missing["decides"]
        ]
        node = NamedNode(f"{lesion.value}/missing/{missing['fact']}")
        _describe(
            found,
            lesion,
            node,
            CALX.missing,
            missing["fact"],
            answer,
            {CALX.decides: decides, CALX["rank"]: [Literal(rank)]},
        )
    for alert in result["possible_alerts"]:
        for fact in alert["because_of"]:
            node = NamedNode(f"{lesion.value}/possible-alert/{alert['id']}/{fact}")
            _describe(
                found,
                lesion,
                node,
                CALX.possibleAlert,
                fact,
                answer,
                {CALX.alert: [NamedNode(f"{IRI}alert/{alert['id']}")]},
            )
    for studies, subject in (
        ((result["strategy"] or {}).get("disputed_by", []), lesion),
        *((d["disputed_by"], NamedNode(f"{IRI}device/{d['id']}")) for d in result["devices"]),
    ):
        for study in studies:
            node = NamedNode(f"{lesion.value}/dispute/{subject.value.rpartition('/')[2]}/{study}")
            found.put(lesion, CALX.dispute, node)
            found.put(node, CITO.isDisputedBy, EV[study])
            if subject != lesion:
                found.put(node, CALX.ofDevice, subject)
    found.put(decision, PROV.generated, lesion)


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
        found.put(node, RDF.predicate, CALX[fact.local])
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


def _exact(value: Any) -> Value:
    return (
        Decimal(str(value))
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
    )


def _describe(
    found: _Triples,
    lesion: NamedNode,
    node: NamedNode,
    link: NamedNode,
    fact: str,
    answer: Answer,
    more: dict[NamedNode, list[Any]],
) -> None:
    found.put(lesion, link, node)
    found.put(node, RDF.predicate, CALX[answer.guideline.facts[fact].local])
    for predicate, values in more.items():
        for value in values:
            found.put(node, predicate, value)


def turtle(answer: Answer) -> str:
    """The answer as Turtle."""
    return graph(answer).serialize(format="turtle")


def jsonld(answer: Answer) -> str:
    """The answer as JSON-LD on one line, its context inside."""
    document = json.loads(
        graph(answer).serialize(format="json-ld", context=PREFIXES, auto_compact=True)
    )
    return json.dumps(document, ensure_ascii=False)
