"""Fresh processes: how long they take, and the memory that they tell of themselves."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import NamedTuple

RUN = """
import sys
from calx.api.cli.main import main
try:
    main()
finally:
    status = open("/proc/self/status")
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""
"""Runs the command line and tells its largest memory, KiB; what the kernel tells of a child would
count the process that started it.
"""


class Ran(NamedTuple):
    """A command that was run."""

    seconds: float
    peak: float
    """MiB."""


def calx(*arguments: object) -> Ran:
    """Run ``calx`` with these arguments."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(time.perf_counter() - started, int(done.stderr.strip().splitlines()[-1]) / 1024)


def seconds(arguments: list[str], times: int = 9) -> float:
    """Median seconds of a fresh Python with these arguments."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - started)
    return statistics.median(found)
