"""Runs queries in processes of their own, each ended by the kernel at its time limit.

Oxigraph cannot be interrupted, and the serving process has threads, so it must not fork. A small
process started beside it waits for queries and forks a child for each: the child opens a copy of
the store, gives up the right to open connections, answers, and is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pyoxigraph as ox

from calx.api.sparql.gate import MEMORY, MIB, Dataset, Query, QueryError, answer_query, check_query
from calx.api.sparql.sandbox import no_connections
from calx.process import command

LENGTH = 8
"""Bytes that tell the length of what follows."""


class Workers:
    """The process that waits for queries, as the service sees it."""

    def __init__(self, at_once: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            command("calx.api.sparql.worker", str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._line = ours

    async def read(self, query: bytes, seconds: float) -> Query:
        """The query, if it is one and only reads; `ask` does that by itself."""
        _, body = await self.ask(query, None, Dataset(), None, seconds)
        text, kind, default, named, graphs = json.loads(body)
        return Query(text, kind, Dataset(tuple(default), tuple(named)), tuple(graphs))

    async def ask(
        self, query: bytes, folder: Path | None, asked: Dataset, accept: str | None, seconds: float
    ) -> tuple[str, bytes]:
        """The result of a query over a copy of the store:
        media type and bytes. Cancelled, it ends the query.

        Raises:
            QueryError: it was refused, failed, or was ended at its time limit.
        """
        started = time.monotonic()
        try:
            await asyncio.wait_for(self._places.acquire(), seconds)
        except TimeoutError:
            raise QueryError(
                "too many queries are being answered; try again later", "busy"
            ) from None
        try:
            left = max(0.05, seconds - (time.monotonic() - started))
            head = {
                "folder": str(folder) if folder else None,
                "default": asked.default,
                "named": asked.named,
                "accept": accept,
                "seconds": left,
            }
            return await self._asked([json.dumps(head).encode(), query], seconds)
        finally:
            self._places.release()

    async def _asked(self, message: list[bytes], seconds: float) -> tuple[str, bytes]:
        reader, writer = await asyncio.open_connection(sock=self._child(), limit=MIB)
        child = 0
        try:
            child = int.from_bytes(await reader.readexactly(LENGTH), "big")
            for part in message:
                writer.write(len(part).to_bytes(LENGTH, "big") + part)
            kind, form, body = [
                await reader.readexactly(int.from_bytes(await reader.readexactly(LENGTH), "big"))
                for _ in range(3)
            ]
            child = 0
        except (asyncio.IncompleteReadError, ConnectionError):
            child = 0
            raise QueryError(
                (
                    f"took longer than {seconds:g} s, or more memory than there is for it; narrow "
                    "it or add LIMIT"
                ),
                "query-too-long",
            ) from None
        finally:
            writer.close()
            if child:  # nobody waits for it any more
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        if kind != b"result":
            raise QueryError(body.decode(), kind.decode())
        return form.decode(), body

    def _child(self) -> socket.socket:
        """The line to a new child; the waiting process is started again if it is gone."""
        ours, theirs = socket.socketpair()
        with theirs:
            for attempt in range(2):
                try:
                    socket.send_fds(self._line, [b"query"], [theirs.fileno()])
                    return ours
                except OSError:
                    if attempt == 0:
                        self.close()
                        self._start()
        ours.close()
        raise QueryError("queries cannot be answered now; try again later", "busy")

    def close(self) -> None:
        """End the waiting process; it ends its children."""
        self._line.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def wait_for_queries(line: int) -> None:
    """Fork a child for each query until the service is gone."""
    import_module("rdflib.plugins.sparql.parser")  # so that no child has to load it

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    with socket.socket(fileno=line) as control:
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 16, 1)
            if not message:
                os.killpg(0, signal.SIGKILL)
            # no process to be had: the client sees the line close
            with contextlib.suppress(OSError):
                if descriptors and os.fork() == 0:
                    control.close()
                    _answer(socket.socket(fileno=descriptors[0]))
                    os._exit(0)
            for descriptor in descriptors:
                os.close(descriptor)


def _answer(client: socket.socket) -> None:
    """Answer one query, or be ended by the kernel."""
    stream = client.makefile("rwb")
    stream.write(os.getpid().to_bytes(LENGTH, "big"))
    stream.flush()
    head = json.loads(stream.read(int.from_bytes(stream.read(LENGTH), "big")))
    query = stream.read(int.from_bytes(stream.read(LENGTH), "big"))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, head["seconds"])
    seconds = int(head["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    kind, form, body = "result", "", b""
    try:
        read_only = check_query(query)
        if head["folder"] is None:
            body = json.dumps(
                [
                    read_only.text,
                    read_only.kind,
                    read_only.dataset.default,
                    read_only.dataset.named,
                    read_only.graphs,
                ]
            ).encode()
        else:
            store = bounded(Path(head["folder"]))
            form, body = answer_query(
                store,
                read_only,
                Dataset(tuple(head["default"]), tuple(head["named"])),
                head["accept"],
            )
    except QueryError as error:
        kind, body = error.kind, str(error).encode()
    except MemoryError:
        kind, body = (
            "query-too-large",
            b"needs more memory than there is for it; narrow it or add LIMIT",
        )
    except Exception:
        logging.getLogger("calx").exception("a query failed")
        kind, body = "internal", b"the query could not be answered; the service's own log tells why"
    for part in (kind.encode(), form.encode(), body):
        stream.write(len(part).to_bytes(LENGTH, "big") + part)
    stream.flush()


def bounded(folder: Path) -> ox.Store:
    """A copy of the store, in a process that from here
    on opens no connection and has only so much memory.
    """
    no_connections()
    store = ox.Store.read_only(str(folder))
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if Path("/proc/self/statm").exists()
        else 0
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    return store


if __name__ == "__main__":
    wait_for_queries(int(sys.argv[1]))
