"""The service as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from ontology import CalxError
from reasoner.errors import CaseError, Problem

from .audit import AuditError
from .guard import Guard
from .openapi import describe
from .pages import STATIC, told
from .problems import ServiceProblem, of_case
from .routes import advice, fhir, hooks, knowledge, pages, sparql, stored, upkeep
from .service import opened, service_of
from .settings import Settings
from .store import StoreError

OF_STATUS = {404: "not-found", 405: "wrong-method", 413: "too-large", 415: "wrong-form", 400: "unreadable"}


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens its store when it is started."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with opened(settings) as service:
                app.state.service = service
                yield
        except CalxError as error:
            app.state.failure = error  # for whoever started the service to tell
            raise

    app = FastAPI(title="Calx", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for module in (upkeep, advice, pages, stored, knowledge, sparql, hooks, fhir):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, settings=settings)
    if settings.origins:  # outside the guard, so that the allowed sites can read its refusals
        app.add_middleware(CORSMiddleware, allow_origins=list(settings.origins), allow_methods=["GET", "POST"], allow_headers=["*"], max_age=600)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return Response((STATIC / "icon.svg").read_bytes(), media_type="image/svg+xml")

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return Response(orjson.dumps(describe(app, service_of(request).reasoner)), media_type="application/json")

    @app.exception_handler(ServiceProblem)
    async def problem(request: Request, error: Any) -> Response:
        return told(request, error)

    @app.exception_handler(CaseError)
    async def refused(request: Request, error: Any) -> Response:
        return told(request, of_case(error))

    @app.exception_handler(StoreError)
    async def not_stored(request: Request, error: Any) -> Response:
        return told(request, ServiceProblem("not-stored", str(error)))

    @app.exception_handler(AuditError)
    async def not_noted(request: Request, error: Any) -> Response:
        return told(request, ServiceProblem("not-stored", str(error)))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: Any) -> Response:
        kind = OF_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "unreadable")
        detail = f"{request.method} {request.url.path}" if kind in ("not-found", "wrong-method") else str(error.detail)
        return told(request, ServiceProblem(kind, detail, headers=dict(error.headers or {})))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Any) -> Response:
        problems = [Problem(str(e["msg"]), place=".".join(map(str, e["loc"]))) for e in error.errors()]
        return told(request, ServiceProblem("unreadable", "a parameter is wrong", problems))

    return app
