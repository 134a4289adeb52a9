"""DICOM structured reports: what a console or a reader measured, item by item, with its code, unit,
modifiers, frames and observer. No patient's identity passes.

A report says what its codes say together. What stands about an item and is not understood here (a
modifier, a qualifier, a relation) is kept with it as ``strange``, so that whoever reads facts can
leave it aside and name it; nothing is taken for what it is without the rest.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping as snomed

from calx.imaging.errors import ImagingError
from calx.imaging.readers.dicom import digest
from calx.imaging.readers.elements import as_number
from calx.imaging.readers.encoding import check_whole

Coded = tuple[str, str]
"""A coding scheme and a code in it."""

MOST, MOST_LESIONS = 20_000, 200
"""Items and lesions of a report."""
OWN = "99CALX"
"""The scheme of our own reports, whose codes are the names of facts."""
TITLES = {("DCM", "122325"), ("DCM", "126000")}
"""An IVUS report, and an imaging measurement report."""
FINDINGS, MEASUREMENTS, GROUP = ("DCM", "121070"), ("DCM", "126010"), ("DCM", "125007")
IDENTIFIERS = {("DCM", "121151"), ("DCM", "112039"), ("DCM", "112040")}
"""Of lesions: their own, and tracking identifiers."""
ELSEWHERE = {("DCM", code) for code in ("121060", "121062", "121066", "121068", "121072", "121074")}
ELSEWHERE |= {("DCM", code) for code in ("121076", "121109", "121110", "121113", "121117")}
"""Containers of what was not measured now: history, requests, previous findings, indications,
impressions, recommendations, conclusions, complications …"""
SITE, DERIVATION = ("SCT", "363698007"), ("DCM", "121401")
SUBJECT, PATIENT = ("DCM", "121024"), ("DCM", "121025")
LANGUAGE, COUNTRY, PROCEDURE = ("DCM", "121049"), ("DCM", "121046"), ("DCM", "121058")
LOW, HIGH, STATUS = (
    (OWN, "lower_end_of_the_interval"),
    (OWN, "upper_end_of_the_interval"),
    (OWN, "status"),
)
OBSERVERS = (("DCM", "121008"), ("DCM", "121013"))
"""Names of persons and devices that observed."""
CONTEXT = {("DCM", str(code)) for code in range(121005, 121038)}
"""Of observers, procedures and subjects."""
REGIONS = {
    "stented region": ("DCM", "122384"),
    "entire pullback": ("DCM", "122383"),
}
"""Sources give these two codes the one or the other way round: their meaning decides."""
UNITS = {
    "millimeter": "mm",
    "millimetre": "mm",
    "centimeter": "cm",
    "centimetre": "cm",
    "micrometer": "um",
    "square millimeter": "mm2",
    "square centimeter": "cm2",
    "degree": "deg",
    "degrees": "deg",
    "percent": "%",
    "no units": "1",
}
"""Words for units, which must not contradict the code."""
OF_A_FRAME = re.compile(r"frame \d+")
"""The tracking identifier under which our own reports keep the contours of a frame."""
LONGEST = 80


@dataclass(frozen=True)
class Modifier:
    """A code that says of what part a value is, or which of several: what kind of saying it is, and
    what it says.
    """

    name: Coded
    value: Coded
    shown: str


@dataclass(frozen=True)
class Reported:
    """One value of a report.

    Attributes:
        code: of what it is.
        meaning: in words.
        value: a number, a text, or the code of a finding.
        shown: the value in words.
        unit: of a number, in UCUM; empty without.
        modifiers: its own.
        within: those of the containers around it.
        strange: what stands about it and is not understood, in words.
        lesion: the place of what it belongs to in the report; empty for the whole of it.
        called: how the report names the lesion.
        interval: that holds the truth nine times in ten, where one is told, in `unit`.
        status: as our own reports tell it; empty where it is not told.
        frames: on which it was measured.
        place: in the report, as 1.2.3.
    """

    code: Coded
    meaning: str
    value: float | str | Coded
    shown: str
    unit: str
    modifiers: tuple[Modifier, ...]
    within: tuple[Modifier, ...]
    strange: tuple[str, ...]
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
        lesions: the places of what holds values and no lesion of its own, with their names and
            the codes of the containers around.
        title: of the document.
        observers: who measured: names of persons and devices.
        origin: what it is: for the provenance.
        faults: what could not be read, or was left aside, and why.
    """

    items: tuple[Reported, ...]
    lesions: Mapping[str, tuple[str, tuple[Modifier, ...]]]
    title: str
    observers: tuple[str, ...]
    origin: Mapping[str, object]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class _Around:
    """What the containers around an item say."""

    modifiers: tuple[Modifier, ...] = ()
    strange: tuple[str, ...] = ()
    lesion: str = ""
    called: str = ""
    contours: bool = False
    """Inside a group of our own report that holds the contours of a frame."""


@dataclass
class _Reading:
    items: list[Reported] = field(default_factory=list)
    groups: dict[str, tuple[str, tuple[Modifier, ...]]] = field(default_factory=dict)
    observers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seen: int = 0
    ours: bool = False


def is_report(path: Path) -> bool:
    """Whether a DICOM file is a structured report.

    Raises:
        ImagingError: it is no DICOM file that can be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta = pydicom.filereader.read_file_meta_info(path)
            if str(meta.get("TransferSyntaxUID", "")).endswith("1.99"):  # deflated, perhaps a bomb
                check_whole(path)
            found = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["Modality", "ValueType"]
            )
            return str(found.get("Modality", "")) == "SR" or "ValueType" in found
    except ImagingError:
        raise
    except Exception as error:  # pydicom raises whatever a damaged file makes it meet
        raise ImagingError(
            f"no DICOM file that can be read ({type(error).__name__})", path
        ) from None


def read_report(path: Path) -> StructuredReport:
    """Read a structured report.

    Raises:
        ImagingError: it is none, or it cannot be read.
    """
    check_whole(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _document(pydicom.dcmread(path), path)
    except ImagingError as error:
        raise ImagingError(error.message, path) from None
    except Exception as error:  # as above
        raise ImagingError(
            f"its content cannot be read ({type(error).__name__}); export it again", path
        ) from None


def _document(root: Dataset, path: Path) -> StructuredReport:
    _refuse(root)
    reading, name = _Reading(ours=str(root.get("Manufacturer", "")) == "Calx"), _name(root)
    content = list(root.ContentSequence)
    around = _of_document(content, reading)
    for number, item in enumerate(content, 1):
        _read(item, str(number), around, reading)
    preliminary = str(root.get("PreliminaryFlag", "")) == "PRELIMINARY"
    verified = str(root.get("VerificationFlag", "")) == "VERIFIED"
    notes = ["the report is preliminary"] * preliminary
    notes += ["nobody has verified the report"] * (not verified)
    parents = {key for key in reading.groups for o in reading.groups if o.startswith(f"{key}.")}
    if len(reading.groups) > MOST_LESIONS:
        raise ImagingError(f"more than {MOST_LESIONS} lesions; no report has so many")
    return StructuredReport(
        items=tuple(reading.items),
        lesions={key: of for key, of in reading.groups.items() if key not in parents},
        title=name[1] if name else "structured report",
        observers=tuple(dict.fromkeys(reading.observers)),
        origin={
            "kind": "DICOM structured report",
            "sha256": digest(path),
            "title": name[1] if name else None,
            "sop_instance_uid": _plain(root.get("SOPInstanceUID", "")) or None,
            "manufacturer": _plain(root.get("Manufacturer", "")) or None,
            "verified": verified,
            "preliminary": preliminary,
        },
        faults=tuple(dict.fromkeys([*notes, *reading.faults])),
    )


def _refuse(root: Dataset) -> None:
    """Refuse what is no whole report of measurements by intravascular ultrasound."""
    if "ContentSequence" not in root or str(root.get("ValueType", "")) != "CONTAINER":
        raise ImagingError(
            "no structured report: it has no content; give a recording to calx segment"
        )
    kind = str(root.get("SOPClassUID", ""))
    if not kind.startswith("1.2.840.10008.5.1.4.1.1.88.") or kind.endswith(".59"):
        raise ImagingError("no structured report of measurements (its SOP class is another)")
    flag = str(root.get("CompletionFlag", "COMPLETE")).strip()
    if flag != "COMPLETE":
        raise ImagingError(f"a report that is not complete ({flag[:16] or 'PARTIAL'}: partial)")
    name = _name(root)
    if name is None or name[0] not in TITLES:
        told = name[1] if name else "nothing"
        raise ImagingError(f"its title is '{told}', which is no report that is read here")


def _of_document(content: list[Dataset], reading: _Reading) -> _Around:
    """What the document says of all that it holds."""
    strange = []
    for child in content:
        name, relation = _name(child), _relation(child)
        if relation == "HAS CONCEPT MOD" and name:
            value = _code(child.get("ConceptCodeSequence"))
            told = value[1] if value else _plain(child.get("TextValue", ""))
            if name[0] == PROCEDURE and not re.search(r"ultrasound|ivus", told, re.IGNORECASE):
                raise ImagingError(f"it reports '{told}', not intravascular ultrasound")
            if name[0] not in (LANGUAGE, COUNTRY, PROCEDURE):
                strange.append(f"{name[1]}: {told}")
    return _Around(strange=tuple(strange) + _context(content, reading))


def _context(content: list[Dataset], reading: _Reading) -> tuple[str, ...]:
    """Notes who observed; what the context of an observation says that is not understood."""
    strange = []
    for child in content:
        if _relation(child) != "HAS OBS CONTEXT":
            continue
        name = _name(child)
        told = child.get("TextValue") or child.get("PersonName")
        value = _code(child.get("ConceptCodeSequence"))
        if name and name[0] in OBSERVERS and told:
            reading.observers.append(_plain(told))
        elif name and name[0] == SUBJECT and (value is None or value[0] != PATIENT):
            strange.append(f"{name[1]}: {value[1] if value else '?'}")
        elif not name or (name[0] not in CONTEXT and name[0] not in IDENTIFIERS):
            reading.faults.append(f"{name[1] if name else 'a context'}: not understood")
    return tuple(strange)


def _read(item: Dataset, place: str, around: _Around, reading: _Reading) -> None:
    """Read an item and what it holds."""
    reading.seen += 1
    if reading.seen > MOST:
        raise ImagingError(f"more than {MOST} items; no report has so many")
    relation, kind, name = _relation(item), str(item.get("ValueType", "")), _name(item)
    if relation in ("HAS CONCEPT MOD", "HAS OBS CONTEXT"):
        return  # of what holds it, and read there
    if relation == "HAS ACQ CONTEXT" and kind == "CODE":
        return  # likewise
    shown = f"{name[1] or name[0][1] if name else 'an item without a name'} ({place})"
    if relation != "CONTAINS":
        reading.faults.append(f"{shown}: '{relation or 'no relation'}' is not read; left aside")
    elif "ReferencedContentItemIdentifier" in item:
        reading.faults.append(f"{shown}: only refers to another item; left aside")
    elif kind == "CONTAINER":
        _container(item, place, around, reading, shown)
    elif name and name[0] in IDENTIFIERS:
        return  # of the container, and read there
    elif kind in ("NUM", "CODE", "TEXT") and name and not around.contours:
        try:
            found = _reported(item, kind, name, place, around)
        except ValueError as fault:
            reading.faults.append(f"{shown}: {fault}; left aside")
        else:
            reading.items.append(found)
    elif not around.contours and kind not in (
        "IMAGE",
        "SCOORD",
        "SCOORD3D",
        "COMPOSITE",
        "UIDREF",
        "WAVEFORM",
    ):
        reading.faults.append(f"{shown}: a value of the kind '{kind[:16]}' is not read")


def _container(item: Dataset, place: str, around: _Around, reading: _Reading, shown: str) -> None:
    """Read what a container holds."""
    content, name = list(item.get("ContentSequence") or ()), _name(item)
    code = name[0] if name else None
    identifiers = [c for c in content if (n := _name(c)) and n[0] in IDENTIFIERS]
    known = code in (FINDINGS, MEASUREMENTS, GROUP) or bool(identifiers)
    if code in ELSEWHERE or not known:
        count = sum(1 for child in content if str(child.get("ValueType", "")) in ("NUM", "CODE"))
        reading.faults.append(
            f"{shown}: a part that is not read (it is none of findings now, and no lesion); "
            f"{count} values in it were left aside"
        )
        return
    called = next((_plain(c.get("TextValue", "")) for c in identifiers if c.get("TextValue")), "")
    modifiers, strange = _modifiers(content)
    inner = _Around(
        around.modifiers + modifiers,
        around.strange + strange + _context(content, reading),
        around.lesion,
        called or around.called,
        reading.ours and code == GROUP and bool(OF_A_FRAME.fullmatch(called)),
    )
    if code != MEASUREMENTS and not inner.contours:
        inner = replace(inner, lesion=place)
        reading.groups[place] = (inner.called, inner.modifiers)
    for number, child in enumerate(content, 1):
        _read(child, f"{place}.{number}", inner, reading)


def _modifiers(content: list[Dataset]) -> tuple[tuple[Modifier, ...], tuple[str, ...]]:
    """The codes that modify what holds them, and what does so and is not understood."""
    found, strange = [], []
    for child in content:
        if _relation(child) not in ("HAS CONCEPT MOD", "HAS ACQ CONTEXT"):
            continue
        name, value = _name(child), _code(child.get("ConceptCodeSequence"))
        more = "ContentSequence" in child or "ReferencedContentItemIdentifier" in child
        if str(child.get("ValueType", "")) == "CODE" and name and value and not more:
            found.append(Modifier(name[0], _region(value), f"{name[1]}: {value[1]}"))
        elif name and name[0] == STATUS:
            continue
        else:
            told = value[1] if value else _plain(child.get("TextValue", "")) or "?"
            strange.append(f"{name[1] if name else 'a modifier'}: {told}")
    return tuple(found), tuple(strange)


def _region(value: tuple[Coded, str]) -> Coded:
    """The code of a modifier; one of the two regions by its meaning."""
    if value[0] not in REGIONS.values():
        return value[0]
    return REGIONS.get(value[1].lower(), ("DCM", f"{value[0][1]} '{value[1]}'"))


def _reported(
    item: Dataset, kind: str, name: tuple[Coded, str], place: str, around: _Around
) -> Reported:
    """One item as a value.

    Raises:
        ValueError: it cannot be read, and why.
    """
    content = list(item.get("ContentSequence") or ())
    value, shown, unit = _value(item, kind)
    modifiers, strange = _modifiers(content)
    strange += tuple(_beside(content))
    low, high, status = (_child(content, code) for code in (LOW, HIGH, STATUS))
    interval = None
    if low is not None and high is not None and isinstance(value, float):
        ends = [_number(end) for end in (low, high)]
        same = all(end is not None and end[2] == unit for end in ends)
        pair = tuple(end[0] for end in ends if end is not None)
        if not same or not pair[0] <= value <= pair[1]:
            raise ValueError("its interval does not hold it, or is of another unit")
        interval = (pair[0], pair[1])
    told = "" if status is None else str(status.get("TextValue", ""))
    return Reported(
        code=name[0],
        meaning=name[1],
        value=value,
        shown=shown,
        unit=unit,
        modifiers=modifiers,
        within=around.modifiers,
        strange=around.strange + strange,
        lesion=around.lesion,
        called=around.called,
        interval=interval,
        status=told,
        frames=tuple(_frames(content)),
        place=place,
    )


def _value(item: Dataset, kind: str) -> tuple[float | str | Coded, str, str]:
    """The value of an item, in words, and its unit."""
    if kind == "NUM":
        return _number(item)
    if kind == "CODE":
        coded = _code(item.get("ConceptCodeSequence"))
        if coded is None:
            raise ValueError("its value is no one code")
        return coded[0], coded[1], ""
    text = _plain(item.get("TextValue", ""))
    return text, text, ""


def _number(item: Dataset) -> tuple[float, str, str]:
    """The number of an item, as it is written, and its unit.

    Raises:
        ValueError: it is none, or says two things.
    """
    qualifier = _code(item.get("NumericValueQualifierCodeSequence"))
    if "NumericValueQualifierCodeSequence" in item:
        raise ValueError(f"its value is qualified as '{qualifier[1] if qualifier else '?'}'")
    values = list(item.get("MeasuredValueSequence") or ())
    if len(values) != 1:
        raise ValueError("has several values" if values else "has no value")
    text = str(values[0].get("NumericValue", "")).strip()
    number = as_number(text)
    if number is None:
        raise ValueError(f"'{_plain(text)[:30]}' is no number")
    told = [values[0].get("FloatingPointValue")]
    above, below = (values[0].get(f"Rational{part}Value") for part in ("Numerator", "Denominator"))
    told.append(None if above is None or not below else above / below)
    if any(one is not None and abs(float(one) - number) > 0.01 * abs(number) for one in told):
        raise ValueError(f"is told as {text} and as another number")
    measured = _code(values[0].get("MeasurementUnitsCodeSequence"))
    if measured and measured[0][0] != "UCUM":
        raise ValueError(f"its unit {measured[1]} is not of UCUM")
    unit = measured[0][1] if measured else ""
    word = UNITS.get(measured[1].lower(), unit) if measured else unit
    if word != unit:
        raise ValueError(f"its unit is {unit} by code and '{measured[1] if measured else ''}'")
    return number, text, unit


def _beside(content: list[Dataset]) -> Iterator[str]:
    """What an item holds beside modifiers, and is not understood."""
    for child in content:
        relation, name = _relation(child), _name(child)
        known = name is not None and name[0] in (LOW, HIGH, STATUS)
        context = name is not None and (name[0] in CONTEXT or name[0] in IDENTIFIERS)
        fine = (
            relation in ("HAS CONCEPT MOD", "HAS ACQ CONTEXT", "INFERRED FROM", "SELECTED FROM")
            or (relation == "HAS PROPERTIES" and known)
            or (relation == "HAS OBS CONTEXT" and context)
        )
        if not fine:
            value = _code(child.get("ConceptCodeSequence"))
            told = f": {value[1]}" if value else ""
            yield f"{name[1] if name else relation or 'a part without relation'}{told}"


def _child(content: list[Dataset], code: Coded) -> Dataset | None:
    for child in content:
        name = _name(child)
        if name and name[0] == code:
            return child
    return None


def _frames(content: list[Dataset]) -> Iterator[int]:
    for child in content:
        for reference in child.get("ReferencedSOPSequence") or ():
            numbers = reference.get("ReferencedFrameNumber")
            if numbers is not None:
                several = isinstance(numbers, list | tuple | pydicom.multival.MultiValue)
                yield from (int(number) for number in (numbers if several else [numbers]))


def _relation(item: Dataset) -> str:
    return str(item.get("RelationshipType", ""))


def _plain(text: object) -> str:
    """A text of a report as one printable line."""
    return "".join(c if c.isprintable() else " " for c in str(text)).strip()[:LONGEST]


def _name(item: Dataset) -> tuple[Coded, str] | None:
    return _code(item.get("ConceptNameCodeSequence"))


SCHEMES = {
    "http://snomed.info/sct": "SCT",
    "2.16.840.1.113883.6.96": "SCT",
    "SNOMED-CT": "SCT",
    "1.2.840.10008.2.16.4": "DCM",
}
"""Other names of coding schemes."""


def _code(sequence: object) -> tuple[Coded, str] | None:
    """The code of a sequence of one, in the scheme that is in use today, and its meaning; None
    without one.
    """
    items = list(sequence) if isinstance(sequence, pydicom.Sequence) else []
    if len(items) != 1:
        return None
    scheme = str(items[0].get("CodingSchemeDesignator", "")).strip()
    value = str(items[0].get("CodeValue") or items[0].get("LongCodeValue") or "").strip()
    meaning = _plain(items[0].get("CodeMeaning", ""))
    if scheme in ("SRT", "99SDM", "SNM3") and value in snomed["SRT"]:
        scheme, value = "SCT", snomed["SRT"][value]
    if scheme == OWN:  # earlier reports cut the code; its meaning is the whole name
        whole = meaning.replace(" ", "_")
        value = whole if whole.startswith(value[:16]) else f"{value} '{meaning}'"
    return (SCHEMES.get(scheme, scheme), _plain(value)), meaning
