"""Tables as a report shows them, with small cells hidden on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

SMALL = -1
"""In place of a count that is too small to be shown."""
WITHHELD = -2
"""In place of one that would tell the small one."""
HIDDEN = (SMALL, WITHHELD)


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, each 0 to 1."""

    value: float
    low: float
    high: float


Cell = str | int | float | Share | None


@dataclass(frozen=True)
class ReportTable:
    """One table.

    Attributes:
        key: its name in files.
        title: for people.
        head: of the columns; the first names the row.
        rows: the cells; whole numbers are counts of lesions, a `Share` is of the last count before
            it.
        note: what to mind.
        figure: the name of its picture, without ending; empty for none.
    """

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    figure: str = ""
    others: tuple[str, ...] = field(default=())
    """Names of further pictures."""

    def suppressed(self, least: int) -> ReportTable:
        """The same without counts of 1 to ``least - 1``. Where one count of a row is hidden, the
        next smallest is withheld with it, so that the total does not tell it; so are its shares.
        """
        if least <= 1:
            return self
        return replace(self, rows=tuple(_hidden(row, least) for row in self.rows))


def _hidden(row: Sequence[Cell], least: int) -> tuple[Cell, ...]:
    counts = {place: cell for place, cell in enumerate(row) if isinstance(cell, int)}
    small = [place for place, count in counts.items() if 0 < count < least]
    if not small:
        return tuple(row)
    gone: list[Cell] = [None if isinstance(cell, Share | float) else cell for cell in row]
    for place in small:
        gone[place] = SMALL
    others = [place for place, count in counts.items() if count >= least]
    if len(small) == 1 and len(counts) > 2 and others:
        gone[min(others, key=lambda place: counts[place])] = WITHHELD
    return tuple(gone)


def shown(cell: Cell, least: int = 0) -> str:
    """A cell as text.

    >>> shown(12345), shown(Share(0.5, 0.4, 0.6)), shown(SMALL, 5), shown(WITHHELD), shown(None)
    ('12,345', '50.0 % (40.0–60.0)', '< 5', '×', '–')
    """
    match cell:
        case None:
            return "–"
        case Share(value, low, high):
            return f"{100 * value:.1f} % ({100 * low:.1f}–{100 * high:.1f})"
        case int() if cell == SMALL:
            return f"< {least}"
        case int() if cell == WITHHELD:
            return "×"
        case int():
            return f"{cell:,}"
        case float():
            return f"{cell:.3g}"
        case _:
            return str(cell)
