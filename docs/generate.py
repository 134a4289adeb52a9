"""Writes the documents that are generated from the guideline: ``python docs/generate.py`` (or ``make docs``)."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from rdflib import OWL, RDFS, BNode, Graph

from calx.ontology import GuidelineFiles
from calx.reasoner import owl
from calx.reasoner.authoring import examine
from calx.reasoner.authors import rulebook, support

DOCS = Path(__file__).resolve().parent


def ontology_page() -> str:
    """The terms, described by pyLODE. Class expressions are left out: it cannot show nested ones, and the definitions say the same in words."""
    shown = Graph()
    for prefix, iri in (("calx", "https://w3id.org/calx/"), ("skos", "http://www.w3.org/2004/02/skos/core#"), ("dcterms", "http://purl.org/dc/terms/")):
        shown.bind(prefix, iri)
    for triple in owl.terms(GuidelineFiles()):
        subject, predicate, value = triple
        if not isinstance(subject, BNode) and not (isinstance(value, BNode) and predicate in (OWL.equivalentClass, RDFS.subClassOf, OWL.members)):
            shown.add(triple)
    with tempfile.NamedTemporaryFile(suffix=".ttl") as file, contextlib.redirect_stdout(io.StringIO()):
        shown.serialize(file.name)
        from pylode.profiles.ontpub import OntPub

        logging.disable(logging.INFO)
        page = str(OntPub(ontology=file.name).make_html())
        logging.disable(logging.NOTSET)
    return re.sub(r"[ \t]+$", "", page, flags=re.MULTILINE)


def generated() -> dict[str, Callable[[], str]]:
    """What each generated document must say."""
    whole = examine(GuidelineFiles()).whole
    found = support.supports(whole)
    return {
        "rulebook.md": lambda: rulebook.book(whole),
        "rulebook.zh.md": lambda: rulebook.book(whole, "zh"),
        "flow.svg": lambda: rulebook.flow(whole),
        "flow.zh.svg": lambda: rulebook.flow(whole, "zh"),
        "evidence.svg": lambda: support.as_svg(found) + "\n",
        "ontology.html": ontology_page,
    }


if __name__ == "__main__":
    for name, made in generated().items():
        (DOCS / name).write_text(made(), encoding="utf-8")
