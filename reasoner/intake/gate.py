"""The typed gate: only a case that passes it meets a rule.

rdflib, and so stock pySHACL, finds a text greater than any number; a case must therefore be typed
before any rule runs. The gate is compiled from the case shapes: types, bounds and values of each
fact, then (after the implied facts) what may not stand together. All problems are reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.intake.measurements import read_measurements
from calx.reasoner.model.case import CASE_ID, Case
from calx.reasoner.model.condition import Value, values_read
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.measured import KEY
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST, Values
from calx.words import words

MOST_UNKNOWN = 100
"""Unknown facts that are named one by one."""


class Gate:
    """Admits cases for one guideline."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._facts = {
            name: fact for name, fact in evaluation.guideline.facts.items() if fact.given
        }

    def admit(self, raw: Mapping[str, Any], language: str = "en") -> Case:
        """Type and check one case.

        Args:
            raw: fact names to values, as JSON gives them; None means unknown.
            language: of the messages.

        Raises:
            CaseError: with every problem found.
        """
        problems = _identity(raw.get("case_id"), language)
        facts: Values = {}
        unknown = 0
        for key, value in raw.items():
            if key in ("case_id", KEY):
                continue
            if key not in self._facts:
                unknown += 1
                if unknown <= MOST_UNKNOWN:
                    problems.append(Problem(self._unknown(key, language), str(key)[:64]))
            elif value is not None:
                typed = _typed(self._facts[key], value, language)
                if isinstance(typed, Problem):
                    problems.append(typed)
                else:
                    facts[key] = typed
        if unknown > MOST_UNKNOWN:
            problems.append(Problem(_say("more unknown", language, count=unknown - MOST_UNKNOWN)))
        measured = (
            read_measurements(raw[KEY], raw, self._facts) if raw.get(KEY) is not None else None
        )
        if isinstance(measured, list):
            problems += measured
        name = raw.get("case_id")
        case_id = name if isinstance(name, str) and CASE_ID.fullmatch(name) else None
        misread = {problem.fact for problem in problems}
        problems += (
            problem
            for problem in self._contradictions(facts, language)
            if not misread & set(problem.facts)
        )
        if problems or case_id is None or isinstance(measured, list):
            raise CaseError(problems, case_id)
        return Case(case_id, facts, measured)

    def _contradictions(self, facts: Values, language: str) -> list[Problem]:
        """What the consistency rules find, naming the facts that were given."""
        completed = self._evaluation.complete(facts)
        origins = {
            production.conclusion.key: premises for _, production, premises, _ in completed.steps
        }
        problems = []
        for constraint in self._evaluation.violated(completed.values):
            named = self._given(values_read(constraint.condition), facts, origins)
            told = ", ".join(
                f"{fact} = {_shown(facts[fact])}"
                if fact in facts
                else _say("missing", language, fact=fact)
                for fact in named
            )
            problems.append(
                Problem(
                    f"{constraint.message[language]} ({told})",
                    named[0] if named else None,
                    facts=tuple(named),
                )
            )
        return problems

    def _given(self, names: tuple[str, ...], facts: Values, origins: dict[str, Any]) -> list[str]:
        """The given facts behind values, following implied facts back to what implied them."""
        found: dict[str, None] = {}
        for name in names:
            if name not in facts and name in origins:
                found |= dict.fromkeys(
                    self._given(
                        tuple(premise.of for premise in origins[name] if premise.of != name),
                        facts,
                        origins,
                    )
                )
            elif name in facts or name in self._facts:
                found[name] = None
        return list(found)

    def _unknown(self, key: object, language: str) -> str:
        near = difflib.get_close_matches(
            str(key)[:64].lower(), [*self._facts, "case_id"], n=1, cutoff=0.55
        )
        return (
            _say("unknown fact, near", language, near=near[0])
            if near
            else _say("unknown fact", language)
        )


def _say(message: str, language: str, **parts: object) -> str:
    return words("case", language)[message].format(**parts)


def _identity(name: object, language: str) -> list[Problem]:
    if name is None:
        return [Problem(_say("no case id", language), "case_id")]
    if not isinstance(name, str) or not CASE_ID.fullmatch(name):
        return [Problem(_say("not a case id", language, value=_shown(name)), "case_id")]
    return []


def _shown(value: object) -> str:
    """A value as its author would write it, shortened, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= LARGEST:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, str):
        text = repr(value[:100])
    else:
        text = (
            str(value)
            if isinstance(value, int | float | Decimal)
            else "a list"
            if isinstance(value, list)
            else "an object"
        )
    return text if len(text) <= 40 else text[:37] + "…'"


def _typed(fact: Fact, value: object, language: str) -> Value | Problem:
    """The value in the fact's type, or what is wrong with it."""
    shown = _shown(value)
    if fact.kind == "boolean":
        return (
            value
            if isinstance(value, bool)
            else Problem(_say("not boolean", language, value=shown), fact.name)
        )
    if fact.kind == "text":
        if isinstance(value, str) and value in fact.values:
            return value
        near = (
            difflib.get_close_matches(value[:64], fact.values, n=1, cutoff=0.55)
            if isinstance(value, str)
            else []
        )
        message = "not a value, near" if near else "not a value"
        return Problem(
            _say(
                message,
                language,
                value=shown,
                near=near[0] if near else "",
                values=", ".join(fact.values),
            ),
            fact.name,
        )
    return _number(fact, value, language)


def _number(fact: Fact, value: object, language: str) -> Value | Problem:
    unit = f" {fact.unit}" if fact.unit and fact.unit != "1" else ""

    def wrong(message: str) -> Problem:
        told = f" (unit{unit})" if unit and message != "out of range" else unit
        return Problem(
            _say(
                message,
                language,
                value=_shown(value),
                unit=told,
                digits=FRACTION_DIGITS,
                range=_range(fact),
            ),
            fact.name,
        )

    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return wrong("text for number" if isinstance(value, str) else "not a number")
    if isinstance(value, Integral) and abs(int(value)) >= LARGEST:
        return wrong("out of range")
    # numbers of other libraries (numpy's) count by their value, not by how they write themselves
    number = (
        value
        if isinstance(value, Decimal)
        else Decimal(int(value))
        if isinstance(value, Integral)
        else Decimal(repr(float(value)))
    )
    if not number.is_finite():
        return wrong("not finite")
    if _fraction_digits(number) > FRACTION_DIGITS:
        return wrong("too many digits")
    if number and number.adjusted() >= LARGEST.adjusted():
        return wrong("out of range")
    if fact.kind == "integer" and number != number.to_integral_value():
        return wrong("not whole")
    low = fact.minimum is not None and (
        number < fact.minimum or (fact.exclusive_minimum and number == fact.minimum)
    )
    if low or (fact.maximum is not None and number > fact.maximum):
        return wrong("out of range")
    return number + 0


def _fraction_digits(number: Decimal) -> int:
    """Digits after the point in the shortest form;
    exact, whatever the precision of decimal arithmetic.
    """
    _, digits, exponent = number.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0")) if number else len(digits)
    return max(0, -int(exponent) - zeros) if number else 0


def _range(fact: Fact) -> str:
    low = "" if fact.minimum is None else f"{'>' if fact.exclusive_minimum else '≥'} {fact.minimum}"
    high = f"≤ {LARGEST - 1 if fact.maximum is None else fact.maximum}"
    return ", ".join(part for part in (low, high) if part)
