"""What would be told with other readings: shifted ones, and ones that err as readings do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from calx.reasoner.cohorts.report.again import Again, ReadingError, Reclassified
from calx.reasoner.cohorts.report.counting import Counting
from calx.reasoner.cohorts.report.tables import Cell, ReportTable
from calx.reasoner.model.section import One, Tally

SEED = 1
"""Of the errors that are drawn."""


@dataclass(frozen=True)
class _Reading:
    """One change of readings.

    Attributes:
        key: how its files are called.
        name: how people are told.
        moved: by section, what it turns.
        note: what to mind.
    """

    key: str
    name: str
    moved: dict[str, Reclassified]
    note: str


def readings(count: Counting, again: Again) -> Iterator[ReportTable]:
    """In short, then what each change turns."""
    rows: list[tuple[Cell, ...]] = []
    matrices: list[ReportTable] = []
    for reading in _readings(count, again):
        first = next(iter(reading.moved.values()), None)
        if first is None:
            continue
        cells: list[Cell] = [reading.name, first.lesions, first.aside]
        for section in again.sections:
            one = reading.moved[section.key]
            cells += [one.turned and one.turned.hits, one.turned]
            if one.turned and one.turned.hits:
                matrices.append(_matrix(count, reading, section))
        rows.append(tuple(cells))
    if not rows:
        return
    head = [count.say("reading"), count.say("lesions"), count.say("aside")]
    for section in again.sections:
        label = section.label[count.language]
        head += [count.say("pair", name=label, value=count.say(key)) for key in ("turned", "share")]
    note = count.note(count.say("readings note"), count.clustered, count.sampled(again.lesions))
    told = tuple(rows)
    yield ReportTable("readings", count.say("readings"), tuple(head), told, note)
    if again.errors:
        yield _errors(count, again)
    yield from matrices


def _readings(count: Counting, again: Again) -> Iterator[_Reading]:
    for fact, by in count.asked.shifts:
        for sign, word in ((1, "more"), (-1, "less")):
            step = f"{sign * by:+}{count.unit(fact)}".replace("-", "−")
            moved = again.shifted(fact, sign * by)
            note = count.say("shift note")
            yield _Reading(f"shift-{fact}-{word}", f"{count.label(fact)} {step}", moved, note)
    if again.errors:
        moved, note = again.misread(SEED), count.say("misread note", seed=SEED)
        yield _Reading("misread", count.say("misread"), moved, note)


def _errors(count: Counting, again: Again) -> ReportTable:
    """How far readings err, and who says so."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            count.label(name),
            _deviation(count, error),
            count.guideline.studies[error.study].label[count.language],
        )
        for name, error in again.errors.items()
    )
    head = (count.say("fact"), count.say("deviation"), count.say("study"))
    return ReportTable("errors", count.say("errors"), head, rows, count.say("errors note"))


def _deviation(count: Counting, error: ReadingError) -> str:
    if error.of in ("value", "points"):
        return f"± {error.number} {count.say(f'percent {error.of}')}"
    return f"± {error.number} {error.of}"


def _matrix(count: Counting, reading: _Reading, section: One | Tally) -> ReportTable:
    moved, of, key = reading.moved[section.key], section.key, f"{reading.key}-{section.key}"
    title = count.say("pair", name=section.label[count.language], value=reading.name)
    values = count.in_order(sorted({value for pair in moved.pairs for value in pair}))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (count.term(of, old), *(moved.pairs.get((old, new), 0) for new in values)) for old in values
    )
    head = (count.say("from to"), *(count.term(of, value) for value in values))
    return ReportTable(
        key, title, head, rows, count.note(count.say("matrix note"), reading.note), key
    )
