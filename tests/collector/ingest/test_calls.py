"""One span in, one row out."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infraprism.collector.ingest.calls import Batch, Call, SessionSpan
from infraprism.collector.ingest.quantities import money
from infraprism.collector.ingest.spans import read_request
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_request, make_span


def read_one(span: Any) -> tuple[Any, Counter[str]]:
    batch = read_request(make_request(span))
    rows = [*batch.calls, *batch.spans]
    assert len(rows) == 1
    return rows[0], batch.values_dropped


def test_a_priced_call_becomes_a_row() -> None:
    span = make_call(
        7,
        {
            "gen_ai.conversation.id": "s-1",
            "infraprism.tag.feature": "chatbot",
            "openai.response.service_tier": "flex",
            "gen_ai.usage.cache_read.input_tokens": 64,
            "gen_ai.usage.cache_creation.input_tokens": 8,
            "gen_ai.usage.reasoning.output_tokens": 32,
            "gen_ai.usage.cost": 0.0075,
            "gen_ai.response.finish_reasons": ["stop"],
            "raw": b"\x00\x01",
            "nested": {"a": [1, None, True]},
        },
        parent=3,
    )

    call, dropped = read_one(span)

    assert call._asdict() == {
        "trace_id": "00000000000000000000000000000007",
        "span_id": "0000000000000007",
        "parent_span_id": "0000000000000003",
        "started_at": NEW_YEAR + 7 * SECOND,
        "ended_at": NEW_YEAR + 8 * SECOND,
        "name": "chat gpt-4o",
        "session_id": "s-1",
        "entity_type": "customer",
        "entity_id": "acme",
        "tags": {"feature": "chatbot"},
        "provider": "openai",
        "operation": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "service_tier": "flex",
        "input_tokens": 1000,
        "output_tokens": 500,
        "cache_read_tokens": 64,
        "cache_write_tokens": 8,
        "reasoning_tokens": 32,
        "amount": Decimal("0.0075"),
        "currency": "USD",
        "cost_status": "priced",
        "cost_source": "local",
        "price_version": "genai-prices 0.2.3",
        "cost_parts": {"input": Decimal("0.0025"), "output": Decimal("0.005")},
        "is_error": False,
        "error_type": None,
        "service_name": "shop",
        "attributes": '{"gen_ai.usage.cost":0.0075,"gen_ai.response.finish_reasons":["stop"],'
        '"raw":"AAE=","nested":{"a":[1,null,true]}}',
        "cost_quantities": {},
        "effective_from": None,
        "adjustment_percent": None,
        "usage": {},
        "usage_unpriced": [],
        "is_batch": False,
        "is_priced_here": False,
        "is_session_inherited": False,
        "is_entity_inherited": False,
    }
    assert dropped == {}


def test_another_span_of_a_session_is_kept_for_the_timeline() -> None:
    span = make_span(
        2,
        {
            "gen_ai.conversation.id": "s-1",
            "infraprism.entity.id": "acme",
            "tool": "search",
            "error.type": "boom",
        },
        name="execute_tool search",
    )

    row, _ = read_one(span)

    assert row == SessionSpan(
        trace_id="00000000000000000000000000000002",
        span_id="0000000000000002",
        parent_span_id=None,
        started_at=NEW_YEAR + 2 * SECOND,
        ended_at=NEW_YEAR + 3 * SECOND,
        name="execute_tool search",
        session_id="s-1",
        entity_type=None,
        entity_id="acme",
        tags={},
        is_error=True,
        error_type="boom",
        service_name="shop",
        attributes='{"tool":"search"}',
    )


def test_a_span_that_is_neither_call_nor_in_a_session_is_ignored_and_counted() -> None:
    batch = read_request(make_request(make_span(1, {"http.route": "/"}), make_span(2, {"session.id": ""})))

    assert batch == Batch(ignored=Counter(no_call_no_session=2))


@pytest.mark.parametrize(
    ("values", "session_id"),
    [
        ({"session.id": "a", "gen_ai.conversation.id": "b"}, "a"),
        ({"session.id": None, "gen_ai.conversation.id": "b"}, "b"),
        ({"session.id": "", "gen_ai.conversation.id": "b"}, "b"),
        ({"session.id": "[Scrubbed due to 'session']", "gen_ai.conversation.id": "b"}, "b"),
        ({"session.id": "[Scrubbed due to 'session']"}, None),
        ({"session.id": 42}, "42"),
        ({"session.id": None}, None),
    ],
)
def test_where_the_session_id_comes_from(values: dict[str, Any], session_id: str | None) -> None:
    assert read_one(make_call(1, values))[0].session_id == session_id


def test_a_conversation_id_that_differs_from_the_session_id_is_not_lost() -> None:
    call, _ = read_one(make_call(1, {"session.id": "a", "gen_ai.conversation.id": "b"}))

    assert json.loads(call.attributes) == {"gen_ai.conversation.id": "b"}


@pytest.mark.parametrize(
    "operation",
    [
        "chat",
        "text_completion",
        "generate_content",
        "embeddings",
        "retrieve_response",
        "batch_request",
    ],
)
def test_a_span_of_another_instrumentation_is_an_unpriced_call(operation: str) -> None:
    call, dropped = read_one(make_span(1, {"gen_ai.operation.name": operation}))

    assert (call.cost_status, call.amount, dropped) == ("unpriced", None, {})


def test_a_call_that_was_priced_has_its_facts_whatever_they_are_called() -> None:
    span = make_span(
        7,
        {
            "gen_ai.operation.name": "chat",
            "llm.provider": "openai",
            "llm.model_name": "gpt-4o",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 40,
            "llm.token_count.prompt_details.cache_read": 20,
            "llm.token_count.prompt_details.cache_write": 10,
            "llm.token_count.completion_details.reasoning": 5,
            "llm.token_count.total": 140,
            "infraprism.cost.status": "unpriced",
        },
    )
    call, _ = read_one(span)
    assert (call.provider, call.response_model) == ("openai", "gpt-4o")
    assert (call.input_tokens, call.output_tokens) == (100, 40)
    assert (call.cache_read_tokens, call.cache_write_tokens, call.reasoning_tokens) == (20, 10, 5)
    assert json.loads(call.attributes) == {"llm.token_count.total": 140}


@pytest.mark.parametrize("make", [make_span, make_call])
def test_a_span_whose_money_is_counted_in_another_one_is_no_call(make: Any) -> None:
    """It stays on the timeline of its session, priced by somebody or not, and counts nowhere."""
    values = {
        "gen_ai.operation.name": "chat",
        "session.id": "s-1",
        "infraprism.cost.counted_in": "0000000000000007",
    }

    row, dropped = read_one(make(1, values))

    assert isinstance(row, SessionSpan)
    assert row.session_id == "s-1"
    assert json.loads(row.attributes)["infraprism.cost.counted_in"] == "0000000000000007"
    assert dropped == {}
    del values["session.id"]
    ignored = read_request(
        make_request(make(1, {**values, "session.id": None} if make is make_call else values))
    )
    assert ignored == Batch(ignored=Counter(no_call_no_session=1))


@pytest.mark.parametrize(
    "span",
    [
        make_span(1, {"gen_ai.operation.name": "chat"}, is_error=True),
        make_span(1, {"gen_ai.operation.name": "chat", "error.type": "RateLimitError"}),
    ],
)
def test_a_request_the_api_refused_has_no_cost_status(span: Any) -> None:
    call, _ = read_one(span)

    assert (call.cost_status, call.amount, call.is_error) == (None, None, True)


@pytest.mark.parametrize(
    ("reasons", "status"),
    [
        (["queued"], None),
        (["in_progress"], None),
        (["completed"], "unpriced"),
        (["queued", "stop"], "unpriced"),
        ([], "unpriced"),
        ([["queued"]], "unpriced"),
        ("queued", "unpriced"),
    ],
)
def test_a_response_that_is_still_to_come_has_no_cost_status(reasons: Any, status: str | None) -> None:
    values = {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": reasons}

    call, dropped = read_one(make_span(1, values))

    assert (call.cost_status, call.amount, call.is_error, dropped) == (status, None, False, {})


def test_a_stream_that_broke_off_unfinished_keeps_its_status() -> None:
    values = {
        "gen_ai.response.finish_reasons": ["in_progress"],
        "infraprism.cost.status": "unpriced",
        "infraprism.cost.amount": None,
    }

    call, _ = read_one(make_call(1, values))

    assert call.cost_status == "unpriced"


def test_a_call_that_broke_off_keeps_its_cost() -> None:
    call, _ = read_one(make_call(1, {"infraprism.cost.status": "estimated"}, is_error=True))

    assert (call.cost_status, call.amount, call.is_error) == ("estimated", Decimal("0.0075"), True)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        *(
            ({"infraprism.cost.amount": amount}, "amount_invalid")
            for amount in (
                "", "x", "NaN", "Infinity", "-1", "-0.1", " 1", "1_0", "٣", "1e999999999", "9" * 5000,
                "100000000000000", "0.0000000000000000000000001", 0.0075, 1, True,
            )
        ),
        ({"infraprism.cost.amount": None}, "amount_missing"),
        ({"infraprism.cost.currency": "EUR"}, "currency_unknown"),
        ({"infraprism.cost.currency": None}, "currency_unknown"),
        ({"infraprism.cost.status": "cheap"}, "cost_status_unknown"),
        ({"infraprism.cost.status": 1}, "cost_status_unknown"),
        ({"infraprism.cost.status": "unpriced"}, "amount_contradicts_status"),
        ({"infraprism.cost.status": "free"}, "amount_contradicts_status"),
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_trusted_leaves_the_call_unpriced(values: Any, reason: str) -> None:
    call, dropped = read_one(make_call(1, values))

    assert (call.cost_status, call.amount, call.cost_parts) == ("unpriced", None, {})
    assert dropped == {reason: 1}
    sent = values.get("infraprism.cost.amount", "0.0075")
    assert json.loads(call.attributes).get("infraprism.cost.amount") == sent


def test_statuses_without_money() -> None:
    unpriced, _ = read_one(
        make_call(1, {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None})
    )
    free, _ = read_one(make_call(1, {"infraprism.cost.status": "free", "infraprism.cost.amount": "0"}))

    assert (unpriced.cost_status, unpriced.amount) == ("unpriced", None)
    assert (free.cost_status, free.amount) == ("free", Decimal(0))


@pytest.mark.parametrize("tokens", [-1, 1.5, "12", True, [1]])
def test_a_token_count_that_is_none_is_dropped_and_counted(tokens: Any) -> None:
    call, dropped = read_one(make_call(1, {"gen_ai.usage.input_tokens": tokens}))

    assert call.input_tokens is None
    assert dropped == {"tokens_invalid": 1}
    assert json.loads(call.attributes) == {"gen_ai.usage.input_tokens": tokens}


def test_a_cost_part_that_is_no_amount_is_dropped_and_counted() -> None:
    call, dropped = read_one(make_call(1, {"infraprism.cost.tools": "lots"}))

    assert call.cost_parts == {"input": Decimal("0.0025"), "output": Decimal("0.005")}
    assert dropped == {"cost_part_invalid": 1}


def test_what_explains_a_cost_has_columns() -> None:
    call, dropped = read_one(
        make_call(
            1,
            {
                "infraprism.cost.quantities": "input=800 cache_read=200 audio_seconds=12.5",
                "infraprism.cost.effective_from": "2024-10-01T00:00:00Z",
                "infraprism.cost.adjustment_percent": "-7.5",
                "infraprism.usage.input_audio_tokens": 100,
                "infraprism.usage.web_searches": 2,
                "infraprism.usage.audio_seconds": "12.5",
                "infraprism.usage.video_seconds": 8,
                "infraprism.usage.unpriced": ["code_interpreter", "image_generation"],
                "infraprism.batch.request": True,
            },
        )
    )

    assert [*call.cost_quantities.items()] == [
        ("input", 800),
        ("cache_read", 200),
        ("audio_seconds", Decimal("12.5")),
    ]
    assert call.effective_from == 1_727_740_800 * SECOND
    assert call.adjustment_percent == Decimal("-7.5")
    assert call.usage == {
        "input_audio_tokens": 100,
        "web_searches": 2,
        "audio_seconds": Decimal("12.5"),
        "video_seconds": 8,
    }
    assert call.usage_unpriced == ["code_interpreter", "image_generation"]
    assert call.is_batch is True
    assert call.cost_parts == {"input": Decimal("0.0025"), "output": Decimal("0.005")}
    assert (call.attributes, dropped) == ("{}", {})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        *(
            ("infraprism.cost.quantities", value, "cost_quantities_invalid")
            for value in (
                "", "input", "input=", "=5", "input=-1", "input=1e3", "input=1 input=2", "input=1  output=2",
                "input=1,output=2", "input=0.0000000000000000001", f"input={'9' * 21}", 800, ["input=1"],
            )
        ),
        *(
            ("infraprism.cost.effective_from", value, "effective_from_invalid")
            for value in ("", "yesterday", "2024-13-01", "2024-10-01T00:00:00", 1_727_740_800)
        ),
        *(
            ("infraprism.cost.adjustment_percent", value, "adjustment_percent_invalid")
            for value in ("", "7,5", "NaN", "1e2", -7.5, 7)
        ),
        *(
            ("infraprism.usage.web_searches", value, "usage_invalid")
            for value in (-1, 1.5, "2", True, [1])
        ),
        *(("infraprism.usage.audio_seconds", value, "usage_invalid") for value in (-1, 1.5, "-1", "x", True)),
        *(
            ("infraprism.usage.unpriced", value, "usage_unpriced_invalid")
            for value in ("code_interpreter", [1], ["a", None])
        ),
        *(("infraprism.batch.request", value, "batch_request_invalid") for value in ("true", 1)),
    ],
)  # fmt: skip
def test_what_explains_a_cost_and_cannot_be_used_is_kept_and_counted(
    name: str, value: Any, reason: str
) -> None:
    plain, _ = read_one(make_call(1))

    call, dropped = read_one(make_call(1, {name: value}))

    assert dropped == {reason: 1}
    assert json.loads(call.attributes) == {name: value}
    assert call._replace(attributes="{}") == plain


def test_a_usage_of_another_name_stays_an_attribute() -> None:
    call, dropped = read_one(make_call(1, {"infraprism.usage.pages": 3}))

    assert (call.usage, json.loads(call.attributes), dropped) == ({}, {"infraprism.usage.pages": 3}, {})


@pytest.mark.parametrize("status", ["unpriced", None])
def test_a_call_without_an_amount_keeps_its_usage(status: str | None) -> None:
    call, dropped = read_one(
        make_call(
            1,
            {
                "gen_ai.request.model": "nobody-knows",
                "gen_ai.response.model": None,
                "infraprism.cost.status": status,
                "infraprism.cost.amount": None,
                "infraprism.usage.images": 2,
            },
        )
    )

    assert (call.cost_status, call.usage, dropped) == ("unpriced", {"images": 2}, {})


@pytest.mark.parametrize(
    ("values", "is_batch"),
    [
        ({}, False),
        ({"infraprism.batch.request": False}, False),
        ({"infraprism.batch.id": "batch_1"}, True),
        ({"infraprism.batch.custom_id": "row-1"}, True),
        ({"infraprism.batch.custom_id": "row-1", "infraprism.batch.request": False}, False),
    ],
)
def test_which_calls_are_of_a_batch(values: dict[str, Any], is_batch: bool) -> None:
    assert read_one(make_call(1, values))[0].is_batch is is_batch


def test_malformed_spans_are_refused_and_their_neighbours_kept() -> None:
    def broken(**fields: Any) -> Any:
        span = make_call(2)
        for name, value in fields.items():
            setattr(span, name, value)
        return span

    batch = read_request(
        make_request(
            make_call(1),
            broken(trace_id=b"short"),
            broken(trace_id=bytes(16)),
            broken(span_id=bytes(8)),
            broken(span_id=b"123456789"),
            broken(start_time_unix_nano=0),
            broken(end_time_unix_nano=0),
            broken(end_time_unix_nano=NEW_YEAR),
            broken(end_time_unix_nano=2**63),
            make_call(3, seconds=0),
        )
    )

    assert [call.span_id for call in batch.calls] == ["0000000000000001", "0000000000000003"]
    assert batch.rejected == {
        "trace_id_invalid": 2,
        "span_id_invalid": 2,
        "time_missing": 2,
        "ended_before_started": 1,
        "time_out_of_range": 1,
    }


@pytest.mark.parametrize("text", ["a\0b", "\U0001f600", "x" * 100_000, "'; DROP TABLE calls; --"])
def test_any_text_is_kept_as_it_is(text: str) -> None:
    call, _ = read_one(make_call(1, {"session.id": text, f"infraprism.tag.{text}": text}))

    assert (call.session_id, call.tags) == (text, {text: text})


@given(st.decimals(min_value=0, max_value="99999999999999", places=24, allow_nan=False))
def test_money_is_read_to_the_last_digit(amount: Decimal) -> None:
    assert money(str(amount)) == amount
    assert money(format(amount, "f")) == amount


@given(st.text(alphabet="0123456789+-.eE_ NaInf", max_size=80))
def test_money_is_an_amount_the_store_can_hold_or_nothing(text: str) -> None:
    amount = money(text)

    assert amount is None or (0 <= amount < 10**14 and Decimal(text) == amount)


def test_fields_are_the_columns_of_the_tables(store: Any) -> None:
    with store.reader() as connection:
        for table, fields in (("calls", Call._fields), ("spans", SessionSpan._fields)):
            described = connection.execute(f"DESCRIBE {table}").fetchall()
            assert tuple(column[0] for column in described) == fields
