"""Runs the service: one process, one command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from dataclasses import replace
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from calx.api.server.app import create_app
from calx.api.server.settings import Settings
from calx.errors import CalxError
from calx.ontology import GuidelineError

HEADER_SECONDS = 15
"""How long a client may take to send the head of a request, and may leave an answer unread."""


HEAD_BYTES = 64 * 1024
READ_AT_ONCE = 256 * 1024
"""What the event loop may read in one go, body included."""
TOO_LARGE_A_HEAD = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: "
    b"0\r\nConnection: close\r\n\r\n"
)


class HttpProtocol(HttpToolsProtocol):
    """HTTP that does not wait for ever for a client that sends its headers drop by drop, nor takes
    any amount of them.
    """

    _in_head, _head = True, 0
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES + READ_AT_ONCE:
                self.transport.write(TOO_LARGE_A_HEAD)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()
        if self.cycle is not None:
            self._patience.cancel()
            self._patience = self.loop.call_later(HEADER_SECONDS, self._head_too_slow, self.cycle)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._patience.cancel()
        super().on_headers_complete()

    def _head_too_slow(self, before: Any) -> None:
        if self.cycle is before and not self.transport.is_closing():
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self._reading = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        if self._reading:
            self._reading.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        if self._reading:
            self._reading.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """Says where it listens once it does, and why it did not start."""

    def __init__(self, config: uvicorn.Config, told: str) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._told, file=sys.stderr, flush=True)


def run(settings: Settings) -> str | None:
    """Serve until interrupted; why it could not be started, if so."""
    try:
        listening = _listening(settings)
    except OSError as error:
        return (
            f"{settings.host}:{settings.port}: cannot listen there "
            f"({error.strerror or error}); is another service running? choose another with --port"
        )
    settings = replace(settings, port=listening.getsockname()[1])
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=HttpProtocol,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=32,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    # a failed start is told below, in words
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    reads = (
        ""
        if settings.loopback or settings.private
        else (
            "\nAnyone who reaches this address can read stored cases; --private asks for the "
            "token for that too."
        )
    )
    told = (
        f"Calx serves http://{host}:{settings.port}/ with the cases of "
        f"{settings.endpoint or settings.data}. Stop it with Ctrl-C.{reads}"
    )
    server = Server(config, told)
    with (
        contextlib.suppress(KeyboardInterrupt, SystemExit),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(server.serve([listening]))
    failure: CalxError | None = getattr(app.state, "failure", None)
    if isinstance(failure, GuidelineError):
        return "\n".join(str(problem) for problem in failure.problems)
    return (
        str(failure) if failure else None if server.started else "the service could not be started"
    )


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((settings.host, settings.port))
    found.set_inheritable(False)
    return found
