"""What an edit changes is told by meaning, for all lesions, for cases and for proofs; and an empty edit says so."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from calx.ontology import DEFAULT_DIRECTORY, UNREAD, GuidelineFiles
from calx.reasoner.authors.compare import report
from calx.reasoner.authors.compare.difference import Difference, Version, difference
from calx.reasoner.authors.compare.impact import Shift
from calx.reasoner.intake.files import Submission
from calx.reasoner.load.reader import read
from calx.reasoner.recommendation import Reasoner
from tests.command import calx
from tests.conftest import conformance_cases
from tests.reasoner.authors.conftest import Edit, version
from tests.sampling import some

A, C, S = "rules/assessment.ttl", "rules/conditions.ttl", "rules/strategy.ttl"
LOWER = (C, "sh:minInclusive 270", "sh:minInclusive 180")
STUDIES = "evidence/studies.ttl"


@pytest.fixture(scope="module")
def lowered(base: Version, tmp_path_factory: pytest.TempPathFactory) -> Difference:
    """270 becomes 180 in the condition that C1 rests on."""
    folder = _copy(tmp_path_factory.mktemp("lowered") / "guideline")
    _replace(folder, *LOWER)
    return difference(base, version(folder), [Submission(raw) for raw in conformance_cases()])


def _copy(folder: Path) -> Path:
    import shutil

    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def _replace(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def _shift(found: Difference, before: str, after: str) -> Shift:
    assert found.impact is not None
    (shift,) = [
        s
        for s in found.impact.shifts
        if (s.before["en"], s.after["en"]) == (before, after) and s.about == "strategy"
    ]
    return shift


def test_a_moved_threshold_is_one_change_told_once(lowered: Difference) -> None:
    (change,) = lowered.changes
    assert (change.area, change.subject) == ("logic", "condition SuperficialArcLong")
    assert (
        change.message["en"]
        == "largest superficial calcium arc at least 270° → largest superficial calcium arc at least 180° (used by C1)"
    )
    assert "180°" in change.message["zh"]


def test_the_region_of_all_lesions_that_changes_is_told_with_both_sides_of_its_border(
    lowered: Difference,
) -> None:
    shift = _shift(lowered, "stepwise balloon", "modify the calcium before stenting")
    assert shift.rules == ("D3", "D4")
    (where,) = shift.where
    assert where.words == {
        "en": "largest superficial calcium arc at least 180°",
        "zh": "最大浅表钙化弧度至少180°",
    }
    assert where.border is not None
    assert (
        where.border.changed["max_superficial_arc_deg"],
        where.border.unchanged["max_superficial_arc_deg"],
    ) == (180, 179)


def test_every_example_changes_as_it_says(lowered: Difference) -> None:
    assert lowered.impact is not None
    old, new = Reasoner(lowered.old), Reasoner(lowered.new)
    shown = 0
    for shift in lowered.impact.shifts:
        for where in shift.where:
            one, other = old.recommend(where.example).json(), new.recommend(where.example).json()
            assert (
                one["strategy"] != other["strategy"]
                or one["high_risk_features"] != other["high_risk_features"]
            )
            if where.border is not None and shift.about == "strategy":
                changed, unchanged = (
                    [reasoner.recommend(case).json()["strategy"] for reasoner in (old, new)]
                    for case in (where.border.changed, where.border.unchanged)
                )
                assert changed[0]["id"] != changed[1]["id"]
                assert unchanged[0]["id"] == unchanged[1]["id"]
            shown += 1
    assert shown >= 3


def test_what_is_said_to_stay_the_same_stays_the_same(lowered: Difference) -> None:
    assert lowered.impact is not None
    same = {subject["en"] for subject in lowered.impact.unchanged}
    assert {"has arc grade", "excimer laser"} <= same
    old, new = Reasoner(lowered.old), Reasoner(lowered.new)
    for raw in conformance_cases()[:150]:
        one, other = old.recommend(raw).json(), new.recommend(raw).json()
        assert one["arc_grade"] == other["arc_grade"]
        lasers = [
            next(
                device["status"] for device in answer["devices"] if device["id"] == "excimer_laser"
            )
            for answer in (one, other)
        ]
        assert lasers[0] == lasers[1]


def test_cases_that_change_are_named_with_their_rules(lowered: Difference) -> None:
    assert lowered.cases is not None
    assert lowered.cases.seen == len(conformance_cases())
    by_hand = set()
    old, new = Reasoner(lowered.old), Reasoner(lowered.new)
    for raw in conformance_cases():
        one, other = old.recommend(raw).json(), new.recommend(raw).json()
        if any(one[key] != other[key] for key in ("strategy", "high_risk_features")):
            by_hand.add(raw["case_id"])
    assert {change.case for change in lowered.cases.changed} == by_hand
    assert by_hand
    assert all("C1" in change.rules for change in lowered.cases.changed)
    assert lowered.reference_broken
    assert any("undilatable" in told for told in lowered.reference_broken)


def test_the_report_comes_as_text_markdown_and_json_in_both_languages(lowered: Difference) -> None:
    for language in ("en", "zh"):
        text, markdown = report.as_text(lowered, language), report.as_markdown(lowered, language)
        assert "180°" in text
        assert markdown.startswith("## ")
        assert "\n### " in markdown
    found = json.loads(json.dumps(report.as_json(lowered)))
    assert found["empty"] is False
    assert found["all_lesions"]["shifts"][0]["where"]


def test_an_empty_edit_says_that_it_is_empty(
    base: Version, edited: Edit, guideline_copy: Path
) -> None:
    same = difference(base, version(guideline_copy))
    assert same.empty
    assert same.same_files
    assert report.as_text(same) == "The edit changes nothing: the files are the same."
    layout = difference(base, version(edited(A, "# Layers 10", "# About layers 10")))
    assert layout.empty
    assert not layout.same_files
    assert "only comments or layout" in report.as_text(layout)


EDITS = [
    ("wording", A, "Arc grade I: below 90°", "Arc grade one: below 90°", "rule A1: label", None),
    (
        "evidence",
        STUDIES,
        'skos:notation "CCAT23"',
        'calx:participants 5 ; skos:notation "CCAT23"',
        "study CCAT23: participants",
        None,
    ),
    (
        "logic",
        "shapes/lesion.ttl",
        "sh:minInclusive 0 ; sh:maxInclusive 120 ]",
        "sh:minInclusive 0 ; sh:maxInclusive 110 ]",
        "fact age_years: highest: 120 → 110",
        "no longer admitted",
    ),
    (
        "logic",
        "rules/devices.ttl",
        'sh:hasValue "vein_graft"',
        'sh:hasValue "arterial_graft"',
        "target vessel: vein graft → target vessel: arterial graft",
        "rotational_atherectomy",
    ),
    (
        "logic",
        "rules/complications.ttl",
        "sh:object advice:reimage_dissection",
        "sh:object advice:reimage_hematoma",
        "rule J15: says",
        "reimage_dissection",
    ),
    (
        "judgement",
        "cases/preparation.yaml",
        "max_superficial_arc_deg: 70,",
        "max_superficial_arc_deg: 71,",
        "reference case mild-arc: changed",
        None,
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("area", "file", "old", "new", "told", "follows"),
    some([pytest.param(*edit, id=edit[1]) for edit in EDITS], 2),
)
def test_each_kind_of_change_is_told(
    area: str,
    file: str,
    old: str,
    new: str,
    told: str,
    follows: str | None,
    base: Version,
    edited: Edit,
) -> None:
    if "participants" in told:
        edited(STUDIES, "calx:participants 3 ;\n", "") if "calx:participants 3 ;\n" in (
            DEFAULT_DIRECTORY / STUDIES
        ).read_text() else None
    found = difference(base, version(edited(file, old, new)))
    text = report.as_text(found)
    assert told in text
    assert any(change.area == area for change in found.changes) or area == "evidence"
    assert (found.impact is not None) == (area == "logic")
    if follows:
        assert follows in text


def test_withdrawing_a_study_tells_the_rules_that_stop_and_the_proofs_that_go(
    base: Version, edited: Edit
) -> None:
    text = (DEFAULT_DIRECTORY / STUDIES).read_text(encoding="utf-8")
    block = text[text.index("ev:CCAT23 a ") :].partition("calx:withdrawn false")[0]
    found = difference(
        base,
        version(edited(STUDIES, block + "calx:withdrawn false", block + "calx:withdrawn true")),
    )
    told = [f"{change.subject}: {change.message['en']}" for change in found.changes]
    assert "study CCAT23: withdrawn" in told
    assert any("rule A10: no longer fires" in change for change in told)
    assert any("evidence level" in change for change in told)
    assert {proof.id: (proof.before, proof.after) for proof in found.proofs}["c-cat-alert"] == (
        "proved",
        "vacuous",
    )
    assert (
        any(shift.about == "alert c_cat" for shift in found.impact.shifts)
        if found.impact
        else False
    )


def test_a_lost_proof_is_told_with_its_lesion(base: Version, edited: Edit) -> None:
    found = difference(
        base,
        version(
            edited(
                S, "sh:node cond:NothingUpToD7 ; sh:node cond:HighRisk ]", "sh:node cond:HighRisk ]"
            )
        ),
    )
    assert {proof.id for proof in found.proofs if proof.after == "refuted"} >= {
        "at-most-one-strategy",
        "complication-first",
    }
    assert "refuted" in report.as_text(found)


def test_revisions_of_git_are_compared(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            [
                "git",
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                "-C",
                str(tmp_path),
                *arguments,
            ],
            check=True,
            capture_output=True,
        )

    folder = _copy(tmp_path / "guide" / "ontology")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    _replace(folder, *LOWER)
    done = calx("diff", "HEAD", folder, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [change["subject"] for change in json.loads(done.stdout)["changes"]] == [
        "condition SuperficialArcLong"
    ]
    unknown = calx("diff", "nowhere", folder)
    assert unknown.returncode == 2
    assert "neither a folder nor a revision" in unknown.stderr


def test_a_guideline_that_cannot_be_read_is_refused_with_its_place(edited: Edit) -> None:
    folder = edited(A, "rule:C1 a sh:NodeShape ;", "rule:C1 a sh:NodeShape ;;; ,")
    done = calx("diff", DEFAULT_DIRECTORY, folder)
    assert done.returncode == 1
    assert "rules/assessment.ttl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_that_is_gone_is_told_among_all_lesions(tmp_path: Path) -> None:
    texts = {
        path.relative_to(DEFAULT_DIRECTORY).as_posix(): path.read_text(encoding="utf-8")
        for path in DEFAULT_DIRECTORY.rglob("*.ttl")
    }
    own = re.compile(
        r"^(?:device|caution|rule):\S+ a (?:(?!\n\n).)*(?:device|caution):excimer_laser", re.DOTALL
    )
    for name, text in texts.items():
        text = re.sub(
            r" ,\n    \[ a sh:TripleRule ; sh:order 9 ;(?:(?!\] \] \]).)*device:excimer_laser.*?\] \] \]",
            "",
            text,
            flags=re.DOTALL,
        )
        kept = [
            part
            for part in text.split("\n\n")
            if not own.search(part.strip()) and not part.strip().startswith("device:excimer_laser ")
        ]
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_text("\n\n".join(kept), encoding="utf-8")
    shipped = GuidelineFiles(DEFAULT_DIRECTORY)
    files = GuidelineFiles(tmp_path)
    guideline, problems = read(files)
    assert not any(problem.kind in UNREAD for problem in problems), problems
    found = difference(Version(shipped, read(shipped)[0]), Version(files, guideline))
    assert found.impact is not None
    gone = [shift for shift in found.impact.shifts if shift.about == "device excimer_laser"]
    assert {shift.before["en"] for shift in gone} >= {"suitable", "not indicated now"}
    assert {shift.after["en"] for shift in gone} == {"none"}
    assert "removed:term:device/excimer_laser" in {question.id for question in found.questions}
