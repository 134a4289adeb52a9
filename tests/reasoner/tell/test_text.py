"""The short answer, what it leaves out, and why one thing in it is so: on the lesions of the catheter laboratory."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import yaml

from calx.ontology.files import GuidelineFiles
from calx.reasoner.engine.asking import asks
from calx.reasoner.model.guideline import COSTS
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.brief import MOST_ASKED, Brief
from calx.reasoner.tell.proof import LONGEST_WHY, NoSuchConclusionError, why
from calx.reasoner.tell.text import render
from calx.reasoner.whatif.errors import errors_of
from calx.reasoner.whatif.polynomials import FINEST
from calx.reasoner.whatif.stability import Elsewhere, edges
from tests.command import calx

REASONER = Reasoner.load()
LABORATORY = {
    entry["id"]: {"case_id": entry["id"], **entry["case"]}
    for entry in yaml.safe_load(
        (GuidelineFiles().directory / "cases" / "laboratory.yaml").read_text(encoding="utf-8")
    )
}
EACH = pytest.mark.parametrize("case", LABORATORY.values(), ids=LABORATORY)
LANGUAGE = pytest.mark.parametrize("language", ["en", "zh"])


def one_line(text: str) -> str:
    """The text without its breaks, as its words follow each other."""
    return re.sub(r"\s+", " ", text)


def test_there_are_twenty_lesions() -> None:
    assert len(LABORATORY) >= 20


@EACH
@LANGUAGE
def test_it_is_short_and_says_what_comes_first(case: dict[str, Any], language: str) -> None:
    answer = REASONER.recommend(case)
    result, text = answer.json(language), render(answer, language)
    lines = text.splitlines()
    assert len(lines) <= 26
    assert all(len(line) <= 100 for line in lines)
    critical = [alert for alert in result["alerts"] if alert["severity"] == "critical"]
    for line, alert in zip(lines[1:], critical, strict=False):
        assert alert["label"] in line
    urgent = [a["label"] for a in result["actions"] if {c["id"] for c in critical} & {*a["alerts"]}]
    flat = one_line(text)
    places = [flat.index(one_line(label)) for label in urgent]
    assert places == sorted(places), "what to do stands in its order"
    assert result["strategy"]["label"].casefold() in flat.casefold()
    usable = sorted((d for d in result["devices"] if d["rank"]), key=lambda d: d["rank"])
    head = Brief(answer, language).words["first"]
    firsts = [line for line in lines if line.startswith(f"  {head} ")]
    assert len(firsts) == bool(usable)
    if usable:
        assert usable[0]["label"] in firsts[0]
    for device in result["devices"]:
        if device["status"] in ("contraindicated", "unavailable") and device["indicated_by"]:
            assert device["label"] in flat
            barring = [*device["contraindications"], *device["unavailable"]]
            assert all(f"[{reason['rule']}]" in flat for reason in barring)


@EACH
@LANGUAGE
def test_it_says_unless_what_it_stands(case: dict[str, Any], language: str) -> None:
    """The nearest border of a known number, which is one: beyond it something is told otherwise."""
    answer = REASONER.recommend(case)
    brief, flat = Brief(answer, language), one_line(render(answer, language))
    assert brief.unless
    assert brief.words["unless"] in flat
    elsewhere = Elsewhere(answer, whole=True)
    for edge in edges(elsewhere, errors_of(answer)):
        kind = answer.guideline.facts[edge.fact].kind
        step = Fraction(1) if kind == "integer" else FINEST
        sign = -1 if edge.side == "low" else 1
        past = edge.at + sign * step * (edge.closed or (edge.at / step).denominator != 1)
        past = (past // step if sign < 0 else -(-past // step)) * step
        moved = dict(answer.case.facts)
        moved[edge.fact] = Decimal(past.numerator) / past.denominator
        there = elsewhere.there(moved, [edge.fact])
        assert there.told is not None, edge
        assert {c.of for c in there.changes} == {c.of for c in edge.changes}, edge


@EACH
def test_no_critical_alert_that_is_left_open_goes_unsaid(case: dict[str, Any]) -> None:
    answer = REASONER.recommend(case)
    brief, flat = Brief(answer, "en"), one_line(render(answer))
    head = brief.words["not ruled out"].lower() + brief.words["colon"]
    told = [to_find.why.partition(head)[2].split(brief.comma) for to_find in brief.asked]
    said = [*brief.not_excluded, *(label for labels in told for label in labels)]
    for alert in answer.json()["possible_alerts"]:
        assert said.count(alert["label"]) == 1, "once"
        assert alert["label"] in flat


@EACH
def test_what_is_asked_for_is_little_and_can_be_had_now(case: dict[str, Any]) -> None:
    answer = REASONER.recommend(case)
    found = asks(answer)
    late = [answer.guideline.facts[ask.fact].cost == COSTS[-1] for ask in found]
    assert late == sorted(late)
    assert sum(len(to_find.facts) for to_find in Brief(answer, "en").asked) <= MOST_ASKED
    missing = {item["fact"] for item in answer.json()["missing"]}
    open_ = {fact for a in answer.json()["possible_alerts"] for fact in a["because_of"]}
    for ask in found:
        _, implied = answer.guideline.stands_for.get(ask.fact, (None, {}))
        assert {ask.fact, *implied} & (missing | open_)


@EACH
@LANGUAGE
def test_more_tells_all_that_was_left_out(case: dict[str, Any], language: str) -> None:
    answer = REASONER.recommend(case)
    result, flat = answer.json(language), one_line(render(answer, language, more=True))
    for device in result["devices"]:
        assert device["label"] in flat
        if device["rank"]:
            told = [caution["label"] for caution in device["cautions"]]
            assert all(one_line(label) in flat for label in told)
    squeezed = flat.replace(" ", "")
    for limit in result["strategy"]["limits"]:
        text = answer.guideline.statements[limit].text[language]
        assert text.replace(" ", "") in squeezed
    standing_in = {f for _, implied in answer.guideline.stands_for.values() for f in implied}
    for item in answer.missing:
        label = answer.guideline.facts[item.fact].label[language].replace(" ", "")
        if answer.worth_asking(item):
            assert label in squeezed or item.fact in standing_in


@EACH
@LANGUAGE
def test_why_leads_from_a_conclusion_to_its_citations(case: dict[str, Any], language: str) -> None:
    answer = REASONER.recommend(case)
    result = answer.json(language)
    targets = [
        "strategy",
        *(d["id"] for d in result["devices"]),
        *(a["id"] for a in result["alerts"]),
    ]
    for target in targets:
        text = why(answer, target, language)
        assert len(text.splitlines()) <= LONGEST_WHY == 30
        assert one_line(answer.guideline.notice[language]).replace(" ", "") in text.replace(
            "\n", ""
        ).replace(" ", "")
    text = why(answer, "strategy", language)
    step = next(s for s in result["steps"] if s["rule"] == result["strategy"]["rule"])
    assert f"{step['rule']} " in text
    assert any(
        answer.guideline.studies[e["study"]].label[language][:12] in text for e in step["evidence"]
    )


def test_why_of_what_is_not_there_lists_what_there_is() -> None:
    answer = REASONER.recommend(LABORATORY["ring-over-30-mm"])
    with pytest.raises(NoSuchConclusionError, match="intravascular_lithotripsy"):
        why(answer, "nonsense")
    assert "C-CAT" in why(answer, "c_cat"), "an alert that is not raised says why not"


def test_the_command_line_explains_one_conclusion(tmp_path: Any) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(LABORATORY["c-cat-before-the-balloon"]))
    done = calx("recommend", path, "--why", "c_cat")
    assert done.returncode == 0
    assert "[G1" in done.stdout or "G1 " in done.stdout
    refused = calx("recommend", path, "--why", "nonsense")
    assert refused.returncode == 2
    assert "there is" in refused.stderr
    assert len(calx("recommend", path, "--format", "text", "--more").stdout) > len(
        calx("recommend", path, "--format", "text").stdout
    )
