"""Names that every part of a guideline uses."""

from __future__ import annotations

from typing import TypeAlias

IRI = "https://w3id.org/calx/"
"""Namespace of terms."""


Text: TypeAlias = dict[str, str]
"""One wording in each language: ``{"en": …, "zh": …}``."""
