"""On what the leading answer rests, and what would settle it where it is open."""

from __future__ import annotations

from collections.abc import Iterator

from calx.reasoner.cohorts.report.again import Again, Reclassified
from calx.reasoner.cohorts.report.counting import Counting
from calx.reasoner.cohorts.report.tables import Cell, ReportTable, rounded
from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.rule import Rule
from calx.reasoner.model.section import One

VERIFIED = ("page", "secondary", "review", "unverified")
"""How a source was read, the best first."""


def resting(count: Counting, again: Again) -> Iterator[ReportTable]:
    """On which facts and studies the leading answer rests, and how its sources were read."""
    lead = count.guideline.lead
    if lead is None:
        return
    label, guideline = lead.label[count.language], count.guideline
    behind = guideline.program.behind(lead.shown)
    facts = [
        name
        for name, fact in guideline.facts.items()
        if fact.given and name in behind and count.results.has(name)
    ]
    head = ("", count.say("lesions"), count.say("turned"), count.say("share"))
    yield ReportTable(
        "resting-on-facts",
        count.say("resting on facts", lead=label),
        head,
        _most(
            [(count.label(name), again.without(name)[lead.key]) for name in facts],
            count.asked.least,
        ),
        _note(count, again, "resting on facts note"),
        "resting-on-facts",
    )
    live = {id_: study for id_, study in guideline.studies.items() if not study.withdrawn}
    yield ReportTable(
        "resting-on-studies",
        count.say("resting on studies", lead=label),
        head,
        _most(
            [
                (study.label[count.language], moved[lead.key])
                for id_, study in live.items()
                if (moved := again.withdrawn(id_)) is not None
            ],
            count.asked.least,
        ),
        _note(count, again, "resting on studies note"),
    )
    yield _read(count, lead)


def _most(moved: list[tuple[str, Reclassified]], least: int) -> tuple[tuple[Cell, ...], ...]:
    """What turns something, what turns most first."""
    turned = [(name, one.turned) for name, one in moved if one.turned and one.turned.hits]
    turned.sort(key=lambda one: (-rounded(one[1].hits, least), one[0]))
    return tuple((name, share.of, share.hits, share) for name, share in turned)


def _note(count: Counting, again: Again, key: str) -> str:
    return count.note(count.say(key), count.clustered, count.sampled(again.lesions))


def _read(count: Counting, lead: One) -> ReportTable:
    """How the best source of the rules was read that give the leading answer."""
    by: dict[str, list[str]] = {}
    for rule in count.guideline.concluding(lead.predicate):
        column = f"rule_{rule.id.replace('-', '_')}"
        if count.results.has(column):
            by.setdefault(_verified(count, rule), []).append(quoted(column))
    best: list[str] = []
    tests: dict[str, str] = {}
    for how in VERIFIED:
        if how in by:
            gone = f" AND NOT ({' OR '.join(best)})" if best else ""
            tests[how] = f"({' OR '.join(by[how])}){gone}"
            best += by[how]
    tests["nothing"] = f"{quoted(lead.key)} IS NULL"
    found = count.whole([*tests.values()])
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (count.say(f"read {how}"), share and share.hits, share)
        for how, share in zip(tests, found, strict=True)
    )
    head = ("", count.say("lesions"), count.say("share"))
    title = count.say("how read", lead=lead.label[count.language])
    return ReportTable("how-sources-were-read", title, head, rows, count.clustered)


def _verified(count: Counting, rule: Rule) -> str:
    known = count.guideline.statements
    found = [
        known[id_].verified
        for id_ in rule.evidence
        if id_ in known and known[id_].stance == "supports"
    ]
    return min(found, key=VERIFIED.index, default="unverified")


def deciding(count: Counting, again: Again) -> Iterator[ReportTable]:
    """The facts whose collection would settle most."""
    least = count.asked.least
    found = sorted(
        again.deciding(),
        key=lambda told: (-rounded(told[2], least), -rounded(told[1], least), count.label(told[0])),
    )
    if found:
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (count.label(name), among, alone) for name, among, alone in found
        )
        head = (count.say("fact"), count.say("among"), count.say("alone"))
        note = count.note(count.say("deciding note"), count.sampled(again.lesions))
        yield ReportTable("deciding", count.say("deciding"), head, rows, note)
