"""Who may do what: named tokens with roles, kept hashed in the service's folder.

A token is shown once, when it is made. What is kept of it is a hash of the key that a browser keeps
instead of it, so that neither the file nor a cookie tells the token.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from calx.atomic import write_atomically
from calx.errors import CalxError
from calx.ontology.unseen import unseen

Role: TypeAlias = Literal["reader", "author", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may. A reader reads what is private; an author stores cases,
recordings and corrections, and writes drafts; a reviewer publishes drafts; an admin backs up and
restores.
"""
NAME = re.compile(r"[^\W\d_](?:[\w .@'-]{0,62}\w)?")
KEY = re.compile(r"[0-9a-f]{64}")
FILE = "people.json"


class PeopleError(CalxError):
    """What was asked of the named tokens cannot be done; the text says why."""


@dataclass(frozen=True)
class Person:
    """A name, what it may do, and how its token is known again."""

    name: str
    role: Role
    made: str
    key: str
    """Hash of the key of the token."""
    revoked: str | None = None


class Caller(NamedTuple):
    """Who sends a request."""

    name: str | None
    """None for whoever holds the common token, or where none is needed."""
    role: Role

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


def key_of(token: str) -> str:
    """What a browser keeps instead of a token."""
    return hashlib.sha256(b"calx cookie " + token.encode()).hexdigest()


def _kept(key: str) -> str:
    return hashlib.sha256(b"calx kept " + key.encode()).hexdigest()


class People:
    """The named tokens of a service's folder. `calx token` may change them while the service runs:
    they are read anew whenever the file is another one.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._lock = folder / FILE, folder / f".{FILE}.lock"
        self._state: tuple[int, ...] | None = None
        self._people: tuple[Person, ...] = ()

    def all(self) -> tuple[Person, ...]:
        """Everybody, revoked or not, in the order in which they came.

        Raises:
            PeopleError: the file cannot be read: then nobody is known.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if self._people:
                raise PeopleError(
                    f"{self._path}: is gone; put it back, or make the tokens anew and start again"
                ) from None
            return ()
        except OSError as error:
            raise PeopleError(f"{self._path}: {error.strerror}") from None
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        if state != self._state:
            try:
                raw = json.loads(self._path.read_text(encoding="utf-8"))
                if not isinstance(raw["people"], list) or not raw["people"]:
                    raise TypeError
                self._people = tuple(_person(entry) for entry in raw["people"])
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._state = None
                raise PeopleError(
                    f"{self._path}: cannot be read; put a copy back, or remove it and make the "
                    "tokens anew"
                ) from None
            self._state = state
        return self._people

    @property
    def active(self) -> tuple[Person, ...]:
        return tuple(person for person in self.all() if person.revoked is None)

    @property
    def reviewers(self) -> int:
        """How many named people may publish."""
        return sum(Caller(person.name, person.role).may("reviewer") for person in self.active)

    def may(self, name: str, role: Role) -> bool:
        """Whether somebody of this name may do what the role may."""
        return any(
            person.name == name and Caller(name, person.role).may(role) for person in self.active
        )

    def find(self, key: str) -> Caller | None:
        """Whose key this is; None where it is nobody's, or revoked."""
        kept = _kept(key)
        for person in self.active:
            if secrets.compare_digest(person.key, kept):
                return Caller(person.name, person.role)
        return None

    def add(self, name: str, role: str) -> str:
        """A new person; the token comes back, and is kept nowhere.

        Raises:
            PeopleError: the name cannot be one, or is or was somebody else's.
        """
        if not NAME.fullmatch(name) or not _clear(name):
            raise PeopleError(
                f"'{name[:64]}' is no name: a letter, then letters of the same script, digits, "
                "blanks, and . @ ' - within, at most 64; 'service' is taken"
            )
        if role not in ROLES:
            raise PeopleError(f"a role is {', '.join(ROLES)}, not '{role[:24]}'")
        token = secrets.token_urlsafe(32)
        with self._changing() as people:
            for person in people:
                if _alike(person.name) == _alike(name):
                    raise PeopleError(
                        f"{person.name} is there already; revoke that token first"
                        if person.revoked is None
                        else f"{person.name} was revoked on {person.revoked[:10]}, and acts under "
                        "that name are on record; take another name"
                    )
            people.append(Person(name, role, _now(), _kept(key_of(token))))
        return token

    def revoke(self, name: str) -> Person:
        """End what a token may do; the name stays on record.

        Raises:
            PeopleError: there is no such person.
        """
        with self._changing() as people:
            for index, person in enumerate(people):
                if person.name == name and person.revoked is None:
                    people[index] = replace(person, revoked=_now())
                    return people[index]
            raise PeopleError(f"no token of '{name[:64]}' is in use; 'calx token list' shows them")

    @contextmanager
    def _changing(self) -> Iterator[list[Person]]:
        """The people, to be changed by one process at a time and written as a whole."""
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise PeopleError(f"{self._lock.parent}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            people = list(self.all())
            yield people
            text = json.dumps(
                {"people": [asdict(person) for person in people]}, ensure_ascii=False, indent=1
            )
            write_atomically(self._path, text + "\n")
            self._path.chmod(0o600)
        finally:
            os.close(lock)


def _clear(name: str) -> bool:
    """Whether nobody takes it for another: letters of one script, all to be seen."""
    letters = [unicodedata.name(c, "?").partition(" ")[0] for c in name if c.isalpha()]
    return (
        len(set(letters)) == 1
        and not any(unseen(c) for c in name if c != " ")
        and _alike(name) != "service"
    )


def _alike(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _person(entry: dict[str, str | None]) -> Person:
    person = Person(**entry)  # type: ignore[arg-type]
    if (
        not KEY.fullmatch(person.key)
        or person.role not in ROLES
        or not all(isinstance(part, str) for part in (person.name, person.made, person.key))
    ):
        raise ValueError
    return person
