"""No code knows a guideline: what it says of facts, devices, scores comes from the guideline's folder.

Only what measures recordings, what measures speed, and pictures that a guideline asks for by name may name its terms.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from calx.api.pages.pictures import PICTURES
from calx.reasoner.recommendation import Reasoner

ROOT = Path(__file__).parents[2]
GUIDELINE = Reasoner.load().guideline
PICTURE_FILES = {Path(inspect.getfile(draw)).resolve() for draw in PICTURES.values()}
FILES = [
    path
    for room in ("ontology", "reasoner", "api", "calx")
    for path in sorted((ROOT / room).rglob("*.py"))
    if path.resolve() not in PICTURE_FILES and not path.is_symlink()
]
TEMPLATES = [
    *sorted((ROOT / "api" / "pages" / "templates").glob("*.html")),
    *sorted((ROOT / "api" / "pages" / "static").glob("*.js")),
]
CONTRACT = {
    # parts of an answer that are the same in every guideline (docs/integrators.md)
    *(
        "actions",
        "advice",
        "alert",
        "alerts",
        "caution",
        "cautions",
        "factor",
        "factors",
        "review",
        "parameters",
    ),
    # words of English
    *("device", "feature", "finding", "point", "strategy", "preferred", "indicated", "none"),
    # of the imaging side: what may be drawn, and where a stent lies
    *("calcium", "stent", "lumen", "stage"),
}
"""Ids of the guideline that are plain words too; where such a word is code, `KEYS` finds it."""


def ids() -> set[str]:
    found = {*GUIDELINE.facts, *(fact.local for fact in GUIDELINE.facts.values())}
    found |= {*GUIDELINE.properties, *GUIDELINE.rule, *GUIDELINE.studies, *GUIDELINE.statements}
    found |= {term.id for term in GUIDELINE.terms.values()}
    found |= {term.local for term in GUIDELINE.terms.values()}
    found |= {section.key for section in GUIDELINE.sections}
    found |= {shared.id for shared in GUIDELINE.shared}
    return {name for name in found if len(name) > 2} - CONTRACT


NAMES = re.compile(
    r"(?<![\w-])(" + "|".join(sorted(map(re.escape, ids()), key=len, reverse=True)) + r")(?![\w-])"
)
REACHED = {"strategy", "devices", "calcium_score", "arc_grade", "optimisation"}
KEYS = re.compile(
    r"""\[["'](strategy|devices|calcium_score|arc_grade|optimisation)["']\]|["'](strategy|device|alert|finding|point|feature)[:/]"""
)
"""Ways in which code reaches for one guideline's conclusions."""


def texts(code: str) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no documentation."""
    tree = ast.parse(code)
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def reached(code: str) -> Iterator[tuple[int, str]]:
    """Where a module takes something out of an answer by one guideline's key, or makes a key."""
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and node.slice.value in REACHED
        ):
            yield node.lineno, str(node.slice.value)
    for line, text in texts(code):
        if re.match("(strategy|device|alert|finding|point|feature)[:/]", text):
            yield line, text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_names_a_term_of_the_guideline(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    found = [
        f"{line}: {match.group()}"
        for line, text in texts(code)
        # a long message may use a word of the field; an id stands alone, or is written as one
        for match in NAMES.finditer(text)
        if match.group() == text.strip() or re.search(r"[_A-Z-]", match.group())
    ]
    assert found + [f"{line}: {key}" for line, key in reached(code)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_page_names_a_term_of_the_guideline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [m.group() for m in NAMES.finditer(text) if re.search(r"[_A-Z]", m.group())]
    assert found + [match.group() for match in KEYS.finditer(text)] == []


def test_the_search_finds_what_it_looks_for() -> None:
    assert NAMES.search("x max_superficial_arc_deg y")
    assert NAMES.search('"criticalAlert"')
    assert KEYS.search("result['strategy']") and KEYS.search('f"device/{name}"')
