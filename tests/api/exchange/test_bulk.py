"""A FHIR bulk export as a cohort: patients gathered, lesions told apart, what cannot be read counted."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.api.exchange.test_cds_hooks import DCM, observation, quantity
from tests.command import calx


def of(patient: str, resource: dict[str, Any], site: str | None = None) -> dict[str, Any]:
    told = {**resource, "subject": {"reference": f"https://ehr.example/fhir/Patient/{patient}"}}
    return told if site is None else {**told, "bodySite": {"text": site}}


def test_a_bulk_export_is_scored_lesion_by_lesion(tmp_path: Path) -> None:
    arc, other = (observation(DCM, "122355", **quantity(deg, "deg")) for deg in (300, 100))
    resources = [
        of("p1", {**arc, "id": "a"}, "LAD"),
        of("p1", {**other, "id": "b"}, "RCA"),
        of("p2", {**arc, "id": "c"}),
        of("p3", {**observation(DCM, "122355", **quantity(999, "deg")), "id": "d"}),
        of("p4", {**observation("http://loinc.org", "8867-4", **quantity(70, "/min")), "id": "e"}),
        of("p5", {**arc, "id": "f"} | {"valueQuantity": "broken"}),
        {"resourceType": "Patient", "id": "p1"},
    ]
    random.Random(1).shuffle(resources)
    half = len(resources) // 2
    for name, part in (
        ("Observation.1.ndjson", resources[:half]),
        ("Observation.2.ndjson", resources[half:]),
    ):
        (tmp_path / name).write_text("".join(f"{json.dumps(one)}\n" for one in part))
    paths = sorted(tmp_path.glob("*.ndjson"))
    done = calx("cohort", "run", *paths, tmp_path / "out.parquet")
    assert done.returncode == 1, done.stderr
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert {(row["patient"], row["lesion"], row["max_superficial_arc_deg"]) for row in found} == {
        ("p1", "LAD", 300),
        ("p1", "RCA", 100),
        ("p2", "", 300),
    }
    assert {row["case_id"] for row in found} == {"p1-1", "p1-2", "p2-1"}
    with (tmp_path / "out.rejects.csv").open(newline="") as stream:
        rejects = [*csv.DictReader(stream)]
    assert len(rejects) == 2
    assert {("out of range" in one["reason"]) for one in rejects} == {True, False}
    assert "p5" in rejects[0]["value"] + rejects[1]["value"]
