"""What lesions are told, part by part: grade, score, strategy, first device, criteria."""

from __future__ import annotations

from collections.abc import Iterator

from calx.reasoner.cohorts.report.again import NOTHING
from calx.reasoner.cohorts.report.counting import Counting, counted, of
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.tables import Cell, ReportTable, sums_of
from calx.reasoner.columns.answers import MOST
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.model.section import Criteria, One, Status, Tally

MOST_COLUMNS = 16
"""Answers that have a column of their own."""


def outcomes(count: Counting) -> Iterator[ReportTable]:
    """Grade, score, strategy and first device, by what parts the lesions."""
    for section in count.guideline.sections:
        label = section.label[count.language]
        if isinstance(section, One | Tally) and count.results.has(section.key):
            yield _parted(count, section.key, label)
            if isinstance(section, Tally) and count.results.has(f"{MOST}{section.key}"):
                test = f"{quoted(f'{MOST}{section.key}')} > {quoted(section.key)}"
                yield _so_far(count, section.key, label, "may rise", test)
            if isinstance(section, One) and section.leads:
                yield _so_far(count, section.key, label, "settled", "settled")
        if isinstance(section, Status) and section.ranked:
            key, title = f"first_{section.kind}", count.say("first of", section=label)
            yield _parted(count, key, title)
            yield _so_far(count, key, title, "verified", verified(count, section))


def verified(count: Counting, section: Status) -> str:
    """SQL of whether no unknown fact could bar what comes first."""
    cases = " ".join(
        f"WHEN {literal(thing.id)} THEN {quoted(f'unverified_{thing.id}')} = 0"
        for thing in count.guideline.of_kind(section.kind)
    )
    return f"CASE {quoted(f'first_{section.kind}')} {cases} END"


def _parted(count: Counting, key: str, title: str) -> ReportTable:
    told = f"coalesce(CAST({quoted(key)} AS VARCHAR), '{NOTHING}')"
    found = count.results.all(
        f"SELECT {told} FROM results GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MOST_COLUMNS}"
    )
    values = count.in_order([value for (value,) in found])
    tests = [f"{told} = {literal(value)}" for value in values]
    rows = [_row(count.say("all"), count.whole(tests))]
    strata: dict[str, list[int]] = {}
    for column, name, shares in count.parted(tests, "TRUE", count.strata):
        strata.setdefault(column, []).append(len(rows))
        rows.append(_row(name, shares))
    head = ("", count.say("lesions"), *(count.term(key, value) for value in values))
    sums = sums_of(len(head), [*strata.values()], len(rows))
    note = count.note(count.clustered, count.say("nothing note") if NOTHING in values else "")
    return ReportTable(key, title, head, tuple(rows), note, key, sums)


def _row(name: str, shares: list[Share | None]) -> tuple[Cell, ...]:
    return (name, of(shares), *counted(shares))


def _so_far(count: Counting, key: str, label: str, what: str, test: str) -> ReportTable:
    """Of what is told, how often it is the last word, or is not."""
    told = quoted(key)
    rows: list[tuple[Cell, ...]] = []
    rows.append(_of_value(count.say("all"), count.whole([test], f"{told} IS NOT NULL")))
    found = count.shares([test], f"{told} IS NOT NULL", f"CAST({told} AS VARCHAR)")
    values = count.in_order([value for value in found if value is not None])
    rows += [_of_value(count.term(key, value), found[value]) for value in values]
    head = (label, count.say("lesions"), count.say(what), count.say("share"))
    title = count.say(f"{what} title", section=label)
    note = count.note(count.say(f"{what} note"), count.clustered)
    return ReportTable(f"{key}-{what.replace(' ', '-')}", title, head, tuple(rows), note)


def _of_value(name: str, shares: list[Share | None]) -> tuple[Cell, ...]:
    (share,) = shares
    return (name, of(shares), share and share.hits, share)


def criteria(count: Counting) -> Iterator[ReportTable]:
    """Criteria that are met: at least so many, and at most, as what is unknown may be met."""
    for section in count.guideline.sections:
        if isinstance(section, Criteria):
            yield _criteria(count, section)


def _criteria(count: Counting, section: Criteria) -> ReportTable:
    tally = next((s for s in count.guideline.sections if isinstance(s, Tally)), None)
    rows: list[tuple[Cell, ...]] = []
    never: list[str] = []
    for criterion in count.guideline.of_kind(section.kind):
        column = quoted(f"{section.kind}_{criterion.id}")
        words = ("met", "not_met", "unknown")
        met, failed, open_ = (f"{column} = '{word}'" for word in words)
        tests, judged = [met, failed, open_, f"{met} OR {open_}"], f"{column} IS NOT NULL"
        parts = [(count.say("all"), count.whole(tests, judged))]
        if tally is not None:
            number = f"coalesce(CAST({quoted(tally.key)} AS VARCHAR), '{NOTHING}')"
            found = count.shares(tests, judged, number)
            label = tally.label[count.language]
            scores = count.in_order([value for value in found if value is not None])
            parts += [
                (count.say("pair", name=label, value=count.term(tally.key, n)), found[n])
                for n in scores
            ]
        more = count.parted(tests, judged, count.asked.more)
        parts += [(name, shares) for _, name, shares in more]
        name = criterion.label[count.language]
        whole = parts[0][1]
        if whole[0] is not None and not whole[0].hits and whole[2] is not None and whole[2].hits:
            never.append(name)
        for part, shares in parts:
            hits = [share and share.hits for share in shares[:3]]
            ends = (shares[0], shares[3]) if hits[0] or hits[1] else (None, None)
            rows.append((name, part, of(shares), *hits, *ends))
    head = (
        *("", count.say("part"), count.say("judged"), count.say("met"), count.say("not met")),
        *(count.say("not known"), count.say("at least"), count.say("at most")),
    )
    note = count.note(
        count.say("criteria note"),
        count.clustered,
        count.say("never met", criteria=", ".join(never)) if never else "",
    )
    title = count.say("criteria", section=section.label[count.language])
    sums = tuple(((row, 2), ((row, 3), (row, 4), (row, 5))) for row in range(len(rows)))
    return ReportTable(f"criteria-{section.kind}", title, head, tuple(rows), note, sums=sums)
