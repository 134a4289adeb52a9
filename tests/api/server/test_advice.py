"""Posting a case: its answer in every form, and every problem of a bad one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from rdflib import Graph

from calx.api.contract.models import Answer, Problem
from calx.api.contract.negotiation import choose
from calx.reasoner.recommendation import Reasoner
from tests.api.running import case
from tests.conftest import conformance_cases


def test_an_answer_is_that_of_the_reasoner(client: httpx.Client, reasoner: Reasoner) -> None:
    for raw in conformance_cases()[:40]:
        body = json.loads(json.dumps(raw, default=float))
        assert client.post("/recommend", json=body).json() == reasoner.recommend(body).json()


def test_the_same_facts_get_the_same_answer_and_others_another(
    client: httpx.Client, reasoner: Reasoner
) -> None:
    """Answers are kept for a while; nothing of one case may show in another."""
    cases = [
        case("kept", max_superficial_arc_deg=arc, **more)
        for arc in (90, 91, 300)
        for more in ({}, {"thrombus": True}, {"thrombus": False})
    ]
    for _ in range(2):
        for raw in [*cases, {**cases[0], "case_id": "other"}]:
            for language in ("en", "zh"):
                assert client.post(
                    "/recommend", json=raw, params={"lang": language}
                ).json() == reasoner.recommend(raw).json(language)


def test_an_answer_is_as_openapi_describes_it(client: httpx.Client) -> None:
    for raw in conformance_cases()[::10]:
        Answer.model_validate_json(
            client.post("/recommend", json=json.loads(json.dumps(raw, default=float))).content
        )


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/turtle", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("text/plain", "text/plain"),
        ("application/json;q=0.2, text/turtle;q=0.9", "text/turtle"),
        ("text/*;q=0.4, application/ld+json;q=0.5", "application/ld+json"),
        ("application/json;q=0, */*;q=0.1", "application/ld+json"),
        ("image/png, */*;q=0.01", "application/json"),
    ],
)
def test_the_form_follows_accept(accept: str | None, form: str, client: httpx.Client) -> None:
    reply = client.post(
        "/recommend", json=case("forms"), headers={"Accept": accept} if accept else {}
    )
    assert reply.status_code == 200
    assert reply.headers["content-type"].partition(";")[0] == form
    assert "Accept" in reply.headers["vary"]
    if form in ("text/turtle", "application/ld+json"):
        assert (
            "active_modification"
            in Graph()
            .parse(data=reply.text, format={"text/turtle": "turtle"}.get(form, "json-ld"))
            .serialize()
        )


@pytest.mark.parametrize(
    "accept", ["image/png", "application/json;q=0", "audio/*;q=0.5", "nonsense"]
)
def test_a_form_that_there_is_not_is_406(accept: str, client: httpx.Client) -> None:
    reply = client.post("/recommend", json=case("forms"), headers={"Accept": accept})
    assert reply.status_code == 406
    assert "application/json" in reply.json()["detail"]


def test_the_most_specific_range_decides() -> None:
    assert (
        choose("text/html;q=0.1, text/*;q=0.9, */*;q=0.5", ("text/html", "application/json"))
        == "application/json"
    )
    assert choose("*/*, text/html;q=0", ("text/html", "application/json")) == "application/json"
    assert choose("application/JSON", ("application/json",)) == "application/json"
    assert choose("application/json;q=1.5", ("application/json",)) is None


@pytest.mark.parametrize(
    ("lang", "header", "label"),
    [
        ("zh", "", "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"),
        (None, "zh-CN,zh;q=0.9", "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"),
        (None, "en-GB", "modify the calcium before stenting"),
        (None, "en;q=0.1, zh;q=0.9", "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"),
        (None, "fr", "modify the calcium before stenting"),
        ("en", "zh", "modify the calcium before stenting"),
    ],
)
def test_labels_are_in_the_language_asked_for(
    lang: str | None, header: str, label: str, client: httpx.Client
) -> None:
    reply = client.post(
        "/recommend",
        json=case("words"),
        params={"lang": lang} if lang else {},
        headers={"Accept-Language": header},
    )
    assert reply.json()["strategy"]["label"] == label


def test_every_problem_of_a_case_is_listed(client: httpx.Client) -> None:
    bad = {
        "case_id": "x",
        "max_superficial_arc_deg": "344 deg",
        "thrombs": True,
        "vessel_diameter_mm": 99,
        "nodule_type": "loud",
    }
    reply = client.post("/recommend", json=bad)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    told = Problem.model_validate_json(reply.content)
    assert told.type.endswith("/problem/invalid-case")
    assert {problem.fact for problem in told.problems} == {
        "max_superficial_arc_deg",
        "thrombs",
        "vessel_diameter_mm",
        "nodule_type",
    }
    assert told.case_id == "x"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"7", "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'{"case_id": "x", "case_id": "y"}', "application/json", 422),
        (b"\xff\xfe", "application/json", 400),
        (b"<a> <b>", "text/turtle", 400),
        (b'{"@context": "http://example.org/c"}', "application/ld+json", 400),
        (b"case", "text/plain", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_no_case_is_a_problem_with_its_place(
    content: bytes, kind: str, status: int, client: httpx.Client
) -> None:
    reply = client.post("/recommend", content=content, headers={"Content-Type": kind})
    assert reply.status_code == status
    told = reply.json()
    assert told["status"] == status
    assert "Traceback" not in reply.text
    assert told["detail"]


def test_a_case_may_come_as_turtle_and_json_ld(client: httpx.Client) -> None:
    turtle = "@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/t> a calx:Lesion ; calx:caseId 't' ; calx:maxSuperficialArcDeg 300 ."
    told = client.post("/recommend", content=turtle, headers={"Content-Type": "text/turtle"}).json()
    document = Graph().parse(data=turtle, format="turtle").serialize(format="json-ld")
    assert told["strategy"]["id"] == "active_modification"
    assert (
        client.post(
            "/recommend", content=document, headers={"Content-Type": "application/ld+json"}
        ).json()
        == told
    )


def test_rdf_of_any_size_is_not_parsed(client: httpx.Client) -> None:
    turtle = "<urn:a> <urn:b> " + ",".join(map(str, range(20000))) + " ."
    assert (
        client.post(
            "/recommend", content=turtle, headers={"Content-Type": "text/turtle"}
        ).status_code
        == 413
    )


def test_a_list_gets_a_list_in_which_a_bad_case_has_its_error(client: httpx.Client) -> None:
    good, bad, again = client.post(
        "/recommend", json=[case("a"), case("b", max_superficial_arc_deg=999), case("a")]
    ).json()
    assert good["case_id"] == "a"
    assert bad["error"]["problems"][0]["fact"] == "max_superficial_arc_deg"
    assert "used before" in again["error"]["problems"][0]["message"]


def test_the_proof_comes_alone_and_as_a_picture(client: httpx.Client) -> None:
    steps = client.post("/proof", json=case("p")).json()["steps"]
    assert steps == client.post("/recommend", json=case("p")).json()["steps"]
    picture = client.post("/proof", json=case("p"), headers={"Accept": "image/svg+xml"})
    assert picture.headers["content-type"].startswith("image/svg+xml")
    from xml.etree import ElementTree

    titles = [
        node.text or ""
        for node in ElementTree.fromstring(picture.text).iter("{http://www.w3.org/2000/svg}title")
    ]
    rules = {step["rule"] for step in steps}
    assert all(any(f"{rule} ·" in title for title in titles) for rule in rules)


def test_the_api_never_tells_more_than_it_should(client: httpx.Client) -> None:
    for method, path in [
        ("GET", "/nothing"),
        ("PUT", "/recommend"),
        ("DELETE", "/rules"),
        ("GET", "/cases/../../etc/passwd"),
        ("GET", "/static/../app.py"),
        ("GET", "/static/%2e%2e/app.py"),
    ]:
        reply = client.request(method, path)
        assert reply.status_code in (404, 405)
        assert reply.json()["status"] == reply.status_code


def test_openapi_is_made_from_the_ontology_with_real_examples(
    client: httpx.Client, reasoner: Reasoner
) -> None:
    described: dict[str, Any] = client.get("/openapi.json").json()
    facts = described["components"]["schemas"]["Case"]["properties"]
    assert set(facts) == {"case_id", "measured"} | {
        fact.name for fact in reasoner.guideline.facts.values() if fact.given
    }
    assert facts["max_superficial_arc_deg"]["x-unit"] == "deg"
    body = described["paths"]["/recommend"]["post"]
    examples = body["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) > 3
    example, *_ = examples.values()
    answer = described["components"]["schemas"]["Answer"]["properties"]
    assert set(answer) == set(client.post("/recommend", json=example["value"]).json())
    shown = body["responses"]["200"]["content"]["application/json"]["example"]
    assert client.post("/recommend", json=example["value"]).json() == shown


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/sparql", "GET, HEAD, POST"),
        ("DELETE", "/recommend", "POST"),
        ("POST", "/cds-services", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_all_right_ones(
    method: str, path: str, allowed: str, client: httpx.Client
) -> None:
    reply = client.request(method, path)
    assert reply.status_code == 405
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize("coding", ["gzip", "br", "x"])
def test_a_compressed_body_is_not_read(coding: str, client: httpx.Client) -> None:
    head = {"Content-Type": "application/json", "Content-Encoding": coding}
    assert client.post("/recommend", content=b"x", headers=head).status_code == 415
