"""What is not settled: the strong three-valued (Kleene) reading of the same rules.

An unknown fact makes unknown what hangs on it, and every kind of "not" is the plain one. The
reading runs the rules twice in
step: what is certain, and what is possible. What is possible and not certain is unknown, and hangs
on unknown facts, which are kept as the bits of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import compress, groupby
from typing import TypeAlias, cast

from calx.reasoner.engine.compiler import PARAMETERS, Compiler, Reading, tested_together
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
    leaves,
)
from calx.reasoner.model.guideline import (
    FIRST_LAYER_OF_CONCLUSIONS,
    Assertion,
    Guideline,
    Statement,
)
from calx.reasoner.model.values import Values

ASKED = (
    "strategy",
    "contraindicated",
    "preferred",
    "suitable",
    "notIndicated",
    "scorePoint",
    "criterionMet",
    "criticalAlert",
)
"""The conclusions whose outlook an answer tells; what they hang on is read too, the rest is not."""
Truth: TypeAlias = bool | None
Blame: TypeAlias = Callable[..., int]
"""The unknown facts that leave a condition unknown, as bits."""


class Uncertainty:
    """The three-valued reading of a guideline. Immutable; makes one `Outlook` a case."""

    def __init__(self, guideline: Guideline, asked: Iterable[str] = ASKED) -> None:
        self.facts = [name for name, fact in guideline.facts.items() if fact.given]
        self.names = lru_cache(maxsize=10_000)(self._names)
        """The facts that bits stand for, sorted; few sets of facts recur in most cases."""
        self._bit = {name: 1 << index for index, name in enumerate(self.facts)}
        self._base = {name: guideline.given_facts((name,)) for name in guideline.facts}
        self._keys_of: dict[str, dict[str, None]] = {}
        self.layers: list[
            tuple[
                Callable[..., tuple[bool, ...]],
                Callable[..., tuple[bool, ...]],
                list[tuple[str, str, Blame]],
            ]
        ] = []
        self.read = hang_on(guideline, asked)
        """The properties of which an outlook can tell."""
        for layer, rules in groupby(guideline.rules, key=lambda rule: rule.layer):
            asserting = [
                (p.condition, p.conclusion)
                for rule in rules
                for p in rule.productions
                if isinstance(p.conclusion, Assertion) and p.conclusion.predicate in self.read
            ]
            if layer >= FIRST_LAYER_OF_CONCLUSIONS and asserting:
                conditions = [condition for condition, _ in asserting]
                blamed = [
                    (conclusion.key, conclusion.predicate, self._blame(condition))
                    for condition, conclusion in asserting
                ]
                self.layers.append(
                    (
                        tested_together(conditions, Reading.CERTAIN),
                        tested_together(conditions, Reading.POSSIBLE),
                        blamed,
                    )
                )
                for key, predicate, _ in blamed:
                    self._keys_of.setdefault(predicate, {})[key] = None
        self._certain = {
            s.id: tested_together([s.when_known], Reading.CERTAIN)
            for s in guideline.statements.values()
            if s.when_known is not None
        }

    def outlook(self, values: Values) -> Outlook:
        """The three-valued reading of one case, given its completed values."""
        certain: dict[str, None] = {}
        possible: dict[str, None] = {}
        certain_of: dict[str, list[str]] = {}
        possible_of: dict[str, list[str]] = {}
        open_: dict[str, int] = {}
        for test_certain, test_possible, productions in self.layers:
            maybe = test_possible(values, certain, certain_of, possible, possible_of)
            if True not in maybe:
                continue
            surely = test_certain(values, certain, certain_of, possible, possible_of)
            for (key, predicate, blame), sure in compress(
                zip(productions, surely, strict=True), maybe
            ):  # what is certain is possible
                if not sure:
                    open_[key] = open_.get(key, 0) | blame(
                        values, certain, certain_of, possible, possible_of, open_
                    )
                elif key not in certain:
                    certain[key] = None
                    certain_of.setdefault(predicate, []).append(key)
                if key not in possible:
                    possible[key] = None
                    possible_of.setdefault(predicate, []).append(key)
        return Outlook(self, values, certain, certain_of, possible, possible_of, open_)

    def concerns(self, statement: Statement, outlook: Outlook) -> bool:
        """Whether what a statement asks to be known (`when_known`) holds whatever the unknown facts
        are.
        """
        test = self._certain.get(statement.id)
        return (
            test is None
            or test(
                outlook.values,
                outlook.certain,
                outlook.certain_of,
                outlook.possible,
                outlook.possible_of,
            )[0]
        )

    def _names(self, bits: int) -> tuple[str, ...]:
        return tuple(sorted([self.facts[bit.bit_length() - 1] for bit in single_bits(bits)]))

    def _blame(self, condition: Condition) -> Blame:
        compiler = Compiler()

        def parts_of(whole: Condition, parts: tuple[Condition, ...]) -> str:
            """Blame of the parts, where the whole is unknown."""
            blamed = " | ".join(source(part) for part in parts)
            return (
                f"(({blamed}) if {compiler.source(whole, Reading.POSSIBLE)} and not "
                f"{compiler.source(whole, Reading.CERTAIN)} else 0)"
            )

        def source(part: Condition) -> str:
            match part:
                case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                    bases = " | ".join(
                        f"(0 if {base!r} in v else {self._bit[base]})" for base in self._base[fact]
                    )
                    return (
                        bases
                        if self._base[fact] == (fact,)
                        else f"(0 if {fact!r} in v else {bases or 0})"
                    )
                case Derived():
                    return f"(0 if {part.key!r} in d else o.get({part.key!r}, 0))"
                case AtLeast(_, name):
                    every = " | ".join(
                        f"(0 if {key!r} in d else o.get({key!r}, 0))"
                        for key in self._keys_of.get(name, ())
                    )
                    return (
                        f"(({every or 0}) if {compiler.source(part, Reading.POSSIBLE)} and not "
                        f"{compiler.source(part, Reading.CERTAIN)} else 0)"
                    )
                case Not(inner):
                    return source(inner)
                case AllOf(parts) | AnyOf(parts):
                    return parts_of(part, parts) if parts else "0"

        text = source(condition)
        return cast("Blame", compiler.function(f"{PARAMETERS}, o", text))


def hang_on(guideline: Guideline, asked: Iterable[str]) -> set[str]:
    """The properties asked for, and those that their conclusions are drawn from."""
    productions = [production for rule in guideline.rules for production in rule.productions]
    found, todo = set[str](), list(asked)
    todo += [
        leaf.predicate
        for s in guideline.statements.values()
        if s.when_known
        for leaf in leaves(s.when_known)
        if isinstance(leaf, Derived | AtLeast)
    ]
    while todo:
        predicate = todo.pop()
        if predicate not in found:
            found.add(predicate)
            conditions = [
                p.condition
                for p in productions
                if isinstance(p.conclusion, Assertion) and p.conclusion.predicate == predicate
            ]
            todo += [
                leaf.predicate
                for condition in conditions
                for leaf in leaves(condition)
                if isinstance(leaf, Derived | AtLeast)
            ]
    return found


class Outlook:
    """One case read with three truth values."""

    __slots__ = ("_all", "_open", "certain", "certain_of", "possible", "possible_of", "values")

    def __init__(
        self,
        uncertainty: Uncertainty,
        values: Values,
        certain: dict[str, None],
        certain_of: dict[str, list[str]],
        possible: dict[str, None],
        possible_of: dict[str, list[str]],
        open_: dict[str, int],
    ) -> None:
        self._all = uncertainty
        self._open = open_
        self.values = values
        self.certain = certain
        self.certain_of = certain_of
        self.possible = possible
        self.possible_of = possible_of

    def holds(self, key: str) -> Truth:
        """Whether a conclusion (``property:term``) holds; None where that is unknown.

        Raises:
            ValueError: this property is not read with three truth values (see `ASKED`): no answer
                is better than a false one.
        """
        if key.partition(":")[0] not in self._all.read:
            raise ValueError(
                f"{key}: the three-valued reading does not follow this property; add it to ASKED"
            )
        return True if key in self.certain else None if key in self.possible else False

    def concerns(self, statement: Statement) -> bool:
        """Whether what a statement asks to be known (`when_known`) holds whatever the unknown facts
        are.
        """
        return self._all.concerns(statement, self)

    def because_of(self, *keys: str) -> tuple[str, ...]:
        """The unknown facts on which unknown conclusions hang, sorted; none for what is known."""
        return self._all.names(self._bits(keys))

    def _bits(self, keys: Iterable[str]) -> int:
        bits = 0
        for key in keys:
            if key not in self.certain:
                bits |= self._open.get(key, 0)
        return bits

    def decides(self, questions: dict[str, list[str]]) -> dict[str, list[str]]:
        """For each unknown fact the questions that it leaves open.

        Args:
            questions: for each the conclusions that answer it; it is open where none of them is
                certain.
        """
        masks = [
            (name, self._bits(keys))
            for name, keys in questions.items()
            if not any(key in self.certain for key in keys)
        ]
        every = 0
        for _, mask in masks:
            every |= mask
        return {
            self._all.facts[bit.bit_length() - 1]: [name for name, mask in masks if mask & bit]
            for bit in single_bits(every)
        }

    def open_producers(self, key: str) -> tuple[str, ...]:
        """The unknown facts of those producers of a conclusion that are themselves unknown,
        whatever the others say; sorted.
        """
        return self._all.names(self._open.get(key, 0))


def single_bits(bits: int) -> list[int]:
    """The bits of a number, one by one."""
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest)
        bits ^= lowest
    return found
