"""The wheel: one name at top level, whole, typed; every command of it works in an empty environment, or says what to install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import calx
from calx.api.cli.main import EXTRAS
from tests.command import commands
from tests.package.conftest import ROOT

USER = """\
import calx

answer = calx.recommend({"case_id": "a", "max_superficial_arc_deg": 300})
reveal_type(answer)
reveal_type(calx.Reasoner.load().guideline.facts["thrombus"].unit)
try:
    calx.recommend({"thrombs": True})
except calx.CaseError as error:
    reveal_type(error.problems)
answer.nothing_of_this_name
"""
TOLD = [
    "calx.reasoner.engine.answer.Answer",
    "str | None",
    "list[calx.reasoner.intake.errors.Problem]",
    'has no attribute "nothing_of_this_name"',
]


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_installs_calx_and_nothing_else(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in files_of(wheel)} == {
        "calx",
        f"calx-{calx.__version__}.dist-info",
    }


def test_the_wheel_holds_all_that_the_folders_hold(wheel: Path) -> None:
    """Every file that git knows of in the four folders, and the pages that `calx explain` prints."""
    held = files_of(wheel)
    known = subprocess.run(
        ["git", "ls-files", "ontology", "reasoner", "imaging", "api", "docs/checks"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    left_out = {
        name
        for name in known
        if (ROOT / name).exists() and f"calx/{name.removeprefix('docs/')}" not in held
    }
    assert left_out == set()
    assert {"calx/__init__.py", "calx/__main__.py", "calx/py.typed"} <= held


def checked(user: Path, *options: str, **environment: str) -> str:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(user.parent / "cache"),
        *options,
        str(user),
    ]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=user.parent,
        env={**os.environ, **environment},
        check=False,
    ).stdout


def test_a_users_file_elsewhere_is_type_checked_against_this_install(tmp_path: Path) -> None:
    user = tmp_path / "user.py"
    user.write_text(USER)
    shown = checked(user)
    assert all(told in shown for told in TOLD), shown
    assert "import-untyped" not in shown and "import-not-found" not in shown


def test_a_users_file_elsewhere_is_type_checked_against_the_installed_wheel(
    wheel: Path, tmp_path: Path
) -> None:
    """In an environment that holds the wheel alone: its types are its own."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True
    )
    (packages,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    user = tmp_path / "user.py"
    user.write_text(USER)
    shown = checked(user, "--python-executable", str(tmp_path / "env" / "bin" / "python"))
    assert all(told in shown for told in TOLD), shown


# --- every command ------------------------------------------------------------------------


CASE = '{"case_id": "a", "max_superficial_arc_deg": 300}'
ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "recommend": (["case.json"], '"active_modification"'),
    "facts": ([], "max_superficial_arc_deg"),
    "whatif": (["case.json"], "pip install 'calx[authoring]'"),
    "query": (["query.rq", "case.json"], "active_modification"),
    "check": ([], "no fault found"),
    "explain": (["literal"], "# `literal`"),
    "verify": ([], "pip install 'calx[authoring]'"),
    "cohort": (["--help"], "Score a registry"),
    "cohort run": (["lesions.csv", "out.parquet"], "pip install 'calx[scale]'"),
    "cohort simulate": (["10", "sim.parquet"], "pip install 'calx[scale]'"),
    "cohort report": (["out.parquet", "--out", "report"], "pip install 'calx[scale]'"),
    "diff": (["mine", "mine"], "pip install 'calx[authoring]'"),
    "export-table": (["tables"], "studies"),
    "import-table": (["tables/studies.csv", "--ontology", "mine", "--dry-run"], ""),
    "evidence": ([], "supported by"),
    "evidence add": (
        [
            "new",
            "--type",
            "consensus",
            "--citation",
            "A. B 2026",
            "--en",
            "A",
            "--zh",
            "A",
            "--ontology",
            "mine",
        ],
        "",
    ),
    "evidence state": (
        [
            "new-1",
            "--study",
            "new",
            "--stance",
            "limits",
            "--locator",
            "page 1",
            "--en",
            "A.",
            "--zh",
            "A。",
            "--ontology",
            "mine",
        ],
        "",
    ),
    "evidence withdraw": (["CCAT23", "--ontology", "mine"], "A10"),
    "rulebook": ([], "modify the calcium before stenting"),
    "export-owl": (["terms.owl"], ""),
    "export-shacl": (["rules.nt"], ""),
    "segment": (["case.json", "--facts", "out.json"], "pip install 'calx[imaging]'"),
    "correct": (["measured.json", "vessel_diameter_mm=3", "--by", "a reader"], ""),
    "serve": (["--port", "-1"], "--port"),
    "backup": (["cases.nq.gz", "--data", "data"], "bytes"),
    "restore": (["cases.nq.gz", "--data", "data"], "0 cases added"),
    "token": (["--help"], "Named tokens"),
    "token add": (["ada", "--role", "author", "--data", "data"], "is shown once"),
    "token list": (["--data", "data"], "author"),
    "token revoke": (["ada", "--data", "data"], "no longer let in"),
    "audit": (["--data", "data"], "the chain is whole"),
}
"""For each command arguments with which it does something, and what it must then say; in this order, as some use what others wrote."""
MEASURED = """{"case_id": "m", "vessel_diameter_mm": 3.2, "measured": {"facts": {"vessel_diameter_mm": {"value": 3.2, "status": "measured"}}}}"""


def test_every_command_is_tried() -> None:
    assert set(ARGUMENTS) == set(commands())


@pytest.mark.long(every=3)
def test_every_command_works_without_extras_or_says_what_to_install(
    wheel: Path, tmp_path: Path
) -> None:
    """A fresh environment, elsewhere, with what pip installs by itself."""
    bin_ = tmp_path / "env" / "bin"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    installed = subprocess.run(
        [str(bin_ / "pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the package index is not reached: {installed.stderr[-200:]}")
    here = tmp_path / "elsewhere"
    here.mkdir()
    (here / "case.json").write_text(CASE)
    (here / "measured.json").write_text(MEASURED)
    (here / "query.rq").write_text(
        "PREFIX calx: <https://w3id.org/calx/> SELECT ?s { ?l calx:strategy ?s }"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(bin_ / "calx"), *words],
            capture_output=True,
            text=True,
            cwd=here,
            env=environment,
            check=False,
        )

    shipped = subprocess.run(
        [
            str(bin_ / "python"),
            "-I",
            "-c",
            "from calx.ontology import DEFAULT_DIRECTORY; print(DEFAULT_DIRECTORY)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run(["cp", "-r", shipped, here / "mine"], check=True)
    serving = subprocess.Popen(
        [str(bin_ / "calx"), "serve", "--port", "0", "--data", "data"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=here,
        env=environment,
    )
    assert serving.stderr is not None
    assert re.search(r"serves http://", serving.stderr.readline())
    serving.terminate()
    serving.wait()
    asked_by_name = run("check", "--owl")
    assert (asked_by_name.returncode, "pip install 'calx[authoring]'" in asked_by_name.stderr) == (
        2,
        True,
    )
    for name, (arguments, told) in ARGUMENTS.items():
        done = run(*name.split(), *arguments)
        shown = done.stdout + done.stderr
        assert "Traceback" not in shown, (name, shown)
        assert told in shown, (name, shown)
        if "pip install" in told or name == "serve":
            assert done.returncode == 2, (name, shown)
            assert "pip install" not in told or len(shown.strip().splitlines()) == 1, (name, shown)
        else:
            assert done.returncode == 0, (name, shown)


def test_the_extras_are_those_of_the_project() -> None:
    """Each package of an extra is one whose absence is told."""
    import tomllib
    from importlib.metadata import packages_distributions

    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(distribution.lower().replace("_", "-"), set()).add(module)
    for extra, known in EXTRAS.items():
        wanted = {re.split(r"[\[<>=]", requirement)[0].lower() for requirement in named[extra]} - {
            "calx"
        }
        assert all(modules[name] & set(known) for name in wanted), extra
        assert all(any(module in modules[name] for name in wanted) for module in known), extra
