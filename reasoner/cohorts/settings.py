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
            told = "a key is no text" if not isinstance(key, yaml.ScalarNode) else None
            if told is None and key.value in found:
                told = f"{key.value} stands there twice"
            if told is not None:
                raise yaml.constructor.ConstructorError(
                    "while reading a map", node.start_mark, told, key.start_mark
                )
            found[key.value] = self.construct_object(value, deep=True)
        return found


class _Texts(_Loader):
    """Values, too, are text as it stands there: YAML would read ``010`` as 8 and ``1:30`` as 90."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        return super().construct_object(node, deep)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read(path: Path, *, texts: bool = False) -> Any:
    """What a YAML file holds; the keys of its maps are text.

    Args:
        path: of the file.
        texts: whether all that is neither map nor list is text.

    Raises:
        CohortError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            return yaml.load(stream, _Texts if texts else _Loader)  # noqa: S506 (both are safe)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        told = " ".join(str(error).split())[:300]
        raise CohortError(f"{path}: cannot be read as YAML: {told}") from None
