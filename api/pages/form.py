"""The form of a lesion, from the case shapes: groups, units, bounds, yes / no / unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.tell.prose import UNITS
from calx.words import words

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


@dataclass(frozen=True)
class Field:
    """One question of the form."""

    name: str
    kind: str
    label: str
    hint: str
    unit: str
    bounds: str
    options: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True)
class FieldGroup:
    """Questions that belong together."""

    id: str
    label: str
    fields: tuple[Field, ...]
    filled: int
    opened: bool


def groups(guideline: Guideline, entered: Mapping[str, str], language: str) -> list[FieldGroup]:
    """The form with what was entered."""
    found = []
    for group, label in guideline.groups.items():
        fields = tuple(
            _field(fact, guideline, entered.get(fact.name, ""), language)
            for fact in guideline.facts.values()
            if fact.given and fact.group == group
        )
        found.append(
            FieldGroup(
                group,
                label[language],
                fields,
                sum(bool(field.value) for field in fields),
                group in guideline.opened,
            )
        )
    return found


def _field(fact: Fact, guideline: Guideline, value: str, language: str) -> Field:
    unit = UNITS.get(fact.unit, fact.unit or "").strip()
    if fact.unit == "{pulse}":
        unit = ""
    elif fact.unit == "a":
        unit = words("page", language)["years"]
    low = (
        ""
        if fact.minimum is None
        else f"{'> ' if fact.exclusive_minimum else ''}{fact.minimum.normalize():f}"
    )
    high = "" if fact.maximum is None else f"{fact.maximum.normalize():f}"
    bounds = f"{low}–{high}" if low and high else f"≥ {low}" if low else ""
    options = tuple(
        (option, guideline.value_labels.get(option, {language: option})[language])
        for option in fact.values
    )
    return Field(
        fact.name,
        fact.kind,
        fact.label[language],
        fact.definition[language],
        unit,
        bounds,
        options,
        value,
    )


OF_THE_PAGE = {"lang", "case_id"}
"""Parameters of the page that are no facts."""


def read_form(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[Problem]]:
    """What was entered for each fact, as text, and
    which was entered twice; empty fields are left out.

    A name that is no fact stays, for the gate to refuse with the nearest one.
    """
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in pairs:
        if name in OF_THE_PAGE or not value.strip():
            continue
        if name in texts and texts[name] != value.strip():
            problems.append(Problem("stands more than once; keep one of them", name[:64]))
        texts[name] = value.strip()
    return texts, problems


def case_of(texts: Mapping[str, str], guideline: Guideline) -> dict[str, Any]:
    """The case that the form tells of; what is no number
    stays text, for the gate to refuse with its reason.
    """
    raw: dict[str, Any] = {"case_id": "lesion"}
    for name, text in texts.items():
        fact = guideline.facts.get(name)
        if fact is not None and fact.kind == "boolean":
            raw[name] = {"true": True, "false": False}.get(text, text)
        elif fact is not None and fact.kind in ("number", "integer"):
            raw[name] = Decimal(text) if _NUMBER.fullmatch(text) else text
        else:
            raw[name] = text
    return raw
