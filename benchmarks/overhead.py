"""What instrumentation adds to a call, to a chunk of a stream, and to start-up.

Four variants in the same run, each in processes of its own, taking turns: the bare client, InfraPrism (cost
and session totals on), the official `opentelemetry-instrumentation-genai-openai`, and the floor: nothing but
a span of the SDK with as many attributes as InfraPrism's, started, made current, and ended. The transport is
a mock in the client's own HTTP layer; spans go through a batch processor to an exporter that drops them,
metrics through a reader to one that drops them. A number is the median of batches, so that a pause of the
garbage collector, which every variant has, is not counted as the typical call.

    uv run --group benchmarks python benchmarks/overhead.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

VARIANTS = ("bare", "infraprism", "genai-openai", "sdk span")
CALLS = 600
STREAMS = 30
CHUNKS = 300

USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 256, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
MESSAGES: Any = [{"role": "user", "content": "What is Python?"}]


def reply() -> bytes:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "logprobs": None,
        "message": {"role": "assistant", "content": "A programming language.", "refusal": None},
    }
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "choices": [choice],
        "usage": USAGE,
    }
    return json.dumps(body).encode()


def stream() -> bytes:
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
    }
    chunks: list[dict[str, Any]] = [
        {
            **head,
            "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}],
            "usage": None,
        }
        for _ in range(CHUNKS - 2)
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    chunks.append({**head, "choices": [], "usage": USAGE})
    return (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


def configure() -> None:
    """An SDK as applications have it, exporting to nowhere."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        MetricExporter,
        MetricExportResult,
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class NullSpans(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    class NullMetrics(MetricExporter):
        def export(self, *args: Any, **kwargs: Any) -> MetricExportResult:
            return MetricExportResult.SUCCESS

        def shutdown(self, *args: Any, **kwargs: Any) -> None: ...

        def force_flush(self, *args: Any, **kwargs: Any) -> bool:
            return True

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NullSpans()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(NullMetrics())]))


def spanned(create: Any) -> Any:
    """`create` inside a span, with nothing read of the call."""
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind

    tracer = trace.get_tracer("floor")
    first = {f"request.{number}": "some text" for number in range(10)}
    second = {f"response.{number}": "some text" for number in range(18)}

    def create_in_a_span(**arguments: Any) -> Any:
        with tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=first) as span:
            result = create(**arguments)
            span.set_attributes(second)
        return result

    return create_in_a_span


def measure(variant: str) -> dict[str, float]:
    """Microseconds per call and per chunk of one variant, in this process."""
    session: dict[str, Any] = {}
    if variant != "bare":
        configure()
    if variant == "infraprism":
        from infraprism import InfraPrismInstrumentor

        InfraPrismInstrumentor().instrument()
        session = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}
    elif variant == "genai-openai":
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument()
    import httpx2
    import openai

    whole, chunked = reply(), stream()

    def answer(request: httpx2.Request) -> httpx2.Response:
        streamed = b'"stream":true' in request.content
        kind = "text/event-stream" if streamed else "application/json"
        return httpx2.Response(200, content=chunked if streamed else whole, headers={"content-type": kind})

    client = openai.OpenAI(
        api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)), max_retries=0
    )

    if variant == "sdk span":
        client.chat.completions.create = spanned(client.chat.completions.create)

    def call() -> None:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **session)

    def read() -> None:
        options: Any = {"include_usage": True}
        for _ in client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options=options, **session
        ):
            pass

    for _ in range(100):
        call()
    read()
    per_call = median(timed(call, CALLS // 12) for _ in range(12))
    # What the call itself takes is not the chunks'.
    per_chunk = (median(timed(read, 1) for _ in range(STREAMS)) - per_call) / CHUNKS
    return {"call": per_call * 1e6, "chunk": per_chunk * 1e6}


def timed(action: Callable[[], None], times: int) -> float:
    """Seconds that `action` takes, on average of `times`."""
    began = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - began) / times


START = {
    "bare": "",
    "sdk span": "import opentelemetry.sdk.trace",
    "infraprism": "import infraprism; infraprism.InfraPrismInstrumentor().instrument()",
    "genai-openai": (
        "from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor;"
        "OpenAIInstrumentor().instrument()"
    ),
}


def start_up(variant: str) -> float:
    """Milliseconds until a process that imports openai has a client with its chat resource."""
    code = f"""
import time; began = time.perf_counter()
{START[variant]}
import openai; openai.OpenAI(api_key="none").chat.completions
print((time.perf_counter() - began) * 1e3)
"""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--measure", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    results: dict[str, dict[str, list[float]]] = {
        variant: {"call": [], "chunk": [], "start": []} for variant in VARIANTS
    }
    for number in range(options.rounds):
        print(f"\rround {number + 1} of {options.rounds}", end="", file=sys.stderr, flush=True)
        for variant in VARIANTS:
            child = [sys.executable, __file__, "--measure", variant]
            measured = json.loads(subprocess.run(child, check=True, capture_output=True).stdout)
            for kind, value in measured.items():
                results[variant][kind].append(value)
            results[variant]["start"].append(start_up(variant))
    print("\r", end="", file=sys.stderr)
    middle = {v: {kind: median(values) for kind, values in kinds.items()} for v, kinds in results.items()}
    added = {
        variant: {kind: middle[variant][kind] - middle["bare"][kind] for kind in middle["bare"]}
        for variant in VARIANTS[1:]
    }
    print(f"medians of {options.rounds} rounds; the bare client: {middle['bare']['call']:.0f} µs a call,")
    print(f"{middle['bare']['chunk']:.1f} µs a chunk, {middle['bare']['start']:.0f} ms to import\n")
    print(f"{'adds':20}{'infraprism':>12}{'genai-openai':>14}{'ratio':>8}{'sdk span':>11}{'ratio':>8}")
    for kind, label in (("call", "µs per chat call"), ("chunk", "µs per chunk"), ("start", "ms to start-up")):
        ours, theirs, floor = (added[variant][kind] for variant in VARIANTS[1:])
        print(f"{label:20}{ours:12.1f}{theirs:14.1f}{ours / theirs:8.2f}{floor:11.1f}{floor / theirs:8.2f}")


if __name__ == "__main__":
    main()
