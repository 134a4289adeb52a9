"""The command line as a whole: a module a group of commands, joined here."""

from __future__ import annotations

import os
import sys

import typer

from calx.api.cli import (
    check,
    compare,
    evidence,
    extras,
    prove,
    publish,
    query,
    recommend,
    recordings,
    service,
    tables,
)
from calx.api.cli.app import app
from calx.api.cli.options import DONE, WRONG_USE

GROUPS = (recommend, query, check, prove, compare, tables, evidence, publish, recordings, service)
"""The groups of commands; each joined the application when it was imported."""


def main() -> None:
    """Run the command line; a reader that went away is no fault."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except ModuleNotFoundError as error:
        told = extras.advice(error)
        if told is None:
            raise
        typer.echo(told, err=True)
        sys.exit(WRONG_USE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"cannot write: {error.strerror or error}")
