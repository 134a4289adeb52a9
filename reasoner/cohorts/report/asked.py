"""What a report is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.settings import read
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import Status
from calx.reasoner.model.values import LARGEST

NO_DEVICE = "none"
"""What a word stands for that says that no device was used."""
REPORT = Path("registry") / "report.yaml"
"""In a guideline's folder: what parts lesions, and by how much readings are shifted."""


@dataclass(frozen=True)
class ReportScope:
    """What a report is about.

    Attributes:
        by: columns by which lesions are parted.
        more: of these, those that were asked for beside the guideline's own.
        patient: the column of patients, whose lesions are alike; None: each lesion is its own.
        site: the column of sites.
        performed: the column of the device that was used.
        words: what words of that column stand for, beside the ids of the guideline.
        describe: the facts by which lesions are described.
        before: a fact and the value that it has in lesions described before the device was used.
        shifts: by fact, so much more or less in its readings.
        rejects: the file of the rows that were not answered.
        least: counts from 1 to one less are not shown; 0 shows all.
        language: of the words.
    """

    by: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    patient: str | None = None
    site: str | None = None
    performed: str | None = None
    words: tuple[tuple[str, str], ...] = ()
    describe: tuple[str, ...] = ()
    before: tuple[str, str] | None = None
    shifts: tuple[tuple[str, Decimal], ...] = ()
    rejects: Path | None = None
    least: int = 0
    language: str = "en"


def by_default(guideline: Guideline, directory: Path) -> ReportScope:
    """What a guideline's folder says that a report is about.

    Raises:
        CohortError: it says what there is not.
    """
    path, content = directory / REPORT, _content(directory)
    by, describe = ([str(name) for name in content.get(key) or ()] for key in ("by", "describe"))
    before = {str(name): str(value) for name, value in (content.get("before") or {}).items()}
    for name in (*by, *describe, *before):
        fact = guideline.facts.get(name)
        if fact is None or not fact.given:
            raise CohortError(f"{path}: {name}: unknown fact")
        if name in before and before[name] not in fact.values:
            raise CohortError(f"{path}: before: {before[name]} is no value of {name}")
    return ReportScope(
        tuple(by),
        describe=tuple(describe),
        before=next(iter(before.items()), None),
        shifts=shifts(guideline, [*(content.get("shifts") or {}).items()]),
    )


def _content(directory: Path) -> dict[str, Any]:
    path = directory / REPORT
    if not path.is_file():
        return {}
    content = read(path)
    kinds = {"by": list, "describe": list, "before": dict, "shifts": dict}
    if not isinstance(content, dict) or not content.keys() <= kinds.keys():
        raise CohortError(f"{path}: has the keys {', '.join(kinds)}")
    for key, kind in kinds.items():
        if not isinstance(content.get(key) or kind(), kind):
            raise CohortError(f"{path}: {key}: is a {'list' if kind is list else 'map'}")
    return content


def pairs(told: Sequence[str]) -> list[tuple[str, str]]:
    """What was told as ``NAME=VALUE`` each.

    Raises:
        CohortError: there is no ``=``.
    """
    for one in told:
        if "=" not in one:
            raise CohortError(f"{one}: is told as NAME=VALUE")
    return [
        (name.strip(), value.strip()) for name, _, value in (one.partition("=") for one in told)
    ]


def words(guideline: Guideline, told: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What words stand for, each a thing that stands in the guideline's order.

    Raises:
        CohortError: there is no such thing.
    """
    known = {
        thing.id
        for section in guideline.sections
        if isinstance(section, Status) and section.ranked
        for thing in guideline.of_kind(section.kind)
    }
    found = pairs(told)
    for word, id_ in found:
        if id_ not in known and id_ != NO_DEVICE:
            raise CohortError(
                f"{word}={id_}: the guideline knows {', '.join(sorted(known))}; {NO_DEVICE} says "
                "that no device was used"
            )
    return tuple(found)


def shifts(
    guideline: Guideline, told: Sequence[tuple[str, Any]]
) -> tuple[tuple[str, Decimal], ...]:
    """By how much the readings of numbers are shifted.

    Args:
        guideline: whose facts they are.
        told: facts, and by how much.

    Raises:
        CohortError: there is no such number.
    """
    return tuple((name, _by(guideline, name, by)) for name, by in told)


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
