"""Tables as CSV and XLSX, and back: each mistake told with
its cell, and no file changed unless all cells are good.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from calx.errors import CalxError
from calx.ontology import GuidelineFiles
from calx.ontology.edits import Edits
from calx.ontology.turtle import quote
from calx.ontology.unseen import unseen
from calx.reasoner.authors.edit.tables import Cell, Table, tables
from calx.words import DEFAULT

ERROR = re.compile(r"#(REF|N/A|NAME|VALUE|DIV/0|NULL|NUM)[!?]?")
"""What a spreadsheet shows where a formula failed."""
CURLY = "“”„‟‘’‚‛"
MOST_CHARACTERS = 20_000
MOST_ROWS = 20_000
MOST_COLUMNS = 24
MOST_DIGITS = 12


PLAIN_FORMAT = re.compile(r"(General|@|[#0,]*[#0](?P<places>\.0*#*)?(E[+-]0+)?)", re.IGNORECASE)
"""Formats of a number that show it as it is, up to rounding; percent, currency, fractions and
thousands left out show another number.
"""
DECORATION = re.compile(
    r"\[(Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color *\d+)\]|_.|\*.", re.IGNORECASE
)
"""Parts of a format that change a number's colour and place alone."""


@dataclass(frozen=True)
class Disguised:
    """A number that its cell shows as something else."""

    value: float | int
    shown_by: str


@dataclass(frozen=True)
class CellProblem:
    """One mistake in a table."""

    place: str
    """``thresholds!F12``, or the file where no cell can be named."""
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class TableError(CalxError):
    """A table cannot be taken over; `problems` lists every mistake."""

    def __init__(self, problems: list[CellProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True)
class Edited:
    """A cell that says something else than the guideline."""

    table: str
    key: str
    column: str
    before: str
    after: str


# --- out -----------------------------------------------------------------------------------


def as_csv(table: Table) -> bytes:
    """One table as CSV (UTF-8 with a mark, so that spreadsheets read Chinese rightly)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows.values():
        writer.writerow([row[column].value for column in table.columns])
    return stream.getvalue().encode("utf-8-sig")


def as_xlsx(found: list[Table]) -> bytes:
    """All tables as one workbook, a sheet each; cells that cannot be changed are grey."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    grey, bold = PatternFill("solid", fgColor="EEEEEE"), Font(bold=True)
    for table in found:
        sheet = book.create_sheet(table.name)
        for index, column in enumerate(table.columns, 1):
            cell = sheet.cell(1, index, column)
            cell.font = bold
            sheet.column_dimensions[get_column_letter(index)].width = WIDTHS.get(column, 16)
        for number, row in enumerate(table.rows.values(), 2):
            for index, column in enumerate(table.columns, 1):
                known = row[column]
                cell = sheet.cell(number, index)
                if known.sort in ("number", "whole") and known.value:
                    cell.value = float(known.value) if "." in known.value else int(known.value)
                else:
                    cell.value = known.value
                    cell.data_type = "s"  # never a formula
                    cell.alignment = Alignment(wrap_text=True, vertical="top")
                if not known.editable:
                    cell.fill = grey
        sheet.freeze_panes = "B2"
        sheet.auto_filter.ref = sheet.dimensions
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


WIDTHS = {
    "key": 34,
    "label": 38,
    "en": 70,
    "zh": 64,
    "text_en": 70,
    "text_zh": 64,
    "citation": 70,
    "label_en": 40,
    "label_zh": 36,
    "id": 32,
    "subject": 34,
}


# --- in ------------------------------------------------------------------------------------


def import_tables(files: GuidelineFiles, path: Path) -> tuple[dict[str, str], list[Edited]]:
    """What the files of a guideline say once a table is taken over.

    Args:
        files: of the guideline.
        path: a workbook, a CSV file named for its table, or a folder of such files.

    Returns:
        The files that change, with their new texts; and the cells that changed them.

    Raises:
        TableError: with every mistake; nothing is to be written.
        EditError: a file of the guideline cannot be followed.
    """
    known = {table.name: table for table in tables(files)}
    problems: list[CellProblem] = []
    edits, edited = Edits(files), list[Edited]()
    for name, rows in _sheets(path, known, problems):
        _take(known[name], rows, edits, edited, problems)
    if problems:
        raise TableError(problems)
    return edits.texts(), edited


def _sheets(
    path: Path, known: dict[str, Table], problems: list[CellProblem]
) -> Iterator[tuple[str, list[list[Any]]]]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        if not any(file.suffix.lower() == ".csv" for file in found):
            problems.append(
                CellProblem(str(path), f"holds no .csv file; name them {', '.join(known)}")
            )
            return
        for file in found:
            if file.suffix.lower() == ".csv":
                yield from _sheets(file, known, problems)
            else:
                problems.append(
                    CellProblem(file.name, "is no .csv file; a folder of tables holds nothing else")
                )
    elif path.suffix.lower() == ".xlsx":
        yield from _workbook(path, known, problems)
    elif path.suffix.lower() == ".csv":
        name = path.stem
        if name not in known:
            problems.append(
                CellProblem(
                    path.name,
                    (
                        "is named for no table; name it "
                        f"{', '.join(f'{table}.csv' for table in known)}"
                    ),
                )
            )
            return
        rows = _csv(path, problems)
        if rows is not None:
            yield name, rows
    else:
        problems.append(
            CellProblem(path.name, "is neither .xlsx nor .csv; save the table as one of these")
        )


def _csv(path: Path, problems: list[CellProblem]) -> list[list[Any]] | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.append(CellProblem(path.name, "is not UTF-8; save it as 'CSV UTF-8'"))
        return None
    except OSError as error:
        problems.append(CellProblem(path.name, f"cannot be read ({error.strerror})"))
        return None
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        line = text[: text.find("“")].count("\n") + 1 if "“" in text else None
        hint = f"; curly quotes in line {line}? use straight ones" if line else "; check its quotes"
        problems.append(CellProblem(path.name, f"is not CSV ({error}){hint}"))
        return None


def _workbook(
    path: Path, known: dict[str, Table], problems: list[CellProblem]
) -> Iterator[tuple[str, list[list[Any]]]]:
    from openpyxl import load_workbook

    found: list[tuple[str, list[list[Any]]]] = []
    try:
        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
        for name in book.sheetnames:
            book[name].reset_dimensions()  # what a sheet says of its size may be less than it holds
            rows = [
                [_shown(cell) for cell in row]
                for row in itertools.islice(book[name].iter_rows(), MOST_ROWS + 1)
            ]
            if name in known:
                found.append((name, rows))
            elif any(value is not None for row in rows for value in row):
                near = get_close_matches(_plain_name(name), known, n=1, cutoff=0.6)
                hint = f"; did you mean {near[0]}" if near else ""
                problems.append(
                    CellProblem(
                        f"{path.name}, sheet '{name[:40]}'",
                        f"is no table of Calx{hint}. There are {', '.join(known)}; give it its "
                        "name, or remove it",
                    )
                )
    except Exception as error:  # openpyxl raises whatever a damaged file makes it meet
        problems.append(
            CellProblem(
                path.name,
                (
                    f"is no workbook that can be read ({' '.join(str(error).split())[:96]}); save "
                    "it as .xlsx"
                ),
            )
        )
        return
    if not found and not problems:
        problems.append(CellProblem(path.name, f"has none of the sheets {', '.join(known)}"))
    yield from found


def _plain_name(name: str) -> str:
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def _shown(cell: Any) -> Any:
    """The value of a cell, or what stands for it where its format shows another number."""
    value, form = cell.value, str(getattr(cell, "number_format", None) or "General")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    parts = [DECORATION.sub("", part).strip() for part in form.split(";")]
    part = parts[1] if value < 0 and len(parts) > 1 else parts[0]
    if value < 0 and len(parts) > 1:
        signed = re.fullmatch(r"-(.*)|\((.*)\)", part)
        part = (signed[1] or signed[2]) if signed else "?"
    found = PLAIN_FORMAT.fullmatch(part)
    if found is None or part.endswith(","):
        return Disguised(value, form)
    if part.lower() not in ("general", "@") and "e" not in part.lower():
        places = len(found["places"] or ".") - 1
        if round(value, places) != value:
            return Disguised(value, form)
    return value


def _header(table: Table, rows: list[list[Any]], problems: list[CellProblem]) -> list[str] | None:
    """The columns of a sheet, with what is wrong with them; None where it is no such table."""
    header = ["" if value is None else str(value).strip() for value in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()
    if not header or header[0] != table.columns[0]:
        problems.append(
            CellProblem(
                f"{table.name}!A1",
                (
                    f"the first column must be '{table.columns[0]}'; keep the first line as it was "
                    "exported"
                ),
            )
        )
        return None
    for index, column in enumerate(header):
        if column and column not in table.columns:
            problems.append(
                CellProblem(
                    a1(table.name, index, 0),
                    f"no column '{column[:40]}'; there are {', '.join(table.columns)}",
                )
            )
        elif column and column in header[:index]:
            problems.append(
                CellProblem(a1(table.name, index, 0), f"the column '{column}' stands twice")
            )
    return header


def _misfit(table: Table, header: list[str], row: list[Any], number: int) -> CellProblem | None:
    """What tells that a row has more or fewer cells than the head; None where nothing does."""
    astray = [
        index
        for index, value in enumerate(row)
        if (index >= len(header) or not header[index]) and str(value or "").strip()
    ]
    if not astray and len(row) >= len(header):
        return None
    where = a1(table.name, astray[0] if astray else len(row) - 1, number)
    told = "lies under no column" if astray else f"is the last of {len(row)} cells"
    return CellProblem(where, f"{told}; the table has {len(header)} columns: is one missing?")


def _take(
    table: Table,
    rows: list[list[Any]],
    edits: Edits,
    edited: list[Edited],
    problems: list[CellProblem],
) -> None:
    header = _header(table, rows, problems)
    if header is None:
        return
    if len(rows) > MOST_ROWS:
        problems.append(
            CellProblem(table.name, f"has more than {MOST_ROWS} rows; no table of Calx has")
        )
        return
    seen: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 1):
        if all(value is None or str(value).strip() == "" for value in row):
            continue
        key = str(row[0]).strip() if row[0] is not None else ""
        if key not in table.rows:
            what = (
                "add a study with 'calx evidence add'"
                if table.name in ("studies", "statements")
                else "keep the first column as it was exported"
            )
            problems.append(
                CellProblem(a1(table.name, 0, number), f"no '{key[:64]}' in the guideline; {what}")
            )
            continue
        if key in seen:
            problems.append(
                CellProblem(
                    a1(table.name, 0, number),
                    f"'{key}' stands twice, first in line {seen[key] + 1}",
                )
            )
            continue
        seen[key] = number
        misfit = _misfit(table, header, row, number)
        if misfit:
            problems.append(misfit)
            continue
        for index, (column, value) in enumerate(zip(header, row, strict=False)):
            if column in table.columns[1:] and header.index(column) == index:
                _cell(
                    table,
                    key,
                    column,
                    value,
                    a1(table.name, index, number),
                    edits,
                    edited,
                    problems,
                )


def _cell(
    table: Table,
    key: str,
    column: str,
    value: Any,
    place: str,
    edits: Edits,
    edited: list[Edited],
    problems: list[CellProblem],
) -> None:
    known = table.rows[key][column]
    if isinstance(value, Disguised):
        problems.append(
            CellProblem(
                place,
                f"holds {value.value:g} and shows it in the format '{value.shown_by[:32]}', as "
                "another number; format the cell as a plain number or as text, and write "
                f"'{known.value}' or the new value anew",
            )
        )
        return
    text = _written(value)
    if (
        text == known.value
        or (text.strip() == known.value.strip() and known.sort != "text")
        or _same_number(known, text)
    ):
        return
    told = _wrong(known, value, text.strip() if known.sort != "text" else text)
    if not told and known.sort == "text" and known.language:
        told = _of_another_script(table, column, known.value, text)
    if told:
        problems.append(CellProblem(place, told))
        return
    text = text if known.sort == "text" else text.strip()
    written = _turtle(known, column, text)
    if known.place is not None:
        edits.replace(*known.place, written)
    elif known.missing is not None:
        edits.set(*known.missing, written)
    edited.append(Edited(table.name, key, column, known.value, text))


def _written(value: Any) -> str:
    """A cell's value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _same_number(known: Cell, text: str) -> bool:
    if known.sort not in ("number", "whole"):
        return known.sort == "boolean" and text.strip().lower() == known.value
    try:
        return Decimal(text.strip()) == Decimal(known.value)
    except InvalidOperation:
        return False


def _wrong(known: Cell, value: Any, text: str) -> str | None:
    """What is wrong with a new value; None where nothing is."""
    if not known.editable:
        return f"'{known.value[:64]}' cannot be changed here; edit the rule in its file"
    if (
        value is not None
        and not isinstance(value, str | int | float)
        and not hasattr(value, "isoformat")
    ):
        return "is a formula; write the value itself"
    if known.sort == "text" and (isinstance(value, bool) or ERROR.fullmatch(text)):
        return f"'{text[:24]}' is no text; type it anew"
    if hasattr(value, "isoformat"):
        return (
            f"the spreadsheet made a date of it ({value.isoformat()[:10]}); format the column "
            f"as text, and write '{known.value}' anew"
        )
    if text.startswith("=") and known.sort != "choice":
        return "is a formula; write the value itself"
    if not text.strip():
        return "is empty; write a value, or delete the property in the file itself"
    if len(text) > MOST_CHARACTERS:
        return f"has {len(text)} characters; at most {MOST_CHARACTERS} are taken"
    if any(ord(character) < ord(" ") and character not in "\n\t" for character in text):
        return "holds a control character; type the text anew"
    unseen = _unseen(text, known.value)
    if unseen:
        return unseen
    if known.sort in ("number", "whole"):
        return _wrong_number(known.sort, text)
    if known.sort == "boolean" and text.lower() not in ("true", "false"):
        return f"'{text[:24]}' is neither true nor false"
    if known.sort in ("choice", "name") and text not in known.choices:
        return f"'{text[:40]}' is none of {', '.join(known.choices)}"
    if (
        known.sort == "text"
        and known.language in (None, DEFAULT)  # elsewhere they may be the usual ones
        and any(character in CURLY for character in text)
        and not any(character in CURLY for character in known.value)
    ):
        return "holds curly quotes, which word processors put in; use straight ones (\" or ')"
    return None


def _of_another_script(table: Table, column: str, before: str, text: str) -> str | None:
    """What tells that a wording stands in another language's column; None where nothing does."""
    if _ideographs(before) and not _ideographs(text):
        return f"holds no character as '{before[:32]}' does; is it in the column of its language?"
    if _ideographs(text) and not any(_ideographs(row[column].value) for row in table.rows.values()):
        return (
            f"holds characters that no cell of the column '{column}' does; is it in the right one?"
        )
    return None


def _ideographs(text: str) -> bool:
    return any(unicodedata.name(character, "").startswith("CJK UNIFIED") for character in text)


def _unseen(text: str, before: str) -> str | None:
    """What of a text nobody sees; None where nothing is that was not there before."""
    for character in text:
        if unseen(character) and character not in before:
            name = unicodedata.name(character, "unnamed").lower()
            return f"holds U+{ord(character):04X} ({name}), which nobody sees; type the text anew"
    if text != text.strip() and before == before.strip():
        return "begins or ends with a blank; remove it"
    return None


def _wrong_number(sort: str, text: str) -> str | None:
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?", text):
        return (
            f"'{text}' has commas between thousands; write {text.replace(',', '')} (or a "
            "point, if decimals are meant)"
        )
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text):
        return f"'{text}' has a decimal comma; write {text.replace(',', '.')}"
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)", text) or len(text) > MOST_DIGITS:
        return (
            f"'{text[:32]}' is not a plain number; write at most {MOST_DIGITS} digits (0 to "
            "9), without a unit"
        )
    if sort == "whole" and ("." in text or text.startswith("-") or not text.strip("+0")):
        return f"'{text}' is not a whole number above 0"
    return None


def _turtle(known: Cell, column: str, text: str) -> str:
    if known.sort in ("number", "whole"):
        return text.lstrip("+") if not text.startswith(".") else f"0{text}"
    if known.sort == "boolean":
        return text.lower()
    if known.sort == "name":
        return text
    if column == "type":
        return f"term:type-{text}"
    return f"{quote(text)}@{known.language}" if known.language else quote(text)


def a1(sheet: str, column: int, row: int) -> str:
    """The name of a cell, both counted from 0: ``thresholds!F12``."""
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{sheet}!{letters}{row + 1}"


def changed(
    files: GuidelineFiles, cells: list[tuple[str, str, str, str]]
) -> tuple[dict[str, str], list[Edited]]:
    """What the files say once single cells are changed: table, key, column and new value of each.

    Raises:
        TableError: with every cell that cannot be taken over.
        EditError: a file of the guideline cannot be followed.
    """
    known = {table.name: table for table in tables(files)}
    problems: list[CellProblem] = []
    edits, edited = Edits(files), list[Edited]()
    for name, key, column, value in cells:
        row = known[name].rows.get(key) if name in known else None
        if row is None or column not in row:
            problems.append(
                CellProblem(
                    f"{name} {key} {column}"[:100], "there is no such cell; load the page again"
                )
            )
        else:
            _cell(
                known[name], key, column, value, f"{name} {key} {column}", edits, edited, problems
            )
    if problems:
        raise TableError(problems)
    return edits.texts(), edited
