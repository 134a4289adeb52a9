"""What readers take, what they make of it, and what they refuse with a reason."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.findings import facts
from calx.imaging.pullback import Pullback
from calx.imaging.readers.opened import open_recording
from calx.imaging.readers.outlines import spline
from calx.imaging.readers.sidecar import Sidecar

Edit = Callable[[Dataset], None]


@pytest.fixture
def changed(made: tuple[Path, Curves], tmp_path: Path) -> Callable[[Edit], Path]:
    """The recording with some of its elements changed."""

    def change(edit: Edit) -> Path:
        found = pydicom.dcmread(made[0])
        edit(found)
        path = tmp_path / "changed.dcm"
        found.save_as(path)
        return path

    return change


def read(path: Path, **told: Any) -> Pullback:
    found = open_recording(path, Sidecar.of(told))
    assert isinstance(found, Pullback)
    return found


def drop(*keywords: str) -> Edit:
    def edit(found: Dataset) -> None:
        for keyword in keywords:
            if keyword in found:
                delattr(found, keyword)

    return edit


def uncompressed(found: Dataset) -> np.ndarray:
    """Make a recording uncompressed; return its frames."""
    frames = found.pixel_array
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.PixelData = frames.tobytes()
    return frames


# --- scale and place -----------------------------------------------------------------


def test_the_recording_as_it_is(made: tuple[Path, Curves]) -> None:
    path, truth = made
    found = read(path)
    assert found.pixel_mm == pytest.approx(truth.pixel_mm)
    assert found.z_mm == pytest.approx(truth.z_mm, abs=1e-4)
    assert len(list(found.images(range(3)))) == 3


def test_the_size_of_a_pixel_from_the_region_else_the_spacing_else_not_at_all(
    changed: Callable[[Edit], Path],
) -> None:
    def spaced(found: Dataset) -> None:
        drop("SequenceOfUltrasoundRegions")(found)
        found.PixelSpacing = [0.02, 0.02]

    assert read(changed(spaced)).pixel_mm == 0.02
    bare = read(changed(drop("SequenceOfUltrasoundRegions")))
    assert bare.pixel_mm is None
    assert any("Give --spacing" in note for note in bare.notes)
    assert read(changed(drop("SequenceOfUltrasoundRegions")), spacing_mm=0.03).pixel_mm == 0.03


def test_two_sizes_of_a_pixel_are_a_contradiction_that_a_person_can_settle(
    changed: Callable[[Edit], Path],
) -> None:
    def both(found: Dataset) -> None:
        found.PixelSpacing = [0.5, 0.5]

    with pytest.raises(ImagingError, match="contradicts itself"):
        read(changed(both))
    assert read(changed(both), spacing_mm=0.02).pixel_mm == 0.02


def places(edit: Edit) -> Edit:
    """Without any of the elements that tell places, then edited."""

    def both(found: Dataset) -> None:
        drop(
            "IVUSPullbackRate",
            "IVUSAcquisition",
            "FrameTime",
            "IVUSPullbackStartFrameNumber",
            "IVUSPullbackStopFrameNumber",
        )(found)
        edit(found)

    return both


def motor(found: Dataset) -> None:
    found.IVUSAcquisition, found.IVUSPullbackRate, found.FrameTime = "MOTOR_PULLBACK", "0.5", "100"


def by_motor(edit: Edit) -> Edit:
    """Pulled by a motor, not gated, then edited."""

    def both(found: Dataset) -> None:
        motor(found)
        found.pop("IVUSGatedRate", None)
        edit(found)

    return both


def with_vector(found: Dataset) -> None:
    found.IVUSPullbackRate, found.FrameTimeVector = (
        "1.0",
        [0, *[50] * (int(found.NumberOfFrames) - 1)],
    )


def with_cine_rate(found: Dataset) -> None:
    found.IVUSPullbackRate, found.CineRate = "1.0", 20


def gated(found: Dataset) -> None:
    found.IVUSAcquisition, found.IVUSGatedRate = "GATED_PULLBACK", "0.05"


def boston(found: Dataset) -> None:
    found.FrameTime = "100"
    found.private_block(0x000B, "BOSTON SCIENTIFIC", create=True)
    found.add_new((0x000B, 0x1001), "LO", "0.5 ")


def by_distance(found: Dataset) -> None:
    items = []
    for number in range(int(found.NumberOfFrames)):
        item, content = Dataset(), Dataset()
        content.IntravascularLongitudinalDistance = 3 + number * 0.05
        item.IntravascularFrameContentSequence = Sequence([content])
        items.append(item)
    found.PerFrameFunctionalGroupsSequence = Sequence(items)


@pytest.mark.parametrize("edit", [motor, with_vector, with_cine_rate, gated, boston, by_distance])
def test_places_by_each_vocabulary(changed: Callable[[Edit], Path], edit: Edit) -> None:
    found = read(changed(places(edit)))
    assert np.diff(found.z_mm) == pytest.approx(0.05, abs=1e-6)
    assert found.z_mm[0] == 0
    assert found.gated is (edit is gated)


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: None,
        lambda found: setattr(found, "IVUSAcquisition", "MANUAL_PULLBACK"),
        lambda found: setattr(found, "IVUSPullbackRate", "0"),
    ],
)
def test_no_rate_no_length(changed: Callable[[Edit], Path], edit: Edit) -> None:
    assert np.isnan(read(changed(places(edit))).z_mm).all()


def test_only_frames_between_start_and_stop_belong_to_the_pullback(
    changed: Callable[[Edit], Path],
) -> None:
    def bounded(found: Dataset) -> None:
        found.IVUSPullbackStartFrameNumber, found.IVUSPullbackStopFrameNumber = 5, 14

    found = read(changed(bounded))
    assert found.frame.tolist() == list(range(5, 15))
    assert found.z_mm[0] == 0


# --- pixels --------------------------------------------------------------------------


def test_a_frame_is_the_same_whichever_way_it_is_stored(
    made: tuple[Path, Curves], changed: Callable[[Edit], Path]
) -> None:
    kept: list[np.ndarray] = []
    stored = read(changed(lambda found: kept.append(uncompressed(found))))
    assert (next(iter(stored.images([7]))) == kept[0][7]).all()

    def jpeg(found: Dataset) -> None:
        packed = []
        for frame in uncompressed(found):
            buffer = io.BytesIO()
            Image.fromarray(frame).save(buffer, "JPEG", quality=95)
            packed.append(buffer.getvalue())
        found.PixelData = encapsulate(packed)
        found["PixelData"].is_undefined_length = True
        found.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    near = next(iter(read(changed(jpeg)).images([7]))).astype(int)
    assert np.abs(near - kept[0][7]).mean() < 4


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_coloured_overlays_are_blanked_and_echoes_stay(
    changed: Callable[[Edit], Path], photometric: str
) -> None:
    kept: list[np.ndarray] = []

    def coloured(found: Dataset) -> None:
        frames = uncompressed(found)
        kept.append(frames)
        rgb = np.repeat(frames[..., None], 3, axis=-1)
        rgb[:, 20:40, 20:60] = (255, 220, 0)
        if photometric == "YBR_FULL":
            rgb = np.stack([np.asarray(Image.fromarray(frame).convert("YCbCr")) for frame in rgb])
        found.PhotometricInterpretation, found.SamplesPerPixel, found.PlanarConfiguration = (
            photometric,
            3,
            0,
        )
        found.PixelData = rgb.tobytes()

    grey = next(iter(read(changed(coloured)).images([3])))
    assert (grey[20:40, 20:60] == 0).all()
    assert np.abs(grey[100:].astype(int) - kept[0][3][100:]).max() <= 2


def test_a_long_recording_is_read_frame_by_frame(changed: Callable[[Edit], Path]) -> None:
    """Memory holds a few frames, not the recording."""

    def long(found: Dataset) -> None:
        frames = uncompressed(found)
        found.PixelData = np.tile(frames, (12, 1, 1)).tobytes()
        found.NumberOfFrames = len(frames) * 12
        drop("IVUSPullbackStartFrameNumber", "IVUSPullbackStopFrameNumber")(found)

    path = changed(long)
    tracemalloc.start()
    count = sum(1 for _ in read(path).images(range(300)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300
    assert peak < path.stat().st_size / 5


def test_the_region_of_the_cross_section_is_cut_out(changed: Callable[[Edit], Path]) -> None:
    def smaller(found: Dataset) -> None:
        region = found.SequenceOfUltrasoundRegions[0]
        region.RegionLocationMinX0, region.RegionLocationMaxX1 = 10, 309
        region.RegionLocationMinY0, region.RegionLocationMaxY1 = 20, 319

    found = read(changed(smaller))
    assert found.shape == (300, 300)
    assert next(iter(found.images([0]))).shape == (300, 300)


# --- what is refused -----------------------------------------------------------------


def no_frames(found: Dataset) -> None:
    found.NumberOfFrames = 0


def far_too_many(found: Dataset) -> None:
    found.NumberOfFrames = 10**9


def huge(found: Dataset) -> None:
    found.Rows = found.Columns = 60_000


def of_sixteen_bits(found: Dataset) -> None:
    found.BitsAllocated = 16


def of_another_kind(found: Dataset) -> None:
    found.Modality = "CT"


def contradictory(found: Dataset) -> None:
    found.SamplesPerPixel = 3


def oblong(found: Dataset) -> None:
    found.SequenceOfUltrasoundRegions[0].PhysicalDeltaY = 0.01


def cut(found: Dataset) -> None:
    uncompressed(found)
    found.PixelData = found.PixelData[: len(found.PixelData) // 2]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (no_frames, "no frames"),
        (far_too_many, "at most"),
        (huge, "60000 by 60000"),
        (of_sixteen_bits, "16 bits"),
        (of_another_kind, "modality is CT"),
        (contradictory, "contradicts itself"),
        (oblong, "square"),
        (cut, "cut short"),
    ],
)
def test_what_can_not_be_a_recording_is_refused_with_the_reason(
    changed: Callable[[Edit], Path], edit: Edit, reason: str
) -> None:
    with pytest.raises(ImagingError, match=reason):
        read(changed(edit))


def test_a_compressed_recording_that_was_cut_is_told_when_its_frames_are_read(
    made: tuple[Path, Curves], tmp_path: Path
) -> None:
    whole = made[0].read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ImagingError, match=r"cut short|decoded"):
        list(read(path).images(range(30)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no DICOM"),
        (b"hello" * 100, "no DICOM"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 500, "no DICOM"),
        (b"\x30\x82\x10\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03" + b"x" * 300, "encrypted"),
    ],
)
def test_no_recording_at_all(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    with pytest.raises(ImagingError, match=reason):
        read(path)


def raw(found: Dataset, keyword: str, vr: str, value: bytes) -> None:
    """Put bytes into an element without validation."""
    tag = pydicom.tag.Tag(keyword)
    found[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)


def spacing_with_commas(found: Dataset) -> None:
    del found.SequenceOfUltrasoundRegions
    raw(found, "PixelSpacing", "DS", b"0,01737\\0,01737 ")


def spacing_of_one(found: Dataset) -> None:
    del found.SequenceOfUltrasoundRegions
    raw(found, "PixelSpacing", "DS", b"0.01737 ")


def region_without_size(found: Dataset) -> None:
    del found.SequenceOfUltrasoundRegions[0].PhysicalDeltaX


def region_in_words(found: Dataset) -> None:
    found.SequenceOfUltrasoundRegions[0].PhysicalUnitsXDirection = 4


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (spacing_with_commas, "PixelSpacing"),
        (spacing_of_one, "PixelSpacing"),
        (region_without_size, "size of its pixels"),
        (region_in_words, "not in centimetres"),
    ],
)
def test_a_malformed_size_is_named_and_nothing_is_measured_in_mm(
    changed: Callable[[Edit], Path], edit: Edit, named: str
) -> None:
    found = read(changed(edit))
    assert found.pixel_mm is None
    assert named in " ".join(found.notes)


def rate_with_comma(found: Dataset) -> None:
    raw(found, "IVUSPullbackRate", "DS", b"0,5 ")


def private_rate(value: bytes, creator: bytes | None = b"BOSTON SCIENTIFIC ") -> Edit:
    def edit(found: Dataset) -> None:
        del found.IVUSPullbackRate
        if creator is not None:
            found.add_new((0x000B, 0x0010), "LO", creator.decode())
        found.add_new((0x000B, 0x1001), "UN", value)

    return edit


def far_too_fast(found: Dataset) -> None:
    found.IVUSPullbackRate = "500"


def seconds_for_milliseconds(found: Dataset) -> None:
    found.FrameTime = "0.1"


def two_rates(found: Dataset) -> None:
    found.CineRate = 60


def no_frame_time(found: Dataset) -> None:
    del found.FrameTime


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (rate_with_comma, "IVUSPullbackRate"),
        (private_rate(b"0,5 "), "(000B,1001)"),
        (private_rate(b"0.5 mm/s"), "(000B,1001)"),
        (private_rate(b"0.5 ", b"SOMEBODY ELSE "), "no pullback rate"),
        (private_rate(b"0.5 ", None), "no private creator"),
        (far_too_fast, "IVUSPullbackRate|pullback rate"),
        (seconds_for_milliseconds, "FrameTime"),
        (two_rates, "CineRate"),
        (no_frame_time, "no times of its frames"),
    ],
)
def test_a_rate_that_is_none_gives_no_length_with_the_reason(
    changed: Callable[[Edit], Path], edit: Edit, named: str
) -> None:
    found = read(changed(by_motor(edit)))
    assert np.isnan(found.z_mm).all()
    assert re.search(named.replace("(", r"\(").replace(")", r"\)"), " ".join(found.notes)), (
        found.notes
    )


def vector(*steps: float) -> Edit:
    def edit(found: Dataset) -> None:
        found.FrameTimeVector = [0, *(steps * int(found.NumberOfFrames))][
            : int(found.NumberOfFrames)
        ]

    return edit


def growing(found: Dataset) -> None:
    del found.FrameTime
    found.FrameTimeVector = [33 * k for k in range(int(found.NumberOfFrames))]


def shown_only(found: Dataset) -> None:
    del found.FrameTime
    found.RecommendedDisplayFrameRate = 30


def gated_without_a_beat(found: Dataset) -> None:
    found.IVUSAcquisition = "GATED_PULLBACK"


def two_makers(found: Dataset) -> None:
    found.private_block(0x000B, "BOSTON SCIENTIFIC", create=True)
    found.add_new((0x000B, 0x1001), "LO", "1.0")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (vector(33.3), "contradicts itself"),
        (growing, "holds times or steps"),
        (shown_only, "no times of its frames"),
        (gated_without_a_beat, "IVUSGatedRate"),
        (two_makers, "contradicts itself"),
    ],
)
def test_times_and_rates_that_contradict_or_mean_something_else_give_no_length(
    changed: Callable[[Edit], Path], edit: Edit, named: str
) -> None:
    found = read(changed(by_motor(edit)))
    assert np.isnan(found.z_mm).all()
    assert named in " ".join(found.notes)


def beyond(found: Dataset) -> None:
    found.SequenceOfUltrasoundRegions[0].RegionLocationMaxX1 = 9000


def two_scales(found: Dataset) -> None:
    other = Dataset()
    other.update(found.SequenceOfUltrasoundRegions[0])
    other.PhysicalDeltaX = other.PhysicalDeltaY = float(other.PhysicalDeltaX) * 1.2
    found.SequenceOfUltrasoundRegions = Sequence([found.SequenceOfUltrasoundRegions[0], other])


def not_square(found: Dataset) -> None:
    found.PixelAspectRatio = [500, 595]


@pytest.mark.parametrize(
    ("edit", "named"),
    [(beyond, "does not lie in"), (two_scales, "contradicts itself"), (not_square, "square")],
)
def test_scales_that_contradict_are_refused(
    changed: Callable[[Edit], Path], edit: Edit, named: str
) -> None:
    with pytest.raises(ImagingError, match=named):
        read(changed(edit))


def test_luma_and_chroma_that_are_called_rgb_are_refused(changed: Callable[[Edit], Path]) -> None:
    def edit(found: Dataset) -> None:
        frames = uncompressed(found)
        told = np.repeat(frames[..., None], 3, 3)
        told[..., 1:] = 128
        found.PixelData, found.SamplesPerPixel = told.tobytes(), 3
        found.PhotometricInterpretation, found.PlanarConfiguration = "RGB", 0

    with pytest.raises(ImagingError, match="luma"):
        list(read(changed(edit)).images([0]))


def test_a_folder_holds_one_kind_of_input(made: tuple[Path, Curves], tmp_path: Path) -> None:
    (tmp_path / "pullback.dcm").write_bytes(made[0].read_bytes())
    assert len(read(tmp_path)) > 1
    Image.new("L", (100, 100)).save(tmp_path / "preview.png")
    with pytest.raises(ImagingError, match="give one of them"):
        read(tmp_path)


def test_two_distances_of_frames_are_a_contradiction() -> None:
    with pytest.raises(ImagingError, match="keep one"):
        Sidecar.of({"frame_spacing_mm": 0.6, "rate_mm_s": 0.5, "frames_per_second": 2.5})


def too_long(found: Dataset) -> None:
    motor(found)
    found.IVUSPullbackRate, found.FrameTime = "20", "1000"


def test_a_pullback_longer_than_any_is_none(changed: Callable[[Edit], Path]) -> None:
    found = read(changed(too_long))
    assert np.isnan(found.z_mm).all()
    assert "would make a pullback of" in " ".join(found.notes)


def uncounted(found: Dataset) -> None:
    uncompressed(found)
    drop("NumberOfFrames", "IVUSPullbackStartFrameNumber", "IVUSPullbackStopFrameNumber")(found)


def fewer_than_there_are(found: Dataset) -> None:
    found.NumberOfFrames = int(found.NumberOfFrames) - 3


def more_than_there_are(found: Dataset) -> None:
    found.NumberOfFrames = int(found.NumberOfFrames) + 3


@pytest.mark.parametrize("edit", [uncounted, fewer_than_there_are, more_than_there_are])
def test_frames_that_are_not_those_the_header_says_are_refused(
    changed: Callable[[Edit], Path], edit: Edit
) -> None:
    with pytest.raises(ImagingError, match=r"holds [0-9]+"):
        read(changed(edit))


def test_of_several_regions_the_square_one_is_the_cross_section(
    changed: Callable[[Edit], Path],
) -> None:
    def along(found: Dataset) -> None:
        square = found.SequenceOfUltrasoundRegions[0]
        size = int(found.Rows)
        square.RegionLocationMaxX1, square.RegionLocationMaxY1 = size // 2, size // 2
        other = Dataset()
        other.update(square)
        other.RegionLocationMinX0, other.RegionLocationMinY0 = 0, size // 2 + 1
        other.RegionLocationMaxX1, other.RegionLocationMaxY1 = size - 1, size - 1
        found.SequenceOfUltrasoundRegions = Sequence([other, square])

    found = read(changed(along))
    assert found.shape[0] == found.shape[1]


# --- images --------------------------------------------------------------------------


def test_a_folder_of_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        Image.new("L", (100, 100), number).save(tmp_path / f"frame{number}.png")
    (tmp_path / "pullback.json").write_text(
        json.dumps({"spacing_mm": 0.02, "rate_mm_s": 0.5, "frames_per_second": 10})
    )
    found = read(tmp_path)
    assert [int(grey[0, 0]) for grey in found.images(range(3))] == [1, 9, 10]
    assert found.z_mm == pytest.approx([0, 0.4, 0.45])
    assert "frames 2 to 8 are not there" in found.notes[-1]
    assert found.pixel_mm == 0.02
    assert read(tmp_path, spacing_mm=0.03).pixel_mm == 0.03


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["frame_1.png", "frame_1.jpg", "frame_2.png"], "one number"),
        (["frame_1.png", "frame_01.png"], "one number"),
        (["frame_1.png", "picture.png"], "differ in more than a number"),
    ],
)
def test_frames_whose_order_is_not_known_are_refused(
    tmp_path: Path, names: list[str], said: str
) -> None:
    for name in names:
        Image.new("L", (100, 100)).save(tmp_path / name)
    with pytest.raises(ImagingError, match=said):
        read(tmp_path)


def test_what_a_mac_leaves_beside_frames_is_none_and_a_mark_before_json_is_read(
    tmp_path: Path,
) -> None:
    for number in (1, 2):
        Image.new("L", (100, 100)).save(tmp_path / f"frame_{number}.png")
    (tmp_path / "._frame_1.png").write_bytes(b"attributes")
    (tmp_path / "pullback.json").write_bytes(b'\xef\xbb\xbf{"spacing_mm": 0.02}')
    assert read(tmp_path).pixel_mm == 0.02
    (tmp_path / "pullback.json").write_text('{"spacing_mm": 0.02, "spacing_mm": 0.03}')
    with pytest.raises(ImagingError, match="more than once"):
        read(tmp_path)


def test_frames_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImagingError, match="no DICOM recording"):
        read(tmp_path)
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(ImagingError, match="no image"):
        read(tmp_path)
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    Image.new("L", (100, 101)).save(tmp_path / "b.png")
    with pytest.raises(ImagingError, match="one size"):
        read(tmp_path)


# --- contours ------------------------------------------------------------------------


def circle(
    x: float, y: float, radius: float, start: float = 0, stop: float = 360, count: int = 12
) -> list[list[float]]:
    angle = np.deg2rad(np.linspace(start, stop, count, endpoint=stop - start < 360))
    return [(x + radius * np.cos(angle)).tolist(), (y + radius * np.sin(angle)).tolist()]


def test_holorama_knots_are_splines_and_open_ones_claim_nothing_beyond_their_ends(
    tmp_path: Path,
) -> None:
    def part(
        *contours: Any, closed: bool = True, start: Any = None, end: Any = None
    ) -> dict[str, Any]:
        return {
            "contours": list(contours),
            "closed": [closed] * len(contours),
            "start_coords": [start or []] * len(contours),
            "end_coords": [end or []] * len(contours),
        }

    frame = {
        "phase": "D",
        "lumen": part(circle(250, 250, 60)),
        "eem": part(circle(250, 250, 90, 0, 270, 10), closed=False),
        "calcium": part(circle(250, 250, 66, 10, 110, 8), closed=False),
        "wire": part([[250 + 50, 250 + 50], [250, 250 + 9]], closed=False),
    }
    path = tmp_path / "case_contours_ho_0_11_0.json"
    path.write_text(
        json.dumps({"0": frame, "1": {**frame, "phase": "-"}, "2": frame, "gating_signal": {}})
    )
    drawn = open_recording(path, Sidecar.of({"spacing_mm": 0.02, "frame_spacing_mm": 0.4}))
    assert isinstance(drawn, Curves)
    assert drawn.frame.tolist() == [1, 3]
    assert drawn.z_mm == pytest.approx([0, 0.8])
    found = facts(drawn)
    assert found.readings.lumen_area.value == pytest.approx(np.pi * 1.2**2, rel=1e-3)
    assert found.readings.arc.value == pytest.approx(100, abs=1)
    assert found.readings.hidden == pytest.approx(90, abs=1)
    assert found.readings.eem_diameter.value == pytest.approx(3.6, rel=0.01)


def test_a_periodic_spline_is_smooth_and_goes_through_its_knots() -> None:
    knots = np.array(circle(0, 0, 1)).T
    points = spline(knots, closed=True)
    assert np.hypot(*points.T) == pytest.approx(1, abs=2e-3)
    assert np.abs(points[:, None] - knots[None]).sum(-1).min(axis=0).max() < 4e-3


def test_echoplaque_contours_with_their_calibration(tmp_path: Path) -> None:
    def contour(kind: str, radius: float) -> str:
        x, y = circle(250, 250, radius, count=90)
        points = "".join(f"<p>{a:.3f},{b:.3f}</p>" for a, b in zip(x, y, strict=True))
        return f"<Ctr><Npts>90</Npts><Type>{kind}</Type>{points}</Ctr>"

    frames = "".join(
        f"<Fm><Num>{k}</Num>{contour('L', 60)}{contour('V', 90)}</Fm>" for k in range(3)
    )
    calibration = "<ImageCalibration><XCalibration>0.02</XCalibration><YCalibration>0.02</YCalibration><AcqRateInFPS>10</AcqRateInFPS><PullbackSpeed>0.5</PullbackSpeed></ImageCalibration>"
    path = tmp_path / "case.xml"
    path.write_text(
        f"<AnalysisState><Demographics><PatientName>Somebody</PatientName></Demographics>{calibration}<FrameState>{frames}</FrameState></AnalysisState>"
    )
    drawn = open_recording(path)
    assert isinstance(drawn, Curves)
    found = facts(drawn)
    assert found.readings.lumen_area.value == pytest.approx(np.pi * 1.2**2, rel=2e-3)
    assert drawn.z_mm == pytest.approx([0, 0.05, 0.1])
    assert "Somebody" not in json.dumps(dict(drawn.provenance))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", '{"0": {"lumen": 5}}', "lumen|HolOrama"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type"),
        ("a.xml", "<a>", "echoPlaque"),
        ("lumen_contours.csv", "1 2 3\n", "frame x y z"),
        ("lumen_contours.csv", "1 2 x 4\n", "frame x y z"),
    ],
)
def test_contours_that_are_none_are_told(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ImagingError, match=reason):
        open_recording(tmp_path / name)


def test_curves_come_back_as_they_were_saved(made: tuple[Path, Curves], tmp_path: Path) -> None:
    made[1].save(tmp_path / "curves.npz")
    again = Curves.load(tmp_path / "curves.npz")
    assert all(
        np.array_equal(getattr(made[1], name), getattr(again, name), equal_nan=True)
        for name in ("lumen", "eem", "calcium", "z_mm", "frame")
    )
    assert facts(again).facts == facts(made[1]).facts
    np.savez(tmp_path / "other.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ImagingError, match="curves"):
        Curves.load(tmp_path / "other.npz")
