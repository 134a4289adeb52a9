"""What lesions are told, part by part: grade, score, strategy, first device, criteria."""

from __future__ import annotations

from collections.abc import Iterator

from calx.reasoner.cohorts.report.counting import NOTHING, Counting, counted, of
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.tables import Cell, ReportTable
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
                yield _may_rise(count, section)
        if isinstance(section, Status) and section.ranked:
            yield _parted(count, f"first_{section.kind}", count.say("first of", section=label))


def _parted(count: Counting, key: str, title: str) -> ReportTable:
    told = f"coalesce(CAST({quoted(key)} AS VARCHAR), '{NOTHING}')"
    found = count.results.all(
        f"SELECT {told} FROM results GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MOST_COLUMNS}"
    )
    values = count.in_order([value for (value,) in found])
    tests = [f"{told} = {literal(value)}" for value in values]
    rows = [_row(count.say("all"), count.whole(tests))]
    rows += [_row(name, shares) for name, shares in count.parted(tests, "TRUE", count.strata)]
    head = ("", count.say("lesions"), *(count.term(key, value) for value in values))
    return ReportTable(key, title, head, tuple(rows), count.clustered, key)


def _row(name: str, shares: list[Share | None]) -> tuple[Cell, ...]:
    return (name, of(shares), *counted(shares))


def _may_rise(count: Counting, section: Tally) -> ReportTable:
    """Of a number that points add up to, how often unknown facts could still raise it."""
    now, most = quoted(section.key), quoted(f"{MOST}{section.key}")
    tests = [f"{most} > {now}"]
    rows: list[tuple[Cell, ...]] = [_of_number(count.say("all"), count.whole(tests))]
    found = count.shares(tests, f"{now} IS NOT NULL", f"CAST({now} AS VARCHAR)")
    values = count.in_order([value for value in found if value is not None])
    rows += [_of_number(value, found[value]) for value in values]
    label = section.label[count.language]
    head = (label, count.say("lesions"), count.say("may rise"), count.say("share"))
    title = count.say("may rise title", section=label)
    note = count.note(count.say("may rise note"), count.clustered)
    return ReportTable(f"{section.key}-may-rise", title, head, tuple(rows), note)


def _of_number(name: str, shares: list[Share | None]) -> tuple[Cell, ...]:
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
        parts += count.parted(tests, judged, count.asked.more)
        name = criterion.label[count.language]
        whole = parts[0][1]
        if whole[0] is not None and not whole[0].hits and whole[2] is not None and whole[2].hits:
            never.append(name)
        for part, shares in parts:
            hits = [share and share.hits for share in shares[:3]]
            rows.append((name, part, of(shares), *hits, shares[0], shares[3]))
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
    return ReportTable(f"criteria-{section.kind}", title, head, tuple(rows), note)
