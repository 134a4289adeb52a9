"""The answer as RDF: the lesion with its facts and conclusions, and PROV-O for how they came about.

Every derived triple is reified with ``sh:sourceRule``; ``prov:wasDerivedFrom`` leads to its premises and
``cito:`` to its evidence, so that SPARQL can ask for all of it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from rdflib import PROV, RDF, RDFS, SH, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from .answer import Answer
from .condition import Value
from .evaluation import Step
from .guideline import IRI, Assertion, Fact

CALX = Namespace(IRI)
RULE, EV, CASE = Namespace(IRI + "rule/"), Namespace(IRI + "ev/"), Namespace(IRI + "case/")
CITO = Namespace("http://purl.org/spar/cito/")
PREFIXES = {"calx": CALX, "rule": RULE, "ev": EV, "case": CASE, "sh": SH, "prov": PROV, "cito": CITO, "rdf": RDF, "rdfs": RDFS, "xsd": XSD}
SOURCE_RULE = URIRef(str(SH) + "sourceRule")
"""From SHACL 1.2; rdflib's closed list of SHACL terms does not know it."""
CITES = {"supports": CITO.citesAsEvidence, "disputes": CITO.disputes, "limits": CITO.qualifies}


def graph(answer: Answer) -> Graph:
    """The answer as a graph, about ``…/case/<case_id>``."""
    found = Graph(bind_namespaces="none")
    for prefix, namespace in PREFIXES.items():
        found.bind(prefix, namespace)
    guideline, lesion = answer.guideline, CASE[answer.case.id]
    found.add((lesion, RDF.type, CALX.Lesion))
    found.add((lesion, CALX.caseId, Literal(answer.case.id)))
    for name, value in answer.case.facts.items():
        fact = guideline.facts[name]
        found.add((lesion, CALX[fact.local], literal(fact, value)))
    decision = URIRef(f"{lesion}/decision")
    found.add((decision, RDF.type, PROV.Activity))
    found.add((decision, RDF.type, CALX.Decision))
    found.add((decision, PROV.used, lesion))
    found.add((decision, PROV.used, URIRef(f"{IRI}{guideline.version}")))
    found.add((decision, CALX.guidelineDigest, Literal(guideline.digest)))
    for language, notice in guideline.notice.items():
        found.add((decision, RDFS.comment, Literal(notice, lang=language)))
    _steps(found, answer, lesion, decision)
    _summary(found, answer, lesion, decision)
    return found


def literal(fact: Fact, value: Value) -> Literal:
    """The value of a fact as a typed literal; numbers are decimals, counts integers."""
    if isinstance(value, Decimal):
        return Literal(int(value)) if fact.kind == "integer" else Literal(format(value, "f"), datatype=XSD.decimal)
    return Literal(value)


def _triple(answer: Answer, step: Step) -> tuple[URIRef, Node]:
    conclusion = step[1].conclusion
    if isinstance(conclusion, Assertion):
        kind = answer.guideline.properties[conclusion.predicate].kind
        return CALX[conclusion.predicate], URIRef(f"{IRI}{kind}/{conclusion.term}")
    fact = answer.guideline.facts[conclusion.fact]
    return CALX[fact.local], literal(fact, answer.trace.values[conclusion.fact])


def _steps(found: Graph, answer: Answer, lesion: URIRef, decision: URIRef) -> None:
    nodes: dict[str, list[URIRef]] = {}
    facts: dict[str, URIRef] = {}
    for number, step in enumerate(answer.trace.steps, 1):
        rule, production, premises, rank = step
        node = URIRef(f"{lesion}/step/{number}")
        predicate, target = _triple(answer, step)
        parent = answer.guideline.properties[production.conclusion.predicate].parent if isinstance(production.conclusion, Assertion) else None
        found.add((lesion, predicate, target))
        if parent:
            found.add((lesion, CALX[parent], target))
        for triple in (
            (RDF.type, RDF.Statement),
            (RDF.type, PROV.Entity),
            (RDF.subject, lesion),
            (RDF.predicate, predicate),
            (RDF.object, target),
            (SOURCE_RULE, RULE[rule.id]),
            (CALX.level, Literal(answer.guideline.levels[rank])),
            (PROV.wasGeneratedBy, decision),
            *((RDFS.label, Literal(text, lang=language)) for language, text in rule.label.items()),
        ):
            found.add((node, *triple))
        for kind, of in premises:
            for source in nodes.get(of) or ([_fact(found, answer, lesion, of, facts)] if kind == "fact" else []):
                found.add((node, PROV.wasDerivedFrom, source))
            if kind == "not":
                found.add((node, CALX.inAbsenceOf, Literal(of)))
        for statement in answer.statements[rule.id]:
            found.add((node, CITES[statement.stance], EV[statement.id]))
        key = production.conclusion.key
        nodes.setdefault(key, []).append(node)


def _fact(found: Graph, answer: Answer, lesion: URIRef, name: str, facts: dict[str, URIRef]) -> URIRef:
    """The node of a fact that was read: given, or not known."""
    if name not in facts:
        node = facts[name] = URIRef(f"{lesion}/fact/{name}")
        fact, value = answer.guideline.facts[name], answer.case.facts.get(name)
        found.add((node, RDF.type, PROV.Entity))
        found.add((node, RDF.type, RDF.Statement if value is not None else CALX.UnknownFact))
        found.add((node, RDF.subject, lesion))
        found.add((node, RDF.predicate, CALX[fact.local]))
        if value is not None:
            found.add((node, RDF.object, literal(fact, value)))
    return facts[name]


def _summary(found: Graph, answer: Answer, lesion: URIRef, decision: URIRef) -> None:
    """What is not the conclusion of one step: settled or provisional, what is missing, what is unverified."""
    result = answer.json()
    found.add((lesion, CALX.strategySettled, Literal(bool(result["strategy"] and result["strategy"]["settled"]))))
    for point in result["calcium_score"]["unknown"]:
        found.add((lesion, CALX.unknownScorePoint, URIRef(f"{IRI}point/{point}")))
    for criterion, verdict in result["optimisation"]["criteria"].items():
        if verdict == "unknown":
            found.add((lesion, CALX.criterionUnknown, URIRef(f"{IRI}criterion/{criterion}")))
    for device in result["devices"]:
        for fact in device["unverified"]:
            node = URIRef(f"{lesion}/unverified/{device['id']}/{fact}")
            _describe(found, lesion, node, CALX.unverified, fact, answer, {CALX.ofDevice: [URIRef(f"{IRI}device/{device['id']}")]})
    for rank, missing in enumerate(result["missing"], 1):
        decides = [CALX.strategy if what == "strategy" else URIRef(f"{IRI}device/{what}") for what in missing["decides"]]
        node = URIRef(f"{lesion}/missing/{missing['fact']}")
        _describe(found, lesion, node, CALX.missing, missing["fact"], answer, {CALX.decides: decides, CALX["rank"]: [Literal(rank)]})
    for alert in result["possible_alerts"]:
        for fact in alert["because_of"]:
            node = URIRef(f"{lesion}/possible-alert/{alert['id']}/{fact}")
            _describe(found, lesion, node, CALX.possibleAlert, fact, answer, {CALX.alert: [URIRef(f"{IRI}alert/{alert['id']}")]})
    for studies, subject in (
        ((result["strategy"] or {}).get("disputed_by", []), lesion),
        *((d["disputed_by"], URIRef(f"{IRI}device/{d['id']}")) for d in result["devices"]),
    ):
        for study in studies:
            node = URIRef(f"{lesion}/dispute/{str(subject).rpartition('/')[2]}/{study}")
            found.add((lesion, CALX.dispute, node))
            found.add((node, CITO.isDisputedBy, EV[study]))
            if subject != lesion:
                found.add((node, CALX.ofDevice, subject))
    found.add((decision, PROV.generated, lesion))


def _describe(found: Graph, lesion: URIRef, node: URIRef, link: URIRef, fact: str, answer: Answer, more: dict[URIRef, list[Any]]) -> None:
    found.add((lesion, link, node))
    found.add((node, RDF.predicate, CALX[answer.guideline.facts[fact].local]))
    for predicate, values in more.items():
        for value in values:
            found.add((node, predicate, value))


def turtle(answer: Answer) -> str:
    """The answer as Turtle."""
    return graph(answer).serialize(format="turtle")


def jsonld(answer: Answer) -> str:
    """The answer as JSON-LD on one line, its context inside."""
    context = {prefix: str(namespace) for prefix, namespace in PREFIXES.items()}
    document = json.loads(graph(answer).serialize(format="json-ld", context=context, auto_compact=True))
    return json.dumps(document, ensure_ascii=False)
