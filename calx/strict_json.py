"""JSON as the reader of cases takes it: numbers exact, no key twice, so that no contradiction is
resolved in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

MOST_DIGITS = 1000
"""Digits of a whole number."""


def loads(body: bytes, number: Callable[[str], Any] = Decimal) -> Any:
    """The value of a JSON text.

    Args:
        body: the text, in UTF-8, with or without a byte order mark.
        number: makes a number of one that is written with a point or an exponent.

    Raises:
        ValueError: it is no JSON, or holds a key twice; the text says where.
    """
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=number,
            parse_int=_whole,
            parse_constant=_constant,
        )
        if "\\u" in text:  # half of a character can be escaped, and stands for nothing
            json.dumps(found, ensure_ascii=False, default=str).encode()
        return found
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair; it stands for no character") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key '{next(key for key in found if keys.count(key) > 1)[:64]}' stands more than "
            "once; keep one of them"
        )
    return found


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits; nothing is measured so finely")
    return int(text)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
