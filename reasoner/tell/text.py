"""The answer as a cardiologist reads it: most important first, in English or Chinese."""

from __future__ import annotations

from collections.abc import Iterator

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import Thing
from calx.reasoner.engine.ranking import by_rank, weighty
from calx.reasoner.model.section import (
    SEVERITIES,
    Criteria,
    Members,
    Numbers,
    One,
    Status,
    Tally,
)
from calx.reasoner.tell.brief import MOST_ASKED, Brief
from calx.reasoner.tell.lines import Rows
from calx.reasoner.tell.proof import proof, references
from calx.reasoner.tell.readings import readings, stability


def render(answer: Answer, language: str = "en", explain: bool = False, more: bool = False) -> str:
    """The answer in plain text.

    Args:
        answer: of one case.
        language: ``en`` or ``zh``.
        explain: adds every step of the proof, and the studies.
        more: adds what was left out: cautions of lower rank, limits, comparisons, all that is
            missing.
    """
    return "\n".join(_Text(answer, language).lines(explain, more)) + "\n"


class _Text:
    def __init__(self, answer: Answer, language: str) -> None:
        self.answer, self.guideline, self.language = answer, answer.guideline, language
        self.brief = Brief(answer, language)
        self.words, self.label, self.comma = self.brief.words, self.brief.label, self.brief.comma
        self.write = Rows(language)

    def lines(self, explain: bool, more: bool) -> Iterator[str]:
        guideline, words, row = self.guideline, self.words, self.write.row
        root = guideline.root.label[self.language]
        yield (
            f"{root[:1].upper()}{root[1:]} {self.answer.case.id}   ({words['guideline']} "
            f"{guideline.name[self.language]} {guideline.version}, {guideline.digest[:19]})"
        )
        yield from self._critical()
        yield from self._plan()
        asked = [f"{self.comma.join(ask.labels)} → {ask.why}" for ask in self.brief.asked]
        yield from row(words["find out"], " · ".join(asked))
        yield from row(words["not ruled out"], " · ".join(self.brief.not_excluded))
        for severity in SEVERITIES[1:-1]:
            for alert in self.brief.alerts[severity]:
                yield from row(words[f"mark {severity}"], self.brief.told(alert))
        notes = [self.brief.told(alert) for alert in self.brief.alerts[SEVERITIES[-1]]]
        yield from row(words[f"mark {SEVERITIES[-1]}"], " · ".join(notes))
        yield from self._short()
        yield from row(words["unless"], " · ".join(self.brief.unless))
        yield from row(words["worth"], " · ".join(self.brief.evidence))
        for limit in self.brief.limits:
            yield from row(words["limited by"], limit)
        yield from stability(self.answer, self.language)
        yield from row(
            words["suspended"],
            self.comma.join(f"{s.rule} ({', '.join(s.studies)})" for s in guideline.suspended),
        )
        if more:
            yield ""
            yield from self._more()
        if explain:
            yield from proof(self.answer, self.language)
            yield from references(self.answer, self.language)
        yield from self.write.wrapped(guideline.notice[self.language], 0)

    def _critical(self) -> Iterator[str]:
        """Critical alerts, and what to do about them in its order."""
        for alert in self.brief.alerts[SEVERITIES[0]]:
            yield from self.write.row(
                self.words[f"mark {alert.severity}"],
                f"{alert.label} [{', '.join(alert.rules)}; {alert.level}]",
            )
        for number, action in enumerate(self.brief.in_order(self.brief.urgent), 1):
            yield from self.write.wrapped(action, 5, f"  {number}. ")

    def _plan(self) -> Iterator[str]:
        """What leads the answer, what comes first and then, and what must not be used."""
        lead, section, row = self.brief.lead, self.guideline.lead, self.write.row
        if section is not None:
            told = (
                self.brief.standing
                if lead is None
                else f"{lead.label.upper()} [{lead.rule}]  {self.brief.standing}"
            )
            yield from row(section.label[self.language], told)
        yield from row(
            self.words["do"], " · ".join(self.brief.in_order(self.brief.planned_actions))
        )
        for status in self.guideline.in_reading_order:
            if not isinstance(status, Status):
                continue
            for planned in self.brief.plan(status):
                because = f"  [{planned.because}]" if planned.because else ""
                told = " · ".join(thing.text for thing in planned.things)
                yield from row(f"  {planned.when}", told + because)
            for word, barred in self.brief.barred(status):
                told = " · ".join(things.text for things in barred)
                yield from row(f"  {self.words['not']}", f"{word}{self.words['colon']}{told}")
        for numbers in self.guideline.in_reading_order:
            if isinstance(numbers, Numbers) and not numbers.detail:
                sizes = self.comma.join(self.brief.short(numbers))
                yield from row(numbers.label[self.language], sizes)

    def _short(self) -> Iterator[str]:
        """What is left of the answer, in few words."""
        small: list[str] = []
        for section in self.guideline.in_reading_order:
            if section.detail or not isinstance(section, One | Tally | Members | Criteria):
                continue
            told = self.brief.short(section)
            if not told:
                continue
            label = section.label[self.language]
            if isinstance(section, Criteria):
                yield from self.write.row(label, " · ".join(told))
            else:
                small.append(f"{label}{self.words['colon']}{self.comma.join(told)}")
        yield from self.write.row(self.words["seen"], " · ".join(small))

    # --- where more is asked -----------------------------------------------------------------

    def _more(self) -> Iterator[str]:
        for section in self.guideline.in_reading_order:
            if isinstance(section, Status):
                yield from self._things(section)
            elif section.detail:
                for told in self.brief.short(section):
                    yield from self.write.row(section.label[self.language], told)
            elif isinstance(section, Tally):
                points = self.answer.total(section).unknown
                rest = self.comma.join(self.label.point(section, point) for point in points)
                head = section.label[self.language]
                yield from self.write.row(head, f"{self.words['could add']} {rest}" if rest else "")
        yield from self._limits()
        yield from self._missing()
        yield from readings(self.answer, self.language)

    def _things(self, section: Status) -> Iterator[str]:
        """What was not told of each thing, and the things for which nothing speaks."""
        words, idle = self.words, []
        undecided = {
            term.id
            for term in self.guideline.of_kind(section.kind)
            if self.answer.undecided(section, term)
        }
        for thing in by_rank(self.answer.things(section, self.language)):
            status = section.called[thing.status]
            if status.mark == "idle":
                idle.append(thing)
                continue
            rules = ", ".join([*thing.indicated_by, *thing.preferred_by])
            told = f"{thing.label}{words['colon']}{status.label[self.language]}"
            yield from self.write.wrapped(f"{told} [{rules}; {thing.level}]", 2, "")
            yield from self._of_thing(thing)
        for head, open_ in ((words["undecided"], True), (self._idle(section), False)):
            labels = [thing.label for thing in idle if (thing.id in undecided) is open_]
            if labels:
                yield from self.write.wrapped(
                    f"{head}{words['colon']}{self.comma.join(labels)}", 2, ""
                )

    def _idle(self, section: Status) -> str:
        return section.in_reading_order[-1].label[self.language]

    def _of_thing(self, thing: Thing) -> Iterator[str]:
        words = self.words
        told = {caution.id for caution in weighty(thing)} if not thing.against else set()
        for caution in thing.cautions:
            if caution.id not in told:
                disputed = (
                    f" ({words['disputed by']} {self._studies(caution.disputed_by)})"
                    if caution.disputed_by
                    else ""
                )
                yield from self.write.more(
                    f"! {caution.label} [{caution.rule}; {caution.level}]{disputed}", 2
                )
        for reason in thing.against:
            if reason.disputed_by:
                yield from self.write.more(
                    f"{reason.rule} {words['disputed by']} {self._studies(reason.disputed_by)}", 2
                )
        if not thing.against and thing.disputed_by:
            yield from self.write.more(
                f"{words['disputed by']} {self._studies(thing.disputed_by)}", 2
            )
        if not thing.against and thing.unverified:
            facts = self.comma.join(self.label.fact(fact) for fact in thing.unverified)
            yield from self.write.more(f"? {words['not verified']} {facts}", 2)

    def _limits(self) -> Iterator[str]:
        """Where conclusions stop, but for what was told at once."""
        told = [*(self.brief.lead.limits if self.brief.lead else [])]
        told += [
            limit for alerts in self.brief.alerts.values() for a in alerts for limit in a.limits
        ]
        for section in self.guideline.sections:
            if isinstance(section, Status):
                for thing in self.answer.things(section, self.language):
                    if section.called[thing.status].usable:
                        told += thing.limits
            elif isinstance(section, Criteria):
                told += self.answer.judged(section).limits
        for limit in dict.fromkeys(told):
            if not self.guideline.statements[limit].prominent:
                yield from self.write.row(self.words["limited by"], self.label.statement(limit))

    def _missing(self) -> Iterator[str]:
        """All that is missing, facts that decide the same in one line, but for what was asked."""
        asked = {fact for asked in self.brief.asked for fact in asked.facts}
        together: dict[tuple[str, ...], list[str]] = {}
        for item in self.answer.missing:
            decides = self.answer.worth_asking(item)
            if decides and item.fact not in asked:
                together.setdefault(decides, []).append(self.label.fact(item.fact))
        words = self.words
        for decides, facts in together.items():
            told = (
                words["n of them"].format(len(decides))
                if len(decides) > MOST_ASKED
                else self.comma.join(self.label.decided(name) for name in decides)
            )
            yield from self.write.row(
                words["missing"],
                f"{words['decides']} {told}{words['colon']}{self.comma.join(facts)}",
            )
        for alert in self.answer.possible_alerts(self.language):
            facts = [self.label.fact(fact) for fact in alert.because_of]
            some = facts if len(facts) <= MOST_ASKED + 1 else [*facts[:MOST_ASKED], "…"]
            yield from self.write.row(
                words["not ruled out"],
                f"{alert.label} ({words['unknown']}{words['colon']}{self.comma.join(some)})",
            )

    def _studies(self, names: list[str]) -> str:
        return self.comma.join(self.label.study(name) for name in names)
