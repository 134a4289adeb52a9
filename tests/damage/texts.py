"""Ways in which a text is damaged on its way: by copies that stop, editors, spreadsheets, locales and encodings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

Damage = tuple[str, bytes]
"""What was done, and what came of it."""
NUMBER = re.compile(r"(?<![\w.#/:-])-?\d+(?:\.\d+)?(?![\w.:/-])")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")


def comma(text: str) -> str:
    return text.replace(".", ",")


WRITTEN: dict[str, Callable[[str], str]] = {
    "decimal comma": comma,
    "decimal comma of a whole number": lambda text: text if "." in text else f"{text},0",
    "Arabic digits": lambda text: text.translate(ARABIC),
    "wide digits": lambda text: text.translate(WIDE),
    "thousands": lambda text: (
        re.sub(r"^(-?\d)(\d\d)", r"\1,\2", text) if len(text) > 2 else text + ","
    ),
    "blank within": lambda text: text[0] + " " + text[1:] if len(text) > 1 else text + " 0",
    "apostrophe within": lambda text: text[0] + "'" + text[1:] if len(text) > 1 else text + "'",
    "underscore within": lambda text: text[0] + "_" + text[1:] if len(text) > 1 else text + "_0",
    "unit behind": lambda text: text + " mm",
    "percent behind": lambda text: text + "%",
    "leading zero": lambda text: "0" + text,
    "hexadecimal": lambda text: hex(int(float(text))),
    "comparator before": lambda text: "<" + text,
    "plus-minus behind": lambda text: text + "±1",
    "not a number": lambda text: "NaN",
    "infinite": lambda text: "Infinity",
    "dash": lambda text: "–",
    "in quotes": lambda text: f'"{text}"',
    "no-break space behind": lambda text: text + "\u00a0",
    "zero-width space within": lambda text: text[0] + "\u200b" + text[1:],
    "minus of typesetters": lambda text: "\u2212" + text,
}
"""How a number may be written by another locale, a program or a hand."""


def numbers(text: str, source: random.Random) -> Iterator[Damage]:
    """One number, or all of them, written otherwise."""
    places = list(NUMBER.finditer(text))
    if not places:
        return
    for name, write in WRITTEN.items():
        found = source.choice(places)
        yield (
            f"one number: {name}",
            (text[: found.start()] + write(found.group()) + text[found.end() :]).encode(),
        )
        whole = "".join(write(part) if NUMBER.fullmatch(part) else part for part in _parted(text))
        yield f"all numbers: {name}", whole.encode()


def _parted(text: str) -> Iterator[str]:
    """A text in pieces, its numbers each by itself."""
    last = 0
    for found in NUMBER.finditer(text):
        yield text[last : found.start()]
        yield found.group()
        last = found.end()
    yield text[last:]


def encodings(text: str, source: random.Random) -> Iterator[Damage]:
    """The text in another encoding, or with marks and breaks of another system."""
    plain = text.encode()
    yield "byte order mark", b"\xef\xbb\xbf" + plain
    yield "two byte order marks", b"\xef\xbb\xbf" * 2 + plain
    yield "UTF-16", text.encode("utf-16")
    yield "UTF-16 without a mark", text.encode("utf-16-le")
    yield "UTF-32", text.encode("utf-32")
    yield "Windows line breaks", text.replace("\n", "\r\n").encode()
    yield "old Mac line breaks", text.replace("\n", "\r").encode()
    at = source.randrange(len(text))
    for name, odd in (
        ("NUL", b"\0"),
        ("byte of Latin-1", b"\xe9"),
        ("half a character", b"\xe5\xbc"),
        ("surrogate", b"\xed\xa0\x80"),
        ("control character", b"\x1b[2J"),
        ("line separator", "\u2028".encode()),
        ("right-to-left mark", "\u202e".encode()),
    ):
        yield f"{name} inserted", text[:at].encode() + odd + text[at:].encode()


def copies(text: str, source: random.Random) -> Iterator[Damage]:
    """Cut short, doubled, joined with what lay beside it."""
    plain = text.encode()
    for _ in range(6):
        yield "cut short", plain[: source.randrange(len(plain))]
    yield "cut at the front", plain[source.randrange(1, len(plain)) :]
    yield "doubled", plain + plain
    yield "doubled with a break", plain + b"\n" + plain
    yield "empty", b""
    yield "blanks", b"  \n\t\n"
    yield "a line of another program behind", plain + b"\nSaved by Editor 1.0\n"
    yield "markup of a failed download", b"<!DOCTYPE html><html><body>404</body></html>"


def lines(text: str, source: random.Random) -> Iterator[Damage]:
    """Lines that are doubled, or in another order."""
    told = text.splitlines()
    for _ in range(3):
        k = source.randrange(len(told))
        yield "a line doubled", "\n".join([*told[: k + 1], *told[k:]]).encode()
        j = source.randrange(len(told))
        other = list(told)
        other[j], other[k] = other[k], other[j]
        yield "two lines in each other's place", "\n".join(other).encode()
    yield "all lines backwards", "\n".join(reversed(told)).encode()
    mixed = list(told)
    source.shuffle(mixed)
    yield "lines in any order", "\n".join(mixed).encode()


def all_of(text: str, source: random.Random) -> Iterator[Damage]:
    """Every way of this module, once or more each."""
    for way in (numbers, encodings, copies, lines):
        yield from way(text, source)
