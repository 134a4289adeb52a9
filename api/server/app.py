"""The service as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from calx.api.contract.problems import ServiceError, of_case
from calx.api.jobs.drafts import DraftError
from calx.api.pages.render import STATIC
from calx.api.server.guard import Guard
from calx.api.server.openapi import describe
from calx.api.server.request import service_of
from calx.api.server.respond import problem_response
from calx.api.server.routes import (
    advice,
    cds_hooks,
    drafts,
    fhir,
    knowledge,
    operations,
    pages,
    recordings,
    sparql,
    stored_cases,
    whatif,
)
from calx.api.server.settings import Settings
from calx.api.server.state import open_service
from calx.api.store.audit import AuditError
from calx.api.store.people import PeopleError
from calx.api.store.protocol import StoreError
from calx.errors import CalxError
from calx.reasoner.intake.errors import CaseError, Problem

OF_STATUS = {
    404: "not-found",
    405: "wrong-method",
    413: "too-large",
    415: "wrong-form",
    400: "unreadable",
}


ROUTERS = (
    operations.router,
    advice.router,
    pages.router,
    stored_cases.router,
    whatif.router,
    recordings.router,
    drafts.router,
    knowledge.router,
    sparql.router,
    cds_hooks.router,
    fhir.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens its store when it is started."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with open_service(settings) as service:
                app.state.service = service
                yield
        except CalxError as error:
            app.state.failure = error  # for whoever started the service to tell
            raise

    app = FastAPI(
        title="Calx",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, settings=settings)
    if settings.origins:  # outside the guard, so that the allowed sites can read its refusals
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            max_age=600,
        )

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return Response((STATIC / "icon.svg").read_bytes(), media_type="image/svg+xml")

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return Response(
            orjson.dumps(describe(app, service_of(request).reasoner, service_of(request).examples)),
            media_type="application/json",
        )

    @app.exception_handler(405)
    async def wrong_method(request: Request, error: Exception) -> Response:
        allowed = {
            method
            for router in ROUTERS
            for route in router.routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in getattr(route, "methods", None) or ()
        }
        allowed |= {"HEAD"} if "GET" in allowed else set()
        told = ", ".join(sorted(allowed))
        problem = ServiceError("wrong-method", f"this takes {told}", headers={"Allow": told})
        return problem_response(request, problem)

    for kind, as_problem in AS_PROBLEMS.items():
        app.add_exception_handler(kind, _handler(as_problem))
    return app


def _handler(as_problem: Callable[[Any], ServiceError]) -> Callable[[Request, Exception], Response]:
    return lambda request, error: problem_response(request, as_problem(error))


def _of_http(error: HTTPException) -> ServiceError:
    kind = OF_STATUS.get(
        error.status_code, "internal" if error.status_code >= 500 else "unreadable"
    )
    return ServiceError(kind, str(error.detail), headers=dict(error.headers or {}))


def _of_parameters(error: RequestValidationError) -> ServiceError:
    problems = [Problem(str(e["msg"]), place=".".join(map(str, e["loc"]))) for e in error.errors()]
    return ServiceError("unreadable", "a parameter is wrong", problems)


def _of_disk(error: CalxError) -> ServiceError:
    return ServiceError("not-stored", str(error))


AS_PROBLEMS: dict[type[Exception], Callable[[Any], ServiceError]] = {
    ServiceError: lambda error: error,
    CaseError: of_case,
    DraftError: drafts.of_draft,
    StoreError: _of_disk,
    AuditError: _of_disk,
    PeopleError: _of_disk,
    HTTPException: _of_http,
    RequestValidationError: _of_parameters,
}
"""How each error of a route is told."""
