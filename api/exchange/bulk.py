"""A FHIR bulk export: files of resources, one a line, in no order. Those of a patient are gathered,
and lesions told apart as in one request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from calx.api.exchange.codes import Codes
from calx.api.exchange.fhir_facts import FhirFacts
from calx.reasoner.cohorts.sources import Unread
from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.guideline import Guideline

if TYPE_CHECKING:
    import duckdb

PATIENT, LESION = "patient", "lesion"
"""Columns that go with the facts: whose lesion it is, and how it was named."""


def is_bulk(path: Path) -> bool:
    """Whether a file of JSON lines holds FHIR resources."""
    with path.open("rb") as stream:
        for line in stream:
            if line.strip():
                try:
                    first = orjson.loads(line)
                except orjson.JSONDecodeError:
                    return False
                return isinstance(first, dict) and isinstance(first.get("resourceType"), str)
    return False


class Bulk:
    """Reads bulk exports.

    Args:
        guideline: whose facts are looked for.
        codes: by which they are found.
        connection: sorts the lines by patient; the stage of its disk holds what is too much.
    """

    def __init__(
        self, guideline: Guideline, codes: Codes, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self._guideline, self._codes, self._connection = guideline, codes, connection
        self.notes: dict[str, int] = {}
        """What was left aside, and of how many patients."""

    def rows(self, paths: Sequence[Path]) -> Iterator[Mapping[str, Any] | Unread]:
        """A lesion a row: its id, patient, name and facts; or what could not be read. Rows have the
        numbers of the lesions.
        """
        number = 0
        for patient, resources, problems in self._patients(paths):
            for told in problems:
                number += 1
                yield Unread(number, patient, told)
            facts = FhirFacts(self._guideline, self._codes)
            for place, resource in resources:
                facts.resource(resource, place)
            lesions = facts.lesions(several=True)
            for note in {*facts.notes, *(note for lesion in lesions for note in lesion.notes)}:
                plain = re.sub(r"^\S+: ", "", note)
                self.notes[plain] = self.notes.get(plain, 0) + 1
            if facts.problems:
                number += 1
                yield Unread(number, patient, "; ".join(str(p) for p in facts.problems[:5]))
                continue
            for nth, lesion in enumerate([one for one in lesions if one.facts], 1):
                number += 1
                yield {
                    "case_id": _id(patient, nth),
                    PATIENT: patient,
                    LESION: lesion.label,
                    **lesion.facts,
                }

    def _patients(
        self, paths: Sequence[Path]
    ) -> Iterator[tuple[str, list[tuple[str, Any]], list[str]]]:
        """By patient the resources, each with its place, and what is wrong with lines."""
        import pyarrow as pa

        schema = pa.schema([(name, pa.string()) for name in ("patient", "place", "line")])

        def batches() -> Iterator[Any]:
            rows: list[tuple[str, str, str]] = []
            for path in paths:
                for row in _lines(path):
                    rows.append(row)
                    if len(rows) == 10_000:
                        yield _batch(rows, schema)
                        rows = []
            yield _batch(rows, schema)

        self._connection.register("bulk", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            found = self._connection.execute("SELECT * FROM bulk ORDER BY patient, place")
            for patient, group in groupby(_fetched(found), key=lambda row: row[0]):
                resources, problems = [], []
                for _, place, line in group:
                    try:
                        resources.append((place, orjson.loads(line)))
                    except orjson.JSONDecodeError as error:
                        problems.append(f"{place}: no JSON: {error}")
                yield patient, resources, problems
        finally:
            self._connection.unregister("bulk")


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str]]:
    while rows := found.fetchmany(1000):
        yield from rows


def _batch(rows: list[tuple[str, str, str]], schema: Any) -> Any:
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.record_batch([pa.array(one, pa.string()) for one in columns], schema=schema)


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """The lines of a file: whose each is, where it stands, and what it says."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                text = line.decode("utf-8-sig", "replace")
                yield _patient(line), f"{path.name} line {number:09}", text


def _patient(line: bytes) -> str:
    """The patient of a resource: the last part of its reference, or its own id."""
    try:
        resource = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(resource, dict):
        return ""
    if resource.get("resourceType") == "Patient":
        return str(resource.get("id") or "")
    subject = resource.get("subject") or resource.get("patient")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return str(reference or "").rpartition("/")[2]


def _id(patient: str, place: int) -> str:
    """An id of a lesion, which names the patient only where an id of a case may look so."""
    told = f"{patient}-{place}"
    if patient and CASE_ID.fullmatch(told):
        return told
    return f"{hashlib.sha256(patient.encode()).hexdigest()[:32]}-{place}"


def digest(paths: Sequence[Path]) -> str:
    """Of all files."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()
