"""Dates and time zones as Unix nanoseconds: the period of a question, and the edges that cut it. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal, NamedTuple

from infraprism.collector import times
from infraprism.collector.problems import Problem

Interval = Literal["hour", "day", "month"]

#: Buckets that one answer has at most.
MAX_BUCKETS: Final = 10_000
DEFAULT_DAYS: Final = 30
_SECOND: Final = 1_000_000_000
_HOUR: Final = 3600 * _SECOND
_DAY: Final = 24 * _HOUR
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Dates between which every time zone has its midnight in Python's own range.
_FIRST: Final = date(1970, 1, 1)
_LAST: Final = date(2262, 4, 1)


class Period(NamedTuple):
    """Unix nanoseconds; the end is the first that does not count."""

    since: int
    until: int

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        return Period(2 * self.since - self.until, self.since)


def since(text: str, zone: tzinfo = UTC) -> int:
    """The first moment of a date, or a time; never before 1970."""
    return max(_midnight(date.fromisoformat(text), zone) if _is_date(text) else _nanoseconds(text), 0)


def until(text: str, zone: tzinfo = UTC) -> int:
    """The first moment after a date, or a time."""
    if not _is_date(text):
        return max(_nanoseconds(text), 0)
    day = date.fromisoformat(text)
    return times.LATEST if day >= _LAST else max(_midnight(day + timedelta(days=1), zone), 0)


def period(start_date: str | None, end_date: str | None, zone: tzinfo, now: int) -> Period:
    """The period that is asked for; by default the last 30 days, up to `now`. Raises `Problem`."""
    end = min(now if end_date is None else until(end_date, zone), _midnight(_LAST, UTC))
    begin = max(end - DEFAULT_DAYS * _DAY, 0) if start_date is None else since(start_date, zone)
    if begin >= end:
        name = "start_date" if end_date is None else "end_date"
        raise Problem(400, "end_date must be later than start_date", parameter=name)
    return Period(begin, end)


def edges(cut: Period, interval: Interval, zone: tzinfo) -> list[int]:
    """The edges of the hours, days or months of `zone` that hold the period. Raises `Problem` for too many.

    Days are as long as their time zone has them. The hours of a day count from its midnight.
    """
    length = {"hour": _HOUR, "day": _DAY, "month": 28 * _DAY}[interval]
    if (cut.until - cut.since) // length > MAX_BUCKETS:
        raise Problem(
            400, f"more than {MAX_BUCKETS} times; ask for less, or cut it coarser", parameter="interval"
        )
    day = _day(cut.since, zone)
    if interval == "month":
        day = day.replace(day=1)
    found: list[int] = []
    while not found or found[-1] < cut.until:  # hours are added by the day, up to its last
        following = _following(day, interval)
        begin, end = _midnight(day, zone), _midnight(following, zone)
        if interval == "hour":
            found += range(begin, end, _HOUR)
        else:
            found.append(begin)
        day = following
    first = max((n for n, edge in enumerate(found) if edge <= cut.since), default=0)
    last = next(n for n, edge in enumerate(found) if edge >= cut.until)
    return found[first : last + 1]


def _following(day: date, interval: Interval) -> date:
    if interval != "month":
        return day + timedelta(days=1)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _day(at: int, zone: tzinfo) -> date:
    return (_EPOCH + timedelta(seconds=at // _SECOND)).astimezone(zone).date()


def _midnight(day: date, zone: tzinfo) -> int:
    """When `day` begins; where clocks skip midnight, when they do."""
    if day < _FIRST - timedelta(days=1):
        return 0
    local = datetime(*min(day, _LAST + timedelta(days=1)).timetuple()[:3], tzinfo=zone)
    return int((local.astimezone(UTC) - _EPOCH) // timedelta(seconds=1)) * _SECOND


def _is_date(text: str) -> bool:
    return len(text) == len("2025-01-01")


def _nanoseconds(text: str) -> int:
    found = times.nanoseconds(text)
    assert found is not None  # it was read before
    return found
