"""A guideline in other forms: the rule book, RDF/XML."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import fail, read_files, read_guideline, refuse_guideline
from calx.api.cli.options import Lang, Ontology
from calx.atomic import write_atomically
from calx.ontology import DEFAULT_DIRECTORY, GuidelineError
from calx.words import DEFAULT


class BookFormat(StrEnum):
    """How the rules are told."""

    markdown = "markdown"
    svg = "svg"


@app.command()
def rulebook(
    format: Annotated[
        BookFormat,
        typer.Option("--format", help="markdown: the rule book; svg: the flow of what leads."),
    ] = BookFormat.markdown,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write every rule in sentences with its evidence, or what leads an answer as a flow chart."""
    from calx.reasoner.authors.publish import rulebook as written

    whole = read_guideline(ontology).whole
    typer.echo(
        written.book(whole, lang) if format is BookFormat.markdown else written.flow(whole, lang),
        nl=False,
    )


@app.command(name="export-owl")
def export_owl(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT.owl", help="File to write, RDF/XML; - for standard output."),
    ],
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write the terms as RDF/XML, which Protégé and other OWL tools open."""
    from calx.reasoner.authors.check.owl import rdf_xml

    try:
        content = rdf_xml(read_files(ontology))
    except GuidelineError as error:
        refuse_guideline(error)
    _write(out, content)


@app.command(name="export-shacl")
def export_shacl(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT.nt", help="File to write, N-Triples; - for standard output."),
    ],
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write the guideline as one file that any SHACL engine runs: what is said once for a class of
    things, or adds points up, written out.
    """
    import pyoxigraph as ox

    try:
        texts = read_files(ontology).written_out().values()
    except GuidelineError as error:
        refuse_guideline(error)
    triples = [
        quad.triple
        for text in texts
        for quad in ox.parse(text, ox.RdfFormat.TURTLE, rename_blank_nodes=True)
    ]
    _write(out, ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"")


def _write(out: Path, content: bytes) -> None:
    if str(out) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        write_atomically(out, content)
    except OSError as error:
        fail(f"{out}: cannot be written ({error.strerror})")
