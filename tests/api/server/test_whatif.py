"""How sure an answer is, over HTTP."""

from __future__ import annotations

import httpx

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


def test_a_bad_case_is_refused_as_everywhere(client: httpx.Client) -> None:
    refused = client.post("/whatif", json={**BEFORE, "thrombus": "perhaps"})
    assert refused.status_code == 422
    assert "thrombus" in refused.text
