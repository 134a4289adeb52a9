"""The service beside its own empty endpoint and beside the bare store, in one run."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
from rich.console import Console
from rich.table import Table

from calx.api.store.records import as_triples, record
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.rdf import lesion_of
from tests.api.running import Running, serving, start

from .load import Load, request, run

ROUNDS = 5
CONNECTIONS = (1, 32)
PAGE = "/?max_superficial_arc_deg=344&vessel_diameter_mm=3.24&superficial_arc_gt270_length_mm=3.6"
EXAMPLE = Path(__file__).parent.parent / "examples" / "real-pullback.json"


def extended(
    store: ox.Store, quads: Callable[[int], list[ox.Quad]], count: int, threads: int, offset: int
) -> list[float]:
    """Seconds that each `Store.extend` of one answer's
    quads took, called from so many threads at once.
    """
    ready = [quads(offset + number) for number in range(count)]
    seconds: list[float] = []

    def work(mine: list[list[ox.Quad]]) -> None:
        for found in mine:
            started = time.perf_counter()
            store.extend(found)
            seconds.append(time.perf_counter() - started)

    workers = [
        threading.Thread(target=work, args=(ready[worker::threads],)) for worker in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return seconds


def measured(
    running: Running, store: ox.Store, connections: int
) -> dict[str, list[Load | list[float]]]:
    """Every round runs every work, so that noise meets them alike."""
    port, case = int(running.url.rpartition(":")[2]), json.loads(EXAMPLE.read_text())
    answer = Reasoner.load().recommend(case)
    triples = as_triples(record(answer), answer)
    body = json.dumps(case).encode()
    count = 200 * (1 if connections == 1 else 4)
    found: dict[str, list[Load | list[float]]] = {
        "empty": [],
        "post": [],
        "again": [],
        "store": [],
        "page": [],
        "extend": [],
    }

    def quads(number: int) -> list[ox.Quad]:
        graph = lesion_of(f"x{connections}-{number}")
        return [ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples]

    for turn in range(ROUNDS):
        found["empty"].append(
            run(port, lambda _: request("GET", "/health"), count * 2, connections)
        )
        fresh = [
            json.dumps({**case, "case_id": f"p{connections}-{turn}-{number}"}).encode()
            for number in range(count)
        ]
        found["post"].append(
            run(
                port,
                lambda number, fresh=fresh: request("POST", "/recommend", fresh[number]),  # type: ignore[misc]
                count,
                connections,
            )
        )
        found["again"].append(
            run(port, lambda _: request("POST", "/recommend", body), count, connections)
        )
        stored = count // 4
        names = [
            json.dumps({**case, "case_id": f"b{connections}-{turn}-{number}"}).encode()
            for number in range(stored)
        ]
        found["extend"].append(extended(store, quads, stored, connections, turn * stored))
        found["store"].append(
            run(
                port,
                lambda number, names=names: request("POST", "/cases", names[number]),  # type: ignore[misc]
                stored,
                connections,
            )
        )
        found["page"].append(
            run(port, lambda _: request("GET", PAGE, accept="text/html"), stored, connections)
        )
    return found


def _median(rounds: list[Load | list[float]], share: float = 0.5) -> float:
    return statistics.median(
        one.quantile(share) if isinstance(one, Load) else sorted(one)[int(share * (len(one) - 1))]
        for one in rounds
    )


def report(console: Console) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        starts = []
        for _ in range(5):
            began = time.perf_counter()
            running = start(Path(folder) / "started")
            starts.append(time.perf_counter() - began)
            running.kill()
        (Path(folder) / "peer").mkdir()
        store = ox.Store(str(Path(folder) / "peer"))
        with serving(Path(folder) / "served") as running:
            tables = {
                connections: measured(running, store, connections) for connections in CONNECTIONS
            }
    table = Table(
        "milliseconds",
        *(
            f"{c} connection{'s' if c > 1 else ''}: {what}"
            for c in CONNECTIONS
            for what in ("median", "p99")
        ),
    )
    names = {
        "empty": "empty endpoint",
        "post": "post a case, a new one each time",
        "again": "post the same case again",
        "store": "post and store",
        "extend": "(Store.extend of its quads)",
        "page": "the page with an answer",
    }
    for name, label in names.items():
        table.add_row(
            label,
            *(
                f"{_median(tables[c][name], share) * 1000:.2f}"
                for c in CONNECTIONS
                for share in (0.5, 0.99)
            ),
        )
    console.print(table)
    goals = Table("ratio of medians", *(f"{c}" for c in CONNECTIONS), "to reach")
    posts = {c: _median(tables[c]["post"]) / _median(tables[c]["empty"]) for c in CONNECTIONS}
    adds = {
        c: (_median(tables[c]["store"]) - _median(tables[c]["post"])) / _median(tables[c]["extend"])
        for c in CONNECTIONS
    }
    again = {c: _median(tables[c]["again"]) / _median(tables[c]["empty"]) for c in CONNECTIONS}
    goals.add_row("post a new case / empty", *(f"{posts[c]:.2f}" for c in CONNECTIONS), "at most 3")
    goals.add_row(
        "post the same case again / empty", *(f"{again[c]:.2f}" for c in CONNECTIONS), "at most 3"
    )
    goals.add_row(
        "(store - post) / Store.extend", *(f"{adds[c]:.2f}" for c in CONNECTIONS), "at most 1.5"
    )
    goals.add_row("start until it listens, s", f"{statistics.median(starts):.2f}", "", "under 2")
    console.print(goals)
    wrong = [
        one
        for c in CONNECTIONS
        for rounds in tables[c].values()
        for one in rounds
        if isinstance(one, Load) and (one.failures or set(one.statuses) - {200, 201})
    ]
    console.print(
        "no request failed"
        if not wrong
        else f"FAILED: {[(one.failures, one.statuses) for one in wrong]}"
    )


if __name__ == "__main__":
    report(Console(width=120))
