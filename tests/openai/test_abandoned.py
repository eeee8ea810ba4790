"""Streams that are dropped half read, found by the garbage collector at the worst of moments."""

from __future__ import annotations

import gc
import multiprocessing
import threading

from openai import OpenAI
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from infraprism.openai import abandoned
from tests.support.calls import Recording


class LockingProcessor(SpanProcessor):
    """Somebody else's processor, with a lock that one thread cannot take twice."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ended: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        with self.lock:
            self.ended.append(span.name)


def read_one_chunk(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "What is Python?"}], stream=True
    )
    next(stream)


def test_the_thread_that_drops_a_stream_may_hold_any_lock(client: OpenAI, recording: Recording) -> None:
    processor = LockingProcessor()
    recording.tracer_provider.add_span_processor(processor)

    def drop() -> None:
        with processor.lock:
            read_one_chunk(client)
            gc.collect()

    thread = threading.Thread(target=drop, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "the thread waits for its own lock"
    abandoned.end(Nothing())  # the queue is worked off in order
    assert processor.ended == ["chat gpt-4o"]


class Nothing:
    ended = False

    def end(self) -> None: ...


def in_a_child(client: OpenAI, recording: Recording) -> None:
    before = len(recording.spans)
    read_one_chunk(client)
    gc.collect()
    assert len(recording.spans) == before + 1


def test_a_forked_child_ends_its_own(client: OpenAI, recording: Recording) -> None:
    read_one_chunk(client)  # the parent has its thread
    gc.collect()
    child = multiprocessing.get_context("fork").Process(target=in_a_child, args=(client, recording))
    child.start()
    child.join(30)
    assert child.exitcode == 0
