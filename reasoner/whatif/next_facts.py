"""What to find out next: the unknown facts that can change an answer, by how often and how gravely.

Whether anything unknown can change it at all is proved for every completion of the case at once
(Z3); how often one fact does so is counted over its values, by the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import z3

from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import COSTS, Fact, Guideline
from calx.reasoner.model.section import Alerts, One, Status
from calx.reasoner.symbolic.fractions import either, none
from calx.reasoner.symbolic.solver import EFFORT
from calx.reasoner.whatif.cuts import NUMBERS
from calx.reasoner.whatif.goals import NONE, Goal, possible
from calx.reasoner.whatif.outcomes import Turn, ranked
from calx.reasoner.whatif.stability import Elsewhere
from calx.reasoner.whatif.towards import Towards

MOST_PAIRS = 5
"""Sets of facts that change something only together, where no fact does alone."""


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
    def _seen(self) -> dict[str, Counter[Value]]:
        found: dict[str, Counter[Value]] = {}
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
                found.setdefault(name, Counter())[value] += 1
        return found

    def knows(self, fact: str) -> bool:
        """Whether the sample tells of a fact."""
        return fact in self._seen

    def of(self, fact: Fact, values: Sequence[tuple[Value, Any]]) -> list[float]:
        """The frequency of each value of a fact (with its cell), one more added to each, so that
        what the sample lacks stays possible.
        """
        seen = self._seen.get(fact.name, Counter())
        counts = []
        for value, cell in values:
            held = (
                seen[value]
                if cell is None
                else sum(n for v, n in seen.items() if cell.holds(Decimal(v)))
            )
            counts.append(held + 1)
        return [count / sum(counts) for count in counts]


def decided(elsewhere: Elsewhere, towards: Towards) -> bool | None:
    """Whether the answer is the same whatever the unknown facts are; None: not decided."""
    found = _solver(elsewhere, towards).check()
    return None if found == z3.unknown else bool(found == z3.unsat)


def next_facts(elsewhere: Elsewhere, towards: Towards, frequencies: Frequencies) -> list[Next]:
    """The unknown facts that can change the answer, what matters most first; what only the next
    step shows comes last.
    """
    guideline = elsewhere.reasoner.guideline
    completed = elsewhere.answer.trace.values
    found = []
    for fact in guideline.facts.values():
        if fact.given and fact.name not in completed:
            item = _alone(elsewhere, frequencies, fact)
            if item is not None:
                found.append(item)
    found = found or list(_together(elsewhere, towards))
    order = {fact.name: fact.order for fact in guideline.facts.values()}
    return sorted(
        found,
        key=lambda n: (n.cost == COSTS[-1], -n.weight, COSTS.index(n.cost), order[n.fact]),
    )


def _alone(elsewhere: Elsewhere, frequencies: Frequencies, fact: Fact) -> Next | None:
    """What a fact can change by itself."""
    options: list[tuple[Value, Any]]
    if fact.kind in NUMBERS:
        options = [(cell.value, cell) for cell in elsewhere.cuts.cells(fact, elsewhere.facts)]
    else:
        words = (True, False) if fact.kind == "boolean" else fact.values
        options = [(value, None) for value in words]
    facts = [{**elsewhere.facts, fact.name: value} for value, _ in options]
    may = [elsewhere.forbidden_by(each) is None for each in facts]
    options = [option for option, so in zip(options, may, strict=True) if so]
    share, weight, decides = 0.0, 0.0, dict[str, None]()
    for often, (value, _) in zip(frequencies.of(fact, options), options, strict=True):
        turned = elsewhere.differs({**elsewhere.facts, fact.name: value})
        decides |= dict.fromkeys(change.of for change in turned)
        grave = max((harm(elsewhere.reasoner.guideline, c) for c in turned), default=0.0)
        share += often * (grave > 0)
        weight += often * grave
    if not decides:
        return None
    sampled = frequencies.knows(fact.name)
    told = (round(share, 4), round(weight, 4), fact.cost, tuple(decides))
    return Next(fact.name, *told, sampled=sampled)


def _together(elsewhere: Elsewhere, towards: Towards) -> Iterator[Next]:
    """Facts that change something only together."""
    solver, lesion = _solver(elsewhere, towards), towards.lesion
    told = dict[str, tuple[str, ...]]()
    unknown = [name for name in lesion.given.facts if name not in elsewhere.facts]
    for size in range(2, len(unknown) + 1):
        solver.push()
        solver.add(z3.AtMost(*(lesion.given.known[name] for name in unknown), size))
        while (answer := solver.check()) == z3.sat and len(told) < MOST_PAIRS:
            model = solver.model()
            names = tuple(n for n in unknown if z3.is_true(model.eval(lesion.given.known[n])))
            told |= {name: names for name in names if name not in told}
            solver.add(either(none(lesion.given.known[name]) for name in names))
        solver.pop()
        if told or answer == z3.unknown:
            break
    facts = elsewhere.reasoner.guideline.facts
    for name, names in told.items():
        others = tuple(other for other in names if other != name)
        yield Next(name, 0.0, 0.0, facts[name].cost, (), others, sampled=False)


def _solver(elsewhere: Elsewhere, towards: Towards) -> z3.Solver:
    """Every completion of a case in which something is told otherwise."""
    lesion, guideline = towards.lesion, elsewhere.reasoner.guideline
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(*lesion.valid, *lesion.definitions)
    solver.add(*(lesion.given.is_(name, value) for name, value in elsewhere.facts.items()))
    same = [
        towards.goals.reached(Goal(name, elsewhere.here.get(name)))
        for name, values in possible(guideline).items()
        if name in elsewhere.here or NONE in values
    ]
    solver.add(either(none(one) for one in same))
    return solver


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
            case _:
                pass
    if not any(mark.harm for mark in marks.values()):
        return 1.0  # a guideline without marks: each change counts the same
    return max((float(marks[name].harm) for name in names), default=0.0)
