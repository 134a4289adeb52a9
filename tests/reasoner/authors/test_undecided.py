"""Where the solver's work does not suffice, what was decided is told all the same, and what was not is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from calx.reasoner.authors.check.check import Report
from calx.reasoner.authors.compare import report
from calx.reasoner.authors.compare.changes import Changes
from calx.reasoner.authors.compare.difference import Version, difference
from calx.reasoner.authors.compare.impact import impact
from calx.reasoner.authors.compare.review import review
from calx.reasoner.authors.prove import session
from calx.reasoner.authors.prove.report import verify_as_json, verify_as_text
from calx.reasoner.authors.prove.verify import verify
from tests.reasoner.authors.conftest import version
from tests.reasoner.authors.seeds import SEEDS
from tests.reasoner.authors.test_seeded import sown

HARD = 50_000
"""Units of work that all but a few questions need less of."""


def test_the_rest_is_proved_and_what_is_undecided_says_what_would_decide_it(
    base: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "EFFORT", HARD)
    found = verify(base.files, base.guideline)
    outcomes = {verdict.id: verdict.outcome for verdict in found.verdicts}
    open_ = [name for name, outcome in outcomes.items() if outcome == "undecided"]
    assert "strategy-stable" in open_ and 0 < len(open_) < 10
    assert set(outcomes.values()) == {"proved", "undecided"}
    assert not found.holds
    assert "calx verify strategy-stable --effort 10" in verify_as_text(found, "en")
    assert verify_as_json(found)["holds"] is False
    more = verify(base.files, base.guideline, effort=100)
    assert more.holds


def test_work_that_suffices_for_nothing_is_no_proof(
    base: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "EFFORT", 10)
    found = verify(base.files, base.guideline)
    assert {verdict.outcome for verdict in found.verdicts} == {"undecided"}
    assert {remark.kind for remark in found.remarks} == {"undecided", "unfinished"}
    assert not found.holds


def test_a_difference_tells_what_it_could_decide_and_names_the_rest(
    base: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seed,) = (seed for seed in SEEDS if seed.name.startswith("01b"))
    edited = version(sown(seed, tmp_path).directory)
    found = difference(base, edited)
    changes = Changes(base.guideline, edited.guideline, [], [])
    monkeypatch.setattr(session, "EFFORT", 20_000)
    partly = impact(changes)
    assert partly.undecided
    assert found.impact is not None and not found.impact.undecided
    told = {str(subject) for subject in (*partly.undecided, *partly.unchanged)}
    assert {str(subject) for subject in found.impact.unchanged} <= told
    shown = report.as_text(replace(found, impact=partly))
    assert "not decided within the work allowed" in shown


def test_what_is_undecided_forbids_publishing(
    base: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "EFFORT", HARD)
    found = difference(base, base)
    blocks = review(found, *(Report([], base.guideline, False, 0),) * 2).blocks
    assert "strategy-stable" in {block.place for block in blocks}
    assert all("effort" in block.how["en"] for block in blocks)


def test_a_rule_that_is_undecided_forbids_publishing_too(
    base: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "EFFORT", 10)
    found = replace(difference(base, base), verified=verify(base.files, base.guideline))
    blocks = review(found, *(Report([], base.guideline, False, 0),) * 2).blocks
    assert {"J4", "strategy-stable"} <= {block.place for block in blocks}
