"""Where stored answers live: Oxigraph on disk, or any SPARQL 1.1 endpoint. One named graph a case,
one for the knowledge base.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from calx.api.sparql.gate import Dataset
from calx.api.sparql.worker import Workers
from calx.api.store.protocol import KNOWLEDGE, GraphExistsError, StoreError, digest_of_knowledge
from calx.reasoner.tell.rdf import CASE


@dataclass
class _Copy:
    """A copy of the store that queries read, as long as one does."""

    folder: Path
    generation: int
    readers: int = 0


@dataclass(eq=False)
class _Write:
    name: ox.NamedNode
    triples: list[ox.Triple] | None
    """None removes the graph."""
    done: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class DiskStore:
    """Oxigraph in a folder that only this process may use.

    Writes that arrive together are kept in one transaction, and are acknowledged once the
    write-ahead log is on disk.
    """

    def __init__(self, folder: Path, queries_at_once: int = 2) -> None:
        self._folder = folder / "store"
        self._copies = folder / "copies"
        self._made = 0
        self._store = _opened(self._folder)
        shutil.rmtree(self._copies, ignore_errors=True)
        for left in folder.glob("export-*"):
            left.unlink(missing_ok=True)
        self._workers = Workers(queries_at_once)
        self._queue: list[_Write] = []
        self._logs: set[str] = set()
        self._writing: asyncio.Task[None] | None = None
        self._generation = 0
        self._unsure = ""
        """Why nothing more is stored, after a write that failed."""
        self._copy: _Copy | None = None
        self._copying = asyncio.Lock()

    # --- writing --------------------------------------------------------------------

    async def add(self, name: ox.NamedNode, triples: list[ox.Triple]) -> None:
        if not await self._write(_Write(name, triples)):
            raise GraphExistsError

    async def drop(self, name: ox.NamedNode) -> bool:
        return await self._write(_Write(name, None))

    async def _write(self, write: _Write) -> bool:
        self._queue.append(write)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._drain())
        return await asyncio.shield(write.done)

    async def _drain(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            try:
                if self._unsure:
                    raise StoreError(self._unsure)
                outcomes = await asyncio.to_thread(self._commit, batch)
            except Exception as error:
                failure = error if isinstance(error, StoreError) else StoreError(_told(error))
                # what a failed transaction left on disk shows only when the store is opened again
                self._unsure = self._unsure or f"{failure}; until then nothing more is stored"
                for write in batch:
                    if not write.done.done():
                        write.done.set_exception(failure)
            else:
                for write, outcome in zip(batch, outcomes, strict=True):
                    if not write.done.done():
                        write.done.set_result(outcome)

    def _commit(self, batch: list[_Write]) -> list[bool]:
        """Do what was asked, in order; one outcome each: whether it was done."""
        outcomes: list[bool] = []
        quads: list[ox.Quad] = []
        pending: set[str] = set()
        for write in batch:
            there = write.name.value in pending or self._store.contains_named_graph(write.name)
            if write.triples is None:
                if quads:
                    self._store.extend(quads)
                    quads, pending = [], set()
                if there:
                    self._store.remove_graph(write.name)
                outcomes.append(there)
            else:
                if not there:
                    quads += [
                        ox.Quad(t.subject, t.predicate, t.object, write.name) for t in write.triples
                    ]
                    pending.add(write.name.value)
                outcomes.append(not there)
        if quads:
            self._store.extend(quads)
        self._generation += 1
        self._sync()
        return outcomes

    def _sync(self) -> None:
        """Force the write-ahead log to disk: Oxigraph hands it to the system, which a loss of power
        would not survive.
        """
        for log in sorted(self._folder.glob("*.log"))[-2:]:
            with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
                os.fdatasync(file.fileno())
        # a new file is there once its folder is on disk
        if self._logs != (logs := {log.name for log in self._folder.glob("*.log")}):
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            self._logs = logs

    async def teach(self, digest: str, triples: list[ox.Triple]) -> None:
        stamp = digest_of_knowledge(digest)
        if ox.Quad(stamp.subject, stamp.predicate, stamp.object, KNOWLEDGE) in self._store:
            return
        await self.drop(KNOWLEDGE)
        await self.add(KNOWLEDGE, [*triples, stamp])

    # --- reading --------------------------------------------------------------------

    async def select(self, query: str) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._select, query)

    def _select(self, query: str) -> list[dict[str, Any]]:
        found = self._store.query(query)
        names = [variable.value for variable in found.variables]  # type: ignore[union-attr]
        return [{name: row[name] for name in names} for row in found]  # type: ignore[union-attr]

    async def ask(
        self, query: bytes, asked: Dataset, accept: str | None, seconds: float
    ) -> tuple[str, bytes]:
        async with self._reading() as folder:
            return await self._workers.ask(query, folder, asked, accept, seconds)

    @contextlib.asynccontextmanager
    async def _reading(self) -> Any:
        """A copy of the store as it is now, kept while somebody reads it."""
        async with self._copying:
            if self._copy is None or self._copy.generation != self._generation:
                old, generation = self._copy, self._generation
                self._made += 1
                folder = self._copies / str(self._made)
                try:
                    await asyncio.to_thread(self._duplicate, folder)
                except OSError as error:
                    await asyncio.to_thread(shutil.rmtree, folder, True)
                    raise StoreError(_told(error)) from None
                self._copy = _Copy(folder, generation)
                if old and not old.readers:
                    await asyncio.to_thread(shutil.rmtree, old.folder, True)
            copy = self._copy
            copy.readers += 1
        try:
            yield copy.folder
        finally:
            copy.readers -= 1
            if not copy.readers and copy is not self._copy:
                shutil.rmtree(copy.folder, ignore_errors=True)

    def _duplicate(self, folder: Path) -> None:
        folder.parent.mkdir(exist_ok=True)
        self._store.backup(str(folder))

    async def export(self) -> tuple[Path, Any]:
        with tempfile.NamedTemporaryFile(
            dir=self._copies.parent, prefix="export-", suffix=".nq", delete=False
        ) as file:
            path = Path(file.name)
        try:
            async with self._reading() as folder:
                await asyncio.to_thread(_exported, folder, path)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise StoreError(_told(error)) from None
            raise
        return path, lambda: path.unlink(missing_ok=True)

    async def close(self) -> None:
        while self._writing and not self._writing.done():
            await asyncio.wait([self._writing])
        self._workers.close()
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._store.flush)
        del self._store
        shutil.rmtree(self._copies, ignore_errors=True)


def _exported(folder: Path, path: Path) -> None:
    store = ox.Store.read_only(str(folder))
    with path.open("wb") as file:
        for graph in store.named_graphs():
            if isinstance(graph, ox.NamedNode) and graph.value.startswith(CASE):
                ox.serialize(
                    store.quads_for_pattern(None, None, None, graph), file, ox.RdfFormat.N_QUADS
                )


def _opened(folder: Path) -> ox.Store:
    """The store of a folder, made if need be.

    Raises:
        StoreError: another process has it open, the disk is full, the folder is damaged or not
            ours.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ox.Store(str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise StoreError(f"{folder}: {_told(error)}") from None


def _told(error: Exception) -> str:
    """What went wrong with a store, and what to do."""
    text = str(error)
    number = getattr(error, "errno", None)
    if "lock" in text.lower() and ("LOCK" in text or "lock hold" in text):
        return (
            "another process uses this folder; stop it, or give this one a folder of its own "
            "with --data"
        )
    if number == errno.ENOSPC or "No space left" in text:
        return "the disk is full: this was not stored. Free some space and start the service again"
    if (
        number in (errno.EACCES, errno.EROFS)
        or "Permission denied" in text
        or "Read-only file system" in text
    ):
        return "the folder cannot be written to; give one that can with --data"
    if (
        number in (errno.EEXIST, errno.ENOTDIR)
        or "Not a directory" in text
        or "File exists" in text
    ):
        return "is no folder; give one with --data"
    return (
        "the folder is damaged, or not a folder of Calx; keep a copy of it, then restore a "
        "backup into a new folder ('calx restore')"
    )
