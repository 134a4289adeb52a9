"""CDS Hooks 2.0, as a client of its specification meets it (https://cds-hooks.hl7.org/2.0/)."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest

from tests.api.running import CASE, Running, serving

FACTS: dict[str, Any] = {"case_id": "cds-1", "facts": CASE}
DCM, OURS = "http://dicom.nema.org/resources/ontology/DCM", "https://w3id.org/calx"


def observation(system: str, code: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        **value,
    }


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        }
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} for resource in resources],
    }


def call(**more: Any) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/a", "patientId": "p1"},
        **more,
    }


def empties(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [key for key, item in value.items() if item in (None, "", [], {})] + [
            e for item in value.values() for e in empties(item)
        ]
    return [e for item in value for e in empties(item)] if isinstance(value, list) else []


def leading(cards: list[dict[str, Any]]) -> dict[str, Any]:
    """The card of what leads the answer."""
    (card,) = (card for card in cards if card["source"]["topic"]["code"] == "strategy")
    return card


def test_discovery_tells_the_service(client: httpx.Client) -> None:
    (service,) = client.get("/cds-services").json()["services"]
    assert {"hook", "id", "title", "description", "prefetch"} <= set(service)
    assert service["hook"] == "patient-view"


def test_cards_are_as_the_specification_wants_them(client: httpx.Client) -> None:
    reply = client.post("/cds-services/calx-lesion", json=call(extension={"org.w3id.calx": FACTS}))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    cards = reply.json()["cards"]
    assert cards[0]["indicator"] == "critical"
    assert not empties(reply.json())
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        uuid.UUID(card["uuid"])
        assert all(
            set(reason) >= {"code", "system", "display"} for reason in card["overrideReasons"]
        )
        if "suggestions" in card:
            assert card["selectionBehavior"] == "any"
            assert not any(suggestion["isRecommended"] for suggestion in card["suggestions"]), (
                "nothing is recommended while the strategy is provisional"
            )
            for suggestion in card["suggestions"]:
                for action in suggestion["actions"]:
                    assert action["type"] == "create"
                    resource = ServiceRequest.model_validate(action["resource"])
                    assert (resource.intent, resource.status) == ("proposal", "draft")
    strategy = leading(cards)
    assert "modify the calcium before stenting" in strategy["summary"]
    for told in ("Kirtane", "ECLIPSE", "[D4; C-EO]", "What is missing", "ecision support"):
        assert told in strategy["detail"], told
    assert any("Not excluded" in card["summary"] for card in cards)


def test_observations_are_read_by_the_codes_of_the_mapping_table(client: httpx.Client) -> None:
    found = bundle(
        observation(DCM, "122355", **quantity(300, "deg")),
        observation(DCM, "122330", **quantity(3.2, "mm")),
        observation(OURS, "residual_thin_plaque", valueBoolean=True),
        observation(
            OURS,
            "calcium_depth",
            valueCodeableConcept={
                "coding": [{"system": "http://snomed.info/sct", "code": "26283006"}]
            },
        ),
        observation("http://loinc.org", "8867-4", **quantity(70, "/min")),
        {"resourceType": "Patient", "id": "p1"},
    )
    cards = client.post(
        "/cds-services/calx-lesion", json=call(prefetch={"observations": found})
    ).json()["cards"]
    assert "C-CAT" in cards[0]["summary"]
    assert "122355" in cards[-1]["detail"], "what was read from a foreign code is said"


def test_facts_may_stand_in_a_fhir_extension(client: httpx.Client) -> None:
    extension = {
        "url": "https://w3id.org/calx/fhir/StructureDefinition/facts",
        "extension": [
            {"url": "max_superficial_arc_deg", "valueDecimal": 300},
            {"url": "residual_thin_plaque", "valueBoolean": True},
        ],
    }
    patient = {"resourceType": "Patient", "extension": [extension]}
    cards = client.post(
        "/cds-services/calx-lesion", json=call(prefetch={"patient": patient})
    ).json()["cards"]
    assert "C-CAT" in cards[0]["summary"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 412),
        ({"prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}}}, 412),
        ({"prefetch": {"observations": {"resourceType": "OperationOutcome"}}}, 412),
        (
            {
                "prefetch": {
                    "observations": bundle(observation(DCM, "122355", **quantity(3, "rad")))
                }
            },
            422,
        ),
        (
            {
                "prefetch": {
                    "observations": bundle(
                        observation(DCM, "122355", **quantity(300, "deg")),
                        observation(DCM, "122355", **quantity(200, "deg")),
                    )
                }
            },
            422,
        ),
        ({"prefetch": {"observations": {"resourceType": "Observation", "status": "no such"}}}, 422),
        ({"extension": {"org.w3id.calx": {"facts": {"max_superficial_arc_deg": 999}}}}, 422),
        ({"hook": "order-sign"}, 400),
        ({"hookInstance": "1"}, 400),
        ({"context": {}}, 400),
        ({"prefetch": []}, 412),
        ({"prefetch": [1]}, 400),
    ],
)
def test_what_cannot_be_answered_says_why(
    more: dict[str, Any], status: int, client: httpx.Client
) -> None:
    reply = client.post("/cds-services/calx-lesion", json=call(**more))
    assert reply.status_code == status, reply.text
    assert reply.json()["detail"]


@pytest.mark.parametrize(
    "observations",
    [
        None,
        bundle(),
        bundle(observation("http://loinc.org", "8867-4", **quantity(70, "/min"))),
        bundle(observation(DCM, "122355", **quantity(300, "deg")) | {"status": "entered-in-error"}),
    ],
)
def test_where_there_is_nothing_to_say_there_are_no_cards(
    observations: Any, client: httpx.Client
) -> None:
    reply = client.post(
        "/cds-services/calx-lesion", json=call(prefetch={"observations": observations})
    )
    assert (reply.status_code, reply.json()) == (200, {"cards": []})


def test_the_observations_that_the_prefetch_asks_for_are_taken_with_their_narrative(
    client: httpx.Client,
) -> None:
    narrative = {"status": "generated", "div": f"<div xmlns='x'>{'a' * 8000}</div>"}
    others = [
        observation("http://loinc.org", "8867-4", **quantity(70 + k % 9, "/min"))
        | {"text": narrative}
        for k in range(199)
    ]
    asked = call(
        prefetch={
            "observations": bundle(*others, observation(DCM, "122355", **quantity(300, "deg")))
        }
    )
    assert len(json.dumps(asked)) > 1_500_000
    cards = client.post("/cds-services/calx-lesion", json=asked).json()["cards"]
    assert "199 values with codes that no fact has" in cards[-1]["detail"]


def test_two_lesions_have_cards_of_their_own(client: httpx.Client) -> None:
    def at(site: str, found: dict[str, Any]) -> dict[str, Any]:
        return found | {"bodySite": {"text": site}, "effectiveDateTime": "2026-11-20"}

    cards = client.post(
        "/cds-services/calx-lesion",
        json=call(
            prefetch={
                "observations": bundle(
                    at("LAD", observation(DCM, "122355", **quantity(300, "deg"))),
                    at("RCA", observation(OURS, "residual_thin_plaque", valueBoolean=True)),
                    at("RCA", observation(OURS, "thrombus", valueBoolean=True)),
                    observation(OURS, "mobile_calcium", valueBoolean=True),
                )
            }
        ),
    ).json()["cards"]
    assert all(card["summary"].startswith(("LAD: ", "RCA: ")) for card in cards)
    assert not any(card["indicator"] == "critical" for card in cards), "neither has the C-CAT sign"
    assert "mobile_calcium: names no body site" in cards[-1]["detail"]


def test_a_card_says_what_speaks_against_each_device_and_shows_warnings(
    client: httpx.Client,
) -> None:
    facts = {
        "max_superficial_arc_deg": 300,
        "coronary_dissection": True,
        "flow_limiting": False,
        "thrombus": True,
    }
    cards = client.post(
        "/cds-services/calx-lesion", json=call(extension={"org.w3id.calx": {"facts": facts}})
    ).json()["cards"]
    assert any(card["indicator"] == "warning" and "dissection" in card["summary"] for card in cards)
    (line,) = [
        line
        for line in leading(cards)["detail"].splitlines()
        if line.startswith("- **AVOID**: contraindicated")
    ]
    assert "F-RA-1" in line
    facts = {"max_superficial_arc_deg": 300}
    strategy = leading(
        client.post(
            "/cds-services/calx-lesion", json=call(extension={"org.w3id.calx": {"facts": facts}})
        ).json()["cards"]
    )
    (line,) = [
        line
        for line in strategy["detail"].splitlines()
        if line.startswith("- orbital atherectomy: ")
    ]
    assert "disputed by ECLIPSE" in line
    assert "not ruled out" in line
    assert all("PROVISIONAL" in suggestion["label"] for suggestion in strategy["suggestions"])


@pytest.mark.parametrize(
    "resource",
    [
        observation(OURS, "thrombus", valueBoolean=True)
        | {"modifierExtension": [{"url": "http://example.org/negated", "valueBoolean": True}]},
        observation(OURS, "thrombs", valueBoolean=True),
        observation(OURS, "thrombus", valueDateTime="2026-01-01"),
        observation(OURS, "thrombus"),
        observation(OURS, "thrombus", valueBoolean=True)
        | {"subject": {"reference": "Patient/other"}},
    ],
)
def test_no_fact_is_silently_lost_turned_or_taken_from_somebody_else(
    resource: dict[str, Any], client: httpx.Client
) -> None:
    found = bundle(observation(DCM, "122355", **quantity(300, "deg")), resource)
    assert (
        client.post(
            "/cds-services/calx-lesion", json=call(prefetch={"observations": found})
        ).status_code
        == 422
    )


EXTENSION = "https://w3id.org/calx/fhir/StructureDefinition/facts"


@pytest.mark.parametrize(
    "item",
    [
        5,
        [5],
        [{"url": "thrombus", "valueQuantity": 5}],
        [{"url": "thrombus", "valueCodeableConcept": {"coding": "x"}}],
        [{"url": "thrombus", "valueQuantity": {"unit": [5]}}],
    ],
)
def test_an_extension_of_any_shape_is_refused_in_words(item: Any, client: httpx.Client) -> None:
    patient = {"resourceType": "Patient", "extension": [{"url": EXTENSION, "extension": item}]}
    reply = client.post("/cds-services/calx-lesion", json=call(prefetch={"p": patient}))
    assert reply.status_code == 422, reply.text


def test_a_key_that_stands_twice_is_refused(client: httpx.Client) -> None:
    text = json.dumps(
        call(extension={"org.w3id.calx": {"facts": {"max_superficial_arc_deg": 350}}})
    ).replace(": 350", ': 350, "max_superficial_arc_deg": 90')
    reply = client.post(
        "/cds-services/calx-lesion", content=text, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 400
    assert "more than once" in reply.json()["detail"]


def test_feedback_is_kept_whole_in_the_audit_log(service: Running, client: httpx.Client) -> None:
    card, chosen = str(uuid.uuid4()), str(uuid.uuid4())
    reason = {"code": "unavailable", "system": "https://w3id.org/calx/override"}
    content = {
        "feedback": [
            {
                "card": card,
                "outcome": "overridden",
                "overrideReason": {"reason": reason, "userComment": "no console today"},
                "outcomeTimestamp": "2026-11-22T00:00:00Z",
            },
            {"card": card, "outcome": "accepted", "acceptedSuggestions": [{"id": chosen}]},
        ]
    }
    claims = base64.urlsafe_b64encode(b'{"iss": "https://ehr.example.org"}').decode().rstrip("=")
    head = {"Authorization": f"Bearer e30.{claims}.c2ln"}
    path = "/cds-services/calx-lesion/feedback"
    assert client.post(path, json=content, headers=head).status_code == 200
    lines = [json.loads(line) for line in (service.data / "audit.jsonl").read_text().splitlines()]
    overridden, accepted = (line for line in lines if line.get("card") == card)
    assert overridden["reason"] == "unavailable"
    assert overridden["comment"] == "no console today"
    assert overridden["told_at"] == "2026-11-22T00:00:00Z"
    assert overridden["unverified_client"] == {"iss": "https://ehr.example.org"}
    assert accepted["accepted"] == [chosen]
    for wrong in (
        [],
        [{"card": card}],
        [{"card": card, "outcome": "accepted", "acceptedSuggestions": [5]}],
        [{"card": card, "outcome": "overridden", "overrideReason": 5}],
    ):
        assert client.post(path, json={"feedback": wrong}).status_code == 400


def test_a_client_s_own_token_is_enough_for_feedback_and_for_nothing_else(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "data", "--token", "a-token-of-the-site") as running,
        running.client() as client,
    ):
        head = {"Authorization": "Bearer e30.e30.c2ln"}
        content = {"feedback": [{"card": "x", "outcome": "accepted"}]}
        path = "/cds-services/calx-lesion/feedback"
        assert client.post(path, json=content).status_code == 401
        assert client.post(path, json=content, headers=head).status_code == 200
        assert client.post("/cases", json={"case_id": "a"}, headers=head).status_code == 401


def test_cards_in_chinese(client: httpx.Client) -> None:
    cards = client.post(
        "/cds-services/calx-lesion",
        json=call(extension={"org.w3id.calx": FACTS}),
        headers={"Accept-Language": "zh-CN"},
    ).json()["cards"]
    assert "支架前钙化修饰（旋磨、轨道旋磨或冲击波）" in leading(cards)["summary"]


def test_other_services_are_not_there(client: httpx.Client) -> None:
    assert client.post("/cds-services/other", json=call()).status_code == 404
    assert (
        client.post(
            "/cds-services/calx-lesion", content=b"{", headers={"Content-Type": "application/json"}
        ).status_code
        == 400
    )
