"""The heartbeat in pictures: found where there is one, its phase told, and none where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import facts
from calx.imaging.model.beat import beat, likeness
from calx.imaging.model.drawing import draw
from calx.imaging.model.look import Look
from calx.imaging.model.package import SHIPPED, load
from calx.imaging.model.runtime import Onnx
from calx.imaging.model.segmenter import segment
from calx.imaging.simulator import dicom, simulate

FRAMES = 400


def pictures(rng: np.random.Generator, place: np.ndarray, noise: float = 0.05) -> np.ndarray:
    """Frames of a vessel seen at places along it: rows that change smoothly with the place."""
    knots = rng.standard_normal((60, 24 * 24))
    at = np.clip(place + 10, 0, 58.999)
    low = at.astype(int)
    share = (at - low)[:, None]
    seen = knots[low] * (1 - share) + knots[low + 1] * share
    images = (seen + noise * rng.standard_normal(seen.shape)).reshape(-1, 24, 24)
    return np.stack(
        [likeness(np.kron(image, np.ones((8, 8))).astype(np.float32)) for image in images]
    )


@pytest.mark.parametrize("period", [9.0, 14.4, 25.0])
def test_a_beat_is_found_with_its_rate_and_its_phase(period: float) -> None:
    rng = np.random.default_rng(int(period))
    turn = np.arange(FRAMES) / period + 0.02 * np.sin(np.arange(FRAMES) / 60)
    # a heart rests longer than it beats
    to_and_fro = 0.8 * np.exp(-0.5 * (((turn % 1.0) - 0.5) / 0.15) ** 2)
    found = beat(pictures(rng, np.arange(FRAMES) * 0.006 + to_and_fro), 1.2 * period)
    assert found is not None
    assert found.frames == pytest.approx(period, abs=1)
    assert (found.phase[found.read] == 0).all()
    assert (found.phase == 0).sum() == len(found.read)
    assert np.std(to_and_fro[found.read]) < 0.25 * np.std(to_and_fro)
    # what is read lies in the heart's rest
    assert to_and_fro[found.read].mean() < to_and_fro.mean()


@pytest.mark.parametrize("seed", range(5))
def test_none_is_found_where_there_is_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    still = np.arange(FRAMES) * 0.02
    assert beat(pictures(rng, still), 30.0) is None
    wandering = still + np.convolve(rng.standard_normal(FRAMES + 20), np.ones(21) / 21, "valid")
    assert beat(pictures(rng, wandering), 30.0) is None
    noise = [likeness(image) for image in rng.random((FRAMES, 64, 64), np.float32)]
    assert beat(np.stack(noise), 30.0) is None
    assert beat(pictures(rng, still[:12]), 30.0) is None
    # pictures of many vessels, numbered one after the other
    assert beat(pictures(rng, rng.uniform(0, 48, 94)), None) is None


def test_one_frame_a_beat_is_read_and_the_rate_is_reported() -> None:
    """A recording whose pictures show a clear beat: facts come from one phase, and say the rate."""
    recording = simulate(6_100_002, 15.0, 12.0, gated=False)
    model = load(SHIPPED)
    run = segment(dicom.pullback(recording), model, Onnx(model, threads=2))
    told = run.curves.provenance["beat"]
    true = 10.1  # frames a beat, by the zero crossings of its motion
    assert told["frames"] == pytest.approx(true, abs=1)
    assert told["per_minute"] == pytest.approx(60 * recording.frames_per_second / true, rel=0.1)
    found = facts(run.curves)
    assert len(found.curves) == told["beats"] < len(found.whole) == len(recording)
    moved = recording.motion.true - recording.motion.nominal
    assert moved[run.curves.phase == 0].std() < 0.4 * moved.std()


def test_frames_are_smoothed_with_those_of_their_phase_alone() -> None:
    """Calcium that one phase alone sees stays with it; without a beat nothing is smoothed."""
    count = 60
    seen = np.arange(count) % 2 == 0
    said = {
        name: np.full((count, 128), value, np.float32)
        for name, value in (("lumen", 0.3), ("eem", 0.5))
    }
    said["calcium"] = np.where(seen[:, None], 0.9, 0.1).astype(np.float32) * np.ones(
        (1, 128), np.float32
    )
    doubt = {name: np.full((count, 128), 0.01, np.float32) for name in ("lumen", "eem")}
    frame, z = np.arange(1, count + 1), np.arange(count, dtype=np.float64) * 0.03

    def drawn(phase: np.ndarray | None, **origin: object) -> Curves:
        return draw(said, doubt, frame, z, 1.0, 5.0, {"drawn_by": "model", **origin}, phase=phase)

    apart = drawn(np.where(seen, 0.0, 0.5)).calcium.mean(axis=1)
    assert apart[seen] == pytest.approx(0.9, abs=0.01)
    assert apart[~seen] == pytest.approx(0.1, abs=0.01)
    assert drawn(None).calcium.mean(axis=1)[seen] == pytest.approx(0.9, abs=0.01)
    assert drawn(None, gated=True).calcium.mean(axis=1) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("floor", "gain"), [(20, 0.9), (0, 0.6), (40, 0.5)])
def test_black_and_white_are_those_of_the_recording(floor: float, gain: float) -> None:
    """A grey floor and another gain leave what the network sees nearly as it was."""
    recording = simulate(4_000_031, 6.0, 1.0, 40)
    source, model = dicom.pullback(recording), load(SHIPPED)
    y, x = np.indices(source.shape)
    middle = (source.shape[0] - 1) / 2
    field = np.hypot(x - middle, y - middle) < 0.97 * middle

    def dim(positions: Sequence[int]) -> Iterator[np.ndarray]:
        for image in source.images(positions):
            yield np.asarray(np.where(field, floor + image * gain, 0), np.uint8)

    changed = replace(source, images=dim)
    plain, other = (
        look.seen(next(iter(of.images([2]))))
        for look, of in ((Look(model, source), source), (Look(model, changed), changed))
    )
    assert np.abs(other - plain)[:, :200].mean() < 0.03
