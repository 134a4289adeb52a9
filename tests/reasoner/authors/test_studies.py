"""Studies come, state something for or against rules, and go; what falls with them is told first."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.authors.publish import support
from calx.reasoner.load.reader import examine
from calx.reasoner.recommendation import Reasoner
from tests.command import calx

ADD = [
    "evidence",
    "add",
    "smith2026-ivl",
    "--type",
    "randomised_trial",
    "--citation",
    "Smith A, et al. A trial. J 2026;1:1-9",
    "--en",
    "Smith 2026",
    "--zh",
    "Smith 2026",
]
STATE = [
    "evidence",
    "state",
    "smith-ring",
    "--study",
    "smith2026-ivl",
    "--locator",
    "abstract",
    "--en",
    "Lithotripsy fails in rings.",
    "--zh",
    "环形钙化冲击波失败。",
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return copied(tmp_path / "mine")


@pytest.fixture(scope="module")
def with_smith(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guideline in which the study is described; what is refused does not change it."""
    folder = copied(tmp_path_factory.mktemp("smith") / "guideline")
    assert calx(*ADD, "--ontology", folder).returncode == 0
    return folder


def copied(folder: Path) -> Path:
    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def test_a_study_disputes_a_rule_and_every_answer_shows_it(mine: Path) -> None:
    assert (
        calx(
            *ADD,
            "--doi",
            "https://doi.org/10.1161/CALX.2026",
            "--participants",
            "120",
            "--ontology",
            mine,
        ).returncode
        == 0
    )
    assert calx(*STATE, "--stance", "disputes", "--rule", "P3", "--ontology", mine).returncode == 0
    reasoner = Reasoner.load(mine)
    study = reasoner.guideline.studies["smith2026-ivl"]
    assert (study.level, study.identifiers, study.participants) == (
        "B-R",
        ("doi:10.1161/CALX.2026",),
        120,
    )
    answer = reasoner.recommend({"case_id": "c", "max_superficial_arc_deg": 360}).json()
    ivl = next(
        device for device in answer["devices"] if device["id"] == "intravascular_lithotripsy"
    )
    assert "smith2026-ivl" in ivl["disputed_by"]
    checked = calx("check", "--no-owl", "--ontology", mine)
    assert checked.returncode == 0, checked.stderr


def test_a_statement_gives_the_number_that_a_rule_needs(mine: Path) -> None:
    calx(*ADD, "--ontology", mine)
    done = calx(
        *STATE,
        "--stance",
        "supports",
        "--rule",
        "C1",
        "--states",
        "max_superficial_arc_deg >= 180 deg",
        "--ontology",
        mine,
    )
    assert done.returncode == 0, done.stderr
    conditions = mine / "rules" / "conditions.ttl"
    conditions.write_text(
        conditions.read_text(encoding="utf-8").replace(
            "sh:minInclusive 270", "sh:minInclusive 180", 1
        ),
        encoding="utf-8",
    )
    assert "is backed by no statement" not in calx("check", "--no-owl", "--ontology", mine).stderr


def test_a_withdrawn_study_takes_its_rules_along_and_comes_back(mine: Path) -> None:
    done = calx("evidence", "withdraw", "CCAT23", "--ontology", mine)
    assert "A10, W-SHP-1" in done.stdout
    checked = calx("check", "--no-owl", "--ontology", mine)
    assert (
        "A10: does not fire: its only support was withdrawn (CCAT23)"
        in checked.stdout + checked.stderr
    )
    assert calx("evidence", "withdraw", "CCAT23", "--undo", "--ontology", mine).returncode == 0
    assert GuidelineFiles(mine).digest == GuidelineFiles().digest


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--doi", "10.1/x"], "is no DOI"),
        (["--doi", "see the journal"], "neither a DOI nor an identifier"),
        (
            ["--doi", "doi:10.1161/CIRCINTERVENTIONS.120.010296"],
            "already described, as zhang2021-ivus-score",
        ),
        (["--participants", "0"], "above 0"),
        (["--type", "trial"], "is none of"),
        (["--zh", " "], "no label in zh"),
        (["--citation", ""], "no citation"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused(more: list[str], told: str, mine: Path) -> None:
    done = calx(*ADD, *more, "--ontology", mine)
    assert done.returncode == 1
    assert told in done.stderr
    assert GuidelineFiles(mine).digest == GuidelineFiles().digest


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--stance", "opposes"], "is none of supports"),
        (["--stance", "disputes", "--rule", "P33"], "there is no rule P33"),
        (["--stance", "supports", "--states", "arc 180"], "states no number"),
        (
            ["--stance", "supports", "--states", "arc > 180 deg"],
            "is no fact, quantity or conclusion",
        ),
        (["--stance", "supports", "--study", "nobody"], "is not described"),
    ],
)
def test_a_statement_that_cannot_be_right_is_refused(
    more: list[str], told: str, with_smith: Path
) -> None:
    before = GuidelineFiles(with_smith).digest
    done = calx(*STATE, *more, "--ontology", with_smith)
    assert done.returncode == 1
    assert told in done.stderr
    assert GuidelineFiles(with_smith).digest == before


def test_an_id_is_taken_once(with_smith: Path) -> None:
    assert "is already described" in calx(*ADD, "--ontology", with_smith).stderr


def test_rules_that_fall_with_one_study_stand_first() -> None:
    whole = examine(GuidelineFiles()).whole
    found = support.supports(whole)
    alone = [entry.falls_with is not None for entry in found]
    assert alone == sorted(alone, reverse=True)
    assert {entry.rule.id for entry in found} == {rule.id for rule in whole.rules}
    falls = {study.id: rules for study, rules in support.fallen(found)}
    assert falls["CCAT23"] == ["A10", "W-SHP-1"]
    graph = support.graph(found)
    assert graph.has_edge("study CCAT23", "rule A10")
    text = support.as_text(found)
    assert text.index("calx-definitions") < text.index("CCAT23")
    assert "单点失效" in support.as_text(found, "zh")
    assert json.dumps(support.as_json(found))


def test_the_picture_is_a_picture_of_every_study_and_rule() -> None:
    found = support.supports(examine(GuidelineFiles()).whole)
    root = ET.fromstring(support.as_svg(found))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"{entry.rule.id} · {entry.rule.level}" for entry in found} <= texts
    lines = list(root.iter("{http://www.w3.org/2000/svg}path"))
    assert len(lines) == support.graph(found).number_of_edges()
