"""The compiled guideline on disk: it saves parsing, and is rebuilt, never trusted, when anything is odd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import calx
from calx.reasoner.load import cache
from calx.reasoner.model.guideline import Guideline


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache folder with the guideline compiled into it; the file's path."""
    monkeypatch.setenv("CALX_CACHE", str(tmp_path / "cache"))
    cache.load()
    (path,) = (tmp_path / "cache").iterdir()
    return path


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often RDF is parsed from here on."""
    from calx.reasoner.load import reader

    calls: list[int] = []
    original = reader.read_strict

    def counting(files: object) -> Guideline:
        calls.append(1)
        return original(files)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "read_strict", counting)
    return calls


def test_a_sound_cache_gives_the_same_guideline_without_parsing(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calx.ontology import GuidelineFiles
    from calx.reasoner.load.reader import read_strict

    fresh, calls = read_strict(GuidelineFiles()), parsed(monkeypatch)
    assert cache.load() == fresh
    assert calls == []


def test_start_up_with_a_cache_does_not_import_rdflib(kept: Path) -> None:
    code = (
        "import sys; from calx import Reasoner; Reasoner.load(); sys.exit('rdflib' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "CALX_CACHE": str(kept.parent)},
            check=False,
        ).returncode
        == 0
    )


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "one number changed": lambda content: content.replace(b'["#","3.5"]', b'["#","2.5"]', 1),
    "not JSON": lambda content: content[:65] + b"{{{" + content[68:],
    "random bytes": lambda content: bytes(range(256)) * 40,
    "deeply nested": lambda content: content[:65] + b"[" * 200_000,
    "another file's seal": lambda content: b"0" * 64 + content[64:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_rebuilt(
    damage: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = kept.read_bytes()
    spoiled = DAMAGE[damage](sound)
    assert spoiled != sound
    kept.write_bytes(spoiled)
    calls = parsed(monkeypatch)
    found = cache.load()
    assert calls == [1]
    assert kept.read_bytes() == sound
    assert found.rule["B4"].productions[0].numbers


def test_a_cache_of_other_files_is_not_used(
    kept: Path, edited: Callable[[str, str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = edited("facts.ttl", '"thrombus"@en', '"clot"@en')
    other = cache.load(folder)
    assert other.facts["thrombus"].label["en"] == "clot"
    mine = next(path for path in kept.parent.iterdir() if path != kept)
    kept.write_bytes(mine.read_bytes())
    calls = parsed(monkeypatch)
    assert cache.load().facts["thrombus"].label["en"] == "thrombus"
    assert calls == [1]


def test_a_cache_that_others_could_write_is_not_used(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.chmod(0o666)
    calls = parsed(monkeypatch)
    cache.load()
    assert calls == [1]


def test_a_cache_folder_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("CALX_CACHE", str(blocked / "below"))
    assert cache.load().rules


def test_a_pipe_in_place_of_the_cache_does_not_hang(kept: Path) -> None:
    kept.unlink()
    os.mkfifo(kept)
    assert cache.load().rules


def test_the_digest_of_the_reader_sees_every_module_of_every_folder(tmp_path: Path) -> None:
    """A guideline compiled by other code is never taken from the cache."""
    for room in ("ontology", "reasoner"):
        shutil.copytree(
            Path(calx.__file__).parent / room,
            tmp_path / room,
            ignore=shutil.ignore_patterns("__pycache__", "*.ttl"),
        )
    seen = {cache.digest_of_reader(tmp_path)}
    for name in (
        "reasoner/load/shapes.py",
        "reasoner/deep/er/new.py",
        "ontology/files.py",
        "reasoner/authors/edit/tables.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with (tmp_path / name).open("a") as file:
            file.write("# another\n")
        seen.add(cache.digest_of_reader(tmp_path))
    (tmp_path / "reasoner" / "deep" / "er" / "new.py").rename(
        tmp_path / "reasoner" / "deep" / "new.py"
    )
    seen.add(cache.digest_of_reader(tmp_path))
    assert len(seen) == 6
