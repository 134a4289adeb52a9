"""Whether a DICOM data set is whole, before anything is made of it: every element ends inside what
holds it, nothing is too deep or too many, nothing inflates beyond bounds.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from calx.imaging.errors import ImagingError

LARGEST = 64 * 2**20
"""Bytes of a data set, packed or not."""
DEEPEST = 45
"""Sequences within sequences."""
MOST = 400_000
"""Elements and items."""
IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
"""Representations whose length takes four bytes."""
META = 0x0002
SYNTAX = 0x0010
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
UNDEFINED = 0xFFFFFFFF
PREAMBLE = 132


def check_whole(path: Path) -> None:
    """Refuse a file that is cut short, or that no report is.

    Raises:
        ImagingError: and why.
    """
    if path.stat().st_size > LARGEST:
        raise ImagingError(f"larger than {LARGEST // 2**20} MiB; no report is", path)
    content = path.read_bytes()
    if content[PREAMBLE - 4 : PREAMBLE] != b"DICM":
        raise ImagingError("no DICOM file", path)
    try:
        body, syntax = _body(content)
        _Walk(body, implicit=syntax == IMPLICIT, order=">" if syntax == BIG else "<").data_set()
    except ImagingError as error:
        raise ImagingError(error.message, path) from None


def _body(content: bytes) -> tuple[bytes, str]:
    """The data set behind the file's header, inflated, and its transfer syntax."""
    at, syntax = PREAMBLE, ""
    meta = _Walk(content, implicit=False, order="<")
    while at + 8 <= len(content) and struct.unpack_from("<H", content, at)[0] == META:
        number = struct.unpack_from("<H", content, at + 2)[0]
        start, length, _ = meta.head(at)
        if length == UNDEFINED or start + length > len(content):
            raise ImagingError(CUT)
        if number == SYNTAX:
            syntax = content[start : start + length].rstrip(b"\0 ").decode("ascii", "replace")
        at = start + length
    body = content[at:]
    if syntax != DEFLATED:
        return body, syntax
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = unpacking.decompress(body, LARGEST)
    except zlib.error:
        raise ImagingError(CUT) from None
    if unpacking.unconsumed_tail:
        raise ImagingError(f"inflates to more than {LARGEST // 2**20} MiB; no report does")
    if not unpacking.eof:
        raise ImagingError(CUT)
    return body, syntax


CUT = "cut short: an element runs past the end of what holds it; export it again"


class _Walk:
    """Goes through a data set without making anything of it."""

    def __init__(self, content: bytes, *, implicit: bool, order: str) -> None:
        self._content, self._implicit, self._order = content, implicit, order
        self._seen = 0

    def data_set(self) -> None:
        """All of it."""
        self._elements(0, len(self._content), 0, implicit=self._implicit)

    def head(self, at: int, *, implicit: bool = False) -> tuple[int, int, bytes]:
        """Where the value of an element begins, its length, and its representation."""
        if at + 8 > len(self._content):
            raise ImagingError(CUT)
        if implicit:
            return at + 8, struct.unpack_from(f"{self._order}I", self._content, at + 4)[0], b""
        kind = self._content[at + 4 : at + 6]
        if kind in LONG:
            if at + 12 > len(self._content):
                raise ImagingError(CUT)
            length = struct.unpack_from(f"{self._order}I", self._content, at + 8)[0]
            return at + 12, length, kind
        return at + 8, struct.unpack_from(f"{self._order}H", self._content, at + 6)[0], kind

    def _tag(self, at: int) -> tuple[int, int]:
        if at + 8 > len(self._content):
            raise ImagingError(CUT)
        group, element = struct.unpack_from(f"{self._order}HH", self._content, at)
        return group, element

    def _count(self) -> None:
        self._seen += 1
        if self._seen > MOST:
            raise ImagingError(f"more than {MOST} elements; no report has so many")

    def _elements(
        self, at: int, end: int, depth: int, *, implicit: bool, item: bool = False
    ) -> int:
        """The elements of a data set or item, until it ends; where that is."""
        while at < end:
            self._count()
            if item and self._tag(at) == ITEM_END:
                return at + 8
            start, length, kind = self.head(at, implicit=implicit)
            if length == UNDEFINED:
                at = self._items(
                    *(start, end, depth + 1),
                    implicit=implicit or kind == b"UN",
                    opaque=kind in (b"OB", b"OW"),
                )
                continue
            if start + length > end:
                raise ImagingError(CUT)
            if kind == b"SQ" or (implicit and length >= 8 and self._tag(start) == ITEM):
                self._items(start, start + length, depth + 1, implicit=implicit, whole=True)
            at = start + length
        return at

    def _items(
        self,
        at: int,
        end: int,
        depth: int,
        *,
        implicit: bool,
        whole: bool = False,
        opaque: bool = False,
    ) -> int:
        """The items of a sequence; ``whole``: it ends where its length says; ``opaque``: they are
        parts of pixels.
        """
        if depth > DEEPEST:
            raise ImagingError(f"deeper than {DEEPEST} levels; no report is")
        while at < end:
            self._count()
            tag = self._tag(at)
            if tag == SEQUENCE_END and not whole:
                return at + 8
            if tag != ITEM:
                raise ImagingError(CUT)
            length = struct.unpack_from(f"{self._order}I", self._content, at + 4)[0]
            if length == UNDEFINED:
                at = self._elements(at + 8, end, depth, implicit=implicit, item=True)
            elif at + 8 + length > end:
                raise ImagingError(CUT)
            else:
                if not opaque:
                    self._elements(at + 8, at + 8 + length, depth, implicit=implicit)
                at += 8 + length
        if not whole:
            raise ImagingError(CUT)
        return at
