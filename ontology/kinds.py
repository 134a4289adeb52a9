"""The kinds of problems that a guideline can have, and the page of each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from calx.words import words

Severity: TypeAlias = Literal["error", "warning", "info"]
"""An error: the guideline gives no advice until it is
mended. A warning: look at it. Info: nothing need be done.
"""


KINDS: dict[str, Severity] = {
    # files
    "file": "error",
    "encoding": "error",
    "merge-marks": "error",
    "syntax": "error",
    "header": "error",
    # shape of rules
    "profile": "error",
    "number": "error",
    "duplicate-id": "error",
    "unknown-fact": "error",
    "unknown-value": "error",
    "unknown-term": "error",
    "layer": "error",
    "nothing-concludes": "error",
    "alert-owner": "error",
    "contradiction": "error",
    "section": "error",
    # words
    "label": "error",
    "translation": "error",
    "repeated": "error",
    "definition": "error",
    "wording": "warning",
    "script": "warning",
    "number-in-words": "warning",
    "unit": "error",
    "bounds": "warning",
    "source": "error",
    # evidence
    "no-evidence": "error",
    "unknown-evidence": "error",
    "evidence-level": "error",
    "evidence-place": "error",
    "literal": "error",
    "literal-withdrawn": "warning",
    "two-limits": "warning",
    "unrelated": "warning",
    "unverified": "error",
    "suspended": "warning",
    "unused-statement": "info",
    "unused-study": "info",
    # terms
    "undefined": "error",
    "unshown": "warning",
    "unused": "info",
    "enumeration": "error",
    "mapping": "error",
    "inconsistent": "error",
    "unsatisfiable": "error",
    # what it comes to
    "case-file": "error",
    "reference-case": "error",
    "no-case": "warning",
}
"""Every kind of problem, and how severe it is; what each is, in words, is in `calx.words`."""

UNREAD = {
    "file",
    "encoding",
    "merge-marks",
    "syntax",
    "header",
    "profile",
    "number",
    "duplicate-id",
    "unknown-fact",
    "unknown-value",
    "unknown-term",
    "layer",
    "nothing-concludes",
    "evidence-level",
    "repeated",
    "section",
}
"""Kinds after which the rules are not what the files say, so that nothing can be proved of them."""


PAGES = Path(__file__).parents[1] / "checks"
"""The pages, one a kind: docs/checks in a checkout, beside this package where Calx is installed."""


def title_of_kind(kind: str, language: str = "en") -> str:
    """What problems of a kind are, in a few words."""
    return words("kind", language)[kind]


def page(kind: str) -> str:
    """The page of a kind, as Markdown: what it is, an edit that shows it, how to mend it."""
    return (PAGES / f"{kind}.md").read_text(encoding="utf-8")
