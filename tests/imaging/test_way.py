"""The whole way, from the outside: a DICOM file on the command line, its facts, a person's corrections, and a recommendation that leads back to frames and model."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from calx.imaging.facts.curves import Curves
from calx.imaging.model.package import SHIPPED, load
from calx.imaging.report.pictures import round_of
from tests import command
from tests.command import Done


def calx(*arguments: str, status: int = 0) -> Done:
    done = command.calx(*arguments)
    assert done.returncode == status, done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def written(made: tuple[Path, Curves], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the facts and the report of the recording."""
    folder = tmp_path_factory.mktemp("way")
    done = calx(
        "segment",
        str(made[0]),
        "--facts",
        str(folder / "facts.json"),
        "--report",
        str(folder / "out"),
        "--device",
        "cpu",
    )
    assert "max_superficial_arc_deg" in done.stdout
    assert "30 of 30 frames" in done.stderr
    assert "ONNX Runtime" in done.stderr
    return folder


def case(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return found


def test_every_fact_says_where_it_comes_from(written: Path, made: tuple[Path, Curves]) -> None:
    found = case(written)
    measured, model = found["measured"], load(SHIPPED)
    assert measured["model"] == model.named()
    assert len(measured["input"]["sha256"]) == 64
    assert measured["protocol"].startswith("sha256:")
    assert "Not for clinical use" in measured["notice"]
    for name, entry in measured["facts"].items():
        claimed = entry["status"] in ("measured", "interpolated")
        assert (name in found) is (claimed and entry["value"] is not None)
        assert claimed or entry["reason"]
        if entry["interval"] and entry["value"] is not None:
            assert entry["interval"][0] <= entry["value"] <= entry["interval"][1]
    assert measured["facts"]["max_superficial_arc_deg"]["frames"]


def test_no_patient_leaves_the_reader(written: Path, made: tuple[Path, Curves]) -> None:
    header = pydicom.dcmread(made[0], stop_before_pixels=True)
    secrets = [str(header.PatientName).encode(), str(header.PatientID).encode()]
    for file in written.rglob("*"):
        if file.is_file():
            assert not any(secret in file.read_bytes() for secret in secrets), file


def test_pictures_show_no_corner_where_a_name_may_stand() -> None:
    shown = round_of(np.full((200, 240), 255, np.uint8))
    assert shown[0, 0] == shown[5, 5] == shown[-1, -1] == 0
    assert shown[100, 120] == 255


def test_the_answer_leads_back_to_frames_and_model(written: Path) -> None:
    answer = json.loads(calx("recommend", str(written / "facts.json"), "--format", "json").stdout)
    premises = [
        premise
        for step in answer["steps"]
        for premise in step["premises"]
        if premise.get("measured")
    ]
    arc = next(premise for premise in premises if premise["fact"] == "max_superficial_arc_deg")
    assert arc["measured"]["frames"]
    assert arc["measured"]["interval"]
    assert answer["measured"]["model"]["id"] == "calx-ivus-sim"
    text = calx("recommend", str(written / "facts.json"), "--format", "text", "--explain").stdout
    assert "calx-ivus-sim" in text
    assert "frame" in text


def test_a_correction_counts_and_the_measured_value_is_kept(written: Path, tmp_path: Path) -> None:
    shutil.copy(written / "facts.json", tmp_path / "facts.json")
    was = case(tmp_path)["max_superficial_arc_deg"]
    calx(
        "correct",
        str(tmp_path / "facts.json"),
        "max_superficial_arc_deg=355",
        "calcified_nodule=false",
        "--by",
        "reader-2",
        "--why",
        "looked",
    )
    found = case(tmp_path)
    assert found["max_superficial_arc_deg"] == 355
    entry = found["measured"]["facts"]["max_superficial_arc_deg"]
    assert (entry["value"], entry["correction"]["by"], entry["correction"]["reason"]) == (
        was,
        "reader-2",
        "looked",
    )
    answer = json.loads(calx("recommend", str(tmp_path / "facts.json"), "--format", "json").stdout)
    premise = next(
        p
        for step in answer["steps"]
        for p in step["premises"]
        if p.get("fact") == "max_superficial_arc_deg"
    )
    assert premise["value"] == 355
    assert premise["measured"]["value"] == was
    assert premise["measured"]["corrected"]["by"] == "reader-2"
    turtle = calx("recommend", str(tmp_path / "facts.json"), "--format", "turtle").stdout
    assert 'calx:correctedBy "reader-2"' in turtle


def test_an_edit_in_the_file_is_a_correction_too(written: Path, tmp_path: Path) -> None:
    found = case(written) | {"max_superficial_arc_deg": 350}
    (tmp_path / "facts.json").write_text(json.dumps(found))
    answer = json.loads(calx("recommend", str(tmp_path / "facts.json"), "--format", "json").stdout)
    assert (
        answer["measured"]["facts"]["max_superficial_arc_deg"]["correction"]["reason"]
        == "changed in the case"
    )


def test_corrections_that_can_not_be_are_told_and_nothing_is_changed(written: Path) -> None:
    before = (written / "facts.json").read_bytes()
    assert (
        "out of range"
        in calx(
            "correct",
            str(written / "facts.json"),
            "max_superficial_arc_deg=999",
            "--by",
            "x",
            status=1,
        ).stderr
    )
    assert (
        "not among the measurements"
        in calx(
            "correct", str(written / "facts.json"), "age_years=50", "--by", "x", status=1
        ).stderr
    )
    assert (written / "facts.json").read_bytes() == before


def test_where_the_interval_changes_the_strategy_it_is_provisional() -> None:
    from calx.reasoner.recommendation import Reasoner

    reasoner = Reasoner.load()
    facts = {
        "max_superficial_arc_deg": 275,
        "calcium_depth": "superficial",
        "vessel_diameter_mm": 4.0,
        "calcified_nodule": False,
        "calcium_present": True,
    }
    settled = {
        "stage": "before_preparation",
        "wire_crossed": True,
        "imaging_catheter_crossed": True,
        "balloon_crossed": True,
        "superficial_arc_gt270_length_mm": 2.0,
    }
    settled |= {"coronary_dissection": False, "flow_limiting": False}
    entry = {
        "value": 275,
        "interval": [240, 300],
        "unit": "deg",
        "status": "measured",
        "reason": None,
        "frames": [4, 5],
    }
    length = {
        "value": 2.0,
        "interval": [0, 3],
        "unit": "mm",
        "status": "measured",
        "reason": None,
        "frames": [4, 5],
    }
    measured = {
        "facts": {"max_superficial_arc_deg": entry, "superficial_arc_gt270_length_mm": length}
    }
    plain = reasoner.recommend({"case_id": "t", **facts, **settled}).json()
    sure = reasoner.recommend({"case_id": "t", **facts, **settled, "measured": measured}).json()
    changed = [
        change
        for end in sure["measured"]["within_intervals"]
        for change in end["changes"]
        if change["of"] == "strategy"
    ]
    assert changed
    assert plain["strategy"]["id"] == sure["strategy"]["id"]
    assert not sure["strategy"]["settled"]
    tight = {"facts": {"max_superficial_arc_deg": entry | {"interval": [274, 276]}}}
    assert (
        reasoner.recommend({"case_id": "t", **facts, **settled, "measured": tight}).json()[
            "strategy"
        ]["settled"]
        is plain["strategy"]["settled"]
    )


@pytest.mark.parametrize(
    "measured",
    [
        5,
        {},
        {"facts": []},
        {"facts": {"no_such_fact": {"status": "measured"}}},
        {"facts": {"max_superficial_arc_deg": {"status": "sure"}}},
        {"facts": {"max_superficial_arc_deg": {"status": "measured", "interval": [1]}}},
        {"facts": {"max_superficial_arc_deg": {"status": "measured", "frames": ["a"]}}},
        {"facts": {"max_superficial_arc_deg": {"status": "measured", "value": {}}}},
    ],
)
def test_measurements_that_are_none_are_told(measured: Any, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(
        json.dumps({"case_id": "t", "max_superficial_arc_deg": 100, "measured": measured})
    )
    assert (
        "measured"
        in calx("recommend", str(tmp_path / "case.json"), "--format", "json", status=1).stderr
    )


def test_the_report_is_there_to_look_at(written: Path, made: tuple[Path, Curves]) -> None:
    report = written / "out"
    with Image.open(report / "longitudinal.png") as picture:
        assert picture.size[0] > 800
        assert len(picture.convert("RGB").getcolors(10**6) or []) > 50
    frames = sorted((report / "frames").glob("*.png"))
    assert 4 <= len(frames) <= 12
    for file in frames:
        with Image.open(file) as picture:
            seen = np.asarray(picture.convert("RGB")).reshape(-1, 3)
            assert (
                np.abs(seen.astype(int) - (230, 120, 20)).sum(axis=1) < 30
            ).sum() > 100  # the lumen is drawn
    rows = list(csv.DictReader((report / "curves.csv").open()))
    assert len(rows) == 30 * 256
    assert float(rows[0]["lumen_mm"]) > 0
    ran = json.loads((report / "run.json").read_text())
    assert ran["model"]["id"] == "calx-ivus-sim"
    assert ran["device"].startswith("cpu")
    again = calx("segment", str(report / "curves.npz"), "--facts", str(written / "again.json"))
    assert "written" in again.stdout
    first, second = case(written), json.loads((written / "again.json").read_text())
    assert {k: v for k, v in first.items() if k != "measured"} == {
        k: v for k, v in second.items() if k != "measured"
    }


def test_the_structured_report_is_one(written: Path, made: tuple[Path, Curves]) -> None:
    found = pydicom.dcmread(written / "out" / "report.dcm")
    assert found.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    text = str(found)
    for code in ("122355", "122330", "397415007", "POLYLINE"):
        assert code in text
    source = pydicom.dcmread(made[0], stop_before_pixels=True)
    assert source.SOPInstanceUID in text
    if shutil.which("dciodvfy") is None:
        pytest.skip("the verifier of DICOM objects (Debian: dicom3tools) is not installed")
    told = subprocess.run(
        ["dciodvfy", str(written / "out" / "report.dcm")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not [
        line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")
    ]


def test_what_is_refused_leaves_a_complete_refusal_and_status_1(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("L", (400, 400)).save(tmp_path / f"{number}.png")
    done = calx(
        "segment",
        str(tmp_path),
        "--facts",
        str(tmp_path / "facts.json"),
        "--spacing",
        "0.02",
        "--device",
        "cpu",
        status=1,
    )
    assert "nothing is claimed" in done.stderr
    found = case(tmp_path)
    assert set(found) == {"case_id", "measured"}
    assert (
        json.loads(calx("recommend", str(tmp_path / "facts.json"), "--format", "json").stdout)[
            "strategy"
        ]
        is None
    )


def test_an_unreadable_file_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"no DICOM at all")
    done = calx(
        "segment",
        str(tmp_path / "a.dcm"),
        "--facts",
        str(tmp_path / "facts.json"),
        "--report",
        str(tmp_path / "out"),
        status=1,
    )
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "facts.json").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--case-id", "Jane Doe"),
        ("--spacing", "-1"),
        ("--every", "0"),
        ("--stent", "5"),
        ("--device", "tpu"),
    ],
)
def test_wrong_use_is_told(
    made: tuple[Path, Curves], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = command.calx("segment", made[0], "--facts", tmp_path / "f.json", *arguments)
    assert done.returncode in (1, 2)
    assert not (tmp_path / "f.json").exists()


def test_frames_can_be_left_out(made: tuple[Path, Curves], tmp_path: Path) -> None:
    done = calx(
        *("segment", str(made[0]), "--facts", str(tmp_path / "facts.json")),
        *("--report", str(tmp_path / "out"), "--device", "cpu", "--frames", "6", "15"),
    )
    assert "10 frames with" in done.stderr
    curves = Curves.load(tmp_path / "out" / "curves.npz")
    assert curves.frame.tolist() == list(range(6, 16))
    assert curves.z_mm[0] == pytest.approx(made[1].z_mm[5])
    told = calx(
        *("segment", str(made[0]), "--facts", str(tmp_path / "none.json")),
        *("--device", "cpu", "--frames", "90", "99"),
        status=1,
    )
    assert "it has 1 to 30" in told.stderr
