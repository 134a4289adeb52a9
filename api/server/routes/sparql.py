"""SPARQL 1.1 Protocol, queries only
(https://www.w3.org/TR/sparql11-protocol/), with a service description.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qsl

import pyoxigraph as ox
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from calx.api.contract.problems import ServiceError
from calx.api.server.openapi import problems_of
from calx.api.server.request import form_of, language_of, service_of
from calx.api.server.respond import query_page
from calx.api.sparql.gate import GRAPHED, SELECTED, Dataset, QueryError, serialise
from calx.api.store.protocol import KNOWLEDGE, StoreError

router = APIRouter(tags=["SPARQL"])
FORM, DIRECT, UPDATE = (
    "application/x-www-form-urlencoded",
    "application/sparql-query",
    "application/sparql-update",
)
SD, FORMATS = "http://www.w3.org/ns/sparql-service-description#", "http://www.w3.org/ns/formats/"
WRITTEN_AS = (
    "SPARQL_Results_JSON",
    "SPARQL_Results_XML",
    "SPARQL_Results_CSV",
    "SPARQL_Results_TSV",
    "Turtle",
    "N-Triples",
    "RDF_XML",
    "JSON-LD",
    "TriG",
    "N-Quads",
)
PATIENCE = 0.3
"""Seconds between looks whether the client is still there."""
RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result, or the service description",
        "content": {form: {} for form in dict.fromkeys((*SELECTED, *GRAPHED, "text/html"))},
    },
    **problems_of(400, 401, 403, 406, 408, 413, 415, 429, 503, 504),
}
PARAMETERS = [
    {
        "name": "query",
        "in": "query",
        "schema": {"type": "string"},
        "description": "SPARQL 1.1 query",
        "example": "SELECT ?g WHERE { GRAPH ?g {} }",
    },
    {
        "name": "default-graph-uri",
        "in": "query",
        "schema": {"type": "array", "items": {"type": "string"}},
        "description": "Graphs that make up the default graph",
    },
    {
        "name": "named-graph-uri",
        "in": "query",
        "schema": {"type": "array", "items": {"type": "string"}},
        "description": "Graphs that GRAPH can reach",
    },
    {
        "name": "timeout",
        "in": "query",
        "schema": {"type": "number"},
        "description": "Seconds; lowers the limit of the service",
    },
]
BODY = {
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "properties": {"query": {"type": "string"}},
                "required": ["query"],
            }
        },
        DIRECT: {"schema": {"type": "string"}},
    }
}


@router.get(
    "/sparql",
    summary="Ask in SPARQL, or read the service description",
    responses=RESULTS,
    openapi_extra={"parameters": PARAMETERS},
)
@router.get("/sparql/", include_in_schema=False)
async def get(request: Request) -> Response:
    """Over the knowledge base, the stored cases and their conclusions: a named graph a case, and
    the default graph is their union.
    """
    parameters = _parameters(request.scope["query_string"])
    if not any(name == "query" for name, _ in parameters):
        if any(name == "update" for name, _ in parameters):
            raise _no_updates()
        return _description(request)
    return await _answer(request, parameters)


@router.post(
    "/sparql",
    summary="Ask in SPARQL",
    responses=RESULTS,
    openapi_extra={"requestBody": BODY, "parameters": PARAMETERS[1:]},
)
@router.post("/sparql/", include_in_schema=False)
async def post(request: Request) -> Response:
    """The query as a form field, or as the body itself."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == UPDATE:
        raise _no_updates()
    if kind not in (FORM, DIRECT):
        raise ServiceError(
            "wrong-form",
            f"send the query as {FORM} or {DIRECT}",
            headers={"Accept-Post": f"{FORM}, {DIRECT}"},
        )
    parameters, body = _parameters(request.scope["query_string"]), await request.body()
    if kind == FORM:
        return await _answer(
            request,
            [*((name, value) for name, value in parameters if name != "query"), *_parameters(body)],
        )
    return await _answer(request, [pair for pair in parameters if pair[0] != "query"], body)


def _no_updates() -> ServiceError:
    return ServiceError(
        "refused-query", "this endpoint answers queries only; cases are stored with POST /cases"
    )


def _parameters(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100_000
        )
    except ValueError:
        raise ServiceError("unreadable", "the parameters are not percent-encoded UTF-8") from None


async def _answer(
    request: Request, parameters: list[tuple[str, str]], body: bytes | None = None
) -> Response:
    service = service_of(request)
    asked: dict[str, list[str]] = {}
    for name, value in parameters:
        asked.setdefault(name, []).append(value)
    if "update" in asked or "using-graph-uri" in asked or "using-named-graph-uri" in asked:
        raise _no_updates()
    queries = asked.get("query", [])
    if body is None and len(queries) != 1:
        raise ServiceError("bad-query", f"{len(queries)} parameters 'query'; send one")
    dataset = Dataset(
        tuple(asked.get("default-graph-uri", ())), tuple(asked.get("named-graph-uri", ()))
    )
    seconds = _seconds(asked.get("timeout"), service.settings.query_seconds)
    text = queries[0].encode() if body is None else body
    try:
        form, result = await _while_wanted(
            request, service.store.ask(text, dataset, request.headers.get("accept"), seconds)
        )
    except QueryError as error:
        raise ServiceError(
            error.kind, str(error), headers={"Retry-After": "5"} if error.kind == "busy" else None
        ) from None
    except StoreError as error:
        raise ServiceError("not-stored", str(error)) from None
    service.note(request, "queried", bytes=len(text))
    return Response(result, media_type=form, headers={"Vary": "Accept"})


async def _while_wanted(
    request: Request, asking: Coroutine[Any, Any, tuple[str, bytes]]
) -> tuple[str, bytes]:
    """The result, or the end of the query once nobody waits for it."""
    task = asyncio.ensure_future(asking)
    try:
        while not (await asyncio.wait([task], timeout=PATIENCE))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()


def _seconds(asked: list[str] | None, most: float) -> float:
    """The time limit: the service's, or a lower one that the client asks for."""
    try:
        wanted = float(asked[0]) if asked else most
    except ValueError:
        wanted = 0
    if not 0 < wanted < float("inf"):
        raise ServiceError("bad-query", "'timeout' is a number of seconds above 0")
    return min(most, wanted)


def _description(request: Request) -> Response:
    form = form_of(request, *GRAPHED[:6], "application/trig", "application/n-quads", "text/html")
    if form == "text/html":
        return query_page(request, language_of(request))
    address = str(request.url).partition("?")[0]
    media, body = serialise(description(address), form)
    return Response(body, media_type=media, headers={"Vary": "Accept"})


def description(address: str) -> list[ox.Triple]:
    """The service description; it states only what is so."""
    service, dataset, default, knowledge = (
        ox.NamedNode(address + part) for part in ("#service", "#dataset", "#default", "#knowledge")
    )

    def sd(name: str) -> ox.NamedNode:
        return ox.NamedNode(SD + name)

    kind = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    label = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#comment")
    return [
        ox.Triple(service, kind, sd("Service")),
        ox.Triple(service, sd("endpoint"), ox.NamedNode(address)),
        ox.Triple(service, sd("supportedLanguage"), sd("SPARQL11Query")),
        ox.Triple(service, sd("feature"), sd("UnionDefaultGraph")),
        *(
            ox.Triple(service, sd("resultFormat"), ox.NamedNode(FORMATS + name))
            for name in WRITTEN_AS
        ),
        ox.Triple(service, sd("defaultDataset"), dataset),
        ox.Triple(dataset, kind, sd("Dataset")),
        ox.Triple(dataset, sd("defaultGraph"), default),
        ox.Triple(default, kind, sd("Graph")),
        ox.Triple(default, label, ox.Literal("The union of all named graphs", language="en")),
        ox.Triple(dataset, sd("namedGraph"), knowledge),
        ox.Triple(knowledge, kind, sd("NamedGraph")),
        ox.Triple(knowledge, sd("name"), KNOWLEDGE),
        ox.Triple(
            knowledge,
            label,
            ox.Literal(
                "The knowledge base; beside it stands a named graph for each stored case",
                language="en",
            ),
        ),
    ]
