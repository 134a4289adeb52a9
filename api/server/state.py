"""What a running service holds: the reasoner, the store,
the audit log. Routes ask it; nothing else is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import hmac
import json
import os
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox
from starlette.requests import Request

from calx.api.exchange.codes import Codes
from calx.api.jobs.drafts import Drafts
from calx.api.jobs.recordings import Recordings
from calx.api.pages.examples import Example, examples
from calx.api.server.settings import Settings
from calx.api.store.audit import Audit, AuditError
from calx.api.store.cases import Cases
from calx.api.store.disk import DiskStore
from calx.api.store.people import Caller, People, PeopleError, Person, key_of
from calx.api.store.protocol import Store, StoreError
from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner

if TYPE_CHECKING:
    from calx.reasoner.whatif.asking import WhatIf

SERVING = "serving.json"
"""In the data folder while a service uses it: its address, and a secret by which `calx backup` and
`calx restore` reach it.
"""


KEPT_ANSWERS = 256


@dataclass
class Service:
    """One running service."""

    settings: Settings
    reasoner: Reasoner
    store: Store
    audit: Audit
    secret: str
    knowledge: ox.Store
    """The knowledge base, in memory."""
    codes: Codes
    examples: tuple[Example, ...]
    recordings: Recordings
    drafts: Drafts
    people: People
    told_people: dict[str, str] = field(default_factory=dict)
    """Whom the audit log knows, with their roles."""
    _watched: tuple[Person, ...] | None = None
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Drafts are changed by one request at a time."""
    reports: dict[Hashable, dict[str, Any]] = field(default_factory=dict)
    """The latest examinations of drafts."""
    answered: OrderedDict[Hashable, bytes] = field(default_factory=OrderedDict)
    """The latest answers as JSON: the same facts get
    the same answer, and callers tend to ask again.
    """

    _asking: tuple[Reasoner, WhatIf] | None = None

    @property
    def what_if(self) -> WhatIf:
        """What asks how sure the answers of today's guideline are; made when first wanted."""
        from calx.reasoner.whatif.asking import WhatIf

        asking = self._asking
        if asking is None or asking[0] is not self.reasoner:
            asking = self._asking = self.reasoner, WhatIf(self.reasoner)
        return asking[1]

    @property
    def cases(self) -> Cases:
        return Cases(self.store)

    @property
    def shown(self) -> tuple[Guideline, bool]:
        """What every page shows of the service: its guideline,
        and whether people may sign in with a token.
        """
        return self.reasoner.guideline, self.locked

    @property
    def locked(self) -> bool:
        """Whether writing needs a token. Where somebody was named once, it does for as long as the
        service runs.
        """
        return bool(self.settings.token or self.told_people)

    def caller(self, key: str) -> Caller | None:
        """Whose key this is: that of the common token or of this start, or a named person's.

        Raises:
            PeopleError: who is named cannot be read.
        """
        common = (key_of(token) for token in (self.settings.token, self.secret) if token)
        if any(hmac.compare_digest(key.encode(), other.encode()) for other in common):
            return Caller(None, "admin")
        return self.people.find(key)

    def watch_people(self) -> None:
        """Tell the audit log when other people are named than before.

        Raises:
            PeopleError: who is named cannot be read.
        """
        everybody = self.people.all()
        if everybody is self._watched:
            return
        self._watched, now = everybody, named(self.people)
        if now != self.told_people:
            self.told_people = now
            self.audit.note("service", "named tokens changed", people=now)

    @property
    def second_review(self) -> bool:
        """Whether a draft is published by somebody else than its editors."""
        asked = self.settings.second_review
        return self.people.reviewers > 1 if asked is None else asked

    def recommend(self, case: Case, language: str) -> bytes:
        """The answer to an admitted case, as JSON."""
        if case.measured is not None:
            return self.reasoner.answer(case, language).json_bytes(language)
        key = (case.id, language, frozenset(case.facts.items()))
        found = self.answered.get(key)
        if found is None:
            found = self.answered[key] = self.reasoner.answer(case, language).json_bytes(language)
            if len(self.answered) > KEPT_ANSWERS:
                self.answered.popitem(last=False)
        else:
            self.answered.move_to_end(key)
        return found

    async def switch(self) -> None:
        """Answer by the guideline that is on disk now, from the next request on; until it is read
        whole, the last good one serves.

        Raises:
            GuidelineError: it has faults.
            StoreError: the store cannot learn it.
        """
        reasoner, triples = await asyncio.to_thread(
            lambda: (Reasoner.load(self.settings.ontology), knowledge(self.settings.ontology))
        )
        base = await asyncio.to_thread(in_memory, triples)
        codes, shown = (
            Codes(reasoner.guideline, self.settings.ontology),
            examples(self.settings.ontology),
        )
        await self.store.teach(reasoner.guideline.digest, triples)
        self.reasoner, self.knowledge, self.codes, self.examples = reasoner, base, codes, shown
        self.answered.clear()

    def note(self, request: Request, did: str, **what: object) -> None:
        """Write a line of the audit log about a request."""
        who = request.client.host if request.client else "unknown"
        caller: Caller | None = request.scope.get("calx.caller")
        if caller is not None:
            who += f" {caller.name} ({caller.role})" if caller.name else " (token)"
        self.audit.note(
            who,
            did,
            guideline=self.reasoner.guideline.digest,
            **what,
        )


@contextlib.asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """The service over its folder, until it ends.

    Raises:
        StoreError: the folder or the endpoint cannot be used.
        GuidelineError: the guideline has faults.
    """
    async with contextlib.AsyncExitStack() as closing:
        lock = _locked(settings.data)
        closing.callback(os.close, lock)
        # finishes a publishing cut off
        drafts = Drafts(
            settings.data / "drafts",
            settings.ontology,
            settings.ontology.resolve() != DEFAULT_DIRECTORY,
        )
        people = People(settings.data)
        reasoner = Reasoner.load(settings.ontology)
        triples = knowledge(settings.ontology)
        base = in_memory(triples)
        store = _store(settings)
        closing.push_async_callback(store.close)
        try:
            audit = Audit(settings.data / "audit.jsonl")
            closing.callback(audit.close)
            recordings = Recordings(settings.data / "recordings")
            closing.push_async_callback(recordings.close)
            codes, shown = Codes(reasoner.guideline, settings.ontology), examples(settings.ontology)
            service = Service(
                settings,
                reasoner,
                store,
                audit,
                secrets.token_urlsafe(32),
                base,
                codes,
                shown,
                recordings,
                drafts,
                people,
                named(people),
            )
            await store.teach(reasoner.guideline.digest, triples)
            closing.callback((settings.data / SERVING).unlink, missing_ok=True)
            _announce(settings.data / SERVING, service)
            audit.note(
                "service",
                "started",
                guideline=reasoner.guideline.digest,
                people=service.told_people,
                second_review="on" if service.second_review else "off",
            )
            for draft in drafts.finished:
                last = next(e for e in reversed(draft.history) if e["did"].startswith("published"))
                audit.note(
                    "service",
                    "finished a publishing that was cut off",
                    draft=draft.id,
                    by=last["by"],
                    state=draft.state,
                )
        except PeopleError as error:
            raise StoreError(str(error)) from None
        except OSError as error:
            raise StoreError(
                f"{settings.data}: {error.strerror or error}; free some space, or give another "
                "folder with --data"
            ) from None
        gc.collect()
        gc.freeze()  # the guideline is not garbage to look through, request after request
        yield service
        # a full disk must not keep the store from being closed
        with contextlib.suppress(AuditError):
            audit.note("service", "stopped")


def named(people: People) -> dict[str, str]:
    """Everybody who is or was named, and what they are."""
    return {person.name: "revoked" if person.revoked else person.role for person in people.all()}


def _store(settings: Settings) -> Store:
    if settings.endpoint:
        from calx.api.store.endpoint import EndpointStore

        return EndpointStore(settings.endpoint, settings.endpoint_update, settings.queries_at_once)
    return DiskStore(settings.data, settings.queries_at_once)


def _locked(folder: Path) -> int:
    """Make the folder if need be and take it for this
    process; the lock goes with it, however it ends.

    Raises:
        StoreError: another service has it, or it cannot be written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(
            f"{folder}: another process uses this folder; stop it, or give this one a folder of "
            "its own with --data"
        ) from None
    except OSError as error:
        raise StoreError(
            f"{folder}: {error.strerror}; give a folder that can be written to with --data"
        ) from None
    return lock


def knowledge(folder: Path) -> list[ox.Triple]:
    """The triples of a guideline's files, and of the vocabulary in which they are written."""
    return [
        quad.triple
        for text in GuidelineFiles(folder).written_out().values()
        for quad in ox.parse(text, ox.RdfFormat.TURTLE, rename_blank_nodes=True)
    ]


def in_memory(triples: list[ox.Triple]) -> ox.Store:
    """A store of its own for the knowledge base."""
    found = ox.Store()
    found.extend([ox.Quad(triple.subject, triple.predicate, triple.object) for triple in triples])
    return found


def _announce(place: Path, service: Service) -> None:
    """Tell the commands that run beside the service how to reach it."""
    host = service.settings.host
    if host in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        host = "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    place.unlink(missing_ok=True)
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(
            {
                "url": f"http://{host}:{service.settings.port}",
                "secret": service.secret,
                "pid": os.getpid(),
            },
            file,
        )
