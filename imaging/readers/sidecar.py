"""The small JSON that says of images or contours what
their files can't: ``pullback.json`` beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from calx import strict_json
from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import LAYERS
from calx.imaging.facts.protocol import protocol

NAME = "pullback.json"


@dataclass(frozen=True)
class Sidecar:
    """What a person tells of a recording; None where unknown.

    Attributes:
        spacing_mm: mm a pixel.
        rate_mm_s: speed of the pullback.
        frames_per_second: of the frames in the folder.
        frame_spacing_mm: distance of the frames, instead of rate and frames per second.
        gated: all frames are of one phase of the heart.
        frequency_mhz: of the transducer, for the record.
        drawn: layers of a set of contours that were looked for in every frame, so that none drawn
            means that none is there; without it, a layer that is not drawn says nothing.
    """

    spacing_mm: float | None = None
    rate_mm_s: float | None = None
    frames_per_second: float | None = None
    frame_spacing_mm: float | None = None
    gated: bool = False
    frequency_mhz: float | None = None
    drawn: tuple[str, ...] = ()

    @property
    def frame_mm(self) -> float | None:
        """Distance of two frames along the vessel."""
        if self.frame_spacing_mm is not None:
            return self.frame_spacing_mm
        return (
            None
            if self.rate_mm_s is None or self.frames_per_second is None
            else self.rate_mm_s / self.frames_per_second
        )

    @classmethod
    def of(cls, raw: object, place: Path | str | None = None) -> Sidecar:
        """Check what was told.

        Raises:
            ImagingError: an unknown key, or a value out of any recording's range.
        """
        known = {item.name for item in fields(cls)}
        if not isinstance(raw, dict) or set(raw) - known:
            unknown = ", ".join(sorted(set(raw) - known)) if isinstance(raw, dict) else "no object"
            raise ImagingError(f"unknown: {unknown}; known are {', '.join(sorted(known))}", place)
        told = dict(raw)
        for name, value in raw.items():
            if name == "gated":
                if not isinstance(value, bool):
                    raise ImagingError("gated is true or false", place)
            elif name == "drawn":
                if not isinstance(value, list) or not set(map(str, value)) <= set(LAYERS):
                    raise ImagingError(f"drawn is a list of {', '.join(LAYERS)}", place)
                told[name] = tuple(value)
            elif value is not None:
                plausible = protocol().plausible[name]
                number = isinstance(value, int | float) and not isinstance(value, bool)
                if not number or not plausible.holds(value):
                    raise ImagingError(f"{name} must be a number, {plausible}", place)
        found = cls(**told)
        if found.frame_spacing_mm and found.rate_mm_s and found.frames_per_second:
            by_rate = found.rate_mm_s / found.frames_per_second
            differ = protocol().sizes_differ_percent / 100
            if not math.isclose(by_rate, found.frame_spacing_mm, rel_tol=differ):
                raise ImagingError(
                    f"{found.frame_spacing_mm:g} mm between frames, and {by_rate:g} by rate and "
                    "frames a second; keep one",
                    place,
                )
        return found

    @classmethod
    def beside(cls, path: Path) -> Sidecar:
        """The sidecar in a folder, or beside a file (``name.json`` or ``pullback.json``); nothing
        known without one.
        """
        places = (
            [path / NAME]
            if path.is_dir()
            else [path.with_suffix(".pullback.json"), path.parent / NAME]
        )
        for place in places:
            if place.is_file():
                try:
                    raw: Any = strict_json.loads(place.read_bytes(), float)
                except (ValueError, OSError) as error:
                    raise ImagingError(f"no JSON that can be read: {error}", place) from None
                return cls.of(raw, place)
        return cls()

    def over(self, other: Sidecar) -> Sidecar:
        """This one's values, and the other's where this has none."""
        return Sidecar(
            **{
                item.name: getattr(self, item.name) or getattr(other, item.name)
                for item in fields(self)
            }
        )
