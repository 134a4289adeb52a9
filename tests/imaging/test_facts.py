"""Facts from curves that are made up, so that the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calx.imaging.errors import ImagingError
from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.case import case
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import facts
from calx.imaging.facts.protocol import protocol
from calx.imaging.facts.stent import Stent
from calx.imaging.readers.sidecar import Sidecar
from calx.imaging.simulator import dicom, simulate
from calx.reasoner.recommendation import Reasoner

LINES = 360


def vessel(
    arcs: Sequence[float],
    spacing: float = 0.25,
    *,
    wire: int = 0,
    depth: float = 0.1,
    hidden: int = 0,
) -> Curves:
    """A round vessel of 3.6 mm with a lumen of 2.4 mm and one arc of calcium a frame, in degrees."""
    count = len(arcs)
    drawn = Curves.empty(
        np.arange(1, count + 1),
        np.arange(count) * spacing,
        LINES,
        1.0,
        {"drawn_by": "test", "input": {"sha256": "0" * 64}, "gated": True},
    )
    drawn.lumen[:], drawn.eem[:], drawn.lumen_sd[:], drawn.eem_sd[:] = 1.2, 1.8, 0.02, 0.02
    for f, arc in enumerate(arcs):
        drawn.calcium[f, : round(arc)] = 1.0
    drawn.calcium_edge[:] = 1.2 + depth * 0.6
    if wire:
        drawn.wire[:, 40 : 40 + wire] = 1.0
        drawn.calcium[:, 40 : 40 + wire] = 0.0
    if hidden:
        drawn.visible[:, :hidden] = 0.0
    return drawn


def test_sizes_of_a_round_vessel() -> None:
    found = facts(vessel([0] * 40))
    assert found.readings.lumen_area.value == pytest.approx(np.pi * 1.44)
    assert found.readings.eem_diameter.value == pytest.approx(3.6)
    assert found.readings.plaque_burden.value == pytest.approx(100 * (1 - 1.44 / 3.24))
    assert found.measures["minimum_lumen_area_mm2"].value == pytest.approx(4.52, abs=0.01)
    assert found.facts["calcium_present"].value is False
    assert found.facts["calcified_nodule"].value is False


def test_the_largest_arc_its_length_and_its_frames() -> None:
    found = facts(vessel([0] * 10 + [100] * 10 + [280] * 9 + [40] * 4 + [0] * 10)).facts
    assert found["max_superficial_arc_deg"].value == 280
    assert found["superficial_arc_gt270_length_mm"].value == 2.0
    assert found["superficial_arc_gt270_length_mm"].frames == tuple(range(21, 30))
    assert found["calcium_length_mm"].value == pytest.approx(22 * 0.25)
    assert found["calcium_depth"].value == "superficial"
    assert found["calcium_leading_edge_depth_fraction"].value == pytest.approx(0.1)


def test_deep_calcium_has_no_superficial_arc() -> None:
    found = facts(vessel([0] * 5 + [120] * 10 + [0] * 5, depth=0.8)).facts
    assert found["max_superficial_arc_deg"].value == 0
    assert found["calcium_depth"].value == "deep"
    assert found["calcium_present"].value is True


@pytest.mark.parametrize(("count", "expected"), [(30, True), (10, False)])
def test_longer_than_5_mm_above_270(count: int, expected: bool) -> None:
    assert (
        facts(vessel([0] * 5 + [300] * count + [0] * 5)).measures["arc_gt270_over_5mm"].value
        is expected
    )


def test_longer_than_5_mm_is_undecided_near_its_limits_and_then_the_fact_is_withheld() -> None:
    unsure = Calibration(at_least=0.8, at_most=0.2, decision_deg=5, decision_mm=0.5)
    drawn = vessel([0] * 5 + [300] * 21 + [0] * 5)  # exactly 5.0 mm
    found = facts(drawn, unsure)
    assert found.measures["arc_gt270_over_5mm"].status == "undecided"
    assert found.facts["superficial_arc_gt270_length_mm"].status == "undecided"
    assert "superficial_arc_gt270_length_mm" not in case(found)
    drawn.calcium[:, 262:300] = 0.5  # arcs of 262 that may be 300
    assert facts(drawn, unsure).measures["arc_gt270_over_5mm"].status == "undecided"


def test_a_ring_needs_every_line_over_some_length() -> None:
    assert facts(vessel([0] * 5 + [360] * 6 + [0] * 5)).measures["calcium_ring_360"].value is True
    assert facts(vessel([0] * 5 + [345] * 6 + [0] * 5)).measures["calcium_ring_360"].value is False
    assert facts(vessel([0] * 5 + [360] * 1 + [0] * 5)).measures["calcium_ring_360"].value is False


def test_a_ring_may_be_where_frames_are_missing() -> None:
    """One frame is too few for a ring; with one beside it that is missing it may be long enough."""
    drawn = vessel([0, 360, 0, 0, 0, 0])
    whole, gone = np.arange(6) * 0.6, np.array([0.0, 0.6, 1.8, 2.4, 3.0, 3.6])
    kept, missed = (
        facts(replace(drawn, z_mm=np.asarray(z))).measures["calcium_ring_360"]
        for z in (whole, gone)
    )
    assert (kept.value, missed.value) == (False, None)
    assert "missing" in missed.reason


def test_the_guide_wire_closes_a_gap_but_a_wide_one_leaves_a_ring_undecided() -> None:
    narrow, wide = (
        facts(vessel([0] * 5 + [360] * 6 + [0] * 5, wire=9)),
        facts(vessel([0] * 5 + [360] * 6 + [0] * 5, wire=25)),
    )
    assert narrow.facts["max_superficial_arc_deg"].value == 360
    hidden = wide.facts["max_superficial_arc_deg"]
    assert (hidden.value, hidden.low, hidden.high) == (335, 335, 360)
    assert narrow.measures["calcium_ring_360"].value is True
    assert wide.measures["calcium_ring_360"].status == "undecided"
    assert "wire" in wide.measures["calcium_ring_360"].reason


def test_the_interval_of_a_maximum_is_that_of_all_frames() -> None:
    """Eight frames, one of which may hold 309 degrees."""
    drawn = vessel([90] * 8, spacing=1.0)
    drawn.calcium[5, :309] = np.where(np.arange(309) < 60, 1.0, 0.4)
    doubtful = Calibration(at_most=0.3)
    item = facts(drawn, doubtful).facts["max_superficial_arc_deg"]
    assert (item.value, item.low, item.high) == (90, 90, 309)


def test_the_interval_of_a_minimum_is_that_of_all_frames() -> None:
    drawn = vessel([90] * 8, spacing=1.0)
    drawn.lumen[4], drawn.lumen_sd[4] = 1.25, 0.4
    item = facts(drawn).measures["minimum_lumen_area_mm2"]
    other = facts(vessel([90] * 8, spacing=1.0)).measures["minimum_lumen_area_mm2"]
    assert item.value == other.value
    assert item.low is not None
    assert other.low is not None
    assert item.low < other.low - 0.5


def test_a_gap_that_the_protocol_closes_makes_no_ring() -> None:
    drawn = vessel([0] * 5 + [354] + [0] * 5)
    drawn = replace(drawn, z_mm=np.linspace(0, 10, 11))
    found = facts(drawn)
    assert found.measures["calcium_ring_360"].value is False
    item = found.facts["max_superficial_arc_deg"]
    assert (item.value, item.low, item.high) == (354, 354, 360)


def test_what_could_not_be_read_may_hold_anything() -> None:
    drawn = replace(vessel([0, 90, 90, 90, 0]), z_mm=np.linspace(0, 4, 5))
    drawn.refused[2] = "the contour does not close"
    found = facts(drawn).facts
    assert found["max_superficial_arc_deg"].high == 360
    assert found["max_superficial_arc_deg"].value == 90
    missing = replace(vessel([0, 90, 90, 0]), z_mm=np.array([0.0, 1, 4, 5]))
    item = facts(missing).facts["max_superficial_arc_deg"]
    assert (item.value, item.high) == (90, 360)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (
            "calcium",
            [
                "calcium_present",
                "max_superficial_arc_deg",
                "superficial_arc_gt270_length_mm",
                "calcium_length_mm",
                "calcium_depth",
                "calcium_leading_edge_depth_fraction",
                "calcified_nodule",
                "reference_vessel_diameter_mm",
                "arc_gt270_over_5mm",
                "calcium_ring_360",
                "free_wall_mm",
            ],
        ),
        (
            "eem",
            ["vessel_diameter_mm", "reference_vessel_diameter_mm", "plaque_burden_at_mla_percent"],
        ),
    ],
)
def test_a_layer_that_was_not_drawn_says_nothing(layer: str, names: list[str]) -> None:
    drawn = vessel([0] * 20)
    if layer == "eem":
        drawn.eem[:], drawn.visible[:] = np.nan, 0.0
    found = facts(replace(drawn, drawn=drawn.drawn - {layer}))
    told = {**found.facts, **found.measures}
    for name in names:
        if name in told:
            assert (told[name].value, told[name].status) == (None, "refused"), name
            assert "not drawn" in told[name].reason, name
    assert "calcium_present" not in case(found) or layer != "calcium"


def test_without_branches_drawn_the_reference_may_lie_at_one() -> None:
    drawn = vessel([0] * 20 + [200] * 10 + [0] * 20)
    drawn.lumen[:] = 1.65
    drawn.eem[:20] *= np.linspace(1.15, 1, 20)[:, None]
    sure = facts(drawn).facts["reference_vessel_diameter_mm"]
    unsure = facts(replace(drawn, drawn=drawn.drawn - {"branch"})).facts[
        "reference_vessel_diameter_mm"
    ]
    assert (sure.status, unsure.status) == ("measured", "interpolated")
    assert sure.low is not None
    assert unsure.low is not None
    assert sure.high is not None
    assert unsure.high is not None
    assert unsure.low <= sure.low
    assert unsure.high >= sure.high + 0.1


def test_a_frame_full_of_plaque_is_no_reference() -> None:
    drawn = vessel([0] * 20 + [200] * 10 + [0] * 20)
    drawn.lumen[:] = 1.2
    drawn.lumen[30:] = 1.55
    item = facts(drawn).facts["reference_vessel_diameter_mm"]
    assert item.status == "interpolated"
    assert item.detail["distal_mm"] is None
    drawn.lumen[:] = 1.2
    item = facts(drawn).facts["reference_vessel_diameter_mm"]
    assert item.status == "refused"
    assert "plaque burden" in item.reason


def test_without_a_scale_only_angles_and_without_a_rate_no_lengths() -> None:
    drawn = vessel([0] * 5 + [200] * 10 + [0] * 5)
    unscaled = facts(replace(drawn, scale_mm=None)).facts
    assert unscaled["max_superficial_arc_deg"].value == 200
    assert unscaled["vessel_diameter_mm"].status == "refused"
    unplaced = facts(replace(drawn, z_mm=np.full(20, np.nan))).facts
    assert unplaced["calcium_length_mm"].status == "refused"
    assert "rate" in unplaced["calcium_length_mm"].reason
    assert unplaced["max_superficial_arc_deg"].value == 200


def test_hidden_membranes_are_flagged_then_refused() -> None:
    assert facts(vessel([100] * 10, hidden=60)).facts["vessel_diameter_mm"].status == "measured"
    assert (
        facts(vessel([100] * 10, hidden=120)).facts["vessel_diameter_mm"].status == "interpolated"
    )
    assert facts(vessel([100] * 10, hidden=200)).facts["vessel_diameter_mm"].status == "refused"


def test_no_calcium_is_not_said_where_frames_could_not_be_read() -> None:
    drawn = vessel([0] * 10)
    drawn.refused[3] = "noise"
    drawn.lumen[3] = np.nan
    assert facts(drawn).facts["calcium_present"].status == "undecided"


def test_a_nodule_is_a_candidate_never_a_fact() -> None:
    drawn = vessel([0] * 10)
    bump = 0.35 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 50)) ** 2
    for f in range(3, 8):
        drawn.calcium[f, 100:150] = 1.0
        drawn.lumen[f, 100:150] = 1.2 - bump
        drawn.calcium_edge[f] = drawn.lumen[f] + 0.02
    item = facts(drawn).facts["calcified_nodule"]
    assert (item.value, item.status, item.frames) == (None, "undecided", (4, 5, 6, 7, 8))
    assert "candidate" in item.reason


def test_after_stenting_areas_and_edges_are_read_between_the_ends_that_were_given() -> None:
    drawn = vessel([0] * 81)
    drawn.lumen[30:51] = 1.4
    drawn.lumen[40] = 1.3
    found = facts(drawn, stent=Stent(31, 51)).facts
    assert found["stent_implanted"].value is True
    assert found["stent_length_mm"].value == 5.0
    assert float(found["stented_minimum_lumen_area_mm2"].value or 0) == pytest.approx(
        np.pi * 1.4**2, abs=0.01
    )
    assert float(found["distal_reference_lumen_area_mm2"].value or 0) == pytest.approx(
        np.pi * 1.44, abs=0.01
    )
    assert float(found["proximal_edge_plaque_burden_percent"].value or 0) == pytest.approx(
        55.6, abs=0.1
    )
    assert found["minimum_stent_area_mm2"].status == "refused"
    drawn.stent[30:51] = 1.35
    assert float(
        facts(drawn, stent=Stent(31, 51)).facts["minimum_stent_area_mm2"].value or 0
    ) == pytest.approx(np.pi * 1.35**2, abs=0.01)
    with pytest.raises(ImagingError, match="stent's ends"):
        facts(drawn, stent=Stent(900, 950))


def test_the_intervals_hold_what_they_are_around() -> None:
    found = facts(
        vessel([0] * 10 + [280] * 10 + [0] * 10),
        Calibration(margins={"max_superficial_arc_deg": 12.0, "calcium_length_mm": 0.4}),
    )
    for item in {**found.facts, **found.measures}.values():
        if isinstance(item.value, float) and item.low is not None and item.high is not None:
            assert item.low <= item.value <= item.high
    assert (
        found.facts["max_superficial_arc_deg"].low,
        found.facts["max_superficial_arc_deg"].high,
    ) == (268.0, 292.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_facts_never_contradict_each_other(reasoner: Reasoner, seed: int) -> None:
    """Whatever the curves, the guideline's gate admits the case that comes of them."""
    rng = np.random.default_rng(seed)
    recording = simulate(seed, float(rng.uniform(4, 12)), 2.0)
    drawn = dicom.truth(recording, [recording.envelope(k)[1] for k in range(0, len(recording), 1)])
    drawn.calcium[:] = np.clip(drawn.calcium + rng.normal(0, 0.3, drawn.calcium.shape), 0, 1)
    drawn.calcium_edge[:] += rng.normal(0, 0.1, drawn.calcium_edge.shape)
    gone = rng.random(len(drawn)) < 0.1
    drawn.refused[gone] = "noise"
    drawn.lumen[gone] = np.nan
    found = facts(
        drawn, Calibration(at_least=0.8, at_most=0.3, decision_deg=10, decision_mm=0.5, depth=0.1)
    )
    reasoner.gate.admit(case(found))


def test_the_protocol_agrees_with_the_guideline(reasoner: Reasoner) -> None:
    """Numbers that the guideline has too are the guideline's."""
    rules = protocol()
    definition = reasoner.guideline.facts["superficial_arc_gt270_length_mm"].definition["en"]
    assert f"{rules.wide_arc_deg:g}°" in definition
    assert (
        f"{rules.reference_window_mm:g} mm"
        in reasoner.guideline.facts["distal_edge_plaque_burden_percent"].definition["en"]
    )


def test_a_sidecar_refuses_what_it_does_not_know() -> None:
    assert Sidecar.of({"spacing_mm": 0.02, "gated": True}).frame_mm is None
    wrong: tuple[Any, ...] = (
        {"spacing": 0.02},
        {"spacing_mm": -1},
        {"spacing_mm": True},
        {"gated": "yes"},
        [],
        {"rate_mm_s": float("nan")},
    )
    for raw in wrong:
        with pytest.raises(ImagingError):
            Sidecar.of(raw)


# --- shadows, burden, proposals --------------------------------------------------------


def shadowed(degrees: int, **layers: slice) -> Curves:
    """A model's vessel with 60° of calcium in some frames, and a shadow elsewhere in others, where
    `layers` may explain it.
    """
    drawn = vessel([0] * 10 + [60] * 10 + [0] * 20)
    drawn = replace(drawn, provenance={**drawn.provenance, "drawn_by": "model"})
    drawn.visible[25:35, 200 : 200 + degrees] = 0.0
    for name, lines in layers.items():
        getattr(drawn, name)[25:35, lines] = 1.0
    return drawn


TRUSTED = Calibration(likely=0.5, at_least=0.7, at_most=0.3)


def test_a_shadow_without_an_explanation_leaves_the_arc_undecided() -> None:
    found = facts(shadowed(120), TRUSTED).facts
    arc = found["max_superficial_arc_deg"]
    assert (arc.value, arc.status) == (None, "undecided")
    assert arc.low == pytest.approx(60, abs=1)
    assert arc.high == pytest.approx(120, abs=1)
    assert "120°" in arc.reason
    assert set(arc.frames) <= set(range(26, 36))
    assert found["calcium_present"].value is True
    assert found["calcium_length_mm"].value == 2.25  # no longer, whatever the shadow hides
    assert "max_superficial_arc_deg" not in case(facts(shadowed(120), TRUSTED))


def test_an_arc_that_is_wide_anyway_is_told() -> None:
    drawn = shadowed(60)
    drawn.calcium[25:35, :280] = 1.0
    drawn.calcium[25:35, 280:] = 0.0
    drawn.visible[25:35, 280:340] = 0.0
    found = facts(drawn, TRUSTED).facts["max_superficial_arc_deg"]
    assert (found.value, found.status, found.low) == (280, "measured", 280)
    assert found.high is not None
    assert found.high > 325


def test_nothing_but_a_shadow_is_not_no_calcium() -> None:
    drawn = shadowed(120)
    drawn.calcium[:] = 0.0
    assert facts(drawn, TRUSTED).facts["calcium_present"].status == "undecided"


@pytest.mark.parametrize(
    ("degrees", "layers"),
    [
        (20, {}),
        (70, {}),
        (120, {"wire": slice(200, 320)}),
        (120, {"branch": slice(200, 320)}),
        (120, {"strut": slice(200, 320)}),
    ],
)
def test_a_shadow_that_is_explained_or_changes_little_leaves_the_arc(
    degrees: int, layers: dict[str, slice]
) -> None:
    found = facts(shadowed(degrees, **layers), TRUSTED).facts["max_superficial_arc_deg"]
    assert (found.value, found.status) == (60, "measured")


def test_calcium_explains_its_shadow() -> None:
    drawn = shadowed(120)
    drawn.calcium[25:35, 200:320] = 1.0
    found = facts(drawn, TRUSTED).facts["max_superficial_arc_deg"]
    assert (found.value, found.status) == (120, "measured")


def test_a_person_s_drawing_needs_no_explanation() -> None:
    drawn = shadowed(120)
    drawn = replace(drawn, provenance={**drawn.provenance, "drawn_by": "test"})
    assert facts(drawn).facts["max_superficial_arc_deg"].value == 60


def test_the_burden_of_a_pullback() -> None:
    """Arcs of 100° over 2.5 mm and 200° over 1.25 mm in 20 mm, apart by more than the bridge."""
    arcs = [0] * 20 + [100] * 11 + [0] * 20 + [200] * 6 + [0] * 24
    found = facts(vessel(arcs)).measures
    assert found["mean_calcium_arc_deg"].value == pytest.approx(np.mean(arcs), abs=0.1)
    assert found["calcium_degree_mm"].value == pytest.approx(
        float(np.trapezoid(arcs, dx=0.25)), abs=30
    )
    assert found["share_arc_above_90_percent"].value == pytest.approx(100 * 17 / 81, abs=0.1)
    assert found["share_arc_above_180_percent"].value == pytest.approx(100 * 6 / 81, abs=0.1)
    assert found["share_arc_above_270_percent"].value == 0
    deposits = found["calcium_deposits"]
    assert deposits.value == 2
    assert deposits.detail["lengths_mm"] == [2.5, 1.25]
    assert deposits.detail["from_mm"] == [5.0, 12.75]
    for name in ("mean_calcium_arc_deg", "calcium_degree_mm", "calcium_deposits"):
        shown = found[name].plain()
        assert shown["interval"][0] <= shown["value"] <= shown["interval"][1]


def test_a_burden_holds_what_was_not_read() -> None:
    drawn = vessel([100] * 20)
    drawn.refused[15:] = "dark"
    drawn.lumen[15:] = np.nan
    found = facts(drawn).measures
    # a frame beside those that were read takes their median
    assert found["share_arc_above_90_percent"].plain()["interval"] == [80, 100]
    mean = found["mean_calcium_arc_deg"].plain()["interval"][1]
    assert mean == pytest.approx((16 * 100 + 4 * 360) / 20, abs=1)
    nowhere = facts(replace(vessel([100] * 20), z_mm=np.full(20, np.nan))).measures
    assert nowhere["calcium_degree_mm"].status == "refused"
    assert nowhere["mean_calcium_arc_deg"].value == pytest.approx(100, abs=0.1)


def test_thin_wall_opposite_the_calcium_is_proposed_for_a_person() -> None:
    drawn = vessel([90] * 20)
    drawn.eem[7, 200:250] = 1.2 + 0.25
    found = facts(drawn).facts["residual_thin_plaque"]
    assert (found.value, found.status, found.frames) == (None, "undecided", (8,))
    assert found.detail["wall_mm"] == pytest.approx(0.25)
    low, high = found.detail["wall_interval_mm"]
    assert low < 0.25 < high
    drawn.visible[:, 150:300] = 0.0
    assert facts(drawn).facts["residual_thin_plaque"].status == "refused"


def test_a_nodule_is_proposed_with_its_calibrated_probability() -> None:
    drawn = vessel([60] * 10)
    drawn.calcium_edge[:] = 1.2
    drawn.nodule[3:6, :40] = 0.8
    weighed = replace(TRUSTED, nodule=(-1.0, 1.0))
    found = facts(drawn, weighed).facts["calcified_nodule"]
    assert (found.value, found.status, found.frames) == (None, "undecided", (4, 5, 6))
    odds = np.exp(-1.0) * 0.8 / 0.2
    assert found.detail["probability"] == pytest.approx(odds / (1 + odds), abs=0.01)
    assert facts(drawn).facts["calcified_nodule"].detail["probability"] is None


def test_lengths_without_a_beat_say_how_far_the_heart_moves() -> None:
    drawn = vessel([0] * 10 + [60] * 30 + [0] * 10)
    drawn = replace(drawn, provenance={**drawn.provenance, "drawn_by": "model", "gated": False})
    found = facts(drawn, TRUSTED).facts["calcium_length_mm"]
    assert "to and fro" in found.reason
    steady = facts(replace(drawn, phase=np.zeros(len(drawn))), TRUSTED).facts["calcium_length_mm"]
    assert not steady.reason
    narrow, wide = (np.ptp(item.plain()["interval"]) for item in (steady, found))
    assert narrow < wide


def test_without_a_beat_one_frame_s_slip_widens_the_interval() -> None:
    """Nothing is smoothed over phases of the heart: what one frame alone shows counts, and the
    interval holds that it may be a slip.
    """
    drawn = vessel([60] * 20 + [150] + [60] * 20, spacing=0.05)
    drawn = replace(drawn, provenance={**drawn.provenance, "drawn_by": "model", "gated": False})
    arc = facts(drawn, TRUSTED).facts["max_superficial_arc_deg"]
    assert arc.value == 150
    assert arc.plain()["interval"] == [60, 150]
    one_phase = facts(replace(drawn, phase=np.zeros(len(drawn))), TRUSTED)
    assert one_phase.facts["max_superficial_arc_deg"].value == 60


def test_what_a_model_draws_holds_what_a_person_would_draw() -> None:
    """Areas, burden and the largest arc are as uncertain as two readers are of them."""
    drawn = vessel([200] * 20)
    plain = facts(drawn, TRUSTED)
    wide = facts(drawn, replace(TRUSTED, readers=True))
    rules = protocol()
    area, sure = wide.readings.lumen_area, plain.readings.lumen_area
    by_reader = 2 * np.pi * 1.2 * rules.reader_mm * rules.bound_z
    assert area.high - area.value == pytest.approx(
        np.hypot(sure.high - sure.value, by_reader), rel=1e-6
    )
    arc = wide.facts["max_superficial_arc_deg"].plain()
    apart = 200 * rules.reader_arc_percent / 100 * rules.bound_z
    assert arc["interval"] == pytest.approx([200 - apart, 200 + apart], abs=0.2)
    burden = wide.readings.plaque_burden
    assert (burden.low < plain.readings.plaque_burden.low).all()
    assert facts(drawn).facts["max_superficial_arc_deg"].plain()["interval"] == [200, 200]


def test_where_it_is_not_decided_that_there_is_calcium_nothing_of_it_is_claimed() -> None:
    drawn = vessel([0, 0, 0, 0, 0, 0], spacing=1.0)
    drawn.calcium[2:4, :50] = 0.6
    found = facts(drawn, Calibration(likely=0.5, at_least=0.9, at_most=0.1))
    assert found.facts["calcium_present"].status == "undecided"
    for name in ("max_superficial_arc_deg", "calcium_length_mm", "calcium_depth"):
        assert found.facts[name].value is None, name
        assert found.facts[name].status in ("undecided", "refused")
    arc = found.facts["max_superficial_arc_deg"]
    assert arc.high is not None
    assert arc.high >= 50
    assert not {"max_superficial_arc_deg", "calcium_depth"} & case(found).keys()
