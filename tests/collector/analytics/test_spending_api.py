"""Entities, models, tags, costs, what has no price: whole answers."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.store.interface import Store
from infraprism.pricing import version
from tests.collector.analytics.conftest import Send, exact
from tests.support.otlp import NEW_YEAR, SECOND, make_call

PERIOD = {"start_date": "2025-01-01", "end_date": "2025-01-02"}
DAY = 86_400 * SECOND
UNPRICED = {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None}


def row(**values: Any) -> dict[str, Any]:
    return {
        "session_count": 1,
        "call_count": 1,
        "turn_count": 1,
        "error_count": 0,
        "total_cost": Decimal("0.0075"),
        "currency": "USD",
        "cost_status": "priced",
        "unpriced_calls": 0,
        "input_tokens": 1000,
        "output_tokens": 500,
        "cached_tokens": 0,
        "first_seen_at": "2025-01-01T00:00:01.000000Z",
        "last_activity_at": "2025-01-01T00:00:02.000000Z",
        **values,
    }


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("entities", {"entity_type": "customer", "entity_id": "acme"}),
        ("models", {"provider": "openai", "model": "gpt-4o-2024-08-06"}),
        ("tags", {"key": "plan", "value": "pro"}),
    ],
)
def test_one_row(client: TestClient, send: Send, kind: str, key: dict[str, str]) -> None:
    send(make_call(1, {"infraprism.tag.plan": "pro"}), make_call(2, start=NEW_YEAR + 2 * DAY))

    answer = exact(client.get(f"/v1/analytics/{kind}", params=PERIOD))

    assert answer == {"data": [{**key, **row()}], "next_cursor": None, "has_more": False}


def test_pages_go_on_in_the_period_that_they_began_with(client: TestClient, send: Send) -> None:
    send(*(make_call(number, {"infraprism.entity.id": f"e{number % 3}"}) for number in range(1, 6)))

    first = exact(client.get("/v1/analytics/entities", params={**PERIOD, "limit": "2"}))
    second = exact(
        client.get("/v1/analytics/entities", params={"cursor": first["next_cursor"], "limit": "2"})
    )

    rows = [*first["data"], *second["data"]]
    assert [(one["entity_id"], one["call_count"]) for one in rows] == [("e1", 2), ("e2", 2), ("e0", 1)]
    assert second["next_cursor"] is None


def test_a_file_has_what_the_pages_have(client: TestClient, send: Send) -> None:
    send(make_call(1, {"infraprism.entity.id": "=1+1"}))

    answer = client.get("/v1/analytics/entities", params={**PERIOD, "format": "csv"})

    assert answer.headers["content-disposition"] == 'attachment; filename="entities.csv"'
    assert answer.text == (
        "entity_type,entity_id,session_count,call_count,turn_count,error_count,total_cost,currency,cost_status,"
        "unpriced_calls,input_tokens,output_tokens,cached_tokens,first_seen_at,last_activity_at\r\n"
        "customer,'=1+1,1,1,1,0,0.0075,USD,priced,0,1000,500,0,"
        "2025-01-01T00:00:01.000000Z,2025-01-01T00:00:02.000000Z\r\n"
    )


def cost(key: dict[str, Any], amount: str, start: str | None = None, **values: Any) -> dict[str, Any]:
    return {
        "start": start,
        "key": key,
        "call_count": 1,
        "total_cost": Decimal(amount),
        "currency": "USD",
        "cost_status": "priced",
        "unpriced_calls": 0,
        "input_tokens": 1000,
        "output_tokens": 500,
        "cached_tokens": 0,
        **values,
    }


def test_costs_by_several_sides_and_day(client: TestClient, send: Send) -> None:
    send(
        make_call(1, {"infraprism.tag.plan": "pro"}),
        make_call(2, {"infraprism.entity.id": "globex"}, start=NEW_YEAR + DAY),
    )

    answer = exact(
        client.get(
            "/v1/analytics/costs", params={**PERIOD, "interval": "day", "group_by": ["tag.plan", "entity"]}
        )
    )

    assert answer == {
        "period": {"start": "2025-01-01T00:00:00.000000Z", "end": "2025-01-03T00:00:00.000000Z"},
        "data": [
            cost(
                {"tag.plan": "pro", "entity_type": "customer", "entity_id": "acme"},
                "0.0075",
                "2025-01-01T00:00:00.000000Z",
            ),
            cost(
                {"tag.plan": None, "entity_type": "customer", "entity_id": "globex"},
                "0.0075",
                "2025-01-02T00:00:00.000000Z",
            ),
        ],
    }


def test_costs_by_part_count_no_token_twice(client: TestClient, send: Send) -> None:
    send(make_call(1, {"infraprism.cost.amount": "0.0076"}))

    rows = exact(client.get("/v1/analytics/costs", params={**PERIOD, "group_by": "part"}))["data"]

    none = {"input_tokens": None, "output_tokens": None, "cached_tokens": None}
    assert rows == [
        cost({"part": "input"}, "0.0025", **none),
        cost({"part": "output"}, "0.005", **none),
        cost({"part": "unexplained"}, "0.0001", **none),
    ]


def test_costs_of_all_calls(client: TestClient, send: Send) -> None:
    assert exact(client.get("/v1/analytics/costs", params=PERIOD))["data"] == []

    send(make_call(1, {"session.id": None}))

    assert exact(client.get("/v1/analytics/costs", params=PERIOD))["data"] == [cost({}, "0.0075")]


def test_what_has_no_price_and_the_setting_that_would_give_it_one(client: TestClient, send: Send) -> None:
    name = 'my "own" \\ 😀\x7f'
    send(
        make_call(1, {**UNPRICED, "gen_ai.provider.name": "llm.internal", "gen_ai.response.model": name}),
        make_call(2, {**UNPRICED, "gen_ai.response.model": None, "gen_ai.request.model": None}),
    )

    answer = exact(client.get("/v1/analytics/unpriced", params=PERIOD))

    setting = answer["data"][0].pop("setting")
    seen = {"call_count": 1, "session_count": 1, "input_tokens": 1000, "output_tokens": 500}
    assert answer == {
        "data": [
            {
                "provider": "llm.internal",
                "model": name,
                "reason": "price_missing",
                **seen,
                "first_seen_at": "2025-01-01T00:00:01.000000Z",
                "last_seen_at": "2025-01-01T00:00:01.000000Z",
            },
            {
                "provider": "openai",
                "model": None,
                "reason": "model_missing",
                **seen,
                "first_seen_at": "2025-01-01T00:00:02.000000Z",
                "last_seen_at": "2025-01-01T00:00:02.000000Z",
                "setting": None,
            },
        ],
        "has_more": False,
    }
    assert tomllib.loads(setting) == {
        "prices": [{"provider": "llm.internal", "model": name, "input": "?", "output": "?"}]
    }


def test_the_prices_in_force(store: Store, tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text("name = 'acme'\n[[prices]]\nprovider = 'a'\nmodel = 'b'\nfree = true\n")

    with_own = TestClient(create_app(store, prices=own)).get("/v1/analytics/prices").json()
    without = TestClient(create_app(store)).get("/v1/analytics/prices").json()

    assert with_own.pop("custom_version").startswith("acme ")
    assert with_own == {
        "version": version(),
        "source": "genai-prices",
        "custom_file": str(own),
        "currency": "USD",
        "listed_on": None,
    }
    assert (without["custom_file"], without["custom_version"]) == (None, None)
    own.write_text("nonsense")
    assert TestClient(create_app(store, prices=own)).get("/v1/analytics/prices").status_code == 503
