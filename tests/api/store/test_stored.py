"""Stored answers: they last, never change, can be listed, replayed and deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
from pyoxigraph import RdfFormat, parse

from calx.api.contract.models import Replayed, StoredAnswer, StoredAnswers
from calx.ontology import DEFAULT_DIRECTORY
from tests.api.running import Running, case, serving


def test_a_stored_answer_keeps_all_that_it_came_from(client: httpx.Client) -> None:
    reply = client.post("/cases", json=case("kept-1"))
    assert reply.status_code == 201
    assert reply.headers["location"] == "/cases/kept-1"
    kept = StoredAnswer.model_validate_json(client.get("/cases/kept-1").content)
    assert kept.submitted == case("kept-1")
    assert kept.guideline.digest.startswith("sha256:")
    assert kept.engine
    assert kept.stored.endswith("Z")
    answer = client.post("/recommend", json=case("kept-1")).json()
    assert client.get("/cases/kept-1/answer").json() == answer
    assert client.get("/cases/kept-1/proof").json()["steps"] == answer["steps"]
    assert (
        client.get("/cases/kept-1/answer", params={"lang": "zh"}).json()["strategy"]["label"]
        == "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"
    )


def test_the_same_is_stored_once_and_another_of_its_name_not_at_all(client: httpx.Client) -> None:
    assert client.post("/cases", json=case("once")).status_code == 201
    again = client.post("/cases", json=case("once"))
    assert (again.status_code, again.json()) == (200, client.get("/cases/once").json())
    other = client.post("/cases", json=case("once", max_superficial_arc_deg=90))
    assert other.status_code == 409
    assert "id of its own" in other.json()["detail"]
    assert client.get("/cases/once").json()["submitted"] == case("once")


def test_an_id_that_cannot_be_part_of_an_address_is_not_stored(client: httpx.Client) -> None:
    for name in (".", ".."):
        reply = client.post("/cases", json=case(name))
        assert reply.status_code == 422
        assert "letter or digit" in reply.json()["problems"][0]["message"]


def test_a_bad_case_is_not_stored(client: httpx.Client) -> None:
    assert client.post("/cases", json=case("bad", max_superficial_arc_deg=999)).status_code == 422
    assert client.get("/cases/bad").status_code == 404


def test_forms_of_a_stored_answer(client: httpx.Client) -> None:
    client.post("/cases", json=case("forms-1"))
    turtle = client.get("/cases/forms-1", headers={"Accept": "text/turtle"})
    triples = {quad.triple for quad in parse(turtle.content, RdfFormat.TURTLE)}
    assert len(triples) > 300
    ld = client.get("/cases/forms-1", headers={"Accept": "application/ld+json"})
    assert {quad.triple for quad in parse(ld.content, RdfFormat.JSON_LD)} == triples
    assert client.get("/cases/forms-1/proof", headers={"Accept": "image/svg+xml"}).text.startswith(
        "<svg"
    )
    assert (
        "modify the calcium before stenting"
        in client.get("/cases/forms-1", headers={"Accept": "text/html"}).text
    )
    assert client.get("/cases/forms-1", headers={"Accept": "image/png"}).status_code == 406


def test_the_list_goes_page_by_page_the_newest_first(client: httpx.Client) -> None:
    for number in range(5):
        client.post("/cases", json=case(f"page-{number}"))
    found: list[str] = []
    address: str | None = "/cases?limit=2"
    while address:
        page = StoredAnswers.model_validate_json(client.get(address).content)
        found += [line.case_id for line in page.cases]
        address = page.next
    assert [name for name in found if name.startswith("page-")] == [
        f"page-{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert len(found) == len(set(found))
    assert client.get("/cases?limit=0").status_code == 400


def test_a_deleted_case_is_gone(client: httpx.Client) -> None:
    client.post("/cases", json=case("gone"))
    assert client.delete("/cases/gone").status_code == 204
    assert client.get("/cases/gone").status_code == 404
    assert client.delete("/cases/gone").status_code == 404
    assert client.post("/cases", json=case("gone", max_superficial_arc_deg=90)).status_code == 201


def test_a_replay_under_the_same_guideline_is_the_same(client: httpx.Client) -> None:
    client.post("/cases", json=case("again"))
    told = Replayed.model_validate_json(client.get("/cases/again/replay").content)
    assert told.same_guideline
    assert told.same_answer
    assert told.differences == []


def test_a_replay_under_an_edited_guideline_says_what_differs(tmp_path: Path) -> None:
    data, mine = tmp_path / "data", tmp_path / "guideline"
    shutil.copytree(DEFAULT_DIRECTORY, mine, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with serving(data) as running, running.client() as client:
        client.post("/cases", json=case("old"))
        before = client.get("/cases/old").json()
    studies = mine / "evidence" / "studies.ttl"
    text = studies.read_text(encoding="utf-8")
    start = text.index("ev:CCAT23 a calx:Study")
    studies.write_text(
        text[:start] + text[start:].replace("calx:withdrawn false", "calx:withdrawn true", 1),
        encoding="utf-8",
    )
    with serving(data, "--ontology", str(mine)) as running, running.client() as client:
        told = client.get("/cases/old/replay").json()
        assert not told["same_guideline"]
        assert not told["same_answer"]
        places = {item["place"] for item in told["differences"]}
        assert "findings" in places
        assert client.get("/cases/old").json() == before, "a stored answer never changes"
        page = client.get("/cases/old", headers={"Accept": "text/html"}).text
        assert "would answer differently" in page
        assert client.post("/cases", json=case("old")).status_code == 409


def test_what_is_stored_can_be_asked_in_sparql_with_its_provenance(
    client: httpx.Client, service: Running
) -> None:
    client.post("/cases", json=case("asked"))
    query = """PREFIX calx: <https://w3id.org/calx/> PREFIX prov: <http://www.w3.org/ns/prov#> PREFIX sh: <http://www.w3.org/ns/shacl#>
      PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
      SELECT ?when ?digest ?rule { GRAPH <https://w3id.org/calx/case/asked> {
        ?d a calx:Decision ; prov:endedAtTime ?when ; calx:guidelineDigest ?digest . ?step rdf:predicate calx:strategy ; sh:sourceRule ?rule } }"""
    (row,) = client.post("/sparql", data={"query": query}).json()["results"]["bindings"]
    kept: dict[str, Any] = client.get("/cases/asked").json()
    assert row["when"]["value"] == kept["stored"]
    assert row["digest"]["value"] == kept["guideline"]["digest"]
    assert row["rule"]["value"].endswith("/rule/D4")
    lines = [json.loads(line) for line in (service.data / "audit.jsonl").read_text().splitlines()]
    assert [line["did"] for line in lines if line.get("case") == "asked"] == ["stored", "read"]
