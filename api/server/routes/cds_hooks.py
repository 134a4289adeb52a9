"""CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/): discovery, one service, feedback."""

from __future__ import annotations

import asyncio
import base64
import uuid
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from calx import strict_json
from calx.api.contract.problems import ServiceError, of_case
from calx.api.exchange.cards import cards, incomplete
from calx.api.exchange.fhir_facts import FhirFacts
from calx.api.server.openapi import problems_of
from calx.api.server.request import language_of, service_of
from calx.reasoner.intake.errors import CaseError, ContradictionError, Problem
from calx.reasoner.model.case import CASE_ID

router = APIRouter(prefix="/cds-services", tags=["CDS Hooks"])
ID, HOOK = "calx-lesion", "patient-view"
EXTENSION = "org.w3id.calx"
"""Key of the request's extension that carries facts: ``{"case_id": …, "facts": {…}}``."""
OBSERVATIONS = "Observation?patient={{context.patientId}}&_sort=-date&_count=200"
SERVICE = {
    "id": ID,
    "hook": HOOK,
    "usageRequirements": (
        "Observations with codes of Calx's mapping table, or facts under the "
        f"extension {EXTENSION}."
    ),
    "prefetch": {"observations": OBSERVATIONS},
}
ANSWERS = ("Bundle", "Observation", "OperationOutcome")
"""What a client can have fetched for the observations."""
MOST_FEEDBACK = 100
LONGEST_FEEDBACK = 2000
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
    guideline = service_of(request).reasoner.guideline
    title, notice = (text["en"] for text in (guideline.title, guideline.notice))
    told: dict[str, Any] = {"title": title, "description": f"{title}. {notice}"}
    if guideline.observations:
        only = f"&category={guideline.observations}&_sort"
        told["prefetch"] = {"observations": OBSERVATIONS.replace("&_sort", only)}
    return _json({"services": [SERVICE | told]})


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
    lesions, base = reading.lesions(several=True), str(request.base_url)
    named = reading.patients.named()
    if named and not any(_same(name, reference) for name in named):
        reading.problems.append(
            Problem(
                f"the observations are of {min(named)}, the context of {reference}",
                place="prefetch",
            )
        )
    if not lesions and not reading.problems:
        if not _fetched(content, reading):
            raise ServiceError(
                "facts-missing",
                "the observations could not be had: send prefetch.observations (null where there "
                f"are none), or the extension {EXTENSION}",
                [Problem(note) for note in reading.notes],
            )
        page = incomplete(service.reasoner.guideline, base, reading.notes, language)
        return _json({"cards": [page] if reading.incomplete else []})
    found, problems = [], list(reading.problems)
    for number, lesion in enumerate(lesions, 1):
        name = case_id if len(lesions) == 1 else f"{case_id[:60]}-{number}"
        try:
            found.append(
                (lesion, service.reasoner.recommend({"case_id": name, **lesion.facts}, language))
            )
        except ContradictionError:
            raise  # no client can mend it
        except CaseError as error:
            problems += error.problems
    if problems:
        raise of_case(CaseError(problems, case_id))
    call_id = str(uuid.UUID(content["hookInstance"]))
    shown: list[dict[str, Any]] = []
    for lesion, answer in found:
        notes = [*reading.notes, *lesion.notes]
        label = lesion.label if len(found) > 1 else ""
        shown += await asyncio.to_thread(cards, answer, base, reference, notes, language, label)
        service.note(request, "answered", case=answer.case.id, through="cds-hooks", call=call_id)
    return _json({"cards": shown})


def _fetched(content: dict[str, Any], reading: FhirFacts) -> bool:
    """Whether the observations could be had, be there none: sent, or null, which CDS Hooks has for
    what has no match.
    """
    return "observations" in (content.get("prefetch") or {}) and not any(
        place.startswith("prefetch.observations") for place in reading.unfetched
    )


def _same(one: str, other: str) -> bool:
    """Whether two references name the same patient; one may be an absolute address."""
    return one == other or one.endswith(f"/{other}")


def _facts(content: dict[str, Any], reading: FhirFacts) -> str:
    """Read the facts of a call; the id of the case."""
    prefetch = content.get("prefetch")
    for key, resource in (prefetch or {}).items():
        reading.resource(resource, f"prefetch.{key}")
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if key == "observations" and isinstance(kind, str) and kind not in ANSWERS:
            reading.problems.append(
                Problem(f"must be one of {', '.join(ANSWERS)}", place=f"prefetch.{key}")
            )
    own = (content.get("extension") or {}).get(EXTENSION)
    own = {} if own is None else own
    if not isinstance(own, dict):
        reading.problems.append(
            Problem("is not an object with 'facts'", place=f"extension.{EXTENSION}")
        )
        return "cds"
    facts = own.get("facts")
    reading.plain({} if facts is None else facts, f"extension.{EXTENSION}.facts")
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
    """Kept in the audit log as the client told it: which card, what became of it, the suggestions
    that were accepted, the reason for overriding with its comment, and when. Who the client is, is
    kept as its token claims it; the token is not verified.
    """
    _exists(service_id)
    content = await _object(request)
    items = content.get("feedback")
    faults = (
        [fault for number, item in enumerate(items, 1) for fault in _unfit(item, number)]
        if isinstance(items, list) and items
        else [Problem("must be a list of what became of cards", place="feedback")]
    )
    if isinstance(items, list) and len(items) > MOST_FEEDBACK:
        faults = [Problem(f"holds more than {MOST_FEEDBACK} items; send fewer", place="feedback")]
    if faults or not isinstance(items, list):
        raise ServiceError("unreadable", "the feedback is not as CDS Hooks has it", faults)
    service, claimed = service_of(request), _claimed(request)
    for item in items:
        reason = item.get("overrideReason") or {}
        chosen = reason.get("reason") or {}
        told = {
            "reason": chosen.get("code", ""),
            "reason_system": chosen.get("system"),
            "reason_display": chosen.get("display"),
            "comment": reason.get("userComment"),
            "accepted": [entry["id"] for entry in item.get("acceptedSuggestions") or ()],
            "told_at": item.get("outcomeTimestamp"),
            "unverified_client": claimed,
        }
        service.note(
            request,
            "feedback",
            card=item["card"],
            outcome=item["outcome"],
            **{name: value for name, value in told.items() if value or name == "reason"},
        )
    return Response(status_code=200)


def _unfit(item: Any, number: int) -> list[Problem]:
    """What is wrong with one item of feedback."""
    place = f"feedback[{number}]"
    if not isinstance(item, dict):
        return [Problem("must be an object", place=place)]
    found = []
    if item.get("outcome") not in ("accepted", "overridden"):
        found.append(Problem("must be accepted or overridden", place=f"{place}.outcome"))
    reason = item.get("overrideReason")
    chosen = reason.get("reason") if isinstance(reason, dict) else None
    texts = {"card": item.get("card", 0), "outcomeTimestamp": item.get("outcomeTimestamp") or ""}
    if reason is not None:
        if not isinstance(reason, dict) or not isinstance(chosen, dict | None):
            found.append(Problem("must be an object", place=f"{place}.overrideReason"))
        else:
            texts["overrideReason.userComment"] = reason.get("userComment") or ""
            texts |= {
                f"overrideReason.reason.{key}": (chosen or {}).get(key) or ""
                for key in ("code", "system", "display")
            }
    found += [
        Problem(f"must be a text of at most {LONGEST_FEEDBACK} characters", place=f"{place}.{name}")
        for name, text in texts.items()
        if not isinstance(text, str) or len(text) > LONGEST_FEEDBACK
    ]
    accepted = item.get("acceptedSuggestions")
    accepted = [] if accepted is None else accepted
    if (
        not isinstance(accepted, list)
        or not all(
            isinstance(entry, dict)
            and isinstance(entry.get("id"), str)
            and len(entry["id"]) <= LONGEST_FEEDBACK
            for entry in accepted[: MOST_FEEDBACK + 1]
        )
        or len(accepted) > MOST_FEEDBACK
    ):
        found.append(
            Problem("must be a list of objects with an id", place=f"{place}.acceptedSuggestions")
        )
    return found


def _claimed(request: Request) -> dict[str, str] | None:
    """What a client's token claims of it, unverified; None where it shows none."""
    shown = request.headers.get("authorization", "").partition(" ")[2].strip().split(".")
    if len(shown) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(shown[1] + "=" * (-len(shown[1]) % 4)))
    except ValueError:
        return {}
    known = ("iss", "sub", "jti") if isinstance(claims, dict) else ()
    return {name: str(claims[name])[:200] for name in known if name in claims}


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
        content = await asyncio.to_thread(strict_json.loads, await request.body())
    except ValueError as error:
        raise ServiceError("unreadable", f"not readable as JSON: {error}") from None
    if not isinstance(content, dict):
        raise ServiceError("unreadable", "send a JSON object")
    return content
