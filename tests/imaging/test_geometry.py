"""Areas, diameters and angles against shapes whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calx.imaging.facts import geometry

LINES = 256


def ellipse(a: float, b: float, lines: int = LINES) -> np.ndarray:
    angle = geometry.directions(lines)
    return a * b / np.hypot(b * np.cos(angle), a * np.sin(angle))


def circle_seen_from(radius: float, dx: float, dy: float, lines: int = LINES) -> np.ndarray:
    """A circle's radii from a point (dx, dy) off its centre."""
    angle = geometry.directions(lines)
    along = -(dx * np.cos(angle) + dy * np.sin(angle))
    return along + np.sqrt(radius**2 - (dx * np.sin(angle) - dy * np.cos(angle)) ** 2)


@given(st.floats(0.5, 3), st.floats(0, 0.6), st.floats(0, 6.28))
def test_area_and_centroid_do_not_depend_on_where_they_are_seen_from(
    radius: float, off: float, turn: float
) -> None:
    dx, dy = off * radius * np.cos(turn), off * radius * np.sin(turn)
    seen = circle_seen_from(radius, dx, dy)[None]
    assert geometry.area(seen)[0] == pytest.approx(np.pi * radius**2, rel=1e-6)
    assert geometry.centroid(seen)[0] == pytest.approx([-dx, -dy], abs=1e-5)


def test_diameters_of_an_ellipse() -> None:
    shortest, longest = geometry.diameters(ellipse(2.0, 1.2)[None])
    assert (shortest[0], longest[0]) == (pytest.approx(2.4, abs=1e-3), pytest.approx(4.0, abs=1e-3))


@given(st.floats(0, 0.7), st.floats(0, 6.28), st.integers(10, 350))
def test_an_arc_is_seen_from_the_centre_of_mass_not_from_the_catheter(
    off: float, turn: float, degrees: int
) -> None:
    """A quarter of a circle is 90° from its centre, however eccentric the catheter that counts lines."""
    dx, dy = off * np.cos(turn), off * np.sin(turn)
    seen = circle_seen_from(1.0, dx, dy)
    angle = geometry.directions(LINES)
    true = np.rad2deg(np.arctan2(seen * np.sin(angle) + dy, seen * np.cos(angle) + dx)) % 360
    width = geometry.widths(seen[None], geometry.centroid(seen[None]))[0]
    assert width.sum() == pytest.approx(360)
    assert width[true < degrees].sum() == pytest.approx(degrees, abs=2 * 360 / LINES / (1 - off))


@pytest.mark.parametrize("mask", ["0000", "1111", "0110", "1001", "1011", "0101"])
def test_circular_runs_cover_what_is_true_once(mask: str) -> None:
    values = np.array([c == "1" for c in mask])
    found = geometry.circular_runs(values)
    members = (
        np.concatenate([run.indices(len(values)) for run in found]) if found else np.array([], int)
    )
    assert sorted(members) == list(np.flatnonzero(values))
    assert all(
        not values[(run.start - 1) % len(values)]
        for run in found
        if run.stop - run.start < len(values)
    )


def test_small_gaps_and_gaps_of_the_wire_close() -> None:
    width = np.full(360, 1.0)
    mask = np.zeros(360, bool)
    mask[0:100] = mask[106:150] = mask[180:200] = True
    wire = np.zeros(360, bool)
    wire[148:182] = True
    shut = geometry.closed(mask, width, 8, wire)
    assert shut[:200].all()
    assert not shut[200:].any()
    assert not geometry.closed(mask, width, 5, None)[100:106].any()


def test_the_closed_shape_goes_through_what_is_seen_and_on_behind_what_is_not() -> None:
    true = ellipse(2.0, 1.8)
    weight = np.where(np.arange(LINES) < 96, 0.0, 1.0)  # 135° hidden
    drawn = geometry.harmonics(
        np.where(weight > 0, true, np.nan)[None], weight[None] * 1e4, 4, 60.0
    )[0]
    assert np.abs(drawn - true).max() < 0.05
