"""Programs that call the simulated API, a real collector, and whether it has what the API billed."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
from simulated_openai import SimulatedOpenAI

from tests.support.processes import Process


def environ(**variables: str) -> dict[str, str]:
    """The tests' own environment, without settings of whoever runs them."""
    ours = ("OTEL_", "OPENAI_", "INFRAPRISM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def exporting(api: SimulatedOpenAI, collector: str, **variables: str) -> dict[str, str]:
    """The environment of a program that calls the one and exports its spans to the other."""
    return (
        environ(
            OPENAI_BASE_URL=api.base_url,
            OPENAI_API_KEY="anything",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )
        | variables
    )


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of an empty collector that keeps its database in `folder`."""
    command = [sys.executable, "-m", "infraprism", "serve", "--port", "0"]
    with Process([*command, "--database", str(folder / "calls.duckdb")], environ()) as process:
        yield process.wait_for_line(r"listening on (http://127\.0\.0\.1:\d+),").group(1)


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer, parse_float=Decimal)


def price(billed: Mapping[str, Any]) -> Decimal:
    """What a line of the bill costs, by the price list's own arithmetic."""
    usage = billed["usage"]
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    assert billed["service_tier"] in (None, "default")
    tokens = genai_prices.Usage(
        input_tokens=usage.get("prompt_tokens", usage.get("input_tokens")),
        output_tokens=usage.get("completion_tokens", usage.get("output_tokens")),
        cache_read_tokens=details.get("cached_tokens"),
    )
    return genai_prices.calc_price(
        tokens, billed["model"], provider_id="openai", genai_request_timestamp=datetime.now(UTC)
    ).total_price


def check(api: SimulatedOpenAI, collector: str, calls: Mapping[str, int]) -> None:
    """The collector has these calls of acme-corp by session and no others, each as it was billed."""
    sessions = ask(f"{collector}/v1/analytics/sessions")["data"]
    assert {session["session_id"]: session["call_count"] for session in sessions} == calls
    found: list[tuple[str | None, Decimal]] = []
    bill = {call["id"]: price(call) for call in api.bill()}
    for session in sessions:
        assert (session["entity_type"], session["entity_id"]) == ("customer", "acme-corp")
        assert (session["turn_count"], session["cost_status"]) == (session["call_count"], "priced")
        details = ask(f"{collector}/v1/analytics/sessions/{session['session_id']}?entity_type=customer")
        for call in details["calls"]:
            stored = ask(f"{collector}/v1/analytics/calls/{call['trace_id']}/{call['span_id']}")
            found.append((stored["attributes"].get("gen_ai.response.id"), call["cost"]))
        assert session["total_cost"] == sum(call["cost"] for call in details["calls"])
    assert sorted(cost for _, cost in found) == sorted(bill.values())
    # Not every instrumentation names the response.
    assert Counter(one for one in found if one[0]) <= Counter(bill.items())
    assert ask(f"{collector}/v1/status")["calls_stored"] == len(bill)
