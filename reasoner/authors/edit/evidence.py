"""The life of evidence: a study is added from what its record says, states something for or against
rules, and may be withdrawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from calx.ontology import GuidelineFiles
from calx.ontology.edits import EditError, Edits, wording
from calx.ontology.turtle import quote
from calx.reasoner.authors.edit.tables import COMPARATORS, STANCES, VERIFIED, study_types, types_of
from calx.reasoner.model.guideline import Guideline
from calx.words import LANGUAGES

ID = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>\\]+")
STATED = re.compile(
    r"(?P<quantity>[A-Za-z0-9_]+)\s*(?P<comparator><=|>=|[<>=*/+±-])\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>\S*)"
)
STUDIES, STATEMENTS = "evidence/studies.ttl", "evidence/treatment.ttl"


@dataclass(frozen=True)
class EvidenceRecord:
    """A study as its record tells it; nothing is looked up."""

    id: str
    type: str
    label: dict[str, str]
    citation: str
    identifier: str = ""
    """A DOI (``10.…``), or another identifier with its scheme (``pmid:…``)."""
    participants: int | None = None


@dataclass(frozen=True)
class NewStatement:
    """What a study states, and the rules that it supports, disputes or limits."""

    id: str
    study: str
    stance: str
    verified: str
    locator: str
    text: dict[str, str]
    population: str = ""
    states: tuple[str, ...] = ()
    """Numbers, such as ``max_superficial_arc_deg >= 180 deg``."""
    rules: tuple[str, ...] = field(default=())


def add_study(
    files: GuidelineFiles, guideline: Guideline, record: EvidenceRecord
) -> dict[str, str]:
    """The files with one more study.

    Raises:
        EditError: with everything that is wrong with the record.
    """
    problems = _named(record.id, "study")
    edits = Edits(files)
    types = study_types(edits)
    if record.type not in types:
        problems.append(
            f"the type '{record.type}' is none of {', '.join(types) or 'term:type-…'}; the level "
            "of evidence follows from it"
        )
    problems += _worded(record.label, "label")
    if not record.citation.strip():
        problems.append("has no citation; say authors, title, journal, year")
    identifier = _identifier(record.identifier, problems)
    if identifier and (
        twin := next(
            (s.id for s in guideline.studies.values() if identifier in s.identifiers), None
        )
    ):
        problems.append(f"{identifier} is already described, as {twin}")
    if record.participants is not None and record.participants < 1:
        problems.append("participants is a whole number above 0")
    if problems:
        raise EditError("; ".join(problems))
    lines = [
        (
            f'ev:{record.id} a calx:Study ; skos:notation "{record.id}" ; calx:studyType '
            f"term:type-{record.type} ;"
        ),
        f"  rdfs:label {wording(record.label)} ;",
    ]
    lines.append(f"  dcterms:bibliographicCitation {quote(record.citation.strip())} ;")
    lines += [f"  dcterms:identifier {quote(identifier)} ;"] if identifier else []
    lines += (
        [f"  calx:participants {record.participants} ;"] if record.participants is not None else []
    )
    edits.insert(
        _home(edits, STUDIES, "calx:Study"),
        f"ev:{record.id}",
        "\n".join([*lines, "  calx:withdrawn false ."]),
    )
    return edits.texts()


def _home(edits: Edits, file: str, kind: str) -> str:
    """The file in which such things stand: the usual one, else that of the last of them."""
    homes = [edits.block(name)[0] for name in edits.subjects("ev") if kind in types_of(edits, name)]
    return homes[-1] if homes and file not in edits.documents else file


def withdrawn(files: GuidelineFiles, study: str, is_: bool = True) -> dict[str, str]:
    """The files with a study withdrawn, or no longer so.

    Raises:
        EditError: there is no such study.
    """
    edits = Edits(files)
    edits.set(f"ev:{study}", "calx:withdrawn", "true" if is_ else "false")
    return edits.texts()


def add_statement(
    files: GuidelineFiles, guideline: Guideline, new: NewStatement, file: str = STATEMENTS
) -> dict[str, str]:
    """The files with one more statement, behind the rules that it is about.

    Raises:
        EditError: with everything that is wrong with the statement.
    """
    problems = _named(new.id, "statement")
    edits = Edits(files)
    if new.study not in guideline.studies:
        problems.append(
            f"the study '{new.study}' is not described; add it with 'calx evidence add'"
        )
    if new.stance not in STANCES:
        problems.append(f"the stance '{new.stance}' is none of {', '.join(STANCES)}")
    if new.verified not in VERIFIED:
        problems.append(f"verified '{new.verified}' is none of {', '.join(VERIFIED)}")
    if not new.locator.strip():
        problems.append("says not where in the source it stands; give a locator")
    problems += _worded(new.text, "text")
    problems += [f"there is no rule {rule}" for rule in new.rules if f"rule:{rule}" not in edits]
    numbers = [_number(text, guideline, problems) for text in new.states]
    if problems:
        raise EditError("; ".join(problems))
    lines = [
        (
            f"ev:{new.id} a calx:Statement ; calx:study ev:{new.study} ; calx:stance "
            f'"{new.stance}" ; '
            f'calx:verified "{new.verified}" ;'
        )
    ]
    population = (
        f" ; calx:population {quote(new.population.strip())}" if new.population.strip() else ""
    )
    lines.append(f"  calx:locator {quote(new.locator.strip())}{population} ;")
    lines.append(" ;\n".join([f"  skos:definition {wording(new.text)}", *numbers]) + " .")
    edits.insert(_home(edits, file, "calx:Statement"), f"ev:{new.id}", "\n".join(lines))
    for rule in new.rules:
        edits.needs_prefix(edits.block(f"rule:{rule}")[0], "ev", guideline.names("ev/"))
        edits.add(f"rule:{rule}", "calx:evidence", f"ev:{new.id}")
    return edits.texts()


def _named(name: str, what: str) -> list[str]:
    return (
        []
        if ID.fullmatch(name)
        else [
            (
                f"'{name[:40]}' is no id for a {what}; use a letter, then letters, digits, '.', "
                "'_' or '-'"
            )
        ]
    )


def _worded(text: dict[str, str], what: str) -> list[str]:
    missing = [language for language in LANGUAGES if not text.get(language, "").strip()]
    return [f"has no {what} in {' and '.join(missing)}"] if missing else []


def _identifier(text: str, problems: list[str]) -> str:
    """A DOI in any of its usual spellings, as ``doi:10.…``; others as they are."""
    plain = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", text.strip(), flags=re.IGNORECASE)
    if plain.startswith("10."):
        if not DOI.fullmatch(plain):
            problems.append(
                f"'{text[:64]}' is no DOI; it looks like 10.1161/CIRCINTERVENTIONS.120.010296"
            )
        return f"doi:{plain}"
    if plain and not re.fullmatch(r"[a-z][a-z0-9]*:\S+", plain):
        problems.append(
            f"'{text[:64]}' is neither a DOI nor an identifier with its scheme, such as "
            "pmid:33723090"
        )
    return plain


def _number(text: str, guideline: Guideline, problems: list[str]) -> str:
    """One number of a statement as Turtle."""
    match = STATED.fullmatch(text.strip())
    if match is None or match["comparator"] not in COMPARATORS:
        some = next((f for f in guideline.facts.values() if f.unit not in (None, "1")), None)
        such = f"{some.name} >= 1 {some.unit}" if some else "FACT >= 1 mm"
        problems.append(
            f"'{text[:64]}' states no number; write quantity, comparator, value and unit, such as "
            f"{such}"
        )
        return ""
    fact = guideline.facts.get(match["quantity"]) or next(
        (f for f in guideline.facts.values() if f.local == match["quantity"]), None
    )
    if fact is None and match["quantity"] not in guideline.properties:
        problems.append(f"'{match['quantity']}' is no fact, quantity or conclusion")
        return ""
    local = fact.local if fact else match["quantity"]
    unit = match["unit"] or (fact.unit if fact and fact.unit else "1")
    return (
        f"  calx:states [ calx:quantity {guideline.names.prefix}:{local} "
        f'; calx:comparator "{match["comparator"]}" '
        f"; calx:value {match['value']} ; calx:unit {quote(unit)} ]"
    )
