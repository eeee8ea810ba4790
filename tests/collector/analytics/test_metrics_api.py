"""Sessions in numbers: whole answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.testclient import TestClient

from tests.collector.analytics.conftest import Send, exact
from tests.support.otlp import NEW_YEAR, SECOND, make_call

METRICS = "/v1/analytics/metrics/sessions"
DAY = 86_400 * SECOND
NONE = {"average": None, "median": None, "p95": None}


def numbers(sessions: int, cost: str, **others: Any) -> dict[str, Any]:
    return {
        "session_count": sessions,
        "call_count": sessions,
        "turn_count": sessions,
        "error_count": 0,
        "total_cost": Decimal(cost),
        "currency": "USD",
        "cost_status": "priced",
        "unpriced_calls": 0,
        **others,
    }


EMPTY = numbers(0, "0", cost_status=None, cost_per_session=NONE, turns_per_session=NONE, cost_per_turn=None)


def test_two_days_beside_the_two_before(client: TestClient, send: Send) -> None:
    send(
        make_call(1, {"session.id": "a", "infraprism.cost.amount": "0.01"}, start=NEW_YEAR - DAY),
        make_call(2, {"session.id": "a", "infraprism.cost.amount": "0.01"}, start=NEW_YEAR),
        make_call(3, {"session.id": "b", "infraprism.cost.amount": "0.05"}, start=NEW_YEAR + 1),
        make_call(4, {"session.id": "c", "infraprism.cost.amount": "0.03"}, start=NEW_YEAR + DAY - 1),
        make_call(5, {"session.id": "d"}, start=NEW_YEAR + 2 * DAY),
    )
    period = {"start_date": "2025-01-01", "end_date": "2025-01-02"}

    answer = exact(client.get(METRICS, params={**period, "group_by": "model"}))

    one = {"average": 1, "median": 1, "p95": 1}
    three = numbers(
        3,
        "0.09",
        cost_per_session={"average": Decimal("0.03"), "median": Decimal("0.03"), "p95": Decimal("0.05")},
        turns_per_session=one,
        cost_per_turn=Decimal("0.03"),
    )
    cent = dict.fromkeys(NONE, Decimal("0.01"))
    assert answer == {
        "period": {"start": "2025-01-01T00:00:00.000000Z", "end": "2025-01-03T00:00:00.000000Z"},
        "previous": {"start": "2024-12-30T00:00:00.000000Z", "end": "2025-01-01T00:00:00.000000Z"},
        "summary": three,
        "previous_summary": numbers(
            1, "0.01", cost_per_session=cent, turns_per_session=one, cost_per_turn=Decimal("0.01")
        ),
        "change": {
            "session_count": 200,
            "call_count": 200,
            "turn_count": 200,
            "error_count": None,
            "total_cost": 800,
            "unpriced_calls": None,
            "cost_per_session": 200,
            "turns_per_session": 0,
            "cost_per_turn": 200,
        },
        "series": [
            {"start": "2025-01-01T00:00:00.000000Z", **three},
            {"start": "2025-01-02T00:00:00.000000Z", **EMPTY},
        ],
        "histograms": {
            "cost": [
                {"from": Decimal("0.01"), "to": Decimal("0.02"), "sessions": 1},
                {"from": Decimal("0.02"), "to": Decimal("0.05"), "sessions": 1},
                {"from": Decimal("0.05"), "to": Decimal("0.1"), "sessions": 1},
            ],
            "turns": [{"from": 1, "to": 2, "sessions": 3}],
        },
        "groups": [{"key": {"provider": "openai", "model": "gpt-4o-2024-08-06"}, **three}],
        "more_groups": False,
    }


def test_nothing_is_no_number(client: TestClient) -> None:
    answer = exact(
        client.get(METRICS, params={"start_date": "2025-01-01", "end_date": "2025-01-01", "compare": "none"})
    )

    assert answer == {
        "period": {"start": "2025-01-01T00:00:00.000000Z", "end": "2025-01-02T00:00:00.000000Z"},
        "previous": None,
        "summary": EMPTY,
        "previous_summary": None,
        "change": None,
        "series": [{"start": "2025-01-01T00:00:00.000000Z", **EMPTY}],
        "histograms": {"cost": [], "turns": []},
        "groups": [],
        "more_groups": False,
    }


def test_the_days_of_a_time_zone(client: TestClient, send: Send) -> None:
    # 2026-10-25 in Berlin has 25 hours, and is over at 23:00 UTC.
    start = NEW_YEAR + 662 * DAY  # 2026-10-25T00:00:00Z
    send(
        make_call(1, start=start - 2 * 3600 * SECOND),
        make_call(2, start=start + 23 * 3600 * SECOND - 1),
        make_call(3, start=start + 23 * 3600 * SECOND),
    )
    query = {"start_date": "2026-10-25", "end_date": "2026-10-26", "time_zone": "Europe/Berlin"}

    series = exact(client.get(METRICS, params=query))["series"]

    assert [(row["start"], row["call_count"]) for row in series] == [
        ("2026-10-24T22:00:00.000000Z", 2),
        ("2026-10-25T23:00:00.000000Z", 1),
    ]
    hours = exact(client.get(METRICS, params={**query, "end_date": "2026-10-25", "interval": "hour"}))[
        "series"
    ]
    assert (len(hours), [row["call_count"] for row in hours if row["call_count"]]) == (25, [1, 1])


def test_a_session_is_asked_for_by_what_it_did_in_the_period(client: TestClient, send: Send) -> None:
    send(
        make_call(1, {"session.id": "a", "infraprism.cost.amount": "5"}, start=NEW_YEAR - 1),
        make_call(2, {"session.id": "a", "infraprism.cost.amount": "0.5"}),
        make_call(3, {"session.id": "b", "infraprism.cost.amount": "2"}),
    )
    query = {"start_date": "2025-01-01", "end_date": "2025-01-01", "min_cost": "1"}

    assert exact(client.get(METRICS, params=query))["summary"]["total_cost"] == 2
