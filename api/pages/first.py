"""What the page says first of an answer: what `Brief` tells, questions that can be answered in
place, and what each entered fact comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calx.api.pages.form import Field, fields_of
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.rule import Assertion
from calx.reasoner.model.section import SEVERITIES, Alerts, Members, One, Status, Tally
from calx.reasoner.tell.brief import Brief

MOST_ECHOES = 3
"""Conclusions that are shown beside a fact."""


@dataclass(frozen=True)
class ToAnswer:
    """A fact to find out next, as a question that can be answered where it stands."""

    field: Field
    why: str


class First:
    """The first things that the page says, in one language."""

    def __init__(self, answer: Answer, language: str) -> None:
        self.answer, self.language = answer, language
        self.brief = Brief(answer, language)
        self.severities = SEVERITIES

    @property
    def questions(self) -> list[ToAnswer]:
        """What to find out next."""
        fields = fields_of(self.answer.guideline, self.language)
        return [
            ToAnswer(fields[fact], asked.why) for asked in self.brief.asked for fact in asked.facts
        ]

    @property
    def statuses(self) -> list[Status]:
        """The sections that tell of things that may be used or not."""
        return [s for s in self.answer.guideline.in_reading_order if isinstance(s, Status)]

    @property
    def short(self) -> list[tuple[str, list[str]]]:
        """The other sections in a few words, each with its label."""
        sections = self.answer.guideline.in_reading_order
        told = (
            (section.label[self.language], self.brief.short(section))
            for section in sections
            if not section.detail and not isinstance(section, Status | Alerts)
        )
        return [(label, words) for label, words in told if words]

    @property
    def leading(self) -> str:
        """What leads the answer and what comes first, in one line."""
        lead = self.brief.lead
        told = [lead.label if lead else self.brief.standing] if self.guideline_leads else []
        told += [thing.label for thing in self.answer.first_things(self.language)]
        return " · ".join(told)

    @property
    def guideline_leads(self) -> bool:
        """Whether there is a section that leads."""
        return self.answer.guideline.lead is not None

    def echoes(self, given: Mapping[str, object]) -> dict[str, str]:
        """By entered fact what rules that read it concluded: grade, points, features, what it
        forbids, what it warns of.
        """
        guideline, marks = self.answer.guideline, self._marks()
        found: dict[str, dict[str, None]] = {}
        for _, production, premises, _ in self.answer.trace.steps:
            made = production.conclusion
            if not isinstance(made, Assertion) or made.predicate not in marks:
                continue
            term = guideline.term(made.predicate, made.term)
            told = marks[made.predicate] + term.label[self.language]
            read = [name for kind, name in premises if kind == "fact" and name in given]
            if read:
                # beside the fact that says least else
                name = min(read, key=lambda fact: len(guideline.program.readers_of.get(fact, ())))
                found.setdefault(name, {}).setdefault(told)
        return {name: " · ".join(list(told)[:MOST_ECHOES]) for name, told in found.items()}

    def _marks(self) -> dict[str, str]:
        """How the terms of each property are marked beside a fact."""
        marks: dict[str, str] = {}
        for section in self.answer.guideline.sections:
            match section:
                case One(brief=True) | Tally() | Members(detail=False) if section.order:
                    marks |= dict.fromkeys(section.shown, "")
                case Status(forbidden=str(forbidden)):
                    marks[forbidden] = "✗ "
                case Alerts():
                    grave = (n for n, word in section.severities if word != SEVERITIES[-1])
                    marks |= dict.fromkeys(grave, "⚠ ")
        return marks
