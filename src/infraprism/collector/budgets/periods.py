"""Periods of budgets in UTC: when the one that a moment is in began, and when it ends. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from infraprism.collector import times

Period = Literal["hour", "day", "week", "month", "total"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)

_SECOND: Final = 1_000_000_000


def bounds(period: Period, now: int) -> tuple[int, int]:
    """First nanosecond of the period that `now` is in, and the first one after it (Unix nanoseconds).

    Weeks begin on Monday. `total` is all the time there is.
    """
    if period == "total":
        return 0, times.LATEST
    moment = datetime.fromtimestamp(now // _SECOND, UTC).replace(minute=0, second=0)
    if period == "hour":
        return times.of(moment), times.of(moment + timedelta(hours=1))
    day = moment.replace(hour=0)
    if period == "day":
        return times.of(day), times.of(day + timedelta(days=1))
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return times.of(monday), times.of(monday + timedelta(days=7))
    first = day.replace(day=1)
    return times.of(first), times.of((first + timedelta(days=31)).replace(day=1))
