"""The file between the two layers: what was drawn in
each frame, by a network, a person or a simulator.

A frame is described by lines around a centre. On each line the radius of every curve with its
spread, and how probable it is that calcium, the guide wire, a side branch, a strut, … lies there. A
missing claim is NaN, never zero. The facts layer reads nothing else.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from calx.atomic import write_atomically
from calx.imaging.errors import ImagingError

Radii = NDArray[np.float32]

FORMAT = "calx-curves-3"
WITHOUT_PHASE = "calx-curves-2"
EARLIER = "calx-curves-1"
"""Did not say which layers were drawn: all of them by a model, unknown of a person's contours."""
ARRAYS = (
    "lumen",
    "lumen_sd",
    "eem",
    "eem_sd",
    "calcium",
    "calcium_edge",
    "stent",
    "visible",
    "wire",
    "branch",
    "strut",
    "nodule",
)
WHOLE = re.compile(r"\.0(?=[,\n]|$)")
"""The end of a whole number, which a table does without."""
PER_FRAME = ("frame", "z_mm", "refused", "phase", "centre")


LAYERS = ("lumen", "eem", "calcium", "branch", "stent", "wire", "nodule")
"""What can be drawn in a frame."""


@dataclass(frozen=True)
class Curves:
    """Curves of a pullback: ``f`` frames of ``n`` evenly spaced lines; line 0 points to the image's
    right, then clockwise as seen.

    Attributes:
        frame: ``(f,)`` numbers of the frames in the recording, from 1.
        z_mm: ``(f,)`` position along the vessel, mm from the first frame; NaN where the recording
            does not tell.
        scale_mm: mm of one unit of the radii: 1.0 when they are in mm, None when only pixels are
            known.
        lumen: ``(f, n)`` radius of the lumen's border.
        lumen_sd: its standard deviation.
        eem: radius of the external elastic membrane; NaN where nothing is claimed.
        eem_sd: its standard deviation.
        calcium: probability 0..1 that the line holds calcium; NaN where the drawer does not say.
        calcium_edge: radius of the calcium's leading edge; read only where calcium is likely.
        stent: radius of a stent's struts; read only in frames with struts.
        visible: probability that the membrane can be seen.
        wire: probability that the guide wire hides the line.
        branch: probability that a side branch opens there.
        strut: probability of a stent strut.
        nodule: probability that the calcium protrudes as a nodule.
        refused: ``(f,)`` why nothing is claimed of a frame; empty where something is.
        phase: ``(f,)`` of the heart, as share of a beat, where a beat was found in the pictures:
            0 in the frames that are read, one a beat; NaN where none was found.
        centre: ``(f, 2)`` the lines' centre in the image, (column, row) pixels; NaN without an
            image.
        pixel_mm: mm a pixel of the image; NaN when unknown.
        drawn: which of `LAYERS` the drawer looked for. Of another layer nothing is claimed: that
            none was drawn does not say that none is there.
        provenance: who drew, from what: ``drawn_by``, ``input``, ``model``, ``software``, ….
    """

    frame: NDArray[np.int64]
    z_mm: NDArray[np.float64]
    scale_mm: float | None
    lumen: Radii
    lumen_sd: Radii
    eem: Radii
    eem_sd: Radii
    calcium: Radii
    calcium_edge: Radii
    stent: Radii
    visible: Radii
    wire: Radii
    branch: Radii
    strut: Radii
    nodule: Radii
    refused: NDArray[np.str_]
    phase: NDArray[np.float64]
    centre: NDArray[np.float64]
    pixel_mm: float = float("nan")
    drawn: frozenset[str] = frozenset(LAYERS)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.lumen.shape
        wrong = [name for name in ARRAYS if getattr(self, name).shape != shape]
        wrong += [name for name in PER_FRAME if len(getattr(self, name)) != shape[0]]
        if len(shape) != 2 or wrong:
            raise ImagingError(f"curves of unequal size: {', '.join(wrong) or 'lumen'}")

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def lines(self) -> int:
        """How many lines describe a frame."""
        return int(self.lumen.shape[1])

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Curves:
        """The curves of some frames."""
        per_frame = (*ARRAYS, *PER_FRAME)
        return replace(self, **{name: getattr(self, name)[chosen] for name in per_frame})

    @property
    def one_phase(self) -> bool:
        """All frames are of one phase of the heart, by the recording or by their pictures."""
        return bool(self.provenance.get("gated", False)) or bool((self.phase == 0).all())

    def read(self) -> Curves:
        """The frames that facts are read from: one a beat where a beat was found, else all."""
        return self.part(self.phase == 0) if (self.phase == 0).any() else self

    @classmethod
    def empty(
        cls,
        frame: NDArray[np.int64],
        z_mm: NDArray[np.floating],
        lines: int,
        scale_mm: float | None,
        provenance: Mapping[str, Any],
        drawn: Iterable[str] = LAYERS,
    ) -> Curves:
        """Curves that claim nothing yet: radii NaN, probabilities 0, the membrane visible."""
        count = len(frame)
        nothing: dict[str, Any] = {
            name: np.full((count, lines), np.nan, np.float32)
            for name in ("lumen", "lumen_sd", "eem", "eem_sd", "calcium_edge", "stent")
        }
        never: dict[str, Any] = {
            name: np.zeros((count, lines), np.float32)
            for name in ("calcium", "wire", "branch", "strut", "nodule")
        }
        return cls(
            frame=np.asarray(frame, np.int64),
            z_mm=np.asarray(z_mm, np.float64),
            scale_mm=scale_mm,
            visible=np.ones((count, lines), np.float32),
            refused=np.full(count, "", dtype="<U200"),
            phase=np.full(count, np.nan),
            centre=np.full((count, 2), np.nan),
            drawn=frozenset(drawn),
            provenance=dict(provenance),
            **nothing,
            **never,
        )

    def save(self, path: Path) -> None:
        """Write an NPZ file, whole or not at all."""
        packed = io.BytesIO()
        arrays = {name: getattr(self, name) for name in (*ARRAYS, *PER_FRAME)}
        header = {
            "format": FORMAT,
            "scale_mm": self.scale_mm,
            "pixel_mm": None if np.isnan(self.pixel_mm) else self.pixel_mm,
            "drawn": sorted(self.drawn),
            "provenance": dict(self.provenance),
        }
        np.savez_compressed(
            packed,
            header=np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8),
            **arrays,
        )
        write_atomically(path, packed.getvalue())

    @classmethod
    def load(cls, path: Path) -> Curves:
        """Read what :meth:`save` wrote; nothing in the file is executed.

        Raises:
            ImagingError: it is no such file, or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as packed:
                header = json.loads(packed["header"].tobytes())
                if header.get("format") == EARLIER:
                    if header["provenance"].get("drawn_by") != "model":
                        raise ImagingError(
                            "curves of drawn contours, written before it was kept which layers "
                            "were drawn; read the contours again",
                            path,
                        )
                    header["drawn"] = LAYERS
                elif header.get("format") not in (FORMAT, WITHOUT_PHASE):
                    raise ImagingError(
                        f"curves of format {header.get('format')!r}; this version reads {FORMAT!r}",
                        path,
                    )
                arrays = {
                    part.name: packed[part.name] for part in fields(cls) if part.name in packed
                }
                if header["format"] != FORMAT:  # the heart was not looked for
                    arrays["phase"] = np.full(len(arrays["frame"]), np.nan)
            pixel, scale = header["pixel_mm"], header["scale_mm"]
            found = cls(
                **arrays,
                scale_mm=_length(scale),
                pixel_mm=float("nan") if pixel is None else float(_length(pixel) or 0.0),
                drawn=frozenset(header["drawn"]),
                provenance=dict(header["provenance"]),
            )
            wrong = found.impossible()
        except ImagingError:
            raise
        except Exception as error:  # numpy and zipfile raise whatever a damaged file is to them
            raise ImagingError(
                f"no curves file that can be read ({error}); give the curves.npz of a report", path
            ) from None
        if wrong:
            raise ImagingError(f"no curves that a report wrote: {wrong}", path)
        return found

    def impossible(self) -> str:
        """What cannot be in curves that were drawn; empty when nothing is."""
        if not isinstance(self.provenance.get("gated", False), bool):
            return "gated is not true or false"
        if (np.diff(self.frame) <= 0).any() and (np.diff(self.frame) >= 0).any():
            return "its frame numbers do not run one way"
        if self.scale_mm not in (None, 1.0) and not 0 < float(self.scale_mm or 0) < 1:
            return f"a unit of {self.scale_mm} mm"
        if not self.drawn <= set(LAYERS):
            return f"layers {', '.join(sorted(self.drawn - set(LAYERS)))}"
        for name in ("calcium", "visible", "wire", "branch", "strut", "nodule"):
            values = getattr(self, name)
            if ((values < 0) | (values > 1)).any():
                return f"{name} is no probability"
        for name in ("lumen", "lumen_sd", "eem", "eem_sd", "stent", "calcium_edge"):
            if (getattr(self, name) < 0).any() or np.isinf(getattr(self, name)).any():
                return f"{name} is no length"
        if ((self.phase < 0) | (self.phase >= 1)).any():
            return "phase is no share of a heartbeat"
        steps = np.diff(self.z_mm)
        known = np.isfinite(steps)
        if (known.any() and not known.all()) or ((steps <= 0).any() and (steps >= 0).any()):
            return "its frames do not follow each other along the vessel"
        return ""

    def table(self) -> str:
        """CSV, a row a line: radii in mm (empty without
        a scale), pixel positions, probabilities.
        """
        head = (
            *("frame", "z_mm", "angle_deg", "lumen_mm", "lumen_sd_mm", "eem_mm", "eem_sd_mm"),
            *("calcium", "calcium_edge_mm", "visible", "wire", "branch", "strut"),
            *("lumen_x_px", "lumen_y_px", "eem_x_px", "eem_y_px"),
        )
        angles = np.arange(self.lines) * (360 / self.lines)
        cosine, sine = np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))
        scale = np.nan if self.scale_mm is None else self.scale_mm
        pixels = 1.0 if self.scale_mm is None else self.scale_mm / self.pixel_mm
        written = [",".join(head)]
        for f in range(len(self)):
            x, y = self.centre[f]
            lengths = [
                part[f] * scale for part in (self.lumen, self.lumen_sd, self.eem, self.eem_sd)
            ]
            likely = [part[f] for part in (self.visible, self.wire, self.branch, self.strut)]
            places = [
                at
                for radius in (self.lumen[f] * pixels, self.eem[f] * pixels)
                for at in (x + radius * cosine, y + radius * sine)
            ]
            rows = np.empty((self.lines, len(head)))
            edge = self.calcium_edge[f] * scale
            columns = [*lengths, self.calcium[f], edge, *likely, *places]
            rows[:, 0], rows[:, 1], rows[:, 2] = self.frame[f], np.round(self.z_mm[f], 4), angles
            rows[:, 3:] = np.round(np.stack(columns, axis=1), 4)
            told = orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY).decode()
            written.append(told[2:-2].replace("],[", "\n").replace("null", ""))
        return WHOLE.sub("", "\n".join(written)) + "\n"


def _length(value: object) -> float | None:
    """A length of a header; a text is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(value)
