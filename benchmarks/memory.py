"""What stays in memory of many calls: RSS and objects at steps, beside the bare client.

Each variant in a process of its own, against a mock transport, spans through a batch processor to an exporter
that drops them. By turns: a whole reply, a stream read to its end, one left after a chunk, a request that is
refused; each in a session of its own, so that the totals of sessions grow until there are 100,000 of them
(`--sessions 100` shares them).

    uv run python benchmarks/memory.py [--calls 100000] [--steps 5] [--sessions 0]
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from typing import Any

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
CHUNK = f"data: {json.dumps({**CHAT, 'choices': [{'index': 0, 'delta': {'content': 'Hi'}}]})}\n\n"


def client() -> Any:
    """A client whose server answers as the request's header asks."""
    import httpx2
    import openai

    def answer(request: Any) -> Any:
        kind = request.headers.get("x-kind")
        if kind == "refused":
            return httpx2.Response(400, json={"error": {"message": "No."}})
        if kind == "whole":
            return httpx2.Response(200, json=CHAT)
        return httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, text=CHUNK * 3 + "data: [DONE]\n\n"
        )

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="none", max_retries=0, http_client=http_client)


def call(made: Any, number: int, **who: Any) -> None:
    """Call number `number`, of the kind whose turn it is."""
    import openai

    kind = ("whole", "read", "left", "refused")[number % 4]
    options: Any = {"model": "gpt-4o-mini", "messages": MESSAGES, "extra_headers": {"x-kind": kind}, **who}
    if kind in ("whole", "refused"):
        try:
            made.chat.completions.create(**options)
        except openai.BadRequestError:
            return
    else:
        for _ in made.chat.completions.create(stream=True, **options):
            if kind == "left":
                break


def instrument() -> None:
    """Instrument all clients, with an SDK that drops what it exports."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    from infraprism import InfraPrismInstrumentor

    class Dropping(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropping()))
    InfraPrismInstrumentor().instrument(tracer_provider=provider)


def measure(variant: str, calls: int, steps: int, sessions: int) -> None:
    """Make the calls and print RSS and objects after each step."""
    if variant == "infraprism":
        instrument()
    made = client()
    for step in range(steps + 1):
        gc.collect()
        print(variant, step * calls // steps, _resident(), len(gc.get_objects()), sep="\t", flush=True)
        for number in range(step * calls // steps, (step + 1) * calls // steps if step < steps else 0):
            who = {"session_id": number % sessions if sessions else number}
            call(made, number, **(who if variant == "infraprism" else {}))


def _resident() -> str:
    with open("/proc/self/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return f"{kilobytes / 1024:.1f} MB"


def main() -> None:
    """Measure both variants, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument(
        "--sessions", type=int, default=0, help="how many are shared; 0: each call has its own"
    )
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.variant:
        measure(given.variant, given.calls, given.steps, given.sessions)
        return
    print("variant", "calls", "RSS", "objects", sep="\t", flush=True)
    for variant in ("bare", "infraprism"):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--variant", variant], check=True)


if __name__ == "__main__":
    main()
