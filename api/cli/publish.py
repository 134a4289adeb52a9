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
        typer.Option("--format", help="markdown: the rule book; svg: the flow of strategies."),
    ] = BookFormat.markdown,
    lang: Lang = DEFAULT,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Write every rule in sentences with its evidence, or the flow of strategies as a picture."""
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
    if str(out) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        write_atomically(out, content)
    except OSError as error:
        fail(f"{out}: cannot be written ({error.strerror})")
