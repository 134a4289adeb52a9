"""DICOM structured reports as cases: which fact of the guideline an item is, by the table of codes;
what is not understood is named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from calx import __version__
from calx.api.exchange.codes import SYSTEMS, Codes, Mapping
from calx.imaging.facts.case import NOTICE
from calx.imaging.readers.reports import Coded, Reported, StructuredReport
from calx.reasoner.model.guideline import Fact, Guideline

OWN = "99CALX"
"""The scheme of our own reports, whose codes are the names of facts."""
YES, NO = ("SCT", "373066001"), ("SCT", "373067005")
PLACES = {
    ("DCM", "122687"): "site of luminal maximum",
    ("DCM", "122382"): "site of luminal minimum",
    ("DCM", "122380"): "proximal reference",
    ("DCM", "122381"): "distal reference",
    ("DCM", "122386"): "distal stent margin",
    ("DCM", "122384"): "stented region",
    ("DCM", "122385"): "proximal stent margin",
    ("DCM", "122383"): "entire pullback",
    ("SCT", "255605001"): "minimum",
    ("SCT", "56851009"): "maximum",
    ("SCT", "373098007"): "mean",
    ("SCT", "795002"): "deep",
}
"""Modifiers (CID 3486 to 3489) that say of what part a value is, or which of several: an item with
one of them is something else than the item without.
"""
LENGTHS = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
AREAS = {"mm2": 1.0, "cm2": 100.0}
CONVERTED = {"mm": LENGTHS, "mm2": AREAS, "deg": {"deg": 1.0}, "%": {"%": 1.0}, "1": {"1": 1.0}}
"""Units that are read for the unit of a fact, with their factors."""


@dataclass
class ReportedCase:
    """A lesion of a report.

    Attributes:
        raw: the case, with ``measured``.
        notes: what was read as what, and what was not understood.
    """

    raw: dict[str, Any]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A value of a fact."""

    value: Any
    item: Reported
    mapping: Mapping | None


def cases(report: StructuredReport, guideline: Guideline, codes: Codes) -> list[ReportedCase]:
    """The lesions of a report, a case each; one without facts where none is known."""
    reader = _Reader(report, guideline, codes)
    shared, lesions = reader.lesions()
    made = []
    stem = f"report-{str(report.origin['sha256'])[:12]}"
    for number, (called, items) in enumerate(lesions, 1):
        name = stem if len(lesions) == 1 else f"{stem}-{number}"
        made.append(reader.case(name, called, [*shared, *items]))
    return made


class _Reader:
    def __init__(self, report: StructuredReport, guideline: Guideline, codes: Codes) -> None:
        self._report, self._guideline, self._codes = report, guideline, codes
        self._short = {system: prefix for prefix, system in SYSTEMS.items()}

    def lesions(self) -> tuple[list[Reported], list[tuple[str, list[Reported]]]]:
        """Items of the whole report, and those of each lesion."""
        shared = [item for item in self._report.items if not item.lesion]
        grouped: dict[str, list[Reported]] = {}
        for item in self._report.items:
            if item.lesion:
                grouped.setdefault(item.lesion, []).append(item)
        # a vessel's findings hold for its lesions; a vessel with lesions is none itself
        inner = [key for key in grouped if not any(o.startswith(f"{key}.") for o in grouped)]
        found = []
        for key in inner:
            outer = [o for o in grouped if key.startswith(f"{o}.")]
            items = [item for o in [*outer, key] for item in grouped[o]]
            found.append((grouped[key][0].called, items))
        return shared, found or [("", [])]

    def case(self, name: str, called: str, items: list[Reported]) -> ReportedCase:
        """One lesion."""
        notes, told = list(self._report.faults), dict[str, list[_Found]]()
        for item in items:
            found = self._fact(item, notes)
            if found is not None:
                told.setdefault(found[0], []).append(found[1])
        facts: dict[str, Any] = {}
        measured: dict[str, Any] = {}
        for fact, values in told.items():
            entry = self._settled(self._guideline.facts[fact], values, notes)
            if entry is not None:
                measured[fact] = entry
                if entry["status"] in ("measured", "interpolated"):
                    facts[fact] = entry["value"]
        observers = ", ".join(self._report.observers)
        block = {
            "notice": NOTICE,
            "drawn_by": observers or "not told",
            "model": None,
            "input": {**self._report.origin, "lesion": called or None},
            "software": {"calx": __version__},
            "notes": notes,
            "facts": measured,
        }
        return ReportedCase({"case_id": name, **facts, "measured": block}, notes)

    def _fact(self, item: Reported, notes: list[str]) -> tuple[str, _Found] | None:
        """Which fact an item is, and its value; None, and a note, where none is known."""
        shown = f"{item.meaning or item.code[1]} ({item.code[0]} {item.code[1]}, {item.place})"
        if item.code[0] == OWN:
            fact = self._guideline.facts.get(item.code[1])
            if fact is None or not fact.given:
                return None  # a measure beside the facts
            value = self._value(fact, item)
            return None if value is None else (fact.name, _Found(value, item, None))
        if isinstance(item.value, str):
            return None  # a text
        named = self._named(item)
        if named is None:
            where = [PLACES[code] for code in item.modifiers if code in PLACES]
            of = f" of the {', '.join(sorted(where))}" if where else ""
            notes.append(f"{shown}{of}: not understood, {item.shown} was left aside")
            return None
        fact, mapping, value = named
        if value is None:
            why = f"{item.shown} {item.unit}".strip()
            notes.append(f"{shown}: {why} is no {fact.unit or 'value'} that is read, left aside")
            return None
        if mapping is not None and mapping.predicate == "skos:closeMatch":
            left = f" ({mapping.comment})" if mapping.comment else ""
            notes.append(f"{shown} was read as {fact.label['en']}{left}")
        return fact.name, _Found(value, item, mapping)

    def _named(self, item: Reported) -> tuple[Fact, Mapping | None, Any] | None:
        key = (SYSTEMS.get(item.code[0], item.code[0]), item.code[1])
        modifiers = {(SYSTEMS.get(scheme, scheme), code) for scheme, code in item.modifiers}
        parts = item.modifiers & PLACES.keys()
        narrowed = [
            mapping
            for mapping in self._codes.narrowed.get(key, ())
            if set(mapping.when) <= modifiers
        ]
        if narrowed:
            mapping = max(narrowed, key=lambda one: len(one.when))
            wanted = {(self._short.get(system, system), code) for system, code in mapping.when}
            if not parts - wanted:
                fact = self._guideline.facts[self._codes.named(mapping)]
                return fact, mapping, self._value(fact, item)
        if not parts and key in self._codes.fact:
            fact = self._guideline.facts[self._codes.fact[key]]
            plain = next(m for m in self._codes.of_fact[fact.name] if (m.system, m.code) == key)
            return fact, plain, self._value(fact, item)
        return self._finding(item)

    def _finding(self, item: Reported) -> tuple[Fact, Mapping | None, Any] | None:
        """A finding, or a place: a code as the value of an item that is itself none we know."""
        if not isinstance(item.value, tuple):
            return None
        key = (SYSTEMS.get(item.value[0], item.value[0]), item.value[1])
        if key in self._codes.fact:
            fact = self._guideline.facts[self._codes.fact[key]]
            return (fact, None, True) if fact.kind == "boolean" else None
        term = self._codes.value.get(key)
        having = [f for f in self._guideline.facts.values() if f.given and term in f.values]
        return (having[0], None, term) if term is not None and len(having) == 1 else None

    def _value(self, fact: Fact, item: Reported) -> Any:
        """A value as the fact has it; None where it is none."""
        value = item.value
        if isinstance(value, tuple):
            if fact.kind == "boolean":
                return {YES: True, NO: False}.get(value)
            key = (SYSTEMS.get(value[0], value[0]), value[1])
            term = value[1] if value[0] == OWN else self._codes.value.get(key)
            return term if term in fact.values else None
        if isinstance(value, str) or fact.kind not in ("number", "integer"):
            return None
        factor = CONVERTED.get(fact.unit or "1", {fact.unit or "1": 1.0}).get(item.unit or "1")
        if factor is None:
            return None
        made = round(value * factor, 9)
        return int(made) if fact.kind == "integer" and made == int(made) else made

    def _settled(self, fact: Fact, values: list[_Found], notes: list[str]) -> dict[str, Any] | None:
        """One value of a fact: of two places that are told apart the mean, of two that are not
        none.
        """
        different = {repr(found.value) for found in values}
        value = values[0].value
        if len(different) > 1:
            places = {found.mapping.when if found.mapping else () for found in values}
            if fact.kind != "number" or len(places) < len(values):
                shown = " and ".join(f"{found.item.shown}" for found in values[:4])
                notes.append(
                    f"{fact.label['en']}: {shown} are reported, and which is meant is not told; "
                    "left aside"
                )
                return None
            value = round(sum(found.value for found in values) / len(values), 9)
            notes.append(f"{fact.label['en']}: the mean of {len(values)} reported places")
        first = values[0].item
        status = first.status.partition(":")[0] or "measured"
        frames = itertools.chain.from_iterable(found.item.frames for found in values)
        return {
            "value": value,
            "interval": list(first.interval) if first.interval and len(values) == 1 else None,
            "unit": fact.unit or None,
            "status": status if status in ("measured", "interpolated") else "undecided",
            "reason": first.status.partition(": ")[2] or None,
            "frames": sorted(set(frames)),
            "reported": [self._source(found.item) for found in values],
        }

    def _source(self, item: Reported) -> dict[str, Any]:
        """Where a value stands in the report."""
        return {
            "code": item.code[1],
            "scheme": item.code[0],
            "meaning": item.meaning,
            "value": item.shown,
            "unit": item.unit or None,
            "place": item.place,
            "of": sorted(self._words(item.modifiers)),
        }

    @staticmethod
    def _words(modifiers: frozenset[Coded]) -> Iterator[str]:
        return (PLACES[code] for code in modifiers if code in PLACES)
