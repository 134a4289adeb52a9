"""What the tests share: the reasoner of the guideline that comes with Calx, and copies of it to edit."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.core
import pytest
from hypothesis import HealthCheck, settings

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.recommendation import Reasoner
from tests import sampling

# Examples of the day's sample; where everything is tried, always the same ones. A red run can be had again; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile(
    "today", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same" if sampling.WHOLE else "today"))
if settings.get_current_profile_name() == "today":
    # what its option --hypothesis-seed does
    vars(hypothesis.core)["global_force_seed"] = sampling.NUMBER
END = float(os.environ.get("CALX_END", "inf"))
"""Moment, in seconds since 1970, after which no test is begun; CI sets it."""


def pytest_xdist_auto_num_workers() -> int:
    """A worker more than there are cores: many tests wait for a service or a process that they started."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried = (
        "everything was tried"
        if sampling.WHOLE
        else f"of what is long, sample {sampling.NUMBER} was tried (CALX_SAMPLE={sampling.NUMBER} repeats it)"
    )
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, told in getattr(report, "user_properties", ()):
                if name == "damages" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(told)
    terminalreporter.write_line(f"{tried}; hypothesis: {settings.get_current_profile_name()}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests that are long and cannot be made smaller, each has its days; where time is short, every day begins elsewhere."""
    rest = {
        item for item in items if not sampling.todays(item.get_closest_marker("long"), item.nodeid)
    }
    config.hook.pytest_deselected(items=list(rest))
    kept = [item for item in items if item not in rest]
    start = sampling.NUMBER * len(kept) // 7 % max(1, len(kept)) if math.inf > END else 0
    items[:] = [*kept[start:], *kept[:start]]


def pytest_runtest_setup() -> None:
    if time.time() > END:
        pytest.skip("this run's time is over (CALX_END)")


CONFORMANCE = Path(__file__).parent / "conformance"
# neither tests nor what they start reach beyond this machine
importlib.import_module("tests.no_network.sitecustomize")


@pytest.fixture(scope="session")
def reasoner() -> Reasoner:
    return Reasoner.load()


@pytest.fixture(scope="session", autouse=True)
def _files() -> GuidelineFiles:
    """The files of the guideline that comes with Calx, parsed once for all tests of a worker: an edited copy parses what was edited alone."""
    files = GuidelineFiles()
    files.graphs()
    return files


@pytest.fixture
def result(reasoner: Reasoner) -> Callable[..., dict[str, Any]]:
    """The JSON answer to a case given by its facts."""

    def answer(**facts: Any) -> dict[str, Any]:
        return reasoner.recommend({"case_id": "t", **facts}).json()

    return answer


def conformance_cases() -> list[dict[str, Any]]:
    return [
        json.loads(line, parse_float=Decimal)
        for line in (CONFORMANCE / "cases.jsonl").read_text().splitlines()
    ]


@pytest.fixture
def guideline_copy(tmp_path: Path) -> Path:
    """A copy of the guideline's folder."""
    copy = tmp_path / "guideline"
    shutil.copytree(DEFAULT_DIRECTORY, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


@pytest.fixture
def edited(guideline_copy: Path) -> Callable[[str, str, str], Path]:
    """A copy of the guideline in which one text of one file is replaced; may be called again."""

    def edit(file: str, old: str, new: str) -> Path:
        path = guideline_copy / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} no longer says {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return guideline_copy

    return edit


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server to which nobody may connect: what listens there must hear nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        yield server
