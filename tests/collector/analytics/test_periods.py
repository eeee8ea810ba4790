"""Dates, time zones and the edges of days that are longer or shorter than others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.collector.analytics import periods
from infraprism.collector.analytics.periods import Period
from infraprism.collector.problems import Problem
from infraprism.collector.store.questions import cuts

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600 * 10**9
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def lengths(edges: list[int]) -> list[float]:
    return [(end - begin) / HOUR for begin, end in pairwise(edges)]


def test_a_day_of_23_hours_and_one_of_25() -> None:
    spring = Period(periods.since("2026-03-28", BERLIN), periods.until("2026-03-30", BERLIN))
    autumn = Period(periods.since("2026-10-24", BERLIN), periods.until("2026-10-26", BERLIN))

    assert spring == (at("2026-03-28T00:00+01:00"), at("2026-03-31T00:00+02:00"))
    assert lengths(periods.edges(spring, "day", BERLIN)) == [24, 23, 24]
    assert lengths(periods.edges(autumn, "day", BERLIN)) == [24, 25, 24]
    assert lengths(periods.edges(autumn, "hour", BERLIN)) == [1] * 73


def test_a_day_that_has_no_midnight_begins_with_the_change_of_clocks() -> None:
    zone = ZoneInfo("America/Sao_Paulo")  # 2018-11-04: 00:00 became 01:00
    assert periods.since("2018-11-04", zone) == at("2018-11-04T01:00-02:00")


def test_hours_count_from_midnight_where_clocks_change_by_half_of_one() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    day = Period(periods.since("2026-04-05", zone), periods.until("2026-04-05", zone))

    assert lengths(periods.edges(day, "hour", zone)) == [*[1] * 24, 0.5]


def test_months() -> None:
    year = Period(at("2026-01-15T12:00Z"), at("2026-04-02T00:00Z"))

    assert periods.edges(year, "month", BERLIN) == [
        at("2026-01-01T00:00+01:00"),
        at("2026-02-01T00:00+01:00"),
        at("2026-03-01T00:00+01:00"),
        at("2026-04-01T00:00+02:00"),
        at("2026-05-01T00:00+02:00"),
    ]


@given(
    begin=st.integers(0, 9 * 10**9),
    hours=st.integers(1, 24 * 70),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    interval=st.sampled_from(["hour", "day", "month"]),
)
def test_edges_hold_the_period_and_the_sql_finds_the_bucket(
    begin: int, hours: int, zone: ZoneInfo, interval: periods.Interval
) -> None:
    period = Period(begin * 10**9, begin * 10**9 + hours * HOUR)
    edges = periods.edges(period, interval, zone)

    assert edges == sorted(set(edges))
    assert edges[0] <= period.since < edges[1]
    assert edges[-2] < period.until <= edges[-1]
    if interval != "hour":
        for edge in edges:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=edge // 10**9)
            before = (moment - timedelta(seconds=1)).astimezone(zone)
            assert before.date() < moment.astimezone(zone).date() or edge == 0
    times = [edge + offset for edge in edges[:-1] for offset in (0, 1)] + [edge - 1 for edge in edges[1:]]
    sql = f"SELECT {cuts.bucket('moment', edges)} FROM (SELECT unnest($times) AS moment)"
    found = [row[0] for row in duckdb.execute(sql, {"times": times}).fetchall()]
    assert found == [sum(edge <= time for edge in edges) - 1 for time in times]


def test_the_last_thirty_days_are_the_default() -> None:
    now = at("2026-03-31T12:00Z")
    assert periods.period(None, None, UTC, now) == (at("2026-03-01T12:00Z"), now)
    assert periods.period("2026-03-31", None, UTC, now) == (at("2026-03-31T00:00Z"), now)
    assert periods.period(None, "2026-03-30", UTC, now) == (at("2026-03-01T00:00Z"), at("2026-03-31T00:00Z"))
    # The last moment of a date counts, that of a time does not.
    assert periods.period("2026-03-01", "2026-03-01T00:00:01Z", UTC, now).until == at("2026-03-01T00:00:01Z")


def test_the_period_before_is_as_long() -> None:
    assert Period(10, 15).before == (5, 10)


@pytest.mark.parametrize(
    ("start", "end", "parameter"),
    [
        ("2026-01-02", "2026-01-01", "end_date"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "end_date"),
        ("2026-04-01", None, "start_date"),
    ],
)
def test_a_period_that_has_no_time(start: str, end: str | None, parameter: str) -> None:
    with pytest.raises(Problem) as caught:
        periods.period(start, end, UTC, at("2026-03-31T12:00Z"))
    assert caught.value.members == {"parameter": parameter}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_time(zone: str) -> None:
    whole = periods.period("0001-01-01", "9999-12-31", ZoneInfo(zone), 0)

    assert whole.since == 0
    edges = periods.edges(whole, "month", ZoneInfo(zone))
    assert edges[0] <= 0
    assert edges[-1] >= whole.until
    with pytest.raises(Problem):
        periods.edges(whole, "day", ZoneInfo(zone))
