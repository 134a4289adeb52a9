"""Whose advice an edit changes, out of given cases: both guidelines answer each, and the
conclusions are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.intake.files import Submission
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import predicate_of, term_of
from calx.reasoner.model.program import FIRST_LAYER_OF_CONCLUSIONS
from calx.reasoner.model.rule import Assertion
from calx.reasoner.model.section import Alerts, Status
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner


@dataclass(frozen=True)
class CaseChange:
    """What an edit changes in one case."""

    case: str
    before: tuple[str, ...]
    """Outcomes that go: a property in words, and the id of its term."""
    after: tuple[str, ...]
    """Outcomes that come."""
    rules: tuple[str, ...]
    """Rules that fire before or after, not both."""


@dataclass
class Compared:
    """What an edit changes in a number of cases."""

    seen: int = 0
    unreadable: int = 0
    """Cases that neither guideline admits."""
    changed: list[CaseChange] = field(default_factory=list)
    leading: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many cases pass from one term of what leads an answer to another (``none``)."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often each outcome comes (``+``) or goes (``−``)."""
    regraded: Counter[str] = field(default_factory=Counter)
    """How often only the evidence level of an outcome changes: ``…: C-EO → B-R``."""


class Comparison:
    """Answers cases by two guidelines."""

    def __init__(self, old: Guideline, new: Guideline) -> None:
        self._old, self._new = Reasoner(old), Reasoner(new)
        self._one_gate = admits_alike(old, new)
        self._names = lru_cache(maxsize=10_000)(self._named)

    def run(self, cases: Iterable[Submission]) -> Compared:
        """Compare all cases."""
        found = Compared()
        for case in cases:
            found.seen += 1
            if not case.readable:
                found.unreadable += 1
                continue
            traces = self._traces(case)
            if traces == (None, None):
                found.unreadable += 1
            else:
                self._compare(str(case.raw.get("case_id")), traces, found)
        return found

    def _traces(self, case: Submission) -> tuple[Trace | None, Trace | None]:
        try:
            facts = self._old.gate.admit(case.raw).facts
        except CaseError:
            if self._one_gate:
                return None, None
            facts = None
        if facts is not None and self._one_gate:
            return self._old.evaluation.run(facts), self._new.evaluation.run(facts)
        try:
            later = self._new.gate.admit(case.raw).facts
        except CaseError:
            later = None
        return (None if facts is None else self._old.evaluation.run(facts)), (
            None if later is None else self._new.evaluation.run(later)
        )

    def _compare(
        self, name: str, traces: tuple[Trace | None, Trace | None], found: Compared
    ) -> None:
        old, new = traces
        if old is None or new is None:
            told = ("admitted",) if new is None else (), ("admitted",) if old is None else ()
            found.changed.append(CaseChange(name, *told, ()))
            found.outcomes["− admitted" if new is None else "+ admitted"] += 1
            return
        aside = _told_better(self._old.guideline)
        if old.derived != new.derived or self._old.guideline.levels != self._new.guideline.levels:
            for key, rank in old.derived.items():
                later = new.derived.get(key)
                if (
                    later is not None
                    and self._old.guideline.levels[rank] != self._new.guideline.levels[later]
                    and predicate_of(key) not in aside
                ):
                    outcome = self._names(False, key)
                    found.regraded[
                        (
                            f"{outcome}: {self._old.guideline.levels[rank]} → "
                            f"{self._new.guideline.levels[later]}"
                        )
                    ] += 1
        before = {*(k for k in old.derived if k not in new.derived)}
        after = {*(k for k in new.derived if k not in old.derived)}
        numbers = {
            fact
            for fact in {**old.values, **new.values}
            if old.values.get(fact) != new.values.get(fact)
        }
        if not before and not after and not numbers:
            return
        gone = self._shown(self._old.guideline, before, old, numbers)
        come = self._shown(self._new.guideline, after, new, numbers)
        if not gone and not come:
            return
        one, other = ({step[0].id for step in trace.steps} for trace in (old, new))
        found.changed.append(CaseChange(name, gone, come, tuple(sorted(one ^ other))))
        found.outcomes.update(
            [*(f"− {outcome}" for outcome in gone), *(f"+ {outcome}" for outcome in come)]
        )
        before_, after_ = _leading(self._old.guideline, old), _leading(self._new.guideline, new)
        if before_ != after_:
            found.leading[before_, after_] += 1

    def _shown(
        self, guideline: Guideline, keys: set[str], trace: Trace, numbers: set[str]
    ) -> tuple[str, ...]:
        new = guideline is self._new.guideline
        aside = _told_better(guideline)
        told = [self._names(new, key) for key in keys if predicate_of(key) not in aside]
        told += [
            f"{fact} {as_json(trace.values[fact])}"
            for fact in numbers
            if fact in trace.values
            and fact in guideline.facts
            and not guideline.facts[fact].given
            and guideline.facts[fact].result_key
        ]
        return tuple(sorted(told))

    def _named(self, new: bool, key: str) -> str:
        guideline = (self._new if new else self._old).guideline
        name, local = predicate_of(key), term_of(key)
        return f"{_words(name)} {guideline.term(name, local).id if '/' not in local else local}"


def _leading(guideline: Guideline, trace: Trace) -> str:
    lead = guideline.lead
    return next(iter(trace.terms(lead.predicate)), "none") if lead else "none"


def _told_better(guideline: Guideline) -> set[str]:
    """Properties that others tell better: reasons by statuses, alerts by their severity."""
    found = set[str]()
    for section in guideline.sections:
        if isinstance(section, Status):
            statuses = {status.predicate for status in section.statuses}
            found |= set(section.shown) - statuses - {section.caution or ""}
        elif isinstance(section, Alerts):
            found |= set(section.raised)
    return found


def _words(name: str) -> str:
    """``inCamelCase`` as ``in camel case``."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def admits_alike(old: Guideline, new: Guideline) -> bool:
    """Whether both gates are plainly the same: facts,
    what they imply, and what may not stand together.
    """
    return (old.facts, old.constraints) == (new.facts, new.constraints) and _completing(
        old
    ) == _completing(new)


def _completing(guideline: Guideline) -> list[object]:
    """The rules that complete facts, as far as they say something."""
    rules = [rule for rule in guideline.rules if rule.layer < FIRST_LAYER_OF_CONCLUSIONS]
    return [
        (rule.layer, p.condition, p.conclusion)
        for rule in rules
        for p in rule.productions
        if not isinstance(p.conclusion, Assertion)
    ]
