"""Each example as its reader runs it: under `opentelemetry-instrument`, into a collector, then asked for.

What the Analytics API answers is compared with the simulated API's own bill.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from simulated_openai import SimulatedOpenAI

from tests.support.processes import Process

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMANDS = Path(sys.executable).parent
INSTRUMENT = COMMANDS / "opentelemetry-instrument"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
#: US dollars for a token of gpt-4o.
INPUT_PRICE, CACHED_PRICE, OUTPUT_PRICE = Decimal("2.5e-6"), Decimal("1.25e-6"), Decimal("10e-6")


def environ(**variables: str) -> dict[str, str]:
    """The tests' own environment, without settings of whoever runs them."""
    ours = ("OTEL_", "OPENAI_", "INFRAPRISM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[str]:
    """The address of an empty collector."""
    command = [COMMANDS / "infraprism", "serve", "--port", "0", "--database", tmp_path / "calls.duckdb"]
    with Process([str(word) for word in command], environ()) as process:
        line = r"^InfraPrism collector listening on (http://127\.0\.0\.1:\d+), data in "
        yield process.wait_for_line(line).group(1)


def run(
    program: str, api: SimulatedOpenAI, collector: str, launcher: tuple[Path, ...] = (INSTRUMENT,)
) -> subprocess.CompletedProcess[str]:
    """Run an example as its reader would."""
    return subprocess.run(
        [*launcher, sys.executable, EXAMPLES / program],
        env=environ(
            OPENAI_BASE_URL=api.base_url,
            OPENAI_API_KEY="anything",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        ),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


def list_sessions(collector: str) -> list[dict[str, Any]]:
    """Every session that the Analytics API knows, the last active one first, without its times."""
    with urllib.request.urlopen(f"{collector}/v1/analytics/sessions") as answer:
        body = json.load(answer, parse_float=Decimal)
    assert (body["next_cursor"], body["has_more"]) == (None, False)
    for session in body["data"]:
        assert session.pop("started_at") <= session.pop("last_activity_at")
        assert session.pop("duration_ms") >= 0
    return body["data"]


def expected_session(session_id: str, calls: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """The session that these entries of the bill make up."""
    usages = [call["usage"] for call in calls]
    prompt = sum(usage["prompt_tokens"] for usage in usages)
    cached = sum(usage["prompt_tokens_details"]["cached_tokens"] for usage in usages)
    completion = sum(usage["completion_tokens"] for usage in usages)
    return {
        "session_id": session_id,
        "entity_type": "customer",
        "entity_id": "acme-corp",
        "turn_count": len(calls),
        "call_count": len(calls),
        "error_count": 0,
        "total_cost": (prompt - cached) * INPUT_PRICE + cached * CACHED_PRICE + completion * OUTPUT_PRICE,
        "currency": "USD",
        "cost_status": "priced",
        "unpriced_calls": 0,
        "input_tokens": prompt,
        "output_tokens": completion,
        "cached_tokens": cached,
        "models": ["gpt-4o-2024-08-06"],
        "tags": {},
        **changes,
    }


def only_session_id(sessions: list[dict[str, Any]]) -> str:
    """The id of the one session, which the program has drawn at random."""
    (session,) = sessions
    assert re.fullmatch(UUID, session["session_id"])
    return session["session_id"]


def test_basic_usage(api: SimulatedOpenAI, collector: str) -> None:
    done = run("basic_usage.py", api, collector)
    first, second = done.stdout.splitlines()
    assert first.startswith("Python is a high-level")
    assert second.startswith("Its main features are")
    assert done.stderr == ""
    bill, sessions = api.bill(), list_sessions(collector)
    assert len(bill) == 2
    assert sessions == [expected_session(only_session_id(sessions), bill)]


def test_composite_ids(api: SimulatedOpenAI, collector: str) -> None:
    run("composite_ids.py", api, collector)
    composite, external = api.bill()
    assert list_sessions(collector) == [
        expected_session("1", [external]),
        expected_session("acme-corp:conv-123", [composite]),
    ]


@pytest.mark.parametrize("launcher", [(), (INSTRUMENT,)], ids=["alone", "instrumented"])
def test_chatbot(api: SimulatedOpenAI, collector: str, launcher: tuple[Path, ...]) -> None:
    done = run("chatbot.py", api, collector, launcher)
    beginnings = ["Machine learning is", "AI is the broad goal", "A spam filter"]
    for line, beginning in zip(done.stdout.splitlines(), beginnings, strict=True):
        assert line.startswith(beginning)
    assert done.stderr == ""
    bill, sessions = api.bill(), list_sessions(collector)
    assert len(bill) == 3
    expected = expected_session(only_session_id(sessions), bill, tags={"feature": ["chatbot"]})
    assert sessions == [expected]


def test_agent(api: SimulatedOpenAI, collector: str) -> None:
    done = run("agent.py", api, collector)
    assert done.stdout == "Here is what I found. get_weather: 18 °C, cloudy; calculate: 64.4.\n"
    bill, sessions = api.bill(), list_sessions(collector)
    assert len(bill) == 2
    expected = expected_session(only_session_id(sessions), bill, tags={"feature": ["agent"]})
    assert sessions == [expected]


def test_session_timeout(api: SimulatedOpenAI, collector: str) -> None:
    done = run("session_timeout.py", api, collector)
    ids = re.search(rf"^Sessions: ({UUID}), then ({UUID})$", done.stdout, re.MULTILINE)
    assert ids
    first, second = api.bill()
    assert list_sessions(collector) == [
        expected_session(ids.group(2), [second]),
        expected_session(ids.group(1), [first]),
    ]


def test_log_session_id(api: SimulatedOpenAI, collector: str) -> None:
    done = run("log_session_id.py", api, collector)
    logged = re.fullmatch(rf"INFO __main__: Starting chat session: ({UUID})\n", done.stderr)
    assert logged
    bill = api.bill()
    assert len(bill) == 2
    assert list_sessions(collector) == [expected_session(logged.group(1), bill)]


def test_query_sessions(api: SimulatedOpenAI, collector: str) -> None:
    run("chatbot.py", api, collector)
    run("basic_usage.py", api, collector)
    done = subprocess.run(
        [sys.executable, EXAMPLES / "query_sessions.py"],
        env=environ(INFRAPRISM_URL=collector),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    lines = []
    for session in list_sessions(collector):
        lines += [
            f"Session {session['session_id']}",
            f"  Turns: {session['turn_count']}",
            f"  Cost: ${session['total_cost']:.4f}",
        ]
    assert done.stdout.splitlines() == lines
    assert [line for line in lines if "Turns" in line] == ["  Turns: 2", "  Turns: 3"]
