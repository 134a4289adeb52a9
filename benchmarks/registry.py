"""``python -m benchmarks.registry``: what the guideline says of 3,000 lesions such as a registry
holds, and how much of it a person can use.

The lesions stand in ``registry/lesions.jsonl`` of the guideline's folder, drawn (``--draw``) from
the published distributions in ``registry/distributions.yaml`` beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from calx.ontology.files import GuidelineFiles
from calx.reasoner.cohorts.simulate import distributions, simulate
from calx.reasoner.engine.answer import Answer
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.text import render

FOLDER = GuidelineFiles().directory / "registry"
TICK = "complication_free"


def lesions() -> list[dict[str, Any]]:
    """The sample, as it was drawn."""
    with (FOLDER / "lesions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def without_tick(case: dict[str, Any]) -> dict[str, Any]:
    """The same lesion where nobody said whether a complication was seen."""
    return {name: value for name, value in case.items() if name != TICK}


# --- drawing ------------------------------------------------------------------------------


def draw(reasoner: Reasoner) -> list[dict[str, Any]]:
    """The sample, drawn anew: the facts alone, as they would be sent."""
    from pyarrow.parquet import read_table

    told, _ = distributions(FOLDER.parent)
    facts = {fact.name for fact in reasoner.guideline.facts.values() if fact.given} | {"case_id"}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lesions.parquet"
        simulate(reasoner, FOLDER.parent, told["lesions"], told["seed"], path)
        rows: list[dict[str, Any]] = read_table(path).to_pylist()
    return [
        {name: _plain(value) for name, value in row.items() if name in facts and value is not None}
        for row in rows
    ]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# --- the report ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What counts of one answer."""

    settled: bool
    missing: int
    possible: int
    usable: int
    firsts: int
    active: bool
    lines: int
    asked: int


def told(answer: Answer) -> Told:
    """What counts of an answer, in its public result and its text."""
    result = answer.json()
    usable = [device for device in result["devices"] if device["rank"]]
    return Told(
        settled=bool(result["strategy"] and result["strategy"]["settled"]),
        missing=len(result["missing"]),
        possible=len(result["possible_alerts"]),
        usable=len(usable),
        firsts=sum(device["rank"] == 1 for device in usable),
        active=bool(result["strategy"]) and result["strategy"]["id"] in ACTIVE,
        lines=len(render(answer).splitlines()),
        asked=sum(len(asked.facts) for asked in Brief(answer, "en").asked),
    )


ACTIVE = ("active_modification",)
"""Strategies that ask for a device that modifies calcium."""


def share(found: Sequence[bool]) -> str:
    """So many of a hundred."""
    return f"{100 * sum(found) / len(found):.1f} %" if found else "–"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def report(answers: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """The figures, each with its name."""
    active = [a for a in answers if a.active and a.usable]
    yield "strategy settled", share([a.settled for a in answers])
    yield "facts missing, median", f"{statistics.median(a.missing for a in answers):.0f}"
    yield "possible alerts a lesion", f"{statistics.mean(a.possible for a in answers):.2f}"
    yield "devices usable, median", f"{statistics.median(a.usable for a in answers):.0f}"
    yield "no device usable", share([not a.usable for a in answers])
    yield "active, with a usable device", share([a.active and bool(a.usable) for a in answers])
    yield "… of these with exactly one first", share([a.firsts == 1 for a in active])
    lines = [a.lines for a in answers]
    yield "lines of the answer, median", f"{statistics.median(lines):.0f}"
    yield "lines of the answer, 90th percentile", f"{percentile(lines, 90):.0f}"
    yield "facts to find out next, median", f"{statistics.median(a.asked for a in answers):.0f}"


def main() -> None:
    """Draws the sample, or reports over it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw the lesions anew")
    reasoner = Reasoner.load()
    if parser.parse_args().draw:
        drawn = (json.dumps(case, ensure_ascii=False) for case in draw(reasoner))
        (FOLDER / "lesions.jsonl").write_text("\n".join(drawn) + "\n", encoding="utf-8")
    sample = lesions()
    ways = {f"with {TICK}": sample, "without": [without_tick(case) for case in sample]}
    found = {
        way: dict(report([told(reasoner.recommend(case)) for case in track(cases, way)]))
        for way, cases in ways.items()
    }
    table = Table("of the lesions", *found, title=f"{len(sample)} lesions such as a registry holds")
    for name in next(iter(found.values())):
        table.add_row(name, *(figures[name] for figures in found.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
