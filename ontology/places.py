"""Where in the files a rule says what it says: the line
of a literal, also in a condition that rules share.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from calx.ontology import GuidelineFiles
from calx.ontology.turtle import (
    Block,
    Document,
    Group,
    Object,
    PlaceError,
    Property,
    Token,
    document,
    first,
)

BOUNDS = {
    "sh:minExclusive": ">",
    "sh:minInclusive": ">=",
    "sh:maxExclusive": "<",
    "sh:maxInclusive": "<=",
    "sh:minCount": ">=",
    "sh:maxCount": "<=",
}


class Places:
    """The files of a guideline with their places; a file that cannot be followed has none."""

    def __init__(self, files: GuidelineFiles) -> None:
        self.documents: dict[str, Document] = {}
        for name, text in files.texts.items():
            try:
                self.documents[name] = document(text)
            except PlaceError:
                continue
        self._home = {
            block.name: (name, block)
            for name, document in self.documents.items()
            for block in document.blocks
            if block.name
        }

    def block(self, subject: str) -> tuple[str, Block] | None:
        """File and block of a prefixed name."""
        return self._home.get(subject)

    def line(self, file: str, offset: int) -> int:
        return self.documents[file].line(offset)

    def of_literal(self, subject: str, local: str, value: Decimal) -> tuple[str, int] | None:
        """File and line where the condition of a rule, or one
        that it shares, compares a value with this number.
        """
        for file, entry, token in self._numbers(subject, set()):
            path = first(entry, "sh:path")
            if (
                isinstance(path, Token)
                and path.text.partition(":")[2] == local
                and as_number(token) == value
            ):
                return file, self.line(file, token.start)
        return None

    def _numbers(self, subject: str, seen: set[str]) -> Iterator[tuple[str, list[Property], Token]]:
        if subject in seen or subject not in self._home:
            return
        seen.add(subject)
        file, block = self._home[subject]
        yield from self._inside(file, block.properties, seen)

    def _inside(
        self, file: str, properties: list[Property], seen: set[str]
    ) -> Iterator[tuple[str, list[Property], Token]]:
        for entry in properties:
            for value in entry.objects:
                yield from self._found(file, properties, value, seen)

    def _found(
        self, file: str, around: list[Property], value: Object, seen: set[str]
    ) -> Iterator[tuple[str, list[Property], Token]]:
        if isinstance(value, Group):
            yield from self._inside(file, value.properties, seen)
            for item in value.items:
                yield from self._found(file, around, item, seen)
        elif value.kind == "number":
            yield file, around, value
        elif value.text.startswith("cond:"):
            yield from self._numbers(value.text, seen)


def as_number(token: Token) -> Decimal | None:
    """The number that a token writes."""
    try:
        return Decimal(token.text)
    except InvalidOperation:
        return None
