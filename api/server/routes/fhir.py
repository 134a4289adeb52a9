"""FHIR R4: an operation that answers with a GuidanceResponse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

import calx
from calx import strict_json
from calx.api.contract.negotiation import JSON, choose
from calx.api.exchange.fhir_answer import guidance, outcome
from calx.api.exchange.fhir_facts import FhirFacts
from calx.api.exchange.lesions import Lesion
from calx.api.server.request import language_of, service_of
from calx.reasoner.intake.errors import CaseError, ContradictionError
from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.names import IRI

router = APIRouter(prefix="/fhir", tags=["FHIR"])
MEDIA = "application/fhir+json"
READ = {"application/fhir+json", "application/json", ""}
TYPES = {"boolean": "boolean", "text": "string", "integer": "integer", "number": "decimal"}
BODY = {"required": True, "content": {MEDIA: {"schema": {"type": "object"}}}}


def _fhir(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type=MEDIA)


@router.post(
    "/$recommend", summary="Answer a case told in FHIR", openapi_extra={"requestBody": BODY}
)
async def recommend(request: Request) -> Response:
    """Takes a Bundle of Observations, one Observation, or Parameters; answers with an R4
    GuidanceResponse, or an OperationOutcome.
    """
    service, language = service_of(request), language_of(request)
    if choose(request.headers.get("accept"), (MEDIA, JSON)) is None:
        return _fhir(outcome("not-supported", f"answers come as {MEDIA}", []), 406)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in READ:
        return _fhir(outcome("not-supported", f"send the resource as {MEDIA}", []), 415)
    try:
        resource = await asyncio.to_thread(strict_json.loads, await request.body())
    except ValueError as error:
        return _fhir(outcome("structure", f"not readable as JSON: {error}", []), 400)
    if not isinstance(resource, dict) or resource.get("resourceType") not in (
        "Bundle",
        "Observation",
        "Parameters",
    ):
        return _fhir(outcome("structure", "send a Bundle, an Observation or Parameters", []), 400)
    reading = FhirFacts(service.reasoner.guideline, service.codes)
    await asyncio.to_thread(reading.resource, resource, resource["resourceType"])
    (lesion,) = reading.lesions()[:1] or [Lesion()]
    reading.notes += lesion.notes
    case_id = _named(resource)
    problems = list(reading.problems)
    try:
        answer = service.reasoner.recommend({"case_id": case_id, **lesion.facts}, language)
    except ContradictionError as error:  # no client can mend it
        return _fhir(outcome("exception", "", error.problems), 500)
    except CaseError as error:
        return _fhir(outcome("invalid", "", problems + error.problems), 422)
    if problems:
        return _fhir(outcome("invalid", "", problems), 422)
    service.note(request, "answered", case=answer.case.id, through="fhir")
    return _fhir(guidance(answer, reading, language))


def _named(resource: dict[str, Any]) -> str:
    """The id of the case, where the request tells one."""
    found = str(resource.get("id") or "fhir")
    parameters = resource.get("parameter") if resource["resourceType"] == "Parameters" else ()
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, dict) and parameter.get("name") == "case_id":
            found = str(parameter.get("valueString") or parameter.get("valueId") or found)
    return found if CASE_ID.fullmatch(found) else "fhir"


@router.get("/metadata", summary="What this FHIR service can do")
async def metadata(request: Request) -> Response:
    """A CapabilityStatement."""
    service = service_of(request)
    return _fhir(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": datetime.now(UTC).date().isoformat(),
            "kind": "instance",
            "software": {"name": "Calx", "version": calx.__version__},
            "implementation": {
                "description": service.reasoner.guideline.title["en"],
                "url": str(request.base_url) + "fhir",
            },
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [
                {
                    "mode": "server",
                    "operation": [
                        {
                            "name": "recommend",
                            "definition": IRI + "fhir/OperationDefinition/recommend",
                        }
                    ],
                }
            ],
        }
    )


@router.get("/OperationDefinition/recommend", summary="The operation $recommend")
async def definition(request: Request) -> Response:
    """An OperationDefinition."""
    facts = service_of(request).reasoner.guideline.facts.values()
    told = (
        "Facts of the case: Observations with codes of the mapping table, or parameters "
        "named like facts"
    )
    parameters = [
        {
            "name": "observation",
            "use": "in",
            "min": 0,
            "max": "*",
            "documentation": told,
            "type": "Observation",
        },
        *(
            {
                "name": fact.name,
                "use": "in",
                "min": 0,
                "max": "1",
                "documentation": fact.definition["en"],
                "type": TYPES[fact.kind],
            }
            for fact in facts
            if fact.given
        ),
        {
            "name": "case_id",
            "use": "in",
            "min": 0,
            "max": "1",
            "documentation": "Names the case at one moment; never a patient's name",
            "type": "string",
        },
        {
            "name": "return",
            "use": "out",
            "min": 1,
            "max": "1",
            "documentation": "The recommendation, its proof and what is missing",
            "type": "GuidanceResponse",
        },
    ]
    return _fhir(
        {
            "resourceType": "OperationDefinition",
            "id": "recommend",
            "url": IRI + "fhir/OperationDefinition/recommend",
            "name": "Recommend",
            "status": "active",
            "kind": "operation",
            "code": "recommend",
            "system": True,
            "type": False,
            "instance": False,
            "parameter": parameters,
        }
    )
