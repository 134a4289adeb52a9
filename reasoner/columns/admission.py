"""The gate as columns: what was entered for each fact, typed and checked, and the consistency rules
that it breaks. A row is admitted where the gate admits the case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from calx.reasoner.columns.program import completed
from calx.reasoner.columns.sql import TYPES, Select, Sql, literal, quoted
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST

NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?"
"""A number as text, the same on every engine."""
LONGEST = 40
"""Characters of a number."""


class ColumnKind(StrEnum):
    """What a column of a file holds."""

    TEXT = "text"
    NUMBER = "number"
    SINGLE = "single"
    """Numbers of 32 bits: each is the shortest decimal number that it stands for."""
    BOOLEAN = "boolean"


def entered(fact: Fact) -> ColumnKind:
    """What a column holds that was made for a fact."""
    kinds = {"boolean": ColumnKind.BOOLEAN, "text": ColumnKind.TEXT}
    return kinds.get(fact.kind, ColumnKind.NUMBER)


@dataclass(frozen=True)
class Admission:
    """The gate of a guideline as a query.

    Attributes:
        table: it reads a table ``entered`` and gives what is carried on, the facts typed, and the
            columns below.
        wrong: by fact, the column that says that what was entered is no value of it.
        broken: by consistency rule, the column that says that a row breaks it.
        refused: the column that says that a row is refused, for one of these reasons.
    """

    table: Select
    wrong: dict[str, str]
    broken: dict[str, str]
    refused: str = "refused:"


def admission(
    guideline: Guideline, entered: Mapping[str, ColumnKind], carried: Sequence[str] = ()
) -> Admission:
    """The gate of a guideline.

    Args:
        guideline: whose facts are typed.
        entered: of the facts that the table ``entered`` has a column of, what it holds; the others
            are not known.
        carried: other columns of it, which stay as they are.
    """
    given = {fact.name: fact for fact in guideline.facts.values() if fact.given}
    wrong = {name: f"wrong:{name}" for name in given if name in entered}
    broken = {constraint.id: f"broken:{constraint.id}" for constraint in guideline.constraints}
    names = ", ".join(map(quoted, (*carried, *wrong)))
    first = Select(f"SELECT {names} FROM entered", (*carried, *wrong))
    typed = {
        f"given:{name}": _typed(fact, entered[name])
        if name in entered
        else f"CAST(NULL AS {TYPES[fact.kind]})"
        for name, fact in given.items()
    }
    faults = {column: _is_wrong(given[name], entered[name]) for name, column in wrong.items()}
    # completed in place; the facts as they were given stand beside it, and remain
    same = {name: quoted(f"given:{name}") for name in given}
    table, added = completed(guideline, first.select(typed | faults).select(same))
    checked = Sql(given, {})
    table = table.select({broken[c.id]: checked.holds(c.condition) for c in guideline.constraints})
    # a column of its own: an engine may write out a filter over many others many times
    refused = " OR ".join(map(quoted, (*wrong.values(), *broken.values()))) or "FALSE"
    table = table.select(same, [*typed, *added]).select({Admission.refused: refused})
    return Admission(table, wrong, broken)


def _typed(fact: Fact, entered: ColumnKind) -> str:
    """The value of a fact in its type; NULL where there is none."""
    column = quoted(fact.name)
    if fact.kind == "boolean":
        if entered is ColumnKind.BOOLEAN:
            return column
        told = f"lower({_text(fact, entered)})"
        return f"CASE {told} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
    if fact.kind == "text":
        text = _text(fact, entered)
        return f"CASE WHEN {text} IN ({', '.join(map(literal, fact.values))}) THEN {text} END"
    if entered is ColumnKind.BOOLEAN:
        return "CAST(NULL AS DOUBLE)"
    number = _number(fact, entered)
    return f"CASE WHEN {' AND '.join(_bounds(fact, number))} THEN {number} END"


def _text(fact: Fact, entered: ColumnKind) -> str:
    column = quoted(fact.name)
    return f"trim({column})" if entered is ColumnKind.TEXT else f"CAST({column} AS VARCHAR)"


def _number(fact: Fact, entered: ColumnKind) -> str:
    if entered is ColumnKind.NUMBER:
        return f"CAST({quoted(fact.name)} AS DOUBLE)"
    text = _text(fact, entered)
    one = f"regexp_matches({text}, {literal(f'^{NUMBER}$')}) AND length({text}) <= {LONGEST}"
    return f"CASE WHEN {one} THEN CAST({text} AS DOUBLE) END"


def _bounds(fact: Fact, number: str) -> Iterator[str]:
    """What a number has to be; what is infinite or no number is larger than the largest."""
    yield f"abs({number}) < {literal(LARGEST)}"
    digits = 0 if fact.kind == "integer" else FRACTION_DIGITS
    yield f"round({number}, {digits}) = {number}"
    if fact.minimum is not None:
        above = ">" if fact.exclusive_minimum else ">="
        yield f"{number} {above} {literal(Decimal(fact.minimum))}"
    if fact.maximum is not None:
        yield f"{number} <= {literal(Decimal(fact.maximum))}"


def _is_wrong(fact: Fact, entered: ColumnKind) -> str:
    """Whether something was entered that is no value of the fact."""
    told = quoted(fact.name)
    if entered is ColumnKind.TEXT:
        told = f"nullif(trim({told}), '')"
    return f"{told} IS NOT NULL AND ({_typed(fact, entered)}) IS NULL"
