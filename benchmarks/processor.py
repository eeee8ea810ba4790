"""What the span processor takes of each span, beside the SDK's own `BatchSpanProcessor.on_end`, and what a
live session takes in memory.

Everything in one process and by turns, so that all of it meets the same machine. What is measured are the
processors' own methods, CPU time of the thread, on spans that the SDK has made ready.

    uv run python benchmarks/processor.py [--sessions 1000 100000] [--threads 1 4] [--spans 20000]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import resource
import threading
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from opentelemetry.context import get_current
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from infraprism import semconv, session
from infraprism.sessions import attributes, identify
from infraprism.tracing import Ledger, SessionCostProcessor

CHAT = {
    semconv.OPERATION_NAME: "chat",
    semconv.PROVIDER_NAME: "openai",
    semconv.REQUEST_MODEL: "gpt-4o-mini",
    semconv.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
    semconv.USAGE_INPUT_TOKENS: 12,
    semconv.USAGE_OUTPUT_TOKENS: 38,
}
#: Who records the span, and what is on it.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "span in no session": ("another", {"http.request.method": "POST"}),
    "span of a session": ("another", {"http.request.method": "POST"}),
    "call of ours": (semconv.SCOPE, CHAT),
    "call of another, priced": ("another", CHAT),
}
#: Spans that are made and measured at a time: few, because an application starts and ends a span while it is
#: in the processor's cache.
AT_ONCE = 100
#: Spans that an application makes in one `session()` block: of a request, a query, a tool …
SPANS_OF_A_TURN = 5
ROUNDS = 7
#: Each span lasts a second: all of a round are calls at the same time, with the same tokens.
CALL_NS = 1_000_000_000


class Nowhere(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Kept(SpanProcessor):
    """Keeps the spans that were started."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        self.spans.append(span)


def made(kind: str, spans: int, sessions: int, thread: int) -> list[tuple[Span, Any]]:
    """Spans that nothing has seen yet, each with the context that it started in."""
    scope, known = KINDS[kind]
    keeper = Kept()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(keeper)
    tracer = provider.get_tracer(scope)
    contexts: list[Any] = []
    if kind == "span in no session":
        for _ in range(spans):
            contexts.append(None)
            tracer.start_span(kind, attributes=known)
    for turn in range(0, spans - len(contexts), SPANS_OF_A_TURN):
        name = f"conv-{(turn * 7919 + thread) % sessions}"
        with session(name, entity_type="customer", entity_id="acme-corp"):
            whose = attributes(identify(name, "customer", "acme-corp")) if scope == semconv.SCOPE else {}
            for _ in range(min(SPANS_OF_A_TURN, spans - turn)):
                contexts.append(get_current())
                tracer.start_span(kind, attributes={**known, **whose})
    return list(zip(keeper.spans, contexts, strict=True))


def microseconds(action: Callable[[], None], spans: int) -> float:
    began = time.thread_time()
    action()
    return (time.thread_time() - began) / spans * 1e6


@contextmanager
def no_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def one_thread(kind: str, spans: int, sessions: int, thread: int, ledger: Ledger) -> tuple[float, float]:
    """Microseconds a span: the processor's start and ending, and the batch processor's end."""
    ours = SessionCostProcessor(ledger)
    theirs = BatchSpanProcessor(Nowhere(), max_queue_size=spans + 1, schedule_delay_millis=3_600_000)
    took = beside = 0.0
    for batch in range(spans // AT_ONCE):
        ready = made(kind, AT_ONCE, sessions, thread + batch)

        def start_and_end(ready: list[tuple[Span, Any]] = ready) -> None:
            for span, context in ready:
                ours.on_start(span, context)
                span._end_time = (span._start_time or 0) + CALL_NS  # the SDK has it by then
                ours._on_ending(span)

        def end(ready: list[tuple[Span, Any]] = ready) -> None:
            for span, _ in ready:
                theirs.on_end(span)

        with no_collection():
            took += microseconds(start_and_end, spans)
            beside += microseconds(end, spans)
    theirs.shutdown()
    return took, beside


def row(kind: str, spans: int, sessions: int, threads: int) -> tuple[float, float]:
    """The medians over rounds, and over threads."""
    found: list[tuple[float, float]] = []
    ledger = Ledger()
    for number in range(sessions):
        ledger.add(("customer", "acme-corp", f"conv-{number}"), Decimal(0), turn=False)
    for _ in range(ROUNDS):
        pool = [
            threading.Thread(
                target=lambda thread: found.append(
                    one_thread(kind, spans // threads, sessions, thread, ledger)
                ),
                args=(number,),
            )
            for number in range(threads)
        ]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    ours, theirs = zip(*found, strict=True)
    return median(ours), median(theirs)


def bytes_per_session(sessions: int = 100_000) -> float:
    """What a live session takes, its ids included."""
    gc.collect()
    tracemalloc.start()
    ledger = Ledger(capacity=sessions)
    before = tracemalloc.get_traced_memory()[0]
    for number in range(sessions):
        key = ("customer", f"customer-{number % 1000}", str(uuid.UUID(int=number)))
        for _ in range(2):
            ledger.add(key, Decimal("0.0000246"), turn=True)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / sessions


def resident() -> float:
    """MiB of this process that are in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def seen(sessions: int) -> None:
    """The resident memory while `sessions` come and go; in a process of its own, which has nothing else."""
    ledger = Ledger()
    empty = resident()
    began = time.perf_counter()
    for number in range(1, sessions + 1):
        ledger.add(("customer", "acme-corp", f"conv-{number:036d}"), Decimal("0.0000246"), turn=True)
        if number in (1, 100_000, 1_000_000, sessions):
            took = time.perf_counter() - began
            print(
                f"{number:>11,} sessions seen: {resident() - empty:6.1f} MiB more, {took:6.1f} s", flush=True
            )
    strangers = 100_000
    wrong = sum(
        ledger.add(("customer", "acme-corp", f"new-{number}"), Decimal(0), turn=True).floor
        for number in range(strangers)
    )
    print(f"taken for a session that was evicted: {wrong / strangers:.2%} of those that are new")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--seen", type=int, default=10_000_000)
    options = parser.parse_args()
    print(f"{'':<26}{'sessions':>9}{'threads':>8}{'ours, µs':>10}{'on_end, µs':>12}{'ratio':>7}")
    for kind in KINDS:
        for sessions in options.sessions:
            for threads in options.threads:
                ours, theirs = row(kind, options.spans, sessions, threads)
                print(
                    f"{kind:<26}{sessions:>9,}{threads:>8}{ours:>10.2f}{theirs:>12.2f}{ours / theirs:>7.1f}"
                )
    print(f"a live session: {bytes_per_session():.0f} bytes")
    process = multiprocessing.get_context("spawn").Process(target=seen, args=(options.seen,))
    process.start()
    process.join()


if __name__ == "__main__":
    main()
