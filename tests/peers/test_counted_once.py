"""Real instrumentations and frameworks beside InfraPrism: whatever is recorded, one call is counted.

Each is skipped where it is not installed; `requirements.txt` says how to run them all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
from simulated_openai import SimulatedOpenAI, serve

from tests.openai.programs import run


@pytest.fixture(scope="module")
def api() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


#: Sets up a provider, and tells of everything that was exported what the collector makes of it.
PRELUDE = """
import asyncio
from opentelemetry import trace
from infraprism import InfraPrismInstrumentor, semconv

provider, exporter = exporting()
wait = asyncio.new_event_loop().run_until_complete  # one loop: clients keep their connections

ours = set()  # of all that was asked: a span of theirs may end a while after

def read():
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from infraprism.collector.ingest.spans import read_request
    spans = exporter.get_finished_spans()
    exporter.clear()
    here = [s for s in spans if s.instrumentation_scope.name == semconv.SCOPE]
    ours.update(format(s.context.span_id, "016x") for s in here)
    marks = [m for s in spans if (m := s.attributes.get(semconv.COST_COUNTED_IN)) is not None]
    assert set(marks) <= ours, (marks, ours)
    calls = read_request(encode_spans(spans)).calls
    return {"calls": [c.cost_status for c in calls], "marked": len(marks)}

def instrument():
    InfraPrismInstrumentor().instrument()

"""
GLOBAL = "trace.set_tracer_provider(provider)\n"
#: Logfire has a tracer provider of its own, around the SDK's.
LOGFIRE = """
import logfire
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
logfire.configure(
    send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(exporter)]
)
"""

#: The module to be installed → how the provider is set, and how it is instrumented.
CLIENTS = {
    "opentelemetry.instrumentation.genai.openai": (
        GLOBAL,
        "from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor\n"
        "OpenAIInstrumentor().instrument()",
    ),
    "opentelemetry.instrumentation.openai": (
        GLOBAL,
        "from opentelemetry.instrumentation.openai import OpenAIInstrumentor\n"
        "OpenAIInstrumentor().instrument()",
    ),
    "openinference.instrumentation.openai": (
        GLOBAL,
        "from openinference.instrumentation.openai import OpenAIInstrumentor\n"
        "OpenAIInstrumentor().instrument()",
    ),
    "logfire": (LOGFIRE, "logfire.instrument_openai()"),
}

EVERY_WAY = """
from openai import AsyncOpenAI, OpenAI
client, async_client = OpenAI(), AsyncOpenAI()
chat = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Give me an example."}],
    "session_id": "s-1",
}
streamed = {**chat, "stream": True, "stream_options": {"include_usage": True}}
responses = {"model": "gpt-4o-mini", "input": "Give me an example.", "session_id": "s-1"}

async def read_stream():
    async for _ in await async_client.chat.completions.create(**streamed):
        pass

def helper():
    with client.chat.completions.stream(**chat, stream_options={"include_usage": True}) as stream:
        list(stream)

def half():
    with client.chat.completions.create(**streamed) as stream:
        next(stream)

ways = {
    "chat": lambda: client.chat.completions.create(**chat),
    "chat, raw": lambda: client.chat.completions.with_raw_response.create(**chat).parse(),
    "chat, streamed": lambda: list(client.chat.completions.create(**streamed)),
    "chat, half a stream": half,
    "chat, helper": helper,
    "chat, async": lambda: wait(async_client.chat.completions.create(**chat)),
    "chat, async, streamed": lambda: wait(read_stream()),
    "responses": lambda: client.responses.create(**responses),
    "responses, streamed": lambda: list(client.responses.create(**responses, stream=True)),
    "embeddings": lambda: client.embeddings.create(
        model="text-embedding-3-small", input="Give me an example.", session_id="s-1"
    ),
}
found = {}
for name, ask in ways.items():
    ask()
    found[name] = read()
report(**found)
"""


def need(*modules: str) -> None:
    for module in modules:
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(f"{module} is not installed: see tests/peers/requirements.txt")


def report_of(api: SimulatedOpenAI, *parts: str) -> dict[str, Any]:
    reported, _ = run(
        "\n".join((PRELUDE, *parts)),
        API=api.base_url,
        OPENAI_BASE_URL=api.base_url,
        OPENAI_API_KEY="none",
        OTEL_SEMCONV_STABILITY_OPT_IN="gen_ai_latest_experimental",
    )
    return reported


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
@pytest.mark.parametrize("peer", CLIENTS)
def test_beside_another_instrumentation_of_the_client(api: SimulatedOpenAI, peer: str, order: str) -> None:
    need(peer)
    provider, theirs = CLIENTS[peer]
    steps = [theirs, "instrument()"] if order == "theirs first" else ["instrument()", theirs]
    found = report_of(api, provider, *steps, EVERY_WAY)
    for way, seen in found.items():
        expected = ["estimated"] if way == "chat, half a stream" else ["priced"]
        assert seen["calls"] == expected, (way, seen)
        assert seen["marked"] >= 1, (way, seen)


def test_beside_all_of_them_at_once(api: SimulatedOpenAI) -> None:
    need(*CLIENTS)
    provider, _ = CLIENTS["logfire"]
    theirs = [instrument for _, instrument in CLIENTS.values()]
    found = report_of(api, provider, *theirs[:2], "instrument()", *theirs[2:], EVERY_WAY)
    for way, seen in found.items():
        expected = ["estimated"] if way == "chat, half a stream" else ["priced"]
        assert seen["calls"] == expected, (way, seen)
        assert seen["marked"] >= 3, (way, seen)


TURNS = """
from openai import OpenAI
client = OpenAI()

def ask():
    messages = [{"role": "user", "content": "Give me an example."}]
    client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    return read()

found = {"both": ask()}
InfraPrismInstrumentor().uninstrument()
found["theirs"] = ask()
InfraPrismInstrumentor().instrument()
found["both again"] = ask()
OpenAIInstrumentor().uninstrument()
found["ours"] = ask()
report(**found)
"""


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
@pytest.mark.parametrize("peer", [peer for peer in CLIENTS if peer != "logfire"])
def test_taken_off_and_put_on_again(api: SimulatedOpenAI, peer: str, order: str) -> None:
    need(peer)
    provider, theirs = CLIENTS[peer]
    steps = [theirs, "instrument()"] if order == "theirs first" else ["instrument()", theirs]
    found = report_of(api, provider, *steps, TURNS)
    assert found["both"] == found["both again"] == {"calls": ["priced"], "marked": 1}
    assert found["theirs"] == {"calls": ["priced"], "marked": 0}
    assert found["ours"]["calls"] == ["priced"]


LANGCHAIN = """
from langchain_openai import ChatOpenAI
model = ChatOpenAI(model="gpt-4o-mini")
ways = {"invoke": lambda: model.invoke("hi"), "ainvoke": lambda: wait(model.ainvoke("hi"))}
"""
AGENTS = """
from agents import Agent, Runner, function_tool
agent = Agent(name="helper", instructions="Help.", model="gpt-4o-mini")

async def read_stream():
    async for _ in Runner.run_streamed(agent, "hi").stream_events():
        pass

ways = {"run": lambda: wait(Runner.run(agent, "hi")), "streamed": lambda: wait(read_stream())}
"""
PYDANTIC = """
from pydantic_ai import Agent
agent = Agent("openai:gpt-4o-mini")

async def read_stream():
    async with agent.run_stream("hi") as result:
        async for _ in result.stream_text():
            pass

ways = {"run": lambda: wait(agent.run("hi")), "streamed": lambda: wait(read_stream())}
"""
RUN = """
found = {}
for name, ask in ways.items():
    ask()
    found[name] = read()
report(**found)
"""
#: Nothing of the Agents SDK goes to OpenAI's own tracing.
ALONE = "import agents; agents.set_trace_processors([])\n"
#: What is to be installed, the provider, the instrumentation of the framework, the framework, and how many
#: spans at least speak of the same call.
FRAMEWORKS = {
    "LangChain, OpenLLMetry": (
        ("langchain_openai", "opentelemetry.instrumentation.langchain"),
        GLOBAL,
        "from opentelemetry.instrumentation.langchain import LangchainInstrumentor\n"
        "LangchainInstrumentor().instrument()",
        LANGCHAIN,
        1,
    ),
    # Spans with no model call in the names that the collector reads, and not around ours.
    "LangChain, OpenInference": (
        ("langchain_openai", "openinference.instrumentation.langchain"),
        GLOBAL,
        "from openinference.instrumentation.langchain import LangChainInstrumentor\n"
        "LangChainInstrumentor().instrument()",
        LANGCHAIN,
        0,
    ),
    "Agents SDK, OpenLLMetry": (
        ("agents", "opentelemetry.instrumentation.openai_agents"),
        GLOBAL,
        ALONE + "from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor\n"
        "OpenAIAgentsInstrumentor().instrument()",
        AGENTS,
        1,
    ),
    "Agents SDK, OpenInference": (
        ("agents", "openinference.instrumentation.openai_agents"),
        GLOBAL,
        ALONE + "from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor\n"
        "OpenAIAgentsInstrumentor().instrument()",
        AGENTS,
        1,
    ),
    "Agents SDK, Logfire": (
        ("agents", "logfire"),
        LOGFIRE,
        ALONE + "logfire.instrument_openai_agents()",
        AGENTS,
        1,
    ),
    "Pydantic AI": (
        ("pydantic_ai",),
        GLOBAL,
        "import pydantic_ai; pydantic_ai.Agent.instrument_all()",
        PYDANTIC,
        1,
    ),
    "Pydantic AI and the client, Logfire": (
        ("pydantic_ai", "logfire"),
        LOGFIRE,
        "logfire.instrument_pydantic_ai(); logfire.instrument_openai()",
        PYDANTIC,
        2,
    ),
}


@pytest.mark.parametrize("order", ["theirs first", "ours first"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_below_a_framework(api: SimulatedOpenAI, framework: str, order: str) -> None:
    modules, provider, theirs, use, marked = FRAMEWORKS[framework]
    need(*modules)
    steps = [theirs, "instrument()"] if order == "theirs first" else ["instrument()", theirs]
    for way, seen in report_of(api, provider, *steps, use, RUN).items():
        assert seen["calls"] == ["priced"], (way, seen)
        assert seen["marked"] >= marked, (way, seen)
