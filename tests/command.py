"""The command line as tests call it: in this process where the process is not the point, else in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from unittest.mock import patch

import typer.main
from typer.core import TyperGroup

from calx.api.cli import main
from calx.api.cli.app import app

APART = {"query", "serve"}
"""Commands that need a process of their own: one forks a child with little memory, the other is a process to its users."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def calx(*arguments: object, stdin: str | bytes = b"", **environment: str) -> Done:
    """Run ``calx`` with these arguments; nothing that it says may be a traceback."""
    words = [str(argument) for argument in arguments]
    content = stdin.encode() if isinstance(stdin, str) else stdin
    if words and words[0] in APART:
        return calx_process(*words, stdin=content, **environment)
    streams = [io.TextIOWrapper(io.BytesIO(given)) for given in (content, b"", b"")]
    status: object = 0
    with (
        patch.object(sys, "argv", ["calx", *words]),
        patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]),
        patch.dict(os.environ, environment),
    ):
        try:
            main.main()
        except SystemExit as end:
            status = end.code
    if isinstance(status, str):  # sys.exit("message")
        streams[2].write(f"{status}\n")
        status = 1
    texts = []
    for stream in streams[1:]:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    assert "Traceback" not in texts[1], texts[1]
    return Done(int(str(status or 0)), *texts)


def calx_process(*arguments: object, stdin: str | bytes = b"", **environment: str) -> Done:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "calx", *map(str, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def commands() -> dict[str, tuple[str, ...]]:
    """Every command of the application, with its words."""
    found: dict[str, tuple[str, ...]] = {}

    def walk(group: TyperGroup, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            found[" ".join([*words, name])] = (*words, name)
            if isinstance(command, TyperGroup):
                walk(command, (*words, name))

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    walk(root, ())
    return found
