"""A cohort from file to results: every door, what is refused, and that nothing half written is left."""

from __future__ import annotations

import csv
import json
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.cohorts.column_map import read_map
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.run import MANIFEST, score, workplace
from calx.reasoner.cohorts.scored import Options, marks
from calx.reasoner.cohorts.simulate import simulate
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from tests.command import calx
from tests.lesions import lesions
from tests.reasoner.columns.test_columns import said

HEAD = ["row", "case_id", "column", "value", "reason"]


@pytest.fixture(scope="module")
def cohort(reasoner: Reasoner) -> list[dict[str, Any]]:
    found = [*lesions(reasoner, 150, 11, density=0.6), *reasoner.sample[:150]]
    return [{**one, "case_id": f"c{n}"} for n, one in enumerate(found)]


def table(reasoner: Reasoner, cases: Sequence[Mapping[str, Any]], **more: list[Any]) -> pa.Table:
    """The cases, typed."""
    kinds = {
        "boolean": pa.bool_(),
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
    }
    columns: dict[str, Any] = {"case_id": [case["case_id"] for case in cases], **more}
    for name, fact in reasoner.guideline.facts.items():
        if fact.given:
            values = [as_json(case.get(name)) for case in cases]
            columns[name] = pa.array(values, kinds[fact.kind])
    return pa.table(columns)


def read(path: Path) -> list[dict[str, Any]]:
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def rejected(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [*csv.DictReader(stream)]


class Desk:
    """Where cohorts are scored."""

    def __init__(self, reasoner: Reasoner, folder: Path) -> None:
        self.reasoner, self.folder = reasoner, folder
        self.out, self.rejects = folder / "out.parquet", folder / "out.rejects.csv"

    def score(self, *inputs: Path, out: Path | None = None, **how: Any) -> Any:
        return score(self.reasoner, inputs, out or self.out, self.rejects, Options(**how))

    def left(self) -> list[str]:
        """What stands beside the inputs, hidden things too."""
        return sorted(path.name for path in self.folder.iterdir() if "in." not in path.name)


@pytest.fixture
def desk(reasoner: Reasoner, tmp_path: Path) -> Desk:
    return Desk(reasoner, tmp_path)


def test_results_are_those_of_each_lesion_alone(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    path = desk.folder / "in.parquet"
    site = [f"site {n % 3}" for n in range(len(cohort))]
    pq.write_table(table(reasoner, cohort, site=site), path)
    scored = desk.score(path)
    assert (scored.rows, scored.answered, scored.rejected) == (len(cohort), len(cohort), 0)
    assert rejected(desk.rejects) == []
    rows = read(desk.out)
    for case, row, where in zip(cohort, rows, site, strict=True):
        told = said(reasoner.recommend(case))
        assert {name: row[name] for name in told} == told
        assert (row["case_id"], row["site"]) == (case["case_id"], where)
        given = {n: row[n] for n, f in reasoner.guideline.facts.items() if f.given}
        assert given == {name: as_json(case.get(name)) for name in given}  # as given, not completed
    fired = {name for name in rows[0] if name.startswith("rule_")}
    assert fired == {f"rule_{rule.id.replace('-', '_')}" for rule in reasoner.guideline.rules}
    assert desk.left() == ["out.parquet", "out.rejects.csv"]


def test_a_result_tells_by_what_it_was_made(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    path = desk.folder / "in.parquet"
    pq.write_table(table(reasoner, cohort[:5]), path)
    desk.score(path, facts=False, rules=False)
    told = {k.decode(): v.decode() for k, v in pq.read_metadata(desk.out).metadata.items()}
    assert marks(reasoner).items() <= told.items()
    assert told["calx_guideline_digest"] == reasoner.guideline.digest
    names = pq.read_schema(desk.out).names
    assert not [n for n in names if n.startswith("rule_") or n in reasoner.guideline.facts][
        :1
    ] or all(not reasoner.guideline.facts[n].given for n in names if n in reasoner.guideline.facts)


def text_of(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def written(kind: str, reasoner: Reasoner, cases: list[dict[str, Any]], path: Path) -> Path:
    """The cases as a file of this kind."""
    whole = table(reasoner, cases)
    rows = whole.to_pylist()
    if kind == "parquet":
        pq.write_table(whole, path / "in.parquet")
    elif kind == "csv":
        pa.csv.write_csv(whole, path / "in.csv")
    elif kind == "csv.gz":
        with pa.CompressedOutputStream(str(path / "in.csv.gz"), "gzip") as stream:
            pa.csv.write_csv(whole, stream)
    elif kind == "arrow":
        with (
            pa.OSFile(str(path / "in.arrow"), "wb") as sink,
            pa.ipc.new_stream(sink, whole.schema) as to,
        ):
            to.write_table(whole)
    elif kind == "feather":
        pa.feather.write_feather(whole, str(path / "in.feather"))
    elif kind == "jsonl":
        told = (json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows)
        (path / "in.jsonl").write_text("\n".join(told) + "\n")
    elif kind == "duckdb":
        with duckdb.connect(str(path / "in.duckdb")) as connection:
            connection.register("whole", whole)
            connection.execute("CREATE TABLE lesions AS SELECT * FROM whole")
    else:
        with sqlite3.connect(path / "in.sqlite") as store:
            names = ", ".join(f'"{name}"' for name in whole.column_names)
            store.execute(f"CREATE TABLE lesions ({names})")
            marks_ = ", ".join("?" for _ in whole.column_names)
            values = [[text_of(v) for v in row.values()] for row in rows]
            store.executemany(f"INSERT INTO lesions VALUES ({marks_})", values)
        store.close()
    return path / f"in.{kind}"


KINDS = ("parquet", "csv", "csv.gz", "arrow", "feather", "jsonl", "duckdb", "sqlite")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same(
    kind: str, desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    cases = cohort[::5]
    path = written(kind, reasoner, cases, desk.folder)
    scored = desk.score(path, table="lesions" if kind in ("duckdb", "sqlite") else None)
    assert scored.answered == len(cases), rejected(desk.rejects)
    for case, row in zip(cases, read(desk.out), strict=True):
        told = said(reasoner.recommend(case))
        assert {name: row[name] for name in told} == told


WRONG: dict[str, tuple[str, ...]] = {
    "max_superficial_arc_deg": ("400", "-1", "wide", "1e40", "nan", "0.1234567", "9" * 50),
    "age_years": ("70.5", "seventy", "true"),
    "calcium_present": ("maybe", "1", "yes", "TRUE "),
    "stage": ("before", "BEFORE_PREPARATION", "'"),
}


def test_rows_are_refused_in_the_words_of_the_gate(desk: Desk, reasoner: Reasoner) -> None:
    """Row, id, column, value and reason; and whatever is refused here is refused alone, and only that."""
    rows = [
        {"case_id": f"w{n}", name: value}
        for n, (name, value) in enumerate(
            (name, value) for name, values in WRONG.items() for value in values
        )
    ]
    rows += [
        {"case_id": "broken", "max_superficial_arc_deg": "90", "calcium_present": "false"},
        {"case_id": "a b"},
        {"case_id": ""},
        {"case_id": "good", "max_superficial_arc_deg": "90"},
        {"case_id": "good", "max_superficial_arc_deg": "91"},
    ]
    names = ["case_id", *WRONG]
    with (desk.folder / "in.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
    scored = desk.score(desk.folder / "in.csv")
    why = rejected(desk.rejects)
    assert [*why[0]] == HEAD
    assert scored.rows == len(rows) == scored.answered + scored.rejected
    assert len({one["row"] for one in why}) == scored.rejected
    answered = {row["case_id"] for row in read(desk.out)}
    seen = set[str]()
    for number, row in enumerate(rows, 1):
        raw: dict[str, Any] = {k: v for k, v in row.items() if v}
        for name in ("max_superficial_arc_deg", "age_years"):
            if name in raw and raw[name] != "nan":
                try:
                    raw[name] = Decimal(raw[name]) if len(raw[name]) < 40 else raw[name]
                except ArithmeticError:
                    continue
        if "calcium_present" in raw:
            told = raw["calcium_present"].strip().lower()
            raw["calcium_present"] = {"true": True, "false": False}.get(told, told)
        mine = [one for one in why if one["row"] == str(number)]
        if row["case_id"] in seen:
            assert [one["reason"] for one in mine] == [
                "the id stands already in row 21; give each lesion its own"
            ]
            continue
        seen.add(row["case_id"])
        try:
            reasoner.gate.admit(raw)
        except CaseError as error:
            assert [p.message for p in error.problems] == [one["reason"] for one in mine], raw
            assert row["case_id"] not in answered
        else:
            assert mine == [], row
            assert row["case_id"] in answered


def test_lines_that_cannot_be_read_are_counted_and_the_others_keep_their_numbers(
    desk: Desk,
) -> None:
    lines = [
        b"case_id,max_superficial_arc_deg",
        b"a,90",
        b"b,\xff\xfe",
        b"c",
        b"d,400",
        b"e,1,2",
        b"f,91",
    ]
    (desk.folder / "in.csv").write_bytes(b"\n".join(lines) + b"\n")
    scored = desk.score(desk.folder / "in.csv")
    why = {one["row"]: one["reason"] for one in rejected(desk.rejects)}
    assert sorted(why) == ["2", "3", "4", "5"]
    assert "UTF-8" in why["2"] and "out of range" in why["4"] and "Columns" in why["5"]
    assert [row["case_id"] for row in read(desk.out)] == ["a", "f"]
    assert (scored.rows, scored.answered, scored.rejected) == (6, 2, 4)


def test_a_map_names_columns_converts_units_and_reads_words(desk: Desk, reasoner: Reasoner) -> None:
    (desk.folder / "map.yaml").write_text(
        "case_id: Lesion\n"
        "unknown: [NA]\n"
        "decimal: ','\n"
        "leave_out: [strategy]\n"
        "columns:\n"
        "  max_superficial_arc_deg: Arc\n"
        "  calcium_length_mm: {column: Length, unit: cm}\n"
        "  presentation: {column: Pres, values: {SCAD: chronic_coronary_syndrome, '?': null}}\n"
        "  thrombus: {column: Thr, values: {1: true, 0: false}}\n"
    )
    (desk.folder / "in.csv").write_text(
        "Lesion,Arc,Length,Pres,Thr,strategy,Operator\n"
        'x1,"300,5","2,35",SCAD,1,old,AB\n'
        "x2,NA,NA,?,0,old,CD\n"
        'x3,"300,5",2.35.1,STEMI,2,old,EF\n'
    )
    by = read_map(desk.folder / "map.yaml", reasoner.guideline)
    desk.score(desk.folder / "in.csv", columns=by)
    one, other = read(desk.out)
    expected = {
        "case_id": "x1",
        "max_superficial_arc_deg": 300.5,
        "calcium_length_mm": 23.5,
        "presentation": "chronic_coronary_syndrome",
        "thrombus": True,
        "Operator": "AB",
        "strategy": "active_modification",
    }
    assert {name: one[name] for name in expected} == expected
    assert [other[n] for n in ("max_superficial_arc_deg", "calcium_length_mm", "presentation")] == [
        None
    ] * 3
    assert other["thrombus"] is False
    why = {(r["column"], r["value"]) for r in rejected(desk.rejects)}
    assert why == {("Length", "2.35.1"), ("Pres", "STEMI"), ("Thr", "2")}


@pytest.mark.parametrize(
    ("told", "said_"),
    [
        ("columns: {max_superficial_arc: A}", "max_superficial_arc: unknown fact; did you mean"),
        (
            "columns: {calcium_length_mm: {column: L, unit: kg}}",
            "kg is no unit of UCUM that converts to mm",
        ),
        ("columns: {stage: {column: S, values: {a: b}}}", "b is no value of this fact"),
        ("colums: {}", "colums: unknown key"),
        ("decimal: ';'", "decimal: is"),
        ("- a", "is no map"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_map_that_is_wrong_says_how(
    told: str, said_: str, tmp_path: Path, reasoner: Reasoner
) -> None:
    (tmp_path / "map.yaml").write_text(told)
    with pytest.raises(CohortError) as refused:
        read_map(tmp_path / "map.yaml", reasoner.guideline)
    assert said_ in str(refused.value)


def test_numbers_of_32_bits_are_the_decimals_that_they_stand_for(desk: Desk) -> None:
    columns = {"case_id": ["a"], "vessel_diameter_mm": pa.array([3.1], pa.float32())}
    pq.write_table(pa.table(columns), desk.folder / "in.parquet")
    assert desk.score(desk.folder / "in.parquet").answered == 1
    assert read(desk.out)[0]["vessel_diameter_mm"] == 3.1


def broken_files(
    folder: Path, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> Iterator[tuple[Path, str]]:
    pq.write_table(table(reasoner, cohort[:50]), folder / "in.parquet")
    whole = (folder / "in.parquet").read_bytes()
    (folder / "in.cut.parquet").write_bytes(whole[: len(whole) // 2])
    yield folder / "in.cut.parquet", "cut off"
    damaged = bytearray(whole)
    damaged[200:3000] = b"\0" * 2800
    (folder / "in.damaged.parquet").write_bytes(bytes(damaged))
    yield folder / "in.damaged.parquet", "cannot be read"
    (folder / "in.no-id.csv").write_text("id,thrombus\n1,true\n")
    yield folder / "in.no-id.csv", "no column case_id"
    (folder / "in.clash.csv").write_text("case_id,strategy\n1,x\n")
    yield folder / "in.clash.csv", "strategy: the results have a column of this name"
    (folder / "in.dates.parquet").write_bytes(b"")
    yield folder / "in.dates.parquet", "cut off"
    yield folder / "in.nowhere.parquet", "no such file"
    (folder / "in.xlsx").write_text("")
    yield folder / "in.xlsx", "cannot tell how to read it"
    (folder / "in.twice.csv").write_text("case_id,thrombus,Thrombus\n1,true,false\n")
    yield folder / "in.twice.csv", "thrombus seems to stand twice"
    (folder / "in.wide.csv").write_bytes("case_id,thrombus\n1,true\n".encode("utf-16"))
    yield folder / "in.wide.csv", "save it as UTF-8"
    times = {"case_id": ["a"], "stage": pa.array([0], pa.timestamp("s"))}
    pq.write_table(pa.table(times), folder / "in.times.parquet")
    yield folder / "in.times.parquet", "holds neither text nor numbers"


def test_what_is_wrong_with_a_file_is_told_and_nothing_is_left(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    good = desk.folder / "in.good.csv"
    good.write_text("case_id\nbefore\n", encoding="utf-8")
    desk.score(good)
    desk.rejects.unlink()
    before = desk.out.read_bytes()
    for path, told in broken_files(desk.folder, reasoner, cohort):
        with pytest.raises(CohortError) as refused:
            desk.score(path)
        assert told in str(refused.value), path
        assert path.name in str(refused.value) or "out.parquet" in str(refused.value)
        assert desk.left() == ["out.parquet"]
        assert desk.out.read_bytes() == before


def test_a_disk_that_fills_up_leaves_nothing(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    """A limit on the size of files stands for the disk."""
    pq.write_table(table(reasoner, cohort), desk.folder / "in.parquet")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(CohortError):
            desk.score(desk.folder / "in.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert desk.left() == []


def test_a_folder_is_written_in_parts_and_goes_on_where_it_was_stopped(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [*cohort[:95], {"case_id": "c0"}, {"case_id": "wrong", "age_years": 900}]
    pq.write_table(table(reasoner, cases), desk.folder / "in.parquet")
    out, made = desk.folder / "out", list[str]()

    def stop(told: str, done: float) -> None:
        if told.startswith("part"):
            made.append(told)
        if told.startswith("part 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(reasoner, [desk.folder / "in.parquet"], out, desk.rejects, Options(part=30), stop)
    assert desk.left() == ["out.partial"]
    assert len([*(desk.folder / "out.partial").glob("*.parquet")]) == 2
    scored = desk.score(desk.folder / "in.parquet", out=out, part=30)
    assert (scored.parts, scored.resumed) == (4, 2)
    assert desk.left() == ["out", "out.rejects.csv"]
    assert [row["case_id"] for row in read(out)] == [f"c{n}" for n in range(95)]
    assert [r["case_id"] for r in rejected(desk.rejects)] == ["c0", "wrong"]
    told = json.loads((out / MANIFEST).read_text())
    assert told["whole"] and sum(part["answered"] for part in told["parts"].values()) == 95
    # the same again is made anew, and takes the place of the old
    assert desk.score(desk.folder / "in.parquet", out=out, part=50).parts == 2
    assert len(read(out)) == 95


def test_parts_of_another_run_are_not_taken(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    pq.write_table(table(reasoner, cohort[:30]), desk.folder / "in.parquet")

    def stop(told: str, done: float) -> None:
        if told.startswith("part 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(
            reasoner,
            [desk.folder / "in.parquet"],
            desk.folder / "out",
            desk.rejects,
            Options(part=10),
            stop,
        )
    pq.write_table(table(reasoner, cohort[30:60]), desk.folder / "in.parquet")
    with pytest.raises(CohortError, match="parts of another run"):
        desk.score(desk.folder / "in.parquet", out=desk.folder / "out", part=10)


def test_several_files_are_one_cohort(
    desk: Desk, reasoner: Reasoner, cohort: list[dict[str, Any]]
) -> None:
    pq.write_table(table(reasoner, cohort[:20], site=["A"] * 20), desk.folder / "in.1.parquet")
    (desk.folder / "in.2.csv").write_text("case_id,max_superficial_arc_deg\nc3,90\nz,90\n")
    scored = desk.score(desk.folder / "in.1.parquet", desk.folder / "in.2.csv")
    assert (scored.rows, scored.answered) == (22, 21)
    rows = read(desk.out)
    assert [(row["case_id"], row["site"]) for row in rows[-2:]] == [("c19", "A"), ("z", None)]
    (why,) = rejected(desk.rejects)
    assert why["file"].endswith("in.2.csv") and "row 4 of" in why["reason"]


def test_what_doubles_cannot_decide_is_not_answered(desk: Desk) -> None:
    """Two stent areas so large that their quotient as a double ties, and the exact one does not."""
    facts = {
        "stage": "after_stent",
        "stent_implanted": True,
        "minimum_stent_area_mm2": 80_000_000_000.00002,
        "distal_reference_lumen_area_mm2": 100_000_000_000.0,
        "proximal_reference_lumen_area_mm2": 100_000_000_000.0,
    }
    near = {**facts, "case_id": "near"}
    far = {**facts, "case_id": "far", "minimum_stent_area_mm2": 85_000_000_000.0}
    pq.write_table(pa.Table.from_pylist([near, far]), desk.folder / "in.parquet")
    scored = desk.score(desk.folder / "in.parquet")
    assert (scored.answered, scored.rejected) == (1, 1)
    (why,) = rejected(desk.rejects)
    assert why["case_id"] == "near" and "calx recommend" in why["reason"]


def test_names_of_files_are_no_patterns(desk: Desk) -> None:
    """Not stars and brackets, nor folders called as a fact."""
    folder = desk.folder / "thrombus=true [1]"
    folder.mkdir()
    (folder / "in*[2]?.csv").write_text("case_id,max_superficial_arc_deg\na,90\n")
    desk.score(folder / "in*[2]?.csv", out=folder / "out[1].parquet")
    (row,) = read(folder / "out[1].parquet")
    assert (row["case_id"], row["max_superficial_arc_deg"], "thrombus" in row) == ("a", 90, False)
    with pytest.raises(CohortError, match="are these results already"):
        desk.score(folder / "out[1].parquet")


def test_a_file_named_twice_is_rejected_once(desk: Desk) -> None:
    path = desk.folder / "in.csv"
    path.write_text("case_id,max_superficial_arc_deg\na,90\nb,91\n")
    scored = desk.score(path, path)
    assert (scored.rows, scored.answered, scored.rejected) == (4, 2, 2)


def test_nothing_that_is_not_ours_is_written_over(desk: Desk) -> None:
    path, web = desk.folder / "in.parquet", desk.folder / "web"
    pq.write_table(pa.table({"case_id": ["a"]}), path)
    web.mkdir()
    (web / MANIFEST).write_text('{"name": "app"}')
    (web / "precious.txt").write_text("p")
    with pytest.raises(CohortError, match="holds no results"):
        desk.score(path, out=web)
    assert (web / "precious.txt").read_text() == "p"
    whole = path.read_bytes()
    for words in (
        [path, desk.folder / "x" / ".." / "in.parquet"],
        [path, desk.folder / "o.parquet", "--rejects", path],
    ):
        assert calx("cohort", "run", *words).returncode == 2
        assert path.read_bytes() == whole


def test_what_stands_for_unknown_does_so_in_numbers_too(desk: Desk, reasoner: Reasoner) -> None:
    columns = {
        "case_id": ["a"],
        "lesion_length_mm": [999.0],
        "age_years": pa.array([999], pa.int64()),
    }
    pq.write_table(pa.table(columns), desk.folder / "in.parquet")
    (desk.folder / "in.map.yaml").write_text("unknown: [999]")
    desk.score(
        desk.folder / "in.parquet",
        columns=read_map(desk.folder / "in.map.yaml", reasoner.guideline),
    )
    (row,) = read(desk.out)
    assert (row["lesion_length_mm"], row["age_years"]) == (None, None)


def test_a_tab_is_no_space(desk: Desk) -> None:
    """One cell with white space that is none is one rejected row."""
    (desk.folder / "in.csv").write_text(
        'case_id,stage,age_years\na,after_stent,70\nb,"after_stent\t",70\nc,, 71 \n'
    )
    scored = desk.score(desk.folder / "in.csv")
    assert (scored.answered, scored.rejected) == (2, 1)


def test_a_database_is_the_one_that_is_named(desk: Desk) -> None:
    for name, id_ in (("in.a", "wrong"), ("in.a?b#c%20.db", "right")):
        with sqlite3.connect(desk.folder / name) as store:
            store.execute("CREATE TABLE t (case_id)")
            store.execute("INSERT INTO t VALUES (?)", (id_,))
        store.close()
    desk.score(desk.folder / "in.a?b#c%20.db", table="t")
    assert [row["case_id"] for row in read(desk.out)] == ["right"]


def test_words_of_a_map_are_text_as_they_stand_and_stand_once(
    desk: Desk, reasoner: Reasoner
) -> None:
    source, by = desk.folder / "in.csv", desk.folder / "in.yaml"
    source.write_text("case_id,Thr\na,NO\nb,yes\nc,1\nd,~\n", encoding="utf-8")
    words = "{NO: false, yes: true, 1: true, ~: null}"
    by.write_text(f"columns:\n  thrombus: {{column: Thr, values: {words}}}\n", encoding="utf-8")
    assert desk.score(source, columns=read_map(by, reasoner.guideline)).rejected == 0
    assert [row["thrombus"] for row in read(desk.out)] == [False, True, True, None]
    for wrong in (
        "columns: {thrombus: {column: Thr, values: {NO: false, NO: true}}}",
        "a: 1\na: 2",
    ):
        by.write_text(wrong, encoding="utf-8")
        with pytest.raises(CohortError, match=r"in.yaml: cannot be read as YAML: .*stands.*twice"):
            read_map(by, reasoner.guideline)


def test_ids_that_are_numbers_are_their_digits(desk: Desk) -> None:
    source = desk.folder / "in.parquet"
    ids = [1.0, 2.5, float("nan"), float("inf"), None, 1e15]
    pq.write_table(pa.table({"case_id": ids}), source)
    desk.score(source)
    assert [row["case_id"] for row in read(desk.out)] == ["1", "2.5", "1000000000000000"]
    assert [row["row"] for row in rejected(desk.rejects)] == ["3", "4", "5"]


def test_columns_of_no_value_are_unknown_and_lists_are_no_numbers(desk: Desk) -> None:
    source = desk.folder / "in.parquet"
    pq.write_table(pa.table({"case_id": ["a"], "age_years": pa.nulls(1)}), source)
    assert desk.score(source).answered == 1
    assert read(desk.out)[0]["age_years"] is None
    for columns, told in (
        ({"age_years": [[60]]}, "column age_years: holds neither text nor numbers"),
        ({"file_row_number": [7]}, "a column is called file_row_number"),
    ):
        pq.write_table(pa.table({"case_id": ["a"], **columns}), source)
        with pytest.raises(CohortError, match=told):
            desk.score(source)


def test_columns_that_go_through_may_differ_between_files(desk: Desk) -> None:
    sites: list[list[Any]] = [[1, 2], ["x", None], [[3], [4]]]
    for number, site in enumerate(sites):
        ids = [f"{number}-{n}" for n in range(2)]
        pq.write_table(
            pa.table({"case_id": ids, "site": site}), desk.folder / f"in.{number}.parquet"
        )
    inputs = [desk.folder / f"in.{number}.parquet" for number in range(3)]
    for out in (desk.out, desk.folder / "out"):
        desk.score(*inputs, out=out)
        files = str(out / "*.parquet" if out.is_dir() else out)
        told = (
            duckdb.connect()
            .execute(f"SELECT site FROM read_parquet('{files}') ORDER BY case_id")
            .fetchall()
        )
        assert [site for (site,) in told] == ["1", "2", "x", None, "[3]", "[4]"]


def test_rejects_that_cannot_be_written_are_told_first(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_text("case_id\na\n", encoding="utf-8")
    (desk.folder / "in.folder").mkdir()
    for path, told in (
        (desk.folder / "no" / "x.csv", "there is no folder"),
        (desk.folder / "in.folder", "is a folder"),
    ):
        with pytest.raises(CohortError, match=told):
            score(desk.reasoner, [source], desk.out, path)
    assert desk.left() == []


def test_rows_have_their_numbers_in_spite_of_empty_and_long_lines(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    text = 'case_id,age_years\na,60\n\nb,61\nc,62,7\n\nd,900\ne,"6\n3"\nf,1,1,1\ng,901\n'
    source.write_text(text, encoding="utf-8")
    desk.score(source)
    told = {row["row"]: row["case_id"] or row["value"] for row in rejected(desk.rejects)}
    assert told == {"3": "c,62,7", "4": "d", "5": "e", "6": "f,1,1,1", "7": "g"}


def test_a_reason_tells_what_the_map_made_of_a_value(desk: Desk, reasoner: Reasoner) -> None:
    source, by = desk.folder / "in.csv", desk.folder / "in.yaml"
    source.write_text("case_id,Ref\na,5\n", encoding="utf-8")
    told = "columns: {reference_vessel_diameter_mm: {column: Ref, unit: cm}}"
    by.write_text(told, encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    (row,) = rejected(desk.rejects)
    assert (row["value"], row["reason"][-10:]) == ("5", "[5 → 50.0]")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("case_id,op,age_years\na,'t Hooft,50\nb,Jansen,51\nc,Piet',52\nd,x,53\n", "abcd"),
        ("case_id,age_years,op\na,50,'t Hooft\nb,51,z'\nc,52,D\n", "abc"),
        ("case_id;age_years\na;50\nb;51\n", "ab"),
        ('case_id,age_years,n\na,50,"say, ""hello"""\nb,51,x\n', "ab"),
        ("\ufeffcase_id\tage_years\na\t50\n", "a"),
        ("case_id,age_years,n\na,50,\\\nb,51,x\n", "ab"),
    ],
)
def test_quotes_and_separators_of_csv_are_never_guessed_wrong(
    text: str, ids: str, desk: Desk
) -> None:
    source = desk.folder / "in.csv"
    source.write_text(text, encoding="utf-8")
    assert desk.score(source).rejected == 0
    assert [(row["case_id"], row["age_years"]) for row in read(desk.out)] == [
        (id_, 50.0 + n) for n, id_ in enumerate(ids)
    ]


def test_an_empty_line_of_one_column_is_a_row(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_bytes(b"case_id\n\na\n\xff\nb\n")
    assert desk.score(source).rows == 4
    assert sorted(row["row"] for row in rejected(desk.rejects)) == ["1", "3"]
    assert [row["case_id"] for row in read(desk.out)] == ["a", "b"]


def test_quotes_far_down_a_csv_hold_lines_together(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    many = "".join(f"a{n},50,1\n" for n in range(30_000))
    source.write_text(f'case_id,age_years,n\n{many}b1,51,"new\nb9,99,line"\n', encoding="utf-8")
    assert desk.score(source).answered == 30_001
    assert read(desk.out)[-1]["n"] == "new\nb9,99,line"


def test_a_csv_whose_quotes_are_open_is_not_read_as_it_may_be(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_text('case_id,n\na,"open\nb,x\nc,y\n', encoding="utf-8")
    with pytest.raises(CohortError, match=r"in.csv: .*(quotes|rows)"):
        desk.score(source)


MAPS = [
    ("thrombus", "BOOLEAN", "TRUE", "{True: false, False: true}", False),
    ("thrombus", "VARCHAR", "'TRUE'", "{true: false, false: true}", False),
    ("age_years", "DECIMAL(5,2)", "1.00", "{1: 50, 2: 70}", 50.0),
    ("age_years", "VARCHAR", "'1.0'", "{1: 50}", 50.0),
    ("age_years", "VARCHAR", "'60'", "{u: 010}", 60.0),
    ("age_years", "VARCHAR", "'u'", "{u: 010}", 10.0),
]


@pytest.mark.parametrize(("fact", "kind", "told", "values", "expected"), MAPS)
def test_words_match_whatever_their_spelling(
    fact: str, kind: str, told: str, values: str, expected: Any, desk: Desk, reasoner: Reasoner
) -> None:
    source, by = desk.folder / "in.parquet", desk.folder / "in.yaml"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'a' AS case_id, CAST({told} AS {kind}) AS x) TO '{source}'"
        )
    by.write_text(f"columns: {{{fact}: {{column: x, values: {values}}}}}\n", encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    assert read(desk.out)[0][fact] == expected


def test_a_word_of_yes_and_no_that_the_map_lacks_is_refused(desk: Desk, reasoner: Reasoner) -> None:
    source, by = desk.folder / "in.csv", desk.folder / "in.yaml"
    source.write_text("case_id,x\na,ja\nb,true\nc,\n", encoding="utf-8")
    by.write_text("columns: {thrombus: {column: x, values: {ja: true}}}", encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    assert [(r["case_id"], "not in the map" in r["reason"]) for r in rejected(desk.rejects)] == [
        ("b", True)
    ]
    assert [row["thrombus"] for row in read(desk.out)] == [True, None]


@pytest.mark.parametrize(
    ("kind", "told", "unknown", "gone"),
    [
        ("DECIMAL(5,2)", "99.00", "[99]", True),
        ("INTEGER", "99", "['99.0']", True),
        ("VARCHAR", "'99.90'", "[99.90]", True),
        ("VARCHAR", "'8'", "[010]", False),
        ("VARCHAR", "'010'", "[010]", True),
    ],
)
def test_what_says_unknown_is_text_as_it_stands_and_numbers_by_value(
    kind: str, told: str, unknown: str, gone: bool, desk: Desk, reasoner: Reasoner
) -> None:
    source, by = desk.folder / "in.parquet", desk.folder / "in.yaml"
    with duckdb.connect() as connection:
        each = f"SELECT 'a' AS case_id, CAST({told} AS {kind}) AS age_years"
        connection.execute(f"COPY ({each}) TO '{source}'")
    by.write_text(f"unknown: {unknown}\n", encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    assert (read(desk.out)[0]["age_years"] is None) == gone


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("columns: {age_years: {column: x, values: {u: 1:30}}}", "1:30 is no value"),
        ("columns: {thrombus: {column: x, values: {'': false}}}", "an empty cell"),
        ("case_id: [a]", "is the name of a column"),
        ("unknown: [[a]]", "is a list of words"),
    ],
)
def test_a_map_is_not_read_as_yaml_would(
    text: str, told: str, desk: Desk, reasoner: Reasoner
) -> None:
    by = desk.folder / "in.yaml"
    by.write_text(text, encoding="utf-8")
    with pytest.raises(CohortError, match=told):
        read_map(by, reasoner.guideline)


def test_a_point_is_no_comma_and_what_is_left_out_is_there(desk: Desk, reasoner: Reasoner) -> None:
    source, by = desk.folder / "in.csv", desk.folder / "in.yaml"
    source.write_text('case_id,age_years,s\na,"60,5",1\nb,1.234,1\nc,60.5,1\n', encoding="utf-8")
    by.write_text('decimal: ","', encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    assert [row["age_years"] for row in read(desk.out)] == [60.5]
    assert all("decimal comma" in row["reason"] for row in rejected(desk.rejects))
    by.write_text("leave_out: [S2]", encoding="utf-8")
    with pytest.raises(CohortError, match="leave_out: there is no column S2"):
        desk.score(source, columns=read_map(by, reasoner.guideline))


def test_json_lines_are_taken_as_one_case_is(desk: Desk, reasoner: Reasoner) -> None:
    """What the gate refuses of one case is not answered of a cohort."""
    source = desk.folder / "in.jsonl"
    cases: list[dict[str, Any]] = [
        {"case_id": "good", "max_superficial_arc_deg": 180, "thrombus": True},
        {"case_id": "a", "max_superficial_arc_deg": "180"},
        {"case_id": "b", "thrombus": "true"},
        {"case_id": "c", "stage": ""},
        {"case_id": "d", "stage": " before_preparation "},
        {"case_id": 7},
        {"case_id": True},
        {"case_id": "e", "measured": "junk"},
        {"case_id": "f\ud800"},
    ]
    source.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    for case in cases[1:]:
        with pytest.raises(CaseError):
            reasoner.gate.admit(case)
    scored = desk.score(source)
    assert (scored.rows, scored.answered) == (len(cases), 1)
    source.write_text("", encoding="utf-8")
    assert desk.score(source).rows == 0


def test_resuming_knows_the_table(desk: Desk, reasoner: Reasoner) -> None:
    source, out = desk.folder / "in.duckdb", desk.folder / "parts"
    with duckdb.connect(str(source)) as connection:
        for name, age in (("t1", 50), ("t2", 70)):
            ids = f"SELECT CAST(range AS VARCHAR) AS case_id, {age} AS age_years FROM range(40)"
            connection.execute(f"CREATE TABLE {name} AS {ids}")

    def stop(told: str, done: float) -> None:
        if told.startswith("part 2"):
            raise KeyboardInterrupt

    how = Options(table="t1", part=10)
    with pytest.raises(KeyboardInterrupt):
        score(reasoner, [source], out, desk.rejects, how, stop)
    with pytest.raises(CohortError, match="holds parts of another run"):
        desk.score(source, out=out, table="t2", part=10)
    assert desk.score(source, out=out, table="t1", part=10).resumed == 1
    assert {row["age_years"] for row in read(out)} == {50.0}


def test_two_runs_do_not_write_to_one_place(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_text("case_id\na\n", encoding="utf-8")
    with workplace(desk.out), pytest.raises(CohortError, match="another run is writing there"):
        desk.score(source)
    desk.score(source)
    assert desk.left() == ["out.parquet", "out.rejects.csv"]


def test_what_a_killed_run_left_is_swept(desk: Desk) -> None:
    source, out = desk.folder / "in.csv", desk.folder / "parts"
    source.write_text("case_id\na\n", encoding="utf-8")
    (desk.folder / ".parts.99999.work").mkdir()
    (desk.folder / "parts.partial").mkdir()
    (desk.folder / "parts.partial" / ".part-00001.parquet.99999").write_bytes(b"x")
    (desk.folder / ".parts.notes").write_text("mine", encoding="utf-8")
    desk.score(source, out=out)
    assert desk.left() == [".parts.notes", "out.rejects.csv", "parts"]
    desk.score(source, out=out)  # it is ours still
    (desk.folder / "parts.partial").mkdir()
    (desk.folder / "parts.partial" / "foreign.parquet").write_bytes(b"x")
    with pytest.raises(CohortError, match=r"holds foreign\.parquet, which is of no run"):
        desk.score(source, out=out)


def test_files_that_are_no_results_are_not_written_over(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_text("case_id\na\n", encoding="utf-8")
    for path in (desk.out, desk.rejects):
        path.write_bytes(b"precious\n")
        with pytest.raises(CohortError, match="is there already"):
            desk.score(source)
        assert path.read_bytes() == b"precious\n"
        path.unlink()
    real = desk.folder / "in.real.parquet"
    desk.score(source, out=real)
    desk.out.symlink_to(real)
    desk.score(source)
    assert desk.out.is_symlink() and read(real)[0]["case_id"] == "a"


def test_large_whole_numbers_keep_their_digits(desk: Desk) -> None:
    big = 9007199254740993
    source = desk.folder / "in.duckdb"
    with duckdb.connect(str(source)) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT CAST({big} AS HUGEINT) AS case_id")
        connection.execute(f"INSERT INTO t VALUES ({big - 1})")
    desk.score(source, table="t")
    assert [row["case_id"] for row in read(desk.out)] == [str(big), str(big - 1)]
    one, other = desk.folder / "in.1.parquet", desk.folder / "in.2.parquet"
    pq.write_table(pa.table({"case_id": ["a"], "patient": pa.array([big], pa.int64())}), one)
    pq.write_table(pa.table({"case_id": ["b"], "patient": pa.array([1.5])}), other)
    desk.score(one, other)
    assert [row["patient"] for row in read(desk.out)] == [str(big), "1.5"]


def test_columns_of_any_name_do_not_mix_with_our_own(desk: Desk) -> None:
    source = desk.folder / "in.csv"
    source.write_text("case_id,row,first\na,1,x\na,2,y\nb,3,z\n", encoding="utf-8")
    assert desk.score(source).rejected == 1
    assert [(row["row"], row["first"]) for row in read(desk.out)] == [("1", "x"), ("3", "z")]
    source.write_text("case_id,case_id,age_years\na,b,60\n", encoding="utf-8")
    with pytest.raises(CohortError, match="seems to stand twice"):
        desk.score(source)


def test_simulated_lesions_stay_marked(desk: Desk, reasoner: Reasoner) -> None:
    source, by = desk.folder / "in.parquet", desk.folder / "in.yaml"
    simulate(reasoner, DEFAULT_DIRECTORY, 20, 1, source)
    by.write_text("leave_out: [simulated]", encoding="utf-8")
    desk.score(source, columns=read_map(by, reasoner.guideline))
    assert pq.read_metadata(desk.out).metadata[b"calx_simulated"] == b"true"


def test_a_key_that_is_pressed_stops_the_command(tmp_path: Path, reasoner: Reasoner) -> None:
    source = tmp_path / "in.parquet"
    simulate(reasoner, DEFAULT_DIRECTORY, 300_000, 1, source)
    command = [sys.executable, "-m", "calx", "cohort", "run", str(source), str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        while not (tmp_path / "out.partial").is_dir():
            time.sleep(0.05)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in told) == (130, False), told
    assert "stopped" in told
    assert not [*tmp_path.glob(".out*")]


def test_places_within_the_results_are_refused(desk: Desk) -> None:
    source, out = desk.folder / "in.csv", desk.folder / "parts"
    source.write_text("case_id\na\n", encoding="utf-8")
    desk.score(source, out=out)
    part = out / "part-00000.parquet"
    for inputs in ([str(source), str(out), "--rejects", str(out / "r.csv")], [str(part), str(out)]):
        told = calx("cohort", "run", *inputs)
        assert told.returncode == 2 and "stands within" in told.stderr
    assert part.is_file()
