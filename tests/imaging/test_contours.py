"""Sets of contours: how they are read, and what of them is refused with frame and layer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import Findings, facts
from calx.imaging.readers.contours import read_contours
from calx.imaging.readers.sidecar import Sidecar
from calx.imaging.reading import Asked, read
from calx.reasoner.recommendation import Reasoner

FRAMES = (13, 34, 56)
Rows = list[tuple[float, ...]]


def ring(radius: float, start: float = 0, stop: float = 360, count: int = 120) -> np.ndarray:
    """Points around (5, 5) mm."""
    angle = np.deg2rad(np.linspace(start, stop, count, endpoint=stop - start < 360))
    return np.column_stack([5 + radius * np.cos(angle), 5 + radius * np.sin(angle)])


def crescent(stop: float) -> np.ndarray:
    """A deposit from 1.3 to 1.5 mm around (5, 5) mm, seen from 0 to ``stop`` degrees."""
    return np.concatenate([ring(1.3, 0, stop), ring(1.5, 0, stop)[::-1]])


def rows(points: Callable[[int], np.ndarray], frames: tuple[int, ...] = FRAMES) -> Rows:
    return [
        (frame, *map(float, point), round(0.7 * k, 3))
        for k, frame in enumerate(frames)
        for point in points(k)
    ]


def written(
    folder: Path, name: str, table: Rows, form: str = "{:g}\t{:.4f}\t{:.4f}\t{:.3f}"
) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("".join(form.format(*row) + "\n" for row in table), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of lumen, membrane and calcium: an arc of 100, 280 and 120 degrees."""
    written(tmp_path, "diastolic_contours", rows(lambda k: ring(1.2)))
    written(tmp_path, "eem_diastolic_contours", rows(lambda k: ring(1.8)))
    written(
        tmp_path,
        "calcium_diastolic_contours",
        rows(lambda k: crescent((100, 280, 120)[k])),
    )
    return tmp_path


def found(path: Path, **told: Any) -> Findings:
    return facts(read_contours(path, Sidecar.of(told)))


def test_the_set_as_it_is(folder: Path) -> None:
    told = found(folder).facts
    assert told["calcium_present"].value is True
    assert told["max_superficial_arc_deg"].value == pytest.approx(280, abs=4)
    assert told["vessel_diameter_mm"].value == pytest.approx(3.6, abs=0.01)


# --- what is not drawn ----------------------------------------------------------------


def test_a_set_without_calcium_contours_is_no_vessel_without_calcium(
    folder: Path, reasoner: Reasoner
) -> None:
    (folder / "calcium_diastolic_contours.csv").unlink()
    told = found(folder).facts
    assert told["calcium_present"].value is None
    assert "not drawn" in told["calcium_present"].reason
    asked = found(folder, drawn=["lumen", "eem", "calcium"]).facts
    assert asked["calcium_present"].value is False
    assert "a person says" in asked["calcium_present"].reason
    assert asked["max_superficial_arc_deg"].value == 0


def test_a_layer_of_the_other_phase_is_not_taken_for_none(folder: Path) -> None:
    name = "calcium_diastolic_contours.csv"
    (folder / name).rename(folder / name.replace("diastolic", "systolic"))
    drawn = read_contours(folder)
    assert "of another phase; it was left aside" in " ".join(drawn.provenance["notes"])
    assert facts(drawn).facts["calcium_present"].status == "refused"
    with pytest.raises(ImagingError, match="which is meant"):
        found(folder, drawn=["lumen", "eem", "calcium"])


def test_a_table_that_was_cut_to_its_head_is_no_calcium_free_vessel(folder: Path) -> None:
    (folder / "calcium_diastolic_contours.csv").write_text("frame\tx\ty\tz\n")
    with pytest.raises(ImagingError, match="head and no rows"):
        found(folder)
    (folder / "calcium_diastolic_contours.csv").write_text("")
    with pytest.raises(ImagingError, match="empty table"):
        found(folder)


def test_a_frame_without_calcium_amid_a_deposit_is_unknown(folder: Path) -> None:
    table = rows(lambda k: crescent((100, 280, 120)[k]))
    written(folder, "calcium_diastolic_contours", [row for row in table if row[0] != 34])
    item = found(folder).facts["max_superficial_arc_deg"]
    assert item.value == pytest.approx(120, abs=4)
    assert item.high == 360


def test_a_missing_frame_is_no_neighbour(tmp_path: Path) -> None:
    frames = (1, 2, 3, 5, 6)
    places = {1: 0.0, 2: 0.7, 3: 1.4, 5: 2.8, 6: 3.5}
    for name, points in (("lumen", ring(1.2)), ("eem", ring(1.8)), ("calcium", crescent(100))):
        table = [(frame, *map(float, point), places[frame]) for frame in frames for point in points]
        written(tmp_path, f"{name}_contours", table)
    item = found(tmp_path).facts["max_superficial_arc_deg"]
    assert item.value == pytest.approx(100, abs=2)
    assert item.high == 360


# --- tables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "comma"),
    [
        ("{:g},{:.4f},{:.4f},{:.3f}", False),
        *(
            (form, comma)
            for comma in (False, True)
            for form in (
                "{:g};{:.4f};{:.4f};{:.3f}",
                "{:g} {:.4f}  {:.4f} {:.3f}",
                '"{:g}";"{:.4f}";"{:.4f}";"{:.3f}"',
            )
        ),
    ],
)
def test_one_separator_and_one_decimal_mark_throughout(
    folder: Path, form: str, comma: bool
) -> None:
    usual = found(folder).facts
    for path in folder.glob("*.csv"):
        table = [tuple(map(float, line.split("\t"))) for line in path.read_text().splitlines()]
        text = "\n".join(form.format(*row) for row in table)
        path.write_text(text.replace(".", ",") if comma else text)
    assert found(folder).facts == usual


@pytest.mark.parametrize(
    ("head", "order"),
    [
        ("frame;x;y;z", (0, 1, 2, 3)),
        ("\ufeffFrame;X [mm];Y [mm];Z [mm]", (0, 1, 2, 3)),
        ("z;y;x;frame", (3, 2, 1, 0)),
        ("# frame;x;y;z", (0, 1, 2, 3)),
        ("frame;note;x;y;z", (0, 0, 1, 2, 3)),
    ],
)
def test_a_head_names_the_columns(folder: Path, head: str, order: tuple[int, ...]) -> None:
    usual = found(folder).facts
    for path in folder.glob("*.csv"):
        table = [line.split("\t") for line in path.read_text().splitlines()]
        lines = [head, *(";".join(row[k] for k in order) for row in table)]
        path.write_text("\n".join(lines), encoding="utf-8")
    assert found(folder).facts == usual


Damage = Callable[[list[str]], list[str]]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [line.replace(".", ",").replace("\t", ",") for line in lines], "cells"),
        (lambda lines: ["frame\tx\ty", *lines], "frame, x, y, z|cells"),
        (lambda lines: [*lines[:50], lines[50].replace("\t", "\t\t"), *lines[51:]], "line 51"),
        (lambda lines: [*lines[:50], lines[50].replace(".", ","), *lines[51:]], "line 51"),
        (lambda lines: lines[::120], "has 1 point"),
        (lambda lines: [re.sub(r"^13\t", "13.5\t", line) for line in lines], "not a whole number"),
        (lambda lines: [*lines[1::2], *lines[::2]][::1], "crosses itself|z"),
        (
            lambda lines: ["\t".join([*line.split("\t")[:3], "1.0"]) for line in lines],
            "in another table at",
        ),
        (
            lambda lines: [
                "\t".join([p[0], *(f"{float(v) * 10:g}" for v in p[1:3]), p[3]])
                for p in (line.split("\t") for line in lines)
            ],
            "right|wall|membrane|plausible",
        ),
        (lambda lines: [line for line in lines if not line.startswith("34\t")], "no lumen contour"),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_its_place(
    folder: Path, damage: Damage, said: str
) -> None:
    path = folder / "diastolic_contours.csv"
    path.write_text("\n".join(damage(path.read_text().splitlines())))
    with pytest.raises(ImagingError, match=said) as caught:
        found(folder)
    assert caught.value.place


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("diastolic_contours", "eem_diastolic_contours"),
        ("diastolic_contours", "calcium_diastolic_contours"),
        ("eem_diastolic_contours", "calcium_diastolic_contours"),
    ],
)
def test_layers_that_are_swapped_are_refused(folder: Path, one: str, other: str) -> None:
    first, second = (folder / f"{name}.csv" for name in (one, other))
    text = first.read_text()
    first.write_text(second.read_text())
    second.write_text(text)
    with pytest.raises(ImagingError):
        found(folder)


def test_a_file_of_an_unknown_layer_is_not_taken_for_the_lumen(folder: Path) -> None:
    (folder / "plaque_contours.csv").write_text("1\t2\t3\t4\n")
    with pytest.raises(ImagingError, match="which layer it draws"):
        found(folder)
    (folder / "plaque_contours.csv").unlink()
    (folder / "._diastolic_contours.csv").write_bytes(b"\x00\x05\x16\x07")
    assert found(folder).facts["calcium_present"].value is True


def test_two_deposits_of_one_frame_are_two(folder: Path) -> None:
    both = np.concatenate([ring(1.3, 0, 60), ring(1.5, 0, 60)[::-1]])
    other = both @ np.array([[-1.0, 0], [0, -1]]) + 10
    written(folder, "calcium_diastolic_contours", rows(lambda k: np.concatenate([both, other])))
    assert found(folder).facts["max_superficial_arc_deg"].value == pytest.approx(60, abs=1)


def test_one_layer_has_one_table(folder: Path) -> None:
    table = (folder / "calcium_diastolic_contours.csv").read_text()
    (folder / "calcium_diastolic_contours_old.csv").write_text(table)
    with pytest.raises(ImagingError, match="keep one"):
        found(folder)


@pytest.mark.parametrize(
    "name", ["Calcium_Diastolic_Contours.csv", "calcium_diastolic_contour.CSV", "calcium.csv"]
)
def test_a_table_is_found_by_its_layer(folder: Path, name: str) -> None:
    (folder / "calcium_diastolic_contours.csv").rename(folder / name)
    assert found(folder).facts["calcium_present"].value is True


def test_a_workbook_of_contours_is_not_passed_by(folder: Path) -> None:
    (folder / "calcium_diastolic_contours.csv").rename(folder / "calcium_contours.xlsx")
    with pytest.raises(ImagingError, match="workbook"):
        found(folder)


def test_without_a_membrane_calcium_off_the_lumen_has_no_depth(folder: Path) -> None:
    def thick(k: int) -> np.ndarray:
        return np.concatenate([ring(1.7, 0, 100 + k), ring(2.0, 0, 100 + k)[::-1]])

    written(folder, "eem_diastolic_contours", rows(lambda k: ring(2.6)))
    written(folder, "calcium_diastolic_contours", rows(thick))
    true = found(folder).facts
    (folder / "eem_diastolic_contours.csv").unlink()
    told = found(folder).facts
    assert true["calcium_depth"].value == "superficial"
    assert (told["calcium_depth"].value, told["calcium_depth"].status) == (None, "undecided")
    arc = told["max_superficial_arc_deg"]
    assert arc.low is not None
    assert arc.high is not None
    assert arc.low <= float(true["max_superficial_arc_deg"].value or 0) <= arc.high


@pytest.mark.parametrize("frames", [(34,), (13, 56)])
def test_an_outline_that_leaves_a_part_out_is_not_read(
    folder: Path, frames: tuple[int, ...]
) -> None:
    """Of frames with other numbers of points, as hands draw them."""
    table = [
        (frame, *map(float, point), 0.7 * k)
        for k, frame in enumerate(FRAMES)
        for point in ring(1.2, count=100 + k)[: 60 + k if frame in frames else None]
    ]
    written(folder, "diastolic_contours", table)
    drawn = read_contours(folder)
    assert [n for n, why in zip(drawn.frame, drawn.refused, strict=True) if why] == list(frames)


def test_places_that_are_all_one_are_none(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        lines = [line.rsplit("\t", 1)[0] + "\t0" for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines))
    with pytest.raises(ImagingError, match="places are not told"):
        found(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "sep=;\n" + text.replace("\t", ";"),
        lambda text: "\n".join(line + "\t" for line in text.splitlines()),
        lambda text: (
            "\tframe\tx\ty\tz\n"
            + "\n".join(f"{k}\t{line}" for k, line in enumerate(text.splitlines()))
        ),
    ],
)
def test_what_programs_add_to_tables_is_left_aside(
    folder: Path, change: Callable[[str], str]
) -> None:
    usual = found(folder).facts
    for path in folder.glob("*.csv"):
        path.write_text(change(path.read_text()))
    assert found(folder).facts == usual


# --- HolOrama and echoPlaque ----------------------------------------------------------


def holorama(**more: Any) -> dict[str, Any]:
    def part(*points: np.ndarray) -> dict[str, Any]:
        knots = [(point * 50).T.tolist() for point in points]
        return {"contours": knots, "closed": [True] * len(knots)}

    frame = {"phase": "D", "lumen": part(ring(1.2, count=24)), "eem": part(ring(1.8, count=24))}
    return {"0": frame, "20": frame, "40": frame | more}


TOLD = {"spacing_mm": 0.02, "frame_spacing_mm": 0.03}


def test_a_holorama_file_whose_calcium_is_empty_says_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "contours.json"
    path.write_text(json.dumps(holorama(calcium={"contours": [], "closed": []})))
    item = found(path, **TOLD).facts["calcium_present"]
    assert (item.value, item.status) == (None, "refused")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"calcium": {"contours": [[[1, 2, 3], [1, 2]]]}}, "frame 40.*calcium"),
        ({"calcium": {"contours": [[["1,5", 2], [1, 2]]]}}, "frame 40.*calcium"),
        ({"calcium": {"contours": [[[5], [5]]]}}, "fewer than two points"),
        ({"calcium": 5}, "no object"),
        ({"lumen": None}, "no lumen contour"),
        ({"phase": "diastole"}, "phase"),
    ],
)
def test_what_holorama_does_not_write_is_refused(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    path = tmp_path / "contours.json"
    path.write_text(json.dumps(holorama(**more)))
    with pytest.raises(ImagingError, match=said):
        found(path, **TOLD)


def test_a_frame_that_cannot_be_analysed_was_not_read(tmp_path: Path) -> None:
    path = tmp_path / "contours.json"
    path.write_text(json.dumps(holorama(unanalyzable=True)))
    drawn = read_contours(path, Sidecar.of(TOLD))
    assert drawn.refused.tolist() == ["", "", "marked as one that cannot be analysed"]


def test_the_phase_that_is_asked_for_is_read(tmp_path: Path) -> None:
    path = tmp_path / "contours.json"
    path.write_text(json.dumps(holorama(phase="S")))
    told = Sidecar.of(TOLD)
    assert read_contours(path, told, "diastolic").frame.tolist() == [1, 21]
    assert read_contours(path, told, "systolic").frame.tolist() == [41]
    path.write_text(json.dumps(holorama()))
    with pytest.raises(ImagingError, match="no systolic frame"):
        read_contours(path, told, "systolic")
    path.write_text(json.dumps(holorama(phase="-")))
    assert "have no phase" in " ".join(read_contours(path, told).provenance["notes"])
    frames = holorama()
    path.write_text(json.dumps({**frames, "frame_60": frames["40"]}))
    with pytest.raises(ImagingError, match="no frame number"):
        read_contours(path, told)


def echoplaque(point: str = "{:.3f},{:.3f}", **more: str) -> str:
    def contour(kind: str, radius: float) -> str:
        points = "".join(f"<p>{point.format(*p)}</p>" for p in ring(radius, count=90) * 50)
        return f"<Ctr><Npts>90</Npts><Type>{more.get('kind', kind)}</Type>{points}</Ctr>"

    told = {
        "XCalibration": "0.02",
        "YCalibration": "0.02",
        "AcqRateInFPS": "1",
        "PullbackSpeed": "0.5",
    }
    numbers = "".join(f"<{k}>{more.get(k, v)}</{k}>" for k, v in told.items())
    frames = "".join(
        f"<Fm><Num>{more.get('number', k)}</Num>{contour('L', 1.2)}{contour('V', 1.8)}</Fm>"
        for k in range(3)
    )
    return f"<AnalysisState><ImageCalibration>{numbers}</ImageCalibration><FrameState>{frames}</FrameState></AnalysisState>"


def test_echoplaque_has_no_place_for_calcium(tmp_path: Path) -> None:
    path = tmp_path / "case.xml"
    path.write_text(echoplaque())
    told = found(path).facts
    for name in ("calcium_present", "max_superficial_arc_deg", "calcium_length_mm"):
        assert (told[name].value, told[name].status) == (None, "refused")
    item = told["vessel_diameter_mm"]
    assert item.value == pytest.approx(3.6, abs=0.01)
    assert item.status == "interpolated"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (echoplaque(point="{:.0f},25,{:.0f},25"), "frame 0 has a point"),
        (echoplaque(kind="X"), "type 'X'"),
        (echoplaque(number="7"), "stands twice"),
        (echoplaque(number="x"), "frame's number"),
        (echoplaque(XCalibration="0,02"), "XCalibration"),
        (echoplaque(number="99999999999999999999"), "frame's number"),
        (echoplaque(PullbackSpeed="500"), "PullbackSpeed"),
        (echoplaque().replace("<Npts>90", "<Npts>91"), "says it has 91"),
        (echoplaque().encode("utf-16").decode("latin-1"), "UTF-8"),
        (echoplaque()[:-200], "not an echoPlaque"),
    ],
)
def test_what_echoplaque_does_not_write_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "case.xml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ImagingError, match=said):
        found(path)


# --- curves ---------------------------------------------------------------------------


def test_curves_keep_which_layers_were_drawn(folder: Path, tmp_path: Path) -> None:
    (folder / "calcium_diastolic_contours.csv").unlink()
    drawn = read_contours(folder)
    drawn.save(tmp_path / "curves.npz")
    assert facts(Curves.load(tmp_path / "curves.npz")).facts == facts(drawn).facts


def test_of_curves_neither_scale_nor_places_can_be_told_anew(folder: Path, tmp_path: Path) -> None:
    read_contours(folder).save(tmp_path / "curves.npz")
    with pytest.raises(ImagingError, match="keep their scale"):
        read(tmp_path / "curves.npz", Asked(told={"spacing_mm": 0.02}))


def test_curves_that_nobody_drew_are_refused(folder: Path, tmp_path: Path) -> None:
    drawn = read_contours(folder)
    drawn.calcium[:] = 7.0
    drawn.save(tmp_path / "curves.npz")
    with pytest.raises(ImagingError, match="no probability"):
        Curves.load(tmp_path / "curves.npz")
