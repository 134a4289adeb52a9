"""What is told otherwise elsewhere (`whatif.outcomes`), and where, in words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import SEVERITIES, Alerts
from calx.reasoner.tell.labels import labels
from calx.reasoner.whatif.outcomes import Turn, ranked
from calx.words import words as words_of


class Turned:
    """Says in one language what becomes of the outcomes of an answer."""

    def __init__(self, guideline: Guideline, language: str) -> None:
        self.guideline, self.label = guideline, labels(guideline, language)
        self.words = words_of("whatif", language)
        self.comma = words_of("language", language)["comma"]

    def changes(self, found: Iterable[Turn]) -> str:
        """What is told otherwise, with the rules."""
        alike: dict[str, list[str]] = {}
        for change in found:
            rule = f" [{change.rule}]" if change.rule else ""
            told = self.outcome(change.of, change.after)
            alike.setdefault(told, []).append(f"{self.about(change.of)}{rule}")
        colon = self.words["colon"]
        return "; ".join(f"{self.comma.join(of)}{colon}{told}" for told, of in alike.items())

    def about(self, name: str) -> str:
        """What an outcome is about."""
        kind, _, id_ = name.partition(":")
        if any(name == first for _, first in ranked(self.guideline)):
            return self.words["first"]
        return self.label.term(kind, id_) if id_ else self.label.decided(name)

    def outcome(self, name: str, value: str | None) -> str:
        """What it comes to."""
        for section, first in ranked(self.guideline):
            if name == first:
                return self.label.term(section.kind, value) if value else self.words["nothing"]
        kind = name.partition(":")[0]
        if any(isinstance(s, Alerts) and s.kind == kind for s in self.guideline.sections):
            return self.words[f"severity {value}" if value in SEVERITIES else "not raised"]
        return self.label.turned(f"{kind} " if ":" in name else name, value)

    def beyond(self, fact: str, low: bool, at: Fraction | None, closed: bool) -> str:
        """Past a border: on its low side or not; `closed`: the border itself is not past it."""
        word = ("below" if closed else "to") if low else ("above" if closed else "from")
        return self.words[word].format(self.number(fact, at))

    def value(self, fact: str, value: Value | Fraction | None) -> str:
        """A value of a fact; None: without end."""
        if isinstance(value, Fraction):
            return self.number(fact, value)
        return self.label.value(fact, value)

    def number(self, fact: str, value: Fraction | None) -> str:
        """A number of a fact; None: without end."""
        if value is None:
            return "∞"
        return self.label.value(fact, Decimal(value.numerator) / Decimal(value.denominator))
