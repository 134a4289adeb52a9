"""A small HTTP client for load: keep-alive connections that ask the same thing again and again, and time each answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """What a run of requests showed."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    failures: int = 0

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request(method: str, path: str, body: bytes = b"", kind: str = "application/json", accept: str = "*/*") -> bytes:
    """A request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n"
    head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return head.encode() + b"\r\n" + body


def run(port: int, make: Callable[[int], bytes], count: int, connections: int, reopen: bool = False) -> Load:
    """Send `count` requests over so many connections at once.

    Args:
        port: of the service on this machine.
        make: the n-th request.
        count: of requests in all.
        connections: kept open.
        reopen: open a new connection for each request instead.
    """
    return asyncio.run(_run(port, make, count, connections, reopen))


async def _run(port: int, make: Callable[[int], bytes], count: int, connections: int, reopen: bool) -> Load:
    found, numbers = Load(), iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            started = time.perf_counter()
            try:
                writer.write(make(number))
                status = await _status(reader)
                found.seconds.append(time.perf_counter() - started)
                found.statuses[status] = found.statuses.get(status, 0) + 1
                if not reopen:
                    continue
            except (ConnectionError, asyncio.IncompleteReadError):
                found.failures += 1
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return found


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"content-length:" in lower:
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if length:
            await reader.readexactly(length)
    elif b"chunked" in lower:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head[9:12])
