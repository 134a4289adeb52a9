"""Example lesions: the reference cases of the guideline that have a title."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import yaml

from calx.ontology import DEFAULT_DIRECTORY


@dataclass(frozen=True)
class Example:
    """One example, as an address of the page."""

    id: str
    title: dict[str, str]
    case: dict[str, Any]

    @property
    def query(self) -> str:
        return urlencode({name: str(value).lower() if isinstance(value, bool) else value for name, value in self.case.items()})


@cache
def examples() -> tuple[Example, ...]:
    """All of them."""
    cases = [case for path in sorted((DEFAULT_DIRECTORY / "cases").glob("*.yaml")) for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return tuple(Example(case["id"], case["title"], case["case"]) for case in cases if "title" in case)
