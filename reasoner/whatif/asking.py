"""What-if: how sure an answer is, and what would change it, asked of one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calx.reasoner.engine.answer import Answer
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.solver import SOLVING
from calx.reasoner.whatif.compare import SideBySide, compare
from calx.reasoner.whatif.completions import decided, together
from calx.reasoner.whatif.errors import MeasurementError, errors_of
from calx.reasoner.whatif.goals import Goal
from calx.reasoner.whatif.joint import Joint, joint
from calx.reasoner.whatif.next_facts import Next, frequencies_of, in_order, next_facts
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

    def __init__(self, reasoner: Reasoner) -> None:
        self._reasoner = reasoner
        self._towards = Towards(reasoner)

    def ask(
        self,
        answer: Answer,
        to: Goal | None = None,
        other: Answer | None = None,
        whole: bool = False,
    ) -> HowSure:
        """How sure an answer is.

        Args:
            answer: of a case.
            to: an outcome; what would lead to it.
            other: the answer to a case to compare with.
            whole: criteria and actions are told apart too, as people read them; the public contract
                is of strategy, devices and alerts.
        """
        elsewhere, frequencies = Elsewhere(answer, whole), frequencies_of(self._reasoner)
        errors = errors_of(answer)
        further = next_facts(elsewhere, frequencies)
        with SOLVING:
            settled = decided(elsewhere, self._towards)
            if not settled and not further:
                further = in_order(answer.guideline, together(elsewhere, self._towards))
            ways = None if to is None else self._towards.ways(elsewhere, to, errors)
        return HowSure(
            answer,
            tuple(stability(elsewhere)),
            errors,
            joint(elsewhere, errors),
            settled,
            tuple(further),
            frequencies.lesions,
            tuple(why_not(answer)),
            ways,
            None if other is None else compare(elsewhere, other),
        )
