"""The store under bad luck: kills, a second server, a full disk, a damaged folder; backups while it serves."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from calx.api.store.audit import verify
from tests.api.running import Running, case, serving, start
from tests.command import calx
from tests.sampling import NUMBER, much

KILLS = much(100, 5)


class Writer(threading.Thread):
    """Stores case after case until the service is gone; remembers what was acknowledged."""

    def __init__(self, running: Running, name: str, acknowledged: dict[str, Any]) -> None:
        super().__init__()
        self.enough = False
        self.running, self.prefix, self.acknowledged = running, name, acknowledged

    def run(self) -> None:
        with self.running.client() as client:
            for number in range(10_000):
                if self.enough:
                    return
                name = f"{self.prefix}-{number}"
                try:
                    reply = client.post("/cases", json=case(name))
                except httpx.HTTPError:
                    return
                assert reply.status_code == 201
                self.acknowledged[name] = reply.json()


@pytest.mark.long
def test_what_was_acknowledged_survives_a_hundred_kills(tmp_path: Path) -> None:
    chance, acknowledged = random.Random(NUMBER), dict[str, Any]()
    for kill in range(KILLS):
        running = start(tmp_path)
        writers = [Writer(running, f"k{kill}-{writer}", acknowledged) for writer in range(2)]
        for writer in writers:
            writer.start()
        wanted = len(acknowledged) + chance.randint(0, 6)
        while len(acknowledged) < wanted and any(writer.is_alive() for writer in writers):
            time.sleep(0.001)
        running.kill()
        for writer in writers:
            writer.join()
    assert len(acknowledged) > KILLS
    with serving(tmp_path) as running, running.client() as client:
        for name, record in acknowledged.items():
            assert client.get(f"/cases/{name}").json() == record, name
        assert client.get(f"/cases/{name}/replay").json()["same_answer"]
    assert {reason for _, reason in verify(tmp_path / "audit.jsonl").faults} <= {
        "is no entry: a crash cut it off, or somebody wrote it"
    }


def test_a_second_service_on_the_folder_is_told_so(service: Running) -> None:
    done = calx("serve", "--data", service.data, "--port", 0)
    assert done.returncode == 1
    assert "another process uses this folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told(service: Running, tmp_path: Path) -> None:
    done = calx("serve", "--data", tmp_path, "--port", service.url.rpartition(":")[2])
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("damage", ["manifest", "cut", "noise"])
def test_a_damaged_folder_is_told(damage: str, tmp_path: Path) -> None:
    with serving(tmp_path) as running, running.client() as client:
        client.post("/cases", json=case("x"))
    store = tmp_path / "store"
    if damage == "manifest":
        next(store.glob("MANIFEST*")).unlink()
    elif damage == "cut":
        for file in store.glob("*.sst"):
            file.write_bytes(file.read_bytes()[:100])
    else:
        for file in store.glob("*"):
            if file.is_file():
                file.write_bytes(os.urandom(500))
    done = calx("serve", "--data", tmp_path, "--port", 0)
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    done = calx("serve", "--data", file, "--port", 0)
    assert done.returncode == 1
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "calx", tmp_path], capture_output=True
        ).returncode
    ):
        pytest.skip("a small disk can only be made by root where mounting is allowed")
    kept: dict[str, Any] = {}
    try:
        with serving(tmp_path) as running, running.client() as client:
            for number in range(400):
                reply = client.post("/cases", json=case(f"f{number}"))
                if reply.status_code != 201:
                    break
                kept[f"f{number}"] = reply.json()
            assert reply.status_code == 503
            assert "disk is full" in reply.json()["detail"]
            assert client.post("/recommend", json=case("f")).status_code == 200, (
                "answers need no disk"
            )
            assert len(kept) > 3
            assert client.get("/cases/f0").json() == kept["f0"]
        for filler in (tmp_path / "copies").glob("*"):
            shutil.rmtree(filler, ignore_errors=True)
        assert (
            subprocess.run(
                ["mount", "-o", "remount,size=80m", tmp_path], capture_output=True
            ).returncode
            == 0
        )
        with serving(tmp_path) as running, running.client() as client:
            for name, record in kept.items():
                assert client.get(f"/cases/{name}").json() == record
            assert client.post("/cases", json=case("after")).status_code == 201
    finally:
        subprocess.run(["umount", "-l", tmp_path], capture_output=True)


def test_a_backup_made_while_serving_restores_elsewhere(service: Running, tmp_path: Path) -> None:
    with service.client() as client:
        for number in range(5):
            client.post("/cases", json=case(f"saved-{number}"))
        acknowledged = dict[str, Any]()
        writer = Writer(service, "meanwhile", acknowledged)
        writer.start()
        made = calx("backup", tmp_path / "b.nq.gz", "--data", service.data)
        writer.enough = True
        writer.join()
        assert acknowledged
        assert made.returncode == 0, made.stderr
        told = calx("restore", tmp_path / "b.nq.gz", "--data", tmp_path / "new")
        assert told.returncode == 0, told.stderr
        with serving(tmp_path / "new") as other, other.client() as there:
            for number in range(5):
                assert (
                    there.get(f"/cases/saved-{number}").json()
                    == client.get(f"/cases/saved-{number}").json()
                )
            assert there.get("/cases/saved-1/replay").json()["same_answer"]
            again = calx("restore", tmp_path / "b.nq.gz", "--data", tmp_path / "new")
            assert again.returncode == 0, again.stderr
            assert again.stdout.startswith("0 cases added")
            there.delete("/cases/saved-1")
            assert calx(
                "restore", tmp_path / "b.nq.gz", "--data", tmp_path / "new"
            ).stdout.startswith("1 cases added")
            there.delete("/cases/saved-2")
            there.post("/cases", json=case("saved-2", max_superficial_arc_deg=90))
            there.delete("/cases/saved-3")
            refused = calx("restore", tmp_path / "b.nq.gz", "--data", tmp_path / "new")
            assert refused.returncode == 1
            assert "saved-2" in refused.stderr
            assert there.get("/cases/saved-3").status_code == 404, "all or nothing"
        alone = calx("backup", tmp_path / "c.nq.gz", "--data", tmp_path / "new")
        assert alone.returncode == 0, alone.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"unverified', b'"unverifeid'),
        (b'caseId> "x"', b'caseId> "<script>"'),
        (b"/case/x>", b"/other/x>"),
        (b'endedAtTime> "2', b'endedAtTime> "z'),
        (b"<https://w3id.org/calx/submitted>", b"<https://w3id.org/calx/forgotten>"),
    ],
)
def test_a_backup_with_records_that_are_none_is_refused_though_its_seal_fits(
    old: bytes, new: bytes, tmp_path: Path
) -> None:
    with serving(tmp_path / "a") as running, running.client() as client:
        client.post("/cases", json=case("x"))
        body = gzip.decompress(client.get("/backup").content).rpartition(b"# sha256:")[0]
        changed = body.replace(old, new)
        assert changed != body
        content = gzip.compress(
            changed + b"# sha256:" + hashlib.sha256(changed).hexdigest().encode() + b"\n"
        )
        client.delete("/cases/x")
        reply = client.post(
            "/restore", content=content, headers={"Content-Type": "application/gzip"}
        )
        assert reply.status_code == 400, reply.text
        assert client.get("/cases").json()["cases"] == []


def test_a_gzip_bomb_is_refused_and_not_unpacked_into_memory(service: Running) -> None:
    bomb = gzip.compress(b"x" * (256 * 1024 * 1024), 1)
    with service.client() as client:
        assert (
            client.post(
                "/restore", content=bomb, headers={"Content-Type": "application/gzip"}
            ).status_code
            == 400
        )
    peak = next(
        line
        for line in Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    assert int(peak.split()[1]) < 500_000


@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_damaged_backup_is_refused_and_changes_nothing(damage: str, tmp_path: Path) -> None:
    with serving(tmp_path / "a") as running, running.client() as client:
        client.post("/cases", json=case("x"))
        calx("backup", tmp_path / "b.nq.gz", "--data", tmp_path / "a")
        content = (tmp_path / "b.nq.gz").read_bytes()
        if damage == "cut":
            content = content[: len(content) // 2]
        elif damage == "changed":
            content = gzip.compress(
                gzip.decompress(content).replace(b"active_modification", b"stepwise_balloon")
            )
        else:
            content = b"PK\x03\x04" + content
        (tmp_path / "b.nq.gz").write_bytes(content)
        client.delete("/cases/x")
        done = calx("restore", tmp_path / "b.nq.gz", "--data", tmp_path / "a")
        assert done.returncode == 1
        assert "changed" in done.stderr
        assert "Traceback" not in done.stderr
        assert client.get("/cases/x").status_code == 404


def test_a_backup_never_replaces_a_file(service: Running, tmp_path: Path) -> None:
    (tmp_path / "b.nq.gz").write_text("mine")
    assert calx("backup", tmp_path / "b.nq.gz", "--data", service.data).returncode == 2
    assert (tmp_path / "b.nq.gz").read_text() == "mine"


def test_the_command_line_asks_stored_cases_with_and_without_a_service(tmp_path: Path) -> None:
    query = tmp_path / "q.rq"
    query.write_text("PREFIX calx: <https://w3id.org/calx/> SELECT ?id { ?l calx:caseId ?id }")
    with serving(tmp_path / "d") as running, running.client() as client:
        client.post("/cases", json=case("mine"))
        assert calx("query", query, "--data", tmp_path / "d").stdout.split() == ["id", "mine"]
    assert calx("query", query, "--data", tmp_path / "d").stdout.split() == ["id", "mine"]
