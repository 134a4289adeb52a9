"""What is not settled: the strong three-valued (Kleene) reading of the same rules.

An unknown fact makes unknown what hangs on it, and every kind of "not" is the plain one. The
reading runs the rules twice in
step: what is certain, and what is possible. What is possible and not certain is unknown, and hangs
on unknown facts, which are kept as the bits of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import compress
from typing import NamedTuple, TypeAlias

from calx.reasoner.engine.compiler import Blame, Reading, blame, tested_together
from calx.reasoner.model.condition import properties_read
from calx.reasoner.model.guideline import Guideline, Statement
from calx.reasoner.model.names import Key, predicate_of
from calx.reasoner.model.program import Layer
from calx.reasoner.model.rule import Assertion
from calx.reasoner.model.values import Values

Truth: TypeAlias = bool | None


class _Conclusion(NamedTuple):
    key: str
    predicate: str
    blame: Blame


class _Layer(NamedTuple):
    certain: Callable[..., tuple[bool, ...]]
    possible: Callable[..., tuple[bool, ...]]
    conclusions: list[_Conclusion]


class Uncertainty:
    """The three-valued reading of a guideline. Immutable; makes one `Outlook` a case."""

    def __init__(self, guideline: Guideline, asked: Iterable[str] = ()) -> None:
        self.facts = [name for name, fact in guideline.facts.items() if fact.given]
        self.names = lru_cache(maxsize=10_000)(self._names)
        """The facts that bits stand for, sorted; few sets of facts recur in most cases."""
        bit = {name: 1 << index for index, name in enumerate(self.facts)}
        self._bits = {
            name: {base: bit[base] for base in guideline.given_facts((name,))}
            for name in guideline.facts
        }
        """For each value, the bits of the given facts that it comes from."""
        self._keys_of = guideline.program.keys_of
        self.read = properties_followed(guideline, (*asked_by_sections(guideline), *asked))
        """The properties of which an outlook can tell."""
        self._inapplicable = guideline.inapplicable
        layers = (self._layer(layer) for layer in guideline.program.concluding)
        self._layers = [layer for layer in layers if layer.conclusions]
        self._certain = {
            s.id: tested_together([s.when_known], Reading.CERTAIN, guideline.inapplicable)
            for s in guideline.statements.values()
            if s.when_known is not None
        }

    def _layer(self, layer: Layer) -> _Layer:
        followed = [
            (clause.production.condition, clause.production.conclusion)
            for clause in layer.clauses
            if isinstance(clause.production.conclusion, Assertion)
            and clause.production.conclusion.predicate in self.read
        ]
        conditions = [condition for condition, _ in followed]
        return _Layer(
            tested_together(conditions, Reading.CERTAIN, self._inapplicable),
            tested_together(conditions, Reading.POSSIBLE, self._inapplicable),
            [
                _Conclusion(
                    made.key,
                    made.predicate,
                    blame(condition, self._bits, self._keys_of, self._inapplicable),
                )
                for condition, made in followed
            ],
        )

    def outlook(self, values: Values) -> Outlook:
        """The three-valued reading of one case, given its completed values."""
        certain: dict[str, None] = {}
        possible: dict[str, None] = {}
        certain_of: dict[str, list[str]] = {}
        possible_of: dict[str, list[str]] = {}
        open_: dict[str, int] = {}
        for test_certain, test_possible, conclusions in self._layers:
            maybe = test_possible(values, certain, certain_of, possible, possible_of)
            if True not in maybe:
                continue
            surely = test_certain(values, certain, certain_of, possible, possible_of)
            # what is certain is possible
            for (key, predicate, blamed), sure in compress(
                zip(conclusions, surely, strict=True), maybe
            ):
                if not sure:
                    open_[key] = open_.get(key, 0) | blamed(
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
        """Whether what a statement asks to be known
        (`when_known`) holds whatever the unknown facts are.
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


def asked_by_sections(guideline: Guideline) -> tuple[str, ...]:
    """The properties of which an answer tells what is not settled; what they hang on is read too,
    the rest is not.
    """
    return tuple(dict.fromkeys(name for section in guideline.sections for name in section.asked))


def properties_followed(guideline: Guideline, asked: Iterable[str]) -> set[str]:
    """The properties asked for, those that statements ask to be known, and all that their
    conclusions are drawn from.
    """
    known = (
        name
        for statement in guideline.statements.values()
        if statement.when_known
        for name in properties_read(statement.when_known)
    )
    behind = guideline.program.behind([*asked, *known])
    return {name for name in behind if name in guideline.properties}


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
            ValueError: this property is not read with three truth values (see `asked_by_sections`):
                no answer is better than a false one.
        """
        if predicate_of(key) not in self._all.read:
            raise ValueError(
                f"{key}: the three-valued reading does not follow this property; no section asks "
                "for it"
            )
        return True if key in self.certain else None if key in self.possible else False

    def concerns(self, statement: Statement) -> bool:
        """Whether what a statement asks to be known
        (`when_known`) holds whatever the unknown facts are.
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

    def decides(
        self,
        questions: dict[str, list[Key]],
        in_order: frozenset[str],
        each: dict[str, list[Key]],
    ) -> dict[str, list[str]]:
        """For each unknown fact the questions that it leaves open.

        Args:
            questions: for each the conclusions that answer it; it is open where none of them is
                certain.
            in_order: of these, those that the first conclusion that holds answers; open until the
                first that may hold is certain.
            each: for each the conclusions that are questions of their own; it is open where one of
                them is.
        """
        masks = [
            (name, self._bits(keys))
            for name, keys in questions.items()
            if not any(
                key in self.certain for key in (self._first(keys) if name in in_order else keys)
            )
        ]
        masks += [(name, self._bits(keys)) for name, keys in each.items()]
        every = 0
        for _, mask in masks:
            every |= mask
        return {
            self._all.facts[bit.bit_length() - 1]: [name for name, mask in masks if mask & bit]
            for bit in single_bits(every)
        }

    def _first(self, keys: list[Key]) -> list[Key]:
        """The first of some conclusions that may hold."""
        return next(([key] for key in keys if key in self.possible), [])

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
