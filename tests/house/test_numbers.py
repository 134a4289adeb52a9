"""No clinical number stands in code: thresholds live in the rules of the ontology.

A number is taken for one where it stands beside a fact: in a comparison with it, given to it, or
in one call or pair with its name. Timeouts, widths and counts are nobody's threshold.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from calx.reasoner.recommendation import Reasoner

ROOT = Path(__file__).parents[2]
FACTS = set(Reasoner.load().guideline.facts)
QUANTITIES = {
    "arc",
    "calcium",
    "lumen",
    "vessel",
    "nodule",
    "stent",
    "eem",
    "burr",
    "plaque",
    "age",
}
"""Words by which code calls what facts measure."""
COUNTS = {0, 1, -1, 2}
EXAMPLES = {"EXAMPLE"}
"""Lesions that are shown, with values of their own."""


def names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def of_a_fact(node: ast.AST, also_words: bool) -> bool:
    return any(
        name in FACTS or (also_words and QUANTITIES & set(name.lower().split("_")))
        for name in names(node)
    )


def number(node: ast.AST) -> bool:
    """A number, plain or as Decimal or float of one."""
    if isinstance(node, ast.UnaryOp):
        return number(node.operand)
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return isinstance(node.func, ast.Name) and number(_plain(node.args[0]))
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
        and node.value not in COUNTS
    )


def _plain(node: ast.AST) -> ast.AST:
    """A number written as text (``Decimal("2.5")``) as a number."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.Constant(float(node.value))
        except ValueError:
            return node
    return node


def thresholds(code: str) -> Iterator[int]:
    """The lines in which a number stands beside a fact."""
    tree = ast.parse(code)
    examples = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and EXAMPLES & set(names(node))
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in examples or not isinstance(node, ast.expr | ast.stmt):
            continue
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            found = any(map(number, sides)) and any(of_a_fact(side, True) for side in sides)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = node.value is not None and number(node.value)
            found = found and any(of_a_fact(target, True) for target in targets)
        elif isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            named = [keyword.arg for keyword in node.keywords if number(keyword.value)]
            found = any(map(number, given)) and any(
                isinstance(part, ast.Constant) and part.value in FACTS for part in given
            )
            found = found or bool(FACTS & set(named))
        elif isinstance(node, ast.Dict):
            found = any(
                key is not None and of_a_fact(key, False) and number(value)
                for key, value in zip(node.keys, node.values, strict=True)
            )
        elif isinstance(node, ast.Tuple):
            found = any(map(number, node.elts)) and any(
                isinstance(part, ast.Constant) and part.value in FACTS for part in node.elts
            )
        else:
            found = False
        if found:
            yield node.lineno


@pytest.mark.parametrize("room", ["ontology", "reasoner", "api"])
def test_no_clinical_number_stands_in_the_code(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / room).rglob("*.py")
        for line in thresholds(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "if facts['max_superficial_arc_deg'] > 270: pass",
        "wide = arc >= 180",
        "if case.vessel_diameter_mm <= Decimal('3.0'): pass",
        "SMALL_VESSEL = 2.5",
        "Compare('max_superficial_arc_deg', '>', Decimal(270))",
        "LIMITS = {'max_superficial_arc_deg': 270}",
        "LIMITS = [('max_superficial_arc_deg', 270)]",
        "rule(max_superficial_arc_deg=270)",
    ],
)
def test_a_threshold_in_code_would_be_found(code: str) -> None:
    assert list(thresholds(code)) == [1]


@pytest.mark.parametrize(
    "code",
    ["text[:90]", "run(timeout=60)", "LETTERS = 26", "if len(parts) > 25: pass", "2**18 * 180"],
)
def test_a_number_beside_no_fact_is_free(code: str) -> None:
    assert list(thresholds(code)) == []
