"""Calls of other instrumentations, which come without a cost: all are understood, and priced."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from infraprism.collector.ingest.calls import Call, SessionSpan
from infraprism.collector.ingest.spans import read_request
from tests.support.otlp import SECOND, make_request, make_span
from tests.test_dialects import DIALECTS

NOON = 1_795_608_000 * SECOND  # 2026-11-25


def read_call(values: dict[str, Any]) -> Call:
    (call,) = read_request(make_request(make_span(1, values, start=NOON))).calls
    return call


#: How each says that a span is a model call.
SAYS_CALL = {
    "OpenTelemetry": {"gen_ai.operation.name": "chat"},
    "OpenLLMetry": {"llm.request.type": "chat"},
    "OpenInference": {"openinference.span.kind": "LLM"},
    "Langfuse": {"langfuse.observation.type": "generation"},
}


@pytest.mark.parametrize("says_call", SAYS_CALL)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_the_same_call_at_the_same_cost(dialect: str, says_call: str) -> None:
    call = read_call(SAYS_CALL[says_call] | DIALECTS[dialect])

    assert (call.operation, call.provider, call.response_model or call.request_model) == (
        "chat",
        "openai",
        "gpt-4o-2024-08-06",
    )
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (100, 40, 20)
    # 70 x 4.25 + 20 x 2.125 + 10 x 4.25 + 40 x 17, by the million, as the plugin has it.
    assert (call.amount, call.currency, call.cost_source) == (Decimal("0.0010625"), "USD", "local")
    assert sum(call.cost_parts.values()) == call.amount
    assert call.is_priced_here


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"gen_ai.usage.cost": 0.25}, ("estimated", Decimal("0.25"), "instrumentation")),
        ({"llm.cost.total": 0.25}, ("estimated", Decimal("0.25"), "instrumentation")),
        ({"operation.cost": 0.25}, ("estimated", Decimal("0.25"), "instrumentation")),
        (
            {"langfuse.observation.cost_details": '{"total": 0.25}'},
            ("estimated", Decimal("0.25"), "instrumentation"),
        ),
        ({"gen_ai.usage.cost": 0}, ("unpriced", None, None)),
        ({"gen_ai.usage.cost": 1e30}, ("unpriced", None, None)),
    ],
)
def test_where_we_have_no_price_theirs_is_an_estimate(values: dict[str, Any], expected: Any) -> None:
    call = read_call({"gen_ai.operation.name": "chat", "gen_ai.request.model": "nobody-knows", **values})

    assert (call.cost_status, call.amount, call.cost_source) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"langfuse.session.id": "s"}, ("s", None, None, {})),
        ({"traceloop.association.properties.session_id": "s"}, ("s", None, None, {})),
        ({"session.id": "s", "langfuse.session.id": "other"}, ("s", None, None, {})),
        ({"gen_ai.conversation.id": "s"}, ("s", None, None, {})),
        ({"session.id": "s", "user.id": "u"}, ("s", "user", "u", {})),
        ({"session.id": "s", "langfuse.user.id": "u"}, ("s", "user", "u", {})),
        (
            {"session.id": "s", "user.id": "u", "infraprism.entity.id": "acme"},
            ("s", None, "acme", {}),
        ),
        (
            {"session.id": "s", "langfuse.trace.tags": ["a", "b:c"]},
            ("s", None, None, {"a": "true", "b": "c"}),
        ),
        ({"session.id": "s", "tag.tags": ["a"], "infraprism.tag.a": "x"}, ("s", None, None, {"a": "x"})),
    ],
)
@pytest.mark.parametrize("operation", ["chat", "execute_tool"])
def test_whose_a_span_is_in_every_dialect(values: dict[str, Any], expected: Any, operation: str) -> None:
    batch = read_request(make_request(make_span(1, {"gen_ai.operation.name": operation, **values})))

    (row,) = [*batch.calls, *batch.spans]
    assert isinstance(row, Call if operation == "chat" else SessionSpan)
    assert (row.session_id, row.entity_type, row.entity_id, row.tags) == expected


def test_usage_by_our_names_is_priced_too() -> None:
    call = read_call(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 500,
            "infraprism.usage.unpriced": ["code_interpreter"],
        }
    )

    assert (call.cost_status, call.amount) == ("partial", Decimal("0.0075"))


@pytest.mark.parametrize(
    "values", [{"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 50}, {}]
)
def test_an_impossible_or_missing_usage_costs_nothing_that_is_known(values: dict[str, Any]) -> None:
    call = read_call({"gen_ai.operation.name": "chat", "gen_ai.request.model": "nobody-knows", **values})

    assert (call.cost_status, call.amount, call.cost_parts) == ("unpriced", None, {})
