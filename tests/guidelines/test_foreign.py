"""Guidelines of other fields, from their folders alone: they answer, explain, verify and differ like the one that comes with Calx, with no line of Python about them."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from rdflib import Graph

from benchmarks.authoring import copies
from calx.api.contract.models import answer_model
from calx.ontology import GuidelineFiles
from calx.reasoner.authors.check.check import check
from calx.reasoner.authors.prove.pyshacl_judge import Judge, Triple
from calx.reasoner.authors.prove.verify import verify
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.load.reader import read_strict
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell import rdf
from tests.api.pages.test_page import CHROMIUM, FLAGS
from tests.api.running import Running, serving
from tests.command import calx
from tests.lesions import lesions

HERE = Path(__file__).parent
PNEUMONIA, OCT = HERE / "pneumonia", HERE / "oct"
SICK = {
    "age": 80,
    "confusion": True,
    "breaths": 34,
    "systolic": 80,
    "diastolic": 50,
    "allergy": True,
}


@pytest.fixture(scope="module", params=[PNEUMONIA, OCT], ids=["pneumonia", "oct"])
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="module")
def pneumonia() -> Reasoner:
    return Reasoner.load(PNEUMONIA)


def test_check_finds_no_fault(folder: Path) -> None:
    assert check(GuidelineFiles(folder)).problems == []


def test_everything_that_it_requires_is_proved(folder: Path) -> None:
    files = GuidelineFiles(folder)
    found = verify(files, read_strict(files))
    assert found.holds
    assert [verdict.outcome for verdict in found.verdicts] == ["proved"] * len(found.verdicts)


def test_pyshacl_agrees_on_whole_cases(folder: Path) -> None:
    reasoner = Reasoner.load(folder)
    guideline, judge = reasoner.guideline, Judge(GuidelineFiles(folder), reasoner.guideline)
    cases = [reasoner.gate.admit(raw) for raw in lesions(reasoner, 80, 5, density=0.8)]
    reference = judge.added(judge.lesions([(case.facts, ()) for case in cases]))
    for number, case in enumerate(cases):
        trace = reasoner.evaluation.run(case.facts)
        ours: set[Triple] = set()
        for key in trace.derived:
            name, _, term = key.partition(":")
            ours.add((name, f"{guideline.properties[name].kind}/{term}"))
        ours |= {
            (guideline.facts[name].local, value)
            for name, value in trace.values.items()
            if name not in case.facts
        }
        assert ours == reference[number], case


def test_what_is_settled_is_what_every_completion_says(folder: Path) -> None:
    """The three-valued reading of a tally, held against all the ways in which unknown facts can turn out."""
    reasoner = Reasoner.load(folder)
    lead = reasoner.guideline.lead
    assert lead is not None
    if folder == OCT:
        values: dict[str, list[Any]] = {
            "angle": [0, 200],
            "thickness": [0.3, 0.6],
            "length": [4, 6],
        }
    else:
        values = {
            "age": [40, 70],
            "confusion": [True, False],
            "urea": [5, 8],
            "breaths": [20, 30],
            "systolic": [80, 120],
            "diastolic": [70],
        }
    seen = set()
    for chosen in itertools.product(*[[None, *each] for each in values.values()]):
        facts = {name: v for name, v in zip(values, chosen, strict=True) if v is not None}
        try:
            answer = reasoner.recommend({"case_id": "c", **facts})
        except CaseError:
            continue
        unknown = [name for name in values if name not in facts]
        ends = set()
        for rest in itertools.product(*(values[name] for name in unknown)):
            try:
                whole = reasoner.recommend(
                    {"case_id": "c", **facts, **dict(zip(unknown, rest, strict=True))}
                )
            except CaseError:
                continue
            ends.add((told := whole.chosen(lead, "en")) and told.id)
        here = answer.chosen(lead, "en")
        assert here is not None
        if here.settled:
            assert ends == {here.id}, facts
        if len(ends) > 1:
            assert not here.settled
            assert set(unknown) & {item.fact for item in answer.missing if lead.key in item.decides}
        seen.add(here.settled)
    assert seen == {True, False}


def test_weights_add_up_in_every_reading() -> None:
    reasoner = Reasoner.load(OCT)
    result = reasoner.recommend({"case_id": "c", "angle": 200, "length": 6}).json()
    assert result["score"] == {"value": 3, "points": ["long", "wide"], "unknown": ["thick"]}
    assert (result["outlook"]["id"], result["outlook"]["settled"]) == ("between", False)
    assert result["missing"] == [{"fact": "thickness", "decides": ["outlook", "score"]}]
    book = calx("rulebook", "--ontology", OCT).stdout
    assert "If score above 2 and score below 4, then the guideline expects: in between." in book


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("guideline.ttl", "calx:weight 2", "calx:weight 0", "whole number from 1"),
        ("guideline.ttl", "calx:weight 2", "calx:weight 3", "earns * 3 1"),
        (
            "guideline.ttl",
            "sh:minInclusive 4 ; sh:maxInclusive 4 ]",
            "sh:minInclusive 5 ]",
            "never to 5",
        ),
        ("guideline.ttl", "calx:sumOf oct:earns", "calx:sumOf oct:expects", "by no calx:TallyRule"),
        ("guideline.ttl", "a owl:Ontology , calx:Guideline", "a owl:Ontology", "no header"),
        ("guideline.ttl", "calx:rootClass oct:Plaque ;", "", "no calx:rootClass"),
        (
            "guideline.ttl",
            "( section:score section:outlook )",
            "( section:outlook )",
            "not among calx:sections",
        ),
        (
            "guideline.ttl",
            'calx:resultKey "outlook" ; sh:order 1',
            'calx:resultKey "missing" ; sh:order 1',
            "is a key of every answer",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    copy = tmp_path / "guideline"
    shutil.copytree(OCT, copy)
    text = (copy / file).read_text(encoding="utf-8")
    assert text.count(old) >= 1
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    problems = check(GuidelineFiles(copy), with_owl=False).problems
    assert any(told in str(problem) for problem in problems), [str(p) for p in problems]


def test_two_sections_of_every_kind_answer_side_by_side(tmp_path: Path) -> None:
    """The guideline twice over: each copy has sections, classes, terms, rules of its own."""
    reasoner = Reasoner.load(copies(tmp_path / "twice", 2))
    facts = {"max_superficial_arc_deg": 300, "thrombus": True, "coronary_dissection": True}
    both = facts | {f"{name}_x2": value for name, value in facts.items()}
    result = reasoner.recommend({"case_id": "c", **both}).json()
    keys = [key for key in result if f"{key}_x2" in result]
    assert {"strategy", "devices", "alerts", "calcium_score", "optimisation"} <= set(keys)

    def ids(key: str) -> list[tuple[str, str]]:
        told = [result[key]] if isinstance(result[key], dict) else result[key]
        return sorted(
            (item["id"].removesuffix("_x2"), item.get("status") or item.get("severity", ""))
            for item in told
        )

    for key in ("strategy", "devices", "alerts"):
        assert ids(key)
        assert ids(key) == ids(f"{key}_x2")
    assert result["calcium_score"]["value"] == result["calcium_score_x2"]["value"]
    one = reasoner.recommend({"case_id": "c", **facts}).json()
    assert one["strategy_x2"] is None
    assert one["devices"] == result["devices"]


def test_it_answers_on_the_command_line_in_both_languages() -> None:
    case = json.dumps({"case_id": "p", **SICK})
    text = calx(
        "recommend", "-", "--ontology", PNEUMONIA, "--format", "text", "--more", stdin=case
    ).stdout
    text = " ".join(text.split())
    for part in (
        "Pneumonia p",
        "CRITICAL shock may be near [W1; C-EO] 1. give fluids",
        "Place of care WARD, INTENSIVE CARE CONSIDERED [C3] settled",
        "first clarithromycin [usable, no weighty caution, C-EO]",
        "AVOID barred: amoxicillin, ampicillin (Allergy bars every penicillin [D2])",
        "Severity: 4 (",
        "so far",
        "could still rise: high urea",
        "pulse pressure 30 mm[Hg]",
        "not for use with patients",
    ):
        assert part in text, part
    chinese = calx(
        "recommend", "-", "--ontology", PNEUMONIA, "--format", "text", "--lang", "zh", stdin=case
    ).stdout
    assert "住院并考虑重症监护" in chinese
    assert not re.search("lesion|strategy|病变|策略", text + chinese)


def test_its_json_has_its_own_sections(pneumonia: Reasoner) -> None:
    answer = pneumonia.recommend({"case_id": "p", **SICK})
    result = answer.json()
    assert [*result][3:-4] == ["care", "severity", "signs", "drugs", "warnings", "numbers"]
    answer_model(pneumonia.guideline).model_validate(result)
    assert result["drugs"][0]["contraindications"][0]["rule"] == "D2"
    assert result["guideline"]["iri"] == "https://example.org/cap/"


def test_what_may_be_used_stands_in_one_order(pneumonia: Reasoner) -> None:
    """Role, then weighty cautions, then the order of the terms; what may not be used has no rank."""

    def drugs(**facts: Any) -> dict[str, Any]:
        result = pneumonia.recommend({"case_id": "p", **SICK, **facts}).json()
        answer_model(pneumonia.guideline).model_validate(result)
        return {drug["id"]: drug for drug in result["drugs"]}

    free = drugs(allergy=False)
    assert {name: drug["rank"] for name, drug in free.items()} == {
        "amoxicillin": 1,
        "clarithromycin": 2,
        "ampicillin": 3,
    }
    assert [c["weighty"] for c in free["ampicillin"]["cautions"]] == [True]
    assert (free["amoxicillin"]["role"], free["amoxicillin"]["direct_level"]) == ("primary", "C-EO")
    out = drugs(allergy=False, penicillins_out=True)
    assert [(d["status"], d["rank"]) for d in out.values()] == [
        ("out_of_stock", None),
        ("out_of_stock", None),
        ("usable", 1),
    ]
    assert out["amoxicillin"]["unavailable"][0]["rule"] == "D4"
    assert drugs()["amoxicillin"]["status"] == "barred"
    assert "penicillins_out" in drugs(allergy=False)["amoxicillin"]["unverified"]


def test_its_rdf_speaks_its_own_terms_and_is_read_again(
    pneumonia: Reasoner, tmp_path: Path
) -> None:
    answer = pneumonia.recommend({"case_id": "p", **SICK})
    graph = Graph().parse(data=rdf.turtle(answer), format="turtle")
    own = {
        str(node)
        for triple in graph
        for node in triple
        if str(node).startswith("https://w3id.org/calx/")
    }
    core = Graph().parse(HERE.parents[1] / "ontology" / "core" / "core.ttl")
    told = {node for node in own if "/case/" not in node}
    assert told <= {str(subject) for subject in core.subjects()}
    case = tmp_path / "case.ttl"
    case.write_text(
        "@prefix cap: <https://example.org/cap/> . <https://w3id.org/calx/case/p> a cap:Pneumonia ; cap:age 80 ; cap:confusion true ."
    )
    done = calx("recommend", case, "--ontology", PNEUMONIA)
    assert json.loads(done.stdout)["care"]["id"] == "ward"
    whole = case.read_text()
    for strange in ("thrombus", "age"):  # the name of another guideline's fact, and of its own
        case.write_text(whole.replace("cap:age", f"<https://w3id.org/calx/{strange}>"))
        refused = calx("recommend", case, "--ontology", PNEUMONIA)
        assert refused.returncode == 1
        assert f"calx:{strange}: is no property of a pneumonia" in refused.stderr


def test_a_change_of_it_is_told_for_all_its_cases(tmp_path: Path) -> None:
    copy = tmp_path / "new"
    shutil.copytree(PNEUMONIA, copy)
    rules = copy / "rules" / "severity.ttl"
    rules.write_text(rules.read_text().replace("sh:minInclusive 65", "sh:minInclusive 75"))
    told = calx("diff", PNEUMONIA, copy).stdout
    assert "care: on a ward → at home" in told
    assert "age at least 65 a and below 75 a" in told or "age at least 65" in told
    assert "old-and-confused" not in told


def test_it_has_an_endpoint_an_api_and_a_page_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--ontology", str(PNEUMONIA)) as running:
        with running.client() as client:
            _ask(client)
        if CHROMIUM is None:
            pytest.skip("no Chromium (Debian: chromium); .ci/run installs it")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            _look(browser.new_page(), running)
            browser.close()


def _look(page: Page, running: Running) -> None:
    page.goto(f"{running.url}/?age=80&confusion=true")
    named = " ".join(page.locator(".plan .thing").all_text_contents())
    in_order = sorted(("ampicillin", "amoxicillin", "clarithromycin"), key=named.index)
    assert in_order == ["amoxicillin", "clarithromycin", "ampicillin"]  # weighty cautions go last
    page.goto(f"{running.url}/?age=80&confusion=true&allergy=true")
    expect(page.locator("h1")).to_have_text(
        "Pneumonia acquired in the community: severity and place of care"
    )
    expect(page.locator(".lead")).to_contain_text("on a ward")
    expect(page.locator(".plan .not .thing").first).to_contain_text("amoxicillin")
    expect(page.locator(".short")).to_contain_text("Severity")
    expect(page.locator(".ask")).to_contain_text("shock may be near")
    expect(page.locator(".cross-section")).to_have_count(0)
    page.locator(".lead .why").first.click()
    expect(page.locator("#why")).to_contain_text("Lim WS")
    page.goto(f"{running.url}/cases")
    expect(page.locator("table")).to_contain_text("on a ward")
    assert "esion" not in page.locator("body").inner_text()


def _ask(client: httpx.Client) -> None:
    kept = client.post("/cases", json={"case_id": "p", "age": 80, "confusion": True})
    assert kept.status_code == 201, kept.text
    assert client.get("/cases").json()["cases"][0]["care"] == "ward"
    query = (
        "PREFIX cap: <https://example.org/cap/> SELECT ?place { ?case a cap:Pneumonia ; "
        "cap:careIn ?place . ?place <http://www.w3.org/2000/01/rdf-schema#label> ?l }"
    )
    rows = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    assert {row["place"]["value"] for row in rows} == {"https://example.org/cap/place/ward"}
    described = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"care", "severity", "drugs"} <= set(described["Answer"]["properties"])
    assert described["DrugsThing"]["properties"]["status"]["enum"] == [
        "barred",
        "out_of_stock",
        "usable",
        "not_needed",
    ]
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "https://example.org/cap", "code": "age"}]},
        "valueQuantity": {
            "value": 80,
            "unit": "a",
            "system": "http://unitsofmeasure.org",
            "code": "a",
        },
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation}]}
    reply = client.post(
        "/fhir/$recommend", json=bundle, headers={"Content-Type": "application/fhir+json"}
    )
    assert reply.status_code == 200, reply.text
    given = {p["name"]: p for p in reply.json()["contained"][0]["parameter"]}
    assert given["care"]["valueCode"] == "home"
    assert given["severity"]["valueInteger"] == 1
    assert Decimal(given["severity"]["valueInteger"]) == 1


def test_how_sure_an_answer_is_can_be_asked(tmp_path: Path) -> None:
    """Cut points, ways to another outcome, what to find out: from the folder alone."""
    case = tmp_path / "case.json"
    case.write_text(json.dumps({"case_id": "a", "age": 70, "confusion": False, "breaths": 31}))
    done = calx("whatif", str(case), "--ontology", str(PNEUMONIA), "--to", "care=home")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    age = next(item for item in result["stability"] if item["fact"] == "age")
    assert (age["stands"]["low"], age["stands"]["low_closed"]) == (65, True)
    assert age["beyond"][0]["changes"][0]["to"] == "home"
    assert result["decided"] is False
    assert result["next"]
    assert [way["changes"][0]["fact"] for way in result["to"]["sets"]] == ["age", "breaths"]
