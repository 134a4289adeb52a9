"""Options and statuses that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calx.words import LANGUAGES

DONE, AT_FAULT, WRONG_USE = 0, 1, 2


def _language(name: str) -> str:
    if name not in LANGUAGES:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(LANGUAGES)}")
    return name


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
        parser=_language,
    ),
]
