"""What the spool takes: of the application's thread, to drain, on disk. Beside the SDK's own in the same run.

Spans have what a call's have (33 attributes). The server, a process of its own, takes all and keeps nothing.

    uv run python benchmarks/exporter.py [--spans 20000] [--outage 1000000]
"""

from __future__ import annotations

import argparse
import gc
import logging
import multiprocessing
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from statistics import median
from typing import Any

from infraprism_exporter_otlp import InfraPrismSpanExporter, InfraPrismSpanProcessor
from infraprism_exporter_otlp.encoding import Groups, span_item
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

ROUNDS = 7
BATCH = 512


class Nowhere(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def attributes(number: int) -> dict[str, Any]:
    session = f"conv-{number % 97}"
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "api.openai.com",
        "server.port": 443,
        "openai.api.type": "chat_completions",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": False,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.id": f"chatcmpl-{uuid.uuid4().hex}",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.finish_reasons": ["stop"],
        "openai.response.service_tier": "default",
        "gen_ai.usage.input_tokens": 1000 + number % 313,
        "gen_ai.usage.output_tokens": 500 + number % 57,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "http.response.header.x-request-id": [f"req_{uuid.uuid4().hex}"],
        "session.id": session,
        "gen_ai.conversation.id": session,
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": f"customer-{number % 13}",
        "infraprism.tag.feature": "chat",
        "infraprism.cost.status": "priced",
        "infraprism.cost.amount": f"0.00{75 + number % 313}",
        "gen_ai.usage.cost": 0.0075,
        "infraprism.cost.currency": "USD",
        "infraprism.cost.source": "local",
        "infraprism.cost.price_version": "genai-prices 0.2.3",
        "infraprism.cost.input": "0.0025",
        "infraprism.cost.output": "0.005",
        "infraprism.cost.quantities": f"input={1000 + number % 313} output={500 + number % 57}",
        "infraprism.session.cost": "0.0075",
        "infraprism.session.turns": 1,
    }


def ended(count: int) -> list[ReadableSpan]:
    """Spans that have ended, and that no processor has seen."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("infraprism.openai", "0.1.0")
    found = []
    for number in range(count):
        span = tracer.start_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=attributes(number))
        span.end()
        found.append(span._readable_span())  # type: ignore[attr-defined]
    return found


def serve(port: int, received: Synchronized[int], core: int | None) -> None:
    """Answer 200 to all, and count the bytes of the bodies."""
    if core is not None:
        os.sched_setaffinity(0, {core})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            self.rfile.read(length)
            received.value += length
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


def started(port: int, core: int | None = None) -> tuple[Any, Synchronized[int]]:
    context = multiprocessing.get_context("spawn")
    received = context.Value("q", 0)
    process = context.Process(target=serve, args=(port, received, core), daemon=True)
    process.start()
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, received
        time.sleep(0.05)
    raise AssertionError("the server did not start")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def microseconds(end: Callable[[ReadableSpan], None], spans: Sequence[ReadableSpan]) -> tuple[float, float]:
    """CPU of this thread, and time that passes, for each span."""
    gc.collect()
    gc.disable()
    cpu, wall = time.thread_time(), time.perf_counter()
    for span in spans:
        end(span)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    gc.enable()
    return cpu / len(spans) * 1e6, wall / len(spans) * 1e6


def on_the_thread(count: int, folder: Path, *, fsync: bool) -> None:
    """Print what the end of a span takes, by turns: ours, and the SDK's batch processor that drops all."""
    taken: dict[str, list[tuple[float, float]]] = {"ours": [], "BatchSpanProcessor": []}
    process, _ = started(port := free_port())
    for number in range(ROUNDS):
        spans = ended(count)
        ours = InfraPrismSpanProcessor(
            endpoint=f"http://127.0.0.1:{port}/v1/traces",
            spool_directory=folder / str(number),
            spool_fsync=fsync,
        )
        theirs = BatchSpanProcessor(Nowhere(), max_queue_size=count + 1)
        taken["ours"].append(microseconds(ours.on_end, spans))
        taken["BatchSpanProcessor"].append(microseconds(theirs.on_end, spans))
        ours.shutdown()
        theirs.shutdown()
    process.kill()
    for name, found in taken.items():
        cpu, wall = (median(each) for each in zip(*found, strict=True))
        label = f"{name}{', fsync on' if fsync and name == 'ours' else ''}"
        print(f"{label:<32}{cpu:>8.1f} µs CPU of the thread{wall:>9.1f} µs", flush=True)


def upload(spans: Sequence[ReadableSpan], folder: Path) -> None:
    """Print the bytes that are sent for each span, by ours and by the official exporter."""
    process, received = started(port := free_port())
    endpoint = f"http://127.0.0.1:{port}/v1/traces"
    ours = InfraPrismSpanExporter(endpoint=endpoint, spool_directory=folder / "upload")
    ours.export(spans)
    ours.force_flush(60_000)
    ours.shutdown()
    mine, received.value = received.value, 0
    official = OTLPSpanExporter(endpoint=endpoint, compression=Compression.Gzip)
    for at in range(0, len(spans), BATCH):
        official.export(spans[at : at + BATCH])
    print(
        f"uploaded for each span: {mine / len(spans):.1f} bytes, "
        f"by the official exporter {received.value / len(spans):.1f}",
        flush=True,
    )
    process.kill()


def drain(count: int, spans: Sequence[ReadableSpan], folder: Path) -> None:
    """Print how quickly an outage's spans are sent on one core, and what they take on disk."""
    port = free_port()
    exporter = InfraPrismSpanExporter(
        endpoint=f"http://127.0.0.1:{port}/v1/traces",
        spool_directory=folder / "outage",
        spool_max_bytes=16 * 2**30,
    )
    groups = Groups()
    group = groups.of(spans[0].resource, spans[0].instrumentation_scope)
    items = [span_item(span) for span in spans]
    for number in range(count):
        exporter.delivery.write(group, items[number % len(items)])
    on_disk = sum(path.stat().st_size for path in (folder / "outage").rglob("*") if path.is_file())
    cores = os.sched_getaffinity(0)
    process, _ = started(port, max(cores) if len(cores) > 1 else None)
    # Both threads of this process that have something to do, on one core.
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {min(cores)})
    cpu, wall = time.process_time(), time.perf_counter()
    while not exporter.force_flush(600_000):
        pass
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    counts = exporter.delivery.counts
    print(f"drained {counts.sent:,} spans in {wall:.1f} s: {counts.sent / wall:,.0f} a second")
    print(f"of CPU for each: {cpu / counts.sent * 1e6:.1f} µs; lost: {sum(counts.dropped.values())}")
    print(f"on disk for each: {on_disk / count:,.0f} bytes", flush=True)
    exporter.shutdown()
    process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--outage", type=int, default=1_000_000)
    parser.add_argument("--folder", help="where the spools are; by default a temporary one")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        on_the_thread(given.spans, folder / "off", fsync=False)
        on_the_thread(given.spans // 20, folder / "on", fsync=True)
        spans = ended(BATCH * 20)
        upload(spans, folder)
        drain(given.outage, spans, folder)


if __name__ == "__main__":
    main()
