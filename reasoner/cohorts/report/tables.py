"""Tables as a report shows them, with small counts hidden on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from calx.reasoner.cohorts.report.intervals import Share

SMALL = -1
"""In place of a count that is too small to be shown."""


@dataclass(frozen=True)
class Spread:
    """Of some known values the middle one and the quartiles."""

    known: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Counted:
    """A count with its share of the lesions that are looked at."""

    share: Share

    @property
    def count(self) -> int:
        return self.share.hits


Cell: TypeAlias = str | int | Share | Counted | Spread | None


@dataclass(frozen=True)
class ReportTable:
    """One table.

    Attributes:
        key: its name in files.
        title: for people.
        head: of the columns; the first names the row.
        rows: the cells; whole numbers are counts of lesions.
        note: what to mind.
        figure: the name of its picture, without ending; empty for none.
    """

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    figure: str = ""

    def suppressed(self, least: int) -> ReportTable:
        """The same without counts of 1 to ``least - 1``. All other counts, and what shares are made
        of, are rounded, so that a sum or difference of two does not tell a small one. Where a row
        or a column has nothing but small counts, its zeros are hidden with them.
        """
        if least <= 1:
            return self
        rows = [[_coarse(cell, least) for cell in row] for row in self.rows]
        small = [_all_small([row[n] for row in rows]) for n in range(len(self.head))]
        hidden = []
        for row in rows:
            whole = _all_small(row)
            cells = zip(row, small, strict=True)
            hidden.append(tuple(_hidden(cell) if whole or of else cell for cell, of in cells))
        return replace(self, rows=tuple(hidden))


def rounded(count: int, least: int) -> int:
    """A count as it is shown where those below ``least`` are hidden: to multiples of twice that.
    Rounding to multiples of it would not do: of two hidden counts that make 8, each is 4.

    >>> [rounded(count, 5) for count in (0, 4, 5, 14, 15, 24)], rounded(3, 0)
    ([0, -1, 10, 10, 20, 20], 3)
    """
    if least <= 1 or not count:
        return count
    return SMALL if count < least else (count + least) // (2 * least) * 2 * least


def _all_small(cells: Sequence[Cell]) -> bool:
    """Whether of some counts one is hidden and none is more."""
    counts = [cell.count if isinstance(cell, Counted) else cell for cell in cells]
    numbers = [count for count in counts if isinstance(count, int)]
    return SMALL in numbers and max(numbers) <= 0


def _hidden(cell: Cell) -> Cell:
    """A cell without its zero, which would tell something about those beside it."""
    match cell:
        case int() | Counted():
            return SMALL
        case Share():
            return None
        case _:
            return cell


def _coarse(cell: Cell, least: int) -> Cell:
    match cell:
        case int():
            return rounded(cell, least)
        case Share():
            share = _coarse_share(cell, least)
            return None if SMALL in (share.hits, share.of) else share
        case Counted(share):
            return Counted(_coarse_share(share, least))
        case Spread(known):
            return cell if known >= least else None
        case _:
            return cell


def _coarse_share(share: Share, least: int) -> Share:
    worth = 2 * least * max(1, round(share.worth / (2 * least)))
    return Share(rounded(share.hits, least), rounded(share.of, least), worth)


def shown(cell: Cell, least: int = 0) -> str:
    """A cell as text.

    >>> half = Share(50, 100, 100)
    >>> shown(12345), shown(half), shown(Counted(half)), shown(SMALL, 5), shown(None)
    ('12,345', '50.0 % (40.4–59.6)', '50 (50 %)', '< 5', '–')
    """
    match cell:
        case None:
            return "–"
        case Counted(share):
            told = shown(share.hits, least)
            return f"{told} ({100 * share.value:.0f} %)" if share.hits > 0 < share.of else told
        case Share():
            return f"{100 * cell.value:.1f} % ({100 * cell.low:.1f}–{100 * cell.high:.1f})"
        case Spread(_, low, middle, high):
            return f"{middle:g} ({low:g}–{high:g})"
        case int():
            return f"< {least}" if cell == SMALL else f"{cell:,}"
        case _:
            return str(cell)


def count_of(cell: Cell) -> int:
    """The count of a cell, 0 where it is hidden or no count."""
    match cell:
        case Counted(share):
            return max(0, share.hits)
        case int():
            return max(0, cell)
        case _:
            return 0
