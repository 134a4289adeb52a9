"""How much is tried. `make test-all` tries everything; `make test` tries a sample of what is long, another one each day.

So nothing is ever unwatched, and a red run can be had again: the report's last lines tell its number, to be set as ``CALX_SAMPLE``.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

T = TypeVar("T")
WHOLE = os.environ.get("CALX_WHOLE") == "1"
"""Everything is tried."""
NUMBER = int(os.environ.setdefault("CALX_SAMPLE", str(datetime.now(UTC).toordinal())))
"""Which sample this is; workers inherit it from the process that starts them."""


def todays(long: pytest.Mark | None, name: str) -> bool:
    """Whether a test marked ``long(every=n)`` is tried: of such tests every n-th each day."""
    every = 1 if long is None or WHOLE else long.kwargs.get("every", 1)
    return (NUMBER + zlib.crc32(name.encode())) % int(every) == 0


def much(whole: int, sample: int) -> int:
    """How many to try."""
    return whole if WHOLE else sample


def some(items: Sequence[T], size: int) -> list[T]:
    """All of them, or today's window of so many; the windows follow each other round and round."""
    if WHOLE or len(items) <= size:
        return list(items)
    start = NUMBER * size % len(items)
    return [*items[start : start + size], *items[: max(0, start + size - len(items))]]
