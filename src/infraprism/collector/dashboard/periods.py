"""The stretch of time and the time zone that a page's address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

DEFAULT_DAYS: Final = 30
#: What the page offers in one click.
OFFERED_DAYS: Final = (1, 7, 30, 90, 365)
#: Set by the page's script to the browser's own zone.
ZONE_COOKIE: Final = "infraprism_time_zone"
_MOST_DAYS: Final = 3660


@dataclass(frozen=True)
class Period:
    """Whole days in a zone; `last` is the last day that belongs to it."""

    first: date
    last: date
    zone: tzinfo
    #: The zone's name, as the API takes it.
    zone_name: str
    #: None where the days were named one by one.
    days: int | None
    #: Whether the visitor or the browser has said which zone.
    is_zone_chosen: bool
    #: One sentence for each parameter that could not be used.
    problems: tuple[str, ...] = ()

    @property
    def parameters(self) -> list[tuple[str, str | None]]:
        """The period for a question to the API that is cut by day."""
        return [*self.bounds, ("time_zone", self.zone_name)]

    @property
    def bounds(self) -> list[tuple[str, str | None]]:
        """The period for a question to the API about sessions."""
        return [("start_date", self._at(self.first)), ("end_date", self._at(self.last + timedelta(days=1)))]

    def _at(self, day: date) -> str:
        moment = datetime.combine(day, time(), self.zone).astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def read(query: Mapping[str, str], cookies: Mapping[str, str], now: datetime) -> Period:
    """The period of a page's address. What cannot be used is told, and the default is used."""
    problems: list[str] = []
    asked = query.get("time_zone", "").strip()
    zone_name = asked or unquote(cookies.get(ZONE_COOKIE, "")) or "UTC"
    zone = _zone(zone_name)
    if zone is None:
        if asked:
            problems.append("The time zone must be a name such as Europe/Berlin; times are shown in UTC.")
        zone_name = "UTC"
    found = zone or UTC
    first, last, days, problem = _days(query, now.astimezone(found).date())
    if problem:
        problems.append(problem)
    is_chosen = zone is not None and bool(asked or cookies.get(ZONE_COOKIE))
    return Period(first, last, found, zone_name, days, is_chosen, tuple(problems))


def _days(query: Mapping[str, str], today: date) -> tuple[date, date, int | None, str | None]:
    """First day, last day, their number unless they were named, and what could not be used."""
    default = (today - timedelta(days=DEFAULT_DAYS - 1), today, DEFAULT_DAYS)
    if text := query.get("days", ""):
        if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _MOST_DAYS:
            return today - timedelta(days=int(text) - 1), today, int(text), None
        return *default, f"The number of days must be from 1 to {_MOST_DAYS}; {DEFAULT_DAYS} are shown."
    if not (query.get("start_date") or query.get("end_date")):
        return *default, None
    try:
        last = _day(query.get("end_date")) or today
        first = _day(query.get("start_date")) or last - timedelta(days=DEFAULT_DAYS - 1)
        if first > last:
            raise ValueError
    except (ValueError, OverflowError):
        return *default, "The dates must be two days such as 2025-01-31, the earlier one first."
    return first, last, None, None


def _day(text: str | None) -> date | None:
    if not text:
        return None
    day = date.fromisoformat(text)
    if not 1970 <= day.year <= 9000:
        raise ValueError
    return day


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not a name, a name of a folder, not known here
        return None
