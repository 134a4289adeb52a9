"""What an edit says anew, by meaning rather than by line: rules, thresholds, evidence, words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from calx.ontology.reference_cases import ReferenceCase
from calx.reasoner.authors.compare.conditions import (
    conclusion_of,
    contains,
    logic,
    moved_leaves,
    skeleton,
    without_shared,
)
from calx.reasoner.model.condition import (
    Condition,
)
from calx.reasoner.model.guideline import Fact, Guideline, SharedCondition, Statement
from calx.reasoner.model.names import Text
from calx.reasoner.model.rule import Number, Rule
from calx.reasoner.tell.prose import Prose
from calx.words import LANGUAGES, listed, wording

Area: TypeAlias = Literal["logic", "evidence", "wording", "judgement"]
"""What a change touches: what follows from a lesion; what supports it; how it is told; what is
required and expected.
"""


@dataclass(frozen=True)
class Change:
    """One change, in words."""

    area: Area
    subject: str
    """Such as ``rule C1`` or ``study eclipse2025``."""
    message: Text


class Changes:
    """The changes from one guideline to another."""

    def __init__(
        self,
        old: Guideline,
        new: Guideline,
        old_cases: list[ReferenceCase],
        new_cases: list[ReferenceCase],
    ) -> None:
        self.old, self.new = old, new
        self._prose = {
            language: (Prose(old, language), Prose(new, language)) for language in new.title
        }
        self.changed_shared = _changed(
            {s.id: (s.id, s.condition) for s in old.shared},
            {s.id: (s.id, s.condition) for s in new.shared},
        )
        """Ids of named conditions that say something else than before, or are new or gone."""
        self.all = [
            *self._header(),
            *self._shared(),
            *self._rules(),
            *self._facts(),
            *self._words(),
            *self._evidence(),
            *self._judgement(old_cases, new_cases),
        ]

    # --- logic ------------------------------------------------------------------------

    def _rules(self) -> Iterator[Change]:
        old, new = self.old.rule, self.new.rule
        held = [{s.rule for s in guideline.suspended} for guideline in (self.old, self.new)]
        for name in sorted(set(old) - set(new)):
            if name in held[1]:
                studies = ", ".join(next(s.studies for s in self.new.suspended if s.rule == name))
                yield _change(
                    "logic",
                    f"rule {name}",
                    "suspended",
                    studies=studies,
                )
            else:
                yield _with_sentences(
                    "logic", f"rule {name}", "removed", self._sentences(0, old[name])
                )
        for name in sorted(set(new) - set(old)):
            if name in held[0]:
                yield _change(
                    "logic",
                    f"rule {name}",
                    "fires again: its support is no longer withdrawn",
                )
            else:
                yield _with_sentences(
                    "logic", f"rule {name}", "added", self._sentences(1, new[name])
                )
        for name in sorted(set(old) & set(new)):
            yield from self._rule(old[name], new[name])

    def _rule(self, old: Rule, new: Rule) -> Iterator[Change]:
        subject = f"rule {new.id}"
        if old.layer != new.layer:
            yield _change(
                "logic",
                subject,
                "moved",
                old=old.layer,
                new=new.layer,
            )
        if old.alert != new.alert:
            yield _change(
                "logic",
                subject,
                "belongs" if new.alert else "belongs to none",
                new=new.alert,
                old=old.alert or wording("change", "none"),
            )
        if logic(old) != logic(new):
            yield from self._productions(subject, old, new)
        for what, one, other in (
            ("label", old.label, new.label),
            ("rationale", old.rationale, new.rationale),
        ):
            yield from _reworded(subject, what, one, other)
        yield from _listed(
            "evidence",
            subject,
            "evidence",
            [f"ev:{e}" for e in old.evidence],
            [f"ev:{e}" for e in new.evidence],
        )
        if old.level != new.level:
            yield _change(
                "evidence",
                subject,
                "evidence level",
                old=old.level,
                new=new.level,
            )
        if (old.redundant_by_design is None) != (new.redundant_by_design is None):
            yield _change(
                "judgement",
                subject,
                "redundant by design",
            )

    def _productions(self, subject: str, old: Rule, new: Rule) -> Iterator[Change]:
        """Thresholds where only they changed, else the sentences before and after; what a shared
        condition changed is told there.
        """
        told = set(self._through_shared(old, new))
        if len(old.productions) == len(new.productions) and all(
            skeleton(one.condition) == skeleton(other.condition)
            and conclusion_of(one) == conclusion_of(other)
            for one, other in zip(old.productions, new.productions, strict=True)
        ):
            moved = [
                pair
                for one, other in zip(old.productions, new.productions, strict=True)
                for pair in moved_leaves(one.condition, other.condition)
                if pair not in told
            ]
            for before, after in dict.fromkeys(moved):
                yield self._threshold("logic", subject, before, after)
            return
        if self._only_through_shared(old, new):
            return
        was, says = (self._sentences(index, rule) for index, rule in ((0, old), (1, new)))
        yield _change("logic", subject, "says", new=says, old=was)

    def _threshold(self, area: Area, subject: str, before: Condition, after: Condition) -> Change:
        said = {
            language: (old.condition(before), new.condition(after))
            for language, (old, new) in self._prose.items()
        }
        return Change(
            area, subject, {language: f"{one} → {other}" for language, (one, other) in said.items()}
        )

    def _sentences(self, index: int, rule: Rule) -> Text:
        return {
            language: " ".join(prose[index].rule(rule)) for language, prose in self._prose.items()
        }

    def _through_shared(self, old: Rule, new: Rule) -> Iterator[tuple[Condition, Condition]]:
        conditions = {s.id: s.condition for s in self.old.shared}
        for shared in self.new.shared:
            before = conditions.get(shared.id)
            if (
                shared.id in self.changed_shared
                and before is not None
                and skeleton(before) == skeleton(shared.condition)
            ):
                used = (
                    any(contains(p.condition, before) for p in old.productions),
                    any(contains(p.condition, shared.condition) for p in new.productions),
                )
                if all(used):
                    yield from moved_leaves(before, shared.condition)

    def _only_through_shared(self, old: Rule, new: Rule) -> bool:
        """Whether the rule says the same once the shared conditions that changed are set aside."""
        names = [s.id for s in self.new.shared if s.id in self.changed_shared]
        before = {s.id: s.condition for s in self.old.shared if s.id in names}
        after = {s.id: s.condition for s in self.new.shared if s.id in names}
        blank = [
            tuple(
                (without_shared(p.condition, conditions), conclusion_of(p))
                for p in rule.productions
            )
            for rule, conditions in ((old, before), (new, after))
        ]
        return blank[0] == blank[1]

    def _shared(self) -> Iterator[Change]:
        old, new = ({s.id: s for s in guideline.shared} for guideline in (self.old, self.new))
        for name in sorted(self.changed_shared):
            subject = f"condition {name}"
            if name in old and name in new:
                users = [
                    rule.id
                    for rule in self.new.rules
                    if any(contains(p.condition, new[name].condition) for p in rule.productions)
                ]
                used = wording(
                    "change",
                    "used by",
                    rules=listed(users) if users else wording("change", "no rule"),
                )
                if skeleton(old[name].condition) == skeleton(new[name].condition):
                    inner = {
                        pair
                        for s in self.new.shared
                        if s.id != name and self._inside(old, s, new[name])
                        for pair in moved_leaves(old[s.id].condition, s.condition)
                    }
                    for before, after in moved_leaves(old[name].condition, new[name].condition):
                        if (before, after) not in inner:
                            told = self._threshold("logic", subject, before, after)
                            yield replace(
                                told,
                                message={
                                    language: text + used[language]
                                    for language, text in told.message.items()
                                },
                            )
                else:
                    was, says = (
                        {
                            language: prose[index].condition(conditions[name].condition)
                            for language, prose in self._prose.items()
                        }
                        for index, conditions in ((0, old), (1, new))
                    )
                    yield _change("logic", subject, "means", new=says, old=was, used=used)
            else:
                yield _change(
                    "judgement",
                    subject,
                    "added" if name in new else "removed",
                )
        for name in sorted(set(old) & set(new)):
            yield from _reworded(f"condition {name}", "label", old[name].label, new[name].label)

    def _inside(
        self, old: Mapping[str, SharedCondition], part: SharedCondition, whole: SharedCondition
    ) -> bool:
        """Whether a shared condition whose constants changed is part of another."""
        known = (
            part.id in self.changed_shared
            and part.id in old
            and skeleton(old[part.id].condition) == skeleton(part.condition)
        )
        return known and contains(whole.condition, part.condition)

    def _facts(self) -> Iterator[Change]:
        for name in sorted({*self.old.facts, *self.new.facts}):
            old, new, subject = self.old.facts.get(name), self.new.facts.get(name), f"fact {name}"
            if old is None or new is None:
                yield _change("logic", subject, "added" if old is None else "removed")
                continue
            for what, get in FACT:
                if get(old) != get(new):
                    yield _change(
                        "logic",
                        subject,
                        "from to",
                        what=wording("change", what),
                        old=get(old),
                        new=get(new),
                    )
            if (name in self.old.of_patient) != (name in self.new.of_patient):
                key = "of patient" if name in self.new.of_patient else "of lesion"
                told = wording("question", key, name=name, label=new.label)
                yield Change("judgement", subject, told)
            yield from _reworded(subject, "label", old.label, new.label)
            yield from _reworded(subject, "definition", old.definition, new.definition)
        old_rules, new_rules = (
            {c.id: c.condition for c in guideline.constraints} for guideline in (self.old, self.new)
        )
        yield from self._keyed("logic", "consistency rule", old_rules, new_rules)
        messages = (
            {c.id: c.message for c in guideline.constraints} for guideline in (self.old, self.new)
        )
        yield from _reworded_all("consistency rule", *messages)

    def _keyed(
        self, area: Area, subject: str, old: Mapping[str, Condition], new: Mapping[str, Condition]
    ) -> Iterator[Change]:
        for name in sorted({*old, *new}):
            if name not in old or name not in new:
                yield _change(
                    area,
                    f"{subject} {name}",
                    "added" if name in new else "removed",
                )
            elif old[name] != new[name]:
                said = {
                    language: (a.condition(old[name]), b.condition(new[name]))
                    for language, (a, b) in self._prose.items()
                }
                yield Change(
                    area,
                    f"{subject} {name}",
                    {language: f"{before} → {after}" for language, (before, after) in said.items()},
                )

    # --- evidence -----------------------------------------------------------------------

    def _evidence(self) -> Iterator[Change]:
        for name in sorted({*self.old.studies, *self.new.studies}):
            old, new, subject = (
                self.old.studies.get(name),
                self.new.studies.get(name),
                f"study {name}",
            )
            if old is None or new is None:
                yield _change(
                    "evidence",
                    subject,
                    "added" if old is None else "removed",
                )
                continue
            if old.withdrawn != new.withdrawn:
                yield _change(
                    "evidence",
                    subject,
                    "withdrawn" if new.withdrawn else "no longer withdrawn",
                )
            for what in (
                "type",
                "level",
                "participants",
                "citation",
                "identifiers",
            ):
                one, other = getattr(old, what), getattr(new, what)
                if one != other:
                    area: Area = "evidence" if what in ("type", "level") else "wording"
                    yield _change(
                        area,
                        subject,
                        "from to",
                        what=wording("change", what),
                        old=_plain(one),
                        new=_plain(other),
                    )
            yield from _reworded(subject, "label", old.label, new.label)
        for name in sorted({*self.old.statements, *self.new.statements}):
            before, after, subject = (
                self.old.statements.get(name),
                self.new.statements.get(name),
                f"statement {name}",
            )
            if before is None or after is None:
                known = after or before
                assert known is not None
                text = {
                    language: (
                        f"{'+' if before is None else '−'} {known.study}, {known.stance}: "
                        f"{known.text[language]}"
                    )
                    for language in LANGUAGES
                }
                yield Change("evidence", subject, text)
                continue
            yield from self._statement(subject, before, after)

    def _statement(self, subject: str, old: Statement, new: Statement) -> Iterator[Change]:
        for what in (
            "study",
            "stance",
            "verified",
            "level",
        ):
            if getattr(old, what) != getattr(new, what):
                yield _change(
                    "evidence",
                    subject,
                    "from to",
                    what=wording("change", what),
                    old=getattr(old, what),
                    new=getattr(new, what),
                )
        yield from _listed(
            "evidence",
            subject,
            "states",
            [_stated(n) for n in old.numbers],
            [_stated(n) for n in new.numbers],
        )
        if (old.when, old.when_known) != (new.when, new.when_known):
            yield _change("evidence", subject, "concerns other lesions than before")
        for what in ("locator", "population"):
            if getattr(old, what) != getattr(new, what):
                yield _change(
                    "wording",
                    subject,
                    "from to",
                    what=wording("change", what),
                    old=getattr(old, what),
                    new=getattr(new, what),
                )
        yield from _reworded(subject, "text", old.text, new.text)

    # --- words, and what is required ------------------------------------------------------

    def _header(self) -> Iterator[Change]:
        if self.old.version != self.new.version:
            yield _change(
                "wording",
                "guideline",
                "version",
                old=self.old.version,
                new=self.new.version,
            )
        if self.old.levels != self.new.levels:
            told = f"{' '.join(self.old.levels)} → {' '.join(self.new.levels)}"
            yield _change(
                "evidence",
                "guideline",
                "levels",
                levels=told,
            )
        yield from _reworded_all(
            "evidence level", self.old.level_definitions, self.new.level_definitions
        )
        yield from _reworded_all("group", self.old.groups, self.new.groups)
        for what in ("group", "order", "source"):
            moved = [
                name
                for name in self.new.facts
                if name in self.old.facts
                and getattr(self.old.facts[name], what) != getattr(self.new.facts[name], what)
            ]
            if moved:
                yield _change(
                    "wording",
                    "guideline",
                    "of facts",
                    what=what,
                    facts=", ".join(moved),
                )
        yield from _reworded("guideline", "title", self.old.title, self.new.title)
        yield from _reworded("guideline", "notice", self.old.notice, self.new.notice)

    def _words(self) -> Iterator[Change]:
        for name in sorted({*self.old.terms, *self.new.terms}):
            old, new, subject = self.old.terms.get(name), self.new.terms.get(name), f"term {name}"
            if old is None or new is None:
                yield _change("logic", subject, "added" if old is None else "removed")
                continue
            if (old.id, old.concerns, old.order) != (new.id, new.concerns, new.order):
                yield _change(
                    "logic",
                    subject,
                    "id, thing or order",
                    old=old.id,
                    new=new.id,
                )
            yield from _reworded(subject, "label", old.label, new.label)
            yield from _reworded(subject, "definition", old.definition, new.definition)
        for kind, one, other in (("property", self.old.properties, self.new.properties),):
            for name in sorted({*one, *other}):
                if name not in one or name not in other:
                    yield _change(
                        "logic",
                        f"{kind} {name}",
                        "added" if name in other else "removed",
                    )
                elif one[name] != other[name]:
                    yield from _reworded(
                        f"{kind} {name}", "label", one[name].label, other[name].label
                    )
                    if replace(one[name], label={}) != replace(other[name], label={}):
                        yield _change("logic", f"{kind} {name}", "means something else")
        yield from _reworded_all("value", self.old.value_labels, self.new.value_labels)

    def _judgement(
        self, old_cases: list[ReferenceCase], new_cases: list[ReferenceCase]
    ) -> Iterator[Change]:
        old, new = ({r.id: r for r in guideline.requirements} for guideline in (self.old, self.new))
        for name in sorted({*old, *new}):
            subject = f"requirement {name}"
            if name not in old or name not in new:
                yield _change(
                    "judgement",
                    subject,
                    "added" if name in new else "removed",
                )
                continue
            if (old[name].whenever, old[name].demand) != (new[name].whenever, new[name].demand):
                yield _change("judgement", subject, "requires something else")
            yield from _reworded(subject, "label", old[name].label, new[name].label)
            yield from _reworded(subject, "rationale", old[name].rationale, new[name].rationale)
        before, after = ({case.id: case for case in cases} for cases in (old_cases, new_cases))
        for name in sorted({*before, *after}):
            if name not in before or name not in after:
                yield _change(
                    "judgement",
                    f"reference case {name}",
                    "added" if name in after else "removed",
                )
            elif (before[name].facts, before[name].expect) != (
                after[name].facts,
                after[name].expect,
            ):
                yield _change("judgement", f"reference case {name}", "changed")


FACT: tuple[tuple[str, Callable[[Fact], str]], ...] = (
    ("type", lambda fact: fact.kind),
    ("unit", lambda fact: fact.unit or "none"),
    ("values", lambda fact: ", ".join(fact.values)),
    (
        "lowest",
        lambda fact: (
            "none"
            if fact.minimum is None
            else f"{'> ' if fact.exclusive_minimum else ''}{fact.minimum}"
        ),
    ),
    ("highest", lambda fact: "none" if fact.maximum is None else str(fact.maximum)),
    ("place in an answer", lambda fact: str(fact.result_key)),
    ("thing that it sizes", lambda fact: fact.concerns or "none"),
)


# --- how two conditions differ -----------------------------------------------------------


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


# --- words -------------------------------------------------------------------------------


def _change(area: Area, subject: str, key: str, **parts: object) -> Change:
    return Change(area, subject, wording("change", key, **parts))


def _with_sentences(area: Area, subject: str, key: str, sentences: Text) -> Change:
    return _change(area, subject, "what", what=wording("change", key), told=sentences)


def _reworded(subject: str, what: str, old: Text, new: Text) -> Iterator[Change]:
    changed = [language for language in new if old.get(language) != new[language]]
    if changed:
        told = "; ".join(f"“{old.get(language, '')}” → “{new[language]}”" for language in changed)
        yield _change("wording", subject, "what", what=wording("change", what), told=told)


def _reworded_all(
    subject: str, old: Mapping[str, Text], new: Mapping[str, Text]
) -> Iterator[Change]:
    for name in sorted(set(old) & set(new)):
        yield from _reworded(f"{subject} {name}", "words", old[name], new[name])


def _listed(
    area: Area, subject: str, what: str, old: Iterable[str], new: Iterable[str]
) -> Iterator[Change]:
    gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    if gone or come:
        told = ", ".join([*(f"− {item}" for item in gone), *(f"+ {item}" for item in come)])
        yield _change(area, subject, "what", what=wording("change", what), told=told)


def _stated(number: Number) -> str:
    return f"{number.quantity} {number.comparator} {number.value} {number.unit}".strip()


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else "none" if value is None else str(value)
