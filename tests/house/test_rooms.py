"""The house as its imports show it: no circle, no arrow upward, no private name across modules, a door to each room."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]
FLOORS = [
    ["errors", "atomic", "process", "words"],
    ["ontology"],
    ["reasoner.model"],
    ["reasoner.load"],
    ["reasoner.engine"],
    ["reasoner.intake", "reasoner.symbolic", "reasoner.columns"],
    ["reasoner"],
    ["reasoner.whatif", "reasoner.cohorts"],
    ["reasoner.cohorts.report"],
    ["reasoner.tell"],
    ["reasoner.authors"],
    ["reasoner.authors.edit"],
    ["reasoner.authors.check"],
    ["reasoner.authors.prove"],
    ["reasoner.authors.publish"],
    ["reasoner.authors.compare"],
    ["imaging.errors"],
    ["imaging.polar"],
    ["imaging.pullback"],
    ["imaging.facts"],
    ["imaging.readers", "imaging.model"],
    ["imaging"],
    ["imaging.report", "imaging.simulator"],
    ["imaging.training"],
    ["api", "api.pages.words"],
    ["api.contract"],
    ["api.sparql"],
    ["api.store", "api.exchange", "api.pages", "api.jobs"],
    ["api.server"],
    ["api.server.routes"],
    ["api.server.app"],
    ["api.server.run"],
    ["api.cli"],
]
"""Rooms from the ground up (and some modules that stand on a floor of their own): a module may use its own room and those below."""
ROOMS = [room for floor in FLOORS for room in floor if (ROOT / room.replace(".", "/")).is_dir()]
MOST = 15
"""Modules that a reader meets in a room."""


def modules() -> dict[str, Path]:
    """Every module of the package, by its name below `calx`."""
    found = {
        "errors": ROOT / "calx/errors.py",
        "atomic": ROOT / "calx/atomic.py",
        "process": ROOT / "calx/process.py",
        "words": ROOT / "calx/words/__init__.py",
    }
    for room in ("ontology", "reasoner", "imaging", "api"):
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[tuple[str, str]]:
    """What a module imports, inside functions too: (module, name)."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written out from calx on"
            if (node.module or "").partition(".")[0] == "calx":
                base = (node.module or "").removeprefix("calx").removeprefix(".")
                for alias in node.names:
                    whole = f"{base}.{alias.name}".removeprefix(".")
                    yield (whole, "") if whole in MODULES else (base, alias.name)


def room_of(module: str) -> str:
    """The room, or the floor of its own, that a module is in."""
    return max(
        (
            room
            for floor in FLOORS
            for room in floor
            if module == room or module.startswith(f"{room}.")
        ),
        key=len,
    )


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = nx.DiGraph(
        (name, used)
        for name in MODULES
        for used, _ in imports(name)
        if used in MODULES and used != name
    )
    assert list(nx.simple_cycles(graph)) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_arrows_point_down(name: str) -> None:
    floor_of = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    mine = room_of(name)
    upward = [
        used
        for used, _ in imports(name)
        if used
        and room_of(used) != mine
        and floor_of[room_of(used)] >= floor_of[mine]
        and MODULES[name].name != "__init__.py"
    ]
    assert upward == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nobody_imports_a_private_name(name: str) -> None:
    assert [
        f"{used}.{what}"
        for used, what in imports(name)
        if what.startswith("_") and what != "__version__"
    ] == []


def test_a_reader_meets_few_modules_in_a_room() -> None:
    crowded = {}
    for room in ROOMS:
        met = [
            name
            for name in MODULES
            if name.rpartition(".")[0] == room and not MODULES[name].name.startswith("__")
        ]
        if len(met) > MOST:
            crowded[room] = met
    assert crowded == {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_which_question_it_answers_and_what_it_may_use(room: str) -> None:
    said = (
        ast.get_docstring(
            ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
        )
        or ""
    )
    assert "?" in said.partition("\n")[0]
    parts = (" ".join(part.split()) for part in said.split("\n\n"))
    line = next((part for part in parts if part.startswith("May use ")), "")
    assert set(re.findall(r"`([a-z.]+)`", line)) == set(uses().successors(room))


@functools.cache
def uses() -> nx.DiGraph[str]:
    """Which room uses which, as the imports say, without what follows from other arrows."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(ROOMS)
    for module in MODULES:
        for used, _ in imports(module):
            pair = room_of(module), room_of(used) if used else ""
            if pair[0] != pair[1] and set(pair) <= set(ROOMS):
                graph.add_edge(*pair)
    return nx.transitive_reduction(graph)


def test_no_two_classes_share_a_name() -> None:
    """One word, one meaning; but the contract's models mirror what they describe."""
    homes: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        if room_of(name) == "api.contract":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_the_glossary_names_classes_and_functions_that_there_are() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    columns = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    named = {
        name.partition(".")[0]
        for row in columns
        if len(row) == 3
        for name in re.findall(r"`([A-Za-z.]+)`", row[2])
    }
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES.values())
    assert len(named) > 30
    missing = [
        name for name in named if not re.search(rf"^(class |def )?{name}\b", code, re.MULTILINE)
    ]
    assert missing == []
