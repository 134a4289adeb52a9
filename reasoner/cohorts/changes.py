"""What an edit of the guideline changes in a registry: who is told something else, from what to
what, and which rules fire otherwise there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.run import connected, score
from calx.reasoner.cohorts.scored import Options, Progress
from calx.reasoner.cohorts.sources import named
from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import Alerts, One, Status, Tally
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    import duckdb

MOST = 5
"""Rules, and lesions, that are named of a change."""
NOTHING = "none"


@dataclass(frozen=True)
class CohortChange:
    """One thing that is told otherwise.

    Attributes:
        of: the column of the results.
        old: what was told.
        new: what is told now.
        lesions: of how many.
        rules: that fire in one version alone, and in how many of these lesions.
        examples: ids of some of them.
    """

    of: str
    old: str
    new: str
    lesions: int
    rules: dict[str, int]
    examples: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        return {**vars(self), "examples": list(self.examples)}


@dataclass(frozen=True)
class CohortChanges:
    """What changes in a registry.

    Attributes:
        rows: that were read.
        answered: by both versions.
        changed: of these, with anything told otherwise.
        old_alone: rows that only the old version answers.
        new_alone: the same of the new one.
        changes: by column, those of most lesions first.
    """

    rows: int
    answered: int
    changed: int
    old_alone: int
    new_alone: int
    changes: tuple[CohortChange, ...]

    def json(self) -> dict[str, Any]:
        """As a tool reads it."""
        return {**vars(self), "changes": [change.json() for change in self.changes]}

    def text(self) -> str:
        """As a person reads it."""
        lines = [
            f"{self.rows:,} rows; {self.answered:,} answered by both versions, of which "
            f"{self.changed:,} are told something else"
        ]
        for count, which in ((self.old_alone, "old"), (self.new_alone, "new")):
            if count:
                lines.append(f"{count:,} rows are answered by the {which} version alone")
        for change in self.changes:
            rules = ", ".join(f"{rule} ({count:,})" for rule, count in change.rules.items())
            lines.append(
                f"{change.of}: {change.old} → {change.new}: {change.lesions:,} lesions"
                + (f", by {rules}" if rules else "")
                + f"; such as {', '.join(change.examples)}"
            )
        return "\n".join(lines)


def changes(
    old: Reasoner,
    new: Reasoner,
    path: Path,
    options: Options | None = None,
    progress: Progress = lambda told, done: None,
) -> CohortChanges:
    """What changes in a registry between two versions of a guideline.

    Raises:
        CohortError: the registry cannot be scored.
    """
    how = replace(options or Options(), facts=False, rules=True)
    with TemporaryDirectory() as folder, connected(Path(folder)) as connection:
        rows = 0
        for name, reasoner in (("old", old), ("new", new)):
            out = Path(folder) / f"{name}.parquet"
            rejects = Path(folder) / f"{name}.csv"
            rows = score(reasoner, [path], out, rejects, how, progress).rows
            told = named(out)
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({told})")
        ours, theirs = (_columns(reasoner.guideline) for reasoner in (old, new))
        return _Compared(connection, [name for name in ours if name in theirs]).all(rows)


class _Compared:
    """Compares the views ``old`` and ``new``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: list[str]) -> None:
        self._connection, self._columns = connection, columns
        mine, other = (
            {name for name in self._names(view) if name.startswith("rule_")}
            for view in ("old", "new")
        )
        self._rules = sorted(mine | other)
        told = [f"old.{quoted(n)} AS {quoted(f'old:{n}')}" for n in columns]
        told += [f"new.{quoted(n)} AS {quoted(f'new:{n}')}" for n in columns]
        for rule in self._rules:
            was = f"old.{quoted(rule)}" if rule in mine else "FALSE"
            is_ = f"new.{quoted(rule)}" if rule in other else "FALSE"
            told.append(f"({was} IS DISTINCT FROM {is_}) AS {quoted(rule)}")
        differs = " OR ".join(
            f"(old.{quoted(name)} IS DISTINCT FROM new.{quoted(name)})" for name in columns
        )
        connection.execute(
            f"CREATE TEMP TABLE pairs AS SELECT {', '.join([f'old.{CASE_ID}', *told])} "
            f"FROM old JOIN new USING ({CASE_ID}) WHERE {differs or 'FALSE'}"
        )

    def all(self, rows: int) -> CohortChanges:
        """All that changes."""
        return CohortChanges(
            rows,
            self._count(f"old JOIN new USING ({CASE_ID})"),
            self._count("pairs"),
            self._count(f"old ANTI JOIN new USING ({CASE_ID})"),
            self._count(f"new ANTI JOIN old USING ({CASE_ID})"),
            tuple(change for name in self._columns for change in self._changes(name)),
        )

    def _names(self, view: str) -> list[str]:
        return [name for name, *_ in self._connection.execute(f"DESCRIBE {view}").fetchall()]

    def _count(self, of: str) -> int:
        (count,) = self._connection.execute(f"SELECT count(*) FROM {of}").fetchone() or (0,)
        return int(count)

    def _changes(self, name: str) -> Iterator[CohortChange]:
        old, new = quoted(f"old:{name}"), quoted(f"new:{name}")
        rules = ", ".join(f"count(*) FILTER ({quoted(rule)})" for rule in self._rules)
        found = self._connection.execute(
            f"SELECT CAST({old} AS VARCHAR), CAST({new} AS VARCHAR), count(*), "
            f"list({CASE_ID} ORDER BY {CASE_ID})[1:{MOST}]{', ' if rules else ''}{rules} "
            f"FROM pairs WHERE {old} IS DISTINCT FROM {new} GROUP BY {old}, {new} ORDER BY 3 DESC"
        ).fetchall()
        for was, is_, count, ids, *fired in found:
            told = sorted(zip(self._rules, fired, strict=True), key=lambda one: -one[1])
            by = {rule.removeprefix("rule_"): hits for rule, hits in told[:MOST] if hits}
            yield CohortChange(name, was or NOTHING, is_ or NOTHING, int(count), by, tuple(ids))


def _columns(guideline: Guideline) -> list[str]:
    """The columns of results that say what a reader acts on."""
    found: list[str] = []
    for section in guideline.sections:
        match section:
            case One() | Tally():
                found.append(section.key)
            case Status():
                found += [f"first_{section.kind}"] if section.ranked else []
                found += [f"status_{thing.id}" for thing in guideline.of_kind(section.kind)]
            case Alerts():
                alerts = guideline.of_kind(section.kind)
                found += [f"{section.kind}_{alert.id}" for alert in alerts]
            case _:
                pass
    return found
