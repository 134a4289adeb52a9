"""What follows from one case: every rule in its layer, leaving a flat trace that is the proof.

`Trace.steps` holds, for every production that fired, the premises that made it fire; every picture,
text and graph of the proof is a view of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple, TypeAlias

from calx.reasoner.engine.compiler import (
    Explain,
    Premise,
    Reasons,
    calculation,
    explanation,
    tested_together,
)
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Constraint, Guideline
from calx.reasoner.model.names import term_of
from calx.reasoner.model.program import Layer
from calx.reasoner.model.rule import Assignment, Production, Rule
from calx.reasoner.model.section import Tally
from calx.reasoner.model.values import Counts, Derivations, Values

Step: TypeAlias = tuple[Rule, Production, tuple[Premise, ...], int]
"""A production that fired: its rule, its premises,
and the rank of the weakest link of its best proof.
"""


@dataclass(slots=True)
class Trace:
    """What the rules concluded of one case, in the order in which they did."""

    values: Values
    """Facts given and implied, and computed quantities."""
    derived: Derivations
    by_property: Counts
    steps: list[Step]
    ranks: Derivations = field(default_factory=dict)
    """Rank of the evidence of each sum of a tally, by the name of its number."""
    disputed: list[Step] = field(default_factory=list)
    """Productions that would have given something another value than it has."""

    def terms(self, property_name: str) -> list[str]:
        """Local names of the terms concluded for a property."""
        return [term_of(key) for key in self.by_property.get(property_name, ())]


class _Compiled(NamedTuple):
    step: Step
    """As it stands in a trace where premises and rank are the same in every case."""
    keys: tuple[str, ...]
    """Conclusions among those premises, whose level counts."""
    explain: Explain | None
    """Premises and rank, where they differ from case to case."""
    key: str
    """Key of the conclusion; the name of the value where one is assigned."""
    predicate: str
    calculate: Callable[[Values], Value | None] | None
    """The value that is assigned; None for a production that asserts a term."""
    sums: tuple[str, ...]
    """The sums of tallies that it reads or makes, whose evidence counts."""


_CompiledLayer: TypeAlias = tuple[Callable[..., tuple[bool, ...]], list[_Compiled]]


class Evaluation:
    """The compiled rules of a guideline. Immutable; one
    instance serves any number of cases and threads.
    """

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self._totals = {s.total for s in guideline.sections if isinstance(s, Tally)}
        self._completing = [self._layer(layer) for layer in guideline.program.completing]
        self._concluding = [self._layer(layer) for layer in guideline.program.concluding]
        self._functional = [
            name for name, described in guideline.properties.items() if described.functional
        ]
        self._forbidden = tested_together(
            [constraint.condition for constraint in guideline.constraints]
        )

    def _layer(self, layer: Layer) -> _CompiledLayer:
        test = tested_together([clause.production.applies for clause in layer.clauses])
        return test, [self._compile(clause.rule, clause.production) for clause in layer.clauses]

    def _compile(self, rule: Rule, production: Production) -> _Compiled:
        conclusion, why = production.conclusion, explanation(production.condition)
        sums = tuple(name for name in production.reads if name in self._totals)
        rank = self.guideline.levels.index(rule.level)
        premises, keys, explain = (
            (why.premises, why.keys, None) if isinstance(why, Reasons) else ((), (), why)
        )
        if not isinstance(conclusion, Assignment):
            return _Compiled(
                (rule, production, premises, rank),
                keys,
                explain,
                conclusion.key,
                conclusion.predicate,
                None,
                sums,
            )
        # "not given" is the guard of an implied fact, no reason for it
        own = Premise("fact", conclusion.fact)
        if explain is not None:
            explain = _without(own, explain)
        else:
            read = (Premise("fact", fact) for fact in production.reads)
            premises = tuple(
                premise for premise in dict.fromkeys((*premises, *read)) if premise != own
            )
        return _Compiled(
            (rule, production, premises, rank),
            keys,
            explain,
            conclusion.fact,
            "",
            calculation(conclusion.expression),
            (*sums, conclusion.fact) if conclusion.fact in self._totals else sums,
        )

    def run(self, facts: Values) -> Trace:
        """Everything that the rules conclude of the facts of an admitted case."""
        trace = self.complete(facts)
        _fire(self._concluding, trace)
        return trace

    def complete(self, facts: Values) -> Trace:
        """Implied facts and computed quantities only."""
        trace = Trace(dict(facts), {}, {}, [])
        _fire(self._completing, trace)
        return trace

    def contradictions(self, trace: Trace) -> dict[str, tuple[Step, ...]]:
        """What a guideline says twice over: by functional property, fact or quantity the steps that
        say so. A sound guideline has none.
        """
        found = {
            name: tuple(
                step for step in trace.steps if step[1].conclusion.key in trace.by_property[name]
            )
            for name in self._functional
            if len(trace.by_property.get(name, ())) > 1
        }
        for disputed in trace.disputed:
            key = disputed[1].conclusion.key
            first = (step for step in trace.steps if step[1].conclusion.key == key)
            found[key] = (*found.get(key, first), disputed)
        return found

    def violated(self, values: Values) -> list[Constraint]:
        """The consistency rules that completed values break."""
        return list(compress(self.guideline.constraints, self._forbidden(values, {}, {})))


def _without(own: Premise, explain: Explain) -> Explain:
    def other(v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
        premises, rank = explain(v, d, c)
        return tuple([premise for premise in premises if premise != own]), rank

    return other


def _fire(layers: list[_CompiledLayer], trace: Trace) -> None:
    """Run layers in their order. Rules of one layer do
    not read each other, so they are tested together.
    """
    values, derived, by_property = trace.values, trace.derived, trace.by_property
    add = trace.steps.append
    for test, compiled in layers:
        for step, keys, explain, key, predicate, calculate, sums in compress(
            compiled, test(values, derived, by_property)
        ):
            weakest = rank = step[3]
            if keys:
                for premise in keys:
                    if derived[premise] > weakest:
                        weakest = derived[premise]
                if weakest != rank:
                    step = (step[0], step[1], step[2], weakest)
            elif explain is not None:
                premises, weakest = explain(values, derived, by_property)
                if weakest < rank:
                    weakest = rank
                step = (step[0], step[1], tuple(dict.fromkeys(premises)), weakest)
            if sums:
                weakest = max(weakest, *(trace.ranks.get(name, 0) for name in sums), 0)
                step = (step[0], step[1], step[2], weakest)
            if calculate is not None:
                value = calculate(values)
                if value is None:
                    continue
                if key in sums:
                    trace.ranks[key] = weakest
                if values.setdefault(key, value) != value:
                    trace.disputed.append(step)
                    continue
            elif key not in derived:
                derived[key] = weakest
                if predicate in by_property:
                    by_property[predicate].append(key)
                else:
                    by_property[predicate] = [key]
            elif weakest < derived[key]:
                derived[key] = weakest
            add(step)
