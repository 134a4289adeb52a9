"""What the documents say is so: examples run, tables are current, every command, key and option is documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from calx.api.contract.models import answer_model
from calx.reasoner.recommendation import Reasoner
from tests.api.cli.test_cli import EXAMPLE
from tests.command import calx, commands

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
ROOMS = ("calx", "ontology", "reasoner", "imaging", "api")
QUERIES = sorted((ROOT / "docs" / "queries").glob("*.rq"))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_are_there(path: Path) -> None:
    """A path from the root, in backticks, as documents name code and tests; a change log speaks of its own time."""
    named = re.findall(
        r"`((?:tests|reasoner|api|imaging|ontology|benchmarks|docs|calx|examples)/[\w./-]+)`",
        path.read_text(encoding="utf-8"),
    )
    assert [
        name for name in named if not (ROOT / name).exists() and path.name != "CHANGELOG.md"
    ] == []


def test_the_answer_in_the_readme_is_the_answer() -> None:
    assert (
        blocks(ROOT / "README.md", "text")[0].strip()
        == calx("recommend", EXAMPLE, "--format", "text").stdout.strip()
    )


def test_the_list_of_facts_is_current() -> None:
    assert (ROOT / "docs" / "facts.md").read_text(encoding="utf-8") == calx(
        "facts", "--format", "markdown"
    ).stdout


def test_the_schema_of_a_case_is_current() -> None:
    assert (ROOT / "docs" / "facts.schema.json").read_text(encoding="utf-8") == calx(
        "facts", "--format", "schema"
    ).stdout


def test_the_cases_of_the_newcomers_page_run_as_it_says(reasoner: Reasoner) -> None:
    first, second = (json.loads(block) for block in blocks(ROOT / "docs" / "newcomer.md", "json"))
    assert first == json.loads(EXAMPLE.read_text())
    provisional, settled = reasoner.recommend(first).json(), reasoner.recommend(second).json()
    assert not provisional["strategy"]["settled"]
    assert "c_cat" in {alert["id"] for alert in provisional["possible_alerts"]}
    assert settled["strategy"]["settled"]
    assert settled["alerts"][0]["id"] == "c_cat"
    assert settled["parameters"]["max_balloon_diameter_mm"] == 2.5


def test_the_bad_case_of_the_newcomers_page_is_told_as_it_says() -> None:
    told = calx(
        "recommend",
        "-",
        stdin='{"case_id": "x", "max_superficial_arc_deg": "344 deg", "thrombs": true}',
    ).stderr
    assert "'344 deg' is not a number" in told
    assert "did you mean 'thrombus'" in told


def test_the_python_of_the_readme_runs() -> None:
    scope: dict[str, Any] = {}
    for code in blocks(ROOT / "README.md", "python"):
        exec(code, scope)
    assert scope["answer"].json()["strategy"]["id"] == "active_modification"


def test_the_python_of_the_integrators_page_runs() -> None:
    scope: dict[str, Any] = {}
    for code in blocks(ROOT / "docs" / "integrators.md", "python"):
        exec(code, scope)
    assert len(scope["network"]) > 10
    assert len(scope["triples"]) > 100
    assert scope["answer"].json()["strategy"]["id"] == "active_modification"


def test_every_key_of_the_result_is_documented() -> None:
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    for key in answer_model(Reasoner.load().guideline).model_fields:
        assert f"`{key}`" in text, key


def test_every_command_and_option_is_documented() -> None:
    """Commands and options are those of the application itself, so that a new one cannot stay untold."""
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    for command, words in commands().items():
        assert f"`calx {command}" in text, command
        for option in set(re.findall(r"--[a-z][a-z-]+", calx(*words, "--help").stdout)) - {
            "--help"
        }:
            assert option in text, (command, option)


def test_every_variable_of_the_environment_is_documented() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.py")
    )
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS)
    variables = set(re.findall(r"\bCALX_[A-Z_]+\b", code))
    assert {"CALX_TOKEN", "CALX_CACHE"} <= variables
    assert [name for name in sorted(variables) if name not in text] == []


OPTIONS = {
    "second_review": "second-review",
    "endpoint": "store",
    "endpoint_update": "store-update",
    "query_seconds": "timeout",
    "origins": "origin",
}
"""Settings whose option is called otherwise."""
LIMITS = {
    "queries_at_once": "{} queries at once",
    "body_bytes": "limited to {MiB} MiB",
    "bundle_bytes": "FHIR and CDS Hooks to {MiB} MiB",
    "restore_bytes": "backups to {MiB} MiB",
    "recording_bytes": "recordings to {MiB} MiB",
    "body_seconds": "and {:g} s",
}
"""Settings that nobody can set, and how the page tells them."""


def test_every_setting_of_the_service_is_documented() -> None:
    from calx.api.server.settings import MIB, Settings

    text = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--([a-z][a-z-]+)", calx("serve", "--help").stdout))
    for setting, value in vars(Settings()).items():
        if setting in LIMITS:
            assert (
                LIMITS[setting].format(value, MiB=value // MIB if isinstance(value, int) else 0)
                in text
            ), setting
        else:
            option = OPTIONS.get(setting, setting)
            assert option in options, setting
            assert f"--{option}" in text, setting


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_ready_questions_have_answers(query: Path, tmp_path: Path) -> None:
    case = tmp_path / "c.json"
    case.write_text(
        '{"case_id": "c", "max_superficial_arc_deg": 280, "thrombus": true, "residual_thin_plaque": true}'
    )
    done = calx("query", query, case)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1


def test_what_falls_with_a_study_is_what_its_withdrawal_suspends() -> None:
    done = calx("query", ROOT / "docs" / "queries" / "what-falls.rq")
    (row,) = (
        line
        for line in done.stdout.splitlines()
        if line.startswith("https://w3id.org/calx/ev/CCAT23,")
    )
    assert set(row.partition(",")[2].split()) == {"A10", "W-SHP-1"}


def test_every_kind_of_problem_is_documented() -> None:
    from calx.api.contract.problems import KINDS
    from calx.words import words

    rows = re.findall(
        r"^\| `([a-z-]+)` \| (\d+) \| ([^|]+) \|",
        (ROOT / "docs" / "problems.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name: (int(status), title) for name, status, title in rows} == {
        name: (status, words("problem")[name]) for name, status in KINDS.items()
    }


def test_every_resource_and_option_of_the_service_is_documented() -> None:
    from calx.api.server.app import create_app
    from calx.api.server.openapi import describe
    from calx.api.server.settings import Settings

    text = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    paths = describe(create_app(Settings()), Reasoner.load())["paths"]
    assert len(paths) > 20
    for path in paths:
        told = (
            path.replace("{case_id}", "ID")
            .replace("{rule_id}", "ID")
            .replace("{study_id}", "ID")
            .replace("{service_id}", "calx-lesion")
            .replace("{recording_id}", "ID")
            .replace("{name}", "NAME")
            .replace("{draft_id}/{part}", "ID/check")
            .replace("{draft_id}", "ID")
        )
        assert told in text or path.startswith(("/cds-services/", "/fhir/")), path
    for option in set(re.findall(r"--[a-z][a-z-]+", calx("serve", "--help").stdout)) - {"--help"}:
        assert option in text, option
