"""What makes a guideline well formed beyond its syntax:
layers, evidence, literals. Each fault names its rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from calx.ontology import AuthoringProblem
from calx.reasoner.model.condition import (
    Absent,
    AtLeast,
    Compare,
    Constant,
    Derived,
    OneOf,
    children,
    inputs,
    leaf_holds,
    leaves,
    leaves_on_conclusions,
    requires_known,
)
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.program import FIRST_LAYER_OF_CONCLUSIONS, Program
from calx.reasoner.model.rule import Assertion, Assignment, Number, Production, Rule
from calx.reasoner.model.section import Tally

Fault: TypeAlias = tuple[str, str]
"""Kind and message."""


def faults(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """Every fault of the guideline's rules."""
    for rule, count in Counter(rule.id for rule in guideline.rules).items():
        if count > 1:
            yield AuthoringProblem(
                "duplicate-id",
                guideline.rule[rule].file,
                f"the id stands {count} times; give each rule its own",
                rule,
            )
    if not guideline.rules or not guideline.constraints:
        yield AuthoringProblem(
            "header",
            "rules" if not guideline.rules else "shapes",
            "holds nothing that can be read; is a file missing?",
        )
    program = guideline.program
    for rule_ in guideline.rules:
        found = (
            *_concluded(guideline, program, rule_),
            *_layering(guideline, program, rule_),
            *_uncertain(guideline, program, rule_),
            *_evidence(guideline, rule_),
        )
        for kind, message in (
            *found,
            *((kind, message) for kind, message, _ in unbacked(guideline, rule_)),
        ):
            yield AuthoringProblem(kind, rule_.file, message, rule_.id)


# --- layers: no rule reads what its own or a later layer writes --------------------


def _layering(guideline: Guideline, program: Program, rule: Rule) -> Iterator[Fault]:
    for production in rule.productions:
        conclusion = production.conclusion
        if (
            isinstance(conclusion, Assignment)
            and guideline.facts[conclusion.fact].given
            and rule.layer >= FIRST_LAYER_OF_CONCLUSIONS
        ):
            yield (
                "layer",
                (
                    f"concludes the fact {conclusion.fact} in layer {rule.layer}; facts are "
                    f"implied below layer {FIRST_LAYER_OF_CONCLUSIONS}"
                ),
            )
        if isinstance(conclusion, Assertion) and rule.layer < FIRST_LAYER_OF_CONCLUSIONS:
            yield (
                "layer",
                (
                    f"concludes {conclusion.predicate} in layer {rule.layer}; conclusions start in "
                    f"layer {FIRST_LAYER_OF_CONCLUSIONS}"
                ),
            )
        for writer in program.writers_met_by(production):
            other, written = writer.rule, writer.production
            if other.layer >= rule.layer:
                for key in dict.fromkeys(_meetings(production, written)):
                    yield (
                        "layer",
                        (
                            f"reads {key}, which {other.id} writes in layer {other.layer}; a rule "
                            f"reads only layers below its own ({rule.layer})"
                        ),
                    )


def _uncertain(guideline: Guideline, program: Program, rule: Rule) -> Iterator[Fault]:
    """A number that hangs on conclusions is known even where unknown facts could make it another:
    a condition on it would look settled. The sum of a tally is read off its points instead.
    """
    totals = {section.total for section in guideline.sections if isinstance(section, Tally)}
    for production in rule.productions:
        if not isinstance(production.conclusion, Assertion):
            continue
        for leaf in leaves(production.condition):
            if not isinstance(leaf, Compare | OneOf | Absent) or guideline.facts[leaf.fact].given:
                continue
            if isinstance(leaf, Absent) and leaf.fact in totals:
                continue
            if any(
                name in program.writers_of for name in _conclusions_behind(guideline, leaf.fact)
            ):
                yield (
                    "layer",
                    f"compares {leaf.fact}, which hangs on conclusions that unknown facts may "
                    "change; compare the sum of a tally (calx:TallySection) or the facts "
                    "themselves",
                )


def _conclusions_behind(guideline: Guideline, name: str) -> set[str]:
    behind = guideline.program.behind([name])
    return {other for other in behind if other in guideline.properties}


def consistency_faults(guideline: Guideline) -> Iterator[tuple[str, str]]:
    """What a consistency shape may not speak of: id of the shape, message."""
    for constraint in guideline.constraints:
        named = [
            leaf.predicate
            if isinstance(leaf, Derived | AtLeast)
            else leaf.fact
            if not guideline.facts[leaf.fact].given and _conclusions_behind(guideline, leaf.fact)
            else None
            for leaf in leaves(constraint.condition)
        ]
        for name in dict.fromkeys(name for name in named if name is not None):
            yield (
                constraint.id,
                f"speaks of {name}, which rules conclude; a consistency shape speaks of facts and "
                "of what is computed from them, before anything is concluded",
            )


def _meetings(reader: Production, writer: Production) -> Iterator[str]:
    """What `reader` reads and `writer` could change under it.

    An implied fact is written only where it is absent, so a leaf that says the same of the implied
    value as of an absent one (``arc > 0`` of an implied 0) cannot be changed; nor does a rule's own
    guard count.
    """
    written = writer.conclusion
    if isinstance(written, Assertion):
        for leaf in leaves(reader.condition):
            if (isinstance(leaf, Derived) and leaf.key == written.key) or (
                isinstance(leaf, AtLeast) and leaf.predicate == written.predicate
            ):
                yield leaf.predicate
        return
    if isinstance(reader.conclusion, Assignment) and written.fact in inputs(
        reader.conclusion.expression
    ):
        yield written.fact
    if reader.conclusion.key == written.key:
        return
    if (
        isinstance(reader.conclusion, Assignment)
        and Absent(reader.conclusion.fact) in children(reader.condition)
        and requires_known(writer.condition, reader.conclusion.fact)
    ):
        return  # the reader writes only where this is absent: they can never both matter
    for leaf in leaves(reader.condition):
        if isinstance(leaf, Compare | OneOf | Absent) and leaf.fact == written.fact:
            implied = written.expression
            if not isinstance(implied, Constant) or leaf_holds(leaf, None) != leaf_holds(
                leaf, implied.value
            ):
                yield leaf.fact


def _concluded(guideline: Guideline, program: Program, rule: Rule) -> Iterator[Fault]:
    """What a rule reads, some rule must be able to conclude: else a file is missing."""
    for production in rule.productions:
        for leaf in leaves_on_conclusions(production.condition):
            if leaf.predicate not in program.writers_of:
                yield (
                    "nothing-concludes",
                    f"reads {leaf.predicate}, which no rule concludes; is a file missing?",
                )
        for fact in production.reads:
            if not guideline.facts[fact].given and fact not in program.writers_of:
                yield (
                    "nothing-concludes",
                    f"reads {fact}, which no rule computes; is a file missing?",
                )


# --- evidence ----------------------------------------------------------------------


def _evidence(guideline: Guideline, rule: Rule) -> Iterator[Fault]:
    unknown = [statement for statement in rule.evidence if statement not in guideline.statements]
    for statement in unknown:
        yield "unknown-evidence", f"rests on ev:{statement}, which is not described"
    supports = [
        guideline.statements[s]
        for s in rule.evidence
        if s not in unknown and guideline.statements[s].stance == "supports"
    ]
    if not supports:
        yield (
            "no-evidence",
            "has no supporting statement; give it calx:evidence (no rule without evidence)",
        )
        return
    if all(statement.level == "U" for statement in supports):
        binding = {
            name for section in guideline.sections if section.binding for name in section.bound
        }
        for production in rule.productions:
            if (name := _name(production)) in binding:
                yield (
                    "unverified",
                    (
                        f"rests on unverified knowledge alone and concludes {name}; it may only "
                        "raise a caution"
                    ),
                )


def _name(production: Production) -> str:
    """The property or number that a production concludes."""
    conclusion = production.conclusion
    return conclusion.predicate if isinstance(conclusion, Assertion) else conclusion.fact


def unbacked(guideline: Guideline, rule: Rule) -> Iterator[tuple[str, str, Number]]:
    """Literals without a supporting statement of the same quantity, comparator, value and unit:
    kind, message, literal.
    """
    stated: set[Number] = {
        number
        for s in rule.evidence
        if s in guideline.statements and guideline.statements[s].stance != "disputes"
        for number in guideline.statements[s].numbers
    }
    for literal in dict.fromkeys(
        number for production in rule.productions for number in production.numbers
    ):
        if literal not in stated:
            near = sorted(
                f"{n.comparator} {n.value} {n.unit}"
                for n in stated
                if n.quantity == literal.quantity
            )
            yield (
                "literal",
                (
                    f"the literal {literal.quantity} {literal.comparator} {literal.value} "
                    f"{literal.unit} is backed by no statement that supports or limits the rule"
                )
                + (f"; they state {', '.join(near)}" if near else "")
                + "; mend the number or add a statement with the same comparator, value and unit",
                literal,
            )
