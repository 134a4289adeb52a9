"""Rules in words, in English or Chinese: one reading of
the condition algebra, in the labels of the ontology.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Compare,
    Condition,
    Constant,
    Derived,
    Expression,
    Not,
    Of,
    OneOf,
    Value,
)
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.rule import Assertion, Production, Rule
from calx.words import words as words_of

UNITS = {"deg": "°", "mm2": " mm²", "a": "", "1": "", "{pulse}": "", None: ""}
"""How a unit (UCUM) is written after a number, where not as itself."""


def quantity(fact: Fact, value: Decimal | float) -> str:
    """A number with its unit, as a reader writes it."""
    number = f"{value.normalize():f}" if isinstance(value, Decimal) else f"{value:.6g}"
    return number + UNITS.get(fact.unit, f" {fact.unit}")


def computed(fact: Fact, value: float) -> str:
    """A computed number as a person writes it: sizes to a hundredth, the rest to a tenth."""
    if fact.kind == "integer":
        return quantity(fact, value)
    size = fact.unit in SIZES
    number = f"{value:.2f}" if size else f"{value:.1f}"
    whole, _, rest = number.partition(".")
    rest = rest.rstrip("0")
    shown = f"{whole}.{rest or '0'}" if size or rest else whole
    return shown + UNITS.get(fact.unit, f" {fact.unit}")


SIZES = ("mm", "mm2", "cm")
"""Units of what is made in steps below a tenth."""


class Prose:
    """Puts the rules of a guideline into words."""

    def __init__(self, guideline: Guideline, language: str = "en", by_name: bool = False) -> None:
        self._guideline, self._language, self._words = (
            guideline,
            language,
            words_of("rule", language),
        )
        self._names = (
            {shared.condition: shared.label[language] for shared in guideline.shared}
            if by_name
            else {}
        )
        """Conditions that authors named, told by their names where that is wanted."""
        self._sums = dict(guideline.sums)

    def rule(self, rule: Rule) -> list[str]:
        """One sentence for each production of the rule."""
        return [self.sentence(production) for production in rule.productions]

    def sentence(self, production: Production) -> str:
        """The production as one sentence: if …, then …"""
        conclusion = self.conclusion(production)
        if production.condition == AllOf(()):
            return self._words["always"].format(Conclusion=conclusion[:1].upper() + conclusion[1:])
        return self._words["if"].format(
            condition=self.condition(production.condition), conclusion=conclusion
        )

    def conclusion(self, production: Production) -> str:
        """What the production concludes."""
        concluded = production.conclusion
        if isinstance(concluded, Assertion):
            return self._words["derived"].format(
                property=self._property(concluded.predicate),
                term=self._term(concluded.predicate, concluded.term),
            )
        fact = self._guideline.facts[concluded.fact]
        expression = concluded.expression
        value = (
            self._value(fact, expression.value)
            if isinstance(expression, Constant)
            else self._expression(expression)
        )
        return self._words["value"].format(fact=fact.label[self._language], value=value)

    def condition(self, condition: Condition, inside: bool = False) -> str:
        """The condition; in brackets where it is a part that would be misread without."""
        words = self._words
        if condition in self._names:
            return words["shared"].format(label=self._names[condition])
        if condition in self._sums:
            return self.condition(self._sums[condition], inside)
        match condition:
            case AllOf(parts):
                return self._joined("and", self._flat(parts, AllOf), inside)
            case AnyOf(parts):
                return self._joined("or", self._flat(parts, AnyOf), inside)
            case Not(part):
                return self._not(part)
            case Compare(fact, comparator, limit):
                return words[comparator].format(
                    fact=self._fact(fact), limit=quantity(self._guideline.facts[fact], limit)
                )
            case OneOf(fact, (bool(value),)):
                return words[str(value).lower()].format(fact=self._fact(fact))
            case OneOf(fact, values):
                shown = words["or"].join(
                    self._value(self._guideline.facts[fact], value) for value in values
                )
                return words["one of"].format(fact=self._fact(fact), values=shown)
            case Absent(fact):
                return words["absent"].format(fact=self._fact(fact))
            case Derived(predicate, term):
                return words["derived"].format(
                    property=self._property(predicate), term=self._term(predicate, term)
                )
            case AtLeast(count, predicate, (_, *_) as among):
                return words["at least of"].format(
                    count=count, terms=words["or"].join(self._term(predicate, t) for t in among)
                )
            case AtLeast(count, predicate):
                return words["any at all" if count == 1 else "at least"].format(
                    count=count, property=self._property(predicate)
                )
            case _:
                assert_never(condition)

    def _not(self, part: Condition) -> str:
        words = self._words
        if part in self._names:
            return words["not shared"].format(label=self._names[part])
        match part:
            case Not(inner):
                return self.condition(inner, inside=True)
            case Absent(fact):
                return words["known"].format(fact=self._fact(fact))
            case Derived(predicate, term):
                return words["not derived"].format(
                    property=self._property(predicate), term=self._term(predicate, term)
                )
            case AtLeast(1, predicate, ()):
                return words["none"].format(property=self._property(predicate))
            case AnyOf(parts):
                return words["none of"].format(
                    parts="; ".join(
                        self.condition(one, inside=True) for one in self._flat(parts, AnyOf)
                    )
                )
            case Compare() | OneOf() | AtLeast() | AllOf():
                return words["not"].format(part=self.condition(part))
            case _:
                assert_never(part)

    def _joined(self, word: str, parts: list[Condition], inside: bool) -> str:
        text = self._words[word].join(self.condition(part, inside=True) for part in parts)
        brackets = words_of("language", self._language)["brackets"]
        return brackets.format(text) if inside and len(parts) > 1 else text

    def _expression(self, expression: Expression) -> str:
        match expression:
            case Constant(value):
                return str(value)
            case Of(fact):
                return self._fact(fact)
            case Arithmetic(sign, left, right):
                mark = {"*": "×", "/": "÷"}.get(sign, sign)
                return f"({self._expression(left)} {mark} {self._expression(right)})"
            case _:
                assert_never(expression)

    def _value(self, fact: Fact, value: Value) -> str:
        if isinstance(value, bool):
            return self._words["yes" if value else "no"]
        if isinstance(value, str):
            return self._guideline.value_labels.get(value, {self._language: value})[self._language]
        return quantity(fact, Decimal(value))

    def _fact(self, name: str) -> str:
        return self._guideline.facts[name].label[self._language]

    def _property(self, name: str) -> str:
        return self._guideline.properties[name].label[self._language]

    def _term(self, predicate: str, local: str) -> str:
        return self._guideline.term(predicate, local).label[self._language]

    def _flat(self, parts: tuple[Condition, ...], kind: type[AllOf | AnyOf]) -> list[Condition]:
        """The parts, with parts of the same kind opened, but for those that are told by name."""
        return [
            one
            for part in parts
            for one in (
                self._flat(part.parts, kind)
                if isinstance(part, kind) and part not in self._names and part not in self._sums
                else [part]
            )
        ]
