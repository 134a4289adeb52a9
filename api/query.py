"""SPARQL over the knowledge base and given cases: in a worker that can be killed, never reaching disk or network."""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ontology import GuidelineFiles
from reasoner.answer import Answer

ROWS = 1_000_000
"""Rows, or triples, that an answer may have."""
MEMORY = 1024**3
FORMATS = {"json", "csv", "tsv", "xml", "table", "turtle"}
REFUSED = {"ServiceGraphPattern": "SERVICE would reach another server", "DatasetClause": "FROM would read another graph"}


class QueryError(Exception):
    """A query that was not answered: the text says why and what to do."""


def run(query: bytes, directory: Path, answers: list[Answer], form: str | None, seconds: float, terminal: bool) -> str:
    """The result of a query as text.

    Args:
        query: SPARQL 1.1, UTF-8.
        directory: the guideline, whose files are the knowledge base.
        answers: cases whose facts, conclusions and proofs are asked about too.
        form: one of `FORMATS`; None chooses by the kind of query and by `terminal`.
        seconds: after which the query is ended.
        terminal: whether a person looks at the result.

    Raises:
        QueryError: it is not SPARQL, asks for something refused, or took too long.
    """
    if form is not None and form not in FORMATS:
        raise QueryError(f"no format '{form}'; use one of {', '.join(sorted(FORMATS))}")
    text = _checked(query)
    documents = [document.encode() for document in GuidelineFiles(directory).texts.values()]
    if answers:
        from reasoner.rdf import graph

        documents += [graph(answer).serialize(format="nt", encoding="utf-8") for answer in answers]
    return _supervised(text, documents, form, seconds, terminal)


def _checked(query: bytes) -> str:
    """The text of a query that only reads what is given.

    The decision is made on the parsed query, by kind of pattern, so that no spelling gets around it.
    """
    from rdflib.plugins.sparql.parser import parseQuery
    from rdflib.plugins.sparql.parserutils import CompValue

    try:
        text = query.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise QueryError("not UTF-8 text; save the query as UTF-8") from None
    # parsers differ in what ends a comment; with one kind of line end they cannot read different queries
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise QueryError("the query is empty")
    try:
        parsed = parseQuery(text)
    except RecursionError:
        raise QueryError("nested too deeply") from None
    except Exception as error:
        hint = "; only queries are answered, no updates" if "{" in text else ""
        raise QueryError(f"not a SPARQL 1.1 query: {str(error)[:200]}{hint}") from None
    open_nodes: list[Any] = [parsed]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, CompValue):
            if node.name in REFUSED:
                raise QueryError(f"{REFUSED[node.name]}, and Calx reads only its own graph; remove it")
            open_nodes.extend(node.values())
        elif hasattr(node, "__iter__") and not isinstance(node, str):
            open_nodes.extend(list(node))
    return text


def _supervised(text: str, documents: list[bytes], form: str | None, seconds: float, terminal: bool) -> str:
    """Run the query in a process of its own; Oxigraph cannot be interrupted in any other way."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(there, text, documents, form, terminal), daemon=True)
    worker.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise QueryError(f"took longer than {seconds:g} s; narrow it, add LIMIT, or raise --timeout")
        kind, result = here.recv()
    except EOFError:
        raise QueryError("ran out of memory; narrow it or add LIMIT") from None
    finally:
        worker.kill()
        worker.join()
    if kind == "error":
        raise QueryError(result)
    return str(result)


def _work(channel: Connection, text: str, documents: list[bytes], form: str | None, terminal: bool) -> None:
    import pyoxigraph as ox

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        store = ox.Store()
        for document in documents:
            store.load(document, format=ox.RdfFormat.TURTLE)
        # whatever the query says, from here on this process opens no file and no connection
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        channel.send(("result", _serialised(store.query(text), form, terminal)))
    except (ValueError, SyntaxError, RuntimeError, OSError, QueryError) as error:
        channel.send(("error", str(error)[:300]))


def _serialised(found: Any, form: str | None, terminal: bool) -> str:
    import pyoxigraph as ox

    if isinstance(found, ox.QueryTriples):
        triples = [triple for _, triple in zip(range(ROWS + 1), found, strict=False)]
        if len(triples) > ROWS:
            raise QueryError(f"more than {ROWS:,} triples; add LIMIT")
        return (ox.serialize(triples, format=ox.RdfFormat.TURTLE) or b"").decode()
    if isinstance(found, ox.QueryBoolean):
        return f"{str(bool(found)).lower()}\n" if form in (None, "table", "csv", "tsv") else _encoded(found, form)
    if form in ("json", "csv", "tsv", "xml") or (form is None and not terminal):
        return _encoded(found, form or "csv")
    return _table(found)


def _encoded(found: Any, form: str) -> str:
    text: bytes = found.serialize(format=_results(form))
    return text.decode()


def _results(form: str | None) -> Any:
    import pyoxigraph as ox

    kinds = {"json": ox.QueryResultsFormat.JSON, "csv": ox.QueryResultsFormat.CSV, "tsv": ox.QueryResultsFormat.TSV, "xml": ox.QueryResultsFormat.XML}
    if form not in kinds:
        raise QueryError(f"'{form}' is for CONSTRUCT and DESCRIBE; use json, csv, tsv, xml or table")
    return kinds[form]


def _table(found: Any) -> str:
    names = [variable.value for variable in found.variables]
    rows = [["" if value is None else getattr(value, "value", str(value)).replace("https://w3id.org/calx/", "calx:") for value in row] for row in found]
    widths = [max([len(name), *(len(row[index]) for row in rows)]) for index, name in enumerate(names)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [names, ["─" * width for width in widths], *rows]
    ]
    return "\n".join(lines) + f"\n{len(rows)} row{'s' if len(rows) != 1 else ''}\n"
