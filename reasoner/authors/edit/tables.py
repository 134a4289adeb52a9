"""The numbers, evidence and words of a guideline as tables, and tables back into its files.

A cell stands for one place of one file, so that a changed cell changes that place and nothing else:
comments, order and layout stay. Every cell that does not change is written back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from calx.ontology import GuidelineFiles
from calx.ontology.edits import Edits, inner, natural
from calx.ontology.places import BOUNDS
from calx.ontology.turtle import Block, Group, Object, Property, Token, first
from calx.words import LANGUAGES

Sort: TypeAlias = Literal["number", "whole", "text", "boolean", "choice", "name"]
FACTOR = re.compile(
    r"(?P<before>[-+*/])\s*(?P<right>\d+(?:\.\d+)?)|(?P<left>\d+(?:\.\d+)?)\s*(?P<after>[*/])"
)
STANCES, VERIFIED = (
    ("supports", "disputes", "limits"),
    ("page", "secondary", "review", "unverified"),
)
COMPARATORS = ("<", "<=", ">", ">=", "=", "*", "/", "-", "+", "±")


@dataclass(frozen=True)
class Cell:
    """One value of a table, and the place that it stands for."""

    value: str
    sort: Sort = "text"
    place: tuple[str, int, int] | None = None
    """File, first and last character; None: it cannot be changed here."""
    language: str | None = None
    choices: tuple[str, ...] = ()
    missing: tuple[str, str] | None = None
    """Subject and predicate to which a first value would be added."""

    @property
    def editable(self) -> bool:
        return self.place is not None or self.missing is not None


@dataclass
class Table:
    """One sheet: its name, its columns, and a row for each key."""

    name: str
    columns: tuple[str, ...]
    """The first is the key."""
    rows: dict[str, dict[str, Cell]] = field(default_factory=dict)


def tables(files: GuidelineFiles) -> list[Table]:
    """All tables of a guideline.

    Raises:
        EditError: a file cannot be followed.
    """
    edits = Edits(files)
    limits, thresholds = _numbers(edits)
    return [thresholds, limits, _studies(edits), _statements(edits), _stated(edits), _labels(edits)]


# --- numbers of rules --------------------------------------------------------------------


def _numbers(edits: Edits) -> tuple[Table, Table]:
    """Thresholds; and those of the rules about things that have a status, with their sizes."""
    columns = ("key", "rule", "label", "about", "comparator", "value", "unit")
    limits, thresholds = Table("status-limits", columns), Table("thresholds", columns)
    units = {
        name.partition(":")[2]: _text(edits.block(name)[1], "calx:unit")
        for name in edits.subjects(edits.prefix)
    }
    counted = {
        name.partition(":")[2] for name in _of_type(edits, edits.prefix, "calx:ConclusionProperty")
    }
    things = _about_things(edits)
    for subject in (*edits.subjects("rule"), *edits.subjects("cond")):
        file, block = edits.block(subject)
        table = limits if things & set(_concluded(block)) else thresholds
        label = _text(block, "rdfs:label", "en")
        for number, (about, comparator, token) in enumerate(_literals(block, counted), 1):
            start, end, value = token
            key = f"{subject}#{number}"
            table.rows[key] = {
                "key": Cell(key),
                "rule": Cell(subject),
                "label": Cell(label),
                "about": Cell(about),
                "comparator": Cell(comparator),
                "value": Cell(
                    value,
                    "whole" if comparator in ("count >=", "count <=") else "number",
                    (file, start, end),
                ),
                "unit": Cell(units.get(about, "")),
            }
    return limits, thresholds


def _about_things(edits: Edits) -> set[str]:
    """The properties, and computed numbers, that are about things which have a status."""
    found = set[str]()
    for subject in _of_type(edits, "section", "calx:StatusSection"):
        block = edits.block(subject)[1]
        for entry in block.properties:
            if entry.verb.text.partition(":")[2] in ROLES:
                found |= {token.text for token in _tokens(entry.objects)}
    for subject in edits.subjects(edits.prefix):
        verbs = {entry.verb.text for entry in edits.block(subject)[1].properties}
        if "calx:concerns" in verbs:
            found.add(subject)
    return found


ROLES = {"shows", "indicates", "favours", "forbids", "uses", "cautions"}
"""What a status section says of its properties."""


def _tokens(values: Sequence[Object]) -> Iterator[Token]:
    for value in values:
        if isinstance(value, Token):
            yield value
        elif isinstance(value, Group):
            yield from _tokens(value.items)


def _concluded(block: Block) -> Iterator[str]:
    """What a rule concludes, as its file writes it."""
    for entry in block.properties:
        if entry.verb.text == "sh:rule":
            for body in entry.objects:
                predicate = (
                    first(body.properties, "sh:predicate") if isinstance(body, Group) else None
                )
                if isinstance(predicate, Token):
                    yield predicate.text
                construct = (
                    first(body.properties, "sh:construct") if isinstance(body, Group) else None
                )
                if isinstance(construct, Token):
                    yield from re.findall(r"\$this\s+([\w-]+:\w+)", construct.text)[:1]


def _literals(block: Block, counted: set[str]) -> Iterator[tuple[str, str, tuple[int, int, str]]]:
    """Every number of a rule or shared condition: what
    it is about, how it is compared, and its place.
    """
    for properties in _shapes(block.properties):
        path = first(properties, "sh:path")
        about = path.text.partition(":")[2] if isinstance(path, Token) else ""
        for entry in properties:
            for value in entry.objects:
                if not isinstance(value, Token):
                    continue
                verb = entry.verb.text
                exact = (
                    about in counted
                    and first(properties, "sh:minCount") is not None
                    and first(properties, "sh:maxCount") is not None
                )
                plain = (
                    verb in ("sh:minCount", "sh:maxCount")
                    and value.text in ("0", "1")
                    and not exact
                )
                if about and verb in BOUNDS and value.kind == "number" and not plain:
                    yield (
                        about,
                        f"count {BOUNDS[verb]}" if "Count" in verb else BOUNDS[verb],
                        (value.start, value.end, value.text),
                    )
                elif verb == "sh:object" and value.kind == "number" and value.text != "0":
                    predicate = first(properties, "sh:predicate")
                    yield (
                        predicate.text.partition(":")[2] if isinstance(predicate, Token) else "",
                        "=",
                        (value.start, value.end, value.text),
                    )
                elif verb == "sh:construct":
                    yield from _factors(value)


def _factors(text: Token) -> Iterator[tuple[str, str, tuple[int, int, str]]]:
    """The factors of a computed number, inside the string that computes it."""
    computed = re.search(r"\$this\s+[\w-]+:(\w+)", text.text)
    bind = re.search(r"BIND\s*\((.*?)\bAS\b", text.text, re.DOTALL | re.IGNORECASE)
    if bind is None:
        return
    for match in FACTOR.finditer(bind.group(1)):
        side = "right" if match.group("right") else "left"
        start = text.start + bind.start(1) + match.start(side)
        sign = match.group("before") or match.group("after")
        yield (
            computed.group(1) if computed else "",
            sign,
            (start, start + len(match.group(side)), match.group(side)),
        )


def _shapes(properties: list[Property]) -> Iterator[list[Property]]:
    yield properties
    for _, value in inner(properties):
        if isinstance(value, Group):
            if value.properties:
                yield value.properties
            yield from (
                item.properties
                for item in value.items
                if isinstance(item, Group) and item.properties
            )


# --- evidence ----------------------------------------------------------------------------


def _studies(edits: Edits) -> Table:
    table = Table(
        "studies",
        (
            "id",
            "type",
            "label_en",
            "label_zh",
            "citation",
            "identifier",
            "participants",
            "withdrawn",
        ),
    )
    types = study_types(edits)
    for subject in _of_type(edits, "ev", "calx:Study"):
        file, block = edits.block(subject)
        table.rows[subject] = {
            "id": Cell(subject),
            "type": _cell(file, block, "calx:studyType", "choice", types),
            "label_en": _cell(file, block, "rdfs:label", language="en"),
            "label_zh": _cell(file, block, "rdfs:label", language="zh"),
            "citation": _cell(file, block, "dcterms:bibliographicCitation"),
            "identifier": _cell(file, block, "dcterms:identifier"),
            "participants": _cell(file, block, "calx:participants", "whole"),
            "withdrawn": _cell(file, block, "calx:withdrawn", "boolean"),
        }
    return table


def _statements(edits: Edits) -> Table:
    table = Table(
        "statements",
        ("id", "study", "stance", "verified", "locator", "population", "text_en", "text_zh"),
    )
    studies = tuple(_of_type(edits, "ev", "calx:Study"))
    for subject in _of_type(edits, "ev", "calx:Statement"):
        file, block = edits.block(subject)
        table.rows[subject] = {
            "id": Cell(subject),
            "study": _cell(file, block, "calx:study", "name", studies),
            "stance": _cell(file, block, "calx:stance", "choice", STANCES),
            "verified": _cell(file, block, "calx:verified", "choice", VERIFIED),
            "locator": _cell(file, block, "calx:locator"),
            "population": _cell(file, block, "calx:population"),
            "text_en": _cell(file, block, "skos:definition", language="en"),
            "text_zh": _cell(file, block, "skos:definition", language="zh"),
        }
    return table


def _stated(edits: Edits) -> Table:
    table = Table("stated-numbers", ("key", "statement", "quantity", "comparator", "value", "unit"))
    for subject in _of_type(edits, "ev", "calx:Statement"):
        file, block = edits.block(subject)
        groups = [
            value
            for entry in block.properties
            if entry.verb.text == "calx:states"
            for value in entry.objects
            if isinstance(value, Group)
        ]
        for number, group in enumerate(groups, 1):
            key = f"{subject}#{number}"
            quantity = first(group.properties, "calx:quantity")
            table.rows[key] = {
                "key": Cell(key),
                "statement": Cell(subject),
                "quantity": Cell(quantity.text if isinstance(quantity, Token) else ""),
                "comparator": _inside(file, group, "calx:comparator", "choice", COMPARATORS),
                "value": _inside(file, group, "calx:value", "number"),
                "unit": _inside(file, group, "calx:unit"),
            }
    return table


def _labels(edits: Edits) -> Table:
    """Every wording in all languages, but those of evidence, which have tables of their own."""
    table = Table("labels", ("key", "subject", "what", *LANGUAGES))
    for subject in sorted(
        (name for name in edits.subjects() if not name.startswith("ev:")), key=natural
    ):
        file, block = edits.block(subject)
        for entry in block.properties:
            languages = {value.language for value in entry.objects if isinstance(value, Token)}
            if languages >= set(LANGUAGES):
                key = f"{subject} {entry.verb.text}"
                table.rows[key] = {
                    "key": Cell(key),
                    "subject": Cell(subject),
                    "what": Cell(entry.verb.text),
                    **{
                        language: _cell(file, block, entry.verb.text, language=language)
                        for language in LANGUAGES
                    },
                }
    return table


# --- cells ---------------------------------------------------------------------------------


def study_types(edits: Edits) -> tuple[str, ...]:
    """The types that a study can have; a guideline names them ``term:type-…``."""
    return tuple(
        sorted(
            name.removeprefix("term:type-")
            for name in edits.subjects("term")
            if name.startswith("term:type-")
        )
    )


def types_of(edits: Edits, subject: str) -> list[str]:
    """What a block says that it is."""
    return [
        value.text
        for entry in edits.block(subject)[1].properties
        if entry.verb.text == "a"
        for value in entry.objects
        if isinstance(value, Token)
    ]


def _of_type(edits: Edits, prefix: str, kind: str) -> list[str]:
    """The blocks of a prefix that say that they are of a kind."""
    return [subject for subject in edits.subjects(prefix) if kind in types_of(edits, subject)]


def _values(properties: list[Property], verb: str, language: str | None) -> list[Token]:
    values = [
        value
        for entry in properties
        if entry.verb.text == verb
        for value in entry.objects
        if isinstance(value, Token)
    ]
    return [value for value in values if language is None or value.language == language]


def _text(block: Block, verb: str, language: str | None = None) -> str:
    return next((value.value for value in _values(block.properties, verb, language)), "")


def _cell(
    file: str,
    block: Block,
    verb: str,
    sort: Sort = "text",
    choices: tuple[str, ...] = (),
    language: str | None = None,
) -> Cell:
    values = _values(block.properties, verb, language)
    if not values:
        return Cell("", sort, None, language, choices, (block.name, verb))
    value = values[0]
    shown = value.text.removeprefix("term:type-") if verb == "calx:studyType" else value.value
    return Cell(shown, sort, (file, value.start, value.end), language, choices)


def _inside(
    file: str, group: Group, verb: str, sort: Sort = "text", choices: tuple[str, ...] = ()
) -> Cell:
    value = first(group.properties, verb)
    return (
        Cell(value.value, sort, (file, value.start, value.end), None, choices)
        if isinstance(value, Token)
        else Cell("", sort)
    )
