"""Backups: all stored answers as N-Quads in one gzip file, sealed by a digest; independent of the
store that keeps them.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, cast

import pyoxigraph as ox

from calx.api.contract.models import Answer
from calx.api.store.protocol import GraphExistsError, Store
from calx.api.store.records import from_triples, moment
from calx.errors import CalxError
from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.tell.rdf import CASE, PROV, lesion_of

NAME = "calx-backup.nq.gz"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
LINE, MOST = 4 * 1024 * 1024, 8 * 1024**3
"""Bytes that a line of a backup may have, and all of it unpacked."""
SEAL = b"# sha256:"
"""The last line of a backup begins so: the digest of all that stands before it."""


class BackupError(CalxError):
    """A backup that was not restored; the text says why. Nothing was changed."""

    def __init__(self, message: str, conflict: bool = False) -> None:
        self.conflict = conflict
        super().__init__(message)


def pack(exported: Path, guideline: Guideline) -> Path:
    """A backup of exported N-Quads, in a temporary file beside them."""
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(
        dir=exported.parent, prefix="export-", suffix=".nq.gz", delete=False
    ) as file:
        path = Path(file.name)
        try:
            with (
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3) as out,
                exported.open("rb") as source,
            ):
                head = (
                    f"# Calx backup, format 1; guideline {guideline.version} {guideline.digest}\n"
                ).encode()
                for part in itertools.chain([head], iter(lambda: source.read(1024 * 1024), b"")):
                    digest.update(part)
                    out.write(part)
                out.write(SEAL + digest.hexdigest().encode() + b"\n")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path


def unpack(path: Path, folder: Path) -> Path:
    """The N-Quads of a backup, whole and unchanged.

    Raises:
        BackupError: it is no backup, was cut off, or was changed.
    """
    plain = folder / "restored.nq"
    digest, last = hashlib.sha256(), b""
    try:
        with gzip.open(path, "rb") as source, plain.open("wb") as out:
            size = 0
            while line := cast(IO[bytes], source).readline(LINE + 1):
                size += len(line)
                if len(line) > LINE or size > MOST:
                    raise BackupError("is larger than any backup of Calx; nothing was changed")
                if last:
                    digest.update(last)
                    out.write(last)
                last = line
    except (OSError, EOFError, zlib.error) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise BackupError("is no backup of Calx, or was cut off; nothing was changed") from None
    if not last.startswith(SEAL):
        raise BackupError("is no backup of Calx, or was cut off; nothing was changed")
    if last.removeprefix(SEAL).strip() != digest.hexdigest().encode():
        raise BackupError(
            "does not fit its seal: it was changed after it was made; nothing was changed here"
        )
    return plain


async def restore(path: Path, store: Store) -> dict[str, int]:
    """Put the answers of a backup back: how many were `added`, and how many were `there` already.

    Raises:
        BackupError: it is no whole backup, or a stored case differs from that of the backup.
            Nothing was changed.
        StoreError: the store cannot be written.
    """
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix="restore-"))
    try:
        plain = await asyncio.to_thread(unpack, path, folder)
        moments = {
            row["g"].value: moment(row["t"].value)
            for row in await store.select(
                f"SELECT ?g ?t WHERE {{ GRAPH ?g {{ ?d {PROV.endedAtTime} ?t }} }}"
            )
        }
        new, there = await asyncio.to_thread(_compared, plain, moments)
        wanted, late = set(new), 0
        found = graphs(plain)
        while (one := await asyncio.to_thread(next, found, None)) is not None:
            name, triples = one
            if name in wanted:
                try:
                    await store.add(ox.NamedNode(name), triples)
                except GraphExistsError:  # stored by somebody else since
                    late += 1
        return {"added": len(new) - late, "there": there + late}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compared(plain: Path, moments: dict[str, str]) -> tuple[list[str], int]:
    """The cases of a backup that are not stored yet, and how many are."""
    new, there, seen = list[str](), 0, set[str]()
    for name, triples in graphs(plain):
        stored = next(
            (
                moment(t.object.value)
                for t in triples
                if t.predicate == PROV.endedAtTime and isinstance(t.object, ox.Literal)
            ),
            None,
        )
        if (
            not name.startswith(CASE)
            or not CASE_ID.fullmatch(name.removeprefix(CASE))
            or stored is None
            or not _whole(name, triples)
        ):
            raise BackupError(
                f"holds a graph that is no stored case of Calx ({name[:100]}); nothing was changed"
            )
        if name in seen:
            raise BackupError(
                f"holds the case '{name.removeprefix(CASE)}' in pieces; nothing was changed"
            )
        seen.add(name)
        if name not in moments:
            new.append(name)
        elif moments[name] != stored:
            raise BackupError(
                (
                    f"the case '{name.removeprefix(CASE)}' is stored here with another answer; "
                    "delete one of them, then restore"
                ),
                conflict=True,
            )
        else:
            there += 1
    return new, there


def _whole(name: str, triples: list[ox.Triple]) -> bool:
    """Whether the graph of a case holds its record."""
    try:
        kept = from_triples(
            (t.predicate, t.object) for t in triples if isinstance(t.object, ox.Literal)
        )
        if (
            kept is None
            or lesion_of(kept.case_id).value != name
            or not MOMENT.fullmatch(kept.stored)
            or not isinstance(kept.submitted, dict)
        ):
            return False
        for text in kept.answers.values():
            Answer.model_validate_json(text)
    except ValueError:
        return False
    return True


def graphs(plain: Path) -> Iterator[tuple[str, list[ox.Triple]]]:
    """The graphs of N-Quads in which the quads of a graph stand together."""
    try:
        for graph, quads in groupby(
            ox.parse(path=str(plain), format=ox.RdfFormat.N_QUADS), key=lambda quad: quad.graph_name
        ):
            yield getattr(graph, "value", ""), [quad.triple for quad in quads]
    except (SyntaxError, ValueError):
        raise BackupError("holds what is not N-Quads; nothing was changed") from None
