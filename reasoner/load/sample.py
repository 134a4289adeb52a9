"""The sample of a guideline: lesions such as a registry holds, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLE = Path("registry") / "lesions.jsonl"
"""In a guideline's folder."""


def sample(directory: Path | str) -> list[dict[str, Any]]:
    """The lesions of a guideline's sample, as they would be sent; none where it has none."""
    path = Path(directory) / SAMPLE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
