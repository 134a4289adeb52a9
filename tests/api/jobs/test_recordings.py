"""Recordings over HTTP: hand one in, watch it, look at it, correct it, delete it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from calx.api.store.people import People
from calx.imaging.simulator import dicom, simulate
from tests.api.running import Running, serving, until

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def pullback(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("pullback") / "a.dcm"
    dicom.write(simulate(4_000_011, 6.0, 4.0, 40), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("recordings")) as found:
        yield found


def finished(running: Running, address: str) -> dict[str, Any]:
    """What there is of a recording once it has been read."""

    def now() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(running.url + address, headers=JSON).json()
        return found

    assert until(lambda: now()["state"] not in ("waiting", "reading"), 600), "it was never read"
    return now()


@pytest.fixture(scope="module")
def done(running: Running, pullback: bytes) -> dict[str, Any]:
    answer = httpx.post(
        f"{running.url}/recordings", content=pullback, headers={"Content-Type": "application/dicom"}
    )
    assert answer.status_code == 202
    return finished(running, answer.headers["location"])


def test_a_recording_becomes_a_case(running: Running, done: dict[str, Any]) -> None:
    assert done["state"] == "done", done["problem"]
    assert (done["done"], done["total"]) == (24, 24)
    assert done["case"]["measured"]["model"]["id"] == "calx-ivus-sim"
    answer = httpx.post(f"{running.url}/recommend", json=done["case"], headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["measured"]["facts"]


def test_what_was_handed_in_is_not_kept(running: Running, done: dict[str, Any]) -> None:
    kept = [file for file in (running.data / "recordings").rglob("*") if file.is_file()]
    assert kept
    assert not [file for file in kept if file.name == "recording.dcm"]
    assert not [file for file in kept if b"Simulated^Recording" in file.read_bytes()]


def test_pictures_and_curves_are_there_and_nothing_else(
    running: Running, done: dict[str, Any]
) -> None:
    assert len(done["files"]) >= 8
    for address in done["files"]:
        answer = httpx.get(running.url + address)
        assert answer.status_code == 200
        if address.endswith(".png"):
            assert Image.open(io.BytesIO(answer.content)).size[0] >= 300
    for name in (
        "facts.json",
        "state.json",
        "../state.json",
        "%2e%2e/state.json",
        "frames/../../state.json",
        "report.dcm/x",
    ):
        assert httpx.get(f"{running.url}/recordings/{done['id']}/{name}").status_code in (404, 405)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_pictures_facts_and_advice(
    running: Running, done: dict[str, Any], language: str
) -> None:
    text = httpx.get(f"{running.url}/recordings/{done['id']}?lang={language}", headers=HTML).text
    assert "longitudinal.png" in text
    assert "frames/frame-" in text
    assert 'name="max_superficial_arc_deg"' in text
    assert {"en": "superficial calcium", "zh": "浅表钙化"}[language] in text
    listed = httpx.get(f"{running.url}/recordings?lang={language}", headers=HTML).text
    assert done["id"] in listed
    assert 'type="file"' in listed


def test_a_person_confirms_and_corrects(running: Running, done: dict[str, Any]) -> None:
    address = f"{running.url}/recordings/{done['id']}/corrections"
    was = done["case"]["max_superficial_arc_deg"]
    found = httpx.post(
        address,
        json={
            "by": "reader-2",
            "why": "looked",
            "facts": {"max_superficial_arc_deg": 200},
            "confirmed": ["vessel_diameter_mm"],
        },
    ).json()
    entry = found["case"]["measured"]["facts"]["max_superficial_arc_deg"]
    assert (
        found["case"]["max_superficial_arc_deg"],
        entry["value"],
        entry["correction"]["by"],
    ) == (200, was, "reader-2")
    assert found["case"]["measured"]["facts"]["vessel_diameter_mm"]["confirmed"]["by"] == "reader-2"
    page = httpx.get(f"{running.url}/recordings/{done['id']}", headers=HTML).text
    assert "reader-2" in page
    form = {"by": "reader-3", "max_superficial_arc_deg": "210", "calcified_nodule": "false"}
    assert httpx.post(address, data=form, headers=HTML).status_code == 303
    again = httpx.get(f"{running.url}/recordings/{done['id']}", headers=JSON).json()["case"]
    assert again["max_superficial_arc_deg"] == 210
    assert again["calcified_nodule"] is False
    assert again["measured"]["facts"]["max_superficial_arc_deg"]["earlier_corrections"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"facts": {}}, 400),
        ({"by": "x", "facts": {"max_superficial_arc_deg": 999}}, 422),
        ({"by": "x", "facts": {"age_years": 50}}, 422),
        ({"by": "x", "confirmed": ["calcified_nodule_2"]}, 422),
        ([], 400),
    ],
)
def test_corrections_that_can_not_be_are_told(
    running: Running, done: dict[str, Any], body: Any, status: int
) -> None:
    assert (
        httpx.post(f"{running.url}/recordings/{done['id']}/corrections", json=body).status_code
        == status
    )


def test_a_corrected_case_can_be_stored_and_replayed(
    running: Running, done: dict[str, Any]
) -> None:
    case = httpx.get(f"{running.url}/recordings/{done['id']}", headers=JSON).json()["case"]
    stored = httpx.post(f"{running.url}/cases", json=case, headers=JSON)
    assert stored.status_code == 201
    assert stored.json()["submitted"]["measured"]["facts"]
    assert httpx.get(f"{running.url}/cases/{case['case_id']}/replay").json()["same_answer"]
    assert httpx.get(f"{running.url}/cases/{case['case_id']}", headers=HTML).status_code == 200
    query = "SELECT ?low WHERE { GRAPH ?g { ?m a <https://w3id.org/calx/Measurement> ; <https://w3id.org/calx/intervalLow> ?low } }"
    rows = httpx.get(
        f"{running.url}/sparql",
        params={"query": query},
        headers={"Accept": "application/sparql-results+json"},
    ).json()
    assert rows["results"]["bindings"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"x" * 500, "text/plain", 415), (b"{}", "application/json", 415)],
)
def test_what_is_no_recording_is_not_taken(
    running: Running, content: bytes, kind: str, status: int
) -> None:
    assert (
        httpx.post(
            f"{running.url}/recordings", content=content, headers={"Content-Type": kind}
        ).status_code
        == status
    )


def test_a_file_that_can_not_be_read_fails_with_the_reason_and_is_deleted(running: Running) -> None:
    form = httpx.post(
        f"{running.url}/recordings", files={"recording": ("a.dcm", b"no DICOM" * 50)}, headers=HTML
    )
    assert form.status_code == 303
    address = form.headers["location"].partition("?")[0]
    found = finished(running, address)
    assert found["state"] == "failed"
    assert "DICOM" in found["problem"]
    assert str(running.data) not in found["problem"]
    assert "DICOM" in httpx.get(running.url + address, headers=HTML).text
    assert httpx.delete(running.url + address).status_code == 204
    assert httpx.get(running.url + address, headers=JSON).status_code == 404
    assert not (running.data / "recordings" / address.rpartition("/")[2]).exists()


@pytest.mark.parametrize(
    "told",
    [
        {"spacing": "-1"},
        {"spacing": "a"},
        {"stent_first": "3"},
        {"stent_first": "1.5", "stent_last": "3"},
    ],
)
def test_wrong_parameters_are_told(running: Running, pullback: bytes, told: dict[str, str]) -> None:
    answer = httpx.post(
        f"{running.url}/recordings",
        content=pullback,
        params=told,
        headers={"Content-Type": "application/dicom"},
    )
    assert answer.status_code == 400


def test_a_recording_can_be_deleted_while_it_is_read(running: Running, pullback: bytes) -> None:
    addresses = [
        httpx.post(
            f"{running.url}/recordings",
            content=pullback,
            headers={"Content-Type": "application/dicom"},
        ).headers["location"]
        for _ in range(2)
    ]
    for address in addresses:
        assert httpx.delete(running.url + address).status_code == 204
    assert {
        item["state"]
        for item in httpx.get(f"{running.url}/recordings", headers=JSON).json()["recordings"]
    } <= {"done", "failed"}


def test_they_are_there_after_a_restart_and_private_when_cases_are(
    tmp_path: Path, pullback: bytes
) -> None:
    with serving(tmp_path) as first:
        address = httpx.post(
            f"{first.url}/recordings",
            content=pullback,
            headers={"Content-Type": "application/dicom"},
        ).headers["location"]
        before = finished(first, address)
    with serving(tmp_path, "--token", "a-token-of-the-tests", "--private") as second:
        assert httpx.get(second.url + address, headers=JSON).status_code == 401
        shown = httpx.get(
            second.url + address, headers={**JSON, "Authorization": "Bearer a-token-of-the-tests"}
        ).json()
        assert shown["case"] == before["case"]
        token = People(tmp_path).add("ada", "author")
        corrected = httpx.post(
            f"{second.url}{address}/corrections",
            json={"by": "typed", "why": "looked", "facts": {"max_superficial_arc_deg": 200}},
            headers={"Authorization": f"Bearer {token}"},
        ).json()
        entry = corrected["case"]["measured"]["facts"]["max_superficial_arc_deg"]
        assert entry["correction"]["by"] == "ada"
        assert '"who":"127.0.0.1 ada (author)","did":"corrected a recording"' in (
            tmp_path / "audit.jsonl"
        ).read_text(encoding="utf-8")
        assert (
            httpx.post(
                f"{second.url}/recordings",
                content=pullback,
                headers={"Content-Type": "application/dicom"},
            ).status_code
            == 401
        )
