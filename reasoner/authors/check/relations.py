"""Does what stands together belong together? Advice and its alert, evidence and its rule, and the
limits that several rules set for one quantity.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import combinations

from calx.ontology import AuthoringProblem
from calx.reasoner.model.condition import Derived, find
from calx.reasoner.model.guideline import Guideline, Statement
from calx.reasoner.model.names import Text, term_of
from calx.reasoner.model.rule import Assertion, Number, Rule
from calx.reasoner.model.section import Numbers, Status, Tally
from calx.words import DEFAULT, LANGUAGES, words


def strangers(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """Everything in a guideline that stands where it does not belong."""
    for rule in guideline.rules:
        yield from (
            AuthoringProblem("alert-owner", rule.file, message, rule.id)
            for message in _owner(guideline, rule)
        )
    yield from _unshown(guideline)
    yield from _another_limit(guideline)
    yield from _unrelated(guideline)
    yield from _two_limits(guideline)


# --- advice and its alert ------------------------------------------------------------


def _owner(guideline: Guideline, rule: Rule) -> Iterator[str]:
    """A rule that raises an alert gives its advice in that alert's name."""
    raised = {
        production.conclusion.term
        for production in rule.productions
        if isinstance(production.conclusion, Assertion)
        and guideline.properties[production.conclusion.predicate].kind in guideline.owners
    }
    if rule.alert is not None and raised and rule.alert not in raised:
        yield (
            f"raises {', '.join(sorted(raised))}, and calx:inAlert puts its advice under "
            f"{rule.alert}; name the alert that it raises"
        )


# --- conclusions and the answer --------------------------------------------------------


def _unshown(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """A conclusion that no section of the answer shows is seen in the proof alone."""
    shown = {name for section in guideline.sections for name in section.shown}
    shown |= {section.total for section in guideline.sections if isinstance(section, Tally)}
    statuses = [section for section in guideline.sections if isinstance(section, Status)]
    things = {term.local for s in statuses for term in guideline.of_kind(s.kind)}
    cautions = {section.caution for section in statuses}
    keys = {section.key for section in guideline.sections if isinstance(section, Numbers)}
    for name, clauses in guideline.program.writers_of.items():
        described = guideline.properties.get(name)
        fact = guideline.facts.get(name)
        if described is not None:
            seen = bool({name, *guideline.above(name)} & shown)
            if seen and name in cautions:
                told = (
                    guideline.term(name, term_of(key)) for key in guideline.program.keys_of(name)
                )
                seen = all(term.concerns in things for term in told)
            local = name
        elif fact is not None and not fact.given and fact.result_key is not None:
            seen = name in shown or (
                fact.result_key in keys if fact.concerns is None else fact.concerns in things
            )
            local = fact.local
        else:
            continue
        if not seen:
            rule = clauses[0].rule
            yield AuthoringProblem(
                "unshown",
                rule.file,
                f"concludes {guideline.names.prefix}:{local}, which no section of the answer "
                "shows; name it in one of calx:sections, or conclude nothing by it",
                rule.id,
            )


# --- evidence and its rule -----------------------------------------------------------

MANY_RULES = 30
"""Below this many, no word is so common that it tells nothing."""
COMMON = 5
"""A word in more than a fifth of the rules relates nothing to anything."""
SMALL = frozenset(
    word for language in LANGUAGES for word in words("language", language)["small words"].split()
)
"""Words that tell nothing of what is spoken of."""


def _unrelated(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """A statement that supports or disputes a rule shares some word with it, in some language."""
    told = {rule.id: _words(_about(guideline, rule)) for rule in guideline.rules}
    counts = Counter(word for words in told.values() for word in words)
    most = len(told) / COMMON if len(told) >= MANY_RULES else len(told)
    for rule in guideline.rules:
        for name in rule.evidence:
            statement = guideline.statements.get(name)
            if statement is None or statement.stance == "limits":
                continue
            shared = told[rule.id] & _words(_said(guideline, statement))
            if not any(counts[word] <= most for word in shared):
                yield AuthoringProblem(
                    "unrelated",
                    rule.file,
                    f"rests on ev:{name} ({statement.text[DEFAULT][:80]!r}), which shares no "
                    "telling word with what the rule reads and concludes; cite what speaks of it, "
                    "or say in the statement's words how it does",
                    rule.id,
                )


def _about(guideline: Guideline, rule: Rule) -> Iterator[Text]:
    """The words of a rule, of what it reads and of what it concludes."""
    yield rule.label
    yield rule.rationale
    for kind in guideline.owners:
        if alert := guideline.terms.get(f"{kind}/{rule.alert}"):
            yield alert.label
    for production in rule.productions:
        for name in production.reads:
            yield guideline.facts[name].label
        for leaf in find(production.condition, Derived):
            yield guideline.term(leaf.predicate, term_of(leaf.key)).label
        told = production.conclusion
        yield (
            guideline.term(told.predicate, told.term).label
            if isinstance(told, Assertion)
            else guideline.facts[told.fact].label
        )


def _said(guideline: Guideline, statement: Statement) -> Iterator[Text]:
    yield statement.text
    yield guideline.studies[statement.study].label
    for number in statement.numbers:
        if number.quantity in guideline.facts:
            yield guideline.facts[number.quantity].label


def _words(texts: Iterable[Text]) -> set[str]:
    """The beginnings of words; of what is written without blanks, pairs of characters."""
    found = set[str]()
    for text in texts:
        for said in text.values():
            for word in re.findall(r"[a-z]+|[^\W\d_a-z]+", said.lower()):
                if not word.isascii():
                    found |= {word[at : at + 2] for at in range(len(word) - 1)}
                elif len(word) > 2 and word not in SMALL:
                    found.add(word[:5])
    return found


# --- one quantity, two limits -------------------------------------------------------

SIDES = {"<": "upper", "<=": "upper", ">": "lower", ">=": "lower"}
OF_ONE_MIND = 3
"""Rules with the same limit, beside which another one stands out."""


def _two_limits(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """One source gives one quantity two limits, or one rule departs from what several others say;
    unless a statement says with calx:ownLimit that it is meant.
    """
    users: dict[tuple[str, str], dict[Decimal, list[tuple[Rule, Number]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for rule in guideline.rules:
        for number in dict.fromkeys(n for p in rule.productions for n in p.numbers):
            # "above 80" and "80 or less" are the two sides of one border
            if number.comparator in SIDES and number.quantity in guideline.facts:
                users[number.quantity, SIDES[number.comparator]][number.value].append(
                    (rule, number)
                )
    for (quantity, _), limits in users.items():
        for one, other in combinations(sorted(limits), 2):
            rules = [sorted({rule.id for rule, _ in limits[value]}) for value in (one, other)]
            mine, others = (_sources(guideline, limits[value]) for value in (one, other))
            if mine is None or others is None:
                continue  # it is meant
            (studies, statements), (theirs, their_statements) = mine, others
            alone = len(limits) == 2 and min(map(len, rules)) < OF_ONE_MIND <= max(map(len, rules))
            if not alone and (not studies & theirs or statements & their_statements):
                continue
            few = limits[one if len(rules[0]) <= len(rules[1]) else other][0][0]
            why = f"both by {', '.join(sorted(studies & theirs))}" if studies & theirs else "alone"
            yield AuthoringProblem(
                "two-limits",
                few.file,
                f"{quantity} has the limit {one} in {', '.join(rules[0])} and {other} in "
                f"{', '.join(rules[1])} ({why}); make them one, or say with calx:ownLimit on a "
                "statement why it is meant",
                few.id,
            )


def _another_limit(guideline: Guideline) -> Iterator[AuthoringProblem]:
    """A rule rests on a statement that gives its quantity another limit, and not its own."""
    for rule in guideline.rules:
        own: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
        for production in rule.productions:
            for number in production.numbers:
                if number.comparator in SIDES:
                    own[number.quantity, SIDES[number.comparator]].add(number.value)
        for name in rule.evidence:
            statement = guideline.statements.get(name)
            if statement is None or statement.stance != "supports":
                continue
            for (quantity, side), values in own.items():
                stated = {
                    number.value
                    for number in statement.numbers
                    if number.quantity == quantity and SIDES.get(number.comparator) == side
                }
                if stated and not stated & values:
                    yield AuthoringProblem(
                        "two-limits",
                        rule.file,
                        f"compares {quantity} with {', '.join(map(str, sorted(values)))}, and "
                        f"ev:{name} supports it with {', '.join(map(str, sorted(stated)))}; take "
                        "it out, or let it limit or dispute the rule",
                        rule.id,
                    )


def _sources(
    guideline: Guideline, users: list[tuple[Rule, Number]]
) -> tuple[set[str], set[str]] | None:
    """The studies and statements that give a limit; None where one says that it is its own."""
    found = [
        guideline.statements[name]
        for rule, number in users
        for name in rule.evidence
        if name in guideline.statements and number in guideline.statements[name].numbers
    ]
    if any(statement.own_limit is not None for statement in found):
        return None
    return {statement.study for statement in found}, {statement.id for statement in found}
