"""Files of lesions, as tables: Parquet as it is; CSV, Arrow, JSON lines and tables of databases put
down as Parquet beside the result first, so that all are read the same way.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.columns.admission import ColumnKind
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.intake.files import submissions
from calx.reasoner.intake.gate import Gate
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.measured import KEY

if TYPE_CHECKING:
    import duckdb

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".csv.zst")
ARROW = (".arrow", ".feather", ".ipc")
LINES = (".jsonl", ".ndjson")
DATABASES = (".duckdb", ".sqlite", ".sqlite3", ".db")
SUFFIXES = (*PARQUET, *CSV, *ARROW, *LINES, *DATABASES)
"""Of files that hold cohorts."""
BATCH = 10_000
"""Rows that are held at once where a file is read row by row."""
ROW = "row:"
"""The column of the number of a row in its file, from 1. No column of a file is called so."""
COUNTED = "file_row_number"
"""The engine's own column of the number of a row."""
NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|DECIMAL\([0-9]+,[0-9]+\)")


@dataclass(frozen=True)
class Unread:
    """A row of a file that could not be read as one."""

    row: int
    told: str
    reason: str


@dataclass(frozen=True)
class LesionFile:
    """One file of lesions.

    Attributes:
        name: as it was named.
        path: of the Parquet file that holds its rows.
        columns: by name what a column holds; None for what no fact can be.
        types: the same in the words of the engine.
        rows: how many there are in ``path``.
        unread: rows that are not in it.
        digest: of the file.
    """

    name: str
    path: Path
    columns: Mapping[str, ColumnKind | None]
    types: Mapping[str, str]
    rows: int
    digest: str
    unread: tuple[Unread, ...] = ()
    numbered: bool = False
    """``path`` has a column `ROW`, as rows were left out of it."""
    simulated: bool = False
    """It says of itself that its lesions never were."""

    @property
    def text(self) -> str:
        """A query that gives its rows, with the number of each in the file."""
        row = quoted(ROW) if self.numbered else f"file_row_number + 1 AS {quoted(ROW)}"
        names = ", ".join([row, *map(quoted, self.columns)])
        return (
            f"SELECT file_row_number, {names} "
            f"FROM read_parquet({named(self.path)}, file_row_number = true, "
            "hive_partitioning = false)"
        )


PLAIN = "hive_partitioning = false"
"""The names of folders say nothing."""


def named(path: Path) -> str:
    """A file as the engine is told of it, which takes names for patterns.

    >>> named(Path("a[1]*.csv"))
    "'a[[]1][*].csv'"
    """
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


def suffix_of(path: Path) -> str | None:
    """How to read a file, by its name; None where that is not known."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


class LesionFiles:
    """Opens files of lesions.

    Args:
        guideline: whose facts JSON lines name.
        connection: reads them.
        stage: a folder for what has to be put down.
    """

    def __init__(
        self, guideline: Guideline, connection: duckdb.DuckDBPyConnection, stage: Path
    ) -> None:
        self._guideline, self._connection, self._stage = guideline, connection, stage
        self._opened = 0

    @cached_property
    def _gate(self) -> Gate:
        return Gate(Evaluation(self._guideline))

    def open(self, path: Path, table: str | None = None) -> LesionFile:
        """One file.

        Args:
            path: of the file.
            table: of a database the table.

        Raises:
            CohortError: it cannot be read.
        """
        import duckdb

        suffix = suffix_of(path)
        if suffix is None:
            raise CohortError(f"{path}: cannot tell how to read it; name it {', '.join(SUFFIXES)}")
        if not path.is_file():
            raise CohortError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
        if (suffix in DATABASES) != (table is not None):
            told = "holds tables; name one with --table" if table is None else "holds no tables"
            raise CohortError(f"{path}: {told}")
        self._opened += 1
        try:
            if suffix in PARQUET:
                return self._source(path, path)
            if suffix in CSV:
                return self._csv(path)
            if suffix in ARROW:
                return self._arrow(path)
            if suffix in LINES:
                return self._lines(path)
            assert table is not None
            return self._table(path, table, suffix)
        except (duckdb.Error, OSError, sqlite3.Error) as error:
            raise CohortError(f"{path}: {reason(error)}") from None

    def of_rows(
        self,
        name: str,
        digest: str,
        rows: Iterable[Mapping[str, Any] | Unread],
        more: Sequence[str] = (),
    ) -> LesionFile:
        """A source of rows that were made elsewhere.

        Args:
            name: as its owner knows it.
            digest: of what they were made from.
            rows: by column what stands there, None for nothing; or a row that could not be read.
            more: columns beside the facts.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._opened += 1
        names = ["case_id", *more, *(f.name for f in self._guideline.facts.values() if f.given)]
        schema = pa.schema([(name, pa.string()) for name in names])
        unread, target = list[Unread](), self._staged()

        def good() -> Iterator[Mapping[str, Any]]:
            for row in rows:
                if isinstance(row, Unread):
                    unread.append(row)
                else:
                    yield row

        each = good()  # filled as it is read
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            while batch := [*islice(each, BATCH)]:
                columns = [[_as_text(row.get(name)) for row in batch] for name in names]
                writer.write_table(pa.table(columns, schema=schema))
        return self._numbered(self._source(name, target, digest), unread)

    def _numbered(self, source: LesionFile, unread: Sequence[Unread]) -> LesionFile:
        """The same, its rows numbered as if those that could not be read were among them."""
        if not unread:
            return source
        before = ", ".join(f"({bad.row - place})" for place, bad in enumerate(unread, 1))
        target = source.path.with_suffix(".numbered.parquet")
        row = "file_row_number + 1"
        self._connection.execute(
            f"COPY (SELECT {row} + (SELECT count(*) FROM (VALUES {before}) AS gone(above) "
            f"WHERE above < {row}) AS {quoted(ROW)}, {', '.join(map(quoted, source.columns))} "
            f"FROM ({source.text}) AS one ORDER BY file_row_number) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        source.path.unlink()
        return replace(source, path=target, unread=tuple(unread), numbered=True)

    # --- kinds of files -------------------------------------------------------------------

    def _source(self, name: Path | str, path: Path, digest: str | None = None) -> LesionFile:
        run = self._connection.execute
        described = run(f"DESCRIBE SELECT * FROM read_parquet({named(path)}, {PLAIN})").fetchall()
        types = {column: kind for column, kind, *_ in described}
        if COUNTED in map(str.casefold, types):
            raise CohortError(f"{name}: a column is called {COUNTED}; give it another name")
        columns = {column: _entered(kind) for column, kind in types.items()}
        (rows,) = run(f"SELECT count(*) FROM read_parquet({named(path)}, {PLAIN})").fetchone() or (
            0,
        )
        told = run(
            f"SELECT count(*) FROM parquet_kv_metadata({named(path)}) "
            "WHERE key::VARCHAR = 'calx_simulated' AND value::VARCHAR = 'true'"
        ).fetchone()
        digest = digest or _digest(Path(name))
        simulated = told != (0,)
        return LesionFile(str(name), path, columns, types, rows, digest, simulated=simulated)

    def _staged(self) -> Path:
        self._stage.mkdir(parents=True, exist_ok=True)
        return self._stage / f"input-{self._opened}.parquet"

    def _csv(self, path: Path) -> LesionFile:
        with path.open("rb") as stream:
            if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise CohortError(f"{path}: is UTF-16; save it as UTF-8")
        target, run, mark = self._staged(), self._connection.execute, _separator(path)
        run("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        run(
            f"COPY (SELECT * FROM read_csv({named(path)}, all_varchar = true, "
            f"delim = {literal(mark)}, quote = '\"', escape = '\"', comment = '', skip = 0, "
            f"{PLAIN}, header = true, strict_mode = true, store_rejects = true, "
            "rejects_limit = 0)) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )
        found = run("SELECT line, csv_line, error_message FROM reject_errors ORDER BY line")
        unread = {line: (told, reason) for line, told, reason in reversed(found.fetchall())}
        source = self._source(path, target)
        there = _rows(path, mark)
        if there is not None and there != source.rows + len(unread):
            raise CohortError(
                f"{path}: {there:,} rows by one reader of CSV, {source.rows + len(unread):,} by "
                "another; look for quotes that are not closed, or save it as Parquet"
            )
        place = _places(path, unread.keys(), mark) if unread else {}
        bad = [
            Unread(place.get(line, line - 1), told, _csv_reason(why))
            for line, (told, why) in sorted(unread.items())
        ]
        return self._numbered(source, bad)

    def _arrow(self, path: Path) -> LesionFile:
        import pyarrow as pa

        target = self._staged()
        try:
            with pa.memory_map(str(path)) as mapped:
                try:
                    reader = pa.ipc.open_file(mapped)
                    batches = (reader.get_batch(n) for n in range(reader.num_record_batches))
                    stream = pa.RecordBatchReader.from_batches(reader.schema, batches)
                except pa.ArrowInvalid:
                    mapped.seek(0)
                    stream = pa.ipc.open_stream(mapped)
                self._put_down(stream, target)
        except pa.ArrowInvalid as error:
            raise CohortError(f"{path}: no Arrow file, or a damaged one ({error})") from None
        return self._source(path, target)

    def _put_down(self, stream: Any, target: Path) -> None:
        self._connection.register("arriving", stream)
        try:
            self._connection.execute(
                f"COPY (SELECT * FROM arriving) TO {literal(str(target))} (FORMAT parquet)"
            )
        finally:
            self._connection.unregister("arriving")

    def _lines(self, path: Path) -> LesionFile:
        return self.of_rows(str(path), _digest(path), self._cases(path))

    def _cases(self, path: Path) -> Iterator[Mapping[str, Any] | Unread]:
        """The lesions of JSON lines, one a line."""
        given = {fact.name for fact in self._guideline.facts.values() if fact.given}
        with path.open("rb") as stream:
            if not stream.read(4096).strip() and not stream.read().strip():
                return
            stream.seek(0)
            for number, case in enumerate(submissions(stream, ".jsonl", self._guideline), 1):
                problems = [str(problem) for problem in case.problems]
                problems += [
                    f"{key}: unknown fact"
                    for key in case.raw
                    if key not in given and key not in ("case_id", KEY)
                ]
                problems = problems or [*self._untyped(case.raw)]
                if problems:
                    id_ = case.raw.get("case_id")
                    yield Unread(number, id_ if isinstance(id_, str) else "", "; ".join(problems))
                else:
                    yield case.raw

    def _untyped(self, raw: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with a case that is no matter of text, as a row of a CSV file is."""
        facts = self._guideline.facts
        odd = [name for name, told in raw.items() if name in facts and not _fits(facts[name], told)]
        if odd or KEY in raw or not isinstance(raw.get("case_id"), str):
            try:
                self._gate.admit(raw)
            except CaseError as error:
                yield from map(str, error.problems)
                return
            yield from (f"{name}: is written as text, which one case may not" for name in odd)
        texts = [value for value in raw.values() if isinstance(value, str)]
        if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
            yield "holds half a character"

    def _table(self, path: Path, table: str, suffix: str) -> LesionFile:
        if suffix != ".duckdb":
            return self._sqlite(path, table)
        target, run = self._staged(), self._connection.execute
        run(f"ATTACH {literal(str(path))} AS registry (READ_ONLY)")
        try:
            described = run(f"DESCRIBE SELECT * FROM registry.{quoted(table)}").fetchall()
            each = ", ".join(  # Parquet has no whole numbers of that size
                f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}"
                if "HUGEINT" in kind
                else quoted(name)
                for name, kind, *_ in described
            )
            run(
                f"COPY (SELECT {each} FROM registry.{quoted(table)}) TO {literal(str(target))} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
        finally:
            run("DETACH registry")
        return self._source(f"{path}#{table}", target, _digest(path))

    def _sqlite(self, path: Path, table: str) -> LesionFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        try:
            cursor = connection.execute(f"SELECT * FROM {quoted(table)}")
            names = [column[0] for column in cursor.description]
            schema = pa.schema([(name, pa.string()) for name in names])

            target = self._staged()
            with pq.ParquetWriter(target, schema, compression="zstd") as writer:
                while rows := cursor.fetchmany(BATCH):
                    columns = zip(*rows, strict=True)
                    arrays = [pa.array([_as_text(v) for v in one], pa.string()) for one in columns]
                    writer.write_table(pa.table(arrays, schema=schema))
        finally:
            connection.close()
        return self._source(f"{path}#{table}", target, _digest(path))


def _fits(fact: Fact, value: Any) -> bool:
    """Whether a value of JSON is of the kind of a fact."""
    if value is None:
        return True
    if fact.kind == "boolean":
        return isinstance(value, bool)
    if fact.kind == "text":
        return isinstance(value, str) and value == value.strip() != ""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _entered(kind: str) -> ColumnKind | None:
    """What a column of a type holds."""
    if kind in ("VARCHAR", "UUID", '"NULL"') or kind.startswith("ENUM"):
        return ColumnKind.TEXT
    if kind == "BOOLEAN":
        return ColumnKind.BOOLEAN
    if kind == "FLOAT":
        return ColumnKind.SINGLE
    return ColumnKind.NUMBER if NUMBERS.fullmatch(kind) else None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _opened(path: Path) -> TextIO | None:
    """A CSV file as text; None where it is compressed in a way that is not read here."""
    if path.suffix == ".zst":
        return None
    opened = gzip.open if path.suffix == ".gz" else open
    return cast("TextIO", opened(path, "rt", encoding="utf-8-sig", errors="replace", newline=""))


def _separator(path: Path) -> str:
    """What stands between the cells of a CSV file: what parts its first line most."""
    if any(suffix == ".tsv" for suffix in path.suffixes):
        return "\t"
    stream = _opened(path)
    if stream is None:
        return ","
    with stream:
        head = stream.readline()
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark), [])))


SEPARATORS = ",;\t|"


def _rows(path: Path, mark: str) -> int | None:
    """The rows of a CSV file as another reader counts them; None where it cannot be read twice."""
    stream = _opened(path)
    if stream is None:
        return None
    csv.field_size_limit(2**31 - 1)
    with stream:
        try:
            rows = csv.reader(stream, delimiter=mark)
            alone = len(next(rows, [])) == 1  # of one column, an empty line is a row
            return sum(alone or bool(cells) for cells in rows)
        except csv.Error:
            return None


def _places(path: Path, lines: Collection[int], mark: str) -> dict[int, int]:
    """Of lines of a CSV file, as the engine counts them, which row each is: it counts empty lines,
    which are no rows, and a row of several lines once. Nothing where it is compressed otherwise.
    """
    stream, found, row = _opened(path), dict[int, int](), -1
    if stream is None:
        return found
    with stream:
        try:
            alone = False
            for line, cells in enumerate(csv.reader(stream, delimiter=mark), 1):
                alone = alone or (line == 1 and len(cells) == 1)
                row += alone or bool(cells)
                if line in lines:
                    found[line] = row
        except csv.Error:
            return found
    return found


def _csv_reason(reason: str) -> str:
    told = reason.replace("This file is not utf-8 encoded", "save the file as UTF-8")
    return f"this line cannot be read: {told}"


def reason(error: Exception) -> str:
    """What went wrong, in one line, and what to do where that is known."""
    told = " ".join(str(error).split())
    for sign, advice in REASONS.items():
        if sign in told:
            return advice
    return f"cannot be read: {told[:300]}"


REASONS = {
    "No magic bytes": "no whole Parquet file: it was cut off, or is something else; copy it anew",
    "too small to be a Parquet": "no whole Parquet file: it was cut off; copy it anew",
    "No space left on device": "the disk is full; make room, or name an output on another disk",
    "does not exist": "there is no such table in it",
    "no such table": "there is no such table in it",
    "file is not a database": "is no database of this kind",
}
