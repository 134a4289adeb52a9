"""What people write for a cohort in YAML: maps of columns, distributions, reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from calx.reasoner.cohorts.errors import CohortError


class _Loader(yaml.SafeLoader):
    """Keys are text as it stands there (``NO`` and ``1.0`` are words of a file), each once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    "while reading a map", node.start_mark, "a key is no text", key.start_mark
                )
            if key.value in found:
                raise yaml.constructor.ConstructorError(
                    "while reading a map",
                    node.start_mark,
                    f"{key.value} stands there twice",
                    key.start_mark,
                )
            found[key.value] = self.construct_object(value, deep=True)
        return found


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read(path: Path) -> Any:
    """What a YAML file holds; the keys of its maps are text.

    Raises:
        CohortError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            return yaml.load(stream, _Loader)  # noqa: S506 (it is a safe loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        told = " ".join(str(error).split())[:300]
        raise CohortError(f"{path}: cannot be read as YAML: {told}") from None
