"""The answer of the public contract, built from the trace of a case and its three-valued outlook:
the sections that the guideline declares, what is missing, and the proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, TypedDict, assert_never

import orjson

from calx.reasoner.engine.evaluation import Evaluation, Trace
from calx.reasoner.engine.evidence import Evidence, reservations
from calx.reasoner.engine.parts import (
    About,
    Action,
    Against,
    Alert,
    Caution,
    Chosen,
    Judgement,
    Missing,
    Number,
    Part,
    PossibleAlert,
    RankedThing,
    Step,
    Thing,
    Total,
    WeighedCaution,
)
from calx.reasoner.engine.proof import ProofView, ThingKeys
from calx.reasoner.engine.ranking import in_rank
from calx.reasoner.engine.uncertainty import Outlook, Uncertainty
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline, Statement, Term
from calx.reasoner.model.names import key_of, predicate_of, term_of
from calx.reasoner.model.rule import Assertion, Assignment, Production, Rule
from calx.reasoner.model.section import (
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Picture,
    Section,
    Status,
    Tally,
)
from calx.reasoner.model.values import as_json
from calx.words import DEFAULT, LANGUAGES


class _Backing(TypedDict):
    level: str
    disputed_by: list[str]
    limits: list[str]


class Answering(Protocol):
    """What answers cases by one guideline. An answer keeps it, so that it can be asked what it
    would be with other facts.
    """

    guideline: Guideline
    evaluation: Evaluation
    uncertainty: Uncertainty
    evidence: Evidence
    view: ProofView

    def __hash__(self) -> int:
        """By which reasoner it is."""

    @property
    def sample(self) -> Sequence[Mapping[str, Any]]:
        """Lesions such as a registry holds; empty where the guideline has none."""

    def plain_answer(self, case: Case, language: str = DEFAULT) -> Answer:
        """The answer to the facts as they stand."""


class Answer:
    """What the guideline says of one case; every part
    of it is the conclusion of a step of the proof.

    >>> import calx
    >>> result = calx.recommend({"max_superficial_arc_deg": 300}).json()
    >>> result["strategy"]["rule"], result["strategy"]["settled"]
    ('D4', False)
    >>> [step["conclusion"] for step in result["steps"] if step["rule"] == "D4"]
    ['strategy: active_modification']
    """

    def __init__(self, reasoner: Answering, case: Case, trace: Trace) -> None:
        self.reasoner = reasoner
        self.guideline = reasoner.guideline
        self.case = case
        self.trace = trace
        self.within: list[dict[str, Any]] = []
        """What would change elsewhere in the intervals of measured facts."""
        self._view = reasoner.view
        self._things: dict[tuple[str, str], list[Thing]] = {}

    @cached_property
    def outlook(self) -> Outlook:
        """What may yet be, whatever the unknown facts are."""
        return self.reasoner.uncertainty.outlook(self.trace.values)

    # --- the whole ------------------------------------------------------------------

    def json(self, language: str = "en") -> dict[str, Any]:
        """The result of the public contract; labels in `language` (``en`` or ``zh``)."""
        result: dict[str, Any] = orjson.loads(self.json_bytes(language))
        return result

    def json_bytes(self, language: str = "en") -> bytes:
        """The same as JSON text, UTF-8, on one line."""
        if language not in LANGUAGES:
            raise ValueError(f"language is {' or '.join(LANGUAGES)}, not {language!r}")
        return orjson.dumps(self._result(language))

    def _result(self, language: str) -> dict[str, Any]:
        guideline = self.guideline
        return {
            "case_id": self.case.id,
            "guideline": {
                "iri": guideline.iri,
                "version": guideline.version,
                "digest": guideline.digest,
                "suspended": [
                    {"rule": rule.rule, "withdrawn": list(rule.studies)}
                    for rule in guideline.suspended
                ],
            },
            "notice": guideline.notice[language],
            **{
                section.key: self.part(section, language)
                for section in guideline.sections
                if not isinstance(section, Picture)
            },
            "missing": self.missing,
            "possible_alerts": self.possible_alerts(language),
            "measured": None
            if self.case.measured is None
            else self.case.measured.json() | {"within_intervals": self.within},
            "steps": self.steps(language),
        }

    def part(self, section: Section, language: str) -> Part:
        """What stands under the key of a section."""
        match section:
            case One(brief=True):
                return next(iter(self.ids(section.predicate)), None)
            case One():
                return self.chosen(section, language)
            case Members():
                return self.members(section)
            case Tally():
                return self.total(section)
            case Status():
                return self.things(section, language)
            case Alerts():
                return self.alerts(section, language)
            case Actions():
                return self.actions(section, language)
            case Criteria():
                return self.judged(section)
            case Numbers():
                return self.numbers(section)
            case Picture():
                return None
            case _:
                assert_never(section)

    def steps(self, language: str) -> list[Step]:
        """The proof, premises before conclusions; a
        measured fact leads on to its frames and its drawer.
        """
        steps = self._view.steps(
            self.trace,
            language,
            self.reasoner.evidence.cited_always[language],
            self.reasoner.evidence.cited_at_times(self.statements, language),
        )
        measured = self.case.measured
        if measured is not None:
            for step in steps:
                step.premises = [
                    premise
                    if (found := measured.premise(premise.get("fact", ""))) is None
                    else premise | {"measured": found}
                    for premise in step.premises
                ]
        return steps

    # --- sections -------------------------------------------------------------------

    def ids(self, *predicates: str) -> list[str]:
        """Ids concluded for a property, or several, sorted."""
        id_of, by_property = self._view.id_of, self.trace.by_property
        if len(predicates) == 1:
            return sorted([id_of[key] for key in by_property.get(predicates[0], ())])
        return sorted({id_of[key] for name in predicates for key in by_property.get(name, ())})

    def members(self, section: Members) -> list[str]:
        """The ids of a section that shows a set."""
        return self.ids(*section.predicates)

    def chosen(self, section: One, language: str) -> Chosen | None:
        """The one term of a section with its rule, and whether the unknown facts leave it standing;
        None where there is none.
        """
        local = next(iter(self.trace.terms(section.predicate)), None)
        if local is None:
            return None
        key = key_of(section.predicate, local)
        rule, term = self.rules_of(key)[0], self.guideline.term(section.predicate, local)
        against = self.reasoner.evidence.reservations([rule], self.statements)
        return Chosen(
            term.id,
            rule.id,
            term.label[language],
            self.outlook.holds(key) is True and not self.elsewhere(section),
            self._level(key),
            min((r.level for r in self.rules_of(key)), key=self.guideline.levels.index),
            against["disputed_by"],
            against["limits"],
        )

    def open(self, section: One) -> bool:
        """Whether unknown facts leave open which term holds, or whether any does."""
        possible, certain = self.outlook.possible_of, self.outlook.certain
        return any(key not in certain for key in possible.get(section.predicate, ()))

    def elsewhere(self, section: One) -> list[str]:
        """Other terms (``none`` for none) that hold elsewhere in the intervals of measurements."""
        return sorted(
            {
                change["to"] or "none"
                for end in self.within
                for change in end["changes"]
                if change["of"] == section.key
            }
        )

    def total(self, section: Tally) -> Total:
        """What the points of a section add up to."""
        holds, name = self.outlook.holds, section.predicate
        return Total(
            as_json(self.trace.values.get(section.total)),
            self.ids(name),
            sorted(
                point.id
                for point in self._of_property(name)
                if holds(key_of(name, point.local)) is None
            ),
        )

    def _of_property(self, name: str) -> tuple[Term, ...]:
        return self.guideline.of_kind(self.guideline.properties[name].kind)

    def statuses(self, section: Status) -> dict[str, str]:
        """The status of each thing of a section, by its id."""
        keys = self._view.of_thing
        return {
            thing.id: self._status(keys[section.key, thing.local])[1]
            for thing in self.guideline.of_kind(section.kind)
        }

    def _status(self, keys: ThingKeys) -> tuple[str, str]:
        """The conclusion that gives a thing its status, and the word for it."""
        for status in keys.statuses:
            if status[0] in self.trace.derived:
                return status
        return keys.statuses[-1]

    def things(self, section: Status, language: str) -> list[Thing]:
        """The things of a section, each with its status, and with its rank where there is one."""
        known = self._things.get((section.key, language))
        if known is None:
            known = self._things[section.key, language] = self._all_things(section, language)
        return known

    def _all_things(self, section: Status, language: str) -> list[Thing]:
        terms = self.guideline.of_kind(section.kind)
        things = [self._thing(section, thing, language) for thing in terms]
        if not section.ranked:
            return things
        ranked = [
            self._with_rank(section, term, thing) for term, thing in zip(terms, things, strict=True)
        ]
        precedence = {term.id: term.precedence or term.order for term in terms}
        for rank, thing in enumerate(
            in_rank(section, ranked, self.guideline.levels, precedence), 1
        ):
            thing.rank = rank
        return [*ranked]

    def first_things(self, language: str) -> list[RankedThing]:
        """What comes first of each section that ranks its things."""
        return [
            thing
            for section in self.guideline.sections
            if isinstance(section, Status) and section.ranked
            for thing in self.things(section, language)
            if isinstance(thing, RankedThing) and thing.rank == 1
        ]

    def _with_rank(self, section: Status, term: Term, thing: Thing) -> RankedThing:
        """A thing with what its rank hangs on, but not yet the rank."""
        keys = self._view.of_thing[section.key, term.local]
        primary = self.rules_of(keys.indicated)
        beside = self.rules_of(keys.adjunct)
        speaking = [*primary, *beside, *(self.guideline.rule[name] for name in thing.preferred_by)]
        only_beside = {rule.id for rule in primary} <= {rule.id for rule in beside}
        levels = self.guideline.levels
        weighty = {
            caution.id
            for _, caution, _ in self._cautions(section).get(term.local, ())
            if caution.weighty
        }
        cautions = [
            WeighedCaution(**vars(caution), weighty=caution.id in weighty)
            for caution in thing.cautions
        ]
        return RankedThing(
            **(vars(thing) | {"cautions": cautions}),
            role=None if not (primary or beside) else "adjunct" if only_beside else "primary",
            rank=None,
            unavailable=self._against(self._by_key.get(keys.hindered, ())),
            direct_level=min((rule.level for rule in speaking), key=levels.index, default=None),
        )

    def _thing(self, section: Status, thing: Term, language: str) -> Thing:
        keys, derived = self._view.of_thing[section.key, thing.local], self.trace.derived
        name, word = self._status(keys)
        indicated = self.rules_of(keys.indicated)
        indicated += [r for r in self.rules_of(keys.adjunct) if r not in indicated]
        used = any(key in derived for key in keys.usable)
        favoured = self.rules_of(keys.favoured) if used else []
        forbidding = self._by_key.get(keys.forbidden, [])
        reasons = [rule for rule, _ in forbidding] or [*indicated, *favoured]
        against = self.reasoner.evidence.reservations(reasons, self.statements)
        return Thing(
            thing.id,
            thing.label[language],
            word,
            sorted([rule.id for rule in indicated]),
            sorted([rule.id for rule in favoured]),
            self._against(forbidding),
            [
                self._caution(key, caution, rule, language)
                for key, caution, rule in sorted(
                    self._cautions(section).get(thing.local, ()), key=lambda found: found[1].id
                )
            ],
            self._unverified(section, keys),
            self._values(self.guideline.sizes.get(thing.local, ())),
            self._level(name),
            against["disputed_by"],
            against["limits"],
        )

    def _unverified(self, section: Status, keys: ThingKeys) -> list[str]:
        """The unknown facts that leave open what speaks against a thing."""
        found = self.outlook.open_producers(keys.forbidden)
        if section.hindered is None:
            return list(found)
        return sorted({*found, *self.outlook.open_producers(keys.hindered)})

    def could_be_indicated(self, section: Status, thing: Term) -> bool:
        """Whether something speaks for a thing, or may; of a guideline that never says so, anything
        may.
        """
        keys = self._view.of_thing[section.key, thing.local]
        return section.indicated is None or not self.outlook.possible.keys().isdisjoint(
            (keys.indicated, keys.adjunct)
        )

    def undecided(self, section: Status, thing: Term) -> bool:
        """Whether unknown facts leave open that something speaks for a thing."""
        keys, outlook = self._view.of_thing[section.key, thing.local], self.outlook
        speaking = (
            (keys.indicated, keys.adjunct)
            if section.indicated
            else [key for key, _ in keys.statuses[:-1]]
        )
        return any(key in outlook.possible and key not in outlook.certain for key in speaking)

    def _cautions(self, section: Status) -> dict[str | None, list[tuple[str, Term, Rule]]]:
        """The cautions about each thing, with the rules that raised them."""
        if section.key not in self._cautions_of:
            found: dict[str | None, list[tuple[str, Term, Rule]]] = {}
            for key in self.trace.by_property.get(section.caution or "", ()):
                caution = self.guideline.term(predicate_of(key), term_of(key))
                found.setdefault(caution.concerns, []).extend(
                    (key, caution, rule) for rule in self.rules_of(key)
                )
            self._cautions_of[section.key] = found
        return self._cautions_of[section.key]

    @cached_property
    def _cautions_of(self) -> dict[str, dict[str | None, list[tuple[str, Term, Rule]]]]:
        return {}

    def _caution(self, key: str, caution: Term, rule: Rule, language: str) -> Caution:
        against = self._backing(rule)
        return Caution(
            caution.id,
            rule.id,
            caution.label[language],
            self._level(key),
            against["disputed_by"],
            against["limits"],
        )

    def _against(self, found: Iterable[tuple[Rule, Production]]) -> list[Against]:
        return [
            Against(
                rule.id,
                list(self.guideline.given_facts(production.reads)),
                **self._backing(rule),
            )
            for rule, production in found
        ]

    def _backing(self, rule: Rule) -> _Backing:
        against = self.reasoner.evidence.reservations([rule], self.statements)
        return {
            "level": rule.level,
            "disputed_by": against["disputed_by"],
            "limits": against["limits"],
        }

    def all_alerts(self, language: str) -> list[Alert]:
        """The alerts of all sections."""
        return [
            alert
            for section in self.guideline.sections
            if isinstance(section, Alerts)
            for alert in self.alerts(section, language)
        ]

    def alerts(self, section: Alerts, language: str) -> list[Alert]:
        """Alerts, the most severe first, each with the advice and factors that its rules add."""
        raised = {local for name in section.raising for local in self.trace.terms(name)}
        order = {word: index for index, (_, word) in enumerate(section.severities)}
        shown = [
            self._alert(section, alert, language)
            for alert in self.guideline.of_kind(section.kind)
            if alert.local in raised
        ]
        return sorted(shown, key=lambda alert: order[alert.severity])

    def _alert(self, section: Alerts, alert: Term, language: str) -> Alert:
        keys = [
            key
            for key in (key_of(name, alert.local) for name in section.raising)
            if key in self.trace.derived
        ]
        adding = self._by_alert.get(alert.local, ())
        rules = list(
            {
                rule.id: rule
                for rule in (
                    *(rule for key in keys for rule in self.rules_of(key)),
                    *(rule for rule, _ in adding),
                )
            }.values()
        )
        added = [
            (conclusion.predicate, self._view.id_of[conclusion.key])
            for _, conclusion in adding
            if isinstance(conclusion, Assertion)
        ]
        against = self.reasoner.evidence.reservations(rules, self.statements)
        return Alert(
            alert.id,
            # an alert whose severity no rule tells (its study was withdrawn) is taken for the worst
            next(
                (word for name, word in section.severities if key_of(name, alert.local) in keys),
                section.gravest,
            ),
            sorted([rule.id for rule in rules]),
            alert.label[language],
            sorted([id_ for predicate, id_ in added if predicate == section.factor]),
            self._in_order(
                section.advice,
                [id_ for predicate, id_ in added if self._within(predicate, section.advice)],
            ),
            self.guideline.levels[min(self.trace.derived[key] for key in keys)],
            against["disputed_by"],
            against["limits"],
        )

    def _within(self, predicate: str, role: str | None) -> bool:
        """Whether a property is this one, or below it."""
        return role is not None and role in (predicate, *self.guideline.above(predicate))

    def actions(self, section: Actions, language: str) -> list[Action]:
        """Every advised action once, in the order in which they are done (`sh:order`)."""
        found, kind = [], self.guideline.properties[section.predicates[0]].kind
        told = set(self.ids(*section.predicates))
        for term in self._of_property(section.predicates[0]):
            if term.id not in told:
                continue
            derived = [key_of(name, term.local) for name in section.predicates]
            keys = [key for key in derived if key in self.trace.derived]
            rules = [rule for key in keys for rule in self.rules_of(key)]
            others = {self.guideline.terms[f"{kind}/{local}"].id for local in term.alternatives}
            found.append(
                Action(
                    term.id,
                    term.label[language],
                    sorted({rule.alert for rule in rules if rule.alert is not None}),
                    sorted({rule.id for rule in rules}),
                    self.guideline.levels[min(self.trace.derived[key] for key in keys)],
                    sorted(others & told),
                )
            )
        return found

    def _in_order(self, predicate: str | None, advice: Iterable[str]) -> list[str]:
        """Advised actions in the order in which they are done (`sh:order` of their terms)."""
        told = set(advice)
        if not told or predicate is None:
            return []
        return [term.id for term in self._of_property(predicate) if term.id in told]

    def numbers(self, section: Numbers) -> dict[str, Number]:
        """The computed numbers of a section, by name."""
        return self._values(section.names)

    def _values(self, names: Iterable[str]) -> dict[str, Number]:
        values = self.trace.values
        return {name: as_json(values[name]) for name in names if name in values}

    def judged(self, section: Criteria) -> Judgement:
        """Which criteria are met; none where there is nothing to judge."""
        met, missed = self.ids(section.met), self.ids(section.not_met)
        told = met or missed or (section.advice and self.ids(section.advice))
        # what rules concluded is never hidden
        if not told and section.where and self.trace.values.get(section.where) is not True:
            return Judgement({}, [], [])
        criteria = {
            c.id: "unknown"
            if self.outlook.because_of(key_of(section.met, c.local))
            else "met"
            if c.id in met
            else "not_met"
            if c.id in missed
            else "unknown"
            for c in self.guideline.of_kind(section.kind)
        }
        judging = (
            statement
            for rule in self.guideline.concluding(section.met)
            for statement in self.reasoner.evidence.of(rule, self.trace, self.outlook)
        )
        return Judgement(
            criteria,
            []
            if section.advice is None
            else self._in_order(section.advice, self.ids(section.advice)),
            reservations(judging)["limits"],
        )

    # --- what stands for the whole --------------------------------------------------

    def outcomes(self) -> dict[About, str | None]:
        """What a change of facts may turn: what unknown facts decide, and the gravest alerts."""
        told: dict[About, str | None] = {}
        for section in self.guideline.sections:
            match section:
                case One(listed=True):
                    told[About(section.key)] = next(iter(self.ids(section.predicate)), None)
                case Tally(listed=True):
                    value = self.total(section).value
                    told[About(section.key)] = None if value is None else str(value)
                case Status(listed=True):
                    told |= {
                        About(section.kind, id_): status
                        for id_, status in self.statuses(section).items()
                    }
                case Alerts():
                    told |= {
                        About(section.kind, alert.id): alert.severity
                        for alert in self.alerts(section, "en")
                        if alert.severity == section.gravest
                    }
                case _:
                    pass
        return told

    # --- what is unknown ------------------------------------------------------------

    @cached_property
    def missing(self) -> list[Missing]:
        """The unknown facts that could change what is asked for, what matters most first."""
        decides = self.outlook.decides(self._view.questions, self._view.in_order, self._view.each)
        for section in self.guideline.sections:
            if isinstance(section, Criteria) and section.listed and section.where:
                where = section.where
                if where not in self.trace.values:  # it decides whether there is anything to judge
                    decides[where] = sorted({*decides.get(where, ()), section.key})
        lead = self._view.lead
        order = sorted(
            decides, key=lambda fact: (lead not in decides[fact], -len(decides[fact]), fact)
        )
        return [Missing(fact, decides[fact]) for fact in order]

    def worth_asking(self, item: Missing) -> tuple[str, ...]:
        """What an unknown fact decides, as far as a reader wants to know: the leading section alone
        where it decides that, and no thing for which nothing could speak, though what forbids it
        may be unknown.
        """
        lead = self._view.lead
        if lead in item.decides:
            return (lead,)
        idle = {
            thing.id
            for section in self.guideline.sections
            if isinstance(section, Status)
            for thing in self.guideline.of_kind(section.kind)
            if not self.could_be_indicated(section, thing)
        }
        return tuple(name for name in item.decides if name not in idle)

    def possible_alerts(self, language: str) -> list[PossibleAlert]:
        """Alerts that were not raised and that unknown facts leave open, those nearest to firing
        first: unknown is never "no".
        """
        labels = {alert.id: alert.label[language] for _, alert in self._view.left_open}
        return [PossibleAlert(id_, labels[id_], facts) for _, id_, facts in self.left_open]

    @cached_property
    def left_open(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The same: the property that would raise each, its id, and the unknown facts."""
        certain, possible = self.outlook.certain, self.outlook.possible
        found = [
            (predicate_of(key), alert.id, self.outlook.because_of(key))
            for key, alert in self._view.left_open
            if key in possible
            and key not in certain
            and key not in self.trace.derived
            and self._view.open_here(alert, self.trace)
        ]
        return sorted(found, key=lambda alert: len(alert[2]))

    # --- evidence -------------------------------------------------------------------

    @cached_property
    def statements(self) -> dict[str, tuple[Statement, ...]]:
        """For each rule that fired the statements that concern this case."""
        return self.reasoner.evidence.of_all(self.trace, self.outlook)

    @cached_property
    def _by_key(self) -> dict[str, list[tuple[Rule, Production]]]:
        """What concluded each conclusion."""
        found: dict[str, list[tuple[Rule, Production]]] = {}
        for rule, production, _, _ in self.trace.steps:
            key = production.conclusion.key
            if key in found:
                found[key].append((rule, production))
            else:
                found[key] = [(rule, production)]
        return found

    @cached_property
    def _by_alert(self) -> dict[str, list[tuple[Rule, Assertion | Assignment]]]:
        """What rules add to each alert, in their order."""
        found: dict[str, list[tuple[Rule, Assertion | Assignment]]] = {}
        for rule, production, _, _ in self.trace.steps:
            if rule.alert is not None:
                found.setdefault(rule.alert, []).append((rule, production.conclusion))
        return found

    def rules_of(self, key: str) -> list[Rule]:
        """The rules that concluded something."""
        return [rule for rule, _ in self._by_key.get(key, ())]

    def _level(self, key: str) -> str | None:
        rank = self.trace.derived.get(key)
        return None if rank is None else self.guideline.levels[rank]
