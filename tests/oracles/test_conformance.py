"""The conformance cases, judged by their own checker, through the command line."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import CONFORMANCE


def test_every_conformance_case_is_answered_as_expected() -> None:
    answers = subprocess.run(
        [
            sys.executable,
            "-m",
            "calx",
            "recommend",
            CONFORMANCE / "cases.jsonl",
            "--format",
            "json",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answers.returncode == 0, answers.stderr
    verdict = subprocess.run(
        [sys.executable, CONFORMANCE / "check.py", CONFORMANCE / "expected.jsonl"],
        input=answers.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.stdout.strip() == "520 passed, 0 failed"
