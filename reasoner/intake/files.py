"""Cases as files hold them: JSON, JSON lines, Turtle,
JSON-LD. Nothing is fetched; every fault has its place.

Each case comes as a `Submission`: the raw facts with what was wrong already in the reading, or,
where no case could be read, problems alone. The gate (`intake.gate`) judges the facts.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import IO, Any

from calx.ontology import literals_as_written
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI
from calx.words import DEFAULT

MIB = 1024 * 1024
DOCUMENT_BYTES = 16 * MIB
"""Largest JSON, Turtle or JSON-LD document; JSON lines may be of any length, line by line."""
LINE_BYTES = MIB
SUFFIXES = (".json", ".jsonl", ".ttl", ".jsonld")
"""Of files that hold cases."""
MEDIA_TYPES = {
    "application/json": ".json",
    "application/ld+json": ".jsonld",
    "text/turtle": ".ttl",
    "application/x-turtle": ".ttl",
}
"""What HTTP calls the same forms."""


@dataclass
class Submission:
    """One case as it was handed in."""

    raw: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    place: str | None = None
    readable: bool = True
    """False where no case could be made out: only the problems count."""
    consumed: int = 0
    """Bytes read so far, for progress."""


def submissions(stream: IO[bytes], suffix: str, guideline: Guideline) -> Iterator[Submission]:
    """The cases of one file.

    Args:
        stream: the file, opened for bytes.
        suffix: one of `SUFFIXES`, which says how to read it.
        guideline: names the facts of RDF cases.
    """
    if suffix == ".jsonl":
        yield from _lines(stream)
        return
    content = stream.read(DOCUMENT_BYTES + 1)
    if len(content) > DOCUMENT_BYTES:
        yield _unreadable(
            f"larger than {DOCUMENT_BYTES // MIB} MiB; hand in many cases as JSON lines (.jsonl), "
            "which are read one by one"
        )
        return
    text = _decoded(content)
    if isinstance(text, Problem):
        yield Submission(problems=[text], readable=False)
    elif not text.strip():
        yield _unreadable(
            f'the file is empty; write one case, for example {{"case_id": "my-case", '
            f'"{next(iter(guideline.facts))}": …}}'
        )
    elif suffix == ".json":
        yield from _document(text, len(content))
    else:
        yield from _rdf(text, suffix, guideline)


def _unreadable(message: str, place: str | None = None) -> Submission:
    return Submission(problems=[Problem(message, place=place)], place=place, readable=False)


def _decoded(content: bytes, line: int = 1) -> str | Problem:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"line {line + content[: error.start].count(10)}"
        return Problem("not UTF-8 text; save the file as UTF-8", place=place)


# --- JSON --------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys given more than once."""

    repeated: tuple[str, ...] = ()


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        found.repeated = (
            tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))
            if len(keys) < 1000
            else ("some keys",)
        )
    return found


def _number(text: str) -> Decimal | float:
    try:
        return Decimal(text) if len(text) < 400 else float("inf")
    except InvalidOperation:
        return float("inf")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_number, parse_int=_number)


def _parsed(text: str, line: int | None) -> Any | Problem:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        hint = (
            "; each line holds one whole case: name a file to read a case of several lines"
            if line
            else ""
        )
        return Problem(
            f"broken JSON at column {error.colno}: {error.msg}{hint}",
            place=f"line {(line or 1) + error.lineno - 1}",
        )
    except RecursionError:
        return Problem(
            "nested too deeply; a case is one flat JSON object of facts", place=f"line {line or 1}"
        )


def _submission(value: Any, place: str | None) -> Submission:
    if not isinstance(value, dict):
        return _unreadable(f"a case is a JSON object of facts, not {_kind(value)}", place)
    repeated = [
        Problem("stands more than once; keep one of them", str(key)[:64], place)
        for key in getattr(value, "repeated", ())
    ]
    return Submission(value, repeated, place)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _document(text: str, size: int) -> Iterator[Submission]:
    value = _parsed(text, None)
    if isinstance(value, Problem):
        yield Submission(problems=[value], readable=False)
    elif isinstance(value, list):
        if not value:
            yield _unreadable("the list holds no case")
        for index, item in enumerate(value, 1):
            submission = _submission(item, f"case {index}")
            submission.consumed = size * index // len(value)
            yield submission
    else:
        yield _submission(value, None)


def _lines(stream: IO[bytes]) -> Iterator[Submission]:
    number, consumed, found = 0, 0, False
    while line := stream.readline(LINE_BYTES + 1):
        number += 1
        consumed += len(line)
        place = f"line {number}"
        if len(line) > LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LINE_BYTES)
                consumed += len(line)
            found = True
            yield _unreadable(
                f"longer than {LINE_BYTES // MIB} MiB; a case is one short line", place
            )
            continue
        text = _decoded(line, number)
        if isinstance(text, Problem):
            submission = Submission(problems=[text], place=place, readable=False)
        elif not text.strip():
            continue
        else:
            value = _parsed(text, number)
            submission = (
                Submission(problems=[value], place=place, readable=False)
                if isinstance(value, Problem)
                else _submission(value, place)
            )
        found = True
        submission.consumed = consumed
        yield submission
    if not found:
        yield _unreadable("no case; write one JSON object a line")


# --- RDF ---------------------------------------------------------------------------


def _rdf(text: str, suffix: str, guideline: Guideline) -> Iterator[Submission]:
    document: Any = None
    if suffix == ".jsonld":
        document = _parsed(text, None)
        if isinstance(document, Problem):
            yield Submission(problems=[document], readable=False)
            return
        faults = [*dict.fromkeys(_jsonld_faults(document))]
        if faults:
            yield Submission(problems=[Problem(fault) for fault in faults[:100]], readable=False)
            return
    graph = _graph(text, suffix)
    if isinstance(graph, Problem):
        yield Submission(problems=[graph], readable=False)
        return
    astray = [
        *_astray(graph, guideline),
        *(_unmapped(document, graph, guideline) if document else ()),
    ]
    if astray:  # a fact that does not reach its lesion would be lost from the answer
        yield Submission(problems=[Problem(message) for message in astray], readable=False)
        return
    yield from _lesions(graph, guideline)


def _unmapped(document: Any, graph: Any, guideline: Guideline) -> Iterator[str]:
    """Keys that are named as facts, and say nothing."""
    spoken = {guideline.names.below(predicate).casefold() for predicate in graph.predicates()}
    local = {fact.local.casefold() for fact in guideline.facts.values()}
    names = {fact.name: fact.local.casefold() for fact in guideline.facts.values()}
    for key in sorted(_keys(document)):
        plain = key.rpartition(":")[2].rpartition("/")[2]
        meant = names.get(plain, plain.casefold())
        if meant in local and meant not in spoken:
            yield (
                f"the key '{key[:64]}' says nothing: the context maps it to no property of the "
                f"guideline (<{guideline.iri}…>), or what it is said of is in another graph"
            )


def _keys(node: Any) -> set[str]:
    """The keys of a JSON-LD document outside its contexts."""
    if isinstance(node, list):
        return {key for item in node for key in _keys(item)}
    if not isinstance(node, dict):
        return set()
    inner = {key for name, value in node.items() if name != "@context" for key in _keys(value)}
    return inner | {name for name in node if not name.startswith("@")}


def _jsonld_faults(node: Any) -> Iterator[str]:
    """What makes JSON-LD ambiguous, or would have to be fetched: a context is an object in the
    file, or a list of them.
    """
    if isinstance(node, list):
        for item in node:
            yield from _jsonld_faults(item)
    elif isinstance(node, dict):
        yield from (
            f"the key '{key}' stands more than once; keep one of them"
            for key in getattr(node, "repeated", ())
        )
        for key, value in node.items():
            contexts = value if isinstance(value, list) else [value]
            if key == "@import" or (
                key == "@context" and any(isinstance(context, str) for context in contexts)
            ):
                yield (
                    f"names a remote context ({value!s:.100}), which is never fetched; write "
                    "the context into the file"
                )
            elif key == "@context" and not all(
                context is None or isinstance(context, dict) for context in contexts
            ):
                yield (
                    "has a @context that is neither an object nor a list of objects; nothing is "
                    "fetched, so write the context into the file"
                )
            if isinstance(value, list) and _twice(value):
                yield f"the key '{key}' has one value twice; write it once"
            yield from _jsonld_faults(value)
    elif isinstance(node, Decimal) and Decimal(repr(float(node))) != node:
        yield f"the number {node!s:.40} has more digits than RDF keeps; write fewer"
    elif node is not None and not isinstance(node, str | bool | Decimal | float):
        yield "holds what is no JSON"


def _twice(values: list[Any]) -> bool:
    """Whether a list holds a plain value twice, which RDF would forget."""
    plain = [repr(value) for value in values if not isinstance(value, dict | list)]
    return len(set(plain)) < len(plain)


def _graph(text: str, suffix: str) -> Any | Problem:
    from rdflib import OWL, Graph
    from rdflib.plugins.parsers.notation3 import BadSyntax

    if suffix == ".ttl" and (fault := _turtle_fault(text)):
        return fault
    graph = Graph(bind_namespaces="none")
    try:
        with literals_as_written():
            graph.parse(
                data=text,
                format="turtle" if suffix == ".ttl" else "json-ld",
                publicID=IRI + "case/",
            )
    except BadSyntax as error:
        return Problem(
            f"broken Turtle: {_one_line(getattr(error, 'message', error))}",
            place=f"line {error.lines + 1}",
        )
    except RecursionError:
        return Problem("nested too deeply; a case is one thing with its facts")
    except Exception as error:  # rdflib's parsers raise whatever they meet
        hint = (
            "check its quotes, and the full stop at the end"
            if suffix == ".ttl"
            else "it must be an object, or a list of objects, with @context and @id"
        )
        return Problem(
            f"not readable as {'Turtle' if suffix == '.ttl' else 'JSON-LD'}: {hint} "
            f"({_one_line(error)})"
        )
    imports = sorted(str(target) for target in graph.objects(None, OWL.imports))
    if imports:
        return Problem(
            f"owl:imports {', '.join(imports)[:120]} is never fetched; write the facts into the "
            "file and remove the import"
        )
    return graph


def _turtle_fault(text: str) -> Problem | None:
    """What is no Turtle, or stands twice: rdflib reads more than Turtle, and forgets that a value
    was written twice, so that ``5,5`` would be 5.
    """
    import pyoxigraph

    if re.search(r"[0-9]\.$", text):
        return Problem(
            "ends within a number, or with a full stop right behind one: was the file cut? End it "
            "with ' .' and a line break"
        )
    seen = set[pyoxigraph.Quad]()
    try:
        for triple in pyoxigraph.parse(
            text, format=pyoxigraph.RdfFormat.TURTLE, base_iri=IRI + "case/"
        ):
            if triple in seen:
                local = triple.predicate.value.removeprefix(IRI)[:64]
                return Problem(
                    f"the value {_one_line(triple.object)} stands twice; write it once, with a "
                    "decimal point if a comma was meant as one",
                    local,
                )
            seen.add(triple)
    except SyntaxError as error:
        place = None if error.lineno is None else f"line {error.lineno}"
        return Problem(f"broken Turtle: {_one_line(error.msg)}", place=place)
    except (ValueError, RecursionError) as error:
        return Problem(f"not readable as Turtle ({_one_line(error)})")
    return None


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:120]


def _lesions(graph: Any, guideline: Guideline) -> Iterator[Submission]:
    subjects = sorted(_subjects(graph, guideline))
    if not subjects:
        root = guideline.root
        yield _unreadable(
            f"no {root.label[DEFAULT]}; type it as <{guideline.names(root.local)}> and give it "
            f"<{IRI}caseId>"
        )
    for subject in subjects:
        yield _lesion(graph, subject, guideline)


def _subjects(graph: Any, guideline: Guideline) -> set[Any]:
    """The cases of a graph: what the guideline is about."""
    from rdflib import RDF, URIRef

    return {
        *graph.subjects(RDF.type, URIRef(guideline.names(guideline.root.local))),
        *graph.subjects(URIRef(IRI + "caseId"), None),
    }


def _local(guideline: Guideline, iri: object) -> str | None:
    """A name of the guideline, or of the vocabulary of all guidelines (of which a case has the
    ``caseId`` alone: the others keep the prefix and so are no facts); None for another's.
    """
    if guideline.names.has(iri):
        return guideline.names.below(iri)
    if not str(iri).startswith(IRI):
        return None
    name = str(iri).removeprefix(IRI)
    return name if name == "caseId" else f"calx:{name}"


def _astray(graph: Any, guideline: Guideline) -> Iterator[str]:
    """Facts of what is no case, and properties that look like the guideline's and are none."""
    from rdflib import RDF

    lesions = _subjects(graph, guideline)
    root = guideline.root
    for subject, predicate in sorted({(s, p) for s, p in graph.subject_predicates()}):
        told = str(predicate)
        local = _local(guideline, predicate)
        if local is not None and subject not in lesions and predicate != RDF.type:
            yield (
                f"{local[:64]} is said of {str(subject)[:100]}, which is no "
                f"{root.label[DEFAULT]}; type it as <{guideline.names(root.local)}>, or say it of "
                f"the {root.label[DEFAULT]} itself"
            )
        elif local is None and _alike(guideline).search(told):
            yield (
                f"the property <{told[:100]}> is none of the guideline; its names begin with "
                f"<{guideline.iri}>"
            )


def _lesion(graph: Any, subject: Any, guideline: Guideline) -> Submission:
    names = {fact.local: fact.name for fact in guideline.facts.values() if fact.given} | {
        "caseId": "case_id"
    }
    concluded = {
        *guideline.properties,
        *(fact.local for fact in guideline.facts.values() if not fact.given),
    }
    submission = Submission(
        place=str(subject)[:200] if str(subject).startswith("http") else "a case without IRI"
    )
    for predicate in sorted(set(graph.predicates(subject))):
        local = _local(guideline, predicate)
        if local is None:
            continue  # other vocabularies may say more of a lesion than a guideline reads
        values = [_python(value, guideline) for value in graph.objects(subject, predicate)]
        if local in concluded:
            submission.problems.append(
                Problem("is a conclusion, not a fact; remove it", local, submission.place)
            )
        elif local not in names:
            near = difflib.get_close_matches(local[:64], names, n=1, cutoff=0.55)
            meant = f"; did you mean {near[0]}?" if near else ""
            submission.problems.append(
                Problem(
                    f"is no property of a {guideline.root.label[DEFAULT]}{meant}",
                    local[:64],
                    submission.place,
                )
            )
        elif len(values) > 1:
            submission.problems.append(
                Problem(f"has {len(values)} values; a fact has one", names[local], submission.place)
            )
        else:
            submission.raw[names[local]] = values[0]
    if "case_id" not in submission.raw and str(subject).startswith(IRI + "case/"):
        submission.raw["case_id"] = str(subject).removeprefix(IRI + "case/")
    return submission


@cache
def _alike_of(iri: str) -> re.Pattern[str]:
    host = iri.partition("://")[2].rstrip("/#")
    return re.compile(re.escape(host).replace("/", "/+"), re.IGNORECASE)


def _alike(guideline: Guideline) -> re.Pattern[str]:
    """What looks like the guideline's namespace, in whatever letters, with whatever scheme."""
    return _alike_of(guideline.iri)


NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
NUMERIC = {
    "integer",
    "decimal",
    "double",
    "float",
    "int",
    "long",
    "short",
    "nonNegativeInteger",
    "positiveInteger",
}


def _python(node: Any, guideline: Guideline) -> Any:
    """A literal as JSON would have given it; what cannot
    be converted stays text, for the gate to refuse.
    """
    from rdflib import XSD, Literal

    if not isinstance(node, Literal):
        values = guideline.names("value/")
        return (
            str(node).removeprefix(values)
            if str(node).startswith(values)
            else f"<{str(node)[:200]}>"
        )
    text, datatype = str(node), str(node.datatype or XSD.string).removeprefix(str(XSD))
    if datatype == "boolean" and text in ("true", "false", "1", "0"):
        return text in ("true", "1")
    if datatype in NUMERIC:
        if NUMBER.fullmatch(text):
            return _number(text)
        return (
            float("nan") if text.lstrip("+-").upper() in ("NAN", "INF") else f"{text}^^{datatype}"
        )
    return (
        text
        if node.language is None and datatype == "string"
        else f"{text}{'@' + node.language if node.language else '^^' + datatype}"
    )


def suffix_of(path: Path) -> str | None:
    """How to read a file, by its name; None where that is not known."""
    suffix = path.suffix.lower()
    return suffix if suffix in SUFFIXES else None
