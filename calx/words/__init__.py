"""All words that Calx says of itself, a file a language (``en.toml``, ``zh.toml``). The words of a
guideline are the labels in its files.

Another language is another file beside these, with the same keys: commands, service and pages take
their languages from here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

DEFAULT = "en"
LANGUAGES = (
    DEFAULT,
    *sorted({path.stem for path in Path(__file__).parent.glob("*.toml")} - {DEFAULT}),
)
"""Languages (ISO 639-1) in which there are words, the default first."""


def words(section: str, language: str = DEFAULT) -> Mapping[str, str]:
    """The words of one part of Calx, by key; some hold ``{places}`` to be filled.

    Args:
        section: a table of the files, such as ``answer`` or ``page``.
        language: one of `LANGUAGES`.

    Raises:
        KeyError: there is no such section or language.

    >>> words("rule", "en")["if"]
    'If {condition}, then {conclusion}.'
    """
    return _catalogue(language)[section]


def wording(section: str, key: str, **parts: object) -> dict[str, str]:
    """One wording in every language, its places filled.

    Args:
        section: a table of the files.
        key: of the wording.
        parts: what fills its places; a part that is itself a wording is taken in the same language.

    >>> wording("change", "used by", rules="A2, A4")["en"]
    ' (used by A2, A4)'
    """
    return {
        language: words(section, language)[key].format(
            **{
                name: part[language] if isinstance(part, Mapping) else part
                for name, part in parts.items()
            }
        )
        for language in LANGUAGES
    }


def listed(items: Iterable[str], joined: str = "comma") -> dict[str, str]:
    """Items in a row, in every language, joined by a comma or by ``or``; empty for none."""
    row = tuple(items)
    return {language: words("language", language)[joined].join(row) for language in LANGUAGES}


@cache
def _catalogue(language: str) -> dict[str, dict[str, str]]:
    if language not in LANGUAGES:
        raise KeyError(language)
    path = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
