"""The tutorial of the authors runs from its own text: every edit is made, every command run, and what the page shows comes out."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```(console|diff|turtle)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`(my-copy/[\w./-]+)`")


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    if words[0] == "calx":
        words = [sys.executable, "-m", "calx", *words[1:]]
    done = subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr


def test_the_tutorial_comes_out_as_it_says(tmp_path: Path) -> None:
    # copies: "cp -r" of a link would be a link to the guideline itself
    for name in (
        "ontology",
        "examples",
    ):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    ran = 0
    for block in BLOCK.finditer(text):
        kind, content = block.groups()
        named = FILE.findall(text[: block.start()])
        if kind == "diff":
            lines = content.splitlines()
            old, new = ("\n".join(line[1:] for line in lines if line[:1] == sign) for sign in "-+")
            path = tmp_path / named[-1]
            found = path.read_text(encoding="utf-8")
            assert found.count(old) == 1, old
            path.write_text(found.replace(old, new), encoding="utf-8")
        elif kind == "turtle":
            path = tmp_path / named[-1]
            path.write_text(path.read_text(encoding="utf-8") + "\n" + content, encoding="utf-8")
        else:
            for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                output = run(command, tmp_path)
                ran += 1
                for line in shown.splitlines():
                    for piece in line.split("…"):
                        assert piece.strip() in output, (command, piece, output[-2000:])
    assert ran >= 10
