"""No fault that authors were seen to make is found by nothing, and none can be published unanswered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from calx.ontology import DEFAULT_DIRECTORY, UNREAD, GuidelineError, GuidelineFiles
from calx.reasoner.authors.check.check import Report, check
from calx.reasoner.authors.compare.difference import Version, difference
from calx.reasoner.authors.compare.questions import OpenQuestion
from calx.reasoner.authors.compare.review import Obstacle, review
from calx.reasoner.authors.prove.verify import verify
from calx.reasoner.load.reader import read
from tests.reasoner.authors.seeds import SEEDS, Seed, Texts

WHOLE = (
    *DEFAULT_DIRECTORY.rglob("*.ttl"),
    *DEFAULT_DIRECTORY.rglob("*.yaml"),
    *DEFAULT_DIRECTORY.rglob("*.tsv"),
)
SHIPPED: Texts = {
    path.relative_to(DEFAULT_DIRECTORY).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(WHOLE)
}
ONLY_AGAINST_THE_OLD = {"22 evidence inflated", "23 a shape that forbids real lesions"}
"""What nothing in the new guideline alone can show to be wrong."""


def sown(seed: Seed, folder: Path) -> GuidelineFiles:
    for name, text in seed.sow(SHIPPED).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return GuidelineFiles(folder)


def found_by(files: GuidelineFiles) -> set[str]:
    """``check``, ``cases`` or ``verify``: what tells of a fault."""
    try:
        report = check(files, with_owl=False)
    except GuidelineError as error:
        report = Report(error.problems, None, False, 0)
    found = {
        "cases" if problem.kind in ("reference-case", "no-case") else "check"
        for problem in report.problems
        if problem.severity != "info"
    }
    guideline, problems = read(files)
    if (
        not any(problem.kind in UNREAD for problem in problems)
        and not verify(files, guideline).holds
    ):
        found.add("verify")
    return found


def test_the_shipped_guideline_has_none_of_them() -> None:
    assert found_by(GuidelineFiles(DEFAULT_DIRECTORY)) == set()


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
@pytest.mark.long(every=3)
def test_none_is_found_by_nothing(seed: Seed, tmp_path: Path) -> None:
    found = found_by(sown(seed, tmp_path))
    assert bool(found) != (seed.name in ONLY_AGAINST_THE_OLD)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
@pytest.mark.long(every=6)
def test_none_can_be_published_unanswered_and_each_refusal_says_how_to_go_on(
    seed: Seed, tmp_path: Path
) -> None:
    files = sown(seed, tmp_path)
    guideline, problems = read(files)
    if any(problem.kind in UNREAD for problem in problems):
        assert not check(files, with_owl=False).sound
        return
    shipped = GuidelineFiles(DEFAULT_DIRECTORY)
    made = difference(Version(shipped, read(shipped)[0]), Version(files, guideline))
    found = review(made, check(shipped, with_owl=False), check(files, with_owl=False))
    assert found.blocks or found.questions
    parts: list[Obstacle | OpenQuestion] = [*found.blocks, *found.questions]
    for part in parts:
        assert all(text.strip() for text in (*part.message.values(), *part.how.values()))
    json.dumps(found.json())
