"""What the guideline holds: itself, its facts and terms, each rule in words with its evidence, each
study with what rests on it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pyoxigraph as ox
from fastapi import APIRouter, Request, Response

from calx.api.contract.negotiation import HTML, JSON, JSON_LD, TURTLE
from calx.api.contract.problems import ServiceError
from calx.api.pages.book import affected_by, chapters
from calx.api.server.openapi import problems_of
from calx.api.server.request import form_of, language_of, service_of
from calx.api.server.respond import page
from calx.api.server.routes.advice import VARY
from calx.api.sparql.gate import serialise
from calx.reasoner.model.guideline import Fact, Guideline, Statement, Study
from calx.reasoner.model.rule import Rule
from calx.reasoner.model.values import as_json
from calx.reasoner.tell.prose import Prose
from calx.reasoner.tell.rdf import prefixes

router = APIRouter(tags=["knowledge"])
FORMS = (JSON, HTML, TURTLE, JSON_LD)


@router.get("/guideline", summary="The guideline", responses=problems_of(406, 429))
async def guideline(request: Request) -> Response:
    """Version, digest, counts, levels of evidence, terms."""
    found = service_of(request).reasoner.guideline
    told = chapters(found, language_of(request))
    return _shown(request, described(found), "guideline.html", "content", found.iri, chapters=told)


@router.get("/facts", summary="The facts that a case may hold", responses=problems_of(406, 429))
async def facts(request: Request) -> Response:
    """Each with type, unit, bounds or values, group, label, definition and source."""
    form_of(request, JSON)
    found = service_of(request).reasoner.guideline
    return _json(
        {
            "facts": [_fact(fact, found) for fact in found.facts.values() if fact.given],
            "groups": found.groups,
        }
    )


@router.get("/terms", summary="What can be concluded", responses=problems_of(406, 429))
async def terms(request: Request) -> Response:
    """Everything that rules can conclude, by kind."""
    form_of(request, JSON)
    return _json(described(service_of(request).reasoner.guideline)["terms"])


@router.get("/rules", summary="All rules, in words", responses=problems_of(406, 429))
async def rules(request: Request) -> Response:
    """In the order in which they run; for people by chapter."""
    found = service_of(request).reasoner.guideline
    if form_of(request, *FORMS) == HTML:
        return await _chapter(request)
    return _shown(
        request, [rule_in_words(rule, found) for rule in found.rules], "rules.html", "rules"
    )


@router.get(
    "/rules/{rule_id}",
    summary="A rule in words, with its evidence",
    responses=problems_of(404, 406, 429),
)
async def rule(request: Request, rule_id: str) -> Response:
    """What it reads and concludes, why, on which statements, and who disputes it."""
    found = service_of(request).reasoner.guideline
    if rule_id not in found.rule:
        raise ServiceError("not-found", f"no rule '{rule_id[:64]}'; GET /rules lists them")
    return _shown(
        request,
        rule_in_words(found.rule[rule_id], found),
        "rule.html",
        "rule",
        found.names(f"rule/{rule_id}"),
    )


@router.get("/studies", summary="All studies", responses=problems_of(406, 429))
async def studies(request: Request) -> Response:
    """Each with its level and the rules that rest on it."""
    found = service_of(request).reasoner.guideline
    return _shown(
        request,
        [study_in_words(study, found) for study in found.studies.values()],
        "studies.html",
        "studies",
    )


@router.get(
    "/studies/{study_id}",
    summary="A study, what it states, and the rules that rest on it",
    responses=problems_of(404, 406, 429),
)
async def study(request: Request, study_id: str) -> Response:
    """Among them the rules that would not fire if it were withdrawn."""
    found = service_of(request).reasoner.guideline
    if study_id not in found.studies:
        raise ServiceError("not-found", f"no study '{study_id[:64]}'; GET /studies lists them")
    return _shown(
        request,
        study_in_words(found.studies[study_id], found),
        "study.html",
        "study",
        found.names(f"ev/{study_id}"),
    )


# --- forms -------------------------------------------------------------------------


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), headers=VARY, media_type=JSON)


async def _chapter(request: Request) -> Response:
    """A chapter of the guideline, to be read like a book."""
    service, language = service_of(request), language_of(request)
    reasoner = service.reasoner
    told = chapters(reasoner.guideline, language)
    asked = request.query_params.get("chapter", told[0].name if told else "")
    at = next((n for n, chapter in enumerate(told) if chapter.name == asked), None)
    if at is None and told:
        names = ", ".join(chapter.name for chapter in told)
        raise ServiceError("not-found", f"no chapter '{asked[:64]}'; there are {names}")
    affected = affected_by(reasoner, service.examples)
    size, share = await asyncio.to_thread(lambda: affected.share)
    return page(
        request,
        "rules.html",
        language,
        chapters=told,
        at=at,
        rules=[rule_in_words(rule, reasoner.guideline) for rule in told[at].rules]
        if at is not None
        else [],
        affected=affected.examples,
        sample=size,
        share=share,
    )


def _shown(
    request: Request,
    content: Any,
    template: str,
    name: str,
    iri: str | None = None,
    **more: Any,
) -> Response:
    """One resource in the form that the client wants; as
    RDF the triples about `iri`, or about each listed thing.
    """
    form = form_of(request, *FORMS)
    if form == JSON:
        return _json({name: content} if isinstance(content, list) else content)
    if form == HTML:
        return page(request, template, language_of(request), **{name: content}, **more)
    subjects = [iri] if iri else [item["iri"] for item in content]
    triples = [
        triple
        for subject in subjects
        for triple in about(service_of(request).knowledge, ox.NamedNode(subject))
    ]
    names = service_of(request).reasoner.guideline.names
    body = (
        ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=prefixes(names))
        if form == TURTLE
        else serialise(triples, form)[1]
    )
    return Response(body, headers=VARY, media_type=form)


def about(knowledge: ox.Store, subject: ox.NamedNode | ox.BlankNode) -> list[ox.Triple]:
    """What is said of a subject, and of the blank nodes that this leads to."""
    found, open_nodes, seen = list[ox.Triple](), [subject], {subject}
    while open_nodes:
        for quad in knowledge.quads_for_pattern(open_nodes.pop(), None, None, None):
            found.append(quad.triple)
            if isinstance(quad.object, ox.BlankNode) and quad.object not in seen:
                seen.add(quad.object)
                open_nodes.append(quad.object)
    return found


# --- in words ----------------------------------------------------------------------


def described(guideline: Guideline) -> dict[str, Any]:
    """The guideline at a glance."""
    kinds = dict.fromkeys(term.kind for term in guideline.terms.values())
    return {
        "iri": guideline.iri,
        "version": guideline.version,
        "digest": guideline.digest,
        "title": guideline.title,
        "notice": guideline.notice,
        "rules": len(guideline.rules),
        "statements": len(guideline.statements),
        "studies": len(guideline.studies),
        "suspended": [
            {"rule": item.rule, "withdrawn": list(item.studies)} for item in guideline.suspended
        ],
        "levels": guideline.level_definitions,
        "terms": {
            kind: [
                {
                    "id": t.id,
                    "iri": guideline.names(f"{kind}/{t.local}"),
                    "label": t.label,
                    "definition": t.definition,
                }
                for t in guideline.of_kind(kind)
            ]
            for kind in kinds
        },
    }


def _fact(fact: Fact, guideline: Guideline) -> dict[str, Any]:
    return {
        "name": fact.name,
        "iri": guideline.names(fact.local),
        "type": fact.kind,
        "unit": fact.unit,
        "minimum": as_json(fact.minimum),
        "exclusive_minimum": fact.exclusive_minimum,
        "maximum": as_json(fact.maximum),
        "values": list(fact.values),
        "group": fact.group,
        "label": fact.label,
        "definition": fact.definition,
        "source": fact.source,
    }


def rule_in_words(rule: Rule, guideline: Guideline) -> dict[str, Any]:
    """One rule with its evidence."""
    evidence = [
        _stated(guideline.statements[name], guideline)
        for name in rule.evidence
        if name in guideline.statements
    ]
    reads = dict.fromkeys(
        fact for production in rule.productions for fact in guideline.given_facts(production.reads)
    )
    return {
        "id": rule.id,
        "iri": guideline.names(f"rule/{rule.id}"),
        "layer": rule.layer,
        "file": rule.file,
        "label": rule.label,
        "rationale": rule.rationale,
        "words": {language: Prose(guideline, language).rule(rule) for language in rule.label},
        "reads": list(reads),
        "level": rule.level,
        "evidence": evidence,
        "disputed_by": sorted({item["study"] for item in evidence if item["stance"] == "disputes"}),
        "limits": sorted(item["id"] for item in evidence if item["stance"] == "limits"),
    }


def _stated(statement: Statement, guideline: Guideline) -> dict[str, Any]:
    return {
        "id": statement.id,
        "iri": guideline.names(f"ev/{statement.id}"),
        "study": statement.study,
        "citation": guideline.studies[statement.study].citation,
        "statement": statement.text,
        "stance": statement.stance,
        "level": statement.level,
        "locator": statement.locator,
        "verified": statement.verified,
        "population": statement.population,
        "numbers": [
            {
                "quantity": n.quantity,
                "comparator": n.comparator,
                "value": as_json(n.value),
                "unit": n.unit,
            }
            for n in statement.numbers
        ],
    }


def study_in_words(study: Study, guideline: Guideline) -> dict[str, Any]:
    """One study with its statements and the rules that rest on it."""
    own = [statement for statement in guideline.statements.values() if statement.study == study.id]
    by_statement = {
        s.id: [rule.id for rule in guideline.rules if s.id in rule.evidence] for s in own
    }
    resting = dict.fromkeys(
        rule for s in own if s.stance == "supports" for rule in by_statement[s.id]
    )
    return {
        "id": study.id,
        "iri": guideline.names(f"ev/{study.id}"),
        "type": study.type,
        "level": study.level,
        "label": study.label,
        "citation": study.citation,
        "identifiers": list(study.identifiers),
        "participants": study.participants,
        "withdrawn": study.withdrawn,
        "statements": [{**_stated(s, guideline), "rules": by_statement[s.id]} for s in own],
        "rules": list(resting),
        "only_support_of": [
            rule for rule in resting if _only_support(guideline.rule[rule], study.id, guideline)
        ],
    }


def _only_support(rule: Rule, study: str, guideline: Guideline) -> bool:
    statements = (
        guideline.statements[name] for name in rule.evidence if name in guideline.statements
    )
    return {
        s.study
        for s in statements
        if s.stance == "supports" and not guideline.studies[s.study].withdrawn
    } == {study}
