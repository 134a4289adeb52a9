"""CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/): discovery, one service, feedback."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from calx import strict_json
from calx.api.contract.problems import ServiceError, of_case
from calx.api.exchange.cards import cards
from calx.api.exchange.fhir_facts import FhirFacts
from calx.api.server.openapi import problems_of
from calx.api.server.request import language_of, service_of
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.case import CASE_ID

router = APIRouter(prefix="/cds-services", tags=["CDS Hooks"])
ID, HOOK = "calx-lesion", "patient-view"
EXTENSION = "org.w3id.calx"
"""Key of the request's extension that carries facts: ``{"case_id": …, "facts": {…}}``."""
SERVICE = {
    "id": ID,
    "hook": HOOK,
    "title": "Calcified coronary lesion",
    "description": (
        "Strategy, devices and warnings for PCI of a calcified coronary lesion, from "
        "IVUS facts. Decision support, never an order."
    ),
    "usageRequirements": (
        "Observations with codes of Calx's mapping table, or facts under the "
        f"extension {EXTENSION}."
    ),
    "prefetch": {
        "observations": (
            "Observation?patient={{context.patientId}}"
            "&category=imaging,procedure&_sort=-date&_count=200"
        )
    },
}
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["hook", "hookInstance", "context"]}
        }
    },
}


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


@router.get("", summary="Which services there are")
async def discovery(request: Request) -> Response:
    """CDS Hooks discovery."""
    return _json({"services": [SERVICE]})


@router.post(
    "/{service_id}",
    summary="Ask for cards",
    openapi_extra={"requestBody": BODY},
    responses=problems_of(400, 404, 412, 415, 422, 429),
)
async def call(request: Request, service_id: str) -> Response:
    """Cards for the lesion that the request tells of; 412 where it tells of none."""
    _exists(service_id)
    service, language = service_of(request), language_of(request)
    content = await _object(request)
    problems = [*_faults(content)]
    if problems:
        raise ServiceError("unreadable", "the request is not a call of this hook", problems)
    reading = FhirFacts(service.reasoner.guideline, service.codes)
    case_id = await asyncio.to_thread(_facts, content, reading)
    patient = str(content["context"]["patientId"])
    reference = patient if "/" in patient else f"Patient/{patient}"
    if reading.subject and not _same(reading.subject, reference):
        reading.problems.append(
            Problem(
                f"the observations are of {reading.subject}, the context of {reference}",
                place="prefetch",
            )
        )
    if not reading.facts and not reading.problems:
        raise ServiceError(
            "facts-missing",
            f"no fact of a lesion: send prefetch.observations, or the extension {EXTENSION}",
            [Problem(note) for note in reading.notes],
        )
    try:
        answer = service.reasoner.recommend({"case_id": case_id, **reading.facts}, language)
    except CaseError as error:
        raise of_case(CaseError(reading.problems + error.problems, error.case_id)) from None
    if reading.problems:
        raise of_case(CaseError(reading.problems, answer.case.id))
    service.note(
        request,
        "answered",
        case=answer.case.id,
        through="cds-hooks",
        call=str(uuid.UUID(content["hookInstance"])),
    )
    return _json(
        {"cards": cards(answer, str(request.base_url), reference, reading.notes, language)}
    )


def _same(one: str, other: str) -> bool:
    """Whether two references name the same patient; one may be an absolute address."""
    return one == other or one.endswith(f"/{other}")


def _facts(content: dict[str, Any], reading: FhirFacts) -> str:
    """Read the facts of a call; the id of the case."""
    prefetch = content.get("prefetch")
    for key, resource in (prefetch or {}).items():
        reading.resource(resource, f"prefetch.{key}")
    own = (content.get("extension") or {}).get(EXTENSION) or {}
    if not isinstance(own, dict):
        reading.problems.append(
            Problem("is not an object with 'facts'", place=f"extension.{EXTENSION}")
        )
        return "cds"
    reading.plain(own.get("facts") or {}, f"extension.{EXTENSION}")
    name = str(own.get("case_id") or uuid.UUID(content["hookInstance"]))
    return name if CASE_ID.fullmatch(name) else "cds"


def _faults(content: dict[str, Any]) -> list[Problem]:
    """What CDS Hooks asks of a call and this one lacks."""
    found = []
    if content.get("hook") != HOOK:
        found.append(Problem(f"must be '{HOOK}'", place="hook"))
    try:
        uuid.UUID(str(content.get("hookInstance"))[:64])
    except ValueError:
        found.append(Problem("must be a UUID", place="hookInstance"))
    context = content.get("context")
    if not isinstance(context, dict):
        found.append(Problem("must be an object with userId and patientId", place="context"))
    else:
        found += [
            Problem("is required by the hook", place=f"context.{key}")
            for key in ("userId", "patientId")
            if not isinstance(context.get(key), str)
        ]
    found += [
        Problem("must be an object", place=key)
        for key in ("prefetch", "extension")
        if not isinstance(content.get(key) or {}, dict)
    ]
    return found


@router.post(
    "/{service_id}/feedback",
    summary="What became of the cards",
    openapi_extra={"requestBody": BODY},
    responses=problems_of(400, 401, 403, 404, 415, 429),
)
async def feedback(request: Request, service_id: str) -> Response:
    """Kept in the audit log: which card, whether it
    was accepted, and the reason for overriding it.
    """
    _exists(service_id)
    content = await _object(request)
    items = content.get("feedback")
    if not isinstance(items, list) or not all(
        isinstance(item, dict)
        and item.get("outcome") in ("accepted", "overridden")
        and isinstance(item.get("card"), str)
        for item in items
    ):
        raise ServiceError(
            "unreadable",
            "each item of 'feedback' needs a card and an outcome, accepted or overridden",
        )
    for item in items[:100]:
        reason = item.get("overrideReason") if isinstance(item.get("overrideReason"), dict) else {}
        chosen = (reason or {}).get("reason") or {}
        code = str(chosen.get("code", ""))[:64] if isinstance(chosen, dict) else ""
        service_of(request).note(
            request, "feedback", card=item["card"][:64], outcome=item["outcome"], reason=code
        )
    return Response(status_code=200)


def _exists(service_id: str) -> None:
    if service_id != ID:
        raise ServiceError(
            "not-found", f"no service '{service_id[:64]}'; GET /cds-services lists them"
        )


async def _object(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ServiceError("wrong-form", "send application/json")
    try:
        content = strict_json.loads(await request.body())
    except ValueError as error:
        raise ServiceError("unreadable", f"not readable as JSON: {error}") from None
    if not isinstance(content, dict):
        raise ServiceError("unreadable", "send a JSON object")
    return content
