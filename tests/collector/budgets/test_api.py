"""`/v1/budgets`: what is spent is the sum of the calls, and of what is to become calls."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.budgets import api, reserving
from infraprism.collector.budgets.reserving import EXPIRES_SECONDS
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.store import budgets as sql
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import CannotAnswerError
from tests.support.otlp import SECOND, make_call
from tests.support.repriced import exact, send

D = Decimal
ACME = {"entity_type": "customer", "entity_id": "acme"}
WHO = {**ACME, "session_id": "s-1", "tags": {"feature": "chat"}}
RAISING = {"amount": "0.05", "per": "entity", "period": "day", "action": "raise"}
MONTHLY = {"name": "acme's", "amount": 20, "per": "entity", "period": "month"}


def now_call(number: int, values: Any = None, **options: Any) -> Any:
    return make_call(number, values, start=time.time_ns() - SECOND, seconds=0.5, **options)


def reserve(client: TestClient, amount: Any, *budgets: Any, status: int = 201, **who: Any) -> Any:
    body = {"id": uuid.uuid4().hex, "amount": amount, "budgets": budgets, **WHO, **who}
    response = client.post(api.RESERVATIONS, json=body)
    assert response.status_code == status, response.text
    return exact(response)


def settle(client: TestClient, reservation: Any, span: int, amount: Any) -> None:
    body = {"trace_id": f"{span:032x}", "span_id": f"{span:016x}", "amount": amount}
    response = client.post(f"{api.RESERVATIONS}/{reservation['id']}/settle", json=body)
    assert response.status_code == 204, response.text


def define(client: TestClient, **budget: Any) -> Any:
    response = client.post(api.BUDGETS, json={**MONTHLY, **budget})
    assert response.status_code == 201, response.text
    return exact(response)


def state(client: TestClient, budget: Any) -> Any:
    return exact(client.get(f"{api.BUDGETS}/{budget['id']}/state"))["data"]


def sums(client: TestClient, budget: Any) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ("spent", "reserved", "remaining")) for row in state(client, budget)]


# Definitions


def test_a_budget_is_defined_shown_changed_and_deleted(client: TestClient) -> None:
    made = define(client, entity_type="customer")
    expected = {
        "id": made["id"],
        "name": "acme's",
        "amount": 20,
        "currency": "USD",
        "per": "entity",
        "entity_type": "customer",
        "entity_id": None,
        "value": None,
        "period": "month",
        "action": "warn",
        "webhook_url": None,
        "created_at": made["created_at"],
    }
    assert made == expected
    path = f"{api.BUDGETS}/{made['id']}"
    assert exact(client.get(path)) == expected
    assert exact(client.get(api.BUDGETS)) == {"data": [expected], "next_cursor": None, "has_more": False}

    changed = client.put(path, json={"name": "all", "amount": "0.000000000000000000000001"})

    expected |= {
        "name": "all",
        "amount": D("1e-24"),
        "per": "session",
        "period": "total",
        "entity_type": None,
    }
    assert exact(changed) == exact(client.get(path)) == expected
    assert client.delete(path).status_code == 204
    assert exact(client.get(api.BUDGETS))["data"] == []
    for method in ("GET", "PUT", "DELETE"):
        body = {"json": MONTHLY} if method == "PUT" else {}
        assert client.request(method, path, **body).status_code == 404
    assert client.get(f"{path}/state").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1e14"}, "amount"),
        ({"amount": "1e-25"}, "amount"),
        ({"amount": None}, "amount"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"per": "customer"}, "per"),
        ({"per": "tag:"}, "per"),
        ({"period": "year"}, "period"),
        ({"action": "stop"}, "action"),
        ({"value": "s-1"}, "value"),
        ({"entity_id": "x" * 201}, "entity_id"),
        ({"currency": "EUR"}, "currency"),
        ({"colour": "red"}, "colour"),
        ({"webhook_url": "https://example.com"}, "webhook_url"),
    ],
)
def test_a_wrong_definition_is_refused_by_name(client: TestClient, wrong: Any, parameter: str) -> None:
    response = client.post(api.BUDGETS, json={**MONTHLY, **wrong})
    assert response.status_code == 400
    assert response.json()["parameter"] == parameter
    assert exact(client.get(api.BUDGETS))["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_none_is_refused(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in (api.BUDGETS, api.RESERVATIONS, f"{api.RESERVATIONS}/{'0' * 32}/settle"):
        assert client.post(path, content=body, headers=headers).status_code == 400
        assert client.post(path, content=body, headers={"Content-Type": "text/plain"}).status_code == 415


def test_the_secret_of_a_webhook_is_shown_to_who_defines_it_only(store: Store) -> None:
    client = TestClient(create_app(store, signer=Signer("x" * 32)))
    made = define(client, webhook_url="https://example.com/hook")
    path = f"{api.BUDGETS}/{made['id']}"
    assert made.pop("webhook_secret").startswith("whsec_")
    assert exact(client.get(path)) == made
    with store.reader() as connection:
        tables = connection.execute("SELECT * FROM budgets").fetchall()
    assert "whsec_" not in str(tables)
    for url in ("https://127.0.0.1/", "http://example.com/"):
        response = client.post(api.BUDGETS, json={**MONTHLY, "webhook_url": url})
        assert (response.status_code, response.json()["parameter"]) == (400, "webhook_url")


def test_every_route_has_a_scope(store: Store) -> None:
    routes = api.routes(store, None, allow_private=False)
    found = {(method, route.path) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    assert found == set(api.SCOPES)


# What is spent


def test_what_is_spent_is_the_sum_of_the_calls_of_the_period(client: TestClient, store: Store) -> None:
    long_ago = time.time_ns() - int(timedelta(days=40).total_seconds()) * SECOND
    send(
        store,
        now_call(1),
        now_call(2, {"infraprism.cost.amount": "0.000000000000000000000001"}),
        now_call(3, {"infraprism.cost.amount": None, "infraprism.cost.status": "unpriced"}),
        now_call(4, {"infraprism.entity.id": "globex"}),
        make_call(5, start=long_ago),
        now_call(6, {"infraprism.entity.type": None, "infraprism.entity.id": None}),
    )
    budget = define(client)
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (month + timedelta(days=31)).replace(day=1)
    common = {
        "period_start": month.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "period_end": after.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "reserved": 0,
        "limit": 20,
        "currency": "USD",
        "crossed_at": None,
    }
    spent = D("0.007500000000000000000001")
    assert state(client, budget) == [
        {"key": ACME, "spent": spent, "remaining": 20 - spent, "unpriced_calls": 1, **common},
        {
            "key": {"entity_type": "customer", "entity_id": "globex"},
            "spent": D("0.0075"),
            "remaining": 20 - D("0.0075"),
            "unpriced_calls": 0,
            **common,
        },
    ]


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        ({"per": "session"}, [{**ACME, "session_id": "s-1"}, {**ACME, "session_id": "s-2"}]),
        ({"per": "session", "value": "s-2"}, [{**ACME, "session_id": "s-2"}]),
        ({"per": "tag:feature"}, [{"tag": "feature", "value": "a"}, {"tag": "feature", "value": "b"}]),
        ({"per": "tag:feature", "value": "b"}, [{"tag": "feature", "value": "b"}]),
        ({"per": "tag:nobody"}, []),
        ({"per": "entity", "entity_type": "customer"}, [ACME]),
        ({"per": "entity", "entity_type": "team"}, []),
        ({"per": "entity", "entity_type": "customer", "entity_id": "globex"}, []),
    ],
)
def test_a_budget_counts_those_it_is_for(client: TestClient, store: Store, of: Any, keys: Any) -> None:
    send(
        store,
        now_call(1, {"infraprism.tag.feature": "a", "infraprism.cost.amount": "0.02"}),
        now_call(2, {"infraprism.tag.feature": "b", "session.id": "s-2"}),
        now_call(3, {"session.id": None, "infraprism.cost.amount": "0.01"}),
    )
    assert [row["key"] for row in state(client, define(client, **of))] == keys


def test_a_call_is_counted_once_from_its_reservation_to_its_arrival(client: TestClient, store: Store) -> None:
    budget = define(client, amount=1)
    made = reserve(client, "0.02")
    assert sums(client, budget) == [(0, D("0.02"), D("0.98"))]
    settle(client, made, 1, "0.0075")
    settled = [(D("0.0075"), 0, D("0.9925"))]
    assert sums(client, budget) == settled
    settle(client, made, 1, "0.5")  # told again
    assert sums(client, budget) == settled
    send(store, now_call(1))
    assert sums(client, budget) == settled
    with store.reader() as connection:
        sql.sweep(connection, time.time_ns())
        connection.commit()
        assert connection.execute("SELECT count(*) FROM reservations").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM settlements").fetchall() == [(0,)]
    assert sums(client, budget) == settled


def test_nothing_is_swept_that_still_counts(client: TestClient, store: Store) -> None:
    budget = define(client, amount=1, period="total")
    settle(client, reserve(client, "0.02"), 1, "0.0075")
    reserve(client, "0.03")
    with store.reader() as connection:
        sql.sweep(connection, time.time_ns())
        connection.commit()
    assert sums(client, budget) == [(D("0.0075"), D("0.03"), D("0.9625"))]
    with store.reader() as connection:  # the open one is forgotten, the settled one was spent
        sql.sweep(connection, time.time_ns() + 10**9 * 86_400 * 30)
        connection.commit()
    assert sums(client, budget) == [(D("0.0075"), 0, D("0.9925"))]


def test_an_unpriced_call_makes_the_state_a_floor(client: TestClient) -> None:
    budget = define(client, amount=1)
    settle(client, reserve(client, "0.02"), 1, None)
    [row] = state(client, budget)
    assert (row["spent"], row["reserved"], row["unpriced_calls"]) == (0, 0, 1)


def test_what_was_not_called_is_free_again(client: TestClient) -> None:
    budget = define(client, amount=1)
    made = reserve(client, "0.02")
    assert client.delete(f"{api.RESERVATIONS}/{made['id']}").status_code == 204
    assert state(client, budget) == []


def test_a_release_may_overtake_its_reservation(client: TestClient) -> None:
    reservation = uuid.uuid4().hex
    assert client.delete(f"{api.RESERVATIONS}/{reservation}").status_code == 204
    reserve(client, "0.02", id=reservation)
    assert state(client, define(client, amount=1)) == []


def test_a_reservation_expires(client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = define(client, amount=1, period="total")
    made = reserve(client, "0.04", RAISING)
    later = time.time_ns() + (EXPIRES_SECONDS + 1) * SECOND
    reserve(client, "0.04", RAISING, status=200)
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert state(client, budget) == []
    settle(client, made, 1, "0.03")  # a long call, but it was made
    assert sums(client, budget) == [(D("0.03"), 0, D("0.97"))]


@pytest.mark.parametrize("path", ["sessions/s-1", "entities/customer/acme"])
def test_what_is_deleted_leaves_nothing_in_budgets(client: TestClient, store: Store, path: str) -> None:
    budget = define(client, amount="0.05", per="session")
    send(store, now_call(1))
    reserve(client, "0.04")
    settle(client, reserve(client, "0.04"), 2, "0.01")
    assert client.delete(f"/v1/analytics/{path}").status_code == 200
    assert state(client, budget) == []
    with store.reader() as connection:
        for table in ("reservations", "settlements", "budget_crossings"):
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == []


# What fits


def test_a_call_that_does_not_fit_is_refused_and_reserves_nothing(client: TestClient, store: Store) -> None:
    send(store, now_call(1))
    first = reserve(client, "0.04", RAISING)
    assert first["allowed"] is True
    assert first["overruns"] == []

    refused = reserve(client, "0.01", RAISING, status=200)

    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert refused == {
        "id": refused["id"],
        "allowed": False,
        "expires_at": None,
        "overruns": [
            {
                "index": 0,
                "budget": {
                    "amount": D("0.05"),
                    "currency": "USD",
                    "per": "entity",
                    "period": "day",
                    "action": "raise",
                    "entity_type": None,
                    "entity_id": None,
                },
                "period_start": day.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "period_end": (day + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "spent": D("0.0075"),
                "reserved": D("0.04"),
            }
        ],
    }
    reserve(client, "0.0025", RAISING)  # to the last digit
    reserve(client, "0.000000000000000000000001", RAISING, status=200)
    reserve(client, 0, RAISING)
    reserve(client, None, RAISING, status=200)
    reserve(client, "0.05", RAISING, entity_id="globex")


def test_what_nobody_knows_fits_while_there_is_something_left(client: TestClient) -> None:
    for _ in range(3):
        reserve(client, None, RAISING)
    reserve(client, "0.05", RAISING)
    reserve(client, None, RAISING, status=200)


def test_a_budget_that_warns_lets_the_call_through(client: TestClient) -> None:
    made = reserve(client, "0.06", {**RAISING, "action": "warn"})
    assert made["allowed"] is True
    assert [overrun["index"] for overrun in made["overruns"]] == [0]


def test_a_budget_of_the_collectors_own_holds_whoever_asks(client: TestClient) -> None:
    own = define(client, amount="0.05", action="raise")
    reserve(client, "0.05")
    refused = reserve(client, "0.01", status=200)
    [overrun] = refused["overruns"]
    assert (overrun["index"], overrun["budget"]["id"]) == (None, own["id"])
    assert state(client, own)[0]["crossed_at"] is not None


def test_what_one_budget_refuses_takes_nothing_from_another(client: TestClient) -> None:
    own = define(client, amount=1)
    reserve(client, "0.06", RAISING, status=200)
    assert state(client, own) == []


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"id": "1"}, "id"),
        ({"id": "A" * 32}, "id"),
        ({"amount": -1}, "amount"),
        ({"session_id": ""}, "session_id"),
        ({"tags": {"a": 5}}, "tags"),
        ({"tags": {str(number): "x" for number in range(33)}}, "tags"),
        ({"budgets": [RAISING] * 33}, "budgets"),
        ({"budgets": [{**RAISING, "per": "x"}]}, "per"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_reservation_is_refused_by_name(client: TestClient, wrong: Any, parameter: str) -> None:
    response = client.post(api.RESERVATIONS, json={"id": "0" * 32, "amount": 1, **WHO, **wrong})
    assert (response.status_code, response.json()["parameter"]) == (400, parameter)


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [({"trace_id": "1"}, "trace_id"), ({"span_id": "g" * 16}, "span_id"), ({"amount": "x"}, "amount")],
)
def test_a_wrong_settlement_is_refused_by_name(client: TestClient, wrong: Any, parameter: str) -> None:
    body = {"trace_id": "1" * 32, "span_id": "1" * 16, "amount": 1, **wrong}
    response = client.post(f"{api.RESERVATIONS}/{'0' * 32}/settle", json=body)
    assert (response.status_code, response.json()["parameter"]) == (400, parameter)
    assert client.post(f"{api.RESERVATIONS}/x/settle", json=body).json()["parameter"] in ("id", parameter)


def test_who_cannot_be_answered_now_is_told_when_to_ask_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CannotAnswerError("the store could not answer: it cannot be reached")

    monkeypatch.setattr(sql, "definitions", fail)
    reservation = {"id": uuid.uuid4().hex, "amount": "0.01", **WHO}
    for response in (client.get(api.BUDGETS), client.post(api.RESERVATIONS, json=reservation)):
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["detail"] == "the store could not answer: it cannot be reached"
    monkeypatch.setattr(reserving, "WAITING", 0)
    response = client.post(api.RESERVATIONS, json=reservation)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["detail"] == "too many reservations wait; ask again later"
