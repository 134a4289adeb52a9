"""Contours as tables, JSON and XML; DICOM recordings; folders of frames. Three or five frames each."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from calx.imaging.errors import ImagingError
from calx.imaging.facts.findings import Findings, facts
from calx.imaging.pullback import Pullback
from calx.imaging.readers.contours import read_contours
from calx.imaging.readers.opened import open_recording
from calx.imaging.readers.sidecar import Sidecar
from calx.imaging.reading import Asked
from calx.imaging.reading import read as read_recording
from calx.imaging.simulator import dicom, simulate
from tests.damage.texts import Damage, all_of
from tests.damage.watch import Came, watch
from tests.imaging.test_contours import crescent, ring
from tests.sampling import much

pytestmark = pytest.mark.long
TEXT = much(1000, 100)
IMAGES = much(300, 60)
ARCS = (100, 280, 300, 290, 120)
"""Degrees of calcium in five frames, 0.7 mm apart."""


def claimed(found: Findings) -> Came:
    """What findings claim, with intervals, and every reason and note beside."""
    told = {**found.facts, **found.measures}
    words = [f"{item.name}: {item.reason}" for item in told.values() if item.reason]
    words += map(str, found.provenance.get("notes", ()))
    return Came(
        {
            name: (item.value, item.low, item.high)
            for name, item in told.items()
            if item.claimed and name not in BESIDE
        },
        " ".join(words),
    )


BESIDE = ("free_wall_mm", "plaque_burden_at_mla_percent", "calcium_leading_edge_depth_fraction")
"""Measures of the frame that another measure chose: with another frame they are others."""


def tried(read: Callable[[], Came]) -> Came:
    try:
        return read()
    except ImagingError as error:
        assert "Traceback" not in str(error)
        return Came(words=str(error))


# --- contours -------------------------------------------------------------------------


def drawn(k: int) -> dict[str, np.ndarray]:
    return {
        "": ring(1.2, count=40),
        "eem_": ring(1.6, count=40),
        "calcium_": crescent(ARCS[k])[::6],
    }


def table(layer: str) -> str:
    return "".join(
        f"{20 * k + 13}\t{x:.4f}\t{y:.4f}\t{0.7 * k:.3f}\n"
        for k in range(5)
        for x, y in drawn(k)[layer]
    )


def scaled(text: str, factor: float) -> str:
    """Points in another unit; frames and places as they were."""
    lines = [line.split("\t") for line in text.splitlines()]
    return "".join(
        f"{n}\t{float(x) * factor:g}\t{float(y) * factor:g}\t{z}\n" for n, x, y, z in lines
    )


def test_tables_of_contours(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    layers = ("", "eem_", "calcium_")
    good = {layer: table(layer) for layer in layers}
    every = "\f".join(good.values())

    def read(content: bytes) -> Came:
        shutil.rmtree(tmp_path / "set", ignore_errors=True)
        (tmp_path / "set").mkdir()
        for layer, part in zip(layers, content.split(b"\f"), strict=True):
            if part != b"no file":
                (tmp_path / "set" / f"{layer}diastolic_contours.csv").write_bytes(part)
        return tried(lambda: claimed(facts(read_contours(tmp_path / "set"))))

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", every.encode()
        layer = source.choice(layers)

        def one(part: bytes) -> bytes:
            return b"\f".join(part if k == layer else good[k].encode() for k in layers)

        for name, part in all_of(good[layer], source):
            yield f"{layer or 'lumen_'}: {name}", one(part.replace(b"\f", b""))
        yield f"{layer or 'lumen_'}: no file", one(b"no file")
        for factor in (10, 0.1, 25.4, 1 / 25.4, 1000, 50):
            yield (
                f"{layer or 'lumen_'}: times {factor:g}",
                one(scaled(good[layer], factor).encode()),
            )
            yield (
                f"all: times {factor:g}",
                "\f".join(scaled(t, factor) for t in good.values()).encode(),
            )
        frame = source.choice((33, 53, 73))
        for name, parts in (
            (f"frame {frame} gone from {layer}", {layer: without(good[layer], frame)}),
            (f"frame {frame} gone", {k: without(t, frame) for k, t in good.items()}),
        ):
            yield name, "\f".join(parts.get(k, good[k]) for k in layers).encode()
        other = source.choice([k for k in layers if k != layer])
        yield (
            f"{layer} and {other} swapped",
            "\f".join(good[{layer: other, other: layer}.get(k, k)] for k in layers).encode(),
        )
        for name, order in (
            ("x and z swapped", (0, 3, 2, 1)),
            ("frame and x swapped", (1, 0, 2, 3)),
        ):
            lines = [
                "\t".join(line.split("\t")[k] for k in order) for line in good[layer].splitlines()
            ]
            yield f"{layer or 'lumen_'}: {name}", one("\n".join(lines).encode())
        yield (
            f"{layer or 'lumen_'}: z in cm",
            one(
                "\n".join(
                    "\t".join([*line.split("\t")[:3], f"{float(line.split(chr(9))[3]) / 10:g}"])
                    for line in good[layer].splitlines()
                ).encode()
            ),
        )

    watch(damages, read, TEXT, "contour tables", request)


def without(text: str, frame: int) -> str:
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith(f"{frame}\t"))


def test_contours_in_json(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    def part(points: np.ndarray) -> dict[str, Any]:
        return {"contours": [np.round(points * 50, 2).T.tolist()], "closed": [True]}

    frames = {
        str(20 * k): {
            "phase": "D",
            "lumen": part(ring(1.2, count=24)),
            "eem": part(ring(1.6, count=24)),
            "calcium": part(crescent(ARCS[k])[::10]),
        }
        for k in range(5)
    }
    text = "{\n" + ",\n".join(f'"{key}": {json.dumps(of)}' for key, of in frames.items()) + "\n}"
    path = tmp_path / "contours.json"
    told = Sidecar.of({"spacing_mm": 0.02, "frame_spacing_mm": 0.035})

    def read(content: bytes) -> Came:
        path.write_bytes(content)
        return tried(lambda: claimed(facts(read_contours(path, told))))

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", text.encode()
        yield from all_of(text, source)
        for name, change in JSON_WAYS.items():
            found = json.loads(text)
            change(found, source)
            yield name, json.dumps(found).encode()
        key = source.choice(list(frames))
        yield "a frame twice", (text[:-2] + f', "{key}": {json.dumps(frames["40"])}}}').encode()

    watch(damages, read, TEXT, "contour JSON", request, may_lose=lambda name: "renamed" in name)


def _pop(kind: str) -> Callable[[dict[str, Any], random.Random], None]:
    def change(found: dict[str, Any], source: random.Random) -> None:
        found[source.choice(("20", "40", "60"))].pop(kind)

    return change


def _all(kind: str, value: Any) -> Callable[[dict[str, Any], random.Random], None]:
    def change(found: dict[str, Any], source: random.Random) -> None:
        for frame in found.values():
            frame[kind] = value

    return change


def _one(kind: str, value: Any) -> Callable[[dict[str, Any], random.Random], None]:
    def change(found: dict[str, Any], source: random.Random) -> None:
        found[source.choice(list(found))][kind] = value

    return change


def _swap(one: str, other: str) -> Callable[[dict[str, Any], random.Random], None]:
    def change(found: dict[str, Any], source: random.Random) -> None:
        for frame in found.values():
            frame[one], frame[other] = frame[other], frame[one]

    return change


def _times(factor: float) -> Callable[[dict[str, Any], random.Random], None]:
    def change(found: dict[str, Any], source: random.Random) -> None:
        for frame in found.values():
            for kind in ("lumen", "eem", "calcium"):
                frame[kind]["contours"] = (np.array(frame[kind]["contours"]) * factor).tolist()

    return change


def _shuffled(found: dict[str, Any], source: random.Random) -> None:
    frame = found[source.choice(list(found))]
    knots = list(zip(*frame[source.choice(("lumen", "eem"))]["contours"][0], strict=True))
    source.shuffle(knots)
    for axis in (0, 1):
        frame["lumen"]["contours"][0][axis] = [knot[axis] for knot in knots]


JSON_WAYS: dict[str, Callable[[dict[str, Any], random.Random], None]] = {
    "without a lumen": _pop("lumen"),
    "without a membrane": _pop("eem"),
    "without calcium amid": _pop("calcium"),
    "calcium empty in all": _all("calcium", {"contours": [], "closed": []}),
    "calcium null in all": _all("calcium", None),
    "calcium a list": _one("calcium", []),
    "calcium a number": _one("calcium", 5),
    "calcium of one point": _one("calcium", {"contours": [[[5], [5]]], "closed": [True]}),
    "calcium in text": _one("calcium", {"contours": [[["1", "2"], ["1", "2"]]]}),
    "calcium of unequal axes": _one("calcium", {"contours": [[[1, 2, 3], [1, 2]]]}),
    "membrane null in all": _all("eem", None),
    "lumen and membrane swapped": _swap("lumen", "eem"),
    "lumen and calcium swapped": _swap("lumen", "calcium"),
    "membrane and calcium swapped": _swap("eem", "calcium"),
    "in mm": _times(0.02),
    "in cm": _times(0.002),
    "in micrometres": _times(20),
    "a phase of words": _one("phase", "diastolic"),
    "not to be analysed": _one("unanalyzable", True),
    "in the guiding catheter": _one("guiding_catheter", True),
    "knots in any order": _shuffled,
}


def test_contours_in_xml(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    def contour(letter: str, points: np.ndarray) -> str:
        told = "".join(f"<p>{x:.2f},{y:.2f}</p>\n" for x, y in points * 50)
        return f"<Ctr><Npts>{len(points)}</Npts><Type>{letter}</Type>\n{told}</Ctr>\n"

    frames = "".join(
        f"<Fm><Num>{k}</Num>\n{contour('L', ring(1.2 - 0.02 * k, count=30))}"
        f"{contour('V', ring(1.8 - 0.03 * k, count=30))}</Fm>\n"
        for k in range(3)
    )
    text = (
        "<AnalysisState>\n<ImageCalibration>\n<XCalibration>0.02</XCalibration>\n"
        "<YCalibration>0.02</YCalibration>\n<AcqRateInFPS>1</AcqRateInFPS>\n"
        "<PullbackSpeed>0.5</PullbackSpeed>\n</ImageCalibration>\n"
        f"<FrameState>\n{frames}</FrameState>\n</AnalysisState>\n"
    )
    path = tmp_path / "case.xml"

    def read(content: bytes) -> Came:
        path.write_bytes(content)
        return tried(lambda: claimed(facts(read_contours(path))))

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", text.encode()
        yield from all_of(text, source)
        for name, old, new in (
            ("layers swapped", "<Type>L", "<Type>X"),
            ("a layer of calcium", "<Type>V", "<Type>C"),
            ("calibration in cm", "0.02<", "0.002<"),
            ("calibration in um", "0.02<", "20<"),
            ("calibration of one axis", "<YCalibration>0.02</YCalibration>", ""),
            ("no calibration", "Calibration>0.02", "Calibration>"),
            ("speed in cm", ">0.5<", ">0.05<"),
            ("speed in um", ">0.5<", ">500<"),
            ("no rate", "<AcqRateInFPS>1</AcqRateInFPS>", ""),
            ("an entity", "<AnalysisState>", '<!DOCTYPE a [<!ENTITY b "c">]>\n<AnalysisState>'),
            (
                "another encoding",
                "<AnalysisState>",
                '<?xml version="1.0" encoding="utf-16"?><AnalysisState>',
            ),
            ("a frame twice", "<Num>1<", "<Num>0<"),
            ("a frame in words", "<Num>1<", "<Num>one<"),
            ("points with decimal commas", "</p>", ",25</p>"),
            ("a comment in a number", "<PullbackSpeed>0.5", "<PullbackSpeed>0.<!-- -->5"),
        ):
            yield name, text.replace(old, new).encode()
        swapped = text.replace("<Type>L", "<Type>?").replace("<Type>V", "<Type>L")
        yield "lumen and vessel swapped", swapped.replace("<Type>?", "<Type>V").encode()

    watch(damages, read, TEXT, "contour XML", request)


# --- recordings -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames, not compressed, not gated."""
    path = tmp_path_factory.mktemp("kin") / "good.dcm"
    dicom.write(simulate(4_000_011, 3.0, 1.0, 40), path)
    found = pydicom.dcmread(path)
    pixels = found.pixel_array[:3]
    found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    found.PixelData, found.NumberOfFrames = pixels.tobytes(), 3
    for keyword in ("IVUSGatedRate", "IVUSPullbackStartFrameNumber", "IVUSPullbackStopFrameNumber"):
        found.pop(keyword, None)
    found.IVUSAcquisition, found.IVUSPullbackRate, found.FrameTime = "MOTOR_PULLBACK", "0.5", "2000"
    found.LossyImageCompression = "00"
    found.save_as(path)
    return path


class Reader:
    """Reads a recording; the network runs only where what was read is not what the good one gives."""

    def __init__(self, asked: Asked | None = None) -> None:
        self.asked = asked or Asked(device="cpu", threads=1)
        self._good: tuple[Any, Came] | None = None
        self.ran = 0

    def __call__(self, path: Path) -> Came:
        def read() -> Came:
            source = open_recording(path, Sidecar.of(dict(self.asked.told)))
            assert isinstance(source, Pullback)
            pixels = [frame.tobytes() for frame in source.images(range(len(source)))]
            seen = (source.pixel_mm, source.z_mm.tolist(), source.gated, pixels)
            if self._good is not None and repr(seen) == repr(self._good[0]):
                return self._good[1]
            self.ran += 1
            found = read_recording(path, self.asked)
            told = claimed(found.findings)
            came = Came(told.facts, " ".join([found.refusal, told.words, *source.notes]))
            if self._good is None:
                self._good = seen, came
            return came

        return tried(read)


def put(keyword: str, vr: str, value: bytes) -> Callable[[Dataset], None]:
    def edit(found: Dataset) -> None:
        tag = Tag(keyword)
        found[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)

    return edit


def region(**more: Any) -> Callable[[Dataset], None]:
    def edit(found: Dataset) -> None:
        for keyword, value in more.items():
            if value is None:
                found.SequenceOfUltrasoundRegions[0].pop(keyword, None)
            else:
                setattr(found.SequenceOfUltrasoundRegions[0], keyword, value)

    return edit


def scale(factor: float) -> Callable[[Dataset], None]:
    def edit(found: Dataset) -> None:
        only = found.SequenceOfUltrasoundRegions[0]
        only.PhysicalDeltaX = only.PhysicalDeltaY = float(only.PhysicalDeltaX) * factor

    return edit


def pixels(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Dataset], None]:
    def edit(found: Dataset) -> None:
        frames = np.ascontiguousarray(change(found.pixel_array.copy()))
        found.NumberOfFrames, found.Rows, found.Columns = frames.shape[:3]
        found.PixelData = frames.astype(np.uint8).tobytes()

    return edit


def attribute(keyword: str, value: Any) -> Callable[[Dataset], None]:
    def edit(found: Dataset) -> None:
        if value is None:
            found.pop(keyword, None)
        else:
            setattr(found, keyword, value)

    return edit


def header_ways(source: random.Random) -> Iterator[tuple[str, Callable[[Dataset], None]]]:
    """Elements dropped, malformed, localised, in other units, in contradiction."""
    for keyword in (
        "IVUSPullbackRate",
        "FrameTime",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "BitsAllocated",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Modality",
        "SequenceOfUltrasoundRegions",
        "PixelData",
        "IVUSAcquisition",
    ):
        yield f"without {keyword}", attribute(keyword, None)
    for text in (
        b"0,5 ",
        b"0.5 mm/s",
        b"0.5\\1 ",
        b"",
        b"NaN ",
        b"1e999 ",
        b"- ",
        b"\xff\xfe",
        b"0.05",
        b"500 ",
        b"5e-4",
        b"0.5.0 ",
        b"1_0 ",
    ):
        yield f"rate {text!r}", put("IVUSPullbackRate", "DS", text)
    for text in (b"2000,0", b"2 ", b"2e6 ", b"2000 ms ", b"0 ", b"-2000 ", b"2000\\2000 "):
        yield f"frame time {text!r}", put("FrameTime", "DS", text)
    for text in (b"3,0 ", b"2 ", b"4 ", b"0 ", b"-3", b"3.5 ", b"three ", b"99999999999"):
        yield f"frames {text!r}", put("NumberOfFrames", "IS", text)
    for text in (b"0,02\\0,02 ", b"0.02", b"0.02\\0.03 ", b"0.5\\0.5 ", b"0\\0 ", b"0.02\\x "):
        yield f"spacing {text!r}", put("PixelSpacing", "DS", text)
    yield "frame times for other frames", attribute("FrameTimeVector", [0, 2000])
    yield "frame times backwards", attribute("FrameTimeVector", [0, -5, 3])
    yield "another rate of frames", attribute("CineRate", 60)
    yield "start beyond the end", attribute("IVUSPullbackStartFrameNumber", 9)
    yield "stop before the start", attribute("IVUSPullbackStopFrameNumber", 1)
    yield "manual", attribute("IVUSAcquisition", "MANUAL_PULLBACK")
    yield "another bit depth", attribute("BitsStored", 12)
    yield "another photometry", attribute("PhotometricInterpretation", "MONOCHROME1")
    yield "colour", attribute("SamplesPerPixel", 3)
    yield "of the heart", attribute("Modality", "XA")
    for keyword in (
        "PhysicalDeltaX",
        "PhysicalDeltaY",
        "PhysicalUnitsXDirection",
        "RegionLocationMaxX1",
        "RegionSpatialFormat",
    ):
        yield f"region without {keyword}", region(**{keyword: None})
    yield "region in seconds", region(PhysicalUnitsXDirection=4)
    yield "region of no size", region(PhysicalDeltaX=0.0, PhysicalDeltaY=0.0)
    yield "region beyond the frame", region(RegionLocationMaxX1=9999)
    yield "region moved", region(RegionLocationMinX0=30)
    yield "region narrow", region(RegionLocationMaxX1=70, RegionLocationMaxY1=70)
    yield (
        "regions twice",
        lambda found: setattr(
            found,
            "SequenceOfUltrasoundRegions",
            Sequence([*found.SequenceOfUltrasoundRegions, *found.SequenceOfUltrasoundRegions]),
        ),
    )
    for factor in (0.1, 10, 2.54, 0.5, 0.4, 2.5, 1000):
        yield f"scale times {factor:g}", scale(factor)


def picture_ways(source: random.Random) -> Iterator[tuple[str, Callable[[Dataset], None]]]:
    """Pictures that are not one round field with the catheter in its middle."""
    for shift in ((15, 0), (0, -15), (12, 12), (40, 0)):
        yield f"moved by {shift}", pixels(partial(np.roll, shift=shift, axis=(1, 2)))
    yield "cropped on a side", pixels(lambda f: f[:, 40:, 40:])
    yield "cropped on two sides", pixels(lambda f: f[:, :, 60:])
    yield "in a window", pixels(_window)
    yield "in a corner of a screen", pixels(lambda f: np.pad(f, ((0, 0), (0, 400), (0, 500))))
    yield "inverted", pixels(lambda f: 255 - f)
    yield "black", pixels(lambda f: f * 0)
    yield "white", pixels(lambda f: f * 0 + 255)
    yield "noise", pixels(lambda f: np.random.default_rng(1).integers(0, 255, f.shape))
    yield (
        "half of each frame",
        pixels(lambda f: np.where(np.arange(f.shape[1])[:, None] < f.shape[1] // 2, f, 0)),
    )
    yield (
        "a frame of another recording",
        pixels(lambda f: f[[0, 0, 2]] * np.array([1, 0, 1])[:, None, None]),
    )


def _window(frames: np.ndarray) -> np.ndarray:
    window = np.full((len(frames), frames.shape[1] + 200, frames.shape[2] + 260), 214, np.uint8)
    window[:, 120 : 120 + frames.shape[1], 30 : 30 + frames.shape[2]] = frames
    return window


def test_recordings_in_dicom(
    recording: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    good, path, reader = recording.read_bytes(), tmp_path / "kin.dcm", Reader()

    def read(content: bytes) -> Came:
        path.write_bytes(content)
        return reader(path)

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", good
        ways = [*header_ways(source), *picture_ways(source)]
        source.shuffle(ways)
        for name, edit in ways:
            found = pydicom.dcmread(recording)
            stream = io.BytesIO()
            try:
                edit(found)
                found.save_as(stream)
            except Exception:  # pydicom refuses to write what no machine wrote either
                continue
            yield name, stream.getvalue()
        for _ in range(6):
            yield "cut short", good[: source.randrange(len(good))]
        head = good.index(b"\xe0\x7f\x10\x00")
        for _ in range(6):
            at = source.randrange(140, head)
            yield (
                "a byte of the header turned",
                good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :],
            )
        yield "doubled", good + good

    def may_lose(name: str) -> bool:
        return name.startswith("a byte")

    watch(damages, read, IMAGES, "DICOM", request, may_lose=may_lose)


def test_folders_of_frames(recording: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A folder travels as a packed list of names and contents."""
    found = pydicom.dcmread(recording)
    mm = float(found.SequenceOfUltrasoundRegions[0].PhysicalDeltaX) * 10
    told = json.dumps(
        {"spacing_mm": round(mm, 6), "rate_mm_s": 0.5, "frames_per_second": 0.5}, indent=1
    )

    def png(frame: np.ndarray, kind: str = "PNG", mode: str = "L") -> bytes:
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame)).convert(mode).save(stream, kind)
        return stream.getvalue()

    frames = [found.pixel_array[k] for k in range(3)]
    files = {f"frame_{k + 1}.png": png(frame) for k, frame in enumerate(frames)}
    reader, folder = Reader(), tmp_path / "folder"

    def packed(content: dict[str, bytes]) -> bytes:
        return repr(content).encode()

    def read(content: bytes) -> Came:
        import ast

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, part in ast.literal_eval(content.decode()).items():
            (folder / name).write_bytes(part)
        return reader(folder)

    def damages(source: random.Random) -> Iterator[Damage]:
        good = {**files, "pullback.json": told.encode()}
        yield "none", packed(good)
        for name, text in all_of(told, source):
            yield f"pullback.json: {name}", packed({**files, "pullback.json": text})
        for key, factor in (
            ("spacing_mm", 10),
            ("spacing_mm", 0.1),
            ("spacing_mm", 0.5),
            ("rate_mm_s", 1000),
            ("rate_mm_s", 0.1),
            ("frames_per_second", 1000),
        ):
            other = json.loads(told)
            other[key] *= factor
            yield (
                f"{key} times {factor}",
                packed({**files, "pullback.json": json.dumps(other).encode()}),
            )
        two = good["frame_2.png"]

        def renamed(name: str) -> dict[str, bytes]:
            rest = {key: part for key, part in good.items() if key != "frame_2.png"}
            return {**rest, name: two}

        for name in (
            "frame_02.png",
            "frame_3.jpg",
            "frame_03.png",
            "frame_two.png",
            "Frame 2.png",
            "frame_2 (1).png",
            "frame_22.png",
            "frame_1_2.png",
            "._frame_2.png",
        ):
            yield f"a frame renamed {name}", packed(renamed(name))
        yield "a frame gone", packed({k: v for k, v in good.items() if k != "frame_2.png"})
        yield "a frame twice", packed({**good, "frame_2.jpg": two})
        yield "a frame beside", packed({**good, "frame_2 copy.png": two})
        yield "a Mac's attributes", packed({**good, "._frame_1.png": b"\0\5\x16\7"})
        yield "another picture", packed({**good, "logo.png": png(frames[0][:100, :100])})
        yield "a thumbnail file", packed({**good, "Thumbs.db": b"x"})
        yield (
            "a frame cut short",
            packed({**good, "frame_2.png": two[: source.randrange(len(two))]}),
        )
        at = source.randrange(len(two))
        turned = two[:at] + bytes([two[at] ^ 0x55]) + two[at + 1 :]
        yield "a byte of a frame turned", packed({**good, "frame_2.png": turned})
        yield "a frame of another size", packed({**good, "frame_2.png": png(frames[1][:-2, :-2])})
        yield "a frame in colour", packed({**good, "frame_2.png": png(frames[1], mode="RGB")})
        yield "a frame of two levels", packed({**good, "frame_2.png": png(frames[1], mode="1")})
        sixteen = io.BytesIO()
        Image.fromarray(frames[1].astype(np.uint16) * 257).save(sixteen, "PNG")
        yield "a frame of 16 bits", packed({**good, "frame_2.png": sixteen.getvalue()})
        for name, change in FRAME_WAYS.items():
            yield (
                name,
                packed(
                    {f"frame_{k + 1}.png": png(change(f)) for k, f in enumerate(frames)}
                    | {"pullback.json": told.encode()}
                ),
            )

    watch(damages, read, IMAGES, "folder of frames", request, may_lose=lambda name: "gone" in name)


FRAME_WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "moved": lambda f: np.roll(f, (15, 0), (0, 1)),
    "cropped": lambda f: f[40:, 40:],
    "in a window": lambda f: _window(f[None])[0],
    "made larger": lambda f: np.asarray(
        Image.fromarray(f).resize((f.shape[1] * 2, f.shape[0] * 2))
    ),
    "made smaller": lambda f: np.asarray(
        Image.fromarray(f).resize((f.shape[1] // 2, f.shape[0] // 2))
    ),
    "stretched": lambda f: np.asarray(Image.fromarray(f).resize((f.shape[1] * 2, f.shape[0]))),
    "inverted": lambda f: 255 - f,
    "black": lambda f: f * 0,
}
