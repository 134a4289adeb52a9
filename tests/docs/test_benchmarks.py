"""What the benchmarks tell is what they measured."""

from __future__ import annotations

from benchmarks.processes import calx
from tests.api.cli.test_cli import EXAMPLE


def test_the_memory_of_a_command_is_its_own_and_not_that_of_who_started_it() -> None:
    ballast = bytearray(b"x") * (400 * 1024 * 1024)
    assert 10 < calx("recommend", EXAMPLE).peak < 150
    assert len(ballast) > 0
