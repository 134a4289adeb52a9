"""The simulator: the same seed the same pixels, physics where physics says so, and frames that look like real ones in the numbers measured of those."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from calx.imaging.facts.curves import Curves
from calx.imaging.simulator import SimulatedRecording, simulate
from calx.imaging.simulator.echo import DEPTHS, STEP_MM, Catheter, EchoLines
from calx.imaging.simulator.statistics import REAL, measure

DEPTH = (np.arange(DEPTHS) + 0.5) * STEP_MM


def test_the_same_seed_gives_the_same_pixels_in_any_order(recording: SimulatedRecording) -> None:
    again = simulate(recording.seed, 10.0, 3.0, 40)
    assert (again.frame(17)[0] == recording.frame(17)[0]).all()
    assert (again.frame(3)[0] == recording.frame(3)[0]).all()
    assert (
        simulate(recording.seed + 1, 10.0, 3.0, 40).frame(3)[0].shape != recording.frame(3)[0].shape
    ) or (simulate(recording.seed + 1, 10.0, 3.0, 40).frame(3)[0] != recording.frame(3)[0]).any()


def calcified(count: int = 40) -> list[tuple[np.ndarray, EchoLines]]:
    """Envelopes with calcium, from some vessels."""
    found: list[tuple[np.ndarray, EchoLines]] = []
    for seed in range(count):
        drawn = simulate(seed, 8.0, 1.0, 40)
        for number in range(len(drawn)):
            envelope, lines = drawn.envelope(number)
            if 0.15 < lines.calcium.mean() < 0.7:
                found.append((envelope, lines))
                break
    return found


def test_calcium_is_brighter_than_the_adventitia_and_throws_a_shadow() -> None:
    brighter, darker = [], []
    for envelope, lines in calcified():
        sure = lines.calcium & ~lines.visible & ~lines.wire
        free = ~lines.calcium & lines.visible & ~lines.branch
        if sure.sum() < 10 or free.sum() < 10:
            continue
        edge, eem = lines.edge[:, None], lines.eem[:, None]
        at_edge = (edge < DEPTH) & (edge + 0.15 > DEPTH) & sure[:, None]
        # behind the clutter that follows the edge
        outer = (eem + 0.4 < DEPTH) & (eem + 0.8 > DEPTH)
        brighter.append(envelope[at_edge].mean() > envelope[outer & free[:, None]].mean())
        darker.append(
            envelope[outer & sure[:, None]].mean() < 0.5 * envelope[outer & free[:, None]].mean()
        )
    assert len(brighter) >= 10
    # an edge may be weaker than the tissue beside it
    assert 0.6 < np.mean(brighter) < 1
    assert np.mean(darker) > 0.9


def test_every_class_and_every_negative_occurs() -> None:
    """Over some vessels: rings, nodules, deep calcium, branches, stents, wires, drop-outs, stasis, uneven rotation."""
    drawn = [simulate(seed, 12.0, 1.0) for seed in range(120)]
    deposits = [deposit for item in drawn for deposit in item.vessel.deposits]
    assert any(deposit.arc > 6.2 for deposit in deposits)
    assert any(deposit.nodule for deposit in deposits)
    assert any(deposit.depth > 0.5 for deposit in deposits)
    assert any(not item.vessel.deposits for item in drawn)
    assert any(item.vessel.branch.any() for item in drawn)
    assert any(np.isfinite(item.vessel.stent).any() for item in drawn)
    assert any(item.catheter.stasis for item in drawn)
    assert any(item.shadows for item in drawn)
    assert any(np.abs(item.rotation[:, 0]).max() > 0.05 for item in drawn)
    assert {item.catheter.frequency_mhz for item in drawn} == {20, 40, 50, 60}
    assert {item.catheter.wire for item in drawn} == {True, False}


def test_solid_state_catheters_have_no_wire_in_their_way() -> None:
    rng = np.random.default_rng(0)
    assert not any(Catheter.drawn(rng, 20).wire for _ in range(50))
    assert any(Catheter.drawn(rng, 60).wire for _ in range(50))


def test_the_heart_moves_the_catheter_only_without_gating() -> None:
    still, moved = simulate(5, 10.0, 5.0), simulate(5, 10.0, 5.0, gated=False)
    assert (still.motion.true == still.motion.nominal).all()
    assert np.abs(moved.motion.true - moved.motion.nominal).max() > 0.1


@pytest.mark.parametrize("frequency", [20, 50])
def test_grey_levels_and_speckle_are_near_those_of_real_frames(frequency: int) -> None:
    look, real = (
        measure(frequency, range(24)),
        {look.source.split(" MHz")[0]: look for look in reversed(REAL)}[str(frequency)],
    )
    assert look.lumen is not None
    assert real.lumen is not None
    if frequency == 20:
        for ours, theirs in (
            (look.lumen, real.lumen),
            (look.wall, real.wall),
            (look.adventitia, real.adventitia),
        ):
            assert ours is not None
            assert theirs is not None
            # floors and gains are drawn widely; they are taken out before the network looks
            assert abs(ours[0] - theirs[0]) < 50
    else:
        assert real.lumen[0] - 40 < look.lumen[0] < real.lumen[1] + 40
    assert look.radial_um is not None
    assert real.radial_um is not None
    assert look.radial_um[0] < 1.2 * real.radial_um[1]
    assert look.radial_um[1] > real.radial_um[0]


def test_it_is_a_recording_as_dicom_has_it(made: tuple[Path, Curves]) -> None:
    found = pydicom.dcmread(made[0])
    assert found.NumberOfFrames == len(made[1])
    assert found.pixel_array.shape[0] == len(made[1])
    if shutil.which("dciodvfy") is None:
        pytest.skip("the verifier of DICOM objects (Debian: dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(made[0])], capture_output=True, text=True, check=False)
    assert not [
        line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")
    ]


@pytest.mark.parametrize("length", [-1, 0, 1000])
def test_lengths_that_no_pullback_has_are_refused(length: float) -> None:
    with pytest.raises(ValueError, match="mm long"):
        simulate(1, length)
