"""SPARQL from the command line: over the knowledge base
and given cases, or over the stored cases of a service.
"""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import pyoxigraph as ox

from calx.api.sparql.gate import (
    GRAPHS,
    MEMORY,
    RESULTS,
    Dataset,
    QueryError,
    answer_query,
    check_query,
)
from calx.api.sparql.sandbox import no_connections
from calx.ontology import GuidelineFiles
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.names import IRI

FORMATS = {
    "json": "application/sparql-results+json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xml": "application/sparql-results+xml",
    "turtle": "text/turtle",
    "table": "application/sparql-results+json",
}
ANY_FORM = "text/csv, text/turtle;q=0.9"


def run(
    query: bytes,
    directory: Path,
    answers: list[Answer],
    form: str | None,
    seconds: float,
    terminal: bool,
    stored: Path | None = None,
    quads: Path | None = None,
) -> str:
    """The result of a query as text.

    Args:
        query: SPARQL 1.1, UTF-8.
        directory: the guideline, whose files are the knowledge base.
        answers: cases whose facts, conclusions and proofs are asked about too.
        form: one of `FORMATS`; None chooses by the kind of query and by `terminal`.
        seconds: after which the query is ended.
        terminal: whether a person looks at the result.
        stored: folder of a store, which is asked instead of `directory` and `answers`.
        quads: a file of N-Quads, which are asked about too.

    Raises:
        QueryError: it is not SPARQL, asks for something refused, or took too long.
    """
    form = form or ("table" if terminal else None)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    worker = context.Process(
        target=_work,
        args=(there, query, directory, answers, form, stored, quads),
        daemon=True,
    )
    worker.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise QueryError(
                f"took longer than {seconds:g} s; narrow it, add LIMIT, or raise --timeout",
                "query-too-long",
            )
        kind, media, body = here.recv()
    except EOFError:
        raise QueryError("ran out of memory; narrow it or add LIMIT", "query-too-large") from None
    finally:
        worker.kill()
        worker.join()
    if kind != "result":
        raise QueryError(body.decode(), kind)
    return format_results(media, body, form)


def format_results(media: str, body: bytes, form: str | None) -> str:
    """A result as a person or a program reads it."""
    if media in GRAPHS and media not in RESULTS:
        return body.decode()
    if form == "table":
        found = ox.parse_query_results(body, ox.QueryResultsFormat.JSON)
        return (
            f"{str(bool(found)).lower()}\n" if isinstance(found, ox.QueryBoolean) else _table(found)
        )
    text = body.decode()
    return text if text.endswith("\n") or form not in (None, "csv", "tsv") else f"{text}\n"


def _work(
    channel: Connection,
    query: bytes,
    directory: Path,
    answers: list[Answer],
    form: str | None,
    stored: Path | None,
    quads: Path | None,
) -> None:
    """In a process of its own: whatever the query says, once the graphs are there it opens no file
    and no connection.
    """
    resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY, 2 * MEMORY))
    try:
        no_connections()
        read_only = check_query(query)
        accept = accepted(form, read_only.kind)
        store = ox.Store.read_only(str(stored)) if stored else _filled(directory, answers, quads)
        if not stored:  # a store on disk opens its files as it needs them
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        channel.send(("result", *answer_query(store, read_only, Dataset(), accept)))
    except QueryError as error:
        channel.send((error.kind, "", str(error).encode()))
    except MemoryError:
        channel.send(("query-too-large", "", b"ran out of memory; narrow it or add LIMIT"))


def accepted(form: str | None, kind: str) -> str:
    """The Accept header for a form; tables are for
    SELECT and ASK, Turtle for CONSTRUCT and DESCRIBE.
    """
    tabular = kind in ("select", "ask")
    if form is None:
        return ANY_FORM
    if form == "table" and not tabular:
        return FORMATS["turtle"]
    if tabular == (form == "turtle"):
        fitting = "json, csv, tsv, xml or table" if tabular else "turtle"
        raise QueryError(f"'{form}' does not fit this kind of query; use {fitting}")
    return FORMATS[form]


def _filled(directory: Path, answers: list[Answer], quads: Path | None) -> ox.Store:
    from calx.reasoner.tell.rdf import lesion_of, triples

    store = ox.Store()
    knowledge = ox.NamedNode(IRI)
    for text in GuidelineFiles(directory).written_out().values():
        store.load(text, format=ox.RdfFormat.TURTLE, to_graph=knowledge)
    for answer in answers:
        graph = lesion_of(answer.case.id)
        store.extend([ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples(answer)])
    if quads is not None:
        store.bulk_load(path=quads, format=ox.RdfFormat.N_QUADS)
    return store


def _table(found: ox.QuerySolutions) -> str:
    names = [variable.value for variable in found.variables]
    rows = [
        [
            "" if value is None else getattr(value, "value", str(value)).replace(IRI, "calx:")
            for value in row
        ]
        for row in found
    ]
    widths = [
        max([len(name), *(len(row[index]) for row in rows)]) for index, name in enumerate(names)
    ]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [names, ["─" * width for width in widths], *rows]
    ]
    return "\n".join(lines) + f"\n{len(rows)} row{'s' if len(rows) != 1 else ''}\n"
