"""The words of the pages, cards and FHIR resources: those of an answer, and the pages' own."""

from __future__ import annotations

from functools import cache

from calx.words import words


@cache
def words_of(language: str) -> dict[str, str]:
    """All of them in one language; no key stands in both sections."""
    return {**words("answer", language), **words("page", language)}
