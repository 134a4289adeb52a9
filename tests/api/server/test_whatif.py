"""How sure an answer is, over HTTP."""

from __future__ import annotations

import httpx

from calx.ontology import DEFAULT_DIRECTORY
from tests.reasoner.whatif.test_asked import KEYS
from tests.reasoner.whatif.test_stability import BEFORE


def test_one_case(client: httpx.Client) -> None:
    answer = client.post("/whatif", json=BEFORE)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert result.keys() >= KEYS
    assert result["to"] is None
    assert result["frequencies"]["lesions"] == 3000
    assert any(item["stands"] for item in result["stability"])


def test_towards_an_outcome(client: httpx.Client) -> None:
    answer = client.post("/whatif", json=BEFORE, params={"to": "first=rotational_atherectomy"})
    assert answer.json()["to"]["sets"][0]["changes"][0] == {
        "fact": "reference_vessel_diameter_mm",
        "from": 3,
        "limit": 2.5,
        "direction": "below",
        "closed": False,
    }
    wrong = client.post("/whatif", json=BEFORE, params={"to": "first=scissors"})
    assert wrong.status_code == 400
    assert "rotational_atherectomy" in wrong.text


def test_two_cases_are_compared_and_more_are_refused(client: httpx.Client) -> None:
    other = {**BEFORE, "case_id": "b", "thrombus": True}
    found = client.post("/whatif", json=[BEFORE, other]).json()["compare"]
    assert [item["fact"] for item in found["facts"]] == ["thrombus"]
    assert client.post("/whatif", json=[BEFORE, other, other]).status_code == 400
    assert client.post("/whatif", json=[]).status_code == 400


def test_of_a_stored_answer(client: httpx.Client) -> None:
    kept = {**BEFORE, "case_id": "kept-for-what-if"}
    client.post("/cases", json=kept).raise_for_status()
    goal = {"to": "first=rotational_atherectomy"}
    found = client.get("/cases/kept-for-what-if/whatif", params=goal)
    assert found.json() == client.post("/whatif", json=kept, params=goal).json()
    assert client.get("/cases/never-kept/whatif").status_code == 404


def test_stored_answers_near_a_border_are_found_by_a_query(client: httpx.Client) -> None:
    for number, arc in enumerate((272, 320)):
        kept = {"case_id": f"arc-{number}", "max_superficial_arc_deg": arc}
        client.post("/cases", json=kept).raise_for_status()
    query = (DEFAULT_DIRECTORY / "questions" / "near-a-border.rq").read_text(encoding="utf-8")
    found = client.post("/sparql", data={"query": query}).json()["results"]["bindings"]
    near = {row["case"]["value"].rpartition("/")[2]: row for row in found}
    assert near["arc-0"]["fact"]["value"] == "max_superficial_arc_deg"
    assert float(near["arc-0"]["at"]["value"]) == 270
    assert float(near["arc-0"]["away"]["value"]) < 1
    assert "strategy" in near["arc-0"]["turns"]["value"].split()
    assert "arc-1" not in near


def test_a_bad_case_is_refused_as_everywhere(client: httpx.Client) -> None:
    refused = client.post("/whatif", json={**BEFORE, "thrombus": "perhaps"})
    assert refused.status_code == 422
    assert "thrombus" in refused.text
