"""How far a measured value may be from the truth, and in how much of that an answer stands.

The error comes from the case where it was measured (the interval of a segmented fact), else from a
statement of the guideline's evidence (``calx:comparator "±"``), else there is none: nothing is
assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import erf, sqrt
from statistics import NormalDist

from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Fact, Guideline, Statement
from calx.reasoner.model.rule import DEVIATION

COVERAGE = 0.9
"""Share of the truth that the interval of a measured fact holds."""


@dataclass(frozen=True)
class MeasurementError:
    """The error of one value, normal on either side of it.

    Attributes:
        below: standard deviation towards lower values, in the unit of the fact.
        above: the same towards higher ones.
        source: where it is from, for people: the statement's study, or the recording.
        statement: id of the statement; None where the case tells it.
        assumed: nobody verified it.
    """

    fact: str
    value: Decimal
    unit: str
    below: float
    above: float
    source: str
    statement: str | None = None
    assumed: bool = False

    @property
    def deviation(self) -> float:
        """The mean of both sides."""
        return (self.below + self.above) / 2

    def share(self, low: Fraction | None, high: Fraction | None) -> float:
        """Probability of the truth between two values."""
        return self._until(high, 1.0) - self._until(low, 0.0)

    def _until(self, value: Fraction | None, end: float) -> float:
        if value is None:
            return end
        off = float(value - Fraction(self.value))
        deviation = self.below if off < 0 else self.above
        if deviation == 0:
            return 0.0 if off < 0 else 1.0
        return (1 + erf(off / deviation / sqrt(2))) / 2


def errors_of(answer: Answer) -> dict[str, MeasurementError]:
    """By fact, the error of every known number of which one is told."""
    guideline, case = answer.guideline, answer.case
    return {
        name: error
        for name in case.facts
        if (error := error_of(guideline, case, guideline.facts[name]))
    }


def error_of(guideline: Guideline, case: Case, fact: Fact) -> MeasurementError | None:
    """The error of a number of a case; None where nobody tells one."""
    value = case.facts.get(fact.name)
    if not isinstance(value, Decimal):
        return None
    return _measured(case, fact, value) or _stated(guideline, fact, value)


def _measured(case: Case, fact: Fact, value: Decimal) -> MeasurementError | None:
    entry = case.measured.facts.get(fact.name, {}) if case.measured else {}
    interval = entry.get("interval")
    if not interval or entry.get("correction") or None in interval:
        return None
    wide = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    below, above = (max(0.0, abs(float(end) - float(value))) / wide for end in interval)
    return MeasurementError(
        fact.name, value, fact.unit or "1", below, above, "the interval of this measurement"
    )


def _stated(guideline: Guideline, fact: Fact, value: Decimal) -> MeasurementError | None:
    found: list[tuple[int, str, Statement, float]] = []
    for statement in guideline.statements.values():
        if guideline.studies[statement.study].withdrawn:
            continue
        for stated in statement.numbers:
            if stated.comparator == DEVIATION and stated.quantity == fact.name:
                relative = stated.unit == "%" != fact.unit
                size = float(stated.value) * (float(abs(value)) / 100 if relative else 1)
                rank = guideline.levels.index(statement.level)
                found.append((rank, statement.id, statement, size))
    found = [item for item in found if item[-1]]  # percent of 0 tells nothing
    if not found:
        return None
    _, _, statement, size = min(found, key=lambda item: item[:2])
    return MeasurementError(
        fact.name,
        value,
        fact.unit or "1",
        size,
        size,
        guideline.studies[statement.study].citation,
        statement.id,
        assumed=statement.verified == "unverified",
    )
