"""Drafts of the guideline: begin, edit, examine, review,
publish; the page for authors who do not write Turtle.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from fastapi import APIRouter, Request, Response

from calx.api.contract.negotiation import HTML, JSON
from calx.api.contract.problems import ServiceError
from calx.api.jobs.drafts import Draft, DraftError, Drafts
from calx.api.jobs.examination import PARTS, ExaminationError, examine
from calx.api.pages.render import html
from calx.api.server.openapi import problems_of
from calx.api.server.request import form_of, language_of, language_told, service_of
from calx.api.server.respond import page
from calx.api.server.routes.advice import VARY
from calx.api.server.state import Service
from calx.ontology import GuidelineError
from calx.reasoner.authors.edit.tables import Table
from calx.reasoner.intake.errors import Problem

router = APIRouter(tags=["drafts"], prefix="/drafts")
MOST_ROWS = 40
FIRST_TABLE = "thresholds"


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
            service.drafts.begin, told.get("title", ""), told.get("by", "")
        )
    except GuidelineError as error:
        raise ServiceError(
            "conflict", f"the guideline on disk cannot be read: {error.problems[0]}"
        ) from None
    service.note(request, "began a draft", draft=draft.id)
    return _done(request, draft, told, 201)


@router.get(
    "/{draft_id}",
    summary="A draft, with the cells that can be edited",
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
    if missing := [
        name for name in ("table", "key", "column", "value", "by") if not told.get(name, "").strip()
    ]:
        raise ServiceError("unreadable", f"say {', '.join(missing)}")
    async with service.editing:
        draft = _found(service, draft_id)
        before = await asyncio.to_thread(
            service.drafts.edit,
            draft,
            told["table"],
            told["key"],
            told["column"],
            told["value"],
            told["by"],
        )
    service.note(
        request,
        "edited a draft",
        draft=draft.id,
        cell=f"{told['table']} {told['key']} {told['column']}",
    )
    return _done(request, draft, told, 200, before=before)


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
        if not told.get("by", "").strip():
            raise ServiceError("unreadable", "say by whom: a role or initials")
        service.drafts.move(draft, told.get("state", ""), told["by"], told.get("why", ""))
    service.note(request, f"draft {draft.state}", draft=draft.id)
    return _done(request, draft, told, 200)


@router.post(
    "/{draft_id}/publish",
    summary="Publish a draft that was reviewed",
    responses=problems_of(400, 401, 403, 404, 409, 415, 422, 429),
)
async def published(request: Request, draft_id: str) -> Response:
    """``{"by": …, "why": …}``. Refused while check finds an error. The service answers by it from
    the next request on; stored answers keep theirs.
    """
    service, told = service_of(request), await _told(request)
    if not told.get("by", "").strip() or not told.get("why", "").strip():
        raise ServiceError("unreadable", "say by whom (a role or initials) and why")
    async with service.editing:
        draft = _found(service, draft_id)
        drafts = service.drafts
        await asyncio.to_thread(drafts.may_be_published, draft)
        report = await _report(service, draft, "check", "en")
        if not report.get("sound"):
            errors = [
                problem for problem in report.get("problems", []) if problem["severity"] == "error"
            ]
            found = [
                Problem(
                    f"{problem['rule'] or ''}: {problem['message']}",
                    place=f"{problem['file']}:{problem['line'] or 1}",
                )
                for problem in errors
            ]
            raise ServiceError("invalid-edit", "the draft has errors; nothing was published", found)
        difference = await _report(service, draft, "diff", "en")
        note = (
            f"# {draft.title}\n\n{told['why']} ({told['by']})\n\n{difference.get('markdown', '')}\n"
        )
        await asyncio.to_thread(drafts.publish, draft, told["by"], told["why"], note)
        try:
            await service.switch()
        except Exception:
            await asyncio.to_thread(drafts.undo_publishing, draft)
            raise
    service.note(request, "published a draft", draft=draft.id)
    return _done(request, draft, told, 200)


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
    summary="What a draft breaks (check), proves (verify) or changes (diff)",
    responses=problems_of(404, 406, 429, 503),
)
async def report(request: Request, draft_id: str, part: str) -> Response:
    """Examined in a process of its own; a second or a few."""
    service, language = service_of(request), language_of(request)
    if part not in PARTS:
        raise ServiceError("not-found", f"a draft has {', '.join(PARTS)} and files")
    draft = _found(service, draft_id)
    if draft.state == "discarded":
        raise ServiceError("not-found", "the draft was discarded")
    found = await _report(service, draft, part, language)
    if form_of(request, JSON, HTML) == JSON:
        return Response(orjson.dumps(found), headers=VARY, media_type=JSON)
    text = html(
        *service.shown, "draft_report.html", language, request.url.path, part=part, report=found
    )
    return Response(
        text, headers={"Cache-Control": "no-store"}, media_type="text/html; charset=utf-8"
    )


async def _report(service: Service, draft: Draft, part: str, language: str) -> dict[str, Any]:
    drafts: Drafts = service.drafts
    key = (draft.id, drafts.files(draft).digest, part, language)
    if key not in service.reports:
        try:
            service.reports[key] = await examine(
                part, drafts.base(draft), drafts.guideline(draft), language
            )
        except ExaminationError as error:
            raise ServiceError("busy", str(error)) from None
        while len(service.reports) > KEPT_REPORTS:
            service.reports.pop(next(iter(service.reports)))
    return service.reports[key]


KEPT_REPORTS = 32


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
        return {name: str(value) for name, value in (await request.form(max_fields=64)).items()}
    if kind != JSON:
        raise ServiceError("wrong-form", f"send {JSON} or a form")
    try:
        raw = json.loads(await request.body())
        if not isinstance(raw, dict):
            raise TypeError
    except (ValueError, TypeError, RecursionError):
        raise ServiceError("unreadable", "send a JSON object") from None
    told = {
        str(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in raw.items()
    }
    if any(
        any("\ud800" <= character <= "\udfff" for character in name + value)
        for name, value in told.items()
    ):
        raise ServiceError("unreadable", "a text holds half a character (a lone surrogate)")
    return told


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
