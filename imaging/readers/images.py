"""Folders of PNG or JPEG frames, with what is known of them in ``pullback.json``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from calx.imaging.errors import ImagingError
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback, grey_of
from calx.imaging.readers.dicom import LARGEST, MOST_FRAMES, SMALLEST
from calx.imaging.readers.sidecar import Sidecar

SUFFIXES = (".png", ".jpg", ".jpeg")


def list_images(path: Path) -> list[Path]:
    """The frames of a folder in the order of the numbers
    in their names; a single image is a folder of one.
    """
    if path.is_file():
        return [path]

    def key(file: Path) -> list[tuple[int, int | str]]:
        return [
            (0, int(part)) if part.isdigit() else (1, part)
            for part in re.split(r"(\d+)", file.name)
        ]

    return sorted((file for file in path.iterdir() if file.suffix.lower() in SUFFIXES), key=key)


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
    step = sidecar.frame_mm
    notes = [
        f"{sidecar.spacing_mm:g} mm a pixel as told"
        if sidecar.spacing_mm
        else (
            "no size of a pixel: nothing can be measured in mm. Give --spacing, or spacing_mm in "
            "pullback.json"
        )
    ]
    notes.append(
        f"{step:g} mm between frames as told"
        if step
        else (
            "no rate: no length can be measured. Give --rate and --fps, or frame_spacing_mm in "
            "pullback.json"
        )
    )

    def images(positions: Sequence[int]) -> Iterator[Grey]:
        for position in positions:
            yield _grey(files[position])

    return Pullback(
        frame=np.arange(1, len(files) + 1),
        z_mm=np.full(len(files), np.nan)
        if step is None
        else np.arange(len(files), dtype=np.float64) * step,
        shape=(size[1], size[0]),
        pixel_mm=sidecar.spacing_mm,
        gated=sidecar.gated,
        provenance={"kind": "folder of images", "sha256": whole.hexdigest(), "frames": len(files)},
        images=images,
        notes=tuple(notes),
    )


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
