"""What follows from one case: every rule in its layer, leaving a flat trace that is the proof.

`Trace.steps` holds, for every production that fired, the premises that made it fire; every picture, text and
graph of the proof is a view of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .closures import Counts, Derivations, Explain, Holds, Premise, Reasons, Values, calculation, compiled_tests, explanation
from .condition import Value
from .guideline import FIRST_LAYER_OF_CONCLUSIONS, Assignment, Constraint, Guideline, Production, Rule

Step: TypeAlias = tuple[Rule, Production, tuple[Premise, ...], int]
"""A production that fired: its rule, its premises, and the rank of the weakest link of its best proof."""


@dataclass(slots=True)
class Trace:
    """What the rules concluded of one case, in the order in which they did."""

    values: Values
    """Facts given and implied, and computed quantities."""
    derived: Derivations
    by_property: Counts
    steps: list[Step]

    def terms(self, property_name: str) -> list[str]:
        """Local names of the terms concluded for a property."""
        return [key.partition(":")[2] for key in self.by_property.get(property_name, ())]


class _Compiled(NamedTuple):
    rule: Rule
    production: Production
    holds: Holds
    premises: tuple[Premise, ...]
    keys: tuple[str, ...]
    explain: Explain | None
    """None where premises and keys are the same in every case."""
    rank: int
    key: str
    """Key of the conclusion; the name of the value where one is assigned."""
    predicate: str
    calculate: Callable[[Values], Value | None] | None
    """The value that is assigned; None for a production that asserts a term."""


class Evaluation:
    """The compiled rules of a guideline. Immutable; one instance serves any number of cases and threads."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        pairs = [(rule, production) for rule in guideline.rules for production in rule.productions]
        compiled = [self._compile(*pair, test) for pair, test in zip(pairs, compiled_tests([p.condition for _, p in pairs]), strict=True)]
        self._completing = [item for item in compiled if item.rule.layer < FIRST_LAYER_OF_CONCLUSIONS]
        self._concluding = [item for item in compiled if item.rule.layer >= FIRST_LAYER_OF_CONCLUSIONS]
        forbidden = compiled_tests([constraint.condition for constraint in guideline.constraints])
        self._constraints = list(zip(guideline.constraints, forbidden, strict=True))

    def _compile(self, rule: Rule, production: Production, test: Holds) -> _Compiled:
        conclusion, why = production.conclusion, explanation(production.condition)
        rank = self.guideline.levels.index(rule.level)
        premises, keys, explain = (why.premises, why.keys, None) if isinstance(why, Reasons) else ((), (), why)
        if not isinstance(conclusion, Assignment):
            return _Compiled(rule, production, test, premises, keys, explain, rank, conclusion.key, conclusion.predicate, None)
        own = Premise("fact", conclusion.fact)  # "not given" is the guard of an implied fact, no reason for it
        if explain is not None:
            explain = _without(own, explain)
        else:
            read = (Premise("fact", fact) for fact in production.reads)
            premises = tuple(premise for premise in dict.fromkeys((*premises, *read)) if premise != own)
        return _Compiled(rule, production, test, premises, keys, explain, rank, conclusion.fact, "", calculation(conclusion.expression))

    def run(self, facts: Values) -> Trace:
        """Everything that the rules conclude of the facts of an admitted case."""
        trace = Trace(dict(facts), {}, {}, [])
        _fire(self._completing, trace)
        _fire(self._concluding, trace)
        return trace

    def complete(self, facts: Values) -> Trace:
        """Implied facts and computed quantities only."""
        trace = Trace(dict(facts), {}, {}, [])
        _fire(self._completing, trace)
        return trace

    def violated(self, values: Values) -> list[Constraint]:
        """The consistency rules that completed values break."""
        return [constraint for constraint, test in self._constraints if test(values, {}, {})]


def _without(own: Premise, explain: Explain) -> Explain:
    def other(v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
        premises, rank = explain(v, d, c)
        return tuple(premise for premise in premises if premise != own), rank

    return other


def _fire(compiled: list[_Compiled], trace: Trace) -> None:
    values, derived, by_property, steps = trace.values, trace.derived, trace.by_property, trace.steps
    for rule, production, holds, premises, keys, explain, weakest, key, name, calculate in compiled:
        if not holds(values, derived, by_property):
            continue
        if explain is not None:
            premises, rank = explain(values, derived, by_property)
            if rank > weakest:
                weakest = rank
        else:
            for premise in keys:
                if derived[premise] > weakest:
                    weakest = derived[premise]
        if calculate is not None:
            value = calculate(values)
            if value is None:
                continue
            values[key] = value
        elif key not in derived:
            derived[key] = weakest
            if name in by_property:
                by_property[name].append(key)
            else:
                by_property[name] = [key]
        elif weakest < derived[key]:
            derived[key] = weakest
        steps.append((rule, production, premises, weakest))
