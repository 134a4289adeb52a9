"""The report: every number counted anew by hand, small cells hidden, pictures whole, nothing half written."""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
import re
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.cohorts.changes import changes
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.graph import MOST_LESIONS, write_quads
from calx.reasoner.cohorts.report.asked import ReportScope, by_default, pairs, shifts, words
from calx.reasoner.cohorts.report.intervals import FAR, Share, expected, share, wilson
from calx.reasoner.cohorts.report.tables import (
    WITHHELD,
    Cell,
    Counted,
    ReportTable,
    sums_of,
)
from calx.reasoner.cohorts.report.write import report
from calx.reasoner.cohorts.run import score
from calx.reasoner.cohorts.simulate import simulate
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.load.reader import read
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.rdf import triples
from calx.words import LANGUAGES

SIZE = 1500


@pytest.fixture(scope="module")
def scored(reasoner: Reasoner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated registry, scored; two of its rows are refused."""
    folder = tmp_path_factory.mktemp("registry")
    simulate(reasoner, DEFAULT_DIRECTORY, SIZE, 9, folder / "whole.parquet")
    whole = pq.read_table(folder / "whole.parquet").to_pylist()
    whole[3]["age_years"], whole[4]["case_id"] = 900.0, whole[5]["case_id"]
    pq.write_table(
        type(pq.read_table(folder / "whole.parquet")).from_pylist(
            whole, pq.read_schema(folder / "whole.parquet")
        ),
        folder / "in.parquet",
    )
    score(reasoner, [folder / "in.parquet"], folder / "out.parquet", folder / "out.rejects.csv")
    return folder


def scope(reasoner: Reasoner, **more: Any) -> ReportScope:
    """A report on all that the simulated registry holds."""
    asked = by_default(reasoner.guideline, DEFAULT_DIRECTORY)
    columns = {"patient": "patient", "site": "site", "performed": "performed_device"}
    return replace(asked, by=(*asked.by, "year"), more=("year",), **{**columns, **more})


@pytest.fixture(scope="module")
def written(reasoner: Reasoner, scored: Path) -> Path:
    asked = scope(reasoner, rejects=scored / "out.rejects.csv")
    out = scored / "report"
    report(reasoner, [scored / "out.parquet"], out, asked)
    return out


def rows(written: Path, table: str) -> list[list[str]]:
    with (written / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        *told, last = csv.reader(stream)
    assert "sha256:" in last[0] and "Simulated" in last[0]
    return told


def counts(written: Path, table: str) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table, without shares."""
    head, *told = rows(written, table)
    kept = [n for n, name in enumerate(head) if not name.endswith((" share", " low", " high"))]
    return [head[n] for n in kept], [[row[n] for n in kept] for row in told]


def lesions(scored: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(scored / "out.parquet").to_pylist()
    return found


def test_the_flow_adds_up(written: Path) -> None:
    told = {name: int(count) for name, count in rows(written, "flow")[1:]}
    gone = sum(count for name, count in told.items() if name.startswith("−"))
    assert (told["rows read"], told["answered"], gone) == (SIZE, SIZE - 2, 2)


def test_completeness_is_counted(reasoner: Reasoner, written: Path, scored: Path) -> None:
    labels = {fact.label["en"]: name for name, fact in reasoner.guideline.facts.items()}
    found, seen = lesions(scored), 0
    missing, decided = Counter[str](), 0
    for one in found:
        missing.update(fact.fact for fact in of(reasoner, one).missing)
    for label, count, *known, wanting, where_wanted, _, _ in rows(written, "completeness")[1:]:
        name = labels[label]
        assert int(count) == sum(one.get(name) is not None for one in found)
        of_all = float(known[0] or 0)
        assert of_all == pytest.approx(int(count) / len(found), abs=1e-6)
        assert int(wanting) == missing[name]
        among = int(count) + int(wanting)
        assert not among or float(where_wanted) == pytest.approx(int(count) / among, abs=1e-6)
        decided += int(wanting)
        seen += 1
    assert seen > 40
    assert decided == sum(missing.values()) > 500


@pytest.mark.parametrize("table", ["strategy", "calcium_score", "arc_grade", "first_device"])
def test_outcomes_are_counted_in_each_part(table: str, written: Path, scored: Path) -> None:
    head, (whole, *parts) = counts(written, table)
    found = lesions(scored)
    assert sorted(map(int, whole[2:]), reverse=True) == sorted(
        Counter(one[table] for one in found).values(), reverse=True
    )
    assert len(head) == len(whole)
    years = {row[0]: int(row[1]) for row in parts if row[0].startswith("year")}
    assert years == {f"year: {y}": n for y, n in Counter(one["year"] for one in found).items()}
    for row in parts:
        assert sum(map(int, row[2:])) == int(row[1])


def test_practice_is_compared(written: Path, scored: Path) -> None:
    stages = ("before_preparation", "after_preparation", "after_stent")
    _, told = counts(written, "concordance")
    for stage, row in zip(stages, told, strict=False):
        found = [one for one in lesions(scored) if one["stage"] == stage]
        firsts = [one for one in found if one["first_device"] is not None]
        hits = sum(one["performed_device"] == one["first_device"] for one in firsts)
        used = [one[f"status_{one['performed_device']}"] for one in found]
        usable = sum(status in ("preferred", "suitable") for status in used)
        barred = used.count("contraindicated")
        expected = [len(found), len(firsts), hits, usable, barred]
        assert [int(cell or 0) for cell in row[1:]] == expected, row
        assert row[0].endswith(" *") == (stage != stages[0])
    whole, parts = told[0], [row for row in told if row[0].startswith("target vessel")]
    assert sum(int(row[1]) for row in parts) == int(whole[1])  # those before the device alone
    first = rows(written, "concordance")[1]
    assert float(first[5]) < float(first[4]) < float(first[6])
    firsts = [o for o in lesions(scored) if o["first_device"] and o["stage"] == stages[0]]
    sites = {row[0]: int(row[1]) for row in rows(written, "funnel")[1:-1]}
    assert sites == dict(Counter(one["site"] for one in firsts))


def test_words_of_the_registry_stand_for_devices(
    reasoner: Reasoner, scored: Path, tmp_path: Path
) -> None:
    table = pq.read_table(scored / "out.parquet").to_pylist()
    for one in table:
        ivl = one["performed_device"] == "intravascular_lithotripsy"
        one["used"] = "IVL " if ivl else "a balloon"
    schema = pq.read_schema(scored / "out.parquet")
    made = pa.Table.from_pylist(table, schema.append(pa.field("used", pa.string())))
    pq.write_table(made.replace_schema_metadata(schema.metadata), tmp_path / "out.parquet")
    asked = scope(reasoner, performed="used")
    with pytest.raises(CohortError, match=r"holds none of .* a balloon, IVL; .* --word WORD=ID"):
        report(reasoner, [tmp_path / "out.parquet"], tmp_path / "r", asked)
    told = words(reasoner.guideline, ["IVL=intravascular_lithotripsy"])
    report(reasoner, [tmp_path / "out.parquet"], tmp_path / "r", replace(asked, words=told))
    before = [one for one in table if one["stage"] == "before_preparation"]
    many = sum(one["used"] == "IVL " for one in before)
    assert rows(tmp_path / "r", "performed-words")[1:] == [
        ["a balloon", "", str(len(before) - many)],
        ["IVL", "intravascular lithotripsy", str(many)],
    ]
    none = words(reasoner.guideline, ["IVL=intravascular_lithotripsy", "a balloon=none"])
    report(reasoner, [tmp_path / "out.parquet"], tmp_path / "r", replace(asked, words=none))
    first = sum(one["used"] != "IVL " and one["first_device"] is not None for one in before)
    sentence = f"{len(before) - many:,} more lesions had no device, as a word says; {first:,} of "
    assert sentence in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert int(rows(tmp_path / "r", "concordance")[1][1]) == many
    with pytest.raises(CohortError, match="IVL=lithotripsy: the guideline knows"):
        words(reasoner.guideline, ["IVL=lithotripsy"])


def test_a_score_that_may_still_rise_is_told(written: Path, scored: Path) -> None:
    found = lesions(scored)
    told = {r[0]: (int(r[1]), int(r[2])) for r in rows(written, "calcium_score-may-rise")[1:]}
    for score_ in range(5):
        mine = [one for one in found if one["calcium_score"] == score_]
        rise = sum(one["most_calcium_score"] > score_ for one in mine)
        assert told.get(str(score_), (0, 0)) == (len(mine), rise)
    assert 0 < told["all lesions"][1] < len(found)


def test_what_is_not_the_last_word_is_told(written: Path, scored: Path) -> None:
    found = [one for one in lesions(scored) if one["strategy"] is not None]
    settled = sum(one["settled"] for one in found)
    assert [int(c) for c in rows(written, "strategy-settled")[1][1:3]] == [len(found), settled]
    firsts = [one for one in lesions(scored) if one["first_device"] is not None]
    sure = sum(one[f"unverified_{one['first_device']}"] == 0 for one in firsts)
    told = rows(written, "first_device-verified")[1]
    assert [int(cell) for cell in told[1:3]] == [len(firsts), sure]
    assert 0 < sure < len(firsts)


@pytest.mark.parametrize(
    ("criterion", "name"),
    [("optivus_expansion", "OPTIVUS: expansion"), ("ultimate_area", "ULTIMATE: lumen area")],
)
def test_criteria_are_met_at_least_and_at_most(
    criterion: str, name: str, written: Path, scored: Path
) -> None:
    found = [one[f"criterion_{criterion}"] for one in lesions(scored)]
    met, failed, unknown = (found.count(word) for word in ("met", "not_met", "unknown"))
    row = next(r for r in rows(written, "criteria-criterion")[1:] if r[0] == name)
    judged = met + failed + unknown
    assert [int(cell) for cell in row[2:6]] == [judged, met, failed, unknown]
    if met + failed:
        assert float(row[6]) == pytest.approx(met / judged, abs=1e-6)
        assert float(row[9]) == pytest.approx((met + unknown) / judged, abs=1e-6)
    else:  # nothing is known of it: no share at all
        assert row[6:] == [""] * 6
        page = (written / "report.html").read_text(encoding="utf-8")
        assert "Known to be met by no lesion" in page and name in page


def test_who_the_lesions_are(written: Path, scored: Path) -> None:
    found, told = lesions(scored), {row[0]: row[1:] for row in rows(written, "lesions")[1:]}
    assert told["lesions"][0] == str(len(found))
    assert told["patients"][0] == str(len({one["patient"] for one in found}))
    ages = sorted(one["age_years"] for one in found)
    assert float(told["age (years)"][5]) == pytest.approx(median(ages))
    left = sum(one["target_vessel"] == "lad" for one in found)
    assert told["target vessel: left anterior descending"][1] == str(left)


def of(reasoner: Reasoner, lesion: dict[str, Any], **changed: Any) -> Answer:
    """The answer of the engine to one lesion, with facts other than they are."""
    given = {n: lesion.get(n) for n, f in reasoner.guideline.facts.items() if f.given} | changed
    raw = {name: value for name, value in given.items() if value is not None}
    return reasoner.answer(reasoner.gate.admit({"case_id": "a", **raw}))


def alone(reasoner: Reasoner, lesion: dict[str, Any], **changed: Any) -> str:
    """The strategy of one lesion by the engine."""
    strategy = of(reasoner, lesion, **changed).json()["strategy"]
    return strategy["id"] if strategy else "–"


def test_what_rests_on_a_fact_is_what_the_engine_says_without_it(
    reasoner: Reasoner, written: Path, scored: Path
) -> None:
    found = lesions(scored)
    arc = next(
        r
        for r in rows(written, "resting-on-facts")[1:]
        if r[0] == "largest superficial calcium arc"
    )
    turned = refused = 0
    for one in found:
        try:
            turned += alone(reasoner, one, max_superficial_arc_deg=None) != (one["strategy"] or "–")
        except CaseError:
            refused += 1
    assert abs(int(arc[2]) - turned) <= refused
    assert int(arc[2]) > 50


@pytest.mark.parametrize(("key", "by", "step"), [("more", 15, "+15°"), ("less", -15, "−15°")])
def test_shifted_readings_are_what_the_engine_says_of_them(
    key: str, by: int, step: str, reasoner: Reasoner, written: Path, scored: Path
) -> None:
    table = rows(written, f"shift-max_superficial_arc_deg-{key}-strategy")
    told = sum(int(cell) for row in table[1:] for cell in row[1:])
    same = sum(int(row[1 + place]) for place, row in enumerate(table[1:]))
    found = [one for one in lesions(scored) if one["max_superficial_arc_deg"] is not None]
    turned = refused = loosened = 0
    for one in found:
        arc = one["max_superficial_arc_deg"]
        moved = {"max_superficial_arc_deg": max(0, min(arc + by, 360))}
        try:
            new = alone(reasoner, one, **moved)
        except CaseError:  # the length above 270° was read with the arc
            try:
                new = alone(reasoner, one, **moved, superficial_arc_gt270_length_mm=None)
                loosened += 1
            except CaseError:
                refused += 1
                continue
        turned += new != (one["strategy"] or "–")
    assert told == len(found) - refused
    assert told - same == turned > 0
    assert (loosened > 0) == (by < 0)
    row = next(r for r in rows(written, "readings")[1:] if r[0].endswith(f"arc {step}"))
    assert [int(cell) for cell in row[1:3]] == [told, refused]


def test_errors_of_readings_have_sizes_sources_and_a_seed(written: Path) -> None:
    told = {row[0]: row[1:] for row in rows(written, "errors")[1:]}
    assert told["reference vessel diameter"] == [
        "± 0.25 mm",
        "reproducibility of IVUS areas, Erasmus",
    ]
    assert "One draw (seed 1)" in (written / "report.md").read_text(encoding="utf-8")


def test_the_fact_that_would_settle_most_is_what_leaves_open(
    reasoner: Reasoner, written: Path, scored: Path
) -> None:
    among, only = Counter[str](), Counter[str]()
    lead = reasoner.guideline.lead
    assert lead is not None
    for one in lesions(scored):
        given = {
            n: one[n]
            for n, f in reasoner.guideline.facts.items()
            if f.given and one.get(n) is not None
        }
        outlook = reasoner.answer(reasoner.gate.admit({"case_id": "a", **given})).outlook
        keys = [key for key in outlook.possible if key.startswith(f"{lead.predicate}:")]
        facts = outlook.because_of(*keys)
        among.update(facts)
        only.update(facts if len(facts) == 1 else ())
    labels = {fact.label["en"]: name for name, fact in reasoner.guideline.facts.items()}
    told = {labels[row[0]]: (int(row[1]), int(row[2])) for row in rows(written, "deciding")[1:]}
    assert told == {name: (count, only[name]) for name, count in among.items()}


def test_every_picture_is_whole_and_is_on_the_page(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    pictures = [*(written / "figures").glob("*.svg")]
    assert len(pictures) > 8
    for picture in pictures:
        root = ET.fromstring(picture.read_text(encoding="utf-8"))
        assert root.tag.endswith("svg") and "<text" in picture.read_text(encoding="utf-8")
    assert page.count("<svg") == len(pictures)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "Simulated lesions" in page and "never" not in page[:100]
    assert not re.search(r'(src|href)="(https?:)?//', page)
    markdown = (written / "report.md").read_text(encoding="utf-8")
    assert markdown.count("![") == len(pictures) and "RECORD" in markdown


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_cells_are_hidden_on_request(
    language: str, reasoner: Reasoner, scored: Path, tmp_path: Path
) -> None:
    asked = scope(reasoner, language=language, least=5)
    report(reasoner, [scored / "out.parquet"], tmp_path / "r", asked)
    hidden = shown = 0
    for path in (tmp_path / "r" / "tables").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            head, *told, last = csv.reader(stream)
        assert f"{SIZE:,}" in last[0]  # as it is a multiple of ten
        ends = (" middle", " quartile 1", " quartile 3", " share", " low", " high")
        for row in told:
            named = zip(head, row, strict=True)
            cells = [cell for name, cell in [*named][1:] if not name.endswith(ends)]
            numbers = [int(cell) for cell in cells if cell.isdigit()]
            assert all(number % 10 == 0 for number in numbers), (path.name, row)
            shown += len(numbers)
            hidden += cells.count("< 5")
    assert shown > 500
    assert hidden > 20


@pytest.mark.parametrize(
    ("least", "parts", "most"), [(5, 2, 40), (5, 3, 26), (3, 2, 30), (3, 3, 20)]
)
def test_no_hidden_count_follows_from_its_row(least: int, parts: int, most: int) -> None:
    """Every row of so many counts and their sum: what is shown of it, with each value that a hidden
    count can have then.
    """
    possible: dict[tuple[Any, ...], list[set[int]]] = {}
    for cells in itertools.product(range(most), repeat=parts):
        row: tuple[Cell, ...] = ("r", sum(cells), *cells)
        table = ReportTable("a", "a", ("",) * len(row), (row,), sums=sums_of(len(row)))
        told = table.suppressed(least).rows[0]
        sets = possible.setdefault((*told[2:], told[1]), [set() for _ in cells])
        for found, cell in zip(sets, cells, strict=True):
            found.add(cell)
    # near the end of what was tried, not all that is possible was
    whole = {told: sets for told, sets in possible.items() if max(map(max, sets)) < most - least}
    assert len(whole) > 10
    for told, sets in whole.items():
        for shown, found in zip(told, sets, strict=False):
            assert not isinstance(shown, int) or shown >= 0 or len(found) > 1, told


def test_a_sum_that_tells_a_hidden_count_withholds_its_parts() -> None:
    whole, row = ("all", 14, 5, 5, 1, 1, 1, 1), ("a", 14, 5, 5, 1, 1, 1, 1)
    table = ReportTable("a", "a", ("",) * 8, (whole, row), sums=sums_of(8, [[1]], 2))
    told = table.suppressed(5).rows
    assert told == (("all", 10, *[WITHHELD] * 6), ("a", 10, *[WITHHELD] * 6))
    column = (("all", 4, 4), ("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("d", 1, 1))
    table = ReportTable("a", "a", ("",) * 3, column, sums=sums_of(3, [[1, 2, 3, 4]], 5))
    assert [row[1:] for row in table.suppressed(5).rows[1:]] == [(WITHHELD, WITHHELD)] * 4


def test_shares_of_rounded_counts_allow_for_the_rounding() -> None:
    rows_ = [("r", 13, Counted(Share(8, 13, 13))), ("s", 999, Counted(Share(503, 999, 500.0)))]
    few, many = (
        row[2] for row in ReportTable("a", "a", ("",) * 3, tuple(rows_)).suppressed(5).rows
    )
    assert isinstance(few, Counted) and isinstance(many, Counted)
    assert (few.share.is_hidden, few.count, many.count, many.share.of) == (True, 10, 500, 1000)
    plain = Share(503, 999, 500.0)
    assert many.share.low < plain.low < plain.high < many.share.high
    for of in range(100, 300):
        for hits in range(0, of, 7):
            share_ = Counted(Share(hits, of, of))
            (cell,) = ReportTable("a", "a", ("",), ((share_,),)).suppressed(5).rows[0]
            assert isinstance(cell, Counted)
            if not cell.share.is_hidden:
                assert cell.share.low <= hits / of + 1e-9 <= cell.share.high + 1e-9


def test_rows_do_not_stand_in_the_order_of_hidden_counts(
    reasoner: Reasoner, scored: Path, tmp_path: Path
) -> None:
    table = pq.read_table(scored / "out.parquet")
    names = ["z"] * 4 + ["y"] * 3 + ["x"] * 2 + ["w"] + ["v"] * (len(table) - 10)
    order = sorted(
        range(len(table)), key=lambda n: table["stage"][n].as_py() != "before_preparation"
    )
    odd = [""] * len(table)
    for place, name in zip(order, names, strict=True):
        odd[place] = name
    told = table.append_column("odd", pa.array(odd))
    pq.write_table(told.replace_schema_metadata(table.schema.metadata), tmp_path / "out.parquet")
    known = tuple((name, "rotational_atherectomy") for name in "vwxyz")
    rejects = tmp_path / "rejects.csv"
    faults = [f"{n}-{name},id,c,v,fault {name}" for n, name in enumerate("zzzzyyyxxw")]
    rejects.write_text("\n".join(["row,case_id,column,value,reason", *faults]), encoding="utf-8")
    columns = {"performed": "odd", "site": "odd", "words": known, "rejects": rejects}
    asked = scope(reasoner, **columns, least=5)
    report(reasoner, [tmp_path / "out.parquet"], tmp_path / "r", asked)
    gone = [row for row in rows(tmp_path / "r", "flow")[1:] if row[0].startswith("−")]
    assert [row[0][-1] for row in gone] == [*"wxyz"]
    assert [row[0] for row in rows(tmp_path / "r", "performed-words")[1:]] == [*"vwxyz"]
    funnel = rows(tmp_path / "r", "funnel")[1:]
    assert [row[0] for row in funnel[1:-1]] == sorted(row[0] for row in funnel[1:-1])
    assert {row[-1] for row in funnel[1:-1]} == {""}


def test_a_site_is_odd_where_chance_alone_would_not_make_it_so() -> None:
    assert [expected(0.41, of, FAR) for of in (1, 2, 5)] == [(0, 1), (0, 2), (0, 5)]
    for mean, of in ((0.05, 30), (0.41, 200)):
        low, high = expected(mean, of, FAR)
        chances = [math.comb(of, n) * mean**n * (1 - mean) ** (of - n) for n in range(of + 1)]
        assert sum(chances[:low]) < 0.001 <= sum(chances[: low + 1])
        assert sum(chances[high + 1 :]) < 0.001 <= sum(chances[high:])


def test_intervals_grow_where_the_lesions_of_a_patient_are_alike() -> None:
    source = random.Random(1)
    patients = [source.random() < 0.3 for _ in range(400)]

    def of_patients(clusters: list[tuple[int, int]]) -> Share | None:
        products = [(h * h, h * a, a * a) for h, a in clusters]
        hits, all_ = (sum(one) for one in zip(*clusters, strict=True))
        return share(len(clusters), hits, all_, *(sum(one) for one in zip(*products, strict=True)))

    as_one = of_patients([(3 * hit, 3) for hit in patients])
    each = of_patients([(int(hit), 1) for hit in patients for _ in range(3)])
    fewer = of_patients([(int(hit), 1) for hit in patients])
    assert as_one and each and fewer
    assert as_one.high - as_one.low == pytest.approx(fewer.high - fewer.low, rel=0.02)
    assert (as_one.high - as_one.low) / (each.high - each.low) == pytest.approx(3**0.5, rel=0.03)
    assert wilson(0.0, 10)[1] == pytest.approx(0.2775, abs=1e-3)  # 0 of 10, as tables have it


def test_what_cannot_be_reported_says_why(reasoner: Reasoner, scored: Path, tmp_path: Path) -> None:
    for path, asked, told in (
        (scored / "in.parquet", ReportScope(), "holds no results of calx cohort run"),
        (scored / "out.parquet", ReportScope(site="hospital"), "no such column"),
        (scored / "nothing.parquet", ReportScope(), "no such file"),
    ):
        with pytest.raises(CohortError, match=told):
            report(reasoner, [path], tmp_path / "r", asked)
    (tmp_path / "mine").mkdir()
    with pytest.raises(CohortError, match="holds no report"):
        report(reasoner, [scored / "out.parquet"], tmp_path / "mine", ReportScope())
    for wrong, said in (
        ("age=1", "no number"),
        ("age_years=x", "by how much"),
        ("age_years=0", "above 0"),
    ):
        with pytest.raises(CohortError, match=said):
            shifts(reasoner.guideline, pairs([wrong]))
    assert [*tmp_path.iterdir()] == [tmp_path / "mine"]
    assert shifts(reasoner.guideline, pairs(["age_years=5"])) == (("age_years", Decimal(5)),)
    with pytest.raises(CohortError, match=r"stand in these results twice .*, and would count"):
        report(reasoner, [scored / "out.parquet"] * 2, tmp_path / "r", ReportScope())
    for path, told in (
        (scored / "none.csv", "No such file"),
        (scored / "in.parquet", "no file of"),
    ):
        asked = ReportScope(rejects=path)
        with pytest.raises(CohortError, match=told):
            report(reasoner, [scored / "out.parquet"], tmp_path / "r", asked)


def test_no_change_of_the_guideline_changes_nobody(reasoner: Reasoner, scored: Path) -> None:
    found = changes(reasoner, reasoner, scored / "in.parquet")
    assert (found.changed, found.changes, found.answered) == (0, (), SIZE - 2)
    assert json.dumps(found.json())


def test_an_edit_is_told_by_whom_it_concerns_and_by_which_rule(
    reasoner: Reasoner, scored: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "edited"
    shutil.copytree(DEFAULT_DIRECTORY, folder)
    path = folder / "rules" / "assessment.ttl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("sh:minExclusive 270", "sh:minExclusive 300", 1), encoding="utf-8")
    edited = Reasoner(read(GuidelineFiles(folder))[0])
    found = changes(reasoner, edited, scored / "in.parquet")
    both = [
        (of(reasoner, one).json(), of(edited, one).json(), one["case_id"])
        for one in lesions(scored)
    ]
    grades = [(old["arc_grade"], new["arc_grade"], id_) for old, new, id_ in both]
    moved = [id_ for old, new, id_ in grades if old != new]
    change = next(c for c in found.changes if c.of == "arc_grade")
    assert (change.old, change.new, change.lesions) == ("IV", "none", len(moved))
    assert (change.rules, {*change.examples} <= {*moved}) == ({"A4": len(moved)}, True)
    assert "W-ELCA-1" in change.following
    assert found.edited == ("A4",)
    assert all(
        (old["strategy"] or {}).get("id") == (new["strategy"] or {}).get("id")
        for old, new, _ in both
    )
    assert "strategy" in found.same
    for language, told in (
        ("en", "Strategy: no lesion is told otherwise"),
        ("zh", "策略：没有病变"),
    ):
        assert told in found.text(edited.guideline, language)


def test_results_as_rdf_say_what_the_answer_to_one_says(
    reasoner: Reasoner, scored: Path, tmp_path: Path
) -> None:
    import pyoxigraph as ox

    path = tmp_path / "lesions.nq"
    with path.open("wb") as stream:
        assert (
            write_quads(reasoner.guideline, duckdb.connect(), scored / "out.parquet", stream)
            == SIZE - 2
        )
    store = ox.Store()
    store.bulk_load(path=path, format=ox.RdfFormat.N_QUADS)
    tried = 0
    for one in lesions(scored)[:60]:
        given = {
            name: as_json(Decimal(repr(one[name]))) if isinstance(one[name], float) else one[name]
            for name, fact in reasoner.guideline.facts.items()
            if fact.given and one.get(name) is not None
        }
        answer = reasoner.answer(reasoner.gate.admit({"case_id": one["case_id"], **given}))
        expected = {(t.predicate.value, valued(t.object)) for t in triples(answer)}
        graph = ox.NamedNode(f"https://w3id.org/calx/case/{one['case_id']}")
        for quad in store.quads_for_pattern(None, None, None, graph):
            if "prov#" not in quad.predicate.value:
                assert (quad.predicate.value, valued(quad.object)) in expected, str(quad)
                tried += 1
    assert tried > 60 * 30
    assert MOST_LESIONS >= SIZE


def valued(term: Any) -> Any:
    """A term; numbers by their value."""
    kind = getattr(getattr(term, "datatype", None), "value", "")
    return (
        round(Decimal(term.value), 9).normalize()
        if kind.endswith(("decimal", "integer"))
        else str(term)
    )
