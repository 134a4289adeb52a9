"""Why: every step of a proof, or one conclusion down to its citations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from calx.errors import CalxError
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import RankedThing, Step, Thing
from calx.reasoner.model.section import Alerts, One, Status
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.labels import labels
from calx.reasoner.tell.lines import WIDTH, Rows
from calx.reasoner.tell.readings import reading
from calx.words import DEFAULT
from calx.words import words as words_of

LONGEST_WHY = 30
"""Rows that one conclusion may take."""
STEP_INDENT = 6


class NoSuchConclusionError(CalxError):
    """What was asked of is neither a section that leads, a thing, nor an alert."""


def proof(answer: Answer, language: str) -> Iterator[str]:
    """Every step, premises before conclusions, each with what it rests on."""
    writer = _Proof(answer, language)
    yield ""
    yield writer.words["why"]
    for step in answer.steps(language):
        yield from writer.step(step)


def references(answer: Answer, language: str) -> Iterator[str]:
    """Every study cited, once, and what the levels mean."""
    words, write = words_of("answer", language), Rows(language)
    cited = sorted({s.study for told in answer.statements.values() for s in told})
    yield ""
    yield words["references"]
    for name in cited:
        study = answer.guideline.studies[name]
        size = f" (n = {study.participants})" if study.participants else ""
        yield from write.wrapped(
            f"{name}: {study.citation}{size} {' '.join(study.identifiers)} [{study.level}]", 6, "  "
        )
    yield ""
    yield words["levels"]
    for level, meaning in answer.guideline.level_definitions.items():
        yield from write.wrapped(f"{level:5} {meaning[language]}", 8, "  ")


def why(answer: Answer, target: str, language: str = DEFAULT) -> str:
    """One conclusion down to its citations, in at most 30 lines.

    Args:
        answer: of one case.
        target: the key of a section that has one term (``strategy``), or the id of a thing or an
            alert.
        language: ``en`` or ``zh``.

    Raises:
        NoSuchConclusionError: there is nothing of this name; the text lists what there is.
    """
    lines = list(_Proof(answer, language).why(target))
    notice = list(Rows(language).wrapped(answer.guideline.notice[language], 0))
    room = LONGEST_WHY - len(notice)
    if len(lines) > room:
        rest = words_of("answer", language)["more in explain"]
        lines = [*lines[: room - 1], rest.format(len(lines) - room + 1)]
    return "\n".join([*lines, *notice]) + "\n"


class _Proof:
    def __init__(self, answer: Answer, language: str) -> None:
        self.answer, self.guideline, self.language = answer, answer.guideline, language
        self.words, self.write = words_of("answer", language), Rows(language)
        self.label = labels(answer.guideline, language)
        self.comma = words_of("language", language)["comma"]

    def step(self, step: Step) -> Iterator[str]:
        """A step with its rationale, premises and statements."""
        words = self.words
        setter = (
            f", {words['set by']} {step.level_set_by}" if step.level_set_by != step.rule else ""
        )
        concluded = (
            step.conclusion  # as the public contract has it
            if self.language == DEFAULT
            else self.label.concluded(step.conclusion)
        )
        yield (
            f"  {step.rule}  {step.label}  →  {concluded}   [{words['level']} {step.level}{setter}]"
        )
        yield from self.write.more(self.label.rationale(step.rule), STEP_INDENT)
        premises = [self._premise(premise) for premise in step.premises] or [words["always"]]
        yield from self.write.more(f"{words['because']} {self.comma.join(premises)}", STEP_INDENT)
        for cited in self.answer.statements[step.rule]:
            yield from self.write.more(
                f"{words['evidence']} {cited.study}, {cited.locator} [{cited.level}] "
                f"{words[cited.stance]}: {cited.text[self.language]}",
                STEP_INDENT,
            )

    def _premise(self, premise: dict[str, Any]) -> str:
        if "step" in premise:
            return str(premise["step"])
        if "not" in premise:
            return f"{premise['not']} {self.words['not derived']}"
        value, fact = premise["value"], premise["fact"]
        shown = self.words["not known"] if value is None else self.label.value(fact, value)
        told = f"{self.label.fact(fact)} = {shown}"
        entry = premise.get("measured")
        if not entry:
            return told
        name = "corrected" if entry.get("corrected") else entry["status"]
        if name not in ("corrected", "measured", "interpolated"):
            return told
        read = reading(
            self.answer, self.language, fact, {**entry, "correction": entry.get("corrected")}
        )
        measured = "" if name == "corrected" else f"{self.words['measured status']} "
        return f"{told} [{measured}{read}]"

    # --- one conclusion -----------------------------------------------------------------------

    def why(self, target: str) -> Iterator[str]:
        """One conclusion: what it is, what speaks for and against it, and what is unknown."""
        for section in self.guideline.sections:
            match section:
                case One() if section.key == target:
                    yield from self._one(section)
                    return
                case Status():
                    for thing in self.answer.things(section, self.language):
                        if thing.id == target:
                            yield from self._thing(section, thing)
                            return
                case Alerts():
                    alerts = self.answer.alerts(section, self.language)
                    for alert in alerts:
                        if alert.id == target:
                            severity = self.words[f"mark {alert.severity}"]
                            yield f"{alert.label}: {severity} [{alert.level}]"
                            yield from self._rules(alert.rules)
                            yield from self._against(alert.disputed_by, alert.limits)
                            return
                    if target in {term.id for term in self.guideline.of_kind(section.kind)}:
                        yield from self._not_raised(target)
                        return
                case _:
                    pass
        raise NoSuchConclusionError(
            f"nothing is called {target[:64]!r}; there is {', '.join(self._names())}"
        )

    def _names(self) -> Iterator[str]:
        for section in self.guideline.sections:
            match section:
                case One():
                    yield section.key
                case Status() | Alerts():
                    yield from (term.id for term in self.guideline.of_kind(section.kind))
                case _:
                    pass

    def _one(self, section: One) -> Iterator[str]:
        chosen, head = self.answer.chosen(section, self.language), section.label[self.language]
        brief = Brief(self.answer, self.language)
        standing = brief.standing if section is self.guideline.lead else ""
        if chosen is None:
            yield f"{head}: {standing or self.words['none']}"
            return
        yield f"{head}: {chosen.label} [{chosen.rule}; {chosen.level}]  {standing}"
        yield from self._rules([chosen.rule])
        yield from self._against(chosen.disputed_by, chosen.limits)
        unknown = [m.fact for m in self.answer.missing if section.key in m.decides]
        yield from self._unknown(self.words["decides open"], unknown)

    def _thing(self, section: Status, thing: Thing) -> Iterator[str]:
        status = section.called[thing.status].label[self.language]
        sizes = " ".join(self.label.sizes(thing.parameters))
        yield f"{thing.label}: {status} [{thing.level}]{'  ' + sizes if sizes else ''}"
        if isinstance(thing, RankedThing) and thing.rank is not None:
            because = Brief(self.answer, self.language).why_first(section, thing)
            yield from self.write.more(
                f"{self.words['rank'].format(thing.rank)}{self.words['colon']}{because}", 2
            )
        yield from self._rules(thing.reasons)
        for caution in thing.cautions:
            yield from self.write.more(f"! {caution.label} [{caution.rule}; {caution.level}]", 2)
        yield from self._against(
            [study for reason in thing.against for study in reason.disputed_by]
            or thing.disputed_by,
            [limit for reason in thing.against for limit in reason.limits] or thing.limits,
        )
        if not thing.against:
            yield from self._unknown(f"? {self.words['not verified']}", thing.unverified)

    def _not_raised(self, target: str) -> Iterator[str]:
        for alert in self.answer.possible_alerts(self.language):
            if alert.id == target:
                yield f"{alert.label}: {self.words['not ruled out']}"
                yield from self._unknown(self.words["decides open"], list(alert.because_of))
                return
        label = next(
            term.label[self.language]
            for section in self.guideline.sections
            if isinstance(section, Alerts)
            for term in self.guideline.of_kind(section.kind)
            if term.id == target
        )
        yield f"{label}: {self.words['not raised']}"

    def _unknown(self, head: str, facts: list[str]) -> Iterator[str]:
        if facts:
            yield from self.write.more(
                f"{head} {self.comma.join(self.label.fact(fact) for fact in facts)}", 2
            )

    def _rules(self, names: list[str]) -> Iterator[str]:
        """The rules of a conclusion with their citations, and shortly the steps behind them."""
        steps = self.answer.steps(self.language)
        behind: dict[str, None] = {}
        told: dict[str, None] = {}
        for step in steps:
            if step.rule in names and step.rule not in told:
                told[step.rule] = None
                yield from self._rule(step)
                behind |= dict.fromkeys(str(p["step"]) for p in step.premises if "step" in p)
        for step in reversed(steps):
            if step.rule in behind and step.rule not in told:
                told[step.rule] = None
                behind |= dict.fromkeys(str(p["step"]) for p in step.premises if "step" in p)
                premises = [self._premise(p) for p in step.premises if "not" not in p] or [
                    self.words["always"]
                ]
                yield from self._short(f"{step.rule} {step.label} ← {self.comma.join(premises)}", 2)

    def _rule(self, step: Step) -> Iterator[str]:
        premises = [self._premise(p) for p in step.premises if "not" not in p]
        yield from self.write.more(
            f"{step.rule} {step.label}: {self.label.rationale(step.rule)}", 2
        )
        yield from self._short(
            f"{self.words['because']} {self.comma.join(premises or [self.words['always']])}", 4
        )
        for cited in self.answer.statements[step.rule]:
            if cited.stance == "supports":
                study = self.guideline.studies[cited.study]
                yield from self._short(
                    f"{self.label.study(cited.study)} [{cited.level}] "
                    f"({'; '.join([cited.locator, *study.identifiers])}) "
                    f"{cited.text[self.language]}",
                    4,
                )

    def _short(self, text: str, indent: int) -> Iterator[str]:
        """A text of at most two lines."""
        lines = list(self.write.wrapped(text, indent + 2, " " * indent))
        if len(lines) > MOST_LINES:
            lines = [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][: WIDTH - 2] + " …"]
        yield from lines

    def _against(self, disputes: list[str], limits: list[str]) -> Iterator[str]:
        for study in dict.fromkeys(disputes):
            yield from self._short(f"– {self.words['disputed by']} {self._disputing(study)}", 2)
        for limit in dict.fromkeys(limits):
            yield from self._short(f"– {self.words['limited by']} {self.label.statement(limit)}", 2)

    def _disputing(self, study: str) -> str:
        told = next(
            (
                s.text[self.language]
                for statements in self.answer.statements.values()
                for s in statements
                if s.study == study and s.stance == "disputes"
            ),
            "",
        )
        return f"{self.label.study(study)}{self.words['colon']}{told}"


MOST_LINES = 2
"""Of one statement or limit in the reasons of one conclusion."""
