"""The codes of other terminologies for facts and values: `ontology/mappings.sssom.tsv`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.guideline import IRI, Fact, Guideline

SYSTEMS = {"DCM": "http://dicom.nema.org/resources/ontology/DCM", "SCT": "http://snomed.info/sct"}
"""Prefixes of the table, as FHIR names the code systems."""
OURS = IRI.rstrip("/")
"""The code system whose codes are the names of facts and values."""
READ = {"skos:exactMatch", "skos:closeMatch"}
"""Matches by which a fact is read from a code; broader and related ones would claim more than was said."""


@dataclass(frozen=True)
class Mapping:
    """One line of the table."""

    subject: str
    """``calx:maxSuperficialArcDeg`` or ``value:superficial``."""
    predicate: str
    system: str
    code: str
    display: str
    comment: str

    @property
    def read(self) -> bool:
        return self.predicate in READ


@cache
def mappings(path: Path = DEFAULT_DIRECTORY / "mappings.sssom.tsv") -> tuple[Mapping, ...]:
    """All lines of the table that comes with Calx."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found = []
    for row in csv.DictReader(lines, delimiter="\t"):
        prefix, _, code = row["object_id"].partition(":")
        found.append(Mapping(row["subject_id"], row["predicate_id"], SYSTEMS[prefix], code, row["object_label"], row["comment"]))
    return tuple(found)


class Codes:
    """What codes mean to a guideline."""

    def __init__(self, guideline: Guideline) -> None:
        names = {f"calx:{fact.local}": fact.name for fact in guideline.facts.values() if fact.given}
        self.fact: dict[tuple[str, str], str] = {(OURS, name): name for name in names.values()} | {(IRI, name): name for name in names.values()}
        self.value: dict[tuple[str, str], str] = {}
        self.too_broad: dict[tuple[str, str], str] = {}
        self.of_fact: dict[str, list[Mapping]] = {}
        self._mapping: dict[tuple[str, str], Mapping] = {}
        for mapping in mappings():
            key = (mapping.system, mapping.code)
            if mapping.subject.startswith("value:"):
                if mapping.read:
                    self.value[key] = mapping.subject.removeprefix("value:")
            elif mapping.read and mapping.subject in names:
                self.fact[key] = names[mapping.subject]
                self.of_fact.setdefault(names[mapping.subject], []).append(mapping)
                self._mapping[key] = mapping
            else:
                self.too_broad[key] = mapping.display

    def told(self, key: tuple[str, str], fact: Fact) -> str:
        """What a foreign code was read as, and what the code leaves open."""
        mapping = self._mapping[key]
        left_open = f" ({mapping.comment})" if mapping.predicate == "skos:closeMatch" else ""
        return f"{mapping.display} ({mapping.code}) was read as: {fact.label['en']}{left_open}"
