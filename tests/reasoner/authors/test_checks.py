"""The page of each kind of problem shows an edit: `calx check` finds a problem of that kind in it, in the words of the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from calx.ontology import DEFAULT_DIRECTORY, AuthoringProblem, GuidelineError, GuidelineFiles
from calx.ontology.kinds import KINDS, title_of_kind
from calx.reasoner.authors.check.check import check
from tests.command import calx
from tests.sampling import some

PAGES = Path(__file__).parents[3] / "docs" / "checks"
ASKS_HERMIT = {"inconsistent", "unsatisfiable"}
DIFF = re.compile(r"`([^`\n]+)`:\n\n```diff\n(.*?)\n```", re.DOTALL)
COMMAND = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)
SAID = re.compile(r"`calx check` then says:\n\n```\n(.*?)\n```", re.DOTALL)


class Edit(NamedTuple):
    """A text of one file, and what comes in its place."""

    file: str
    old: str
    new: str


class Page(NamedTuple):
    """What a page shows."""

    edits: list[Edit]
    commands: list[str]
    said: list[str]


def read(kind: str) -> Page:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    edits = []
    for file, diff in DIFF.findall(text):
        lines = diff.split("\n")
        assert {line[:1] for line in lines} <= {"-", "+"}, (
            f"{kind}: a diff has lines with - and + only"
        )
        old, new = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
        edits.append(Edit(file, old, new))
    return Page(edits, COMMAND.findall(text), SAID.findall(text))


def make(page: Page, folder: Path) -> None:
    """A copy of the guideline with the edits of the page."""
    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for file, old, new in page.edits:
        text = (folder / file).read_text(encoding="utf-8")
        assert old and old in text, f"{file} no longer says {old!r}"
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    for command in page.commands:
        subprocess.run(["sh", "-ec", command], cwd=folder, check=True)


def problems(folder: Path, with_owl: bool) -> list[AuthoringProblem]:
    try:
        return check(GuidelineFiles(folder), with_owl=with_owl).problems
    except GuidelineError as error:
        return error.problems


def test_every_kind_has_a_page_and_every_page_a_kind() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*KINDS, "README"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_names_its_kind_in_both_languages(kind: str) -> None:
    lines = (PAGES / f"{kind}.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# `{kind}`: {title_of_kind(kind)}"
    assert lines[2] == f"*{KINDS[kind]}* · {title_of_kind(kind, 'zh')}"
    assert [line for line in lines if line.startswith("## ")] == [
        "## An edit that shows it",
        "## How to mend it",
    ]


def test_the_index_lists_every_kind_in_order() -> None:
    rows = re.findall(
        r"^\| \[`(.+?)`\]\((.+?)\) \| (\w+) \| (.+?) \|$",
        (PAGES / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [
        (kind, f"{kind}.md", severity, title_of_kind(kind)) for kind, severity in KINDS.items()
    ]


@pytest.mark.long
@pytest.mark.parametrize("kind", some(list(KINDS), 8))
def test_the_edit_of_a_page_is_told_as_it_says(kind: str, tmp_path: Path) -> None:
    page = read(kind)
    assert bool(page.edits) != bool(page.commands) and len(page.said) == 1
    folder = tmp_path / "guideline"
    make(page, folder)
    found = problems(folder, with_owl=kind in ASKS_HERMIT)
    told = [str(problem) for problem in found if problem.kind == kind]
    assert told, [str(problem) for problem in found]
    (said,) = page.said
    assert any(
        line.startswith(said[:-1]) if said.endswith("…") else line == said for line in told
    ), told


def test_a_property_that_no_shape_admits_is_told(
    edited: Callable[[str, str, str], Path],
) -> None:
    """Else an author would believe that a fact was added."""
    folder = edited(
        "facts.ttl",
        "calx:ageYears a owl:DatatypeProperty",
        "calx:dialysis a owl:DatatypeProperty ;\n"
        '  rdfs:label "dialysis"@en , "透析"@zh ;\n'
        '  skos:definition "On dialysis."@en , "接受透析。"@zh ;\n'
        '  skos:notation "dialysis" ; dcterms:source "the review, section 2" .\n\n'
        "calx:ageYears a owl:DatatypeProperty",
    )
    (problem,) = check(GuidelineFiles(folder), with_owl=False).problems
    assert (problem.kind, problem.rule) == ("unused", "calx:dialysis")
    assert "shapes/lesion.ttl" in problem.message


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"Deep calcium only"@en', '"Deep calcium only "@en', "blank at an end"),
        ('"Deep calcium only"@en', '"Deep\u00a0calcium only"@en', "nobody sees"),
        ('"Deep calcium only"@en', '"Deep\u200b calcium only"@en', "nobody sees"),
    ],
)
def test_a_wording_that_holds_what_nobody_sees_is_told(
    before: str, after: str, told: str, edited: Callable[[str, str, str], Path]
) -> None:
    folder = edited("rules/assessment.ttl", before, after)
    done = calx("check", "--ontology", folder, "--no-owl")
    assert done.returncode == 0
    assert "[wording]" in done.stderr + done.stdout
    assert told in done.stderr + done.stdout


def test_two_rules_or_two_terms_with_one_label_are_told(
    edited: Callable[[str, str, str], Path],
) -> None:
    folder = edited("rules/assessment.ttl", '"Deep calcium only"@en', '"Arc grade  iv"@en')
    path = folder / "rules" / "assessment.ttl"
    other = next(
        line for line in path.read_text(encoding="utf-8").splitlines() if "rdfs:label" in line
    )
    label = other.split('"')[1]
    path.write_text(
        path.read_text(encoding="utf-8").replace("Arc grade  iv", f"{label.upper()}"),
        encoding="utf-8",
    )
    done = calx("check", "--ontology", folder, "--no-owl")
    assert "A9" in done.stderr + done.stdout
    assert "has the label of rule:" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "kind"),
    [
        ("rules/alerts.ttl", "inAlert alert:ivl_pulse_limit", "inAlert alert:nothing", "undefined"),
        (
            "evidence/levels.ttl",
            "level-U a calx:EvidenceLevel",
            "level-U a calx:Nothing",
            "evidence-level",
        ),
        ("shapes/lesion.ttl", '( "superficial" "deep" "mixed" )', "( )", "profile"),
    ],
)
def test_what_cannot_be_looked_through_further_is_told_and_nothing_breaks(
    file: str, old: str, new: str, kind: str, tmp_path: Path
) -> None:
    make(Page([Edit(file, old, new)], [], []), tmp_path / "guideline")
    assert kind in {problem.kind for problem in problems(tmp_path / "guideline", False)}
