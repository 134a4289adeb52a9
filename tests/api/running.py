"""Starts services as their users do, and stops them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

BLOCKED = Path(__file__).parents[1] / "no_network"
"""On the module path of every service that tests start: connections beyond this machine fail there."""
CASE: dict[str, Any] = {
    "max_superficial_arc_deg": 300,
    "vessel_diameter_mm": 3.2,
    "residual_thin_plaque": True,
    "reference_vessel_diameter_mm": 3,
}


@dataclass
class Running:
    """A service that runs."""

    process: subprocess.Popen[str]
    url: str
    data: Path

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=300, **more)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


CALX = Path(sys.executable).with_name("calx")
"""The command as it is installed."""


def start(data: Path, *options: str, folder: Path | None = None, **environment: str) -> Running:
    """Start a service on a free port, in a folder, and wait until it says that it listens."""
    command = [str(CALX), "serve", "--port", "0", "--data", str(data), *options]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(BLOCKED), **environment},
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"serves (http://\S+)/ ", line)
    if not found:
        raise AssertionError(line + process.stderr.read())
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return Running(process, found.group(1).replace("0.0.0.0", "127.0.0.1"), data)


@contextlib.contextmanager
def serving(
    data: Path, *options: str, folder: Path | None = None, **environment: str
) -> Iterator[Running]:
    """A service until the end of the block."""
    running = start(data, *options, folder=folder, **environment)
    try:
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        try:
            running.process.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


def until(holds: Callable[[], object], seconds: float = 120) -> bool:
    """Wait until something holds; on a machine under load that may take long. False if it never does."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def case(name: str, **facts: Any) -> dict[str, Any]:
    """A case of this name."""
    return {"case_id": name, **(facts or CASE)}
