"""multimodars: tables of ``frame x y z`` in mm, one file a layer."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calx.imaging.errors import ImagingError
from calx.imaging.readers.contour_set import FAR, KINDS, ContourSet
from calx.imaging.readers.elements import NUMBER, as_number
from calx.imaging.readers.outlines import Drawn, Points, deposits

SUFFIXES = (".csv", ".txt", ".tsv")
WORKBOOKS = (".xlsx", ".xls", ".ods")
OTHER = {"diastolic": "systolic", "systolic": "diastolic"}
LEFT_ASIDE = ("catheter", "wall")
"""Layers of multimodars that are made up, or no part of the vessel."""
SEPARATORS = (";", "\t", ",", " ")
""" `` `` stands for any run of blanks."""
COLUMNS = ("frame", "x", "y", "z")
NAMES = {
    "frame": {"frame", "frame_id", "frame_index", "frame_number", "id", "index"},
    "x": {"x", "x_mm", "x_coord"},
    "y": {"y", "y_mm", "y_coord"},
    "z": {"z", "z_mm", "z_coord"},
}
LONGEST = 2000
"""Characters of a line."""
FEWEST = 3
"""Points of a contour."""


def tables(folder: Path) -> list[Path]:
    """The tables of contours in a folder; what other systems leave beside files is none."""
    found = []
    for file in sorted(folder.iterdir()):
        named = any(word in file.name.lower() for word in (*KINDS, "contour"))
        if not named or file.name.startswith(".") or not file.is_file():
            continue
        if file.suffix.lower() in SUFFIXES:
            found.append(file)
        elif file.suffix.lower() in WORKBOOKS:
            raise ImagingError("a workbook is not read; save the table as CSV", file)
    return found


def read(files: list[Path], place: Path, phase: str) -> ContourSet:
    """Read the tables of one phase of the heart.

    Raises:
        ImagingError: one of them is no such table, or they contradict each other.
    """
    chosen = [file for file in files if OTHER[phase] not in file.name.lower()]
    if not chosen:
        raise ImagingError(f"no table of {phase} contours in it", place)
    elsewhere = {_layer(file, OTHER[phase]): file.name for file in files if file not in chosen}
    frames: dict[int, dict[str, list[Drawn]]] = defaultdict(dict)
    z: dict[int, float] = {}
    digest, notes, layers = hashlib.sha256(), list[str](), dict[str, Path]()
    for file in chosen:
        content = file.read_bytes()
        digest.update(content)
        kind = _layer(file, phase)
        if kind in layers:
            raise ImagingError(f"draws the {kind}, as {layers[kind].name} does; keep one", file)
        layers[kind] = file
        if kind in LEFT_ASIDE:
            notes.append(f"{file.name} was left aside: the {kind} is not drawn from the image")
            continue
        for number, points, at in _contours(content, file):
            if not np.isclose(z.setdefault(number, at), at, atol=1e-3):
                raise ImagingError(
                    f"frame {number} lies at {at:g} mm, in another table at {z[number]:g} mm", file
                )
            parts = deposits(points) if kind in ("calcium", "branch") else [points]
            frames[number].setdefault(kind, []).extend(map(Drawn, parts))
    return ContourSet(
        dict(frames),
        z,
        1.0,
        "contour tables (multimodars)",
        any(phase in file.name for file in chosen),
        digest.hexdigest(),
        notes=notes,
        elsewhere=elsewhere,
    )


def _layer(file: Path, phase: str) -> str:
    """What a file draws, by its name: the lumen where it names nothing else.

    Raises:
        ImagingError: it names something that is not known.
    """
    words = re.split(r"[^a-z]+", file.stem.lower())
    named = {word for word in words if word in (*KINDS, *LEFT_ASIDE)}
    if len(named) == 1:
        return named.pop()
    if not named and set(words) <= {"contours", "contour", phase, ""}:
        return "lumen"
    raise ImagingError(
        f"its name does not tell which layer it draws; name it with one of "
        f"{', '.join((*KINDS, *LEFT_ASIDE))}",
        file,
    )


@dataclass(frozen=True)
class _Form:
    """How a table parts its cells, and where its columns are."""

    separator: str
    columns: tuple[int, int, int, int]
    width: int
    decimal: str


def _contours(content: bytes, file: Path) -> list[tuple[int, Points, float]]:
    """Frame number, points and place of each contour of a table."""
    lines = _lines(content, file)
    rows = _rows(lines, file)
    values = np.array(rows)
    numbers = values[:, 0]
    if (numbers != np.round(numbers)).any() or (numbers < 0).any() or (numbers > 1e9).any():
        raise ImagingError("a frame number is not a whole number", file)
    if np.abs(values).max() > FAR:
        raise ImagingError("a coordinate is no number of mm that an image holds", file)
    found: list[tuple[int, Points, float]] = []
    for number in np.unique(numbers):
        part = values[numbers == number]
        if len(part) < FEWEST:
            raise ImagingError(
                f"frame {number:g} has {len(part)} point{'s' if len(part) > 1 else ''}; a contour "
                f"has at least {FEWEST}",
                file,
            )
        if np.ptp(part[:, 3]) > 1e-3:
            raise ImagingError(
                f"the points of frame {number:g} have several z; are the columns in the order "
                f"{', '.join(COLUMNS)}?",
                file,
            )
        found.append((int(number), part[:, 1:3], float(part[0, 3])))
    _alike(found, file)
    return found


def _alike(found: list[tuple[int, Points, float]], file: Path) -> None:
    """A single contour of another number of points than all others was cut, or lost a line.

    Raises:
        ImagingError: there is one.
    """
    counts = Counter(len(points) for _, points, _ in found)
    usual, often = counts.most_common(1)[0]
    odd = [(number, len(points)) for number, points, _ in found if len(points) != usual]
    if len(found) > 2 and odd and often > len(found) / 2:
        frame, few = odd[0]
        raise ImagingError(
            f"the contour of frame {frame} has {few} points, others have {usual}: was the file "
            "cut, or were lines lost? Export it again",
            file,
        )


def _lines(content: bytes, file: Path) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers; a comment mark before a head is dropped."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImagingError("not UTF-8 text; save it as UTF-8", file) from None
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        told = line.strip(" \r\n").rstrip(",;\t ")
        if told.startswith("#"):
            told = told.lstrip("# ") if not found and _named(told.lstrip("# ")) else ""
        if re.fullmatch(r"sep=.?", told, re.IGNORECASE) and not found:
            continue  # Excel's word for the separator; the one that fits is found
        if len(told) > LONGEST:
            raise ImagingError(f"line {number} has {len(told)} characters; it is no table", file)
        if told:
            found.append((number, told))
    if not found:
        raise ImagingError("an empty table; remove it, or draw the contours again", file)
    return found


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split() if "\t" not in line else [line]
    if line.count('"') % 2:
        return [line]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def _named(line: str) -> bool:
    """Whether a line is a head: it begins with a name, after an index without one."""
    return line.lstrip(" \"'[(,;\t")[:1].isalpha()


def _rows(lines: list[tuple[int, str]], file: Path) -> list[list[float]]:
    """The table's numbers, ``frame, x, y, z`` a row, by the one form that fits all of its lines."""
    head = lines[0][1] if _named(lines[0][1]) else None
    body = lines[1:] if head is not None else lines
    if not body:
        raise ImagingError(
            "a head and no rows: whether nothing was drawn or the file was cut is not known. "
            "Remove the file, and name the layer under 'drawn' in pullback.json if there is none",
            file,
        )
    fitting = []
    worst: tuple[int, str] = (0, "")
    for separator in SEPARATORS:
        columns = _columns(head, separator)
        if columns is None:
            continue
        width = len(_cells(head, separator)) if head is not None else len(COLUMNS)
        for decimal in ".," if separator != "," else ".":
            rows, fault = _numbers(body, _Form(separator, columns, width, decimal))
            if not fault:
                fitting.append(rows)
            worst = max(worst, (len(rows), fault))
    distinct = [rows for k, rows in enumerate(fitting) if rows not in fitting[:k]]
    if len(distinct) > 1:
        raise ImagingError("can be read in several ways; part its cells by tabs", file)
    if not distinct:
        told = worst[1] or "its head does not name " + ", ".join(COLUMNS)
        raise ImagingError(f"not a table of 'frame x y z' in mm: {told}", file)
    return distinct[0]


def _columns(head: str | None, separator: str) -> tuple[int, int, int, int] | None:
    """Where the columns are; None where a head, so parted, does not name each of them once."""
    if head is None:
        return 0, 1, 2, 3
    names = [
        re.sub(r"[\s\[\](){}\"']+", "_", cell.lower()).strip("_")
        for cell in _cells(head, separator)
    ]
    places = [[k for k, name in enumerate(names) if name in NAMES[column]] for column in COLUMNS]
    if any(len(place) != 1 for place in places):
        return None
    frame, x, y, z = (place[0] for place in places)
    return frame, x, y, z


def _numbers(lines: list[tuple[int, str]], form: _Form) -> tuple[list[list[float]], str]:
    """The numbers of all lines; what is wrong with the first one that does not fit."""
    rows: list[list[float]] = []
    for number, line in lines:
        cells = _cells(line, form.separator)
        if len(cells) != form.width:
            return rows, f"line {number} has {len(cells)} cells, not {form.width}"
        chosen = [cells[k] for k in form.columns]
        if form.decimal == ",":
            if any("." in cell for cell in chosen):
                return rows, f"line {number} has decimal points and commas"
            chosen = [cell.replace(",", ".", 1) for cell in chosen]
        values = [as_number(cell) if NUMBER.fullmatch(cell) else None for cell in chosen]
        if None in values:
            return rows, f"line {number} holds what is no number: '{line[:40]}'"
        rows.append([value for value in values if value is not None])
    return rows, ""
