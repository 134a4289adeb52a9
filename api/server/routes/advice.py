"""Answers that are not stored: post a case, get the advice, or its proof alone."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from calx.api.contract.negotiation import JSON, JSON_LD, SVG, TURTLE
from calx.api.contract.problems import ServiceError, of_case
from calx.api.pages.proof_picture import draw_proof
from calx.api.server.openapi import ANSWER_EXAMPLE, CASE_BODY, problems_of
from calx.api.server.request import form_of, language_of, service_of
from calx.api.server.state import Service
from calx.reasoner.batch import admit, outcomes
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.intake.files import MEDIA_TYPES, Submission, submissions
from calx.reasoner.model.case import Case
from calx.reasoner.tell.forms import BY_MEDIA_TYPE, Detail

router = APIRouter(tags=["advice"])
RDF_BYTES = 64 * 1024
ONE_AT_A_TIME = asyncio.Semaphore(1)
MOST_AT_ONCE = 1000
"""Cases of one request; `calx recommend` takes any number."""
VARY = {"Vary": "Accept, Accept-Language"}


async def read_cases(request: Request, service: Service) -> list[Submission]:
    """The cases in the body of a request, as they were handed in.

    Raises:
        ServiceError: the body is in a form that is not read, or in no form at all.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    suffix = MEDIA_TYPES.get(kind) if kind else ".json"
    if suffix is None:
        raise ServiceError(
            "wrong-form",
            f"{kind[:100]} is not read; send {', '.join(sorted(MEDIA_TYPES))}",
            headers={"Accept-Post": ", ".join(MEDIA_TYPES)},
        )
    body = await request.body()
    if kind not in ("", JSON) and len(body) > RDF_BYTES:
        raise ServiceError(
            "too-large",
            f"{len(body)} bytes of RDF; a case as Turtle or JSON-LD has at most {RDF_BYTES}",
        )
    guideline = service.reasoner.guideline

    def read() -> list[Submission]:
        return list(submissions(io.BytesIO(body), suffix, guideline))

    if suffix == ".json":
        found = read()
    else:
        # rdflib's parsers are slow, and threads are shared with the store
        async with ONE_AT_A_TIME:
            found = await asyncio.to_thread(read)
    if len(found) > MOST_AT_ONCE:
        raise ServiceError("too-large", f"{len(found)} cases; at most {MOST_AT_ONCE} at once")
    if len(found) == 1 and not found[0].readable:
        raise ServiceError(
            "unreadable",
            "no case could be read; each problem says where and why",
            found[0].problems,
        )
    return found


async def one(request: Request, service: Service) -> Answer:
    """The answer to the one case of a request.

    Raises:
        ServiceError: there is not one case, or it cannot be answered; all its problems are listed.
    """
    cases = await read_cases(request, service)
    if len(cases) != 1:
        raise ServiceError(
            "unreadable",
            f"{len(cases)} cases; send one",
            [Problem("send one case as a JSON object")],
        )
    return answer_case(service, cases[0], language_of(request))


def answer_case(service: Service, case: Submission, language: str) -> Answer:
    """The answer to one case."""
    return service.reasoner.answer(_admitted(service, case, language), language)


def _admitted(service: Service, case: Submission, language: str) -> Case:
    try:
        return admit(service.reasoner, case, language, {}, "")
    except CaseError as error:
        raise of_case(error) from None


@router.post(
    "/recommend",
    summary="Answer a case",
    openapi_extra={"requestBody": CASE_BODY},
    responses={200: ANSWER_EXAMPLE, **problems_of(400, 406, 408, 413, 415, 422, 429)},
)
async def recommend(request: Request) -> Response:
    """Strategy, devices, alerts, sizes, what is missing,
    and the proof of all of it. Nothing is stored.

    A list of cases gets a list of answers, in which a bad case has its `error`.
    """
    service = service_of(request)
    form, language = form_of(request, *BY_MEDIA_TYPE), language_of(request)
    cases = await read_cases(request, service)
    listed = (await request.body()).lstrip()[:1] == b"[" and "ld+json" not in request.headers.get(
        "content-type", ""
    )
    if len(cases) == 1 and not listed:
        case = _admitted(service, cases[0], language)
        content = (
            service.recommend(case, language)
            if form == JSON
            else await asyncio.to_thread(
                write_answer, service.reasoner.answer(case, language), form, language
            )
        )
        service.note(request, "answered", case=case.id)
        return Response(content, headers=VARY, media_type=form)
    if form != JSON:
        raise ServiceError("not-acceptable", "several cases come as application/json only")
    found = await asyncio.to_thread(_many, service, cases, language)
    service.note(request, "answered", cases=len(cases))
    return Response(found, headers=VARY, media_type=JSON)


def _many(service: Service, cases: list[Submission], language: str) -> bytes:
    parts = [
        o.answer.json_bytes(language)
        if o.answer
        else orjson.dumps(o.error.json() if o.error else {})
        for o in outcomes(service.reasoner, cases, language)
    ]
    return b"[" + b",".join(parts) + b"]"


def write_answer(answer: Answer, form: str, language: str) -> bytes:
    """An answer in one of its forms, by media type."""
    return BY_MEDIA_TYPE[form].write(answer, language, Detail(explain=True, more=True))


@router.post(
    "/proof",
    summary="The proof of an answer",
    openapi_extra={"requestBody": CASE_BODY},
    responses=problems_of(400, 406, 408, 413, 415, 422, 429),
)
async def proof(request: Request) -> Response:
    """The steps by which the answer to a case comes
    about, as JSON, Turtle, JSON-LD or a picture (SVG).
    """
    service = service_of(request)
    form, language = form_of(request, JSON, JSON_LD, TURTLE, SVG), language_of(request)
    answer = await one(request, service)
    service.note(request, "answered", case=answer.case.id)
    if form in (TURTLE, JSON_LD):
        return Response(write_answer(answer, form, language), headers=VARY, media_type=form)
    return Response(
        of_steps(answer.json(language), form, service, language), headers=VARY, media_type=form
    )


def of_steps(result: dict[str, Any], form: str, service: Service, language: str) -> bytes | str:
    """The proof in an answer, as JSON or as a picture."""
    if form == SVG:
        return draw_proof(result, service.reasoner.guideline, language)
    keys = ("case_id", "guideline", "notice", "steps")
    return orjson.dumps({key: result[key] for key in keys})
