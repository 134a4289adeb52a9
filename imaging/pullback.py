"""A recording, as every reader hands it out: where its frames lie and what a pixel measures, its
frames only one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calx.imaging.polar import Grey


@dataclass(frozen=True)
class Pullback:
    """A recording.

    Attributes:
        frame: numbers of its frames, from 1, in the recording's own count.
        z_mm: their places along the vessel from the first one, NaN where unknown.
        shape: rows and columns of a frame.
        pixel_mm: mm a pixel; None when the recording does not tell.
        gated: its frames are of one phase of the heart.
        frames_per_second: at which it was recorded; None when the recording does not tell.
        provenance: what it is and where its numbers come from; never who the patient is.
        notes: what a user should know of it.
        images: gives the frames at positions (0-based, growing) as ``(rows, columns)`` grey levels,
            coloured overlays blanked.
        identifiers: DICOM identifiers that a structured report must refer to; they go nowhere else.
    """

    frame: NDArray[np.int64]
    z_mm: NDArray[np.float64]
    shape: tuple[int, int]
    pixel_mm: float | None
    gated: bool
    provenance: Mapping[str, Any]
    images: Callable[[Sequence[int]], Iterator[Grey]]
    notes: tuple[str, ...] = ()
    frames_per_second: float | None = None
    identifiers: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def between(self, first: int, last: int) -> Pullback:
        """The frames from one number to another, both included; none may be left."""
        chosen = np.flatnonzero((self.frame >= first) & (self.frame <= last))
        everything = self.images
        return replace(
            self,
            frame=self.frame[chosen],
            z_mm=self.z_mm[chosen],
            images=lambda positions: everything([int(chosen[place]) for place in positions]),
        )


COLOUR = 60
"""Difference of a pixel's channels from which it is an overlay: echoes are grey."""


def grey_of(rgb: NDArray[np.uint8]) -> Grey:
    """Grey levels of a colour frame; coloured pixels, which are text, dots and rings of the
    machine, become black.
    """
    red, green, blue = (np.ascontiguousarray(rgb[..., channel]) for channel in range(3))
    most = np.maximum(np.maximum(red, green), blue)
    spread = most - np.minimum(np.minimum(red, green), blue)
    total = red.astype(np.uint16) * 77 + green.astype(np.uint16) * 150 + blue.astype(np.uint16) * 29
    grey = (total >> 8).astype(np.uint8)
    grey[spread > COLOUR] = 0
    return grey


def grey_of_ycbcr(frame: NDArray[np.uint8]) -> Grey:
    """The same of luma and two colour differences."""
    chroma = np.abs(frame[..., 1:].astype(np.int16) - 128).max(axis=-1)
    grey = frame[..., 0].copy()
    grey[chroma > COLOUR // 2] = 0
    return grey
