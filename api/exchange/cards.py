"""Answers as CDS Hooks 2.0 cards (https://cds-hooks.hl7.org/2.0/): short, the most important first,
each with its ground.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from calx.api.exchange.fhir_answer import reservations_in_words, without_empties
from calx.api.pages.words import words_of
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.reasoner.model.values import as_json
from calx.reasoner.tell.prose import quantity
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
    """The cards of an answer: critical alerts, what
    is not excluded, then the strategy with devices.

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
        self.guideline: Guideline = answer.guideline
        self.result = answer.json(language)
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
            [self._alert(alert) for alert in self.result["alerts"] if alert["severity"] == severity]
            for severity in ("critical", "warning")
        )
        open_ = [self._not_excluded()] if self.result["possible_alerts"] else []
        return [*critical, *open_, *warnings, self._strategy()]

    def _card(
        self, summary: str, indicator: str, detail: list[str], topic: str, more: dict[str, Any]
    ) -> dict[str, Any]:
        system, summary = IRI + "override", self.lesion + summary
        return {
            "uuid": str(uuid.uuid4()),
            "summary": summary if len(summary) < LONGEST else summary[: LONGEST - 2] + "…",
            "indicator": indicator,
            "detail": "\n\n".join(
                [*detail, *(f"_{text}_" for text in self.notes), f"_{self.result['notice']}_"]
            ),
            "source": {
                "label": (
                    f"{self.guideline.title[self.language]} {self.result['guideline']['version']}"
                ),
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

    def _alert(self, alert: dict[str, Any]) -> dict[str, Any]:
        detail = [self._listed("advice", [self._term("advice", id_) for id_ in alert["advice"]])]
        detail += [self._reasons(alert["rules"]), self._against(alert)]
        return self._card(
            alert["label"], alert["severity"], [part for part in detail if part], alert["id"], {}
        )

    def _not_excluded(self) -> dict[str, Any]:
        lines = [
            f"- **{a['label']}**: {self.words['unknown']} {self._facts(a['because_of'])}"
            for a in self.result["possible_alerts"]
        ]
        names = ", ".join(alert["label"] for alert in self.result["possible_alerts"])
        return self._card(
            f"{self.words['not excluded']}: {names}",
            "warning",
            [self.words["not excluded hint"], "\n".join(lines)],
            "not-excluded",
            {},
        )

    def _strategy(self) -> dict[str, Any]:
        strategy, words = self.result["strategy"], self.words
        if strategy is None:
            rest = [part for part in (self._devices(), self._others(), self._missing()) if part]
            return self._card(
                f"{words['strategy']}: {words['no strategy']}", "warning", rest, "strategy", {}
            )
        standing = words["settled" if strategy["settled"] else "provisional"]
        detail = [
            f"**{strategy['label']}** [{strategy['rule']}; {strategy['level']}] {standing}",
            self._reasons([strategy["rule"]]),
            self._against(strategy),
        ]
        detail += [self._devices(), self._others(), self._missing()]
        summary = f"{words['strategy']}: {strategy['label']} ({standing})"
        indicator = "info" if strategy["settled"] else "warning"
        suggestions = [
            self._suggestion(device)
            for device in self.result["devices"]
            if device["status"] in ("preferred", "suitable")
        ]
        more = {"suggestions": suggestions, "selectionBehavior": "any"} if suggestions else {}
        return self._card(summary, indicator, [part for part in detail if part], "strategy", more)

    def _suggestion(self, device: dict[str, Any]) -> dict[str, Any]:
        """A device, as a draft proposal where the patient is known; a person decides whether it
        becomes an order.
        """
        strategy = self.result["strategy"]
        provisional = "" if strategy["settled"] else f"; {self.words['provisional']}"
        label = f"{device['label']} ({self.words[device['status']]}{provisional})"
        told = reservations_in_words(device, self.guideline, self.language)
        recommended = (
            device["status"] == "preferred" and strategy["settled"] and not device["unverified"]
        )
        found: dict[str, Any] = {
            "label": label,
            "uuid": str(uuid.uuid4()),
            "isRecommended": recommended,
        }
        if self.patient:
            note = [
                {"text": text}
                for text in (label, told, self.guideline.notice[self.language])
                if text
            ]
            code = {
                "coding": [{"system": IRI + "device", "code": device["id"]}],
                "text": device["label"],
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

    def _devices(self) -> str:
        lines = []
        for device in self.result["devices"]:
            if device["status"] == "not_indicated":
                continue
            rules = [c["rule"] for c in device["contraindications"]] or device[
                "preferred_by"
            ] + device["indicated_by"]
            named = ", ".join(f"{self._rule(rule)} [{rule}]" for rule in rules)
            sizes = "; ".join(
                f"{self._fact(name)} {quantity(self.guideline.facts[name], value)}"
                for name, value in device["parameters"].items()
            )
            told = ". ".join(
                part
                for part in (
                    named,
                    sizes,
                    reservations_in_words(device, self.guideline, self.language),
                )
                if part
            )
            lines.append(f"- **{device['label']}**: {self.words[device['status']]}. {told}")
        return f"{self.words['devices']}:\n\n" + "\n".join(lines) if lines else ""

    def _others(self) -> str:
        """Notes, sizes, and how the stent meets its criteria."""
        lines = [
            f"- {alert['label']}. {reservations_in_words(alert, self.guideline, self.language)}"
            for alert in self.result["alerts"]
            if alert["severity"] == "info"
        ]
        lines += [
            f"- {self._fact(name)}: {quantity(self.guideline.facts[name], value)}"
            for name, value in self.result["parameters"].items()
        ]
        stent = self.result["optimisation"]
        lines += [
            f"- {self._term('criterion', name)}: {self.words[verdict]}"
            for name, verdict in stent["criteria"].items()
        ]
        lines += [
            f"- {self.words['advice']}: {self._term('advice', id_)}" for id_ in stent["advice"]
        ]
        lines += [
            f"- {self.guideline.statements[limit].text[self.language]}" for limit in stent["limits"]
        ]
        return "\n".join(lines)

    def _reasons(self, rules: list[str]) -> str:
        """The rules of a conclusion with rationale and citations."""
        lines = []
        for step in self.result["steps"]:
            if step["rule"] in rules:
                cited = "; ".join(
                    dict.fromkeys(
                        f"{item['citation']} ({self.words[item['stance']]}, {item['level']})"
                        for item in step["evidence"]
                    )
                )
                lines.append(
                    f"- {step['label']} [{step['rule']}]: "
                    f"{self.guideline.rule[step['rule']].rationale[self.language]} {cited}"
                )
        return f"{self.words['why heading']}\n\n" + "\n".join(dict.fromkeys(lines)) if lines else ""

    def _against(self, conclusion: dict[str, Any]) -> str:
        lines = [
            f"- {self.words['disputed by']} {self.guideline.studies[study].label[self.language]}"
            for study in conclusion["disputed_by"]
        ]
        lines += [
            f"- {self.guideline.statements[limit].text[self.language]}"
            for limit in conclusion["limits"]
        ]
        return self._listed_raw("against", lines)

    def _missing(self) -> str:
        return self._listed(
            "what is missing", [self._fact(item["fact"]) for item in self.result["missing"]]
        )

    def _listed(self, head: str, items: list[str]) -> str:
        return self._listed_raw(head, [f"- {item}" for item in items])

    def _listed_raw(self, head: str, lines: list[str]) -> str:
        return f"{self.words[head]}:\n\n" + "\n".join(lines) if lines else ""

    def _facts(self, names: list[str]) -> str:
        return ", ".join(self._fact(name) for name in names)

    def _fact(self, name: str) -> str:
        return self.guideline.facts[name].label[self.language]

    def _term(self, kind: str, id_: str) -> str:
        return self.guideline.terms[f"{kind}/{id_}"].label[self.language]

    def _rule(self, name: str) -> str:
        return self.guideline.rule[name].label[self.language]
