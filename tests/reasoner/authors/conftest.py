"""Guidelines with edits, read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from calx.ontology import GuidelineFiles
from calx.reasoner.authors.compare.difference import Version
from calx.reasoner.load.reader import read

Edit: TypeAlias = Callable[[str, str, str], Path]


def version(folder: Path) -> Version:
    """The guideline of a folder, whatever its faults."""
    files = GuidelineFiles(folder)
    return Version(files, read(files)[0])


@pytest.fixture(scope="session")
def base() -> Version:
    """The guideline that comes with Calx."""
    files = GuidelineFiles()
    return Version(files, read(files)[0])
