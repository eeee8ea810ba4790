"""The stretch of time that a page's address asks for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from infraprism.collector.dashboard import periods

NOW = datetime(2026, 3, 29, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "first", "last", "days"),
    [
        ({}, date(2026, 2, 28), date(2026, 3, 29), 30),
        ({"days": "1"}, date(2026, 3, 29), date(2026, 3, 29), 1),
        ({"start_date": "2026-01-01", "end_date": "2026-01-31"}, date(2026, 1, 1), date(2026, 1, 31), None),
        ({"start_date": "2026-03-01"}, date(2026, 3, 1), date(2026, 3, 29), None),
        ({"end_date": "2026-03-01"}, date(2026, 1, 31), date(2026, 3, 1), None),
    ],
)
def test_days(query: dict[str, str], first: date, last: date, days: int | None) -> None:
    period = periods.read(query, {}, NOW)
    assert (period.first, period.last, period.days, period.problems) == (first, last, days, ())


def test_a_day_begins_and_ends_where_the_visitor_is() -> None:
    # It is already tomorrow there, and yesterday had 23 hours.
    query = {"start_date": "2026-03-29", "end_date": "2026-03-29", "time_zone": "Europe/Berlin"}
    assert periods.read(query, {}, NOW).parameters == [
        ("start_date", "2026-03-28T23:00:00Z"),
        ("end_date", "2026-03-29T22:00:00Z"),
        ("time_zone", "Europe/Berlin"),
    ]
    assert periods.read({"days": "1", "time_zone": "Europe/Berlin"}, {}, NOW).first == date(2026, 3, 30)


@pytest.mark.parametrize(
    ("query", "cookies", "zone", "is_chosen"),
    [
        ({}, {}, "UTC", False),
        ({}, {"infraprism_time_zone": "Europe%2FBerlin"}, "Europe/Berlin", True),
        ({"time_zone": "Asia/Tokyo"}, {"infraprism_time_zone": "Europe%2FBerlin"}, "Asia/Tokyo", True),
        ({}, {"infraprism_time_zone": "../../etc/passwd"}, "UTC", False),
    ],
)
def test_the_zone(query: dict[str, str], cookies: dict[str, str], zone: str, is_chosen: bool) -> None:
    period = periods.read(query, cookies, NOW)
    assert (period.zone_name, period.is_zone_chosen, period.problems) == (zone, is_chosen, ())


@pytest.mark.parametrize(
    "query",
    [
        {"days": "0"},
        {"days": "4000"},
        {"days": "²"},
        {"days": "9" * 5000},
        {"start_date": "soon"},
        {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        {"start_date": "0001-01-01"},
        {"end_date": "9999-12-31"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "Europe"},
        {"time_zone": "a\0b"},
    ],
)
def test_what_cannot_be_used_is_told_and_the_last_30_days_are_shown(query: dict[str, str]) -> None:
    period = periods.read(query, {}, NOW)
    assert len(period.problems) == 1
    assert (period.first, period.last, period.zone_name) == (date(2026, 2, 28), date(2026, 3, 29), "UTC")
