"""The guideline's labels for ids in an answer, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from calx.reasoner.engine.parts import Number
from calx.reasoner.model.guideline import Guideline, Term
from calx.reasoner.model.section import Status, Tally
from calx.reasoner.tell.prose import computed, quantity
from calx.words import words


class Labels:
    """The guideline's labels for ids in an answer; an id that this guideline does not know stands
    for itself.
    """

    def __init__(self, guideline: Guideline, language: str) -> None:
        self.guideline, self.language = guideline, language
        self._words = words("answer", language)

    def term(self, kind: str, id_: str) -> str:
        term = self._terms.get((kind, id_))
        return term.label[self.language] if term else id_

    def of(self, predicate: str | None, id_: str) -> str:
        """The label of a term that a property can have."""
        known = self.guideline.properties.get(predicate or "")
        return self.term(known.kind, id_) if known else id_

    def advised(self, alert: str, id_: str) -> str:
        """An action that an alert advises."""
        section = self.guideline.alerts_of(alert)
        return self.of(section.advice if section else None, id_)

    def factor(self, alert: str, id_: str) -> str:
        """A factor of an alert."""
        section = self.guideline.alerts_of(alert)
        return self.of(section.factor if section else None, id_)

    def definition(self, predicate: str, id_: str) -> str:
        term = self._terms.get((self.guideline.properties[predicate].kind, id_))
        return term.definition[self.language] if term else ""

    @cached_property
    def _terms(self) -> dict[tuple[str, str], Term]:
        return {(term.kind, term.id): term for term in self.guideline.terms.values()}

    def point(self, section: Tally, id_: str) -> str:
        """A point of a tally, with what it counts where that is more than one."""
        told = self.of(section.predicate, id_)
        point = self._terms.get((self.guideline.properties[section.predicate].kind, id_))
        return told if point is None or point.weight == 1 else f"{told} ×{point.weight}"

    def status(self, section: Status, word: str) -> str:
        """A status in words."""
        found = section.called.get(word)
        return found.label[self.language] if found else word

    def decided(self, name: str) -> str:
        """What an unknown fact decides, or a change turns: a section or a thing, by its key or
        id, or by kind and id.
        """
        section = next((s for s in self.guideline.sections if s.key == name), None)
        if section is not None:
            return section.label[self.language]
        kind, _, id_ = name.rpartition(" ")
        if kind:
            return self.term(kind, id_)
        things = (
            self._terms.get((s.kind, id_)) for s in self.guideline.sections if isinstance(s, Status)
        )
        return next((thing.label[self.language] for thing in things if thing), id_)

    def turned(self, of: str, to: str | None) -> str:
        """What something turns to elsewhere in the intervals of measurements."""
        if to is None or to == "none":
            return self._words["none"]
        for section in self.guideline.sections:
            if section.key == of:
                return self.of(next(iter(section.shown), None), to)
            if isinstance(section, Status) and section.kind == of.partition(" ")[0]:
                return self.status(section, to)
        return self._words.get(to, to)

    def fact(self, name: str) -> str:
        fact = self.guideline.facts.get(name)
        return fact.label[self.language] if fact else name

    def value(self, name: str, value: Any) -> str:
        if value is None:
            return self._words["unknown"]
        if isinstance(value, bool):
            return self._words[str(value).lower()]
        if isinstance(value, str):
            return self.guideline.value_labels.get(value, {self.language: value})[self.language]
        fact = self.guideline.facts.get(name)
        if fact is None:
            return str(value)
        return quantity(fact, float(value)) if fact.given else computed(fact, float(value))

    def sizes(self, values: Mapping[str, Number]) -> list[str]:
        """Sizes of a thing, without their names: one number, or from the smallest to the largest
        (``…_min_…`` and ``…_max_…``).
        """
        told = []
        for name, value in values.items():
            largest = name.replace("_min_", "_max_")
            if largest != name and largest in values:
                low, high = self.value(name, value), self.value(largest, values[largest])
                amount = low.partition(" ")[0]
                told.append(high if low == high else f"{amount}–{high}")
            elif "_max_" not in name or name.replace("_max_", "_min_") not in values:
                told.append(self.value(name, value))
        return told

    def numbers(self, values: Mapping[str, Number]) -> list[str]:
        """Computed numbers, each with its name."""
        return [f"{self.fact(name)} {self.value(name, value)}" for name, value in values.items()]

    def entered(self, name: str, text: str) -> str:
        """A value as it was entered, in words."""
        known: Any = {"true": True, "false": False}.get(text, text)
        fact = self.guideline.facts.get(name)
        return self.value(
            name, float(text) if fact and fact.kind in ("number", "integer") else known
        )

    def study(self, name: str) -> str:
        study = self.guideline.studies.get(name)
        return study.label[self.language] if study else name

    def statement(self, name: str) -> str:
        statement = self.guideline.statements.get(name)
        return statement.text[self.language] if statement else name

    def rule(self, name: str) -> str:
        rule = self.guideline.rule.get(name)
        return rule.label[self.language] if rule else name

    def rationale(self, name: str) -> str:
        rule = self.guideline.rule.get(name)
        return rule.rationale[self.language] if rule else ""

    def concluded(self, conclusion: str) -> str:
        """The conclusion of a step (``key: id``) in words."""
        key, _, id_ = conclusion.rpartition(": ")
        name = key.rpartition(".")[2]
        if name in self.guideline.facts:
            fact = self.guideline.facts[name]
            known: Any = {"true": True, "false": False}.get(id_, id_)
            if fact.kind in ("number", "integer"):
                known = float(id_)
            return f"{fact.label[self.language]} = {self.value(name, known)}"
        return self._concluded.get(conclusion, conclusion)

    @cached_property
    def _concluded(self) -> dict[str, str]:
        found, colon = {}, self._words["colon"]
        for described in self.guideline.properties.values():
            for term in self.guideline.of_kind(described.kind):
                place = (
                    f"{described.result_key}.{term.concerns}"
                    if term.concerns
                    else described.result_key
                )
                found[f"{place}: {term.id}"] = (
                    f"{described.label[self.language]}{colon}{term.label[self.language]}"
                )
        return found


_LABELS: dict[tuple[str, str], Labels] = {}


def labels(guideline: Guideline, language: str) -> Labels:
    """The labels of a guideline, made once."""
    key = (guideline.digest, language)
    if key not in _LABELS:
        _LABELS[key] = Labels(guideline, language)
    return _LABELS[key]
