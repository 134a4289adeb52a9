"""Stands before every request: who may come in, how much they may send and how fast; adds the
headers that keep a browser safe.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calx.api.contract.problems import ServiceError
from calx.api.server.respond import problem_response
from calx.api.server.settings import Settings
from calx.api.server.state import Service
from calx.api.store.people import Caller, PeopleError, Role, key_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
CLOSE = {"Connection": "close"}
LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
log = logging.getLogger("calx")

COOKIE = "calx"
SIGNING = ("/login", "/logout")
"""What anybody may post, from this site alone."""
PUBLISHING = re.compile(r"/drafts/[^/]+/publish")
FEEDBACK = re.compile(r"/cds-services/[^/]+/feedback")
JWT = re.compile(rb"(?i:bearer) +[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""How a client of CDS Hooks shows who it is."""
BUNDLES = re.compile(r"/(fhir/|cds-services/)")
"""What takes FHIR resources."""
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
READING_POSTS = re.compile(
    r"/(recommend|proof|sparql/?|fhir/\$recommend|cds-services/[^/]+|log(?:in|out))"
)
"""What is posted only to be answered. Every other POST counts as a write."""


def is_write(method: str, path: str) -> bool:
    """Whether a request changes what is stored, or reads all of it."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return path == "/backup"
    return method != "POST" or not READING_POSTS.fullmatch(path)


def role_needed(method: str, path: str, private: bool) -> Role | None:
    """What a caller must at least be; None where anybody may."""
    if not is_write(method, path):
        return "reader" if private and is_private(path) else None
    if path in ("/backup", "/restore"):
        return "admin"
    return "reviewer" if PUBLISHING.fullmatch(path) else "author"


def is_private(path: str) -> bool:
    """Whether a resource tells of stored cases, or of drafts that are not published."""
    return path.startswith(("/cases", "/recordings", "/sparql", "/drafts"))


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._names = LOCAL_NAMES | {settings.host} if settings.loopback else None
        self._budgets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, head = False, scope["method"] == "HEAD"
        if head:  # as GET, without the content (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET"}

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in HEADERS if pair[0] not in given),
                ]
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            headers = dict(scope["headers"])
            self._admit(scope, headers)
            await self._app(scope, self._limited(scope, headers, receive), sending)
        except ServiceError as problem:
            if not started:
                await problem_response(Request(scope), problem)(scope, receive, sending)
        except ClientDisconnect:
            pass
        except Exception:
            log.exception("a request failed: %s %s", scope["method"], scope["path"])
            if not started:
                await ServiceError(
                    "internal", "something went wrong here; the service's own log tells what"
                ).response()(scope, receive, sending)

    # --- who may come in ------------------------------------------------------------

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        client = scope["client"][0] if scope.get("client") else ""
        self._count(client)
        if not scope["path"].isprintable():  # a router may read "/backup\n" as "/backup"
            raise ServiceError("not-found", "an address holds a character that nobody sees")
        host = headers.get(b"host", b"").decode("latin-1")
        if sum(name == b"host" for name, _ in scope["headers"]) != 1 or not HOST.fullmatch(host):
            raise ServiceError("unreadable", "a request names one host")
        if self._names is not None and host and _name(host) not in self._names:
            raise ServiceError(
                "wrong-origin",
                f"this service answers to {', '.join(sorted(self._names))}, not to {host[:100]}",
            )
        service: Service = scope["app"].state.service
        method, path = scope["method"], scope["path"]
        needed = role_needed(method, path, self._settings.private)
        try:
            caller = scope["calx.caller"] = self._caller(service, headers)
            service.watch_people()
        except PeopleError as error:
            if needed or path in SIGNING:
                log.error("%s", error)
                raise ServiceError(
                    "not-stored", "the named tokens cannot be read, so nobody is let in"
                ) from None
            caller = scope["calx.caller"] = None
        if is_write(method, path) or path in SIGNING:
            origin = headers.get(b"origin", b"").decode("latin-1")
            welcome = origin in self._settings.origins and path.endswith("/feedback")
            foreign = origin and not _from_here(origin, host)
            if not welcome and (
                foreign
                or headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none")
            ):
                raise ServiceError(
                    "wrong-origin", "pages of other sites may not change anything here"
                )
        if FEEDBACK.fullmatch(path) and JWT.fullmatch(headers.get(b"authorization", b"")):
            needed = None  # kept as what an unverified client told, see `routes.cds_hooks`
        if needed is None or (caller is None and not service.locked):
            return
        if caller is None:
            raise ServiceError(
                "token-needed",
                "send the header 'Authorization: Bearer <token>'",
                headers={"WWW-Authenticate": 'Bearer realm="calx"'},
            )
        if not caller.may(needed):
            raise ServiceError(
                "not-allowed",
                f"this needs the role {needed}; {caller.name or 'the common token'} has "
                f"{caller.role}",
            )

    @staticmethod
    def _caller(service: Service, headers: dict[bytes, bytes]) -> Caller | None:
        """Who shows a token, or the cookie that was given for one; None where nobody does."""
        kind, _, shown = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if kind.lower() == "bearer" and (found := service.caller(key_of(shown.strip()))):
            return found
        try:
            cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        except CookieError:
            return None
        return service.caller(cookie.value) if cookie is not None else None

    def _count(self, client: str) -> None:
        """Take one request from the client's budget, which
        fills at the allowed rate and holds ten seconds of it.
        """
        rate = self._settings.rate
        if not rate:
            return
        now = time.monotonic()
        left, last = self._budgets.get(client, (rate * 10, now))
        left = min(rate * 10, left + (now - last) * rate)
        if left < 1:
            raise ServiceError(
                "too-many",
                f"at most {rate:g} requests a second",
                headers={"Retry-After": str(max(1, round(1 / rate)))},
            )
        if len(self._budgets) > 10_000:
            self._budgets.clear()
        self._budgets[client] = (left - 1, now)

    # --- how much, and how fast -----------------------------------------------------

    def _limited(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return receive
        settings = self._settings
        long = {"/restore": settings.restore_bytes, "/recordings": settings.recording_bytes}
        path = scope["path"]
        usual = settings.bundle_bytes if BUNDLES.match(path) else settings.body_bytes
        most, patience = long.get(path, usual), 40 if path in long else 1
        if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
            raise ServiceError(
                "wrong-form", "a compressed body is not read; send it as it is", headers=CLOSE
            )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise ServiceError(
                "too-large",
                f"at most {most} bytes; send many cases one by one, or use 'calx recommend'",
                headers=CLOSE,
            )
        size, deadline = 0, time.monotonic() + settings.body_seconds * patience
        whole = False

        async def receiving() -> Message:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise ServiceError(
                    "too-slow",
                    f"the body did not arrive within {self._settings.body_seconds:g} s",
                    headers=CLOSE,
                ) from None
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > most:
                raise ServiceError("too-large", f"at most {most} bytes", headers=CLOSE)
            return message

        return receiving


def _from_here(origin: str, host: str) -> bool:
    """Whether a page of this service sends a request."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()
