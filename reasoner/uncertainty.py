"""What is not settled: the strong three-valued (Kleene) reading of the same rules.

An unknown fact makes unknown what hangs on it, and every kind of "not" is the plain one. `Outlook.holds` is True,
False or None (unknown) for each conclusion; `Outlook.because_of` names the unknown facts behind a None.
"""

from __future__ import annotations

from .closures import Values
from .condition import COMPARISONS, Absent, All, Any, AtLeast, Compare, Condition, Derived, Not, OneOf
from .guideline import Assertion, Guideline, Production, Rule

Truth = bool | None


class Uncertainty:
    """The three-valued reading of a guideline. Immutable; makes one `Outlook` a case."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.producers: dict[str, list[tuple[Rule, Production]]] = {}
        self.keys_of: dict[str, list[str]] = {}
        for rule in guideline.rules:
            for production in rule.productions:
                conclusion = production.conclusion
                if isinstance(conclusion, Assertion):
                    if conclusion.key not in self.producers:
                        self.keys_of.setdefault(conclusion.predicate, []).append(conclusion.key)
                    self.producers.setdefault(conclusion.key, []).append((rule, production))

    def outlook(self, values: Values) -> Outlook:
        """The three-valued reading of one case, given its completed values."""
        return Outlook(self, values)


class Outlook:
    """One case read with three truth values; works out only what is asked, and remembers it."""

    def __init__(self, uncertainty: Uncertainty, values: Values) -> None:
        self._all = uncertainty
        self._values = values
        self._truth: dict[str, Truth] = {}
        self._blame: dict[str, frozenset[str]] = {}

    def holds(self, key: str) -> Truth:
        """Whether a conclusion (``property:term``) holds; None where that is unknown."""
        if key not in self._truth:
            self._truth[key] = _any(self.truth(production.condition) for _, production in self._all.producers.get(key, ()))
        return self._truth[key]

    def truth(self, condition: Condition) -> Truth:
        """Whether a condition holds; None where that is unknown."""
        match condition:
            case Compare(fact, comparator, limit):
                value = self._values.get(fact)
                return None if value is None else COMPARISONS[comparator](value, limit)  # type: ignore[arg-type]
            case OneOf(fact, values):
                value = self._values.get(fact)
                return None if value is None else value in values
            case Absent(fact):
                return None if fact not in self._values else False
            case Derived():
                return self.holds(condition.key)
            case AtLeast(count, name):
                found = [self.holds(key) for key in self._all.keys_of.get(name, ())]
                certain, possible = found.count(True), len(found) - found.count(False)
                return True if certain >= count else None if possible >= count else False
            case Not(part):
                truth = self.truth(part)
                return None if truth is None else not truth
            case All(parts):
                unknown = False
                for part in parts:
                    truth = self.truth(part)
                    if truth is False:
                        return False
                    unknown = unknown or truth is None
                return None if unknown else True
            case Any(parts):
                return _any(self.truth(part) for part in parts)

    def because_of(self, key: str) -> frozenset[str]:
        """The unknown facts on which an unknown conclusion hangs; none where it is known."""
        if key not in self._blame:
            self._blame[key] = frozenset()  # layers forbid loops; this only guards a broken guideline
            if self.holds(key) is None:
                self._blame[key] = frozenset().union(*(self.unknown_facts(production.condition) for _, production in self._all.producers[key]))
        return self._blame[key]

    def unknown_facts(self, condition: Condition) -> frozenset[str]:
        """The unknown facts that leave a condition unknown; none where it is known."""
        if self.truth(condition) is not None:
            return frozenset()
        match condition:
            case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                return frozenset(base for base in self._all.guideline.given_facts((fact,)) if base not in self._values)
            case Derived():
                return self.because_of(condition.key)
            case AtLeast(_, name):
                return frozenset().union(*(self.because_of(key) for key in self._all.keys_of.get(name, ())))
            case Not(part):
                return self.unknown_facts(part)
            case All(parts) | Any(parts):
                return frozenset().union(*(self.unknown_facts(part) for part in parts))

    def unknown_producers(self, key: str) -> frozenset[str]:
        """The unknown facts of the producers of a conclusion that are themselves unknown, whatever the others say."""
        return frozenset().union(*(self.unknown_facts(production.condition) for _, production in self._all.producers.get(key, ())))


def _any(truths: object) -> Truth:
    unknown = False
    for truth in truths:  # type: ignore[attr-defined]
        if truth:
            return True
        unknown = unknown or truth is None
    return None if unknown else False
