"""Drafts: the guideline is edited, examined, reviewed and published on the page; nothing live changes before, and old answers keep theirs."""

from __future__ import annotations

import io
import shutil
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from tests.api.running import Running, serving
from tests.reasoner.authors.seeds import SEEDS, Seed
from tests.sampling import some

ARC = {
    "table": "thresholds",
    "key": "cond:SuperficialArcLong#1",
    "column": "value",
    "value": "180",
    "by": "author",
}
CASE = {"case_id": "moderate", "max_superficial_arc_deg": 200}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("drafts")
    shutil.copytree(
        DEFAULT_DIRECTORY,
        folder / "guideline",
        ignore=shutil.ignore_patterns("*.py", "__pycache__"),
    )
    with serving(folder / "data", "--ontology", str(folder / "guideline")) as running:
        yield running


@pytest.fixture
def author(mine: Running) -> Iterator[httpx.Client]:
    with mine.client(headers={"Accept": "application/json"}) as client:
        yield client


def begin(author: httpx.Client, title: str = "Lower the arc") -> str:
    answer = author.post("/drafts", json={"title": title, "by": "author"})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def strategy(author: httpx.Client) -> str:
    found: dict[str, Any] = author.post("/recommend", json={**CASE, "case_id": "asked"}).json()
    return str(found["strategy"]["id"])


def test_an_edit_of_a_draft_is_examined_and_changes_nothing_live(
    author: httpx.Client, mine: Running
) -> None:
    live = GuidelineFiles(mine.data.parent / "guideline").digest
    name = begin(author)
    edited = author.post(f"/drafts/{name}/edits", json=ARC)
    assert (edited.status_code, edited.json()["before"]) == (200, "270")
    checked = author.get(f"/drafts/{name}/check").json()
    assert checked["sound"] is False
    literal = next(problem for problem in checked["problems"] if problem["kind"] == "literal")
    assert (literal["rule"], literal["file"]) == ("C1", "rules/conditions.ttl")
    sections = str(author.get(f"/drafts/{name}/diff").json()["sections"])
    assert "stepwise balloon → modify the calcium before stenting" in sections
    assert "逐级球囊" in str(author.get(f"/drafts/{name}/diff?lang=zh").json()["sections"])
    assert author.get(f"/drafts/{name}/verify").json()["holds"] is True
    assert GuidelineFiles(mine.data.parent / "guideline").digest == live
    assert strategy(author) == "stepwise_balloon"
    packed = zipfile.ZipFile(io.BytesIO(author.get(f"/drafts/{name}/files").content))
    assert packed.namelist() == ["rules/conditions.ttl"]


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"value": "180,5"}, 422, "decimal comma"),
        ({"value": "high"}, 422, "not a plain number"),
        ({"key": "cond:Nothing#1"}, 422, "no such cell"),
        ({"column": "rule"}, 422, "cannot be changed here"),
        ({"value": ""}, 400, "say value"),
        ({"by": ""}, 400, "say by"),
    ],
)
def test_an_edit_that_cannot_be_taken_is_refused_with_its_reason(
    change: dict[str, str], status: int, told: str, author: httpx.Client
) -> None:
    answer = author.post(f"/drafts/{begin(author)}/edits", json={**ARC, **change})
    assert answer.status_code == status
    assert told in answer.text


def test_publishing_needs_review_and_no_error(author: httpx.Client) -> None:
    name = begin(author)
    assert author.post(f"/drafts/{name}/publish", json={"by": "b", "why": "w"}).status_code in (
        409,
        422,
    )
    author.post(f"/drafts/{name}/edits", json=ARC)
    assert (
        author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"}).json()[
            "state"
        ]
        == "in review"
    )
    assert author.post(f"/drafts/{name}/edits", json=ARC).status_code == 409
    refused = author.post(f"/drafts/{name}/publish", json={"by": "editor", "why": "w"})
    assert refused.status_code == 422
    assert "is backed by no statement" in refused.text
    assert strategy(author) == "stepwise_balloon"


def test_a_reviewed_draft_is_published_and_old_answers_keep_theirs(
    author: httpx.Client, mine: Running
) -> None:
    before = author.get("/guideline").json()["digest"]
    assert author.put("/cases/moderate", json=CASE).status_code in (200, 201) or author.post(
        "/cases", json=CASE
    ).status_code in (200, 201)
    name = begin(author, "A clearer label")
    label = {
        "table": "labels",
        "key": "rule:D3 rdfs:label",
        "column": "en",
        "value": "Stepwise balloons first",
        "by": "author",
    }
    assert author.post(f"/drafts/{name}/edits", json=label).status_code == 200
    assert (
        author.post(
            f"/drafts/{name}/state",
            json={"state": "in review", "by": "author", "why": "please look"},
        ).status_code
        == 200
    )
    done = author.post(
        f"/drafts/{name}/publish", json={"by": "editor", "why": "Clearer for readers"}
    )
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "published"
    now = author.get("/guideline").json()["digest"]
    assert (
        now
        == done.json()["published"]
        == GuidelineFiles(mine.data.parent / "guideline").digest
        != before
    )
    assert author.get("/rules/D3").json()["label"]["en"] == "Stepwise balloons first"
    kept = author.get("/cases/moderate").json()
    assert before in str(kept)
    (note,) = (mine.data.parent / "guideline" / "changes").glob(f"*{name}.md")
    assert "Clearer for readers" in note.read_text(encoding="utf-8")
    assert "Stepwise balloons first" in note.read_text(encoding="utf-8")
    rows = author.post(
        "/sparql",
        data={
            "query": 'ASK { ?rule <http://www.w3.org/2000/01/rdf-schema#label> "Stepwise balloons first"@en }'
        },
    ).json()
    assert rows["boolean"] is True


def test_a_draft_of_an_older_guideline_is_not_published_over_a_newer_one(
    author: httpx.Client, mine: Running
) -> None:
    older = begin(author, "older")
    label = {"table": "labels", "key": "rule:D2 rdfs:label", "column": "en", "by": "author"}
    author.post(f"/drafts/{older}/edits", json={**label, "value": "One"})
    author.post(f"/drafts/{older}/state", json={"state": "in review", "by": "author"})
    note = mine.data.parent / "guideline" / "facts.ttl"
    note.write_text(note.read_text(encoding="utf-8") + "# edited by hand\n", encoding="utf-8")
    refused = author.post(f"/drafts/{older}/publish", json={"by": "editor", "why": "w"})
    assert refused.status_code == 409
    assert "has changed since the draft began" in refused.text


def test_broken_files_on_disk_leave_the_last_good_version_serving(
    author: httpx.Client, mine: Running
) -> None:
    rules = mine.data.parent / "guideline" / "rules" / "strategy.ttl"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text[: len(text) // 2], encoding="utf-8")
    try:
        assert strategy(author) == "stepwise_balloon"
        refused = author.post("/drafts", json={"title": "t", "by": "a"})
        assert refused.status_code in (201, 409)
        if refused.status_code == 201:
            told = author.get(f"/drafts/{refused.json()['id']}/check").json()
            assert told["sound"] is False
            assert told["problems"][0]["file"] == "rules/strategy.ttl"
    finally:
        rules.write_text(text, encoding="utf-8")


def sow(author: httpx.Client, mine: Running, seed: Seed) -> str:
    """A draft with one of the faults that authors were seen to make, handed in for review."""
    name = begin(author, seed.name)
    folder = mine.data / "drafts" / name / "guideline"
    texts = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    for file, text in seed.sow(texts).items():
        (folder / file).write_text(text, encoding="utf-8")
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    return name


@pytest.mark.parametrize("seed", some(SEEDS, 2), ids=lambda seed: seed.name)
def test_no_fault_that_authors_were_seen_to_make_is_published(
    seed: Seed, author: httpx.Client, mine: Running
) -> None:
    live = GuidelineFiles(mine.data.parent / "guideline").digest
    name = sow(author, mine, seed)
    refused = author.post(f"/drafts/{name}/publish", json={"by": "editor", "why": "w"})
    assert refused.status_code == 422, refused.text
    assert all(problem["message"] for problem in refused.json()["problems"])
    assert author.get(f"/drafts/{name}").json()["state"] == "in review"
    assert GuidelineFiles(mine.data.parent / "guideline").digest == live


def test_what_is_refuted_is_not_published_whatever_is_answered(
    author: httpx.Client, mine: Running
) -> None:
    (seed,) = (seed for seed in SEEDS if seed.name.startswith("01c"))
    name = sow(author, mine, seed)
    told = author.get(f"/drafts/{name}/review").json()
    assert [block["place"] for block in told["blocks"]] == ["no-stent-in-perforation"]
    answers = {question["id"]: "It is meant." for question in told["questions"]}
    asked = {"by": "editor", "why": "w", "answers": answers}
    refused = author.post(f"/drafts/{name}/publish", json=asked)
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("not-publishable")
    assert "calx verify no-stent-in-perforation" in refused.text


def test_what_no_proof_settles_is_answered_in_words_that_stay(
    author: httpx.Client, mine: Running
) -> None:
    name = begin(author, "A longer lesion")
    edit = {
        "table": "labels",
        "key": "rule:W-RA-2 rdfs:label",
        "column": "en",
        "value": "Lesion longer than 30 mm",
        "by": "author",
    }
    assert author.post(f"/drafts/{name}/edits", json=edit).status_code == 200
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    asked = {"by": "editor", "why": "w"}
    refused = author.post(f"/drafts/{name}/publish", json=asked)
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("unanswered")
    (place,) = {problem["place"] for problem in refused.json()["problems"]}
    assert place == "number-in-words:W-RA-2"
    blank = author.post(f"/drafts/{name}/publish", json={**asked, "answers": {place: "  "}})
    assert blank.status_code == 422
    page = author.get(f"/drafts/{name}/review", headers={"Accept": "text/html"}).text
    assert f'name="answer {place}"' in page
    answers = {place: "The label rounds on purpose."}
    done = author.post(f"/drafts/{name}/publish", json={**asked, "answers": answers})
    assert done.status_code == 200, done.text
    assert {"question": place, "answer": "The label rounds on purpose."}.items() <= next(
        entry for entry in done.json()["history"] if entry["did"] == "answered"
    ).items()
    (note,) = (mine.data.parent / "guideline" / "changes").glob(f"*{name}.md")
    assert "The label rounds on purpose." in note.read_text(encoding="utf-8")


def test_what_no_table_shows_is_written_as_a_file(author: httpx.Client, mine: Running) -> None:
    name = begin(author, "A case of its own")
    path = "cases/modification.yaml"
    text = (mine.data.parent / "guideline" / path).read_text(encoding="utf-8")
    more = text + (
        "\n- id: mine\n  why: Mine.\n  case: {max_superficial_arc_deg: 300}\n"
        "  expect: {arc_grade: IV}\n"
    )
    address = f"/drafts/{name}/files/{path}"
    assert author.put(address, content=more).status_code == 400
    done = author.put(f"{address}?by=author", content=more.encode())
    assert done.status_code == 200, done.text
    assert done.json()["history"][-1]["what"] == path
    assert author.get(f"/drafts/{name}/check").json()["reference_cases"] == 78
    assert author.get(address).content == more.encode()
    assert author.get(f"/drafts/{name}/files/../draft.json").status_code == 404
    for other, content, status in (
        ("../guideline.ttl", b"", 400),
        ("rules/../../x.ttl", b"", 400),
        ("notes.txt", b"", 400),
        ("cases/x.yaml", b"a: [", 422),
        ("rules/x.ttl", b"a b", 422),
        ("rules/x.ttl", b"\xff", 422),
    ):
        refused = author.put(f"/drafts/{name}/files/{quote(other, safe='')}?by=a", content=content)
        assert refused.status_code in (status, 404), (other, refused.text)
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    assert author.put(f"{address}?by=author", content=b"x").status_code == 409


def test_a_review_is_of_the_files_that_it_read(author: httpx.Client, mine: Running) -> None:
    """Edited while it is examined, and put back after: the report of the one is not that of the other."""
    name = begin(author, "To and fro")
    path = "rules/devices.ttl"
    good = (mine.data.parent / "guideline" / path).read_text(encoding="utf-8") + "# the same\n"
    bad = good.replace("sh:condition cond:Active ] .", "sh:condition cond:DeepOnly ] .", 1)
    assert bad != good
    address = f"/drafts/{name}/files/{path}?by=author"
    with ThreadPoolExecutor() as pool:
        author.put(address, content=bad)
        asked = pool.submit(author.get, f"/drafts/{name}/review")
        time.sleep(0.3)
        author.put(address, content=good)
        asked.result()
    author.put(address, content=bad)
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    told = author.get(f"/drafts/{name}/review").json()
    assert told["blocks"] or told["questions"]
    refused = author.post(f"/drafts/{name}/publish", json={"by": "editor", "why": "w"})
    assert refused.status_code == 422


def test_a_case_that_came_meanwhile_holds_a_draft_back(author: httpx.Client, mine: Running) -> None:
    name = begin(author, "Before the case came")
    label = {"table": "labels", "key": "rule:D2 rdfs:label", "column": "en", "by": "author"}
    author.post(f"/drafts/{name}/edits", json={**label, "value": "Mild calcium first"})
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    cases = mine.data.parent / "guideline" / "cases" / "stent.yaml"
    text = cases.read_text(encoding="utf-8")
    try:
        cases.write_text(text + "\n# a case that somebody adds\n", encoding="utf-8")
        refused = author.post(f"/drafts/{name}/publish", json={"by": "editor", "why": "w"})
        assert refused.status_code == 409 and "has changed since" in refused.text
    finally:
        cases.write_text(text, encoding="utf-8")


def test_a_file_that_is_gone_from_a_draft_holds_it_back(
    author: httpx.Client, mine: Running
) -> None:
    name = begin(author, "Without requirements")
    author.post(f"/drafts/{name}/edits", json={**ARC, "value": "271"})
    author.post(f"/drafts/{name}/state", json={"state": "in review", "by": "author"})
    (mine.data / "drafts" / name / "guideline" / "requirements.ttl").unlink()
    refused = author.post(f"/drafts/{name}/publish", json={"by": "editor", "why": "w"})
    assert refused.status_code == 409 and "lacks requirements.ttl" in refused.text


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"why": None}, 400),
        ({"why": ["x"]}, 400),
        ({"why": "\u200b"}, 400),
        ({"by": 1}, 400),
        ({"effort": "000000001999999"}, 400),
        ({"effort": "1" * 5000}, 400),
        ({"effort": 0}, 400),
        ({"answer x": None}, 409),
    ],
)
def test_what_is_sent_to_publish_is_words_and_numbers(
    more: dict[str, Any], status: int, author: httpx.Client
) -> None:
    asked = {"by": "editor", "why": "w", **more}
    refused = author.post(f"/drafts/{begin(author)}/publish", json=asked)
    assert refused.status_code == status, refused.text


def test_names_that_are_exchanged_are_asked_about(author: httpx.Client, mine: Running) -> None:
    name = begin(author, "Names")
    for term, label in (("covered_stent", "observe"), ("observe_with_echo", "covered stent")):
        cell = {"table": "labels", "key": f"advice:{term} rdfs:label", "column": "en", "by": "a"}
        assert author.post(f"/drafts/{name}/edits", json={**cell, "value": label}).is_success
    told = author.get(f"/drafts/{name}/review").json()
    assert "labels" in {question["id"] for question in told["questions"]}


def test_a_publishing_that_was_cut_off_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from calx.api.jobs.drafts import By, Drafts

    folder = tmp_path / "guideline"
    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    drafts = Drafts(tmp_path / "drafts", folder, True)
    draft = drafts.begin("t", By("a"))
    drafts.edit(draft, "labels", "rule:D3 rdfs:label", "en", "Balloons", By("a"))
    drafts.move(draft, "in review", By("a"), "")
    monkeypatch.setattr(drafts, "_finish", lambda draft: None)  # the power fails here
    drafts.publish(draft, By("b"), "w", "note", False, {})
    assert "Balloons" not in (folder / "rules/strategy.ttl").read_text(encoding="utf-8")
    again = Drafts(tmp_path / "drafts", folder, True)
    assert again.all()[0].state == "published"
    assert GuidelineFiles(folder).digest == again.all()[0].published


def test_the_guideline_of_calx_itself_is_not_written_to(client: httpx.Client) -> None:
    name = begin(client)
    client.post(
        f"/drafts/{name}/edits",
        json={
            "table": "labels",
            "key": "rule:D3 rdfs:label",
            "column": "en",
            "value": "x",
            "by": "a",
        },
    )
    client.post(f"/drafts/{name}/state", json={"state": "in review", "by": "a"})
    refused = client.post(f"/drafts/{name}/publish", json={"by": "b", "why": "w"})
    assert refused.status_code == 409
    assert "--ontology DIR" in refused.text


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "0123456789ab", "0" * 12])
def test_there_are_no_other_drafts(name: str, author: httpx.Client) -> None:
    assert author.get(f"/drafts/{name}").status_code == 404
    assert author.get(f"/drafts/{name}/check").status_code == 404


def test_the_page_works_without_a_script(author: httpx.Client) -> None:
    name = begin(author)
    page = author.get(f"/drafts/{name}?q=270&examine=yes", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert 'name="value" value="270"' in page.text
    form = {**ARC, "lang": "zh", "back": "table=thresholds&q=270"}
    moved = author.post(f"/drafts/{name}/edits", data=form, headers={"Accept": "text/html"})
    assert moved.status_code == 303
    assert moved.headers["location"] == f"/drafts/{name}?lang=zh&table=thresholds&q=270"
    assert "草稿" in author.get(moved.headers["location"], headers={"Accept": "text/html"}).text
