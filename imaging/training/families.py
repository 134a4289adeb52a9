"""Families of machines: what is left out of training to see how a model does where it never was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from calx.imaging.simulator.recording import SimulatedRecording, simulate

FAMILIES: Mapping[str, Callable[[SimulatedRecording], bool]] = {
    "20 MHz": lambda seen: seen.catheter.frequency_mhz == 20,
    "50 and 60 MHz": lambda seen: seen.catheter.frequency_mhz >= 50,
    "strong clutter": lambda seen: seen.catheter.clutter[1] > -6,
    "coarse grain": lambda seen: seen.catheter.coarseness > 1.08,
    "grey floor": lambda seen: seen.display.floor > 0,
}
"""By name, whether a recording belongs to it; they overlap."""


def of(recording: SimulatedRecording) -> tuple[bool, ...]:
    """To which of :data:`FAMILIES` a recording belongs."""
    return tuple(belongs(recording) for belongs in FAMILIES.values())


def members(seeds: range, family: str, count: int) -> Iterator[int]:
    """The first ``count`` seeds whose recordings belong to a family."""
    found = 0
    for seed in seeds:
        if found == count:
            return
        if FAMILIES[family](simulate(seed, length_mm=2.0, frames_per_mm=1.0)):
            found += 1
            yield seed
