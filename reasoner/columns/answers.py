"""An answer as columns: what the sections of a guideline say of each lesion, a column a thing that
can be said. Ranks come from the same marks in the same order as those of one case
(`engine.ranking`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from calx.reasoner.columns.blame import Bits, Words, joined, where
from calx.reasoner.columns.exactness import beyond
from calx.reasoner.columns.program import RuleColumns, fired, query
from calx.reasoner.columns.sql import DIGITS, Kleene, Select, Sql, literal, open_column, quoted
from calx.reasoner.engine.proof import ProofView, ThingKeys
from calx.reasoner.model.guideline import Guideline, Statement, Term
from calx.reasoner.model.names import key_of, predicate_of
from calx.reasoner.model.section import (
    Actions,
    Alerts,
    Criteria,
    Members,
    One,
    Section,
    Status,
    Tally,
)

MOST_ACTIONS = 3
"""Actions that have a column, the first first."""
WIDE = 64
"""Things, and cautions of one, that a rank can tell apart."""
BEYOND = "beyond"
"""The column that says that doubles cannot decide a row."""
MISSING = "missing"
"""The column of how many unknown facts decide something."""
MOST = "most_"
"""Before the key of a tally, of the column of what it comes to if all that is open counts."""
CONTRADICTS = "contradicts"
"""The column that says that the guideline says two things of a row, of which one can be true."""


@dataclass(frozen=True)
class AnswerColumns:
    """The answers of a guideline as a query.

    Attributes:
        table: it reads a table ``lesions``, as `RuleColumns` does: what is carried on and the given
            facts, then `columns`, `BEYOND` and `CONTRADICTS`.
        columns: what is said, in the order of the sections; then a column a quantity and a rule.
        missing: by the number of a word, the column of the bits of the unknown facts that decide
            something (`blame.Bits`).
    """

    table: Select
    columns: tuple[str, ...]
    missing: Mapping[int, str]


def answers(
    guideline: Guideline,
    asked: Collection[str] = (),
    carried: Sequence[str] = (),
    *,
    doubted: bool = False,
) -> AnswerColumns:
    """What the sections say of each lesion.

    Args:
        guideline: whose rules and sections are read.
        asked: what an answer asks for and all that it hangs on (`Uncertainty.read`); without it, no
            column says what unknown facts leave open.
        carried: columns of the lesions that are no facts, and stay as they are.
        doubted: it was not proved that the guideline never contradicts itself, so it is told where
            it does.
    """
    rules = query(guideline, asked, carried, doubted=doubted)
    return _Answers(guideline, rules, doubted=doubted).all()


class _Answers:
    def __init__(self, guideline: Guideline, rules: RuleColumns, *, doubted: bool) -> None:
        self._doubted = doubted
        self._guideline, self._rules = guideline, rules
        self._opened = bool(rules.open)
        self._view, self._bits = ProofView(guideline), Bits(guideline)
        given = {fact.name for fact in guideline.facts.values() if fact.given}
        self._closed = Sql(given, self._by_property(rules.conclusions))
        self._certain = Kleene(given, self._by_property(rules.open), guideline.inapplicable)
        self._missing_words: Words = {}
        self._between: dict[str, str] = {}
        """Columns that others are made from: places of things, bits of unknown facts."""

    def _by_property(self, keys: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key in keys:
            found.setdefault(predicate_of(key), []).append(key)
        return found

    def all(self) -> AnswerColumns:
        """All sections, what is missing, then numbers and rules."""
        told: dict[str, str] = {}
        for section in self._guideline.sections:
            told |= dict(self._section(section))
        if self._opened:
            told[MISSING] = self._missing()
        facts = self._guideline.facts
        told |= {
            name: self._number(name)
            for name in facts
            if name in self._rules.values and not facts[name].given and name not in told
        }
        for rule, columns in self._rules.fired.items():
            told[f"rule_{rule.replace('-', '_')}"] = _any(map(quoted, columns))
        internal = [
            *self._rules.values,
            *self._rules.conclusions,
            *(column for columns in self._rules.fired.values() for column in columns),
            *self._rules.denied,
            *self._rules.open.values(),
            *(column for words in self._rules.blamed.values() for column in words.values()),
        ]
        given = {name for name in self._rules.values if facts[name].given}
        missing = {word: f"{MISSING}:{word}" for word in self._missing_words}
        between = [name for name in self._between if name not in missing.values()]
        gone = [name for name in internal if name not in given and name not in told]
        below = self._rules.table.select(self._between)
        told |= {BEYOND: beyond(self._guideline), CONTRADICTS: self._contradicts()}
        table = below.select(told, [*gone, *between])
        return AnswerColumns(table, tuple(told)[:-2], missing)

    def _number(self, name: str) -> str:
        """A computed value, without what doubles add to it."""
        kind = self._guideline.facts[name].kind
        return quoted(name) if kind in ("boolean", "text") else f"round({quoted(name)}, {DIGITS})"

    def _contradicts(self) -> str:
        """Whether a functional property has two terms, or something two values."""
        if not self._doubted:
            return "FALSE"
        keys = self._by_property(self._rules.conclusions)
        twice = [
            f"{_count(map(quoted, keys[name]))} > 1"
            for name, described in self._guideline.properties.items()
            if described.functional and len(keys.get(name, ())) > 1
        ]
        return _any([*twice, *map(quoted, self._rules.denied)])

    def _section(self, section: Section) -> Iterator[tuple[str, str]]:
        """Columns of a section, each with what it is."""
        match section:
            case One():
                yield section.key, self._chosen(section)
                if section.leads and self._opened:
                    yield "settled", self._settled(section)
            case Tally():
                total = f"CAST({quoted(section.total)} AS INTEGER)"
                yield section.key, total
                if self._opened:
                    yield f"{MOST}{section.key}", self._most(section, total)
            case Members() if not self._are_actions(section):
                for name in section.predicates:
                    kind = self._guideline.properties[name].kind
                    for term in self._guideline.of_kind(kind):
                        yield f"{kind}_{term.id}", self._told(key_of(name, term.local))
            case Status():
                yield from self._things(section)
            case Alerts():
                yield from self._alerts(section)
            case Actions():
                yield from self._actions(section)
            case Criteria() if self._opened:
                yield from self._criteria(section)
            case _:
                pass

    def _most(self, section: Tally, total: str) -> str:
        """A tally, if all points counted that unknown facts leave open."""
        open_ = [
            f"CASE WHEN {self._is_open(key)} AND NOT {self._told(key)} THEN {weight} ELSE 0 END"
            for key, weight in (
                (key_of(section.predicate, point), weight) for point, weight in section.weights
            )
            if key in self._rules.open
        ]
        return " + ".join([f"coalesce({total}, 0)", *open_])

    def _are_actions(self, section: Members) -> bool:
        actions = {
            name
            for s in self._guideline.sections
            if isinstance(s, Actions)
            for name in s.predicates
        }
        return not actions.isdisjoint(section.predicates)

    def _told(self, key: str) -> str:
        """Whether something is concluded."""
        return quoted(key) if key in self._known else "FALSE"

    @cached_property
    def _known(self) -> set[str]:
        return set(self._rules.conclusions)

    def _keys(self, section: One) -> Iterator[tuple[str, Term]]:
        kind = self._guideline.properties[section.predicate].kind
        for term in self._guideline.of_kind(kind):
            key = key_of(section.predicate, term.local)
            if key in self._known:
                yield key, term

    def _chosen(self, section: One) -> str:
        return _case((quoted(key), literal(term.id)) for key, term in self._keys(section))

    def _settled(self, section: One) -> str:
        """Of the term that leads, whether it is certain; NULL where none does."""
        return _case(
            (quoted(key), f"coalesce({quoted(open_column(key))}, FALSE)")
            for key, _ in self._keys(section)
        )

    # --- alerts and actions -----------------------------------------------------------------

    def _alerts(self, section: Alerts) -> Iterator[tuple[str, str]]:
        for alert in self._guideline.of_kind(section.kind):
            graded = [
                (self._told(key_of(name, alert.local)), literal(word))
                for name, word in section.severities
            ]
            raised = _any(self._told(key_of(name, alert.local)) for name in section.raised)
            yield (
                f"{section.kind}_{alert.id}",
                _case([*graded, (raised, literal(section.gravest))]),
            )
        for key, alert in self._view.left_open if self._opened else ():
            if alert.kind == section.kind:
                yield f"possible_{alert.id}", self._possible(key, alert)

    def _possible(self, key: str, alert: Term) -> str:
        """Whether unknown facts leave an alert open, where that is told."""
        if key not in self._rules.open:
            return "FALSE"
        open_ = f"{quoted(open_column(key))} IS NULL AND NOT {self._told(key)}"
        if alert.open_where is None:
            return open_
        return f"{open_} AND {self._closed.holds(alert.open_where)}"

    def _actions(self, section: Actions) -> Iterator[tuple[str, str]]:
        kind = self._guideline.properties[section.predicates[0]].kind
        told = [
            (_any(self._told(key_of(n, term.local)) for n in section.predicates), term)
            for term in self._guideline.of_kind(kind)
        ]
        told = [(holds, term) for holds, term in told if holds != "FALSE"]
        for number in range(1, MOST_ACTIONS + 1):
            yield (
                f"action_{number}",
                _case(
                    (
                        holds
                        if number == 1
                        else f"({holds}) AND {_count(h for h, _ in told[:place])} = {number - 1}",
                        literal(term.id),
                    )
                    for place, (holds, term) in enumerate(told)
                    if place >= number - 1
                ),
            )

    def _criteria(self, section: Criteria) -> Iterator[tuple[str, str]]:
        """Met, not met or unknown; NULL where there is nothing to judge."""
        kinds = [section.met, section.not_met, *([section.advice] if section.advice else [])]
        concluded = [key for key in self._rules.conclusions if predicate_of(key) in kinds]
        judged = _any(map(quoted, concluded))
        if section.where:
            judged += f" OR ({quoted(section.where)}) IS TRUE"
        for criterion in self._guideline.of_kind(section.kind):
            met = key_of(section.met, criterion.local)
            yield (
                f"{section.kind}_{criterion.id}",
                _case(
                    [
                        (f"NOT ({judged})", "NULL"),
                        (self._is_open(met), "'unknown'"),
                        (self._told(met), "'met'"),
                        (self._told(key_of(section.not_met, criterion.local)), "'not_met'"),
                        ("TRUE", "'unknown'"),
                    ]
                ),
            )

    def _is_open(self, key: str) -> str:
        return f"{quoted(open_column(key))} IS NULL" if key in self._rules.open else "FALSE"

    # --- things -----------------------------------------------------------------------------

    def _things(self, section: Status) -> Iterator[tuple[str, str]]:
        things = self._guideline.of_kind(section.kind)
        for thing in things:
            yield f"status_{thing.id}", self._status(section, thing)
        for thing in things if self._opened else ():
            yield f"unverified_{thing.id}", self._unverified(section, thing)
        if not section.ranked:
            return
        for thing in things:
            self._between[_place(thing)] = self._place(section, thing)
        ranks = {thing.id: self._rank(thing, things) for thing in things}
        for id_, rank in ranks.items():
            yield f"rank_{id_}", rank
        yield (
            f"first_{section.kind}",
            _case((f"{rank} = 1", literal(id_)) for id_, rank in ranks.items()),
        )

    def _status(self, section: Status, thing: Term) -> str:
        *graded, last = ThingKeys(section, thing.local).statuses
        return _case(
            [
                *((self._told(key), literal(word)) for key, word in graded),
                ("TRUE", literal(last[1])),
            ]
        )

    def _unverified(self, section: Status, thing: Term) -> str:
        """How many unknown facts leave open what speaks against a thing."""
        keys = ThingKeys(section, thing.local)
        against = [keys.forbidden, *([keys.hindered] if section.hindered else [])]
        words = joined([self._blamed(key) for key in against])
        return self._bits.known_of(self._kept(f"unverified:{thing.id}", words))

    def _blamed(self, key: str) -> Words:
        return {word: quoted(name) for word, name in self._rules.blamed.get(key, {}).items()}

    def _kept(self, name: str, words: Words) -> Words:
        """The same bits, in columns of their own."""
        self._between |= {f"{name}:{word}": text for word, text in words.items()}
        return {word: quoted(f"{name}:{word}") for word in words}

    def _missing(self) -> str:
        """How many unknown facts leave a question open (`Outlook.decides`)."""
        asked = [self._question(name, keys) for name, keys in self._view.questions.items()]
        asked += [
            where(self._is_open(key), self._blamed(key))
            for keys in self._view.each.values()
            for key in keys
        ]
        words = joined(asked)
        for section in self._guideline.sections:
            if isinstance(section, Criteria) and section.listed and section.where:
                words = self._bits.with_fact(words, section.where)
        self._missing_words = self._kept(MISSING, words)
        return self._bits.known_of(self._missing_words)

    def _question(self, name: str, keys: Iterable[str]) -> Words:
        """What leaves a question open. One that the first conclusion that holds answers is settled
        where the first that may hold is certain.
        """
        known = [key for key in keys if key in self._rules.open]
        blamed = joined([where(self._is_open(key), self._blamed(key)) for key in known])
        certain = [f"{quoted(open_column(key))} IS TRUE" for key in known]
        possible = [f"{quoted(open_column(key))} IS NOT FALSE" for key in known]
        if name not in self._view.in_order:
            return where(f"NOT ({_any(certain)})", blamed)
        first = _case([*zip(possible, certain, strict=True), ("TRUE", "FALSE")])
        return where(f"NOT ({first})", blamed)

    def _rank(self, thing: Term, things: Iterable[Term]) -> str:
        """One more than the things that come before; NULL where it may not be used."""
        mine = quoted(_place(thing))
        before = _count(
            f"coalesce({quoted(_place(other))} < {mine}, FALSE)"
            for other in things
            if other is not thing
        )
        return f"CASE WHEN {mine} IS NOT NULL THEN 1 + {before} END"

    def _place(self, section: Status, thing: Term) -> str:
        """Status, role, weighty cautions, dispute, direct level, precedence, as one number."""
        keys, levels = ThingKeys(section, thing.local), self._guideline.levels
        good = [status.word for status in section.in_reading_order if status.usable]
        standing = _case(
            (f"({self._status(section, thing)}) = {literal(word)}", str(number))
            for number, word in enumerate(good)
        )
        primary, beside = self._firing(keys.indicated), self._firing(keys.adjunct)
        used = _any(self._told(key) for key in keys.usable)
        favoured = {
            rule: f"(({fires}) AND ({used}))" for rule, fires in self._firing(keys.favoured).items()
        }
        adjunct = _all(
            [
                _any([*primary.values(), *beside.values()]),
                *(f"(NOT ({fires}) OR ({beside.get(r, 'FALSE')}))" for r, fires in primary.items()),
            ]
        )
        cautions = [
            fires
            for caution in self._guideline.terms.values()
            if section.caution
            and caution.weighty
            and caution.concerns == thing.local
            and caution.kind == self._guideline.properties[section.caution].kind
            for fires in self._firing(key_of(section.caution, caution.local)).values()
        ]
        speaking = [*primary.items(), *beside.items(), *favoured.items()]
        disputed = _any(f"({fires}) AND ({self._disputed(rule)})" for rule, fires in speaking)
        level = _case(
            [
                *(
                    (
                        _any(f for rule, f in speaking if self._guideline.rule[rule].level == name),
                        str(number),
                    )
                    for number, name in enumerate(levels[:-1])
                ),
                ("TRUE", str(len(levels) - 1)),
            ]
        )
        parts = [
            (_number(adjunct), 2),
            (_count(cautions), WIDE),
            (_number(disputed), 2),
            (level, len(levels)),
            (str(thing.precedence or thing.order), 10 * WIDE),
        ]
        place = f"({standing})"
        for part, wide in parts:
            place = f"({place} * {wide} + ({part}))"
        return place

    def _firing(self, key: str) -> dict[str, str]:
        """By rule, whether it concludes something."""
        found: dict[str, list[str]] = {}
        for clause in self._guideline.program.writers_of.get(key, ()):
            found.setdefault(clause.rule.id, []).append(quoted(fired(clause)))
        return {rule: _any(each) for rule, each in found.items()}

    def _disputed(self, rule: str) -> str:
        """Whether a statement speaks against a rule that concerns the lesion."""
        evidence = self._guideline.rule[rule].evidence
        statements = self._guideline.statements
        found = (statements[id_] for id_ in evidence if id_ in statements)
        return _any(
            self._concerns(statement)
            for statement in found
            if statement.stance == "disputes"
            and not self._guideline.studies[statement.study].withdrawn
        )

    def _concerns(self, statement: Statement) -> str:
        when, known = statement.when, statement.when_known
        parts = [] if when is None else [self._closed.holds(when)]
        parts += [] if known is None else [self._certain.holds(known)]
        return _all(parts)


def _place(thing: Term) -> str:
    return f"place:{thing.id}"


def _any(parts: Iterable[str]) -> str:
    return " OR ".join(f"({part})" for part in parts if part != "FALSE") or "FALSE"


def _all(parts: Iterable[str]) -> str:
    return " AND ".join(f"({part})" for part in parts) or "TRUE"


def _number(part: str) -> str:
    return f"CAST(({part}) AS INTEGER)"


def _count(parts: Iterable[str]) -> str:
    """How many of them hold."""
    return f"({' + '.join(map(_number, parts)) or 0})"


def _case(parts: Iterable[tuple[str, str]]) -> str:
    """The value of the first that holds."""
    each = " ".join(f"WHEN {when} THEN {value}" for when, value in parts)
    return f"CASE {each} END" if each else "NULL"
