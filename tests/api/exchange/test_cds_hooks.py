"""CDS Hooks 2.0, as a client of its specification meets it (https://cds-hooks.hl7.org/2.0/)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest

from tests.api.running import CASE, Running

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
    strategy = cards[-1]
    assert "active modification" in strategy["summary"]
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
        ({"prefetch": {"observations": None}}, 412),
        (
            {
                "prefetch": {
                    "observations": bundle(
                        observation("http://loinc.org", "8867-4", **quantity(70, "/min"))
                    )
                }
            },
            412,
        ),
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


def test_an_observation_entered_in_error_is_no_fact(client: httpx.Client) -> None:
    wrong = observation(DCM, "122355", **quantity(300, "deg")) | {"status": "entered-in-error"}
    assert (
        client.post(
            "/cds-services/calx-lesion", json=call(prefetch={"observations": bundle(wrong)})
        ).status_code
        == 412
    )


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
        for line in cards[-1]["detail"].splitlines()
        if line.startswith("- **rotational atherectomy**: contraindicated")
    ]
    assert "F-RA-1" in line
    facts = {"max_superficial_arc_deg": 300}
    strategy = client.post(
        "/cds-services/calx-lesion", json=call(extension={"org.w3id.calx": {"facts": facts}})
    ).json()["cards"][-1]
    (line,) = [
        line
        for line in strategy["detail"].splitlines()
        if line.startswith("- **orbital atherectomy**")
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
    ).replace("350", '350, "max_superficial_arc_deg": 90')
    reply = client.post(
        "/cds-services/calx-lesion", content=text, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 400
    assert "more than once" in reply.json()["detail"]


def test_feedback_is_kept_in_the_audit_log(service: Running, client: httpx.Client) -> None:
    card = str(uuid.uuid4())
    content = {
        "feedback": [
            {
                "card": card,
                "outcome": "overridden",
                "overrideReason": {
                    "reason": {"code": "unavailable", "system": "https://w3id.org/calx/override"}
                },
                "outcomeTimestamp": "2026-11-22T00:00:00Z",
            }
        ]
    }
    assert client.post("/cds-services/calx-lesion/feedback", json=content).status_code == 200
    lines = [json.loads(line) for line in (service.data / "audit.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in lines if line.get("card") == card] == ["unavailable"]
    assert (
        client.post(
            "/cds-services/calx-lesion/feedback", json={"feedback": [{"card": card}]}
        ).status_code
        == 400
    )


def test_cards_in_chinese(client: httpx.Client) -> None:
    cards = client.post(
        "/cds-services/calx-lesion",
        json=call(extension={"org.w3id.calx": FACTS}),
        headers={"Accept-Language": "zh-CN"},
    ).json()["cards"]
    assert "积极修饰" in cards[-1]["summary"]


def test_other_services_are_not_there(client: httpx.Client) -> None:
    assert client.post("/cds-services/other", json=call()).status_code == 404
    assert (
        client.post(
            "/cds-services/calx-lesion", content=b"{", headers={"Content-Type": "application/json"}
        ).status_code
        == 400
    )
