"""Scoring a cohort on this machine: DuckDB reads, the rules run as columns, results are written
aside and renamed once all counts add up.

A result that is one file is all or nothing. One that is a folder is written in parts, and a run
that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calx.atomic import write_atomically
from calx.reasoner.cohorts.column_map import found
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.plan import FIRST, OF_ROW, ScoringPlan, plan
from calx.reasoner.cohorts.rejects import Refusals, Rejects, are_rejects, unread, written_aside
from calx.reasoner.cohorts.scored import MEMORY, Options, Progress, Scored, added_up, marks, notes
from calx.reasoner.cohorts.sources import ROW, LesionFile, LesionFiles, reason
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    import duckdb

ALIKE = (
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"},
    {"FLOAT", "DOUBLE"},
)
"""Types of which one holds all values of the others."""
GROUP = 30_720
"""Rows of a row group: what is held at once, times some hundred columns."""
MANIFEST = "manifest.json"
OURS = re.compile(r"part-[0-9]+[.]parquet([.]rejects)?|manifest[.]json")
"""Names of what stands in a folder of parts."""


def score(
    reasoner: Reasoner,
    inputs: Sequence[Path],
    out: Path,
    rejects: Path,
    options: Options | None = None,
    progress: Progress = lambda told, done: None,
) -> Scored:
    """Score the lesions of some files.

    Args:
        reasoner: of the guideline.
        inputs: the files.
        out: a ``.parquet`` file, or a folder for parts of one.
        rejects: a CSV file of the rows that are not answered.
        options: how.
        progress: told how far it is.

    Raises:
        CohortError: it cannot be done; nothing half written is left, but parts that are whole.
    """
    how = options or Options()
    with workplace(out, rejects) as stage, connected(stage, how.memory) as connection:
        sources = LesionFiles(reasoner.guideline, connection, stage)
        opened = []
        for path in inputs:
            progress(f"reading {path.name}", 0)
            opened.append(sources.open(path, how.table))
        return score_sources(reasoner, connection, opened, out, rejects, how, progress)


def score_sources(
    reasoner: Reasoner,
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[LesionFile],
    out: Path,
    rejects: Path,
    options: Options,
    progress: Progress = lambda told, done: None,
) -> Scored:
    """The same of sources that are open."""
    return _Run(reasoner, connection, sources, out, rejects, options, progress).all()


@contextmanager
def workplace(out: Path, rejects: Path | None = None) -> Iterator[Path]:
    """A folder beside a result for what is put down on the way; it goes in the end.

    Raises:
        CohortError: nothing can be written there.
    """
    for path in (out, rejects):
        if path is not None and not path.parent.is_dir():
            raise CohortError(f"{path}: there is no folder {path.parent}")
    if rejects is not None and rejects.is_dir():
        raise CohortError(f"{rejects}: is a folder; name a file")
    if rejects is not None and rejects.exists() and not are_rejects(rejects):
        raise CohortError(f"{rejects}: is there already and holds no rejects; name another file")
    if out.suffix == ".parquet" and out.is_dir():
        raise CohortError(f"{out}: is a folder; name a file")
    if out.suffix not in ("", ".parquet"):
        raise CohortError(f"{out}: results are Parquet; name it .parquet, or a folder for parts")
    if out.exists() and not (_is_ours(out) if not out.suffix else _is_made_here(out)):
        raise CohortError(f"{out}: is there already, and holds no results; name another")
    stage = out.with_name(f".{out.name}.{os.getpid()}.work")
    try:
        with _alone(out):
            _sweep(out)
            stage.mkdir()
            yield stage
    except OSError as error:
        raise CohortError(f"{out}: {reason(error)}") from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """While nobody else writes there.

    Raises:
        CohortError: somebody does.
    """
    import fcntl

    path = out.with_name(f".{out.name}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CohortError(f"{out}: another run is writing there; wait for it") from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _sweep(out: Path) -> None:
    """What a run that was killed has left beside a result, and in its parts."""
    left = re.compile(rf"[.]{re.escape(out.name)}[.][0-9]+([.]work)?")
    for path in out.parent.iterdir():
        if left.fullmatch(path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
    unfinished = _unfinished(out)
    if unfinished.is_dir():
        for path in unfinished.glob(".part-*"):
            path.unlink()
        strange = [p.name for p in unfinished.iterdir() if not OURS.fullmatch(p.name)]
        if strange:
            raise CohortError(f"{unfinished}: holds {strange[0]}, which is of no run; take it away")
    elif unfinished.exists():
        raise CohortError(f"{unfinished}: stands where the parts would; take it away")


def _unfinished(out: Path) -> Path:
    """Where the parts of a result stand until all are there."""
    return out.with_name(f"{out.name}.partial")


def _is_made_here(path: Path) -> bool:
    """Whether a Parquet file was made by Calx."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"calx_guideline_digest" in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


@contextmanager
def connected(stage: Path, memory: str = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that fetches nothing and keeps what it cannot hold in the stage."""
    import duckdb

    with duckdb.connect() as connection:
        for setting in (
            f"SET memory_limit = {literal(memory)}",
            f"SET temp_directory = {literal(str(stage / 'spilled'))}",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET preserve_insertion_order = true",
            "SET enable_progress_bar = true",
            "SET enable_progress_bar_print = false",
        ):
            try:
                connection.execute(setting)
            except duckdb.Error as error:
                told = f"{setting}: {reason(error)}"
                if "memory_limit" in setting:
                    told = f"--memory {memory}: is no size; say it as 1GB or 500MB"
                raise CohortError(told) from None
        try:
            yield connection
        except RuntimeError as error:  # what the engine makes of a key that was pressed
            if "interrupted" in str(error).lower():
                raise KeyboardInterrupt from None
            raise


@dataclass(frozen=True)
class _Part:
    """Some rows of a source."""

    source: LesionFile
    file: int
    """The number of the source, from 0."""
    number: int
    first: int
    rows: int

    @property
    def name(self) -> str:
        return f"part-{self.number:05}.parquet"

    @property
    def text(self) -> str:
        """A query that gives its rows."""
        if self.first == 0 and self.rows == self.source.rows:
            return self.source.text
        last = self.first + self.rows - 1
        return (
            f"SELECT * FROM ({self.source.text}) AS file "
            f"WHERE file_row_number BETWEEN {self.first} AND {last}"
        )

    @property
    def leads(self) -> bool:
        """The rows of its source that could not be read are told with it."""
        return self.first == 0


class _Run:
    def __init__(
        self,
        reasoner: Reasoner,
        connection: duckdb.DuckDBPyConnection,
        sources: Sequence[LesionFile],
        out: Path,
        rejects: Path,
        options: Options,
        progress: Progress,
    ) -> None:
        self._reasoner, self._connection, self._sources = reasoner, connection, sources
        self._out = out.resolve() if out.is_symlink() else out
        self._rejects, self._how = rejects, options
        self._progress = progress
        plans = [self._plan(source) for source in sources]
        differ = _of_several_types(sources)
        self._plans = [replace(p, as_text=differ) for p in plans]
        self._again: set[str] = set()
        self._notes = notes(reasoner, self._plans)

    def _plan(self, source: LesionFile) -> ScoringPlan:
        try:
            where = found(self._reasoner.guideline, source.columns, self._how.columns)
            how = self._how
            return plan(self._reasoner, where, facts=how.facts, rules=how.rules, opened=how.opened)
        except CohortError as error:
            told = "\n".join(f"{source.name}: {line}" for line in str(error).splitlines())
            raise CohortError(told) from None

    def all(self) -> Scored:
        import duckdb

        try:
            self._find_doubles()
            return self._folder() if self._out.suffix == "" else self._file()
        except (duckdb.Error, OSError) as error:
            raise CohortError(f"{self._out}: {reason(error)}") from None

    # --- one file, or a folder of parts ---------------------------------------------------

    def _file(self) -> Scored:
        """All or nothing."""
        aside = _beside(self._out)
        parts = [_Part(source, n, n, 0, source.rows) for n, source in enumerate(self._sources)]
        rows = sum(source.rows + len(source.unread) for source in self._sources)
        try:
            self._progress("scoring", 0)
            answered = self._copy(_union([self._results(part) for part in parts]), aside)
            with written_aside(self._rejects, several=len(parts) > 1) as rejects:
                for part in parts:
                    self._reject(part, rejects, all_answered=answered == rows)
                scored = added_up(rows, answered, rejects.rows, notes=self._notes)
            aside.replace(self._out)
            return scored
        finally:
            aside.unlink(missing_ok=True)

    def _folder(self) -> Scored:
        """Part by part; what is whole is not made again."""
        unfinished = _unfinished(self._out)
        made = self._manifest()
        done = _resumed(unfinished, made)
        unfinished.mkdir(exist_ok=True)
        content = json.dumps(made | {"parts": done, "whole": False}, indent=1)
        write_atomically(unfinished / MANIFEST, content)
        total, before = sum(source.rows for source in self._sources), 0
        counts: dict[str, dict[str, int]] = {}
        parts = [*self._parts()]
        for part in parts:
            told = done.get(part.name)
            if told is None:
                self._progress(f"part {part.number + 1} of {len(parts)}", before / max(total, 1))
                told = self._one_part(part, unfinished)
            counts[part.name] = told
            before += part.rows
            content = json.dumps(made | {"parts": counts, "whole": False}, indent=1)
            write_atomically(unfinished / MANIFEST, content)
        scored = added_up(
            sum(told["rows"] for told in counts.values()),
            sum(told["answered"] for told in counts.values()),
            sum(told["rejected"] for told in counts.values()),
            len(parts),
            len(done.keys() & counts.keys()),
            self._notes,
        )
        self._gather(unfinished, [part.name for part in parts])
        content = json.dumps(made | {"parts": counts, "whole": True}, indent=1)
        write_atomically(unfinished / MANIFEST, content)
        if self._out.exists():
            shutil.rmtree(self._out)
        unfinished.replace(self._out)
        return scored

    def _parts(self) -> Iterator[_Part]:
        number = 0
        for file, source in enumerate(self._sources):
            for first in range(0, max(source.rows, 1), self._how.part):
                yield _Part(source, file, number, first, min(self._how.part, source.rows - first))
                number += 1

    def _one_part(self, part: _Part, folder: Path) -> dict[str, int]:
        target = folder / part.name
        aside = _beside(target)
        rows = part.rows + (len(part.source.unread) if part.leads else 0)
        try:
            answered = self._copy(self._results(part), aside)
            with written_aside(_rejects_of(target), several=len(self._sources) > 1) as rejects:
                self._reject(part, rejects, all_answered=answered == rows)
                added_up(rows, answered, rejects.rows)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return {"rows": rows, "answered": answered, "rejected": rejects.rows}

    def _gather(self, folder: Path, names: Sequence[str]) -> None:
        """The rejects of all parts as one file."""
        aside = _beside(self._rejects)
        try:
            with aside.open("wb") as whole:
                for number, name in enumerate(names):
                    with (_rejects_of(folder / name)).open("rb") as one:
                        head = one.readline()
                        whole.write(head if number == 0 else b"")
                        shutil.copyfileobj(one, whole)
            aside.replace(self._rejects)
        finally:
            aside.unlink(missing_ok=True)
        for name in names:
            (_rejects_of(folder / name)).unlink()

    def _manifest(self) -> dict[str, Any]:
        """By what a run that goes on is known to be the same."""
        how = self._how
        return marks(self._reasoner) | {
            "columns": how.columns.digest,
            "facts": how.facts,
            "rules": how.rules,
            "opened": how.opened,
            "part": how.part,
            "table": how.table,
            "language": how.language,
            "inputs": [
                {"sha256": s.digest, "rows": s.rows, "unread": len(s.unread)} for s in self._sources
            ],
        }

    # --- the engine -----------------------------------------------------------------------

    def _find_doubles(self) -> None:
        """The rows whose id stands in an earlier one, by source: ``again-N``."""
        self._progress("looking for ids that stand twice", 0)
        ids = " UNION ALL ".join(
            f"SELECT {p.found.id_text} AS id, {number} AS source, "
            f"{quoted(ROW)} AS row FROM ({source.text}) AS one"
            for number, (source, p) in enumerate(zip(self._sources, self._plans, strict=True))
        )
        run = self._connection.execute
        run(
            f"CREATE TEMP TABLE twice AS SELECT id FROM ({ids}) AS every "
            "WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1"
        )
        (count,) = run("SELECT count(*) FROM twice").fetchone() or (0,)
        if not count:
            return
        names = ", ".join(
            f"({number}, {literal(source.name)})" for number, source in enumerate(self._sources)
        )
        several = " || ' of ' || name" if len(self._sources) > 1 else ""
        run(
            "CREATE TEMP TABLE doubles AS SELECT * FROM (SELECT source, row, "
            f"first_value(row || ''{several}) OVER ordered AS first, "
            "row_number() OVER ordered AS place FROM "
            f"(SELECT every.* FROM ({ids}) AS every SEMI JOIN twice USING (id)) AS stood "
            f"JOIN (VALUES {names}) AS sources(source, name) USING (source) "
            "WINDOW ordered AS (PARTITION BY id ORDER BY source, row)) AS all_ WHERE place > 1"
        )
        for number in range(len(self._sources)):
            run(
                f"CREATE TEMP TABLE {quoted(f'again-{number}')} AS "
                f"SELECT row AS {quoted(OF_ROW)}, first AS {quoted(FIRST)} FROM doubles "
                f"WHERE source = {number}"
            )
            self._again.add(f"again-{number}")

    def _asked(self, part: _Part) -> tuple[ScoringPlan, str, str | None]:
        """What is asked of a part: the plan, a query of its rows, and the table of doubles."""
        again = f"again-{part.file}"
        return self._plans[part.file], part.text, again if again in self._again else None

    def _results(self, part: _Part) -> str:
        asked, rows, again = self._asked(part)
        return asked.results(rows, again)

    def _copy(self, text: str, target: Path) -> int:
        """Write what a query gives; how many rows there were."""
        made = marks(self._reasoner)
        if any(source.simulated for source in self._sources):
            made["calx_simulated"] = "true"
        told = ", ".join(f"{name}: {literal(value)}" for name, value in made.items())
        with watched(self._connection, self._progress):
            (rows,) = self._connection.execute(
                f"COPY ({text}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, "
                f"ROW_GROUP_SIZE {GROUP}, KV_METADATA {{{told}}})"
            ).fetchone() or (0,)
        return int(rows)

    def _reject(self, part: _Part, rejects: Rejects, *, all_answered: bool) -> None:
        """Write why rows are not answered."""
        if part.leads:
            for one in unread(part.source):
                rejects.write(part.source.name, [one])
        if all_answered:
            return
        self._progress("looking why rows are not answered", 0)
        asked, rows, again = self._asked(part)
        judge = Refusals(self._reasoner, asked, self._how.language)
        rejects.refused(
            judge, part.source.name, rows_of(self._connection, asked.refused(rows, again))
        )
        rejects.undecided(part.source.name, rows_of(self._connection, asked.undecided(rows, again)))


def rows_of(connection: duckdb.DuckDBPyConnection, text: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, one by one."""
    found = connection.execute(text)
    names = [column[0] for column in found.description or ()]
    while rows := found.fetchmany(10_000):
        for row in rows:
            yield dict(zip(names, row, strict=True))


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds the parts of a run, and nothing else."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        named = {MANIFEST, *told["parts"]}
        return "calx_guideline_digest" in told and {p.name for p in folder.iterdir()} <= named
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _of_several_types(sources: Sequence[LesionFile]) -> frozenset[str]:
    """Columns of which files hold different kinds of values."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for name, kind in source.types.items():
            found.setdefault(name, set()).add(kind)
    return frozenset(
        name
        for name, kinds in found.items()
        if len(kinds) > 1 and not any(kinds <= alike for alike in ALIKE)
    )


def _union(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else " UNION ALL BY NAME ".join(f"({t})" for t in texts)


def _rejects_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.rejects")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _resumed(folder: Path, made: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The parts that an earlier run of the same has written.

    Raises:
        CohortError: what is there is of another run.
    """
    if not (folder / MANIFEST).is_file():
        return {}
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except ValueError:
        told = None
    if not isinstance(told, dict) or {key: told.get(key) for key in made} != made:
        raise CohortError(
            f"{folder}: holds parts of another run (other lesions, guideline or options); remove "
            "it to start anew, or name another output"
        )
    return {
        name: counts
        for name, counts in told["parts"].items()
        if (folder / name).is_file() and (_rejects_of(folder / name)).is_file()
    }


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, progress: Progress) -> Iterator[None]:
    """Tell how far a query is while it runs."""
    from threading import Event, Thread

    ended = Event()

    def watch() -> None:
        while not ended.wait(0.3):
            done = connection.query_progress()
            if done >= 0:
                progress("scoring", done / 100)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
