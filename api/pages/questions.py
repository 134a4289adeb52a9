"""The ready questions of a guideline: SPARQL files in the folder ``questions`` of its own, whose
first comment lines say what they ask, a language a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from calx.words import LANGUAGES


@dataclass(frozen=True)
class Question:
    """One ready question."""

    name: str
    asks: dict[str, str]
    query: str


@cache
def questions(directory: Path) -> tuple[Question, ...]:
    """Those of a guideline's folder, by name."""
    found = []
    for path in sorted((directory / "questions").glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        asks = [line.removeprefix("#").strip() for line in text.splitlines() if line[:1] == "#"]
        if len(asks) >= len(LANGUAGES):
            found.append(Question(path.stem, dict(zip(LANGUAGES, asks, strict=False)), text))
    return tuple(found)
