"""One variant in this process: what its calls take, or what it records. Prints a JSON object.

Run by `overhead.py` with the interpreter of the variant's environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from answers import CHUNKS, QUESTION, REQUEST, STREAMED, streamed, whole
from providers import in_a_span, start
from variants import FLOOR, OURS

BATCH = 50
BATCHES = 10
STREAMS = 20
SESSION = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}


class Calls:
    """The calls that are measured, by clients whose server is in memory."""

    def __init__(self, variant: str) -> None:
        import httpx2
        import openai

        bodies = {True: (streamed(), "text/event-stream"), False: (whole(), "application/json")}

        def answer(request: httpx2.Request) -> httpx2.Response:
            body, kind = bodies[b'"stream":true' in request.content]
            return httpx2.Response(200, content=body, headers={"content-type": kind})

        transport = httpx2.MockTransport(answer)
        options: dict[str, Any] = {"api_key": "none", "max_retries": 0}
        self._client = openai.OpenAI(**options, http_client=httpx2.Client(transport=transport))
        self._async = openai.AsyncOpenAI(**options, http_client=httpx2.AsyncClient(transport=transport))
        if variant == FLOOR:
            in_a_span(self._client, is_async=False)
            in_a_span(self._async, is_async=True)
        who = SESSION if variant == OURS else {}
        self._request, self._streamed = {**REQUEST, **who}, {**STREAMED, **who}

    def call(self) -> None:
        self._client.chat.completions.create(**self._request)

    def stream(self) -> None:
        for _ in self._client.chat.completions.create(**self._streamed):
            pass

    async def acall(self) -> None:
        await self._async.chat.completions.create(**self._request)

    async def astream(self) -> None:
        async for _ in await self._async.chat.completions.create(**self._streamed):
            pass


def seconds(action: Callable[[], None], times: int) -> float:
    """CPU time of this thread that `action` takes, on average of `times`."""
    began = time.thread_time()
    for _ in range(times):
        action()
    return (time.thread_time() - began) / times


async def aseconds(action: Callable[[], Awaitable[None]], times: int) -> float:
    """As `seconds`, on a loop that runs already."""
    began = time.thread_time()
    for _ in range(times):
        await action()
    return (time.thread_time() - began) / times


def sync_call(calls: Calls) -> float:
    for _ in range(100):
        calls.call()
    return median(seconds(calls.call, BATCH) for _ in range(BATCHES))


def everything(calls: Calls, flush: Callable[[], None]) -> dict[str, float]:
    """Seconds a call and a chunk, sync and async; and of CPU, for a call and all that follows it."""
    flush()
    per_call = sync_call(calls)
    flush()
    began = time.process_time()
    for _ in range(BATCH * BATCHES):
        calls.call()
    flush()
    cpu = (time.process_time() - began) / (BATCH * BATCHES)
    calls.stream()
    per_stream = median(seconds(calls.stream, 1) for _ in range(STREAMS))
    per_acall, per_astream = asyncio.run(_async(calls))
    return {
        "call": per_call,
        "cpu": cpu,
        # What the call itself takes is not the chunks'.
        "chunk": (per_stream - per_call) / CHUNKS,
        "async call": per_acall,
        "async chunk": (per_astream - per_acall) / CHUNKS,
    }


async def _async(calls: Calls) -> tuple[float, float]:
    for _ in range(100):
        await calls.acall()
    per_call = median([await aseconds(calls.acall, BATCH) for _ in range(BATCHES)])
    await calls.astream()
    return per_call, median([await aseconds(calls.astream, 1) for _ in range(STREAMS)])


def check(variant: str) -> dict[str, Any]:
    """What the variant records: spans of each kind of call, names of metrics, and whether of the messages."""
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    flush = start(variant, spans=exporter, reader=reader)
    calls = Calls(variant)
    kinds: dict[str, Callable[[], Any]] = {
        "call": calls.call,
        "chunk": calls.stream,
        "async call": lambda: asyncio.run(calls.acall()),
        "async chunk": lambda: asyncio.run(calls.astream()),
    }
    counts: dict[str, int] = {}
    content = False
    for kind, action in kinds.items():
        action()
        flush()
        spans = exporter.get_finished_spans()
        counts[kind] = len(spans)
        content = content or any(
            QUESTION in span.to_json() for span in spans if span.instrumentation_scope is not None
        )
        exporter.clear()
    data = reader.get_metrics_data()
    names = {
        metric.name
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name.startswith(("gen_ai.", "llm."))
    }
    return {"spans": counts, "metrics": sorted(names), "content": content}


def main() -> None:
    mode, variant = sys.argv[1:]
    if mode == "check":
        print(json.dumps(check(variant)))
        return
    flush = start(variant, sampled=mode != "unsampled")
    calls = Calls(variant)
    found = everything(calls, flush) if mode == "all" else {mode: sync_call(calls)}
    print(json.dumps({kind: value * 1e6 for kind, value in found.items()}))


if __name__ == "__main__":
    main()
