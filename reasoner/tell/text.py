"""The answer as a cardiologist reads it: most important first, in English or Chinese."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import Alert, Chosen, Thing
from calx.reasoner.engine.ranking import by_rank
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import (
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Picture,
    Section,
    Standing,
    Status,
    Tally,
)
from calx.reasoner.tell.labels import labels
from calx.words import DEFAULT
from calx.words import words as words_of

WIDTH = 100
MARKS = {"best": "✓✓", "good": "✓", "bad": "✗"}


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
        self.label = labels(answer.guideline, language)
        self.separator = words_of("language", language)["comma"]

    def lines(self, explain: bool) -> Iterator[str]:
        guideline, words = self.guideline, self.words
        yield (
            f"{self._root} {self.answer.case.id}   ({words['guideline']} "
            f"{guideline.name[self.language]} {guideline.version}, {guideline.digest[:19]})"
        )
        yield "─" * WIDTH
        for section in guideline.sections:
            if isinstance(section, Alerts):
                yield from self._alerts(section, gravest=True)
        for section in guideline.in_reading_order:
            yield from self._section(section)
        yield from self._missing()
        yield from self._measured()
        yield from self._row(
            words["suspended"],
            [f"{s.rule} ({', '.join(s.studies)})" for s in guideline.suspended],
        )
        if explain:
            yield from self._why()
            yield from self._references()
        yield "─" * WIDTH
        yield from self._wrapped(guideline.notice[self.language], 0)

    @property
    def _root(self) -> str:
        """What the case is about."""
        label = self.guideline.root.label[self.language]
        return label[:1].upper() + label[1:]

    # --- sections -------------------------------------------------------------------

    def _section(self, section: Section) -> Iterator[str]:
        match section:
            case One():
                yield from self._one(section)
            case Members():
                predicate, ids = section.predicates[0], self.answer.members(section)
                named = [self.label.of(predicate, id_) for id_ in ids]
                yield from self._row(self._head(section), named)
            case Tally():
                yield from self._tally(section)
            case Status():
                yield from self._things(section)
            case Alerts():
                yield from self._alerts(section, gravest=False)
            case Actions():
                actions = self.answer.actions(section, self.language)
                yield from self._row(self._head(section), [action.label for action in actions])
            case Criteria():
                yield from self._criteria(section)
            case Numbers():
                values = self.answer.numbers(section)
                yield from self._row(self._head(section), self.label.numbers(values))
            case Picture():
                pass
            case _:
                assert_never(section)

    def _head(self, section: Section) -> str:
        return section.label[self.language]

    def _alerts(self, section: Alerts, gravest: bool) -> Iterator[str]:
        for alert in self.answer.alerts(section, self.language):
            if (alert.severity == section.gravest) is gravest:
                yield from self._row(
                    self.words[f"mark {alert.severity}"],
                    [f"{alert.label}  [{', '.join(alert.rules)}; {alert.level}]"],
                )
                factors, advice = (
                    [self.label.of(predicate, id_) for id_ in ids]
                    for predicate, ids in (
                        (section.factor, alert.factors),
                        (section.advice, alert.advice),
                    )
                )
                yield from self._more(self.words["factors"], factors)
                yield from self._more(self.words["advice"], advice)
                yield from self._reservations(alert)

    def _one(self, section: One) -> Iterator[str]:
        chosen, words = self.answer.chosen(section, self.language), self.words
        if chosen is None:
            open_ = words["none yet" if section.leads else "unknown"]
            told = open_ if self.answer.open(section) else words["none"]
            yield from self._row(self._head(section), [told])
            return
        if section.brief:
            standing = "" if chosen.settled else f"  {words['provisional']}"
            yield from self._row(self._head(section), [f"{chosen.label}{standing}"])
            return
        standing = words["settled" if chosen.settled else "provisional"]
        if elsewhere := self.answer.elsewhere(section):
            others = [self.label.turned(section.key, id_) for id_ in elsewhere]
            standing = words["not measured"].format(self.separator.join(others))
        label = chosen.label.upper() if section.leads else chosen.label
        yield from self._row(
            self._head(section), [f"{label}  [{chosen.rule}; {chosen.level}]  {standing}"]
        )
        yield from self._more("", [self.label.definition(section.predicate, chosen.id)])
        yield from self._reservations(chosen)

    def _reservations(self, conclusion: Chosen | Alert) -> Iterator[str]:
        """What speaks against a conclusion, and where it stops."""
        yield from self._more(self.words["disputed by"], self._studies(conclusion.disputed_by))
        for limit in conclusion.limits:
            yield from self._more(self.words["limited by"], [self.label.statement(limit)])

    def _tally(self, section: Tally) -> Iterator[str]:
        total, words = self.answer.total(section), self.words
        points, unknown = (
            [self.label.point(section, point) for point in ids]
            for ids in (total.points, total.unknown)
        )
        value = words["unknown"] if total.value is None else total.value
        so_far = words["so far"] if unknown else ""
        counted = f" ({self.separator.join(points)})" if points else ""
        yield from self._row(self._head(section), [f"{value}{so_far}{counted}"])
        yield from self._more(words["could add"], unknown)

    def _things(self, section: Status) -> Iterator[str]:
        things = by_rank(self.answer.things(section, self.language))
        yield self._head(section)
        for status in section.in_reading_order:
            for thing in things:
                if thing.status == status.word and status.mark != "idle":
                    yield from self._thing(section, status, thing)
            if status.mark == "idle":
                yield from self._idle(
                    section, status, [t for t in things if t.status == status.word]
                )

    def _idle(self, section: Status, status: Standing, things: list[Thing]) -> Iterator[str]:
        """Things for which nothing speaks, and those of which that is not known."""
        undecided = {
            term.id
            for term in self.answer.guideline.of_kind(section.kind)
            if self.answer.undecided(section, term)
        }
        for mark, word, open_ in (
            ("?", self.words["undecided"], True),
            ("–", status.label[self.language], False),
        ):
            rest = [thing.label for thing in things if (thing.id in undecided) is open_]
            if rest:
                yield from self._wrapped(
                    self.separator.join(rest), 5, f"  {mark}  {word}{self.words['colon']}"
                )

    def _thing(self, section: Status, status: Standing, thing: Thing) -> Iterator[str]:
        words = self.words
        against = [f"{self.label.rule(c.rule)} [{c.rule}; {c.level}]" for c in thing.against]
        rules = thing.indicated_by + thing.preferred_by
        reasons = (
            self.separator.join(against) if against else f"[{', '.join(rules)}; {thing.level}]"
        )
        sizes = self.separator.join(self.label.numbers(thing.parameters))
        yield from self._wrapped(
            (
                f"{MARKS[status.mark]:2} {thing.label}: {status.label[self.language]}  "
                f"{reasons}{'  ' + sizes if sizes else ''}"
            ),
            2,
        )
        for reason in thing.against:
            yield from self._more(words["disputed by"], self._studies(reason.disputed_by), 9)
        if not against:
            yield from self._more(words["disputed by"], self._studies(thing.disputed_by), 9)
        for caution in thing.cautions:
            disputers = self.separator.join(self._studies(caution.disputed_by))
            disputed = f" ({words['disputed by']} {disputers})" if disputers else ""
            yield from self._more(
                f"! {words['caution']}",
                [f"{caution.label} [{caution.rule}; {caution.level}]{disputed}"],
                7,
            )
        if not thing.against:
            yield from self._more(
                f"? {words['not verified']}",
                [self.label.fact(fact) for fact in thing.unverified],
                7,
            )

    def _criteria(self, section: Criteria) -> Iterator[str]:
        judged, words = self.answer.judged(section), self.words
        head = self._head(section)
        for id_, verdict in judged.criteria.items():
            yield from self._row(
                head, [f"{self.label.of(section.met, id_)}{words['colon']}{words[verdict]}"]
            )
            head = ""
        yield from self._more(
            words["advice"], [self.label.of(section.advice, id_) for id_ in judged.advice]
        )
        for limit in judged.limits:
            yield from self._more(words["limited by"], [self.label.statement(limit)])

    # --- what is unknown ------------------------------------------------------------

    def _missing(self) -> Iterator[str]:
        """Unknown facts, those that decide the same things in one line."""
        together: dict[tuple[str, ...], list[str]] = {}
        for item in self.answer.missing:
            decides = self.answer.worth_asking(item)
            if decides:
                together.setdefault(decides, []).append(self.label.fact(item.fact))
        head, words = self.words["missing"], self.words
        for decides, facts in together.items():
            told = (
                words["n of them"].format(len(decides))
                if len(decides) > 3
                else self.separator.join(self.label.decided(name) for name in decides)
            )
            yield from self._row(
                head,
                [f"{words['decides']} {told}{words['colon']}{self.separator.join(facts)}"],
            )
            head = ""
        not_excluded = "; ".join(
            f"{alert.label} ({self._some(alert.because_of)})"
            for alert in self.answer.possible_alerts(self.language)
        )
        yield from self._row(words["not ruled out"], [not_excluded] if not_excluded else [])

    def _measured(self) -> Iterator[str]:
        """What was measured, by whom and where, and what changes within its intervals."""
        words = self.words
        if self.answer.case.measured is None:
            return
        measured = self.answer.case.measured.json()
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
                    "", [f"{self.label.fact(name)}{words['colon']}{self._reading(name, entry)}"]
                )
        open_ = [
            self.label.fact(name)
            for name, entry in measured["facts"].items()
            if entry["status"] == "undecided" and not entry.get("correction")
        ]
        yield from self._more(words["undecided facts"], open_)
        notes = "; ".join(str(note) for note in measured.get("notes") or ())
        yield from self._more(words["read with"], [notes] if notes else [])
        for end in self.answer.within:
            changes = [
                words["becomes"].format(
                    of=self.label.decided(change["of"]) + words["colon"],
                    to=self.label.turned(change["of"], change["to"]),
                )
                for change in end["changes"]
            ]
            yield from self._more(
                words["if it were"].format(
                    fact=self.label.fact(end["fact"]),
                    value=self.label.value(end["fact"], end["value"]),
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
                else self.label.value(name, entry["value"])
            )
            now = (
                words["withdrawn"]
                if correction.get("value") is None
                else self.label.value(name, correction["value"])
            )
            reason = f" ({correction['reason']})" if correction.get("reason") else ""
            return (
                words["corrected"].format(
                    now=now, by=correction.get("by") or words["a person"], was=was
                )
                + reason
            )
        told = self.label.value(name, entry["value"])
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

    def _some(self, facts: Sequence[str]) -> str:
        shown = [self.label.fact(fact) for fact in facts]
        listed = self.separator.join(shown if len(shown) <= 4 else [*shown[:3], "…"])
        return f"{self.words['unknown']}{self.words['colon']}{listed}"

    def _why(self) -> Iterator[str]:
        words = self.words
        yield ""
        yield f"{words['why']}"
        for step in self.answer.steps(self.language):
            setter = (
                f", {words['set by']} {step.level_set_by}" if step.level_set_by != step.rule else ""
            )
            concluded = (
                step.conclusion  # as the public contract has it
                if self.language == DEFAULT
                else self.label.concluded(step.conclusion)
            )
            yield (
                f"  {step.rule}  {step.label}  →  {concluded}   "
                f"[{words['level']} {step.level}{setter}]"
            )
            yield from self._more("", [self.label.rationale(step.rule)], 6)
            yield from self._more(
                words["because"],
                [self._premise(premise) for premise in step.premises] or [words["always"]],
                6,
            )
            for cited in self.answer.statements[step.rule]:
                yield from self._more(
                    f"{words['evidence']}",
                    [
                        (
                            f"{cited.study}, {cited.locator} [{cited.level}] "
                            f"{words[cited.stance]}: {cited.text[self.language]}"
                        )
                    ],
                    6,
                )

    def _references(self) -> Iterator[str]:
        """Every study cited, once, and what the levels mean."""
        cited = sorted({s.study for told in self.answer.statements.values() for s in told})
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
        shown = (
            self.words["not known"] if value is None else self.label.value(premise["fact"], value)
        )
        told = f"{self.label.fact(premise['fact'])} = {shown}"
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

    def _studies(self, names: list[str]) -> list[str]:
        return [self.label.study(name) for name in names]

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
