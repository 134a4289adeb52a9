"""The guideline as plain objects: what the SHACL, OWL and evidence files say, once read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    Compare,
    Condition,
    Constant,
    OneOf,
    Value,
)
from calx.reasoner.model.names import Key, Names, Text, key_of
from calx.reasoner.model.program import Program
from calx.reasoner.model.requirement import Requirement
from calx.reasoner.model.rule import Assertion, Assignment, Number, Rule
from calx.reasoner.model.section import Alerts, One, Section

COSTS = ("at_hand", "look_again", "new_test", "next_step")
"""What it takes to learn a fact, the least first."""


@dataclass(frozen=True)
class Fact:
    """A property of a lesion with a value: given in a case, implied, or a computed quantity."""

    name: str
    local: str
    kind: Literal["boolean", "text", "integer", "number"]
    label: Text
    definition: Text
    source: str
    unit: str | None = None
    minimum: Decimal | None = None
    exclusive_minimum: bool = False
    maximum: Decimal | None = None
    values: tuple[str, ...] = ()
    group: str | None = None
    order: int = 0
    given: bool = True
    """False for a quantity that rules compute: a case may not give it."""
    result_key: str | None = None
    concerns: str | None = None
    """The thing that it sizes, by its local name."""
    unbounded: Text | None = None
    """Why it has no highest value."""
    inapplicable: Condition | None = None
    """Of other facts: where it holds, this fact, if absent, can have no value."""
    cost: str = COSTS[0]
    """What it takes to learn it, one of `COSTS`."""
    actionable: bool = False
    """Whoever treats the lesion can choose it."""
    follows: str | None = None
    """Local name of the fact from which it is read: where that is off, this one is with it."""
    asked_first: Condition | None = None
    """Of other facts: where it holds, a form asks for this fact among the first."""
    yes: Text = field(default_factory=dict)
    """What a form says for its yes; nothing: "yes"."""
    no: Text = field(default_factory=dict)
    """What a form says for its no; nothing: "no"."""


@dataclass(frozen=True)
class Term:
    """A thing that can be concluded: a strategy, device, alert, finding, caution …"""

    id: str
    """The id of the public contract."""
    local: str
    """Last part of the IRI; differs from `id` where two terms share an id."""
    kind: str
    """The folder of the IRI: ``strategy``, ``device`` …"""
    label: Text
    definition: Text
    concerns: str | None = None
    """The thing that it is about, by its local name."""
    order: int = 0
    weight: int = 1
    """What it counts in a tally."""
    weighty: bool = False
    """A caution that counts where things are ranked."""
    precedence: int = 0
    """Place among things that rank alike."""
    alternatives: tuple[str, ...] = ()
    """Local names of the actions of which one is enough."""
    told_open: bool = True
    """An alert that is told where unknown facts leave it open."""
    open_where: Condition | None = None
    """It is told so only in cases that meet this."""


@dataclass(frozen=True)
class ConclusionProperty:
    """A property that rules conclude, and its key in an answer."""

    name: str
    result_key: str
    kind: str
    """Kind of its terms."""
    label: Text
    parent: str | None = None
    functional: bool = False
    """At most one term holds."""
    harm: Decimal = Decimal(0)
    """How grave it is where this is told wrongly, 0 to 1."""
    word: Text = field(default_factory=dict)
    """How that is called which a property gives a thing, such as a status; else its label."""


@dataclass(frozen=True)
class Study:
    """A source, with the level that follows from its type."""

    id: str
    type: str
    level: str
    label: Text
    citation: str
    identifiers: tuple[str, ...] = ()
    participants: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Statement:
    """What one study states."""

    id: str
    study: str
    stance: Literal["supports", "disputes", "limits"]
    verified: Literal["page", "secondary", "review", "unverified"]
    locator: str
    text: Text
    level: str
    population: str | None = None
    numbers: tuple[Number, ...] = ()
    when: Condition | None = None
    """Concerns only lesions of this kind."""
    when_known: Condition | None = None
    """Concerns only lesions of which this is certain, whatever the unknown facts are."""
    own_limit: Text | None = None
    """Why its limit is another than that of related rules."""
    prominent: bool = False
    """Worth showing at once: it would change what a reader does."""


@dataclass(frozen=True)
class SharedCondition:
    """A condition that authors named, for several rules to share."""

    id: str
    label: Text = field(compare=False)
    """What a lesion has that meets it: "a high-risk feature"."""
    condition: Condition


@dataclass(frozen=True)
class Constraint:
    """A combination of facts that no case may show."""

    id: str
    message: Text
    condition: Condition


@dataclass(frozen=True)
class Suspension:
    """A rule that does not fire because withdrawn studies were its only support."""

    rule: str
    studies: tuple[str, ...]


@dataclass(frozen=True)
class Root:
    """The class of the things that a guideline is about."""

    local: str
    label: Text


def above(properties: Mapping[str, ConclusionProperty], name: str) -> list[str]:
    """The properties that a property is below, the nearest first."""
    found: list[str] = []
    parent = properties[name].parent
    while parent is not None and parent in properties and parent not in (name, *found):
        found.append(parent)
        parent = properties[parent].parent
    return found


@dataclass(frozen=True)
class Guideline:
    """Everything that the files of a guideline say. Immutable; `digest` identifies the files.

    >>> import calx
    >>> guideline = calx.Reasoner.load().guideline
    >>> guideline.rule["D4"].level, guideline.facts["max_superficial_arc_deg"].unit
    ('C-EO', 'deg')
    """

    names: Names
    """Its namespace."""
    root: Root
    """What it is about."""
    name: Text
    """In short."""
    version: str
    digest: str
    title: Text
    notice: Text
    levels: tuple[str, ...]
    """Evidence levels, best first."""
    level_definitions: dict[str, Text]
    groups: dict[str, Text]
    opened: tuple[str, ...]
    """The groups of facts that a form shows at first."""
    facts: dict[str, Fact]
    value_labels: dict[str, Text]
    terms: dict[str, Term]
    """By ``kind/local``."""
    properties: dict[str, ConclusionProperty]
    studies: dict[str, Study]
    statements: dict[str, Statement]
    rules: tuple[Rule, ...]
    """In the order in which they run."""
    constraints: tuple[Constraint, ...]
    suspended: tuple[Suspension, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    shared: tuple[SharedCondition, ...] = ()
    sections: tuple[Section, ...] = ()
    """Of an answer, in the order of its JSON."""
    sums: tuple[tuple[Condition, Compare], ...] = ()
    """What is read as a condition on the points of a tally, and the comparison that was meant."""
    chapters: dict[str, Text] = field(default_factory=dict)
    """Of the rule book, in their order: titles by file of rules."""
    reads_recordings: bool = False
    """Whether recordings of vessels give some of its facts."""
    observations: str = ""
    """FHIR categories of the observations that hold its facts, where a client is to send these."""
    of_patient: tuple[str, ...] = ()
    """Facts of the patient at the time, which hold of each of the patient's lesions."""

    @property
    def iri(self) -> str:
        """Its namespace, and the IRI of its header."""
        return self.names.iri

    @cached_property
    def rule(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def program(self) -> Program:
        """In which order the rules run, and what hangs on what."""
        return Program(self.rules)

    @cached_property
    def computed_from(self) -> dict[str, tuple[str, ...]]:
        """For each computed quantity the given facts that it comes from."""
        writers = self.program.writers_of

        def given(name: str) -> tuple[str, ...]:
            if self.facts[name].given:
                return (name,)
            reads = (fact for clause in writers.get(name, ()) for fact in clause.production.reads)
            return tuple(dict.fromkeys(base for fact in reads for base in given(fact)))

        return {
            name: given(name)
            for name, fact in self.facts.items()
            if not fact.given and name in writers
        }

    def given_facts(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The same names with each quantity replaced by the facts that it comes from; none where no
        rule computes it.
        """
        return tuple(
            dict.fromkeys(
                base
                for name in names
                for base in self.computed_from.get(name, (name,) if self.facts[name].given else ())
            )
        )

    @cached_property
    def inapplicable(self) -> dict[str, Condition]:
        """The facts that do not always apply, and where they do not."""
        return {
            name: fact.inapplicable
            for name, fact in self.facts.items()
            if fact.inapplicable is not None
        }

    @cached_property
    def stands_for(self) -> dict[str, tuple[Value, dict[str, Value]]]:
        """By fact the one value from which alone most follows of other facts, and what."""
        found: dict[tuple[str, Value], dict[str, Value]] = {}
        for clause in self.program.clauses:
            made = clause.production.conclusion
            if isinstance(made, Assignment) and isinstance(made.expression, Constant):
                condition = clause.production.condition
                parts = condition.parts if isinstance(condition, AllOf) else (condition,)
                match [part for part in parts if part != Absent(made.fact)]:
                    case [OneOf(fact, (value,))] if value is not False:
                        found.setdefault((fact, value), {})[made.fact] = made.expression.value
        most = sorted(found.items(), key=lambda item: len(item[1]))
        return {fact: (value, implied) for (fact, value), implied in most}

    def term(self, property_name: str, local: str) -> Term:
        return self.terms[f"{self.properties[property_name].kind}/{local}"]

    def of_kind(self, kind: str) -> tuple[Term, ...]:
        """The terms of a kind, in their order."""
        return self._kinds.get(kind, ())

    @cached_property
    def _kinds(self) -> dict[str, tuple[Term, ...]]:
        kinds: dict[str, tuple[Term, ...]] = {}
        for term in sorted(self.terms.values(), key=lambda term: (term.order, term.id)):
            kinds[term.kind] = (*kinds.get(term.kind, ()), term)
        return kinds

    @cached_property
    def sizes(self) -> dict[str, tuple[str, ...]]:
        """The computed numbers that concern a thing, by its local name."""
        found: dict[str, tuple[str, ...]] = {}
        for fact in self.facts.values():
            if fact.concerns is not None and not fact.given:
                found[fact.concerns] = (*found.get(fact.concerns, ()), fact.name)
        return found

    @cached_property
    def lead(self) -> One | None:
        """The section that an answer says in short."""
        return next(
            (section for section in self.sections if isinstance(section, One) and section.leads),
            None,
        )

    def above(self, name: str) -> list[str]:
        """The properties that a property is below, the nearest first."""
        return above(self.properties, name)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """Kinds of the terms in whose name rules give advice (calx:inAlert)."""
        return tuple(section.kind for section in self.sections if isinstance(section, Alerts))

    def alerts_of(self, alert: str) -> Alerts | None:
        """The section that tells of an alert, by its id."""
        for section in self.sections:
            if isinstance(section, Alerts) and alert in {t.id for t in self.of_kind(section.kind)}:
                return section
        return None

    @cached_property
    def in_reading_order(self) -> tuple[Section, ...]:
        """The sections that people are shown, in their order."""
        return tuple(sorted((s for s in self.sections if s.order), key=lambda s: s.order))

    @cached_property
    def owned(self) -> dict[str, tuple[str, ...]]:
        """Keys of the conclusions that rules draw in the name of an alert, by its local name."""
        found: dict[str, dict[str, None]] = {}
        for rule in self.rules:
            if rule.alert is not None:
                found.setdefault(rule.alert, {}).update(dict.fromkeys(self.advice_of(rule)))
        return {name: tuple(keys) for name, keys in found.items()}

    def advice_of(self, rule: Rule) -> tuple[str, ...]:
        """Keys of what a rule concludes beside the alert in whose name it does."""
        return tuple(
            told.key
            for told in (production.conclusion for production in rule.productions)
            if isinstance(told, Assertion)
            and self.properties[told.predicate].kind not in self.owners
        )

    def raised_by(self, name: str) -> tuple[Key, ...]:
        """Keys of the conclusions that raise an alert, of whatever severity."""
        return tuple(
            key_of(predicate, name)
            for predicate, described in self.properties.items()
            if described.kind in self.owners
        )

    def concluding(self, predicate: str) -> tuple[Rule, ...]:
        """The rules that conclude a property."""
        clauses = self.program.writers_of.get(predicate, ())
        return tuple({clause.rule.id: clause.rule for clause in clauses}.values())
