"""What was done beside what is recommended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.asked import NO_DEVICE
from calx.reasoner.cohorts.report.counting import OTHERS, Counting, counted, of
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.outcomes import verified
from calx.reasoner.cohorts.report.tables import (
    MOST_OFF,
    Cell,
    Counted,
    ReportTable,
    rounded,
    sums_of,
)
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.model.section import Status

MOST_WORDS = 30
MOST_SITES = 200


def practice(count: Counting) -> Iterator[ReportTable]:
    """The device that was used against the device that is recommended.

    Raises:
        CohortError: the column names no device that the guideline knows.
    """
    if count.asked.performed is not None and count.ranked is not None:
        yield from _Practice(count, count.ranked, count.asked.performed).tables()


class _Practice:
    """Compares lesions as they were before the device was used: later, what was done with it counts
    against it, or for it.
    """

    def __init__(self, count: Counting, section: Status, performed: str) -> None:
        self._count, self._section = count, section
        self._things = count.guideline.of_kind(section.kind)
        self._raw = f"trim(CAST({quoted(performed)} AS VARCHAR))"
        known = [thing.id for thing in self._things]
        words = {id_: id_ for id_ in known} | dict(count.asked.words)
        cases = " ".join(f"WHEN {literal(w)} THEN {literal(i)}" for w, i in words.items())
        self._used = f"(CASE {self._raw} {cases} END)"
        self._known = f"{self._used} <> {literal(NO_DEVICE)}"
        first = quoted(f"first_{section.kind}")
        usable = [status.word for status in section.statuses if status.usable]
        barred = [s.word for s in section.statuses if s.predicate == section.forbidden]
        self._had_first = f"{first} IS NOT NULL"
        self._was_first = f"{self._used} = {first}"
        self._tests = [self._of_status(usable), self._of_status(barred)]

    def tables(self) -> Iterator[ReportTable]:
        self._check()
        yield self._concordance()
        yield self._words()
        yield self._by_status()
        if self._count.asked.site:
            yield self._funnel()

    def _of_status(self, words: Sequence[str]) -> str:
        """Whether the device that was used has one of some statuses."""
        among = ", ".join(map(literal, words)) or "NULL"
        status = " ".join(
            f"WHEN {literal(t.id)} THEN {quoted(f'status_{t.id}')}" for t in self._things
        )
        return f"CASE {self._used} {status} END IN ({among})"

    def _check(self) -> None:
        """
        Raises:
            CohortError: no word of the column stands for a device.
        """
        found = self._count.results.all(
            f"SELECT {self._raw}, any_value({self._used}) FROM results "
            "GROUP BY 1 ORDER BY count(*) DESC, 1"
        )
        if not any(used for _, used in found):
            told = ", ".join(str(word) for word, _ in found[:8] if word)
            known = ", ".join(thing.id for thing in self._things)
            raise CohortError(
                f"{self._count.asked.performed}: holds none of {known}, but {told or 'nothing'}; "
                "say what its words stand for with --word WORD=ID"
            )

    def _words(self) -> ReportTable:
        """What stands in the column, and for what it is taken."""
        count, (test, called) = self._count, self._before
        found = count.results.all(
            f"SELECT {self._raw}, any_value({self._used}), count(*) FROM results WHERE {test} "
            "GROUP BY 1 ORDER BY 3 DESC, 1"
        )
        found.sort(key=lambda told: (-rounded(told[2], count.asked.least), str(told[0])))
        rows: list[tuple[Cell, ...]] = [
            (raw or count.say("not known"), self._taken(used), int(lesions))
            for raw, used, lesions in found[:MOST_WORDS]
        ]
        if rest := sum(lesions for *_, lesions in found[MOST_WORDS:]):
            rows.append((count.say("other values"), None, int(rest)))
        head = (count.say("word"), count.say("taken as"), count.say("lesions"))
        title = count.say("words", part=called)
        return ReportTable("performed-words", title, head, tuple(rows), count.say("words note"))

    def _taken(self, used: str | None) -> str | None:
        if used == NO_DEVICE:
            return self._count.say("no device")
        return self._count.term(self._section.kind, used) if used else None

    @property
    def _before(self) -> tuple[str, str]:
        """SQL of the lesions that are described as they were before the device, and their name."""
        before = self._count.asked.before
        if before is None or not self._count.results.has(before[0]):
            return "TRUE", self._count.say("all")
        column, value = before
        called = self._count.pair(column, value)
        return f"CAST({quoted(column)} AS VARCHAR) = {literal(value)}", called

    def _concordance(self) -> ReportTable:
        count, (test, called) = self._count, self._before
        among = f"{self._known} AND {test}"
        rows = [(called, *cells) for cells in self._compared(among).values()]
        apart: list[str] = []
        if test != "TRUE" and count.asked.before is not None:
            column = count.asked.before[0]
            apart.append(column)
            rows += [
                (f"{name} *", *cells)
                for name, cells in self._in_parts(column, self._known)
                if name != called
            ]
        for column in count.strata:
            if column not in apart:
                rows += [(name, *cells) for name, cells in self._in_parts(column, among)]
        head = (
            *("", count.say("lesions"), count.say("with first"), count.say("was first")),
            *(count.say("was usable"), count.say("was barred")),
        )
        note = count.note(
            count.say("concordance note"),
            count.clustered,
            count.say("before note", part=called) if apart else "",
            *self._without(test),
            self._open(among),
        )
        title = count.say("concordance")
        return ReportTable("concordance", title, head, tuple(rows), note, "concordance")

    def _without(self, test: str) -> Iterator[str]:
        """That lesions had no device, where a word says so."""
        count = self._count
        (share,) = count.whole([self._had_first], f"{self._used} = {literal(NO_DEVICE)} AND {test}")
        if share is not None:
            told, first = count.told(share.of), count.told(share.hits)
            yield count.say("without device", count=told, first=first)

    def _open(self, among: str) -> str:
        """That some first choices are not the last word."""
        count = self._count
        test = f"NOT ({verified(count, self._section)})"
        (share,) = count.whole([test], f"{among} AND {self._had_first}")
        if share is None or not share.hits:
            return ""
        return count.say("open first", count=count.told(share.hits), of=count.told(share.of))

    def _compared(self, among: str, part: str = "NULL") -> dict[str | None, tuple[Cell, ...]]:
        """By part: lesions, those with a first choice, and how often the device used is it, is one
        that may be used, is one that must not.
        """
        shares = self._count.shares(self._tests, among, part)
        first = self._count.shares([self._was_first], f"{among} AND {self._had_first}", part)
        found: dict[str | None, tuple[Cell, ...]] = {}
        for name, (usable, barred) in shares.items():
            was_first = first.get(name, [None])[0]
            cells = [share and Counted(share) for share in (was_first, usable, barred)]
            found[name] = (of([usable]), of([was_first]), *cells)
        return found

    def _in_parts(self, column: str, among: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
        count, values = self._count, self._count.values(column)
        found = self._compared(among, count.part(column, values))
        for value in (*values, OTHERS, None):
            if value in found:
                yield count.pair(column, value), found[value]

    def _by_status(self) -> ReportTable:
        count, (test, called) = self._count, self._before
        statuses = self._section.in_reading_order
        rows: list[tuple[Cell, ...]] = []
        for thing in self._things:
            column = quoted(f"status_{thing.id}")
            tests = [f"{column} = {literal(status.word)}" for status in statuses]
            shares = count.whole(tests, f"{self._used} = {literal(thing.id)} AND {test}")
            rows.append((thing.label[count.language], of(shares), *counted(shares)))
        head = ("", count.say("used"), *(status.label[count.language] for status in statuses))
        title = count.say("used by status", part=called)
        best = ", ".join(s.label[count.language] for s in statuses if s.mark == "best")
        note = count.note(count.say("status note", best=best), count.clustered)
        sums = sums_of(len(head), rows=len(rows))
        return ReportTable("used-by-status", title, head, tuple(rows), note, sums=sums)

    def _funnel(self) -> ReportTable:
        count, (test, called) = self._count, self._before
        site = quoted(str(count.asked.site))
        among = f"{self._known} AND {test} AND {self._had_first} AND {site} IS NOT NULL"
        found = count.shares([self._was_first], among, f"CAST({site} AS VARCHAR)")
        sites = [(str(name), share) for name, (share,) in found.items() if share is not None]
        sites.sort(key=lambda one: (-rounded(one[1].of, count.asked.least), one[0]))
        (all_,) = count.whole([self._was_first], among)
        rows: list[tuple[Cell, ...]] = []
        for name, share in sites[:MOST_SITES]:
            rows.append((name, share.of, share.hits, share, self._outside(share, all_)))
        if all_ is not None:
            rows.append((count.say("all sites"), all_.of, all_.hits, all_, None))
        head = (
            *(count.say("site"), count.say("with first"), count.say("hits"), count.say("share")),
            count.say("outside"),
        )
        note = count.note(
            count.say("funnel note"),
            count.clustered,
            count.say("most sites", sites=MOST_SITES, all=len(sites))
            if len(sites) > MOST_SITES
            else "",
        )
        title = count.say("funnel", part=called)
        return ReportTable("funnel", title, head, tuple(rows), note, "funnel")

    def _outside(self, share: Share, all_: Share | None) -> str | None:
        """Whether a site has more or fewer hits than chance gives; None where they are hidden."""
        least = self._count.asked.least
        if all_ is None or rounded(share.of, least) < MOST_OFF * least:
            return None
        low, high = intervals.expected(all_.value, share.of, intervals.FAR)
        return self._count.say("no" if low <= share.hits <= high else "yes")
