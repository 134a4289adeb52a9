"""Changes a guideline's files as an author would: a value,
a wording, a block; nothing else of a file is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from calx.errors import CalxError
from calx.ontology import GuidelineError, GuidelineFiles
from calx.ontology.files import parse
from calx.ontology.turtle import (
    Block,
    Document,
    Group,
    Object,
    PlaceError,
    Property,
    Replacement,
    apply_replacements,
    document,
    quote,
)


class EditError(CalxError):
    """The edit cannot be made; the text says why and what to do."""


class Edits:
    """The files of a guideline, and changes to them.

    Raises:
        EditError: a file cannot be followed; mend it first.
    """

    def __init__(self, files: GuidelineFiles) -> None:
        try:
            self.prefix = files.names()[1]
        except GuidelineError as error:
            raise EditError(f"{error.problems[0]}; mend the files first ('calx check')") from None
        """That of the guideline's own facts and properties."""
        self.documents: dict[str, Document] = {}
        for name, text in files.texts.items():
            try:
                self.documents[name] = document(text)
            except PlaceError as error:
                line = text[: error.offset].count("\n") + 1
                raise EditError(
                    f"{name}:{line}: {error}; mend the file first ('calx check')"
                ) from None
        self._home = {
            block.name: (name, block)
            for name, document in self.documents.items()
            for block in document.blocks
            if block.name
        }
        self._changes: dict[str, list[Replacement]] = {}

    def __contains__(self, subject: str) -> bool:
        return subject in self._home

    def subjects(self, prefix: str | None = None) -> list[str]:
        """The blocks of a prefix (``rule``), or all, in the order of the files."""
        return [name for name in self._home if prefix is None or name.startswith(f"{prefix}:")]

    def block(self, subject: str) -> tuple[str, Block]:
        """File and block of a subject.

        Raises:
            EditError: there is none.
        """
        try:
            return self._home[subject]
        except KeyError:
            raise EditError(f"{subject} is not described in the guideline") from None

    # --- changes --------------------------------------------------------------------

    def replace(self, file: str, start: int, end: int, text: str) -> None:
        """Other characters for those of a place."""
        self._changes.setdefault(file, []).append(Replacement(start, end, text))

    def set(self, subject: str, verb: str, value: str) -> None:
        """One value for a property, written as Turtle;
        added where the property is not there yet.
        """
        file, block = self.block(subject)
        now = block.one(verb)
        if now is None:
            self.append(file, block, f"{verb} {value}")
        else:
            self.replace(file, now.start, now.end, value)

    def add(self, subject: str, verb: str, value: str) -> None:
        """One more value for a property, written as Turtle."""
        file, block = self.block(subject)
        entry = next((entry for entry in block.properties if entry.verb.text == verb), None)
        if entry is None:
            self.append(file, block, f"{verb} {value}")
        else:
            last = entry.objects[-1]
            self.replace(file, last.end, last.end, f" , {value}")

    def append(self, file: str, block: Block, said: str) -> None:
        """One more property, after those that a block has."""
        end = max(
            (value.end for entry in block.properties for value in entry.objects),
            default=block.end - 1,
        )
        self.replace(file, end, end, f" ;\n  {said}")

    def insert(self, file: str, subject: str, text: str) -> None:
        """A new block, after the last one whose name comes before: two authors who add different
        things seldom meet.

        Raises:
            EditError: the name is taken, or there is no such file.
        """
        if subject in self._home:
            raise EditError(
                f"{subject} is already described, in {self._home[subject][0]}; choose another name"
            )
        document = self.documents.get(file)
        if document is None:
            raise EditError(f"{file} is not among the guideline's files")
        prefix = subject.partition(":")[0]
        kin = [block for block in document.blocks if block.name.startswith(f"{prefix}:")]
        before = [block for block in kin if natural(block.name) < natural(subject)]
        after = (
            before[-1]
            if before
            else kin[-1]
            if kin
            else document.blocks[-1]
            if document.blocks
            else None
        )
        place = after.end if after is not None else len(document.text)
        self.replace(file, place, place, f"\n\n{text.strip()}")

    def needs_prefix(self, file: str, prefix: str, iri: str) -> None:
        """Declare a prefix where a file does not."""
        document = self.documents[file]
        if prefix not in document.prefixes:
            at = document.text.find("@prefix")
            self.replace(file, max(at, 0), max(at, 0), f"@prefix {prefix}: <{iri}> .\n")

    def texts(self) -> dict[str, str]:
        """The files that change, as they are then.

        Raises:
            EditError: two changes meet in one place.
        """
        try:
            found = {
                file: apply_replacements(self.documents[file].text, changes)
                for file, changes in self._changes.items()
            }
        except ValueError:
            raise EditError(
                "two of the changes touch the same place; make one after the other"
            ) from None
        for file, text in found.items():  # what is written must be read again
            try:
                Document(text)
                parse(text)
            except Exception as error:
                raise EditError(
                    f"{file} could not be read after the change "
                    f"({' '.join(str(error).split())[:96]}); nothing was changed"
                ) from None
        return found


def natural(name: str) -> list[tuple[int, str]]:
    """``A9`` before ``A10``."""
    return [
        (int(part), "") if part.isdigit() else (0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]


def wording(texts: dict[str, str]) -> str:
    """A text in each language, as Turtle."""
    return " , ".join(f"{quote(text)}@{language}" for language, text in texts.items())


def inner(properties: Iterable[Property]) -> Iterable[tuple[Property, Object]]:
    """Every property with its objects, brackets opened."""
    for entry in properties:
        for value in entry.objects:
            yield entry, value
            if isinstance(value, Group):
                yield from inner(value.properties)
                for item in value.items:
                    if isinstance(item, Group):
                        yield from inner(item.properties)
