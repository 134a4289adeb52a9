"""Scored lesions as RDF: facts, conclusions and the rules that fired, under the same names as the
answer to one lesion, but without its proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.sources import PLAIN, named
from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import IRI
from calx.reasoner.model.section import Actions, Alerts, Members, One, Status, Tally

if TYPE_CHECKING:
    import duckdb

MOST_LESIONS = 20_000
"""That are put into a graph at once; counts over more are for columns."""
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
USED = "<http://www.w3.org/ns/prov#used>"
GENERATED = "<http://www.w3.org/ns/prov#generated>"

Told = Callable[[Any], tuple[str, str] | None]
"""Of a value of a column the predicate and the object, or nothing."""


def write_quads(
    guideline: Guideline,
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    stream: IO[bytes],
) -> int:
    """Write results as N-Quads, a graph a lesion.

    Args:
        guideline: by which they were scored.
        connection: reads them.
        path: of the results, a file or a folder of parts.
        stream: takes the quads.

    Returns:
        How many lesions.

    Raises:
        CohortError: they are too many.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    text = f"FROM read_parquet([{', '.join(map(named, files))}], union_by_name = true, {PLAIN})"
    (count,) = connection.execute(f"SELECT count(*) {text}").fetchone() or (0,)
    if count > MOST_LESIONS:
        raise CohortError(
            f"{path}: holds {count:,} lesions, and {MOST_LESIONS:,} go into a graph at once; take "
            "some of them (SELECT … LIMIT in DuckDB), or count over columns"
        )
    told = dict(_columns(guideline))
    described = connection.execute(f"DESCRIBE SELECT * {text}").fetchall()
    columns = [name for name, *_ in described if name in told]
    listed = ", ".join(map(quoted, [CASE_ID, *columns]))
    found = connection.execute(f"SELECT {listed} {text}")
    own = guideline.names
    root = f"<{own(guideline.root.local)}>"
    while rows := found.fetchmany(1000):
        for id_, *values in rows:
            lesion = f"<{IRI}case/{id_}>"
            decision = f"<{IRI}case/{id_}/decision>"
            lines = [
                f"{lesion} {TYPE} {root} {lesion} .",
                f'{lesion} <{IRI}caseId> "{id_}" {lesion} .',
                f"{decision} {GENERATED} {lesion} {lesion} .",
                f'{decision} <{IRI}guidelineDigest> "{guideline.digest}" {lesion} .',
            ]
            for column, value in zip(columns, values, strict=True):
                pair = None if value is None else told[column](value)
                if pair is not None:
                    about = decision if pair[0] == USED else lesion
                    lines.append(f"{about} {pair[0]} {pair[1]} {lesion} .")
            stream.write(("\n".join(lines) + "\n").encode())
    return int(count)


def _columns(guideline: Guideline) -> Iterator[tuple[str, Told]]:
    """Of the columns of results what each says."""
    own = guideline.names
    for name, fact in guideline.facts.items():
        yield name, _of_fact(own(fact.local), fact)
    for section in guideline.sections:
        match section:
            case One():
                kind = guideline.properties[section.predicate].kind
                yield section.key, _of_terms(guideline, section.predicate, kind)
            case Members():
                for predicate in section.predicates:
                    kind = guideline.properties[predicate].kind
                    for term in guideline.of_kind(kind):
                        yield (
                            f"{kind}_{term.id}",
                            _where(own(predicate), own(f"{kind}/{term.local}")),
                        )
            case Actions():
                kind = guideline.properties[section.predicates[0]].kind
                for number in (1, 2, 3):
                    yield f"action_{number}", _of_terms(guideline, section.predicates[0], kind)
            case Tally():
                yield section.key, _of_fact(own(guideline.facts[section.total].local), None)
            case Status():
                by = {s.word: own(s.predicate) for s in section.statuses}
                for thing in guideline.of_kind(section.kind):
                    yield f"status_{thing.id}", _of_words(by, own(f"{section.kind}/{thing.local}"))
            case Alerts():
                by = {word: own(predicate) for predicate, word in section.severities}
                for alert in guideline.of_kind(section.kind):
                    yield (
                        f"{section.kind}_{alert.id}",
                        _of_words(by, own(f"{section.kind}/{alert.local}")),
                    )
            case _:
                pass
    for rule in guideline.rules:
        iri = own(f"rule/{rule.id}")
        yield f"rule_{rule.id.replace('-', '_')}", _of_rule(iri)


def _of_rule(iri: str) -> Told:
    return lambda fired: (USED, f"<{iri}>") if fired else None


def _of_fact(predicate: str, fact: Fact | None) -> Told:
    def told(value: Any) -> tuple[str, str]:
        if isinstance(value, bool):
            text = f'"{str(value).lower()}"^^<{XSD}boolean>'
        elif isinstance(value, str):
            text = f'"{value}"'  # one of the words of the guideline
        elif isinstance(value, int) or (fact is not None and fact.kind == "integer"):
            text = f'"{int(value)}"^^<{XSD}integer>'
        else:
            text = f'"{Decimal(repr(value)):f}"^^<{XSD}decimal>'
        return f"<{predicate}>", text

    return told


def _of_terms(guideline: Guideline, predicate: str, kind: str) -> Told:
    own = guideline.names
    iris = {term.id: own(f"{kind}/{term.local}") for term in guideline.of_kind(kind)}
    return lambda value: (f"<{own(predicate)}>", f"<{iris[value]}>")


def _where(predicate: str, term: str) -> Told:
    return lambda value: (f"<{predicate}>", f"<{term}>") if value else None


def _of_words(by: dict[str, str], thing: str) -> Told:
    return lambda word: (f"<{by[word]}>", f"<{thing}>") if word in by else None
