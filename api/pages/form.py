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
_COMMA = re.compile(r"([+-]?[0-9]{1,30}),([0-9]{1,30})")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_WIDE = str.maketrans("０１２３４５６７８９．，－＋", "0123456789.,-+")
"""Digits as a Chinese keyboard gives them."""
AS_CHIPS = 4
"""Values that are shown side by side; more stand in a list."""
STANDS_FOR = 2
"""A yes that settles at least so many other facts is a button of its own."""


@dataclass(frozen=True)
class Field:
    """One question of the form."""

    name: str
    kind: str
    """``number``, ``chips`` (a few values side by side) or ``list``."""
    label: str
    hint: str
    unit: str
    bounds: str
    options: tuple[tuple[str, str], ...]
    """Values with their words; the empty one is "unknown"."""
    leads: bool
    """The first option is what one would say at once; it is shown large."""


@dataclass(frozen=True)
class FieldGroup:
    """Questions that belong together."""

    id: str
    label: str
    fields: tuple[Field, ...]

    def asked(self, places: Mapping[str, str]) -> int:
        """How many of them are among the first."""
        return sum(places[field.name] == "first" for field in self.fields)

    def later(self, places: Mapping[str, str]) -> int:
        """How many of them are folded away."""
        return sum(places[field.name] == "later" for field in self.fields)


_FORMS: dict[tuple[str, str], tuple[FieldGroup, ...]] = {}


def form_of(guideline: Guideline, language: str) -> tuple[FieldGroup, ...]:
    """The form of a guideline, made once."""
    key = (guideline.digest, language)
    if key not in _FORMS:
        _FORMS[key] = tuple(
            FieldGroup(
                group,
                label[language],
                tuple(
                    _field(fact, guideline, language)
                    for fact in guideline.facts.values()
                    if fact.given and fact.group == group
                ),
            )
            for group, label in guideline.groups.items()
        )
    return _FORMS[key]


def fields_of(guideline: Guideline, language: str) -> dict[str, Field]:
    """The questions by the facts that they ask for."""
    return {field.name: field for group in form_of(guideline, language) for field in group.fields}


def _field(fact: Fact, guideline: Guideline, language: str) -> Field:
    told = words("page", language)
    unit = UNITS.get(fact.unit, fact.unit or "").strip()
    if fact.unit == "{pulse}":
        unit = ""
    elif fact.unit == "a":
        unit = told["years"]
    low = (
        ""
        if fact.minimum is None
        else f"{'> ' if fact.exclusive_minimum else ''}{fact.minimum.normalize():f}"
    )
    high = "" if fact.maximum is None else f"{fact.maximum.normalize():f}"
    least = low if fact.exclusive_minimum else f"≥ {low}"
    bounds = f"{low}–{high}" if low and high else least if low else ""
    stands_for = guideline.stands_for.get(fact.name)
    leads = bool(
        fact.yes and stands_for and stands_for[0] is True and len(stands_for[1]) >= STANDS_FOR
    )
    if fact.kind == "boolean":
        yes = fact.yes.get(language, told["yes"])
        no = fact.no.get(language, told["no"])
        options: tuple[tuple[str, str], ...] = (("true", yes), ("false", no))
    else:
        options = tuple(
            (value, guideline.value_labels.get(value, {language: value})[language])
            for value in fact.values
        )
    kind = "number" if not options else "chips" if len(options) <= AS_CHIPS else "list"
    return Field(
        fact.name,
        kind,
        fact.label[language],
        fact.definition[language],
        unit,
        bounds,
        (*options, ("", words("answer", language)["unknown"])) if options else (),
        leads,
    )


OF_THE_PAGE = {"lang", "case_id", "rules", "plane-across", "plane-up", "to"}
"""Parameters of the page that are no facts."""


def read_form(
    pairs: Iterable[tuple[str, str]], guideline: Guideline, language: str
) -> tuple[dict[str, str], list[Problem]]:
    """What was entered for each fact, as text, and what is wrong with it before any rule reads it:
    entered twice, or a comma that may stand for thousands. Empty fields are left out.

    A name that is no fact stays, for the gate to refuse with the nearest one.
    """
    told = words("page", language)
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in pairs:
        text = value.strip()
        if name in OF_THE_PAGE or not text:
            continue
        if name in texts and texts[name] != text:
            problems.append(Problem(told["entered twice"], name[:64]))
        texts[name] = text
        fact = guideline.facts.get(name)
        if fact is not None and fact.kind in ("number", "integer"):
            wide = text.translate(_WIDE)
            if _THOUSANDS.fullmatch(wide):
                one, other = wide.replace(",", "."), wide.replace(",", "")
                problems.append(Problem(told["comma of what"].format(one, other), name))
    return texts, problems


def number_of(text: str, unit: str = "") -> Decimal | str:
    """The number that a person wrote, with a decimal point or comma, with or without its own unit;
    the text if it is none.
    """
    plain = text.translate(_WIDE)
    if unit:
        plain = plain.removesuffix(unit).rstrip()
    if not _THOUSANDS.fullmatch(plain):
        plain = _COMMA.sub(r"\1.\2", plain)
    return Decimal(plain) if _NUMBER.fullmatch(plain) else text


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
            raw[name] = number_of(text, UNITS.get(fact.unit, "").strip())
        else:
            raw[name] = text
    return raw
