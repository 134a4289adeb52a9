"""The rule book, the flow and the other generated documents say what the rules say now; authors' own tools read the files."""

from __future__ import annotations

import importlib.util
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.authors.check.check import check
from calx.reasoner.authors.publish import rulebook
from calx.reasoner.load.reader import examine, read
from tests.command import calx
from tests.reasoner.authors.conftest import Edit

DOCS = Path(__file__).parents[3] / "docs"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_current() -> None:
    """All that `make docs` writes, to the last character: the README's answer with its digest, facts, kinds, rule book, pictures of rules and evidence."""
    for name, made in _generator().generated().items():
        assert (DOCS.parent / name).read_text(encoding="utf-8") == made(), (
            f"{name}: run 'make docs'"
        )


def test_a_changed_rule_changes_the_book_and_the_flow(edited: Edit) -> None:
    folder = edited("rules/conditions.ttl", "sh:minInclusive 270", "sh:minInclusive 180")
    whole = examine(GuidelineFiles(folder)).whole
    assert rulebook.book(whole) != (DOCS / "rulebook.md").read_text(encoding="utf-8")
    folder = edited(
        "rules/strategy.ttl",
        "sh:node cond:NothingUpToD7 ; sh:node cond:HighRisk ]",
        "sh:node cond:NothingUpToD7 ; sh:node cond:DeepOnly ]",
    )
    assert rulebook.flow(examine(GuidelineFiles(folder)).whole) != (DOCS / "flow.svg").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rule_stands_in_the_book_in_sentences(language: str) -> None:
    whole = examine(GuidelineFiles()).whole
    text = rulebook.book(whole, language)
    for rule in whole.rules:
        assert f"### {rule.id}: {rule.label[language]}\n" in text
    assert text.count("\n- ") > len(whole.rules)
    assert "None}" not in text
    assert "(None" not in text
    root = ET.fromstring(rulebook.flow(whole, language))
    shown = " ".join(
        element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")
    )
    assert all(f"{name} · " in shown for name in ("D8", "D6", "D7", "D4", "D3", "D2", "D5", "D1"))


def test_protege_and_owlready2_open_the_export(tmp_path: Path) -> None:
    """RDF/XML, loaded back by owlready2: every class, property and individual is there."""
    import owlready2
    from rdflib import OWL, RDF, Graph, URIRef
    from rdflib.compare import isomorphic

    from calx.reasoner.authors.check.owl import terms

    path = tmp_path / "calx.owl"
    assert calx("export-owl", path).returncode == 0
    world = owlready2.World()
    loaded = world.get_ontology(path.as_uri()).load()
    graph = terms(GuidelineFiles())
    for kind, there in (
        (OWL.Class, loaded.classes()),
        (OWL.NamedIndividual, loaded.individuals()),
        (OWL.DatatypeProperty, loaded.data_properties()),
    ):
        assert {str(s) for s in graph.subjects(RDF.type, kind) if isinstance(s, URIRef)} <= {
            entity.iri for entity in there
        }
    assert isomorphic(Graph().parse(path, format="xml"), graph)


def test_two_authors_edits_merge(tmp_path: Path) -> None:
    """One rule a block: edits of neighbouring rules, and studies added by two people, merge without a conflict."""
    import shutil

    folder = tmp_path / "ontology"
    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))

    def git(*arguments: str) -> None:
        subprocess.run(
            [
                "git",
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                "-C",
                str(tmp_path),
                *arguments,
            ],
            check=True,
            capture_output=True,
        )

    def replace(old: str, new: str) -> None:
        path = folder / "rules" / "assessment.ttl"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def study(name: str) -> None:
        record = ["--type", "case_report", "--citation", "A report", "--en", name, "--zh", name]
        assert calx("evidence", "add", name, *record, "--ontology", folder).returncode == 0

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "base")
    git("checkout", "-qb", "one")
    replace('"Arc grade I: below 90°"', '"Grade I: below 90°"')
    study("adams2026")
    git("commit", "-qam", "one")
    git("checkout", "-q", "main")
    git("checkout", "-qb", "two")
    replace('"Arc grade II: 90° to 180°"', '"Grade II: 90° to 180°"')
    study("young2026")
    git("commit", "-qam", "two")
    git("merge", "-q", "one")
    guideline, problems = read(GuidelineFiles(folder))
    assert problems == []
    assert {"adams2026", "young2026"} <= set(guideline.studies)
    assert guideline.rule["A1"].label["en"] == "Grade I: below 90°"
    assert guideline.rule["A2"].label["en"] == "Grade II: 90° to 180°"


def test_each_block_of_a_file_stands_alone() -> None:
    """A blank line parts blocks, and none shares a line with another: what merges need."""
    from calx.ontology.turtle import Document

    for name, text in GuidelineFiles().texts.items():
        if name.startswith("rules/") or name in (
            "evidence/studies.ttl",
            "shapes/consistency.ttl",
            "requirements.ttl",
        ):
            document = Document(text)
            for before, after in zip(document.blocks, document.blocks[1:], strict=False):
                assert "\n\n" in text[before.end : after.start], (name, after.name)


SARIF = {"$schema", "version", "runs"}


def test_sarif_names_file_line_and_page(edited: Edit) -> None:
    import json

    folder = edited("rules/conditions.ttl", "sh:minInclusive 270", "sh:minInclusive 180")
    done = calx("check", "--no-owl", "--format", "sarif", "--ontology", folder)
    assert done.returncode == 1
    log = json.loads(done.stdout)
    assert set(log) == SARIF
    (run,) = log["runs"]
    result = next(result for result in run["results"] if result["ruleId"] == "literal")
    place = result["locations"][0]["physicalLocation"]
    line = (
        (folder / "rules/conditions.ttl")
        .read_text(encoding="utf-8")
        .splitlines()[place["region"]["startLine"] - 1]
    )
    assert "sh:minInclusive 180" in line
    assert place["artifactLocation"]["uri"].endswith("rules/conditions.ttl")
    kinds = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(
        run["results"][index]["ruleId"] == kinds[run["results"][index]["ruleIndex"]]
        for index in range(len(run["results"]))
    )
    assert {result["level"] for result in run["results"]} <= {"error", "warning", "note"}


def test_all_problems_are_told_at_once_each_with_its_place(edited: Edit) -> None:
    edited("rules/conditions.ttl", "sh:minInclusive 270", "sh:minInclusive 180")
    edited("rules/assessment.ttl", '"弧度I级：<90°"@zh', '""@zh')
    edited("facts.ttl", 'calx:unit "deg"', 'calx:unit "degrees"')
    folder = edited(
        "cases/preparation.yaml",
        "arc_grade: II, strategy: stepwise_balloon",
        "arc_grade: III, strategy: stepwise_balloon",
    )
    found = check(GuidelineFiles(folder), with_owl=False).problems
    assert {"literal", "translation", "unit", "reference-case"} <= {
        problem.kind for problem in found
    }
    assert all(problem.line for problem in found if problem.severity == "error")
