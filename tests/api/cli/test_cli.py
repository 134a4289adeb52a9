"""The command line as its users meet it: forms, statuses, bad files, batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from calx.ontology import GuidelineFiles
from tests.command import calx

EXAMPLE = Path(__file__).parents[3] / "examples" / "real-pullback.json"
GOOD = '{"case_id": "good", "max_superficial_arc_deg": 300}'


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# --- answers -----------------------------------------------------------------------


def test_piped_output_is_json() -> None:
    done = calx("recommend", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = lines(done.stdout)
    assert (result["arc_grade"], result["strategy"]["id"], result["strategy"]["settled"]) == (
        "IV",
        "active_modification",
        False,
    )


def test_text_shows_what_matters_and_the_notice() -> None:
    text = calx("recommend", EXAMPLE, "--format", "text").stdout
    for part in (
        "MODIFY THE CALCIUM BEFORE STENTING",
        "PROVISIONAL",
        "Arc grade: grade IV",
        "Calcium score: 1",
        "ECLIPSE",
        "Find out",
        "Not excluded",
        "C-CAT sign",
        "the decision stays with the physician",
    ):
        assert part in text
    assert "because" not in text.replace("because of", "")


def test_explain_shows_facts_rule_and_citation_of_each_conclusion() -> None:
    text = calx("recommend", EXAMPLE, "--format", "text", "--explain").stdout
    result = lines(calx("recommend", EXAMPLE).stdout)[0]
    for step in result["steps"]:
        assert f"  {step['rule']}  {step['label']}  →  {step['conclusion']}" in text
    assert "largest superficial calcium arc = 344°" in text
    assert "eclipse2025, results [B-R] DISPUTES" in text


def test_chinese() -> None:
    text = calx("recommend", EXAMPLE, "--format", "text", "--lang", "zh").stdout
    assert (
        "支架前钙化修饰（旋磨、轨道旋磨或冲击波）" in text
        and "旋磨" in text
        and "最终决定由医师作出" in text
    )
    assert (
        lines(calx("recommend", EXAMPLE, "--lang", "zh").stdout)[0]["strategy"]["label"]
        == "支架前钙化修饰（旋磨、轨道旋磨或冲击波）"
    )


@pytest.mark.parametrize("form", ["turtle", "jsonld"])
def test_rdf_forms_parse_and_carry_the_strategy(form: str) -> None:
    from rdflib import Graph, URIRef

    graph = Graph().parse(
        data=calx("recommend", EXAMPLE, "--format", form).stdout,
        format={"turtle": "turtle", "jsonld": "json-ld"}[form],
    )
    assert (
        URIRef("https://w3id.org/calx/case/real-pullback"),
        URIRef("https://w3id.org/calx/strategy"),
        URIRef("https://w3id.org/calx/strategy/active_modification"),
    ) in graph


def test_lists_lines_several_files_and_standard_input(file: Any) -> None:
    a = file("a.json", '[{"case_id": "a1"}, {"case_id": "a2", "calcium_present": false}]')
    b = file("b.jsonl", '{"case_id": "b1"}\n\n{"case_id": "b2"}\n')
    done = calx("recommend", a, b, "-", stdin='{"case_id": "c1"}\n')
    assert done.returncode == 0
    assert [result["case_id"] for result in lines(done.stdout)] == ["a1", "a2", "b1", "b2", "c1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.ttl", '@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/r> a calx:Lesion ; calx:maxSuperficialArcDeg 344 ; calx:calciumDepth "mixed" ; calx:thrombus false ; calx:vesselDiameterMm 3.4e0 .'),
        ("c.jsonld", '{"@context": {"@vocab": "https://w3id.org/calx/"}, "@id": "https://w3id.org/calx/case/r", "@type": "Lesion", "maxSuperficialArcDeg": 344.0, "calciumDepth": "mixed", "thrombus": false, "vesselDiameterMm": 3.4}'),
        ("c.json", '{"case_id": "r", "max_superficial_arc_deg": 344, "calcium_depth": "mixed", "thrombus": false, "vessel_diameter_mm": 3.4}'),
    ],
)  # fmt: skip
def test_every_input_form_gives_the_same_answer(file: Any, name: str, content: str) -> None:
    done = calx("recommend", file(name, content))
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = lines(done.stdout)
    assert (result["case_id"], result["arc_grade"], result["calcium_score"]["points"]) == (
        "r",
        "IV",
        ["vessel_lt_3_5_mm"],
    )
    assert result["findings"] == ["c_shaped_calcium", "deep_calcium", "superficial_calcium"]


# --- bad input ---------------------------------------------------------------------

RDF = "@prefix calx: <https://w3id.org/calx/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> . <https://w3id.org/calx/case/a> a calx:Lesion ; "
DEEP = "[" * 100_000
BAD = {
    "empty.json": ("", "empty"),
    "blank.jsonl": ("\n\n", "no case"),
    "broken.json": ('{"case_id": "a",\n "thrombus": tru}', "line 2"),
    "list.json": ("[]", "no case"),
    "number.json": ("7", "not a number"),
    "nested.json": (DEEP, "nested too deeply"),
    "latin.json": ('{"case_id": "é"}'.encode("latin-1"), "not UTF-8"),
    "utf16.json": (GOOD.encode("utf-16"), "not UTF-8"),
    "large.json": (b" " * (16 * 2**20 + 1), "larger than 16 MiB"),
    "long.jsonl": (b"[" * (2**20 + 5) + b"\n", "longer than 1 MiB"),
    "huge-number.json": (
        '{"case_id": "a", "max_superficial_arc_deg": 1' + "0" * 5000 + "}",
        "not a finite number",
    ),
    "twice.json": (
        '{"case_id": "a", "thrombus": true, "thrombus": false}',
        "thrombus: stands more than once",
    ),
    "nan.json": ('{"case_id": "a", "max_superficial_arc_deg": NaN}', "not a finite number"),
    "broken.ttl": ("@prefix calx: <https://w3id.org/calx/> .\ncalx:a calx:b ,, .", "line 2"),
    "import.ttl": (
        "<urn:a> <http://www.w3.org/2002/07/owl#imports> <http://127.0.0.1:9/x> .",
        "never fetched",
    ),
    "empty.ttl": ("@prefix calx: <https://w3id.org/calx/> .", "no lesion"),
    "text-arc.ttl": (
        '@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/a> a calx:Lesion ; calx:maxSuperficialArcDeg "unknown" .',
        "not a number",
    ),
    "bad-type.ttl": (
        '@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/a> a calx:Lesion ; calx:maxSuperficialArcDeg "abc"^^<http://www.w3.org/2001/XMLSchema#integer> .',
        "not a number",
    ),
    "concluded.ttl": (
        "@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/a> a calx:Lesion ; calx:strategy <https://w3id.org/calx/strategy/x> .",
        "a conclusion, not a fact",
    ),
    "two-values.ttl": (
        "@prefix calx: <https://w3id.org/calx/> . <https://w3id.org/calx/case/a> a calx:Lesion ; calx:thrombus true, false .",
        "2 values",
    ),
    "yes.ttl": (RDF + 'calx:tamponade "yes"^^xsd:boolean .', "not true or false"),
    "padded.ttl": (RDF + 'calx:calciumPresent " true "^^xsd:boolean .', "not true or false"),
    "underscore.ttl": (RDF + 'calx:maxSuperficialArcDeg "3_00"^^xsd:integer .', "not a number"),
    "digits.ttl": (RDF + 'calx:maxSuperficialArcDeg "٣٠٠"^^xsd:integer .', "not a number"),
    "two-names.ttl": (
        RDF + "calx:maxSuperficialArcDeg 300 ; calx:max_superficial_arc_deg 20 .",
        "no property of a lesion; did you mean maxSuperficialArcDeg",
    ),
    "cut.ttl": (RDF + 'calx:calciumDepth "mi', "Turtle"),
    "surrogate.json": ('{"case_id": "a", "\\ud800": 1}', "\\ud800"),
    "control.json": ('{"case_id": "a", "x\\n\\u001b[2Jy": 1}', "x\\n\\x1b[2Jy"),
    "long-value.json": (
        '{"case_id": "a", "stage": [' + "0," * 3_000_000 + "0]}",
        "a list is not a value",
    ),
    "unknown.json": (
        "{" + ",".join(f'"k{n}": 1' for n in range(50_000)) + "}",
        "and 49900 more unknown facts",
    ),
    "twice.jsonld": (
        '{"@context": {"@vocab": "https://w3id.org/calx/"}, "@id": "a", "@type": "Lesion", "thrombus": true, "thrombus": false}',
        "'thrombus' stands more than once",
    ),
    "listed.jsonld": (
        '{"@context": [["http://127.0.0.1:9/c"]], "@id": "a"}',
        "neither an object nor a list of objects",
    ),
    "listed-file.jsonld": (
        '{"@context": [{}, ["file:///etc/passwd"]], "@id": "a"}',
        "neither an object nor a list of objects",
    ),
    "scoped.jsonld": (
        '{"@context": {"x": {"@id": "urn:x", "@context": [["http://127.0.0.1:9/c"]]}}, "@id": "a"}',
        "neither an object nor a list of objects",
    ),
    "number-context.jsonld": (
        '{"@context": 5, "@id": "a"}',
        "neither an object nor a list of objects",
    ),
    "text.jsonld": ('"x"', "JSON-LD"),
    "remote.jsonld": ('{"@context": "http://127.0.0.1:9/context", "@id": "a"}', "never fetched"),
    "remote-deep.jsonld": (
        '{"@graph": [{"@context": [{}, "http://127.0.0.1:9/c"], "@id": "a"}]}',
        "never fetched",
    ),
    "remote-import.jsonld": (
        '{"@context": {"@version": 1.1, "@import": "http://127.0.0.1:9/c"}, "@id": "a"}',
        "never fetched",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_with_its_place_and_the_good_ones_are_answered(
    name: str, file: Any
) -> None:
    content, told = BAD[name]
    bad, good = file(name, content), file("good.json", GOOD)
    done = calx("recommend", bad, good)
    assert done.returncode == 1
    assert told in done.stderr
    assert all(line.startswith(str(bad)) for line in done.stderr.splitlines())
    *errors, answer = lines(done.stdout)
    assert answer["case_id"] == "good" and answer["strategy"]["id"] == "active_modification"
    assert errors and all(
        problem.keys() == {"place", "fact", "message"}
        for error in errors
        for problem in error["error"]["problems"]
    )


def test_one_bad_case_in_a_batch(file: Any) -> None:
    batch = file(
        "b.jsonl",
        f'{GOOD}\n{{"case_id": "bad", "max_superficial_arc_deg": "344 deg", "thrombs": true}}\n{{"case_id": "good"}}\n{{broken\n{{"case_id": "last"}}\n',
    )
    done = calx("recommend", batch)
    first, bad, again, broken, last = lines(done.stdout)
    assert (done.returncode, first["case_id"], last["case_id"]) == (1, "good", "last")
    assert bad["case_id"] == "bad" and {p["fact"] for p in bad["error"]["problems"]} == {
        "max_superficial_arc_deg",
        "thrombs",
    }
    assert "used before (" in again["error"]["problems"][0]["message"]
    assert broken == {
        "case_id": None,
        "error": {
            "problems": [
                {
                    "place": "line 4",
                    "fact": None,
                    "message": broken["error"]["problems"][0]["message"],
                }
            ]
        },
    }
    assert len(done.stderr.splitlines()) == 4


@pytest.mark.parametrize(
    "arguments",
    [(), ("recommend",), ("recommend", "nowhere.json"), ("recommend", str(EXAMPLE.parent)), ("recommend", "--format", "xml", str(EXAMPLE)), ("recommend", "--lang", "fr", str(EXAMPLE)), ("nonsense",), ("query", "nowhere.rq"), ("recommend", __file__), ("recommend", "--ontology", "nowhere", str(EXAMPLE)), ("query", "--format", "bogus", __file__)],
)  # fmt: skip
def test_wrong_use_has_status_2(arguments: tuple[str, ...]) -> None:
    done = calx(*arguments)
    assert done.returncode == 2
    assert done.stderr or done.stdout


def test_a_reader_that_goes_away_is_no_fault(file: Any) -> None:
    batch = file("b.jsonl", "".join(f'{{"case_id": "c{n}"}}\n' for n in range(300)))
    shell = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {sys.executable} -m calx recommend {batch} | head -n 1 > /dev/null",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.stderr == ""


def test_explain_in_a_pipe_is_json_all_the_same() -> None:
    assert lines(calx("recommend", EXAMPLE, "--explain").stdout)[0]["case_id"] == "real-pullback"


def test_the_version_is_told() -> None:
    assert calx("--version").stdout.startswith("calx ")


def test_problems_come_in_chinese() -> None:
    told = calx(
        "recommend",
        "-",
        "--lang",
        "zh",
        stdin='{"case_id": "x", "thrombs": 1, "thrombus": 1, "age_years": "5", "lvef_percent": 99}',
    ).stderr
    assert "是否应为“thrombus”" in told
    assert "不是true或false" in told
    assert "不加引号" in told
    assert "超出范围" in told


def test_every_fact_is_listed() -> None:
    text = calx("facts").stdout
    assert "max_superficial_arc_deg: number ≥ 0 ≤ 360 deg" in text
    assert "calcium_depth: superficial | deep | mixed" in text
    assert "最大浅表钙化弧度" in calx("facts", "--lang", "zh").stdout


def test_a_file_that_cannot_be_read_does_not_stop_the_others(file: Any) -> None:
    good = file("good.json", GOOD)
    os.symlink("/proc/self/mem", good.parent / "mem.json")
    done = calx("recommend", good.parent / "mem.json", good)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert lines(done.stdout)[-1]["case_id"] == "good"


def test_a_full_disk_is_told() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m calx recommend {EXAMPLE} > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_closed_standard_input_and_endless_names_are_wrong_use() -> None:
    closed = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m calx recommend - <&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (closed.returncode, "Traceback" in closed.stderr) == (2, False)
    assert calx("recommend", "x" * 5000 + ".json").returncode == 2


def test_the_guideline_that_comes_with_calx_is_changed_only_where_it_is_named(file: Any) -> None:
    before = GuidelineFiles().digest
    done = calx("evidence", "withdraw", "ULTIMATE")
    assert (done.returncode, GuidelineFiles().digest) == (2, before)
    assert "--ontology DIR" in done.stderr


def test_without_a_standard_output_there_is_no_traceback() -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m calx recommend '{EXAMPLE}' >&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
