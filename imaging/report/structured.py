"""The measurements as a DICOM structured report (TID 1500): codes where DICOM has them, contours as
polylines on their frames.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, generate_uid

import calx
from calx.imaging.facts.findings import Findings
from calx.imaging.facts.measurement import Measurement

LOCAL = "99CALX"
DCM = codes.DCM
MILLIMETRE, SQUARE, DEGREE, PERCENT, ONE = (
    Code("mm", "UCUM", "millimeter"),
    Code("mm2", "UCUM", "square millimeter"),
    Code("deg", "UCUM", "degree"),
    Code("%", "UCUM", "percent"),
    Code("1", "UCUM", "no units"),
)
UNITS = {
    "mm": MILLIMETRE,
    "mm2": SQUARE,
    "deg": DEGREE,
    "percent": PERCENT,
    "1": ONE,
    "deg.mm": Code("deg.mm", "UCUM", "degree millimeter"),
}
CONCEPTS = {
    "max_superficial_arc_deg": Code("122355", "DCM", "Arc of Calcium"),
    "calcium_length_mm": Code("122341", "DCM", "Calcium Length"),
    "vessel_diameter_mm": Code("122330", "DCM", "EEM Diameter"),
    "minimum_lumen_area_mm2": Code("397415007", "SCT", "Vessel lumen cross-sectional area"),
    "distal_reference_lumen_area_mm2": Code(
        "397415007", "SCT", "Vessel lumen cross-sectional area"
    ),
    "proximal_reference_lumen_area_mm2": Code(
        "397415007", "SCT", "Vessel lumen cross-sectional area"
    ),
    "plaque_burden_at_mla_percent": Code("122354", "DCM", "Plaque Burden"),
    "distal_edge_plaque_burden_percent": Code("122354", "DCM", "Plaque Burden"),
    "proximal_edge_plaque_burden_percent": Code("122354", "DCM", "Plaque Burden"),
}
"""Codes of measurements; the others carry this project's
own (scheme :data:`LOCAL`), as DICOM has none for them.
"""
SITE, DERIVATION = codes.SCT.FindingSite, DCM.Derivation
MAXIMUM = codes.SCT.Maximum
SMALLEST = DCM.SiteOfLumenMinimum
MODIFIERS: Mapping[str, tuple[tuple[Code, Code], ...]] = {
    "max_superficial_arc_deg": ((DERIVATION, MAXIMUM),),
    "minimum_lumen_area_mm2": ((SITE, SMALLEST),),
    "plaque_burden_at_mla_percent": ((SITE, SMALLEST),),
    "distal_reference_lumen_area_mm2": ((SITE, DCM.DistalReference),),
    "proximal_reference_lumen_area_mm2": ((SITE, DCM.ProximalReference),),
    "distal_edge_plaque_burden_percent": ((SITE, DCM.DistalStentMargin),),
    "proximal_edge_plaque_burden_percent": ((SITE, DCM.ProximalStentMargin),),
}
"""Of what part a value is, or which of several, where its code leaves that open."""
WORDS = {
    "superficial": Code("26283006", "SCT", "Superficial"),
    "deep": Code("795002", "SCT", "Deep"),
}
SHORT = 16
"""Characters of a code value; longer ones are long code values."""
YES, NO = Code("373066001", "SCT", "Yes"), Code("373067005", "SCT", "No")


def _coded(code: Code) -> Sequence:
    item = Dataset()
    if len(code.value) <= SHORT:
        item.CodeValue = code.value
    else:
        item.LongCodeValue = code.value
    item.CodingSchemeDesignator, item.CodeMeaning = code.scheme_designator, code.meaning[:64]
    return Sequence([item])


def _local(name: str) -> Code:
    return Code(name, LOCAL, name.replace("_", " ")[:64])


def _item(kind: str, name: Code, relation: str = "CONTAINS", **values: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = _coded(name)
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _container(
    name: Code, content: Iterable[Dataset], template: str | None = None, relation: str = "CONTAINS"
) -> Dataset:
    item = _item(
        "CONTAINER",
        name,
        relation,
        ContinuityOfContent="SEPARATE",
        ContentSequence=Sequence(list(content)),
    )
    if template:
        used = Dataset()
        used.MappingResource, used.TemplateIdentifier = "DCMR", template
        item.ContentTemplateSequence = Sequence([used])
    return item


def _reference(source: Mapping[str, str], frames: Iterable[int]) -> Sequence:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = (
        source["SOPClassUID"],
        source["SOPInstanceUID"],
    )
    chosen = [int(frame) for frame in frames]
    if chosen:
        item.ReferencedFrameNumber = chosen if len(chosen) > 1 else chosen[0]
    return Sequence([item])


def _polyline(name: Code, points: np.ndarray, source: Mapping[str, str], frame: int) -> Dataset:
    image = Dataset()
    image.RelationshipType, image.ValueType, image.ReferencedSOPSequence = (
        "SELECTED FROM",
        "IMAGE",
        _reference(source, [frame]),
    )
    closed = np.concatenate([points, points[:1]]).astype(np.float32)
    return _item(
        "SCOORD",
        name,
        "CONTAINS",
        GraphicType="POLYLINE",
        GraphicData=closed.ravel().tolist(),
        ContentSequence=Sequence([image]),
    )


def _value(item: Measurement, source: Mapping[str, str]) -> Dataset:
    """One measurement with its interval, status and frames."""
    name = CONCEPTS.get(item.name) or _local(item.name)
    told = f"{item.status}" + (f": {item.reason}" if item.reason else "")
    if isinstance(item.value, bool):
        node = _item("CODE", name, ConceptCodeSequence=_coded(YES if item.value else NO))
    elif isinstance(item.value, str):
        node = _item(
            "CODE", name, ConceptCodeSequence=_coded(WORDS.get(item.value) or _local(item.value))
        )
    else:
        node = _item("NUM", name, MeasuredValueSequence=_measured(item.value, item.unit))
    content = [
        _item("CODE", concept, "HAS CONCEPT MOD", ConceptCodeSequence=_coded(code))
        for concept, code in MODIFIERS.get(item.name, ())
    ]
    for end, meaning in (
        (item.low, "lower end of the interval"),
        (item.high, "upper end of the interval"),
    ):
        if end is not None and item.unit in UNITS:
            content.append(
                _item(
                    "NUM",
                    _local(meaning.replace(" ", "_")),
                    "HAS PROPERTIES",
                    MeasuredValueSequence=_measured(end, item.unit),
                )
            )
    content.append(
        _item(
            "TEXT",
            _local("status"),
            "HAS PROPERTIES" if node.ValueType == "NUM" else "HAS CONCEPT MOD",
            TextValue=told,
        )
    )
    if item.frames and source.get("SOPInstanceUID"):
        image = Dataset()
        image.RelationshipType, image.ValueType, image.ReferencedSOPSequence = (
            "INFERRED FROM",
            "IMAGE",
            _reference(source, item.frames),
        )
        content.append(image)
    node.ContentSequence = Sequence(content)
    return node


def _measured(value: float | None, unit: str) -> Sequence:
    item = Dataset()
    item.NumericValue = f"{float(value or 0):.6f}".rstrip("0").rstrip(".")[:16] or "0"
    item.MeasurementUnitsCodeSequence = _coded(UNITS[unit])
    return Sequence([item])


def report(
    findings: Findings,
    source: Mapping[str, str],
    model: Mapping[str, str],
    positions: Iterable[int],
    when: datetime.datetime | None = None,
) -> Dataset:
    """The structured report of a recording.

    It names no patient: whoever files it adds the patient of the recording that it refers to.

    Args:
        findings: of the recording.
        source: DICOM identifiers of the recording.
        model: id and version of the model.
        positions: of the frames whose contours are included.
        when: it was made; now unless given.
    """
    when = when or datetime.datetime.now(datetime.UTC)
    curves, centre = findings.curves, findings.curves.centre
    groups = [
        _container(
            DCM.MeasurementGroup,
            [
                _item("TEXT", DCM.TrackingIdentifier, "HAS OBS CONTEXT", TextValue="lesion 1"),
                _item(
                    "UIDREF", DCM.TrackingUniqueIdentifier, "HAS OBS CONTEXT", UID=generate_uid()
                ),
                *(
                    _value(item, source)
                    for item in [*findings.facts.values(), *findings.measures.values()]
                    if item.value is not None
                ),
            ],
            "1501",
        )
    ]
    unit = 1.0 if curves.scale_mm is None else curves.scale_mm / curves.pixel_mm
    angle = np.arange(curves.lines) * (2 * np.pi / curves.lines)
    for at in positions:
        if curves.refused[at] or not source.get("SOPInstanceUID"):
            continue
        frame = int(curves.frame[at])
        content = [
            _item("TEXT", DCM.TrackingIdentifier, "HAS OBS CONTEXT", TextValue=f"frame {frame}"),
            _item("UIDREF", DCM.TrackingUniqueIdentifier, "HAS OBS CONTEXT", UID=generate_uid()),
        ]
        for name, radius, area in (
            (
                codes.SCT.LumenOfBloodVessel,
                curves.lumen[at],
                findings.readings.lumen_area.value[at],
            ),
            (
                Code("414165007", "SCT", "External elastic membrane of artery"),
                curves.eem[at],
                findings.readings.eem_area.value[at],
            ),
        ):
            if np.isfinite(radius).all():
                points = (
                    np.stack(
                        [
                            centre[at, 0] + radius * unit * np.cos(angle),
                            centre[at, 1] + radius * unit * np.sin(angle),
                        ],
                        axis=1,
                    )[::4]
                    + 0.5
                )
                content.append(_polyline(name, points, source, frame))
                if np.isfinite(area):
                    code = (
                        Code("397415007", "SCT", "Vessel lumen cross-sectional area")
                        if name.value == "91747007"
                        else Code("122333", "DCM", "EEM Cross-Sectional Area")
                    )
                    content.append(
                        _item("NUM", code, MeasuredValueSequence=_measured(float(area), "mm2"))
                    )
        groups.append(_container(DCM.MeasurementGroup, content, "1410"))
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = ComprehensiveSRStorage
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.StudyInstanceUID = source.get("StudyInstanceUID") or generate_uid()
    made.SeriesInstanceUID = generate_uid()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.Modality, made.SeriesNumber, made.InstanceNumber = "SR", 1, 1
    (
        made.Manufacturer,
        made.ManufacturerModelName,
        made.SoftwareVersions,
        made.DeviceSerialNumber,
    ) = (
        "Calx",
        str(model.get("id", "contours")),
        calx.__version__,
        "0",
    )
    made.PatientName = made.PatientID = made.PatientBirthDate = made.PatientSex = ""
    made.StudyDate = made.StudyTime = made.AccessionNumber = made.ReferringPhysicianName = (
        made.StudyID
    ) = ""
    made.ReferencedPerformedProcedureStepSequence = Sequence()
    made.PerformedProcedureCodeSequence = Sequence()
    made.ContentDate, made.ContentTime = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    made.CompletionFlag, made.VerificationFlag, made.PreliminaryFlag = (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    if source.get("SOPInstanceUID"):
        study, series = Dataset(), Dataset()
        series.SeriesInstanceUID, series.ReferencedSOPSequence = (
            source["SeriesInstanceUID"],
            _reference(source, []),
        )
        study.StudyInstanceUID, study.ReferencedSeriesSequence = (
            source["StudyInstanceUID"],
            Sequence([series]),
        )
        made.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    root = _container(
        DCM.ImagingMeasurementReport,
        [
            _item(
                "CODE",
                DCM.LanguageOfContentItemAndDescendants,
                "HAS CONCEPT MOD",
                ConceptCodeSequence=_coded(Code("eng", "RFC5646", "English")),
            ),
            _item(
                "CODE", DCM.ObserverType, "HAS OBS CONTEXT", ConceptCodeSequence=_coded(DCM.Device)
            ),
            _item(
                "UIDREF",
                DCM.DeviceObserverUID,
                "HAS OBS CONTEXT",
                UID=generate_uid(entropy_srcs=["calx", str(model.get("digest", ""))]),
            ),
            _item(
                "TEXT",
                DCM.DeviceObserverName,
                "HAS OBS CONTEXT",
                TextValue=f"{model.get('id', 'contours')} {model.get('version', '')}".strip(),
            ),
            _item(
                "CODE",
                DCM.ProcedureReported,
                "HAS CONCEPT MOD",
                ConceptCodeSequence=_coded(Code("241466007", "SCT", "Intravascular ultrasound")),
            ),
            _item(
                "TEXT",
                _local("notice"),
                TextValue=(
                    "Not for clinical use. Decision support for professionals and research; "
                    "every measurement is to be confirmed by a person."
                ),
            ),
            _container(DCM.ImagingMeasurements, groups),
        ],
        "1500",
    )
    for element in root:
        if element.keyword != "RelationshipType":
            made[element.tag] = element
    return made
