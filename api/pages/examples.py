"""Example lesions: the reference cases of a guideline that have a title."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from calx.ontology.reference_cases import read_reference_cases


@dataclass(frozen=True)
class Example:
    """One example, as an address of the page."""

    id: str
    title: dict[str, str]
    case: dict[str, Any]

    @cached_property
    def query(self) -> str:
        return urlencode(
            {
                name: str(value).lower() if isinstance(value, bool) else value
                for name, value in self.case.items()
            }
        )


def examples(directory: Path) -> tuple[Example, ...]:
    """Those of a guideline's folder; what is wrong with a case, `calx check` tells."""
    cases, _ = read_reference_cases(directory)
    return tuple(
        Example(case.id, case.title, case.facts) for case in cases if case.title is not None
    )
