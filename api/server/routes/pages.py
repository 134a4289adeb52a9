"""The pages for people: the lesion with its advice, the API in words, signing in; stored cases
through plain forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from calx.api.contract.problems import ServiceError, of_case
from calx.api.pages.first import First
from calx.api.pages.form import OF_THE_PAGE, case_of, form_of, read_form
from calx.api.pages.pictures import pictures
from calx.api.pages.plane_picture import fill
from calx.api.pages.proof_picture import draw_proof as proof_picture
from calx.api.pages.render import html
from calx.api.pages.sure import Sure
from calx.api.server.asked import possible_outcomes, ways_to
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
from calx.reasoner.intake.errors import Problem
from calx.reasoner.intake.files import Submission
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import One, Status
from calx.reasoner.tell.labels import labels
from calx.words import LANGUAGES

router = APIRouter(include_in_schema=False)
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Entered:
    """What an address tells of a lesion, and what comes of it."""

    texts: dict[str, str]
    """What was entered, by fact."""
    case: dict[str, Any]
    """As far as it could be read."""
    outcome: Outcome

    @property
    def answer(self) -> Answer | None:
        return self.outcome.answer

    @property
    def problems(self) -> list[Problem]:
        return list(self.outcome.error.problems) if self.outcome.error else []


def entered(request: Request, language: str) -> Entered:
    """What the address tells of a lesion, and what comes of it."""
    reasoner = service_of(request).reasoner
    guideline = reasoner.guideline
    texts, problems = read_form(request.query_params.multi_items(), guideline, language)
    wrong = {problem.fact for problem in problems}
    sure = {name: text for name, text in texts.items() if name not in wrong}
    case = case_of(sure, guideline)
    (outcome,) = outcomes(reasoner, [Submission(case, problems)], language)
    return Entered(texts, case, outcome)


def answered(request: Request, language: str) -> Answer:
    """The answer to the facts in the address, where there must be one."""
    outcome = entered(request, language).outcome
    if outcome.answer is None:
        raise (of_case(outcome.error) if outcome.error else ServiceError("unreadable", "no case"))
    return outcome.answer


def readable(case: Mapping[str, Any], guideline: Guideline) -> dict[str, Value]:
    """The entries of a case that are values of their facts."""
    found: dict[str, Value] = {}
    for name, value in case.items():
        fact = guideline.facts.get(name)
        if fact is None:
            continue
        number = fact.kind in ("number", "integer") and isinstance(value, Decimal)
        if number or isinstance(value, bool) or value in fact.values:
            found[name] = value
    return found


def lesion(request: Request, language: str) -> dict[str, Any]:
    """What the page shows of a lesion: what is asked for, drawing, and advice or problems."""
    reasoner = service_of(request).reasoner
    guideline, found = reasoner.guideline, entered(request, language)
    texts, answer = found.texts, found.answer if found.texts else None
    # without an answer the form still follows what could be read
    values = answer.trace.values if answer else readable(found.case, guideline)
    places = reasoner.entry.places(texts, values)
    told = labels(guideline, language)
    query = urlencode({**texts, "lang": language})
    first = First(answer, language) if answer else None
    problems = found.problems if texts else []
    return {
        "texts": texts,
        "told": [(told.fact(n), told.value(n, v)) for n, v in found.case.items() if n in texts],
        "places": places,
        "placed": ",".join(f"{name}={place}" for name, place in places.items()),
        "problems": problems,
        "without": {
            fact: urlencode({n: v for n, v in (*texts.items(), ("lang", language)) if n != fact})
            for problem in problems
            for fact in (*problem.facts, problem.fact)
            if fact in texts
        },
        "wrong": {problem.fact: problem.message for problem in found.problems if problem.fact},
        "first": first,
        "echoes": first.echoes(texts) if first else {},
        "known": query,
        "permanent": f"/?{query}",
        "address": f"{str(request.base_url).rstrip('/')}/?{query}",
        "whole": f"/whole?{query}",
        "sure": f"/sure?{query}",
        "picture": f"/picture?{query}",
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

    def shown() -> tuple[Response, bool]:
        form, content = form_of(service.reasoner.guideline, language), lesion(request, language)
        more = {"form": form, "examples": service.examples, **content}
        return page(request, "index.html", language, **more), bool(content["first"])

    # what is near, and what to find out, takes a while
    response, is_answer = await asyncio.to_thread(shown)
    if is_answer:
        service.note(request, "answered", case="page")
    return response


@router.get("/advice")
async def advice(request: Request) -> Response:
    """The part of the page that follows the facts, for the script that watches them."""
    service, language = service_of(request), language_of(request)

    def shown() -> tuple[str, bool]:
        content = lesion(request, language)
        query = request.url.query
        text = html(*service.shown, "fragment.html", language, "/", query, **content)
        return text, bool(content["first"])

    text, is_answer = await asyncio.to_thread(shown)
    if is_answer:
        service.note(request, "answered", case="page")
    return Response(text, headers=NO_STORE, media_type="text/html; charset=utf-8")


@router.get("/whole")
async def whole(request: Request) -> Response:
    """All of the answer to the facts in the address, with every step of its proof."""
    language = language_of(request)
    answer = answered(request, language)
    service_of(request).note(request, "answered", case="page")
    guideline, told = answer.guideline, labels(answer.guideline, language)
    given = [(n, v) for n, v in request.query_params.multi_items() if n != "lang" and v.strip()]
    query = urlencode([*given, ("lang", language)])
    return page(
        request,
        "answer.html",
        language,
        result=answer.json(language),
        problems=[],
        open_things=open_things(answer),
        drawing=pictures(guideline, answer.trace.values, language),
        told=[(told.fact(n), told.value(n, v)) for n, v in answer.case.facts.items()],
        permanent=f"/?{query}",
        at_fact=f"/?{query}",
        picture=f"/picture?{query}",
    )


@router.get("/sure")
async def sure(request: Request) -> Response:
    """How sure the answer to the facts in the address is, and what would change it."""
    language, asked = language_of(request), request.query_params
    answer = answered(request, language)
    service_of(request).note(request, "asked what if", case="page")
    given = [(n, v) for n, v in asked.multi_items() if n not in OF_THE_PAGE and v.strip()]
    given.append(("lang", language))
    ways = await asyncio.to_thread(ways_to, service_of(request), answer, asked.get("to"), language)
    found = Sure(answer, language, asked.get("plane-across", ""), asked.get("plane-up", ""), ways)
    return await asyncio.to_thread(
        page,
        request,
        "sure.html",
        language,
        sure=found,
        to=asked.get("to", ""),
        goals=found.goals(possible_outcomes(answer.guideline)),
        fill=fill,
        given=given,
        permanent=f"/?{urlencode(given)}",
    )


@router.get("/why")
async def why(request: Request) -> Response:
    """The argument for what some rules conclude of the facts in the address, for the script."""
    language = language_of(request)
    result = answered(request, language).json(language)
    rules = request.query_params.get("rules", "").split()
    steps = [step for step in result["steps"] if step["rule"] in rules]
    query = urlencode([(n, v) for n, v in request.query_params.multi_items() if n != "rules"])
    text = html(
        *service_of(request).shown,
        "argument.html",
        language,
        "/why",
        query,
        result={"steps": steps},
        picture=f"/picture?{query}",
    )
    return Response(text, headers=NO_STORE, media_type="text/html; charset=utf-8")


@router.get("/picture")
async def picture(request: Request) -> Response:
    """The proof of the answer to the facts in the address, as SVG."""
    language = language_of(request)
    answer = answered(request, language)
    return _svg(proof_picture(answer.json(language), answer.guideline, language))


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
        "at_fact": f"/?{urlencode(_as_entered(kept, guideline))}",
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


def _as_entered(kept: Record, guideline: Guideline) -> dict[str, str]:
    """The facts of a stored case as the page's form has them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in kept.submitted.items()
        if name in guideline.facts
    }


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
    texts, problems = read_form(fields, guideline, language)
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
