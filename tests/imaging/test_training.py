"""Training: the same seeds the same weights, and it learns."""

from __future__ import annotations

import numpy as np
import torch

from calx.imaging.training.data import Frames, of_vessel
from calx.imaging.training.train import Schedule, train


def learnt(steps: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    parts = [of_vessel(seed, 4) for seed in (1, 2)]
    frames = Frames(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("grey", "curves", "flags")
        )
    )
    told: list[str] = []
    return train(frames, Schedule(steps=steps, batch=2), "cpu", told.append).state_dict(), told


def test_the_same_seeds_give_the_same_weights() -> None:
    (one, _), (other, _) = learnt(3), learnt(3)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_frames_are_those_of_their_vessel_and_hold_their_truth() -> None:
    one, other = of_vessel(5, 3), of_vessel(5, 3)
    assert (one.grey == other.grey).all()
    lumen, eem, edge, _ = one.curves.transpose(1, 0, 2)
    assert (lumen < eem).all()
    calcium = one.flags[:, 0]
    assert (np.isfinite(edge) <= calcium).all()
    assert (edge[np.isfinite(edge)] >= lumen[np.isfinite(edge)] - 1e-5).all()
