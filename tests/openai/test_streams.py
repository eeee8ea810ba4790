"""However a stream ends, its call ends once, and the caller keeps the very object the client gave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
from openai.types.chat import ChatCompletionChunk
from opentelemetry import context as otel_context
from opentelemetry import trace

import infraprism
from infraprism.openai import abandoned
from infraprism.tracing import attach
from tests.support.calls import SECONDS, Held, Recording, adrain, sse
from tests.support.versions import OPENAI, chat_helpers, http

MESSAGES: Any = [{"role": "user", "content": "Give me an example."}]
WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}
PRICED = {"status": ("UNSET", None), "usage": 38, "cost": "priced", "error": None}
#: Nothing failed, but nobody was there when the usage came, at the end.
LEFT_EARLY = {"status": ("UNSET", None), "usage": None, "cost": "estimated", "error": None}
#: No answer had come when the call was given up.
UNANSWERED = {"status": ("UNSET", None), "usage": None, "cost": "unpriced", "error": None}


async def collect_async(turns: int = 4) -> None:
    """Collect what was dropped; the event loop closes async generators a few turns later."""
    for _ in range(turns):
        gc.collect()
        await asyncio.sleep(0)


class HostError(Exception):
    pass


class Nothing:
    ended = False

    def end(self) -> None: ...


def open_stream(client: OpenAI, trouble: str = "") -> Stream[ChatCompletionChunk]:
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-simulate": trouble},
    )


async def open_async_stream(client: AsyncOpenAI, trouble: str = "") -> AsyncStream[ChatCompletionChunk]:
    return await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-simulate": trouble},
    )


def ending(recording: Recording) -> dict[str, Any]:
    """How the one call ended."""
    span = recording.span
    return {
        "status": span["status"],
        "usage": span["attributes"].get("gen_ai.usage.output_tokens"),
        "cost": span["attributes"].get("infraprism.cost.status"),
        "error": span["attributes"].get("error.type"),
    }


def failed(error: str, cost: str = "estimated") -> dict[str, Any]:
    return {"status": ("ERROR", error), "usage": None, "cost": cost, "error": error}


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """Spare the collector what other modules have loaded: it runs often here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_context_left() -> Iterator[None]:
    """Each test leaves the context as it was."""
    before = otel_context.get_current()
    yield
    assert otel_context.get_current() == before


def read_to_the_end(client: OpenAI) -> None:
    list(open_stream(client))


def read_to_the_end_in_a_with_block(client: OpenAI) -> None:
    with open_stream(client) as stream:
        for _ in stream:
            pass


def read_by_next(client: OpenAI) -> None:
    stream = open_stream(client)
    with contextlib.suppress(StopIteration):
        while True:
            next(stream)


def read_in_another_thread(client: OpenAI) -> None:
    thread = threading.Thread(target=list, args=(open_stream(client),))
    thread.start()
    thread.join()


def read_and_close_twice(client: OpenAI) -> None:
    stream = open_stream(client)
    list(stream)
    stream.close()
    stream.close()
    assert list(stream) == []


def close_unread(client: OpenAI) -> None:
    open_stream(client).close()


def close_after_one(client: OpenAI) -> None:
    stream = open_stream(client)
    next(stream)
    stream.close()


def close_the_response(client: OpenAI) -> None:
    stream = open_stream(client)
    next(stream)
    stream.response.close()


def break_and_close(client: OpenAI) -> None:
    stream = open_stream(client)
    for _ in stream:
        break
    stream.close()


def break_in_a_with_block(client: OpenAI) -> None:
    with open_stream(client) as stream:
        for _ in stream:
            break


def raise_in_a_with_block(client: OpenAI) -> None:
    with contextlib.suppress(HostError), open_stream(client) as stream:
        for _ in stream:
            raise HostError


def drop_unread(client: OpenAI) -> None:
    open_stream(client)
    gc.collect()


def drop_after_a_break(client: OpenAI) -> None:
    for _ in open_stream(client):
        break
    gc.collect()


def read_a_helper_to_the_end(client: OpenAI) -> None:
    with chat_helpers(client).stream(
        model="gpt-4o-mini", messages=MESSAGES, stream_options={"include_usage": True}
    ) as stream:
        stream.until_done()
        assert stream.get_final_completion().usage


def break_in_a_helper(client: OpenAI) -> None:
    with chat_helpers(client).stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
        for _ in stream:
            break


def raise_in_a_helper(client: OpenAI) -> None:
    with (
        contextlib.suppress(HostError),
        client.responses.stream(model="gpt-4o-mini", input="Give me an example.") as stream,
    ):
        for _ in stream:
            raise HostError


WAYS: dict[Callable[[OpenAI], None], dict[str, Any]] = {
    read_to_the_end: PRICED,
    read_to_the_end_in_a_with_block: PRICED,
    read_by_next: PRICED,
    read_in_another_thread: PRICED,
    read_and_close_twice: PRICED,
    read_a_helper_to_the_end: PRICED,
    close_unread: LEFT_EARLY,
    close_after_one: LEFT_EARLY,
    close_the_response: LEFT_EARLY,
    break_and_close: LEFT_EARLY,
    break_in_a_with_block: LEFT_EARLY,
    raise_in_a_with_block: LEFT_EARLY,
    drop_unread: LEFT_EARLY,
    drop_after_a_break: LEFT_EARLY,
    break_in_a_helper: LEFT_EARLY,
    raise_in_a_helper: LEFT_EARLY,
}


@pytest.mark.parametrize(("way", "expected"), WAYS.items(), ids=[way.__name__ for way in WAYS])
def test_a_call_ends_once_with_its_stream(
    client: OpenAI, recording: Recording, way: Callable[[OpenAI], None], expected: dict[str, Any]
) -> None:
    way(client)
    gc.collect()
    assert ending(recording) == expected


async def aread_to_the_end(client: AsyncOpenAI) -> None:
    async for _ in await open_async_stream(client):
        pass


async def aread_to_the_end_in_a_with_block(client: AsyncOpenAI) -> None:
    async with await open_async_stream(client) as stream:
        async for _ in stream:
            pass


async def aread_by_anext(client: AsyncOpenAI) -> None:
    stream = await open_async_stream(client)
    with contextlib.suppress(StopAsyncIteration):
        while True:
            await anext(stream)  # type: ignore[arg-type]  # an AsyncStream has `__anext__` only


async def aread_in_another_task(client: AsyncOpenAI) -> None:
    stream = await asyncio.create_task(open_async_stream(client))

    async def read() -> None:
        async for _ in stream:
            pass

    await asyncio.create_task(read())


async def aclose_unread(client: AsyncOpenAI) -> None:
    if not hasattr(openai.AsyncStream, "aclose"):
        pytest.skip("the streams of this client have no `aclose`")
    await (await open_async_stream(client)).aclose()


async def aclose_after_one(client: AsyncOpenAI) -> None:
    stream = await open_async_stream(client)
    await stream.__anext__()
    await stream.close()


async def aclose_the_iterator_and_the_stream(client: AsyncOpenAI) -> None:
    stream = await open_async_stream(client)
    iterator = aiter(stream)
    await anext(iterator)
    await iterator.aclose()  # type: ignore[attr-defined]  # an async generator
    await stream.close()


async def abreak_in_a_with_block(client: AsyncOpenAI) -> None:
    async with await open_async_stream(client) as stream:
        async for _ in stream:
            break


async def araise_in_a_with_block(client: AsyncOpenAI) -> None:
    with contextlib.suppress(HostError):
        async with await open_async_stream(client) as stream:
            async for _ in stream:
                raise HostError


async def adrop_unread(client: AsyncOpenAI) -> None:
    await open_async_stream(client)
    gc.collect()


async def adrop_after_a_break(client: AsyncOpenAI) -> None:
    async for _ in await open_async_stream(client):
        break
    gc.collect()


async def aread_a_helper_to_the_end(client: AsyncOpenAI) -> None:
    async with client.responses.stream(model="gpt-4o-mini", input="Give me an example.") as stream:
        assert (await stream.get_final_response()).usage


async def araise_in_a_helper(client: AsyncOpenAI) -> None:
    with contextlib.suppress(HostError):
        async with chat_helpers(client).stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
            async for _ in stream:
                raise HostError


ASYNC_WAYS: dict[Callable[[AsyncOpenAI], Awaitable[None]], dict[str, Any]] = {
    aread_to_the_end: PRICED,
    aread_to_the_end_in_a_with_block: PRICED,
    aread_by_anext: PRICED,
    aread_in_another_task: PRICED,
    aread_a_helper_to_the_end: PRICED,
    aclose_unread: LEFT_EARLY,
    aclose_after_one: LEFT_EARLY,
    aclose_the_iterator_and_the_stream: LEFT_EARLY,
    abreak_in_a_with_block: LEFT_EARLY,
    araise_in_a_with_block: LEFT_EARLY,
    adrop_unread: LEFT_EARLY,
    adrop_after_a_break: LEFT_EARLY,
    araise_in_a_helper: LEFT_EARLY,
}


@pytest.mark.parametrize(("way", "expected"), ASYNC_WAYS.items(), ids=[way.__name__ for way in ASYNC_WAYS])
async def test_a_call_ends_once_with_its_async_stream(
    async_client: AsyncOpenAI,
    recording: Recording,
    way: Callable[[AsyncOpenAI], Awaitable[None]],
    expected: dict[str, Any],
) -> None:
    before = otel_context.get_current()
    await way(async_client)
    await collect_async()
    assert ending(recording) == expected
    assert otel_context.get_current() == before


#: Older clients let what their HTTP library raises out of a stream.
BROKEN = (openai.APIConnectionError, http.RemoteProtocolError)


def test_a_connection_that_breaks_is_the_calls_failure(client: OpenAI, recording: Recording) -> None:
    stream = open_stream(client, "disconnect-after=3")
    chunks = [next(stream), next(stream), next(stream)]
    with pytest.raises(BROKEN) as caught:
        next(stream)
    assert ending(recording) == failed(caught.type.__name__)
    assert recording.attributes["gen_ai.response.id"] == chunks[0].id
    assert recording.attributes["gen_ai.response.time_to_first_chunk"] == SECONDS


async def test_an_async_connection_that_breaks_is_the_calls_failure(
    async_client: AsyncOpenAI, recording: Recording
) -> None:
    with pytest.raises(BROKEN) as caught:
        await adrain(open_async_stream(async_client, "disconnect-after=3"))
    assert ending(recording) == failed(caught.type.__name__)


def test_a_stream_that_is_too_slow_fails(client: OpenAI, recording: Recording) -> None:
    hurried = client.with_options(timeout=0.05)
    with pytest.raises((openai.APITimeoutError, http.ReadTimeout)) as caught:
        list(open_stream(hurried, "delay=0.2"))
    assert ending(recording) == failed(caught.type.__name__, "unpriced")


CHUNK = {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}


async def cancel(task: asyncio.Task[Any], server: Held) -> None:
    """Cancel the task as soon as it waits for the server."""
    await server.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_cancelled_before_the_answer_has_not_failed(recording: Recording) -> None:
    server = Held(None)
    before = otel_context.get_current()

    async def call() -> None:
        try:
            await server.client().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO)
        finally:
            assert otel_context.get_current() == before

    await cancel(asyncio.create_task(call()), server)
    assert ending(recording) == UNANSWERED


@pytest.mark.parametrize("in_with_block", [False, True])
async def test_a_call_cancelled_in_its_stream_has_not_failed(
    recording: Recording, in_with_block: bool
) -> None:
    server = Held(sse(CHUNK))
    chunks = 0

    async def call() -> None:
        nonlocal chunks
        stream = await server.client().chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES, stream=True, **WHO
        )
        async with stream if in_with_block else contextlib.nullcontext():
            async for _ in stream:
                chunks += 1

    await cancel(asyncio.create_task(call()), server)
    assert chunks == 1
    assert server.closed or (OPENAI < (2, 0) and not in_with_block)  # the older client leaves it open
    assert ending(recording) == LEFT_EARLY


async def test_a_host_that_runs_out_of_patience_cancels(recording: Recording) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(
            Held(None).client().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES), 0.02
        )
    assert ending(recording) == UNANSWERED


async def test_a_call_that_is_never_awaited_is_none(async_client: AsyncOpenAI, recording: Recording) -> None:
    async_client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES).close()
    assert recording.spans == []


def test_a_stream_is_the_clients_own(client: OpenAI) -> None:
    stream = open_stream(client)
    assert type(stream) is openai.Stream
    assert isinstance(stream, openai.Stream)
    assert stream.response.status_code == 200
    assert stream.response.headers["x-simulated"] == "true"
    assert next(stream).choices[0].delta.role == "assistant"
    assert not stream.response.is_closed
    stream.close()
    assert stream.response.is_closed


async def test_an_async_stream_is_the_clients_own(async_client: AsyncOpenAI) -> None:
    stream = await open_async_stream(async_client)
    assert type(stream) is openai.AsyncStream
    assert stream.response.status_code == 200
    async for chunk in stream:
        assert chunk.choices[0].delta.role == "assistant"
        break
    assert not stream.response.is_closed
    await stream.close()
    assert stream.response.is_closed


def test_nothing_keeps_a_stream_alive(client: OpenAI) -> None:
    stream = open_stream(client)
    next(stream)
    stream.close()
    references = [weakref.ref(stream), weakref.ref(stream.response)]
    del stream
    gc.collect()
    assert [reference() for reference in references] == [None, None]


@pytest.mark.skipif((2, 0) <= OPENAI < (3, 0), reason="httpx keeps the response that openai 2 closed")
async def test_nothing_keeps_an_async_stream_alive(async_client: AsyncOpenAI) -> None:
    stream = await open_async_stream(async_client)
    async for _ in stream:
        pass
    references = [weakref.ref(stream), weakref.ref(stream.response)]
    del stream, _
    await collect_async(turns=12)
    assert [reference() for reference in references] == [None, None]


def test_nothing_keeps_a_response_or_its_client_alive(client: OpenAI, recording: Recording) -> None:
    other = client.copy()
    completion = other.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **WHO)
    references = [weakref.ref(other), weakref.ref(completion)]
    del other, completion
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_the_hosts_context_is_its_own_while_it_reads(client: OpenAI, recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("outer") as outer, infraprism.session("conv-123"):
        inside = otel_context.get_current()
        for _ in open_stream(client):
            assert trace.get_current_span() is outer
            assert otel_context.get_current() == inside


def test_streams_read_in_turns_keep_apart(client: OpenAI, recording: Recording) -> None:
    streams = [open_stream(client), open_stream(client)]
    ids = [[chunk.id for chunk in pair] for pair in zip(*streams, strict=True)]
    for stream in streams:
        assert list(stream) == []
    first, second = recording.spans
    assert [first["attributes"]["gen_ai.response.id"], second["attributes"]["gen_ai.response.id"]] == ids[0]
    assert first["trace_id"] != second["trace_id"]


@pytest.mark.parametrize("after_one", [False, True], ids=["unread", "begun"])
def test_a_stream_is_collected_wherever_the_collector_runs(
    client: OpenAI, recording: Recording, after_one: bool
) -> None:
    """The collector can run at any allocation, also while this very thread holds one of our locks."""
    with infraprism.session("conv-123"):
        streams = [open_stream(client)]
    if after_one:
        next(streams[0])

    def collect() -> None:
        with attach.process_ledger._lock:
            streams.clear()
            gc.collect()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    abandoned.end(Nothing())  # the queue is worked off in order
    assert ending(recording) == LEFT_EARLY
