"""The guideline as a book: its rules by chapter, and the lesions in which each of them fires."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from calx.api.pages.examples import Example
from calx.reasoner.intake.errors import CaseError
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
            for rule in self._firing({"case_id": example.id, **example.case}) or ():
                found.setdefault(rule, []).append(example)
        return found

    @cached_property
    def share(self) -> tuple[int, dict[str, int]]:
        """Lesions of the sample that the guideline takes, and by rule in how many it fires."""
        path = self._folder / SAMPLE
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        taken, found = 0, dict[str, int]()
        for line in lines:
            fired = self._firing(json.loads(line))
            taken += fired is not None
            for rule in fired or ():
                found[rule] = found.get(rule, 0) + 1
        return taken, found

    def _firing(self, raw: Mapping[str, Any]) -> set[str] | None:
        """The rules that fire; None where an edited guideline refuses the lesion."""
        reasoner = self._reasoner
        try:
            case = reasoner.gate.admit(raw)
        except CaseError:
            return None
        return {rule.id for rule, _, _, _ in reasoner.evaluation.run(case.facts).steps}


_AFFECTED: dict[str, Affected] = {}


def affected_by(reasoner: Reasoner, examples: Iterable[Example], folder: Path) -> Affected:
    """In which lesions the rules of a guideline fire, counted once."""
    digest = reasoner.guideline.digest
    if digest not in _AFFECTED:
        _AFFECTED[digest] = Affected(reasoner, examples, folder)
    return _AFFECTED[digest]
