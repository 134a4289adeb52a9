"""A real pullback that a person drew: the facts must be those computed by hand from its polygons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calx.imaging.facts.findings import Findings, facts
from calx.imaging.readers.contours import read_contours

DATA = Path(__file__).parents[3] / "shared" / "data" / "ivus_pullback"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the contours of the real pullback lie beside the project, not in it"
)


def polygons(name: str) -> dict[int, np.ndarray]:
    rows = np.loadtxt(DATA / f"{name}diastolic_contours.csv")
    return {int(number): rows[rows[:, 0] == number][:, 1:3] for number in np.unique(rows[:, 0])}


def shoelace(points: np.ndarray) -> float:
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def middle(points: np.ndarray) -> np.ndarray:
    x, y = points.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    return np.asarray(
        np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()])
        / (3 * cross.sum())
    )


@pytest.fixture(scope="module")
def found() -> Findings:
    return facts(read_contours(DATA))


def test_areas_agree_with_the_polygons(found: Findings) -> None:
    for name, values in (
        ("", found.readings.lumen_area.value),
        ("eem_", found.readings.eem_area.value),
    ):
        by_hand = [shoelace(points) for points in polygons(name).values()]
        assert np.abs(np.sort(values) - np.sort(by_hand)).max() < 0.01


def test_arcs_agree_with_the_polygons(found: Findings) -> None:
    lumen, seen = (
        polygons(""),
        dict(zip(found.curves.frame.tolist(), found.readings.arc.value.tolist(), strict=True)),
    )
    for number, points in polygons("calcium_").items():
        x, y = (points - middle(lumen[number])).T
        angle = np.unwrap(np.arctan2(y, x))
        assert seen[number] == pytest.approx(np.rad2deg(angle.max() - angle.min()), abs=1)
    assert sum(arc > 0 for arc in seen.values()) == 12


def test_the_facts_are_those_of_its_readme(found: Findings) -> None:
    values = {name: item.value for name, item in {**found.facts, **found.measures}.items()}
    assert values["minimum_lumen_area_mm2"] == 1.88
    assert values["max_superficial_arc_deg"] == pytest.approx(344, abs=1)
    assert values["superficial_arc_gt270_length_mm"] == pytest.approx(16.97 - 13.36, abs=0.01)
    assert values["calcium_length_mm"] == pytest.approx(18.55 - 10.56, abs=0.01)
    assert values["calcium_ring_360"] is False
    assert values["arc_gt270_over_5mm"] is False
    diameters = found.readings.eem_diameter.value
    assert (round(diameters.min(), 2), round(diameters.max(), 2)) == (2.73, 3.41)


def test_a_length_is_uncertain_by_a_frame_at_each_end(found: Findings) -> None:
    item = found.facts["calcium_length_mm"]
    spacing = float(np.median(np.diff(found.curves.z_mm)))
    assert item.low is not None
    assert item.high == pytest.approx(float(item.value or 0) + 2 * spacing, abs=0.02)


def test_a_side_that_can_not_be_read_is_missing_not_copied(found: Findings) -> None:
    item = found.facts["reference_vessel_diameter_mm"]
    assert item.status == "interpolated"
    assert item.detail["distal_mm"] is None
    assert "distal" in item.reason
