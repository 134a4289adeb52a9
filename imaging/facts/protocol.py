"""The reading protocol: the numbers by which curves
become facts, kept as data with their reasons.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("protocol.json")


@dataclass(frozen=True)
class Plausible:
    """What a physical quantity of a recording can be; a value outside is a mistake of its source.

    Attributes:
        least: the smallest value, in the ``unit``.
        most: the largest.
        unit: as people write it.
    """

    least: float
    most: float
    unit: str

    def holds(self, value: float) -> bool:
        """Whether a recording can have this value; no number cannot."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least:g} to {self.most:g} {self.unit}"


@dataclass(frozen=True)
class Protocol:
    """One attribute a parameter of ``protocol.json``, which says what each is and why.

    Attributes:
        digest: of the file.
        plausible: what physical quantities can be, by name.
    """

    digest: str
    plausible: Mapping[str, Plausible]
    gap_closed_deg: float
    arc_counted_deg: float
    length_arc_deg: float
    length_bridge_mm: float
    wide_arc_deg: float
    wide_length_mm: float
    ring_length_mm: float
    ring_frames: float
    ring_wire_deg: float
    superficial_fraction: float
    near_lumen_mm: float
    mixed_share: float
    membrane_flagged_deg: float
    membrane_refused_deg: float
    reference_window_mm: float
    reference_hidden_deg: float
    reference_frames: float
    nodule_edge_mm: float
    nodule_protrusion_mm: float
    nodule_narrow_deg: float
    nodule_wide_deg: float
    nodule_frames: float
    heart_mm: float
    spread_deg: float
    bound_z: float
    depth_stretch_deg: float
    shadow_deg: float
    shadow_open_deg: float
    shadow_open_mm: float
    burden_open_percent: float
    reader_mm: float
    reader_arc_percent: float
    wall_opposite_deg: float
    depth_window_mm: float
    window_mm: float
    contour_lines: float
    reference_burden_percent: float
    gap_factor: float
    sizes_differ_percent: float
    centre_off_percent: float
    usual_field_mm: float
    usual_catheter_mm: float
    usual_eem_mm: float


@lru_cache
def protocol(path: Path = FILE) -> Protocol:
    """Read the protocol; every parameter has to be there, and no other."""
    text = path.read_bytes()
    told = json.loads(text)
    found = {name: float(entry["value"]) for name, entry in told["parameters"].items()}
    plausible = {
        name: Plausible(float(entry["least"]), float(entry["most"]), entry["unit"])
        for name, entry in told["plausible"].items()
    }
    known = {item.name for item in fields(Protocol)} - {"digest", "plausible"}
    if set(found) != known:
        raise ValueError(
            f"{path}: the protocol must have exactly the parameters {', '.join(sorted(known))}; "
            f"differing: {', '.join(sorted(set(found) ^ known))}"
        )
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    return Protocol(digest=digest, plausible=plausible, **found)
