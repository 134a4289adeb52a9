"""A compiled guideline on disk, so that start-up does not parse RDF again.

The cache is JSON, named and sealed by content digests. It is rebuilt, never trusted, when it is
damaged, was written by another version or user, or belongs to other files. It holds data only: no
code, no pickle.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import stat
import tempfile
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import calx
from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.model import condition, guideline, names, requirement, rule, section
from calx.reasoner.model.guideline import Guideline

CLASSES = {
    cls.__name__: cls
    for module in (condition, guideline, names, requirement, rule, section)
    for cls in vars(module).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
}


def load(directory: Path | str = DEFAULT_DIRECTORY) -> Guideline:
    """The guideline of a folder, from the cache where that is sound.

    Raises:
        GuidelineError: the guideline has faults; all are listed.
    """
    files = GuidelineFiles(directory)
    found = find(files)
    if found is None:
        from calx.reasoner.load.reader import read_strict

        found = read_strict(files)
        store(found)
    return found


def find(files: GuidelineFiles) -> Guideline | None:
    """What these files were compiled to before; None
    where that is not known, or not to be trusted.
    """
    return _find(_path(files.digest), files.digest)


def store(compiled: Guideline) -> None:
    """Keep a guideline that was read without fault."""
    _store(_path(compiled.digest), compiled)


def known_consistent(compiled: Guideline) -> bool:
    """Whether this guideline was proved before to contradict itself nowhere."""
    try:
        with _consistent(compiled).open("rb") as file:
            return _own(file.fileno())
    except OSError:
        return False


def note_consistent(compiled: Guideline) -> None:
    """Remember that it was."""
    with contextlib.suppress(OSError):
        _consistent(compiled).touch(mode=stat.S_IRUSR | stat.S_IWUSR)


def _consistent(compiled: Guideline) -> Path:
    return _path(compiled.digest).with_suffix(".consistent")


def folder() -> Path:
    """Where compiled guidelines are kept: ``$CALX_CACHE``, else the user's cache folder."""
    chosen = os.environ.get("CALX_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "calx"
    )
    return Path(chosen)


def _path(digest: str) -> Path:
    return folder() / f"{digest.removeprefix('sha256:')[:32]}-{_reader_digest()[:16]}.json"


@cache
def _reader_digest() -> str:
    return digest_of_reader(Path(calx.__file__).parent)


def digest_of_reader(root: Path) -> str:
    """Changes whenever the code that reads guidelines does: any module of the ontology or the
    reasoner in `root`, in whatever folder.
    """
    digest = hashlib.sha256()
    for room in ("ontology", "reasoner"):
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _find(path: Path, digest: str) -> Guideline | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if not _own(file.fileno()):
                return None
            seal, _, body = file.read().partition(b"\n")
        if seal.decode("ascii") != _seal(digest, body):
            return None
        found = _decode(json.loads(body))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ):
        return None
    return found if isinstance(found, Guideline) and found.digest == digest else None


def _own(file: int) -> bool:
    """Whether nobody else could have written an open file."""
    status = os.fstat(file)
    return not hasattr(os, "getuid") or (
        status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _store(path: Path, compiled: Guideline) -> None:
    """Keep the guideline; a folder that cannot be written to only costs time."""
    body = json.dumps(_encode(compiled), ensure_ascii=False, separators=(",", ":")).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as drafts:
            draft = Path(drafts) / path.name
            draft.write_bytes(_seal(compiled.digest, body).encode() + b"\n" + body)
            draft.chmod(stat.S_IRUSR | stat.S_IWUSR)
            draft.replace(path)


def _seal(digest: str, body: bytes) -> str:
    return hashlib.sha256(f"{_reader_digest()}\0{digest}\0".encode() + body).hexdigest()


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            type(value).__name__,
            *(_encode(getattr(value, field.name)) for field in dataclasses.fields(value)),
        ]
    if isinstance(value, tuple):
        return ["", *map(_encode, value)]
    if isinstance(value, dict):
        return {key: _encode(item) for key, item in value.items()}
    return ["#", str(value)] if isinstance(value, Decimal) else value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        tag, *parts = value
        if tag == "#":
            return Decimal(parts[0])
        if tag == "":
            return tuple([_decode(part) for part in parts])
        return CLASSES[tag](*[_decode(part) for part in parts])
    if isinstance(value, dict):
        return {key: _decode(item) for key, item in value.items()}
    return value
