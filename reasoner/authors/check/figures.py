"""Numbers in words: does a text say the same number as the rule, the source and the other language?

A number may stand in digits or, where it is small, be written out ("two points", "half").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from calx.reasoner.model.condition import Compare, Condition, Constant, find, values_read
from calx.reasoner.model.guideline import Guideline, Statement
from calx.reasoner.model.names import Text
from calx.reasoner.model.rule import Assignment, Rule
from calx.words import LANGUAGES, words

UNITS = {
    form: "{pulse}" if unit == "pulse" else unit
    for language in LANGUAGES
    for unit, forms in words("units", language).items()
    for form in forms.split("|")
}
"""Units of UCUM, by how people write them."""
DIGITS = re.compile(
    r"(?<![A-Za-z0-9.])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?"
    rf"(?:\s*({'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})(?![A-Za-z0-9]))?"
    r"(?![A-Za-z0-9]|\.\d)"
)
"""A number that is no part of a name (``C2``, ``P130005``), with the unit behind it."""
SPELLED = {
    form: Decimal(value)
    for language in LANGUAGES
    for value, forms in words("numbers", language).items()
    for form in forms.split("|")
}
"""Numbers written out."""
WRITTEN_OUT = re.compile(
    "|".join(
        rf"\b{word}\b" if word.isascii() and word[0].isalpha() else re.escape(word)
        for word in sorted(SPELLED, key=len, reverse=True)
    )
)


class Figure(NamedTuple):
    """A number in a text."""

    value: Decimal
    unit: str | None
    """In UCUM, where one that Calx knows stands behind it."""


class Misfit(NamedTuple):
    """A number in words that is not the one meant."""

    subject: str
    """IRI below that of the guideline."""
    message: str


@lru_cache(maxsize=4096)
def figures(text: str) -> frozenset[Figure]:
    """The numbers that stand in a text in digits."""
    plain = unicodedata.normalize("NFKC", text)
    return frozenset(
        Figure(
            Decimal(found[1].replace(",", "") + (found[2] or "")),
            UNITS.get(found[3]) if found[3] else None,
        )
        for found in DIGITS.finditer(plain)
    )


def misfits(guideline: Guideline) -> Iterator[Misfit]:
    """Every number in the words of a guideline that fits neither what it speaks of nor the same
    words in the other language.
    """
    for subject, told in texts(guideline):
        for text in told:
            yield from (Misfit(subject, message) for message in _between_languages(text))
    for statement in guideline.statements.values():
        yield from (
            Misfit(f"ev/{statement.id}", message) for message in _of_statement(guideline, statement)
        )
    for rule in guideline.rules:
        yield from (Misfit(f"rule/{rule.id}", message) for message in _of_rule(guideline, rule))
    yield from _of_terms(guideline)
    for shared in guideline.shared:
        allowed = _constants(guideline, shared.condition)
        yield from (
            Misfit(f"condition/{shared.id}", message)
            for message in _beyond(shared.label, allowed, "the condition compares with")
        )
    for constraint in guideline.constraints:
        allowed = _constants(guideline, constraint.condition)
        yield from (
            Misfit(f"shape/{constraint.id}", message)
            for message in _beyond(constraint.message, allowed, "the shape compares with")
        )


def texts(guideline: Guideline) -> Iterator[tuple[str, tuple[Text, ...]]]:
    """Whatever stands in several languages, by the IRI, below that of the guideline, of what it
    describes.
    """
    for rule in guideline.rules:
        yield f"rule/{rule.id}", (rule.label, rule.rationale)
    for path, term in guideline.terms.items():
        yield path, (term.label, term.definition)
    for fact in guideline.facts.values():
        yield fact.local, (fact.label, fact.definition)
    for statement in guideline.statements.values():
        yield f"ev/{statement.id}", (statement.text,)
    for study in guideline.studies.values():
        yield f"ev/{study.id}", (study.label,)
    for shared in guideline.shared:
        yield f"condition/{shared.id}", (shared.label,)
    for constraint in guideline.constraints:
        yield f"shape/{constraint.id}", (constraint.message,)
    for requirement in guideline.requirements:
        yield f"requirement/{requirement.id}", (requirement.label, requirement.rationale)
    for value, label in guideline.value_labels.items():
        yield f"value/{value}", (label,)


def _between_languages(text: Text) -> Iterator[str]:
    named = {
        language: {figure.value for figure in figures(said)} for language, said in text.items()
    }
    for language, said in text.items():
        for other, values in named.items():
            missing = sorted(values - named[language] - _spelled(said))
            if missing:
                yield (
                    f"names {_listed(missing)} in '{other}' and not in '{language}' "
                    f"({said[:80]!r}); make them say the same"
                )


def _of_statement(guideline: Guideline, statement: Statement) -> Iterator[str]:
    """The text of a statement gives each number that it is taken to state."""
    for language, said in statement.text.items():
        named = _named(said)
        missing = sorted(
            {
                number.value
                for number in statement.numbers
                if abs(number.value) not in named
                and not (number.comparator in ("/", "c/") and 1 / number.value in named)
            }
        )
        if missing:
            yield (
                f"states {_listed(missing)}, and its words in '{language}' do not name it "
                f"({said[:80]!r}); mend the number or the words"
            )


def _of_rule(guideline: Guideline, rule: Rule) -> Iterator[str]:
    """A rule's words name its own numbers; its rationale also those of its statements."""
    own = _numbers_of(guideline, rule)
    cited = _cited(guideline, rule)
    yield from _beyond(rule.label, own, "the rule compares with", cited)
    yield from _beyond(rule.rationale, own | cited, "the rule and its statements name")


def _of_terms(guideline: Guideline) -> Iterator[Misfit]:
    """The words of what is concluded name the numbers of the rules that conclude it."""
    own: dict[str, set[Figure]] = {}
    cited: dict[str, set[Figure]] = {}
    for rule in guideline.rules:
        for production in rule.productions:
            told = production.conclusion
            if not isinstance(told, Assignment):
                path = f"{guideline.properties[told.predicate].kind}/{told.term}"
                own.setdefault(path, set()).update(_numbers_of(guideline, rule))
                cited.setdefault(path, set()).update(_cited(guideline, rule))
    for path, numbers in own.items():
        term = guideline.terms[path]
        for message in (
            *_beyond(term.label, numbers, "the rules that conclude it compare with", cited[path]),
            *_beyond(term.definition, numbers | cited[path], "the rules that conclude it name"),
        ):
            yield Misfit(path, message)


def _beyond(
    text: Text, own: set[Figure], what: str, otherwise: set[Figure] | None = None
) -> Iterator[str]:
    """Numbers of a text that are not its subject's own. One whose unit is not among the subject's
    may come from elsewhere.
    """
    units = {figure.unit for figure in own}
    values = {figure.value for figure in own}
    others = {figure.value for figure in otherwise or ()}
    for language, said in text.items():
        strange = sorted(
            {
                figure.value
                for figure in figures(said)
                if figure.value not in values
                and (figure.unit in units or figure.value not in others)
                and not (figure.unit is None and None not in units and _harmless(figure.value))
            }
        )
        if strange:
            known = _listed(sorted(values)) if values else "no number"
            yield (
                f"names {_listed(strange)} in '{language}' ({said[:80]!r}), and {what} {known}; "
                "mend the words or the number"
            )


def _harmless(value: Decimal) -> bool:
    """A count of steps, or a year: no limit of a rule that has none without a unit."""
    return value == value.to_integral_value() and (value <= 10 or 1900 <= value <= 2100)


def _numbers_of(guideline: Guideline, rule: Rule) -> set[Figure]:
    found = set[Figure]()
    for production in rule.productions:
        found |= {Figure(number.value, _plain(number.unit)) for number in production.numbers}
        found |= _constants(guideline, production.condition)
        told = production.conclusion
        if isinstance(told, Assignment):
            found |= _all(guideline.facts[told.fact].label)
            if isinstance(told.expression, Constant) and isinstance(told.expression.value, Decimal):
                found.add(Figure(told.expression.value, _plain(guideline.facts[told.fact].unit)))
    return found


def _constants(guideline: Guideline, condition: Condition) -> set[Figure]:
    """The numbers that a condition compares with, and those in the names of what it reads."""
    found = {
        Figure(leaf.limit, _plain(guideline.facts[leaf.fact].unit))
        for leaf in find(condition, Compare)
    }
    for name in values_read(condition):
        fact = guideline.facts[name]
        found |= _all(fact.label) if fact.given else _all(fact.label) | _all(fact.definition)
    return found


def _plain(unit: str | None) -> str | None:
    """Nobody writes the unit of a number without one."""
    return None if unit in ("1", "") else unit


def _cited(guideline: Guideline, rule: Rule) -> set[Figure]:
    return {
        Figure(value, None)
        for name in rule.evidence
        if name in guideline.statements
        for said in guideline.statements[name].text.values()
        for value in _named(said)
    }


def _all(text: Mapping[str, str]) -> set[Figure]:
    return {figure for said in text.values() for figure in figures(said)}


def _named(said: str) -> set[Decimal]:
    """The numbers of a text, in digits or written out; a percentage also as the fraction it is."""
    found = figures(said)
    return (
        {figure.value for figure in found}
        | {figure.value / 100 for figure in found if figure.unit == "%"}
        | _spelled(said)
    )


@lru_cache(maxsize=4096)
def _spelled(said: str) -> frozenset[Decimal]:
    found = {SPELLED[word] for word in WRITTEN_OUT.findall(said.lower())}
    return frozenset(found | {Decimal(50)} if Decimal("0.5") in found else found)


def _listed(values: list[Decimal]) -> str:
    return ", ".join(f"{value.normalize():f}" for value in values)
