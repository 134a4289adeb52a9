"""What to find out next: the unknown facts that can change an answer, by how often and how gravely.

How often one fact does so is counted over its values, by the engine; what only several do together,
and whether anything unknown does at all, is proved (`completions`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from calx.reasoner.engine.answer import Answering
from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import COSTS, Fact, Guideline
from calx.reasoner.model.section import Actions, Alerts, Criteria, One, Status
from calx.reasoner.whatif.cuts import NUMBERS, Range
from calx.reasoner.whatif.outcomes import Turn, ranked
from calx.reasoner.whatif.stability import Elsewhere

ROUNDED = 1e-4
"""To what weights are rounded."""


@dataclass(frozen=True)
class Next:
    """An unknown fact worth finding out.

    Attributes:
        share: of its values, by their frequency, that change something of harm.
        weight: the same, each weighed by the gravest change.
        cost: what it takes to learn it.
        decides: the outcomes that it can change.
        together: the facts with which alone it changes something; none where it does by itself.
        sampled: the sample tells how often its values are met; else each counts the same.
    """

    fact: str
    share: float
    weight: float
    cost: str
    decides: tuple[str, ...]
    together: tuple[str, ...] = ()
    sampled: bool = True


class Frequencies:
    """How often the values of facts are met.

    Args:
        evaluation: completes what is known of each lesion.
        lesions: a sample of the lesions that a guideline is asked about; none: each value counts
            the same.
    """

    def __init__(self, evaluation: Evaluation, lesions: Iterable[Mapping[str, Any]] = ()) -> None:
        self._evaluation, self._lesions = evaluation, list(lesions)
        self.lesions = len(self._lesions)

    @cached_property
    def _seen(self) -> dict[str, _Met]:
        found: dict[str, list[Value]] = {}
        given = {f.name for f in self._evaluation.guideline.facts.values() if f.given}
        for lesion in self._lesions:
            facts = {
                name: Decimal(repr(value))
                if isinstance(value, int | float) and not isinstance(value, bool)
                else value
                for name, value in lesion.items()
                if name in given and value is not None
            }
            for name, value in self._evaluation.complete(facts).values.items():
                found.setdefault(name, []).append(value)
        return {name: _Met(values) for name, values in found.items()}

    def knows(self, fact: str) -> bool:
        """Whether the sample tells of a fact."""
        return fact in self._seen

    def of(self, fact: Fact, values: Sequence[tuple[Value, Range | None]]) -> list[float]:
        """The frequency of each value of a fact (with its cell), one more added to each, so that
        what the sample lacks stays possible.
        """
        met = self._seen.get(fact.name)
        counts = [1 + (met.times(value, cell) if met else 0) for value, cell in values]
        return [count / sum(counts) for count in counts]


class _Met:
    """The values of a fact in the sample."""

    def __init__(self, values: list[Value]) -> None:
        self._words = Counter(values)
        self._numbers = sorted(v for v in values if isinstance(v, Decimal))

    def times(self, value: Value, cell: Range | None) -> int:
        """How often a value is met; of a number, all values of its cell."""
        if cell is None:
            return self._words[value]
        within = bisect_right if not cell.point else bisect_left
        first = 0 if cell.low is None else within(self._numbers, cell.low)
        within = bisect_left if not cell.point else bisect_right
        last = len(self._numbers) if cell.high is None else within(self._numbers, cell.high)
        return last - first


@lru_cache(maxsize=8)
def frequencies_of(reasoner: Answering) -> Frequencies:
    """How often values are met in the sample of a guideline, counted once."""
    return Frequencies(reasoner.evaluation, reasoner.sample)


def next_facts(elsewhere: Elsewhere, frequencies: Frequencies, least: float = 0.0) -> list[Next]:
    """The unknown facts each of which can change the answer by itself, what matters most first;
    what only the next step shows comes last.

    Args:
        elsewhere: the case.
        frequencies: of values.
        least: the weight from which a fact is wanted; the rare values of others are not tried.
    """
    guideline = elsewhere.reasoner.guideline
    completed = elsewhere.answer.trace.values
    found = []
    for fact in guideline.facts.values():
        if fact.given and fact.name not in completed:
            item = _alone(elsewhere, frequencies, fact, least)
            if item is not None and item.weight >= least:
                found.append(item)
    return in_order(guideline, found)


def in_order(guideline: Guideline, found: Iterable[Next]) -> list[Next]:
    """Facts to find out as they are told."""
    order = {fact.name: fact.order for fact in guideline.facts.values()}
    return sorted(
        found,
        key=lambda n: (n.cost == COSTS[-1], -n.weight, COSTS.index(n.cost), order[n.fact]),
    )


def _alone(elsewhere: Elsewhere, frequencies: Frequencies, fact: Fact, least: float) -> Next | None:
    """What a fact can change by itself; None where that is nothing, or of too little weight."""
    options: list[tuple[Value, Range | None]]
    if fact.kind in NUMBERS:
        options = [(cell.value, cell) for cell in elsewhere.cuts.cells(fact, elsewhere.facts)]
    else:
        words = (True, False) if fact.kind == "boolean" else fact.values
        options = [(value, None) for value in words]
    facts = [{**elsewhere.facts, fact.name: value} for value, _ in options]
    may = [elsewhere.forbidden_by(each) is None for each in facts]
    options = [option for option, so in zip(options, may, strict=True) if so]
    share, weight, open_ = 0.0, 0.0, 1.0
    turned: dict[Value, tuple[Turn, ...]] = {}
    often = dict(zip((v for v, _ in options), frequencies.of(fact, options), strict=True))
    for value in sorted(often, key=lambda value: -often[value]):
        if weight + open_ < least - ROUNDED:
            return None
        turned[value] = elsewhere.differs({**elsewhere.facts, fact.name: value})
        grave = max((harm(elsewhere.reasoner.guideline, c) for c in turned[value]), default=0.0)
        share += often[value] * (grave > 0)
        weight += often[value] * grave
        open_ -= often[value]
    decides = dict.fromkeys(change.of for value, _ in options for change in turned[value])
    if not decides:
        return None
    sampled = frequencies.knows(fact.name)
    told = (round(share, 4), round(weight, 4), fact.cost, tuple(decides))
    return Next(fact.name, *told, sampled=sampled)


def harm(guideline: Guideline, change: Turn) -> float:
    """How grave a change is, by the guideline's marks (``calx:harm``)."""
    kind = change.of.partition(":")[0]
    marks = guideline.properties
    names: list[str] = []
    for ranking, name in ranked(guideline):
        if name == change.of and ranking.usable:
            names.append(ranking.usable)
    for section in guideline.sections:
        match section:
            case One(leads=True) if section.key == change.of:
                names.append(section.predicate)
            case Status(listed=True) if section.kind == kind:
                told = [s for s in section.statuses if s.word in (change.before, change.after)]
                if any(status.usable for status in told):  # else it may not be used either way
                    names += [status.predicate for status in told]
            case Alerts() if section.kind == kind:
                graded = (change.before, change.after)
                names += [name for name, word in section.severities if word in graded]
            case Criteria() if section.kind == kind:
                names.append(section.met)
            case Actions() if marks[section.predicates[0]].kind == kind:
                names += section.predicates
            case _:
                pass
    if not any(mark.harm for mark in marks.values()):
        return 1.0  # a guideline without marks: each change counts the same
    return max((float(marks[name].harm) for name in names), default=0.0)
