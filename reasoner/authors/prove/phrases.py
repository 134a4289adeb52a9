"""Says which lesions are meant: literals about facts and about the conditions that authors named,
in English and Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    AtLeast,
    Compare,
    Condition,
    Derived,
    Not,
    OneOf,
    Value,
)
from calx.reasoner.model.guideline import Guideline, SharedCondition
from calx.reasoner.model.names import Text
from calx.reasoner.tell.prose import quantity
from calx.words import words as words_of


@dataclass(frozen=True)
class Literal:
    """Something true of a lesion: a leaf on one fact,
    its negation, or that a named condition holds or not.
    """

    condition: Condition
    named: SharedCondition | None = None
    holds: bool = True


def describe_literals(guideline: Guideline, literals: Sequence[Literal]) -> Text:
    """The literals as one phrase in each language."""
    return {language: _describe(guideline, literals, language) for language in guideline.title}


def conjunction(literals: Sequence[Literal]) -> Condition:
    """The condition that the literals state together."""
    return AllOf(tuple(literal.condition for literal in literals))


def _describe(guideline: Guideline, literals: Sequence[Literal], language: str) -> str:
    words = words_of("lesion", language)
    named = [
        words["with" if literal.holds else "without"].format(label=literal.named.label[language])
        for literal in literals
        if literal.named
    ]
    phrases = list(named)
    for fact in dict.fromkeys(
        _fact(literal.condition) for literal in literals if not literal.named
    ):
        about = [
            literal.condition
            for literal in literals
            if not literal.named and _fact(literal.condition) == fact
        ]
        phrases += _about(guideline, fact, about, language)
    return words["joined"].join(phrases) or words["all"]


def _about(
    guideline: Guideline, fact: str, conditions: list[Condition], language: str
) -> list[str]:
    words, described = words_of("lesion", language), guideline.facts[fact]
    label = described.label[language]

    def shown(value: Value) -> str:
        if isinstance(value, bool):
            return words["yes" if value else "no"]
        return guideline.value_labels.get(str(value), {language: str(value)})[language]

    def compared(leaf: Compare) -> str:
        return words[leaf.comparator].format(limit=quantity(described, leaf.limit))

    bounds = [leaf for leaf in conditions if isinstance(leaf, Compare)]
    values = [leaf for leaf in conditions if isinstance(leaf, OneOf)]
    weak_bounds = [
        leaf.part for leaf in conditions if isinstance(leaf, Not) and isinstance(leaf.part, Compare)
    ]
    weak_values = [
        leaf.part for leaf in conditions if isinstance(leaf, Not) and isinstance(leaf.part, OneOf)
    ]
    found = []
    if bounds:
        found.append(
            words["is"].format(
                fact=label,
                values=words["and"].join(
                    map(compared, sorted(bounds, key=lambda leaf: leaf.comparator in ("<", "<=")))
                ),
            )
        )
    found += [
        words["is"].format(fact=label, values=words["or"].join(map(shown, leaf.values)))
        for leaf in values
    ]
    if weak_bounds:
        found.append(
            words["not"].format(fact=label, values=words["or"].join(map(compared, weak_bounds)))
        )
    if weak_values:
        found.append(
            words["not"].format(
                fact=label,
                values=words["or"].join(
                    shown(value) for leaf in weak_values for value in leaf.values
                ),
            )
        )
    if (Not(Absent(fact)) in conditions and not found) or (
        Not(Absent(fact)) in conditions and not bounds and not values
    ):
        found.append(words["known"].format(fact=label))
    if Absent(fact) in conditions:
        found.append(words["unknown"].format(fact=label))
    return found


def _fact(condition: Condition) -> str:
    match condition:
        case Not(part):
            return _fact(part)
        case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
            return fact
        case Derived() | AtLeast() | AllOf() | AnyOf():
            raise TypeError(f"{condition} is no literal on one fact")
        case _:
            assert_never(condition)
