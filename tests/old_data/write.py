"""Writes the data folder of today's version for the tests of every later one: ``python -m tests.old_data.write``, once a release.

Everything is made as people make it, over HTTP and by the command line. ``expected.json`` keeps what the service said of it then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import calx
from calx.imaging.simulator import dicom, simulate
from tests.api.running import serving

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [
    {
        "case_id": "plain",
        "max_superficial_arc_deg": 300,
        "vessel_diameter_mm": 3.2,
        "residual_thin_plaque": True,
        "reference_vessel_diameter_mm": 3,
    },
    {"case_id": "sparse", "age_years": 71},
    {
        "case_id": "Stent.2026-11_a",
        "stent_implanted": True,
        "minimum_stent_area_mm2": 4.25,
        "distal_reference_lumen_area_mm2": 6.1,
    },
    {
        "case_id": "trouble",
        "coronary_dissection": True,
        "perforation_grade": "ellis_3",
        "tamponade": False,
    },
]
LABEL = {
    "table": "labels",
    "key": "rule:D3 rdfs:label",
    "column": "en",
    "value": "Balloons, step by step",
    "by": "an author",
}


def write(target: Path) -> None:
    """Make a data folder with a bit of everything, and pack it with what was said of it."""
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        expected: dict[str, Any] = {"cases": {}, "replays": {}}
        with (
            serving(data) as running,
            running.client(headers={"Accept": "application/json"}) as client,
        ):
            recording = _recording(client, Path(temporary))
            for case in [*CASES, recording["case"]]:
                answer = client.post("/cases", json=case)
                assert answer.status_code == 201, answer.text
                expected["cases"][case["case_id"]] = answer.json()
            expected["recordings"] = {recording["id"]: recording}
            expected["drafts"] = {}
            for title, state in (
                ("A clearer label", "in review"),
                ("Another", "open"),
                ("Given up", "discarded"),
            ):
                draft = client.post("/drafts", json={"title": title, "by": "an author"}).json()[
                    "id"
                ]
                assert client.post(f"/drafts/{draft}/edits", json=LABEL).status_code == 200
                if state != "open":
                    assert (
                        client.post(
                            f"/drafts/{draft}/state",
                            json={"state": state, "by": "an author", "why": "please look"},
                        ).status_code
                        == 200
                    )
                expected["drafts"][draft] = client.get(f"/drafts/{draft}").json()
            expected["list"] = client.get("/cases").json()["cases"]
            backup = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "calx",
                    "backup",
                    str(Path(temporary) / "backup.nq.gz"),
                    "--data",
                    str(data),
                ],
                capture_output=True,
                text=True,
            )
            assert backup.returncode == 0, backup.stderr
            assert client.delete("/cases/sparse").status_code == 204
        audited = subprocess.run(
            [sys.executable, "-m", "calx", "audit", "--data", str(data)],
            capture_output=True,
            text=True,
        )
        assert audited.returncode == 0, audited.stderr
        expected["seal"] = audited.stdout.split()[-1]
        (Path(temporary) / "expected.json").write_text(
            json.dumps(expected, ensure_ascii=False, indent=1)
        )
        with tarfile.open(target, "w:xz", preset=9) as archive:
            for name in ("data", "backup.nq.gz", "expected.json"):
                archive.add(Path(temporary) / name, name, filter=_without_most_pictures)


def _without_most_pictures(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """All but the pictures of single frames, which are large; the folder stays."""
    return None if "/frame-" in member.name else member


def _recording(client: Any, folder: Path) -> dict[str, Any]:
    """A recording that was read and corrected by a person."""
    dicom.write(simulate(4_000_023, 6.0, 2.0, 40), folder / "pullback.dcm")
    address = client.post(
        "/recordings",
        content=(folder / "pullback.dcm").read_bytes(),
        headers={"Content-Type": "application/dicom"},
    ).headers["location"]
    while client.get(address).json()["state"] in ("waiting", "reading"):
        time.sleep(0.2)
    told = client.post(
        f"{address}/corrections",
        json={"by": "a reader", "why": "looked", "facts": {"max_superficial_arc_deg": 200}},
    )
    assert told.status_code == 200, told.text
    found: dict[str, Any] = client.get(address).json()
    return found


if __name__ == "__main__":
    write(HERE / f"{calx.__version__}.tar.xz")
