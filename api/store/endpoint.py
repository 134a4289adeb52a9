"""A SPARQL 1.1 endpoint as the store of the service: Virtuoso, Fuseki, GraphDB,
Oxigraph's server …
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pyoxigraph as ox

from calx.api.sparql.gate import (
    BASE,
    LARGEST,
    MIB,
    RESULTS,
    SELECTED,
    Dataset,
    QueryError,
    form_of,
    serialise,
)
from calx.api.sparql.worker import Workers
from calx.api.store.protocol import KNOWLEDGE, GraphExistsError, StoreError, digest_of_knowledge
from calx.reasoner.tell.rdf import CASE

AT_ONCE = 2000
"""Triples of one INSERT DATA; larger updates are refused by some stores."""
GENID = "https://w3id.org/.well-known/genid/calx/"
SECONDS = 32.0
"""How long the endpoint may take over what this service itself asks."""
JSON, N_TRIPLES = "application/sparql-results+json", "application/n-triples"


class SlowEndpointError(StoreError):
    """The endpoint took too long."""


class EndpointStore:
    """Keeps cases behind the SPARQL 1.1 protocol.
    Whoever runs the endpoint answers for its durability.
    """

    def __init__(self, query: str, update: str | None = None, queries_at_once: int = 2) -> None:
        self._query, self._update = query, update or query
        self._client = httpx.AsyncClient(timeout=SECONDS, trust_env=False, follow_redirects=False)
        self._workers = Workers(queries_at_once)
        self._adding = asyncio.Lock()

    # --- writing --------------------------------------------------------------------

    async def add(self, name: ox.NamedNode, triples: list[ox.Triple]) -> None:
        async with self._adding:
            if await self._holds(name):
                raise GraphExistsError
            unique = list(dict.fromkeys(map(_named, triples)))
            try:
                # the marker of the case comes last: half a graph, left by a crash, is not taken for
                # a case
                for start in range(0, len(unique), AT_ONCE):
                    await self._send(
                        f"INSERT DATA {{ GRAPH {name} {{ "
                        f"{_written(unique[start : start + AT_ONCE])} }} }}"
                    )
            except BaseException:
                with contextlib.suppress(StoreError):
                    await self._send(f"DROP SILENT GRAPH {name}")
                raise

    async def drop(self, name: ox.NamedNode) -> bool:
        async with self._adding:
            there = await self._holds(name)
            if there:
                await self._send(f"DROP SILENT GRAPH {name}")
            return there

    async def teach(self, digest: str, triples: list[ox.Triple]) -> None:
        stamp = digest_of_knowledge(digest)
        if await self._asks(f"ASK {{ GRAPH {KNOWLEDGE} {{ {stamp} }} }}"):
            return
        await self.drop(KNOWLEDGE)
        await self.add(KNOWLEDGE, [*triples, stamp])

    async def _holds(self, name: ox.NamedNode) -> bool:
        return await self._asks(f"ASK {{ GRAPH {name} {{ ?s ?p ?o }} }}")

    async def _send(self, update: str) -> None:
        reply = await self._request(
            self._update,
            {"content": update.encode(), "headers": {"Content-Type": "application/sparql-update"}},
        )
        if reply.status_code >= 400:
            raise StoreError(
                f"the store's endpoint refused an update ({reply.status_code}); may this service "
                "write to it?"
            )

    # --- reading --------------------------------------------------------------------

    async def select(self, query: str) -> list[dict[str, Any]]:
        found = ox.parse_query_results(await self._result(query, JSON), ox.QueryResultsFormat.JSON)
        names = [variable.value for variable in found.variables]  # type: ignore[union-attr]
        return [{name: row[name] for name in names} for row in found]  # type: ignore[union-attr]

    async def _asks(self, query: str) -> bool:
        return _truth(await self._result(query, JSON))

    async def _result(
        self, query: str, accept: str, dataset: Dataset | None = None, seconds: float = SECONDS
    ) -> bytes:
        form: dict[str, Any] = {"query": query}
        if dataset:
            form |= {
                "default-graph-uri": list(dataset.default),
                "named-graph-uri": list(dataset.named),
            }
        reply = await self._request(
            self._query, {"data": form, "headers": {"Accept": accept}, "seconds": seconds}
        )
        if reply.status_code >= 400:
            raise StoreError(f"the store's endpoint did not answer a query ({reply.status_code})")
        return reply.content

    async def _request(self, address: str, how: dict[str, Any]) -> httpx.Response:
        try:
            async with (
                asyncio.timeout(how.pop("seconds", SECONDS)),
                self._client.stream("POST", address, **how) as reply,
            ):
                body = bytearray()
                async for part in reply.aiter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise StoreError(
                            f"the endpoint's answer is larger than {LARGEST // MIB} MiB"
                        )
                return httpx.Response(
                    reply.status_code,
                    headers={"content-type": reply.headers.get("content-type", "")},
                    content=bytes(body),
                )
        except (httpx.TimeoutException, TimeoutError):
            raise SlowEndpointError("the store's endpoint took too long") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logging.getLogger("calx").error("%s: %s", address, error)
            raise StoreError(
                f"the store's endpoint cannot be reached ({type(error).__name__}); is it running?"
            ) from None

    async def graphs(self) -> tuple[str, ...]:
        """The graphs of this service in the endpoint, which may hold others."""
        rows = await self.select(
            f'SELECT DISTINCT ?g {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{CASE}") '
            f"|| ?g = {KNOWLEDGE}) }}"
        )
        return tuple(row["g"].value for row in rows)

    async def ask(
        self, query: bytes, asked: Dataset, accept: str | None, seconds: float
    ) -> tuple[str, bytes]:
        read_only = await self._workers.read(query, seconds)
        ours = await self.graphs()
        dataset = asked or read_only.dataset
        strange = {*dataset.default, *dataset.named, *read_only.graphs} - set(ours)
        if strange:
            raise QueryError(f"no graph <{min(strange)[:200]}> here", "refused-query")
        tabular = read_only.kind in ("select", "ask")
        try:
            body = await self._result(
                f"BASE <{BASE}>\n{read_only.text}",
                JSON if tabular else N_TRIPLES,
                dataset or Dataset(ours, ours),
                seconds,
            )
        except SlowEndpointError:
            raise QueryError(
                f"took longer than {seconds:g} s; narrow it or add LIMIT", "query-too-long"
            ) from None
        return await asyncio.to_thread(_again, body, read_only.kind, accept)

    async def export(self) -> tuple[Path, Any]:
        with tempfile.NamedTemporaryFile(prefix="calx-", suffix=".nq", delete=False) as file:
            for name in await self.graphs():
                if name.startswith(CASE):
                    body = await self._result(
                        f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{name}> {{ ?s ?p ?o }} }}",
                        N_TRIPLES,
                    )
                    quads = (
                        ox.Quad(q.subject, q.predicate, q.object, ox.NamedNode(name))
                        for q in ox.parse(body, ox.RdfFormat.N_TRIPLES)
                    )
                    ox.serialize(quads, file, ox.RdfFormat.N_QUADS)
        path = Path(file.name)
        return path, lambda: path.unlink(missing_ok=True)

    async def close(self) -> None:
        self._workers.close()
        await self._client.aclose()


def _again(body: bytes, kind: str, accept: str | None) -> tuple[str, bytes]:
    """The endpoint's result in the form that the client wants."""
    try:
        if kind not in ("select", "ask"):
            return serialise(
                list(dict.fromkeys(quad.triple for quad in ox.parse(body, ox.RdfFormat.N_TRIPLES))),
                accept,
            )
        form = form_of(accept, SELECTED)
        if kind == "ask":
            yes: Any = ox.Store().query("ASK {}" if _truth(body) else "ASK { ?s ?p ?o }")
            return form, yes.serialize(format=RESULTS[form]) or b""
        return form, ox.parse_query_results(body, ox.QueryResultsFormat.JSON).serialize(
            format=RESULTS[form]
        ) or b""
    except (SyntaxError, ValueError):
        raise StoreError("the store's endpoint answered with what is no SPARQL result") from None


def _truth(body: bytes) -> bool:
    """The answer to ASK; Virtuoso gives it as a table that has a row or none."""
    found = ox.parse_query_results(body, ox.QueryResultsFormat.JSON)
    return bool(found) if isinstance(found, ox.QueryBoolean) else any(True for _ in found)


def _named(triple: ox.Triple) -> ox.Triple:
    """The triple with IRIs for blank nodes (RDF 1.1, section 3.5): these would not be the same from
    one request to the next.
    """
    found: list[Any] = [
        ox.NamedNode(GENID + term.value) if isinstance(term, ox.BlankNode) else term
        for term in triple
    ]
    return ox.Triple(*found)


def _written(triples: list[ox.Triple]) -> str:
    return " ".join(f"{triple} ." for triple in triples)
