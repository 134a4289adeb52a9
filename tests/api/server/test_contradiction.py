"""Every door says so, and answers nothing, where the guideline that is served contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from calx.api.server.app import create_app
from calx.api.server.settings import Settings
from calx.reasoner.recommendation import Reasoner
from tests.reasoner.engine.test_contradictions import with_another_value

FACTS = {"vessel_diameter_mm": 3, "max_superficial_arc_deg": 90}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service whose guideline was not seen to contradict itself when it was loaded."""
    app = create_app(Settings(data=Path(tmp_path_factory.mktemp("data"))))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        service = app.state.service
        service.reasoner = Reasoner(with_another_value(service.reasoner.guideline))
        yield client


@pytest.mark.parametrize("path", ["/recommend", "/proof", "/cases"])
def test_a_case_gets_a_fault_of_the_service(path: str, client: TestClient) -> None:
    answer = client.post(path, json={"case_id": "a", **FACTS})
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("/contradiction")
    assert "[B-SUM], [B-TWICE]" in answer.json()["problems"][0]["message"]
    assert client.get("/cases/a").status_code == 404


def test_of_several_cases_the_others_are_answered(client: TestClient) -> None:
    one, other = client.post(
        "/recommend", json=[{"case_id": "a", **FACTS}, {"case_id": "b"}]
    ).json()
    assert "contradicts itself" in one["error"]["problems"][0]["message"]
    assert other["strategy"] is not None or other["missing"]


def test_a_bundle_gets_an_outcome_that_no_client_can_mend(client: TestClient) -> None:
    entries = [
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "https://w3id.org/calx/", "code": name}]},
                "valueQuantity": {
                    "value": value,
                    "unit": unit,
                    "system": "http://unitsofmeasure.org",
                    "code": unit,
                },
            }
        }
        for (name, value), unit in zip(FACTS.items(), ("mm", "deg"), strict=True)
    ]
    answer = client.post(
        "/fhir/$recommend",
        json={"resourceType": "Bundle", "type": "collection", "entry": entries},
        headers={"Content-Type": "application/fhir+json"},
    )
    assert answer.status_code == 500, answer.text
    assert answer.json()["issue"][0]["code"] == "exception"


def test_the_page_says_so(client: TestClient) -> None:
    query = "&".join(f"{name}={value}" for name, value in FACTS.items())
    shown = client.get(f"/?{query}", headers={"Accept": "text/html"}).text
    assert "contradicts itself of this case" in shown
    assert "自相矛盾" in client.get(f"/?{query}&lang=zh", headers={"Accept": "text/html"}).text
