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
from calx.reasoner.columns.answers import MOST_ACTIONS
from calx.reasoner.columns.sql import quoted
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import Actions, Alerts, Members, One, Status, Tally
from calx.reasoner.recommendation import Reasoner
from calx.words import words

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
        rules: those that the edit touches and that fire in these lesions, and in how many.
        following: other rules that fire in one version alone, and in how many of these lesions.
        examples: ids of some of them.
    """

    of: str
    old: str
    new: str
    lesions: int
    rules: dict[str, int]
    following: dict[str, int]
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
        edited: the rules that say something else in the new version, or stand in one alone.
        same: the columns of which nothing is told otherwise.
        changes: by column, those of most lesions first.
    """

    rows: int
    answered: int
    changed: int
    old_alone: int
    new_alone: int
    edited: tuple[str, ...]
    same: tuple[str, ...]
    changes: tuple[CohortChange, ...]

    def json(self) -> dict[str, Any]:
        """As a tool reads it."""
        told = {"edited": list(self.edited), "same": list(self.same)}
        return {**vars(self), **told, "changes": [change.json() for change in self.changes]}

    def text(self, guideline: Guideline, language: str = "en") -> str:
        """As a person reads it.

        Args:
            guideline: the new version, whose names are used.
            language: of the text.
        """
        return "\n".join(_Told(self, guideline, language).lines())


class _Told:
    """Puts changes into words."""

    def __init__(self, found: CohortChanges, guideline: Guideline, language: str) -> None:
        self._found, self._guideline, self._language = found, guideline, language
        self._words = words("cohort", language)
        self._names = dict(self._columns())

    def lines(self) -> Iterator[str]:
        found = self._found
        yield self._say(
            "changed",
            rows=f"{found.rows:,}",
            answered=f"{found.answered:,}",
            changed=self._of(found.changed),
        )
        for count, which in ((found.old_alone, "old alone"), (found.new_alone, "new alone")):
            if count:
                yield self._say(which, count=f"{count:,}")
        if found.edited:
            yield self._say("edited", rules=", ".join(map(self._rule, found.edited)))
        for section in self._guideline.sections:
            if section.key in found.same:
                yield self._say("unchanged", of=self._name(section.key))
        for change in found.changes:
            old, new = self._value(change.of, change.old), self._value(change.of, change.new)
            head = self._say("pair", name=self._name(change.of), value=f"{old} → {new}")
            told = [self._say("pair", name=head, value=self._of(change.lesions))]
            if change.rules:
                told.append(self._say("by rules", rules=self._counted(change.rules)))
            if change.following:
                told.append(self._say("follows", rules=self._counted(change.following)))
            told.append(self._say("such as", ids=", ".join(change.examples)))
            yield "\n    ".join(told)

    def _say(self, key: str, **parts: object) -> str:
        return self._words[key].format(**parts)

    def _of(self, lesions: int) -> str:
        share = 100 * lesions / self._found.answered if self._found.answered else 0
        return self._say("share of", count=f"{lesions:,}", share=f"{share:.2g}")

    def _counted(self, rules: dict[str, int]) -> str:
        named = ((self._rule(rule), f"{count:,}") for rule, count in rules.items())
        return ", ".join(self._say("pair", name=name, value=count) for name, count in named)

    def _rule(self, id_: str) -> str:
        rule = self._guideline.rule.get(id_)
        if rule is None:
            return id_
        return self._say("in brackets", name=id_, more=rule.label[self._language])

    def _name(self, column: str) -> str:
        return self._names.get(column, (column, {}))[0]

    def _value(self, column: str, value: str) -> str:
        if value == NOTHING:
            return self._say("nothing")
        return self._names.get(column, ("", {}))[1].get(value, value)

    def _columns(self) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
        """By column its name, and the names of its values."""
        guideline, language = self._guideline, self._language
        yes = {"true": self._say("yes"), "false": self._say("no")}
        for section in guideline.sections:
            label = section.label[language]
            match section:
                case One(predicate=predicate):
                    terms = guideline.of_kind(guideline.properties[predicate].kind)
                    yield section.key, (label, {term.id: term.label[language] for term in terms})
                case Tally():
                    yield section.key, (label, {})
                case Status(kind=kind):
                    things = {t.id: t.label[language] for t in guideline.of_kind(kind)}
                    statuses = {s.word: s.label[language] for s in section.statuses}
                    yield f"first_{kind}", (self._say("first of", section=label), things)
                    for id_, name in things.items():
                        yield f"status_{id_}", (name, statuses)
                case Members(predicates=predicates):
                    for kind in dict.fromkeys(guideline.properties[p].kind for p in predicates):
                        for term in guideline.of_kind(kind):
                            yield f"{kind}_{term.id}", (term.label[language], yes)
                case Actions(predicates=predicates):
                    kind = guideline.properties[predicates[0]].kind
                    actions = {term.id: term.label[language] for term in guideline.of_kind(kind)}
                    for number in range(1, MOST_ACTIONS + 1):
                        yield f"action_{number}", (f"{label} {number}", actions)
                case Alerts(kind=kind):
                    for term in guideline.of_kind(kind):
                        yield f"{kind}_{term.id}", (term.label[language], {})
                case _:
                    pass


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
    how = replace(options or Options(), facts=False, rules=True, opened=False)
    with TemporaryDirectory() as folder, connected(Path(folder)) as connection:
        rows = 0
        for name, reasoner in (("old", old), ("new", new)):
            out = Path(folder) / f"{name}.parquet"
            rejects = Path(folder) / f"{name}.csv"
            rows = score(reasoner, [path], out, rejects, how, progress).rows
            told = named(out)
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({told})")
        ours, theirs = (_columns(reasoner.guideline) for reasoner in (old, new))
        edited = _edited(old.guideline, new.guideline)
        return _Compared(connection, [name for name in ours if name in theirs], edited).all(rows)


def _edited(old: Guideline, new: Guideline) -> tuple[str, ...]:
    """The rules that say something else, rest on something else, or stand in one version alone."""

    def said(guideline: Guideline) -> dict[str, object]:
        return {
            rule.id: (rule.layer, rule.productions, rule.level, rule.alert)
            for rule in guideline.rules
        }

    mine, other = said(old), said(new)
    return tuple(id_ for id_ in {**mine, **other} if mine.get(id_) != other.get(id_))


class _Compared:
    """Compares the views ``old`` and ``new``."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, columns: list[str], edited: tuple[str, ...]
    ) -> None:
        self._connection, self._edited = connection, edited
        there = {*self._names("old")} & {*self._names("new")}
        self._columns = columns = [name for name in columns if name in there]
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
            own = "OR" if self._id(rule) in edited else "IS DISTINCT FROM"
            told.append(f"({was} {own} {is_}) AS {quoted(rule)}")
        differs = " OR ".join(
            f"(old.{quoted(name)} IS DISTINCT FROM new.{quoted(name)})" for name in columns
        )
        connection.execute(
            f"CREATE TEMP TABLE pairs AS SELECT {', '.join([f'old.{CASE_ID}', *told])} "
            f"FROM old JOIN new USING ({CASE_ID}) WHERE {differs or 'FALSE'}"
        )

    def _id(self, column: str) -> str:
        return column.removeprefix("rule_").replace("_", "-")

    def all(self, rows: int) -> CohortChanges:
        """All that changes."""
        changed = [change for name in self._columns for change in self._changes(name)]
        moved = {change.of for change in changed}
        return CohortChanges(
            rows,
            self._count(f"old JOIN new USING ({CASE_ID})"),
            self._count("pairs"),
            self._count(f"old ANTI JOIN new USING ({CASE_ID})"),
            self._count(f"new ANTI JOIN old USING ({CASE_ID})"),
            self._edited,
            tuple(name for name in self._columns if name not in moved),
            tuple(changed),
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
            ids_of = map(self._id, self._rules)
            told = sorted(zip(ids_of, fired, strict=True), key=lambda one: -one[1])
            told = [(rule, hits) for rule, hits in told if hits]
            by = dict([one for one in told if one[0] in self._edited][:MOST])
            after = dict([one for one in told if one[0] not in self._edited][:MOST])
            values = (was or NOTHING, is_ or NOTHING)
            yield CohortChange(name, *values, int(count), by, after, tuple(ids))


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
            case Actions():
                found += [f"action_{number}" for number in range(1, MOST_ACTIONS + 1)]
            case Members():
                kinds = dict.fromkeys(guideline.properties[p].kind for p in section.predicates)
                found += [f"{kind}_{t.id}" for kind in kinds for t in guideline.of_kind(kind)]
            case _:
                pass
    return [*dict.fromkeys(found)]
