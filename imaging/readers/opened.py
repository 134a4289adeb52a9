"""One way in: what a path holds, and the reader that knows it."""

from __future__ import annotations

from pathlib import Path

from calx.imaging.errors import ImagingError, NothingThereError
from calx.imaging.facts.curves import Curves
from calx.imaging.pullback import Pullback
from calx.imaging.readers.contour_tables import tables
from calx.imaging.readers.contours import is_contours, read_contours
from calx.imaging.readers.dicom import is_dicom, read_dicom
from calx.imaging.readers.images import SUFFIXES, list_images, read_images
from calx.imaging.readers.sidecar import Sidecar


def open_recording(
    path: Path, told: Sidecar | None = None, phase: str = "diastolic"
) -> Pullback | Curves:
    """Open a recording (to be segmented), or contours and curves (which are facts' input already).

    Args:
        path: a DICOM file, a folder of frames, a set of contours, or a ``curves.npz`` of an earlier
            run.
        told: what a person says of it.
        phase: of the heart, where contours of both are there.

    Raises:
        ImagingError: nothing is there that can be read.
    """
    if not path.exists():
        raise NothingThereError("there is no such file or folder", path)
    if path.suffix.lower() == ".npz":
        return Curves.load(path)
    if path.is_dir():
        _of_one_kind(path)
    if is_contours(path):
        return read_contours(path, (told or Sidecar()).over(Sidecar.beside(path)), phase)
    if path.is_dir():
        if list_images(path):
            return read_images(path, told)
        recordings = [file for file in sorted(path.iterdir()) if file.is_file() and is_dicom(file)]
        if len(recordings) == 1:
            return read_dicom(
                recordings[0], (told or Sidecar()).over(Sidecar.beside(recordings[0]))
            )
        many = (
            f"{len(recordings)} DICOM files: give one"
            if recordings
            else "no DICOM recording, no PNG or JPEG frames, no contours"
        )
        raise ImagingError(many, path)
    if path.suffix.lower() in SUFFIXES:
        return read_images(path, told)
    return read_dicom(path, (told or Sidecar()).over(Sidecar.beside(path)))


def _of_one_kind(folder: Path) -> None:
    """A folder holds recordings, frames or contours, never two of them: which is meant?

    Raises:
        ImagingError: it holds two.
    """
    recordings = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.startswith(".") and is_dicom(file)
    ]
    held = {
        "a DICOM file": recordings,
        "pictures": list_images(folder),
        "tables of contours": tables(folder),
    }
    kinds = [f"{what} ({files[0].name})" for what, files in held.items() if files]
    if len(kinds) > 1:
        raise ImagingError(
            f"holds {' and '.join(kinds)}; give one of them, or move the others away", folder
        )
