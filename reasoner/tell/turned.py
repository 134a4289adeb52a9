"""How sure an answer is, in words: where it stands, and what is told otherwise elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import SEVERITIES, Actions, Alerts, Criteria
from calx.reasoner.tell.labels import labels
from calx.reasoner.tell.prose import quantity
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.joint import Joint
from calx.reasoner.whatif.next_facts import Next, harm
from calx.reasoner.whatif.outcomes import ADVISED, Turn, ranked
from calx.reasoner.whatif.polynomials import FINEST
from calx.reasoner.whatif.stability import Stability, share
from calx.words import words as words_of

if TYPE_CHECKING:  # these need Z3
    from calx.reasoner.whatif.towards import Moved, Ways

MOST_WAYS = 12
"""Ways to an outcome that are shown."""
MOST_TURNED = 3
"""Outcomes that a fact turns that are shown."""


class Turned:
    """Says in one language how sure an answer is."""

    def __init__(self, guideline: Guideline, language: str) -> None:
        self.guideline, self.language = guideline, language
        self.label = labels(guideline, language)
        self.words, self.answer_words = words_of("whatif", language), words_of("answer", language)
        self.comma = words_of("language", language)["comma"]

    def changes(self, found: Iterable[Turn]) -> str:
        """What is told otherwise, with the rules."""
        alike: dict[str, list[str]] = {}
        for change in found:
            rule = f" [{change.rule}]" if change.rule else ""
            told = self.outcome(change.of, change.after)
            alike.setdefault(told, []).append(f"{self.about(change.of)}{rule}")
        colon = self.words["colon"]
        told_of = (f"{self.comma.join(of)}{colon}{told}" for told, of in alike.items())
        return self.words["semicolon"].join(told_of)

    def gravest(self, found: Iterable[Turn]) -> tuple[Turn, ...]:
        """The gravest of what is told otherwise, a few."""
        in_order = sorted(found, key=lambda change: -harm(self.guideline, change))
        return tuple(in_order[:MOST_TURNED])

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
        if any(isinstance(s, Criteria) and s.kind == kind for s in self.guideline.sections):
            return self.words["not judged"] if value is None else self.answer_words[value]
        if value == ADVISED or self.is_done(name):
            return self.words["advised" if value else "not advised"]
        return self.label.turned(f"{kind} " if ":" in name else name, value)

    def is_done(self, name: str) -> bool:
        """Whether an outcome is an action."""
        properties, kind = self.guideline.properties, name.partition(":")[0]
        return any(
            isinstance(s, Actions) and properties[s.predicates[0]].kind == kind
            for s in self.guideline.sections
        )

    def beyond(self, fact: str, low: bool, at: Fraction | None, closed: bool) -> str:
        """Past a border: on its low side or not; `closed`: the border itself is not past it."""
        word = ("below" if closed else "to") if low else ("above" if closed else "from")
        return self.words[word].format(self.number(fact, at))

    def within(
        self, fact: str, low: Fraction | None, holds_low: bool, high: Fraction | None, holds: bool
    ) -> str:
        """Between two ends, each of which may belong to it; None: without end."""
        if low is not None and low == high:
            return self.number(fact, low)
        parts = []
        if low is not None:
            parts.append(self.beyond(fact, False, low, not holds_low))
        if high is not None:
            parts.append(self.beyond(fact, True, high, not holds))
        return self.comma.join(parts) or self.words["any"]

    def facts(self, found: Iterable[tuple[str, Value | None]]) -> str:
        """Facts with the values that they take when they follow; None: it depends."""
        return self.comma.join(
            f"{self.label.fact(name)} {self.value(name, value)}"
            if value is not None
            else self.words["goes along"].format(self.label.fact(name))
            for name, value in found
        )

    def value(self, fact: str, value: Value | Fraction | None) -> str:
        """A value of a fact; None: without end."""
        if isinstance(value, Decimal | Fraction):
            return self.number(fact, Fraction(value))
        return self.label.value(fact, value)

    def rounded(self, fact: str, size: float) -> str:
        """The size of an error, as exactly as one knows it."""
        return self.number(fact, Fraction(f"{size:.2g}"))

    def number(self, fact: str, value: Fraction | None) -> str:
        """A number of a fact with all its digits, where it has more than a case can give with
        "…"; None: without end.
        """
        if value is None:
            return "∞"
        exact = value // FINEST * FINEST
        more = "" if exact == value else "…"
        told = quantity(self.guideline.facts[fact], Decimal(exact.numerator) / exact.denominator)
        digits = len(told) - len(told.lstrip("-0123456789."))
        return told[:digits] + more + told[digits:]

    def stability(self, item: Stability, error: MeasurementError | None) -> str:
        """A fact, the interval in which the answer stands, and the share of its error in it."""
        name, value = self.label.fact(item.fact), self.value(item.fact, item.value)
        if item.stands is None:
            return f"{name} {value}"
        parts = []
        ends = {end.side: end for end in item.beyond}
        if ends["low"].changes or ends["low"].constraint:
            word = "from" if item.stands.low_closed else "above"
            parts.append(self.words[word].format(self.number(item.fact, item.stands.low)))
        if ends["high"].changes or ends["high"].constraint:
            word = "to" if item.stands.high_closed else "below"
            parts.append(self.words[word].format(self.number(item.fact, item.stands.high)))
        told = f"{name} {value}{self.words['while'].format(self.comma.join(parts))}"
        part = share(item, error)
        if error is None or part is None:
            return told + self.words["no error"]
        below, above = (self.rounded(item.fact, side) for side in (error.below, error.above))
        size = f"± {below}" if below == above else f"−{below} +{above}"
        statement = self.guideline.statements.get(error.statement or "")
        source = self.label.study(statement.study) if statement else self.words["own interval"]
        return told + self.words["error"].format(share=percent(part), size=size, source=source)

    def to_find(self, item: Next) -> str:
        """An unknown fact: what it takes to learn it, and what it can change how often."""
        told = self.comma.join(self.about(name) for name in item.decides[:MOST_TURNED])
        more = len(item.decides) - MOST_TURNED
        told += " " + self.words["more"].format(more) if more > 0 else ""
        way = "matters" if item.sampled else "may matter"
        how = self.words[way if item.decides else "matters together"].format(
            share=percent(item.share),
            what=told,
            others=self.comma.join(map(self.label.fact, item.together)),
        )
        return f"{self.label.fact(item.fact)} ({self.words[f'cost {item.cost}']}) → {how}"

    def ways(self, ways: Ways) -> Iterator[str]:
        """What would lead to an outcome, a way a line."""
        if ways.found and not ways.found[0].moved:
            yield self.words["so already"]
            return
        for way in ways.found[:MOST_WAYS]:
            parts = " + ".join(self._moved(moved) for moved in way.moved)
            size = "" if way.errors is None else self.words["size"].format(way.errors)
            acted = self.words["can be chosen"] if way.actionable else ""
            rules = f" [{', '.join(way.rules)}]" if way.rules else ""
            yield f"{parts}{rules}{size}{acted}"
        if not ways.found:
            none = "no way" if ways.complete_up_to else "not searched"
            yield self.words[none].format(ways.complete_up_to)
        more = len(ways.found) - MOST_WAYS
        if more > 0:
            yield self.words["more"].format(more)

    def _moved(self, moved: Moved) -> str:
        name = self.label.fact(moved.fact)
        if moved.direction == "to":
            return f"{name} → {self.value(moved.fact, moved.limit)}"
        word = {
            ("below", True): "to",
            ("below", False): "below",
            ("above", True): "from",
            ("above", False): "above",
        }[moved.direction, moved.closed]
        return f"{name} {self.words[word].format(self.value(moved.fact, moved.limit))}"

    def joint(self, found: Joint) -> str:
        """The share of all errors together in which the answer stands."""
        low, high = percent(found.low), percent(found.high)
        way = "joint" if low == high else "joint between"
        return self.words[way].format(low=low, high=high)


def percent(part: float) -> str:
    """A share as people read it; 100 % is said of all alone, and 0 % of none."""
    shown = f"{100 * part:.1f}"
    if shown == "100.0" and part < 1:
        return "> 99.9 %"
    if shown == "0.0" and part > 0:
        return "< 0.1 %"
    return f"{shown.removesuffix('.0')} %"
