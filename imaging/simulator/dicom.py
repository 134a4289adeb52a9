"""A simulated recording as a valid DICOM ultrasound multi-frame object, and its truth as curves."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

from calx.imaging.facts.curves import Curves
from calx.imaging.polar import Grey
from calx.imaging.pullback import Pullback
from calx.imaging.simulator.anatomy import LINES
from calx.imaging.simulator.echo import EchoLines
from calx.imaging.simulator.recording import SimulatedRecording


def dataset(recording: SimulatedRecording, frames: list[Grey]) -> Dataset:
    """The DICOM object of a recording."""
    display = recording.display
    compressed = display.quality is not None
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    made = Dataset()
    made.file_meta = meta
    uids = [
        generate_uid(
            entropy_srcs=[
                kind,
                str(recording.seed),
                str(len(frames)),
                str(recording.catheter.frequency_mhz),
            ]
        )
        for kind in ("study", "series", "instance")
    ]
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = uids[2]
    made.StudyInstanceUID, made.SeriesInstanceUID = uids[:2]
    made.SOPClassUID = UltrasoundMultiFrameImageStorage
    made.Modality = "IVUS"
    made.Manufacturer = "Calx simulator"
    made.ManufacturerModelName = f"{recording.catheter.frequency_mhz} MHz"
    made.PatientName, made.PatientID = "Simulated^Recording", f"seed-{recording.seed}"
    made.PatientBirthDate = made.PatientSex = made.StudyDate = made.StudyTime = (
        made.AccessionNumber
    ) = made.ReferringPhysicianName = made.StudyID = ""
    made.SeriesNumber, made.InstanceNumber = 1, 1
    made.Laterality = made.PatientOrientation = ""
    made.SynchronizationFrameOfReferenceUID = generate_uid(
        entropy_srcs=["synchronisation", str(recording.seed)]
    )
    made.SynchronizationTrigger, made.AcquisitionTimeSynchronized = "NO TRIGGER", "N"
    made.AcquisitionDateTime = "20000101000000"
    made.ImageType = ["ORIGINAL", "PRIMARY", "INTRAVASCULAR", "0001"]
    made.LossyImageCompression = "01" if compressed else "00"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows = made.Columns = display.size
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.NumberOfFrames = len(frames)
    made.FrameTime = f"{1000 / recording.frames_per_second:.6f}"[:16]
    made.FrameIncrementPointer = 0x00181063
    if recording.gated:
        made.IVUSAcquisition = "GATED_PULLBACK"
        made.IVUSGatedRate = f"{recording.motion.nominal[1]:.8f}"
    else:
        made.IVUSAcquisition = "MOTOR_PULLBACK"
        made.IVUSPullbackRate = f"{recording.rate_mm_s:g}"
    made.IVUSPullbackStartFrameNumber, made.IVUSPullbackStopFrameNumber = 1, len(frames)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = region.RegionLocationMaxY1 = display.size - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = display.scale / 10
    made.SequenceOfUltrasoundRegions = Sequence([region])
    if compressed:
        from PIL import Image

        packed = []
        for frame in frames:
            buffer = io.BytesIO()
            Image.fromarray(frame).save(buffer, "JPEG", quality=display.quality)
            packed.append(buffer.getvalue())
        made.PixelData = encapsulate(packed)
    else:
        raw = np.stack(frames).tobytes()
        made.PixelData = raw + b"\0" * (len(raw) % 2)
    return made


def truth(recording: SimulatedRecording, lines: list[EchoLines]) -> Curves:
    """What was really there, about the image's centre, as a reader's curves would have it."""
    display = recording.display
    count = len(lines)
    angle = np.arange(LINES) * (2 * np.pi / LINES)
    middle = (display.size - 1) / 2
    shift = (
        (display.centre[0] - middle) * np.cos(angle) + (display.centre[1] - middle) * np.sin(angle)
    ) * display.scale
    origin = {
        "drawn_by": "simulator",
        "input": {"kind": "simulated recording", "seed": recording.seed},
        "gated": recording.gated,
    }
    drawn = Curves.empty(np.arange(1, count + 1), recording.motion.nominal, LINES, 1.0, origin)
    for name, of in (
        ("lumen", "lumen"),
        ("eem", "eem"),
        ("calcium_edge", "edge"),
        ("stent", "stent"),
    ):
        getattr(drawn, name)[:] = np.stack([getattr(item, of) for item in lines]) + shift
    for name in ("calcium", "visible", "wire", "branch", "nodule"):
        getattr(drawn, name)[:] = np.stack([getattr(item, name) for item in lines])
    drawn.strut[:] = np.stack([item.strut & np.isfinite(item.stent) for item in lines])
    drawn.centre[:] = middle
    return replace(drawn, pixel_mm=display.scale)


def pullback(recording: SimulatedRecording, seen: dict[int, EchoLines] | None = None) -> Pullback:
    """The recording as a reader would hand it out, without
    a file; the truth of each frame is kept in ``seen``, by its position.
    """

    def images(positions: Iterable[int]) -> Iterator[Grey]:
        for position in positions:
            image, lines = recording.frame(position)
            if seen is not None:
                seen[position] = lines
            yield image

    side = recording.display.size
    origin = {
        "kind": "simulated recording",
        "sha256": f"seed-{recording.seed}",
        "frames": len(recording),
    }
    return Pullback(
        np.arange(1, len(recording) + 1),
        recording.motion.nominal,
        (side, side),
        recording.display.scale,
        recording.gated,
        origin,
        images,
        frames_per_second=None if recording.gated else recording.frames_per_second,
    )


def write(
    recording: SimulatedRecording, path: Path, told: Callable[[int, int], None] | None = None
) -> Curves:
    """Write a recording as DICOM; return the truth of its frames."""
    frames, lines = [], []
    for number in range(len(recording)):
        envelope, seen = recording.envelope(number)
        frames.append(recording.display.marked(recording.display.show(envelope, seen)))
        lines.append(seen)
        if told:
            told(number + 1, len(recording))
    made = dataset(recording, frames)
    beside = path.with_name(f".{path.name}")
    made.save_as(beside, enforce_file_format=True)
    beside.replace(path)
    return truth(recording, lines)
