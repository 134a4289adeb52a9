"""SPARQL over knowledge and cases: it answers, and it cannot read files, reach the network or hang."""

from __future__ import annotations

import csv
import io
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from calx.ontology import DEFAULT_DIRECTORY
from tests.api.cli.test_cli import EXAMPLE
from tests.command import calx

PREFIX = "PREFIX calx: <https://w3id.org/calx/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX sh: <http://www.w3.org/ns/shacl#> "


def ask(tmp_path: Path, query: str, *arguments: object) -> Any:
    path = tmp_path / "q.rq"
    path.write_bytes(query.encode())
    return calx("query", path, *arguments)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_knowledge_base_is_asked(tmp_path: Path) -> None:
    done = ask(
        tmp_path,
        PREFIX
        + "SELECT ?rule { ?rule calx:evidence ?s . ?s calx:study <https://w3id.org/calx/ev/CCAT23> } GROUP BY ?rule ORDER BY ?rule",
    )
    assert done.returncode == 0
    assert "https://w3id.org/calx/rule/A10" in {row["rule"] for row in rows(done.stdout)}


def test_a_case_is_asked_with_its_conclusions(tmp_path: Path) -> None:
    query = (
        PREFIX
        + "SELECT ?strategy ?rule { ?case calx:strategy ?strategy . ?step <http://www.w3.org/1999/02/22-rdf-syntax-ns#predicate> calx:strategy ; sh:sourceRule ?rule }"
    )
    (row,) = rows(ask(tmp_path, query, EXAMPLE).stdout)
    assert row == {
        "strategy": "https://w3id.org/calx/strategy/active_modification",
        "rule": "https://w3id.org/calx/rule/D4",
    }


@pytest.mark.parametrize("form", ["json", "csv", "tsv", "xml", "table"])
def test_every_result_form(form: str, tmp_path: Path) -> None:
    done = ask(
        tmp_path,
        PREFIX
        + 'SELECT ?l { <https://w3id.org/calx/strategy/stepwise_balloon> rdfs:label ?l FILTER(lang(?l) = "en") }',
        "--format",
        form,
    )
    assert done.returncode == 0
    assert "stepwise balloon" in done.stdout
    if form == "json":
        assert len(json.loads(done.stdout)["results"]["bindings"]) == 1


def test_ask_and_construct(tmp_path: Path) -> None:
    assert ask(tmp_path, PREFIX + "ASK { ?s a calx:Study }").stdout == "true\n"
    assert (
        "ev:ULTIMATE"
        in ask(tmp_path, PREFIX + "CONSTRUCT { ?s a calx:Study } { ?s a calx:Study }").stdout
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <URL> { ?s ?p ?o } }",
        "SELECT * { SERVICE SILENT <URL> { ?s ?p ?o } }",
        "SELECT * { { SELECT * { OPTIONAL { sErViCe <URL> { ?s ?p ?o } } } } }",
        "SELECT * { ?s ?p ?o FILTER EXISTS { SERVICE <URL> { ?s ?p ?o } } }",
        "SELECT * { ?s ?p ?o FILTER NOT EXISTS { SERVICE <URL> { ?s ?p ?o } } }",
        "SELECT * { BIND(<URL> AS ?u) SERVICE ?u { ?s ?p ?o } }",
        "SELECT * { \\u0053ERVICE <URL> { ?s ?p ?o } }",
        "SELECT * { # x\rSERVICE <URL> { ?s ?p ?o }\n}",
        "SELECT * { # x\rSERVICE SILENT <URL> { ?s ?p ?o }\n}",
        "SELECT * #\rFROM <URL>\n{ ?s ?p ?o }",
        "SELECT * FROM <URL> { ?s ?p ?o }",
        "SELECT * FROM NAMED <URL> { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }",
        "LOAD <URL>",
        "LOAD <file:///etc/passwd>",
        "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        "DELETE WHERE { ?s ?p ?o }",
        "CLEAR ALL",
        "DROP ALL",
    ],
)
def test_queries_reach_neither_network_nor_disk_nor_change_anything(
    query: str, tmp_path: Path, listener: socket.socket
) -> None:
    done = ask(tmp_path, query.replace("URL", f"http://127.0.0.1:{listener.getsockname()[1]}/x"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(str(tmp_path / "q.rq"))
    with pytest.raises(TimeoutError):
        listener.accept()


def test_even_a_query_that_got_past_the_gate_opens_no_connection(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calx.api.sparql import gate
    from calx.api.sparql import local as asking

    monkeypatch.setattr(
        asking, "check_query", lambda text: gate.Query(text.decode(), "select", gate.Dataset())
    )
    service = (
        f"SELECT * {{ SERVICE <http://127.0.0.1:{listener.getsockname()[1]}/x> {{ ?s ?p ?o }} }}"
    )
    with pytest.raises(gate.QueryError):
        asking.run(service.encode(), DEFAULT_DIRECTORY, [], "csv", 5, False)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_comment_or_text_that_says_service_is_no_reason_to_refuse(tmp_path: Path) -> None:
    assert (
        ask(tmp_path, "# SERVICE <http://x> {}\nASK { ?s ?p 'SERVICE <x> { }' }").stdout
        == "false\n"
    )


def test_a_query_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done = ask(
        tmp_path,
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER(?c != ?f && ?f != ?i) }",
        "--timeout",
        "1",
    )
    assert done.returncode == 2
    assert "took longer than 1 s" in done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "empty"), ("SELECT {", "not a SPARQL"), ("SELECT * { ?s ?p ?o " + "{" * 3000, "")],
)
def test_what_is_no_query(content: str, told: str, tmp_path: Path) -> None:
    done = ask(tmp_path, content)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_query_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "q.rq"
    path.write_bytes("SELECT * { ?s ?p 'é' }".encode("latin-1"))
    assert "not UTF-8" in calx("query", path).stderr


def test_a_case_id_used_twice_is_told(tmp_path: Path) -> None:
    other = tmp_path / "again.json"
    other.write_text(EXAMPLE.read_text())
    done = ask(tmp_path, "ASK { ?s ?p ?o }", EXAMPLE, other)
    assert done.returncode == 1
    assert f"was used before ({EXAMPLE})" in done.stderr
