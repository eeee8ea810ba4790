"""From recorded exchanges to the Analytics API: what was recorded is what is reported, to the last digit."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.support.calls import Recording, adrain, drain, instrumented
from tests.support.cassettes import SKIPPED, Exchange, load
from tests.support.processes import Process

EXCHANGES = load()
pytestmark = pytest.mark.skipif(not EXCHANGES, reason=SKIPPED)
each = pytest.mark.parametrize("exchange", EXCHANGES, ids=[exchange.name for exchange in EXCHANGES])


def usage(exchange: Exchange) -> dict[str, int]:
    """The recorded tokens, by kind; empty where none were reported."""
    recorded = None if exchange.failed else exchange.reported("usage")
    if recorded is None:
        return {}
    details = recorded.get("prompt_tokens_details") or recorded.get("input_tokens_details") or {}
    found = {
        "input": recorded.get("prompt_tokens", recorded.get("input_tokens")),
        "output": recorded.get("completion_tokens", recorded.get("output_tokens")),
        "cached": details.get("cached_tokens"),
    }
    return {kind: tokens for kind, tokens in found.items() if tokens is not None}


def estimate(exchange: Exchange) -> dict[str, int]:
    """The tokens of a stream that reported none, as `docs/reference.md` says that they are counted."""

    def count(text: str | None) -> int:
        return -(-len((text or "").encode()) // 4)

    messages = exchange.request["messages"]
    assert all(isinstance(message["content"], str) for message in messages)
    said = ""
    for choice in (choice for answer in exchange.answers for choice in answer["choices"]):
        said += choice["delta"].get("content") or ""
        for call in choice["delta"].get("tool_calls", ()):
            said += call["function"].get("name", "") + call["function"].get("arguments", "")
    return {"input": 3 + sum(4 + count(message["content"]) for message in messages), "output": count(said)}


def price(exchange: Exchange) -> Decimal | None:
    """What the recorded tokens, or else the estimated ones, cost, by the price list's own arithmetic."""
    if exchange.failed:
        return None
    tokens = usage(exchange) or estimate(exchange)
    assert exchange.reported("service_tier") in (None, "default")
    calculated = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=tokens["input"],
            output_tokens=tokens.get("output"),
            cache_read_tokens=tokens.get("cached"),
        ),
        exchange.reported("model"),
        provider_id="openai",
        genai_request_timestamp=datetime.now(UTC),
    )
    return calculated.total_price


def outcome(error_or_result: Any) -> Any:
    if isinstance(error_or_result, Exception):
        return type(error_or_result), str(error_or_result), getattr(error_or_result, "body", None)
    return type(error_or_result), error_or_result


def replay(exchange: Exchange, **who: Any) -> Any:
    """What the recorded request returns or raises."""
    try:
        return outcome(drain(exchange.call(exchange.client(), **who)))
    except Exception as error:
        return outcome(error)


async def areplay(exchange: Exchange, **who: Any) -> Any:
    """As `replay`, through the async client."""
    try:
        return outcome(await adrain(exchange.call(exchange.async_client(), **who)))
    except Exception as error:
        return outcome(error)


@each
async def test_an_exchange_is_the_same_with_instrumentation(exchange: Exchange) -> None:
    bare, bare_async = replay(exchange), await areplay(exchange)
    with instrumented() as recording:
        assert replay(exchange, session_id="s-1", tags={"a": "b"}) == bare
        assert await areplay(exchange) == bare_async
    spans = recording.spans
    assert len(spans) == 2
    for span in spans:
        attributes = span["attributes"]
        names = {
            "input": "gen_ai.usage.input_tokens",
            "output": "gen_ai.usage.output_tokens",
            "cached": "gen_ai.usage.cache_read.input_tokens",
        }
        assert {kind: attributes[name] for kind, name in names.items() if name in attributes} == usage(
            exchange
        )
        amount = attributes.get("infraprism.cost.amount")
        assert (None if amount is None else Decimal(amount)) == price(exchange)
        assert span["status"][0] == ("ERROR" if exchange.failed else "UNSET")
        assert attributes.get("gen_ai.response.id") == (None if exchange.failed else exchange.reported("id"))
        model = None if exchange.failed else exchange.reported("model")
        assert attributes.get("gen_ai.response.model") == model


Who = tuple[str, str]  # entity and session


def calls() -> dict[Who, list[Exchange]]:
    """Whose calls the exchanges are: each in a session of acme's, every third in globex's of the same id."""
    sessions: dict[Who, list[Exchange]] = {}
    for number, exchange in enumerate(EXCHANGES):
        sessions.setdefault(("acme", f"{exchange.surface}-{number % 4}"), []).append(exchange)
        if number % 3 == 0:
            sessions.setdefault(("globex", f"{exchange.surface}-{number % 4}"), []).append(exchange)
    return sessions


def expected(entity: str, session: str, exchanges: list[Exchange]) -> dict[str, Any]:
    """The row of a session, from the recordings alone."""
    count: Counter[str] = Counter()
    total = Decimal(0)
    models: set[str] = set()
    for exchange in exchanges:
        count["calls"] += 1
        count["errors"] += exchange.failed
        count["turns"] += exchange.surface != "embeddings" and not exchange.failed
        count.update(usage(exchange))
        cost = price(exchange)
        count["estimated"] += not usage(exchange) and not exchange.failed
        total += cost or 0
        models.add(exchange.request["model"] if exchange.failed else exchange.reported("model"))
    return {
        "session_id": session,
        "entity_type": "customer",
        "entity_id": entity,
        "turn_count": count["turns"],
        "call_count": count["calls"],
        "error_count": count["errors"],
        "total_cost": total,
        "currency": "USD",
        "cost_status": "estimated" if count["estimated"] else "priced",
        "unpriced_calls": 0,
        "input_tokens": count["input"],
        "output_tokens": count["output"],
        "cached_tokens": count["cached"],
        "models": sorted(models),
        "tags": {"surface": [exchanges[0].surface]},
    }


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """The sessions that a collector lists once every exchange was replayed and exported to it."""
    database = tmp_path_factory.mktemp("collector") / "calls.duckdb"
    serve = [sys.executable, "-m", "infraprism", "serve", "--port", "0", "--database", str(database)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INFRAPRISM_")}
    with Process(serve, environ) as collector:
        url = collector.wait_for_line(r"http://[\w.:]+")[0]
        recording = Recording(id_generator=None)
        processor = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"))
        recording.tracer_provider.add_span_processor(processor)
        with instrumented(recording):
            for (entity, session), exchanges in calls().items():
                for exchange in exchanges:
                    replay(
                        exchange,
                        session_id=session,
                        entity_type="customer",
                        entity_id=entity,
                        tags={"surface": exchange.surface},
                    )
        processor.shutdown()
        with urllib.request.urlopen(f"{url}/v1/analytics/sessions?limit=1000", timeout=20) as response:
            answer = json.loads(response.read(), parse_float=Decimal)
        assert answer["has_more"] is False
        with urllib.request.urlopen(f"{url}/v1/status", timeout=20) as response:
            status = json.loads(response.read())
        assert status["calls_stored"] == sum(len(exchanges) for exchanges in calls().values())
        assert not any(value for name, value in status.items() if name != "calls_stored"), status
        yield answer["data"]


def test_the_sessions_are_those_of_the_two_entities(reported: list[dict[str, Any]]) -> None:
    listed = [(row["entity_id"], row["session_id"]) for row in reported]
    assert sorted(listed) == sorted(calls())
    assert {entity for entity, _ in listed} == {"acme", "globex"}


@pytest.mark.parametrize("who", calls(), ids="/".join)
def test_a_sessions_totals_are_what_was_recorded(reported: list[dict[str, Any]], who: Who) -> None:
    (found,) = [{**row} for row in reported if (row["entity_id"], row["session_id"]) == who]
    started, ended = (datetime.fromisoformat(found.pop(f"{n}_at")) for n in ("started", "last_activity"))
    assert started <= ended
    assert found.pop("duration_ms") >= 0
    assert found == expected(*who, calls()[who])


def test_the_recordings_hold_what_these_tests_are_about() -> None:
    rows = [expected(*who, exchanges) for who, exchanges in calls().items()]
    assert {row["cost_status"] for row in rows} == {"priced", "estimated"}
    assert sum(row["error_count"] for row in rows) > 5
    assert sum(row["total_cost"] for row in rows) > Decimal("0.001")
