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
from calx.reasoner.cohorts.report.counts import Counts
from calx.reasoner.cohorts.report.figures import all_figures
from calx.reasoner.cohorts.report.results import Results, opened
from calx.reasoner.cohorts.report.tables import ReportTable
from calx.reasoner.cohorts.run import Progress
from calx.reasoner.recommendation import Reasoner
from calx.words import words

RECORD = tuple(f"record {number}" for number in range(1, 14))
"""Items of the RECORD statement that a report of this kind has to answer, as words of `cohort`."""


def report(
    reasoner: Reasoner,
    results: Sequence[Path],
    out: Path,
    asked: ReportScope,
    least: int = 0,
    progress: Progress = lambda told, done: None,
) -> list[str]:
    """Write what scored lesions show.

    Args:
        reasoner: of the guideline by which they were scored.
        results: files or folders of results.
        out: a folder; one that holds a report is written anew.
        asked: what the report is about.
        least: counts from 1 to one less are not shown; 0 shows all.
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
        tables = [one.suppressed(least) for one in _tables(reasoner, found, asked, progress)]
        lead, mark, foot = _about(reasoner, found, asked, least)
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


def _tables(
    reasoner: Reasoner, found: Results, asked: ReportScope, progress: Progress
) -> Iterator[ReportTable]:
    counts = Counts(reasoner, found, asked)
    progress("counting", 0)
    yield counts.flow()
    yield counts.completeness()
    yield from counts.outcomes()
    progress("comparing with practice", 0.3)
    yield from counts.practice()
    yield from counts.criteria()
    given = [name for name, fact in reasoner.guideline.facts.items() if fact.given]
    if any(found.has(name) for name in given):
        progress("reading the rules anew", 0.4)
        again = Again(reasoner, found)
        yield from counts.resting(again)
        progress("shifting readings", 0.8)
        yield from counts.reclassified(again)
        deciding = counts.deciding(again)
        if deciding is not None:
            yield deciding
    yield _record(asked)


def _record(asked: ReportScope) -> ReportTable:
    say = words("cohort", asked.language)
    rows = tuple(tuple(say[key].split(" | ")) for key in RECORD)
    head = (say["record item"], say["record asks"], say["record here"])
    return ReportTable("record", say["record"], head, rows, say["record note"])


def _about(
    reasoner: Reasoner, found: Results, asked: ReportScope, least: int
) -> tuple[list[str], str, str]:
    """What stands above, what marks it, and where it is from."""
    say, guideline = words("cohort", asked.language), reasoner.guideline
    lead = [guideline.notice[asked.language]]
    if least > 1:
        lead.append(say["suppressed"].format(least=least))
    mark = say["simulated"] if found.marks.get("calx_simulated") == "true" else ""
    foot = say["made by"].format(
        name=guideline.name[asked.language],
        version=guideline.version,
        digest=guideline.digest,
        calx=found.marks.get("calx_version", "?"),
        rows=f"{found.rows:,}",
    )
    return lead, mark, foot
