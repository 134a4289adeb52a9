"""The network: a polar U-Net whose heads speak of lines, not of pixels.

Input: ``(batch, 1, LINES, DEPTHS)`` grey levels in 0..1, lines around the image's centre,
:data:`REACH_MM` long. Output, at half that
resolution: for each line a distribution over depth of each :data:`CURVES` (mean and spread of a
single-valued curve, so contours can't cross themselves), and a logit for each of :data:`FLAGS`.
Angles are padded circularly throughout, so turning the image turns the answer.

Needs torch (``pip install 'calx[train]'``); running the shipped model does not.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from calx.imaging.model.grid import CURVES, DEPTHS, FLAGS, LINES


class Around(nn.Module):
    """Pads lines circularly and depths with zeros, by ``width``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Pad ``(batch, channels, lines, depths)``."""
        return torch.cat([x[:, :, -self.width :], x, x[:, :, : self.width]], dim=2)


def block(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, rectifier."""
    half = kernel // 2
    convolution = nn.Conv2d(inside, outside, kernel, stride, padding=(0, half), bias=False)
    return nn.Sequential(Around(half), convolution, nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class Network(nn.Module):
    """See the module. ``widths``: channels of the stem and of the four levels below it."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 192)) -> None:
        super().__init__()
        self.stem = nn.Sequential(block(1, widths[0], 5, 2), block(widths[0], widths[0]))
        self.down = nn.ModuleList(
            nn.Sequential(block(a, b), block(b, b)) for a, b in itertools.pairwise(widths)
        )
        self.up = nn.ModuleList(
            nn.Sequential(block(deep + flat, flat), *([block(flat, flat)] if level else []))
            for level, (flat, deep) in enumerate(itertools.pairwise(widths))
        )
        self.pool = nn.MaxPool2d(2)
        self.curves = nn.Conv2d(widths[0], len(CURVES), 1)
        self.flags = nn.Sequential(
            nn.Conv1d(widths[0] * 2 * SEGMENTS, 64, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(64, 64, 5),
            nn.ReLU(inplace=True),
            nn.Conv1d(64, len(FLAGS), 1),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits: curves ``(batch, curves, lines, depths)``
        over depth, flags ``(batch, flags, lines)``.
        """
        x = self.stem(image)
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(self.pool(x))
        for level in range(len(kept) - 1, -1, -1):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[level](torch.cat([x, kept[level]], dim=1))
        batch, channels, lines, depths = x.shape
        parts = x.reshape(batch, channels, lines, SEGMENTS, depths // SEGMENTS)
        pooled = (
            torch.cat([parts.mean(-1), parts.amax(-1)], dim=1)
            .permute(0, 1, 3, 2)
            .reshape(batch, -1, lines)
        )
        pooled = torch.cat([pooled[:, :, -2:], pooled, pooled[:, :, :2]], dim=2)
        return self.curves(x), self.flags(pooled)


SEGMENTS = 8
"""Parts of a line that the flag head looks at separately."""


class Lines(nn.Module):
    """The network with its answers read: what is exported and run.

    Output ``(batch, 2 * curves + flags, lines)``: the mean radius of each curve as a fraction of
    the line, then their spreads, then the flags' probabilities.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        count = DEPTHS // 2
        self.register_buffer("depths", (torch.arange(count) + 0.5) / count, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Grey levels to lines."""
        curves, flags = self.network(image)
        share = curves.float().softmax(-1)
        mean = (share * self.depths).sum(-1)
        spread = ((share * (self.depths - mean.unsqueeze(-1)) ** 2).sum(-1)).sqrt()
        return torch.cat([mean, spread, flags.float().sigmoid()], dim=1)


__all__ = ["CURVES", "DEPTHS", "FLAGS", "LINES", "Lines", "Network"]
