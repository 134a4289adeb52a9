"""The guideline as a book: its rules by chapter, and the lesions in which each of them fires."""

from __future__ import annotations

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

    def __init__(self, reasoner: Reasoner, examples: Iterable[Example]) -> None:
        self._reasoner = reasoner
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
        taken, found = 0, dict[str, int]()
        for lesion in self._reasoner.sample:
            fired = self._firing(lesion)
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


def affected_by(reasoner: Reasoner, examples: Iterable[Example]) -> Affected:
    """In which lesions the rules of a guideline fire, counted once."""
    digest = reasoner.guideline.digest
    if digest not in _AFFECTED:
        _AFFECTED[digest] = Affected(reasoner, examples)
    return _AFFECTED[digest]
