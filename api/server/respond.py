"""Pages as responses, with the policies that browsers enforce."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from calx.api.contract.negotiation import choose
from calx.api.contract.problems import MEDIA, ServiceError
from calx.api.pages.render import html
from calx.api.server.request import language_of, name_of, service_of
from calx.words import words

QUERY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; font-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of the page with YASGUI alone: it writes style attributes."""


def page(
    request: Request,
    template: str,
    language: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """A page as response."""
    text = html(
        *service_of(request).shown,
        template,
        language,
        request.url.path,
        request.url.query,
        **{"who": name_of(request), **more},
    )
    return Response(
        text,
        status,
        {
            "Vary": "Accept, Accept-Language",
            "Cache-Control": "no-store",
            "Content-Language": language,
            **(headers or {}),
        },
        "text/html; charset=utf-8",
    )


def query_page(request: Request, language: str) -> Response:
    """The page on which to ask in SPARQL."""
    from calx.api.pages.questions import questions

    return page(
        request,
        "sparql.html",
        language,
        headers={"Content-Security-Policy": QUERY_POLICY},
        questions=questions(service_of(request).settings.ontology),
    )


def problem_response(request: Request, error: ServiceError) -> Response:
    """The problem as JSON, or as a page where a person is looking."""
    if (
        choose(request.headers.get("accept"), (MEDIA, "application/json", "text/html"))
        != "text/html"
    ):
        return error.response()
    language = language_of(request)
    title = words("problem", language)[error.kind]
    return page(
        request,
        "problem.html",
        language,
        error.status,
        error.headers,
        title=title,
        problem=error.json(),
    )
