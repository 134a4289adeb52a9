"""What-if: how sure an answer is, and what would change it, asked of one case."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calx.reasoner.engine.answer import Answer
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.solver import SOLVING
from calx.reasoner.whatif.compare import SideBySide, compare
from calx.reasoner.whatif.cuts import Cuts
from calx.reasoner.whatif.errors import MeasurementError, error_of
from calx.reasoner.whatif.goals import Goal
from calx.reasoner.whatif.joint import Joint, joint
from calx.reasoner.whatif.next_facts import Frequencies, Next, decided, next_facts
from calx.reasoner.whatif.stability import Elsewhere, Stability, stability
from calx.reasoner.whatif.towards import Towards, Ways
from calx.reasoner.whatif.why_not import WhyNot, why_not


@dataclass(frozen=True)
class HowSure:
    """Everything that was asked of one answer.

    Attributes:
        decided: the same whatever the unknown facts are; None: not decided.
        lesions: of the sample that tells how often values are met; 0: each counts the same.
    """

    answer: Answer
    stability: tuple[Stability, ...]
    errors: Mapping[str, MeasurementError]
    joint: Joint | None
    decided: bool | None
    next: tuple[Next, ...]
    lesions: int
    why_not: tuple[WhyNot, ...]
    to: Ways | None = None
    comparison: SideBySide | None = None


class WhatIf:
    """Asks how sure the answers of a reasoner are; made once, for any number of cases.

    >>> import calx
    >>> reasoner = calx.Reasoner.load()
    >>> answer = reasoner.recommend({"case_id": "a", "reference_vessel_diameter_mm": 3})
    >>> asked = WhatIf(reasoner).ask(answer)
    >>> asked.stability[0].fact, asked.decided
    ('reference_vessel_diameter_mm', False)
    """

    def __init__(self, reasoner: Reasoner, lesions: Iterable[Mapping[str, Any]] = ()) -> None:
        self._reasoner = reasoner
        self._cuts = Cuts(reasoner.guideline)
        self._towards = Towards(reasoner)
        self._frequencies = Frequencies(reasoner.evaluation, lesions)

    def ask(self, answer: Answer, to: Goal | None = None, other: Answer | None = None) -> HowSure:
        """How sure an answer is.

        Args:
            answer: of a case.
            to: an outcome; what would lead to it.
            other: the answer to a case to compare with.
        """
        elsewhere = Elsewhere(self._reasoner, answer, self._cuts)
        facts = self._reasoner.guideline.facts
        errors = {
            name: error
            for name in answer.case.facts
            if (error := error_of(self._reasoner.guideline, answer.case, facts[name]))
        }
        with SOLVING:
            settled = decided(elsewhere, self._towards)
            further = [] if settled else next_facts(elsewhere, self._towards, self._frequencies)
            ways = None if to is None else self._towards.ways(elsewhere, to, errors)
        return HowSure(
            answer,
            tuple(stability(elsewhere)),
            errors,
            joint(elsewhere, errors),
            settled,
            tuple(further),
            self._frequencies.lesions,
            tuple(why_not(answer)),
            ways,
            None if other is None else compare(elsewhere, other),
        )


def registry(directory: Path) -> list[dict[str, Any]]:
    """The lesions of the registry of a guideline's folder; none where it has none."""
    path = directory / "registry" / "lesions.jsonl"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
