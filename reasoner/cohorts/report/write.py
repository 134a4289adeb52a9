"""A report, written as files: ``report.html``, ``report.md``, ``tables/``, ``figures/``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.report import pages
from calx.reasoner.cohorts.report.again import Again
from calx.reasoner.cohorts.report.asked import ReportScope
from calx.reasoner.cohorts.report.counting import Counting
from calx.reasoner.cohorts.report.evidence import deciding, resting
from calx.reasoner.cohorts.report.figures import all_figures
from calx.reasoner.cohorts.report.lesions import completeness, described, flow
from calx.reasoner.cohorts.report.outcomes import criteria, outcomes
from calx.reasoner.cohorts.report.practice import practice
from calx.reasoner.cohorts.report.readings import readings
from calx.reasoner.cohorts.report.results import Results, opened
from calx.reasoner.cohorts.report.tables import ReportTable
from calx.reasoner.cohorts.scored import Progress
from calx.reasoner.recommendation import Reasoner
from calx.words import words

RECORD = tuple(f"record {number}" for number in range(1, 14))
"""Items of the RECORD statement that a report of this kind has to answer, as words of `cohort`."""


def report(
    reasoner: Reasoner,
    results: Sequence[Path],
    out: Path,
    asked: ReportScope,
    progress: Progress = lambda told, done: None,
) -> list[str]:
    """Write what scored lesions show.

    Args:
        reasoner: of the guideline by which they were scored.
        results: files or folders of results.
        out: a folder; one that holds a report is written anew.
        asked: what the report is about.
        progress: told how far it is.

    Returns:
        The titles of what was written.

    Raises:
        CohortError: there is nothing to report on.
    """
    if out.exists() and not (out / "report.html").is_file():
        raise CohortError(f"{out}: is there already and holds no report; name another folder")
    if not out.parent.is_dir():
        raise CohortError(f"{out}: there is no folder {out.parent}")
    with opened(results, reasoner) as found:
        _check(reasoner, found, asked)
        if not found.rows:
            raise CohortError(f"{results[0]}: holds no answered lesion")
        count = Counting(reasoner, found, asked)
        least = asked.least
        tables = [one.suppressed(least) for one in _tables(reasoner, count, progress)]
        lead, mark, foot = _about(count)
    say = words("cohort", asked.language)
    figures = all_figures(tables)
    title = say["report"].format(name=reasoner.guideline.name[asked.language])
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        (aside / "tables").mkdir(parents=True)
        (aside / "figures").mkdir()
        page = pages.html(title, lead, mark, tables, figures, foot, least, asked.language)
        (aside / "report.html").write_text(page, encoding="utf-8")
        text = pages.markdown(title, lead, mark, tables, figures, foot, least)
        (aside / "report.md").write_text(text, encoding="utf-8")
        for one in tables:
            content = pages.as_csv(one, f"{mark}. {foot}" if mark else foot, least)
            (aside / "tables" / f"{one.key}.csv").write_text(content, encoding="utf-8", newline="")
        for name, svg in figures.items():
            (aside / "figures" / f"{name}.svg").write_text(svg, encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        aside.replace(out)
    except OSError as error:
        raise CohortError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return [one.title for one in tables]


def _check(reasoner: Reasoner, found: Results, asked: ReportScope) -> None:
    named = [*asked.by, asked.patient, asked.site, asked.performed]
    given = reasoner.guideline.facts
    absent = [n for n in named if n is not None and n not in given and not found.has(n)]
    if absent:
        raise CohortError(f"{', '.join(absent)}: the results have no such column")


def _tables(reasoner: Reasoner, count: Counting, progress: Progress) -> Iterator[ReportTable]:
    progress("counting", 0)
    yield flow(count)
    yield described(count)
    given = (name for name, fact in reasoner.guideline.facts.items() if fact.given)
    again = None
    if any(map(count.results.has, given)):
        again = Again(reasoner, count.results, count.patient)
        yield from completeness(count, again)
    yield from outcomes(count)
    yield from criteria(count)
    progress("comparing with practice", 0.3)
    yield from practice(count)
    if again is not None:
        progress("reading the rules anew", 0.4)
        yield from resting(count, again)
        yield from deciding(count, again)
        progress("shifting readings", 0.8)
        yield from readings(count, again)
    yield _record(count)


def _record(count: Counting) -> ReportTable:
    rows = tuple(tuple(count.say(key).split(" | ")) for key in RECORD)
    head = (count.say("record item"), count.say("record asks"), count.say("record here"))
    return ReportTable("record", count.say("record"), head, rows, count.say("record note"))


def _about(count: Counting) -> tuple[list[str], str, str]:
    """What stands above, what marks it, and where it is from."""
    guideline, marks = count.guideline, count.results.marks
    lead = [guideline.notice[count.language], count.say("signs")]
    least = count.asked.least
    if least > 1:
        lead.append(count.say("suppressed", least=least, most=least - 1, base=2 * least))
    mark = count.say("simulated") if marks.get("calx_simulated") == "true" else ""
    foot = count.say(
        "made by",
        name=guideline.name[count.language],
        version=guideline.version,
        digest=guideline.digest,
        calx=marks.get("calx_version", "?"),
        rows=count.told(count.results.rows),
    )
    return lead, mark, foot
