"""How the facts of lesions are found among the columns of a file.

Without a map the columns bear the names of the facts. With one, each fact has its own column, unit
and words; whatever else there is goes through as it is.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.settings import read
from calx.reasoner.columns.admission import LONGEST, NUMBER, ColumnKind
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.values import FRACTION_DIGITS

CASE_ID = "case_id"
KEYS = (CASE_ID, "columns", "unknown", "decimal", "leave_out")
WHOLE = "9e15"
"""Whole numbers below have all their digits in a double."""
FINITE = "1e300"
COLUMN_KEYS = ("column", "unit", "values")


@dataclass(frozen=True)
class Column:
    """Where one fact is found.

    Attributes:
        name: of the column.
        factor: by which its numbers are multiplied to be in the unit of the fact.
        values: what a value of the column stands for; None for unknown.
    """

    name: str
    factor: float = 1.0
    values: Mapping[str, bool | str | Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnMap:
    """Where the facts are found, and what stands for "unknown".

    Attributes:
        case_id: the column of the ids.
        facts: by name of a fact its column, where it is not that of the same name.
        unknown: texts that say that a value is not known, beside the empty one.
        comma: numbers are written with a decimal comma.
        leave_out: columns that do not go through.
        digest: of what was written.
    """

    case_id: str = CASE_ID
    facts: Mapping[str, Column] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    comma: bool = False
    leave_out: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class FoundColumns:
    """What a file holds of a cohort.

    Attributes:
        facts: by name of a fact its column, as the file writes it.
        entered: by name of a fact what its column holds, once it is read by the map.
        expressions: by name of a fact its value as SQL, in the unit of the fact.
        case_id: the column of the ids.
        id_text: an id as SQL.
        carried: the columns that go through.
        notes: what its owner should know.
    """

    facts: dict[str, str]
    entered: dict[str, ColumnKind]
    expressions: dict[str, str]
    case_id: str
    id_text: str
    carried: tuple[str, ...]
    notes: tuple[str, ...]


# --- reading the map ----------------------------------------------------------------------


def read_map(path: Path, guideline: Guideline) -> ColumnMap:
    """The map that a YAML file holds.

    Raises:
        CohortError: it cannot be read, or names what there is not; all faults are told.
    """
    raw = read(path, texts=True)
    faults = [*_faults(raw, guideline)]
    if faults:
        raise CohortError("\n".join(f"{path}: {fault}" for fault in faults))
    columns: dict[str, Any] = raw.get("columns") or {}
    facts = guideline.facts
    return ColumnMap(
        raw.get(CASE_ID, CASE_ID),
        {name: _column(facts[name], told) for name, told in columns.items()},
        tuple(raw.get("unknown") or ()),
        raw.get("decimal", ".") == ",",
        tuple(raw.get("leave_out") or ()),
        hashlib.sha256(json.dumps(raw, default=str).encode()).hexdigest(),
    )


def _faults(raw: Any, guideline: Guideline) -> Iterator[str]:
    if not isinstance(raw, dict):
        yield f"is no map; it has the keys {', '.join(KEYS)}"
        return
    for key in raw:
        if key not in KEYS:
            yield f"{key}: unknown key; a map has {', '.join(KEYS)}"
    if raw.get("decimal", ".") not in (".", ","):
        yield 'decimal: is "." or ","'
    if not raw.get(CASE_ID, CASE_ID) or not isinstance(raw.get(CASE_ID, CASE_ID), str):
        yield f"{CASE_ID}: is the name of a column"
    for key in ("unknown", "leave_out"):
        told = raw.get(key) or []
        if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
            yield f"{key}: is a list of words"
    columns = raw.get("columns") or {}
    if not isinstance(columns, dict):
        yield "columns: holds a column a fact, such as FACT: COLUMN"
        return
    for name, told in columns.items():
        fact = guideline.facts.get(str(name))
        if fact is None or not fact.given:
            yield f"columns: {name}: unknown fact{_near(str(name), _given(guideline))}"
        else:
            yield from (f"columns: {name}: {fault}" for fault in _column_faults(fact, told))


def _column_faults(fact: Fact, told: Any) -> Iterator[str]:
    if isinstance(told, str):
        return
    if not isinstance(told, dict) or not isinstance(told.get("column"), str):
        yield "is the name of a column, or has the key column"
        return
    for key in told:
        if key not in COLUMN_KEYS:
            yield f"{key}: unknown key; it is one of {', '.join(COLUMN_KEYS)}"
    if "unit" in told:
        if fact.unit is None:
            yield "unit: this fact is no number"
        elif _factor(str(told["unit"]), fact.unit) is None:
            yield f"unit: {told['unit']} is no unit of UCUM that converts to {fact.unit}"
    values = told.get("values") or {}
    if not isinstance(values, dict):
        yield "values: holds for each word of the file the value of the fact"
        return
    for word, value in values.items():
        if not word.strip():
            yield "values: an empty cell always says that nothing is known; leave it out"
        elif not isinstance(value, str) or not _fits(fact, value):
            allowed = ", ".join(fact.values) if fact.values else f"a {fact.kind}"
            yield f"values: {word}: {value} is no value of this fact; it is {allowed}, or null"


NOTHING = ("null", "~", "")
"""What a map says for "not known"."""
YES_NO = {"true": True, "yes": True, "false": False, "no": False}
IN_FULL = re.compile(NUMBER)


def _fits(fact: Fact, value: str) -> bool:
    if value in NOTHING:
        return True
    if fact.kind == "boolean":
        return value.lower() in YES_NO
    return value in fact.values if fact.kind == "text" else bool(IN_FULL.fullmatch(value))


def _value(fact: Fact, value: str) -> bool | str | Decimal | None:
    if value in NOTHING:
        return None
    if fact.kind == "boolean":
        return YES_NO[value.lower()]
    return value if fact.kind == "text" else Decimal(value)


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


def _factor(unit: str, to: str) -> float | None:
    """What numbers of a unit are multiplied by to be in another; None where that is not all."""
    registry = _registry()
    try:
        factor = (1 * registry.from_ucum(unit)).to(registry.from_ucum(to)).magnitude
    except Exception:  # pint and its parser raise whatever they meet
        return None
    zero = (0 * registry.from_ucum(unit)).to(registry.from_ucum(to)).magnitude
    return float(factor) if zero == 0 else None


def _column(fact: Fact, told: Any) -> Column:
    if isinstance(told, str):
        return Column(told)
    factor = _factor(str(told["unit"]), fact.unit or "1") if "unit" in told else 1.0
    values = {word: _value(fact, value) for word, value in (told.get("values") or {}).items()}
    return Column(told["column"], factor or 1.0, values)


# --- finding the facts --------------------------------------------------------------------


def found(
    guideline: Guideline, columns: Mapping[str, ColumnKind | None], by: ColumnMap
) -> FoundColumns:
    """Where the facts stand among the columns of a file.

    Args:
        guideline: whose facts are looked for.
        columns: by name what a column holds; None for what is neither text, number nor yes or no.
        by: the map.

    Raises:
        CohortError: there is no id, or what the map names is not there.
    """
    exact = {name.casefold(): name for name in columns}
    facts, notes, faults = dict[str, str](), list[str](), list[str]()
    id_ = exact.get(by.case_id.casefold())
    if id_ is None:
        faults.append(
            f"no column {by.case_id}: every lesion needs an id. Name it {CASE_ID}, or tell with "
            f"--columns which column it is ({CASE_ID}: NAME){_near(by.case_id, columns)}"
        )
    for name, column in by.facts.items():
        there = exact.get(column.name.casefold())
        if there is None:
            faults.append(f"no column {column.name} for {name}{_near(column.name, columns)}")
        else:
            facts[name] = there
    taken = {*facts.values(), id_}
    for name in _given(guideline):
        there = exact.get(name.casefold())
        if name not in facts and there is not None and there not in taken:
            facts[name] = there
    faults += [
        f"leave_out: there is no column {name}{_near(name, columns)}"
        for name in by.leave_out
        if name.casefold() not in exact
    ]
    faults += (
        f"column {there}: holds neither text nor numbers nor yes and no, which {name} needs"
        for name, there in facts.items()
        if columns[there] is None
    )
    if faults:
        raise CohortError("\n".join(faults))
    assert id_ is not None
    out = {name.casefold() for name in by.leave_out}
    read = {*facts.values(), id_}
    carried = [name for name in columns if name not in read and name.casefold() not in out]
    _no_seconds(carried, {**facts, CASE_ID: id_})
    unused = [name for name in _given(guideline) if name not in facts]
    for name in carried:
        near = difflib.get_close_matches(name.casefold(), unused, n=1, cutoff=0.8)
        if near:
            notes.append(
                f"column {name} goes through as it is; if it is the fact {near[0]}, name it so, or "
                "say so with --columns"
            )
    entered, expressions = dict[str, ColumnKind](), dict[str, str]()
    for name, there in facts.items():
        kind = columns[there]
        assert kind is not None
        column = by.facts.get(name, Column(there))
        expressions[name], entered[name] = _read(guideline.facts[name], there, kind, column, by)
    ids = _id_text(id_, columns[id_])
    return FoundColumns(facts, entered, expressions, id_, ids, tuple(carried), tuple(notes))


def _id_text(column: str, kind: ColumnKind | None) -> str:
    """An id as text: of a number its digits, without a point where it is whole."""
    told = quoted(column)
    text = f"CAST({told} AS VARCHAR)"
    if kind not in (ColumnKind.NUMBER, ColumnKind.SINGLE):
        return text
    size = f"abs(CAST({told} AS DOUBLE))"
    return (
        f"CASE WHEN {size} < {WHOLE} AND {told} = floor({told}) "
        f"THEN CAST(CAST({told} AS BIGINT) AS VARCHAR) WHEN {size} < {FINITE} THEN {text} END"
    )


def _no_seconds(carried: list[str], facts: Mapping[str, str]) -> None:
    """Of two columns of one name, the engine calls the second ``NAME_1``: neither is taken then."""
    read = {there.casefold(): there for there in facts.values()}
    for name in carried:
        base, _, number = name.rpartition("_")
        if number == "1" and base.casefold() in read:
            raise CohortError(
                f"column {read[base.casefold()]} seems to stand twice (the second is read as "
                f"{name}); keep one, or leave that out (leave_out: in the map of --columns)"
            )


def _read(
    fact: Fact, there: str, kind: ColumnKind, column: Column, by: ColumnMap
) -> tuple[str, ColumnKind]:
    """A column by the map: its value as SQL, and what that is."""
    told = quoted(there)
    known = " OR ".join(_is_word(told, kind, word) for word in by.unknown)
    if known:
        told = f"CASE WHEN ({known}) IS NOT TRUE THEN {told} END"
    if column.values:
        told, kind = _by_words(fact, told, kind, column), ColumnKind.TEXT
    if fact.kind in ("number", "integer") and kind is ColumnKind.TEXT and by.comma:
        point = f"{told} || {literal(POINT)}"
        told = f"CASE WHEN {told} LIKE '%.%' THEN {point} ELSE replace({told}, ',', '.') END"
    if column.factor != 1.0:
        told = _converted(told, kind, column.factor)
        kind = ColumnKind.NUMBER if kind in (ColumnKind.NUMBER, ColumnKind.SINGLE) else kind
    return told, kind


POINT = " (a point, though numbers have a decimal comma)"
"""Behind such a number, so that nobody takes a thousand for one."""
UNMAPPED = " (not in the map)"
"""Behind a word that a map should have."""


def _as_text(told: str, kind: ColumnKind) -> str:
    return f"trim({told})" if kind is ColumnKind.TEXT else f"CAST({told} AS VARCHAR)"


def _is_word(told: str, kind: ColumnKind, word: str) -> str:
    """Whether a column holds a word; yes and no in any case, numbers by their value."""
    text, word = _as_text(told, kind), word.strip()
    tests = [f"{text} = {literal(word)}"]
    if word.lower() in ("true", "false"):
        tests = [f"lower({text}) = {literal(word.lower())}"]
    elif IN_FULL.fullmatch(word) and kind is not ColumnKind.BOOLEAN:
        plain = f"regexp_matches({text}, '^{NUMBER}$') AND length({text}) <= {LONGEST}"
        number = f"CASE WHEN {plain} THEN CAST({text} AS DOUBLE) END"
        tests.append(f"{number} = {literal(Decimal(word))}")
    return " OR ".join(tests)


def _by_words(fact: Fact, told: str, kind: ColumnKind, column: Column) -> str:
    """Words that stand for values. Others stay, for the gate to judge; of yes and no none stays, as
    a map that turns them round must not miss one.
    """
    text, cases = _as_text(told, kind), list[str]()
    for word, value in column.values.items():
        said = "CAST(NULL AS VARCHAR)" if value is None else literal(_written(value))
        cases.append(f"WHEN {_is_word(told, kind, word)} THEN {said}")
    other = f"CASE WHEN {text} <> '' THEN {text} || {literal(UNMAPPED)} END"
    return f"CASE {' '.join(cases)} ELSE {other if fact.kind == 'boolean' else text} END"


def _written(value: bool | str | Decimal) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _converted(told: str, kind: ColumnKind, factor: float) -> str:
    """Numbers in another unit, to as many digits as a fact has; what is none stays."""
    if kind is not ColumnKind.TEXT:
        text = told if kind is ColumnKind.NUMBER else f"CAST({told} AS VARCHAR)"
        return f"round(CAST({text} AS DOUBLE) * {factor!r}, {FRACTION_DIGITS})"
    number = f"regexp_matches({told}, '^{NUMBER}$') AND length({told}) <= {LONGEST}"
    made = f"round(CAST({told} AS DOUBLE) * {factor!r}, {FRACTION_DIGITS})"
    return f"CASE WHEN {number} THEN CAST({made} AS VARCHAR) ELSE {told} END"


def _given(guideline: Guideline) -> list[str]:
    return [name for name, fact in guideline.facts.items() if fact.given]


def _near(name: str, names: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(name, [*names], n=1, cutoff=0.55)
    return f"; did you mean {near[0]}?" if near else ""
