"""One name: what a program imports, what it may catch, and what the documents say of both."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import calx
from tests.package.conftest import ROOT

PAGE = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")


def test_what_is_exported_is_there_and_documented() -> None:
    rows = dict(
        re.findall(r"^\| `calx\.([A-Za-z_]+)(?:\(.*?\))?` \| (.+?) \|$", PAGE, re.MULTILINE)
    )
    assert set(rows) == set(calx.__all__)
    for name in set(calx.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(calx, name)), name


@pytest.mark.parametrize("name", sorted(set(calx.__all__) - {"__version__"}))
def test_every_export_has_an_example_that_runs(name: str) -> None:
    import doctest

    tests = doctest.DocTestFinder(recurse=False).find(
        getattr(calx, name),
        name,
        globs={"calx": calx, **vars(sys.modules[getattr(calx, name).__module__])},
    )
    examples = [test for test in tests if test.examples]
    assert examples, f"{name} has no doctest"
    runner = doctest.DocTestRunner()
    for test in examples:
        assert runner.run(test).failed == 0


def modules() -> list[str]:
    return [
        found.name
        for found in pkgutil.walk_packages(calx.__path__, "calx.")
        if not found.name.endswith("__main__")
    ]


def test_every_error_of_calx_is_a_calx_error() -> None:
    """``except CalxError`` misses none."""
    strays, errors = [], 0
    for name in modules():
        module = importlib.import_module(name)
        for found in vars(module).values():
            if (
                inspect.isclass(found)
                and issubclass(found, BaseException)
                and found.__module__ == name
            ):
                errors += 1
                if not issubclass(found, calx.CalxError):
                    strays.append(f"{name}.{found.__name__}")
                assert found.__name__.endswith("Error"), found
    assert strays == []
    assert errors > 20


def test_nobody_imports_by_another_name() -> None:
    """A checkout has `ontology`, `reasoner`, `imaging` and `api` on its path; whoever imported them so would have everything twice."""
    strays = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in (
            "calx",
            "ontology",
            "reasoner",
            "imaging",
            "api",
            "tests",
            "benchmarks",
            "docs",
            "examples",
        )
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.match(r"\s*(>>> )?(from|import) (ontology|reasoner|imaging|api)\b", line)
    ]
    assert strays == []


def test_the_module_runs_as_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "calx", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert done.stdout == f"calx {calx.__version__}\n"


def test_importing_calx_is_light() -> None:
    """Neither RDF, nor a web framework, nor a solver, nor imaging is loaded before it is asked for."""
    code = "import sys, calx; sys.exit(', '.join({'rdflib', 'fastapi', 'z3', 'numpy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
