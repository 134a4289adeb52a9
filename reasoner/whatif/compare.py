"""Two cases side by side: before and after a step, two readers, a reading and its correction."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.condition import Value
from calx.reasoner.whatif.outcomes import Turn, changes, outcomes
from calx.reasoner.whatif.stability import Elsewhere

MOST_TOGETHER = 3
"""Facts that are tried together."""
MOST_DIFFERING = 24
"""Differing facts of which the explanations are sought."""


@dataclass(frozen=True)
class Explained:
    """Something that the other case is told otherwise, and the facts that alone make it so."""

    change: Turn
    by: tuple[tuple[str, ...], ...]
    """Each set, put into the first case, gives what the other is told; the smallest only."""


@dataclass(frozen=True)
class SideBySide:
    """What differs between two cases and their answers.

    Attributes:
        other: id of the other case.
        facts: by name, the values in both; None where it is unknown.
        only_here: ids of rules that fired in the first alone.
        only_there: in the other alone.
        changes: what is told otherwise.
    """

    other: str
    facts: dict[str, tuple[Value | None, Value | None]]
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    changes: tuple[Explained, ...]


def compare(elsewhere: Elsewhere, there: Answer) -> SideBySide:
    """The first case, of which `elsewhere` tells, against another."""
    here = elsewhere.answer
    differing = {
        name: (here.case.facts.get(name), there.case.facts.get(name))
        for name in dict.fromkeys((*here.case.facts, *there.case.facts))
        if here.case.facts.get(name) != there.case.facts.get(name)
    }
    fired = [{rule.id for rule, *_ in answer.trace.steps} for answer in (here, there)]
    turned = changes(here, there, elsewhere.whole)
    found = _explained(elsewhere, differing, turned)
    return SideBySide(
        there.case.id,
        differing,
        tuple(sorted(fired[0] - fired[1])),
        tuple(sorted(fired[1] - fired[0])),
        tuple(Explained(change, tuple(found[change.of])) for change in turned),
    )


def _explained(
    elsewhere: Elsewhere,
    differing: dict[str, tuple[Value | None, Value | None]],
    turned: list[Turn],
) -> dict[str, list[tuple[str, ...]]]:
    """By outcome, the smallest sets of facts that turn it; consistent ones alone."""
    found: dict[str, list[tuple[str, ...]]] = {change.of: [] for change in turned}
    if len(differing) > MOST_DIFFERING:
        return found
    for size in range(1, min(MOST_TOGETHER, len(differing)) + 1):
        for names in itertools.combinations(differing, size):
            open_ = [
                change
                for change in turned
                if not any(set(one) < set(names) for one in found[change.of])
            ]
            if not open_:
                continue
            facts = dict(elsewhere.facts)
            for name in names:
                value = differing[name][1]
                if value is None:
                    facts.pop(name, None)
                else:
                    facts[name] = value
            if elsewhere.forbidden_by(facts) is not None:
                continue
            answer = elsewhere.answered(facts)
            told = {} if answer is None else outcomes(answer, elsewhere.whole)
            for change in open_:
                if answer is not None and told.get(change.of) == change.after:
                    found[change.of].append(names)
    return found
