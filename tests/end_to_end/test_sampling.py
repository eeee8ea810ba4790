"""Whatever the sampler keeps, the collector's totals are what the API billed, to the last digit."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from simulated_openai import SimulatedOpenAI, serve

from infraprism.sessions import Identity, trace_id_of
from tests.support.processes import Process

LAUNCHER = str(Path(sys.executable).with_name("opentelemetry-instrument"))
SESSIONS = [f"s-{number}" for number in range(30)]
#: That each process makes in each session: whole and streamed, of both APIs, in threads and in tasks.
CALLS = 4
PROCESSES = 2
#: Prints the session of each response, by its id.
PROGRAM = """
import asyncio, sys, threading
from {module} import {sync} as OpenAI, {asynchronous} as AsyncOpenAI

SESSIONS = sys.argv[1].split(",")
ASKED = [{{"role": "user", "content": "Give me an example. " * 40}}]
said = []

def whose(name):
    return dict(model="gpt-4o-mini", session_id=name, entity_type="customer", entity_id="acme")

def in_a_thread(names):
    client = OpenAI(max_retries=0)
    for name in names:
        said.append((name, client.chat.completions.create(messages=ASKED, **whose(name)).id))
        said.append((name, client.responses.create(input="What is Python?", **whose(name)).id))

async def in_a_task(client, name):
    stream = await client.chat.completions.create(messages=ASKED, stream=True, **whose(name))
    said.append((name, [chunk.id async for chunk in stream][-1]))
    said.append((name, (await client.responses.create(input="Why?", **whose(name))).id))

async def tasks():
    async with AsyncOpenAI(max_retries=0) as client:
        await asyncio.gather(*(in_a_task(client, name) for name in SESSIONS))

threads = [threading.Thread(target=in_a_thread, args=(SESSIONS[start::4],)) for start in range(4)]
for thread in threads:
    thread.start()
asyncio.run(tasks())
for thread in threads:
    thread.join()
for name, response in said:
    print("SAID", name, response)
"""
PLAIN = PROGRAM.format(module="openai", sync="OpenAI", asynchronous="AsyncOpenAI")
DROP_IN = PROGRAM.format(module="infraprism", sync="InfraPrismOpenAI", asynchronous="AsyncInfraPrismOpenAI")


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


def price(billed: dict[str, Any]) -> Decimal:
    """What an entry of the bill costs, by the price list's own arithmetic."""
    usage = billed["usage"]
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    assert billed["service_tier"] == "default"
    tokens = genai_prices.Usage(
        input_tokens=usage.get("prompt_tokens", usage.get("input_tokens")),
        output_tokens=usage.get("completion_tokens", usage.get("output_tokens")),
        cache_read_tokens=details["cached_tokens"],
    )
    return genai_prices.calc_price(
        tokens, billed["model"], provider_id="openai", genai_request_timestamp=datetime.now(UTC)
    ).total_price


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as response:
        return json.loads(response.read(), parse_float=Decimal)


def is_sampled(session: str, sampler: str) -> bool:
    """Whether the spans of a session's trace are sampled."""
    if sampler == "always_off":
        return False
    trace_id = trace_id_of(Identity(session, "customer", "acme"))
    assert trace_id is not None
    return trace_id & (2**64 - 1) < TraceIdRatioBased(0.1).bound


@pytest.mark.parametrize("sampler", ["parentbased_traceidratio", "always_off"])
@pytest.mark.parametrize("program", [PLAIN, DROP_IN], ids=["launcher", "drop-in"])
def test_the_totals_are_the_bill(api: SimulatedOpenAI, tmp_path: Path, program: str, sampler: str) -> None:
    api.reset()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("INFRAPRISM_", "OTEL_"))
    }
    database = str(tmp_path / "calls.duckdb")
    serving = [sys.executable, "-m", "infraprism", "serve", "--port", "0", "--database", database]
    with Process(serving, environ) as collector:
        url = collector.wait_for_line(r"http://[\w.:]+")[0]
        environ |= {
            "OPENAI_BASE_URL": api.base_url,
            "OPENAI_API_KEY": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_TRACES_SAMPLER": sampler,
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
        launcher = [LAUNCHER] if program is PLAIN else []
        command = [*launcher, sys.executable, "-c", program, ",".join(SESSIONS)]
        children = [Process(command, environ) for _ in range(PROCESSES)]
        output = ""
        for child in children:
            assert child.wait(120) == 0, child.output
            output += child.output
        sessions = get(f"{url}/v1/analytics/sessions?limit=1000")["data"]
        status = get(f"{url}/v1/status")

    said = [line.split()[1:] for line in output.splitlines() if line.startswith("SAID ")]
    session_of = {response: name for name, response in said}
    total: defaultdict[str, Decimal] = defaultdict(Decimal)
    tokens: Counter[str] = Counter()
    bill = api.bill()
    for entry in bill:
        total[session_of[entry["id"]]] += price(entry)
        tokens[session_of[entry["id"]]] += entry["usage"]["total_tokens"]
    each = CALLS * PROCESSES
    assert len(bill) == len(session_of) == each * len(SESSIONS)
    found = {
        row["session_id"]: (row["total_cost"], row["call_count"], row["turn_count"], row["cost_status"])
        for row in sessions
    }
    assert found == {name: (total[name], each, each, "priced") for name in SESSIONS}
    assert {row["session_id"]: row["input_tokens"] + row["output_tokens"] for row in sessions} == tokens
    unsampled = sum(not is_sampled(name, sampler) for name in SESSIONS)
    assert unsampled >= len(SESSIONS) / 2
    assert (unsampled < len(SESSIONS)) == (sampler != "always_off")
    counted = {name: value for name, value in status.items() if value}
    assert counted == {"calls_stored": len(bill), "calls_from_logs": each * unsampled}
