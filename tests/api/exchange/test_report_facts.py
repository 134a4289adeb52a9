"""DICOM structured reports as cases: of a console's form (TID 3250) and our own (TID 1500)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ComprehensiveSRStorage, ExplicitVRLittleEndian, generate_uid

from calx.api.exchange.codes import Codes
from calx.api.exchange.report_facts import ReportedCase, cases
from calx.imaging.errors import ImagingError
from calx.imaging.readers.reports import is_report, read_report
from calx.imaging.simulator import dicom, simulate
from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.recommendation import Reasoner
from tests import command

Coded = tuple[str, str, str]
ARC: Coded = ("122355", "DCM", "Arc of Calcium")
LENGTH: Coded = ("122341", "DCM", "Calcium Length")
EEM: Coded = ("122330", "DCM", "External Elastic Membrane Diameter")
LUMEN: Coded = ("G-0366", "SRT", "Vessel Lumen Cross-Sectional Area")
STENT: Coded = ("408705002", "SCT", "Stent Cross-Sectional Area")
BURDEN: Coded = ("122354", "DCM", "Plaque Burden")
SITE: Coded = ("G-C0E3", "SRT", "Finding Site")
DERIVATION: Coded = ("121401", "DCM", "Derivation")
DISTRIBUTION: Coded = ("1", "99MAKER", "Calcium Distribution")
MAXIMUM: Coded = ("G-A437", "SRT", "Maximum")
MINIMUM: Coded = ("R-404FB", "SRT", "Minimum")
MEAN: Coded = ("R-00317", "SRT", "Mean")
DEEP: Coded = ("795002", "SCT", "Deep")
DISTAL: Coded = ("122381", "DCM", "Distal Reference")
PROXIMAL: Coded = ("122380", "DCM", "Proximal Reference")
STENTED: Coded = ("122384", "DCM", "Stented Region")
NARROWEST: Coded = ("122382", "DCM", "Site of Luminal Minimum")
LAD: Coded = ("59438005", "SCT", "Left anterior descending artery")
RCA: Coded = ("13647002", "SCT", "Right coronary artery")


def coded(code: Coded) -> Items:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return Items([item])


def item(
    kind: str, name: Coded, content: Sequence[Dataset] = (), relation: str = "CONTAINS", **more: Any
) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relation, kind
    made.ConceptNameCodeSequence = coded(name)
    for keyword, value in more.items():
        setattr(made, keyword, value)
    if content:
        made.ContentSequence = Items(list(content))
    return made


def said(name: Coded, value: Coded, relation: str = "HAS CONCEPT MOD") -> Dataset:
    return item("CODE", name, relation=relation, ConceptCodeSequence=coded(value))


def number(
    name: Coded, value: object, unit: str = "mm", *modifiers: Dataset, scheme: str = "UCUM"
) -> Dataset:
    measured = Dataset()
    measured.NumericValue = str(value)
    measured.MeasurementUnitsCodeSequence = coded((unit, scheme, unit))
    return item("NUM", name, modifiers, MeasuredValueSequence=Items([measured]))


def lesion(name: str, *content: Dataset) -> Dataset:
    called = item("TEXT", ("121151", "DCM", "Lesion Identifier"), TextValue=name)
    return item("CONTAINER", ("1", "99MAKER", "Lesion"), [called, *content])


def vessel(artery: Coded, *content: Dataset) -> Dataset:
    return item("CONTAINER", ("121070", "DCM", "Findings"), [said(SITE, artery), *content])


def report(*content: Dataset, **more: object) -> Dataset:
    made = item("CONTAINER", ("122325", "DCM", "IVUS Report"))
    del made.RelationshipType
    observer = item(
        "TEXT",
        ("121013", "DCM", "Device Observer Name"),
        (),
        "HAS OBS CONTEXT",
        TextValue="console",
    )
    made.ContentSequence = Items([observer, *content])
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = ComprehensiveSRStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.Modality, made.PatientName, made.PatientID = "SR", "Nobody^Secret", "secret-17"
    made.Manufacturer, made.CompletionFlag, made.VerificationFlag = "Maker", "COMPLETE", "VERIFIED"
    for keyword, value in more.items():
        setattr(made, keyword, value)
    return made


def saved(made: Dataset, folder: Path) -> Path:
    path = folder / "report.dcm"
    made.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def read(reasoner: Reasoner, tmp_path: Path) -> Any:
    def of(*content: Dataset) -> list[ReportedCase]:
        path = saved(report(*content), tmp_path)
        return cases(
            read_report(path), reasoner.guideline, Codes(reasoner.guideline, DEFAULT_DIRECTORY)
        )

    return of


def facts(case: ReportedCase) -> dict[str, Any]:
    return {name: of for name, of in case.raw.items() if name not in ("case_id", "measured")}


def test_a_console_s_report_is_a_case(read: Any) -> None:
    (case,) = read(
        vessel(
            LAD,
            lesion(
                "1",
                number(ARC, 287, "deg", said(DERIVATION, MAXIMUM)),
                number(LENGTH, 1.2, "cm"),
                number(EEM, 3.6, "mm", said(SITE, DISTAL)),
                number(EEM, 4.0, "mm", said(SITE, PROXIMAL)),
                number(EEM, 3.9, "mm", said(SITE, NARROWEST)),
                number(LUMEN, 7.1, "mm2", said(SITE, DISTAL)),
                number(LUMEN, 8.3, "mm2", said(SITE, PROXIMAL)),
                number(STENT, 6.2, "mm2", said(DERIVATION, MINIMUM)),
                said(("121071", "DCM", "Finding"), ("54493002", "SCT", "Hematoma"), "CONTAINS"),
            ),
        )
    )
    assert facts(case) == {
        "target_vessel": "lad",
        "max_superficial_arc_deg": 287,
        "calcium_length_mm": 12,
        "reference_vessel_diameter_mm": 3.8,
        "vessel_diameter_mm": 3.9,
        "distal_reference_lumen_area_mm2": 7.1,
        "proximal_reference_lumen_area_mm2": 8.3,
        "minimum_stent_area_mm2": 6.2,
        "intramural_hematoma": True,
    }
    measured = case.raw["measured"]
    assert measured["drawn_by"] == "console"
    assert measured["input"]["verified"] is True
    (source,) = measured["facts"]["calcium_length_mm"]["reported"]
    assert (source["code"], source["scheme"], source["unit"], source["value"]) == (
        "122341",
        "DCM",
        "cm",
        "1.2",
    )
    assert "secret" not in json.dumps(case.raw).lower()


def test_what_is_not_meant_is_not_read_and_is_named(read: Any) -> None:
    """A mean or deep arc, an area of any frame, an unknown code: none is a fact, each is told."""
    (case,) = read(
        lesion(
            "1",
            number(ARC, 120, "deg", said(DERIVATION, MEAN)),
            number(ARC, 200, "deg", said(DISTRIBUTION, DEEP)),
            number(EEM, 4.4, "mm", said(SITE, STENTED)),
            number(STENT, 6.2, "mm2"),
            number(BURDEN, 61, "%"),
            number(("1", "99MAKER", "Secret Score"), 3, "1"),
            number(LENGTH, 12, "pixels", scheme="99MAKER"),
        )
    )
    assert facts(case) == {}
    told = "\n".join(case.notes)
    for part in ("mean: not", "deep: not", "stented region: not", "6.2", "Secret Score", "UCUM"):
        assert part in told, (part, told)
    assert len(case.notes) == 7


def test_a_plain_arc_is_read_and_what_its_code_leaves_open_is_said(read: Any) -> None:
    (case,) = read(lesion("1", number(ARC, 200, "deg")))
    assert facts(case) == {"max_superficial_arc_deg": 200}
    assert any("does not say superficial" in note for note in case.notes)


def test_two_values_of_one_thing_are_none(read: Any) -> None:
    (case,) = read(lesion("1", number(LENGTH, 12), number(LENGTH, 15)))
    assert facts(case) == {}
    assert any("12 and 15 are reported" in note for note in case.notes)
    (same,) = read(lesion("1", number(LENGTH, 12), number(LENGTH, 1.2, "cm")))
    assert facts(same) == {"calcium_length_mm": 12}


def test_lesions_are_never_fused(read: Any) -> None:
    """Each lesion is a case; what is said of its vessel holds for it."""
    found = read(
        vessel(
            LAD,
            lesion("1", number(ARC, 100, "deg", said(DERIVATION, MAXIMUM))),
            lesion("2", number(ARC, 300, "deg", said(DERIVATION, MAXIMUM))),
        ),
        vessel(RCA, number(ARC, 40, "deg", said(DERIVATION, MAXIMUM))),
    )
    assert [facts(case) for case in found] == [
        {"target_vessel": "lad", "max_superficial_arc_deg": 100},
        {"target_vessel": "lad", "max_superficial_arc_deg": 300},
        {"target_vessel": "rca", "max_superficial_arc_deg": 40},
    ]
    assert len({case.raw["case_id"] for case in found}) == 3
    assert [case.raw["measured"]["input"]["lesion"] for case in found] == ["1", "2", None]


def test_the_command_answers_a_report(tmp_path: Path) -> None:
    path = saved(
        report(
            lesion(
                "1",
                number(ARC, 300, "deg", said(DERIVATION, MAXIMUM)),
                number(("1", "99MAKER", "Secret Score"), 3, "1"),
            )
        ),
        tmp_path,
    )
    done = command.calx("recommend", str(path), "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["measured"]["drawn_by"] == "console"
    arcs = [
        p
        for s in answer["steps"]
        for p in s["premises"]
        if p.get("fact") == "max_superficial_arc_deg"
    ]
    assert arcs[0]["value"] == 300
    assert "Secret Score" in done.stderr


def test_our_own_report_gives_back_its_facts(tmp_path: Path) -> None:
    """From a recording to a report, and from the report to the same facts with their intervals."""
    dicom.write(simulate(4_000_011, 10.0, 3.0, 40), tmp_path / "pullback.dcm")
    done = command.calx(
        *("segment", str(tmp_path / "pullback.dcm"), "--facts", str(tmp_path / "facts.json")),
        *("--report", str(tmp_path / "out"), "--device", "cpu"),
    )
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "facts.json").read_text())
    reasoner = Reasoner.load(DEFAULT_DIRECTORY)
    codes = Codes(reasoner.guideline, DEFAULT_DIRECTORY)
    (case,) = cases(read_report(tmp_path / "out" / "report.dcm"), reasoner.guideline, codes)
    assert facts(case) == {
        name: of for name, of in written.items() if name not in ("case_id", "measured")
    }
    for name, entry in case.raw["measured"]["facts"].items():
        was = written["measured"]["facts"][name]
        assert entry["interval"] == was["interval"]
        assert entry["status"] == was["status"]
        assert not entry["frames"] or entry["frames"] == was["frames"]


def test_what_is_no_whole_report_is_refused(tmp_path: Path) -> None:
    recording = tmp_path / "pullback.dcm"
    dicom.write(simulate(4_000_011, 2.0, 1.0, 40), recording)
    with pytest.raises(ImagingError, match="no structured report"):
        read_report(recording)
    with pytest.raises(ImagingError, match="partial"):
        read_report(saved(report(number(ARC, 3, "deg"), CompletionFlag="PARTIAL"), tmp_path))
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"nonsense")
    with pytest.raises(ImagingError, match="cut short"):
        read_report(tmp_path / "broken.dcm")
    done = command.calx("recommend", str(recording))
    assert done.returncode == 1
    assert "calx segment" in done.stderr
    deep = number(ARC, 1, "deg")
    for _ in range(60):
        deep = item("CONTAINER", ("1", "99X", "in"), [deep])
    with pytest.raises(ImagingError, match="deeper than"):
        read_report(saved(report(deep), tmp_path))


# --- what does not say what it seems to say ---------------------------------------------

FINDING: Coded = ("121071", "DCM", "Finding")
HEMATOMA: Coded = ("54493002", "SCT", "Intramural hematoma")
PHASE: Coded = ("1", "99MAKER", "Procedure Phase")
POST: Coded = ("128960007", "SCT", "Post-intervention")
ABSENT: Coded = ("2667000", "SCT", "Absent")
SPREAD: Coded = ("386136009", "SCT", "Standard Deviation")


def told_as(made: Dataset, **more: Any) -> Dataset:
    """An item with more, or other, attributes."""
    for keyword, value in more.items():
        setattr(made, keyword, value)
    return made


def measured_as(made: Dataset, **more: Any) -> Dataset:
    told_as(made.MeasuredValueSequence[0], **more)
    return made


def under(name: Coded, *content: Dataset) -> Dataset:
    return item("CONTAINER", name, content)


STRANGE = {
    "a deviation": number(ARC, 12, "deg", said(DERIVATION, SPREAD)),
    "a mean by text": number(
        ARC, 90, "deg", item("TEXT", DERIVATION, (), "HAS CONCEPT MOD", TextValue="mean")
    ),
    "a mean as property": number(ARC, 90, "deg", said(DERIVATION, MEAN, "HAS PROPERTIES")),
    "a mean without relation": number(ARC, 90, "deg", said(DERIVATION, MEAN, "")),
    "a mean of another scheme": number(
        ARC, 90, "deg", said(DERIVATION, ("373098007", "99MAKER", "Mean"))
    ),
    "absent": number(LENGTH, 14, "mm", said(("1", "99MAKER", "Presence"), ABSENT)),
    "after the intervention": number(LENGTH, 14, "mm", said(PHASE, POST, "HAS ACQ CONTEXT")),
    "of a branch": number(EEM, 2.2, "mm", said(SITE, ("53655008", "SCT", "First diagonal"))),
    "of another vessel": number(ARC, 300, "deg", said(SITE, RCA), said(DERIVATION, MAXIMUM)),
    "a finding that is absent": item(
        "CODE", FINDING, [said(PHASE, ABSENT)], ConceptCodeSequence=coded(HEMATOMA)
    ),
    "a finding whose value is another's code": said(HEMATOMA, LENGTH, "CONTAINS"),
    "ruled out": said(("1", "99MAKER", "Ruled out"), HEMATOMA, "CONTAINS"),
    "another vessel's name": said(("1", "99MAKER", "Previously treated"), RCA, "CONTAINS"),
    "another depth": said(
        ("1", "99MAKER", "Erosion depth"), ("26283006", "SCT", "Superficial"), "CONTAINS"
    ),
    "a failure": told_as(
        number(ARC, 0, "deg"),
        NumericValueQualifierCodeSequence=coded(("114006", "DCM", "Measurement failure")),
    ),
    "two numbers": measured_as(number(LENGTH, 12), FloatingPointValue=1.2),
    "a unit by two names": measured_as(
        number(LENGTH, 12), MeasurementUnitsCodeSequence=coded(("mm", "UCUM", "centimeter"))
    ),
    "another meaning": number(("122341", "DCM", "Calcium Volume"), 12),
    "previous findings": under(("121068", "DCM", "Previous Findings"), number(ARC, 300, "deg")),
    "recommendations": under(("121074", "DCM", "Recommendations"), number(LENGTH, 12)),
    "a part of no known kind": under(("1", "99MAKER", "Segment"), number(LENGTH, 12)),
    "of a relation that is none": told_as(number(LENGTH, 12), RelationshipType="CONTAINED"),
    "inferred from": told_as(number(LENGTH, 12), RelationshipType="INFERRED FROM"),
    "a text": item("TEXT", FINDING, TextValue="no calcium"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_not_wholly_understood_is_left_aside_and_named(name: str, read: Any) -> None:
    (case,) = read(vessel(LAD, lesion("1", STRANGE[name])))
    assert facts(case) == {"target_vessel": "lad"}
    assert any(("left aside" in note or "not read" in note) for note in case.notes), case.notes


def test_different_measurements_are_never_averaged(read: Any) -> None:
    for pair in (
        (number(ARC, 60, "deg"), number(ARC, 320, "deg", said(DERIVATION, MAXIMUM))),
        (number(EEM, 5.4), number(EEM, 3.0, "mm", said(SITE, NARROWEST))),
    ):
        (case,) = read(lesion("1", *pair))
        assert facts(case) == {}
        assert any("which is meant is not told" in note for note in case.notes)


def test_what_is_told_of_several_lesions_is_told_of_none(read: Any) -> None:
    found = read(
        vessel(LAD, number(LENGTH, 60), lesion("1", number(ARC, 90, "deg")), lesion("2")),
        number(LENGTH, 70),
    )
    assert [facts(case) for case in found] == [
        {"target_vessel": "lad", "max_superficial_arc_deg": 90},
        {"target_vessel": "lad"},
    ]
    assert all("more than one lesion" in "".join(case.notes) for case in found)


def test_an_arc_of_calcium_that_is_told_to_be_deep_is_none_at_the_surface(read: Any) -> None:
    deep = said(DISTRIBUTION, DEEP, "CONTAINS")
    (case,) = read(lesion("1", number(ARC, 300, "deg", said(DERIVATION, MAXIMUM)), deep))
    assert facts(case) == {"calcium_depth": "deep"}
    assert any("deep" in note for note in case.notes)


def test_the_stented_region_is_told_by_its_meaning(read: Any) -> None:
    """Sources give the codes of the stented region and the entire pullback either way round."""
    for code in ("122383", "122384"):
        stented = said(SITE, (code, "DCM", "Stented Region"))
        (case,) = read(lesion("1", number(STENT, 6.2, "mm2", stented, said(DERIVATION, MINIMUM))))
        assert facts(case) == {"minimum_stent_area_mm2": 6.2}
        whole = said(SITE, (code, "DCM", "Entire Pullback"))
        (case,) = read(lesion("1", number(STENT, 6.2, "mm2", whole, said(DERIVATION, MINIMUM))))
        assert facts(case) == {}


def test_the_interval_of_a_value_is_converted_with_it(read: Any) -> None:
    ends = [
        told_as(
            number((f"{end}_end_of_the", "99CALX", f"{end} end of the interval"), value, "cm"),
            RelationshipType="HAS PROPERTIES",
        )
        for end, value in (("lower", 1.2), ("upper", 1.6))
    ]
    (case,) = read(lesion("1", number(LENGTH, 1.4, "cm", *ends)))
    assert case.raw["measured"]["facts"]["calcium_length_mm"]["interval"] == [12, 16]
    (case,) = read(lesion("1", number(LENGTH, 14, "mm", *ends)))
    assert facts(case) == {}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"CompletionFlag": "INCOMPLETE"}, "not complete"),
        ({"CompletionFlag": ""}, "not complete"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.59"}, "SOP class"),
        ({"ConceptNameCodeSequence": coded(("1", "99MAKER", "Training report"))}, "its title"),
    ],
)
def test_documents_of_other_kinds_are_refused(
    more: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ImagingError, match=why):
        read_report(saved(report(number(LENGTH, 12), **more), tmp_path))


def test_a_report_of_another_procedure_is_refused(tmp_path: Path) -> None:
    other = said(("121058", "DCM", "Procedure reported"), ("1", "99MAKER", "OCT of a phantom"))
    with pytest.raises(ImagingError, match="not intravascular ultrasound"):
        read_report(saved(report(other, number(LENGTH, 12)), tmp_path))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, UID("1.2.840.10008.1.2")])
def test_a_report_that_was_cut_is_refused_wherever_it_was_cut(syntax: UID, tmp_path: Path) -> None:
    made = report(lesion("1", number(ARC, 300, "deg", said(DERIVATION, MEAN)), number(LENGTH, 14)))
    made.file_meta.TransferSyntaxUID = syntax
    path = saved(made, tmp_path)
    whole = path.read_bytes()
    read_report(path)
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ImagingError):
            read_report(path)


def test_bombs_are_refused(tmp_path: Path) -> None:
    made = report(number(LENGTH, 12))
    made.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    made.add_new(0x00091010, "OB", b"\0" * (70 * 2**20))
    path = saved(made, tmp_path)
    assert path.stat().st_size < 2**20
    for look in (is_report, read_report):
        with pytest.raises(ImagingError, match="inflates"):
            look(path)
    many = report(*(number(LENGTH, 12) for _ in range(20_100)))
    with pytest.raises(ImagingError, match="more than 20000 items"):
        read_report(saved(many, tmp_path))
