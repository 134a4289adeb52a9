"""Turtle with its places: which characters of a file say what. rdflib reads what a file means, this
where it says it.

It reads the Turtle of a guideline's files (`rdflib` is the judge of the grammar, and runs first),
so that a problem can be told with its line, and a number or wording changed without touching
anything else of the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from calx.errors import CalxError

TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|\#[^\n]*)
    | (?P<string>\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<iri><[^<>\s]*>)
    | (?P<at>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
    | (?P<caret>\^\^)
    | (?P<number>[+-]?(?:[0-9]+\.[0-9]*[eE][+-]?[0-9]+|\.?[0-9]+[eE][+-]?[0-9]+
        |[0-9]*\.[0-9]+|[0-9]+))
    | (?P<name>(?:[A-Za-z_][\w.-]*)?:[\w%:.-]*[\w%:-]|(?:[A-Za-z_][\w.-]*)?:)
    | (?P<word>[A-Za-z]+)
    | (?P<mark>[][();,.])
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


class PlaceError(CalxError, ValueError):
    """The text cannot be followed; it holds where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Token:
    """An IRI, prefixed name, literal or keyword, as it is written, and where; a literal ends after
    its language or type.
    """

    kind: str
    text: str
    start: int
    end: int
    language: str | None = None
    datatype: str | None = None

    @property
    def value(self) -> str:
        """The text that a string stands for; the token itself otherwise."""
        if self.kind != "string":
            return self.text
        quotes = 3 if self.text.startswith(('"""', "'''")) else 1
        return unescape(self.text[quotes:-quotes])


@dataclass(slots=True)
class Group:
    """A blank node in brackets (`properties`), or a list in parentheses (`items`)."""

    start: int
    end: int = 0
    properties: list[Property] = field(default_factory=list)
    items: list[Object] = field(default_factory=list)


Object: TypeAlias = Token | Group


@dataclass(slots=True)
class Property:
    """A predicate with its objects."""

    verb: Token
    objects: list[Object]


@dataclass(slots=True)
class Block:
    """Everything from a subject to its full stop."""

    subject: Token | Group
    properties: list[Property]
    start: int
    end: int

    @property
    def name(self) -> str:
        """The subject as written; empty for an anonymous one."""
        return self.subject.text if isinstance(self.subject, Token) else ""

    def one(self, verb: str) -> Object | None:
        """The first object of a predicate."""
        return first(self.properties, verb)


def first(properties: list[Property], verb: str) -> Object | None:
    """The first object of a predicate."""
    return next(
        (entry.objects[0] for entry in properties if entry.verb.text == verb and entry.objects),
        None,
    )


@lru_cache(maxsize=64)
def document(text: str) -> Document:
    """The document of a text, read once; do not change what comes back.

    Raises:
        PlaceError: the text is not Turtle as guideline files use it.
    """
    return Document(text)


class Document:
    """One file.

    Raises:
        PlaceError: the text is not Turtle as guideline files use it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [match.end() for match in re.finditer("\n", text)]
        self.prefixes: dict[str, str] = {}
        self.blocks: list[Block] = []
        self._tokens = [token for token in _tokens(text) if token.kind != "space"]
        self._at = 0
        while self._at < len(self._tokens):
            self._statement()
        self._tokens = []

    def line(self, offset: int) -> int:
        """The line, from 1, that a character stands on."""
        return bisect_right(self._lines, offset) + 1

    # --- grammar --------------------------------------------------------------------

    def _next(self, text: str | None = None) -> Token:
        if self._at >= len(self._tokens):
            raise PlaceError("the file ends in the middle of a statement", len(self.text))
        token = self._tokens[self._at]
        if text is not None and token.text != text:
            raise PlaceError(f"'{text}' is missing before '{token.text[:20]}'", token.start)
        self._at += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _statement(self) -> None:
        token = self._tokens[self._at]
        if token.text.lower() in ("@prefix", "@base", "prefix", "base"):
            self._at += 1
            name = self._next() if "prefix" in token.text.lower() else None
            iri = self._next()
            if name is not None:
                self.prefixes[name.text.rstrip(":")] = iri.text.strip("<>")
            if token.text.startswith("@"):
                self._next(".")
            return
        subject = self._object()
        properties = self._properties() if self._peek() != "." else []
        end = self._next(".")
        self.blocks.append(Block(subject, properties, subject.start, end.end))

    def _properties(self) -> list[Property]:
        found: list[Property] = []
        while self._peek() not in (".", "]", ""):
            if self._peek() == ";":
                self._at += 1
                continue
            verb = self._next()
            if verb.kind not in ("name", "iri") and verb.text != "a":
                raise PlaceError(f"'{verb.text[:20]}' is no predicate", verb.start)
            objects = [self._object()]
            while self._peek() == ",":
                self._at += 1
                objects.append(self._object())
            found.append(Property(verb, objects))
        return found

    def _object(self) -> Object:
        token = self._next()
        if token.text == "[" and token.kind == "mark":
            group = Group(token.start, properties=self._properties())
            group.end = self._next("]").end
            return group
        if token.text == "(" and token.kind == "mark":
            group = Group(token.start)
            while self._peek() not in (")", ""):
                group.items.append(self._object())
            group.end = self._next(")").end
            return group
        if token.kind == "mark":
            raise PlaceError(f"'{token.text}' where a value is meant", token.start)
        if token.kind == "string":
            follows = self._tokens[self._at] if self._at < len(self._tokens) else None
            if follows is not None and follows.kind == "at":
                self._at += 1
                return Token(
                    "string", token.text, token.start, follows.end, language=follows.text[1:]
                )
            if follows is not None and follows.kind == "caret":
                self._at += 1
                datatype = self._next()
                return Token(
                    "string", token.text, token.start, datatype.end, datatype=datatype.text
                )
        return token


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise PlaceError(f"cannot read {text[at : at + 20]!r}", at)
        yield Token(match.lastgroup or "", match.group(), match.start(), match.end())
        at = match.end()


def walk(found: Block | Group | Property) -> Iterator[tuple[Property, Object]]:
    """Every predicate with each of its objects, brackets opened, in the order of the text."""
    if isinstance(found, Property):
        for value in found.objects:
            yield found, value
            if isinstance(value, Group):
                yield from walk(value)
        return
    for entry in found.properties:
        yield from walk(entry)
    for item in found.items if isinstance(found, Group) else ():
        if isinstance(item, Group):
            yield from walk(item)


def unescape(text: str) -> str:
    """A string without its escapes."""

    def plain(match: re.Match[str]) -> str:
        code = match.group(1)
        return chr(int(code[1:], 16)) if code[0] in "uU" else ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", plain, text, flags=re.DOTALL)


def quote(text: str) -> str:
    """A text as a string of Turtle, on one line."""
    escaped = (
        text.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\t", "\\t")
    )
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Replacement:
    """One change of a file's text."""

    start: int
    end: int
    text: str


def apply_replacements(text: str, changes: list[Replacement]) -> str:
    """The text with all changes made; places refer to the text as it was.

    Raises:
        ValueError: two changes meet.
    """
    done, last = text, len(text) + 1
    for change in sorted(changes, key=lambda change: (change.start, change.end), reverse=True):
        if change.end > last:
            raise ValueError("two changes of the same place")
        done = done[: change.start] + change.text + done[change.end :]
        last = change.start
    return done
