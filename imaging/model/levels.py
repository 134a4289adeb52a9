"""Black and white of a recording, from its own pictures.

A machine's gain and the grey of its black are settings of a hand, not of a vessel. They are taken
out before a network looks: what is darkest in the field becomes black, what is brightest white.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

DARKEST, BRIGHTEST = 1.0, 99.5
"""Percentiles of the field's grey levels that become black and white."""
INNER = 0.16
"""Share of a line, at its start, in which the catheter may lie."""
LEAST = 30.0
"""Grey levels between black and white below which a picture shows nothing and stays as it is."""


@dataclass(frozen=True)
class Levels:
    """Grey levels, of 0 to 255, that are black and white in a recording."""

    black: float = 0.0
    white: float = 255.0

    @classmethod
    def of(cls, lines: Iterable[NDArray[np.generic]], beyond: int) -> Levels:
        """Of some frames of one recording, as lines; only the first ``beyond`` samples of a line
        lie in the field.
        """
        seen = [frame[:, round(INNER * frame.shape[1]) : beyond].reshape(-1) for frame in lines]
        pooled = np.concatenate(seen) if seen else np.zeros(0)
        if not pooled.size:
            return cls()
        black, white = (float(level) for level in np.percentile(pooled, (DARKEST, BRIGHTEST)))
        return cls(black, white) if white - black >= LEAST else cls()

    def __call__(self, grey: NDArray[np.generic]) -> Array:
        """Grey levels as 0, black, to 1, white."""
        shown = (grey.astype(np.float32) - np.float32(self.black)) / np.float32(
            self.white - self.black
        )
        return np.asarray(np.clip(shown, 0, 1), np.float32)
