"""What a running service is told: where it listens,
where it keeps cases, how much it lets anyone ask of it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

from calx.api.store.people import People, PeopleError
from calx.errors import CalxError
from calx.ontology import DEFAULT_DIRECTORY

MIB = 1024 * 1024


class SettingsError(CalxError):
    """The service cannot be started as it was asked to; the text says what to change."""


def default_data() -> Path:
    """Where cases are kept if nothing else is said: the user's data folder."""
    return Path(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")) / "calx"


@dataclass(frozen=True)
class Settings:
    """All settings of the service.

    Raises:
        SettingsError: an address beyond this machine without any token.
    """

    ontology: Path = DEFAULT_DIRECTORY
    data: Path = field(default_factory=default_data)
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    """What a client must show before it may write, if it has no token of its own (`calx token`)."""
    second_review: bool | None = None
    """Whether a draft is published by somebody else than its editors; None: once two named people
    may publish.
    """
    private: bool = False
    """Whether reading stored cases needs the token too."""
    endpoint: str | None = None
    """A SPARQL 1.1 query endpoint that keeps the cases instead of the embedded store."""
    endpoint_update: str | None = None
    """Where that endpoint takes updates; the same address if not given."""
    query_seconds: float = 10.0
    queries_at_once: int = 4
    body_bytes: int = MIB
    bundle_bytes: int = 16 * MIB
    """Of FHIR and CDS Hooks: the observations that the service's own prefetch asks for, with their
    narrative.
    """
    restore_bytes: int = 4096 * MIB
    recording_bytes: int = 2048 * MIB
    body_seconds: float = 15.0
    """How long a client may take to send a request."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may read answers (CORS), such as that of a CDS Hooks client."""
    rate: float = 0.0
    """Requests a second that one client may send over a longer time; 0 is no limit."""

    def __post_init__(self) -> None:
        if not self.loopback and not self._tokens:
            raise SettingsError(
                f"{self.host} can be reached from other machines: give a token (--token, or "
                "CALX_TOKEN) that writing will need, or name people ('calx token add')"
            )
        if self.token is not None and len(self.token) < 16:
            raise SettingsError(
                "the token is too short to keep anyone out; use at least 16 characters"
            )
        if self.token is not None and not (
            self.token.isascii() and self.token.isprintable() and " " not in self.token
        ):
            raise SettingsError(
                "the token must be of printable ASCII characters without a space, as it travels "
                "in an HTTP header"
            )
        if self.private and not self._tokens:
            raise SettingsError("--private needs a token: without one nobody could read")

    @property
    def _tokens(self) -> bool:
        try:
            return bool(self.token or People(self.data).active)
        except PeopleError as error:
            raise SettingsError(str(error)) from None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
