"""Which lesions a report is about: from rows to answers, who they are, what is known of them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.rejects import HEAD
from calx.reasoner.cohorts.report.again import Again
from calx.reasoner.cohorts.report.counting import OTHERS, Counting, counted, of
from calx.reasoner.cohorts.report.tables import Cell, Counted, ReportTable, Spread, rounded
from calx.reasoner.columns.sql import literal, quoted

MOST_REASONS = 15
LONGEST_REASON = 100


def flow(count: Counting) -> ReportTable:
    """From the rows that were read to the answers that are settled."""
    rejected, least = _rejected(count), count.asked.least
    reasons = sorted(rejected.items(), key=lambda one: (-rounded(one[1], least), one[0]))
    reasons = reasons[:MOST_REASONS]
    others = rejected.total() - sum(rows for _, rows in reasons)
    read = count.results.rows + rejected.total()
    rows: list[tuple[Cell, ...]] = [(count.say("rows read"), read)]
    rows += [(f"− {reason}", rows) for reason, rows in reasons]
    rows += [(f"− {count.say('other reasons')}", others)] if others else []
    rows.append((count.say("answered"), count.results.rows))
    sums = (((0, 1), tuple((row, 1) for row in range(1, len(rows)))),)
    lead = count.guideline.lead
    if lead is not None:
        chosen, settled = count.results.all(
            f"SELECT count({quoted(lead.key)}), count(*) FILTER (settled) FROM results"
        )[0]
        rows.append((count.say("with a lead", lead=lead.label[count.language]), chosen))
        rows.append((count.say("settled"), settled))
    note = count.say("flow note" if count.asked.rejects else "no rejects")
    head = ("", count.say("lesions"))
    return ReportTable("flow", count.say("flow"), head, tuple(rows), note, sums=sums)


def _rejected(count: Counting) -> Counter[str]:
    """Rows that were not answered, each by its first reason."""
    found, seen = Counter[str](), set[tuple[str, ...]]()
    path = count.asked.rejects
    for row in [] if path is None else _rows(path):
        place = (row.get("file") or "", row["row"], row["case_id"])
        if place not in seen:
            seen.add(place)
            what = row["column"] or count.say("unread row")
            found[f"{what}: {in_general(row['reason'])}"] += 1
    return found


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    """The rows of a file of rejects.

    Raises:
        CohortError: it is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            if not {*HEAD} <= {*(reader.fieldnames or ())}:
                raise CohortError(f"{path}: is no file of rejects; those have {', '.join(HEAD)}")
            yield from reader
    except OSError as error:
        raise CohortError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error):
        raise CohortError(f"{path}: is no file of rejects") from None


def in_general(reason: str) -> str:
    """A reason without the values of its row, so that those of a kind are one.

    >>> in_general("900 is above the highest value that can be, 120 years (a limit)")
    '… is above the highest value that can be, … years'
    >>> in_general("the id stands already in row 17; give each lesion its own")
    'the id stands already in row …; give each lesion its own'
    """
    text = re.sub(r" ?\([^)]*\)", "", reason)
    text = re.sub(r"'[^']*'|(?<![\w.])[-+−]?\d[\d.,]*(?:e[-+]?\d+)?(?!\w)", "…", text)
    text = " ".join(text.split())
    if len(text) <= LONGEST_REASON:
        return text
    return text[:LONGEST_REASON].rsplit(" ", 1)[0].rstrip(",;:") + " …"


# --- who they are -------------------------------------------------------------------------


def described(count: Counting) -> ReportTable:
    """The lesions as such: how many, of how many patients, and what they are like."""
    rows: list[tuple[Cell, ...]] = [(count.say("lesions"), count.results.rows, None, None)]
    for column, name in ((count.asked.patient, "patients"), (count.asked.site, "sites")):
        if column is not None:
            ((many,),) = count.results.all(f"SELECT count(DISTINCT {quoted(column)}) FROM results")
            rows.append((count.say(name), int(many), None, None))
    for column in dict.fromkeys((*count.asked.describe, *count.strata)):
        if count.results.has(column):
            rows += _described(count, column)
    head = ("", count.say("number"), count.say("of these"), count.say("middle"))
    note = count.note(count.say("described note"), count.clustered)
    return ReportTable("lesions", count.say("described title"), head, tuple(rows), note)


def _described(count: Counting, column: str) -> Iterator[tuple[Cell, ...]]:
    fact, told = count.guideline.facts.get(column), quoted(column)
    if fact is not None and fact.kind in ("number", "integer"):
        known, low, middle, high = count.results.all(
            f"SELECT count({told}), quantile_cont({told}, 0.25), quantile_cont({told}, 0.5), "
            f"quantile_cont({told}, 0.75) FROM results"
        )[0]
        spread = Spread(known, low, middle, high) if known else None
        unit = count.unit(column).strip()
        name = count.label(column)
        name = count.say("in brackets", name=name, more=unit) if unit else name
        yield name, int(known), None, spread
        return
    if fact is not None and fact.kind == "boolean":
        (share,) = count.whole([told], f"{told} IS NOT NULL")
        yield count.label(column), of([share]), share and Counted(share), None
        return
    values = count.values(column)
    tests = [f"{count.part(column, values)} = {literal(value)}" for value in (*values, OTHERS)]
    found = count.whole(tests, f"{told} IS NOT NULL")
    for value, share in zip((*values, OTHERS), found, strict=True):
        if share is not None and (share.hits or value != OTHERS):
            name = count.pair(column, value)
            yield name, share.of, Counted(share), None


# --- what is known of them ----------------------------------------------------------------


def completeness(count: Counting, again: Again) -> Iterator[ReportTable]:
    """Of each fact how often it is known, of all lesions and of those in which it decides."""
    facts = _columns(count)
    known = count.whole([f"{quoted(name)} IS NOT NULL" for name in facts]) if facts else []
    wanting = again.wanting()
    least = count.asked.least
    told = sorted(
        zip(facts, known, strict=True),
        key=lambda one: -rounded(one[1].hits if one[1] else 0, least),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, share in told:
        there, missed = wanting.get(name, (0, 0))
        decides = count.plain(there, there + missed)
        rows.append((count.label(name), share and share.hits, share, missed, decides))
    absent = [n for n, f in count.guideline.facts.items() if f.given and n not in facts]
    wanted = [name for name in absent if wanting.get(name, (0, 0))[1]]
    nobody = count.plain(0, count.results.rows)
    rows += [
        (count.label(name), 0, nobody, wanting[name][1], count.plain(0, wanting[name][1]))
        for name in sorted(wanted, key=lambda name: -rounded(wanting[name][1], least))
    ]
    others = len(absent) - len(wanted)
    note = count.note(
        count.say("completeness note"),
        count.say("absent facts", count=others) if others else "",
        count.sampled(again.lesions),
    )
    yield ReportTable(
        "completeness",
        count.say("completeness"),
        (
            *(count.say("fact"), count.say("known"), count.say("share")),
            *(count.say("wanting"), count.say("share where wanted")),
        ),
        tuple(rows),
        note,
        "completeness",
    )
    for column in dict.fromkeys((*count.asked.more, count.asked.site)):
        if column is not None:
            yield _by(count, column, facts)


def _columns(count: Counting) -> list[str]:
    """The given facts that the results have."""
    return [
        name
        for name, fact in count.guideline.facts.items()
        if fact.given and count.results.has(name)
    ]


def _by(count: Counting, column: str, facts: list[str]) -> ReportTable:
    """How often each fact is known, part by part."""
    values = count.values(column)
    tests = [f"{quoted(name)} IS NOT NULL" for name in facts]
    found = count.shares(tests, part=count.part(column, values))
    there = [value for value in (*values, OTHERS, None) if value in found]
    head = ("", *(count.called(column, value) for value in there))
    rows = tuple(
        (count.label(name), *counted([found[value][place] for value in there]))
        for place, name in enumerate(facts)
    )
    title = count.say("completeness by", column=count.label(column))
    key = f"completeness-{re.sub(r'[^0-9A-Za-z_-]+', '_', column)}"
    return ReportTable(key, title, head, rows)
