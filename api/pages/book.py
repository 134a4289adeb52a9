"""The guideline as a book: its rules by chapter, and the lesions in which each of them fires."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from calx.api.pages.examples import Example
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Rule
from calx.reasoner.recommendation import Reasoner

SAMPLE = Path("registry") / "lesions.jsonl"
"""In a guideline's folder: lesions such as a registry holds."""


@dataclass(frozen=True)
class Chapter:
    """One file of rules."""

    name: str
    """For addresses."""
    title: str
    rules: tuple[Rule, ...]


def chapters(guideline: Guideline, language: str) -> list[Chapter]:
    """The chapters in their order; rules of files without a title come last, under the file's
    name.
    """
    files = dict.fromkeys([*guideline.chapters, *(rule.file for rule in guideline.rules)])
    found = []
    for file in files:
        rules = tuple(rule for rule in guideline.rules if rule.file == file)
        title = guideline.chapters.get(file, {}).get(language, Path(file).stem)
        if rules:
            found.append(Chapter(Path(file).stem, title, rules))
    return found


class Affected:
    """In which lesions rules fire: among the examples, and how many of a sample."""

    def __init__(self, reasoner: Reasoner, examples: Iterable[Example], folder: Path) -> None:
        self._reasoner, self._folder = reasoner, folder
        self._examples = tuple(examples)

    @cached_property
    def examples(self) -> dict[str, list[Example]]:
        """By rule the examples in which it fires."""
        found: dict[str, list[Example]] = {}
        for example in self._examples:
            for rule in self._firing({"case_id": example.id, **example.case}):
                found.setdefault(rule, []).append(example)
        return found

    @cached_property
    def share(self) -> tuple[int, dict[str, int]]:
        """Lesions of the sample, and by rule in how many of them it fires."""
        path = self._folder / SAMPLE
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found: dict[str, int] = {}
        for line in lines:
            for rule in self._firing(json.loads(line)):
                found[rule] = found.get(rule, 0) + 1
        return len(lines), found

    def _firing(self, raw: Mapping[str, Any]) -> set[str]:
        reasoner = self._reasoner
        trace = reasoner.evaluation.run(reasoner.gate.admit(raw).facts)
        return {rule.id for rule, _, _, _ in trace.steps}


_AFFECTED: dict[str, Affected] = {}


def affected_by(reasoner: Reasoner, examples: Iterable[Example], folder: Path) -> Affected:
    """In which lesions the rules of a guideline fire, counted once."""
    digest = reasoner.guideline.digest
    if digest not in _AFFECTED:
        _AFFECTED[digest] = Affected(reasoner, examples, folder)
    return _AFFECTED[digest]
