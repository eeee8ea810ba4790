"""Sessions hold together, whatever an application is made of: the collector says what the API has billed.

Everything is real but the model: the launcher, the client, sockets, threads, processes, the collector.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Process

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from simulated_openai import SimulatedOpenAI, serve

PROGRAMS = Path(__file__).with_name("programs")
COMMANDS = Path(sys.executable).parent
LAUNCHER = str(COMMANDS / "opentelemetry-instrument")
#: US dollars for a token of gpt-4o.
INPUT, CACHED, OUTPUT = Decimal("2.5e-6"), Decimal("1.25e-6"), Decimal("10e-6")


def environ(**variables: str) -> dict[str, str]:
    ours = ("OTEL_", "OPENAI_", "INFRAPRISM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[str]:
    command = [
        str(COMMANDS / "infraprism"),
        "serve",
        "--port",
        "0",
        "--database",
        str(tmp_path / "calls.duckdb"),
    ]
    with Process(command, environ()) as process:
        yield process.wait_for_line(r"listening on (http://127\.0\.0\.1:\d+),").group(1)


def instrumented(api: SimulatedOpenAI, collector: str, **variables: str) -> dict[str, str]:
    return environ(
        OPENAI_BASE_URL=api.base_url,
        OPENAI_API_KEY="anything",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        **variables,
    )


def run(program: str, api: SimulatedOpenAI, collector: str) -> None:
    command = [LAUNCHER, sys.executable, str(PROGRAMS / program)]
    with Process(command, instrumented(api, collector)) as process:
        assert process.wait(60) == 0, process.output


def ask(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer, parse_float=Decimal)


def price(call: dict[str, Any]) -> Decimal:
    """What a line of the bill costs, at the prices of gpt-4o."""
    assert (call["model"], call["service_tier"]) == ("gpt-4o-2024-08-06", "default")
    usage = call["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    fresh = usage["prompt_tokens"] - cached
    return fresh * INPUT + cached * CACHED + usage["completion_tokens"] * OUTPUT


def check(api: SimulatedOpenAI, collector: str, calls: dict[str, int]) -> None:
    """The collector has these calls of acme-corp by session and no others, each as it was billed."""
    sessions = ask(f"{collector}/v1/analytics/sessions")["data"]
    assert {session["session_id"]: session["call_count"] for session in sessions} == calls
    bill = {call["id"]: price(call) for call in api.bill()}
    found = {}
    for session in sessions:
        assert (session["entity_type"], session["entity_id"]) == ("customer", "acme-corp")
        assert session["turn_count"] == session["call_count"]
        details = ask(f"{collector}/v1/analytics/sessions/{session['session_id']}?entity_type=customer")
        costs = {}
        for call in details["calls"]:
            stored = ask(f"{collector}/v1/analytics/calls/{call['trace_id']}/{call['span_id']}")
            costs[stored["attributes"]["gen_ai.response.id"]] = call["cost"]
        assert session["total_cost"] == sum(costs.values())
        found.update(costs)
    assert found == bill
    assert ask(f"{collector}/v1/status")["calls_stored"] == len(bill)


@pytest.mark.parametrize(("program", "turns"), [("threads.py", 3), ("tasks.py", 4), ("executors.py", 3)])
def test_in_one_process(api: SimulatedOpenAI, collector: str, program: str, turns: int) -> None:
    run(program, api, collector)
    check(api, collector, {f"conv-{number}": turns for number in range(4)})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def test_in_a_server_of_several_processes_and_across_services(api: SimulatedOpenAI, collector: str) -> None:
    front, back = free_port(), free_port()
    gunicorn = [str(COMMANDS / "gunicorn"), "--chdir", str(PROGRAMS), "--workers", "4", "back:app"]
    serving = [LAUNCHER, *gunicorn, "--bind", f"127.0.0.1:{back}", "--no-control-socket"]
    variables = {"PORT": str(front), "BACK": f"http://127.0.0.1:{back}"}
    with (
        Process(serving, instrumented(api, collector)) as behind,
        Process(
            [LAUNCHER, sys.executable, str(PROGRAMS / "front.py")], instrumented(api, collector, **variables)
        ) as ahead,
    ):
        behind.wait_for_line("Booting worker")
        ahead.wait_for_line("Uvicorn running")

        def turn(number: int) -> str:
            cookie = {"cookie": f"conversation=conv-{number % 5}"}
            request = urllib.request.Request(f"http://127.0.0.1:{front}", headers=cookie)
            with urllib.request.urlopen(request) as answer:
                worker: str = answer.read().decode()
                return worker

        with ThreadPoolExecutor(8) as users:
            workers = Counter(users.map(turn, range(40)))
        # uvicorn ends by the very SIGTERM that stops it, and nothing is exported then.
        assert (ahead.stop(by=signal.SIGINT), behind.stop()) == (0, 0), ahead.output + behind.output
    assert len(workers) > 1, "all was done by one process"
    check(api, collector, {f"conv-{number}": 16 for number in range(5)})
