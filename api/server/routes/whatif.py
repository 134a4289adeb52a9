"""How sure an answer is, and what would change it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request, Response

from calx.api.contract.negotiation import JSON
from calx.api.contract.problems import ServiceError
from calx.api.server.asked import goal_of, needs_solver
from calx.api.server.openapi import CASE_BODY, problems_of
from calx.api.server.request import form_of, language_of, record_of, service_of
from calx.api.server.routes.advice import VARY, answer_case, read_cases
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import Problem

if TYPE_CHECKING:
    from calx.reasoner.whatif.asking import WhatIf
    from calx.reasoner.whatif.goals import Goal

router = APIRouter()
TO = {
    "name": "to",
    "in": "query",
    "schema": {"type": "string"},
    "description": (
        "what would lead to another outcome: strategy=ID, first=DEVICE, device:ID=STATUS, "
        "alert:ID=none|warning|critical"
    ),
}
MOST_CASES = 2
"""One, and one to compare it with."""


@router.post(
    "/whatif",
    tags=["advice"],
    summary="How sure is an answer",
    openapi_extra={
        "requestBody": CASE_BODY,
        "parameters": [TO],
    },
    responses=problems_of(400, 406, 408, 413, 415, 422, 429, 501),
)
async def whatif(request: Request) -> Response:
    """How far each measurement is from changing the answer, which unknown fact matters most, why
    something else is not first. Nothing is stored.

    A list of two cases compares the first with the second.
    """
    service = service_of(request)
    form_of(request, JSON)
    language = language_of(request)
    needs_solver()
    cases = await read_cases(request, service)
    if not 1 <= len(cases) <= MOST_CASES:
        raise ServiceError(
            "unreadable",
            f"{len(cases)} cases; send one, or two to compare",
            [Problem("send one case as a JSON object, or a list of two to compare")],
        )
    goal = goal_of(service.reasoner.guideline, request.query_params.get("to"), language)
    answers = [answer_case(service, case, language) for case in cases]
    found = await asyncio.to_thread(_asked, service.what_if, answers, goal)
    service.note(request, "asked what if", case=answers[0].case.id)
    return Response(found, headers=VARY, media_type=JSON)


@router.get(
    "/cases/{case_id}/whatif",
    summary="How sure is a stored answer",
    openapi_extra={"parameters": [TO]},
    responses=problems_of(400, 401, 404, 406, 409, 429, 501, 503),
    tags=["stored cases"],
)
async def of_stored(request: Request, case_id: str) -> Response:
    """The same of an answer that was stored under the guideline of today."""
    service = service_of(request)
    form_of(request, JSON)
    needs_solver()
    kept = await record_of(request, case_id)
    if kept.guideline_digest != service.reasoner.guideline.digest:
        raise ServiceError(
            "conflict",
            f"'{case_id}' was stored under another guideline; post its facts to /whatif to ask "
            "the guideline of today",
            case_id=case_id,
        )
    answer = service.reasoner.recommend(kept.submitted, language_of(request))
    goal = goal_of(answer.guideline, request.query_params.get("to"), language_of(request))
    found = await asyncio.to_thread(_asked, service.what_if, [answer], goal)
    return Response(found, headers=VARY, media_type=JSON)


def _asked(what_if: WhatIf, answers: list[Answer], goal: Goal | None) -> bytes:
    from calx.reasoner.whatif.result import as_result

    other = answers[1] if len(answers) > 1 else None
    return orjson.dumps(as_result(what_if.ask(answers[0], goal, other)))
