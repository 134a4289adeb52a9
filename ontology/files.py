"""Finds, digests and parses the files of a guideline. Knows nothing of what they mean."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from calx.ontology.errors import AuthoringProblem, GuidelineError

if TYPE_CHECKING:
    from rdflib import Graph

    from calx.ontology.expand import Origin

CORE = "https://w3id.org/calx/"
"""Namespace of the vocabulary in which guidelines are written."""
CORE_DIRECTORY = Path(__file__).resolve().parent / "core"
"""The vocabulary in which guidelines are written."""
DEFAULT_DIRECTORY = CORE_DIRECTORY.with_name("calcified-lesions")
"""The guideline that comes with Calx."""
HEADER_FILE = "guideline.ttl"
"""Where a guideline's header stands, by convention."""
XSD = "http://www.w3.org/2001/XMLSchema#"
MERGE_MARK = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?:[ \r\n]|$)", re.MULTILINE)


@contextlib.contextmanager
def literals_as_written() -> Iterator[None]:
    """Parse RDF without mending literals: rdflib would turn
    ``"yes"^^xsd:boolean`` into false, and warn at most.
    """
    import rdflib

    kept, logger = rdflib.NORMALIZE_LITERALS, logging.getLogger("rdflib.term")
    level = logger.level
    rdflib.NORMALIZE_LITERALS = False
    logger.setLevel(logging.CRITICAL)  # what is ill-typed is told by those who read it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        rdflib.NORMALIZE_LITERALS = kept
        logger.setLevel(level)


_PARSED: WeakValueDictionary[str, Graph] = WeakValueDictionary()
"""Graphs that somebody holds, by their text: an edited guideline shares all its other files with
the one that it came from.
"""


def parse(text: str) -> Graph:
    """The triples of a text in Turtle, without following
    any import or link; do not change what comes back.

    Oxigraph parses it, five times as fast as rdflib. What it refuses rdflib decides, whose errors
    tell the line and the reason; it raises whatever it meets.
    """
    found = _PARSED.get(text)
    if found is None:
        with literals_as_written():
            found = _by_oxigraph(text)
            if found is None:
                found = empty_graph().parse(data=text, format="turtle")
        _PARSED[text] = found
    return found


def _by_oxigraph(text: str) -> Graph | None:
    import pyoxigraph as ox
    from rdflib import BNode, Literal, URIRef

    def node(term: ox.NamedNode | ox.BlankNode | ox.Literal) -> URIRef | BNode | Literal:
        if isinstance(term, ox.Literal):
            plain = term.language or term.datatype.value == f"{XSD}string"
            return (
                Literal(term.value, lang=term.language)
                if plain
                else Literal(term.value, datatype=URIRef(term.datatype.value))
            )
        return URIRef(term.value) if isinstance(term, ox.NamedNode) else BNode(term.value)

    graph, known = empty_graph(), dict[Any, Any]()
    try:
        for quad in ox.parse(text.encode(), ox.RdfFormat.TURTLE, rename_blank_nodes=True):
            for term in quad.triple:
                if term not in known:
                    known[term] = node(term)
            graph.add((known[quad.subject], known[quad.predicate], known[quad.object]))
    except (SyntaxError, UnicodeEncodeError):
        return None
    return graph


def empty_graph() -> Graph:
    """A graph of the lightest kind: it keeps no contexts, and knows no prefixes."""
    from rdflib import Graph

    return Graph(store="SimpleMemory", bind_namespaces="none")


@cache
def core() -> Graph:
    """The vocabulary in which guidelines are written; do not change what comes back."""
    found = empty_graph()
    for path in sorted(CORE_DIRECTORY.glob("*.ttl")):
        for triple in parse(path.read_text(encoding="utf-8")):
            found.add(triple)
    return found


class GuidelineFiles:
    """The Turtle files of one guideline, read once so that digest and content cannot part.

    Raises:
        GuidelineError: the folder is missing, holds no Turtle, or a file is not UTF-8.

    >>> files = GuidelineFiles()
    >>> "facts.ttl" in files.texts, files.digest.partition(":")[0]
    (True, 'sha256')
    """

    def __init__(self, directory: Path | str = DEFAULT_DIRECTORY) -> None:
        directory = Path(directory)
        self.directory = directory
        self.texts: dict[str, str] = {}
        self._graphs: dict[str, Graph] | None = None
        self.origins: dict[str, Origin] = {}
        """By IRI, from what that was written out which stands in no file as it is."""
        self.tallies: dict[str, str] = {}
        """By IRI of the number, that of the property of the points that a tally adds up."""
        if not directory.is_dir():
            raise GuidelineError(
                [
                    AuthoringProblem(
                        "file",
                        str(directory),
                        "no such folder; give the folder that holds the guideline's .ttl files",
                    )
                ]
            )
        problems = []
        digest = hashlib.sha256()
        for path in sorted(directory.rglob("*.ttl")):
            name = (
                path.relative_to(directory).as_posix().encode("utf-8", "backslashreplace").decode()
            )
            try:
                if not path.is_file():
                    raise OSError("is no file")
                content = path.read_bytes()
            except OSError as error:
                problems.append(
                    AuthoringProblem(
                        "file",
                        name,
                        f"cannot be read ({error.strerror or error}); mend or remove it",
                    )
                )
                continue
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
            if b"\r" in content and b"\n" not in content:
                problems.append(
                    AuthoringProblem(
                        "encoding",
                        name,
                        "has line ends of old Macs (CR); save it with line ends LF",
                    )
                )
                continue
            try:
                self.texts[name] = content.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                line = content[: error.start].count(b"\n") + 1
                problems.append(
                    AuthoringProblem(
                        "encoding", name, "is not UTF-8 here; save the file as UTF-8", line=line
                    )
                )
        if not self.texts and not problems:
            problems.append(
                AuthoringProblem(
                    "header", str(directory), "holds no .ttl file; give the folder of a guideline"
                )
            )
        if problems:
            raise GuidelineError(problems)
        self.digest = f"sha256:{digest.hexdigest()}"

    def graphs(self) -> dict[str, Graph]:
        """Every file, parsed once, without following any import or link, what stands for a whole
        class written out (`expand`); do not change what comes back.

        Raises:
            GuidelineError: files that are not Turtle, each with its line, or cannot be written out.
        """
        from rdflib.plugins.parsers.notation3 import BadSyntax

        from calx.ontology.expand import expand

        if self._graphs is not None:
            return self._graphs
        graphs, problems = {}, []
        for name, text in self.texts.items():
            if marks := [
                text[: mark.start()].count("\n") + 1 for mark in MERGE_MARK.finditer(text)
            ]:
                lines = ", ".join(map(str, marks[:6]))
                message = (
                    f"merge conflict marks (lines {lines}); choose one of the versions and "
                    "delete the marks"
                )
                problems.append(AuthoringProblem("merge-marks", name, message, line=marks[0]))
                continue
            try:
                graphs[name] = parse(text)
            except BadSyntax as error:
                reason = " ".join(str(getattr(error, "_why", "") or "cannot be read").split())[:120]
                line = int(getattr(error, "lines", 0)) + 1
                reads = next(iter(text.splitlines()[line - 1 : line]), "").strip()[:60]
                problems.append(
                    AuthoringProblem(
                        "syntax", name, f"not Turtle: {reason}; the line reads: {reads}", line=line
                    )
                )
            except (
                Exception
            ) as error:  # rdflib's parser raises whatever it meets at the end of half a file
                reason = " ".join(str(error).split())[:100]
                problems.append(
                    AuthoringProblem(
                        "syntax",
                        name,
                        (
                            "not Turtle: is the file complete? check its quotes, and the full stop "
                            f"at the end ({reason})"
                        ),
                    )
                )
        if problems:
            raise GuidelineError(problems)
        found = expand(graphs, core())
        if found.problems:
            raise GuidelineError(found.problems)
        self._graphs, self.origins, self.tallies = found.graphs, found.origins, found.tallies
        return self._graphs

    def written_out(self) -> dict[str, bytes]:
        """Every file as Turtle, what stands for a whole class written out, and under ``core/`` the
        vocabulary in which guidelines are written: what SPARQL asks and other engines run.

        Raises:
            GuidelineError: as `graphs`.
        """
        found = {
            name: self.texts[name].encode()
            if graph is parse(self.texts[name])
            else graph.serialize(format="nt", encoding="utf-8")
            for name, graph in self.graphs().items()
        }
        for path in sorted(CORE_DIRECTORY.glob("*.ttl")):
            found[f"core/{path.name}"] = path.read_bytes()
        return found

    def names(self) -> tuple[str, str]:
        """The guideline's namespace, and the prefix that its files give it.

        Raises:
            GuidelineError: as `graphs`, or there is not one header.
        """
        from rdflib import RDF, URIRef

        headers = [
            (node, graph)
            for graph in self.graphs().values()
            for node in graph.subjects(RDF.type, URIRef(f"{CORE}Guideline"))
            if isinstance(node, URIRef)
        ]
        if len(headers) != 1:
            told = (
                f"there are {len(headers)} headers: {', '.join(sorted(n for n, _ in headers))}"
                if headers
                else "there is no header (an owl:Ontology that is a calx:Guideline)"
            )
            raise GuidelineError(
                [
                    AuthoringProblem(
                        "header", HEADER_FILE, f"{told}; is this the folder of a guideline?"
                    )
                ]
            )
        ((node, graph),) = headers
        if not str(node).endswith(("/", "#")):
            raise GuidelineError(
                [
                    AuthoringProblem(
                        "header",
                        HEADER_FILE,
                        f"the header <{node}> is the namespace of the guideline's terms; end its "
                        "IRI in / or #, and write all others so",
                    )
                ]
            )
        prefix = graph.value(node, URIRef("http://purl.org/vocab/vann/preferredNamespacePrefix"))
        return str(node), str(prefix or "calx")

    def line_of(self, name: str, subject: str) -> int | None:
        """The line on which `subject` (a prefixed name such as ``rule:C1``) is declared."""
        match = re.search(rf"^{re.escape(subject)}[ \t]", self.texts.get(name, ""), re.MULTILINE)
        return self.texts[name][: match.start()].count("\n") + 1 if match else None

    def line_with(self, name: str, word: str) -> int | None:
        """The first line on which a prefixed name stands."""
        match = re.search(rf"(?<![\w:.-]){re.escape(word)}(?![\w-])", self.texts.get(name, ""))
        return self.texts[name][: match.start()].count("\n") + 1 if match else None

    def declarations(self, prefix: str) -> list[tuple[str, str, int]]:
        """Every block that starts with a subject of `prefix`: (file, subject, line)."""
        return [
            (name, match.group(1), text[: match.start()].count("\n") + 1)
            for name, text in self.texts.items()
            for match in re.finditer(rf"^({prefix}:[A-Za-z0-9._-]+)[ \t\n]", text, re.MULTILINE)
        ]
