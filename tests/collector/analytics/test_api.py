"""The Analytics API over a real database: whole answers."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.interface import Store
from infraprism.collector.store.questions import sessions
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_request, make_span

SESSIONS = "/v1/analytics/sessions"
ACME = {"infraprism.entity.type": "customer", "infraprism.entity.id": "acme"}
NO_ENTITY = {"infraprism.entity.type": None, "infraprism.entity.id": None}


def send(store: Store, *spans: Any) -> None:
    store.submit(read_request(make_request(*spans))).result()


def exact(response: httpx2.Response) -> Any:
    """The JSON of an answer with its numbers as they are written."""
    return json.loads(response.text, parse_float=Decimal)


def ids(response: httpx2.Response) -> list[str]:
    return [row["session_id"] for row in response.json()["data"]]


def test_a_session_is_the_sum_of_its_calls(client: TestClient, store: Store) -> None:
    send(
        store,
        make_call(1, {"infraprism.tag.feature": "chatbot", "gen_ai.usage.cache_read.input_tokens": 64}),
        make_call(2, {"infraprism.tag.feature": "agent", "infraprism.tag.plan": "pro"}, seconds=2.5),
        make_call(
            3,
            {
                "gen_ai.operation.name": "embeddings",
                "gen_ai.request.model": "embed",
                "gen_ai.response.model": None,
                "infraprism.cost.amount": "0.000000000000000000000001",
            },
        ),
        make_span(4, {"session.id": "s-1", "gen_ai.operation.name": "chat", **ACME}, is_error=True),
        make_span(5, {"session.id": "s-1", **ACME}, name="execute_tool search"),
    )

    assert exact(client.get(SESSIONS)) == {
        "data": [
            {
                "session_id": "s-1",
                "entity_type": "customer",
                "entity_id": "acme",
                "started_at": "2025-01-01T00:00:01.000000Z",
                "last_activity_at": "2025-01-01T00:00:05.000000Z",
                "duration_ms": 4000,
                "turn_count": 2,
                "call_count": 4,
                "error_count": 1,
                "total_cost": Decimal("0.015000000000000000000001"),
                "currency": "USD",
                "cost_status": "priced",
                "unpriced_calls": 0,
                "input_tokens": 3000,
                "output_tokens": 1500,
                "cached_tokens": 64,
                "models": ["embed", "gpt-4o-2024-08-06"],
                "tags": {"feature": ["agent", "chatbot"], "plan": ["pro"]},
            }
        ],
        "next_cursor": None,
        "has_more": False,
    }


def test_one_session_with_its_calls(client: TestClient, store: Store) -> None:
    send(
        store,
        make_call(
            2,
            {
                "infraprism.tag.feature": "chatbot",
                "openai.response.service_tier": "flex",
                "gen_ai.usage.cache_read.input_tokens": 64,
                "gen_ai.usage.reasoning.output_tokens": 32,
            },
        ),
        make_span(1, {"session.id": "s-1", "gen_ai.operation.name": "chat", "error.type": "429", **ACME}),
    )

    answer = exact(client.get(f"{SESSIONS}/s-1"))

    calls = answer.pop("calls")
    assert answer.pop("trace_ids") == [f"{1:032x}", f"{2:032x}"]
    assert answer.pop("calls_has_more") is False
    assert answer == exact(client.get(SESSIONS))["data"][0]
    assert calls == [
        {
            "trace_id": "00000000000000000000000000000001",
            "span_id": "0000000000000001",
            "started_at": "2025-01-01T00:00:01.000000Z",
            "ended_at": "2025-01-01T00:00:02.000000Z",
            "duration_ms": 1000,
            "operation": "chat",
            "provider": None,
            "request_model": None,
            "response_model": None,
            "service_tier": None,
            "input_tokens": None,
            "output_tokens": None,
            "cached_tokens": None,
            "reasoning_tokens": None,
            "cost": None,
            "currency": None,
            "cost_status": None,
            "cost_source": None,
            "price_version": None,
            "cost_parts": {},
            "is_error": True,
            "error_type": "429",
            "tags": {},
        },
        {
            "trace_id": "00000000000000000000000000000002",
            "span_id": "0000000000000002",
            "started_at": "2025-01-01T00:00:02.000000Z",
            "ended_at": "2025-01-01T00:00:03.000000Z",
            "duration_ms": 1000,
            "operation": "chat",
            "provider": "openai",
            "request_model": "gpt-4o",
            "response_model": "gpt-4o-2024-08-06",
            "service_tier": "flex",
            "input_tokens": 1000,
            "output_tokens": 500,
            "cached_tokens": 64,
            "reasoning_tokens": 32,
            "cost": Decimal("0.0075"),
            "currency": "USD",
            "cost_status": "priced",
            "cost_source": "local",
            "price_version": "genai-prices 0.2.3",
            "cost_parts": {"input": Decimal("0.0025"), "output": Decimal("0.005")},
            "is_error": False,
            "error_type": None,
            "tags": {"feature": "chatbot"},
        },
    ]


UNPRICED = {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None}
FREE = {"infraprism.cost.status": "free", "infraprism.cost.amount": "0"}
NOT_BILLED = {
    "infraprism.cost.status": None,
    "infraprism.cost.amount": None,
    "gen_ai.usage.input_tokens": None,
    "gen_ai.usage.output_tokens": None,
}
REFUSED = {**NOT_BILLED, "error.type": "429"}


PENDING = {
    **NOT_BILLED,
    "gen_ai.response.finish_reasons": ["queued"],
}


@pytest.mark.parametrize(
    ("calls", "status"),
    [
        ([{}], "priced"),
        ([PENDING, {"gen_ai.operation.name": "retrieve_response"}], "priced"),
        ([PENDING, FREE], "free"),
        ([PENDING, REFUSED], "unpriced"),
        ([{}, FREE], "priced"),
        ([{}, REFUSED], "priced"),
        ([FREE, FREE, REFUSED], "free"),
        ([REFUSED], "free"),
        ([{}, {"infraprism.cost.status": "estimated"}], "estimated"),
        ([{}, {"infraprism.cost.status": "estimated"}, {"infraprism.cost.status": "partial"}], "partial"),
        ([{}, UNPRICED], "partial"),
        ([FREE, UNPRICED], "partial"),
        ([UNPRICED, UNPRICED, REFUSED], "unpriced"),
    ],
)
def test_the_cost_status_of_a_session(
    client: TestClient, store: Store, calls: list[dict[str, Any]], status: str
) -> None:
    send(store, *(make_call(number, values) for number, values in enumerate(calls, start=1)))

    (row,) = client.get(SESSIONS).json()["data"]
    assert (row["cost_status"], row["unpriced_calls"]) == (status, calls.count(UNPRICED))


def test_a_background_response_and_its_fetch_are_one_turn(client: TestClient, store: Store) -> None:
    send(store, make_call(1, PENDING), make_call(2, {"gen_ai.operation.name": "retrieve_response"}))

    (row,) = client.get(SESSIONS).json()["data"]
    assert (row["turn_count"], row["call_count"], row["unpriced_calls"]) == (1, 2, 0)


def test_a_call_without_a_session_is_in_no_list(client: TestClient, store: Store) -> None:
    send(store, make_call(1, {"session.id": None}))

    assert client.get(SESSIONS).json() == {"data": [], "next_cursor": None, "has_more": False}
    assert store.calls_stored == 1


def test_absurd_amounts_and_token_counts_add_up_like_any_other(client: TestClient, store: Store) -> None:
    most = "99999999999999.999999999999999999999999"
    values = {"infraprism.cost.amount": most, "gen_ai.usage.input_tokens": 2**63 - 1}
    send(store, *(make_call(number, values) for number in range(1, 12)))

    (row,) = exact(client.get(SESSIONS))["data"]
    assert str(row["total_cost"]) == "1099999999999999.999999999999999999999989"
    assert row["input_tokens"] == 11 * (2**63 - 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(
        st.decimals(min_value=0, max_value=10**13, places=24, allow_nan=False), min_size=1, max_size=8
    )
)
def test_totals_are_the_sum_of_the_calls_to_the_last_digit(
    client: TestClient, store: Store, amounts: list[Decimal]
) -> None:
    session = f"sum/{store.calls_stored}"
    first = store.calls_stored + 1
    send(
        store,
        *(
            make_call(number, {"session.id": session, "infraprism.cost.amount": str(amount)})
            for number, amount in enumerate(amounts, start=first)
        ),
    )

    text = client.get(f"{SESSIONS}/{quote(session)}").text
    answer = json.loads(text, parse_float=Decimal, parse_int=Decimal)

    expected = sum(map(Fraction, amounts))
    assert Fraction(answer["total_cost"]) == expected
    assert sum(Fraction(call["cost"]) for call in answer["calls"]) == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(
        st.decimals(min_value=0, max_value=10**13, places=24, allow_nan=False), min_size=2, max_size=8
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_calls_changes_no_total(
    client: TestClient, store: Store, amounts: list[Decimal], order: random.Random
) -> None:
    totals = []
    for shuffled in (amounts, order.sample(amounts, len(amounts))):
        first = store.calls_stored + 1
        session = f"order/{first}"
        send(
            store,
            *(
                make_call(number, {"session.id": session, "infraprism.cost.amount": str(amount)})
                for number, amount in enumerate(shuffled, start=first)
            ),
        )
        totals.append(exact(client.get(f"{SESSIONS}/{quote(session)}"))["total_cost"])

    assert str(totals[0]) == str(totals[1])


def test_the_same_id_of_two_entities_is_two_sessions(client: TestClient, store: Store) -> None:
    send(
        store,
        make_call(1),
        make_call(2, {"infraprism.entity.id": "globex"}),
        make_call(3, {"infraprism.entity.id": "globex"}),
        make_call(4, NO_ENTITY),
    )

    rows = client.get(SESSIONS).json()["data"]
    assert [(row["entity_type"], row["entity_id"], row["call_count"]) for row in rows] == [
        (None, None, 1),
        ("customer", "globex", 2),
        ("customer", "acme", 1),
    ]
    ambiguous = client.get(f"{SESSIONS}/s-1")
    assert ambiguous.status_code == 409
    assert ambiguous.headers["content-type"] == "application/problem+json"
    assert ambiguous.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "3 entities have a session 's-1'; name one by entity_type and entity_id",
        "candidates": [
            {"entity_type": None, "entity_id": None},
            {"entity_type": "customer", "entity_id": "globex"},
            {"entity_type": "customer", "entity_id": "acme"},
        ],
    }
    for entity_id, count in (("globex", 2), ("acme", 1), ("", 1)):
        answer = client.get(f"{SESSIONS}/s-1", params={"entity_id": entity_id}).json()
        assert (answer["entity_id"] or "", len(answer["calls"])) == (entity_id, count)


@pytest.mark.parametrize(
    "session_id", ["a/b", "acme:conv 1", "100%", "%2F", "日本", "a\nb\n", "?x=1#y", "a\0b", "/", "..;"]
)
def test_a_session_id_may_hold_anything(client: TestClient, store: Store, session_id: str) -> None:
    send(store, make_call(1, {"session.id": session_id}), make_call(2, {"session.id": "another"}))

    answer = client.get(f"{SESSIONS}/{quote(session_id, safe='')}")

    assert (answer.status_code, answer.json()["session_id"]) == (200, session_id)


def test_an_unknown_session(client: TestClient) -> None:
    answer = client.get(f"{SESSIONS}/nobody")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no session 'nobody'"


def test_filters(client: TestClient, store: Store) -> None:
    send(
        store,
        make_call(1, {"session.id": "old"}, seconds=10),
        make_call(2, {"session.id": "long"}, start=NEW_YEAR - SECOND, seconds=86400 + 1),
        make_call(
            3,
            {"session.id": "new", "infraprism.entity.type": "team"},
            start=NEW_YEAR + 2 * 86400 * SECOND,
        ),
    )

    def listed(**parameters: str) -> list[str]:
        return ids(client.get(SESSIONS, params=parameters))

    assert listed() == ["new", "long", "old"]
    assert listed(entity_type="customer", entity_id="acme") == ["long", "old"]
    assert listed(entity_type="team") == ["new"]
    assert listed(entity_id="nobody") == []
    assert listed(start_date="2025-01-02") == ["new", "long"]
    assert listed(start_date="2025-01-02T00:00:00.000000001Z") == ["new"]
    assert listed(start_date="2025-01-02T02:00:00+02:00") == ["new", "long"]
    assert listed(start_date="0001-01-01T00:00:00+14:00") == ["new", "long", "old"]
    assert listed(start_date="9999-12-31T23:59:59-14:00") == []
    # A session is shown whole: its calls before the date count too.
    assert (
        client.get(SESSIONS, params={"start_date": "2025-01-02"}).json()["data"][1]["duration_ms"] == 86401000
    )


def test_pages_hold_every_session_once(client: TestClient, store: Store) -> None:
    # Twenty sessions, many of which end at the same time: ties go by entity and id.
    send(
        store,
        *(
            make_call(
                number,
                {"session.id": f"s{number % 10}", "infraprism.entity.id": f"e{number // 10}"},
                start=NEW_YEAR + number // 5,
            )
            for number in range(20)
            if number
        ),
    )
    whole = client.get(SESSIONS).json()["data"]
    keys = [(row["last_activity_at"], row["entity_id"], row["session_id"]) for row in whole]
    assert len(set(keys)) == 19

    for limit in (1, 7, 19, 20):
        collected: list[Any] = []
        parameters: dict[str, Any] = {"limit": limit}
        while True:
            page = client.get(SESSIONS, params=parameters).json()
            collected += page["data"]
            assert page["has_more"] == (page["next_cursor"] is not None)
            if not page["has_more"]:
                break
            assert len(page["data"]) == limit
            parameters["cursor"] = page["next_cursor"]
        assert collected == whole


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=1e2", "limit"),
        ("limit=", "limit"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2025-02-30", "start_date"),
        ("start_date=2025-01-01T00:00:00", "start_date"),
        ("start_date=2025-01-01T00:00:00+02:00", "start_date"),  # the + is a space
        ("start_date=2025-01-01T25:00:00Z", "start_date"),
        ("start_date=", "start_date"),
        ("cursor=", "cursor"),
        ("cursor=%FF", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=WzEsMiwzLDRd", "cursor"),
        ("cursor=Wy0xLCIiLCIiLCIiXQ", "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(client: TestClient, query: str, parameter: str) -> None:
    answer = client.get(f"{SESSIONS}?{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.pop("detail")
    assert problem == {"type": "about:blank", "title": "Bad Request", "status": 400, "parameter": parameter}


def test_routes_that_take_no_such_parameter(client: TestClient) -> None:
    assert client.get("/v1/status?x=1").json()["parameter"] == "x"
    assert client.get(f"{SESSIONS}/s-1?limit=1").json()["parameter"] == "limit"


def test_what_is_not_there_is_a_problem_too(client: TestClient) -> None:
    assert client.get("/nothing").json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is nothing at /nothing",
    }
    answer = client.post(SESSIONS)
    assert (answer.status_code, sorted(answer.headers["allow"].split(", "))) == (405, ["GET", "HEAD"])


def test_a_store_that_fails_is_a_503(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(create_app(store))
    send(store, make_call())
    monkeypatch.setattr(sessions, "_KEYS", "missing")

    answer = client.get(SESSIONS)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["title"] == "Service Unavailable"


def test_health_and_status(client: TestClient, store: Store) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/v1/status").json() == {
        "calls_stored": 0,
        "spans_stored": 0,
        "repeats_dropped": 0,
        "deleted_dropped": 0,
        "calls_counted_elsewhere": 0,
        "spans_ignored": {},
        "spans_rejected": {},
        "calls_from_logs": 0,
        "logs_ignored": {},
        "logs_rejected": {},
        "values_dropped": {},
        "requests_refused": {},
        "requests_ignored": {},
    }
