"""The codes of other terminologies for facts and values:
`mappings.sssom.tsv` in the folder of the guideline.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from calx.reasoner.model.guideline import Fact, Guideline

SYSTEMS = {"DCM": "http://dicom.nema.org/resources/ontology/DCM", "SCT": "http://snomed.info/sct"}
"""Prefixes of the table, as FHIR names the code systems."""
ALIASES = {
    "urn:oid:1.2.840.10008.2.16.4": SYSTEMS["DCM"],
    "urn:oid:2.16.840.1.113883.6.96": SYSTEMS["SCT"],
}
"""Other names of the same systems."""
PREFIX = re.compile(r"^#  (\S+): (\S+)$", re.MULTILINE)
"""A line of the table's ``curie_map``."""


def canonical(system: object) -> str:
    """A code system by its usual name; empty where none was told."""
    told = str(system or "").strip()
    return ALIASES.get(told, told)


READ = {"skos:exactMatch", "skos:closeMatch"}
"""Matches by which a fact is read from a code; broader
and related ones would claim more than was said.
"""


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
    when: tuple[tuple[str, str], ...] = ()
    """Codes of place and statistic, ``ext_with``, with which a broader code is this fact."""

    @property
    def read(self) -> bool:
        return self.predicate in READ


def mappings(directory: Path) -> tuple[Mapping, ...]:
    """The lines of the table of a guideline's folder; none where it has no table. What is wrong
    with a line, `calx check` tells.
    """
    path = directory / "mappings.sssom.tsv"
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    declared = dict(PREFIX.findall("\n".join(line for line in lines if line.startswith("#"))))
    found = []
    for row in csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"):
        prefix, _, code = str(row.get("object_id")).partition(":")
        system = SYSTEMS.get(prefix, declared.get(prefix))
        if system is not None and code and None not in row.values():
            found.append(
                Mapping(
                    row["subject_id"],
                    row["predicate_id"],
                    system,
                    code,
                    row["object_label"],
                    row["comment"],
                    tuple(_parts(row.get("ext_with") or "", declared)),
                )
            )
    return tuple(found)


def _parts(text: str, declared: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The codes of a text, as ``DCM:122381 SCT:255605001``."""
    for part in text.split():
        prefix, _, code = part.partition(":")
        yield SYSTEMS.get(prefix) or declared.get(prefix, prefix), code


class Codes:
    """What codes mean to a guideline, by the table of its folder."""

    def __init__(self, guideline: Guideline, directory: Path) -> None:
        self.ours = guideline.iri.rstrip("/#")
        """The code system of the guideline's own facts and terms."""
        self.own = (self.ours, guideline.iri)
        prefix = guideline.names.prefix
        names = {
            f"{prefix}:{fact.local}": fact.name for fact in guideline.facts.values() if fact.given
        }
        self.fact: dict[tuple[str, str], str] = {
            (system, name): name for system in self.own for name in names.values()
        }
        self.value: dict[tuple[str, str], str] = {}
        self.too_broad: dict[tuple[str, str], str] = {}
        self.of_fact: dict[str, list[Mapping]] = {}
        self.narrowed: dict[tuple[str, str], list[Mapping]] = {}
        """Codes that are facts together with others."""
        self._mapping: dict[tuple[str, str], Mapping] = {}
        self._names = names
        for mapping in mappings(directory):
            key = (mapping.system, mapping.code)
            if mapping.when and mapping.subject in names:
                self.narrowed.setdefault(key, []).append(mapping)
                if key not in self.fact:
                    self.too_broad[key] = mapping.display
            elif mapping.subject.startswith("value:"):
                if mapping.read:
                    self.value[key] = mapping.subject.removeprefix("value:")
            elif mapping.read and mapping.subject in names:
                self.fact[key] = names[mapping.subject]
                self.of_fact.setdefault(names[mapping.subject], []).append(mapping)
                self._mapping[key] = mapping
            else:
                self.too_broad[key] = mapping.display

    def named(self, mapping: Mapping) -> str:
        """The fact of a mapping."""
        return self._names[mapping.subject]

    def told(self, key: tuple[str, str], fact: Fact) -> str:
        """What a foreign code was read as, and what the code leaves open."""
        mapping = self._mapping[key]
        left_open = f" ({mapping.comment})" if mapping.predicate == "skos:closeMatch" else ""
        return f"{mapping.display} ({mapping.code}) was read as: {fact.label['en']}{left_open}"
