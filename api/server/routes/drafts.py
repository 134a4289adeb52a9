"""Drafts of the guideline: begin, edit, examine, review,
publish; the page for authors who do not write Turtle.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from fastapi import APIRouter, Request, Response

from calx import strict_json
from calx.api.contract.negotiation import HTML, JSON
from calx.api.contract.problems import ServiceError
from calx.api.jobs.drafts import LONGEST_TEXT, By, Draft, DraftError, Drafts
from calx.api.jobs.examination import (
    MOST_EFFORT,
    PARTS,
    ExaminationError,
    NotInstalledError,
    examine,
)
from calx.api.pages.render import html
from calx.api.server.openapi import problems_of
from calx.api.server.request import (
    caller_of,
    form_of,
    language_of,
    language_told,
    name_of,
    service_of,
)
from calx.api.server.respond import page
from calx.api.server.routes.advice import VARY
from calx.api.server.state import Service
from calx.ontology import GuidelineError
from calx.ontology.unseen import unseen
from calx.reasoner.authors.edit.tables import Table
from calx.reasoner.intake.errors import Problem
from calx.words import DEFAULT

router = APIRouter(tags=["drafts"], prefix="/drafts")
MOST_ROWS = 40
FIRST_TABLE = "thresholds"
NUMBERS = ("value", "effort")
"""What may come as a JSON number or truth."""
ANSWER = "answer "
"""Before the id of a question, in the page's form."""


def of_draft(error: DraftError) -> ServiceError:
    """Why something could not be done with a draft."""
    return ServiceError(
        error.kind,
        str(error),
        [Problem(problem.message, place=problem.place) for problem in error.problems],
    )


@router.get("", summary="The drafts of the guideline", responses=problems_of(406, 429))
async def listed(request: Request) -> Response:
    """Each with its state and history."""
    drafts = service_of(request).drafts
    if form_of(request, HTML, JSON) == HTML:
        return page(
            request,
            "drafts.html",
            language_of(request),
            drafts=drafts.all(),
            publishes=drafts.publishes,
        )
    return Response(
        orjson.dumps({"drafts": [draft.json() for draft in drafts.all()]}),
        headers=VARY,
        media_type=JSON,
    )


@router.post(
    "",
    summary="Begin a draft",
    status_code=201,
    responses=problems_of(400, 401, 403, 415, 429, 503),
)
async def begun(request: Request) -> Response:
    """``{"title": …, "by": …}``: a copy of the guideline as it stands on disk."""
    service, told = service_of(request), await _told(request)
    try:
        draft = await asyncio.to_thread(
            service.drafts.begin, told.get("title", ""), by_of(request, told)
        )
    except GuidelineError as error:
        raise ServiceError(
            "conflict", f"the guideline on disk cannot be read: {error.problems[0]}"
        ) from None
    service.note(request, "began a draft", draft=draft.id)
    return _done(request, draft, told, 201)


@router.get(
    "/{draft_id}",
    summary="A draft, its state and history; its page shows the cells that can be edited",
    responses=problems_of(404, 406, 429),
)
async def one(request: Request, draft_id: str) -> Response:
    """``table`` and ``q`` choose the rows; ``examine=yes`` waits for check, proofs and differences
    (the page's script fetches them instead).
    """
    service, language = service_of(request), language_of(request)
    draft = _found(service, draft_id)
    if form_of(request, HTML, JSON) == JSON:
        return Response(orjson.dumps(draft.json()), headers=VARY, media_type=JSON)
    if draft.state == "discarded":
        raise ServiceError(
            "not-found",
            (
                f"the draft '{draft.title[:64]}' was discarded; its history: GET "
                f"/drafts/{draft.id} as JSON"
            ),
        )
    found = await asyncio.to_thread(service.drafts.tables, draft)
    name, query = (
        request.query_params.get("table", FIRST_TABLE),
        request.query_params.get("q", "").strip(),
    )
    table = next((table for table in found if table.name == name), found[0])
    rows = _rows(table, query)
    reports = (
        {part: await _report(service, draft, part, language) for part in PARTS}
        if request.query_params.get("examine") == "yes"
        else {}
    )
    return page(
        request,
        "draft.html",
        language,
        draft=draft,
        tables=[(other.name, len(other.rows)) for other in found],
        table=table,
        rows=rows[:MOST_ROWS],
        matching=len(rows),
        q=query,
        changed=sorted(service.drafts.changed_files(draft)),
        publishes=service.drafts.publishes,
        reports=reports,
        parts=PARTS,
    )


@router.post(
    "/{draft_id}/edits",
    summary="Change one cell of a draft",
    responses=problems_of(400, 401, 403, 404, 409, 415, 422, 429),
)
async def edited(request: Request, draft_id: str) -> Response:
    """``{"table", "key", "column", "value", "by"}``: a number, label, citation or a study's status.
    Comments and order of the file stay.
    """
    service, told = service_of(request), await _told(request)
    draft = _found(service, draft_id)
    by = by_of(request, told)
    missing = [
        name for name in ("table", "key", "column", "value") if not told.get(name, "").strip()
    ]
    if missing or not by.name.strip():
        raise ServiceError("unreadable", f"say {', '.join(missing or ['by'])}")
    async with service.editing:
        draft = _found(service, draft_id)
        before = await asyncio.to_thread(
            service.drafts.edit,
            draft,
            told["table"],
            told["key"],
            told["column"],
            told["value"],
            by,
        )
    service.note(
        request,
        "edited a draft",
        draft=draft.id,
        cell=f"{told['table']} {told['key']} {told['column']}",
    )
    return _done(request, draft, told, 200, before=before)


@router.get(
    "/{draft_id}/files/{name:path}",
    summary="One file of a draft, as it stands",
    responses=problems_of(404, 429),
)
async def file(request: Request, draft_id: str, name: str) -> Response:
    """Turtle, YAML or the table of codes: to be edited and given back."""
    service = service_of(request)
    content = service.drafts.contents(_found(service, draft_id))
    if name not in content:
        raise ServiceError("not-found", f"the draft holds {', '.join(content)}")
    return Response(content[name], headers=VARY, media_type="text/plain; charset=utf-8")


@router.put(
    "/{draft_id}/files/{name:path}",
    summary="Give one file of a draft a new text",
    responses=problems_of(400, 401, 403, 404, 409, 415, 422, 429),
)
async def rewritten(request: Request, draft_id: str, name: str) -> Response:
    """Turtle, or YAML of reference cases, as the body; who writes it stands in the history
    (``?by=``, or the name of the token). For what the tables do not show.
    """
    service = service_of(request)
    by = by_of(request, {"by": request.query_params.get("by", "")})
    if not by.name.strip():
        raise ServiceError("unreadable", "say by whom: ?by= a role or initials")
    content = await request.body()
    async with service.editing:
        draft = _found(service, draft_id)
        await asyncio.to_thread(service.drafts.rewrite, draft, name, content, by)
    service.note(request, "edited a draft", draft=draft.id, file=name)
    return _done(request, draft, {}, 200)


@router.post(
    "/{draft_id}/state",
    summary="Hand a draft in for review, open it again, or discard it",
    responses=problems_of(400, 401, 403, 404, 409, 415, 429),
)
async def moved(request: Request, draft_id: str) -> Response:
    """``{"state": "in review" | "open" | "discarded", "by": …, "why": …}``."""
    service, told = service_of(request), await _told(request)
    async with service.editing:
        draft = _found(service, draft_id)
        by = by_of(request, told)
        if not by.name.strip():
            raise ServiceError("unreadable", "say by whom: a role or initials")
        service.drafts.move(draft, told.get("state", ""), by, told.get("why", ""))
    service.note(request, f"draft {draft.state}", draft=draft.id)
    return _done(request, draft, told, 200)


@router.post(
    "/{draft_id}/publish",
    summary="Publish a draft that was reviewed",
    responses=problems_of(400, 401, 403, 404, 409, 415, 422, 429),
)
async def published(request: Request, draft_id: str) -> Response:
    """``{"by": …, "why": …, "answers": {question: words}}``. Refused while check finds an error, a
    requirement is not proved, or a question of ``GET …/review`` is not answered; by somebody else
    than its editors once two named people may publish. The service answers by it from the next
    request on; stored answers keep theirs.
    """
    service, told = service_of(request), await _told(request)
    by, why = by_of(request, told), _words(told.get("why", ""))
    missing = [
        *([] if by.name.strip() else ["by whom (a role or initials)"]),
        *([] if why else ["why"]),
    ]
    if missing:
        raise ServiceError("unreadable", f"say {' and '.join(missing)}")
    effort = _effort(told.get("effort"))
    async with service.editing:
        draft = _found(service, draft_id)
        drafts = service.drafts
        await asyncio.to_thread(drafts.may_be_published, draft, by, service.second_review)
        report, examined = await _examined(service, draft, "review", DEFAULT, effort)
        answers = _answered(report, told)
        note = _note(draft, report, answers, f"{why} ({by.name})")
        second = service.second_review
        if by.role is not None and not service.people.may(by.name, "reviewer"):
            raise ServiceError("not-allowed", f"{by.name} may not publish any more")
        await asyncio.to_thread(drafts.publish, draft, by, why, note, second, answers, examined)
        try:
            await service.switch()
        except GuidelineError as error:
            await asyncio.to_thread(drafts.undo_publishing, draft)
            found = [Problem(str(problem)) for problem in error.problems]
            raise ServiceError("not-publishable", "it could not be served", found) from None
        except Exception:
            await asyncio.to_thread(drafts.undo_publishing, draft)
            raise
    service.note(
        request,
        "published a draft",
        draft=draft.id,
        answered=sorted(answers),
        second_review="on" if second else "off",
    )
    return _done(request, draft, told, 200)


def _answered(report: dict[str, Any], told: dict[str, str]) -> dict[str, str]:
    """The answers to all questions of a review.

    Raises:
        ServiceError: something forbids publishing, or a question has no answer; all are listed,
            with how to go on.
    """
    if report.get("unreadable"):
        raise ServiceError(
            "not-publishable",
            "the draft cannot be read",
            [Problem(line) for line in report["unreadable"]],
        )
    if report["blocks"]:
        raise ServiceError(
            "not-publishable",
            "check or verify found what must be mended first; nothing was published",
            [_told_of(block, block["place"]) for block in report["blocks"]],
        )
    try:
        given = json.loads(told.get("answers", "{}"))
        if not all(isinstance(words, str) for words in given.values()):
            raise TypeError
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise ServiceError("unreadable", 'answers are {"question": "words", …}') from None
    given |= {
        name.removeprefix(ANSWER): words for name, words in told.items() if name.startswith(ANSWER)
    }
    answers = {
        question["id"]: _words(given.get(question["id"], ""))[:LONGEST_TEXT]
        for question in report["questions"]
    }
    unanswered = [question for question in report["questions"] if not answers[question["id"]]]
    if unanswered:
        raise ServiceError(
            "unanswered",
            "answer each question in words, or mend what it asks about; nothing was published",
            [_told_of(question, question["id"]) for question in unanswered],
        )
    return answers


def _words(text: str) -> str:
    """A text on one line; empty where nobody sees a letter of it."""
    line = " ".join("".join(c for c in text if c in "\n\t" or not unseen(c)).split())
    return line if any(character.isalnum() for character in line) else ""


def _told_of(found: dict[str, Any], place: str) -> Problem:
    return Problem(f"{found['message'][DEFAULT]}; {found['how'][DEFAULT]}", place=place)


def _note(draft: Draft, report: dict[str, Any], answers: dict[str, str], why: str) -> str:
    """The change note: why, what was asked and answered, and everything that changed."""
    asked = "".join(
        f"- {question['message'][DEFAULT]}\n  - {answers[question['id']]}\n"
        for question in report["questions"]
    )
    return (
        f"# {draft.title}\n\n{why}\n\n"
        + (f"## Asked and answered\n\n{asked}\n" if asked else "")
        + f"{report['markdown']}\n"
    )


@router.get(
    "/{draft_id}/files",
    summary="The files that a draft changes, as a zip",
    responses=problems_of(404, 429),
)
async def files(request: Request, draft_id: str) -> Response:
    """For those who publish through a repository."""
    service = service_of(request)
    draft = _found(service, draft_id)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in service.drafts.changed_files(draft).items():
            packed.writestr(name, content)
    return Response(
        stream.getvalue(),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="draft-{draft.id}.zip"'},
    )


@router.get(
    "/{draft_id}/{part}",
    summary="What a draft breaks (check), proves (verify), changes (diff); what is asked (review)",
    responses=problems_of(400, 404, 406, 429, 501, 503),
)
async def report(request: Request, draft_id: str, part: str) -> Response:
    """Examined in a process of its own; some seconds. ``effort`` allows one question to the solver
    so many times the usual work. ``review`` tells what forbids publishing, and what must be
    answered first.
    """
    service, language = service_of(request), language_of(request)
    if part not in PARTS:
        raise ServiceError("not-found", f"a draft has {', '.join(PARTS)} and files")
    draft = _found(service, draft_id)
    if draft.state == "discarded":
        raise ServiceError("not-found", "the draft was discarded")
    effort = _effort(request.query_params.get("effort"))
    found = await _report(service, draft, part, language, effort)
    if form_of(request, JSON, HTML) == JSON:
        return Response(orjson.dumps(found), headers=VARY, media_type=JSON)
    text = html(
        *service.shown,
        "draft_report.html",
        language,
        request.url.path,
        part=part,
        report=found,
        draft=draft,
        publishes=service.drafts.publishes,
        who=name_of(request),
    )
    return Response(
        text, headers={"Cache-Control": "no-store"}, media_type="text/html; charset=utf-8"
    )


def _effort(told: str | None) -> int:
    if told is None:
        return 1
    if not re.fullmatch(r"[0-9]{1,3}", told) or not 1 <= int(told) <= MOST_EFFORT:
        raise ServiceError("unreadable", f"effort is a number from 1 to {MOST_EFFORT}")
    return int(told)


async def _report(
    service: Service, draft: Draft, part: str, language: str, effort: int = 1
) -> dict[str, Any]:
    report, _ = await _examined(service, draft, part, language, effort)
    return report


async def _examined(
    service: Service, draft: Draft, part: str, language: str, effort: int
) -> tuple[dict[str, Any], str]:
    """A report, and the digest of the files that it was made of: those of a copy, as the draft may
    be edited meanwhile.
    """
    drafts: Drafts = service.drafts
    with tempfile.TemporaryDirectory(prefix="calx-") as folder:
        old, new, digest = await asyncio.to_thread(drafts.copy, draft, Path(folder))
        report = await _kept(service, draft, (old, new, digest), part, language, effort)
    return report, digest


async def _kept(
    service: Service,
    draft: Draft,
    files: tuple[Path, Path, str],
    part: str,
    language: str,
    effort: int,
) -> dict[str, Any]:
    old, new, digest = files
    if part != "diff":  # the others come in every language
        language = DEFAULT
    key = (draft.id, digest, part, language, effort)
    if key not in service.reports:
        try:
            service.reports[key] = await examine(part, old, new, language, effort)
        except NotInstalledError as error:
            raise ServiceError("not-installed", str(error)) from None
        except ExaminationError as error:
            raise ServiceError("busy", str(error)) from None
        while len(service.reports) > KEPT_REPORTS:
            service.reports.pop(next(iter(service.reports)))
    return service.reports[key]


KEPT_REPORTS = 32


def by_of(request: Request, told: dict[str, str]) -> By:
    """Who does it: the name of the token that was shown, else what was typed."""
    caller = caller_of(request)
    if caller is not None and caller.name is not None:
        return By(caller.name, caller.role)
    return By(told.get("by", ""))


def _found(service: Service, name: str) -> Draft:
    found = service.drafts.find(name)
    if found is None:
        raise ServiceError("not-found", f"no draft '{name[:24]}'; GET /drafts lists them")
    return found


def _rows(table: Table, query: str) -> list[tuple[str, dict[str, Any]]]:
    """The rows in which every word of the query stands."""
    words = query.lower().split()
    return [
        (key, row)
        for key, row in table.rows.items()
        if all(any(word in cell.value.lower() for cell in row.values()) for word in words)
    ]


async def _told(request: Request) -> dict[str, str]:
    """What a JSON object or a form says, as texts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return {name: str(value) for name, value in (await request.form(max_fields=1000)).items()}
    if kind != JSON:
        raise ServiceError("wrong-form", f"send {JSON} or a form")
    try:
        raw = strict_json.loads(await request.body())
        if not isinstance(raw, dict):
            raise TypeError("it is no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise ServiceError("unreadable", f"send a JSON object ({error})") from None
    told = {}
    for name, value in raw.items():
        if isinstance(value, str):
            told[name] = value
        elif name in NUMBERS and isinstance(value, int | Decimal):
            told[name] = str(value).lower()
        elif name == "answers":
            told[name] = json.dumps(value, default=float)
        elif value is not None:
            raise ServiceError("unreadable", f"{name[:64]} is a text")
    return {name: value for name, value in told.items() if not name.startswith(ANSWER)}


def _done(
    request: Request, draft: Draft, told: dict[str, str], status: int, **more: str
) -> Response:
    if request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    ) and "text/html" in request.headers.get("accept", ""):
        language = language_told(told)
        back = urlencode(
            {
                name: value
                for name, value in parse_qsl(told.get("back", ""))
                if name in ("table", "q")
            }
        )
        return Response(
            status_code=303,
            headers={"Location": f"/drafts/{draft.id}?lang={language}{'&' + back if back else ''}"},
        )
    return Response(
        orjson.dumps({**draft.json(), **more}),
        status,
        {"Location": f"/drafts/{draft.id}"} if status != 200 else {},
        JSON,
    )
