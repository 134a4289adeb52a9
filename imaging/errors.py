"""What can be wrong with a recording, a set of contours or a model package."""

from __future__ import annotations

from pathlib import Path

from calx.errors import CalxError


class ImagingError(CalxError):
    """Nothing can be read from this input; the message says why and what to do, the place where."""

    def __init__(self, message: str, place: Path | str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = None if place is None else str(place)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class NothingThereError(ImagingError):
    """There is no such file or folder."""
