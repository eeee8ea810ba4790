"""Real instrumentations and frameworks alone, with only our processor: their calls cost what ours would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.peers.test_counted_once import (
    CLIENTS,
    EVERY_WAY,
    FRAMEWORKS,
    GLOBAL,
    RUN,
    need,
    report_of,
)


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


#: Ours is not instrumented; the session comes from a block.
PRICED = """
from opentelemetry import trace
import asyncio
from infraprism import InfraPrismInstrumentor, SessionCostProcessor, session
wait = asyncio.new_event_loop().run_until_complete
provider, exporter = exporting()
"""
PROCESSOR = """
trace.get_tracer_provider().add_span_processor(SessionCostProcessor())
"""
READ = """
def read():
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from infraprism.collector.ingest.spans import read_request
    calls = read_request(encode_spans(exporter.get_finished_spans())).calls
    totals = [
        s.attributes["infraprism.session.cost"] for s in exporter.get_finished_spans()
        if "infraprism.session.cost" in s.attributes
    ]
    exporter.clear()
    priced = [c for c in calls if c.cost_status == "priced"]
    return {
        "calls": [
            [str(c.amount), {k: str(v) for k, v in c.cost_parts.items()}, c.operation, c.input_tokens,
             c.output_tokens, c.response_model] for c in priced
        ],
        "others": [c.cost_status for c in calls if c.cost_status != "priced"],
        "sessions": sorted({str(c.session_id) for c in calls}),
        "total": totals[-1] if totals else None,
    }

# Logfire tells of a stream in the context that it finds by the span around it.
block = session("s-1")
block.__enter__()
request = trace.get_tracer("the application").start_as_current_span("request")
request.__enter__()
"""
WAYS = (
    EVERY_WAY.replace('    "session_id": "s-1",\n', "")
    .replace(', "session_id": "s-1"', "")
    .replace(', session_id="s-1"', "")
)
#: Their streams that are left early are not priced: what they do not report, nobody can know.
WAYS = WAYS.replace('    "chat, half a stream": half,\n', "")


@pytest.fixture(scope="module")
def ours(api: SimulatedOpenAI) -> dict[str, object]:
    return report_of(api, PRICED, GLOBAL, "InfraPrismInstrumentor().instrument()", READ, WAYS)


@pytest.mark.parametrize("peer", CLIENTS)
def test_a_client_that_another_instruments(api: SimulatedOpenAI, peer: str, ours: dict[str, object]) -> None:
    need(peer)
    provider, theirs = CLIENTS[peer]
    found = report_of(api, PRICED, provider, PROCESSOR, READ, theirs, WAYS)
    for way, seen in found.items():
        expected = ours[way]
        assert isinstance(expected, dict)
        assert seen["calls"] == expected["calls"], way
        assert seen["sessions"] == ["s-1"], way
    assert [s["total"] for s in found.values()] == [s["total"] for s in ours.values()]  # type: ignore[index]


#: The frameworks, and what else instruments the client below them.
BELOW = {
    "LangChain, OpenInference": "opentelemetry.instrumentation.openai",
    "LangChain, OpenLLMetry": "opentelemetry.instrumentation.genai.openai",
    "Agents SDK, OpenInference": "openinference.instrumentation.openai",
    "Agents SDK, OpenLLMetry": "opentelemetry.instrumentation.openai",
    "Pydantic AI": "opentelemetry.instrumentation.genai.openai",
}


@pytest.mark.parametrize("below", [False, True], ids=["alone", "above the client's"])
@pytest.mark.parametrize("framework", BELOW)
def test_a_framework(api: SimulatedOpenAI, framework: str, below: bool) -> None:
    """Whatever a framework and the client below it record of one call, it is priced once."""
    modules, provider, theirs, use, _ = FRAMEWORKS[framework]
    need(*modules, BELOW[framework])
    client = CLIENTS[BELOW[framework]][1] if below else ""
    for way, seen in report_of(api, PRICED, provider, PROCESSOR, READ, theirs, client, use, RUN).items():
        assert len(seen["calls"]) == 1, (way, seen)
