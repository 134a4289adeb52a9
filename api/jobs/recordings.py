"""Recordings that were handed to the service: read by a process of their own, one at a time, as the
command line would.

A recording is kept only until it has been read; what stays is the case with its measurements, the
pictures and the curves, none of which names a patient.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calx.atomic import write_atomically
from calx.errors import CalxError
from calx.process import command

NAME = re.compile(r"[a-f0-9]{16}")
SHOWN = re.compile(
    r"longitudinal\.png|curves\.csv|curves\.npz|report\.dcm|run\.json|frames/frame-[0-9]{5}\.png"
)
PROGRESS = re.compile(r"([0-9]+) of ([0-9]+) frames")
LONGEST_SECONDS = 3600
WAITING = 16
"""Recordings that may wait to be read."""
OPTIONS = ("spacing", "rate", "fps", "stent_first", "stent_last")
"""What a person may tell of a recording, beside ``gated``."""


class TooManyRecordingsError(CalxError):
    """As many recordings as may wait are waiting."""


@dataclass
class Recording:
    """One recording.

    Attributes:
        id: its name here.
        folder: where its results are.
        received: moment in UTC.
        state: ``waiting``, ``reading``, ``done``, ``refused`` (nothing can be claimed of it) or
            ``failed`` (it can't be read).
        done: frames read so far.
        total: frames.
        notes: what the reader said.
        problem: why it was refused or failed.
    """

    id: str
    folder: Path
    received: str
    state: str = "waiting"
    done: int = 0
    total: int = 0
    notes: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def case(self) -> dict[str, Any] | None:
        """Its case, with measurements and corrections; None until it is there."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.folder / "facts.json").read_text())
            return found
        return None

    @property
    def pictures(self) -> list[str]:
        """Names of the frames that were drawn."""
        return sorted(
            f"frames/{file.name}"
            for file in (self.folder / "report" / "frames").glob("frame-*.png")
        )

    def file(self, name: str) -> Path | None:
        """A file of its report; None where there is none of this name."""
        place = self.folder / "report" / name
        return place if SHOWN.fullmatch(name) and place.is_file() else None

    def json(self) -> dict[str, Any]:
        """What the service tells of it."""
        case = self.case
        files = [
            name
            for name in ("longitudinal.png", "curves.csv", "curves.npz", "report.dcm", "run.json")
            if self.file(name)
        ]
        head = {
            key: getattr(self, key)
            for key in ("id", "received", "state", "done", "total", "notes", "problem")
        }
        return head | {
            "files": [f"/recordings/{self.id}/{name}" for name in [*files, *self.pictures]],
            "case": case,
        }


class Recordings:
    """All recordings of one service."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Recording] = {}
        self._one = asyncio.Lock()
        self._arriving = 0
        self._tasks: dict[str, asyncio.Task[None]] = {}
        for place in sorted(folder.glob("*/state.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                kept = Recording(folder=place.parent, **json.loads(place.read_text()))
                if kept.state in ("waiting", "reading"):
                    kept.state, kept.problem = (
                        "failed",
                        "the service was stopped while it was read; hand it in again",
                    )
                    _forget(kept)
                self._found[kept.id] = kept

    @staticmethod
    def available() -> bool:
        """Whether the packages for reading recordings are installed."""
        return all(
            importlib.util.find_spec(name) for name in ("numpy", "onnxruntime", "pydicom", "PIL")
        )

    def listed(self) -> list[Recording]:
        """The newest first."""
        return sorted(self._found.values(), key=lambda item: item.received, reverse=True)

    def find(self, name: str) -> Recording | None:
        return self._found.get(name) if NAME.fullmatch(name) else None

    async def take(self, body: AsyncIterator[bytes], told: dict[str, Any]) -> Recording:
        """Receive a recording and begin to read it.

        Args:
            body: its bytes.
            told: what a person says of it (:data:`OPTIONS`, ``gated``), checked.

        Raises:
            TooManyRecordingsError: others wait already.
        """
        if (
            self._arriving
            + sum(item.state in ("waiting", "reading") for item in self._found.values())
            >= WAITING
        ):
            raise TooManyRecordingsError
        self._arriving += 1
        name = secrets.token_hex(8)
        folder = self._folder / name
        folder.mkdir(mode=0o700, parents=True)
        found = Recording(name, folder, datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            with (folder / "recording.dcm").open("wb") as file:
                async for chunk in body:
                    await asyncio.to_thread(file.write, chunk)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._arriving -= 1
        self._found[name] = found
        _keep(found)
        self._tasks[name] = asyncio.create_task(self._read(found, told))
        return found

    async def _read(self, found: Recording, told: dict[str, Any]) -> None:
        """Let a process of its own read a recording, when it is its turn."""
        async with self._one:
            found.state = "reading"
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    status, lines = await _run(found, _command(found, told))
            except TimeoutError:
                status, lines = 1, [f"it was not read within {LONGEST_SECONDS} s"]
            except OSError as error:
                status, lines = 1, [f"it could not be read here: {error.strerror or error}"]
        if status == 0:
            found.state, found.notes = "done", lines
        else:
            found.state = "refused" if found.case else "failed"
            found.problem, found.notes = (
                (lines[-1] if lines else "it could not be read"),
                lines[:-1],
            )
        _forget(found)
        _keep(found)
        self._tasks.pop(found.id, None)

    async def drop(self, found: Recording) -> None:
        """Stop reading it if need be, and remove all that there is of it."""
        task = self._tasks.pop(found.id, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._found.pop(found.id, None)
        await asyncio.to_thread(shutil.rmtree, found.folder, True)

    async def close(self) -> None:
        """Stop what is being read."""
        for task in [*self._tasks.values()]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _command(found: Recording, told: dict[str, Any]) -> list[str]:
    """The command line that reads a recording."""
    options = [
        "--facts",
        str(found.folder / "facts.json"),
        "--report",
        str(found.folder / "report"),
    ]
    for name, option in (("spacing", "--spacing"), ("rate", "--rate"), ("fps", "--fps")):
        options += [option, str(told[name])] if name in told else []
    options += ["--gated"] if told.get("gated") else []
    options += (
        ["--stent", str(told["stent_first"]), str(told["stent_last"])]
        if "stent_first" in told
        else []
    )
    return command("calx", "segment", str(found.folder / "recording.dcm"), *options)


async def _run(found: Recording, arguments: list[str]) -> tuple[int, list[str]]:
    """Run it, noting how far it is; its exit status
    and what else it said. It never outlives this call.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode(errors="replace").strip()
            seen = PROGRESS.match(line)
            if seen:
                found.done, found.total = int(seen[1]), int(seen[2])
            elif line:
                lines.append(line.replace(f"{found.folder / 'recording.dcm'}: ", ""))
        return await process.wait(), lines
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _keep(found: Recording) -> None:
    """Write what is known of a recording, whole or not at all."""
    told = {
        key: getattr(found, key)
        for key in ("id", "received", "state", "done", "total", "notes", "problem")
    }
    write_atomically(found.folder / "state.json", json.dumps(told))


def _forget(found: Recording) -> None:
    """Remove the recording itself; its results stay."""
    (found.folder / "recording.dcm").unlink(missing_ok=True)
    shutil.rmtree(found.folder / ".facts.json.part", ignore_errors=True)


def save(found: Recording, case: dict[str, Any]) -> None:
    """Replace the case of a recording by one with a person's corrections."""
    write_atomically(
        found.folder / "facts.json", json.dumps(case, indent=1, ensure_ascii=False) + "\n"
    )
