"""``python -m calx.imaging.training``: simulate, train, export, calibrate; the same seed gives the
same weights on the same machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from calx.imaging.model.grid import CURVES, DEPTHS, FLAGS, LINES
from calx.imaging.model.network import Lines, Network
from calx.imaging.training.data import Frames

BINS = DEPTHS // 2
WEIGHTS = torch.tensor((1.0, 1.0, 0.5, 0.5)).view(1, len(CURVES), 1)
"""Of the curves' losses."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int = 4600
    batch: int = 16
    rate: float = 3e-3
    seed: int = 7


def batches(frames: Frames, schedule: Schedule) -> Callable[[int], tuple[Tensor, Tensor, Tensor]]:
    """What gives the batch of a step: frames turned, mirrored, re-windowed and a little noisy, each
    change drawn from the seed and step.
    """

    def of(step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((schedule.seed, step))
        chosen = rng.integers(len(frames), size=schedule.batch)
        grey = frames.grey[chosen].astype(np.float32) / 255
        curves, flags = frames.curves[chosen].copy(), frames.flags[chosen].astype(np.float32)
        for k in range(schedule.batch):
            turn = 2 * int(rng.integers(LINES // 2))
            grey[k], curves[k], flags[k] = (
                np.roll(grey[k], turn, 0),
                np.roll(curves[k], turn, -1),
                np.roll(flags[k], turn, -1),
            )
            if rng.random() < 0.5:
                grey[k], curves[k], flags[k] = grey[k, ::-1], curves[k, :, ::-1], flags[k, :, ::-1]
            grey[k] = np.clip(
                grey[k] * rng.uniform(0.7, 1.3) + rng.uniform(-0.06, 0.06) * (grey[k] > 0), 0, 1
            ) ** rng.uniform(0.7, 1.4)
        return (
            torch.from_numpy(grey[:, None]),
            torch.from_numpy(halve(curves)),
            torch.from_numpy(flags.reshape(*flags.shape[:2], -1, 2).mean(-1)),
        )

    return of


def halve(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Curves at the network's output lines: the mean of line pairs; NaN where either has none."""
    return np.asarray(curves.reshape(*curves.shape[:2], -1, 2).mean(-1))


def loss(curves: Tensor, flags: Tensor, radii: Tensor, holds: Tensor) -> Tensor:
    """Cross-entropy against a narrow Gaussian around each true radius, distance of the mean, and
    cross-entropy of the flags.
    """
    known = torch.isfinite(radii)
    true = torch.nan_to_num(radii) * BINS - 0.5
    place = torch.arange(BINS, device=radii.device)
    wanted = torch.exp(-0.5 * (place - true.unsqueeze(-1)) ** 2)
    wanted = wanted / wanted.sum(-1, keepdim=True).clamp_min(1e-6)
    logged = curves.float().log_softmax(-1)
    weight = WEIGHTS.to(radii.device) * known
    spread = (
        (-(wanted * logged).sum(-1) * weight).sum() / known.sum().clamp_min(1) * len(CURVES) / 2
    )
    mean = (logged.exp() * place).sum(-1)
    distance = (
        functional.smooth_l1_loss(mean, true, reduction="none", beta=2.0) * weight
    ).sum() / known.sum().clamp_min(1)
    return (
        spread
        + 0.15 * distance
        + 2 * functional.binary_cross_entropy_with_logits(flags.float(), holds)
    )


def train(
    frames: Frames, schedule: Schedule, device: str, told: Callable[[str], None] = print
) -> Network:
    """Train a network.

    Args:
        frames: to learn from.
        schedule: steps, batch, rate, seed.
        device: ``cpu`` or ``cuda``.
        told: is given a line of progress now and then.
    """
    torch.manual_seed(schedule.seed)
    network = Network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # declared for tensors only
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=1e-3)
    course = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.rate, total_steps=schedule.steps, pct_start=0.1
    )
    moving = torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)  # type: ignore[no-untyped-call]
    averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=moving, use_buffers=True)
    batch, started, seen = batches(frames, schedule), time.monotonic(), []
    for step in range(schedule.steps):
        image, radii, holds = (part.to(device, non_blocking=True) for part in batch(step))
        with torch.autocast(device, torch.bfloat16):
            curves, flags = network(image.contiguous(memory_format=torch.channels_last))
        value = loss(curves, flags, radii, holds)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        course.step()
        averaged.update_parameters(network)
        seen.append(float(value.detach()))
        if step % 50 == 49:
            spent = time.monotonic() - started
            left = spent / (step + 1) * (schedule.steps - step - 1)
            told(
                f"step {step + 1} of {schedule.steps}: loss {np.mean(seen[-50:]):.3f}, "
                f"{spent:.0f} s, {left:.0f} s left"
            )
    trained = cast(Network, averaged.module)
    return trained.to("cpu").float().eval()


def export(network: Network, folder: Path) -> None:
    """Write ``model.onnx`` (one file, any batch), ``model.int8.onnx`` and ``model.safetensors``."""
    import onnx
    from safetensors.torch import save_file

    lines = Lines(network.to(memory_format=torch.contiguous_format)).eval()  # type: ignore[call-overload]  # as above
    path = folder / "model.onnx"
    torch.onnx.export(
        lines,
        (torch.zeros(2, 1, LINES, DEPTHS),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["grey"],
        output_names=["lines"],
        dynamic_axes={"grey": {0: "frames"}, "lines": {0: "frames"}},
    )
    onnx.checker.check_model(str(path))
    save_file(
        {
            name: value.contiguous().to(
                torch.bfloat16 if value.is_floating_point() else value.dtype
            )
            for name, value in network.state_dict().items()
        },
        str(folder / "model.safetensors"),
    )


__all__ = ["FLAGS", "Schedule", "batches", "export", "halve", "loss", "train"]
