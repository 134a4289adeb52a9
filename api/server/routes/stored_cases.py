"""Stored answers: post a case to keep it, list, read, replay, delete."""

from __future__ import annotations

from typing import Any

import orjson
import pyoxigraph as ox
from fastapi import APIRouter, Query, Request, Response

from calx.api.contract.models import Replayed, StoredAnswer, StoredAnswers
from calx.api.contract.negotiation import HTML, JSON, JSON_LD, SVG, TURTLE
from calx.api.contract.problems import ServiceError
from calx.api.server.openapi import CASE_BODY, problems_of
from calx.api.server.request import absent, form_of, language_of, record_of, service_of
from calx.api.server.respond import page
from calx.api.server.routes.advice import VARY, of_steps, one
from calx.api.server.routes.pages import stored
from calx.api.sparql.gate import serialise
from calx.api.store.cases import CaseDiffersError, replay
from calx.reasoner.model.names import Names
from calx.reasoner.tell.rdf import prefixes

router = APIRouter(prefix="/cases", tags=["stored cases"])
PAGE = 100


@router.post(
    "",
    summary="Answer a case and store it",
    status_code=201,
    openapi_extra={"requestBody": CASE_BODY},
    responses={
        200: {"description": "It was stored before, the same", "model": StoredAnswer},
        201: {"description": "Stored, on disk", "model": StoredAnswer},
        **problems_of(400, 401, 403, 406, 408, 409, 413, 415, 422, 429, 503),
    },
)
async def keep(request: Request) -> Response:
    """The answer is on disk when this returns. A stored answer never changes; another moment of the
    lesion gets an id of its own.
    """
    service, language = service_of(request), language_of(request)
    form_of(request, JSON)
    answer = await one(request, service)
    try:
        kept, new = await service.cases.keep(answer)
    except CaseDiffersError:
        raise ServiceError(
            "conflict",
            (
                f"'{answer.case.id}' is stored with other facts or under another guideline or "
                "engine; give this moment an id of its own, or delete the other"
            ),
            case_id=answer.case.id,
        ) from None
    service.note(request, "stored" if new else "answered", case=kept.case_id)
    return Response(
        kept.json(language),
        201 if new else 200,
        {"Location": f"/cases/{kept.case_id}", **VARY},
        JSON,
    )


@router.get(
    "",
    summary="List the stored answers",
    responses={200: {"model": StoredAnswers}, **problems_of(401, 406, 429, 503)},
)
async def listed(
    request: Request,
    limit: int = Query(PAGE, ge=1, le=1000),
    offset: int = Query(0, ge=0, le=10**9),
) -> Response:
    """The newest first, a page at a time. Also as a page for people."""
    service, form, language = (
        service_of(request),
        form_of(request, JSON, HTML),
        language_of(request),
    )
    found = await service.cases.listed(service.reasoner.guideline, limit + 1, offset)
    service.note(request, "listed")
    lead = service.reasoner.guideline.lead
    following = f"/cases?limit={limit}&offset={offset + limit}" if len(found) > limit else None
    content: dict[str, Any] = {
        "cases": [summary.json(lead.key if lead else None) for summary in found[:limit]],
        "next": following,
    }
    if form == HTML:
        return page(request, "cases.html", language, **content)
    return Response(orjson.dumps(content), headers=VARY, media_type=JSON)


@router.get(
    "/{case_id}",
    summary="A stored answer",
    responses={200: {"model": StoredAnswer}, **problems_of(401, 404, 406, 429, 503)},
)
async def read(request: Request, case_id: str) -> Response:
    """What was handed in, what was answered, by which guideline and engine, when. Also as Turtle,
    JSON-LD, and a page to print.
    """
    service, language = service_of(request), language_of(request)
    form = form_of(request, JSON, HTML, TURTLE, JSON_LD)
    kept = await record_of(request, case_id)
    if form in (TURTLE, JSON_LD):
        return Response(
            _written(await service.cases.triples(case_id), form, service.reasoner.guideline.names),
            headers=VARY,
            media_type=form,
        )
    if form == HTML:
        return page(request, "case.html", language, **stored(service, kept, language))
    return Response(kept.json(language), headers=VARY, media_type=JSON)


@router.get(
    "/{case_id}/answer",
    summary="A stored answer alone, as it was given",
    responses=problems_of(401, 404, 406, 429, 503),
)
async def answer(request: Request, case_id: str) -> Response:
    """The answer of the public contract, word for word."""
    form_of(request, JSON)
    return Response(
        (await record_of(request, case_id)).answers[language_of(request)],
        headers=VARY,
        media_type=JSON,
    )


@router.get(
    "/{case_id}/proof",
    summary="The proof of a stored answer",
    responses=problems_of(401, 404, 406, 429, 503),
)
async def proof(request: Request, case_id: str) -> Response:
    """As JSON, Turtle, JSON-LD or a picture (SVG)."""
    service, language = service_of(request), language_of(request)
    form = form_of(request, JSON, JSON_LD, TURTLE, SVG)
    kept = await record_of(request, case_id)
    if form in (TURTLE, JSON_LD):
        return Response(
            _written(await service.cases.triples(case_id), form, service.reasoner.guideline.names),
            headers=VARY,
            media_type=form,
        )
    return Response(
        of_steps(kept.answer(language), form, service, language), headers=VARY, media_type=form
    )


@router.get(
    "/{case_id}/replay",
    summary="Would today's guideline still answer so?",
    responses={200: {"model": Replayed}, **problems_of(401, 404, 406, 429, 503)},
)
async def again(request: Request, case_id: str) -> Response:
    """Answers the stored facts anew and says what differs."""
    form_of(request, JSON)
    service = service_of(request)
    kept = await record_of(request, case_id)
    return Response(
        orjson.dumps(replay(kept, service.reasoner).json()), headers=VARY, media_type=JSON
    )


@router.delete(
    "/{case_id}",
    summary="Delete a stored answer for good",
    status_code=204,
    responses=problems_of(401, 403, 404, 429, 503),
)
async def delete(request: Request, case_id: str) -> Response:
    """The audit log keeps that it was there, and that it was deleted."""
    service = service_of(request)
    if not await service.cases.delete(case_id):
        raise absent(case_id)
    service.note(request, "deleted", case=case_id)
    return Response(status_code=204)


def _written(triples: list[ox.Triple], form: str, names: Names) -> bytes:
    if form == TURTLE:
        return ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=prefixes(names)) or b""
    return serialise(triples, form)[1]
