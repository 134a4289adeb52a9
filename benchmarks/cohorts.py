"""``python -m benchmarks.cohorts [ROWS...]``: what scoring a registry costs, beside hand-written SQL and polars, the engine for one
case in two processes, Spark here, and stock pySHACL. Every contender runs in a process of its own; ratios count.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.recommendation import Reasoner

SIZES = (100_000, 1_000_000)
ONE_CASE, PYSHACL, SPARK_MOST = 4000, 1000, 1_000_000


def decisions(columns: tuple[str, ...]) -> list[str]:
    """The columns that all contenders write."""
    return [
        "case_id",
        *(
            c
            for c in columns
            if c in ("strategy", "calcium_score") or c.startswith(("status_", "alert_"))
        ),
    ]


# --- contenders, each with the file of lesions -----------------------------------------------


def _calx(path: Path, out: Path, kept: str) -> None:
    """Calx on DuckDB: the decisions alone, with rules, with what is open, or all. The gate stands
    before all of them.
    """
    from calx.reasoner.cohorts.column_map import ColumnMap, found
    from calx.reasoner.cohorts.plan import plan
    from calx.reasoner.cohorts.run import GROUP, connected
    from calx.reasoner.cohorts.sources import LesionFiles
    from calx.reasoner.columns.sql import quoted

    reasoner = Reasoner.load()
    with tempfile.TemporaryDirectory() as stage, connected(Path(stage)) as connection:
        file = LesionFiles(reasoner.guideline, connection, Path(stage)).open(path)
        opened = kept in ("open", "all")
        where = found(reasoner.guideline, file.columns, ColumnMap())
        asked = plan(reasoner, where, facts=False, opened=opened)
        told = decisions(asked.answers.columns)
        more = {
            "decisions": (),
            "rules": ("rule_",),
            "open": ("unverified_", "possible_", "missing", "settled"),
            "all": ("",),
        }[kept]
        told += [c for c in asked.answers.columns if c not in told and more and c.startswith(more)]
        names = ", ".join(map(quoted, told))
        connection.execute(
            f"COPY (SELECT {names} FROM ({asked.results(file.text)}) AS r) TO '{out}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP})"
        )


def _typed(path: Path, out: Path, text: str) -> None:
    """A query of the table ``lesions`` on DuckDB, whose columns are typed facts; no gate."""
    import duckdb

    from calx.reasoner.cohorts.run import GROUP
    from calx.reasoner.columns.sql import TYPES

    with duckdb.connect() as connection:
        have = {
            name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
        }
        told = ", ".join(
            name if name in have else f"CAST(NULL AS {TYPES[fact.kind]}) AS {name}"
            for name, fact in Reasoner.load().guideline.facts.items()
            if fact.given
        )
        connection.execute(f"CREATE VIEW lesions AS SELECT case_id, {told} FROM '{path}'")
        connection.execute(
            f"COPY ({text}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP})"
        )


def by_hand(path: Path, out: Path) -> None:
    """Hand-written SQL on DuckDB; no gate."""
    from benchmarks.by_hand_sql import sql

    _typed(path, out, sql("lesions"))


def _rules_alone(path: Path, out: Path) -> None:
    """What Calx writes of the rules, of rows that are typed and admitted, as the hand-written has."""
    from calx.reasoner.columns.answers import answers
    from calx.reasoner.columns.sql import quoted

    asked = answers(Reasoner.load().guideline, (), ["case_id"])
    names = ", ".join(map(quoted, decisions(asked.columns)))
    _typed(path, out, f"SELECT {names} FROM ({asked.table.text}) AS r")


def by_polars(path: Path, out: Path) -> None:
    """The same by hand, run by polars (its SQL, lazy, streamed)."""
    import polars as pl

    from benchmarks.by_hand_sql import NAMES, for_polars

    facts = Reasoner.load().guideline.facts
    frame = pl.scan_parquet(path)
    have = set(frame.collect_schema().names())
    kinds = {"boolean": pl.Boolean, "text": pl.String}
    missing = [
        pl.lit(None, dtype=kinds.get(facts[name].kind, pl.Float64)).alias(name)
        for name in NAMES
        if name not in have
    ]
    lesions = frame.with_columns(missing)
    pl.SQLContext(lesions=lesions).execute(for_polars("lesions")).sink_parquet(
        out, compression="zstd"
    )


def by_spark(path: Path, out: Path) -> None:
    """Calx on Spark, all columns."""
    from calx.reasoner.cohorts import spark

    spark.score(Reasoner.load(), [str(path)], str(out), out.with_suffix(".csv"))


CONTENDERS = {
    "hand-written SQL, DuckDB": by_hand,
    "hand-written SQL, polars": by_polars,
    "Calx on DuckDB, same columns, no gate": _rules_alone,
    "Calx on DuckDB, same columns, gate": lambda path, out: _calx(path, out, "decisions"),
    "… and a column a rule": lambda path, out: _calx(path, out, "rules"),
    "… and what is open": lambda path, out: _calx(path, out, "open"),
    "Calx on DuckDB, all columns": lambda path, out: _calx(path, out, "all"),
    "Calx on Spark here, all columns": by_spark,
}


def measured(name: str, path: Path, out: Path) -> tuple[float, float]:
    """Seconds, start and imports included, and peak MiB of a fresh process (of Spark: its Java is not counted)."""
    code = (
        "import sys, pathlib; from benchmarks.cohorts import CONTENDERS; "
        "CONTENDERS[sys.argv[1]](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])); "
        "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, name, str(path), str(out)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-800:]}")
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


def _answered(raws: list[dict[str, Any]]) -> float:
    """Seconds a case of the whole answer, in one process."""
    reasoner = Reasoner.load()
    reasoner.recommend(raws[0]).json_bytes()
    started = time.perf_counter()
    for raw in raws:
        reasoner.recommend(raw).json_bytes()
    return (time.perf_counter() - started) / len(raws)


def pyshacl_seconds(raws: list[dict[str, Any]]) -> float:
    """Seconds a case of stock pySHACL over so many lesions at once."""
    from tests.oracles.shacl_engine import JUDGE

    reasoner = Reasoner.load()
    cases = [reasoner.gate.admit(raw) for raw in raws]
    started = time.perf_counter()
    JUDGE.added(JUDGE.lesions([(dict(case.facts), frozenset()) for case in cases]))
    return (time.perf_counter() - started) / len(cases)


def main() -> None:
    """Runs them all."""
    from calx.reasoner.cohorts.simulate import simulate

    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    reasoner, console = Reasoner.load(), Console(width=120)
    table = Table(
        "contender", "lesions", "s", "lesions a second", "peak MiB", "beside hand-written SQL"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.parquet"
            simulate(reasoner, DEFAULT_DIRECTORY, size, 1, path)
            base = None
            for name in CONTENDERS:
                if "Spark" in name and size > SPARK_MOST:
                    continue
                out = Path(folder) / f"{size}-{len(table.rows)}.parquet"
                spent, peak = measured(name, path, out)
                base = base or spent
                table.add_row(
                    name,
                    f"{size:,}",
                    f"{spent:.1f}",
                    f"{size / spent:,.0f}",
                    f"{peak:,.0f}",
                    f"{spent / base:.2f}",
                )
        raws = [json.loads(json.dumps(one)) for one in reasoner.sample[:ONE_CASE]]
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            each = pool.map(_answered, [raws, raws])
        rate = sum(1 / one for one in each)
        table.add_row(
            "engine for one case, two processes", f"{2 * len(raws):,}", "", f"{rate:,.0f}", "", ""
        )
        judged = pyshacl_seconds(raws[:PYSHACL])
        table.add_row(
            "stock pySHACL, extrapolated to a second",
            f"{PYSHACL:,}",
            f"{judged * PYSHACL:.1f}",
            f"{1 / judged:,.1f}",
            "",
            "",
        )
    console.print(table)


if __name__ == "__main__":
    main()
