"""A service that is started in somebody's own project runs Calx's code and nobody else's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calx.imaging.simulator import dicom, simulate
from calx.ontology import DEFAULT_DIRECTORY
from tests.api.running import case, serving, until

FOREIGN = ["api", "ontology", "reasoner", "imaging"]
TRAP = "from pathlib import Path\n(Path(__file__).parents[{up}] / 'ran').open('a').write(__file__ + '\\n')\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder full of modules that tell when they run."""
    folder = tmp_path / "project"
    for name in FOREIGN:
        (folder / name).mkdir(parents=True)
        for module in ("__init__", "__main__", "examine", "worker", "process", "cli"):
            (folder / name / f"{module}.py").write_text(TRAP.format(up=1))
    for name in ("calx", "json", "z3", "numpy", "sitecustomize", "rdflib"):
        (folder / f"{name}.py").write_text(TRAP.format(up=0))
    return folder


def test_nothing_foreign_runs(project: Path, tmp_path: Path) -> None:
    shutil.copytree(
        DEFAULT_DIRECTORY,
        tmp_path / "guideline",
        ignore=shutil.ignore_patterns("*.py", "__pycache__"),
    )
    dicom.write(simulate(4_000_023, 4.0, 2.0, 40), tmp_path / "a.dcm")
    with (
        serving(
            tmp_path / "data",
            "--ontology",
            str(tmp_path / "guideline"),
            folder=project,
            PYTHONPATH="",
        ) as running,
        running.client() as client,
    ):
        assert client.post("/cases", json=case("here")).status_code == 201
        rows = client.get(
            "/sparql",
            params={"query": "SELECT ?l { ?l <https://w3id.org/calx/caseId> 'here' }"},
            headers={"Accept": "text/csv"},
        )
        assert "case/here" in rows.text
        draft = client.post(
            "/drafts", json={"title": "t", "by": "a"}, headers={"Accept": "application/json"}
        ).json()["id"]
        assert (
            client.get(f"/drafts/{draft}/check", headers={"Accept": "application/json"}).json()[
                "sound"
            ]
            is True
        )
        assert (
            client.get(f"/drafts/{draft}/verify", headers={"Accept": "application/json"}).json()[
                "holds"
            ]
            is True
        )
        address = client.post(
            "/recordings",
            content=(tmp_path / "a.dcm").read_bytes(),
            headers={"Content-Type": "application/dicom"},
        ).headers["location"]

        def state() -> str:
            return str(client.get(address, headers={"Accept": "application/json"}).json()["state"])

        assert until(lambda: state() not in ("waiting", "reading"), 600)
        assert state() == "done"
    assert not (project / "ran").exists(), (project / "ran").read_text()
