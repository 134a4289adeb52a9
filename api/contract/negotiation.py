"""Which form of a resource a client wants: the Accept header of RFC 9110, q-values and all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

JSON, JSON_LD, TURTLE = "application/json", "application/ld+json", "text/turtle"
HTML, SVG = "text/html", "image/svg+xml"
_QUALITY = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")


@lru_cache(maxsize=64)
def choose(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the client likes best; the first one where it does not care.

    Args:
        accept: the header's value; None or empty accepts everything.
        offers: media types that the resource has, the server's favourite first.

    Returns:
        One of `offers`, or None where none is acceptable (406).

    >>> choose("text/html;q=0.8, application/json", ("text/html", "application/json"))
    'application/json'
    >>> choose("text/*;q=0.5, */*;q=0.1", ("application/json", "text/turtle"))
    'text/turtle'
    >>> choose("application/json;q=0", ("application/json",)) is None
    True
    """
    if not accept or not accept.strip():
        return offers[0]
    ranges = _ranges(accept)
    best, liked = None, 0.0
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > liked:
            best, liked = offer, quality
    return best


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    """Type, subtype and quality of each media range;
    one that cannot be read is not liked at all.
    """
    found = []
    for item in accept.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        main, slash, sub = name.lower().partition("/")
        if not slash:
            if name != "*":
                continue
            main = sub = "*"  # as old clients write it
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        found.append((main, sub, quality))
    return found


def _quality(offer: str, ranges: list[tuple[str, str, float]]) -> float:
    """How much an offer is liked: the most specific range that covers it decides."""
    main, _, sub = offer.partition(";")[0].strip().partition("/")
    fitting = [
        (a != "*", b != "*", quality)
        for a, b, quality in ranges
        if a in (main, "*") and b in (sub, "*")
    ]
    return max(fitting, default=(False, False, 0.0))[2]
