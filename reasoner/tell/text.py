"""The answer as a cardiologist reads it: most important first, in English or Chinese."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.tell.prose import quantity
from calx.words import DEFAULT
from calx.words import words as words_of

WIDTH = 100


def render(answer: Answer, language: str = "en", explain: bool = False) -> str:
    """The answer in plain text; with `explain`, every step of the proof after it."""
    return "\n".join(_Page(answer, language).lines(explain)) + "\n"


def _spans(frames: list[int]) -> str:
    """Frame numbers, neighbours in the list joined: the first and the last of them."""
    return (
        str(frames[0])
        if len(frames) == 1
        else ", ".join(map(str, frames))
        if len(frames) <= 3
        else f"{frames[0]}–{frames[-1]} ({len(frames)})"
    )


class _Page:
    def __init__(self, answer: Answer, language: str) -> None:
        self.answer = answer
        self.guideline: Guideline = answer.guideline
        self.language = language
        self.words = words_of("answer", language)
        self.result = answer.json(language)
        self.separator = words_of("language", language)["comma"]

    def lines(self, explain: bool) -> Iterator[str]:
        result, words = self.result, self.words
        yield (
            f"{words['lesion']} {result['case_id']}   ({words['guideline']} Calx "
            f"{self.guideline.version}, {self.guideline.digest[:19]})"
        )
        yield "─" * WIDTH
        yield from self._alerts(("critical",))
        yield from self._strategy()
        yield from self._calcium()
        yield from self._devices()
        yield from self._alerts(("warning", "info"))
        yield from self._row(
            words["sizes"],
            [
                f"{self._fact(name)} {self._number(name, value)}"
                for name, value in result["parameters"].items()
            ],
        )
        yield from self._stent()
        yield from self._missing()
        yield from self._measured()
        yield from self._row(
            words["prognosis"], [self._term("prognosis", id_) for id_ in result["prognosis"]]
        )
        yield from self._row(
            words["comparisons"], [self._term("comparison", id_) for id_ in result["comparisons"]]
        )
        yield from self._row(
            words["suspended"],
            [
                f"{s['rule']} ({', '.join(s['withdrawn'])})"
                for s in result["guideline"]["suspended"]
            ],
        )
        if explain:
            yield from self._why()
            yield from self._references()
        yield "─" * WIDTH
        yield from self._wrapped(result["notice"], 0)

    # --- parts ----------------------------------------------------------------------

    def _alerts(self, severities: tuple[str, ...]) -> Iterator[str]:
        for alert in self.result["alerts"]:
            if alert["severity"] in severities:
                yield from self._row(
                    self.words[f"mark {alert['severity']}"],
                    [f"{alert['label']}  [{', '.join(alert['rules'])}; {alert['level']}]"],
                )
                factors, advice = (
                    [self._term(kind, id_) for id_ in alert[key]]
                    for kind, key in (("factor", "factors"), ("advice", "advice"))
                )
                yield from self._more(self.words["factors"], factors)
                yield from self._more(self.words["advice"], advice)
                yield from self._reservations(alert)

    def _strategy(self) -> Iterator[str]:
        strategy = self.result["strategy"]
        if strategy is None:
            yield from self._row(self.words["strategy"], [self.words["no strategy"]])
            return
        standing = self.words["settled" if strategy["settled"] else "provisional"]
        if self.answer.unsure_strategies:
            others = [
                self._term("strategy", id_)
                if f"strategy/{id_}" in self.guideline.terms
                else self.words["none"]
                for id_ in self.answer.unsure_strategies
            ]
            standing = self.words["not measured"].format(self.separator.join(others))
        yield from self._row(
            self.words["strategy"],
            [f"{strategy['label'].upper()}  [{strategy['rule']}; {strategy['level']}]  {standing}"],
        )
        yield from self._more(
            "", [self.guideline.terms[f"strategy/{strategy['id']}"].definition[self.language]]
        )
        yield from self._reservations(strategy)

    def _reservations(self, conclusion: dict[str, Any]) -> Iterator[str]:
        """What speaks against a conclusion, and where it stops."""
        yield from self._more(self.words["disputed by"], self._studies(conclusion["disputed_by"]))
        for limit in conclusion["limits"]:
            yield from self._more(
                self.words["limited by"], [self.guideline.statements[limit].text[self.language]]
            )

    def _calcium(self) -> Iterator[str]:
        result, words, score = self.result, self.words, self.result["calcium_score"]
        no_arc = self.answer.trace.values.get("max_superficial_arc_deg") == 0
        parts = [
            f"{words['arc grade']} {result['arc_grade'] or words['none' if no_arc else 'unknown']}"
        ]
        points = self.separator.join(self._term("point", point) for point in score["points"])
        so_far = words["so far"] if score["unknown"] else ""
        parts.append(f"{words['score']} {score['value']}{so_far}{f' ({points})' if points else ''}")
        yield from self._row(words["calcium"], parts)
        yield from self._more(
            words["could add"], [self._term("point", point) for point in score["unknown"]]
        )
        yield from self._more(
            "", [self._term("finding", finding) for finding in result["findings"]]
        )
        yield from self._row(
            words["high risk"],
            [self._term("feature", feature) for feature in result["high_risk_features"]],
        )

    def _devices(self) -> Iterator[str]:
        devices, words = self.result["devices"], self.words
        yield words["devices"]
        for status, mark in (("preferred", "✓✓"), ("suitable", "✓"), ("contraindicated", "✗")):
            for device in devices:
                if device["status"] == status:
                    yield from self._device(device, mark)
        idle = [device for device in devices if device["status"] == "not_indicated"]
        for mark, word, open_ in (("?", "undecided", True), ("–", "not_indicated", False)):
            rest = [
                device["label"]
                for device in idle
                if self._could_be_indicated(device["id"]) is open_
            ]
            yield from (
                self._wrapped(
                    f"{self.separator.join(rest)}", 5, f"  {mark}  {words[word]}{words['colon']}"
                )
                if rest
                else ()
            )

    def _could_be_indicated(self, device: str) -> bool:
        """Whether unknown facts leave open that the device is indicated."""
        return f"indicated:{device}" in self.answer.outlook.possible

    def _device(self, device: dict[str, Any], mark: str) -> Iterator[str]:
        words = self.words
        against = [
            f"{self.guideline.rule[c['rule']].label[self.language]} [{c['rule']}; {c['level']}]"
            for c in device["contraindications"]
        ]
        rules = device["indicated_by"] + device["preferred_by"]
        reasons = (
            self.separator.join(against) if against else f"[{', '.join(rules)}; {device['level']}]"
        )
        sizes = self.separator.join(
            f"{self._fact(name)} {self._number(name, value)}"
            for name, value in device["parameters"].items()
        )
        yield from self._wrapped(
            (
                f"{mark:2} {device['label']}: {words[device['status']]}  "
                f"{reasons}{'  ' + sizes if sizes else ''}"
            ),
            2,
        )
        for contraindication in device["contraindications"]:
            yield from self._more(
                words["disputed by"], self._studies(contraindication["disputed_by"]), 9
            )
        if not against:
            yield from self._more(words["disputed by"], self._studies(device["disputed_by"]), 9)
        for caution in device["cautions"]:
            disputers = self.separator.join(self._studies(caution["disputed_by"]))
            disputed = f" ({words['disputed by']} {disputers})" if disputers else ""
            yield from self._more(
                f"! {words['caution']}",
                [f"{caution['label']} [{caution['rule']}; {caution['level']}]{disputed}"],
                7,
            )
        if not device["contraindications"]:
            yield from self._more(
                f"? {words['not verified']}", [self._fact(fact) for fact in device["unverified"]], 7
            )

    def _stent(self) -> Iterator[str]:
        optimisation, words = self.result["optimisation"], self.words
        head = words["stent"]
        for id_, verdict in optimisation["criteria"].items():
            yield from self._row(
                head, [f"{self._term('criterion', id_)}{words['colon']}{words[verdict]}"]
            )
            head = ""
        yield from self._more(
            words["advice"], [self._term("advice", id_) for id_ in optimisation["advice"]]
        )
        for limit in optimisation["limits"]:
            yield from self._more(
                words["limited by"], [self.guideline.statements[limit].text[self.language]]
            )

    def _missing(self) -> Iterator[str]:
        """Unknown facts, those that decide the same things in one line."""
        together: dict[tuple[str, ...], list[str]] = {}
        for item in self.result["missing"]:
            # a device that cannot be indicated is of no interest, though a contraindication of it
            # may be unknown
            devices = tuple(
                device
                for device in item["decides"]
                if device != "strategy" and self._could_be_indicated(device)
            )
            key = ("strategy",) if "strategy" in item["decides"] else devices
            if key:
                together.setdefault(key, []).append(self._fact(item["fact"]))
        head = self.words["missing"]
        for decides, facts in together.items():
            if decides == ("strategy",):
                told = self.words["strategy word"]
            elif len(decides) > 3:
                told = self.words["n devices"].format(len(decides))
            else:
                told = self.separator.join(self._term("device", device) for device in decides)
            yield from self._row(
                head,
                [
                    (
                        f"{self.words['decides']} "
                        f"{told}{self.words['colon']}{self.separator.join(facts)}"
                    )
                ],
            )
            head = ""
        not_excluded = "; ".join(
            f"{alert['label']} ({self._some(alert['because_of'])})"
            for alert in self.result["possible_alerts"]
        )
        yield from self._row(self.words["not ruled out"], [not_excluded] if not_excluded else [])

    def _measured(self) -> Iterator[str]:
        """What was measured, by whom and where, and what changes within its intervals."""
        measured, words = self.result["measured"], self.words
        if measured is None:
            return
        model = measured.get("model") or {}
        by = " ".join(str(part) for part in (model.get("id"), model.get("version")) if part) or str(
            measured.get("drawn_by") or "?"
        )
        yield from self._row(
            words["measured"],
            [
                words["from"].format(
                    by=by, input=str((measured.get("input") or {}).get("sha256", "?"))[:12]
                )
            ],
        )
        for name, entry in measured["facts"].items():
            if entry.get("correction") or entry["status"] in ("measured", "interpolated"):
                yield from self._more(
                    "", [f"{self._fact(name)}{words['colon']}{self._reading(name, entry)}"]
                )
        open_ = [
            self._fact(name)
            for name, entry in measured["facts"].items()
            if entry["status"] == "undecided" and not entry.get("correction")
        ]
        yield from self._more(words["undecided facts"], open_)
        notes = "; ".join(str(note) for note in measured.get("notes") or ())
        yield from self._more(words["read with"], [notes] if notes else [])
        for end in measured["within_intervals"]:
            changes = [
                words["becomes"].format(
                    of=self._changed(change["of"]), to=self._word(change["of"], change["to"])
                )
                for change in end["changes"]
            ]
            yield from self._more(
                words["if it were"].format(
                    fact=self._fact(end["fact"]), value=self._number(end["fact"], end["value"])
                ),
                changes,
            )

    def _reading(self, name: str, entry: dict[str, Any]) -> str:
        """A measured value with its interval and frames, and what a person made of it."""
        words, correction = self.words, entry.get("correction")
        if correction:
            was = (
                words["unknown"]
                if entry.get("value") is None
                else self._number(name, entry["value"])
            )
            now = (
                words["withdrawn"]
                if correction.get("value") is None
                else self._number(name, correction["value"])
            )
            reason = f" ({correction['reason']})" if correction.get("reason") else ""
            return (
                words["corrected"].format(
                    now=now, by=correction.get("by") or words["a person"], was=was
                )
                + reason
            )
        told = self._number(name, entry["value"])
        if entry.get("interval"):
            told += f" ({entry['interval'][0]:g}–{entry['interval'][1]:g})"
        if entry["status"] == "interpolated":
            told += f" [{words['interpolated']}]"
        frames = entry.get("frames") or []
        if frames:
            told += self.separator + words["frame" if len(frames) == 1 else "frames"].format(
                _spans(frames)
            )
        return told

    def _changed(self, of: str) -> str:
        """The thing that changes, in words."""
        kind, _, id_ = of.partition(" ")
        return (
            self.words["strategy"] + self.words["colon"]
            if kind == "strategy"
            else self._term(kind, id_) + self.words["colon"]
        )

    def _word(self, of: str, to: str | None) -> str:
        """What it changes to."""
        if to is None:
            return self.words["none"]
        return self._term("strategy", to) if of == "strategy" else self.words.get(to, to)

    def _some(self, facts: list[str]) -> str:
        shown = [self._fact(fact) for fact in facts]
        listed = self.separator.join(shown if len(shown) <= 4 else [*shown[:3], "…"])
        return f"{self.words['unknown']}{self.words['colon']}{listed}"

    def _why(self) -> Iterator[str]:
        words = self.words
        yield ""
        yield f"{words['why']}"
        for step in self.result["steps"]:
            setter = (
                f", {words['set by']} {step['level_set_by']}"
                if step["level_set_by"] != step["rule"]
                else ""
            )
            yield (
                f"  {step['rule']}  {step['label']}  →  {self._concluded(step['conclusion'])}   "
                f"[{words['level']} {step['level']}{setter}]"
            )
            yield from self._more(
                "", [self.guideline.rule[step["rule"]].rationale[self.language]], 6
            )
            yield from self._more(
                words["because"],
                [self._premise(premise) for premise in step["premises"]] or [words["always"]],
                6,
            )
            for cited in step["evidence"]:
                yield from self._more(
                    f"{words['evidence']}",
                    [
                        (
                            f"{cited['study']}, {cited['locator']} [{cited['level']}] "
                            f"{words[cited['stance']]}: {cited['statement']}"
                        )
                    ],
                    6,
                )

    def _concluded(self, conclusion: str) -> str:
        """The conclusion of a step in words, for those who do not read ids."""
        if self.language == DEFAULT:  # as the public contract has it
            return conclusion
        key, _, id_ = conclusion.rpartition(": ")
        for name, described in self.guideline.properties.items():
            if key in (described.result_key, f"{described.result_key}.{key.rpartition('.')[2]}"):
                term = next(
                    (t for t in self.guideline.of_kind(described.kind) if t.id == id_), None
                )
                return (
                    (
                        f"{self.guideline.properties[name].label[self.language]}："
                        f"{term.label[self.language]}"
                    )
                    if term
                    else conclusion
                )
        fact = key.rpartition(".")[2]
        return (
            f"{self._fact(fact)} = {self.words.get(id_, id_)}"
            if fact in self.guideline.facts
            else conclusion
        )

    def _references(self) -> Iterator[str]:
        """Every study cited, once, and what the levels mean."""
        cited = sorted(
            {statement["study"] for step in self.result["steps"] for statement in step["evidence"]}
        )
        yield ""
        yield self.words["references"]
        for name in cited:
            study = self.guideline.studies[name]
            size = f" (n = {study.participants})" if study.participants else ""
            yield from self._wrapped(
                f"{name}: {study.citation}{size} {' '.join(study.identifiers)} [{study.level}]",
                6,
                "  ",
            )
        yield ""
        yield self.words["levels"]
        for level, meaning in self.guideline.level_definitions.items():
            yield from self._wrapped(f"{level:5} {meaning[self.language]}", 8, "  ")

    def _premise(self, premise: dict[str, Any]) -> str:
        if "step" in premise:
            return str(premise["step"])
        if "not" in premise:
            return f"{premise['not']} {self.words['not derived']}"
        value = premise["value"]
        told = (
            f"{self._fact(premise['fact'])} = "
            f"{self.words['not known'] if value is None else self._number(premise['fact'], value)}"
        )
        entry = premise.get("measured")
        if not entry:
            return told
        name = "corrected" if entry.get("corrected") else entry["status"]
        reading = (
            self._reading(premise["fact"], {**entry, "correction": entry.get("corrected")})
            if name in ("corrected", "measured", "interpolated")
            else ""
        )
        if not reading:
            return told
        measured = "" if name == "corrected" else f"{self.words['measured status']} "
        return f"{told} [{measured}{reading}]"

    # --- words ----------------------------------------------------------------------

    def _term(self, kind: str, id_: str) -> str:
        return self.guideline.terms[f"{kind}/{id_}"].label[self.language]

    def _studies(self, names: list[str]) -> list[str]:
        return [self.guideline.studies[name].label[self.language] for name in names]

    def _fact(self, name: str) -> str:
        return self.guideline.facts[name].label[self.language]

    def _number(self, name: str, value: Any) -> str:
        fact = self.guideline.facts[name]
        if isinstance(value, bool):
            return self.words[str(value).lower()]
        if isinstance(value, str):
            return self.guideline.value_labels.get(value, {self.language: value})[self.language]
        return quantity(fact, value)

    def _row(self, head: str, parts: list[str]) -> Iterator[str]:
        if parts:
            width = sum(2 if ord(c) > 0x2E7F else 1 for c in head)
            yield from self._wrapped(
                self.separator.join(parts), 14, head + " " * max(1, 14 - width)
            )

    def _more(self, head: str, parts: list[str], indent: int = 14) -> Iterator[str]:
        if parts:
            yield from self._wrapped(
                f"{head + ' ' if head else ''}{self.separator.join(parts)}",
                indent + 2,
                " " * indent,
            )

    def _wrapped(self, text: str, indent: int, first: str | None = None) -> Iterator[str]:
        # a Chinese character is as wide as two Latin ones
        yield from textwrap.wrap(
            text,
            WIDTH if words_of("language", self.language)["between words"] else WIDTH * 3 // 5,
            initial_indent=" " * indent if first is None else first,
            subsequent_indent=" " * indent,
        ) or [(first or "").rstrip()]
