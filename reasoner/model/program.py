"""The rules as a program: in which order they run, who writes what, and what hangs on what.

Every reading of the rules (closed world, three-valued, solver, columns) goes through the layers
as they stand here; every walk over what depends on what asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from calx.reasoner.model.condition import Derived, leaves_on_conclusions, properties_read
from calx.reasoner.model.rule import Assertion, Assignment, Production, Rule

FIRST_LAYER_OF_CONCLUSIONS = 10
"""Layers below complete the facts (implied facts, quantities); from here on rules conclude."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One production with the rule that it belongs to."""

    rule: Rule
    number: int
    """Its number among the productions of the rule, from 0."""
    production: Production

    @property
    def name(self) -> str:
        return f"{self.rule.id}.{self.number}"


@dataclass(frozen=True)
class Layer:
    """Rules that run together, as none of them reads what another writes."""

    number: int
    clauses: tuple[Clause, ...]
    asserting: Mapping[str, tuple[Clause, ...]]
    """By key, the clauses of a conclusion: it holds where one of them holds, or did before."""
    assigning: Mapping[str, tuple[Clause, ...]]
    """By name, the clauses of a value. **First assignment wins**: a value that is known stays;
    else the first clause that applies (`Production.applies`) and comes to a value gives it."""


class Program:
    """The layers of a guideline's rules, and who reads and writes what.

    A *name* is that of a value (a fact or quantity) or of a property that rules conclude.

    >>> import calx
    >>> program = calx.Reasoner.load().guideline.program
    >>> [clause.name for clause in program.writers_of["strategy:proceed_to_stent"]]
    ['D7.0', 'D7.1', 'D7.2']
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.layers = tuple(
            _layer(number, list(group))
            for number, group in groupby(rules, key=lambda rule: rule.layer)
        )
        """In the order in which they run."""
        self.completing = tuple(
            layer for layer in self.layers if layer.number < FIRST_LAYER_OF_CONCLUSIONS
        )
        """Those that complete the facts."""
        self.concluding = tuple(
            layer for layer in self.layers if layer.number >= FIRST_LAYER_OF_CONCLUSIONS
        )
        self.clauses = tuple(clause for layer in self.layers for clause in layer.clauses)
        self.writers_of: dict[str, tuple[Clause, ...]] = {}
        """By name, and for conclusions by key too (``strategy:activeModification``)."""
        self.readers_of: dict[str, tuple[Clause, ...]] = {}
        """By name."""
        for clause in self.clauses:
            for name in _written(clause.production):
                self.writers_of[name] = (*self.writers_of.get(name, ()), clause)
            for name in names_read(clause.production):
                self.readers_of[name] = (*self.readers_of.get(name, ()), clause)

    def keys_of(self, predicate: str) -> tuple[str, ...]:
        """Keys of everything that rules can conclude for a property, in the order of the rules."""
        writers = self.writers_of.get(predicate, ())
        return tuple(dict.fromkeys(clause.production.conclusion.key for clause in writers))

    def writers_met_by(self, production: Production) -> tuple[Clause, ...]:
        """The clauses that write what a production reads, each once."""
        conclusions = (
            leaf.key if isinstance(leaf, Derived) else leaf.predicate
            for leaf in leaves_on_conclusions(production.condition)
        )
        met = {
            id(clause.production): clause
            for key in (*production.reads, *conclusions)
            for clause in self.writers_of.get(key, ())
        }
        return tuple(met.values())

    def behind(self, names: Iterable[str], until: Container[str] = ()) -> set[str]:
        """The names, and all from which they are drawn, directly or not.

        Args:
            names: of values and properties.
            until: names behind which not to look.
        """
        return _reached(names, until, self.writers_of, names_read)

    def hang_on(self, names: Iterable[str]) -> set[str]:
        """The names, and all that is drawn from them, directly or not."""
        return _reached(names, (), self.readers_of, lambda production: _written(production)[-1:])


def names_read(production: Production) -> tuple[str, ...]:
    """The values and properties that a production reads."""
    return (*production.reads, *properties_read(production.condition))


def _written(production: Production) -> tuple[str, ...]:
    """Key and name of what a production writes."""
    conclusion = production.conclusion
    if isinstance(conclusion, Assertion):
        return conclusion.key, conclusion.predicate
    return (conclusion.fact,)


def _reached(
    names: Iterable[str],
    until: Container[str],
    clauses_of: Mapping[str, tuple[Clause, ...]],
    next_names: Callable[[Production], tuple[str, ...]],
) -> set[str]:
    reached, open_ = set[str](), list(names)
    while open_:
        name = open_.pop()
        if name not in reached:
            reached.add(name)
            if name not in until:
                for clause in clauses_of.get(name, ()):
                    open_ += next_names(clause.production)
    return reached


def _layer(number: int, rules: list[Rule]) -> Layer:
    clauses = tuple(
        Clause(rule, index, production)
        for rule in rules
        for index, production in enumerate(rule.productions)
    )
    asserting: dict[str, tuple[Clause, ...]] = {}
    assigning: dict[str, tuple[Clause, ...]] = {}
    for clause in clauses:
        conclusion = clause.production.conclusion
        kind = assigning if isinstance(conclusion, Assignment) else asserting
        kind[conclusion.key] = (*kind.get(conclusion.key, ()), clause)
    return Layer(number, clauses, asserting, assigning)
