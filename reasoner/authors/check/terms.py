"""Are the terms of a guideline complete: words, definitions, sources, units; used and defined;
values and codes in step.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache

from rdflib import DCTERMS, OWL, RDF, RDFS, SH, SKOS, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from calx.ontology import UNREAD, AuthoringProblem
from calx.ontology.unseen import unseen
from calx.reasoner.authors.check.figures import misfits, texts
from calx.reasoner.load.source import CALX, Source
from calx.reasoner.model.condition import values_read
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.reasoner.model.rule import DEVIATION
from calx.words import LANGUAGES, words

DESCRIBED = (
    OWL.Class,
    OWL.DatatypeProperty,
    OWL.ObjectProperty,
    OWL.AnnotationProperty,
    OWL.NamedIndividual,
    CALX.FactValue,
    CALX.StudyType,
    CALX.EvidenceLevel,
)
"""What needs a label, a definition and a source."""
MAPPINGS = "mappings.sssom.tsv"
IDENTIFY = ("subject_id", "predicate_id", "object_id", "ext_with")
"""Columns of the table that no two lines share."""


def faults(source: Source, whole: Guideline) -> list[AuthoringProblem]:
    """Every fault of the terms: those of Turtle gather in the source, those of the table of
    mappings come back.

    Args:
        source: the files, read.
        whole: the guideline with its suspended rules.
    """
    described = _described(source)
    for node in described:
        source.text(node, RDFS.label)
        source.text(node, SKOS.definition)
        if (node, DCTERMS.source, None) not in source.graph:
            source.problem(
                node, "has no dcterms:source; say where the term comes from", kind="source"
            )
    for study in source.declared(CALX.Study):
        if not str(source.value(study, DCTERMS.bibliographicCitation) or "").strip():
            source.problem(
                study, "has no dcterms:bibliographicCitation; say how to find it", kind="source"
            )
    _units(source, whole)
    _values(source)
    _wordings(source, whole)
    for subject, message in misfits(whole):
        source.problem(URIRef(source.names(subject)), message, kind="number-in-words")
    _scripts(source, whole)
    for study in (*source.declared(CALX.Study), *source.declared(CALX.FactValue)):
        if str(source.value(study, SKOS.notation)) != source.local(study):
            source.problem(
                study,
                "has a skos:notation that is not its name; make them the same",
                kind="repeated",
            )
    # else what was not read looks unused
    if not any(problem.kind in UNREAD for problem in source.problems):
        _unused(source, whole, described)
    _undefined(source)
    return _mappings(source, whole)


def _described(source: Source) -> list[URIRef]:
    found = {
        node
        for kind in DESCRIBED
        for graph in source.graphs.values()
        for node in graph.subjects(RDF.type, kind)
    }
    return sorted(
        (node for node in found if isinstance(node, URIRef) and source.names.has(node)), key=str
    )


def _wordings(source: Source, guideline: Guideline) -> None:
    """No label has a blank that nobody sees, and no two things of one kind have one label."""
    rules = {URIRef(source.names(f"rule/{rule.id}")): "rule" for rule in guideline.rules}
    kinds: dict[URIRef, str] = {node: _kind(source, node) for node in _described(source)}
    first: dict[tuple[str, str, str], URIRef] = {}
    for node, kind in {**kinds, **rules}.items():
        for label in source.graph.objects(node, RDFS.label):
            text, language = str(label), str(getattr(label, "language", "") or "")
            if text != text.strip() or any(unseen(character) for character in text):
                source.problem(
                    node,
                    f"has the label {text!r}, with a blank at an end or a character that nobody "
                    "sees; write it without",
                    kind="wording",
                )
            key = (kind, language, " ".join(text.split()).casefold())
            other = first.setdefault(key, node)
            if other != node:
                source.problem(
                    node,
                    f"has the label of {source.names.short(other)} in '{language}' "
                    f"({text[:60]!r}); give it one that tells them apart",
                    kind="wording",
                )


SMALL_LETTERS = re.compile(r"[a-z]{2}")
"""A text without any is an abbreviation, and the same everywhere."""
SENTENCE = re.compile(r"\b[a-z]+ [a-z]+ [a-z]+\b")
"""Words of a language that has no letters of its own, where another one is spoken."""
NOTHING = "(?!)"
OWN_LETTERS = {
    language: re.compile(letters)
    for language in LANGUAGES
    if (letters := words("language", language)["own letters"]) != NOTHING
}
"""What only this language is written with."""


def _scripts(source: Source, guideline: Guideline) -> None:
    """A text is written in the letters of its language; a study may have one name in all."""
    for subject, told in texts(guideline):
        if subject.removeprefix("ev/") in guideline.studies:
            continue
        for language, said in (pair for text in told for pair in text.items()):
            own = OWN_LETTERS.get(language)
            foreign = any(
                letters.search(said) for other, letters in OWN_LETTERS.items() if other != language
            )
            unlike = own and not own.search(said) and SMALL_LETTERS.search(said)
            if foreign or unlike or (own and SENTENCE.search(said)):
                source.problem(
                    URIRef(source.names(subject)),
                    f"says {said[:60]!r} in '{language}', which is not written so; write it in the "
                    "language that it is marked with",
                    kind="script",
                )


def _kind(source: Source, node: URIRef) -> str:
    """What a term is a kind of: its own class where it has one, and of what fact or device."""
    types = {str(found) for found in source.graph.objects(node, RDF.type)}
    own = sorted(found for found in types if (source.names.has(found) or found.startswith(IRI)))
    of = sorted(
        str(other)
        for verb in (CALX.valueOf, CALX.concerns)
        for other in source.graph.objects(node, verb)
    )
    return " ".join([*(own or sorted(types - {str(OWL.NamedIndividual)}))[:1], *of])


@cache
def _in_ucum(unit: str) -> bool:
    """Whether a unit is written as UCUM has it."""
    from lark.exceptions import LarkError
    from ucumvert import get_ucum_parser

    try:
        get_ucum_parser().parse(unit)
    except LarkError:
        return False
    return True


def _units(source: Source, guideline: Guideline) -> None:
    for fact in guideline.facts.values():
        node = URIRef(source.names(fact.local))
        if fact.kind in ("number", "integer") and fact.unit is None:
            source.problem(
                node,
                "is a number without calx:unit; give its unit in UCUM, '1' where it has none",
                kind="unit",
            )
        elif fact.unit is not None and not _in_ucum(fact.unit):
            source.problem(
                node,
                f"has the unit '{fact.unit}', which is none of UCUM (ucum.org), such as mm, "
                "mm[Hg], mmol/L, /min; a count is written in braces, such as {pulse}",
                kind="unit",
            )
        if fact.given and fact.kind in ("number", "integer"):
            if fact.minimum is None:
                source.problem(
                    node,
                    "is a number without lowest value; give sh:minInclusive or sh:minExclusive in "
                    f"{source.case_file}",
                    kind="bounds",
                )
            if fact.maximum is None and fact.unbounded is None:
                source.problem(
                    node,
                    "is a number without highest value; give sh:maxInclusive in "
                    f"{source.case_file}, or say with calx:unbounded why it has none",
                    kind="bounds",
                )
        if fact.unit is not None and fact.kind in ("boolean", "text"):
            source.problem(node, f"has the unit '{fact.unit}' and is no number", kind="unit")


def _values(source: Source) -> None:
    """Each value of a fact is described once, and each description is of a value."""
    described = {
        str(source.value(node, SKOS.notation)): node for node in source.declared(CALX.FactValue)
    }
    used = set[str]()
    case_shape = source.case_shape
    for shape in source.graph.objects(case_shape, SH.property):
        listed = source.graph.value(shape, SH["in"])
        if listed is None:
            continue
        try:
            values = [str(value) for value in Collection(source.graph, listed)]
        except ValueError:
            continue  # a list in a circle is told where the fact is read
        path = source.graph.value(shape, SH.path)
        for value in values:
            used.add(value)
            if value not in described:
                source.problem(
                    case_shape,
                    (
                        f"{source.names.short(path)} may be '{value}', which no calx:FactValue "
                        "describes; add it with its labels"
                    ),
                    kind="enumeration",
                )
        for value in sorted({value for value in values if values.count(value) > 1}):
            source.problem(
                case_shape, f"{source.names.short(path)} lists '{value}' twice", kind="enumeration"
            )
    for value, node in described.items():
        if value not in used:
            source.problem(
                node,
                (
                    f"describes the value '{value}', which no fact of {source.case_file} can take; "
                    "mend one of them"
                ),
                kind="enumeration",
            )


def _unused(source: Source, guideline: Guideline, described: list[URIRef]) -> None:
    mentioned: set[Node] = {value for subject, _, value in source.graph if value != subject}
    for node in described:
        if (node, RDF.type, OWL.NamedIndividual) in source.graph and node not in mentioned:
            source.problem(
                node, "is defined, and nothing concludes it; use it, or delete it", kind="unused"
            )
    named = {fact.local for fact in guideline.facts.values()}
    shown = {*source.graph.objects(None, SH.path)}
    for node in described:
        if (
            (node, RDF.type, OWL.DatatypeProperty) in source.graph
            and source.local(node) not in named
            and node not in shown
        ):
            source.problem(
                node,
                f"is a property that no shape admits, so no fact; add it to {source.case_file}, "
                "or delete it",
                kind="unused",
            )
    for shared in guideline.shared:
        if (condition := URIRef(source.names(f"condition/{shared.id}"))) not in mentioned:
            source.problem(
                condition, "is a condition that nothing uses; use it, or delete it", kind="unused"
            )
    read = set(guideline.program.readers_of)
    read |= {name for rule in guideline.constraints for name in values_read(rule.condition)}
    for fact in guideline.facts.values():
        if fact.given and fact.name not in read:
            source.problem(
                URIRef(source.names(fact.local)),
                "is a fact that no rule reads; use it, or delete it",
                kind="unused",
            )
    cited = {statement for rule in guideline.rules for statement in rule.evidence}
    for statement in guideline.statements.values():
        measures = any(number.comparator == DEVIATION for number in statement.numbers)
        if statement.id not in cited and not measures:
            source.problem(
                URIRef(source.names(f"ev/{statement.id}")),
                "is stated, and no rule rests on it",
                kind="unused-statement",
            )
    for study in sorted(
        set(guideline.studies) - {statement.study for statement in guideline.statements.values()}
    ):
        source.problem(
            URIRef(source.names(f"ev/{study}")),
            "is a study of which nothing is stated",
            kind="unused-study",
        )


def _undefined(source: Source) -> None:
    defined = set(source.graph.subjects())
    version = source.graph.value(source.node, OWL.versionIRI)
    told = set[Node]()
    for name, graph in source.graphs.items():
        for triple in sorted(graph):
            for node in triple:
                if (
                    isinstance(node, URIRef)
                    and source.names.has(node)
                    and node not in defined
                    and node != version
                    and node not in told
                ):
                    told.add(node)
                    line = source.files.line_with(name, source.names.short(node))
                    source.problems.append(
                        AuthoringProblem(
                            "undefined",
                            name,
                            "is used and not defined; define it, or mend its name",
                            source.names.short(node),
                            line,
                        )
                    )


def _mappings(source: Source, guideline: Guideline) -> list[AuthoringProblem]:
    """Every line of the table of mappings speaks of a fact, a term or a value that there is."""
    path = source.files.directory / MAPPINGS
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [AuthoringProblem("encoding", MAPPINGS, f"cannot be read as UTF-8 ({error})")]
    return list(_lines(lines, source, guideline))


def _lines(lines: list[str], source: Source, guideline: Guideline) -> Iterator[AuthoringProblem]:
    columns = set((next((line for line in lines if not line.startswith("#")), "")).split("\t"))
    if not {"subject_id", "predicate_id", "object_id", "object_label", "comment"} <= columns:
        yield AuthoringProblem(
            "mapping",
            MAPPINGS,
            (
                "lacks a column of subject_id, predicate_id, object_id, object_label, comment; "
                "mend its first line"
            ),
        )
        return
    rows = [(number, line) for number, line in enumerate(lines, 1) if not line.startswith("#")]
    prefixes = {line[1:].partition(":")[0].strip() for line in lines if line.startswith("#  ")}
    values = {value for fact in guideline.facts.values() for value in fact.values}
    seen = set[tuple[str, ...]]()
    for (number, _), row in zip(
        rows[1:], csv.DictReader([line for _, line in rows], delimiter="\t"), strict=False
    ):
        if None in row or None in row.values():
            yield AuthoringProblem(
                "mapping",
                MAPPINGS,
                "has more or fewer cells than the first line; check its tabs",
                line=number,
            )
            continue
        subject = str(row.get("subject_id"))
        prefix, _, local = subject.partition(":")
        known = (
            local in values
            if prefix == "value"
            else (URIRef(source.names(local)), None, None) in source.graph
        )
        if not known:
            yield AuthoringProblem(
                "mapping",
                MAPPINGS,
                f"maps {subject}, which is not defined; mend the name",
                subject,
                number,
            )
        if str(row.get("object_id")).partition(":")[0] not in prefixes:
            yield AuthoringProblem(
                "mapping",
                MAPPINGS,
                f"the prefix of {row.get('object_id')} is not in the curie_map above",
                subject,
                number,
            )
        key = tuple(str(row.get(column)) for column in IDENTIFY)
        if key in seen:
            yield AuthoringProblem(
                "mapping", MAPPINGS, f"{subject} stands twice with the same code", subject, number
            )
        seen.add(key)
