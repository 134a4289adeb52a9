"""Options and statuses that commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DONE, AT_FAULT, WRONG_USE = 0, 1, 2


class Language(StrEnum):
    """Language of labels and messages."""

    en = "en"
    zh = "zh"


Ontology = Annotated[
    Path,
    typer.Option(
        "--ontology",
        metavar="DIR",
        help="Folder of the guideline's files.",
        show_default="the one that comes with Calx",
    ),
]


Lang = Annotated[Language, typer.Option("--lang", help="Language of labels.")]
