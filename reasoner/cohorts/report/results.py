"""Scored lesions as a report reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.run import MANIFEST, connected
from calx.reasoner.cohorts.sources import named, reason
from calx.reasoner.columns.answers import MISSING
from calx.reasoner.columns.sql import TYPES, Select, quoted
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    import duckdb

PLACE = "place:"
"""The column of the number of a row in its file. No column of a file is called so."""
DIGEST = "calx_guideline_digest"
SAMPLE = 200_000
"""Lesions of which the rules are read anew, where there are more."""


@dataclass(frozen=True)
class Results:
    """The results of a run.

    Attributes:
        columns: their names.
        marks: what the files say of themselves: guideline, versions, whether simulated.
        rows: how many lesions.
    """

    connection: duckdb.DuckDBPyConnection
    columns: tuple[str, ...]
    marks: dict[str, str]
    rows: int

    def all(self, text: str) -> list[tuple[Any, ...]]:
        """What a query of the table ``results`` gives."""
        return self.connection.execute(text).fetchall()

    def has(self, name: str) -> bool:
        return name in self.columns

    def lesions(self, reasoner: Reasoner, carried: Mapping[str, str]) -> Select:
        """The facts of (a sample of) the lesions, as the rules read them.

        Args:
            reasoner: of the guideline.
            carried: by name what stands beside them, as SQL.
        """
        every = max(1, -(-self.rows // SAMPLE))
        facts = [
            f"{quoted(name)}"
            if name in self.columns
            else f"CAST(NULL AS {TYPES[fact.kind]}) AS {quoted(name)}"
            for name, fact in reasoner.guideline.facts.items()
            if fact.given
        ]
        names = tuple(n for n, fact in reasoner.guideline.facts.items() if fact.given)
        told = ", ".join([*(f"{text} AS {quoted(n)}" for n, text in carried.items()), *facts])
        text = f"SELECT {told} FROM results WHERE {quoted(PLACE)} % {every} = 0"
        return Select(text, (*carried, *names))


@contextmanager
def opened(paths: Sequence[Path], reasoner: Reasoner) -> Iterator[Results]:
    """The results in some files, or in folders of parts.

    Raises:
        CohortError: they are none, or of another guideline than the reasoner's.
    """
    import duckdb

    files = [file for path in paths for file in _files(path)]
    listed = ", ".join(named(file) for file in files)
    with TemporaryDirectory() as stage, connected(Path(stage), "2GB") as connection:
        try:
            marks = _marks(connection, files)
            told = marks[DIGEST]
            if told != reasoner.guideline.digest:
                raise CohortError(
                    f"{files[0]}: was scored by guideline {told}, and this one is "
                    f"{reasoner.guideline.digest}; name that one with --ontology, or score anew"
                )
            connection.execute(
                f"CREATE VIEW results AS SELECT *, file_row_number AS {quoted(PLACE)} "
                f"FROM read_parquet([{listed}], union_by_name = true, file_row_number = true, "
                "hive_partitioning = false)"
            )
            described = connection.execute("DESCRIBE results").fetchall()
            (rows,) = connection.execute("SELECT count(*) FROM results").fetchone() or (0,)
            columns = tuple(name for name, *_ in described)
            if not {CASE_ID, MISSING} <= {*columns}:
                raise CohortError(
                    f"{files[0]}: holds no results of calx cohort run with what is open (--open)"
                )
            _once(connection)
            if "simulated" in columns:
                (made,) = connection.execute(
                    "SELECT bool_or(lower(CAST(simulated AS VARCHAR)) = 'true') FROM results"
                ).fetchone() or (False,)
                marks |= {"calx_simulated": "true"} if made else {}
            yield Results(connection, columns, marks, rows)
        except duckdb.Error as error:
            raise CohortError(f"{files[0]}: {reason(error)}") from None


def _once(connection: duckdb.DuckDBPyConnection) -> None:
    """
    Raises:
        CohortError: a lesion stands in two of the files.
    """
    twice = f"SELECT {CASE_ID} FROM results GROUP BY 1 HAVING count(*) > 1"
    count, id_ = connection.execute(
        f"SELECT count(*), min({CASE_ID}) FROM ({twice}) AS twice"
    ).fetchone() or (0, "")
    if count:
        raise CohortError(
            f"{count:,} lesions stand in these results twice ({id_} for one), and would count "
            "twice; name each file once, and score files together that share lesions"
        )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        manifest = path / MANIFEST
        if manifest.is_file() and '"whole": true' not in manifest.read_text(encoding="utf-8"):
            raise CohortError(f"{path}: is not whole; run the same calx cohort run to its end")
        found = sorted(path.glob("*.parquet"))
        if not found:
            raise CohortError(f"{path}: holds no .parquet file")
        return found
    if not path.is_file():
        raise CohortError(f"{path}: no such file")
    return [path]


def _marks(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[str, str]:
    """What the files say of themselves; all must say the same."""
    found: dict[str, str] = {}
    for file in files:
        rows = connection.execute(
            f"SELECT key, value FROM parquet_kv_metadata({named(file)})"
        ).fetchall()
        told = {bytes(key).decode(): bytes(value).decode(errors="replace") for key, value in rows}
        told = _of_spark(told) or {k: v for k, v in told.items() if k.startswith("calx_")}
        if DIGEST not in told:
            raise CohortError(f"{file}: holds no results of calx cohort run")
        if found and told[DIGEST] != found[DIGEST]:
            raise CohortError(f"{file}: was scored by another guideline than {files[0]}")
        found |= told if "calx_simulated" in told or not found else {}
    return found


def _of_spark(told: dict[str, str]) -> dict[str, str]:
    """Spark keeps it with the schema, at the column of the ids."""
    import json

    schema = told.get("org.apache.spark.sql.parquet.row.metadata")
    if schema is None:
        return {}
    fields = json.loads(schema).get("fields", [])
    return next((dict(f["metadata"]) for f in fields if f.get("name") == CASE_ID), {})
