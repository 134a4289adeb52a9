"""What is read from a recording: a value, how sure it is, where it was seen, and by whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Status = Literal["measured", "interpolated", "undecided", "refused"]

MEASURED: Status = "measured"
INTERPOLATED: Status = "interpolated"
UNDECIDED: Status = "undecided"
REFUSED: Status = "refused"

DIGITS = {"mm": 2, "mm2": 2, "deg": 1, "percent": 1, "1": 3, "deg.mm": 1}
"""Digits after the point that a unit's values are given with."""


@dataclass(frozen=True)
class Measurement:
    """One reading.

    Attributes:
        name: of the fact or measure.
        value: what was read; None where nothing is claimed.
        low: lower end of the interval that holds the truth nine times in ten; None without one.
        high: its upper end.
        unit: ``mm``, ``mm2``, ``deg``, ``percent``, ``1``, or empty for a yes, a no or a word.
        status: ``measured``; ``interpolated``: partly drawn through what can't be seen;
            ``undecided``: the recording allows more than one answer;
            ``refused``: it can't tell, for the ``reason``.
        reason: why it is not simply measured.
        frames: where it was read, frame numbers from 1.
        detail: more that belongs to it.
    """

    name: str
    value: float | bool | str | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    status: Status = MEASURED
    reason: str = ""
    frames: tuple[int, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def claimed(self) -> bool:
        """Whether it says something that a case may take over."""
        return self.value is not None and self.status in (MEASURED, INTERPOLATED)

    def rounded(self) -> Measurement:
        """With as many digits as its unit deserves; an interval is rounded outwards."""
        digits = DIGITS.get(self.unit)
        if digits is None:
            return self
        step = 10**digits
        low = None if self.low is None else math.floor(self.low * step + 1e-6) / step
        high = None if self.high is None else math.ceil(self.high * step - 1e-6) / step
        value = round(self.value, digits) if isinstance(self.value, float) else self.value
        return replace(self, value=value, low=low, high=high)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        shown = self.rounded()
        interval = None if shown.low is None or shown.high is None else [shown.low, shown.high]
        told = {
            "value": shown.value,
            "interval": interval,
            "unit": shown.unit or None,
            "status": shown.status,
            "reason": shown.reason or None,
            "frames": list(shown.frames),
        }
        return told | dict(shown.detail)


def refused(name: str, unit: str, reason: str) -> Measurement:
    """A measurement that this recording can't give."""
    return Measurement(name, None, unit=unit, status=REFUSED, reason=reason)
