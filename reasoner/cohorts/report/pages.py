"""A report as a page, as Markdown and as CSV tables, each with the guideline's digest."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO

from calx.reasoner.cohorts.report.tables import Cell, ReportTable, Share, shown

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.85rem; }
div.wide { overflow-x: auto; }
th, td { padding: 0.15rem 0.6rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; }
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
            first, *rest = (escape(shown(cell, least)) for cell in row)
            cells = "".join(f"<td>{cell}</td>" for cell in rest)
            parts.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
        parts.append("</tbody></table></div>")
        if one.note:
            parts.append(f'<p class="note">{escape(one.note)}</p>')
        parts.append("</section>")
    parts.append(f"<footer><p>{escape(foot)}</p></footer></body></html>")
    return "\n".join(parts)


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
        lines += [line, ""]
    for one in tables:
        lines += [f"## {one.title}", ""]
        if one.figure in figures:
            lines += [f"![{one.title}](figures/{one.figure}.svg)", ""]
        lines.append("| " + " | ".join(_cell(name) for name in one.head) + " |")
        lines.append("|" + " --- |" * len(one.head))
        lines += ["| " + " | ".join(_cell(shown(c, least)) for c in row) + " |" for row in one.rows]
        lines += ["", *([one.note, ""] if one.note else [])]
    return "\n".join([*lines, foot, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def as_csv(table: ReportTable, foot: str, least: int) -> str:
    """One table, its shares as three numbers; the last line says where it is from."""
    text = StringIO()
    writer = csv.writer(text)
    wide = [any(isinstance(row[n], Share) for row in table.rows) for n in range(len(table.head))]
    head: list[str] = []
    for name, is_share in zip(table.head, wide, strict=True):
        head += [name, f"{name} 95 % low", f"{name} 95 % high"] if is_share else [name]
    writer.writerow(head)
    for row in table.rows:
        cells: list[str] = []
        for cell, is_share in zip(row, wide, strict=True):
            cells += _plain(cell, is_share, least)
        writer.writerow(cells)
    writer.writerow([f"# {foot}"])
    return text.getvalue()


def _plain(cell: Cell, is_share: bool, least: int) -> list[str]:
    if isinstance(cell, Share):
        return [f"{cell.value:.6f}", f"{cell.low:.6f}", f"{cell.high:.6f}"]
    told = "" if cell is None else shown(cell, least).replace(",", "")
    return [told, "", ""] if is_share else [told if not isinstance(cell, str) else cell]
