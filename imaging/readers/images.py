"""Folders of PNG or JPEG frames, with what is known of them in ``pullback.json``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.facts.protocol import protocol
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback, grey_of
from calx.imaging.readers.dicom import LARGEST, MOST_FRAMES
from calx.imaging.readers.region import SMALLEST
from calx.imaging.readers.sidecar import Sidecar

SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_NUMBER = 1e9
"""Above it a number in a name is a time or an identifier."""
MOST_GAPS = 8
"""Gaps in a sequence that a message lists."""


@dataclass(frozen=True)
class OrderedFrames:
    """The frames of a folder in their order.

    Attributes:
        files: in that order.
        number: of each, in the recording's own count where the names tell one, else from 1.
        counted: the names tell one count.
        notes: what a user should know of the order.
    """

    files: list[Path]
    number: NDArray[np.int64]
    counted: bool
    notes: list[str]


def list_images(path: Path) -> list[Path]:
    """The frames of a folder; a single image is a folder of one. What other systems leave beside
    files (``._name``) is no frame.
    """
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def in_order(files: list[Path], path: Path) -> OrderedFrames:
    """The frames in the order of the number by which their names differ.

    Raises:
        ImagingError: the names differ in more than numbers, or a number stands twice.
    """
    if len(files) == 1:
        return OrderedFrames(files, np.ones(1, np.int64), True, [])
    parts = {file: re.split(r"([0-9]+)", file.stem) for file in files}
    first = parts[files[0]]
    for file, found in parts.items():
        if found[::2] != first[::2]:
            raise ImagingError(
                f"the names of its frames differ in more than a number ('{files[0].name}' and "
                f"'{file.name}'), so their order is not known; give frames of one recording, "
                "numbered",
                path,
            )
    numbers = {file: tuple(int(part) for part in found[1::2]) for file, found in parts.items()}
    ordered = sorted(files, key=numbers.__getitem__)
    for one, other in pairwise(ordered):
        if numbers[one] == numbers[other]:
            raise ImagingError(
                f"two frames have one number ('{one.name}' and '{other.name}'); keep one of them",
                path,
            )
    columns = np.array([numbers[file] for file in ordered], dtype=np.float64).T
    differing = [column for column in columns if len(set(column)) > 1]
    if len(differing) > 1:
        told = "several numbers of their names differ: in the order of the names, without places"
        return OrderedFrames(ordered, np.arange(1, len(files) + 1), False, [told])
    if differing[0].max() > MOST_NUMBER:
        told = "the numbers of their names count no frames: in their order, without places"
        return OrderedFrames(ordered, np.arange(1, len(files) + 1), False, [told])
    count = differing[0].astype(np.int64)
    gaps = [(int(a), int(b)) for a, b in pairwise(count) if b - a > 1]
    notes = []
    if gaps:
        missing = ", ".join(
            f"{a + 1}" if b - a == 2 else f"{a + 1} to {b - 1}" for a, b in gaps[:MOST_GAPS]
        )
        more = f" and {len(gaps) - MOST_GAPS} more gaps" if len(gaps) > MOST_GAPS else ""
        notes.append(
            f"frames {missing}{more} are not there; their neighbours are none of each other"
        )
    return OrderedFrames(ordered, count, True, notes)


def read_images(path: Path, told: Sidecar | None = None) -> Pullback:
    """Open a folder of frames, or one frame.

    Raises:
        ImagingError: there are no frames, they differ in size, or can't be read.
    """
    from PIL import Image

    files = list_images(path)
    if not files:
        raise ImagingError("no PNG or JPEG frames in it", path)
    if len(files) > MOST_FRAMES:
        raise ImagingError(f"{len(files)} frames; at most {MOST_FRAMES} are read", path)
    sidecar = (told or Sidecar()).over(Sidecar.beside(path))
    whole = hashlib.sha256()
    size = None
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
        try:
            with Image.open(file) as image:
                found = image.size
        except (OSError, ValueError, Image.DecompressionBombError):
            raise ImagingError("no image that can be read", file) from None
        if size is None:
            size = found
        if found != size:
            raise ImagingError(
                (
                    f"{found[0]} by {found[1]} pixels, the frames before it {size[0]} by "
                    f"{size[1]}: the frames of a recording have one size"
                ),
                file,
            )
        if not all(SMALLEST <= side <= LARGEST for side in found):
            raise ImagingError(
                f"{found[0]} by {found[1]} pixels; {SMALLEST} to {LARGEST} are read", file
            )
    assert size is not None
    frames = in_order(files, path)
    z, placed = _places(frames, sidecar)
    spacing = (
        f"{sidecar.spacing_mm:g} mm a pixel as told"
        if sidecar.spacing_mm
        else "no size of a pixel: nothing can be measured in mm. Give --spacing, or spacing_mm in "
        "pullback.json"
    )

    def images(positions: Sequence[int]) -> Iterator[Grey]:
        for position in positions:
            yield _grey(frames.files[position])

    return Pullback(
        frame=frames.number,
        z_mm=z,
        shape=(size[1], size[0]),
        pixel_mm=sidecar.spacing_mm,
        gated=sidecar.gated,
        provenance={"kind": "folder of images", "sha256": whole.hexdigest(), "frames": len(files)},
        images=images,
        notes=(spacing, placed, *frames.notes),
        frames_per_second=sidecar.frames_per_second,
    )


def _places(frames: OrderedFrames, told: Sidecar) -> tuple[NDArray[np.float64], str]:
    """Where the frames lie, and by what; or NaN and why."""
    none = np.full(len(frames.files), np.nan)
    step = told.frame_mm
    if step is None:
        return none, (
            "no rate: no length can be measured. Give --rate and --fps, or frame_spacing_mm in "
            "pullback.json"
        )
    if not frames.counted:
        return none, "no single number counts its frames: no length can be measured"
    steps = np.diff(frames.number)
    if told.frame_spacing_mm is not None and (steps > 1).any():
        return none, (
            "frame_spacing_mm is told, and the numbers of its frames have gaps: whether it lies "
            "between files or between numbers is not known, no length can be measured. Give rate "
            "and frames a second, or number the frames without gaps"
        )
    z = (frames.number - frames.number[0]) * step
    plausible = protocol().plausible["length_mm"]
    if not plausible.holds(float(z[-1])):
        return none, (
            f"{step:g} mm between frames as told would make a pullback of {z[-1]:g} mm "
            f"({plausible} are plausible): no length can be measured"
        )
    return z, f"{step:g} mm between frames as told"


def _grey(file: Path) -> Grey:
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.mode in ("L", "1"):
                return np.asarray(image.convert("L"))
            if image.mode.startswith("I") or image.mode == "F":
                raise ImagingError("more than 8 bits a pixel; ultrasound frames have 8", file)
            return grey_of(np.asarray(image.convert("RGB")))
    except (OSError, ValueError, Image.DecompressionBombError):
        raise ImagingError("no image that can be read", file) from None
