"""When periods begin and end, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infraprism.collector.budgets.periods import Period, bounds

SECOND = 10**9


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("period", "now", "since", "until"),
    [
        ("hour", "2026-11-25T12:59:59", "2026-11-25T12:00:00", "2026-11-25T13:00:00"),
        ("day", "2026-11-25T00:00:00", "2026-11-25T00:00:00", "2026-11-26T00:00:00"),
        ("week", "2026-11-25T12:00:00", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("week", "2026-11-30T00:00:00", "2026-11-30T00:00:00", "2026-12-07T00:00:00"),
        ("week", "2026-11-29T23:59:59", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("month", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("month", "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
    ],
)
def test_a_period_begins_and_ends(period: Period, now: str, since: str, until: str) -> None:
    assert bounds(period, at(now)) == (at(since), at(until))
    assert bounds(period, at(until) - 1) == (at(since), at(until))


def test_all_the_time_there_is() -> None:
    assert bounds("total", at("2026-11-25T12:00:00")) == (0, 2**63 - 1)
