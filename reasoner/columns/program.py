"""A guideline's program as one query: a SELECT a layer, each reading the one below.

The facts of a lesion become its completed values in place; every conclusion is a column by its key,
TRUE or FALSE, and every clause of a rule a column that says whether it fired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from calx.reasoner.columns.blame import Bits, Blame, blame_column
from calx.reasoner.columns.sql import DIGITS, TYPES, Kleene, Select, Sql, open_column, quoted
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import predicate_of
from calx.reasoner.model.program import Clause, Layer
from calx.reasoner.model.rule import Assertion, Assignment


@dataclass(frozen=True)
class RuleColumns:
    """The rules of a guideline as a query.

    Attributes:
        table: it reads a table ``lesions``: a column a given fact, and what is carried on.
        values: the columns of facts and quantities.
        conclusions: those of conclusions, by key.
        fired: the columns that say whether a clause fired, by rule.
        denied: the columns that say that a clause would give something another value than it has.
        open: of the conclusions that were asked for, the columns that say whether each is certain,
            open or impossible, by key.
        blamed: of the same, by key, the columns that hold the unknown facts which leave it open:
            a word of bits each (`blame`).
    """

    table: Select
    values: tuple[str, ...]
    conclusions: tuple[str, ...]
    fired: dict[str, tuple[str, ...]]
    denied: tuple[str, ...]
    open: dict[str, str]
    blamed: dict[str, dict[int, str]]


def query(
    guideline: Guideline,
    asked: Collection[str] = (),
    carried: Sequence[str] = (),
    *,
    doubted: bool = False,
) -> RuleColumns:
    """The program of a guideline as a query.

    Args:
        guideline: whose rules are read.
        asked: the properties of which is told what is open, and all that they hang on
            (`uncertainty.properties_followed`).
        carried: columns of the lesions that are no facts, and stay as they are.
        doubted: it was not proved that the guideline never contradicts itself, so it is told where
            it does.
    """
    given = [fact.name for fact in guideline.facts.values() if fact.given]
    names = ", ".join(map(quoted, (*carried, *given)))
    lesions = Select(f"SELECT {names} FROM lesions", (*carried, *given))
    return _Writer(guideline, asked, lesions, doubted=doubted).all()


def completed(guideline: Guideline, table: Select) -> tuple[Select, tuple[str, ...]]:
    """The facts that a query gives, completed in place; and the columns that this adds.

    Args:
        guideline: whose rules are read.
        table: it gives a column a given fact, and whatever else there is.
    """
    return _Writer(guideline, (), table).completed()


class _Writer:
    def __init__(
        self,
        guideline: Guideline,
        asked: Collection[str],
        table: Select,
        *,
        doubted: bool = False,
    ) -> None:
        self._guideline, self._asked, self._table = guideline, asked, table
        self._doubted = doubted
        self._given = {fact.name for fact in guideline.facts.values() if fact.given}
        self._known = set(self._given)
        self._derived: dict[str, list[str]] = {}
        self._fired: dict[str, list[str]] = {}
        self._denied: list[str] = []
        self._open: dict[str, list[str]] = {}
        self._blamed: dict[str, dict[int, str]] = {}
        self._bits = Bits(guideline)

    def completed(self) -> tuple[Select, tuple[str, ...]]:
        before = self._table.columns
        self._never_known()
        for layer in self._guideline.program.completing:
            self._layer(layer)
        return self._table, tuple(name for name in self._table.columns if name not in before)

    def all(self) -> RuleColumns:
        self._never_known()
        for layer in self._guideline.program.layers:
            self._layer(layer)
        for layer in self._guideline.program.concluding:
            self._open_layer(layer)
        return RuleColumns(
            self._table,
            tuple(sorted(self._known)),
            tuple(key for keys in self._derived.values() for key in keys),
            {rule: tuple(columns) for rule, columns in self._fired.items()},
            tuple(self._denied),
            {key: open_column(key) for keys in self._open.values() for key in keys},
            self._blamed,
        )

    def _never_known(self) -> None:
        """Numbers that no rule computes, as where their study was withdrawn."""
        facts, writers = self._guideline.facts, self._guideline.program.writers_of
        never = [f for f in facts.values() if not f.given and f.name not in writers]
        if never:
            self._table = self._table.select(
                {fact.name: f"CAST(NULL AS {TYPES[fact.kind]})" for fact in never}
            )
            self._known |= {fact.name for fact in never}

    def _open_layer(self, layer: Layer) -> None:
        """The same of what is open, of the values as they are in the end."""
        writer = Kleene(self._given, self._open, self._guideline.inapplicable)
        blame = Blame(writer, self._bits, self._blamed, self._open)
        made, words = dict[str, str](), dict[str, dict[int, str]]()
        for key, clauses in layer.asserting.items():
            predicate = predicate_of(key)
            if predicate in self._asked:
                earlier = key in self._open.get(predicate, ())
                told = [f"({writer.condition(c.production.condition)})" for c in clauses]
                told += [writer.column(key)] if earlier else []
                made[open_column(key)] = " OR ".join(told)
                words[key] = blame.all(key, [c.production.condition for c in clauses])
        if not made:
            return
        bits = {
            blame_column(key, word): text
            for key, each in words.items()
            for word, text in each.items()
        }
        self._table = self._table.select(made | bits)
        for key, each in words.items():
            self._blamed[key] = {word: blame_column(key, word) for word in each}
            keys = self._open.setdefault(predicate_of(key), [])
            if key not in keys:
                keys.append(key)

    def _layer(self, layer: Layer) -> None:
        """A layer reads what stands below it, its own columns not."""
        writer = Sql(self._given, self._derived)
        made, later = dict[str, str](), dict[str, str]()
        for name, clauses in layer.assigning.items():
            made[name] = self._value(writer, name, clauses)
        for key, clauses in layer.asserting.items():
            told = [writer.holds(clause.production.applies) for clause in clauses]
            earlier = [quoted(key)] if self._may_be(key) else []
            made[key] = " OR ".join([*earlier, *told])
        for clause in layer.clauses:
            self._fires(writer, clause, made, later)
        self._table = self._table.select(made)
        if later:
            self._table = self._table.select(later)
        self._known |= layer.assigning.keys()
        for clause in layer.clauses:
            conclusion = clause.production.conclusion
            self._fired.setdefault(clause.rule.id, []).append(fired(clause))
            if isinstance(conclusion, Assertion):
                keys = self._derived.setdefault(conclusion.predicate, [])
                if conclusion.key not in keys:
                    keys.append(conclusion.key)

    def _may_be(self, key: str) -> bool:
        return any(key in keys for keys in self._derived.values())

    def _value(self, writer: Sql, name: str, clauses: tuple[Clause, ...]) -> str:
        """A value that is known stays; else the first clause that comes to one gives it."""
        ways = [quoted(name)] if name in self._known else []
        return f"coalesce({', '.join([*ways, *(self._made(writer, c) for c in clauses)])})"

    def _made(self, writer: Sql, clause: Clause) -> str:
        made = clause.production.conclusion
        assert isinstance(made, Assignment)
        when = writer.holds(clause.production.applies)
        return f"CASE WHEN {when} THEN {writer.expression(made.expression)} END"

    def _fires(
        self, writer: Sql, clause: Clause, added: dict[str, str], later: dict[str, str]
    ) -> None:
        """A clause that gives a value fires where its value is the one that stands, which is known
        one SELECT later.
        """
        made = clause.production.conclusion
        if isinstance(made, Assertion):
            added[fired(clause)] = writer.holds(clause.production.applies)
            return
        added[fired(clause)] = self._made(writer, clause)
        value, stands = quoted(fired(clause)), quoted(made.fact)
        later[fired(clause)] = f"({value} = {stands}) IS TRUE"
        if self._doubted:
            other = f"{value} <> {stands}"
            if self._guideline.facts[made.fact].kind in ("number", "integer"):
                other = f"round({value} - {stands}, {DIGITS}) <> 0"
            denied = f"denied:{clause.name}"
            later[denied] = f"({other}) IS TRUE"
            self._denied.append(denied)


def fired(clause: Clause) -> str:
    """The column that says whether a clause fired."""
    return f"rule:{clause.name}"
