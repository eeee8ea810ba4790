"""Periods of budgets in UTC: when the one that a moment is in began, and when it ends. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from infraprism.collector import times

Period = Literal["hour", "day", "week", "month", "total"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = 1_000_000_000


def bounds(period: Period, now: int) -> tuple[int, int]:
    """First nanosecond of the period that `now` is in, and the first one after it (Unix nanoseconds).

    Weeks begin on Monday. `total` is all the time there is.
    """
    if period == "total":
        return 0, times.LATEST
    moment = datetime.fromtimestamp(now // _SECOND, UTC).replace(minute=0, second=0)
    if period == "hour":
        return _nanoseconds(moment), _nanoseconds(moment + timedelta(hours=1))
    day = moment.replace(hour=0)
    if period == "day":
        return _nanoseconds(day), _nanoseconds(day + timedelta(days=1))
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return _nanoseconds(monday), _nanoseconds(monday + timedelta(days=7))
    first = day.replace(day=1)
    return _nanoseconds(first), _nanoseconds((first + timedelta(days=31)).replace(day=1))


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1) * _SECOND
