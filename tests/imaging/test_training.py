"""Training: the same seeds the same weights, and it learns."""

from __future__ import annotations

import numpy as np
import torch

from calx.imaging.simulator import simulate
from calx.imaging.training.data import of_vessel, together
from calx.imaging.training.families import FAMILIES, members
from calx.imaging.training.train import Schedule, train


def learnt(steps: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    parts = [of_vessel(seed, 4) for seed in (1, 2)]
    frames = together(parts)
    told: list[str] = []
    return train(frames, Schedule(steps=steps, batch=2), "cpu", told.append).state_dict(), told


def test_the_same_seeds_give_the_same_weights() -> None:
    (one, _), (other, _) = learnt(3), learnt(3)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_families_are_those_of_the_recording_and_leave_none_of_their_own_behind() -> None:
    whole = together([of_vessel(seed, 2) for seed in range(40)])
    for number, (name, belongs) in enumerate(FAMILIES.items()):
        there = whole.family[:, number]
        assert 0 < there.sum() < len(whole), name
        assert not whole.part(~there).family[:, number].any()
        found = list(members(range(60), name, 5))
        assert len(found) == 5
        assert all(belongs(simulate(seed, 12.0, 5.0, gated=False)) for seed in found)


def test_frames_are_those_of_their_vessel_and_hold_their_truth() -> None:
    one, other = of_vessel(5, 3), of_vessel(5, 3)
    assert (one.grey == other.grey).all()
    lumen, eem, edge, _ = one.curves.transpose(1, 0, 2)
    assert (lumen < eem).all()
    calcium = one.flags[:, 0]
    assert (np.isfinite(edge) <= calcium).all()
    assert (edge[np.isfinite(edge)] >= lumen[np.isfinite(edge)] - 1e-5).all()
