"""What type checkers see of the drop-in clients: checked by `test_typing.py`, never run."""

from __future__ import annotations

from typing import assert_type
from uuid import UUID

from openai import AsyncStream, HttpxBinaryResponseContent, Stream
from openai.lib.streaming.chat import AsyncChatCompletionStreamManager, ChatCompletionStreamManager
from openai.lib.streaming.responses import AsyncResponseStreamManager, ResponseStreamManager
from openai.resources.realtime.realtime import RealtimeConnection
from openai.resources.responses.responses import AsyncResponsesConnection
from openai.types import Completion, CreateEmbeddingResponse, ImageGenStreamEvent, ImagesResponse
from openai.types.audio import TranscriptionCreateResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent
from pydantic import BaseModel

from infraprism import AsyncInfraPrismOpenAI, Identity, InfraPrismOpenAI, session

client = InfraPrismOpenAI(api_key="sk-…", timeout=5)
async_client = AsyncInfraPrismOpenAI(api_key="sk-…", max_retries=0)


class City(BaseModel):
    name: str


completion = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Hello"}],
    temperature=0.2,
    session_id="conv-123",
    entity_type="customer",
    entity_id=42,
    tags={"feature": "chatbot"},
    extra_headers={"x-team": "blue"},
    timeout=5,
)
assert_type(completion, ChatCompletion)
stream = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Hello"}],
    stream=True,
    stream_options={"include_usage": True},
    session_id=UUID(int=1),
)
assert_type(stream, Stream[ChatCompletionChunk])
for chunk in stream:
    assert_type(chunk, ChatCompletionChunk)
assert_type(
    client.chat.completions.parse(
        model="gpt-4o-mini", messages=[], response_format=City, session_id="conv-123"
    ),
    ParsedChatCompletion[City],
)
assert_type(
    client.chat.completions.stream(model="gpt-4o-mini", messages=[], response_format=City, entity_id=7),
    ChatCompletionStreamManager[City],
)
assert_type(
    client.responses.create(model="gpt-4o-mini", input="Hello", session_id="conv-123", entity_id="acme"),
    Response,
)
assert_type(
    client.responses.create(model="gpt-4o-mini", input="Hello", stream=True, tags={"a": "b"}),
    Stream[ResponseStreamEvent],
)
assert_type(
    client.responses.parse(model="gpt-4o-mini", input="Hello", text_format=City, session_id=1),
    ParsedResponse[City],
)
assert_type(
    client.responses.stream(model="gpt-4o-mini", input="Hello", text_format=City, session_id=1),
    ResponseStreamManager[City],
)
assert_type(
    client.embeddings.create(model="text-embedding-3-small", input=["a"], session_id="conv-123"),
    CreateEmbeddingResponse,
)
assert_type(client.with_options(timeout=1), InfraPrismOpenAI)

# Mistakes that are found.
client.chat.completions.create(model="gpt-4o-mini", messages=[], sesion_id="conv-123")  # error: call-overload
client.chat.completions.create(model="gpt-4o-mini", messages=[], session_id=1.5)  # error: call-overload
client.chat.completions.create(model="gpt-4o-mini", messages=[], session_id=b"s")  # error: call-overload
client.chat.completions.create(model="gpt-4o-mini", messages=[], entity_type=1)  # error: call-overload
client.chat.completions.create(model="gpt-4o-mini", messages=[], tags=["a"])  # error: call-overload
client.chat.completions.create(model="gpt-4o-mini", messages=[], temprature=1)  # error: call-overload
client.chat.completions.create(messages=[], session_id="conv-123")  # error: call-overload
client.responses.create(model="gpt-4o-mini", input="Hello", tags={"a": 1})  # error: dict-item
client.embeddings.create(model="text-embedding-3-small", input="a", session_id=1.5)  # error: arg-type
client.embeddings.create(model="text-embedding-3-small", input="a", sesion_id="s")  # error: call-arg

assert_type(client.responses.retrieve("resp_1", session_id="conv-123"), Response)
assert_type(
    client.responses.retrieve("resp_1", stream=True, starting_after=3, tags={}), Stream[ResponseStreamEvent]
)
assert_type(client.responses.cancel("resp_1", entity_id=1), Response)
assert_type(client.files.content("file-1", session_id=1), HttpxBinaryResponseContent)
client.responses.retrieve("resp_1", session_id=1.5)  # error: call-overload
client.files.content("file-1", entity_id=[])  # error: arg-type


async def twins() -> None:
    completion = await async_client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Hello"}],
        session_id="conv-123",
        entity_type="customer",
        entity_id=42,
        tags={"feature": "chatbot"},
    )
    assert_type(completion, ChatCompletion)
    stream = await async_client.chat.completions.create(
        model="gpt-4o-mini", messages=[], stream=True, session_id=UUID(int=1)
    )
    assert_type(stream, AsyncStream[ChatCompletionChunk])
    async for chunk in stream:
        assert_type(chunk, ChatCompletionChunk)
    assert_type(
        await async_client.chat.completions.parse(
            model="gpt-4o-mini", messages=[], response_format=City, session_id=1
        ),
        ParsedChatCompletion[City],
    )
    assert_type(
        async_client.chat.completions.stream(
            model="gpt-4o-mini", messages=[], response_format=City, session_id=1
        ),
        AsyncChatCompletionStreamManager[City],
    )
    assert_type(
        await async_client.responses.create(model="gpt-4o-mini", input="Hello", session_id="conv-123"),
        Response,
    )
    assert_type(
        await async_client.responses.create(model="gpt-4o-mini", input="Hello", stream=True, session_id=1),
        AsyncStream[ResponseStreamEvent],
    )
    assert_type(
        await async_client.responses.parse(model="gpt-4o-mini", input="Hello", text_format=City, tags={}),
        ParsedResponse[City],
    )
    assert_type(
        async_client.responses.stream(model="gpt-4o-mini", input="Hello", text_format=City, tags={}),
        AsyncResponseStreamManager[City],
    )
    assert_type(
        await async_client.embeddings.create(model="text-embedding-3-small", input="a", session_id=1),
        CreateEmbeddingResponse,
    )

    await async_client.chat.completions.create(model="m", messages=[], sesion_id="s")  # error: call-overload
    await async_client.chat.completions.create(model="m", messages=[], session_id=1.5)  # error: call-overload
    await async_client.responses.create(model="m", input="a", entity_id=[])  # error: call-overload
    await async_client.embeddings.create(model="m", input="a", entity_id=[])  # error: arg-type

    assert_type(await async_client.responses.retrieve("resp_1", session_id=1), Response)
    assert_type(
        await async_client.responses.retrieve("resp_1", stream=True, tags={}),
        AsyncStream[ResponseStreamEvent],
    )
    assert_type(await async_client.responses.cancel("resp_1", entity_id=1), Response)
    assert_type(await async_client.files.content("file-1", session_id=1), HttpxBinaryResponseContent)
    await async_client.files.content("file-1", session_id=1.5)  # error: arg-type


with session("conv-123", entity_type="customer", entity_id=42, tags={"a": "b"}) as identity:
    assert_type(identity, Identity)
    assert_type(identity.session_id, str | None)
session(1.5)  # error: arg-type
session("conv-123", tags={"a": 1})  # error: dict-item


def what_the_clients_own_signatures_allow(streamed: bool) -> None:
    client = InfraPrismOpenAI()
    with client.chat.completions.stream(model="gpt-4o", messages=[], session_id=7) as events:
        for _ in events:
            pass
    with client.responses.stream(model="gpt-4o", input="hi", session_id=7) as response_events:
        for _ in response_events:
            pass
    assert_type(client.responses.retrieve("resp_1", stream=streamed), Response | Stream[ResponseStreamEvent])
    assert_type(
        client.chat.completions.create(model="gpt-4o", messages=[], stream=streamed),
        ChatCompletion | Stream[ChatCompletionChunk],
    )


async def connections_take_the_session_arguments() -> None:
    with client.realtime.connect(model="gpt-realtime", session_id=7, tags={"a": "b"}) as conversation:
        assert_type(conversation, RealtimeConnection)
    async with async_client.responses.connect(entity_type="customer", entity_id=42) as lanes:
        assert_type(lanes, AsyncResponsesConnection)
    client.realtime.connect(model="gpt-realtime", session="conv-123")  # error: call-arg
    client.responses.connect(session_id=1.5)  # error: arg-type


assert_type(client.images.generate(prompt="A cat", n=2, session_id="conv-123"), ImagesResponse)
assert_type(client.images.generate(prompt="A cat", stream=True, tags={}), Stream[ImageGenStreamEvent])
assert_type(
    client.audio.transcriptions.create(model="whisper-1", file=b"", entity_id=42), TranscriptionCreateResponse
)
assert_type(client.audio.speech.create(model="tts-1", voice="alloy", input="Hi"), HttpxBinaryResponseContent)
assert_type(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi", tags={}), Completion)
client.images.generate(prompt="A cat", session_id=1.5)  # error: call-overload
client.moderations.create(input="Hello", entity_type=5)  # error: arg-type


async def others() -> None:
    assert_type(await async_client.images.edit(image=b"", prompt="A cat", session_id=1), ImagesResponse)
    await async_client.moderations.create(input="Hello", session_id="conv-123")
    await async_client.decisions.create(
        model="gpt-6-luna", input="Hello", questions=[], session_id="conv-123"
    )
