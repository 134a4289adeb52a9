"""DICOM structured reports as cases: which fact of the guideline an item is, by the table of codes;
what is not understood is named.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from calx import __version__
from calx.api.exchange.codes import SYSTEMS, Codes, Mapping
from calx.errors import CalxError
from calx.imaging.facts.case import NOTICE
from calx.imaging.readers.reports import (
    DERIVATION,
    OWN,
    SITE,
    Coded,
    Modifier,
    Reported,
    StructuredReport,
)
from calx.reasoner.model.guideline import Fact, Guideline

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
SUPERFICIAL, DEEP = ("SCT", "26283006"), ("SCT", "795002")
ARC = ("DCM", "122355")
DISTRIBUTION = "calcium distribution"
"""How reports call where calcium lies; the dictionaries at hand have no code for it."""
REFERENCES = {("DCM", "122380"), ("DCM", "122381")}
"""Places of which the mean is the value of one fact."""
FINDING, CLASSIFICATION = ("DCM", "121071"), ("DCM", "122387")
"""What a finding is told under, and the class of a dissection."""
MOST_NOTES = 60
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


class _AsideError(CalxError):
    """An item that is left aside, and why."""


def cases(report: StructuredReport, guideline: Guideline, codes: Codes) -> list[ReportedCase]:
    """The lesions of a report, a case each; one without facts where none is known."""
    reader = _Reader(report, guideline, codes)
    stem = f"report-{str(report.origin['sha256'])[:12]}"
    lesions = list(report.lesions.items()) or [("", ("", ()))]
    return [
        reader.case(
            stem if len(lesions) == 1 else f"{stem}-{number}", key, called, within, len(lesions)
        )
        for number, (key, (called, within)) in enumerate(lesions, 1)
    ]


class _Reader:
    def __init__(self, report: StructuredReport, guideline: Guideline, codes: Codes) -> None:
        self._report, self._guideline, self._codes = report, guideline, codes
        self._short = {system: prefix for prefix, system in SYSTEMS.items()}

    def case(
        self, name: str, key: str, called: str, within: tuple[Modifier, ...], lesions: int
    ) -> ReportedCase:
        """One lesion: what its containers say of it; what is measured of more than one lesion is
        left aside.
        """
        notes, told = list(self._report.faults), dict[str, list[_Found]]()
        self._vessel(within, told, key)
        for item in self._report.items:
            mine = item.lesion == key
            around = not item.lesion or key.startswith(f"{item.lesion}.")
            if not mine and not around:
                continue
            shown = f"{item.meaning or item.code[1]} ({item.code[0]} {item.code[1]}, {item.place})"
            try:
                if around and not mine and lesions > 1:
                    raise _AsideError("is told of more than one lesion")
                fact, found = self._fact(item, notes, shown)
            except _AsideError as why:
                notes.append(f"{shown}: {item.shown or 'it'} {why}; left aside")
                continue
            told.setdefault(fact, []).append(found)
        self._deep(told, notes)
        facts: dict[str, Any] = {}
        measured: dict[str, Any] = {}
        for fact, values in told.items():
            entry = self._settled(self._guideline.facts[fact], values, notes)
            if entry is not None:
                measured[fact] = entry
                if entry["status"] in ("measured", "interpolated"):
                    facts[fact] = entry["value"]
        observers = ", ".join(self._report.observers)
        notes = [note for note in dict.fromkeys(notes) if note]
        if len(notes) > MOST_NOTES:
            notes[MOST_NOTES:] = [f"and {len(notes) - MOST_NOTES} more that were left aside"]
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

    def _vessel(
        self, within: Iterable[Modifier], told: dict[str, list[_Found]], place: str
    ) -> None:
        """The vessel that the containers of a lesion name as their finding site."""
        for modifier in within:
            fact = self._vessel_of(modifier)
            if fact is not None:
                source = Reported(
                    *(modifier.name, "Finding Site", modifier.value, modifier.shown, "", (), ()),
                    *((), place, "", None, "", (), place),
                )
                found = _Found(self._term(modifier.value), source, None)
                told.setdefault(fact.name, []).append(found)

    def _vessel_of(self, modifier: Modifier) -> Fact | None:
        """The fact that a finding site tells, where it is a vessel."""
        return self._having(modifier.value) if modifier.name == SITE else None

    def _term(self, value: Coded) -> str | None:
        return self._codes.value.get((SYSTEMS.get(value[0], value[0]), value[1]))

    def _having(self, value: Coded) -> Fact | None:
        """The one fact that can have a value."""
        term = self._term(value)
        having = [f for f in self._guideline.facts.values() if f.given and term in f.values]
        return having[0] if term is not None and len(having) == 1 else None

    def _fact(self, item: Reported, notes: list[str], shown: str) -> tuple[str, _Found]:
        """Which fact an item is, and its value.

        Raises:
            _AsideError: none, or something about it is not understood.
        """
        if item.strange:
            raise _AsideError(f"comes with what is not understood ({'; '.join(item.strange)})")
        if item.code[0] == OWN:
            return self._own(item)
        if isinstance(item.value, str):
            raise _AsideError("is a text, which is not read")
        parts = self._parts(item)
        fact, mapping = self._named(item, parts)
        self._same_words(item, mapping)
        value = self._value(fact, item)
        if value is None:
            why = f"{item.unit or 'without a unit'}" if isinstance(item.value, float) else "so"
            raise _AsideError(f"({why}) is no {fact.unit or 'value'} that is read")
        if mapping is not None and mapping.comment and mapping.predicate != "skos:exactMatch":
            notes.append(f"{shown} was read as {fact.label['en']} ({mapping.comment})")
        return fact.name, _Found(value, item, mapping)

    def _own(self, item: Reported) -> tuple[str, _Found]:
        """An item of our own report."""
        fact = self._guideline.facts.get(item.code[1])
        if item.modifiers or item.within:
            raise _AsideError("comes with modifiers that our reports do not have")
        if fact is None or not fact.given:
            raise _AsideError("is a measure beside the facts")
        value = self._value(fact, item)
        if value is None:
            raise _AsideError(f"({item.unit or 'without a unit'}) is no {fact.unit or 'value'}")
        return fact.name, _Found(value, item, None)

    def _parts(self, item: Reported) -> set[Coded]:
        """Of what part a value is, by its modifiers and those around it.

        Raises:
            _AsideError: one of them is not understood.
        """
        parts = set[Coded]()
        vessels = {modifier.value for modifier in item.within if self._vessel_of(modifier)}
        for modifier in (*item.within, *item.modifiers):
            known = modifier.name in (SITE, DERIVATION) or DISTRIBUTION in modifier.shown.lower()
            if self._vessel_of(modifier):
                if len(vessels | {modifier.value}) > 1:
                    raise _AsideError(f"is of another vessel ({modifier.shown})")
            elif not known or (modifier.value not in PLACES and modifier.value != SUPERFICIAL):
                raise _AsideError(f"comes with what is not understood ({modifier.shown})")
            elif modifier.value in PLACES:
                parts.add(modifier.value)
        return parts

    def _named(self, item: Reported, parts: set[Coded]) -> tuple[Fact, Mapping | None]:
        """The fact that a code is with its modifiers."""
        key = (SYSTEMS.get(item.code[0], item.code[0]), item.code[1])
        modifiers = {(SYSTEMS.get(scheme, scheme), code) for scheme, code in parts}
        for mapping in self._codes.narrowed.get(key, ()):
            if set(mapping.when) == modifiers:
                return self._guideline.facts[self._codes.named(mapping)], mapping
        if not parts and key in self._codes.fact:
            fact = self._guideline.facts[self._codes.fact[key]]
            return fact, next(
                m for m in self._codes.of_fact[fact.name] if (m.system, m.code) == key
            )
        found = None if parts else self._finding(item)
        if found is None:
            of = f" of the {', '.join(sorted(PLACES[code] for code in parts))}" if parts else ""
            raise _AsideError(f"{of.strip()}: not understood".lstrip(": "))
        return found, None

    def _finding(self, item: Reported) -> Fact | None:
        """A finding, a class of dissection, or where calcium lies: a code as the value."""
        if not isinstance(item.value, tuple):
            return None
        key = (SYSTEMS.get(item.value[0], item.value[0]), item.value[1])
        if item.code == FINDING and key in self._codes.fact:
            fact = self._guideline.facts[self._codes.fact[key]]
            return fact if fact.kind == "boolean" else None
        if item.code != CLASSIFICATION and item.meaning.lower() != DISTRIBUTION:
            return None
        return self._having(item.value)

    def _same_words(self, item: Reported, mapping: Mapping | None) -> None:
        """Refuse a code whose meaning, as the report has it, is another.

        Raises:
            _AsideError: its words are not those of the code.
        """
        if mapping is None or not item.meaning.isascii() or not item.meaning:
            return
        told, known = _significant(item.meaning), _significant(mapping.display)
        if not (told <= known or known <= told):
            raise _AsideError(f"is called '{item.meaning}', and its code says {mapping.display}")

    def _value(self, fact: Fact, item: Reported) -> Any:
        """A value as the fact has it; None where it is none."""
        value = item.value
        if isinstance(value, tuple):
            key = (SYSTEMS.get(value[0], value[0]), value[1])
            if fact.kind == "boolean":
                named = self._codes.fact.get(key) == fact.name
                return True if named else {YES: True, NO: False}.get(value)
            term = value[1] if value[0] == OWN else self._codes.value.get(key)
            return term if term in fact.values else None
        if isinstance(value, str) or fact.kind not in ("number", "integer"):
            return None
        factor = self._factor(fact, item)
        if factor is None:
            return None
        made = round(value * factor, 9)
        return int(made) if fact.kind == "integer" and made == int(made) else made

    @staticmethod
    def _factor(fact: Fact, item: Reported) -> float | None:
        """By what a number is multiplied to have the unit of a fact."""
        return CONVERTED.get(fact.unit or "1", {fact.unit or "1": 1.0}).get(item.unit or "1")

    @staticmethod
    def _deep(told: dict[str, list[_Found]], notes: list[str]) -> None:
        """An arc that nobody called superficial is none where the calcium is told to be deep."""
        every = list(itertools.chain.from_iterable(told.values()))
        if not any(found.item.value == DEEP for found in every):
            return
        for fact, values in list(told.items()):
            kept = [
                found
                for found in values
                if found.item.code != ARC
                or any(modifier.value == SUPERFICIAL for modifier in found.item.modifiers)
            ]
            if len(kept) < len(values):
                notes.append("the calcium is told to be deep: its arc is none at the surface")
            told[fact] = kept
            if not kept:
                del told[fact]

    def _settled(self, fact: Fact, values: list[_Found], notes: list[str]) -> dict[str, Any] | None:
        """One value of a fact: of the two references their mean, of others that differ none."""
        different = {repr(found.value) for found in values}
        value = values[0].value
        places = [frozenset(self._when(found)) for found in values]
        references = set(places) == {frozenset([one]) for one in REFERENCES}
        if len(different) > 1:
            if fact.kind != "number" or not references or len(values) != len(REFERENCES):
                shown = " and ".join(f"{found.item.shown}" for found in values[:4])
                notes.append(
                    f"{fact.label['en']}: {shown} are reported, and which is meant is not told; "
                    "left aside"
                )
                return None
            value = round(sum(found.value for found in values) / len(values), 9)
            notes.append(f"{fact.label['en']}: the mean of both reported references")
        told = [found.item.status.partition(":") for found in values]
        status = next((s for s, _, _ in told if s not in ("measured", "interpolated", "")), None)
        frames = itertools.chain.from_iterable(found.item.frames for found in values)
        return {
            "value": value,
            "interval": self._interval(fact, values[0].item) if len(values) == 1 else None,
            "unit": fact.unit or None,
            "status": "undecided" if status else told[0][0] or "measured",
            "reason": next((reason.strip() for _, _, reason in told if reason), None),
            "frames": sorted(set(frames)),
            "reported": [self._source(found.item) for found in values],
        }

    def _when(self, found: _Found) -> Iterator[Coded]:
        """The places by which a value was taken for a fact."""
        for system, code in found.mapping.when if found.mapping else ():
            yield self._short.get(system, system), code

    def _interval(self, fact: Fact, item: Reported) -> list[float] | None:
        factor = self._factor(fact, item)
        if item.interval is None or factor is None:
            return None
        return [round(end * factor, 9) for end in item.interval]

    def _source(self, item: Reported) -> dict[str, Any]:
        """Where a value stands in the report."""
        return {
            "code": item.code[1],
            "scheme": item.code[0],
            "meaning": item.meaning,
            "value": item.shown,
            "unit": item.unit or None,
            "place": item.place,
            "of": sorted(modifier.shown for modifier in item.modifiers),
        }


SHORT = (
    (re.compile(r"cross[- ]sectional area"), "csa"),
    (re.compile(r"external elastic membrane"), "eem"),
)
"""What is written in two ways."""
SMALL = {"of", "the", "a", "an", "in", "at", "and", "vessel"}
"""Words that do not tell one measurement from another."""


def _significant(words: str) -> set[str]:
    """The words of a name that tell it from others."""
    told = words.lower()
    for pattern, short in SHORT:
        told = pattern.sub(short, told)
    return set(re.findall(r"[a-z0-9]+", told)) - SMALL
