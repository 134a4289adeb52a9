"""DICOM ultrasound multi-frame recordings, read a frame at a time."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import iter_pixels

from calx.imaging.errors import ImagingError
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback, grey_of, grey_of_ycbcr
from calx.imaging.readers.sidecar import Sidecar

CENTIMETRES = 3
TISSUE = 1
SMALLEST, LARGEST = 64, 4096
"""Rows and columns of a frame."""
MOST_FRAMES = 20_000
DIFFERENT = 0.05
"""Share by which two statements of one size may differ before they contradict each other."""
BOSTON_RATE = (0x000B, 0x1001)
"""Boston Scientific's private element for the pullback rate, mm/s."""


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
    header = _header(path)
    count, shape = _checked(header, path)
    box, pixel_mm, notes = _scale(header, shape, told, path)
    chosen, z, more, gated = _places(header, count, told)
    notes += more
    top, left, bottom, right = box

    def images(positions: Sequence[int]) -> Iterator[Grey]:
        wanted = [int(chosen[position]) for position in positions]
        for grey in _frames(path, header, wanted):
            yield np.ascontiguousarray(grey[top:bottom, left:right])

    return Pullback(
        frame=chosen + 1,
        z_mm=z,
        shape=(bottom - top, right - left),
        pixel_mm=pixel_mm,
        gated=gated,
        provenance={
            "kind": "DICOM ultrasound multi-frame",
            "sha256": digest(path),
            "frames": count,
            "manufacturer": str(header.get("Manufacturer", "") or "") or None,
            "transfer_syntax": header.file_meta.TransferSyntaxUID.name,
        },
        images=images,
        notes=tuple(notes),
        identifiers={
            name: str(header.get(name, ""))
            for name in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
        },
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(path: Path) -> Dataset:
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True)
            _ = header.file_meta.TransferSyntaxUID
    except (
        InvalidDicomError,
        AttributeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        NotImplementedError,
        TypeError,
    ) as error:
        raise ImagingError(
            (
                f"no DICOM file that can be read ({type(error).__name__}); give the recording as "
                "the machine exported it"
            ),
            path,
        ) from None
    if header.get("EncryptedAttributesSequence") and "Rows" not in header:
        raise ImagingError(
            "its attributes are encrypted; decrypt them with the software that wrote the file", path
        )
    return header


def _number(header: Dataset, keyword: str) -> float | None:
    value = header.get(keyword)
    try:
        number = float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None


def _checked(header: Dataset, path: Path) -> tuple[int, tuple[int, int]]:
    """Number of frames and their size, where this can be a recording at all."""

    def refuse(reason: str) -> ImagingError:
        return ImagingError(reason, path)

    modality = str(header.get("Modality", ""))
    if modality not in ("US", "IVUS", ""):
        raise refuse(f"its modality is {modality}, not intravascular ultrasound (IVUS or US)")
    if "Rows" not in header or "Columns" not in header:
        raise refuse("it holds no image")
    rows, columns = int(header.Rows), int(header.Columns)
    frames = header.get("NumberOfFrames")
    count = 1 if frames is None else int(_number(header, "NumberOfFrames") or 0)
    if count < 1:
        raise refuse("it says that it has no frames")
    if count > MOST_FRAMES:
        raise refuse(f"{count} frames; at most {MOST_FRAMES} are read")
    if not (SMALLEST <= rows <= LARGEST and SMALLEST <= columns <= LARGEST):
        raise refuse(f"frames of {columns} by {rows} pixels; {SMALLEST} to {LARGEST} are read")
    if int(header.get("BitsAllocated", 0)) != 8:
        raise refuse(
            f"{header.get('BitsAllocated', 'unknown')} bits a sample; ultrasound frames have 8"
        )
    photometric = str(header.get("PhotometricInterpretation", ""))
    if photometric not in (
        "MONOCHROME1",
        "MONOCHROME2",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_ICT",
        "YBR_RCT",
        "PALETTE COLOR",
    ):
        raise refuse(f"photometric interpretation {photometric or 'missing'} is not read")
    samples = int(header.get("SamplesPerPixel", 1))
    if samples not in (1, 3) or (samples == 1) != (
        photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    ):
        raise refuse(f"it contradicts itself: {samples} samples a pixel in {photometric}")
    syntax = header.file_meta.TransferSyntaxUID
    size = path.stat().st_size
    if not syntax.is_compressed and size < rows * columns * samples * count * (
        2 / 3 if photometric == "YBR_FULL_422" else 1
    ):
        raise refuse(
            f"it is cut short: {count} frames of {columns} by {rows} need more than its {size} "
            "bytes; copy it again"
        )
    if syntax.is_compressed and not syntax.is_encapsulated:
        raise refuse(
            f"transfer syntax {syntax.name} is not read; export it as JPEG or uncompressed"
        )
    return count, (rows, columns)


def _scale(
    header: Dataset, shape: tuple[int, int], told: Sidecar, path: Path
) -> tuple[tuple[int, int, int, int], float | None, list[str]]:
    """The part of the frame that is the cross-section, and the size of its pixels."""
    box = (0, 0, *shape)
    stated: dict[str, float] = {}
    notes = []
    regions = [
        item
        for item in header.get("SequenceOfUltrasoundRegions") or []
        if int(item.get("RegionSpatialFormat", TISSUE) or TISSUE) == TISSUE
    ]
    sized = [
        item
        for item in regions
        if int(item.get("PhysicalUnitsXDirection", 0))
        == int(item.get("PhysicalUnitsYDirection", 0))
        == CENTIMETRES
    ]
    if sized:
        region = max(sized, key=lambda item: _extent(item, shape))
        across, down = (
            abs(float(region.PhysicalDeltaX)) * 10,
            abs(float(region.PhysicalDeltaY)) * 10,
        )
        if not math.isclose(across, down, rel_tol=0.01) and told.spacing_mm is None:
            raise ImagingError(
                (
                    f"pixels of {across:g} by {down:g} mm; only square pixels are read. Give "
                    "--spacing to overrule"
                ),
                path,
            )
        if across > 0:
            stated["the ultrasound region"] = across
        left, top, right, bottom = (
            int(region.get(name, -1))
            for name in (
                "RegionLocationMinX0",
                "RegionLocationMinY0",
                "RegionLocationMaxX1",
                "RegionLocationMaxY1",
            )
        )
        if 0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]:
            if min(right - left, bottom - top) < SMALLEST:
                raise ImagingError(
                    f"its ultrasound region has {right - left} by {bottom - top} pixels", path
                )
            box = (top, left, min(bottom + 1, shape[0]), min(right + 1, shape[1]))
    elif regions:
        notes.append("its ultrasound regions are not in centimetres")
    spacing = header.get("PixelSpacing")
    if spacing is not None and len(spacing) == 2 and all(float(part) > 0 for part in spacing):
        down, across = (float(part) for part in spacing)
        if math.isclose(across, down, rel_tol=0.01):
            stated["the pixel spacing"] = across
    values = list(stated.values())
    if told.spacing_mm is not None:
        return box, told.spacing_mm, [*notes, f"{told.spacing_mm:g} mm a pixel as told by a person"]
    if len(values) == 2 and not math.isclose(*values, rel_tol=DIFFERENT):
        raise ImagingError(
            (
                f"it contradicts itself: a pixel has {values[0]:g} mm in {next(iter(stated))} and "
                f"{values[1]:g} mm in {list(stated)[1]}. Give --spacing"
            ),
            path,
        )
    if not values:
        return (
            box,
            None,
            [
                *notes,
                "no size of a pixel: nothing can be measured in mm. Give --spacing if you know it",
            ],
        )
    return box, values[0], [*notes, f"{values[0]:g} mm a pixel by {next(iter(stated))}"]


def _extent(region: Dataset, shape: tuple[int, int]) -> int:
    left, top, right, bottom = (
        int(region.get(name, 0))
        for name in (
            "RegionLocationMinX0",
            "RegionLocationMinY0",
            "RegionLocationMaxX1",
            "RegionLocationMaxY1",
        )
    )
    return max(0, min(right, shape[1]) - left) * max(0, min(bottom, shape[0]) - top)


def _times(header: Dataset, count: int) -> NDArray[np.float64] | None:
    """Seconds from the first frame."""
    vector = header.get("FrameTimeVector")
    if (
        vector is not None
        and not isinstance(vector, str)
        and hasattr(vector, "__len__")
        and len(vector) == count
    ):
        return np.asarray(np.cumsum([float(step) for step in vector]) / 1000)
    step = _number(header, "FrameTime") or _number(header, "ActualFrameDuration")
    if step is None or step <= 0:
        rate = _number(header, "CineRate") or _number(header, "RecommendedDisplayFrameRate")
        step = None if rate is None or rate <= 0 else 1000 / rate
    return None if step is None else np.arange(count) * step / 1000


def _places(
    header: Dataset, count: int, told: Sidecar
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str], bool]:
    """The frames of the pullback itself, their places, and whether they are gated."""
    acquisition = str(header.get("IVUSAcquisition", "") or "")
    first = int(_number(header, "IVUSPullbackStartFrameNumber") or 1)
    last = int(_number(header, "IVUSPullbackStopFrameNumber") or count)
    notes = []
    if not 1 <= first < last <= count:
        if (first, last) != (1, count):
            notes.append(
                f"start and stop frames {first} and {last} do not fit its {count} frames and were "
                "left out of account"
            )
        first, last = 1, count
    chosen = np.arange(first - 1, last)
    gated = told.gated or acquisition == "GATED_PULLBACK"
    unknown = np.full(len(chosen), np.nan)
    placed = _distances(header, count)
    if placed is not None:
        return (
            chosen,
            np.abs(placed[chosen] - placed[chosen[0]]),
            [*notes, "places by the longitudinal distance of each frame"],
            gated,
        )
    step = told.frame_mm
    if step is not None:
        return (
            chosen,
            (chosen - chosen[0]) * step,
            [*notes, f"{step:g} mm between frames as told by a person"],
            gated,
        )
    per_beat = _number(header, "IVUSGatedRate")
    if acquisition == "GATED_PULLBACK" and per_beat:
        return (
            chosen,
            (chosen - chosen[0]) * per_beat,
            [*notes, f"gated, {per_beat:g} mm a beat"],
            gated,
        )
    if acquisition in ("MANUAL_PULLBACK", "SELECTED"):
        return (
            chosen,
            unknown,
            [
                *notes,
                (
                    f"{acquisition.replace('_', ' ').lower()}: its frames have no known places, no "
                    "length can be measured"
                ),
            ],
            gated,
        )
    rate, by = told.rate_mm_s, "as told by a person"
    if rate is None:
        rate, by = _number(header, "IVUSPullbackRate"), "by the pullback rate"
    if rate is None and BOSTON_RATE in header:
        rate, by = _private(header[BOSTON_RATE].value), "by the manufacturer's own element"
    times = _times(header, count)
    if told.frames_per_second is not None:
        times = np.arange(count) / told.frames_per_second
    if rate is None or not 0 < rate <= 200 or times is None or not np.all(np.diff(times) > 0):
        lack = "no frame times" if rate and rate > 0 else "no pullback rate"
        return (
            chosen,
            unknown,
            [*notes, f"{lack}: no length can be measured. Give --rate and --fps if you know them"],
            gated,
        )
    return chosen, (times[chosen] - times[chosen[0]]) * rate, [*notes, f"{rate:g} mm/s {by}"], gated


def _private(value: Any) -> float | None:
    """A number in a private element, written as text or as bytes."""
    try:
        text = value.decode("ascii", "ignore") if isinstance(value, bytes) else str(value)
        return float("".join(part for part in text if part in "0123456789.").strip(".") or "nan")
    except ValueError:
        return None


def _distances(header: Dataset, count: int) -> NDArray[np.float64] | None:
    """Longitudinal distances that an enhanced object gives frame by frame, mm."""
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if not groups or len(groups) != count:
        return None
    found = [
        item.IntravascularFrameContentSequence[0].get("IntravascularLongitudinalDistance")
        for item in groups
        if item.get("IntravascularFrameContentSequence")
    ]
    return (
        np.array(found, float)
        if len(found) == count and all(value is not None for value in found)
        else None
    )


def _decoded(
    path: Path, header: Dataset, wanted: list[int], raw: bool
) -> Iterator[NDArray[np.uint8]]:
    """Frames as stored; most of a recording is read in one go, as looking up single ones in a file
    without an index costs a scan each.
    """
    if len(wanted) * 2 < int(header.get("NumberOfFrames") or 1):
        yield from iter_pixels(path, indices=wanted, raw=raw)
        return
    chosen = set(wanted)
    for number, frame in enumerate(iter_pixels(path, raw=raw)):
        if number in chosen:
            yield frame
        if wanted and number >= wanted[-1]:
            return


def _frames(path: Path, header: Dataset, wanted: list[int]) -> Iterator[Grey]:
    """Decode frames one after the other."""
    photometric = str(header.PhotometricInterpretation)
    luma = photometric.startswith("YBR")
    if photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for frame in _decoded(path, header, wanted, luma):
                if photometric == "PALETTE COLOR":
                    frame = (apply_color_lut(frame, header) >> 8).astype(np.uint8)
                if frame.ndim == 3:
                    yield grey_of_ycbcr(frame) if luma else grey_of(frame)
                else:
                    yield 255 - frame if photometric == "MONOCHROME1" else frame
    except (
        ValueError,
        RuntimeError,
        EOFError,
        AttributeError,
        OSError,
        NotImplementedError,
        KeyError,
        IndexError,
        TypeError,
    ) as error:
        what = " ".join(str(error).split())[:160]
        advice = (
            "the file is damaged, or compressed in a way that is not read: export it as JPEG "
            "or uncompressed, or install python-gdcm"
        )
        raise ImagingError(f"a frame can't be decoded ({what}); {advice}", path) from None
