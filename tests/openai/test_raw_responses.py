"""Raw responses: one call each, with its usage wherever the caller has the body read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai._legacy_response import LegacyAPIResponse
from openai._response import APIResponse, AsyncAPIResponse
from opentelemetry import context as otel_context

from tests.support.calls import Held, Recording, Wire, instrumented, sse

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Give me an example."}]}
STREAM: Any = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}
READ = (38, "priced", "0.0000246")
UNREAD = (None, "unpriced", "0")
#: A stream that nobody read: the prompt, and nothing of a reply.
LEFT = (None, "estimated", "0.0000018")


def ending(recording: Recording) -> tuple[Any, Any, Any]:
    """Output tokens, cost status and the session's cost of the one call, which has not failed."""
    span = recording.span
    assert span["status"] == ("UNSET", None)
    attributes = span["attributes"]
    return (
        attributes.get("gen_ai.usage.output_tokens"),
        attributes["infraprism.cost.status"],
        attributes["infraprism.session.cost"],
    )


def raw_parsed(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(**CHAT, **WHO)
    assert response.headers["x-simulated"] == "true"
    assert response.parse() is response.parse()
    assert response.parse().usage


def raw_unparsed(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(**CHAT, **WHO)
    assert json.loads(response.content)["usage"]["completion_tokens"] == 38


def raw_response_of_responses(client: OpenAI) -> None:
    response = client.responses.with_raw_response.create(
        model="gpt-4o-mini", input="Give me an example.", **WHO
    )
    assert response.parse().output_text


def raw_stream_parsed(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(**STREAM, **WHO)
    assert response.parse() is response.parse()
    assert list(response.parse())[-1].usage


def raw_stream_in_a_with_block(client: OpenAI) -> None:
    with client.chat.completions.with_raw_response.create(**STREAM, **WHO).parse() as stream:
        for _ in stream:
            pass


def raw_stream_left(client: OpenAI) -> None:
    with client.chat.completions.with_raw_response.create(**STREAM, **WHO).parse() as stream:
        next(stream)


def raw_stream_unparsed(client: OpenAI) -> None:
    response = client.chat.completions.with_raw_response.create(**STREAM, **WHO)
    assert sum(1 for line in response.http_response.iter_lines() if line) > 3


def raw_stream_closed(client: OpenAI) -> None:
    client.chat.completions.with_raw_response.create(**STREAM, **WHO).http_response.close()


def raw_stream_dropped(client: OpenAI) -> None:
    client.chat.completions.with_raw_response.create(**STREAM, **WHO)
    gc.collect()


def streaming_parsed(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert response.parse() is response.parse()
        assert response.parse().usage


def streaming_read(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert response.read() == response.read()


def streaming_json(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert response.json()
        assert response.text()


def streaming_lines(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert list(response.iter_lines())


def streaming_unread(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**CHAT, **WHO):
        pass


def streaming_stream_parsed(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        assert list(response.parse())[-1].usage


def streaming_stream_left(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        next(response.parse())


def streaming_stream_lines(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        assert list(response.iter_lines())


WAYS: dict[Callable[[OpenAI], None], tuple[Any, Any, Any]] = {
    raw_parsed: READ,
    raw_unparsed: READ,
    raw_response_of_responses: READ,
    raw_stream_parsed: READ,
    raw_stream_in_a_with_block: READ,
    raw_stream_left: LEFT,
    raw_stream_unparsed: READ,
    raw_stream_closed: LEFT,
    raw_stream_dropped: LEFT,
    streaming_parsed: READ,
    streaming_read: READ,
    streaming_json: READ,
    streaming_lines: READ,
    streaming_unread: UNREAD,
    streaming_stream_parsed: READ,
    streaming_stream_left: LEFT,
    streaming_stream_lines: READ,
}


@pytest.mark.parametrize(("way", "expected"), WAYS.items(), ids=[way.__name__ for way in WAYS])
def test_a_raw_response_is_one_call(
    client: OpenAI, recording: Recording, way: Callable[[OpenAI], None], expected: tuple[Any, Any, Any]
) -> None:
    before = otel_context.get_current()
    way(client)
    assert ending(recording) == expected
    assert otel_context.get_current() == before


async def araw_parsed(client: AsyncOpenAI) -> None:
    response = await client.chat.completions.with_raw_response.create(**CHAT, **WHO)
    assert response.parse().usage


async def araw_stream_parsed(client: AsyncOpenAI) -> None:
    response = await client.chat.completions.with_raw_response.create(**STREAM, **WHO)
    async for _ in response.parse():
        pass


async def araw_stream_closed(client: AsyncOpenAI) -> None:
    response = await client.chat.completions.with_raw_response.create(**STREAM, **WHO)
    await response.http_response.aclose()


async def astreaming_parsed(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert (await response.parse()).usage


async def astreaming_read(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert await response.read()


async def astreaming_json(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**CHAT, **WHO) as response:
        assert await response.json()


async def astreaming_unread(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**CHAT, **WHO):
        pass


async def astreaming_stream_parsed(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        async for _ in await response.parse():
            pass


async def astreaming_stream_left(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        async for _ in await response.parse():
            break


async def astreaming_stream_lines(client: AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**STREAM, **WHO) as response:
        async for _ in response.iter_lines():
            pass


ASYNC_WAYS: dict[Callable[[AsyncOpenAI], Awaitable[None]], tuple[Any, Any, Any]] = {
    araw_parsed: READ,
    araw_stream_parsed: READ,
    araw_stream_closed: LEFT,
    astreaming_parsed: READ,
    astreaming_read: READ,
    astreaming_json: READ,
    astreaming_unread: UNREAD,
    astreaming_stream_parsed: READ,
    astreaming_stream_left: LEFT,
    astreaming_stream_lines: READ,
}


@pytest.mark.parametrize(("way", "expected"), ASYNC_WAYS.items(), ids=[way.__name__ for way in ASYNC_WAYS])
async def test_an_async_raw_response_is_one_call(
    async_client: AsyncOpenAI,
    recording: Recording,
    way: Callable[[AsyncOpenAI], Awaitable[None]],
    expected: tuple[Any, Any, Any],
) -> None:
    before = otel_context.get_current()
    await way(async_client)
    assert ending(recording) == expected
    assert otel_context.get_current() == before


async def test_a_raw_response_cancelled_while_it_is_read_ends_at_once(recording: Recording) -> None:
    server = Held(b'{"usage"')

    async def read() -> None:
        async with server.client().chat.completions.with_streaming_response.create(**CHAT) as response:
            await response.read()

    task = asyncio.create_task(read())
    await server.waiting.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert recording.span["status"] == ("UNSET", None)
    assert recording.attributes["infraprism.cost.status"] == "estimated"


def test_a_raw_response_that_breaks_off_fails(recording: Recording) -> None:
    def body() -> Any:
        yield b'{"id": '
        raise ConnectionResetError("the prompt")

    wire = Wire(body())
    with (
        pytest.raises(ConnectionResetError),
        wire.client().chat.completions.with_streaming_response.create(**CHAT) as response,
    ):
        response.read()
    assert recording.span["status"] == ("ERROR", "ConnectionResetError")
    assert recording.attributes["infraprism.cost.status"] == "unpriced"


def shown(client: OpenAI) -> list[Any]:
    """All that a host sees of raw responses."""
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    seen: list[Any] = [type(raw), repr(raw), raw.status_code, raw.headers, raw.text, raw.retries_taken]
    seen += [raw.parse(), raw.is_closed, raw.request_id, raw.url]
    with client.chat.completions.with_streaming_response.create(**CHAT) as response:
        seen += [type(response), repr(response), response.is_closed, response.parse(), response.json()]
        seen += [response.is_closed, response.text(), response.read(), response.method]
    return [*seen, response.is_closed]


def shown_of_streams(client: OpenAI) -> list[Any]:
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    seen: list[Any] = [type(raw), raw.is_closed, type(raw.parse()), list(raw.parse()), raw.is_closed]
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        seen += [type(response), type(response.parse()), list(response.parse()), response.is_closed]
    with client.chat.completions.with_streaming_response.create(**STREAM) as response:
        seen += [list(response.iter_bytes(7)), response.is_closed]
    return seen


def test_raw_responses_are_the_clients_own() -> None:
    body = {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [], "usage": {"prompt_tokens": 1}}
    whole, streamed = Wire(json.dumps(body)), Wire(sse(body, "[DONE]"), content_type="text/event-stream")
    bare = shown(whole.client()), shown_of_streams(streamed.client())
    assert bare[0][0] is LegacyAPIResponse
    assert any(seen is APIResponse for seen in bare[0])
    with instrumented() as recording:
        assert (shown(whole.client()), shown_of_streams(streamed.client())) == bare
    assert len(recording.spans) == 5
    half = len(whole.requests) // 2
    assert whole.requests[:half] == whole.requests[half:]


async def test_async_raw_responses_are_the_clients_own() -> None:
    async def shown(client: AsyncOpenAI) -> list[Any]:
        raw = await client.chat.completions.with_raw_response.create(**CHAT)
        async with client.chat.completions.with_streaming_response.create(**CHAT) as response:
            seen = [type(response), await response.parse(), await response.json(), await response.text()]
        return [type(raw), raw.parse(), raw.text, *seen, response.is_closed]

    wire = Wire(json.dumps({"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 1}}))
    bare = await shown(wire.async_client())
    assert AsyncAPIResponse in bare
    with instrumented() as recording:
        assert await shown(wire.async_client()) == bare
    assert len(recording.spans) == 2
