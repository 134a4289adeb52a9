"""Conditions and expressions as SQL: one visitor of each, closed world.

NULL is "not known" and flows through AND and OR; a condition holds where it IS TRUE, so that
nothing unknown is taken for yes or no. The text is that of DuckDB, and of what other engines
understand too once their words for it are put in (`dialects`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Compare,
    Condition,
    Constant,
    Derived,
    Expression,
    Not,
    Of,
    OneOf,
    Value,
)

TYPES: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "number": "DOUBLE",
    "integer": "DOUBLE",
}
"""Of the columns of facts, by kind."""
DIGITS = 9
"""To which a computed number is rounded before it is compared, so that a quotient of doubles ties
where the exact one does.
"""


def quoted(name: str) -> str:
    """The name of a column.

    >>> quoted('strategy:wait')
    '"strategy:wait"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: Value) -> str:
    """A constant; numbers are doubles, in every dialect.

    >>> literal(Decimal("0.9")), literal(True), literal("it's")
    ('CAST(0.9 AS DOUBLE)', 'TRUE', "'it''s'")
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"CAST({Decimal(value).normalize():f} AS DOUBLE)"


@dataclass(frozen=True)
class Select:
    """What a query gives.

    Attributes:
        text: the query.
        columns: the names of its columns, in their order.
    """

    text: str
    columns: tuple[str, ...]

    def select(self, made: Mapping[str, str], dropped: Collection[str] = ()) -> Select:
        """The same columns, some of them made anew in place, some more, some less.

        Args:
            made: by name what a column is, read from this table.
            dropped: columns that are not kept.

        >>> Select("SELECT * FROM t", ("a", "b")).select({"b": "a + 1", "c": "b"}, ["a"]).text
        'SELECT a + 1 AS "b", b AS "c" FROM (SELECT * FROM t) AS below'
        """
        gone = set(dropped)
        kept = [name for name in self.columns if name not in gone]
        every = dict.fromkeys([*kept, *made])
        same = len(kept) == len(self.columns) and made.keys().isdisjoint(kept)
        each = ", ".join(
            [
                *(["*"] if same else []),
                *(
                    f"{made[name]} AS {quoted(name)}" if name in made else quoted(name)
                    for name in (made if same else every)
                ),
            ]
        )
        return Select(f"SELECT {each} FROM ({self.text}) AS below", tuple(every))


class Sql:
    """Writes what conditions and expressions say of the columns of a layer.

    Args:
        given: the facts that a case gives; what else is a number is computed.
        derived: the conclusions that earlier layers may have drawn, by property.
    """

    def __init__(self, given: Collection[str], derived: Mapping[str, Collection[str]]) -> None:
        self._given, self._derived = given, derived

    def column(self, key: str) -> str:
        """The column of a conclusion."""
        return quoted(key)

    def holds(self, condition: Condition) -> str:
        """Whether a condition holds: never NULL."""
        return f"({self.condition(condition)}) IS TRUE"

    def condition(self, condition: Condition) -> str:
        """A condition; NULL where what it reads is not known."""
        match condition:
            case Compare(fact, comparator, limit):
                return f"{self._number(fact)} {comparator} {literal(limit)}"
            case OneOf(fact, values):
                among = ", ".join(literal(value) for value in values)
                return f"{quoted(fact)} IN ({among})"
            case Absent(fact):
                return f"{quoted(fact)} IS NULL"
            case Derived():
                key = condition.key
                told = key in self._derived.get(condition.predicate, ())
                return self.column(key) if told else "FALSE"
            case AtLeast(count, predicate):
                every = self._derived.get(predicate, ())
                keys = [key for key in condition.keys or every if key in every]
                return self._at_least(count, keys) if len(keys) >= count else "FALSE"
            case AllOf(parts):
                return self._joined(" AND ", parts, "TRUE")
            case AnyOf(parts):
                return self._joined(" OR ", parts, "FALSE")
            case Not(part):
                return self._not(self.condition(part))
            case _:
                assert_never(condition)

    def expression(self, expression: Expression) -> str:
        """A value; NULL where it cannot be computed."""
        match expression:
            case Constant(value):
                return literal(value)
            case Of(fact):
                return quoted(fact)
            case Arithmetic(sign, left, right):
                one, other = self.expression(left), self.expression(right)
                if sign == "/":
                    other = f"nullif({other}, {literal(Decimal(0))})"
                return f"({one} {sign} {other})"
            case _:
                assert_never(expression)

    def _not(self, part: str) -> str:
        return f"({part}) IS NOT TRUE"

    def _number(self, fact: str) -> str:
        return quoted(fact) if fact in self._given else f"round({quoted(fact)}, {DIGITS})"

    def _at_least(self, count: int, keys: Collection[str]) -> str:
        told = " + ".join(f"CAST({self.column(key)} AS INTEGER)" for key in keys)
        return f"{told} >= {count}"

    def _joined(self, by: str, parts: Collection[Condition], empty: str) -> str:
        return by.join(f"({self.condition(part)})" for part in parts) or empty


class Kleene(Sql):
    """The same with three truth values: NULL is "open", and SQL's own logic is Kleene's.

    Args:
        given: as above.
        derived: as above; of each a column that is TRUE (certain), NULL or FALSE (impossible).
        inapplicable: facts that do not always apply, and where they do not: there they are not
            unknown, and what tests them is false.
    """

    def __init__(
        self,
        given: Collection[str],
        derived: Mapping[str, Collection[str]],
        inapplicable: Mapping[str, Condition],
    ) -> None:
        super().__init__(given, derived)
        self.inapplicable = inapplicable

    def column(self, key: str) -> str:
        """The column that says whether a conclusion is open."""
        return quoted(open_column(key))

    def condition(self, condition: Condition) -> str:
        """A condition: TRUE, FALSE or NULL."""
        if not isinstance(condition, Compare | OneOf | Absent):
            return super().condition(condition)
        absent, name = isinstance(condition, Absent), quoted(condition.fact)
        told = f"CASE WHEN {name} IS NOT NULL THEN FALSE END"
        told = told if absent else super().condition(condition)
        off = self.inapplicable.get(condition.fact)
        if off is None:
            return told
        never = f"{name} IS NULL AND ({self.condition(off)}) IS TRUE"
        return f"CASE WHEN {never} THEN {literal(absent)} ELSE {told} END"

    def _not(self, part: str) -> str:
        return f"NOT ({part})"

    def _at_least(self, count: int, keys: Collection[str]) -> str:
        certain, possible = (
            " + ".join(f"CAST(coalesce({self.column(k)}, {unknown}) AS INTEGER)" for k in keys)
            for unknown in ("FALSE", "TRUE")
        )
        return f"CASE WHEN {certain} >= {count} THEN TRUE WHEN {possible} < {count} THEN FALSE END"


def open_column(key: str) -> str:
    """The name of the column that says whether a conclusion is certain, open or impossible."""
    return f"open:{key}"
