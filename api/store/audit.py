"""The audit log: who asked what, and which guideline
answered. Append-only; each line seals all lines before it.

A line is a JSON object whose `seal` is the SHA-256 of the line before and of its own content, so
that a line that
was changed, removed or put in later breaks the chain from there on. What a chain cannot show is
that its last lines were cut off: keep the seal that `calx audit` prints somewhere else, and give it
back with `--seal`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from calx.errors import CalxError

START = "0" * 64
RESERVE = 256 * 1024
"""Bytes held back on the disk, so that where cases fill it, answers still find room in the log."""


class AuditError(CalxError):
    """The log cannot be written."""


class Audit:
    """Writes the log of one service."""

    def __init__(self, path: Path) -> None:
        self._seal, self._count = START, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._resume()
        self._end = os.fstat(self._file).st_size
        self._reserve = path.with_name(f".{path.name}.reserve")
        with contextlib.suppress(OSError):  # a disk that is full already: there is none to hold
            self._reserve.write_bytes(bytes(RESERVE))

    def _resume(self) -> None:
        """Go on where the log ends; half a line, left by a
        crash, is closed and stays visible as what it is.
        """
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")
            size += 1
        reach = 1 << 16
        while size:
            tail = os.pread(self._file, min(size, reach), max(0, size - reach))
            lines = tail.split(b"\n")[0 if reach >= size else 1 :]
            for line in reversed(lines):
                entry = _entry(line)
                if entry:
                    self._seal, self._count = entry["seal"], entry["n"]
                    return
            if reach >= size:
                return
            reach *= 4

    def note(self, who: str, did: str, **what: Any) -> None:
        """Append one line.

        Args:
            who: the client's address, and whether it showed the token.
            did: ``answered``, ``stored``, ``deleted`` …
            what: case id, digests, counts; never the facts of a case.
        """
        content = {
            "n": self._count + 1,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": who,
            "did": did,
            **what,
        }
        seal = seal_of(self._seal, content)
        line = orjson.dumps({**content, "seal": seal}) + b"\n"
        if not self._append(line) and not (self._release() and self._append(line)):
            raise AuditError(
                "the audit log cannot be written, so nothing is answered; free some space on the "
                "disk"
            )
        self._seal, self._count, self._end = seal, self._count + 1, self._end + len(line)

    def _append(self, line: bytes) -> bool:
        """Write a line, whole or not at all."""
        try:
            whole = os.write(self._file, line) == len(line)
        except OSError:
            whole = False
        if not whole:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
        return whole

    def _release(self) -> bool:
        """Give up what was held back; the next start holds it back anew."""
        try:
            self._reserve.unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        os.fsync(self._file)
        os.close(self._file)


def seal_of(before: str, content: dict[str, Any]) -> str:
    """The seal of a line, given the seal of the line before."""
    return hashlib.sha256(
        before.encode() + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    good = (
        isinstance(entry, dict)
        and isinstance(entry.get("n"), int)
        and isinstance(entry.get("seal"), str)
    )
    return entry if good else None


@dataclass(frozen=True)
class Chain:
    """What the verification of a log found."""

    entries: int
    seal: str
    """Of the last entry: seals all before it."""
    faults: tuple[tuple[int, str], ...]
    """Line numbers at which the chain breaks, with the reason."""


def verify(path: Path, noted: str | None = None) -> Chain:
    """Follow the chain of a log from its first line to its last.

    Args:
        path: the log.
        noted: a seal that was noted earlier, and must still be in it: lines cut off at the end show
            in no other way.
    """
    seal, count, faults, whole = START, 0, list[tuple[int, str]](), True
    found = noted is None
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            whole = line.endswith(b"\n")
            entry = _entry(line)
            if entry is None:
                faults.append((number, "is no entry: a crash cut it off, or somebody wrote it"))
                continue
            content = {key: value for key, value in entry.items() if key != "seal"}
            if entry["n"] != count + 1:
                faults.append(
                    (
                        number,
                        (
                            f"is entry {entry['n']}, expected {count + 1}: entries were removed, "
                            "added or moved"
                        ),
                    )
                )
            elif entry["seal"] != seal_of(seal, content):
                faults.append(
                    (number, "does not fit its seal: it, or what stands before it, was changed")
                )
            seal, count = entry["seal"], entry["n"]
            found = found or seal == noted
    if not found:
        faults.append(
            (count, "the noted seal is not in the log: lines were cut off, or it is another log")
        )
    if not whole:
        faults.append((count + 1, "the last line is not whole"))
    return Chain(count, seal, tuple(faults))
