"""Which facts a form asks for as a case stands: among the first, later, or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from calx.reasoner.engine.compiler import Reading, tested_together
from calx.reasoner.model.condition import Compare, Condition, Value, leaves, values_read
from calx.reasoner.model.guideline import Fact, Guideline

Place: TypeAlias = Literal["first", "later", "off"]
"""``off``: what is known settles the fact, or leaves it one value at most."""
_Probe: TypeAlias = tuple[Value, int]
"""A value, and whether it stands for itself alone (1) or for others, too (2)."""
_Violated: TypeAlias = Callable[..., tuple[bool, ...]]
NOTHING: Mapping[str, int] = {}


class Entry:
    """The facts of a guideline as questions. Immutable; made once."""

    def __init__(self, guideline: Guideline) -> None:
        facts = [fact for fact in guideline.facts.values() if fact.given]
        self._names = [fact.name for fact in facts]
        marked = [fact for fact in facts if fact.asked_first is not None]
        self._marked = [fact.name for fact in marked]
        self._first = tested_together([fact.asked_first for fact in marked if fact.asked_first])
        opened = {fact.name for fact in facts if fact.group in guideline.opened}
        unmarked = not marked and not opened
        self._always = set(self._names) if unmarked else opened
        off = guideline.inapplicable
        self._inapplicable = list(off)
        self._off = tested_together(list(off.values()))
        about: dict[str, list[Condition]] = {}
        for constraint in guideline.constraints:
            for name in values_read(constraint.condition):
                about.setdefault(name, []).append(constraint.condition)
        self._forbidding: list[tuple[str, _Violated, tuple[_Probe, ...]]] = [
            (
                fact.name,
                tested_together(about[fact.name], Reading.CERTAIN, off),
                probes(fact, about[fact.name]),
            )
            for fact in facts
            if fact.name in about
        ]

    def places(self, given: Mapping[str, object], values: Mapping[str, Value]) -> dict[str, Place]:
        """Where each fact stands.

        Args:
            given: what the case gives; such a fact is never ``off``.
            values: the same with what follows from it.
        """
        none = NOTHING
        first = {
            name
            for name, holds in zip(self._marked, self._first(values, none, none), strict=True)
            if holds
        } | self._always
        off = {
            name
            for name, holds in zip(self._inapplicable, self._off(values, none, none), strict=True)
            if holds
        }
        for name, violated, tried in self._forbidding:
            if name not in values and name not in off:
                left = 0
                for value, stands_for in tried:
                    if not any(violated({**values, name: value}, none, none, none, none)):
                        left += stands_for
                        if left > 1:
                            break
                else:
                    off.add(name)
        found: dict[str, Place] = {}
        for name in self._names:
            settled = name not in given and (name in off or name in values)
            found[name] = "off" if settled else "first" if name in first else "later"
        return found


def probes(fact: Fact, conditions: list[Condition]) -> tuple[_Probe, ...]:
    """Values of a fact that stand for all others, as far as conditions tell them apart."""
    if fact.kind == "boolean":
        return ((True, 1), (False, 1))
    if fact.kind == "text":
        return tuple((value, 1) for value in fact.values)
    cuts = sorted(
        {
            leaf.limit
            for condition in conditions
            for leaf in leaves(condition)
            if isinstance(leaf, Compare) and leaf.fact == fact.name
        }
        | {bound for bound in (fact.minimum, fact.maximum) if bound is not None}
    ) or [Decimal(1)]
    low, high = fact.minimum, fact.maximum
    between = [(below + above) / 2 for below, above in itertools.pairwise(cuts)]
    tried = [(cut, 1) for cut in cuts]
    tried += [(value, 2) for value in (cuts[0] - 1, *between, cuts[-1] + 1)]
    return tuple(
        (value, stands_for)
        for value, stands_for in tried
        if (low is None or value > low or (value == low and not fact.exclusive_minimum))
        and (high is None or value <= high)
    )
