"""The application that commands join."""

from __future__ import annotations

from typing import Annotated

import typer

import calx
from calx.api.cli.options import DONE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "An executable guideline for PCI in calcified coronary lesions. Decision support for "
        "professionals and research; never an order."
    ),
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"calx {calx.__version__}")
        raise typer.Exit(DONE)


@app.callback()
def root(
    asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep the commands as commands."""
