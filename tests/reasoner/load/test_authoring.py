"""An author's mistakes: each is an error that names file, rule and construct; nothing is silently dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calx.ontology import DEFAULT_DIRECTORY, AuthoringProblem, GuidelineError, GuidelineFiles
from calx.reasoner.load.reader import read, read_strict
from calx.reasoner.recommendation import Reasoner

Edit = Callable[[str, str, str], Path]
A, S, C = "rules/assessment.ttl", "rules/strategy.ttl", "rules/conditions.ttl"


def faults(folder: Path) -> list[AuthoringProblem]:
    with pytest.raises(GuidelineError) as caught:
        read_strict(GuidelineFiles(folder))
    return caught.value.problems


def test_the_guideline_that_comes_with_calx_has_no_fault() -> None:
    guideline, problems = read(GuidelineFiles())
    assert problems == []
    assert len(guideline.rules) == len({rule.id for rule in guideline.rules}) > 140


CONSTRUCTS = [
    (
        "sh:pattern",
        A,
        "sh:path calx:calcifiedNodule ; sh:hasValue true",
        'sh:path calx:calcifiedNodule ; sh:pattern "x"',
        "sh:pattern",
    ),
    (
        "sh:equals",
        A,
        "sh:path calx:calcifiedNodule ; sh:hasValue true",
        "sh:path calx:calcifiedNodule ; sh:equals calx:thrombus",
        "sh:equals",
    ),
    (
        "a path of two steps",
        A,
        "sh:path calx:calcifiedNodule ; sh:hasValue true",
        "sh:path ( calx:strategy calx:finding ) ; sh:hasValue true",
        "sh:path",
    ),
    (
        "no minCount",
        A,
        "sh:path calx:maxSuperficialArcDeg ; sh:minCount 1 ; sh:minInclusive 360",
        "sh:path calx:maxSuperficialArcDeg ; sh:minInclusive 360",
        "needs sh:minCount 1",
    ),
    (
        "an unknown fact",
        A,
        "calx:calcifiedNodule ; sh:hasValue",
        "calx:calcifiedNodul ; sh:hasValue",
        "calcifiedNodul",
    ),
    (
        "a wrong type",
        A,
        "sh:path calx:calcifiedNodule ; sh:hasValue true",
        'sh:path calx:calcifiedNodule ; sh:hasValue "true"',
        "true or false",
    ),
    ("a wrong value", A, '"superficial" "mixed"', '"superficial" "mixd"', "mixd"),
    ("an unknown term", A, "sh:object finding:c_cat_sign", "sh:object finding:ccat", "ccat"),
    ("a term of another kind", A, "sh:object finding:c_cat_sign", "sh:object grade:IV", "IV"),
    (
        "an unknown conclusion",
        A,
        "sh:predicate calx:highRiskFeature ; sh:object feature:score_ge_2",
        "sh:predicate calx:riskFeature ; sh:object feature:score_ge_2",
        "riskFeature",
    ),
    (
        "another subject",
        A,
        "sh:subject sh:this ; sh:predicate calx:highRiskFeature ; sh:object feature:score_ge_2",
        "sh:subject calx:x ; sh:predicate calx:highRiskFeature ; sh:object feature:score_ge_2",
        "sh:subject",
    ),
    ("a huge literal", A, "sh:minExclusive 5 ]", "sh:minExclusive 1e400 ]", "not a number"),
    (
        "free SPARQL",
        "rules/quantities.ttl",
        "BIND( ?reference - 0.5 AS ?result )",
        "?other calx:x ?y . BIND( ?reference - 0.5 AS ?result )",
        "SPARQL rule",
    ),
    (
        "a function in SPARQL",
        "rules/quantities.ttl",
        "BIND( ?reference - 0.5 AS ?result )",
        "BIND( ABS(?reference) AS ?result )",
        "in a computation",
    ),
    (
        "a JavaScript rule",
        A,
        "sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate calx:highRiskFeature ; sh:object feature:score_ge_2",
        "sh:rule [ a sh:JSRule ; sh:subject sh:this ; sh:predicate calx:highRiskFeature ; sh:object feature:score_ge_2",
        "sh:JSRule",
    ),
    (
        "a condition that is missing",
        S,
        "sh:node cond:HighRisk ] ]",
        "sh:node cond:HighRsk ] ]",
        "not defined",
    ),
    (
        "a condition in a circle",
        C,
        "sh:property [ sh:path calx:intramuralHematoma ; sh:hasValue true ]",
        "sh:node cond:Complication",
        "refers to itself",
    ),
    (
        "a deactivated rule",
        A,
        'skos:notation "C2" ;',
        'skos:notation "C2" ; sh:deactivated true ;',
        "sh:deactivated",
    ),
    (
        "a rule without a body",
        A,
        'skos:notation "C3"',
        'skos:notation "C3" ; sh:severity sh:Warning',
        "sh:severity",
    ),
]


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "told"), CONSTRUCTS, ids=[c[0] for c in CONSTRUCTS]
)
def test_what_is_outside_the_profile_is_an_error(
    name: str, file: str, old: str, new: str, told: str, edited: Edit
) -> None:
    found = faults(edited(file, old, new))
    assert any(told in problem.message for problem in found), found
    assert all(problem.file and problem.message for problem in found)
    assert any(problem.rule and problem.line for problem in found)


def test_a_rule_may_not_read_its_own_layer(edited: Edit) -> None:
    (fault,) = faults(
        edited(A, 'sh:order 30 ; skos:notation "C2"', 'sh:order 20 ; skos:notation "C2"')
    )[:1]
    assert (fault.rule, fault.file) == ("C2", A)
    assert "reads scorePoint, which B1 writes in layer 20" in fault.message


def test_a_rule_may_not_read_a_later_layer(edited: Edit) -> None:
    found = faults(
        edited(
            "rules/alerts.ttl",
            'sh:order 70 ; skos:notation "G3"',
            'sh:order 55 ; skos:notation "G3"',
        )
    )
    assert {problem.rule for problem in found} == {"G3"}


def test_an_id_stands_once(edited: Edit) -> None:
    text = (DEFAULT_DIRECTORY / A).read_text()
    block = text[text.index("rule:C3 a") : text.index("rule:C4 a")]
    found = faults(edited(A, "rule:C4 a", block + "\nrule:C4 a"))
    assert any("rule:C3 is declared twice" in problem.message for problem in found)


def test_an_id_stands_in_one_file(edited: Edit) -> None:
    text = (DEFAULT_DIRECTORY / A).read_text()
    block = text[text.index("rule:C3 a") : text.index("rule:C4 a")].replace("Nodule", "Lump")
    edited(S, "rule:D8 a", block + "\nrule:D8 a")
    found = faults(
        edited(S, "@prefix sh:", "@prefix feature: <https://w3id.org/calx/feature/> .\n@prefix sh:")
    )
    assert any(problem.rule == "C3" and "declared twice" in problem.message for problem in found)


def test_a_rule_needs_evidence(edited: Edit) -> None:
    found = faults(
        edited(
            A,
            "  calx:evidence ev:review-score-2 , ev:zhang-score-2 , ev:two-calcium-scores , ev:oct-score-differs ;\n",
            "",
        )
    )
    assert {problem.rule for problem in found} == {"C2"}
    assert "has no supporting statement" in found[0].message


def test_a_disputing_statement_is_no_support(edited: Edit) -> None:
    found = faults(
        edited(
            "rules/devices.ttl",
            "calx:evidence ev:review-oa-indication , ev:orbit2-feasible , ev:score-2-devices",
            "calx:evidence ev:score-2-devices",
        )
    )
    assert [problem.rule for problem in found] == ["E2"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minExclusive 5",
            "calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minExclusive 6",
        ),
        (
            "calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minExclusive 5",
            "calx:superficialArcGt270LengthMm ; sh:minCount 1 ; sh:minInclusive 5",
        ),
        (
            "calx:vesselDiameterMm ; sh:minCount 1 ; sh:maxExclusive 3.5",
            "calx:vesselDiameterMm ; sh:minCount 1 ; sh:maxExclusive 3.6",
        ),
        ("calx:scorePoint ; sh:minCount 2 ]", "calx:scorePoint ; sh:minCount 3 ]"),
    ],
)
def test_a_literal_needs_a_statement_with_the_same_number(edited: Edit, old: str, new: str) -> None:
    (fault,) = faults(edited(A, old, new))
    assert fault.rule in ("B1", "B4", "C2")
    assert "is backed by no statement" in fault.message


def test_a_factor_needs_a_statement_too(edited: Edit) -> None:
    (fault,) = faults(edited("rules/quantities.ttl", "0.6 * ?reference", "0.7 * ?reference"))
    assert (fault.rule, "burr_limit_mm * 0.7" in fault.message) == ("Z-BURR-LARGE", True)


def test_the_unit_of_a_statement_counts(edited: Edit) -> None:
    found = faults(edited("evidence/treatment.ttl", 'calx:quantity calx:angulationDeg ; calx:comparator ">=" ; calx:value 45 ; calx:unit "deg"', 'calx:quantity calx:angulationDeg ; calx:comparator ">=" ; calx:value 45 ; calx:unit "rad"'))  # fmt: skip
    assert [problem.rule for problem in found] == ["W-CB-1"]


def test_unverified_knowledge_forbids_nothing(edited: Edit) -> None:
    found = faults(
        edited(
            "rules/devices.ttl",
            "calx:evidence ev:ctongt-vein-graft",
            "calx:evidence ev:ra-last-vessel",
        )
    )
    assert [(problem.rule, "unverified" in problem.message) for problem in found] == [
        ("F-RA-2", True)
    ]


def test_a_moved_threshold_is_followed_when_its_evidence_moves_too(edited: Edit) -> None:
    """No clinical number lives in the code."""
    edited(
        A,
        "calx:vesselDiameterMm ; sh:minCount 1 ; sh:maxExclusive 3.5",
        "calx:vesselDiameterMm ; sh:minCount 1 ; sh:maxExclusive 3.0",
    )
    folder = edited("evidence/reading.ttl", 'calx:quantity calx:vesselDiameterMm ; calx:comparator "<" ; calx:value 3.5', 'calx:quantity calx:vesselDiameterMm ; calx:comparator "<" ; calx:value 3.0')  # fmt: skip
    result = (
        Reasoner.load(folder)
        .recommend({"case_id": "t", "max_superficial_arc_deg": 100, "vessel_diameter_mm": 3.2})
        .json()
    )
    assert result["calcium_score"]["points"] == []
    assert result["guideline"]["digest"] != Reasoner.load().guideline.digest


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (A, "rule:C1 a sh:NodeShape ;", "rule:C1 a sh:NodeShape ;;; ,", "not Turtle"),
        (A, "rule:C1 a sh:NodeShape ;", "<<<<<<< HEAD\nrule:C1 a sh:NodeShape ;", "merge conflict marks"),
        ("facts.ttl", '"chronic total occlusion"@en', '"chronic total occlusion"@fr', "in 'en'"),
        ("facts.ttl", ', "血栓"@zh', "", "in 'zh'"),
        ("evidence/reading.ttl", "calx:study ev:mintz1995-patterns", "calx:study ev:mintz1996", "mintz1996"),
        ("evidence/reading.ttl", 'calx:stance "limits"', 'calx:stance "doubts"', "calx:stance"),
        ("evidence/reading.ttl", 'calx:verified "page"', 'calx:verified "yes"', "calx:verified"),
        ("evidence/reading.ttl", 'calx:locator "abstract"', 'rdfs:comment "abstract"', "not Turtle"),
        ("evidence/studies.ttl", "calx:studyType term:type-derivation ;", "", "study type"),
        ("shapes/lesion.ttl", "sh:path calx:thrombus ;", 'sh:path calx:thrombus ; sh:pattern "x" ;', "sh:pattern"),
        ("shapes/consistency.ttl", "sh:path calx:mobileCalcium ; sh:hasValue true", "sh:path calx:mobileCalcium ; sh:hasValue 1", "true or false"),
        ("guideline.ttl", 'owl:versionInfo "2.0.0" ;', ";", "owl:versionInfo"),
    ],
)  # fmt: skip
def test_other_slips_of_an_author(file: str, old: str, new: str, told: str, edited: Edit) -> None:
    found = faults(edited(file, old, new))
    assert any(told in problem.message and problem.file == file for problem in found), found


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.97])
@pytest.mark.parametrize(
    "file", ["guideline.ttl", "facts.ttl", "shapes/lesion.ttl", "evidence/studies.ttl", S]
)
def test_a_half_saved_file_is_told(file: str, share: float, guideline_copy: Path) -> None:
    folder = guideline_copy
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text[: int(len(text) * share)], encoding="utf-8")
    found = faults(folder)
    assert any(
        problem.file == file or "missing" in problem.message or "not described" in problem.message
        for problem in found
    )


@pytest.mark.parametrize(
    "file", [S, "rules/quantities.ttl", "shapes/consistency.ttl", "evidence/studies.ttl"]
)
def test_a_missing_file_is_told(file: str, guideline_copy: Path) -> None:
    folder = guideline_copy
    (folder / file).unlink()
    assert faults(folder)


ODD = [
    (
        "a circle in a list",
        C,
        "cond:Hematoma a sh:NodeShape",
        "cond:L <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> cond:Dissection ; <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> cond:L .\ncond:Hematoma a sh:NodeShape ; sh:or cond:L",
        "recursive",
    ),
    (
        "an order that is no number",
        A,
        'sh:targetClass calx:Lesion ; sh:order 30 ; skos:notation "C1"',
        'sh:targetClass calx:Lesion ; sh:order "abc" ; skos:notation "C1"',
        "abc is not a number",
    ),
    (
        "participants that are no number",
        "evidence/studies.ttl",
        "calx:participants 1117",
        'calx:participants "many"',
        "not a whole number",
    ),
    (
        "two bounds",
        "shapes/lesion.ttl",
        "sh:maxInclusive 120 ]",
        "sh:maxInclusive 120 , 50 ]",
        "has 2 sh:maxInclusive; give one",
    ),
    (
        "an empty list of values",
        "shapes/lesion.ttl",
        'sh:in ( "eruptive" "non_eruptive" )',
        "sh:in ()",
        "empty sh:in",
    ),
    (
        "an empty list in a condition",
        C,
        'sh:in ( "rotational_atherectomy" "orbital_atherectomy" "laser" )',
        "sh:in ()",
        "empty sh:in",
    ),
    (
        "a boolean that is none",
        A,
        "sh:path calx:residualThinPlaque ; sh:hasValue true",
        'sh:path calx:residualThinPlaque ; sh:hasValue "yes"^^<http://www.w3.org/2001/XMLSchema#boolean>',
        "true or false, not yes",
    ),
]


@pytest.mark.parametrize(("name", "file", "old", "new", "told"), ODD, ids=[o[0] for o in ODD])
def test_odd_rdf_is_told(name: str, file: str, old: str, new: str, told: str, edited: Edit) -> None:
    found = faults(edited(file, old, new))
    assert any(told in problem.message for problem in found), found


@pytest.mark.parametrize(
    "shape", ["sh:node cond:Q{next}", "sh:or ( cond:Q{next} [ sh:not cond:Q{next} ] )"]
)
def test_conditions_that_grow_without_end_are_told(
    shape: str, edited: Edit, guideline_copy: Path
) -> None:
    count = 300 if shape.startswith("sh:node") else 24
    chain = "".join(
        f"cond:Q{n} a sh:NodeShape ; {shape.format(next=n + 1)} .\n" for n in range(count)
    )
    edited(
        C,
        "cond:Hematoma a sh:NodeShape",
        f"{chain}cond:Q{count} a sh:NodeShape ; sh:property [ sh:path calx:thrombus ; sh:hasValue true ] .\ncond:Hematoma a sh:NodeShape ; sh:node cond:Q0",
    )
    found = faults(guideline_copy)
    assert any(
        "parts; split the rule" in problem.message or "nested too deeply" in problem.message
        for problem in found
    )


def test_odd_entries_in_the_folder_are_told(guideline_copy: Path) -> None:
    import os

    folder = guideline_copy
    (folder / "dangling.ttl").symlink_to(folder / "nowhere")
    (folder / "folder.ttl").mkdir()
    os.mkfifo(folder / "fifo.ttl")
    assert {problem.file for problem in faults_of_reading(folder)} == {
        "dangling.ttl",
        "folder.ttl",
        "fifo.ttl",
    }


def test_a_byte_order_mark_does_no_harm(guideline_copy: Path) -> None:
    folder = guideline_copy
    (folder / A).write_text("\ufeff" + (folder / A).read_text(encoding="utf-8"), encoding="utf-8")
    assert read_strict(GuidelineFiles(folder)).rules


def test_a_syntax_error_has_its_line(edited: Edit) -> None:
    (fault,) = faults(edited(S, "rule:D6 a sh:NodeShape ;", "rule:D6 a sh:NodeShape ; ]"))
    line = (DEFAULT_DIRECTORY / S).read_text().split("rule:D6 a")[0].count("\n") + 1
    assert fault.line is not None and line <= fault.line <= line + 3


def test_a_file_in_another_encoding(guideline_copy: Path) -> None:
    folder = guideline_copy
    (folder / S).write_bytes((folder / S).read_text(encoding="utf-8").encode("gb18030"))
    (fault,) = faults_of_reading(folder)
    assert "UTF-8" in fault.message and fault.line


def faults_of_reading(folder: Path) -> list[AuthoringProblem]:
    with pytest.raises(GuidelineError) as caught:
        GuidelineFiles(folder)
    return caught.value.problems


def test_a_folder_that_is_no_guideline(tmp_path: Path) -> None:
    assert "no such folder" in faults_of_reading(tmp_path / "nowhere")[0].message
    assert "no .ttl" in faults_of_reading(tmp_path)[0].message
    (tmp_path / "a.ttl").write_text("<urn:a> <urn:b> <urn:c> .")
    assert "is this the folder of a guideline" in faults(tmp_path)[0].message
