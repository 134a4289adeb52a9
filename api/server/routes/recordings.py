"""Recordings: hand one in, watch it being read, look at
what was found, confirm or correct it, answer from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from calx.api.contract.negotiation import HTML, JSON
from calx.api.contract.problems import ServiceError
from calx.api.jobs.recordings import OPTIONS, Recording, Recordings, TooManyRecordingsError, save
from calx.api.pages.form import case_of
from calx.api.server.openapi import problems_of
from calx.api.server.request import form_of, language_of, language_told, name_of, service_of
from calx.api.server.respond import page
from calx.api.server.routes.advice import VARY
from calx.api.server.routes.pages import open_things
from calx.api.server.settings import MIB
from calx.api.server.state import Service
from calx.reasoner.intake import measurements
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.measured import KEY

router = APIRouter(prefix="/recordings", tags=["recordings"])
DICOM = "application/dicom"
CHUNK = MIB
MEDIA = {
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "npz": "application/octet-stream",
    "dcm": DICOM,
    "json": JSON,
}
BODY = {
    "required": True,
    "content": {
        DICOM: {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["recording"],
                "properties": {
                    "recording": {"type": "string", "format": "binary"},
                    **{name: {"type": "number"} for name in OPTIONS},
                    "gated": {"type": "string", "enum": ["yes"]},
                },
            }
        },
    },
}


@router.get("", summary="List the recordings", responses=problems_of(401, 406, 429))
async def listed(request: Request) -> Response:
    """The newest first; also as a page for people, with a form to hand one in."""
    service, form, language = (
        service_of(request),
        form_of(request, JSON, HTML),
        language_of(request),
    )
    found = service.recordings.listed()
    service.note(request, "listed recordings")
    if form == HTML:
        return page(
            request,
            "recordings.html",
            language,
            recordings=found,
            available=Recordings.available(),
            most=service.settings.recording_bytes // MIB,
        )
    return Response(
        orjson.dumps({"recordings": [item.json() | {"case": None} for item in found]}),
        headers=VARY,
        media_type=JSON,
    )


@router.post(
    "",
    summary="Hand in a recording",
    status_code=202,
    openapi_extra={"requestBody": BODY},
    responses=problems_of(400, 401, 403, 408, 413, 415, 429, 501, 503),
)
async def take(request: Request) -> Response:
    """A DICOM file as the body, or a form with one; it is read in the background, and deleted once
    it has been read.
    """
    service = service_of(request)
    if not Recordings.available():
        raise ServiceError(
            "not-installed",
            "this service can't read recordings; install them with: pip install 'calx[imaging]'",
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=16)
        upload = form.get("recording")
        if not isinstance(upload, UploadFile) or not upload.size:
            raise ServiceError("unreadable", "the form has no file 'recording'")
        told = _told(
            {name: str(value) for name, value in form.items() if not isinstance(value, UploadFile)}
        )
        body = _chunks(upload)
    elif kind == DICOM:
        told, body = _told(dict(request.query_params)), request.stream()
    else:
        raise ServiceError(
            "wrong-form",
            (
                f"send a DICOM file as {DICOM}, or as the file 'recording' of a "
                "multipart/form-data form"
            ),
        )
    try:
        found = await service.recordings.take(body, told)
    except TooManyRecordingsError:
        raise ServiceError(
            "busy",
            "other recordings wait to be read; try again when they are done",
            headers={"Retry-After": "60"},
        ) from None
    service.note(request, "took a recording", recording=found.id)
    address = f"/recordings/{found.id}"
    if kind == "multipart/form-data" and "text/html" in request.headers.get("accept", ""):
        return Response(
            status_code=303, headers={"Location": f"{address}?lang={language_of(request)}"}
        )
    return Response(orjson.dumps(found.json()), 202, {"Location": address}, JSON)


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


def _told(raw: dict[str, str]) -> dict[str, Any]:
    """What a person says of a recording.

    Raises:
        ServiceError: a value is no number above zero.
    """
    found: dict[str, Any] = {"gated": raw.get("gated", "") in ("yes", "true", "1")}
    for name in OPTIONS:
        text = raw.get(name, "").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        whole = name.startswith("stent")
        if not 0 < value < 1e6 or (whole and value != int(value)):
            raise ServiceError(
                "unreadable", f"{name} is {'a frame number' if whole else 'a number above 0'}"
            )
        found[name] = int(value) if whole else value
    if ("stent_first" in found) != ("stent_last" in found):
        raise ServiceError("unreadable", "a stent has two ends: give its first and its last frame")
    return found


def _found(request: Request, name: str) -> Recording:
    found = service_of(request).recordings.find(name)
    if found is None:
        raise ServiceError(
            "not-found",
            f"there is no recording '{name[:64]}'; GET /recordings lists those that there are",
        )
    return found


@router.get(
    "/{recording_id}",
    summary="A recording: its state, and what was found",
    responses=problems_of(401, 404, 406, 429),
)
async def read(request: Request, recording_id: str) -> Response:
    """While it is read, how far; then its case with measurements, and the addresses of pictures and
    curves. Also as a page.
    """
    service, form, language = (
        service_of(request),
        form_of(request, JSON, HTML),
        language_of(request),
    )
    found = _found(request, recording_id)
    service.note(request, "read a recording", recording=found.id)
    if form == HTML:
        return page(request, "recording.html", language, **_shown(service, found, language))
    return Response(orjson.dumps(found.json()), headers=VARY, media_type=JSON)


def _shown(service: Service, found: Recording, language: str) -> dict[str, Any]:
    """What the page shows: pictures, measurements, and the answer to the case as it stands."""
    case, guideline = found.case, service.reasoner.guideline
    shown: dict[str, Any] = {
        "recording": found,
        "case": case,
        "result": None,
        "problems": [],
        "open_things": [],
        "facts": [],
    }
    if case is None:
        return shown
    shown["facts"] = [
        (guideline.facts[name], entry)
        for name, entry in case[KEY]["facts"].items()
        if name in guideline.facts
    ]
    try:
        answer = service.reasoner.recommend(case, language)
    except CaseError as error:
        return shown | {"problems": error.problems}
    return shown | {"result": answer.json(language), "open_things": open_things(answer)}


@router.get(
    "/{recording_id}/{name:path}",
    summary="A picture, the curves, or the structured report of a recording",
    responses=problems_of(401, 404, 429),
)
async def file(request: Request, recording_id: str, name: str) -> Response:
    """One of the files that the recording names."""
    place = _found(request, recording_id).file(name)
    if place is None:
        raise ServiceError("not-found", "the recording has no such file")
    return FileResponse(
        place, media_type=MEDIA[place.suffix[1:]], headers={"Cache-Control": "no-store"}
    )


@router.post(
    "/{recording_id}/corrections",
    summary="Confirm or correct what was measured",
    responses=problems_of(400, 401, 403, 404, 409, 415, 422, 429),
)
async def correct(request: Request, recording_id: str) -> Response:
    """``{"by": …, "why": …, "facts": {fact: value, null withdraws}, "confirmed": [fact, …]}``, or
    the page's form. The measured values are kept.
    """
    service, found = service_of(request), _found(request, recording_id)
    case = found.case
    if case is None:
        raise ServiceError("conflict", "the recording has not been read yet")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        asked = _of_form(
            {name: str(value) for name, value in (await request.form(max_fields=200)).items()},
            case,
            service.reasoner.guideline,
            name_of(request),
        )
    elif kind == JSON:
        asked = _of_json(await request.body(), name_of(request))
    else:
        raise ServiceError("wrong-form", f"send {JSON}")
    made = measurements.correct(case, asked["facts"], asked["by"], asked["why"])
    made = measurements.confirm(made, asked["confirmed"], asked["by"])
    service.reasoner.gate.admit(made, language_of(request))
    save(found, made)
    service.note(
        request,
        "corrected a recording",
        recording=found.id,
        facts=sorted({*asked["facts"], *asked["confirmed"]}),
    )
    if kind == JSON:
        return Response(orjson.dumps(found.json()), media_type=JSON)
    return Response(
        status_code=303, headers={"Location": f"/recordings/{found.id}?lang={asked['lang']}"}
    )


def _of_json(body: bytes, signed: str | None) -> dict[str, Any]:
    try:
        raw = json.loads(body)
        by = signed or raw["by"]
        facts, names = raw.get("facts", {}), raw.get("confirmed", [])
        if not (
            isinstance(by, str)
            and by.strip()
            and isinstance(facts, dict)
            and isinstance(names, list)
        ):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ServiceError(
            "unreadable",
            'send {"by": "who", "why": "…", "facts": {"fact": value}, "confirmed": ["fact"]}',
        ) from None
    return {
        "facts": facts,
        "confirmed": [str(name) for name in names],
        "by": by.strip()[:100],
        "why": str(raw.get("why") or "")[:1000],
    }


def _of_form(
    raw: dict[str, str], case: dict[str, Any], guideline: Guideline, signed: str | None
) -> dict[str, Any]:
    """What the page's form says: fields that differ from
    the case are corrections, ticked ones confirmed.
    """
    known = {fact: text.strip() for fact, text in raw.items() if fact in case[KEY]["facts"]}
    values = case_of({name: text for name, text in known.items() if text}, guideline)
    facts = {}
    for name, text in known.items():
        value = values.get(name) if text else None
        value = value if not hasattr(value, "is_finite") else float(value)  # type: ignore[arg-type]
        if value != case.get(name):
            facts[name] = value
    ticked = [
        name.removeprefix("confirm-")
        for name in raw
        if name.startswith("confirm-") and name.removeprefix("confirm-") not in facts
    ]
    by = (signed or raw.get("by", "")).strip()[:100]
    if not by:
        raise ServiceError("unreadable", "say who confirms or corrects: a role or initials")
    return {
        "facts": facts,
        "confirmed": ticked,
        "by": by,
        "why": raw.get("why", "")[:1000],
        "lang": language_told(raw),
    }


@router.delete(
    "/{recording_id}",
    summary="Delete a recording and all that was made of it",
    status_code=204,
    responses=problems_of(401, 403, 404, 429),
)
async def delete(request: Request, recording_id: str) -> Response:
    """Stops it if it is being read."""
    service, found = service_of(request), _found(request, recording_id)
    await service.recordings.drop(found)
    service.note(request, "deleted a recording", recording=found.id)
    return Response(status_code=204)


@router.post("/{recording_id}/delete", include_in_schema=False)
async def delete_by_form(request: Request, recording_id: str) -> Response:
    """The same from the page, which has no script for it."""
    await delete(request, recording_id)
    return Response(status_code=303, headers={"Location": "/recordings"})
