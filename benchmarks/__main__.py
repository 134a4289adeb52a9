"""``python -m benchmarks``: one run, all peers side by
side. Ratios count; absolute times are of this machine.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from calx.reasoner.model.case import Case
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.oracles.shacl_engine import JUDGE

from . import authoring, imaging, service
from .by_hand import decide
from .processes import calx, seconds

CASES, ROUNDS, PYSHACL_CASES = 1000, 7, 20
EXAMPLE = Path(__file__).parent.parent / "examples" / "real-pullback.json"


def side_by_side(
    works: Sequence[Callable[[Any], object]], cases: Sequence[Any], repeat: int
) -> list[list[float]]:
    """Seconds a case for each work and round; every
    round runs them all, so that noise meets them alike.
    """
    rounds: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, times in zip(works, rounds, strict=True):
            gc.collect()
            started = time.perf_counter()
            for _ in range(repeat):
                for case in cases:
                    work(case)
            times.append((time.perf_counter() - started) / repeat / len(cases))
    return rounds


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median over the rounds of the ratio within one round."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def pyshacl_per_case(reasoner: Reasoner, cases: Sequence[Case]) -> float:
    """Seconds a case for stock pySHACL running the
    guideline's own files, graphs parsed beforehand.
    """
    from pyshacl import shacl_rules

    data, shapes = JUDGE.lesions([(case.facts, ()) for case in cases]), JUDGE.everything
    started = time.perf_counter()
    shacl_rules(data, shacl_graph=shapes, advanced=True)
    return (time.perf_counter() - started) / len(cases)


def agree(reasoner: Reasoner, cases: Sequence[Case]) -> None:
    """The hand-written peer decides the same; otherwise its time means nothing."""
    for case in cases:
        trace = reasoner.evaluation.run(case.facts)
        values, conclusions = decide(case.facts)
        if conclusions != set(trace.derived) or values != trace.values:
            difference = conclusions ^ set(trace.derived) or {
                name for name in values if values.get(name) != trace.values.get(name)
            }
            raise SystemExit(f"the hand-written peer decides otherwise: {difference} for {case}")


def main() -> None:
    """Measure, and print a table with the ratios to reach."""
    console, reasoner = Console(), Reasoner.load()
    many = [reasoner.gate.admit(raw) for raw in lesions(reasoner, CASES, 2026)]
    one = [reasoner.gate.admit(json.loads(EXAMPLE.read_text()))]
    agree(reasoner, [*many, *one])
    runs: dict[str, Callable[[Case], object]] = {
        "(c) if and else by hand, no proof": lambda case: decide(case.facts),
        "(b) Calx, evaluation with full proof": lambda case: reasoner.evaluation.run(case.facts),
        "    with the three-valued reading": lambda case: reasoner.answer(case),
        "    complete JSON result": lambda case: reasoner.answer(case).json_bytes(),
    }
    gc.freeze()  # the guideline itself is not garbage to look through
    with console.status("measuring: pySHACL takes longest"):
        # its time a case does not fall with their number
        shacl = [pyshacl_per_case(reasoner, cases) for cases in (one, many[:PYSHACL_CASES])]
        times = [
            side_by_side(list(runs.values()), one, 300),
            side_by_side(list(runs.values()), many, 1),
        ]
    table = Table("per case", "1 case", f"{CASES} cases")
    table.add_row(
        f"(a) stock pySHACL ({PYSHACL_CASES} of the {CASES})",
        *(f"{seconds * 1e6:,.0f} µs" for seconds in shacl),
    )
    for index, name in enumerate(runs):
        table.add_row(
            name, *(f"{statistics.median(rounds[index]) * 1e6:,.0f} µs" for rounds in times)
        )
    console.print(table)
    ratios = Table("ratio", "1 case", f"{CASES} cases", "to reach")
    ratios.add_row(
        "(a) / (b)",
        *(
            f"{a / statistics.median(rounds[1]):,.0f}"
            for a, rounds in zip(shacl, times, strict=True)
        ),
        "at least 1,000",
    )
    ratios.add_row(
        "(b) / (c)", *(f"{ratio(rounds[1], rounds[0]):.1f}" for rounds in times), "at most 8"
    )
    ratios.add_row(
        "JSON / (b)", *(f"{ratio(rounds[3], rounds[1]):.1f}" for rounds in times), "at most 10"
    )
    console.print(ratios)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CALX_CACHE"] = cache
        first = seconds(["-m", "calx", "recommend", str(EXAMPLE)], times=1)
        start = seconds(["-m", "calx", "recommend", str(EXAMPLE)])
        rdflib = seconds(["-c", "import rdflib"])
        memory = calx("recommend", EXAMPLE).peak
    starts = Table("cold start", "seconds", "to reach")
    starts.add_row("python -c 'import rdflib'", f"{rdflib:.2f}", "")
    starts.add_row(
        "calx recommend, one case", f"{start:.2f}", f"at most 3 x; is {start / rdflib:.1f} x"
    )
    starts.add_row("the very first, compiling the guideline", f"{first:.2f}", "")
    starts.add_row("peak memory of calx recommend", f"{memory:.0f} MiB", "under 150 MB")
    console.print(starts)
    console.print(
        "peak memory of this run, pySHACL included: "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )
    with console.status("measuring the service"):
        service.report(console)
    with console.status("measuring the authors' commands; the largest guideline takes minutes"):
        authoring.report(console)
    with console.status("measuring the reading of recordings"):
        imaging.report(console)


if __name__ == "__main__":
    main()
