"""Which unknown facts leave a conclusion open: bits of whole numbers, a bit a fact, as many numbers
as it takes (`engine.compiler.blame` says the same of one lesion).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias, assert_never

from calx.reasoner.columns.sql import Kleene, open_column, quoted
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
)
from calx.reasoner.model.guideline import Guideline

WORD = 60
"""Facts that one whole number tells of; every engine has numbers of 63 bits."""

Words: TypeAlias = dict[int, str]
"""By the number of a word what its bits are; a word without bits is left out."""


class Bits:
    """Which bit of which word stands for a given fact."""

    def __init__(self, guideline: Guideline) -> None:
        self._guideline = guideline
        self.facts = [name for name, fact in guideline.facts.items() if fact.given]

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        return {name: divmod(index, WORD) for index, name in enumerate(self.facts)}

    def of(self, name: str) -> dict[str, Words]:
        """The bits of the given facts from which a value comes, by fact."""
        return {base: self._bit(base) for base in self._guideline.given_facts((name,))}

    def _bit(self, fact: str) -> Words:
        word, place = self._places[fact]
        return {word: str(1 << place)}

    def known_of(self, words: Mapping[int, str]) -> str:
        """How many facts the bits of some words tell of."""
        each = (
            f"CASE WHEN ({words[word]}) & {1 << place} <> 0 THEN 1 ELSE 0 END"
            for word, place in self._places.values()
            if word in words
        )
        return " + ".join(each) or "0"

    def has(self, fact: str, words: Mapping[int, str]) -> str:
        """Whether the bits of some words, by the columns that hold them, tell of a fact."""
        word, place = self._places[fact]
        return f"{quoted(words[word])} & {1 << place} <> 0" if word in words else "FALSE"

    def with_fact(self, words: Words, fact: str) -> Words:
        """The same bits, and that of a fact where it is not known."""
        return joined([words, where(f"{quoted(fact)} IS NULL", self._bit(fact))])


class Blame:
    """Writes the bits of what leaves conditions open.

    Args:
        kleene: writes whether a condition is open.
        bits: of the given facts.
        columns: of each conclusion of earlier layers the columns of its bits.
        derived: the conclusions that earlier layers may have drawn, by property.
    """

    def __init__(
        self,
        kleene: Kleene,
        bits: Bits,
        columns: Mapping[str, Mapping[int, str]],
        derived: Mapping[str, Collection[str]],
    ) -> None:
        self._kleene, self._bits, self._columns, self._derived = kleene, bits, columns, derived

    def all(self, key: str, conditions: Sequence[Condition]) -> Words:
        """What leaves open a conclusion that follows from each of some conditions."""
        earlier = {word: quoted(name) for word, name in self._columns.get(key, {}).items()}
        return joined([earlier, *(self._where_open(c, [self._of(c)]) for c in conditions)])

    def _where_open(self, whole: Condition, parts: Sequence[Words]) -> Words:
        return where(f"({self._kleene.condition(whole)}) IS NULL", joined(parts))

    def _conclusion(self, key: str) -> Words:
        held = {word: quoted(name) for word, name in self._columns.get(key, {}).items()}
        return where(f"{quoted(open_column(key))} IS NULL", held)

    def _fact(self, name: str, bit: Words) -> Words:
        off = self._kleene.inapplicable.get(name)
        unknown = f"{quoted(name)} IS NULL"
        if off is None:
            return where(unknown, bit)
        applies = f"({self._kleene.condition(off)}) IS NOT TRUE"
        return where(f"{unknown} AND {applies}", joined([bit, self._of(off)]))

    def _of(self, part: Condition) -> Words:
        match part:
            case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                bases = self._bits.of(fact)
                each = joined([self._fact(base, bit) for base, bit in bases.items()])
                return each if [*bases] == [fact] else where(f"{quoted(fact)} IS NULL", each)
            case Derived():
                told = part.key in self._derived.get(part.predicate, ())
                return self._conclusion(part.key) if told else {}
            case AtLeast(_, name):
                keys = part.keys or self._derived.get(name, ())
                drawn = [key for key in keys if key in self._derived.get(name, ())]
                return self._where_open(part, [self._conclusion(key) for key in drawn])
            case Not(inner):
                return self._of(inner)
            case AllOf(parts) | AnyOf(parts):
                return self._where_open(part, [self._of(inner) for inner in parts])
            case _:
                assert_never(part)


def joined(each: Sequence[Words]) -> Words:
    """The bits that any of them has."""
    words = sorted({word for one in each for word in one})
    return {
        word: " | ".join(dict.fromkeys(one[word] for one in each if word in one)) for word in words
    }


def where(test: str, words: Words) -> Words:
    """The same bits where a test holds."""
    return {word: f"CASE WHEN {test} THEN {text} ELSE 0 END" for word, text in words.items()}


def blame_column(key: str, word: int) -> str:
    """The name of the column that holds a word of the bits of a conclusion."""
    return f"blame:{word}:{key}"
