"""Writes every text, or part of one, that is made from the guideline
or from the code: ``python docs/generate.py`` (or ``make docs``).
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from rdflib import OWL, RDFS, BNode, Graph
from rdflib.term import Node

from calx.api.contract.models import case_schema
from calx.api.contract.problems import KINDS as PROBLEMS
from calx.ontology import KINDS, GuidelineFiles, title_of_kind
from calx.ontology.files import core
from calx.reasoner.authors.check import owl
from calx.reasoner.authors.check.check import check
from calx.reasoner.authors.check.report import check_summary
from calx.reasoner.authors.publish import rulebook, support
from calx.reasoner.load.reader import examine
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.fact_list import facts_as_markdown
from calx.reasoner.tell.forms import ANSWER_FORMS
from calx.reasoner.tell.text import render
from calx.words import words

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
import house  # noqa: E402  beside this file; it reads the test that holds the house

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SHIPPED = Reasoner.load()


def ontology_page() -> str:
    """The terms of the guideline."""
    vocabulary = set(core())
    return _described(t for t in owl.terms(GuidelineFiles()) if t not in vocabulary)


def core_page() -> str:
    """The vocabulary in which guidelines are written."""
    return _described(core())


def _described(triples: Iterable[tuple[Node, Node, Node]]) -> str:
    """Terms described by pyLODE. Class expressions are left out: it cannot show nested ones, and
    the definitions say the same in words.
    """
    shown = Graph()
    for prefix, iri in (
        ("calx", "https://w3id.org/calx/"),
        ("skos", "http://www.w3.org/2004/02/skos/core#"),
        ("dcterms", "http://purl.org/dc/terms/"),
    ):
        shown.bind(prefix, iri)
    for triple in triples:
        subject, predicate, value = triple
        if not isinstance(subject, BNode) and not (
            isinstance(value, BNode)
            and predicate in (OWL.equivalentClass, RDFS.subClassOf, OWL.members)
        ):
            shown.add(triple)
    with (
        tempfile.NamedTemporaryFile(suffix=".ttl") as file,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        shown.serialize(file.name)
        from pylode.profiles.ontpub import OntPub

        logging.disable(logging.INFO)
        page = str(OntPub(ontology=file.name).make_html())
        logging.disable(logging.NOTSET)
    return re.sub(r"[ \t]+$", "", page, flags=re.MULTILINE)


def facts() -> str:
    """The list of facts."""
    return facts_as_markdown(SHIPPED.guideline, "en")


def schema() -> str:
    """The JSON Schema of a case."""
    return json.dumps(case_schema(SHIPPED.guideline), indent=1, ensure_ascii=False) + "\n"


def answer() -> str:
    """The README with the answer that Calx gives today, digest and all."""
    case = json.loads((ROOT / "examples" / "real-pullback.json").read_text(encoding="utf-8"))
    shown = render(SHIPPED.recommend(case))
    return between(ROOT / "README.md", r"(## An answer\n.*?```text\n).*?(\n```)", shown.strip())


def problems() -> str:
    """The page of the service's problems, its statuses and titles from the code; what to do is told
    on the page itself.
    """
    text = (DOCS / "problems.md").read_text(encoding="utf-8")
    advice = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]*\|[^|]*\| (.*) \|$", text, re.MULTILINE))
    rows = [
        f"| `{name}` | {status} | {words('problem')[name]} | {advice.get(name, 'TO BE TOLD')} |"
        for name, status in PROBLEMS.items()
    ]
    return between(
        DOCS / "problems.md",
        r"(\| kind \| status \| means \| what to do \|\n\|---\|---\|---\|---\|\n)(?:\|[^\n]*\n)*()",
        "\n".join(rows) + "\n",
    )


def tutorial() -> str:
    """The tutorial, with the counts of the guideline that it starts from."""
    counts = check_summary(check(GuidelineFiles(), with_owl=False), "en").partition(":")[0]
    path = DOCS / "tutorial.md"
    return between(path, r"(\n)[0-9]+ rules, [^:\n]*(: no fault found; …\n)", counts)


def answer_forms() -> str:
    """The table of forms that an answer comes in."""
    rows = [
        f"| `{form.name}` | `{form.media_type}` | `{form.suffix}` | {form.title} |"
        for form in ANSWER_FORMS
    ]
    return between(
        DOCS / "integrators.md",
        r"(\| `--format` \| `Accept` \| suffix \| what \|\n[|-]+\n)(?:\|[^\n]*\n)*()",
        "\n".join(rows) + "\n",
    )


def kinds() -> str:
    """The index of the kinds of problems that a guideline can have."""
    text = (DOCS / "checks" / "README.md").read_text(encoding="utf-8")
    for kind, severity in KINDS.items():
        text = re.sub(
            rf"^\| \[`{kind}`\].*$",
            f"| [`{kind}`]({kind}.md) | {severity} | {title_of_kind(kind)} |",
            text,
            flags=re.MULTILINE,
        )
    return text


def between(path: Path, pattern: str, text: str) -> str:
    """The text of a file with something else between the two groups of a pattern."""
    whole = path.read_text(encoding="utf-8")
    made, count = re.subn(
        pattern, lambda match: f"{match[1]}{text}{match[2]}", whole, count=1, flags=re.DOTALL
    )
    assert count == 1, f"{path} lacks {pattern}"
    return made


def generated() -> dict[str, Callable[[], str]]:
    """What each generated file must say, by its path from the root."""
    whole = examine(GuidelineFiles()).whole
    found = support.supports(whole)
    return {
        "README.md": answer,
        "docs/facts.md": facts,
        "docs/facts.schema.json": schema,
        "docs/integrators.md": answer_forms,
        "docs/tutorial.md": tutorial,
        "docs/problems.md": problems,
        "docs/checks/README.md": kinds,
        "docs/rulebook.md": lambda: rulebook.book(whole),
        "docs/rulebook.zh.md": lambda: rulebook.book(whole, "zh"),
        "docs/flow.svg": lambda: rulebook.flow(whole),
        "docs/flow.zh.svg": lambda: rulebook.flow(whole, "zh"),
        "docs/evidence.svg": lambda: support.as_svg(found) + "\n",
        "docs/ontology.html": ontology_page,
        "docs/core.html": core_page,
        "docs/house.svg": house.svg,
    }


if __name__ == "__main__":
    for name, made in generated().items():
        (ROOT / name).write_text(made(), encoding="utf-8")
        print(name)
