"""What makes a guideline well formed beyond its syntax: layers, evidence, literals. Each fault names its rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ontology import AuthoringProblem

from .condition import Absent, AtLeast, Compare, Constant, Derived, OneOf, inputs, leaf_holds, leaves
from .guideline import FIRST_LAYER_OF_CONCLUSIONS, Assertion, Assignment, Guideline, Number, Production, Rule

BINDING = ("strategy", "indicated", "favoured", "contraindicated")
"""What unverified knowledge may never decide."""


def faults(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """Every fault of the guideline's rules."""
    for rule, count in Counter(rule.id for rule in guideline.rules).items():
        if count > 1:
            yield AuthoringProblem(guideline.rule[rule].file, f"the id stands {count} times; give each rule its own", rule)
    if not guideline.rules or not guideline.constraints:
        yield AuthoringProblem("rules" if not guideline.rules else "shapes", "holds nothing that can be read; is a file missing?")
    for rule_ in guideline.rules:
        for message in (*_concluded(guideline, rule_), *_layering(guideline, rule_), *_evidence(guideline, rule_), *_literals(guideline, rule_)):
            yield AuthoringProblem(rule_.file, message, rule_.id)


# --- layers: no rule reads what its own or a later layer writes --------------------


def _layering(guideline: Guideline, rule: Rule) -> Iterator[str]:
    for production in rule.productions:
        conclusion = production.conclusion
        if isinstance(conclusion, Assignment) and guideline.facts[conclusion.fact].given and rule.layer >= FIRST_LAYER_OF_CONCLUSIONS:
            yield f"concludes the fact {conclusion.fact} in layer {rule.layer}; facts are implied below layer {FIRST_LAYER_OF_CONCLUSIONS}"
        if isinstance(conclusion, Assertion) and rule.layer < FIRST_LAYER_OF_CONCLUSIONS:
            yield f"concludes {conclusion.predicate} in layer {rule.layer}; conclusions start in layer {FIRST_LAYER_OF_CONCLUSIONS}"
        for other in guideline.rules:
            if other.layer >= rule.layer:
                for key in dict.fromkeys(key for written in other.productions for key in _meetings(production, written)):
                    yield f"reads {key}, which {other.id} writes in layer {other.layer}; a rule reads only layers below its own ({rule.layer})"


def _meetings(reader: Production, writer: Production) -> Iterator[str]:
    """What `reader` reads and `writer` could change under it.

    An implied fact is written only where it is absent, so a leaf that says the same of the implied value as of
    an absent one (``arc > 0`` of an implied 0) cannot be changed; nor does a rule's own guard count.
    """
    written = writer.conclusion
    if isinstance(written, Assertion):
        for leaf in leaves(reader.condition):
            if (isinstance(leaf, Derived) and leaf.key == written.key) or (isinstance(leaf, AtLeast) and leaf.predicate == written.predicate):
                yield leaf.predicate
        return
    if isinstance(reader.conclusion, Assignment) and written.fact in inputs(reader.conclusion.expression):
        yield written.fact
    if reader.conclusion.key == written.key:
        return
    for leaf in leaves(reader.condition):
        if isinstance(leaf, Compare | OneOf | Absent) and leaf.fact == written.fact:
            implied = written.expression
            if not isinstance(implied, Constant) or leaf_holds(leaf, None) != leaf_holds(leaf, implied.value):
                yield leaf.fact


def _concluded(guideline: Guideline, rule: Rule) -> Iterator[str]:
    """What a rule reads, some rule must be able to conclude: else a file is missing."""
    conclusions = [production.conclusion for other in guideline.rules for production in other.productions]
    predicates = {conclusion.predicate for conclusion in conclusions if isinstance(conclusion, Assertion)}
    computed = {conclusion.fact for conclusion in conclusions if isinstance(conclusion, Assignment)}
    for production in rule.productions:
        for leaf in leaves(production.condition):
            if isinstance(leaf, Derived | AtLeast) and leaf.predicate not in predicates:
                yield f"reads {leaf.predicate}, which no rule concludes; is a file missing?"
        for fact in production.reads:
            if not guideline.facts[fact].given and fact not in computed:
                yield f"reads {fact}, which no rule computes; is a file missing?"


# --- evidence ----------------------------------------------------------------------


def _evidence(guideline: Guideline, rule: Rule) -> Iterator[str]:
    unknown = [statement for statement in rule.evidence if statement not in guideline.statements]
    for statement in unknown:
        yield f"rests on ev:{statement}, which is not described"
    supports = [guideline.statements[s] for s in rule.evidence if s not in unknown and guideline.statements[s].stance == "supports"]
    if not supports:
        yield "has no supporting statement; give it calx:evidence (no rule without evidence)"
        return
    if all(statement.level == "U" for statement in supports):
        for production in rule.productions:
            if isinstance(production.conclusion, Assertion) and production.conclusion.predicate in BINDING:
                yield f"rests on unverified knowledge alone and concludes {production.conclusion.predicate}; it may only raise a caution"


def _literals(guideline: Guideline, rule: Rule) -> Iterator[str]:
    """A literal is backed by a supporting statement with the same quantity, comparator, value and unit."""
    stated: set[Number] = {
        number
        for s in rule.evidence
        if s in guideline.statements and guideline.statements[s].stance != "disputes"
        for number in guideline.statements[s].numbers
    }
    for literal in dict.fromkeys(number for production in rule.productions for number in production.numbers):
        if literal not in stated:
            near = sorted(f"{n.comparator} {n.value} {n.unit}" for n in stated if n.quantity == literal.quantity)
            yield (
                f"the literal {literal.quantity} {literal.comparator} {literal.value} {literal.unit} is backed by no statement that supports or limits the rule"
                + (f"; they state {', '.join(near)}" if near else "")
                + "; mend the number or add a statement with the same comparator, value and unit"
            )
