"""A SPARQL 1.1 endpoint as the store: Virtuoso, in a process of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.running import Running, case, serving

VIRTUOSO = next(
    (
        path
        for path in ("/usr/bin/virtuoso-t", shutil.which("virtuoso-t"))
        if path and Path(path).exists()
    ),
    None,
)
INI = """[Database]
DatabaseFile = {folder}/v.db
ErrorLogFile = {folder}/v.log
LockFile = {folder}/v.lck
TransactionFile = {folder}/v.trx
xa_persistent_file = {folder}/v.pxa
[TempDatabase]
DatabaseFile = {folder}/t.db
TransactionFile = {folder}/t.trx
[Parameters]
ServerPort = {sql}
DirsAllowed = {folder}
NumberOfBuffers = 20000
ThreadsPerQuery = 2
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {folder}
DefaultMailServer = localhost:25
[SPARQL]
ResultSetMaxRows = 1000000
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if VIRTUOSO is None:
        pytest.skip(
            "Virtuoso is not installed (Debian: virtuoso-opensource-7); .ci/run installs it"
        )
    folder = tmp_path_factory.mktemp("virtuoso")
    sql, http = free_port(), free_port()
    (folder / "virtuoso.ini").write_text(INI.format(folder=folder, sql=sql, http=http))
    process = subprocess.Popen(
        [VIRTUOSO, "+foreground", "+configfile", str(folder / "virtuoso.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    address = f"http://127.0.0.1:{http}/sparql"
    try:
        for _ in range(300):
            try:
                if (
                    httpx.get(address, params={"query": "ASK {}"}, trust_env=False).status_code
                    == 200
                ):
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        isql = next(path for path in ("/usr/bin/isql-vt", "/usr/bin/isql") if Path(path).exists())
        subprocess.run(
            [
                isql,
                f"127.0.0.1:{sql}",
                "dba",
                "dba",
                "exec=GRANT SPARQL_UPDATE TO \"SPARQL\"; DB.DBA.RDF_DEFAULT_USER_PERMS_SET('nobody', 7);",
            ],
            check=True,
            capture_output=True,
        )
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def remote(virtuoso: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("remote"), "--store", virtuoso) as running:
        yield running


def test_cases_live_behind_the_endpoint(remote: Running, virtuoso: str) -> None:
    with remote.client() as client:
        assert client.post("/cases", json=case("r1")).status_code == 201
        assert client.post("/cases", json=case("r1")).status_code == 200
        assert client.post("/cases", json=case("r1", max_superficial_arc_deg=90)).status_code == 409
        assert client.get("/cases/r1").json()["submitted"] == case("r1")
        assert (
            client.get("/cases/r1/answer").json()
            == client.post("/recommend", json=case("r1")).json()
        )
        assert (
            client.get("/cases/r1/answer", params={"lang": "zh"}).json()["strategy"]["label"]
            == "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"
        )
        assert client.get("/cases/r1/replay").json()["same_answer"]
        assert [line["case_id"] for line in client.get("/cases").json()["cases"]] == ["r1"]
        query = "SELECT * { GRAPH <https://w3id.org/calx/case/r1> { ?s ?p ?o } } LIMIT 5"
        there = httpx.get(
            virtuoso,
            params={"query": query, "format": "application/sparql-results+json"},
            trust_env=False,
        )
        assert len(there.json()["results"]["bindings"]) == 5
        client.post("/cases", json=case("r2"))
        assert client.delete("/cases/r2").status_code == 204
        assert client.get("/cases/r2").status_code == 404


def test_queries_reach_our_graphs_and_no_others(remote: Running, virtuoso: str) -> None:
    httpx.post(
        virtuoso,
        data={"query": "INSERT DATA { GRAPH <urn:other> { <urn:secret> <urn:b> <urn:c> } }"},
        trust_env=False,
    )
    with remote.client() as client:
        client.post("/cases", json=case("r3"))
        query = "PREFIX calx: <https://w3id.org/calx/> SELECT ?l { ?l calx:caseId 'r3' . ?s a calx:Study } LIMIT 1"
        assert (
            len(client.get("/sparql", params={"query": query}).json()["results"]["bindings"]) == 1
        )
        assert (
            client.get("/sparql", params={"query": "ASK { <urn:secret> ?p ?o }"}).json()["boolean"]
            is False
        )
        assert (
            client.get(
                "/sparql", params={"query": "ASK { GRAPH ?g { <urn:secret> ?p ?o } }"}
            ).json()["boolean"]
            is False
        )
        assert (
            client.get(
                "/sparql",
                params={"query": "ASK { { SELECT ?s { GRAPH <urn:other> { ?s ?p ?o } } } }"},
            ).status_code
            == 403
        )
        assert (
            client.get(
                "/sparql",
                params={
                    "query": "PREFIX u: <urn:> ASK { FILTER EXISTS { GRAPH u:other { ?s ?p ?o } } }"
                },
            ).status_code
            == 403
        )
        assert (
            client.get("/sparql", params={"query": "ASK FROM <urn:other> { ?s ?p ?o }"}).status_code
            == 403
        )
        assert (
            client.get(
                "/sparql", params={"query": "SELECT * { SERVICE <urn:x> { ?s ?p ?o } }"}
            ).status_code
            == 403
        )
        assert client.get(
            "/sparql", params={"query": "SELECT (bif:file_to_string('/etc/passwd') AS ?y) {}"}
        ).status_code in (400, 403)
        assert (
            client.get("/sparql", params={"query": "SELECT (<bif:user>() AS ?y) {}"}).status_code
            == 403
        )
        turtle = client.get(
            "/sparql",
            params={
                "query": "PREFIX calx: <https://w3id.org/calx/> CONSTRUCT WHERE { ?s a calx:Study }"
            },
            headers={"Accept": "text/turtle"},
        )
        assert turtle.text.count("calx:Study") > 50


def test_a_backup_moves_cases_from_the_endpoint_to_the_embedded_store(
    remote: Running, tmp_path: Path
) -> None:
    with remote.client() as client:
        client.post("/cases", json=case("r4"))
        kept = client.get("/cases/r4").json()
        content = client.get("/backup").content
    with serving(tmp_path) as running, running.client() as client:
        assert (
            client.post(
                "/restore", content=content, headers={"Content-Type": "application/gzip"}
            ).status_code
            == 200
        )
        assert client.get("/cases/r4").json() == kept
        assert client.get("/cases/r4/replay").json()["same_answer"]


def test_an_endpoint_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="cannot be reached"),
        serving(tmp_path, "--store", f"http://127.0.0.1:{free_port()}/sparql"),
    ):
        pass
