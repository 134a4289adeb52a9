"""Findings as a case that the guideline can answer:
its facts, and with each of them where it comes from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import calx
from calx.atomic import write_atomically
from calx.imaging.facts.findings import Findings

NOTICE = "Not for clinical use. Measurements for research and for professionals to confirm."


def case(findings: Findings, case_id: str | None = None) -> dict[str, Any]:
    """The case of a recording.

    A fact that was measured or interpolated stands in the case; one that is undecided or refused
    does not, and so is unknown to the guideline. ``measured`` keeps all of them, with value,
    interval, status, reason and frames, who drew the curves and from what input.
    """
    told = dict(findings.provenance)
    input_ = told.get("input", {})
    facts = {name: item.plain() for name, item in findings.facts.items()}
    return {
        "case_id": case_id or f"pullback-{str(input_.get('sha256', 'unknown'))[:12]}",
        **{name: entry["value"] for name, entry in facts.items() if findings.facts[name].claimed},
        "measured": {
            "notice": NOTICE,
            "drawn_by": told.get("drawn_by"),
            "model": told.get("model"),
            "input": input_,
            "gated": bool(told.get("gated")),
            "beat": told.get("beat"),
            "software": {"calx": calx.__version__},
            "device": told.get("device"),
            "notes": [str(note) for note in told.get("notes", ())],
            "protocol": told["protocol"],
            "facts": facts,
            "measures": {name: item.plain() for name, item in findings.measures.items()},
        },
    }


def save(found: dict[str, Any], path: Path) -> None:
    """Write a case as JSON, whole or not at all."""
    write_atomically(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
