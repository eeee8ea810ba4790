"""An application that makes calls: each is a span, and once that has ended, a line on stdout.

    python fault_worker.py RATE SECONDS [--beside] [--file-size BYTES] [--synced FILE]

What has a line must not be lost. With `--beside`, each span also goes through the SDK's batch processor and
the official exporter, to `BESIDE_ENDPOINT`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
import uuid

from infraprism_exporter_otlp import InfraPrismSpanProcessor
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "server.port": 443,
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 500,
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme",
    "infraprism.cost.amount": "0.0075",
    "infraprism.cost.currency": "USD",
    "infraprism.cost.status": "priced",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": "genai-prices 0.2.3",
    "infraprism.cost.input": "0.0025",
    "infraprism.cost.output": "0.005",
}


def remember_syncs(file: str) -> None:
    """Write down what is on the disk itself, as a loss of power would leave it."""
    journal = open(file, "a", buffering=1)  # noqa: SIM115 - as long as the process
    sync_data, sync = os.fdatasync, os.fsync

    def fdatasync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size  # what comes while it syncs may be on the disk, or not
        sync_data(descriptor)
        journal.write(f"data {size} {os.readlink(f'/proc/self/fd/{descriptor}')}\n")

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        folder = os.readlink(f"/proc/self/fd/{descriptor}")
        for name in os.listdir(folder):
            journal.write(f"name 0 {os.path.join(folder, name)}\n")

    os.fdatasync, os.fsync = fdatasync, fsync


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--file-size", type=int)
    parser.add_argument("--synced")
    given = parser.parse_args()
    if given.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.file_size, given.file_size))
    if given.synced:
        remember_syncs(given.synced)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(InfraPrismSpanProcessor())
    if given.beside:
        official = OTLPSpanExporter(endpoint=os.environ["BESIDE_ENDPOINT"], compression=Compression.Gzip)
        provider.add_span_processor(BatchSpanProcessor(official))
    tracer = provider.get_tracer("infraprism.openai", "0.1.0")
    began, made = time.monotonic(), 0
    while (now := time.monotonic() - began) < given.seconds:
        if now * given.rate < made:
            time.sleep(made / given.rate - now)
        session = f"conv-{random.randrange(50)}"
        span = tracer.start_span(
            "chat gpt-4o",
            kind=SpanKind.CLIENT,
            attributes={**CALL, "session.id": session, "gen_ai.response.id": f"chatcmpl-{uuid.uuid4().hex}"},
        )
        span.end()
        made += 1
        context = span.get_span_context()
        line = f"{context.trace_id:032x} {context.span_id:016x}\n"
        os.write(sys.stdout.fileno(), line.encode())


if __name__ == "__main__":
    main()
