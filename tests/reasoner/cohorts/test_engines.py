"""The same cohort on every engine that can be had: row for row, column for column the same; what is refused, too."""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from calx.reasoner.cohorts import spark, warehouse
from calx.reasoner.cohorts.dialects import DIALECTS, PARSED, printed
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.run import score
from calx.reasoner.cohorts.scored import Options, marks
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.reasoner.cohorts.test_run import table
from tests.sampling import much

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def ties(reasoner: Reasoner) -> Iterator[dict[str, Any]]:
    """Stent areas of exactly 90 and 80 percent."""
    for hundredths in range(410, 450):
        reference = Decimal(hundredths) / 100
        for part in ("0.9", "0.8"):
            facts = {
                "stage": "after_stent",
                "stent_implanted": True,
                "minimum_stent_area_mm2": reference * Decimal(part),
                "distal_reference_lumen_area_mm2": reference,
                "proximal_reference_lumen_area_mm2": reference,
            }
            yield {name: as_json(v) if isinstance(v, Decimal) else v for name, v in facts.items()}


@pytest.fixture(scope="module")
def cohort(reasoner: Reasoner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lesions, sparse and dense, with ties and nulls, and rows that are refused."""
    found = [
        *lesions(reasoner, much(2000, 300), 5, density=0.4),
        *lesions(reasoner, much(2000, 300), 6, density=0.8),
        *reasoner.sample[: much(3000, 300)],
        *ties(reasoner),
    ]
    found = [{**one, "case_id": f"c{n}"} for n, one in enumerate(found)]
    found += [
        {"case_id": "wrong", "age_years": 900},
        {"case_id": "broken", "max_superficial_arc_deg": 90, "calcium_present": False},
        {"case_id": "a b", "age_years": 70},
    ]
    path = tmp_path_factory.mktemp("cohort") / "in.parquet"
    pq.write_table(table(reasoner, found, site=[f"s{n % 7}" for n in range(len(found))]), path)
    return path


@pytest.fixture(scope="module")
def expected(reasoner: Reasoner, cohort: Path) -> Path:
    out = cohort.with_name("out.parquet")
    score(reasoner, [cohort], out, cohort.with_name("out.rejects.csv"))
    return out


def rows(text: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM {text} ORDER BY case_id")
        return [column[0] for column in found.description or ()], found.fetchall()


def reasons(path: Path) -> list[tuple[str, ...]]:
    """Rejects without the numbers of rows, which engines without order do not have."""
    with path.open(newline="") as stream:
        return sorted((r["case_id"], r["column"], r["reason"]) for r in csv.DictReader(stream))


@pytest.mark.long(every=2)
def test_spark_says_the_same_in_one_pass_without_a_shuffle(
    reasoner: Reasoner, cohort: Path, expected: Path, tmp_path: Path
) -> None:
    out, rejects = tmp_path / "out", tmp_path / "rejects.csv"
    scored = spark.score(reasoner, [str(cohort)], str(out), rejects)
    names, told = rows(f"'{out}/*.parquet'")
    assert (names, told) == rows(f"'{expected}'")
    assert scored.rejected == 3
    assert reasons(rejects) == reasons(expected.with_name("out.rejects.csv"))
    (file, *_) = out.glob("*.parquet")
    metadata = str(pq.read_metadata(file).metadata[b"org.apache.spark.sql.parquet.row.metadata"])
    assert all(mark in metadata for mark in marks(reasoner).values())
    session = spark.session()
    lesions_ = session.read.parquet(str(cohort))
    lesions_.createOrReplaceTempView(spark.COHORT)
    frame = spark.results(session, reasoner, spark.planned(reasoner, lesions_, Options()))
    plan = frame._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in plan and "Join" not in plan and plan.count("Scan parquet") == 1
    with pytest.raises(CohortError, match="already exists"):
        spark.score(reasoner, [str(cohort)], str(out), rejects)
    twice = pa.table({"case_id": ["a", "b", "a"]})
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(CohortError, match=r"more than one row \(a"):
        spark.score(reasoner, [str(tmp_path / "twice.parquet")], str(tmp_path / "x"), rejects)
    session.stop()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL of its own; ends, whatever it is at."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL is installed (apt-get install postgresql)")
    tools, home = POSTGRES[-1], Path("/tmp") / f"calx-postgres-{time.time_ns()}"
    home.mkdir()
    shutil.chown(home, "postgres", "postgres")

    def run(*words: object) -> None:
        told = " ".join(map(str, words))
        subprocess.run(
            ["su", "postgres", "-s", "/bin/sh", "-c", told],
            check=True,
            capture_output=True,
            timeout=120,
        )

    port = 50_000 + time.time_ns() % 10_000
    try:
        run(tools / "initdb", "-D", home / "data", "-A", "trust")
        options = f"'-p {port} -k {home} -c listen_addresses=127.0.0.1'"
        run(tools / "pg_ctl", "-D", home / "data", "-l", home / "log", "-w", "-o", options, "start")
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(tools / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")
        shutil.rmtree(home)


@pytest.mark.long(every=2)
def test_postgres_says_the_same_where_the_table_is(
    reasoner: Reasoner, cohort: Path, expected: Path, postgres: str, tmp_path: Path
) -> None:
    import psycopg

    _, given = rows(f"'{cohort}'")
    kinds = {
        "VARCHAR": "text",
        "BOOLEAN": "boolean",
        "DOUBLE": "double precision",
        "BIGINT": "bigint",
    }
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM '{cohort}'").fetchall()
    columns = ", ".join(f'"{name}" {kinds[kind]}' for name, kind, *_ in described)
    with psycopg.connect(postgres) as connection:
        connection.execute(f"CREATE TABLE lesions ({columns})")
        with connection.cursor().copy("COPY lesions FROM STDIN") as copy:
            for row in given:
                copy.write_row(row)
    rejects = tmp_path / "rejects.csv"
    scored = warehouse.score(reasoner, postgres, "lesions", "scored", rejects)
    assert scored.rejected == 3
    with psycopg.connect(postgres) as connection:
        found = connection.execute('SELECT * FROM scored ORDER BY case_id COLLATE "C"')
        told = [column.name for column in found.description or ()]
        assert (told, found.fetchall()) == rows(f"'{expected}'")
        comment = connection.execute("SELECT obj_description('scored'::regclass)").fetchone()
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert sorted(tables.fetchall()) == [("lesions",), ("scored",)]
    assert reasoner.guideline.digest in str(comment)
    assert reasons(rejects) == reasons(expected.with_name("out.rejects.csv"))
    with pytest.raises(CohortError, match="such a table already"):
        warehouse.score(reasoner, postgres, "lesions", "scored", rejects)
    with pytest.raises(CohortError, match="no_table: there is no such table"):
        warehouse.score(reasoner, postgres, "no_table", "other", rejects)


def test_printed_sql_does_the_same(reasoner: Reasoner, cohort: Path, expected: Path) -> None:
    text = printed(reasoner, "duckdb", cohort, Options())
    assert text.startswith("-- ") and reasoner.guideline.digest in text.splitlines()[0]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW lesions AS SELECT * FROM '{cohort}'")
        found = connection.execute(f"SELECT * FROM ({text.rstrip(';')}\n) ORDER BY case_id")
        names = [column[0] for column in found.description or ()]
        assert (names, found.fetchall()) == rows(f"'{expected}'")


@pytest.mark.long(every=2)
@pytest.mark.parametrize("dialect", PARSED)
def test_printed_sql_can_be_parsed_where_it_cannot_be_run(dialect: str, reasoner: Reasoner) -> None:
    text = printed(reasoner, dialect, None, Options(facts=False, rules=False))
    assert len(text) < 1_000_000  # what BigQuery, Snowflake and Trino take
    if dialect == "bigquery":  # its parser takes a minute for all of it
        text = text[: text.index(" FROM (")] + " FROM t;"
    (tree,) = sqlglot.parse(text, read=dialect)
    assert tree is not None


def test_without_java_spark_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(CohortError, match="Spark needs Java 17 or newer"):
        spark.session()


def test_another_dialect_is_refused(reasoner: Reasoner) -> None:
    with pytest.raises(CohortError, match="no dialect that is written"):
        printed(reasoner, "oracle", None, Options())
    assert {*PARSED} < {*DIALECTS}
