"""Numbers in words are held against the rule, the source and the other language."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from calx.reasoner.authors.check.figures import Figure, figures, misfits
from calx.reasoner.authors.compare.difference import Version
from calx.reasoner.model.guideline import Guideline


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("arc of 270° or more", {("270", "deg")}),
        ("弧度≥270°", {("270", "deg")}),
        ("C2; C2+ allows 120 a catheter", {("120", None)}),
        ("2.00-4.00 mm", {("2.00", None), ("4.00", "mm")}),
        ("above 5.0 mm², or 90 %", {("5.0", "mm2"), ("90", "%")}),
        ("同一节段最多80个脉冲", {("80", "{pulse}")}),
        ("of 1,008 perforations", {("1008", None)}),
        ("FDA SSED P130005, Ellis III", set()),
        ("血管<3.5mm，3D，5 mmHg", {("3.5", "mm"), ("5", None)}),
        ("５０％", {("50", "%")}),
    ],
)
def test_numbers_are_found_with_their_units(text: str, found: set[tuple[str, str | None]]) -> None:
    assert figures(text) == {Figure(Decimal(value), unit) for value, unit in found}


def reworded(guideline: Guideline, rule: str, **label: str) -> list[str]:
    rules = tuple(
        replace(one, label={**one.label, **label}) if one.id == rule else one
        for one in guideline.rules
    )
    return [misfit.message for misfit in misfits(replace(guideline, rules=rules))]


def test_the_shipped_words_say_the_numbers_that_are_meant(base: Version) -> None:
    assert list(misfits(base.guideline)) == []


def test_a_label_with_another_number_is_told_even_if_a_source_names_it(base: Version) -> None:
    told = reworded(base.guideline, "F-IVL-1", en="120 pulses delivered", zh="已释放120个脉冲")
    assert len(told) == 2 and all("compares with 80" in message for message in told)


def test_languages_are_held_against_each_other(base: Version) -> None:
    told = reworded(base.guideline, "X-CB-1", zh="切割球囊：参考直径<2.5 mm")
    assert any("names 2 in 'en' and not in 'zh'" in message for message in told)
    assert any("names 2.5 in 'zh' and not in 'en'" in message for message in told)


def test_a_number_may_be_written_out(base: Version) -> None:
    assert reworded(base.guideline, "C2", en="High risk: two points or more") == []


def test_a_statement_names_what_it_is_taken_to_state(base: Version) -> None:
    old = base.guideline.statements["c2-80-pulses"]
    moved = replace(old, numbers=tuple(replace(n, value=Decimal(120)) for n in old.numbers))
    made = replace(base.guideline, statements={**base.guideline.statements, old.id: moved})
    told = [misfit for misfit in misfits(made) if misfit.subject == "ev/c2-80-pulses"]
    assert len(told) == 2 and "states 120" in told[0].message
