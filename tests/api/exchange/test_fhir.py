"""The FHIR operation, judged by the R4B models of fhir.resources."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.guidanceresponse import GuidanceResponse
from fhir.resources.R4B.operationdefinition import OperationDefinition
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.requestgroup import RequestGroup

from calx.api.exchange.codes import Codes, mappings
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.recommendation import Reasoner
from tests.api.exchange.test_cds_hooks import (
    DCM,
    OURS,
    bundle,
    empties,
    observation,
    quantity,
)
from tests.api.running import CASE, serving
from tests.conftest import conformance_cases

SSSOM = Path(__file__).parents[3] / "ontology" / "calcified-lesions" / "mappings.sssom.tsv"


def parameters(facts: dict[str, Any]) -> dict[str, Any]:
    def value(found: Any) -> dict[str, Any]:
        return (
            {"valueBoolean": found}
            if isinstance(found, bool)
            else {"valueString": found}
            if isinstance(found, str)
            else {"valueDecimal": float(found)}
        )

    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, **value(found)} for name, found in facts.items()],
    }


def ask(client: httpx.Client, resource: dict[str, Any]) -> httpx.Response:
    return client.post(
        "/fhir/$recommend", json=resource, headers={"Content-Type": "application/fhir+json"}
    )


def test_the_answer_is_a_guidance_response_that_names_what_is_missing(
    client: httpx.Client, reasoner: Reasoner
) -> None:
    reply = ask(client, bundle(observation(DCM, "122355", **quantity(300, "deg"))))
    assert reply.headers["content-type"] == "application/fhir+json"
    content = reply.json()
    GuidanceResponse.model_validate(content)
    assert not empties(content)
    assert content["status"] == "data-requested"
    assert content["subject"] == {"reference": "Patient/p1"}
    ours = reasoner.recommend({"case_id": "t", "max_superficial_arc_deg": 300}).json()
    asked = [
        requirement["codeFilter"][0]["code"][0]["code"]
        for requirement in content["dataRequirement"]
    ]
    first = [item["fact"] for item in ours["missing"]]
    assert asked[: len(first)] == first
    assert set(asked) == set(first) | {
        fact for alert in ours["possible_alerts"] for fact in alert["because_of"]
    }
    contained = {resource["id"]: resource for resource in content["contained"]}
    Parameters.model_validate(contained["answer"])
    RequestGroup.model_validate(contained["proposal"])
    assert contained["proposal"]["intent"] == "proposal"
    orbital = next(
        action
        for action in contained["proposal"]["action"]
        if action["title"].startswith("orbital")
    )
    assert "disputed by ECLIPSE" in orbital["description"]
    assert any(document["display"].startswith("DISPUTES") for document in orbital["documentation"])
    assert any("PROVISIONAL" in action["title"] for action in contained["proposal"]["action"])
    assert any("Not excluded" in action["title"] for action in contained["proposal"]["action"])
    told = {parameter["name"]: parameter for parameter in contained["answer"]["parameter"]}
    assert told["strategy"]["valueCode"] == "active_modification"
    assert told["settled"]["valueBoolean"] is False
    assert any("122355" in note["text"] for note in content["note"])


def test_every_conformance_case_comes_out_as_in_the_api(
    client: httpx.Client, reasoner: Reasoner
) -> None:
    statuses = set()
    for raw in conformance_cases()[::12]:
        facts = {
            name: value for name, value in raw.items() if name != "case_id" and value is not None
        }
        reply = ask(client, parameters(json.loads(json.dumps(facts, default=float))))
        if reply.status_code != 200:
            OperationOutcome.model_validate(reply.json())
            continue
        content = reply.json()
        GuidanceResponse.model_validate(content)
        statuses.add(content["status"])
        whole = next(
            p["valueString"]
            for r in content["contained"]
            if r["id"] == "answer"
            for p in r["parameter"]
            if p["name"] == "answer"
        )
        ours = reasoner.recommend(
            json.loads(json.dumps({**facts, "case_id": "fhir"}, default=float))
        ).json()
        assert json.loads(whole) == ours
    assert len(statuses) >= 2


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ({"resourceType": "Patient"}, 400),
        ([], 400),
        (parameters({"max_superficial_arc_deg": 999, "thrombs": True}), 422),
        (bundle(observation(DCM, "122355", **quantity(300, "mm"))), 422),
        (
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": {"resourceType": "Observation"}}],
            },
            422,
        ),
        ({"resourceType": "Parameters", "parameter": "x"}, 422),
    ],
)
def test_problems_are_operation_outcomes(resource: Any, status: int, client: httpx.Client) -> None:
    reply = ask(client, resource)
    assert reply.status_code == status, reply.text
    OperationOutcome.model_validate(reply.json())


ARC = observation(DCM, "122355", **quantity(300, "deg"))


def of(found: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An observation that says more of what it is."""
    return {**found, **more}


def fact(name: str, value: Any, **more: Any) -> dict[str, Any]:
    kind = "valueBoolean" if isinstance(value, bool) else "valueString"
    return observation(OURS, name, **{kind: value}, **more)


def site(words: str) -> dict[str, Any]:
    return {"bodySite": {"text": words}}


def at(moment: str) -> dict[str, Any]:
    return {"effectiveDateTime": moment}


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ([of(ARC, **site("LAD")), fact("calcified_nodule", True, **site("RCA"))], "RCA"),
        ([of(ARC, **site("LAD")), fact("calcified_nodule", True)], "names no body site"),
        (
            [of(ARC, **site("LAD")), fact("thrombus", True, focus=[{"reference": "Device/1"}])],
            "whether they are of one lesion",
        ),
        (
            [
                of(ARC, encounter={"reference": "Encounter/1"}, **at("2026-11-20")),
                fact("thrombus", True, encounter={"reference": "Encounter/2"}, **at("2026-11-20")),
            ],
            "one procedure",
        ),
        (
            [
                of(ARC, specimen={"reference": "Specimen/1"}),
                fact("thrombus", True, specimen={"reference": "Specimen/2"}),
            ],
            "Specimen/2",
        ),
        (
            [
                ARC,
                of(fact("thrombus", True), subject={"identifier": {"system": "s", "value": "9"}}),
            ],
            "one patient",
        ),
        ([ARC, {k: v for k, v in fact("thrombus", True).items() if k != "subject"}], "no patient"),
        (
            [of(ARC, **at("2026-11-20")), of(ARC, **quantity(200, "deg"), **at("2026-11-20"))],
            "twice",
        ),
        (
            [
                of(ARC, **at("2026-11-20T10:00:00+01:00")),
                of(ARC, **quantity(200, "deg"), **at("2026-11-20T09:00:00Z")),
            ],
            "twice",
        ),
        ([of(ARC, **at("2026")), of(ARC, **quantity(200, "deg"), **at("2026-11-20"))], "newer"),
        ([of(ARC, **at("2026-11-20")), fact("thrombus", True)], "unknown time"),
        ([of(ARC, effectiveTiming={"code": {"text": "daily"}})], "tells no time"),
        ([of(ARC, code={"coding": [{"code": "thrombus"}]})], "without its code system"),
        ([ARC, of(fact("thrombus", True), code={"text": "thrombus"})], "without its code system"),
        (
            [
                ARC,
                observation(
                    "http://loinc.org",
                    "1-1",
                    component=[{"code": {"text": "perforation_grade"}, "valueString": "ellis_3"}],
                ),
            ],
            "perforation_grade",
        ),
        (
            [
                ARC,
                {
                    "resourceType": "Condition",
                    "subject": {"reference": "Patient/p1"},
                    "code": {"coding": [{"system": OURS, "code": "tamponade"}]},
                },
            ],
            "send an Observation",
        ),
        (
            [
                of(
                    fact("calcium_depth", "deep"),
                    valueString=None,
                    valueCodeableConcept={
                        "coding": [
                            {"system": OURS, "code": "deep"},
                            {"system": OURS, "code": "superficial"},
                        ]
                    },
                )
            ],
            "is coded as",
        ),
    ],
)
def test_what_cannot_be_one_lesion_at_one_time_is_refused_by_name(
    resources: list[dict[str, Any]], named: str, client: httpx.Client
) -> None:
    found = [{k: v for k, v in resource.items() if v is not None} for resource in resources]
    reply = ask(client, bundle(*found))
    assert reply.status_code == 422, reply.text
    assert named in reply.text


P2 = {"subject": {"reference": "Patient/p2"}}
EXTENSION = "https://w3id.org/calx/fhir/StructureDefinition/facts"


def holding(name: str, value: Any, **resource: Any) -> dict[str, Any]:
    """A resource that tells a fact in the extension."""
    facts = {"url": EXTENSION, "extension": [{"url": name, "valueBoolean": value}]}
    return {**resource, "extension": [facts]}


def contained_patient(found: dict[str, Any], identifier: str) -> dict[str, Any]:
    own = {"resourceType": "Patient", "id": "p", "identifier": [{"value": identifier}]}
    return {**found, "contained": [own], "subject": {"reference": "#p"}}


@pytest.mark.parametrize(
    "others",
    [
        [ARC, holding("thrombus", True, **observation("http://loinc.org", "1-1", **P2))],
        [ARC, holding("thrombus", True, resourceType="Patient", id="p2")],
        [
            of(ARC, subject={"reference": "http://a.example/fhir/Patient/1"}),
            fact("thrombus", True, subject={"reference": "http://b.example/fhir/Patient/1"}),
        ],
        [contained_patient(ARC, "1"), contained_patient(fact("thrombus", True), "2")],
        [
            of(ARC, bodySite={"coding": [{"code": "41801008"}], "text": "LAD"}),
            fact("thrombus", True, bodySite={"coding": [{"code": "41801008"}], "text": "RCA"}),
        ],
        [
            of(ARC, bodySite={"coding": [{"code": "41801008"}, {"code": "LAD"}]}),
            fact("thrombus", True, bodySite={"coding": [{"code": "41801008"}, {"code": "RCA"}]}),
        ],
        [of(ARC, **site("LAD")), fact("stage", "after_stent", **site("RCA"))],
        [
            of(ARC, partOf=[{"identifier": {"system": "s", "value": "1"}}]),
            fact("thrombus", True, partOf=[{"identifier": {"system": "s", "value": "2"}}]),
        ],
        [
            of(ARC, derivedFrom=[{"reference": "ImagingStudy/1"}]),
            fact("thrombus", True, derivedFrom=[{"reference": "ImagingStudy/2"}]),
        ],
        [
            fact("thrombus", True, **at("2026-11-20")),
            of(observation(DCM, "122341", **quantity(12, "mm")), **at("2026-11-21")),
            of(ARC, **at("2026-11-20T23:00:00Z")),
        ],
        [
            of(ARC, partOf=[{"reference": "Procedure/1"}], **at("2024-01-01")),
            fact("thrombus", True, partOf=[{"reference": "Procedure/1"}], **at("2026-01-01")),
        ],
        [of(ARC, valueQuantity={"value": 9, "unit": "cm", "code": "mm"})],
        [{**ARC, "valueInteger": 300, "valueQuantity": None}],
        [of(fact("thrombus", True), interpretation=[{"coding": [{"code": "NEG"}]}])],
    ],
)
def test_facts_of_two_are_never_one_answer(
    others: list[dict[str, Any]], client: httpx.Client
) -> None:
    found = [{k: v for k, v in resource.items() if v is not None} for resource in others]
    reply = ask(client, bundle(*found))
    if reply.status_code == 200:
        notes = " ".join(note["text"] for note in reply.json()["note"])
        assert "left aside" in notes
        assert "older" in notes
    else:
        assert reply.status_code == 422, reply.text


def test_panels_and_reports_say_of_their_members_what_these_do_not(client: httpx.Client) -> None:
    def member(name: str, number: str) -> dict[str, Any]:
        return {**fact(name, True), "id": number}

    def panel(words: str, number: str) -> dict[str, Any]:
        return observation("http://loinc.org", "1-1", **site(words)) | {
            "hasMember": [{"reference": f"Observation/{number}"}]
        }

    two = bundle(
        panel("LAD", "a"),
        member("residual_thin_plaque", "a"),
        panel("RCA", "b"),
        member("thrombus", "b"),
    )
    assert ask(client, two).status_code == 422
    one = bundle(panel("LAD", "a"), member("thrombus", "a"), of(ARC, **site("LAD")))
    assert ask(client, one).status_code == 200


def test_what_was_withdrawn_does_not_count(client: httpx.Client) -> None:
    wrong = holding("thrombus", True, **observation("http://loinc.org", "1-1"))
    versions = [
        {**fact("thrombus", True), "id": "t", "meta": {"versionId": "1"}},
        {
            **fact("thrombus", True),
            "id": "t",
            "meta": {"versionId": "2"},
            "status": "entered-in-error",
        },
    ]
    for found in ([{**wrong, "status": "entered-in-error"}], versions):
        result, _ = answered(client, ARC, *found)
        assert "thrombus" not in str(result["steps"])
    newer = {**ARC, **at("2026-11-20T11:00:00Z"), "dataAbsentReason": {"text": "unreadable"}}
    newer.pop("valueQuantity")
    result, notes = answered(
        client, of(ARC, **at("2026-11-20T10:00:00Z")), newer, fact("pregnant", False)
    )
    assert result["arc_grade"] is None
    assert "unknown of 2026-11-20T11:00:00Z counts" in notes


@pytest.mark.parametrize(
    "odd",
    [
        {"effectiveTiming": {"event": 5}},
        {"effectiveTiming": {"repeat": ["x"]}},
        {"status": []},
        {"status": {}},
        {"valueQuantity": 5},
    ],
)
def test_an_unrelated_resource_of_any_shape_does_no_harm(
    odd: dict[str, Any], client: httpx.Client
) -> None:
    other = observation("http://loinc.org", "1-1") | odd
    assert ask(client, bundle(ARC, other)).status_code == 200
    report = {"resourceType": "DiagnosticReport", "contained": [fact("thrombus", True) | odd]}
    assert ask(client, bundle(report)).status_code == 422


def test_an_age_in_words_of_another_terminology_is_no_fact_and_no_problem(
    client: httpx.Client,
) -> None:
    age = observation("http://loinc.org", "30525-0", **quantity(71, "a"))
    age["code"]["text"] = "Age"
    result, notes = answered(client, ARC, age)
    assert "values with codes that no fact has" in notes
    assert "age_years" not in str(result["steps"])


def answered(client: httpx.Client, *resources: dict[str, Any], **more: Any) -> tuple[Any, str]:
    """The whole answer, and its notes."""
    reply = ask(client, bundle(*resources) | more)
    assert reply.status_code == 200, reply.text
    content = reply.json()
    whole = next(
        p["valueString"]
        for r in content["contained"]
        if r["id"] == "answer"
        for p in r["parameter"]
        if p["name"] == "answer"
    )
    return json.loads(whole), " | ".join(note["text"] for note in content["note"])


def test_values_within_observations_are_read(client: httpx.Client) -> None:
    grade = {"coding": [{"system": OURS, "code": "perforation_grade"}]}
    panel = observation("http://loinc.org", "1-1") | {
        "component": [{"code": grade, "valueString": "ellis_3"}]
    }
    holder = observation("http://loinc.org", "1-2") | {
        "contained": [fact("tamponade", True)],
        "hasMember": [{"reference": "Observation/elsewhere"}],
    }
    result, notes = answered(client, ARC, panel, holder)
    assert [alert["id"] for alert in result["alerts"]][:2] == ["perforation", "tamponade"]
    assert "members of panels" in notes


def test_the_newest_counts_and_the_older_is_said(client: httpx.Client) -> None:
    result, notes = answered(
        client,
        of(ARC, **quantity(200, "deg"), **at("2024-01-01")),
        of(ARC, **at("2026-11-20T10:00:00Z")),
        fact("thrombus", True, effectivePeriod={"start": "2026-11-20T09:00:00Z"}),
        of(observation(DCM, "122341", **quantity(12, "mm")), **at("2019-05")),
    )
    assert result["arc_grade"] == "IV"
    assert "2024-01-01: older" in notes
    assert "2019-05: older" in notes
    assert not any("calcium_length_mm" in str(step) for step in result["steps"])
    same = of(ARC, **quantity(200, "deg"), **at("2026-11-20T08:00:00Z"))
    result, notes = answered(client, same, of(ARC, **at("2026-11-20T10:00:00Z")))
    assert result["arc_grade"] == "IV"
    assert "200 of 2026-11-20T08:00:00Z is older" in notes


def test_a_patient_s_facts_hold_of_the_lesion_and_an_incomplete_bundle_is_said(
    client: httpx.Client,
) -> None:
    result, notes = answered(
        client,
        of(ARC, **site("LAD"), subject={"identifier": {"system": "urn:mrn", "value": "1"}}),
        fact("pregnant", True),
        {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [{"system": "urn:mrn", "value": "1"}],
        },
        total=400,
        link=[{"relation": "next", "url": "https://ehr.example.org/next"}],
    )
    orbital = next(d for d in result["devices"] if d["id"] == "orbital_atherectomy")
    assert "pregnant" in str(orbital)
    assert "incomplete: 3 of 400" in notes


def test_xml_is_not_acceptable_and_a_compressed_body_is_not_read(client: httpx.Client) -> None:
    head = {"Content-Type": "application/fhir+json"}
    xml = {**head, "Accept": "application/fhir+xml"}
    assert client.post("/fhir/$recommend", json=bundle(ARC), headers=xml).status_code == 406
    packed = {**head, "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(bundle(ARC)).encode())
    assert client.post("/fhir/$recommend", content=body, headers=packed).status_code == 415


def test_all_problems_are_told_at_once(client: httpx.Client) -> None:
    issues = ask(client, parameters({"max_superficial_arc_deg": 999, "thrombs": True})).json()[
        "issue"
    ]
    assert len(issues) == 2


def test_what_the_service_says_of_itself_is_fhir(client: httpx.Client) -> None:
    CapabilityStatement.model_validate(client.get("/fhir/metadata").json())
    OperationDefinition.model_validate(client.get("/fhir/OperationDefinition/recommend").json())


def test_the_mapping_table_is_sssom_and_speaks_of_terms_that_exist(reasoner: Reasoner) -> None:
    text = SSSOM.read_text(encoding="utf-8")
    rows = list(
        csv.DictReader(
            (line for line in text.splitlines() if not line.startswith("#")), delimiter="\t"
        )
    )
    assert {"subject_id", "predicate_id", "object_id", "mapping_justification"} <= set(rows[0])
    for row in rows:
        assert row["mapping_justification"] == "semapv:ManualMappingCuration"
        assert row["predicate_id"] in {
            "skos:exactMatch",
            "skos:closeMatch",
            "skos:broadMatch",
            "skos:relatedMatch",
        }
    named = {f"calx:{fact.local}" for fact in reasoner.guideline.facts.values()} | {
        f"value:{value}" for fact in reasoner.guideline.facts.values() for value in fact.values
    }
    assert {mapping.subject for mapping in mappings(DEFAULT_DIRECTORY)} <= named


def test_no_code_stands_for_two_facts(reasoner: Reasoner) -> None:
    read = [(m.system, m.code) for m in mappings(DEFAULT_DIRECTORY) if m.read]
    assert len(read) == len(set(read))
    codes = Codes(reasoner.guideline, DEFAULT_DIRECTORY)
    assert not set(codes.fact) & set(codes.too_broad)
    assert CASE.keys() <= set(codes.fact.values())


def test_codes_and_examples_are_those_of_the_guideline_that_is_served(
    edited: Callable[[str, str, str], Path], tmp_path: Path
) -> None:
    """`--ontology DIR` counts for the table of codes and for the example lesions too."""
    folder = edited(
        "cases/modification.yaml",
        "{en: Closed ring, zh: 闭合环}",
        "{en: A site's own ring, zh: 本院闭合环}",
    )
    table = folder / "mappings.sssom.tsv"
    text = table.read_text(encoding="utf-8").replace(
        "#  DCM:", "#  SITE: https://site.example/codes#\n#  DCM:"
    )
    table.write_text(
        text.replace("DCM:122341\tCalcium Length", "SITE:7\tOur length"), encoding="utf-8"
    )
    with (
        serving(tmp_path / "data", "--ontology", str(folder)) as running,
        running.client() as client,
    ):
        assert (
            "Our length (7) was read as: calcium length"
            in ask(
                client, observation("https://site.example/codes#", "7", **quantity(12, "mm"))
            ).text
        )
        assert (
            "was read as" not in ask(client, observation(DCM, "122341", **quantity(12, "mm"))).text
        )
        assert "A site&#39;s own ring" in client.get("/", headers={"Accept": "text/html"}).text
    table.unlink()
    with (
        serving(tmp_path / "data", "--ontology", str(folder)) as running,
        running.client() as client,
    ):
        assert ask(client, parameters(CASE)).status_code == 200
        assert (
            "was read as"
            not in ask(client, observation(DCM, "122355", **quantity(300, "deg"))).text
        )
