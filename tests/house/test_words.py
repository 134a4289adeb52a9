"""One catalogue of words for each language, and no word of Calx anywhere else."""

from __future__ import annotations

import ast
import re
import shutil
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from calx.words import LANGUAGES, wording, words

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "real-pullback.json"

FOLDER = ROOT / "calx" / "words"
CATALOGUES = {
    language: tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    for language in LANGUAGES
}
CODE = {
    path: path.read_text(encoding="utf-8")
    for room in ("ontology", "reasoner", "imaging", "api")
    for path in (ROOT / room).rglob("*.py")
}


def places(text: str) -> list[str]:
    return sorted(
        name.lower() for _, name, _, _ in string.Formatter().parse(text) if name is not None
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_with_the_same_places(language: str) -> None:
    english, other = CATALOGUES["en"], CATALOGUES[language]
    assert {name: list(table) for name, table in other.items()} == {
        name: list(table) for name, table in english.items()
    }
    for name, table in english.items():
        for key, text in table.items():
            if (name, key) not in {("language", "between words")}:
                assert other[name][key].strip(), (name, key)
            assert places(other[name][key]) == places(text), (name, key)


def test_no_key_of_a_page_means_something_else_in_an_answer() -> None:
    assert not set(words("answer")) & set(words("page"))


def test_no_word_in_another_script_stands_in_code() -> None:
    script = re.compile("[\u4e00-\u9fff]")
    assert [str(path.relative_to(ROOT)) for path, text in CODE.items() if script.search(text)] == []


def test_no_code_asks_for_one_language_by_name() -> None:
    """Else a third language would be told in a second one."""
    for path, text in CODE.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Compare):
                constants = [
                    part.value
                    for part in (node.left, *node.comparators)
                    if isinstance(part, ast.Constant)
                ]
                assert not set(LANGUAGES) & {c for c in constants if isinstance(c, str)}, (
                    f"{path}:{node.lineno}"
                )


def test_every_word_is_used() -> None:
    pages = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "api" / "pages" / "templates").glob("*.html")
    )
    code = pages + "".join(CODE.values())
    for section in ("page", "change", "remark"):
        unused = [
            key for key in words(section) if f"'{key}'" not in code and f'"{key}"' not in code
        ]
        assert unused == [], section


def test_a_part_that_is_a_wording_is_taken_in_its_language() -> None:
    told = wording("change", "says", new={"en": "more", "zh": "多"}, old={"en": "less", "zh": "少"})
    assert told["en"] == "says “more” (was “less”)"
    assert "多" in told["zh"] and "少" in told["zh"]


def test_a_third_language_needs_no_code(tmp_path: Path) -> None:
    """A file of words, and labels in the guideline: commands and pages speak it."""
    package = tmp_path / "calx"
    shutil.copytree(
        ROOT / "calx",
        package,
        symlinks=False,
        ignore=shutil.ignore_patterns("__pycache__", "models"),
    )
    shutil.copytree(ROOT / "imaging" / "models", package / "imaging" / "models", dirs_exist_ok=True)
    text = (FOLDER / "en.toml").read_text(encoding="utf-8")
    spoken = text.replace('name = "English"', 'name = "Esperanto"').replace(
        'settled = "settled"', 'settled = "definitiva"'
    )
    (package / "words" / "eo.toml").write_text(spoken, encoding="utf-8")
    for path in (package / "ontology").rglob("*.ttl"):
        turtle = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(r'("(?:[^"\\\n]|\\.)*")@en\b', r"\1@en, \1@eo", turtle), encoding="utf-8"
        )
    for path in (package / "ontology").glob("*/cases/*.yaml"):
        cases = path.read_text(encoding="utf-8")
        path.write_text(
            re.sub(r"^(\s+)en: (.*)$", r"\1en: \2\n\1eo: \2", cases, flags=re.M), encoding="utf-8"
        )
    run = "import sys; sys.path.insert(0, sys.argv.pop(1)); from calx.api.cli.main import main; main()"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            run,
            str(tmp_path),
            "recommend",
            str(EXAMPLE),
            "--format",
            "text",
            "--lang",
            "eo",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "PROVISIONAL" in done.stdout and "Lesion" in done.stdout
