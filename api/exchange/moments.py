"""When something was observed: the effective[x] of a FHIR resource as a stretch of time, with zones
and partial dates, so that two of them can be put in order, or not.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DATE_TIME = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<part>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
ZONES = timedelta(hours=14)
"""How far a time without a zone may lie from the same time in UTC."""
PROCEDURE = timedelta(hours=12)
"""What began to be observed further apart is not of one procedure."""
VAGUE = timedelta(days=2)
"""A stretch longer than this tells no moment."""


@dataclass(frozen=True)
class Moment:
    """A stretch of time in which something was observed.

    Attributes:
        start: its first instant, UTC where `zoned`, else local time of an unknown zone.
        end: its last one.
        zoned: a zone was told.
        text: as it was told.
    """

    start: datetime
    end: datetime
    zoned: bool
    text: str

    def before(self, other: Moment) -> bool:
        """Whether it certainly ended before another began."""
        slack = timedelta(0) if self.zoned == other.zoned else ZONES
        return self.end + slack < other.start

    def apart(self, other: Moment) -> bool:
        """Whether the two are certainly of two procedures."""
        if not (self.before(other) or other.before(self)):
            return False
        return abs(other.start - self.start) > PROCEDURE

    @property
    def vague(self) -> bool:
        """Whether it tells a month or a year rather than a day."""
        return self.end - self.start > VAGUE

    def same(self, other: Moment) -> bool:
        """Whether the two say the same."""
        return (self.start, self.end, self.zoned) == (other.start, other.end, other.zoned)


def moment_of(resource: dict[str, Any]) -> Moment | None:
    """The effective[x] of a resource; None where it has none.

    Raises:
        ValueError: it has one that tells no time.
    """
    for key in ("effectiveDateTime", "effectiveInstant"):
        if resource.get(key) is not None:
            return _of_text(resource[key])
    period, timing = resource.get("effectivePeriod"), resource.get("effectiveTiming")
    if period is not None:
        return _of_period(period)
    if timing is not None:
        if not isinstance(timing, dict):
            raise ValueError("effectiveTiming is no object")
        events = [_of_text(event) for event in timing.get("event") or ()]
        if events:
            return _around(events)
        bounds = (timing.get("repeat") or {}).get("boundsPeriod")
        if bounds is None:
            raise ValueError("effectiveTiming tells no time; give effectiveDateTime")
        return _of_period(bounds)
    return None


def _of_period(period: Any) -> Moment:
    ends = [period[key] for key in ("start", "end") if isinstance(period, dict) and period.get(key)]
    if not ends:
        raise ValueError("effectivePeriod has neither start nor end")
    found = [_of_text(end) for end in ends]
    if found[-1].before(found[0]):
        raise ValueError("effectivePeriod ends before it starts")
    return _around(found)


def _around(found: list[Moment]) -> Moment:
    if len({moment.zoned for moment in found}) > 1:
        raise ValueError("times with and without a zone in one effective[x]")
    first = min(found, key=lambda moment: moment.start)
    last = max(found, key=lambda moment: moment.end)
    text = first.text if first is last else f"{first.text} to {last.text}"
    return Moment(first.start, last.end, first.zoned, text)


def _of_text(text: Any) -> Moment:
    """A dateTime of FHIR, of any precision."""
    found = DATE_TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"'{str(text)[:40]}' is no dateTime of FHIR")
    told = {name: value for name, value in found.groupdict().items() if value is not None}
    year, month, day = (int(told.get(name, 1)) for name in ("year", "month", "day"))
    try:
        start = datetime(year, month, day, int(told.get("hour", 0)), int(told.get("minute", 0)))
        start += timedelta(seconds=float(f"{told.get('second', 0)}.{told.get('part', 0)}"))
        if "second" in told:
            end = start
        elif "hour" in told:
            end = start + timedelta(seconds=59)
        elif "day" in told:
            end = start + timedelta(days=1, microseconds=-1)
        elif "month" in told:
            end = start.replace(day=calendar.monthrange(year, month)[1]) + timedelta(
                days=1, microseconds=-1
            )
        else:
            end = datetime(year, 12, 31, 23, 59, 59)
        zone = told.get("zone")
        if zone is not None:
            shift = _shift(zone)
            start, end = ((moment - shift).replace(tzinfo=UTC) for moment in (start, end))
        else:
            start, end = (moment.replace(tzinfo=UTC) for moment in (start, end))
    except (ValueError, OverflowError):
        raise ValueError(f"'{str(text)[:40]}' is no dateTime of FHIR") from None
    return Moment(start, end, zone is not None, text)


def _shift(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta(0)
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError
    return (1 if zone[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes)
