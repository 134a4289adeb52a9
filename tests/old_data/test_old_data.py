"""Data of every released version opens, lists, replays and restores: what was stored once is never lost."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.running import Running, serving
from tests.command import calx

HERE = Path(__file__).parent
VERSIONS = sorted(path.name.removesuffix(".tar.xz") for path in HERE.glob("*.tar.xz"))


@dataclass
class OldData:
    """Data of an old version under a service of today."""

    running: Running
    client: httpx.Client
    backup: Path
    expected: dict[str, Any]


@pytest.fixture(scope="module", params=VERSIONS)
def old(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OldData]:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(HERE / f"{request.param}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    expected = json.loads((folder / "expected.json").read_text())
    with (
        serving(folder / "data") as running,
        running.client(headers={"Accept": "application/json"}) as client,
    ):
        yield OldData(running, client, folder / "backup.nq.gz", expected)


def test_the_first_version_is_among_them() -> None:
    assert "0.1.0" in VERSIONS


def test_stored_cases_are_listed_and_read_as_they_were(old: OldData) -> None:
    kept = {name: record for name, record in old.expected["cases"].items() if name != "sparse"}
    assert len(kept) >= 4
    assert old.client.get("/cases").json()["cases"] == [
        line for line in old.expected["list"] if line["case_id"] in kept
    ]
    for name, record in kept.items():
        assert old.client.get(f"/cases/{name}").json() == record
    assert old.client.get("/cases/sparse").status_code == 404, "it was deleted then"


def test_stored_cases_replay(old: OldData) -> None:
    for name, record in old.expected["cases"].items():
        if name != "sparse":
            replay = old.client.get(f"/cases/{name}/replay").json()
            assert replay["then"]["digest"] == record["guideline"]["digest"]
            assert replay["problems"] == [], "the facts of then are facts today"
            assert replay["same_answer"] or replay["differences"]


def test_stored_cases_are_seen_by_sparql(old: OldData) -> None:
    query = "SELECT ?id WHERE { GRAPH ?g { ?lesion <https://w3id.org/calx/caseId> ?id } }"
    rows = old.client.get(
        "/sparql", params={"query": query}, headers={"Accept": "application/sparql-results+json"}
    ).json()
    assert {row["id"]["value"] for row in rows["results"]["bindings"]} == set(
        old.expected["cases"]
    ) - {"sparse"}


def test_drafts_are_there_with_their_history(old: OldData) -> None:
    assert {
        draft["id"]: draft for draft in old.client.get("/drafts").json()["drafts"]
    } == old.expected["drafts"]
    for name, draft in old.expected["drafts"].items():
        assert old.client.get(f"/drafts/{name}").json() == draft
        if draft["state"] != "discarded":
            assert "problems" in old.client.get(f"/drafts/{name}/check").json()


def test_recordings_are_there_with_their_corrections(old: OldData) -> None:
    for name, recording in old.expected["recordings"].items():
        found = old.client.get(f"/recordings/{name}").json()
        assert found["state"] == "done"
        assert found["case"] == recording["case"]
        assert (
            found["case"]["measured"]["facts"]["max_superficial_arc_deg"]["correction"]["by"]
            == "a reader"
        )
        assert old.client.get(f"/recordings/{name}/longitudinal.png").status_code == 200


def test_the_audit_log_goes_on_whole(old: OldData) -> None:
    done = calx("audit", "--data", old.running.data, "--seal", old.expected["seal"])
    assert done.returncode == 0, done.stderr


def test_the_backup_restores(old: OldData, tmp_path: Path) -> None:
    done = calx("restore", old.backup, "--data", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{len(old.expected['cases'])} cases added")
    with (
        serving(tmp_path / "new") as running,
        running.client(headers={"Accept": "application/json"}) as client,
    ):
        for name, record in old.expected["cases"].items():
            assert client.get(f"/cases/{name}").json() == record
