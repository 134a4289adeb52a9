"""Options and statuses that commands share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated

import typer

from calx.words import LANGUAGES

DONE, AT_FAULT, WRONG_USE = 0, 1, 2


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """A parser of options that take one of some names."""

    def parse(name: str) -> str:
        if name not in names:
            raise typer.BadParameter(f"'{name}' is not one of {', '.join(names)}")
        return name

    return parse


Ontology = Annotated[
    Path,
    typer.Option(
        "--ontology",
        metavar="DIR",
        help="Folder of the guideline's files.",
        show_default="the one that comes with Calx",
    ),
]


Lang = Annotated[
    str,
    typer.Option(
        "--lang",
        metavar=f"[{'|'.join(LANGUAGES)}]",
        help="Language of labels and messages.",
        parser=one_of(LANGUAGES),
    ),
]
