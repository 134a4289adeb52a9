"""Tables as a report shows them, with small counts hidden on request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from calx.reasoner.cohorts.report.intervals import Share

SMALL = -1
"""In place of a count that is too small to be shown."""
WITHHELD = -2
"""In place of one that would tell a small one."""
MOST_OFF = 20
"""A share of fewer lesions than so many times the least count is not shown where counts are
rounded: rounding alone would move it by points.
"""
MOST_OWN = 4
"""The middle of fewer values than so many times the least count is somebody's own."""


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
Place: TypeAlias = tuple[int, int]
"""Row and column of a cell."""


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
        sums: places of counts that others add up to, with the places of those.
    """

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    figure: str = ""
    sums: tuple[tuple[Place, tuple[Place, ...]], ...] = ()

    def suppressed(self, least: int) -> ReportTable:
        """The same without counts of 1 to ``least - 1``. All other counts, and what shares are made
        of, are rounded. Where a sum of the table is small, or narrows what a hidden count can be,
        all that adds up to it is withheld.
        """
        if least <= 1:
            return self
        rows = [[_coarse(cell, least) for cell in row] for row in self.rows]
        while told := next(self._told(rows, least), None):
            for row, column in told:
                rows[row][column] = _withheld(rows[row][column])
        return replace(self, rows=tuple(map(tuple, rows)))

    def _told(self, rows: Sequence[Sequence[Cell]], least: int) -> Iterator[tuple[Place, ...]]:
        """The parts of sums that tell something of a hidden count."""
        for total, parts in self.sums:
            counts = [_count(rows[row][column]) for row, column in parts]
            if SMALL in counts and _narrows(_count(rows[total[0]][total[1]]), counts, least):
                yield parts


def _count(cell: Cell) -> int:
    return cell.count if isinstance(cell, Counted) else cell if isinstance(cell, int) else 0


def _ends(count: int, least: int) -> tuple[float, float]:
    """The values that a count can have which is shown as this."""
    match count:
        case 0:
            return 0, 0
        case -1:
            return 1, least - 1
        case -2:
            return 0, float("inf")
        case _:
            return max(least, count - least), count + least - 1


def _narrows(total: int, parts: Sequence[int], least: int) -> bool:
    """Whether a sum tells of a hidden part more than that it is small."""
    if total == SMALL:
        return True
    ends = [_ends(count, least) for count in parts]
    lows, highs = sum(low for low, _ in ends), sum(high for _, high in ends)
    low, high = _ends(total, least)
    return any(
        low - (highs - own[1]) > own[0] or high - (lows - own[0]) < own[1]
        for count, own in zip(parts, ends, strict=True)
        if count == SMALL
    )


def sums_of(
    columns: int, strata: Sequence[Sequence[int]] = (), rows: int = 1
) -> tuple[tuple[Place, tuple[Place, ...]], ...]:
    """The sums of a table whose second column is the total of the others, and whose first row that
    of the rows of each stratum.

    Args:
        columns: of the table, with that of names.
        strata: the rows of each.
        rows: of the table.
    """
    across = [((row, 1), tuple((row, n) for n in range(2, columns))) for row in range(rows)]
    down = [((0, n), tuple((row, n) for row in own)) for own in strata for n in range(1, columns)]
    return (*across, *down)


def rounded(count: int, least: int) -> int:
    """A count as it is shown where those below ``least`` are hidden: to multiples of twice that.
    Rounding to multiples of it would not do: of two hidden counts that make 8, each is 4.

    >>> [rounded(count, 5) for count in (0, 4, 5, 14, 15, 24)], rounded(3, 0)
    ([0, -1, 10, 10, 20, 20], 3)
    """
    if least <= 1 or not count:
        return count
    return SMALL if count < least else (count + least) // (2 * least) * 2 * least


def _coarse(cell: Cell, least: int) -> Cell:
    match cell:
        case int():
            return rounded(cell, least)
        case Share():
            return _coarse_share(cell, least)
        case Counted(share):
            return Counted(_coarse_share(share, least))
        case Spread(known):
            return cell if known >= MOST_OWN * least else None
        case _:
            return cell


def _coarse_share(share: Share, least: int) -> Share:
    """The same of rounded counts; how much fewer lesions they are worth is told roughly."""
    of = rounded(share.of, least)
    alike = round(share.of / share.worth, 1)
    hidden = of < MOST_OFF * least
    hits = rounded(share.hits, least)
    return Share(hits, of, max(1.0, of / alike), off=least if hits else 0, hidden=hidden)


def _withheld(cell: Cell) -> Cell:
    match cell:
        case int():
            return WITHHELD
        case Counted(share):
            return Counted(replace(share, hits=WITHHELD, hidden=True))
        case _:
            return cell


def shown(cell: Cell, least: int = 0) -> str:
    """A cell as text.

    >>> half = Share(50, 100, 100)
    >>> shown(12345), shown(half), shown(Counted(half)), shown(SMALL, 5), shown(None)
    ('12,345', '50.0 % (40.4–59.6)', '50 (50 %)', '< 5', '–')
    >>> [shown(Counted(Share(hits, 1000, 1000))) for hits in (0, 1, 999, 1000)]
    ['0', '1 (< 1 %)', '999 (> 99 %)', '1,000 (100 %)']
    """
    match cell:
        case None:
            return "–"
        case Counted(share):
            told = shown(share.hits, least)
            return told if share.hits <= 0 or share.is_hidden else f"{told} ({_percent(share)} %)"
        case Share() if cell.is_hidden:
            return "–"
        case Share():
            return f"{100 * cell.value:.1f} % ({100 * cell.low:.1f}–{100 * cell.high:.1f})"
        case Spread(_, low, middle, high):
            return f"{middle:g} ({low:g}–{high:g})"
        case -1:
            return f"< {least}"
        case -2:
            return "×"
        case int():
            return f"{cell:,}"
        case _:
            return str(cell)


def _percent(share: Share) -> str:
    if 0 < share.value < 0.005:
        return "< 1"
    return "> 99" if 0.995 < share.value < 1 else f"{100 * share.value:.0f}"


def count_of(cell: Cell) -> int:
    """The count of a cell, 0 where it is hidden or no count."""
    return max(0, _count(cell))


def hidden(cells: Iterable[Cell]) -> bool:
    """Whether a count is hidden among some cells."""
    return any(_count(cell) < 0 for cell in cells)
