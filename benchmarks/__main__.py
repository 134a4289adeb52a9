"""``python -m benchmarks``: one run, all peers side by side. Ratios count; absolute times are of this machine."""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reasoner.case import Case
from reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.oracles.shacl_engine import everything
from tests.oracles.shacl_engine import lesions as as_graph

from .by_hand import decide

CASES, ROUNDS, PYSHACL_CASES = 1000, 7, 20
EXAMPLE = Path(__file__).parent.parent / "examples" / "real-pullback.json"


def per_case(work: Callable[[Any], object], cases: Sequence[Any], repeat: int) -> float:
    """Seconds a case: the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.perf_counter()
        for _ in range(repeat):
            for case in cases:
                work(case)
        rounds.append((time.perf_counter() - started) / repeat / len(cases))
    return statistics.median(rounds)


def pyshacl_per_case(reasoner: Reasoner, cases: Sequence[Case]) -> float:
    """Seconds a case for stock pySHACL running the guideline's own files, graphs parsed beforehand."""
    from pyshacl import shacl_rules

    data, shapes = as_graph(reasoner.guideline, [(case.facts, ()) for case in cases]), everything()
    started = time.perf_counter()
    shacl_rules(data, shacl_graph=shapes, advanced=True)
    return (time.perf_counter() - started) / len(cases)


def agree(reasoner: Reasoner, cases: Sequence[Case]) -> None:
    """The hand-written peer decides the same; otherwise its time means nothing."""
    for case in cases:
        trace = reasoner.evaluation.run(case.facts)
        values, conclusions = decide(case.facts)
        if conclusions != set(trace.derived) or values != trace.values:
            difference = conclusions ^ set(trace.derived) or {name for name in values if values.get(name) != trace.values.get(name)}
            raise SystemExit(f"the hand-written peer decides otherwise: {difference} for {case}")


def cold(arguments: list[str], times: int = 9) -> tuple[float, float]:
    """Median seconds and peak MiB of a fresh process."""
    seconds, peak = [], 0.0
    for _ in range(times):
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)  # noqa: S603
        _, _, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - started)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(seconds), peak


def main() -> None:
    """Measure, and print a table with the ratios to reach."""
    console, reasoner = Console(), Reasoner.load()
    many = [reasoner.gate.admit(raw) for raw in lesions(reasoner, CASES, 2026)]
    one = [reasoner.gate.admit(json.loads(EXAMPLE.read_text()))]
    agree(reasoner, [*many, *one])
    table = Table("per case", "1 case", f"{CASES} cases")
    found: dict[str, tuple[float, float]] = {}
    with console.status("measuring: pySHACL takes longest"):
        # side by side in one run; pySHACL's time a case does not fall with their number, so a sample stands for 1000
        found["(a) stock pySHACL"] = pyshacl_per_case(reasoner, one), pyshacl_per_case(reasoner, many[:PYSHACL_CASES])
        runs: list[tuple[str, Callable[[Case], object]]] = [
            ("(c) if and else by hand, no proof", lambda case: decide(case.facts)),
            ("(b) Calx, evaluation with full proof", lambda case: reasoner.evaluation.run(case.facts)),
            ("    with the three-valued reading", outlook(reasoner)),
            ("    complete JSON result", lambda case: reasoner.answer(case).json_bytes()),
        ]
        for name, work in runs:
            found[name] = per_case(work, one, 500), per_case(work, many, 1)
    for name, (single, each) in found.items():
        table.add_row(name, f"{single * 1e6:,.0f} µs", f"{each * 1e6:,.0f} µs")
    console.print(table)
    a, c, b, _, result = found.values()
    ratios = Table("ratio", "1 case", f"{CASES} cases", "to reach")
    ratios.add_row("(a) / (b)", f"{a[0] / b[0]:,.0f}", f"{a[1] / b[1]:,.0f}", "at least 1,000")
    ratios.add_row("(b) / (c)", f"{b[0] / c[0]:.1f}", f"{b[1] / c[1]:.1f}", "at most 8")
    ratios.add_row("JSON / (b)", f"{result[0] / b[0]:.1f}", f"{result[1] / b[1]:.1f}", "at most 10")
    console.print(ratios)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CALX_CACHE"] = cache
        first, _ = cold(["-m", "api", "recommend", str(EXAMPLE)], times=1)
        start, peak = cold(["-m", "api", "recommend", str(EXAMPLE)])
        rdflib, _ = cold(["-c", "import rdflib"])
    starts = Table("cold start", "seconds", "to reach")
    starts.add_row("python -c 'import rdflib'", f"{rdflib:.2f}", "")
    starts.add_row("calx recommend, one case", f"{start:.2f}", f"at most 3 x; is {start / rdflib:.1f} x")
    starts.add_row("the very first, compiling the guideline", f"{first:.2f}", "")
    starts.add_row("peak memory of calx recommend", f"{peak:.0f} MiB", "under 150 MB")
    console.print(starts)
    console.print(f"peak memory of this run, pySHACL included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def outlook(reasoner: Reasoner) -> Callable[[Case], object]:
    """Evaluation and everything that the three-valued reading is asked for in an answer."""

    def work(case: Case) -> object:
        answer = reasoner.answer(case)
        return answer.strategy("en"), answer.missing, answer.possible_alerts("en")

    return work


if __name__ == "__main__":
    main()
