"""DICOM structured reports: what a console or a reader measured, item by item, with its code, unit,
modifiers, frames and observer. No patient's identity passes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping as snomed

from calx.imaging.errors import ImagingError
from calx.imaging.readers.dicom import digest
from calx.imaging.readers.elements import as_number

Coded = tuple[str, str]
"""A coding scheme and a code in it."""

LARGEST = 64 * 2**20
"""Bytes of a report."""
DEEPEST, MOST = 40, 100_000
"""Levels and items of a report."""
LESION_IDENTIFIER, TRACKING_IDENTIFIER = ("DCM", "121151"), ("DCM", "112039")
FINDINGS = ("DCM", "121070")
LOW, HIGH, STATUS = (
    ("99CALX", "lower_end_of_the_interval"),
    ("99CALX", "upper_end_of_the_interval"),
    ("99CALX", "status"),
)
OBSERVERS = (("DCM", "121008"), ("DCM", "121013"), ("DCM", "121012"))
"""Names of persons and devices, and the identifiers of devices, that observed."""
MODIFIES = ("HAS CONCEPT MOD", "HAS ACQ CONTEXT")
OF_A_FRAME = re.compile(r"frame \d+")
"""The tracking identifier under which our own reports keep the contours of a frame."""


@dataclass(frozen=True)
class Reported:
    """One value of a report.

    Attributes:
        code: of what it is.
        meaning: in words.
        value: a number, a text, or the code of a finding.
        shown: the value in words.
        unit: of a number, in UCUM; empty without.
        modifiers: codes that say of what part, or which of several: its own, and those of the
            containers around it.
        lesion: the place of what it belongs to in the report; empty for the whole of it.
        called: how the report names the lesion.
        interval: that holds the truth nine times in ten, where one is told.
        status: as our own reports tell it; empty where it is not told.
        frames: on which it was measured.
        place: in the report, as 1.2.3.
    """

    code: Coded
    meaning: str
    value: float | str | Coded
    shown: str
    unit: str
    modifiers: frozenset[Coded]
    lesion: str
    called: str
    interval: tuple[float, float] | None
    status: str
    frames: tuple[int, ...]
    place: str


@dataclass(frozen=True)
class StructuredReport:
    """What a report holds.

    Attributes:
        items: its values, in order.
        title: of the document.
        observers: who measured: names of persons and devices.
        origin: what it is: for the provenance.
        faults: items that could not be read, and why.
    """

    items: tuple[Reported, ...]
    title: str
    observers: tuple[str, ...]
    origin: Mapping[str, object]
    faults: tuple[str, ...]


@dataclass
class _Around:
    """What the containers around an item say."""

    modifiers: frozenset[Coded] = frozenset()
    lesion: str = ""
    called: str = ""


@dataclass
class _Reading:
    items: list[Reported] = field(default_factory=list)
    observers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seen: int = 0


def is_report(path: Path) -> bool:
    """Whether a DICOM file is a structured report."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["Modality", "ValueType"]
            )
        return str(found.get("Modality", "")) == "SR" or "ValueType" in found
    except Exception:  # pydicom raises whatever a damaged file makes it meet
        return False


def read_report(path: Path) -> StructuredReport:
    """Read a structured report.

    Raises:
        ImagingError: it is none, or it cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise ImagingError(f"larger than {LARGEST // 2**20} MiB; no report is", path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = pydicom.dcmread(path)
            _ = root.get("ContentSequence"), root.get("ConceptNameCodeSequence")
    except Exception as error:  # as above
        raise ImagingError(
            f"no DICOM file that can be read ({type(error).__name__})", path
        ) from None
    if "ContentSequence" not in root or str(root.get("ValueType", "")) != "CONTAINER":
        raise ImagingError(
            "no structured report: it has no content; give a recording to calx segment", path
        )
    if str(root.get("CompletionFlag", "COMPLETE")) == "PARTIAL":
        raise ImagingError("a partial report; give the complete one", path)
    reading = _Reading()
    try:
        for number, item in enumerate(root.ContentSequence, 1):
            _read(item, f"{number}", _Around(), reading, 0)
    except ImagingError as error:
        raise ImagingError(error.message, path) from None
    except Exception as error:  # as above
        raise ImagingError(
            f"its content cannot be read ({type(error).__name__}); export it again", path
        ) from None
    name = _name(root)
    return StructuredReport(
        items=tuple(reading.items),
        title=name[1] if name else "structured report",
        observers=tuple(dict.fromkeys(reading.observers)),
        origin={
            "kind": "DICOM structured report",
            "sha256": digest(path),
            "title": name[1] if name else None,
            "sop_instance_uid": str(root.get("SOPInstanceUID", "")) or None,
            "manufacturer": str(root.get("Manufacturer", "")) or None,
            "verified": str(root.get("VerificationFlag", "")) == "VERIFIED",
        },
        faults=tuple(reading.faults),
    )


def _read(item: Dataset, place: str, around: _Around, reading: _Reading, depth: int) -> None:
    """Read an item and what it holds."""
    reading.seen += 1
    if depth > DEEPEST or reading.seen > MOST:
        raise ImagingError(f"deeper than {DEEPEST} levels, or more than {MOST} items")
    kind, relation = str(item.get("ValueType", "")), str(item.get("RelationshipType", ""))
    name, content = _name(item), list(item.get("ContentSequence") or ())
    if relation == "HAS OBS CONTEXT":
        if name and name[0] in OBSERVERS and kind in ("TEXT", "PNAME", "UIDREF"):
            told = item.get("TextValue") or item.get("PersonName")
            reading.observers += [str(told)[:64]] if told else []
        return
    if relation in MODIFIES or name is None:
        return
    if kind == "CONTAINER":
        inner = _inside(content, name[0], place, around)
        for number, child in enumerate(content, 1):
            _read(child, f"{place}.{number}", inner, reading, depth + 1)
        return
    if kind in ("NUM", "CODE", "TEXT") and not OF_A_FRAME.fullmatch(around.called):
        try:
            found = _reported(item, kind, name, content, place, around)
        except ValueError as fault:
            reading.faults.append(f"{name[1]} ({place}): {fault}")
        else:
            reading.items += [found] if found else []
    for number, child in enumerate(content, 1):
        if str(child.get("ValueType", "")) in ("CONTAINER", "NUM", "CODE") and str(
            child.get("RelationshipType", "")
        ) in ("CONTAINS", "HAS PROPERTIES"):
            own = _name(child)
            if own and own[0] not in (LOW, HIGH, STATUS):
                more = around.modifiers | _modifiers(content)
                within = _Around(more, around.lesion, around.called)
                _read(child, f"{place}.{number}", within, reading, depth + 1)


def _inside(content: list[Dataset], code: Coded, place: str, around: _Around) -> _Around:
    """What a container says of all that it holds."""
    called = ""
    for child in content:
        name = _name(child)
        if name and name[0] in (LESION_IDENTIFIER, TRACKING_IDENTIFIER):
            called = str(child.get("TextValue", ""))[:64]
    begins = called or code == FINDINGS
    return _Around(
        around.modifiers | _modifiers(content),
        place if begins else around.lesion,
        called or around.called,
    )


def _modifiers(content: list[Dataset]) -> frozenset[Coded]:
    """The codes that modify what holds them; also those that modify these."""
    found: set[Coded] = set()
    for child in content:
        if str(child.get("RelationshipType", "")) in MODIFIES:
            value = _code(child.get("ConceptCodeSequence"))
            found |= {value[0]} if value else set()
            found |= _modifiers(list(child.get("ContentSequence") or ()))
    return frozenset(found)


def _reported(
    item: Dataset,
    kind: str,
    name: tuple[Coded, str],
    content: list[Dataset],
    place: str,
    around: _Around,
) -> Reported | None:
    """One item as a value; None where it holds none.

    Raises:
        ValueError: it cannot be read, and why.
    """
    unit, shown = "", ""
    value: float | str | Coded
    if kind == "NUM":
        values = list(item.get("MeasuredValueSequence") or ())
        if not values:
            return None
        if len(values) > 1:
            raise ValueError("has several values")
        text = str(values[0].get("NumericValue", "")).strip()
        number = as_number(text)
        if number is None:
            raise ValueError(f"'{text[:30]}' is no number")
        value = number
        measured = _code(values[0].get("MeasurementUnitsCodeSequence"))
        if measured and measured[0][0] != "UCUM":
            raise ValueError(f"its unit {measured[1]} is not of UCUM")
        unit, shown = measured[0][1] if measured else "", text
    elif kind == "CODE":
        coded = _code(item.get("ConceptCodeSequence"))
        if coded is None:
            return None
        value, shown = coded
    else:
        value = shown = str(item.get("TextValue", ""))[:200]
    low, high, status = (_child(content, code) for code in (LOW, HIGH, STATUS))
    interval = None
    if isinstance(low, float) and isinstance(high, float):
        interval = (low, high)
    return Reported(
        code=name[0],
        meaning=name[1],
        value=value,
        shown=shown,
        unit=unit,
        modifiers=around.modifiers | _modifiers(content),
        lesion=around.lesion,
        called=around.called,
        interval=interval,
        status=status if isinstance(status, str) else "",
        frames=tuple(_frames(content)),
        place=place,
    )


def _child(content: list[Dataset], code: Coded) -> float | str | None:
    for child in content:
        name = _name(child)
        if name and name[0] == code:
            values = child.get("MeasuredValueSequence")
            if values:
                return as_number(str(values[0].get("NumericValue", "")).strip())
            return str(child.get("TextValue", ""))
    return None


def _frames(content: list[Dataset]) -> Iterator[int]:
    for child in content:
        for reference in child.get("ReferencedSOPSequence") or ():
            numbers = reference.get("ReferencedFrameNumber")
            if numbers is not None:
                several = isinstance(numbers, list | tuple | pydicom.multival.MultiValue)
                yield from (int(number) for number in (numbers if several else [numbers]))


def _name(item: Dataset) -> tuple[Coded, str] | None:
    return _code(item.get("ConceptNameCodeSequence"))


def _code(sequence: object) -> tuple[Coded, str] | None:
    """The code of a sequence of one, in the scheme that is in use today, and its meaning; None
    without one.
    """
    items = list(sequence) if isinstance(sequence, pydicom.Sequence) else []
    if len(items) != 1:
        return None
    scheme = str(items[0].get("CodingSchemeDesignator", "")).strip()
    value = str(items[0].get("CodeValue") or items[0].get("LongCodeValue") or "").strip()
    meaning = str(items[0].get("CodeMeaning", "")).strip()[:64]
    if scheme in ("SRT", "99SDM", "SNM3") and value in snomed["SRT"]:
        scheme, value = "SCT", snomed["SRT"][value]
    if scheme == "99CALX":  # earlier reports cut the code; its meaning is the whole name
        value = meaning.replace(" ", "_")
    return (("SCT" if scheme == "http://snomed.info/sct" else scheme), value), meaning
