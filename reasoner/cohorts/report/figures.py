"""The pictures of a report: vectors that read in print, told apart by hatching and numbers, not by
colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.tables import HIDDEN, ReportTable, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "ooo", "---")
GREYS = ("#1f4e79", "#d6e4f0", "#8fb3d1", "#f2f2f2", "#4d4d4d", "#c4c4c4", "#eaf3e6", "#a3a3a3")
MOST_BARS = 40
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "sans-serif")

Draw = Callable[["Axes", ReportTable], None]


def figure(table: ReportTable) -> str | None:
    """The picture of a table as SVG; None where it has none."""
    draw = _drawing(table)
    if draw is None or not table.rows:
        return None
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": table.key,
        "font.family": list(FONTS),
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "hatch.linewidth": 0.6,
    }
    with pyplot.rc_context(settings):
        tall = 1.6 + 0.24 * min(len(table.rows), MOST_BARS)
        shape, axes = pyplot.subplots(figsize=(7.4, max(2.4, tall)), layout="constrained")
        try:
            draw(axes, table)
            text = StringIO()
            shape.savefig(text, format="svg", metadata={"Date": None, "Title": table.title})
        finally:
            pyplot.close(shape)
    return text.getvalue()


def _drawing(table: ReportTable) -> Draw | None:
    if table.figure in ("completeness", "resting-on-facts"):
        return _bars
    if table.figure == "concordance":
        return _intervals
    if table.figure == "funnel":
        return _funnel
    if table.figure.startswith(("shift-", "misread")):
        return _matrix
    if table.figure in ("", "flow"):
        return None
    return _stacked


def _count(cell: object) -> int:
    return cell if isinstance(cell, int) and cell not in HIDDEN else 0


def _bars(axes: Axes, table: ReportTable) -> None:
    """A share a row."""
    rows = [row for row in table.rows if isinstance(row[-1], Share)][:MOST_BARS]
    names = [str(row[0]) for row in rows]
    shares = [100 * row[-1].value for row in rows if isinstance(row[-1], Share)]
    places = [*range(len(rows))]
    axes.barh(places, shares, color=GREYS[2], edgecolor="#333333", linewidth=0.4)
    for place, share in zip(places, shares, strict=True):
        axes.text(share + 0.8, place, f"{share:.1f}", va="center", fontsize=7.5)
    axes.set_yticks(places, names, fontsize=7.5)
    axes.invert_yaxis()
    axes.set_xlim(0, max([*shares, 1]) * 1.12)
    axes.set_xlabel("%")


def _stacked(axes: Axes, table: ReportTable) -> None:
    """Of each row the shares of its counts."""
    rows = [row for row in table.rows if _count(row[1])][:MOST_BARS]
    names = [f"{row[0]} (n = {_count(row[1]):,})" for row in rows]
    places, left = [*range(len(rows))], [0.0] * len(rows)
    for number, label in enumerate(table.head[2:]):
        shares = [100 * _count(row[2 + number]) / _count(row[1]) for row in rows]
        colour, hatch = GREYS[number % len(GREYS)], HATCHES[number % len(HATCHES)]
        axes.barh(
            places,
            shares,
            left=left,
            label=label,
            color=colour,
            hatch=hatch,
            edgecolor="#333333",
            linewidth=0.4,
        )
        for place, share in zip(places, shares, strict=True):
            if share >= 7:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
                middle = left[place] + share / 2
                axes.text(
                    middle, place, f"{share:.0f}", ha="center", va="center", fontsize=7, bbox=box
                )
        left = [one + share for one, share in zip(left, shares, strict=True)]
    axes.set_yticks(places, names, fontsize=7.5)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=7.5, frameon=False)


def _matrix(axes: Axes, table: ReportTable) -> None:
    """From the rows to the columns, each row out of 100."""
    counts = [[_count(cell) for cell in row[1:]] for row in table.rows]
    shares = [[cell / (sum(row) or 1) for cell in row] for row in counts]
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.6, aspect="auto")
    for down, row in enumerate(counts):
        for along, count in enumerate(row):
            hidden = table.rows[down][1 + along] in HIDDEN
            share = f"\n{100 * shares[down][along]:.1f} %" if count else ""
            told = "×" if hidden else f"{count:,}{share}"
            weight = "bold" if down == along else "normal"
            axes.text(along, down, told, ha="center", va="center", fontsize=7.5, fontweight=weight)
    axes.set_xticks(
        range(len(table.head) - 1),
        [_folded(name, 100 // len(table.head)) for name in table.head[1:]],
        fontsize=7,
    )
    axes.set_yticks(range(len(counts)), [_folded(str(row[0])) for row in table.rows], fontsize=7)
    axes.xaxis.tick_top()


def _intervals(axes: Axes, table: ReportTable) -> None:
    rows = [(str(row[0]), row[-1]) for row in table.rows if isinstance(row[-1], Share)]
    for place, (_, share) in enumerate(rows):
        axes.plot([100 * share.low, 100 * share.high], [place, place], color="black", lw=1.2)
        axes.plot([100 * share.value], [place], "s", color=GREYS[0], ms=5)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.margins(y=0.4)
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")


def _funnel(axes: Axes, table: ReportTable) -> None:
    """Sites by their number of lesions, with limits about the share of all."""
    points = [(str(row[0]), _count(row[1]), _count(row[2])) for row in table.rows if _count(row[1])]
    if not points:
        return
    mean = sum(hits for *_, hits in points) / sum(of for _, of, _ in points)
    most = max(of for _, of, _ in points)
    sizes = [max(1.0, most * step / 120) for step in range(1, 127)]
    for wide, style in ((intervals.WIDE, "--"), (intervals.FAR, "-")):
        limits = [intervals.wilson(mean, size, wide) for size in sizes]
        for side in ([100 * one.low for one in limits], [100 * one.high for one in limits]):
            axes.plot(sizes, side, style, color="#555555", lw=0.9)
    axes.axhline(100 * mean, color="#333333", lw=0.8)
    axes.plot(
        [of for _, of, _ in points],
        [100 * h / of for _, of, h in points],
        "o",
        color=GREYS[0],
        ms=4,
    )
    for name, of, hits in points:
        axes.annotate(
            name, (of, 100 * hits / of), xytext=(3, 3), textcoords="offset points", fontsize=6
        )
    shares = [100 * hits / of for _, of, hits in points]
    axes.set_ylim(max(0, min(shares) - 15), min(100, max(shares) + 15))
    axes.set_xlabel(table.head[1])
    axes.set_ylabel("%")


def _folded(name: str, wide: int = 18) -> str:
    """A name on several lines."""
    lines: list[str] = [""]
    for word in name.split():
        if len(lines[-1]) + len(word) > wide and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def all_figures(tables: Sequence[ReportTable]) -> dict[str, str]:
    """The pictures of some tables, by name."""
    found = {table.figure: figure(table) for table in tables if table.figure}
    return {name: text for name, text in found.items() if text}
