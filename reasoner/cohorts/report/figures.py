"""The pictures of a report: vectors that read in print, told apart by hatching and numbers, not by
colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.intervals import Share
from calx.reasoner.cohorts.report.tables import Counted, ReportTable, count_of, hidden

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "ooo", "---")
GREYS = ("#1f4e79", "#d6e4f0", "#8fb3d1", "#f2f2f2", "#4d4d4d", "#c4c4c4", "#eaf3e6", "#a3a3a3")
SIGNS = ("s", "o", "^", "D")
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
        tall = 1.6 + (0.24 if draw is not _compared else 0.4) * len(table.rows)
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
        return _compared
    if table.figure == "funnel":
        return _funnel
    if table.figure.startswith(("shift-", "misread")):
        return _matrix
    if table.figure in ("", "flow"):
        return None
    return _stacked


def _bars(axes: Axes, table: ReportTable) -> None:
    """The first share of each row as a bar, the last as a mark where it is another."""
    rows = [(str(row[0]), [cell for cell in row if isinstance(cell, Share)]) for row in table.rows]
    rows = [(name, shares) for name, shares in rows if shares]
    places = [*range(len(rows))]
    first = [100 * shares[0].value for _, shares in rows]
    axes.barh(places, first, color=GREYS[2], edgecolor="#333333", linewidth=0.4)
    marks = [100 * shares[-1].value if len(shares) > 1 else None for _, shares in rows]
    for place, share, mark in zip(places, first, marks, strict=True):
        end = max(share, mark or 0)
        told = f"{share:.1f}" if mark is None else f"{share:.1f}  ({mark:.1f})"
        axes.text(end + 1.2, place, told, va="center", fontsize=7.5)
    there = [(mark, place) for mark, place in zip(marks, places, strict=True) if mark is not None]
    if there:
        axes.plot(*zip(*there, strict=True), "D", color="black", ms=3.5, ls="none")
        shares_of = [name for place, name in enumerate(table.head) if _is_share(table, place)]
        axes.barh([0], [0], color=GREYS[2], edgecolor="#333333", label=shares_of[0])
        axes.plot([], [], "D", color="black", ms=3.5, ls="none", label=shares_of[-1])
        _legend(axes, 1)
    axes.set_yticks(places, [name for name, _ in rows], fontsize=7.5)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlim(0, max([*first, *(mark or 0 for mark in marks), 1]) * 1.16)
    axes.set_xlabel("%")


def _is_share(table: ReportTable, place: int) -> bool:
    return any(isinstance(row[place], Share) for row in table.rows)


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        fontsize=7.5,
        frameon=False,
    )


def _stacked(axes: Axes, table: ReportTable) -> None:
    """Of each row the shares of its counts; what is hidden is a part of its own."""
    rows = [row for row in table.rows if count_of(row[1])]
    names = [f"{row[0]} (n = {count_of(row[1]):,})" for row in rows]
    counts = [[count_of(cell) for cell in row[2:]] for row in rows]
    whole = [max(count_of(row[1]), sum(own)) for row, own in zip(rows, counts, strict=True)]
    labels = [*table.head[2:]]
    if any(hidden(row) for row in rows):
        labels.append("…")
        gone = zip(rows, counts, whole, strict=True)
        counts = [[*own, all_ - sum(own) if hidden(row) else 0] for row, own, all_ in gone]
    places, left = [*range(len(rows))], [0.0] * len(rows)
    for number, label in enumerate(labels):
        shares = [100 * own[number] / all_ for own, all_ in zip(counts, whole, strict=True)]
        colour = GREYS[(number + 3 * (number // len(GREYS))) % len(GREYS)]
        hatch = HATCHES[number % len(HATCHES)]
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
    counts = [[count_of(cell) for cell in row[1:]] for row in table.rows]
    shares = [[cell / (sum(row) or 1) for cell in row] for row in counts]
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.6, aspect="auto")
    for down, row in enumerate(counts):
        for along, count in enumerate(row):
            share = f"\n{100 * shares[down][along]:.1f} %" if count else ""
            told = "<" if hidden([table.rows[down][1 + along]]) else f"{count:,}{share}"
            weight = "bold" if down == along else "normal"
            axes.text(along, down, told, ha="center", va="center", fontsize=7.5, fontweight=weight)
    axes.set_xticks(
        range(len(table.head) - 1),
        [_folded(name, 100 // len(table.head)) for name in table.head[1:]],
        fontsize=7,
    )
    axes.set_yticks(range(len(counts)), [_folded(str(row[0])) for row in table.rows], fontsize=7)
    axes.xaxis.tick_top()


def _compared(axes: Axes, table: ReportTable) -> None:
    """Of each row the shares with their intervals, a sign a column."""
    rows = [row for row in table.rows if count_of(row[1])]
    places = [n for n in range(len(table.head)) if any(isinstance(row[n], Counted) for row in rows)]
    for number, column in enumerate(places):
        sign, shift = SIGNS[number % len(SIGNS)], 0.26 * (number - (len(places) - 1) / 2)
        points = [(down + shift, row[column]) for down, row in enumerate(rows)]
        for down, cell in points:
            if isinstance(cell, Counted) and not cell.share.is_hidden:
                share = cell.share
                axes.plot([100 * share.low, 100 * share.high], [down, down], color="black", lw=0.9)
                axes.plot([100 * share.value], [down], sign, color=GREYS[0], ms=4.5)
        axes.plot([], [], sign, color=GREYS[0], ls="none", label=table.head[column])
    names = [f"{row[0]} (n = {count_of(row[1]):,})" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=7.5)
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xlim(0, 100)
    axes.set_xlabel("%")
    axes.figure.legend(loc="outside lower center", ncols=1, fontsize=7.5, frameon=False)


def _funnel(axes: Axes, table: ReportTable) -> None:
    """Sites by their number of lesions, with the limits of chance about the share of all. A site
    whose share is not shown in the table is not in the picture.
    """
    *rows, whole = table.rows
    all_ = whole[3]
    points = [
        (str(row[0]), row[3]) for row in rows if isinstance(row[3], Share) and not row[3].is_hidden
    ]
    if not points or not isinstance(all_, Share) or all_.is_hidden:
        return
    most = max(share.of for _, share in points)
    sizes = sorted({max(1, round(most * step / 150)) for step in range(1, 159)})
    for wide, style in ((intervals.WIDE, "--"), (intervals.FAR, "-")):
        limits = [intervals.expected(all_.value, size, wide) for size in sizes]
        for side in (0, 1):
            ends = [100 * limit[side] / n for limit, n in zip(limits, sizes, strict=True)]
            axes.plot(sizes, ends, style, color="#555555", lw=0.9)
    axes.axhline(100 * all_.value, color="#333333", lw=0.8)
    shares = [100 * share.value for _, share in points]
    axes.plot([share.of for _, share in points], shares, "o", color=GREYS[0], ms=4)
    for name, share in points:
        place = (share.of, 100 * share.value)
        axes.annotate(name, place, xytext=(3, 3), textcoords="offset points", fontsize=6)
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
