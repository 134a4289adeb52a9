"""The rules read anew over the lesions of a report, with facts or evidence other than they are: how
many lesions would be told something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from math import pi

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.results import Results
from calx.reasoner.columns.admission import admission, entered
from calx.reasoner.columns.answers import answers
from calx.reasoner.columns.blame import WORD, Bits
from calx.reasoner.columns.program import query
from calx.reasoner.columns.sql import TYPES, literal, quoted
from calx.reasoner.load.reader import suspend
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import key_of
from calx.reasoner.model.rule import DEVIATION
from calx.reasoner.model.section import One, Tally
from calx.reasoner.recommendation import Reasoner

NOTHING = "\x1f–"
"""Where nothing is told; no value of a file is written so."""
WHOSE = "patient:"
"""The column of whose a lesion is."""


@dataclass(frozen=True)
class Reclassified:
    """What a change turns.

    Attributes:
        pairs: by what is told and what would be told, how many lesions.
        turned: the share that would be told something else; None of no lesion.
        aside: lesions that are not looked at, as what is known of them contradicts the change.
    """

    pairs: dict[tuple[str, str], int]
    turned: Share | None
    aside: int = 0

    @property
    def lesions(self) -> int:
        return sum(self.pairs.values())


@dataclass(frozen=True)
class ReadingError:
    """How far the readings of a number err.

    Attributes:
        deviation: the standard deviation, as SQL.
        number: the same as a study tells it.
        of: ``value`` where it is a percentage of the value, ``points`` where it is percentage
            points, else its unit.
        study: that says so.
    """

    deviation: str
    number: Decimal
    of: str
    study: str


class Again:
    """Reads the rules anew.

    Args:
        reasoner: of the guideline.
        results: whose lesions are read.
        patient: SQL of whose a lesion is; None: each is its own.
    """

    def __init__(self, reasoner: Reasoner, results: Results, patient: str | None = None) -> None:
        self._reasoner, self._patient = reasoner, patient
        self._there = {*results.columns}
        guideline = reasoner.guideline
        self.sections: list[One | Tally] = [
            section
            for section in guideline.sections
            if isinstance(section, Tally) or section is guideline.lead
        ]
        """What is looked at: the leading section, and scores."""
        self._connection = results.connection
        lesions = results.lesions(reasoner, {CASE_ID: CASE_ID, WHOSE: patient or "NULL"})
        self._connection.execute(f"CREATE TEMP TABLE taken AS {lesions.text}")
        self._facts = tuple(name for name in lesions.columns if name not in (CASE_ID, WHOSE))
        self._tell(guideline, "SELECT * FROM taken", "told")
        (self.lesions,) = self._connection.execute("SELECT count(*) FROM taken").fetchone() or (0,)

    def _tell(self, guideline: Guideline, lesions: str, table: str) -> None:
        """What is told of each lesion, as a table."""
        rules = query(guideline, (), [CASE_ID, WHOSE])
        text = rules.table.text.replace("FROM lesions)", f"FROM ({lesions}) AS l)")
        told = ", ".join(
            f"coalesce({_told_by(guideline, section, rules.conclusions)}, '{NOTHING}') "
            f"AS {quoted(section.key)}"
            for section in self.sections
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS "
            f"SELECT {CASE_ID}, {quoted(WHOSE)}, {told} FROM ({text}) AS r"
        )

    def _moved(self, there: int | None = None) -> dict[str, Reclassified]:
        """What the table ``other`` turns.

        Args:
            there: of how many lesions; None: of all.
        """
        there = self.lesions if there is None else there
        found, both = {}, f"FROM told JOIN other USING ({CASE_ID})"
        patient = None if self._patient is None else f"told.{quoted(WHOSE)}"
        for section in self.sections:
            key = quoted(section.key)
            pairs = self._connection.execute(
                f"SELECT told.{key}, other.{key}, count(*) {both} GROUP BY 1, 2"
            ).fetchall()
            counted = intervals.sums(both, [f"told.{key} <> other.{key}"], patient)
            rows = self._connection.execute(counted).fetchall()
            turned = intervals.shares(rows[0])[1][0] if rows else None
            moved = {(str(old), str(new)): int(count) for old, new, count in pairs}
            found[section.key] = Reclassified(moved, turned, there - sum(moved.values()))
        return found

    def without(self, fact: str) -> dict[str, Reclassified]:
        """Where a fact were not known."""
        guideline = self._reasoner.guideline
        nothing = f"CAST(NULL AS {TYPES[guideline.facts[fact].kind]})"
        self._tell(guideline, self._with({fact: nothing}), "other")
        return self._moved()

    def withdrawn(self, study: str) -> dict[str, Reclassified] | None:
        """Where a study were withdrawn; None where no rule falls away with it."""
        guideline = self._reasoner.guideline
        studies = guideline.studies | {study: replace(guideline.studies[study], withdrawn=True)}
        suspended = suspend(replace(guideline, studies=studies))
        if suspended.rules == guideline.rules:
            return None
        self._tell(suspended, "SELECT * FROM taken", "other")
        return self._moved()

    def _with(self, changed: Mapping[str, str], table: str = "taken") -> str:
        """The lesions of a table, with facts as SQL says."""
        names = ", ".join(f"{text} AS {quoted(name)}" for name, text in changed.items())
        return f"SELECT * REPLACE ({names}) FROM {table}" if names else f"SELECT * FROM {table}"

    def _read(self, changed: Mapping[str, str]) -> dict[str, Reclassified]:
        """Where numbers are read otherwise, of lesions that have one of them. What is read with
        them (``calx:follows``) is taken for unknown where it contradicts them; lesions that still
        do are left aside.
        """
        guideline, run = self._reasoner.guideline, self._connection.execute
        moved = {guideline.facts[name].local for name in changed}
        following = [
            name
            for name in self._facts
            if guideline.facts[name].follows in moved and name not in changed
        ]
        known = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in changed) or "FALSE"
        text = f"{self._with(changed)} WHERE {known}"
        run(f"CREATE OR REPLACE TEMP TABLE shifted AS {text}")
        (there,) = run("SELECT count(*) FROM shifted").fetchone() or (0,)
        refused = self._refused("shifted")
        kinds = {name: TYPES[guideline.facts[name].kind] for name in following}
        where = f"{CASE_ID} IN (SELECT {CASE_ID} FROM refused)"
        loose = {
            name: f"CASE WHEN NOT {where} THEN {quoted(name)} ELSE CAST(NULL AS {kind}) END"
            for name, kind in kinds.items()
        }
        run(f"CREATE OR REPLACE TEMP TABLE refused AS {refused}")
        run(f"CREATE OR REPLACE TEMP TABLE loosened AS {self._with(loose, 'shifted')}")
        run(f"CREATE OR REPLACE TEMP TABLE refused AS {self._refused('loosened')}")
        self._tell(guideline, f"SELECT * FROM loosened WHERE NOT {where}", "other")
        return self._moved(int(there))

    def _refused(self, table: str) -> str:
        """A query of the lesions of a table that the gate refuses."""
        facts = self._reasoner.guideline.facts
        gate = admission(
            self._reasoner.guideline, {n: entered(facts[n]) for n in self._facts}, [CASE_ID]
        )
        text = gate.table.text.replace("FROM entered)", f"FROM {table} AS entered)")
        return f"SELECT {CASE_ID} FROM ({text}) AS gate WHERE {quoted(gate.refused)}"

    def shifted(self, fact: str, by: Decimal) -> dict[str, Reclassified]:
        """Where every reading of a number were so much more, within the bounds of the fact."""
        told = self._reasoner.guideline.facts[fact]
        return self._read({fact: _within(told, f"{quoted(fact)} + {by}")})

    def misread(self, seed: int) -> dict[str, Reclassified]:
        """Where every number of which an error is told were read once more: one draw of normal
        errors, the same for the same seed.
        """
        facts = self._reasoner.guideline.facts
        changed = {
            name: _within(facts[name], _read_anew(name, error.deviation, seed))
            for name, error in self.errors.items()
        }
        return self._read(changed)

    @cached_property
    def errors(self) -> dict[str, ReadingError]:
        """By fact, how far its readings err."""
        guideline, found = self._reasoner.guideline, dict[str, ReadingError]()
        for statement in guideline.statements.values():
            for number in statement.numbers:
                fact = guideline.facts.get(number.quantity)
                live = not guideline.studies[statement.study].withdrawn
                if number.comparator == DEVIATION and fact and live and fact.name in self._there:
                    percent = number.unit == "%" != fact.unit
                    size = f"abs({quoted(fact.name)}) / 100 * " if percent else ""
                    of = "value" if percent else "points" if number.unit == "%" else number.unit
                    error = ReadingError(f"{size}{number.value}", number.value, of, statement.study)
                    found.setdefault(fact.name, error)
        return found

    def wanting(self) -> dict[str, tuple[int, int]]:
        """By fact: of how many lesions it is known, and of how many it is not and decides
        something.
        """
        guideline, bits = self._reasoner.guideline, Bits(self._reasoner.guideline)
        told = answers(guideline, self._reasoner.uncertainty.read, [CASE_ID])
        text = told.table.text.replace("FROM lesions)", "FROM (SELECT * FROM taken) AS l)")
        known = ", ".join(f"count({quoted(name)})" for name in self._facts)
        of = [bits.has(name, told.missing) for name in self._facts]
        wanted = ", ".join(f"count(*) FILTER ({test})" for test in of)
        there = self._connection.execute(f"SELECT {known} FROM taken").fetchone() or ()
        gone = self._connection.execute(f"SELECT {wanted} FROM ({text}) AS r").fetchone() or ()
        return dict(zip(self._facts, zip(there, gone, strict=True), strict=True))

    def deciding(self) -> list[tuple[str, int, int]]:
        """By fact: of how many lesions whose leading answer is not settled it is among what leaves
        it open, and of how many it is all that does.
        """
        guideline, lead = self._reasoner.guideline, self._reasoner.guideline.lead
        if lead is None:
            return []
        rules = query(guideline, self._reasoner.uncertainty.read, ["case_id"])
        keys = [key for key in rules.blamed if key.partition(":")[0] == lead.predicate]
        words = sorted({word for key in keys for word in rules.blamed[key]})
        open_ = " OR ".join(f"{quoted(rules.open[key])} IS NULL" for key in keys) or "FALSE"
        bits = {
            word: " | ".join(
                f"CASE WHEN {quoted(rules.open[key])} IS NULL "
                f"THEN {quoted(rules.blamed[key][word])} ELSE 0 END"
                for key in keys
                if word in rules.blamed[key]
            )
            for word in words
        }
        text = rules.table.text.replace("FROM lesions)", "FROM (SELECT * FROM taken) AS l)")
        columns = ", ".join(f"{told} AS word{word}" for word, told in bits.items())
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE blamed AS SELECT {columns} FROM ({text}) AS r "
            f"WHERE {open_}"
        )
        found = []
        given = [name for name, fact in guideline.facts.items() if fact.given]
        for index, name in enumerate(given):
            word, place = divmod(index, WORD)
            if word in bits:
                rest = " AND ".join(f"word{w} = {1 << place if w == word else 0}" for w in words)
                mine = f"word{word} & {1 << place} <> 0"
                among, alone = self._connection.execute(
                    f"SELECT count(*) FILTER ({mine}), count(*) FILTER ({rest}) FROM blamed"
                ).fetchone() or (0, 0)
                if among:
                    found.append((name, int(among), int(alone)))
        return found


def _told_by(guideline: Guideline, section: One | Tally, conclusions: Sequence[str]) -> str:
    """What a section tells, as text."""
    if isinstance(section, Tally):
        return f"CAST(CAST({quoted(section.total)} AS INTEGER) AS VARCHAR)"
    kind = guideline.properties[section.predicate].kind
    keys = {key_of(section.predicate, term.local): term for term in guideline.of_kind(kind)}
    cases = [
        f"WHEN {quoted(key)} THEN {literal(term.id)}"
        for key, term in keys.items()
        if key in conclusions
    ]
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"


def _within(fact: Fact, value: str) -> str:
    """A number within the bounds of a fact, to its digits."""
    digits = 0 if fact.kind == "integer" else 6
    text = f"round({value}, {digits})"
    if fact.minimum is not None:
        text = f"greatest({text}, {literal(fact.minimum)})"
    if fact.maximum is not None:
        text = f"least({text}, {literal(fact.maximum)})"
    if fact.exclusive_minimum and fact.minimum is not None:
        text = (
            f"CASE WHEN {text} > {literal(fact.minimum)} THEN {text} ELSE {quoted(fact.name)} END"
        )
    return f"CASE WHEN {quoted(fact.name)} IS NOT NULL THEN {text} END"


def _read_anew(fact: str, error: str, seed: int) -> str:
    """A number with a normal error (Box and Muller), which hangs on lesion, fact and seed alone."""

    def even(name: str) -> str:
        mark = int.from_bytes(sha256(f"{seed}:{name}:{fact}".encode()).digest()[:7])
        return f"((CAST(hash(case_id || '{mark}') >> 12 AS DOUBLE) + 0.5) / {2**52})"

    normal = f"sqrt(-2 * ln({even('size')})) * cos({2 * pi!r} * {even('angle')})"
    return f"{quoted(fact)} + ({error}) * {normal}"
