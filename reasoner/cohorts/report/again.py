"""The rules read anew over the lesions of a report, with facts or evidence other than they are: how
many lesions would be told something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from math import pi

from calx.reasoner.cohorts.report.results import Results
from calx.reasoner.columns.blame import WORD
from calx.reasoner.columns.program import query
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.load.reader import suspend
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import key_of
from calx.reasoner.model.rule import DEVIATION
from calx.reasoner.model.section import One, Tally
from calx.reasoner.recommendation import Reasoner

NOTHING = "–"
"""Where nothing is told."""


@dataclass(frozen=True)
class Reclassified:
    """What a change turns.

    Attributes:
        lesions: of how many.
        pairs: by what is told and what would be told, how many.
    """

    lesions: int
    pairs: dict[tuple[str, str], int]

    @property
    def turned(self) -> int:
        """Lesions that would be told something else."""
        return sum(count for (old, new), count in self.pairs.items() if old != new)


class Again:
    """Reads the rules anew.

    Args:
        reasoner: of the guideline.
        results: whose lesions are read.
    """

    def __init__(self, reasoner: Reasoner, results: Results) -> None:
        self._reasoner, self._results = reasoner, results
        guideline = reasoner.guideline
        self.sections: list[One | Tally] = [
            section
            for section in guideline.sections
            if isinstance(section, Tally) or section is guideline.lead
        ]
        """What is looked at: the leading section, and scores."""
        self._connection = results.connection
        lesions = results.lesions(reasoner, ["case_id"])
        self._connection.execute(f"CREATE TEMP TABLE taken AS {lesions.text}")
        self._facts = lesions.columns
        self._told(guideline, {}, "told")
        (self.lesions,) = self._connection.execute("SELECT count(*) FROM taken").fetchone() or (0,)

    def _told(self, guideline: Guideline, changed: Mapping[str, str], table: str) -> None:
        """What is told of each lesion, as a table."""
        each = ", ".join(
            f"{changed[name]} AS {quoted(name)}" if name in changed else quoted(name)
            for name in self._facts
        )
        rules = query(guideline, (), ["case_id"])
        text = rules.table.text.replace("FROM lesions)", f"FROM (SELECT {each} FROM taken) AS l)")
        told = ", ".join(
            f"coalesce({_told_by(guideline, section, rules.conclusions)}, '{NOTHING}') "
            f"AS {quoted(section.key)}"
            for section in self.sections
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT case_id, {told} FROM ({text}) AS r"
        )

    def _moved(self) -> dict[str, Reclassified]:
        found = {}
        for section in self.sections:
            key = quoted(section.key)
            pairs = self._connection.execute(
                f"SELECT told.{key}, other.{key}, count(*) "
                "FROM told JOIN other USING (case_id) GROUP BY 1, 2"
            ).fetchall()
            found[section.key] = Reclassified(
                self.lesions, {(old, new): count for old, new, count in pairs}
            )
        return found

    def changed(self, changed: Mapping[str, str]) -> dict[str, Reclassified]:
        """Where facts are other than they are.

        Args:
            changed: by name of a fact its value as SQL, of the facts.
        """
        self._told(self._reasoner.guideline, changed, "other")
        return self._moved()

    def without(self, fact: str) -> dict[str, Reclassified]:
        """Where a fact were not known."""
        kind = self._reasoner.guideline.facts[fact].kind
        nothing = {"boolean": "CAST(NULL AS BOOLEAN)", "text": "CAST(NULL AS VARCHAR)"}
        return self.changed({fact: nothing.get(kind, "CAST(NULL AS DOUBLE)")})

    def withdrawn(self, study: str) -> dict[str, Reclassified]:
        """Where a study were withdrawn."""
        guideline = self._reasoner.guideline
        studies = guideline.studies | {study: replace(guideline.studies[study], withdrawn=True)}
        self._told(suspend(replace(guideline, studies=studies)), {}, "other")
        return self._moved()

    def shifted(self, fact: str, by: Decimal) -> dict[str, Reclassified]:
        """Where every reading of a number were so much more, within the bounds of the fact."""
        told = self._reasoner.guideline.facts[fact]
        return self.changed({fact: _within(told, f"{quoted(fact)} + {by}")})

    def misread(self, seed: int) -> dict[str, Reclassified]:
        """Where every number of which an error is told were read once more: one draw of normal
        errors, the same for the same seed.
        """
        changed = {
            name: _within(self._reasoner.guideline.facts[name], _read_anew(name, error, seed))
            for name, error in self.errors.items()
        }
        return self.changed(changed)

    @property
    def errors(self) -> dict[str, str]:
        """By fact, the standard deviation of its readings, as SQL."""
        guideline, found = self._reasoner.guideline, dict[str, str]()
        for statement in guideline.statements.values():
            for number in statement.numbers:
                fact = guideline.facts.get(number.quantity)
                live = not guideline.studies[statement.study].withdrawn
                if number.comparator == DEVIATION and fact is not None and live and number.value:
                    percent = number.unit == "%" != fact.unit
                    size = f"abs({quoted(fact.name)}) / 100 * " if percent else ""
                    found.setdefault(fact.name, f"{size}{number.value}")
        return found

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
        return sorted(found, key=lambda told: (-told[2], -told[1], told[0]))


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
