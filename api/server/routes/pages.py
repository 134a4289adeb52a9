"""The pages for people: the lesion with its advice, the API in words, signing in; stored cases
through plain forms.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from calx.api.contract.problems import ServiceError, of_case
from calx.api.pages.form import case_of, groups, read_form
from calx.api.pages.pictures import pictures
from calx.api.pages.proof_picture import draw_proof as proof_picture
from calx.api.pages.render import html
from calx.api.server.guard import COOKIE
from calx.api.server.openapi import body_of, describe
from calx.api.server.request import absent, language_of, language_told, record_of, service_of
from calx.api.server.respond import page
from calx.api.server.state import Service
from calx.api.store.cases import CaseDiffersError, replay
from calx.api.store.people import key_of
from calx.api.store.records import Record
from calx.reasoner.batch import Outcome, outcomes
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.files import Submission
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import One, Status
from calx.words import LANGUAGES

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}


def asked(request: Request, language: str) -> tuple[dict[str, str], Outcome]:
    """What the address tells of a lesion, and what comes of it."""
    service = service_of(request)
    shown, problems = read_form(request.query_params.multi_items())
    case = Submission(case_of(shown, service.reasoner.guideline), problems)
    (outcome,) = outcomes(service.reasoner, [case], language)
    return shown, outcome


def lesion(request: Request, language: str) -> dict[str, Any]:
    """What the page shows of a lesion: drawing, and advice or problems."""
    shown, outcome = asked(request, language)
    found: dict[str, Any] = {"texts": shown, "problems": [], "result": None, "open_things": []}
    guideline = service_of(request).reasoner.guideline
    query = urlencode({**shown, "lang": language})
    found |= {"permanent": f"/?{query}", "picture": f"/picture?{query}"}
    if not shown:
        return {**found, "drawing": pictures(guideline, {}, language)}
    if outcome.answer is None:
        problems = outcome.error.problems if outcome.error else []
        return {**found, "problems": problems, "drawing": pictures(guideline, {}, language)}
    values = outcome.answer.trace.values
    return {
        **found,
        "result": outcome.answer.json(language),
        "open_things": open_things(outcome.answer),
        "drawing": pictures(guideline, values, language),
    }


def open_things(answer: Answer) -> list[str]:
    """Ids of the things for which unknown facts may yet speak, and keys of the brief sections that
    they may change.
    """
    sections = answer.guideline.sections
    return [
        thing.id
        for section in sections
        if isinstance(section, Status)
        for thing in answer.guideline.of_kind(section.kind)
        if answer.undecided(section, thing)
    ] + [
        section.key
        for section in sections
        if isinstance(section, One)
        and section.brief
        and (chosen := answer.chosen(section, LANGUAGES[0])) is not None
        and not chosen.settled
    ]


@router.get("/")
async def index(request: Request) -> Response:
    """The lesion and its advice, for the facts in the address."""
    service, language = service_of(request), language_of(request)
    guideline = service.reasoner.guideline
    content = lesion(request, language)
    if content["result"]:
        service.note(request, "answered", case="page")
    return page(
        request,
        "index.html",
        language,
        groups=groups(guideline, content["texts"], language),
        examples=service_of(request).examples,
        **content,
    )


@router.get("/advice")
async def advice(request: Request) -> Response:
    """The part of the page that follows the facts, for the script that watches them."""
    service, language = service_of(request), language_of(request)
    content = lesion(request, language)
    if content["result"]:
        service.note(request, "answered", case="page")
    text = html(*service.shown, "fragment.html", language, "/", request.url.query, **content)
    return Response(text, headers=NO_STORE, media_type="text/html; charset=utf-8")


@router.get("/picture")
async def picture(request: Request) -> Response:
    """The proof of the answer to the facts in the address, as SVG."""
    service, language = service_of(request), language_of(request)
    guideline = service.reasoner.guideline
    _, outcome = asked(request, language)
    if outcome.answer is None:
        raise of_case(outcome.error) if outcome.error else ServiceError("unreadable", "no case")
    return _svg(proof_picture(outcome.answer.json(language), guideline, language))


@router.get("/cases/{case_id}/picture")
async def picture_of_case(request: Request, case_id: str) -> Response:
    """The proof of a stored answer, as SVG."""
    service, language = service_of(request), language_of(request)
    kept = await record_of(request, case_id)
    return _svg(proof_picture(kept.answer(language), service.reasoner.guideline, language))


def _svg(text: str) -> Response:
    return Response(text, headers=NO_STORE, media_type="image/svg+xml; charset=utf-8")


def stored(service: Service, kept: Record, language: str) -> dict[str, Any]:
    """What the page of a stored case shows: the answer
    as it was given, and what would be said today.
    """
    guideline = service.reasoner.guideline
    values = _values(kept, guideline)
    return {
        "kept": kept,
        "result": kept.answer(language),
        "problems": [],
        "open_things": _open(kept, service),
        "drawing": pictures(guideline, values, language),
        "replayed": replay(kept, service.reasoner).json(),
    }


def _open(kept: Record, service: Service) -> list[str]:
    """Things for which unknown facts may yet speak; under
    another guideline all that an unknown fact decides.
    """
    if kept.guideline_digest == service.reasoner.guideline.digest:
        return open_things(service.reasoner.recommend(kept.submitted))
    return sorted({name for item in kept.answer()["missing"] for name in item["decides"]})


def _values(kept: Record, guideline: Guideline) -> dict[str, Any]:
    """The facts of a stored case, with those that its proof implied."""
    values = {name: value for name, value in kept.submitted.items() if name != "case_id"}
    for step in kept.answer()["steps"]:
        name, _, text = step["conclusion"].partition(": ")
        if name in guideline.facts and name not in values:
            values[name] = {"true": True, "false": False}.get(
                text, float(text) if text.replace(".", "", 1).isdigit() else text
            )
    return values


# --- forms that write ----------------------------------------------------------------


async def _form(request: Request) -> list[tuple[str, str]]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise ServiceError("wrong-form", "send the form as application/x-www-form-urlencoded")
    return [
        (name, value)
        for name, value in (await request.form(max_fields=500)).multi_items()
        if not isinstance(value, UploadFile)
    ]


@router.post("/store")
async def store(request: Request) -> Response:
    """Keep the answer to the facts of the form."""
    service, fields = service_of(request), await _form(request)
    language = language_told(dict(fields))
    guideline = service.reasoner.guideline
    texts, problems = read_form(fields)
    told = dict(fields)
    (outcome,) = outcomes(
        service.reasoner,
        [
            Submission(
                case_of(texts, guideline) | {"case_id": told.get("case_id", "").strip()}, problems
            )
        ],
        language,
    )
    if outcome.answer is None:
        raise of_case(outcome.error) if outcome.error else ServiceError("unreadable", "no case")
    try:
        kept, new = await service.cases.keep(outcome.answer)
    except CaseDiffersError:
        raise ServiceError(
            "conflict",
            (
                f"'{outcome.answer.case.id}' is stored with other facts; give this moment an id of "
                "its own"
            ),
        ) from None
    service.note(request, "stored" if new else "answered", case=kept.case_id)
    return _see(f"/cases/{kept.case_id}?lang={language}")


@router.post("/cases/{case_id}/delete")
async def delete(request: Request, case_id: str) -> Response:
    """Remove a stored case for good."""
    service, fields = service_of(request), await _form(request)
    if not await service.cases.delete(case_id):
        raise absent(case_id)
    service.note(request, "deleted", case=case_id)
    return _see(f"/cases?lang={language_told(dict(fields))}")


@router.get("/login")
async def login(request: Request) -> Response:
    """Where a person shows the token."""
    return page(request, "login.html", language_of(request), wrong=False)


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Exchange the token for a cookie that this browser keeps until it is closed."""
    service, fields = service_of(request), await _form(request)
    key = key_of(dict(fields).get("token", "").strip())
    if service.caller(key) is None:
        service.note(request, "refused a token")
        return page(
            request,
            "login.html",
            language_told(dict(fields)),
            403,
            wrong=True,
        )
    response = _see("/")
    response.set_cookie(
        COOKIE,
        key,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def sign_out(request: Request) -> Response:
    """Forget the cookie."""
    response = _see(f"/login?lang={language_told(dict(await _form(request)))}")
    response.delete_cookie(COOKIE)
    return response


def _see(address: str) -> Response:
    return Response(status_code=303, headers={"Location": address})


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The API in words."""
    service = service_of(request)
    description = describe(request.app, service.reasoner, service.examples)
    return page(
        request,
        "docs.html",
        language_of(request),
        paths=description["paths"],
        example=next((body_of(example) for example in service.examples), {"case_id": "demo-1"}),
        base=str(request.base_url),
    )
