"""The ready questions: SPARQL files whose first comment
lines say what they ask, in English and Chinese.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "queries"


@dataclass(frozen=True)
class Question:
    """One ready question."""

    name: str
    asks: dict[str, str]
    query: str


@cache
def questions() -> tuple[Question, ...]:
    """All of them, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        english, chinese = (line.removeprefix("#").strip() for line in text.splitlines()[:2])
        found.append(Question(path.stem, {"en": english, "zh": chinese}, text))
    return tuple(found)
