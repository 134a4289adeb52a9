"""A version of a guideline: a folder, or the folder as a revision of git holds it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calx.errors import CalxError
from calx.ontology.files import HEADER_FILE


class RevisionError(CalxError):
    """No such folder or revision; the text says what was looked for."""


@contextmanager
def folder_of(named: str, path: str | None = None, beside: Path | None = None) -> Iterator[Path]:
    """The folder of a version, for as long as it is needed.

    Args:
        named: a folder, or a revision of git (``main``, ``HEAD~1``, a tag).
        path: the guideline's folder inside the repository; found if not given.
        beside: another version's folder, in whose repository to look; the current folder's if not
            given.

    Raises:
        RevisionError: neither folder nor revision, or the revision does not hold the guideline.
    """
    if Path(named).is_dir():
        yield Path(named)
        return
    place = beside if beside is not None and beside.is_dir() else Path.cwd()
    root = _git(place, "rev-parse", "--show-toplevel")
    if root is None:
        raise RevisionError(
            f"{named}: no such folder, and {place} is in no git repository whose revision it "
            "could be"
        )
    commit = _git(
        place, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{named}^{{commit}}"
    )
    if commit is None:
        raise RevisionError(
            f"{named}: neither a folder nor a revision of the repository {root.decode().strip()}"
        )
    top = Path(root.decode().strip())
    inside = path or _inside(top, place) or _found(top, commit.decode().strip())
    archive = (
        _git(top, "archive", "--format=tar", commit.decode().strip(), "--", inside)
        if inside is not None
        else None
    )
    if inside is None or archive is None:
        raise RevisionError(
            f"{named}: holds no folder {inside or 'of a guideline'}; name the folder inside the "
            "repository with --path"
        )
    with tempfile.TemporaryDirectory(prefix="calx-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise RevisionError(
                f"{named}: its files cannot be taken out ({' '.join(str(error).split())[:96]})"
            ) from None
        yield Path(folder) / inside


def _git(place: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails or is not there."""
    if (git := shutil.which("git")) is None:
        return None
    try:
        done = subprocess.run(
            [git, "-C", str(place), *arguments], capture_output=True, check=False, timeout=64
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _inside(top: Path, place: Path) -> str | None:
    """The folder of the other version, as a path in the repository."""
    whole = place.resolve()
    return (
        whole.relative_to(top.resolve()).as_posix()
        if (whole / HEADER_FILE).is_file() and whole != top.resolve()
        else None
    )


def _found(top: Path, commit: str) -> str | None:
    """The one folder of a revision that holds a guideline's header."""
    listed = _git(top, "ls-tree", "-r", "--name-only", commit) or b""
    folders = [
        name.rpartition("/")[0]
        for name in listed.decode(errors="replace").splitlines()
        if name.rpartition("/")[2] == HEADER_FILE
    ]
    return folders[0] if len(folders) == 1 and folders[0] else None
