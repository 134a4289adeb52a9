"""The elements of a DICOM header, read through one guard: a value is what the element says as a
whole, or the element is named and what is wrong with it. Nothing is guessed from a part of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from pydicom.datadict import dictionary_description, dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from calx.errors import CalxError

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number, as DICOM and tables write it: no comma, no unit, no blank within."""
BINARY = {"FL", "FD", "SL", "SS", "SV", "UL", "US", "UV", "SQ"}
"""Representations whose values pydicom makes; all others are text."""
LONGEST = 60
"""Characters of a value that a message shows."""


class MalformedError(CalxError):
    """An element is there and cannot be read; the text names it."""


def as_number(text: str) -> float | None:
    """The number that a whole text is; None where it is none."""
    found = float(text) if NUMBER.fullmatch(text) else math.nan
    return found if math.isfinite(found) else None


class Elements:
    """A header, or an item of one of its sequences.

    Attributes:
        faults: what was wrong with elements that were asked for with `number` and `text`; a user
            is told.
    """

    def __init__(self, dataset: Dataset, where: str = "", faults: list[str] | None = None) -> None:
        self._dataset, self._where = dataset, where
        self.faults: list[str] = [] if faults is None else faults

    def __contains__(self, keyword: str) -> bool:
        return Tag(keyword) in self._dataset

    # --- what an element says, or that it is malformed -------------------------------

    def texts(self, keyword: str | BaseTag) -> tuple[str, ...]:
        """The values of a textual element; none where it is absent or empty.

        Raises:
            MalformedError: it is no text.
        """
        tag = Tag(keyword)
        if tag not in self._dataset:
            return ()
        element = self._dataset.get_item(tag)
        value = None if element is None else element.value
        if isinstance(element, RawDataElement) and isinstance(value, bytes):
            try:
                value = value.decode("utf-8").split("\\")
            except UnicodeDecodeError:
                raise MalformedError(f"{self._named(tag)} is no text") from None
        elif value is None or value == "":
            return ()
        values = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        told = tuple(
            str(getattr(item, "original_string", None) or item).strip(" \0") for item in values
        )
        return told if any(told) else ()

    def numbers(self, keyword: str | BaseTag) -> tuple[float, ...]:
        """The numbers of an element; none where it is absent or empty.

        Raises:
            MalformedError: one of them is no finite number.
        """
        tag = Tag(keyword)
        if self._representation(tag) in BINARY:
            found = self._made(tag)
            values = found if isinstance(found, Iterable) else () if found is None else (found,)
            told = tuple(str(value) for value in values)
        else:
            told = self.texts(tag)
        numbers = tuple(as_number(text) for text in told)
        if any(number is None for number in numbers):
            shown = "\\".join(told)[:LONGEST]
            raise MalformedError(f"{self._named(tag)} is '{shown}', no number with a decimal point")
        return tuple(number for number in numbers if number is not None)

    def one(self, keyword: str | BaseTag) -> float | None:
        """The number of an element that holds one; None where it is absent or empty.

        Raises:
            MalformedError: it is no number, or several.
        """
        found = self.numbers(keyword)
        if len(found) > 1:
            raise MalformedError(
                f"{self._named(Tag(keyword))} has {len(found)} values; it holds one"
            )
        return found[0] if found else None

    def items(self, keyword: str) -> list[Elements]:
        """The items of a sequence; none where it is absent or empty.

        Raises:
            MalformedError: it is no sequence.
        """
        tag = Tag(keyword)
        if tag not in self._dataset:
            return []
        found = self._made(tag)
        if found is None:
            return []
        if not isinstance(found, Iterable) or not all(isinstance(item, Dataset) for item in found):
            raise MalformedError(f"{self._named(tag)} is no sequence")
        name = keyword_for_tag(tag)
        return [
            Elements(item, f"{name} {number}, ", self.faults)
            for number, item in enumerate(found, 1)
        ]

    # --- for what is needed, and for what may be missing ------------------------------

    def needed(self, keyword: str) -> int:
        """A whole number without which nothing can be read.

        Raises:
            MalformedError: it is missing or no whole number.
        """
        found = self.one(keyword)
        if found is None or found != int(found):
            told = "is missing" if found is None else f"is {found:g}, no whole number"
            raise MalformedError(f"{self._named(Tag(keyword))} {told}")
        return int(found)

    def number(self, keyword: str | BaseTag) -> float | None:
        """The number of an element; None where it has none, and a fault where it is malformed."""
        try:
            return self.one(keyword)
        except MalformedError as fault:
            self._fault(fault)
            return None

    def text(self, keyword: str) -> str:
        """The text of an element; empty where it has none or is malformed."""
        try:
            return "\\".join(self.texts(keyword))
        except MalformedError as fault:
            self._fault(fault)
            return ""

    def private(self, group: int, creator: str, offset: int) -> float | None:
        """The number of a private element in the block of a creator whose name begins so; None
        without one. An element that no creator claims, or another, means nothing.
        """
        for slot in range(0x10, 0x100):
            owner = Tag(group, slot)
            tag = Tag(group, (slot << 8) | offset)
            if owner not in self._dataset:
                if tag in self._dataset:
                    self._fault(
                        MalformedError(f"{self._named(tag)} has no private creator; not read")
                    )
                continue
            try:
                name = "".join(self.texts(owner)).upper()
            except MalformedError as fault:
                self._fault(fault)
                continue
            if name.startswith(creator) and tag in self._dataset:
                return self.number(tag)
        return None

    def _fault(self, fault: MalformedError) -> None:
        if str(fault) not in self.faults:
            self.faults.append(str(fault))

    def _representation(self, tag: BaseTag) -> str:
        element = self._dataset.get_item(tag) if tag in self._dataset else None
        told = getattr(element, "VR", None)
        if told in (None, "UN") and not tag.is_private:
            return dictionary_VR(tag)
        return str(told or "UN")

    def _made(self, tag: BaseTag) -> object:
        """The value as pydicom makes it; None where the element is absent or empty."""
        if tag not in self._dataset:
            return None
        try:
            return self._dataset[tag].value
        except Exception as error:  # pydicom raises whatever a malformed value meets
            what = " ".join(str(error).split())[:LONGEST]
            raise MalformedError(f"{self._named(tag)} cannot be read ({what})") from None

    def _named(self, tag: BaseTag) -> str:
        name = keyword_for_tag(tag)
        if name:
            return f"{self._where}{name} {tag} ({dictionary_description(tag)})"
        return f"{self._where}{tag}"
