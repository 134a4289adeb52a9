"""DICOM ultrasound multi-frame recordings, read a frame at a time."""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.errors import InvalidDicomError
from pydicom.filereader import data_element_offset_to_value
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from calx.imaging.errors import ImagingError
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback, grey_of, grey_of_ycbcr
from calx.imaging.readers.elements import Elements, MalformedError
from calx.imaging.readers.places import places
from calx.imaging.readers.region import SMALLEST, cross_section
from calx.imaging.readers.sidecar import Sidecar

LARGEST = 4096
"""Rows and columns of a frame, at most."""
MOST_FRAMES = 20_000
FIRST_BYTES = (b"\xff\xd8", b"\xff\x4f")
"""How a compressed frame begins: JPEG, JPEG-LS; JPEG 2000."""
ONE_SAMPLE = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
THREE_SAMPLES = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does, or is named so."""
    with path.open("rb") as file:
        head = file.read(132)
    return head[128:132] == b"DICM" or path.suffix.lower() in (".dcm", ".dicom", ".ima")


def read_dicom(path: Path, told: Sidecar | None = None) -> Pullback:
    """Open a recording; its frames are decoded when asked for.

    Args:
        path: of the file.
        told: what a person says of it; it fills gaps, and settles contradictions.

    Raises:
        ImagingError: it is no recording that can be read, and why.
    """
    told = told or Sidecar()
    dataset, offset = _header(path)
    header = Elements(dataset)
    try:
        count, shape = _checked(header, dataset, offset, path)
        syntax = dataset.file_meta.TransferSyntaxUID.name
        region = cross_section(header, shape, told, path)
        found = places(header, count, told)
    except MalformedError as fault:
        raise ImagingError(f"its header is malformed: {fault}", path) from None
    top, left, bottom, right = region.box
    identifiers = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

    def images(positions: Sequence[int]) -> Iterator[Grey]:
        wanted = [int(found.chosen[position]) for position in positions]
        for grey in _frames(path, dataset, count, wanted):
            yield np.ascontiguousarray(grey[top:bottom, left:right])

    return Pullback(
        frame=found.chosen + 1,
        z_mm=found.z_mm,
        shape=(bottom - top, right - left),
        pixel_mm=region.pixel_mm,
        gated=found.gated,
        provenance={
            "kind": "DICOM ultrasound multi-frame",
            "sha256": digest(path),
            "frames": count,
            "manufacturer": header.text("Manufacturer") or None,
            "transfer_syntax": syntax,
        },
        images=images,
        notes=(*region.notes, *found.notes, *header.faults),
        frames_per_second=found.per_second,
        identifiers={name: header.text(name) for name in identifiers},
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(path: Path) -> tuple[Dataset, int]:
    """The elements before the pixels, unread, and where in the file these begin."""
    with path.open("rb") as file:
        head = file.read(140)
    if (
        head[128:132] != b"DICM"
        and head[:1] == b"\x30"
        and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in head
    ):
        raise ImagingError(
            "an encrypted DICOM file (secure media); decrypt it with the software that wrote it",
            path,
        )
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset, offset = pydicom.dcmread(file, stop_before_pixels=True), file.tell()
            _ = dataset.file_meta.TransferSyntaxUID.name
    except Exception as error:  # pydicom raises whatever a damaged file makes it meet
        known = isinstance(error, InvalidDicomError | EOFError | OSError)
        why = type(error).__name__ if known else " ".join(str(error).split())[:80]
        raise ImagingError(
            f"no DICOM file that can be read ({why}); give the recording as the machine exported "
            "it",
            path,
        ) from None
    if "EncryptedAttributesSequence" in dataset and "Rows" not in dataset:
        raise ImagingError(
            "its attributes are encrypted; decrypt them with the software that wrote the file", path
        )
    return dataset, offset


def _checked(
    header: Elements, dataset: Dataset, offset: int, path: Path
) -> tuple[int, tuple[int, int]]:
    """Number of frames and their size, where this can be a recording at all.

    Raises:
        ImagingError: it cannot, or its pixel data are not those of so many frames.
        MalformedError: an element that is needed cannot be read.
    """

    def refuse(reason: str) -> ImagingError:
        return ImagingError(reason, path)

    modality = header.text("Modality")
    if modality not in ("US", "IVUS", ""):
        raise refuse(f"its modality is {modality}, not intravascular ultrasound (IVUS or US)")
    if "Rows" not in header or "Columns" not in header:
        raise refuse("it holds no image")
    rows, columns = header.needed("Rows"), header.needed("Columns")
    count = header.needed("NumberOfFrames") if header.numbers("NumberOfFrames") else 1
    if count < 1:
        raise refuse("it says that it has no frames")
    if count > MOST_FRAMES:
        raise refuse(f"{count} frames; at most {MOST_FRAMES} are read")
    if not (SMALLEST <= rows <= LARGEST and SMALLEST <= columns <= LARGEST):
        raise refuse(f"frames of {columns} by {rows} pixels; {SMALLEST} to {LARGEST} are read")
    bits = header.needed("BitsAllocated")
    stored = header.one("BitsStored")
    if bits != 8 or stored not in (None, 8):
        raise refuse(f"{bits if bits != 8 else stored} bits a sample; ultrasound frames have 8")
    photometric = header.text("PhotometricInterpretation")
    if photometric not in ONE_SAMPLE + THREE_SAMPLES:
        raise refuse(f"photometric interpretation {photometric or 'missing'} is not read")
    samples = header.needed("SamplesPerPixel") if "SamplesPerPixel" in header else 1
    if samples != (1 if photometric in ONE_SAMPLE else 3):
        raise refuse(f"it contradicts itself: {samples} samples a pixel in {photometric}")
    syntax = dataset.file_meta.TransferSyntaxUID
    if (syntax.is_compressed and not syntax.is_encapsulated) or syntax.is_deflated:
        raise refuse(
            f"transfer syntax {syntax.name} is not read; export it as JPEG or uncompressed"
        )
    per_frame = rows * columns * samples
    if photometric == "YBR_FULL_422" and not syntax.is_encapsulated:
        per_frame = per_frame * 2 // 3
    held = _frames_held(syntax, offset, path, count, per_frame)
    if held < count:
        raise refuse(
            f"it is cut short: it says {count} frames of {columns} by {rows} and holds {held}; "
            "copy it again"
        )
    if held > count:
        said = f"says {count}" if "NumberOfFrames" in header else "does not say how many"
        raise refuse(
            f"it holds {held} frames of {columns} by {rows} and {said} (NumberOfFrames): which of "
            "them are the recording is not known. Export it again"
        )
    return count, (rows, columns)


def _frames_held(syntax: UID, place: int, path: Path, count: int, per_frame: int) -> int:
    """How many frames the pixel data hold that begin at a place of the file.

    Raises:
        ImagingError: there are none, or their length is that of no whole number of frames.
    """
    with path.open("rb") as file:
        file.seek(place)
        head = file.read(12)
    order = "<" if syntax.is_little_endian else ">"
    tag = struct.unpack(order + "HH", head[:4]) if len(head) == 12 else None
    if tag != (0x7FE0, 0x0010):
        raise ImagingError("it holds no pixels that are read", path)
    skip = data_element_offset_to_value(syntax.is_implicit_VR, "OB")
    (stated,) = struct.unpack(order + "L", head[skip - 4 : skip])
    place += skip
    if not syntax.is_encapsulated:
        length = min(path.stat().st_size - place, stated)
        whole, rest = divmod(length, per_frame)
        if whole < count or rest <= 1:  # an odd length is padded
            return int(whole)
        raise ImagingError(
            f"its pixel data have {length} bytes, no whole number of frames of {per_frame}; "
            "export it again",
            path,
        )
    try:
        with path.open("rb") as file:
            file.seek(place)
            offsets = parse_basic_offsets(file)
            fragments, starts = parse_fragments(file)
            heads = []
            for start in starts:
                file.seek(start + 8)
                heads.append(file.read(2))
    except (ValueError, EOFError, OSError) as error:
        what = " ".join(str(error).split())[:80]
        raise ImagingError(f"it is cut short or damaged in its pixels ({what})", path) from None
    begins = sum(head in FIRST_BYTES for head in heads)
    return begins or len(offsets) or int(fragments)


def _decoded(path: Path, count: int, wanted: list[int], raw: bool) -> Iterator[NDArray[np.uint8]]:
    """Frames as stored; most of a recording is read in one go, as looking up single ones in a file
    without an index costs a scan each.
    """
    if len(wanted) * 2 < count:
        yield from iter_pixels(path, indices=wanted, raw=raw)
        return
    chosen = set(wanted)
    for number, frame in enumerate(iter_pixels(path, raw=raw)):
        if number in chosen:
            yield frame
        if wanted and number >= wanted[-1]:
            return


def _frames(path: Path, header: Dataset, count: int, wanted: list[int]) -> Iterator[Grey]:
    """Decode frames one after the other."""
    photometric = str(header.PhotometricInterpretation)
    luma = photometric.startswith("YBR")
    if photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame in _decoded(path, count, wanted, luma):
                if photometric == "PALETTE COLOR":
                    frame = (apply_color_lut(frame, header) >> 8).astype(np.uint8)
                if frame.ndim == 3 and photometric == "RGB" and _luma_and_chroma(frame):
                    raise ValueError("its samples are luma and colour differences, not RGB")
                if frame.ndim == 3:
                    yield grey_of_ycbcr(frame) if luma else grey_of(frame)
                else:
                    yield 255 - frame if photometric == "MONOCHROME1" else frame
    except Exception as error:  # pydicom and its decoders raise whatever a damaged frame is to them
        what = " ".join(str(error).split())[:160]
        advice = (
            "the file is damaged, or compressed in a way that is not read: export it as JPEG "
            "or uncompressed, or install python-gdcm"
        )
        raise ImagingError(f"a frame can't be decoded ({what}); {advice}", path) from None


def _luma_and_chroma(frame: NDArray[np.uint8]) -> bool:
    """Whether two of three channels stand still in the middle, as colour differences of grey do."""
    steady = [float((np.abs(frame[..., k].astype(int) - 128) <= 2).mean()) for k in (1, 2)]
    return min(steady) > 0.9 and float((np.abs(frame[..., 0].astype(int) - 128) <= 2).mean()) < 0.5
