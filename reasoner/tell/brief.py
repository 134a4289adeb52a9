"""What an answer says first, in the order in which one needs it: what is critical and what to do
about it, the plan, what must not be used, what to find out next, warnings, the rest in short, and
what the evidence is worth. The text, the cards and the page say the same from here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.asking import Ask, asks, standing_for_others
from calx.reasoner.engine.parts import Action, Alert, Chosen, RankedThing, Thing
from calx.reasoner.engine.ranking import by_rank, weighty
from calx.reasoner.model.section import (
    SEVERITIES,
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Section,
    Status,
    Tally,
)
from calx.reasoner.tell.labels import labels
from calx.reasoner.tell.turned import Turned, percent
from calx.reasoner.whatif.errors import MeasurementError, errors_of
from calx.reasoner.whatif.next_facts import frequencies_of, harm, next_facts
from calx.reasoner.whatif.outcomes import Turn
from calx.reasoner.whatif.stability import (
    Beyond,
    Edge,
    Elsewhere,
    Stability,
    edges,
    of_words,
)
from calx.words import words as words_of

MOST_ASKED = 3
"""Facts that are asked for at once; the rest is told where more is asked."""
MOST_TOLD = 2
"""Borders that are told."""
LEAST = 0.01
"""Weight (how often, by how gravely) from which an unknown fact is asked for."""
REACH = 2
"""Standard deviations of measurement within which a border is near."""


@dataclass(frozen=True)
class Worded:
    """Words, and the rules that they rest on."""

    text: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """Things that come at the same point of a plan."""

    when: str
    """``first``, ``then``, ``in support``; a status where things have no rank."""
    things: tuple[Worded, ...]
    """Each with its sizes and what weighs against it."""
    because: str | None = None
    """Why the first is the first."""


@dataclass(frozen=True)
class ToFind:
    """Facts to find out next, for the same reason."""

    facts: tuple[str, ...]
    labels: tuple[str, ...]
    why: str


class Brief:
    """The first things that an answer says, in one language."""

    def __init__(self, answer: Answer, language: str) -> None:
        self.answer, self.guideline, self.language = answer, answer.guideline, language
        self.label = labels(answer.guideline, language)
        self.words = words_of("answer", language)
        self.comma = words_of("language", language)["comma"]

    # --- alerts and actions -----------------------------------------------------------

    @cached_property
    def alerts(self) -> dict[str, list[Alert]]:
        """The alerts by severity, the gravest first."""
        found: dict[str, list[Alert]] = {severity: [] for severity in SEVERITIES}
        for alert in self.answer.all_alerts(self.language):
            found[alert.severity].append(alert)
        return found

    @cached_property
    def actions(self) -> list[Action]:
        """Every action once, in the order in which they are done; of a guideline that gives them no
        order, as its alerts and criteria ask for them.
        """
        sections = self.guideline.sections
        if any(isinstance(section, Actions) for section in sections):
            return [
                action
                for section in sections
                if isinstance(section, Actions)
                for action in self.answer.actions(section, self.language)
            ]
        asked: dict[tuple[str, str], list[str]] = {}
        for alert in self.answer.all_alerts(self.language):
            for id_ in alert.advice:
                asked.setdefault((id_, self.label.advised(alert.id, id_)), []).append(alert.id)
        for section in sections:
            if isinstance(section, Criteria):
                for id_ in self.answer.judged(section).advice:
                    asked.setdefault((id_, self.label.of(section.advice, id_)), [])
        return [Action(id_, label, alerts, [], None, []) for (id_, label), alerts in asked.items()]

    @cached_property
    def urgent(self) -> list[Action]:
        """The actions that critical alerts ask for."""
        grave = {alert.id for alert in self.alerts[SEVERITIES[0]]}
        return [action for action in self.actions if grave.intersection(action.alerts)]

    @cached_property
    def planned_actions(self) -> list[Action]:
        """The actions that no alert asks for: they belong to the plan."""
        return [action for action in self.actions if not action.alerts]

    def advice_of(self, alert: Alert) -> list[Action]:
        """What an alert asks for, but for what was told with a graver one."""
        told = {action.id for action in self.urgent}
        for severity in SEVERITIES[1:]:
            for other in self.alerts[severity]:
                if other is alert:
                    return [a for a in self._asked_by(alert) if a.id not in told]
                told |= {action.id for action in self._asked_by(other)}
        return self._asked_by(alert)

    def _asked_by(self, alert: Alert) -> list[Action]:
        return [action for action in self.actions if alert.id in action.alerts]

    def told(self, alert: Alert) -> str:
        """An alert that is not critical, with its factors and what it asks for; a note that asks
        for something is that.
        """
        advice = " · ".join(self.in_order(self.advice_of(alert)))
        if advice and alert.severity == SEVERITIES[-1]:
            return advice
        factors = [self.label.factor(alert.id, id_) for id_ in alert.factors]
        told = f"{alert.label} ({self.comma.join(factors)})" if factors else alert.label
        return f"{told} → {advice}" if advice else told

    def in_order(self, actions: Iterable[Action]) -> list[str]:
        """Actions in words, those of which one is enough joined by "or"."""
        shown: list[str] = []
        before: Action | None = None
        for action in actions:
            if before is not None and action.id in before.alternative_to:
                shown[-1] += f" {self.words['or']} {action.label}"
            else:
                shown.append(action.label)
            before = action
        return shown

    # --- the plan -----------------------------------------------------------------------

    @cached_property
    def lead(self) -> Chosen | None:
        """What leads the answer."""
        section = self.guideline.lead
        return self.answer.chosen(section, self.language) if section else None

    @property
    def standing(self) -> str:
        """Whether what leads the answer is settled, or what could change it."""
        section, lead, words = self.guideline.lead, self.lead, self.words
        if section is None:
            return ""
        if lead is None:
            return words["none yet" if self.answer.open(section) else "none"]
        if elsewhere := self.answer.elsewhere(section):
            others = [self.label.turned(section.key, id_) for id_ in elsewhere]
            return words["not measured"].format(self.comma.join(others))
        if lead.settled:
            return words["settled"]
        ticks = [ask for ask in self._asks if ask.settles]
        if ticks:
            return words["provisional until"].format(self.label.fact(ticks[0].fact))
        facts = [self.label.fact(ask.fact) for ask in self._asks if section.key in ask.decides]
        if not facts:
            return words["provisional"]
        rest = facts[MOST_ASKED:]
        told = self.comma.join([*facts[:MOST_ASKED], *(["…"] if rest else [])])
        return words["provisional by"].format(told)

    def plan(self, section: Status) -> Iterator[Planned]:
        """The things that may be used, in the order in which they are shown."""
        things = by_rank(self.answer.things(section, self.language))
        usable = [thing for thing in things if section.called[thing.status].usable]
        if not section.ranked:
            for status in section.in_reading_order:
                same = [thing for thing in usable if thing.status == status.word]
                if same:
                    yield Planned(
                        status.label[self.language], tuple(self.thing(thing) for thing in same)
                    )
            return
        ranked = [thing for thing in usable if isinstance(thing, RankedThing)]
        if not ranked:
            return
        first, *rest = ranked
        yield Planned(self.words["first"], (self.thing(first),), self.why_first(section, first))
        for when, adjunct in (("next", False), ("in support", True)):
            same_role = [thing for thing in rest if (thing.role == "adjunct") is adjunct]
            if same_role:
                yield Planned(self.words[when], tuple(self.thing(thing) for thing in same_role))

    def thing(self, thing: Thing) -> Worded:
        """A thing with its sizes, what weighs against it, and whether that is all known."""
        told = " ".join([thing.label, *self.label.sizes(thing.parameters)])
        against = [caution.label for caution in weighty(thing)]
        if thing.unverified:
            against.append(self.words["n unknown"].format(len(thing.unverified)))
        if against:
            told += f" ({self.comma.join(against)})"
        return Worded(told, tuple(dict.fromkeys(thing.reasons)))

    def why_first(self, section: Status, thing: RankedThing) -> str:
        """Why a thing has its rank: what the order goes by, in its order."""
        words = self.words
        status = section.called[thing.status].label[self.language]
        rules = f" ({', '.join(thing.preferred_by)})" if thing.preferred_by else ""
        count = len(weighty(thing))
        return self.comma.join(
            [
                f"{status}{rules}",
                *([words["in support"]] if thing.role == "adjunct" else []),
                words["no weighty"] if not count else words["n weighty"].format(count),
                *([words["in dispute"]] if thing.disputed_by else []),
                thing.direct_level or "",
            ]
        )

    def barred(self, section: Status) -> Iterator[tuple[str, list[Worded]]]:
        """What must not be used, by status: things with the same reasons together."""
        for status in section.in_reading_order:
            found: dict[tuple[str, ...], list[Thing]] = {}
            if status.mark == "bad":
                for thing in self.answer.things(section, self.language):
                    if thing.status == status.word:
                        reasons = [self._reason(thing, reason.rule) for reason in thing.against]
                        found.setdefault(tuple(reasons), []).append(thing)
            if found:
                yield (
                    status.label[self.language],
                    [self._barred_for(reasons, things) for reasons, things in found.items()],
                )

    def _barred_for(self, reasons: tuple[str, ...], things: list[Thing]) -> Worded:
        labels = self.comma.join(thing.label for thing in things)
        rules = dict.fromkeys(rule for thing in things for rule in thing.reasons)
        return Worded(f"{labels} ({self.comma.join(reasons)})", tuple(rules))

    def _reason(self, thing: Thing, rule: str) -> str:
        """The label of a rule without the name of the thing that it begins with."""
        label, colon = self.label.rule(rule), self.words["colon"]
        head, found, rest = label.partition(colon)
        own = found and head.casefold() in thing.label.casefold()
        return f"{rest if own else label} [{rule}]"

    # --- what to find out ----------------------------------------------------------------

    @cached_property
    def _asks(self) -> list[Ask]:
        return asks(self.answer)

    @cached_property
    def _next(self) -> dict[str, list[str]]:
        """The facts to find out next, each with the outcomes that it can change: first one that
        stands for several by which what leads the answer is open; where none changes anything by
        itself, those that the three-valued reading leaves open. While something critical is to be
        done before anything is used, those alone that can change what leads, or raise another
        critical alert.
        """
        lead = self.guideline.lead
        asked = {ask.fact: self._outcomes(ask) for ask in self._asks}
        grave = {lead.key if lead else "", *self._left_open}
        emergency = self.urgent and not self.answer.first_things(self.language)
        alone = {
            item.fact: list(item.decides)
            for item in next_facts(self.elsewhere, frequencies_of(self.answer.reasoner), LEAST)
            if not emergency or grave.intersection(item.decides)
        }
        facts = asked
        if alone:
            facts = {fact: asked[fact] for fact in self.several}
            facts |= standing_for_others(self.answer, alone)
        return dict(itertools.islice(facts.items(), MOST_ASKED))

    @cached_property
    def several(self) -> list[str]:
        """Facts that stand for several by which what leads the answer is open."""
        lead, stands_for = self.guideline.lead, self.guideline.stands_for
        open_ = [ask.fact for ask in self._asks if lead is not None and lead.key in ask.decides]
        return [fact for fact in open_ if stands_for.get(fact, (None, {}))[0] is True]

    def _outcomes(self, ask: Ask) -> list[str]:
        """What an ask decides, as outcomes are named."""
        kinds = {
            term.id: f"{section.kind}:{term.id}"
            for section in self.guideline.sections
            if isinstance(section, Alerts | Status)
            for term in self.guideline.of_kind(section.kind)
        }
        return [kinds.get(name, name) for name in ask.decides]

    @property
    def asked(self) -> list[ToFind]:
        """The facts to find out next, what matters most first."""
        return self._asked[0]

    @cached_property
    def _asked(self) -> tuple[list[ToFind], set[str]]:
        """The same, and the critical alerts left open that are told there, each once."""
        lead, found = self.guideline.lead, dict[str, list[str]]()
        told: dict[str, str] = {}  # the words in which an alert is told
        for fact, outcomes in self._next.items():
            leads = lead is not None and lead.key in outcomes
            why = self._why_asked([name for name in outcomes if leads or name not in told])
            why = why or next(told[name] for name in outcomes if name in told)
            found.setdefault(why, []).append(fact)
            if not leads:
                told |= {n: why for n in outcomes if n in self._left_open and n not in told}
        asked = [
            ToFind(tuple(facts), tuple(self.label.fact(fact) for fact in facts), why)
            for why, facts in found.items()
        ]
        return asked, set(told)

    def _why_asked(self, outcomes: list[str]) -> str:
        """What an unknown fact can change, the critical alerts that it leaves open last."""
        lead = self.guideline.lead
        if lead is not None and lead.key in outcomes:
            return lead.label[self.language]
        telling = [name for name in outcomes if not self.turned.is_done(name)] or outcomes
        telling = sorted(telling, key=lambda name: ":" in name)  # what comes first, then things
        things = [self.turned.about(name) for name in telling if name not in self._left_open]
        open_ = [self._left_open[name] for name in outcomes if name in self._left_open]
        if open_:
            open_[0] = f"{self.words['not ruled out'].lower()}{self.words['colon']}{open_[0]}"
        more = ["…"] if things[1:] else []
        return self.comma.join([*things[:1], *more, *open_])

    @cached_property
    def _left_open(self) -> dict[str, str]:
        """The critical alerts that unknown facts leave open, by outcome."""
        kinds = [s.kind for s in self.guideline.sections if isinstance(s, Alerts)]
        possible = self.answer.possible_alerts(self.language)
        return {f"{kind}:{alert.id}": alert.label for alert in possible for kind in kinds}

    @property
    def not_excluded(self) -> list[str]:
        """Critical alerts left open, but for those told with what to find out."""
        _, told = self._asked
        return [label for name, label in self._left_open.items() if name not in told]

    # --- how sure it is -------------------------------------------------------------------

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The case as it would be answered with other facts."""
        return Elsewhere(self.answer, whole=True)

    @cached_property
    def turned(self) -> Turned:
        """Says what would be told otherwise."""
        return Turned(self.guideline, self.language)

    @cached_property
    def unless(self) -> list[str]:
        """The nearest ways in which one known fact, were it otherwise, would turn the answer: of
        numbers those within the reach of their error and those whose error nobody knows, or else
        the nearest; where no number does, of the other facts.
        """
        errors = errors_of(self.answer)
        found = edges(self.elsewhere, errors)
        near = [b for b in found if b.away is None or b.away <= REACH] or found[:1]
        told = [self._border(border, errors.get(border.fact)) for border in near]
        if not told:
            others = [(i, end) for i in of_words(self.elsewhere) for end in i.beyond if end.changes]
            others.sort(key=lambda other: -max(harm(self.guideline, c) for c in other[1].changes))
            told = [self._other(item, end) for item, end in others]
        more = len(told) - MOST_TOLD
        rest = [self.turned.words["more"].format(more)] if more > 0 else []
        return [*told[:MOST_TOLD], *rest]

    def _border(self, border: Edge, error: MeasurementError | None) -> str:
        """A border: past what, from which value, how far in its error, what it turns."""
        turned, name = self.turned, border.fact
        past = turned.beyond(name, border.side == "low", border.at, border.closed)
        value = turned.value(name, border.value)
        if error is not None:
            low, at = border.side == "low", border.at
            size = turned.rounded(name, error.below if low else error.above)
            share = error.share(None, at) if low else error.share(at, None)
            value = turned.words["of readings"].format(value, size, percent(share))
        return f"{self.label.fact(name)} {past} ({value}) → {self._gravest(border.changes)}"

    def _other(self, item: Stability, end: Beyond) -> str:
        name = self.label.fact(item.fact)
        value = self.turned.value(item.fact, end.at)
        return f"{name}{self.words['colon']}{value} → {self._gravest(end.changes)}"

    def _gravest(self, changes: tuple[Turn, ...]) -> str:
        """The gravest of what is told otherwise, and how much more is."""
        gravest = self.turned.gravest(changes)[0]
        outcome = self.turned.outcome(gravest.of, gravest.after)
        told = f"{self.turned.about(gravest.of)}{self.words['colon']}{outcome}"
        more = len(changes) - 1
        return f"{told} (+{more})" if more else told

    # --- the rest in short ----------------------------------------------------------------

    def short(self, section: Section) -> list[str]:
        """A section in a few words, where there is something to say."""
        label, words = self.label, self.words
        match section:
            case One() if not section.leads:
                chosen = self.answer.chosen(section, self.language)
                if chosen is None:
                    return [words["unknown"]] if self.answer.open(section) else []
                return [
                    chosen.label if chosen.settled else f"{chosen.label} ({words['still open']})"
                ]
            case Tally():
                total = self.answer.total(section)
                if total.value is None:
                    return []
                told = str(total.value)
                points = [label.point(section, point) for point in total.points]
                if points:
                    told += f" ({self.comma.join(points)})"
                if total.unknown:
                    told += words["so far"]
                return [told]
            case Members():
                return [
                    label.of(section.predicates[0], id_) for id_ in self.answer.members(section)
                ]
            case Numbers():
                return label.numbers(self.answer.numbers(section))
            case Criteria():
                judged = self.answer.judged(section).criteria
                return [
                    f"{words[verdict]}{words['colon']}{self.comma.join(same)}"
                    for verdict in ("not_met", "unknown", "met")
                    if (
                        same := [
                            label.of(section.met, id_)
                            for id_, found in judged.items()
                            if found == verdict
                        ]
                    )
                ]
            case _:
                return []

    @property
    def evidence(self) -> list[str]:
        """What the evidence is worth, of what leads the answer and of what comes first."""
        words, found = self.words, []
        disputes: dict[str, None] = {}
        if self.lead is not None and self.guideline.lead is not None:
            found.append(self._worth(self.guideline.lead.label[self.language], self.lead.level))
            disputes |= dict.fromkeys(self.lead.disputed_by)
        for first in self.answer.first_things(self.language):
            found.append(self._worth(first.label, first.direct_level))
            disputes |= dict.fromkeys(first.disputed_by)
        if disputes:
            named = self.comma.join(self.label.study(study) for study in disputes)
            found.append(f"{words['disputed by']} {named}")
        return found

    def _worth(self, of: str, level: str | None) -> str:
        meaning = self.guideline.level_definitions.get(level or "", {}).get(self.language, "")
        short = meaning.partition(self.words["colon"])[0].rstrip(".。")
        return f"{of} {level} ({short[:1].lower()}{short[1:]})"

    @property
    def limits(self) -> list[str]:
        """Limits worth telling at once, of what leads the answer and of what comes first."""
        told = list(self.lead.limits) if self.lead is not None else []
        for first in self.answer.first_things(self.language):
            told += first.limits
        told += [limit for alert in self.alerts[SEVERITIES[0]] for limit in alert.limits]
        statements = self.guideline.statements
        return [
            self.label.statement(name) for name in dict.fromkeys(told) if statements[name].prominent
        ]
