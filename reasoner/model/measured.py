"""The measured facts of a case: what was read from a recording, and what a person made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY = "measured"


STATUSES = ("measured", "interpolated", "undecided", "refused")


CLAIMED = STATUSES[:2]


@dataclass(frozen=True)
class Measured:
    """What is known of measured facts.

    Attributes:
        facts: by fact, what was measured: ``value``, ``interval``, ``unit``, ``status``,
            ``reason``, ``frames``, and ``correction`` where a person overruled it.
        source: the rest: ``model``, ``input``, ``software``, ``protocol``, ``drawn_by``,
            ``measures``, …, as given.
    """

    facts: Mapping[str, Mapping[str, Any]]
    source: Mapping[str, Any] = field(default_factory=dict)

    def premise(self, fact: str) -> dict[str, Any] | None:
        """What a step of the proof says of a measured fact; None for one that was not measured."""
        entry = self.facts.get(fact)
        if entry is None:
            return None
        told = {key: entry.get(key) for key in ("value", "interval", "status", "frames")}
        by_person = {"corrected": "correction", "confirmed": "confirmed"}
        return told | {key: entry[name] for key, name in by_person.items() if entry.get(name)}

    def json(self) -> dict[str, Any]:
        """As the answer shows it."""
        return {**self.source, "facts": dict(self.facts)}
