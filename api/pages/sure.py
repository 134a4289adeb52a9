"""How sure an answer is, as the page shows it: a slider on each known number with its stretches,
what else would turn the answer, and the plane of two numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from calx.api.pages.plane_picture import draw_plane
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.guideline import Fact
from calx.reasoner.model.section import SEVERITIES, Actions, Alerts, Criteria, One, Status
from calx.reasoner.model.values import as_json
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.prose import quantity
from calx.reasoner.tell.turned import Turned
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.joint import joint
from calx.reasoner.whatif.next_facts import frequencies_of, next_facts
from calx.reasoner.whatif.outcomes import ADVISED, ranked
from calx.reasoner.whatif.plane import Span, numbers, plane, view
from calx.reasoner.whatif.stability import (
    Stretch,
    There,
    edges,
    of_number,
    of_words,
    stretches,
)

if TYPE_CHECKING:  # this needs Z3
    from calx.reasoner.whatif.towards import Ways

NONE = "none"
"""Of an outcome that is not told."""
STEPS = 200
"""A slider moves in about so many steps."""
STRIP = 1000
"""Length of the strip below a slider, in its own units."""


@dataclass(frozen=True)
class Part:
    """A stretch of a slider.

    Attributes:
        where: its values, in words.
        told: what is otherwise there, in words.
        outcome: number of what is told there (`Sure.outcomes`); None where no case may be so.
        left: where it begins on the strip, and how `wide` it is there.
        facts: the facts that follow there, as they are entered; None: it depends on the number.
    """

    stretch: Stretch
    where: str
    told: str
    outcome: int | None
    left: float
    wide: float
    facts: dict[str, str | None]


@dataclass(frozen=True)
class Slider:
    """A known number that turns something somewhere.

    Attributes:
        told: where the answer stands, in words.
        error: one standard deviation of its measurement on either side, on the strip.
        at: its place on the strip.
    """

    fact: Fact
    value: Decimal
    told: str
    low: Fraction
    high: Fraction
    step: Fraction
    error: tuple[float, float] | None
    at: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Choice:
    """An outcome that can be asked for: as it is sent, and in words."""

    value: str
    label: str


@dataclass(frozen=True)
class Row:
    """A line of what is told: a heading, its words, and whether they are other than here."""

    heading: str
    text: str
    other: bool


class Sure:
    """How sure an answer is, in one language.

    Args:
        answer: of a case.
        language: of the page.
        across: a known number that the picture shows across; by default the nearest to a border.
        up: another one, that it shows up.
        ways: what would lead to another outcome, where one was asked for.
    """

    def __init__(
        self,
        answer: Answer,
        language: str,
        across: str = "",
        up: str = "",
        ways: Ways | None = None,
    ) -> None:
        self.answer, self.language = answer, language
        self.brief, self.turned = Brief(answer, language), Turned(answer.guideline, language)
        self.label, self.words = self.turned.label, self.turned.words
        self._elsewhere, self._errors = self.brief.elsewhere, errors_of(answer)
        self._frequencies = frequencies_of(answer.reasoner)
        self._wanted, self._ways = (across, up), ways
        self._outcomes: list[Mapping[str, str | None]] = [self._elsewhere.here]

    # --- a slider on each number ------------------------------------------------------------

    @cached_property
    def numbers(self) -> list[Fact]:
        """The known numbers on which something hangs."""
        return numbers(self._elsewhere)

    @cached_property
    def sliders(self) -> list[Slider]:
        """Of each known number that turns something somewhere."""
        found = map(self._slider, self.numbers)
        return [slider for slider in found if len(slider.parts) > 1]

    def _slider(self, fact: Fact) -> Slider:
        value, error = Decimal(str(self._elsewhere.facts[fact.name])), self._errors.get(fact.name)
        low, high = view(self._elsewhere, fact, error)
        step = Fraction(1)
        while fact.kind != "integer" and (high - low) / step < STEPS:
            step /= 10
        low, high = low // step * step, -(-high // step) * step
        if fact.minimum is not None and (fact.exclusive_minimum or low < fact.minimum):
            low = max(low, Fraction(fact.minimum) + (step if fact.exclusive_minimum else 0))
        if fact.maximum is not None:
            high = min(high, Fraction(fact.maximum))

        def on_strip(end: Fraction | float) -> float:
            part = (float(end) - float(low)) / float(high - low)
            return round(STRIP * min(1.0, max(0.0, part)), 1)

        parts = []
        for stretch in stretches(self._elsewhere, fact):
            left = 0.0 if stretch.low is None else on_strip(stretch.low)
            right = float(STRIP) if stretch.high is None else on_strip(stretch.high)
            parts.append(self._part(fact, stretch, left, right - left))
        spread = None
        if error is not None:
            one, other = float(value) - error.below, float(value) + error.above
            spread = on_strip(one), on_strip(other) - on_strip(one)
        told = self.turned.stability(of_number(self._elsewhere, fact, value), error)
        return Slider(
            fact, value, told, low, high, step, spread, on_strip(float(value)), tuple(parts)
        )

    def unit(self, fact: Fact) -> str:
        """What stands after a number of a fact."""
        return quantity(fact, Decimal(1)).removeprefix("1")

    def _part(self, fact: Fact, stretch: Stretch, left: float, wide: float) -> Part:
        told = self._with(stretch.along, self._told(stretch))
        facts = {n: None if v is None else self._entered(v) for n, v in stretch.along}
        where = self.turned.within(
            fact.name, stretch.low, stretch.holds_low, stretch.high, stretch.holds_high
        )
        return Part(stretch, where, told, self._outcome(stretch.told), left, wide, facts)

    def _with(self, along: tuple[tuple[str, Any], ...], told: str) -> str:
        """What is told, with the facts that have to go along."""
        return self.words["with"].format(self.turned.facts(along), told) if along else told

    def _told(self, there: There | Stretch) -> str:
        """What is otherwise there, in words."""
        if there.told is None:
            rule = f" [{there.constraint}]" if there.constraint else ""
            return self.words["never"] + rule
        return self.turned.changes(there.changes) or self.words["as here"]

    def _short(self, there: There) -> str:
        """The same, of the gravest only."""
        gravest = self.turned.gravest(there.changes)
        more = len(there.changes) - len(gravest)
        told = self._told(replace(there, changes=gravest))
        told = f"{told} {self.words['more'].format(more)}" if more else told
        return self._with(there.along, told)

    def _entered(self, value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(as_json(value))

    def _outcome(self, told: Mapping[str, str | None] | None) -> int | None:
        """The number of what is told; the case's own is 0."""
        if told is None:
            return None
        if told not in self._outcomes:
            self._outcomes.append(told)
        return self._outcomes.index(told)

    # --- what is told there -----------------------------------------------------------------

    @property
    def outcomes(self) -> list[list[Row]]:
        """All that is told somewhere on a slider, that of the case first."""
        here = dict(self._rows(self._outcomes[0]))
        return [
            [Row(head, text, here.get(head) != text) for head, text in self._rows(told)]
            for told in self._outcomes
        ]

    def _rows(self, told: Mapping[str, str | None]) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = []
        firsts = [name for _, name in ranked(self.answer.guideline)]
        for section in self.answer.guideline.in_reading_order:
            match section:
                case One(leads=True):
                    outcome = self.turned.outcome(section.key, told.get(section.key))
                    rows.append((section.label[self.language], outcome))
                    rows += [
                        (self.turned.about(name), self.turned.outcome(name, told.get(name)))
                        for name in firsts
                    ]
                case Status(listed=True):
                    for status in section.in_reading_order:
                        same = self._things(section.kind, status.word, told)
                        if same and (status.usable or status.mark == "bad"):
                            rows.append((status.label[self.language], same))
                case Alerts():
                    for severity in SEVERITIES:
                        same = self._things(section.kind, severity, told)
                        if same:
                            rows.append((self.brief.words[f"mark {severity}"], same))
                case Criteria():
                    for verdict in ("not_met", "unknown", "met"):
                        same = self._things(section.kind, verdict, told)
                        if same:
                            words = self.brief.words[verdict]
                            rows.append((f"{section.label[self.language]}: {words}", same))
                case Actions():
                    kind = self.answer.guideline.properties[section.predicates[0]].kind
                    advised = self._things(kind, ADVISED, told)
                    if advised:
                        rows.append((section.label[self.language], advised))
                case _:
                    pass
        return rows

    def _things(self, kind: str, word: str, told: Mapping[str, str | None]) -> str:
        """The things of a kind of which a word is told."""
        named = (
            self.turned.about(name)
            for name, value in told.items()
            if name.partition(":")[0] == kind and value == word
        )
        return self.turned.comma.join(named)

    # --- the rest ---------------------------------------------------------------------------

    @cached_property
    def others(self) -> list[tuple[str, str, str]]:
        """Known facts that are no numbers: what each is, what else it might be, and what that
        would turn.
        """
        return [
            (
                f"{self.label.fact(item.fact)}{self.words['colon']}"
                f"{self.label.value(item.fact, item.value)}",
                self.label.value(item.fact, end.at),
                self.turned.changes(end.changes),
            )
            for item in of_words(self._elsewhere)
            for end in item.beyond
            if end.changes
        ]

    @cached_property
    def to_find(self) -> list[tuple[str, str]]:
        """Unknown facts that can change something of weight, each with what and how often; what
        matters most first.
        """
        lead = self.answer.guideline.lead
        leading = lead.label[self.language] if lead else ""
        several = [(f, f"{self.label.fact(f)} → {leading}") for f in self.brief.several]
        found = next_facts(self._elsewhere, self._frequencies)
        return several + [(n.fact, self.turned.to_find(n)) for n in found if n.weight]

    @property
    def counted(self) -> str:
        """By what the facts to find out are ordered, and what their shares are of."""
        way = "by sample" if self._frequencies.lesions else "by equals"
        return self.words[way].format(self._frequencies.lesions)

    @cached_property
    def joint(self) -> str:
        """The share of all measurement errors together in which the answer stands."""
        found = joint(self._elsewhere, self._errors)
        return self.turned.joint(found) if found else ""

    def goals(self, possible: Mapping[str, Iterable[str]]) -> list[tuple[str, list[Choice]]]:
        """The outcomes that can be asked for, by what they are about."""
        found = []
        for name, values in possible.items():
            choices = [
                Choice(
                    f"{name}={value}", self.turned.outcome(name, None if value == NONE else value)
                )
                for value in values
            ]
            found.append((self.turned.about(name), choices))
        return found

    @property
    def ways(self) -> list[str]:
        """What would lead to the outcome that was asked for, a way a line."""
        return list(self.turned.ways(self._ways)) if self._ways else []

    # --- two numbers ------------------------------------------------------------------------

    @cached_property
    def pair(self) -> tuple[Fact, Fact] | None:
        """The two numbers that the picture shows; None where there are none."""
        known = {fact.name: fact for fact in self.numbers}
        nearest = [edge.fact for edge in edges(self._elsewhere, self._errors)]
        wanted = dict.fromkeys(n for n in (*self._wanted, *nearest, *known) if n in known)
        both = [known[name] for name in wanted][:2]
        return (both[0], both[1]) if len(both) > 1 else None

    @cached_property
    def picture(self) -> Markup | None:
        """The plane of the two numbers, with the case and its errors as a box; None where a border
        cannot be drawn exactly.
        """
        assert self.pair is not None
        across, up = self.pair
        views: dict[str, Span] = {
            fact.name: view(self._elsewhere, fact, self._errors.get(fact.name))
            for fact in self.pair
        }
        for one, other in ((across, up), (up, across)):  # borders may be curves in one only
            found = plane(self._elsewhere, one, other, views[one.name], views[other.name])
            if found is not None:
                return draw_plane(found, self._elsewhere, self._errors, self.turned, self._short)
        return None
