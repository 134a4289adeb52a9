"""From curves to the facts of the guideline: numpy only, no model, the same arithmetic for a
network's curves and a person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calx.imaging.facts.along import Along, not_drawn
from calx.imaging.facts.burden import BurdenReader
from calx.imaging.facts.calcium import CalciumReader
from calx.imaging.facts.calibration import Calibration
from calx.imaging.facts.curves import Curves
from calx.imaging.facts.frames import Readings
from calx.imaging.facts.measurement import UNDECIDED, Measurement, refused
from calx.imaging.facts.protocol import Protocol, protocol
from calx.imaging.facts.stent import Stent, StentReader
from calx.imaging.facts.vessel import VesselReader


@dataclass(frozen=True)
class Findings:
    """What a recording says.

    Attributes:
        facts: facts of the guideline by name, refused and undecided ones included.
        measures: other measurements that help to judge them.
        readings: of each frame.
        curves: what they were read from: of one phase of the heart where a beat was found.
        whole: all that was drawn.
        provenance: of the curves, with the reading protocol's digest.
    """

    facts: Mapping[str, Measurement]
    measures: Mapping[str, Measurement]
    readings: Readings
    curves: Curves
    whole: Curves
    provenance: Mapping[str, Any]


def facts(
    curves: Curves,
    calibration: Calibration | None = None,
    *,
    stent: Stent | None = None,
    distal_first: bool = True,
    rules: Protocol | None = None,
) -> Findings:
    """Derive the facts.

    Args:
        curves: of a recording.
        calibration: of their drawer; from the curves' provenance unless given.
        stent: where a stent was implanted; its facts are read then, and the reference frames lie
            beyond its edges.
        distal_first: the recording runs from distal to proximal, as a pullback does.
        rules: the reading protocol, the shipped one unless given.
    """
    if calibration is None:
        calibration = (
            Calibration(**curves.provenance["calibration"])
            if "calibration" in curves.provenance
            else Calibration()
        )
    along = Along(curves.read(), calibration, rules or protocol(), distal_first)
    calcium, vessel = CalciumReader(along), VesselReader(along)
    found = calcium.facts() | vessel.facts()
    if stent is not None:
        found |= StentReader(along).facts(stent)
    provenance = dict(curves.provenance) | {"protocol": along.rules.digest}
    provenance.pop("calibration", None)
    return Findings(
        {name: item.rounded() for name, item in found.items()},
        measures(along, calcium, vessel),
        along.readings,
        along.curves,
        curves,
        provenance,
    )


def _told(burden: Measurement, along: Along) -> Measurement:
    """A plaque burden, or that blood and plaque look too much alike to tell it."""
    wide = (burden.high or 0.0) - (burden.low or 0.0)
    if wide <= along.rules.burden_open_percent:
        return burden
    return replace(
        burden,
        value=None,
        status=UNDECIDED,
        reason="blood and plaque look too much alike there: look at the moving picture",
    )


def measures(along: Along, calcium: CalciumReader, vessel: VesselReader) -> dict[str, Measurement]:
    """Decisions and sizes that are no facts of the guideline but stand behind them."""
    found = [
        calcium.long_wide_arc(),
        calcium.ring(),
        vessel.smallest("minimum_lumen_area_mm2", np.arange(len(along.curves))),
        *BurdenReader(along).measures(),
    ]
    lumen = np.isfinite(along.readings.lumen_area.value).any()
    if lumen and along.curves.scale_mm is not None:
        at = int(np.nanargmin(vessel.narrowness()))
        burden = along.readings.plaque_burden
        found.append(
            _told(
                along.bounded("plaque_burden_at_mla_percent", "percent", burden, at, most=100.0),
                along,
            )
            if np.isfinite(burden.value[at])
            else refused(
                "plaque_burden_at_mla_percent",
                "percent",
                "the membrane is hidden there" if "eem" in along.drawn else not_drawn("eem"),
            )
        )
    if along.usable.any() and "calcium" in along.drawn and along.curves.scale_mm is not None:
        widest = int(np.nanargmax(along.arc.value))
        if np.isfinite(along.readings.free_wall[widest]) and along.arc.value[widest] > 0:
            found.append(
                Measurement(
                    "free_wall_mm",
                    float(along.readings.free_wall[widest]),
                    unit="mm",
                    frames=along.numbers(np.array([widest])),
                )
            )
    return {item.name: item.rounded() for item in found}
