"""What all tables of a report are counted with: words, names, parts of the registry, shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.again import NOTHING
from calx.reasoner.cohorts.report.asked import ReportScope
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.results import Results
from calx.reasoner.cohorts.report.tables import Counted, rounded
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import One, Status
from calx.reasoner.recommendation import Reasoner
from calx.words import words

MOST_VALUES = 12
"""Of a column by which lesions are parted; the rest is one part."""
OTHERS = "\x1f…"
"""In a query, all values of a column that have no part of their own."""


class Counting:
    """Counts the results of a run.

    Args:
        reasoner: of the guideline by which they were scored.
        results: what is counted.
        asked: what the report is about.
    """

    def __init__(self, reasoner: Reasoner, results: Results, asked: ReportScope) -> None:
        self.results, self.asked = results, asked
        self.guideline: Guideline = reasoner.guideline
        self.language = asked.language
        self._words = words("cohort", asked.language)

    def say(self, key: str, **parts: object) -> str:
        """The words of a key."""
        return self._words[key].format(**parts)

    def told(self, count: int) -> str:
        """A count within a sentence."""
        seen = rounded(count, self.asked.least)
        return f"< {self.asked.least}" if seen < 0 else f"{seen:,}"

    def sampled(self, lesions: int) -> str:
        """That not all lesions were read anew, where it is so."""
        if lesions == self.results.rows:
            return ""
        return self.say("sampled", lesions=self.told(lesions))

    @property
    def clustered(self) -> str:
        """Of intervals, how they are made."""
        return self.say("clustered" if self.asked.patient else "not clustered")

    # --- names ----------------------------------------------------------------------------

    def label(self, column: str) -> str:
        """A column, for people."""
        fact = self.guideline.facts.get(column)
        return column if fact is None else fact.label[self.language]

    def unit(self, fact: str) -> str:
        """The unit of a number, as it stands behind it; nothing where it has none."""
        unit = self.guideline.facts[fact].unit
        told = words("units", self.language).get(unit or "", unit or "").partition("|")[0]
        if told in ("", "1", "°"):
            return told.strip("1")
        return f" {told}"

    def pair(self, column: str, value: str | None) -> str:
        """A value of a column, with the column's name."""
        return self.say("pair", name=self.label(column), value=self.called(column, value))

    def note(self, *sentences: str) -> str:
        """Sentences one after the other; Chinese full stops need no space."""
        return " ".join(filter(None, sentences)).replace("。 ", "。")

    def called(self, column: str, value: str | None) -> str:
        """A value of a column, for people."""
        known = self.guideline.value_labels.get(value or "")
        if value is None:
            return self.say("not known")
        if value == OTHERS:
            return self.say("other values")
        return known[self.language] if known and column in self.guideline.facts else value

    def term(self, key: str, id_: str) -> str:
        """A term of a section by its id, for people."""
        if id_ == NOTHING:
            return self.say("nothing")
        terms = [term for term in self.guideline.terms.values() if term.id == id_]
        kinds = {key, key.partition("_")[2]}
        for section in self.guideline.sections:
            if section.key == key and isinstance(section, One):
                kinds.add(self.guideline.properties[section.predicate].kind)
        best = [term for term in terms if term.kind in kinds] or terms
        return best[0].label[self.language] if best else id_

    def in_order(self, values: Sequence[str]) -> list[str]:
        """Numbers by size, terms in the order of the guideline."""
        order = {term.id: place for place, term in enumerate(self.guideline.terms.values())}

        def place(value: str) -> tuple[int, float]:
            if value == NOTHING:
                return (2, 0)
            try:
                return (0, float(value))
            except ValueError:
                return (1, order.get(value, len(order)))

        return sorted(values, key=place)

    # --- parts of the registry ------------------------------------------------------------

    @property
    def strata(self) -> list[str]:
        """The columns by which lesions are parted."""
        return [name for name in self.asked.by if self.results.has(name)]

    def values(self, column: str) -> list[str]:
        """The values of a column that have a part of their own, in order."""
        found = self.results.all(
            f"SELECT CAST({quoted(column)} AS VARCHAR) FROM results "
            f"WHERE {quoted(column)} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 "
            f"LIMIT {MOST_VALUES}"
        )
        fact = self.guideline.facts.get(column)
        order = {value: place for place, value in enumerate(fact.values if fact else ())}

        def place(value: str) -> tuple[float, float, str]:
            try:
                return (order.get(value, len(order)), float(value), "")
            except ValueError:
                return (order.get(value, len(order)), 0.0, value)

        return sorted((value for (value,) in found), key=place)

    def part(self, column: str, values: Sequence[str]) -> str:
        """SQL of the part to which a lesion belongs."""
        told = f"CAST({quoted(column)} AS VARCHAR)"
        among = ", ".join(map(literal, values)) or "NULL"
        return (
            f"CASE WHEN {told} IN ({among}) THEN {told} WHEN {told} IS NOT NULL THEN '{OTHERS}' END"
        )

    def parted(
        self, tests: Sequence[str], among: str, columns: Sequence[str]
    ) -> Iterator[tuple[str, str, list[Share | None]]]:
        """Of each part of the registry its column, its name, and the shares of lesions that meet
        tests.

        Args:
            tests: as SQL.
            among: SQL of the lesions that are looked at.
            columns: by which they are parted.
        """
        for column in columns:
            values = self.values(column)
            found = self.shares(tests, among, self.part(column, values))
            for value in (*values, OTHERS, None):
                if value in found:
                    yield column, self.pair(column, value), found[value]

    # --- shares ---------------------------------------------------------------------------

    @cached_property
    def patient(self) -> str | None:
        """SQL of whose a lesion is; a lesion of nobody known is its own."""
        if self.asked.patient is None:
            return None
        return f"coalesce('p' || CAST({quoted(self.asked.patient)} AS VARCHAR), 'l' || case_id)"

    def shares(
        self, tests: Sequence[str], among: str = "TRUE", part: str = "NULL"
    ) -> dict[str | None, list[Share | None]]:
        """By part, the shares of lesions that meet tests."""
        source = f"FROM results WHERE {among}"
        rows = self.results.all(intervals.sums(source, tests, self.patient, part))
        return dict(map(intervals.shares, rows))

    def whole(self, tests: Sequence[str], among: str = "TRUE") -> list[Share | None]:
        """The shares of all lesions that are looked at."""
        return self.shares(tests, among).get(None, [None] * len(tests))

    def plain(self, hits: int, of: int) -> Share | None:
        """A share of lesions, each taken for its own."""
        return Share(hits, of, float(of)) if of else None

    # --- sections -------------------------------------------------------------------------

    @property
    def ranked(self) -> Status | None:
        """The section whose things stand in one order."""
        sections = (s for s in self.guideline.sections if isinstance(s, Status) and s.ranked)
        return next(sections, None)


def counted(shares: Sequence[Share | None]) -> tuple[Counted | None, ...]:
    """Counts with their shares."""
    return tuple(None if share is None else Counted(share) for share in shares)


def of(shares: Sequence[Share | None]) -> int:
    """Of how many lesions some shares are."""
    return next((share.of for share in shares if share is not None), 0)
