"""The typed gate: only a case that passes it meets a rule.

rdflib, and so stock pySHACL, finds a text greater than any number; a case must therefore be typed before
any rule runs. The gate is compiled from the case shapes: types, bounds and values of each fact, then (after the
implied facts) what may not stand together. All problems are reported at once.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .closures import Values
from .condition import Value, values_read
from .errors import CaseError, Problem
from .evaluation import Evaluation
from .guideline import Fact

CASE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
FRACTION_DIGITS = 6
LARGEST = Decimal(10) ** 12
"""Beyond any measurement; keeps arithmetic exact."""


@dataclass(frozen=True)
class Case:
    """An admitted case: one lesion at one moment, its given facts typed and consistent."""

    id: str
    facts: Values


class Gate:
    """Admits cases for one guideline."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._facts = {name: fact for name, fact in evaluation.guideline.facts.items() if fact.given}

    def admit(self, raw: Mapping[str, Any], language: str = "en") -> Case:
        """Type and check one case.

        Args:
            raw: fact names to values, as JSON gives them; None means unknown.
            language: of the messages about contradictions.

        Raises:
            CaseError: with every problem found.
        """
        problems = self._identity(raw.get("case_id"))
        facts: Values = {}
        for key, value in raw.items():
            if key == "case_id":
                continue
            if key not in self._facts:
                problems.append(Problem(self._unknown(key), str(key)[:64]))
            elif value is not None:
                typed = _typed(self._facts[key], value)
                if isinstance(typed, Problem):
                    problems.append(typed)
                else:
                    facts[key] = typed
        name = raw.get("case_id")
        case_id = name if isinstance(name, str) and CASE_ID.fullmatch(name) else None
        misread = {problem.fact for problem in problems}
        problems += (problem for problem in self._contradictions(facts, language) if not misread & set(problem.facts))
        if problems or case_id is None:
            raise CaseError(problems, case_id)
        return Case(case_id, facts)

    def _contradictions(self, facts: Values, language: str) -> list[Problem]:
        """What the consistency rules find, naming the facts that were given."""
        completed = self._evaluation.complete(facts)
        origins = {production.conclusion.fact: premises for _, production, premises, _ in completed.steps}  # type: ignore[union-attr]
        problems = []
        for constraint in self._evaluation.violated(completed.values):
            named = self._given(values_read(constraint.condition), facts, origins)
            told = ", ".join(f"{fact} = {_shown(facts[fact])}" if fact in facts else f"{fact} is missing" for fact in named)
            problems.append(Problem(f"{constraint.message[language]} ({told})", named[0] if named else None, facts=tuple(named)))
        return problems

    def _given(self, names: tuple[str, ...], facts: Values, origins: dict[str, Any]) -> list[str]:
        """The given facts behind values, following implied facts back to what implied them."""
        found: dict[str, None] = {}
        for name in names:
            if name not in facts and name in origins:
                found |= dict.fromkeys(self._given(tuple(premise.of for premise in origins[name] if premise.of != name), facts, origins))
            elif name in facts or name in self._facts:
                found[name] = None
        return list(found)

    def _identity(self, name: object) -> list[Problem]:
        if name is None:
            return [Problem("every case needs a case_id: 1 to 64 letters, digits, '.', '_' or '-'; never a patient's name", "case_id")]
        if not isinstance(name, str) or not CASE_ID.fullmatch(name):
            return [Problem(f"{_shown(name)} is no case_id; use 1 to 64 letters, digits, '.', '_' or '-'", "case_id")]
        return []

    def _unknown(self, key: object) -> str:
        near = difflib.get_close_matches(str(key)[:64].lower(), [*self._facts, "case_id"], n=1, cutoff=0.55)
        return f"unknown fact; did you mean '{near[0]}'?" if near else "unknown fact; 'calx facts' lists the known ones"


def _shown(value: object) -> str:
    """A value as its author would write it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, int | float | Decimal) else f"'{value}'" if isinstance(value, str) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "…'"


def _typed(fact: Fact, value: object) -> Value | Problem:
    """The value in the fact's type, or what is wrong with it."""
    if fact.kind == "boolean":
        if isinstance(value, bool):
            return value
        return Problem(f"{_shown(value)} is not true or false; leave the fact out where it is unknown", fact.name)
    if fact.kind == "text":
        if isinstance(value, str) and value in fact.values:
            return value
        near = difflib.get_close_matches(str(value), fact.values, n=1, cutoff=0.55)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return Problem(f"{_shown(value)} is not a value of this fact; {hint}it is one of {', '.join(fact.values)}", fact.name)
    return _number(fact, value)


def _number(fact: Fact, value: object) -> Value | Problem:
    unit = f" in {fact.unit}" if fact.unit and fact.unit != "1" else ""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        advice = "write the number alone, without quotes or unit" if isinstance(value, str) else "give one number"
        return Problem(f"{_shown(value)} is not a number; {advice}{f' (unit {fact.unit})' if unit else ''}", fact.name)
    if isinstance(value, int) and abs(value) >= LARGEST:
        return Problem(f"a number of {value.bit_length()} bits is out of range{_range(fact)}", fact.name)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or (isinstance(value, float) and not math.isfinite(value)):
        return Problem(f"{_shown(value)} is not a finite number; leave the fact out where it is unknown", fact.name)
    if number and number.adjusted() >= LARGEST.adjusted():
        return Problem(f"{_shown(value)} is out of range{_range(fact)}", fact.name)
    if _fraction_digits(number) > FRACTION_DIGITS:
        return Problem(f"{_shown(value)} has more than {FRACTION_DIGITS} digits after the point; round it", fact.name)
    if fact.kind == "integer" and number != number.to_integral_value():
        return Problem(f"{_shown(value)} is not a whole number", fact.name)
    low = fact.minimum is not None and (number < fact.minimum or (fact.exclusive_minimum and number == fact.minimum))
    if low or (fact.maximum is not None and number > fact.maximum):
        return Problem(f"{_shown(value)}{unit} is out of range{_range(fact)}", fact.name)
    return number + 0


def _fraction_digits(number: Decimal) -> int:
    """Digits after the point in the shortest form; exact, whatever the precision of decimal arithmetic."""
    _, digits, exponent = number.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0")) if number else len(digits)
    return max(0, -int(exponent) - zeros)


def _range(fact: Fact) -> str:
    lowest = "" if fact.minimum is None else f"above {fact.minimum}" if fact.exclusive_minimum else f"from {fact.minimum}"
    highest = "" if fact.maximum is None else f"to {fact.maximum}"
    return f"; it must be {' '.join(part for part in (lowest, highest) if part)}" if lowest or highest else ""
