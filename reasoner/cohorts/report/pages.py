"""A report as a page, as Markdown and as CSV tables, each with the guideline's digest."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import StringIO

from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.tables import Cell, Counted, ReportTable, Spread, shown

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.85rem; }
div.wide { overflow-x: auto; }
th, td { padding: 0.15rem 0.6rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child, td.words { text-align: left; }
thead th { vertical-align: bottom; border-bottom: 2px solid #888; }
figure { margin: 1rem 0; background: white; padding: 0.3rem; }
figure svg { max-width: 100%; height: auto; }
p.note, footer { font-size: 0.85rem; opacity: 0.85; }
p.mark { border: 2px solid; padding: 0.4rem 0.8rem; font-weight: 600; }
@media print { body { margin: 0; max-width: none; } h2, figure { break-inside: avoid; } }
"""


def html(
    title: str,
    lead: Sequence[str],
    mark: str,
    tables: Sequence[ReportTable],
    figures: Mapping[str, str],
    foot: str,
    least: int,
    language: str,
) -> str:
    """The page: one file, its pictures within."""
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *([f'<p class="mark">{escape(mark)}</p>'] if mark else []),
        *(f"<p>{escape(line)}</p>" for line in lead),
        "<nav><ol>",
        *(f'<li><a href="#{one.key}">{escape(one.title)}</a></li>' for one in tables),
        "</ol></nav>",
    ]
    for one in tables:
        parts.append(f'<section id="{one.key}"><h2>{escape(one.title)}</h2>')
        if one.figure in figures:
            svg = re.sub(r"^.*?(?=<svg)", "", figures[one.figure], flags=re.DOTALL)
            svg = _own_ids(svg, one.key)
            parts.append(f'<figure role="img" aria-label="{escape(one.title)}">{svg}</figure>')
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in one.head)
        parts.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>')
        for row in one.rows:
            first, *rest = row
            cells = "".join(_td(cell, least) for cell in rest)
            name = escape(shown(first, least))
            parts.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
        parts.append("</tbody></table></div>")
        if one.note:
            parts.append(f'<p class="note">{escape(one.note)}</p>')
        parts.append("</section>")
    parts.append(f"<footer><p>{escape(foot)}</p></footer></body></html>")
    return "\n".join(parts)


def _td(cell: Cell, least: int) -> str:
    """A cell; one that has an interval to show shows it where it is pointed at."""
    if isinstance(cell, Counted) and not cell.share.is_hidden:
        return f'<td title="{escape(shown(cell.share, least))}">{escape(shown(cell, least))}</td>'
    words = ' class="words"' if isinstance(cell, str) else ""
    return f"<td{words}>{escape(shown(cell, least))}</td>"


def _own_ids(svg: str, key: str) -> str:
    """Names within a picture that no other picture of the page has."""
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", svg)


def markdown(
    title: str,
    lead: Sequence[str],
    mark: str,
    tables: Sequence[ReportTable],
    figures: Mapping[str, str],
    foot: str,
    least: int,
) -> str:
    """The same as Markdown; pictures lie beside it."""
    lines = [f"# {title}", "", *([f"**{mark}**", ""] if mark else [])]
    for line in lead:
        lines += [_cell(line), ""]
    for one in tables:
        lines += [f"## {_cell(one.title)}", ""]
        if one.figure in figures:
            lines += [f"![{_cell(one.title)}](figures/{one.figure}.svg)", ""]
        lines.append("| " + " | ".join(_cell(name) for name in one.head) + " |")
        lines.append("|" + " --- |" * len(one.head))
        lines += ["| " + " | ".join(_cell(shown(c, least)) for c in row) + " |" for row in one.rows]
        lines += ["", *([_cell(one.note), ""] if one.note else [])]
    return "\n".join([*lines, foot, ""])


def _cell(text: str) -> str:
    """Text in a Markdown table, as text."""
    return re.sub(r"([\\|<>&*_`\[\]])", r"\\\1", text.replace("\n", " "))


def as_csv(table: ReportTable, foot: str, least: int) -> str:
    """One table, its shares as three numbers; the last line says where it is from."""
    text = StringIO()
    writer = csv.writer(text)
    kinds = [_kind(row[n] for row in table.rows) for n in range(len(table.head))]
    head: list[str] = []
    for name, kind in zip(table.head, kinds, strict=True):
        head += [f"{name}{more}" for more in COLUMNS[kind]]
    writer.writerow(map(_harmless, head))
    for row in table.rows:
        cells: list[str] = []
        for cell, kind in zip(row, kinds, strict=True):
            told = _plain(cell, least)
            cells += told + [""] * (len(COLUMNS[kind]) - len(told))
        writer.writerow(cells)
    writer.writerow([f"# {foot}"])
    return text.getvalue()


INTERVAL = (" low", " high")
COLUMNS: dict[type, tuple[str, ...]] = {
    Counted: ("", " share", *INTERVAL),
    Share: ("", *INTERVAL),
    Spread: (" middle", " quartile 1", " quartile 3"),
    str: ("",),
}
"""The columns that a cell takes."""


def _kind(cells: Iterable[Cell]) -> type:
    """The kind of cells that takes most columns."""
    kinds = {type(cell) for cell in cells}
    return next((kind for kind in COLUMNS if kind in kinds), str)


def _plain(cell: Cell, least: int) -> list[str]:
    match cell:
        case None:
            return [""]
        case str():
            return [_harmless(cell)]
        case Counted(share):
            count = shown(share.hits, least).replace(",", "")
            return [count, *_plain(share, least)]
        case Share() if cell.is_hidden:
            return []
        case Share():
            return [f"{cell.value:.6f}", f"{cell.low:.6f}", f"{cell.high:.6f}"]
        case Spread(_, low, middle, high):
            return [f"{middle:g}", f"{low:g}", f"{high:g}"]
        case _:
            return [shown(cell, least).replace(",", "")]


def _harmless(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
