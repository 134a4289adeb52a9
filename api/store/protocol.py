"""What the service asks of a store, and what can go wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pyoxigraph as ox

from calx.api.sparql.gate import Dataset
from calx.errors import CalxError
from calx.reasoner.model.names import IRI
from calx.reasoner.tell.rdf import CALX

KNOWLEDGE = ox.NamedNode(IRI)
"""The graph of the knowledge base."""


class StoreError(CalxError):
    """The store cannot be used; the text says what to do."""


class GraphExistsError(CalxError):
    """A graph of this name is there already."""


class Store(Protocol):
    """What the service asks of a store."""

    async def add(self, name: ox.NamedNode, triples: list[ox.Triple]) -> None:
        """Keep a new graph; returns when it is on disk.
        Raises `GraphExistsError` or `StoreError`.
        """

    async def drop(self, name: ox.NamedNode) -> bool:
        """Remove a graph for good; False if there was none."""

    async def select(self, query: str) -> list[dict[str, Any]]:
        """Rows of one of the service's own queries."""

    async def ask(
        self, query: bytes, asked: Dataset, accept: str | None, seconds: float
    ) -> tuple[str, bytes]:
        """The result of somebody's query; raises `calx.api.sparql.gate.QueryError`."""

    async def teach(self, digest: str, triples: list[ox.Triple]) -> None:
        """Make this the knowledge base, if it is not yet."""

    async def export(self) -> tuple[Path, Any]:
        """A file of N-Quads with all cases, and what to call when it was read."""

    async def close(self) -> None:
        """Let go of everything."""


def digest_of_knowledge(digest: str) -> ox.Triple:
    """The triple that says which files the knowledge base was read from."""
    return ox.Triple(KNOWLEDGE, CALX.guidelineDigest, ox.Literal(digest))
