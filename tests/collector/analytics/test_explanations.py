"""`GET /v1/analytics/calls/{trace_id}/{span_id}`: a call, and how its cost came about."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.store.embedded import Store
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_span
from tests.support.repriced import (
    CALLS,
    call_path,
    exact,
    make_billed,
    make_unpriced,
    priced_client,
    send,
)

D = Decimal


def explanation(client: TestClient, store: Store, span: Any) -> dict[str, Any]:
    send(store, span)
    answer = exact(client.get(call_path(int.from_bytes(span.span_id, "big"))))
    found: dict[str, Any] = answer["explanation"]
    return found


def rows(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(line.values()) for line in found["lines"]]


def test_a_whole_answer(client: TestClient, store: Store) -> None:
    send(
        store,
        make_billed(
            1,
            {
                "infraprism.tag.feature": "chatbot",
                "openai.response.service_tier": "default",
                "gen_ai.usage.cache_read.input_tokens": 200,
                "infraprism.cost.cache_read": "0.00025",
                "infraprism.cost.input": "0.002",
                "infraprism.cost.amount": "0.00725",
                "infraprism.cost.quantities": "cache_read=200 input=800 output=500",
                "infraprism.cost.effective_from": "2024-10-01T00:00:00Z",
                "infraprism.cost.adjustment_percent": "7.5",
                "gen_ai.response.finish_reasons": ["stop"],
            },
            parent=9,
        ),
    )

    assert exact(client.get(call_path(1))) == {
        "trace_id": f"{1:032x}",
        "span_id": f"{1:016x}",
        "started_at": "2025-01-01T00:00:01.000000Z",
        "ended_at": "2025-01-01T00:00:02.000000Z",
        "duration_ms": 1000,
        "operation": "chat",
        "provider": "openai",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "input_tokens": 1000,
        "output_tokens": 500,
        "cached_tokens": 200,
        "reasoning_tokens": None,
        "cost": D("0.00725"),
        "currency": "USD",
        "cost_status": "priced",
        "cost_source": "local",
        "price_version": "genai-prices 0.2.3",
        "cost_parts": {"cache_read": D("0.00025"), "input": D("0.002"), "output": D("0.005")},
        "is_error": False,
        "error_type": None,
        "tags": {"feature": "chatbot"},
        "name": "chat gpt-4o",
        "parent_span_id": f"{9:016x}",
        "session_id": "s-1",
        "entity_type": "customer",
        "entity_id": "acme",
        "service_name": "shop",
        "cache_write_tokens": None,
        "usage": {},
        "is_batch": False,
        "explanation": {
            "status": "the amount is exact by the rates of the price list",
            "is_usage_estimated": False,
            "price_list": "genai-prices 0.2.3",
            "effective_from": "2024-10-01T00:00:00.000000Z",
            "adjustment_percent": D("7.5"),
            "lines": [
                {
                    "part": part,
                    "quantity": quantity,
                    "unit": "tokens",
                    "rate": D(rate).scaleb(-6),
                    "listed_rate": D(rate),
                    "listed_per": "1M",
                    "amount": D(amount),
                }
                for part, quantity, rate, amount in (
                    ("cache_read", 200, "1.25", "0.00025"),
                    ("input", 800, "2.5", "0.002"),
                    ("output", 500, "10", "0.005"),
                )
            ],
            "total": D("0.00725"),
            "unpriced": [],
        },
        "recosts": [],
        "attributes": {"gen_ai.response.finish_reasons": ["stop"]},
    }


def test_each_kind_of_part_has_the_unit_that_people_know(client: TestClient, store: Store) -> None:
    found = explanation(
        client,
        store,
        make_call(
            1,
            {
                "infraprism.cost.amount": "0.163215833333",
                "infraprism.cost.quantities": "input_characters=100 audio_seconds=7 web_searches=2"
                " requests=1 input=0 output=500",
                "infraprism.cost.input_characters": "0.003",
                # 0.111 USD an hour, rounded
                "infraprism.cost.audio_seconds": "0.000215833333",
                "infraprism.cost.web_searches": "0.05",
                "infraprism.cost.requests": "0.1",
                "infraprism.cost.input": "0",
                "infraprism.cost.output": "0.01",
            },
        ),
    )

    assert rows(found) == [
        ("input_characters", 100, "characters", D("0.00003"), 30, "1M", D("0.003")),
        ("audio_seconds", 7, "seconds", None, D("0.111"), "hour", D("0.000215833333")),
        ("web_searches", 2, "searches", D("0.025"), 25, "1K", D("0.05")),
        ("requests", 1, "requests", D("0.1"), 100, "1K", D("0.1")),
        ("input", 0, "tokens", None, None, "1M", 0),
        ("output", 500, "tokens", D("0.00002"), 20, "1M", D("0.01")),
    ]
    assert sum(line["amount"] for line in found["lines"]) == found["total"]


def test_parts_that_do_not_add_up_leave_a_line_that_says_so(client: TestClient, store: Store) -> None:
    found = explanation(client, store, make_billed(1, {"infraprism.cost.amount": "0.0071"}))

    assert rows(found)[-1] == ("unexplained", None, "call", None, None, "call", D("-0.0004"))
    assert sum(line["amount"] for line in found["lines"]) == found["total"] == D("0.0071")


@pytest.mark.parametrize(
    ("values", "quantities"),
    [
        ({}, {"input": 1000, "output": 500}),
        (
            {
                "gen_ai.usage.cache_read.input_tokens": 200,
                "gen_ai.usage.reasoning.output_tokens": 100,
                "infraprism.cost.cache_read": "0",
                "infraprism.cost.reasoning": "0",
            },
            {"cache_read": 200, "input": 800, "output": 400, "reasoning": 100},
        ),
        # Without a part of its own, what is cached was billed as input.
        ({"gen_ai.usage.cache_read.input_tokens": 200}, {"input": 1000, "output": 500}),
        ({"infraprism.cost.input_audio": "0"}, {"input": None, "input_audio": None, "output": None}),
    ],
)
def test_a_call_without_quantities_is_explained_by_its_tokens(
    client: TestClient, store: Store, values: dict[str, Any], quantities: dict[str, int | None]
) -> None:
    found = explanation(client, store, make_call(1, values))

    assert {line["part"]: line["quantity"] for line in found["lines"]} == quantities
    assert found["total"] == D("0.0075")


@pytest.mark.parametrize(
    ("span", "status", "unpriced"),
    [
        (
            make_billed(
                1,
                {
                    "infraprism.cost.status": "partial",
                    "infraprism.usage.unpriced": ["code_interpreter"],
                    "infraprism.usage.input_audio_tokens": 50,
                    "infraprism.usage.images": 2,
                },
            ),
            "something that was billed has no known price: the amount is a floor",
            ["input_audio_tokens", "images", "code_interpreter"],
        ),
        (
            make_unpriced(1),
            "no amount is known: there is no price for this model, tier and date",
            ["input_tokens", "output_tokens"],
        ),
        (
            make_span(1, {"gen_ai.operation.name": "chat"}),
            "no amount is known: no usage was reported",
            [],
        ),
        (
            make_span(1, {"gen_ai.operation.name": "chat", "error.type": "429"}),
            "the request failed and is not billed",
            [],
        ),
        (
            make_span(1, {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["queued"]}),
            "the response was still to come: its cost is in the call that fetched it",
            [],
        ),
        (
            make_call(
                1,
                {
                    "infraprism.cost.source": "provider",
                    "infraprism.cost.input": None,
                    "infraprism.cost.output": None,
                    "infraprism.cost.reported": "0.0075",
                    "infraprism.cost.quantities": "reported=1",
                },
            ),
            "the amount is what the provider itself says",
            [],
        ),
    ],
)
def test_the_status_in_words_and_what_has_no_price(
    client: TestClient, store: Store, span: Any, status: str, unpriced: list[str]
) -> None:
    found = explanation(client, store, span)

    assert (found["status"], found["unpriced"]) == (status, unpriced)


def test_an_estimated_stream_is_explained_by_its_estimate(client: TestClient, store: Store) -> None:
    found = explanation(
        client,
        store,
        make_call(
            1,
            {
                "infraprism.cost.status": "estimated",
                "gen_ai.usage.input_tokens": None,
                "gen_ai.usage.output_tokens": None,
                "infraprism.estimated.input_tokens": 1000,
                "infraprism.estimated.output_tokens": 500,
            },
        ),
    )

    assert found["is_usage_estimated"] is True
    assert [line["quantity"] for line in found["lines"]] == [1000, 500]


def test_of_several_calls_with_these_ids_the_last_one_is_explained(client: TestClient, store: Store) -> None:
    send(store, make_billed(1), make_billed(1, start=NEW_YEAR + 9 * SECOND), make_billed(1, start=NEW_YEAR))

    assert client.get(call_path(1)).json()["started_at"] == "2025-01-01T00:00:09.000000Z"


def test_the_currency_of_display(store: Store, tmp_path: Path) -> None:
    rates = "[display]\ncurrency = 'EUR'\nrates = [{ from = 2025-01-01T00:00:02Z, rate = '0.9' }]\n"
    client = priced_client(store, tmp_path, rates)
    send(store, make_billed(1), make_billed(3), make_unpriced(4))

    shown = [exact(client.get(call_path(number)))["display"] for number in (1, 3, 4)]

    assert shown == [
        {"currency": "EUR", "rate": None, "cost": None},
        {"currency": "EUR", "rate": D("0.9"), "cost": D("0.00675")},
        {"currency": "EUR", "rate": D("0.9"), "cost": None},
    ]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        (f"{1:032x}/{1:016x}", 404, f"there is no call {1:032x}/{1:016x}"),
        (f"{1:031x}/{1:016x}", 400, "trace_id must be 32 hexadecimal digits"),
        (f"{1:032x}/{1:015x}g", 400, "span_id must be 16 hexadecimal digits"),
        (f"{1:032x}", 400, "span_id must be 16 hexadecimal digits"),
        (f"{1:032x}/{1:016x}/x", 400, "span_id must be 16 hexadecimal digits"),
        (f"{1:032x}/{1:016x}?limit=1", 400, "there is no parameter 'limit'"),
    ],
)
def test_what_is_no_call(client: TestClient, path: str, status: int, detail: str) -> None:
    answer = client.get(f"{CALLS}/{path}")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["detail"]) == (status, detail)
