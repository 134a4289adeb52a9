"""The gate as columns: what was entered for each fact, as text, typed and checked, and the
consistency rules that it breaks. A row is admitted where the gate admits the case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from calx.reasoner.columns.program import completed
from calx.reasoner.columns.sql import Sql, literal, quoted
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST


@dataclass(frozen=True)
class Admission:
    """The gate of a guideline as a query.

    Attributes:
        text: it reads a table ``entered`` (a text column a given fact, NULL where it is not told,
            and whatever else there is) and gives the facts typed, with the columns below.
        wrong: by fact, the column that says that what was entered is no value of it.
        broken: by consistency rule, the column that says that a row breaks it.
    """

    text: str
    wrong: dict[str, str]
    broken: dict[str, str]


def admission(guideline: Guideline) -> Admission:
    """The gate of a guideline."""
    given = [fact for fact in guideline.facts.values() if fact.given]
    wrong = {fact.name: f"wrong:{fact.name}" for fact in given}
    broken = {constraint.id: f"broken:{constraint.id}" for constraint in guideline.constraints}
    typed = ", ".join(
        f"{_typed(fact)} AS {quoted(f'given:{fact.name}')}, "
        f"{_is_wrong(fact)} AS {quoted(wrong[fact.name])}"
        for fact in given
    )
    names = ", ".join(quoted(fact.name) for fact in given)
    # completed in place; the facts as they were given stand beside it, and remain
    same = ", ".join(f"{quoted(f'given:{f.name}')} AS {quoted(f.name)}" for f in given)
    text = f"SELECT *, {same} FROM (SELECT * EXCLUDE ({names}), {typed} FROM entered)"  # noqa: S608
    text, added = completed(guideline, text)
    checked = Sql({fact.name for fact in given}, {})
    told = "".join(
        f", {checked.holds(constraint.condition)} AS {quoted(broken[constraint.id])}"
        for constraint in guideline.constraints
    )
    gone = ", ".join(map(quoted, (*(fact.name for fact in given), *added)))
    return Admission(
        f"SELECT * EXCLUDE ({gone}) RENAME ({same}) FROM (SELECT *{told} FROM ({text}))",  # noqa: S608
        wrong,
        broken,
    )


def _typed(fact: Fact) -> str:
    """The value of a fact in its type; NULL where there is none."""
    text = f"trim({quoted(fact.name)})"
    if fact.kind == "boolean":
        return f"CASE {text} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"
    if fact.kind == "text":
        among = ", ".join(literal(value) for value in fact.values)
        return f"CASE WHEN {text} IN ({among}) THEN {text} END"
    number = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN {' AND '.join(_bounds(fact, number))} THEN {number} END"


def _bounds(fact: Fact, number: str) -> Iterator[str]:
    """What a number has to be."""
    yield f"isfinite({number})"
    yield f"abs({number}) < {literal(LARGEST)}"
    digits = 0 if fact.kind == "integer" else FRACTION_DIGITS
    yield f"round({number}, {digits}) = {number}"
    if fact.minimum is not None:
        above = ">" if fact.exclusive_minimum else ">="
        yield f"{number} {above} {literal(Decimal(fact.minimum))}"
    if fact.maximum is not None:
        yield f"{number} <= {literal(Decimal(fact.maximum))}"


def _is_wrong(fact: Fact) -> str:
    """Whether something was entered that is no value of the fact."""
    told = f"nullif(trim({quoted(fact.name)}), '') IS NOT NULL"
    return f"{told} AND ({_typed(fact)}) IS NULL"
