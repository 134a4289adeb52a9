"""Levels, disputes, limits and withdrawal: evidence reaches the answer that it concerns, lowering nothing silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calx.ontology import GuidelineFiles
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.load.reader import read, suspend
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.text import render
from tests.lesions import lesions
from tests.sampling import some

Result = Callable[..., dict[str, Any]]
HIGH_RISK = {"max_superficial_arc_deg": 300}


def device(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(d for d in result["devices"] if d["id"] == name)


def alert(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(a for a in result["alerts"] if a["id"] == name)


# --- levels ------------------------------------------------------------------------


def test_each_level_follows_from_the_type_of_the_study(reasoner: Reasoner) -> None:
    studies = reasoner.guideline.studies
    assert {
        name: studies[name].level
        for name in (
            "amin2024-bayes-nma",
            "eclipse2025",
            "BCIS16",
            "CCAT23",
            "review",
            "general-knowledge",
        )
    } == {
        "amin2024-bayes-nma": "A",
        "eclipse2025": "B-R",
        "BCIS16": "B-NR",
        "CCAT23": "C-LD",
        "review": "C-EO",
        "general-knowledge": "U",
    }


def test_an_unverified_statement_of_a_good_study_counts_as_unverified(reasoner: Reasoner) -> None:
    assert reasoner.guideline.studies["EAPCI18-ST"].level == "C-EO"
    assert reasoner.guideline.statements["eapci-malapposition"].level == "U"


def test_a_rule_has_the_best_level_among_its_supports(reasoner: Reasoner) -> None:
    for rule in reasoner.guideline.rules:
        levels = [
            reasoner.guideline.statements[s].level
            for s in rule.evidence
            if reasoner.guideline.statements[s].stance == "supports"
        ]
        assert rule.level == min(levels, key=reasoner.guideline.levels.index)


def test_a_conclusion_has_the_weakest_level_of_its_chain_and_names_the_link(result: Result) -> None:
    steps = {step["conclusion"]: step for step in result(max_superficial_arc_deg=300)["steps"]}
    balloon = steps["indicated: cutting_balloon"]
    assert (balloon["level"], balloon["level_set_by"]) == ("C-EO", "D4")


def test_of_several_proofs_the_best_counts(result: Result) -> None:
    """Perforation is a risk by the occlusion itself (registry), whatever the chain to the device says."""
    assert (
        alert(result(chronic_total_occlusion=True, **HIGH_RISK), "perforation_risk")["level"]
        == "B-NR"
    )
    assert alert(result(**HIGH_RISK), "perforation_risk")["level"] == "C-EO"


def test_facts_and_absences_count_nothing(result: Result) -> None:
    assert next(step for step in result()["steps"] if step["rule"] == "K3")["level"] == "A"


@pytest.mark.parametrize(("name", "level"), [("c_cat", "C-LD"), ("no_usable_device", "C-EO")])
def test_alerts_carry_a_level(name: str, level: str, result: Result) -> None:
    nothing_left = {
        "target_vessel": "vein_graft",
        "ivl_pulses_delivered": 80,
        "predilation_balloon": "super_high_pressure",
        "balloon_fully_expanded": False,
    }
    told = result(residual_thin_plaque=True, **nothing_left, **HIGH_RISK)
    assert alert(told, name)["level"] == level


# --- disputes and limits -----------------------------------------------------------


def test_eclipse_disputes_active_modification_unless_no_balloon_can_treat_the_lesion(
    result: Result,
) -> None:
    assert (
        result(**HIGH_RISK)["strategy"]["disputed_by"]
        == ["eclipse2025", "zhang2021-ivus-score"][:1]
    )
    assert result(balloon_crossed=False, **HIGH_RISK)["strategy"]["disputed_by"] == []
    assert (
        result(predilation_balloon="non_compliant", balloon_fully_expanded=False, **HIGH_RISK)[
            "strategy"
        ]["disputed_by"]
        == []
    )


def test_the_score_disputes_an_arc_alone_only_when_it_is_known_to_be_below_2(
    result: Result,
) -> None:
    known = {
        "superficial_arc_gt270_length_mm": 2,
        "calcified_nodule": False,
        "vessel_diameter_mm": 4,
    }
    assert result(**HIGH_RISK, **known)["strategy"]["disputed_by"] == [
        "eclipse2025",
        "zhang2021-ivus-score",
    ]
    for fact in ("superficial_arc_gt270_length_mm", "vessel_diameter_mm"):
        partly = {name: value for name, value in known.items() if name != fact}
        # one unknown point alone still leaves the score below 2
        assert result(**HIGH_RISK, **partly)["strategy"]["disputed_by"] == [
            "eclipse2025",
            "zhang2021-ivus-score",
        ]
    assert result(**HIGH_RISK, vessel_diameter_mm=4)["strategy"]["disputed_by"] == ["eclipse2025"]
    assert result(**HIGH_RISK, **{**known, "calcified_nodule": True})["strategy"][
        "disputed_by"
    ] == ["eclipse2025"]


def test_eclipse_disputes_orbital_atherectomy_and_not_lithotripsy(result: Result) -> None:
    answer = result(**HIGH_RISK)
    assert device(answer, "orbital_atherectomy")["disputed_by"] == ["eclipse2025"]
    assert device(answer, "intravascular_lithotripsy")["disputed_by"] == []


def test_a_dissection_contraindicates_rotational_atherectomy_and_a_trial_disputes_it(
    result: Result,
) -> None:
    (reason,) = device(
        result(dissection_before_modification=True, **HIGH_RISK), "rotational_atherectomy"
    )["contraindications"]
    assert (reason["rule"], reason["facts"], reason["disputed_by"]) == (
        "F-RA-3",
        ["dissection_before_modification"],
        ["immediate-ra-dissection2015"],
    )


def test_the_limits_of_the_c_cat_sign_reach_its_alert(result: Result) -> None:
    assert (
        "ccat-n3-no-controls"
        in alert(result(residual_thin_plaque=True, **HIGH_RISK), "c_cat")["limits"]
    )


def test_every_answer_with_a_stent_criterion_says_that_ultimate_extrapolates(
    result: Result,
) -> None:
    assert "ultimate-excluded-ra" in result(stent_implanted=True)["optimisation"]["limits"]
    assert result(stent_implanted=False)["optimisation"]["limits"] == []


def test_what_rests_on_cohorts_says_so_and_what_nobody_verified_too(result: Result) -> None:
    cautions = {
        c["id"]: c
        for c in device(result(lvef_percent=20, only_patent_vessel=True), "rotational_atherectomy")[
            "cautions"
        ]
    }
    assert cautions["lv_dysfunction"]["level"] == "B-NR"
    assert cautions["lv_dysfunction"]["limits"] == ["lvef-success-alike"]
    assert cautions["last_vessel"]["level"] == "U"


def test_the_two_calcium_scores_are_told_apart(result: Result) -> None:
    step = next(
        step for step in result(patient_ivus_calcium_score=90)["steps"] if step["rule"] == "K1"
    )
    assert "two-calcium-scores" in {cited["id"] for cited in step["evidence"]}


# --- withdrawal --------------------------------------------------------------------


def withdraw(edited: Callable[[str, str, str], Path], study: str) -> Path:
    text = edited("evidence/studies.ttl", f"ev:{study} a calx:Study", f"ev:{study} a calx:Study")
    path = text / "evidence" / "studies.ttl"
    head, _, rest = path.read_text(encoding="utf-8").partition(f"ev:{study} a calx:Study")
    path.write_text(
        head
        + f"ev:{study} a calx:Study"
        + rest.replace("calx:withdrawn false", "calx:withdrawn true", 1),
        encoding="utf-8",
    )
    return text


def test_a_rule_left_without_support_stops_firing_and_is_reported(
    edited: Callable[[str, str, str], Path],
) -> None:
    reasoner = Reasoner.load(withdraw(edited, "CCAT23"))
    assert {s.rule for s in reasoner.guideline.suspended} == {"A10", "W-SHP-1"}
    answer = reasoner.recommend({"case_id": "t", "residual_thin_plaque": True, **HIGH_RISK}).json()
    assert "c_cat_sign" not in answer["findings"]
    assert {"rule": "A10", "withdrawn": ["CCAT23"]} in answer["guideline"]["suspended"]
    assert not [c for step in answer["steps"] for c in step["evidence"] if c["study"] == "CCAT23"]


def test_a_rule_with_other_support_goes_on(edited: Callable[[str, str, str], Path]) -> None:
    guideline, problems = read(GuidelineFiles(withdraw(edited, "zhang2021-ivus-score")))
    assert problems == []
    assert {s.rule for s in guideline.suspended} == {"B-SUM", "K2"}
    assert guideline.rule["B1"].level == "C-EO"


def test_a_withdrawn_dispute_disputes_no_more(edited: Callable[[str, str, str], Path]) -> None:
    answer = (
        Reasoner.load(withdraw(edited, "eclipse2025"))
        .recommend({"case_id": "t", **HIGH_RISK})
        .json()
    )
    assert answer["strategy"]["disputed_by"] == []
    assert {s["rule"] for s in answer["guideline"]["suspended"]} == {"W-OA-1"}


@pytest.mark.long
@pytest.mark.parametrize("study", some(sorted(Reasoner.load().guideline.studies), 10))
def test_withdrawing_any_study_leaves_every_case_answerable(study: str, reasoner: Reasoner) -> None:
    """Rules stop, answers lack what they gave, nothing breaks; whatever still fires has live support."""
    guideline = without(reasoner.guideline, study)
    bereft = Reasoner(guideline)
    for raw in lesions(reasoner, 25, 31):
        try:
            answer = bereft.recommend(raw)
        except CaseError:
            # without implied facts a case can lack what it needs
            assert study == "calx-definitions"
            continue
        assert {s["rule"] for s in answer.json()["guideline"]["suspended"]} == {
            s.rule for s in guideline.suspended
        }
        assert render(answer, explain=True)
        for step in answer.json()["steps"]:
            assert [cited for cited in step["evidence"] if cited["stance"] == "supports"]
            assert study not in {cited["study"] for cited in step["evidence"]}


def without(guideline: Guideline, study: str) -> Guideline:
    """The guideline with one study withdrawn, as reading its files would give it."""
    withdrawn = replace(
        guideline,
        studies={**guideline.studies, study: replace(guideline.studies[study], withdrawn=True)},
    )
    return suspend(withdrawn)


def test_the_files_say_the_same_as_the_shortcut_of_the_test_above(
    edited: Callable[[str, str, str], Path], reasoner: Reasoner
) -> None:
    guideline, _ = read(GuidelineFiles(withdraw(edited, "shockwave-c2-ifu")))
    assert (
        {s.rule for s in guideline.suspended}
        == {s.rule for s in without(reasoner.guideline, "shockwave-c2-ifu").suspended}
        == {
            "F-IVL-1",
            "G8",
            "W-IVL-1",
            "W-IVL-4",
            "W-IVL-6",
            "X-IVL-2",
            "Z-IVL",
        }
    )


def test_a_literal_whose_every_source_was_withdrawn_is_reported(
    edited: Callable[[str, str, str], Path],
) -> None:
    _, problems = read(GuidelineFiles(withdraw(edited, "shockwave-c2-ifu")))
    assert {(p.rule, p.severity) for p in problems} == {
        ("P2", "warning"),
        ("P3", "warning"),
        ("G9", "warning"),
        ("I7", "warning"),
    }
