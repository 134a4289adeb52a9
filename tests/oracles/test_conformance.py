"""The conformance cases, judged by their own checker, through the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import CONFORMANCE


def recommended(cases: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "calx", "recommend", cases, "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )


def judged(answers: str, *expected: str | Path) -> str:
    return subprocess.run(
        [sys.executable, CONFORMANCE / "check.py", *expected],
        input=answers,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


def test_every_conformance_case_is_answered_as_expected() -> None:
    answers = recommended(CONFORMANCE / "cases.jsonl")
    assert answers.returncode == 0, answers.stderr
    assert judged(answers.stdout, CONFORMANCE / "expected.jsonl") == "679 passed, 0 failed"


def test_every_case_that_contradicts_itself_is_refused_by_what_it_says() -> None:
    answers = recommended(CONFORMANCE / "invalid.jsonl")
    assert answers.returncode == 1
    told = judged(answers.stdout, "--invalid", CONFORMANCE / "invalid_expected.jsonl")
    assert told == "108 passed, 0 failed"
