"""The case shapes mean the same to another engine: the npm package shacl-engine accepts and refuses what the gate does."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from rdflib import Literal, URIRef

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions
from tests.oracles.shacl_engine import JUDGE

HERE = Path(__file__).parent / "javascript"
SHAPES = ("shapes/lesion.ttl", "shapes/consistency.ttl", "rules/conditions.ttl")


@pytest.fixture(scope="module")
def engine() -> Path:
    """The script that judges, with its packages."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("needs Node.js with npm")
    if not (HERE / "node_modules" / "shacl-engine").is_dir():
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install shacl-engine here: {done.stderr.strip()[-100:]}")
    return HERE / "judge.js"


def test_shacl_engine_accepts_and_refuses_what_the_gate_does(
    engine: Path, reasoner: Reasoner
) -> None:
    source, texts, ours = random.Random(7), list[str](), list[bool]()
    for raw in itertools.islice(lesions(reasoner, 80, 11, density=0.35), 80):
        facts = reasoner.gate.admit(raw).facts
        donor = reasoner.gate.admit(next(lesions(reasoner, 1, source.randint(0, 10**6)))).facts
        values = reasoner.evaluation.complete(
            facts | dict(source.sample(list(donor.items()), min(3, len(donor))))
        ).values
        data = JUDGE.lesions([(values, ())])
        data.add(
            (
                URIRef("https://w3id.org/calx/case/0"),
                URIRef("https://w3id.org/calx/caseId"),
                Literal("c"),
            )
        )
        texts.append(data.serialize(format="turtle"))
        ours.append(not reasoner.evaluation.violated(values))
    wrong = '@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/1> a calx:Lesion ; calx:caseId "c" ; calx:maxSuperficialArcDeg "90" .'
    command = ["node", str(engine), *(str(DEFAULT_DIRECTORY / name) for name in SHAPES)]
    done = subprocess.run(
        command, input=json.dumps([*texts, wrong]), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [*ours, False]
    assert set(ours) == {True, False}
