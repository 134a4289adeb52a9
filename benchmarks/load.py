"""A small HTTP client for load: keep-alive connections that ask the same thing again and again, and
time each answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
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


def request(
    method: str, path: str, body: bytes = b"", kind: str = "application/json", accept: str = "*/*"
) -> bytes:
    """A request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n"
    head += (
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        if body or method == "POST"
        else ""
    )
    return head.encode() + b"\r\n" + body


def run(port: int, make: Callable[[int], bytes], count: int, connections: int) -> Load:
    """Send `count` requests over so many connections at once.

    Args:
        port: of the service on this machine.
        make: the n-th request.
        count: of requests in all.
        connections: kept open; one that breaks is counted as a failure and opened again.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(port, make, count, connections))


async def _run(port: int, make: Callable[[int], bytes], count: int, connections: int) -> Load:
    found, numbers = Load(), iter(range(count))
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(found, numbers, make), "127.0.0.1", port
        )
        clients.append(client)
    for client in clients:
        client.ask()
    while True:
        await asyncio.gather(*(client.done for client in clients))
        broken = [client for client in clients if client.broken]
        if not broken:
            return found
        clients = []
        for _ in broken:
            _, client = await loop.create_connection(
                lambda: _Client(found, numbers, make), "127.0.0.1", port
            )
            clients.append(client)
            client.ask()


class _Client(asyncio.Protocol):
    """One connection; reads no more of an answer than its status and length, so that the service is
    what is measured.
    """

    def __init__(self, found: Load, numbers: Iterator[int], make: Callable[[int], bytes]) -> None:
        self._found, self._numbers, self._make = found, numbers, make
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.broken = False
        self._head, self._left = b"", -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self) -> None:
        """Send the next request, or stop."""
        number = next(self._numbers, None)
        if number is None:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self._head, self._left = b"", -1
        self._started = time.perf_counter()
        self._transport.write(self._make(number))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self._left >= 0:
            self._left -= len(data)
        else:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._status = int(head[9:12])
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left = int(length or 0) - len(body)
        if self._left == 0:
            self._found.seconds.append(time.perf_counter() - self._started)
            self._found.statuses[self._status] = self._found.statuses.get(self._status, 0) + 1
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._found.failures += 1
            self.broken = True
            self.done.set_result(None)
