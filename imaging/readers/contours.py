"""Contours drawn elsewhere: which reader knows a path, and a person's lines as
:class:`~calx.imaging.facts.curves.Curves`.
"""

from __future__ import annotations

from pathlib import Path

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.readers import contour_tables, echoplaque, holorama
from calx.imaging.readers.contour_set import curves
from calx.imaging.readers.sidecar import Sidecar

LOOKED_AT = 1 << 20
"""Bytes at the start of a JSON file in which a layer is sought."""
LARGEST = 200 << 20
"""Bytes of a contour file."""


def is_contours(path: Path) -> bool:
    """Whether this looks like a set of contours rather than images."""
    if path.is_dir():
        return bool(contour_tables.tables(path))
    suffix = path.suffix.lower()
    return suffix in (*contour_tables.SUFFIXES, ".xml") or (suffix == ".json" and _drawn(path))


def _drawn(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"lumen"' in file.read(LOOKED_AT)


def read_contours(path: Path, sidecar: Sidecar | None = None, phase: str = "diastolic") -> Curves:
    """Read a set of contours.

    Args:
        path: a folder or file of multimodars tables, a HolOrama ``.json``, an echoPlaque ``.xml``.
        sidecar: spacing and rate where the file itself has none, and which layers were looked for.
        phase: of the heart, where a folder holds both.

    Raises:
        ImagingError: nothing can be read from it, and why.
    """
    told = sidecar or Sidecar()
    files = contour_tables.tables(path) if path.is_dir() else [path]
    for file in files:
        if file.stat().st_size > LARGEST:
            raise ImagingError(f"larger than {LARGEST >> 20} MiB; contours are not", file)
    suffix = path.suffix.lower()
    if suffix == ".xml":
        found = echoplaque.read(path, told)
    elif suffix == ".json":
        found = holorama.read(path, told, phase)
    else:
        found = contour_tables.read(files, path, phase)
        if told.frame_mm is not None:
            found.notes.append(
                "the tables tell their own places; those that were told do not count"
            )
    try:
        return curves(found, told)
    except ImagingError as error:
        raise ImagingError(error.message, error.place or path) from None
