"""Named tokens: each may do what its role allows, each act is on record with its name, and two pairs of eyes see what is published."""

from __future__ import annotations

import json
import re
import shutil
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from calx.api.store.people import People, PeopleError
from calx.ontology import DEFAULT_DIRECTORY
from tests.api.running import CASE, Running, serving
from tests.command import calx

ROLES = {"rea": "reader", "ada": "author", "rex": "reviewer", "ruth": "reviewer", "adm": "admin"}
COMMON = "a-common-token-of-the-service"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    shutil.copytree(
        DEFAULT_DIRECTORY,
        folder / "guideline",
        ignore=shutil.ignore_patterns("*.py", "__pycache__"),
    )
    return folder


@pytest.fixture(scope="module")
def tokens(folder: Path) -> dict[str, str]:
    """Made as an administrator makes them."""
    made = {}
    for name, role in ROLES.items():
        done = calx("token", "add", name, "--role", role, "--data", str(folder / "data"))
        assert done.returncode == 0, done.stderr
        made[name] = done.stdout.strip()
    return made


@pytest.fixture(scope="module")
def service(folder: Path, tokens: dict[str, str]) -> Iterator[Running]:
    options = ("--ontology", str(folder / "guideline"), "--token", COMMON, "--private")
    with serving(folder / "data", *options) as running:
        yield running


@pytest.fixture
def as_(service: Running, tokens: dict[str, str]) -> Iterator[dict[str, httpx.Client]]:
    """A client of everybody, of the common token, and of nobody."""
    shown = {**tokens, "common": COMMON}
    clients = {
        name: service.client(
            headers={"Accept": "application/json", "Authorization": f"Bearer {token}"}
        )
        for name, token in shown.items()
    }
    clients["nobody"] = service.client(headers={"Accept": "application/json"})
    yield clients
    for client in clients.values():
        client.close()


def log(service: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (service.data / "audit.jsonl").read_text().splitlines()]


def edited(clients: dict[str, httpx.Client], who: str, label: str) -> str:
    """A draft with one edit, handed in for review."""
    name = clients[who].post("/drafts", json={"title": label, "by": "somebody else"}).json()["id"]
    edit = {
        "table": "labels",
        "key": "rule:D3 rdfs:label",
        "column": "en",
        "value": label,
        "by": "somebody else",
    }
    assert clients[who].post(f"/drafts/{name}/edits", json=edit).status_code == 200
    move = {"state": "in review", "by": "somebody else"}
    assert clients[who].post(f"/drafts/{name}/state", json=move).status_code == 200
    return str(name)


PUBLISH = {"by": "b", "why": "clearer"}


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/cases", "reader"),
        ("GET", "/drafts", "reader"),
        ("PUT", "/cases/by-role", "author"),
        ("DELETE", "/cases/by-role", "author"),
        ("POST", "/drafts", "author"),
        ("POST", "/drafts/000000000000/publish", "reviewer"),
        ("GET", "/backup", "admin"),
        ("HEAD", "/backup", "admin"),
    ],
)
def test_each_may_do_what_the_role_allows(
    method: str, path: str, least: str, as_: dict[str, httpx.Client]
) -> None:
    order = ["reader", "author", "reviewer", "admin"]
    body = {"case_id": "by-role", **CASE} if method in ("PUT", "POST") else None
    assert as_["nobody"].request(method, path, json=body).status_code == 401
    for name, role in ROLES.items():
        status = as_[name].request(method, path, json=body).status_code
        assert (status == 403) == (order.index(role) < order.index(least)), (name, status)
    assert as_["common"].request(method, path, json=body).status_code not in (401, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/backup%0A"),
        ("GET", "/cases%0A"),
        ("GET", "/drafts%0A"),
        ("POST", "/drafts/000000000000/publish%0A"),
        ("DELETE", "/cases/x%0A"),
        ("GET", "/backup%00"),
        ("GET", "/%E2%80%AEbackup"),
    ],
)
def test_no_way_to_write_an_address_leads_past_the_guard(
    method: str, path: str, as_: dict[str, httpx.Client]
) -> None:
    for who in ("nobody", "rea", "ada", "adm"):
        assert as_[who].request(method, path).status_code == 404


@pytest.mark.parametrize(
    "answers", [None, 1, [], "x", {"q": None}, {"q": ["x"]}, {"q": {"a": "b"}}]
)
def test_answers_are_words(answers: object, as_: dict[str, httpx.Client]) -> None:
    name = edited(as_, "ada", f"Balloons {len(str(answers))} {answers}"[:60])
    asked = {**PUBLISH, "answers": answers}
    refused = as_["ruth"].post(f"/drafts/{name}/publish", json=asked)
    assert refused.status_code in (400, 422), refused.text


def test_whoever_is_revoked_meanwhile_does_not_publish(
    service: Running, as_: dict[str, httpx.Client]
) -> None:
    place = str(service.data)
    token = calx("token", "add", "rob", "--role", "reviewer", "--data", place).stdout.strip()
    name = edited(as_, "ada", "Balloons, small then large")
    shown = {"Authorization": f"Bearer {token}"}
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(
            as_["nobody"].post, f"/drafts/{name}/publish", json=PUBLISH, headers=shown
        )
        time.sleep(1)
        assert calx("token", "revoke", "rob", "--data", place).returncode == 0
        assert asked.result().status_code in (401, 403)
    assert as_["rea"].get(f"/drafts/{name}").json()["state"] == "in review"


def test_what_is_refused_says_which_role_it_needs(as_: dict[str, httpx.Client]) -> None:
    told = as_["ada"].get("/backup").json()
    assert told["type"].endswith("not-allowed")
    assert "needs the role admin; ada has author" in told["detail"]


def test_an_act_is_on_record_with_the_name_and_not_with_what_was_typed(
    as_: dict[str, httpx.Client], service: Running
) -> None:
    name = edited(as_, "ada", "Balloons, step by step")
    history = as_["rea"].get(f"/drafts/{name}").json()["history"]
    assert {entry["by"] for entry in history} == {"ada"}
    assert {entry["role"] for entry in history} == {"author"}
    last = [entry for entry in log(service) if entry.get("draft") == name]
    assert {str(entry["who"]).partition(" ")[2] for entry in last} == {"ada (author)"}


def test_a_draft_is_published_by_somebody_else_than_its_editors(
    as_: dict[str, httpx.Client], service: Running
) -> None:
    name = edited(as_, "rex", "Balloons, one after the other")
    alone = as_["rex"].post(f"/drafts/{name}/publish", json=PUBLISH)
    assert alone.status_code == 409
    assert "rex edited this draft; somebody else must" in alone.json()["detail"]
    common = as_["common"].post(f"/drafts/{name}/publish", json=PUBLISH)
    assert common.status_code == 409
    assert "a token of your own" in common.json()["detail"]
    done = as_["ruth"].post(f"/drafts/{name}/publish", json=PUBLISH)
    assert done.status_code == 200, done.text
    (last,) = (e for e in log(service) if e["did"] == "published a draft" and e["draft"] == name)
    assert str(last["who"]).endswith("ruth (reviewer)")
    assert last["second_review"] == "on"


def test_an_edit_under_the_common_token_cannot_be_shown_to_be_another_persons(
    as_: dict[str, httpx.Client],
) -> None:
    name = edited(as_, "common", "Balloons in turn")
    refused = as_["ruth"].post(f"/drafts/{name}/publish", json=PUBLISH)
    assert refused.status_code == 409
    assert "no token of their own" in refused.json()["detail"]


def test_a_browser_keeps_no_token_and_is_known_by_name(
    service: Running, tokens: dict[str, str]
) -> None:
    with service.client() as browser:
        signed = browser.post("/login", data={"token": tokens["ada"], "lang": "en"})
        assert signed.status_code == 303
        assert tokens["ada"] not in str(browser.cookies.get("calx"))
        page = browser.get("/drafts", headers={"Accept": "text/html"}).text
        assert re.search(r"ada\s*<button>Sign out", page)
        out = browser.post("/logout", data={"lang": "en"})
        assert out.status_code == 303
        assert browser.get("/drafts").status_code == 401
        assert browser.post("/login", data={"token": "nobody's token"}).status_code == 403


def test_a_token_made_or_revoked_counts_from_the_next_request_on(
    service: Running, as_: dict[str, httpx.Client]
) -> None:
    place = str(service.data)
    token = calx("token", "add", "tess", "--role", "reader", "--data", place).stdout.strip()
    shown = {"Authorization": f"Bearer {token}"}
    assert as_["nobody"].get("/cases", headers=shown).status_code == 200
    assert calx("token", "revoke", "tess", "--data", place).returncode == 0
    assert as_["nobody"].get("/cases", headers=shown).status_code == 401
    listed = calx("token", "list", "--data", place).stdout
    assert "tess  reader" in listed and "revoked" in listed
    again = calx("token", "add", "Tess", "--role", "admin", "--data", place)
    assert again.returncode == 2 and "take another name" in again.stderr
    told = [entry["people"] for entry in log(service) if entry["did"] == "named tokens changed"]
    assert told[-1]["tess"] == "revoked"


def test_no_token_can_be_read_from_the_folder(service: Running, tokens: dict[str, str]) -> None:
    file = service.data / "people.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = "".join(
        path.read_text(errors="replace") for path in service.data.glob("*") if path.is_file()
    )
    assert not any(token in kept for token in tokens.values())


def test_where_the_names_cannot_be_read_nobody_is_let_in(
    service: Running, as_: dict[str, httpx.Client]
) -> None:
    file = service.data / "people.json"
    text = file.read_text()
    try:
        broken = ("{", "[]", '{"people": [{"name": 1}]}', '{"people": {}}', '{"people": []}')
        for content in (*broken, text.replace('"key": "', '"key": "é'), "[" * 100_000):
            file.write_text(content)
            assert as_["ada"].post("/drafts", json={"title": "t"}).status_code == 503
            assert as_["common"].post("/drafts", json={"title": "t"}).status_code == 503
            assert as_["nobody"].get("/rules").status_code == 200
        file.unlink()
        assert as_["nobody"].post("/drafts", json={"title": "t", "by": "x"}).status_code == 503
    finally:
        file.write_text(text)
    assert as_["rea"].get("/cases").status_code == 200


def test_corrections_of_a_recording_carry_the_name(as_: dict[str, httpx.Client]) -> None:
    from calx.api.server.routes.recordings import _of_json

    told = _of_json(b'{"by": "typed", "facts": {}, "confirmed": ["x"]}', "ada")
    assert told["by"] == "ada"
    assert _of_json(b'{"facts": {}, "confirmed": ["x"]}', "ada")["by"] == "ada"


def test_without_a_second_review_the_log_says_so(tmp_path: Path) -> None:
    shutil.copytree(
        DEFAULT_DIRECTORY,
        tmp_path / "guideline",
        ignore=shutil.ignore_patterns("*.py", "__pycache__"),
    )
    people = People(tmp_path / "data")
    (tmp_path / "data").mkdir()
    token = people.add("one", "reviewer")
    people.add("two", "reviewer")
    options = ("--ontology", str(tmp_path / "guideline"), "--no-second-review")
    shown = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
    with (
        serving(tmp_path / "data", *options) as running,
        running.client(headers=shown) as client,
        running.client() as nobody,
    ):
        assert nobody.post("/drafts", json={"title": "t", "by": "x"}).status_code == 401
        name = edited({"one": client}, "one", "Balloons, larger and larger")
        assert client.post(f"/drafts/{name}/publish", json={"why": "w"}).status_code == 200
        entries = log(running)
    assert entries[0]["second_review"] == "off"
    assert entries[0]["people"] == {"one": "reviewer", "two": "reviewer"}
    (last,) = (entry for entry in entries if entry["did"] == "published a draft")
    assert last["second_review"] == "off"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a\nb",
        "x" * 65,
        "../x",
        "a\u202eb",
        "service",
        "127.0.0.1 ada",
        "\u0410nna",
        "anna\u3164",
    ],
)
def test_a_name_that_could_mislead_is_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="is no name"):
        People(tmp_path).add(name, "reader")


@pytest.mark.parametrize("name", ["ada", "A. B", "o'neil", "author-1", "王医生", "Иван", "lab_2"])
def test_a_name_in_any_script_is_one(name: str, tmp_path: Path) -> None:
    assert People(tmp_path).add(name, "reader")


def test_a_role_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="a role is reader, author, reviewer, admin"):
        People(tmp_path).add("ada", "owner")
