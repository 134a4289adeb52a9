"""What a new device takes: the thing itself, one indication, its contraindications, their statements; nothing about statuses, sections or code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from calx.ontology import GuidelineFiles
from calx.reasoner.authors.check.check import check
from calx.reasoner.authors.prove.verify import verify
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.text import render

THING = """device:hammer a calx:ModifyingBalloon , calx:Device , owl:NamedIndividual ; sh:order 10 ; skos:notation "hammer" ; calx:code "HAM" ; rdfs:label "hammer balloon"@en , "锤击球囊"@zh ;
  skos:definition "A balloon of this test alone, which hammers the calcium."@en , "仅用于本测试的锤击球囊。"@zh ; dcterms:source "calx-1" .
"""
RULES = """rule:E11 a sh:NodeShape ; sh:targetClass calx:Lesion ; sh:order 50 ; skos:notation "E11" ;
  rdfs:label "Hammer balloon for active modification"@en , "钙化修饰用锤击球囊"@zh ; calx:rationale "It breaks the calcium."@en , "可击碎钙化。"@zh ; calx:evidence ev:hammer-works ;
  sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate calx:indicated ; sh:object device:hammer ; sh:condition cond:Active ] .

rule:F-HAM-1 a sh:NodeShape ; sh:targetClass calx:Lesion ; sh:order 50 ; skos:notation "F-HAM-1" ;
  rdfs:label "Hammer balloon: thrombus"@en , "锤击球囊：血栓"@zh ; calx:rationale "It would scatter the thrombus."@en , "可致血栓脱落。"@zh ; calx:evidence ev:hammer-thrombus ;
  sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate calx:contraindicated ; sh:object device:hammer ; sh:condition [ a sh:NodeShape ; sh:property [ sh:path calx:thrombus ; sh:hasValue true ] ] ] .
"""
STATEMENTS = """ev:hammer-works a calx:Statement ; calx:study ev:calx-1 ; calx:stance "supports" ; calx:verified "review" ; calx:locator "this test" ;
  skos:definition "The hammer balloon is indicated for active modification."@en , "锤击球囊适用于钙化修饰。"@zh .
ev:hammer-thrombus a calx:Statement ; calx:study ev:calx-1 ; calx:stance "supports" ; calx:verified "review" ; calx:locator "this test" ;
  skos:definition "The hammer balloon is contraindicated in thrombus."@en , "有血栓时禁用锤击球囊。"@zh .
"""
LINES = 12


def test_a_new_device_takes_a_dozen_lines(guideline_copy: Path) -> None:
    for name, text in (
        ("devices.ttl", THING),
        ("rules/devices.ttl", RULES),
        ("evidence/treatment.ttl", STATEMENTS),
    ):
        path = guideline_copy / name
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")
    added = [line for text in (THING, RULES, STATEMENTS) for line in text.splitlines() if line]
    assert len(added) == LINES
    files = GuidelineFiles(guideline_copy)
    problems = check(files, with_owl=False).problems
    assert {problem.kind for problem in problems} == {"reference-case"}
    assert all(
        "in_rank" in problem.message and "hammer" in problem.message for problem in problems
    ), "it stands in the order of the devices, and is told so"
    reasoner = Reasoner.load(guideline_copy)
    assert verify(files, reasoner.guideline).holds

    def status(**facts: Any) -> Any:
        result = reasoner.recommend({"case_id": "c", **facts}).json()
        return next(device for device in result["devices"] if device["id"] == "hammer")

    wide = {"max_superficial_arc_deg": 300}
    assert status(**wide)["status"] == "suitable"
    assert status(**wide)["unverified"] == ["thrombus", "wire_crossed"]
    assert status(**wide, thrombus=True)["contraindications"][0]["rule"] == "F-HAM-1"
    assert status(**wide, wire_crossed=False)["unavailable"][0]["rule"] == "X-ALL"
    assert status(max_superficial_arc_deg=30)["status"] == "not_indicated"
    text = render(reasoner.recommend({"case_id": "c", **wide, "thrombus": True}))
    assert "hammer balloon (thrombus [F-HAM-1])" in " ".join(text.split())


def test_a_conclusion_that_no_section_shows_is_told(
    edited: Callable[[str, str, str], Path],
) -> None:
    folder = edited("answer.ttl", "section:prognosis section:comparisons", "section:comparisons")
    found = check(GuidelineFiles(folder), with_owl=False).problems
    assert {(p.kind, p.severity) for p in found} >= {("section", "error")}
