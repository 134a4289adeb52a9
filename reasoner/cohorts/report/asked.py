"""What a report is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.values import LARGEST

REPORT = Path("registry") / "report.yaml"
"""In a guideline's folder: what parts lesions, and by how much readings are shifted."""


@dataclass(frozen=True)
class ReportScope:
    """What a report is about.

    Attributes:
        by: columns by which lesions are parted.
        patient: the column of patients, whose lesions are alike; None: each lesion is its own.
        site: the column of sites.
        performed: the column of the device that was used, by its id in the guideline.
        shifts: by fact, so much more or less in its readings.
        rejects: the file of the rows that were not answered.
        language: of the words.
    """

    by: tuple[str, ...] = ()
    patient: str | None = None
    site: str | None = None
    performed: str | None = None
    shifts: tuple[tuple[str, Decimal], ...] = ()
    rejects: Path | None = None
    language: str = "en"


def parted(directory: Path) -> tuple[str, ...]:
    """The facts by which a guideline's folder parts lesions."""
    return tuple(str(name) for name in _content(directory).get("by") or ())


def _content(directory: Path) -> dict[str, Any]:
    path = directory / REPORT
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CohortError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(content, dict):
        raise CohortError(f"{path}: has the keys by and shifts")
    return content


def shifts(
    guideline: Guideline, directory: Path, told: Sequence[str] | None
) -> tuple[tuple[str, Decimal], ...]:
    """By how much the readings of numbers are shifted.

    Args:
        guideline: whose facts they are.
        directory: of the guideline.
        told: ``FACT=BY`` each; None: what the guideline's folder says.

    Raises:
        CohortError: there is no such number.
    """
    pairs: list[tuple[str, Any]]
    if told is not None:
        pairs = [(name, by) for name, _, by in (one.partition("=") for one in told)]
    else:
        pairs = [*(_content(directory).get("shifts") or {}).items()]
    return tuple((name, _by(guideline, name, by)) for name, by in pairs)


def _by(guideline: Guideline, name: str, by: Any) -> Decimal:
    fact = guideline.facts.get(name)
    if fact is None or not fact.given or fact.kind not in ("number", "integer"):
        raise CohortError(f"{name}: is no number that a lesion has")
    try:
        step = Decimal(str(by))
    except InvalidOperation:
        raise CohortError(f"{name}={by}: say by how much, such as {name}=1") from None
    if not step.is_finite() or not 0 < step < LARGEST:
        raise CohortError(f"{name}={by}: is a number above 0; both directions are looked at")
    return step
