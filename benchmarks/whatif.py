"""``python -m benchmarks.whatif``: what asking how sure an answer is costs, beside one evaluation
with its proof and beside trying values on a grid.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from calx.reasoner.recommendation import Reasoner
from calx.reasoner.whatif.completions import decided
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.goals import NONE, Goal, possible
from calx.reasoner.whatif.joint import joint
from calx.reasoner.whatif.next_facts import frequencies_of, next_facts
from calx.reasoner.whatif.stability import Elsewhere, stability
from calx.reasoner.whatif.towards import Towards
from tests.lesions import lesion

CASES, GRID = 20, 200
DENSE = 0.95
"""Share of the facts that are told; about forty."""


def seconds(work: Callable[[], object]) -> float:
    """Of processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started


def on_a_grid(elsewhere: Elsewhere) -> None:
    """The same borders by trying values of each number, as a peer would."""
    facts = elsewhere.reasoner.guideline.facts
    for name, value in elsewhere.facts.items():
        if isinstance(value, Decimal):
            low = facts[name].minimum or Decimal(0)
            high = facts[name].maximum or 2 * value + 1
            for step in range(GRID):
                moved = {**elsewhere.facts, name: low + (high - low) * step / GRID}
                if elsewhere.forbidden_by(moved) is None:
                    elsewhere.stands(moved)


def main() -> None:
    """Measure and show."""
    reasoner, source = Reasoner.load(), random.Random(1)  # noqa: S311
    towards, frequencies = Towards(reasoner), frequencies_of(reasoner)
    frequencies.knows("")
    found: dict[str, list[float]] = {}
    known = []
    for _ in range(CASES):
        raw = lesion(reasoner, source, DENSE)
        answer = reasoner.recommend(raw)
        known.append(len(answer.case.facts))
        elsewhere = Elsewhere(answer)
        errors = errors_of(answer)
        name, values = source.choice(list(possible(reasoner.guideline).items()))
        value = source.choice(values)
        wanted = Goal(name, None if value == NONE else value)
        works: dict[str, Callable[[], Any]] = {
            "one evaluation with proof": lambda raw=raw: reasoner.recommend(raw).json_bytes(),  # type: ignore[misc]
            "intervals of all facts": lambda e=elsewhere: stability(e),  # type: ignore[misc]
            f"the same on a grid of {GRID}": lambda e=elsewhere: on_a_grid(e),  # type: ignore[misc]
            "share of all errors": lambda e=elsewhere, s=errors: joint(e, s),  # type: ignore[misc]
            "decided, whatever the rest is": lambda e=elsewhere: decided(e, towards),  # type: ignore[misc]
            "what to find out next": lambda e=elsewhere: next_facts(e, frequencies),  # type: ignore[misc]
            "sets towards an outcome": lambda e=elsewhere, w=wanted, s=errors: towards.ways(
                e, w, s
            ),  # type: ignore[misc]
        }
        for title, work in works.items():
            work()
            found.setdefault(title, []).append(seconds(work))
    one = found["one evaluation with proof"]
    table = Table(title=f"{CASES} lesions with {statistics.median(known):.0f} known facts")
    for column in ("", "median ms", "most ms", "times one evaluation"):
        table.add_column(column, justify="left" if not column else "right")
    for title, times in found.items():
        ratio = statistics.median(t / o for t, o in zip(times, one, strict=True))
        row = f"{1e3 * statistics.median(times):.1f}", f"{1e3 * max(times):.1f}", f"{ratio:.0f}"
        table.add_row(title, *row)
    Console().print(table)


if __name__ == "__main__":
    main()
