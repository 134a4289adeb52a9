"""How sure an answer is, in words: what it stands on, what would change it, what to find out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from calx.reasoner.model.guideline import Guideline
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.labels import labels
from calx.reasoner.tell.lines import HEAD, Rows
from calx.reasoner.tell.turned import Turned
from calx.reasoner.whatif.asking import HowSure
from calx.reasoner.whatif.compare import SideBySide
from calx.reasoner.whatif.stability import Beyond, Stability
from calx.reasoner.whatif.towards import Ways
from calx.reasoner.whatif.why_not import Because, Lack
from calx.words import words as words_of

_NUMBER = re.compile(r"(not )?(>=|<=|>|<) ([0-9.]+)")
"""What a premise asks of a number."""
_WORDS = {">=": "from", ">": "above", "<=": "to", "<": "below"}
MOST_NEXT = 5
"""Facts to find out that are shown."""


def told(asked: HowSure, language: str) -> str:
    """What was asked of an answer, in plain text."""
    return "\n".join(_Told(asked, language).lines()) + "\n"


class _Told:
    def __init__(self, asked: HowSure, language: str) -> None:
        self.asked, self.language = asked, language
        self.guideline: Guideline = asked.answer.guideline
        self.words, self.label = words_of("whatif", language), labels(self.guideline, language)
        self.turned = Turned(self.guideline, language)
        self.comma = words_of("language", language)["comma"]
        self.write = Rows(language)

    def lines(self) -> Iterator[str]:
        root = self.guideline.root.label[self.language]
        yield f"{root[:1].upper()}{root[1:]} {self.asked.answer.case.id}"
        if self.asked.to is not None:
            yield from self._ways(self.asked.to)
        if self.asked.comparison is not None:
            yield from self._compared(self.asked.comparison)
        yield from self._stands()
        yield from self._next()
        yield from self._why_not()
        yield f"* {self.guideline.notice[self.language]}"

    # --- what it stands on ----------------------------------------------------------------

    def _stands(self) -> Iterator[str]:
        head, idle, held = self.words["stands"], list[str](), list[str]()
        for item in sorted(self.asked.stability, key=lambda item: item.stands is None):
            if not any(end.changes or end.then for end in item.beyond):
                fixed = any(end.constraint for end in item.beyond)
                (held if fixed else idle).append(self.label.fact(item.fact))
                continue
            yield from self.write.row(
                head, self.turned.stability(item, self.asked.errors.get(item.fact))
            )
            head = ""
            for end in item.beyond:
                if end.changes:
                    where = self._where(item, end)
                    yield from self.write.more(f"{where} {self.turned.changes(end.changes)}")
                elif end.then:
                    along = self.turned.facts(end.followed)
                    past = self.turned.beyond(
                        item.fact, end.side == "low", end.until, end.until_closed
                    )
                    told = self.words["along"].format(where=past, facts=along)
                    yield from self.write.more(f"{told} {self.turned.changes(end.then)}")
        if held:
            yield from self.write.row(head, self.words["held"].format(self.comma.join(held)))
            head = ""
        if idle:
            yield from self.write.row(head, self.words["idle"].format(self.comma.join(idle)))
        if self.asked.joint is not None:
            together = self.turned.joint(self.asked.joint)
            yield from self.write.row(self.words["errors"], together)

    def _where(self, item: Stability, end: Beyond) -> str:
        """On which side, or at which other value."""
        if end.side == "value":
            return self.words["if"].format(self.turned.value(item.fact, end.at))
        assert item.stands is not None
        low = end.side == "low"
        closed = item.stands.low_closed if low else item.stands.high_closed
        assert isinstance(end.at, Fraction)
        return self.words["where"].format(self.turned.beyond(item.fact, low, end.at, closed))

    # --- what to find out, and what would do it ------------------------------------------

    def _next(self) -> Iterator[str]:
        if self.asked.decided:
            yield from self.write.row(self.words["next"], self.words["decided"])
            return
        head, lead = self.words["next"], self.guideline.lead
        for fact in Brief(self.asked.answer, self.language).several:
            leading = lead.label[self.language] if lead else ""
            yield from self.write.row(head, f"{self.label.fact(fact)} → {leading}")
            head = ""
        for item in self.asked.next[:MOST_NEXT]:
            yield from self.write.row(head, self.turned.to_find(item))
            head = ""
        more = len(self.asked.next) - MOST_NEXT
        if more > 0:
            yield from self.write.more(self.words["more"].format(more))
        way = "by sample" if self.asked.lesions else "by equals"
        yield from self.write.more(self.words[way].format(self.asked.lesions))

    def _ways(self, ways: Ways) -> Iterator[str]:
        wanted = self.turned.outcome(ways.goal.of, ways.goal.value)
        goal = f"{self.turned.about(ways.goal.of)} → {wanted}"
        yield from self.write.row(self.words["towards"], goal)
        for line in self.turned.ways(ways):
            yield from self.write.wrapped(line, HEAD + 2, " " * HEAD + "· ")

    def _compared(self, found: SideBySide) -> Iterator[str]:
        head = self.words["compared"].format(found.other)
        for name, (here, there) in found.facts.items():
            values = f"{self.label.value(name, here)} → {self.label.value(name, there)}"
            yield from self.write.row(head, f"{self.label.fact(name)}{self.words['colon']}{values}")
            head = ""
        for explained in found.changes:
            change = explained.change
            before, after = (
                self.turned.outcome(change.of, v) for v in (change.before, change.after)
            )
            turned = f"{before} → {after}"
            because = self.words["or"].join(
                " + ".join(map(self.label.fact, names)) for names in explained.by
            )
            why = self.words["by"].format(because) if because else self.words["by several"]
            rule = f" [{change.rule}]" if change.rule else ""
            about = self.turned.about(change.of) + self.words["colon"]
            yield from self.write.row(head, f"{about}{turned}{rule}{why}")
            head = ""
        if not found.changes:
            yield from self.write.row(head, self.words["same"])

    def _why_not(self) -> Iterator[str]:
        head = self.words["why not first"]
        for item in self.asked.why_not:
            if item.status is None:
                continue
            because = self.words["semicolon"].join(self._because(one) for one in item.because)
            kind, _, id_ = item.of.partition(":")
            order = because or self.words["order"]
            yield from self.write.row(
                head, f"{self.label.term(kind, id_)}{self.words['colon']}{order}"
            )
            head = ""

    def _because(self, because: Because) -> str:
        if not because.missing:
            return f"{self.label.rule(because.rule)} [{because.rule}]"
        lacks = self.comma.join(self._lack(lack) for lack in because.missing)
        return f"[{because.rule}] {self.words['needs'].format(lacks)}"

    def _lack(self, lack: Lack) -> str:
        """A premise that is missing, in words, with the value that stands in its way."""
        if lack.fact not in self.guideline.facts:
            return self._lacking_conclusion(lack)
        number = _NUMBER.fullmatch(lack.needs)
        if number:
            barred, sign, limit = number.groups()
            needs = self.words[_WORDS[sign]].format(self.turned.number(lack.fact, Fraction(limit)))
            needs = self.words["is told"].format(needs) if barred else needs
        else:
            answers = {"true": True, "false": False, "not true": False, "not false": True}
            needs = self.words["or"].join(
                self.label.value(lack.fact, answers[word])
                if word in answers
                else self.guideline.value_labels.get(word, {self.language: word})[self.language]
                for word in lack.needs.split(" | ")
            )
        value = self.turned.value(lack.fact, lack.value)
        return f"{self.label.fact(lack.fact)} {needs} ({value})"

    def _lacking_conclusion(self, lack: Lack) -> str:
        """A conclusion that is missing, or stands in the way."""
        key, _, local = lack.fact.partition(":")
        known = self.guideline.properties.get(key)
        term = self.guideline.terms.get(f"{known.kind}/{local}") if known else None
        about = known.label[self.language] if known else key
        words = words_of("rule", self.language)
        number = _NUMBER.fullmatch(lack.needs)
        if term is None and number:
            _, sign, count = number.groups()
            least = words["at least"].format(count=count, property=about)
            return least if sign == ">=" else words["not"].format(part=least)
        told = "derived" if lack.value is None else "not derived"
        return words[told].format(property=about, term=term.label[self.language] if term else "")
