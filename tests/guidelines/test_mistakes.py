"""What would make a guideline's answer false is refused before it answers, and says where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import URIRef

from calx.api.exchange.cards import cards
from calx.api.server.app import create_app
from calx.api.server.settings import Settings
from calx.ontology import GuidelineError, GuidelineFiles
from calx.reasoner.authors.check.check import check
from calx.reasoner.authors.prove.verify import requirements
from calx.reasoner.model.names import IRI
from calx.reasoner.model.section import Status
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell import rdf
from calx.reasoner.tell.text import render

HERE = Path(__file__).parent
LISTED = "( section:score section:outlook )"
COPY = """
oct:copy a owl:DatatypeProperty , calx:ConclusionProperty ; rdfs:domain oct:Plaque ; rdfs:range xsd:decimal ; calx:unit "1" ; calx:resultKey "numbers" ; rdfs:label "copy"@en , "副本"@zh ; skos:definition "A copy."@en , "副本。"@zh ; dcterms:source "tests" .
section:numbers a calx:ValuesSection ; calx:resultKey "numbers" ; rdfs:label "Numbers"@en , "数值"@zh .
rule:CP a sh:NodeShape ; sh:targetClass oct:Plaque ; sh:order 25 ; skos:notation "CP" ; rdfs:label "Copy"@en , "副本"@zh ; calx:rationale "A copy."@en , "副本。"@zh ; calx:evidence ev:items ;
  sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate oct:copy ; sh:object [ sh:path oct:score ] ] .
"""
CONCLUDED = """
shape:no-full-score a sh:NodeShape ; sh:targetClass oct:Plaque ; skos:notation "no-full-score" ; sh:message "a full score"@en , "满分"@zh ;
  sh:not [ a sh:NodeShape ; sh:property [ sh:path oct:score ; sh:minCount 1 ; sh:minInclusive 4 ] ] .
"""
EARLY = """
rule:Z a sh:NodeShape ; sh:targetClass oct:Plaque ; sh:order 15 ; skos:notation "Z" ; rdfs:label "Early"@en , "过早"@zh ; calx:rationale "Too early."@en , "过早。"@zh ; calx:evidence ev:cuts ;
  sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate oct:expects ; sh:object outlook:fine ; sh:condition [ a sh:NodeShape ; sh:property [ sh:path oct:score ; sh:minCount 1 ; sh:maxInclusive 2 ] ] ] .
"""
STRANGER = """
point:extra a oct:Plaque , owl:NamedIndividual ; skos:notation "extra" ; rdfs:label "extra"@en , "额外"@zh ; skos:definition "No point."@en , "并非条目。"@zh ; dcterms:source "tests" .
"""
BESIDE = """[ a calx:TallyRule ; sh:predicate oct:score ; calx:sumOf oct:earns ] ,
  [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate oct:score ; sh:object 0 ; sh:condition [ a sh:NodeShape ; sh:property [ sh:path oct:angle ; sh:minCount 1 ; sh:minExclusive 359 ] ] ]"""
TALLY = "[ a calx:TallyRule ; sh:predicate oct:score ; calx:sumOf oct:earns ]"
OTHER = """
ev:other a calx:Study ; skos:notation "other" ; calx:studyType term:type-cohort ; rdfs:label "Other"@en , "其他"@zh ; dcterms:bibliographicCitation "Other" {withdrawn}.
ev:sum a calx:Statement ; calx:study ev:other ; calx:stance "supports" ; calx:verified "{verified}" ; calx:locator "score" ;
  skos:definition "Wide counts 2."@en , "角度大计2分。"@zh ; calx:states [ calx:quantity oct:earns ; calx:comparator "*" ; calx:value 2 ; calx:unit "1" ] .
"""
SUM = 'calx:rationale "The sum of the points."@en , "得分之和。"@zh ; calx:evidence ev:'
AGAIN = """
section:again a calx:AlertsSection ; calx:resultKey "again" ; sh:order 9 ; rdfs:label "Again"@en , "又"@zh ; calx:shows ( cap:warnsGravely ) .
"""
STATUSES = "calx:shows ( cap:barred cap:missing cap:usable cap:idle )"
ALL_POINTS = {"case_id": "c", "angle": 200, "thickness": 1, "length": 9}


def changed(folder: Path, name: str, file: str, *pairs: tuple[str, str], more: str = "") -> Path:
    """A copy of one of the guidelines beside these tests, with parts replaced."""
    copy = folder / name
    shutil.copytree(HERE / name, copy)
    text = (copy / file).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    (copy / file).write_text(text + more, encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("pairs", "more", "told"),
    [
        (
            [
                (LISTED, "( section:score section:outlook section:numbers )"),
                ("[ sh:path oct:score ; sh:minCount", "[ sh:path oct:copy ; sh:minCount"),
            ],
            COPY,
            "O1: compares copy, which hangs on conclusions",
        ),
        ([], CONCLUDED, "shape:no-full-score: speaks of score, which rules conclude"),
        ([], EARLY, "Z: reads score, which SUM writes in layer 20"),
        ([], STRANGER, "point/extra is no oct:Point, which earns counts"),
        ([("calx:weight 2", "calx:weight +2")], "", "whole number from 1"),
        (
            [(TALLY, TALLY[:-1] + "; sh:deactivated true ]")],
            "",
            "deactivated in a calx:TallyRule is not known",
        ),
        ([(TALLY, BESIDE)], "", "written by its calx:TallyRule alone"),
        (
            [('calx:resultKey "outlook"', 'calx:resultKey "json"')],
            "",
            "json is a key of every answer, or a word with a meaning",
        ),
        (
            [('calx:resultKey "outlook"', 'calx:resultKey "model_x"')],
            "",
            "has no calx:resultKey of small letters",
        ),
    ],
)
def test_a_score_that_could_mislead(
    pairs: list[tuple[str, str]], more: str, told: str, tmp_path: Path
) -> None:
    broken = changed(tmp_path, "oct", "guideline.ttl", *pairs, more=more)
    problems = check(GuidelineFiles(broken), with_owl=False).problems
    assert any(told in str(problem) for problem in problems), [str(p) for p in problems]
    with pytest.raises(GuidelineError) as refused:
        Reasoner.load(broken)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "rules/drugs.ttl",
            "calx:forEach cap:Drug ; sh:targetClass",
            "calx:forEach cap:Macrolide , cap:Penicillin ; sh:targetClass",
            "S: calx:forEach names two classes",
        ),
        (
            "guideline.ttl",
            STATUSES,
            "calx:shows ( cap:missing cap:usable cap:idle )",
            "calx:forbids barred is no status that calx:shows lists",
        ),
        (
            "guideline.ttl",
            'calx:resultKey "not_needed"',
            'calx:resultKey "usable"',
            "two statuses have one word",
        ),
        (
            "guideline.ttl",
            "calx:unusable ( cap:barred cap:missing ) ;",
            "",
            "names calx:hinders, and no calx:unusable",
        ),
        (
            "guideline.ttl",
            "calx:unusable ( cap:barred cap:missing ) ;",
            "calx:unusable ( cap:barred ) ;",
            "does not tell whether a thing that is missing may be used",
        ),
        (
            "guideline.ttl",
            "calx:ranked true ;",
            "",
            "names calx:hinders, which only ranked things tell",
        ),
        (
            "guideline.ttl",
            "calx:leavesOpen cap:warnsGravely",
            "calx:leavesOpen cap:toDo",
            "names the property of what is critical",
        ),
        (
            "facts.ttl",
            "calx:concerns drug:ampicillin",
            "calx:concerns deed:fluids",
            "D5: concludes cap:heeds, which no section of the answer shows",
        ),
        (
            "guideline.ttl",
            "section:numbers )",
            "section:numbers section:again )",
            "tells of the same things as warnings",
        ),
    ],
)
def test_sections_that_could_mislead(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    more = AGAIN if "again" in new else ""
    broken = changed(tmp_path, "pneumonia", file, (old, new), more=more)
    problems = check(GuidelineFiles(broken), with_owl=False).problems
    assert any(told in str(problem) for problem in problems), [str(p) for p in problems]


def test_a_sum_whose_source_was_withdrawn_decides_nothing(tmp_path: Path) -> None:
    more = OTHER.format(withdrawn="; calx:withdrawn true ", verified="page")
    broken = changed(tmp_path, "oct", "guideline.ttl", (SUM + "items", SUM + "sum"), more=more)
    answer = Reasoner.load(broken).recommend(ALL_POINTS).json()
    assert answer["score"] == {"value": None, "points": ["long", "thick", "wide"], "unknown": []}
    assert answer["outlook"] is None


def test_what_a_sum_decides_is_no_surer_than_the_sum(tmp_path: Path) -> None:
    before = Reasoner.load(HERE / "oct").recommend(ALL_POINTS).json()["outlook"]
    more = OTHER.format(withdrawn="", verified="unverified")
    broken = changed(tmp_path, "oct", "guideline.ttl", (SUM + "items", SUM + "sum"), more=more)
    after = Reasoner.load(broken).recommend(ALL_POINTS).json()["outlook"]
    assert (before["id"], before["level"]) == ("under", "B-NR")
    assert (after["id"], after["level"]) == ("under", "U")


def test_a_status_is_asked_for_while_a_stronger_one_may_hold(tmp_path: Path) -> None:
    """Statuses that overlap: what is certain may still give way to one listed before it."""
    broken = changed(
        tmp_path,
        "pneumonia",
        "rules/drugs.ttl",
        (
            "sh:not [ sh:property [ sh:path cap:barred ; sh:hasValue calx:each ] ] , "
            "[ sh:property [ sh:path cap:lacking ; sh:hasValue calx:each ] ]",
            "sh:not [ sh:property [ sh:path cap:lacking ; sh:hasValue calx:each ] ]",
        ),
    )
    case = {"case_id": "c", "age": 80, "confusion": True, "breaths": 34, "penicillins_out": False}
    answer = Reasoner.load(broken).recommend(case).json()
    assert any(
        "amoxicillin" in item["decides"] for item in answer["missing"] if item["fact"] == "allergy"
    )


def test_a_verdict_is_not_both_in_any_guideline(guideline_copy: Path) -> None:
    path = guideline_copy / "requirements.ttl"
    text = path.read_text(encoding="utf-8")
    start = text.index("must:criterion-not-both a ")
    path.write_text(text[:start] + text[text.index(" .\n", start) + 3 :], encoding="utf-8")
    ids = {r.id for r in requirements(Reasoner.load(guideline_copy).guideline)}
    assert "one-verdict-optimisation" in ids
    shipped = {r.id for r in requirements(Reasoner.load().guideline)}
    assert not [id_ for id_ in shipped if id_.startswith("one-verdict")]  # it asks so itself


def test_what_nothing_leads_is_settled_where_nothing_is_missing(tmp_path: Path) -> None:
    folder = changed(tmp_path, "oct", "guideline.ttl", ("calx:leads true ;", ""))
    app = create_app(Settings(data=tmp_path / "data", ontology=folder))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        for name, facts in (("open", {"angle": 200}), ("whole", ALL_POINTS)):
            assert client.post("/cases", json={**facts, "case_id": name}).status_code == 201
        listed = {c["case_id"]: c["settled"] for c in client.get("/cases").json()["cases"]}
    assert listed == {"open": False, "whole": True}


def test_only_what_unknown_facts_may_change_is_undecided() -> None:
    pneumonia = Reasoner.load(HERE / "pneumonia")
    (section,) = [s for s in pneumonia.guideline.sections if isinstance(s, Status)]
    (drug, *_) = pneumonia.guideline.of_kind(section.kind)
    known = {
        "age": 30,
        "confusion": False,
        "urea": 5,
        "breaths": 20,
        "systolic": 120,
        "diastolic": 80,
        "allergy": False,
        "penicillins_out": False,
    }
    settled = pneumonia.recommend({"case_id": "c", **known})
    assert settled.statuses(section)[drug.id] == "not_needed"
    assert not settled.undecided(section, drug)
    del known["urea"], known["breaths"]
    assert pneumonia.recommend({"case_id": "c", **known}).undecided(section, drug)


def test_a_thing_may_have_another_name_in_its_file_than_in_answers(tmp_path: Path) -> None:
    folder = changed(tmp_path, "oct", "guideline.ttl", ("point:wide", "point:p_wide"))
    text = render(Reasoner.load(folder).recommend(ALL_POINTS))
    assert "wide ×2" in text
    other = changed(tmp_path, "pneumonia", "facts.ttl", ("drug:amoxicillin", "drug:first_of_all"))
    answer = Reasoner.load(other).recommend({"case_id": "c", "age": 80, "confusion": True})
    named = {str(node) for node in rdf.graph(answer).objects(None, URIRef(IRI + "concerns"))}
    assert "https://example.org/cap/drug/first_of_all" in named
    assert "https://example.org/cap/drug/amoxicillin" not in named


def test_what_cannot_be_used_is_told_by_what_hinders_it() -> None:
    facts = {"age": 80, "confusion": True, "allergy": False, "penicillins_out": True}
    answer = Reasoner.load(HERE / "pneumonia").recommend({"case_id": "c", **facts})
    (card,) = [
        c for c in cards(answer, "http://x/", None, [], "en") if "Place of care" in c["summary"]
    ]
    told = [line for line in card["detail"].splitlines() if "amoxicillin" in line]
    out = "out of stock: amoxicillin, ampicillin (Penicillins out of stock [D4])"
    assert told == [f"- **AVOID**: {out}"]
    assert out in " ".join(render(answer).split())
