"""SPARQL that only reads: which queries are answered, over which graphs, and in which form.

The decision is made on the parsed query, by kind of pattern, so that no spelling gets around it.
`sparql.worker` runs this in a process that can be killed and that opens no connection.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from calx.api.contract.negotiation import choose
from calx.errors import CalxError
from calx.reasoner.tell.rdf import PREFIXES, XSD

MIB = 1024 * 1024
LARGEST = 32 * MIB
"""Bytes that a result may have."""
MOST_TRIPLES = 300_000
MEMORY = 1024 * MIB
"""Bytes of memory that a query may use beside the graphs."""
BASE = "https://w3id.org/calx/"
"""What relative IRIs of a query are relative to, if it does not say."""
ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U(000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})")
SELECTED = (
    "application/sparql-results+json",
    "application/json",
    "application/sparql-results+xml",
    "application/xml",
    "text/xml",
    "text/csv",
    "text/tab-separated-values",
)
GRAPHED = (
    "text/turtle",
    "application/n-triples",
    "application/rdf+xml",
    "application/xml",
    "text/xml",
    "application/ld+json",
    "application/json",
    "application/trig",
    "application/n-quads",
    "text/n3",
    "text/plain",
)
RESULTS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "application/xml": ox.QueryResultsFormat.XML,
    "text/xml": ox.QueryResultsFormat.XML,
    "text/csv": ox.QueryResultsFormat.CSV,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
}
GRAPHS = {
    "text/turtle": ox.RdfFormat.TURTLE,
    "text/n3": ox.RdfFormat.TURTLE,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "text/plain": ox.RdfFormat.N_TRIPLES,
    "application/rdf+xml": ox.RdfFormat.RDF_XML,
    "application/xml": ox.RdfFormat.RDF_XML,
    "text/xml": ox.RdfFormat.RDF_XML,
    "application/ld+json": ox.RdfFormat.JSON_LD,
    "application/json": ox.RdfFormat.JSON_LD,
    "application/trig": ox.RdfFormat.TRIG,
    "application/n-quads": ox.RdfFormat.N_QUADS,
}


class QueryError(CalxError):
    """A query that was not answered: the text says why and what to do; `kind` is one of
    `contract.problems.KINDS`.
    """

    def __init__(self, message: str, kind: str = "bad-query") -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True)
class Dataset:
    """The graphs that a query is asked over. Without
    any, the default graph is the union of all graphs.
    """

    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.default or self.named)


@dataclass(frozen=True)
class Query:
    """A query that only reads."""

    text: str
    kind: str
    """``select``, ``ask``, ``construct`` or ``describe``."""
    dataset: Dataset
    """What its FROM and FROM NAMED clauses name."""
    graphs: tuple[str, ...] = ()
    """Graphs that its GRAPH patterns name."""


def check_query(query: bytes) -> Query:
    """The query, if it is one and only reads.

    Raises:
        QueryError: it is not SPARQL 1.1, or asks for something refused.
    """
    from rdflib.plugins.sparql.parser import parseQuery
    from rdflib.plugins.sparql.parserutils import CompValue

    try:
        text = query.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise QueryError("not UTF-8 text; send the query as UTF-8") from None
    # parsers differ in what ends a comment; with one kind of line end they cannot read different
    # queries
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # they differ in when code point escapes count, too: these are resolved here, so that both read
    # the same text
    text = ESCAPE.sub(lambda found: chr(int(found.group(1) or found.group(2), 16)), text)
    if ESCAPE.search(text) or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise QueryError(
            (
                "a code point escape that resolves to another, or to no character; write the "
                "characters themselves"
            ),
            "refused-query",
        )
    if not text.strip():
        raise QueryError("the query is empty")
    try:
        parsed = parseQuery(text)
    except RecursionError:
        raise QueryError("nested too deeply") from None
    except Exception as error:
        if _is_update(text):
            raise QueryError(
                "an update; this service only answers queries", "refused-query"
            ) from None
        raise QueryError(f"not a SPARQL 1.1 query: {str(error)[:200]}") from None
    open_nodes: list[Any] = [parsed]
    clauses, terms, functions = False, list[Any](), list[Any]()
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, CompValue):
            if node.name == "ServiceGraphPattern":
                raise QueryError(
                    (
                        "SERVICE would reach another server, and Calx reads only its own graphs; "
                        "remove it"
                    ),
                    "refused-query",
                )
            if node.name == "Function":
                functions.append(node.iri)
            clauses = clauses or node.name in ("DatasetClause", "GraphGraphPattern")
            terms += [node.term] if node.name == "GraphGraphPattern" else []
            open_nodes.extend(node.values())
        elif hasattr(node, "__iter__") and not isinstance(node, str):
            open_nodes.extend(list(node))
    if functions:
        _only_casts(parsed, functions)
    return Query(
        text,
        parsed[1].name.removesuffix("Query").lower(),
        *(_graphs(parsed, terms) if clauses else (Dataset(), ())),
    )


def _only_casts(parsed: Any, functions: list[Any]) -> None:
    """Refuse functions that only some stores know, and that may do anything there."""
    from rdflib.plugins.sparql.algebra import translateQuery

    try:
        prologue = translateQuery(parsed, base=BASE).prologue
        named = [str(prologue.absolutize(function)) for function in functions]
    except Exception as error:
        raise QueryError(f"not a SPARQL 1.1 query: {str(error)[:200]}") from None
    for name in named:
        if not name.startswith(XSD.iri):
            raise QueryError(f"the function <{name[:200]}> is none of SPARQL 1.1", "refused-query")


def _is_update(text: str) -> bool:
    from rdflib.plugins.sparql.parser import parseUpdate

    try:
        return bool(parseUpdate(text))
    except Exception:
        return False


def _graphs(parsed: Any, terms: list[Any]) -> tuple[Dataset, tuple[str, ...]]:
    """The graphs of FROM and FROM NAMED, and those of GRAPH, with prefixes and base resolved."""
    from rdflib import Variable
    from rdflib.plugins.sparql.algebra import translateQuery

    try:
        query = translateQuery(parsed, base=BASE)
        clauses = query.algebra.datasetClause or ()
        constants = tuple(
            str(query.prologue.absolutize(term)) for term in terms if not isinstance(term, Variable)
        )
    except Exception as error:
        raise QueryError(f"not a SPARQL 1.1 query: {str(error)[:200]}") from None
    return Dataset(
        tuple(str(c.default) for c in clauses if c.default),
        tuple(str(c.named) for c in clauses if c.named),
    ), constants


def answer_query(
    store: ox.Store, query: Query, asked: Dataset, accept: str | None
) -> tuple[str, bytes]:
    """The result of a query: its media type and the bytes.

    Args:
        store: what is asked.
        query: what `checked` let through.
        asked: graphs named by the request; they count before those of the query.
        accept: the forms that the client reads, as in an Accept header.

    Raises:
        QueryError: it cannot be evaluated, names a graph that is not there, or has too large a
            result.
    """
    dataset = asked or query.dataset
    default, named = _named(dataset.default), _named(dataset.named)
    for graph in (*default, *named):
        if not store.contains_named_graph(graph):
            raise QueryError(
                (
                    f"no graph <{graph.value[:200]}> here; 'SELECT DISTINCT ?g {{ GRAPH ?g {{}} "
                    f"}}' lists those that are"
                ),
                "refused-query",
            )
    try:
        over: dict[str, Any] = (
            {"default_graph": default, "named_graphs": named}
            if dataset
            else {"use_default_graph_as_union": True}
        )
        found = store.query(query.text, base_iri=BASE, **over)
        if isinstance(found, ox.QueryTriples):
            return serialise(_capped(found), accept)
        if isinstance(found, ox.QueryBoolean):
            form = form_of(accept, SELECTED)
            return form, found.serialize(format=RESULTS[form]) or b""
        return _solutions(found, accept)
    except (ValueError, SyntaxError, RuntimeError, OSError) as error:
        raise QueryError(f"cannot be evaluated: {str(error)[:200]}") from None


def _named(graphs: tuple[str, ...]) -> list[Any]:
    try:
        return [ox.NamedNode(name) for name in graphs]
    except ValueError as error:
        raise QueryError(f"a graph is named by an IRI: {str(error)[:200]}") from None


def form_of(accept: str | None, offers: tuple[str, ...]) -> str:
    """The media type to answer in."""
    form = choose(accept, offers)
    if form is None:
        raise QueryError(
            f"no form that was asked for fits this kind of query; it comes as {', '.join(offers)}",
            "not-acceptable",
        )
    return form


def _capped(found: Iterable[Any]) -> list[Any]:
    kept = [item for _, item in zip(range(MOST_TRIPLES + 1), found, strict=False)]
    if len(kept) > MOST_TRIPLES:
        raise QueryError(f"more than {MOST_TRIPLES:,} triples; add LIMIT", "query-too-large")
    return kept


def serialise(triples: Sequence[ox.Triple], accept: str | None) -> tuple[str, bytes]:
    """Triples in the form that a client wants."""
    form = form_of(accept, GRAPHED)
    prefixes = PREFIXES if form in ("text/turtle", "text/n3", "application/trig") else None
    body = _Bounded()
    try:
        ox.serialize(triples, body, format=GRAPHS[form], prefixes=prefixes)
    except OverflowError:
        raise _too_large() from None
    return form, body.getvalue()


def _too_large() -> QueryError:
    return QueryError(
        f"the result is larger than {LARGEST // MIB} MiB; add LIMIT", "query-too-large"
    )


class _Bounded(io.BytesIO):
    """Takes a result as Oxigraph writes it, until it is too large."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > LARGEST:
            raise OverflowError
        return super().write(data)


def _solutions(found: Any, accept: str | None) -> tuple[str, bytes]:
    form, body = form_of(accept, SELECTED), _Bounded()
    try:
        found.serialize(body, format=RESULTS[form])
    except OverflowError:
        raise _too_large() from None
    return form, body.getvalue()
