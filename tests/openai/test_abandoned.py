"""Streams that are dropped half read, found by the garbage collector at the worst of moments."""

from __future__ import annotations

import gc
import multiprocessing
import threading
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from simulated_openai import SimulatedOpenAI

from infraprism.openai import abandoned
from tests.openai.programs import run
from tests.support.calls import Recording
from tests.support.sockets import Hear, speaking
from tests.support.versions import needs


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


#: A program that exports at its end, as most do, and only then lets go of what it holds.
EXPORTING_LATE = """
    from infraprism import InfraPrismInstrumentor
    from openai import OpenAI
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(
        formatter=lambda span: span.attributes.get("infraprism.cost.status") + os.linesep)))
    trace.set_tracer_provider(provider)
    InfraPrismInstrumentor().instrument()
    """


def test_a_stream_that_is_open_when_the_program_ends_is_a_call(api: SimulatedOpenAI) -> None:
    _, printed = run(
        EXPORTING_LATE
        + """
    client = OpenAI(base_url=os.environ["API"], api_key="sk-1")
    messages = [{"role": "user", "content": "Give me an example."}]
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
    next(stream)
    if (child := os.fork()) == 0:
        report()
        sys.exit()  # what the parent holds is not the child's call
    os.waitpid(child, 0)
    """,
        API=api.base_url,
    )
    assert printed == "estimated\n"


def test_a_raw_response_that_is_unread_when_the_program_ends_is_a_call(api: SimulatedOpenAI) -> None:
    _, printed = run(
        EXPORTING_LATE
        + """
    client = OpenAI(base_url=os.environ["API"], api_key="sk-1")
    messages = [{"role": "user", "content": "Give me an example."}]
    raw = client.chat.completions.with_streaming_response.create(model="gpt-4o-mini", messages=messages)
    response = raw.__enter__()
    report()
    """,
        API=api.base_url,
    )
    assert printed == "unpriced\n"


@needs("responses.connect")
@pytest.mark.parametrize("created", [True, False])
def test_a_connection_that_is_open_when_the_program_ends_ends_its_calls(created: bool) -> None:
    response = {"id": "resp_1", "object": "response", "model": "gpt-4o", "status": "in_progress"}
    event: Any = {"type": "response.created", "response": response}
    with speaking(Hear(), *([event] if created else [])) as speaker:
        _, printed = run(
            EXPORTING_LATE
            + """
    connection = OpenAI(base_url=os.environ["API"], api_key="sk-1").responses.connect().enter()
    connection.send({"type": "response.create", "model": "gpt-4o", "input": "Hello"})
    if os.environ["CREATED"]:
        connection.recv_bytes()
    report()
    """,
            API=speaker.base_url,
            CREATED="1" if created else "",
        )
    assert printed == "unpriced\n"
