"""Tables go out and come back without loss; each mistake is told with its cell, and a changed cell changes one place."""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.ontology.files import parse
from calx.ontology.turtle import Document, Group, PlaceError, Token, quote, unescape, walk
from calx.reasoner.authors.edit.spreadsheets import TableError, as_csv, as_xlsx, import_tables
from calx.reasoner.authors.edit.tables import Table, tables
from calx.reasoner.load.reader import read
from tests.command import calx

FILES = GuidelineFiles()


@pytest.fixture(scope="module")
def found() -> list[Table]:
    return tables(FILES)


def _changed(
    table: Table, folder: Path, key: str, column: str, value: str, encoding: str = "utf-8"
) -> Path:
    rows = list(csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"))))
    (row,) = [row for row in rows if row[0] == key]
    row[rows[0].index(column)] = value
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    path = folder / f"{table.name}.csv"
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def _named(found: list[Table], name: str) -> Table:
    return next(table for table in found if table.name == name)


# --- places --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES.texts))
def test_the_places_of_a_file_are_those_of_its_triples(name: str) -> None:
    """Following the text gives as many statements as rdflib reads from it."""
    document, graph = Document(FILES.texts[name]), parse(FILES.texts[name])

    def cells(value: object) -> int:
        if isinstance(value, Token):
            return 0
        inner = [v for p in value.properties for v in p.objects]  # type: ignore[attr-defined]
        inner += value.items if isinstance(value, Group) else []
        return sum(2 * len(v.items) + cells(v) for v in inner if isinstance(v, Group))

    assert sum(sum(1 for _ in walk(block)) + cells(block) for block in document.blocks) == len(
        graph
    )


@pytest.mark.parametrize(
    "text", ['a "b"', "x:y a x:z", 'x:y x:z "open .', "x:y x:z [ a x:b .", "x:y x:z ( 1 2 .", "] ."]
)
def test_half_a_statement_is_told_with_its_place(text: str) -> None:
    with pytest.raises(PlaceError) as caught:
        Document(text)
    assert 0 <= caught.value.offset <= len(text)


@pytest.mark.parametrize(
    "text", ["plain", 'quote " and \\ backslash', "lines\nand\ttabs\r", "弧度≥270°", "\u0000"[:0]]
)
def test_strings_are_written_as_they_are_read(text: str) -> None:
    assert unescape(quote(text)[1:-1]) == text


# --- out and in ----------------------------------------------------------------------------


def test_what_the_issue_names_is_there(found: list[Table]) -> None:
    assert {table.name for table in found} == {
        "thresholds",
        "status-limits",
        "studies",
        "statements",
        "stated-numbers",
        "labels",
    }
    guideline, _ = read(FILES)
    assert len(_named(found, "studies").rows) == len(guideline.studies)
    assert len(_named(found, "statements").rows) == len(guideline.statements)
    assert len(_named(found, "labels").rows) > 1000


def test_every_number_of_a_rule_stands_in_a_table_once(found: list[Table]) -> None:
    guideline, _ = read(FILES)
    rows = [
        *_named(found, "thresholds").rows.values(),
        *_named(found, "status-limits").rows.values(),
    ]
    places = Counter(row["value"].place for row in rows)
    assert max(places.values()) == 1
    in_tables = {(row["about"].value, row["value"].value) for row in rows}
    for rule in guideline.rules:
        for production in rule.productions:
            for number in production.numbers:
                local = (
                    guideline.facts[number.quantity].local
                    if number.quantity in guideline.facts
                    else number.quantity
                )
                assert any(
                    about == local and float(value) == float(number.value)
                    for about, value in in_tables
                ), (rule.id, number)


@pytest.mark.parametrize("form", ["xlsx", "folder"])
def test_a_table_that_is_not_changed_changes_nothing(
    form: str, found: list[Table], tmp_path: Path
) -> None:
    path = tmp_path / ("all.xlsx" if form == "xlsx" else "all")
    if form == "xlsx":
        path.write_bytes(as_xlsx(found))
    else:
        path.mkdir()
        for table in found:
            (path / f"{table.name}.csv").write_bytes(as_csv(table))
    assert import_tables(FILES, path) == ({}, [])


@pytest.mark.parametrize(
    ("table", "key", "column", "value", "line"),
    [
        ("thresholds", "cond:SuperficialArcLong#1", "value", "180", "sh:minInclusive 180"),
        ("thresholds", "rule:Z-BURR-LARGE#1", "value", "0.7", "0.7 * ?reference"),
        ("studies", "ev:CCAT23", "withdrawn", "TRUE", "calx:withdrawn true"),
        ("studies", "ev:review", "participants", "12", "calx:participants 12"),
        ("studies", "ev:CCAT23", "type", "registry_typo", ""),
        (
            "statements",
            "ev:review-depth",
            "locator",
            'section "2.2"',
            'calx:locator "section \\"2.2\\""',
        ),
        ("stated-numbers", "ev:review-depth#1", "value", "0.6", "calx:value 0.6"),
        ("labels", "rule:A1 rdfs:label", "zh", "弧度一级", '"弧度一级"@zh'),
    ],
)
def test_a_changed_cell_changes_its_place_and_nothing_else(
    table: str, key: str, column: str, value: str, line: str, found: list[Table], tmp_path: Path
) -> None:
    path = _changed(_named(found, table), tmp_path, key, column, value)
    if not line:
        with pytest.raises(TableError, match="is none of"):
            import_tables(FILES, path)
        return
    texts, edited = import_tables(FILES, path)
    ((name, text),) = texts.items()
    changed = [
        row
        for row in difflib.ndiff(FILES.texts[name].splitlines(), text.splitlines())
        if row[0] in "+-"
    ]
    assert len([row for row in changed if row[0] == "+"]) <= 2
    assert any(line in row for row in changed if row[0] == "+")
    assert [(cell.key, cell.column) for cell in edited] == [(key, column)]
    assert "#" in text.splitlines()[0]
    Document(text)


MISTAKES = [
    ("thresholds", "rule:A1#1", "value", "90,5", "decimal comma"),
    ("thresholds", "rule:A1#1", "value", "1,000", "commas between thousands"),
    ("thresholds", "rule:A1#1", "value", "90 deg", "not a plain number"),
    ("thresholds", "rule:A1#1", "value", "", "is empty"),
    ("thresholds", "rule:A1#1", "value", "=1+1", "is a formula"),
    ("thresholds", "rule:A1#1", "comparator", "<=", "cannot be changed here"),
    ("thresholds", "rule:C2#1", "value", "2.5", "not a whole number"),
    ("studies", "ev:review", "label_en", "the “review”", "curly quotes"),
    ("studies", "ev:review", "withdrawn", "yes", "neither true nor false"),
    ("statements", "ev:review-depth", "stance", "support", "is none of supports"),
    ("statements", "ev:review-depth", "study", "ev:nobody", "is none of"),
]


@pytest.mark.parametrize(("table", "key", "column", "value", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_cell(
    table: str, key: str, column: str, value: str, told: str, found: list[Table], tmp_path: Path
) -> None:
    chosen = _named(found, table)
    with pytest.raises(TableError) as caught:
        import_tables(FILES, _changed(chosen, tmp_path, key, column, value))
    (problem,) = caught.value.problems
    assert told in problem.message
    letter = "ABCDEFGHIJ"[chosen.columns.index(column)]
    assert problem.place == f"{table}!{letter}{list(chosen.rows).index(key) + 2}"


def test_all_mistakes_are_told_at_once_and_nothing_is_written(
    found: list[Table], tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "mine"
    shutil.copytree(DEFAULT_DIRECTORY, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    before = GuidelineFiles(copy).digest
    path = tmp_path / "thresholds.csv"
    path.write_text(
        "key,value\nrule:A1#1,1x\nrule:A1#1,2\nrule:Q#1,3\nrule:B1#1,4\n", encoding="utf-8"
    )
    done = calx("import-table", path, "--ontology", copy)
    assert done.returncode == 1
    assert all(
        place in done.stderr for place in ("thresholds!B2", "thresholds!A3", "thresholds!A4")
    )
    assert "nothing was written" in done.stderr
    assert GuidelineFiles(copy).digest == before
    path.write_text("key;value\nrule:B1#1;4\n", encoding="utf-8")  # a spreadsheet of another locale
    assert calx("import-table", path, "--dry-run", "--ontology", copy).returncode == 0
    assert GuidelineFiles(copy).digest == before
    assert calx("import-table", path, "--ontology", copy).returncode == 0
    assert "sh:minExclusive 4 ]" in (copy / "rules/assessment.ttl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("thresholds.csv", "key,value\n“rule:A1#1”,“90”\n".encode(), "no '“rule:A1#1”'"),
        ("thresholds.csv", "key,value\nrule:A1#1,90".encode("utf-16"), "is not UTF-8"),
        ("thresholds.csv", b"value\n3", "the first column must be 'key'"),
        ("thresholds.csv", b"", "the first column must be 'key'"),
        ("thresholds.csv", b'key,value\n"rule:A1#1,90\n', "is not CSV"),
        ("nothing.csv", b"key\n", "is named for no table"),
        ("all.xlsx", b"PK not a workbook", "no workbook that can be read"),
        ("all.ods", b"", "neither .xlsx nor .csv"),
    ],
)
def test_a_file_that_is_no_table_is_told(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError) as caught:
        import_tables(FILES, path)
    assert any(told in str(problem) for problem in caught.value.problems), caught.value.problems


def test_what_a_spreadsheet_does_to_cells_is_told(found: list[Table], tmp_path: Path) -> None:
    from datetime import datetime

    from openpyxl import load_workbook

    path = tmp_path / "all.xlsx"
    path.write_bytes(as_xlsx(found))
    book = load_workbook(path)
    sheet = book["statements"]
    sheet["E2"] = datetime(2026, 3, 5)
    book["thresholds"]["F2"] = "=SUM(1)"
    book.save(path)
    with pytest.raises(TableError) as caught:
        import_tables(FILES, path)
    told = {problem.place: problem.message for problem in caught.value.problems}
    assert "made a date" in told["statements!E2"]
    assert "formula" in told["thresholds!F2"]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (0.35, "0%"),
        (30, "yyyy-mm-dd"),
        (30, '"$"0.00'),
        (30, "[$€-407] 0"),
        (0.5, "# ?/?"),
        (30000, "0,"),
        (3.49, "0"),
        (30, '0 "mm"'),
    ],
)
def test_a_cell_that_shows_another_number_than_it_holds_is_refused(
    value: float, form: str, found: list[Table], tmp_path: Path
) -> None:
    from openpyxl import load_workbook

    path = tmp_path / "all.xlsx"
    path.write_bytes(as_xlsx([_named(found, "status-limits")]))
    book = load_workbook(path)
    cell = book["status-limits"]["F2"]
    cell.value, cell.number_format = value, form
    book.save(path)
    with pytest.raises(TableError) as caught:
        import_tables(FILES, path)
    (problem,) = caught.value.problems
    assert problem.place == "status-limits!F2"


@pytest.mark.parametrize("form", ["General", "@", "0", "#,##0", "0.00"])
def test_plain_formats_are_read(form: str, found: list[Table], tmp_path: Path) -> None:
    from openpyxl import load_workbook

    path = tmp_path / "all.xlsx"
    path.write_bytes(as_xlsx([_named(found, "status-limits")]))
    book = load_workbook(path)
    cell = book["status-limits"]["F2"]
    cell.value, cell.number_format = 31, form
    book.save(path)
    _, edited = import_tables(FILES, path)
    assert [one.after for one in edited] == ["31"]


def test_a_sheet_of_unknown_name_is_named(found: list[Table], tmp_path: Path) -> None:
    from openpyxl import load_workbook

    path = tmp_path / "all.xlsx"
    path.write_bytes(as_xlsx(found))
    book = load_workbook(path)
    book["status-limits"].title = "Status limits"
    book.save(path)
    with pytest.raises(TableError) as caught:
        import_tables(FILES, path)
    (problem,) = caught.value.problems
    assert "Status limits" in problem.place
    assert "did you mean status-limits" in problem.message
    (tmp_path / "set").mkdir()
    for table in found:
        (tmp_path / "set" / f"{table.name}.csv").write_bytes(as_csv(table))
    path.rename(tmp_path / "set" / "all.xlsx")
    with pytest.raises(TableError, match="a folder of tables holds nothing else"):
        import_tables(FILES, tmp_path / "set")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text + "  ", "begins or ends with a blank"),
        (lambda text: "\u00a0" + text, "U+00A0"),
        (lambda text: text.replace(" ", "\u00a0", 1), "U+00A0"),
        (lambda text: text[:3] + "\u200b" + text[3:], "U+200B"),
        (lambda text: text[:3] + "\ufeff" + text[3:], "U+FEFF"),
        (lambda text: "仅深部钙化", "no cell of the column"),
    ],
)
def test_what_nobody_sees_in_a_wording_is_refused(
    change: Callable[[str], str], told: str, found: list[Table], tmp_path: Path
) -> None:
    labels = _named(found, "labels")
    key = "rule:A9 rdfs:label"
    path = _changed(labels, tmp_path, key, "en", change(labels.rows[key]["en"].value))
    with pytest.raises(TableError) as caught:
        import_tables(FILES, path)
    (problem,) = caught.value.problems
    assert told in problem.message


def test_a_row_of_more_or_fewer_cells_than_the_head_is_refused(
    found: list[Table], tmp_path: Path
) -> None:
    table = _named(found, "thresholds")
    lines = as_csv(table).decode("utf-8-sig").splitlines()
    for number, changed in ((3, lines[3] + ",7"), (3, ",".join(lines[3].split(",")[:-2]))):
        path = tmp_path / "thresholds.csv"
        path.write_text("\n".join([*lines[:number], changed, *lines[number + 1 :]]))
        with pytest.raises(TableError) as caught:
            import_tables(FILES, path)
        assert "columns" in caught.value.problems[0].message


def test_texts_never_become_formulas(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    from calx.reasoner.authors.edit.tables import Cell

    table = Table("labels", ("key", "en"), {"k": {"key": Cell("k"), "en": Cell('=HYPERLINK("x")')}})
    path = tmp_path / "x.xlsx"
    path.write_bytes(as_xlsx([table]))
    assert load_workbook(path)["labels"]["B2"].data_type == "s"
