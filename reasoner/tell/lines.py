"""Rows of plain text: rows with a head, wrapped to a width that also suits Chinese."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from calx.words import words as words_of

WIDTH = 100
HEAD = 11
"""Columns for the head of a row."""


def wide(text: str) -> int:
    """Columns that a text takes; a Chinese character is as wide as two Latin ones."""
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


class Rows:
    """Writes rows in one language."""

    def __init__(self, language: str) -> None:
        self._spaced = bool(words_of("language", language)["between words"])

    def row(self, head: str, text: str) -> Iterator[str]:
        """A row with its head, where there is something to say."""
        if text:
            yield from self.wrapped(text, HEAD, head + " " * max(1, HEAD - wide(head)))

    def more(self, text: str, indent: int = HEAD) -> Iterator[str]:
        """What belongs to the row above."""
        if text:
            yield from self.wrapped(text, indent + 2, " " * indent)

    def wrapped(self, text: str, indent: int, first: str | None = None) -> Iterator[str]:
        """A text of several lines, those after the first indented."""
        yield from textwrap.wrap(
            text,
            WIDTH if self._spaced else WIDTH * 3 // 5,
            initial_indent=" " * indent if first is None else first,
            subsequent_indent=" " * indent,
        ) or [(first or "").rstrip()]
