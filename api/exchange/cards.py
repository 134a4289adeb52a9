"""Answers as CDS Hooks 2.0 cards (https://cds-hooks.hl7.org/2.0/): short, the most important first,
each with its ground.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from calx.api.exchange.fhir_answer import reservations_in_words, without_empties
from calx.api.pages.words import words_of
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import Alert, Chosen, PossibleAlert, Thing
from calx.reasoner.engine.ranking import by_rank
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.reasoner.model.section import SEVERITIES, Numbers, Standing, Status
from calx.reasoner.model.values import as_json
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.labels import labels
from calx.words import words

LONGEST = 140
"""A summary must be shorter (CDS Hooks 2.0, card attributes)."""


def cards(
    answer: Answer,
    base: str,
    patient: str | None,
    notes: list[str],
    language: str,
    lesion: str = "",
) -> list[dict[str, Any]]:
    """The cards of an answer, in the order of its text: critical alerts, what leads it with the
    plan and the rest, what is not excluded, warnings.

    Args:
        answer: of one lesion.
        base: address of the service.
        patient: a reference.
        notes: what was read as what, and what was left aside.
        language: of the cards.
        lesion: names it, where there are cards of several.
    """
    made = _Cards(answer, base, patient, notes, language)
    made.lesion = f"{lesion}: " if lesion else ""
    return [without_empties(card) for card in made.all()]


def incomplete(guideline: Guideline, base: str, notes: list[str], language: str) -> dict[str, Any]:
    """The card that says that a page of the chart was not sent, where the rest tells nothing."""
    told = words_of(language)
    return {
        "uuid": str(uuid.uuid4()),
        "summary": told["chart incomplete"],
        "indicator": "info",
        "detail": "\n\n".join([*(f"_{text}_" for text in notes), guideline.notice[language]]),
        "source": {
            "label": f"{guideline.title[language]} {guideline.version}",
            "url": f"{base}guideline",
        },
    }


class _Cards:
    lesion = ""

    def __init__(
        self, answer: Answer, base: str, patient: str | None, notes: list[str], language: str
    ) -> None:
        self.answer = answer
        self.guideline: Guideline = answer.guideline
        self.label = labels(answer.guideline, language)
        self.brief = Brief(answer, language)
        self.base, self.patient, self.notes, self.language = base, patient, notes, language
        self.words = words_of(language)
        facts = {name: as_json(value) for name, value in answer.case.facts.items()}
        self.query = urlencode(
            {
                name: str(value).lower() if isinstance(value, bool) else value
                for name, value in facts.items()
            }
            | {"lang": language}
        )

    def all(self) -> list[dict[str, Any]]:
        critical, warnings = (
            [self._alert(alert) for alert in self.brief.alerts[severity]]
            for severity in SEVERITIES[:2]
        )
        possible = self.answer.possible_alerts(self.language)
        open_ = [self._not_excluded(possible)] if possible else []
        return [*critical, self._lead(), *open_, *warnings]

    def _card(
        self, summary: str, indicator: str, detail: list[str], topic: str, more: dict[str, Any]
    ) -> dict[str, Any]:
        system, summary = IRI + "override", self.lesion + summary
        notice = self.guideline.notice[self.language]
        return {
            "uuid": str(uuid.uuid4()),
            "summary": summary if len(summary) < LONGEST else summary[: LONGEST - 2] + "…",
            "indicator": indicator,
            "detail": "\n\n".join(
                [
                    *(part for part in detail if part),
                    *(f"_{text}_" for text in self.notes),
                    f"_{notice}_",
                ]
            ),
            "source": {
                "label": f"{self.guideline.title[self.language]} {self.guideline.version}",
                "url": f"{self.base}guideline",
                "topic": {"system": IRI + "topic", "code": topic, "display": topic},
            },
            "overrideReasons": [
                {"code": code, "system": system, "display": text}
                for code, text in words("override", self.language).items()
            ],
            "links": [
                {
                    "label": self.words["proof"],
                    "url": f"{self.base}?{self.query}#proof",
                    "type": "absolute",
                }
            ],
            **more,
        }

    def _alert(self, alert: Alert) -> dict[str, Any]:
        advice = [self.label.advised(alert.id, id_) for id_ in alert.advice]
        detail = [
            self._listed("advice", advice),
            self._reasons(alert.rules),
            self._against(alert),
        ]
        return self._card(alert.label, alert.severity, detail, alert.id, {})

    def _not_excluded(self, possible: list[PossibleAlert]) -> dict[str, Any]:
        lines = [
            f"- **{alert.label}**: {self.words['unknown']} "
            + ", ".join(self.label.fact(fact) for fact in alert.because_of)
            for alert in possible
        ]
        names = ", ".join(alert.label for alert in possible)
        return self._card(
            f"{self.words['not excluded']}: {names}",
            "warning",
            [self.words["not excluded hint"], "\n".join(lines)],
            "not-excluded",
            {},
        )

    def _lead(self) -> dict[str, Any]:
        """The card of what leads the answer: the plan, what must not be used, what to find out
        next, notes, the rest in short, and what the evidence is worth, as the text has them.
        """
        lead, brief = self.guideline.lead, self.brief
        chosen = brief.lead
        rest = [*self._plan(), *self._rest(), self._missing()]
        head = lead.label[self.language] if lead else self.guideline.name[self.language]
        topic = lead.key if lead else "answer"
        if chosen is None:
            told = f"{head}: {brief.standing}" if lead else head
            return self._card(told, "warning" if lead else "info", rest, topic, {})
        detail = [
            f"**{chosen.label}** [{chosen.rule}; {chosen.level}] {brief.standing}",
            *rest,
            self._reasons([chosen.rule]),
            self._against(chosen),
        ]
        suggestions = list(self._suggestions(chosen))
        more = {"suggestions": suggestions, "selectionBehavior": "any"} if suggestions else {}
        standing = self.words["settled" if chosen.settled else "provisional"]
        return self._card(
            f"{head}: {chosen.label} ({standing})",
            "info" if chosen.settled else "warning",
            detail,
            topic,
            more,
        )

    def _suggestions(self, chosen: Chosen) -> Iterator[dict[str, Any]]:
        for section in self.guideline.sections:
            if isinstance(section, Status):
                for thing in by_rank(self.answer.things(section, self.language)):
                    status = section.called[thing.status]
                    if status.usable:
                        yield self._suggestion(section, status, thing, chosen)

    def _suggestion(
        self, section: Status, status: Standing, thing: Thing, chosen: Chosen
    ) -> dict[str, Any]:
        """A thing, as a draft proposal where the patient is known; a person decides whether it
        becomes an order.
        """
        provisional = "" if chosen.settled else f"; {self.words['provisional']}"
        label = f"{thing.label} ({status.label[self.language]}{provisional})"
        told = reservations_in_words(thing, self.guideline, self.language)
        found: dict[str, Any] = {
            "label": label,
            "uuid": str(uuid.uuid4()),
            "isRecommended": status.mark == "best" and chosen.settled and not thing.unverified,
        }
        if self.patient:
            note = [
                {"text": text}
                for text in (label, told, self.guideline.notice[self.language])
                if text
            ]
            code = {
                "coding": [{"system": self.guideline.names(section.kind), "code": thing.id}],
                "text": thing.label,
            }
            proposal = {
                "resourceType": "ServiceRequest",
                "status": "draft",
                "intent": "proposal",
                "subject": {"reference": self.patient},
                "code": code,
                "note": note,
            }
            found["actions"] = [
                {"type": "create", "description": f"{label}. {told}", "resource": proposal}
            ]
        return found

    def _plan(self) -> Iterator[str]:
        """What comes first and then, what must not be used, and what to find out next."""
        brief, told = self.brief, self.brief.words
        lines = [f"- {action}" for action in brief.in_order(brief.planned_actions)]
        for section in self.guideline.in_reading_order:
            if isinstance(section, Status):
                for planned in brief.plan(section):
                    because = f" [{planned.because}]" if planned.because else ""
                    things = " · ".join(thing.text for thing in planned.things)
                    lines.append(f"- **{planned.when}**: {things}{because}")
                lines += [
                    f"- **{told['not']}**: {word}: {' · '.join(thing.text for thing in barred)}"
                    for word, barred in brief.barred(section)
                ]
                reserved = [
                    f"- {thing.label}: {text}"
                    for thing in by_rank(self.answer.things(section, self.language))
                    if section.called[thing.status].usable
                    and (text := reservations_in_words(thing, self.guideline, self.language))
                ]
                lines += reserved
            elif isinstance(section, Numbers):
                lines += [f"- {size}" for size in brief.short(section)]
        lines += [
            f"- **{told['find out']}**: {', '.join(asked.labels)} → {asked.why}"
            for asked in brief.asked
        ]
        if lines:
            yield "\n".join(lines)

    def _rest(self) -> Iterator[str]:
        """Notes, the rest in short, and what the evidence is worth."""
        brief = self.brief
        lines = [f"- {brief.told(alert)}" for alert in brief.alerts[SEVERITIES[-1]]]
        lines += [
            f"- {section.label[self.language]}: {', '.join(told)}"
            for section in self.guideline.in_reading_order
            if not isinstance(section, Numbers) and (told := brief.short(section))
        ]
        lines += [f"- **{brief.words['unless']}**: {' · '.join(brief.unless)}"] * bool(brief.unless)
        lines += [f"- {worth}" for worth in brief.evidence]
        lines += [f"- {limit}" for limit in brief.limits]
        yield "\n".join(lines)

    def _reasons(self, rules: list[str]) -> str:
        """The rules of a conclusion with rationale and citations."""
        lines = []
        for step in self.answer.trace.steps:
            rule = step[0]
            if rule.id in rules:
                studies = self.guideline.studies
                cited = "; ".join(
                    dict.fromkeys(
                        f"{studies[s.study].citation} ({self.words[s.stance]}, {s.level})"
                        for s in self.answer.statements[rule.id]
                    )
                )
                lines.append(
                    f"- {rule.label[self.language]} [{rule.id}]: "
                    f"{rule.rationale[self.language]} {cited}"
                )
        return f"{self.words['why heading']}\n\n" + "\n".join(dict.fromkeys(lines)) if lines else ""

    def _against(self, conclusion: Chosen | Alert) -> str:
        lines = [
            f"{self.words['disputed by']} {self.label.study(study)}"
            for study in conclusion.disputed_by
        ]
        lines += [self.label.statement(limit) for limit in conclusion.limits]
        return self._listed("against", lines)

    def _missing(self) -> str:
        return self._listed(
            "what is missing", [self.label.fact(item.fact) for item in self.answer.missing]
        )

    def _listed(self, head: str, items: list[str]) -> str:
        lines = "\n".join(f"- {item}" for item in items)
        return f"{self.words[head]}:\n\n{lines}" if items else ""
