"""What a host does that only a host thinks of: each of these once told it that somebody else was there."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import weakref
from collections.abc import Callable
from typing import Any

import openai
import pydantic
import pytest
from openai.resources.chat.completions import AsyncCompletions, Completions
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from infraprism import guard
from infraprism.openai import inside
from tests.support import seen
from tests.support.calls import Held, Recording, Wire, instrumented, sse
from tests.support.differential import WHO
from tests.support.exchanges import CHAT, CHUNK, MESSAGES
from tests.support.script import EVENTS, Answer, Script, body
from tests.support.versions import OPENAI, chat_helpers, http


def wire() -> Wire:
    return Wire(json.dumps(CHAT))


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return seen.value(call())
    except Exception as error:
        return seen.error(error)


CALLED_ODDLY: dict[str, Callable[[], Any]] = {
    "on the class, without self": lambda: Completions.create(model="m", messages=MESSAGES),  # type: ignore[call-overload]
    "on the class, with self by name": lambda: Completions.create(
        self=wire().client().chat.completions, model="m", messages=MESSAGES
    ),
    "on the class": lambda: Completions.create(
        wire().client().chat.completions, model="m", messages=MESSAGES
    ),
    "with something else as self": lambda: Completions.create(object(), model="m", messages=MESSAGES),  # type: ignore[call-overload]
    "by the module": lambda: _by_the_module(),
    "async, not awaited, nothing given": lambda: wire().async_client().chat.completions.create(),  # type: ignore[call-overload]
    "async, not awaited, an argument too many": lambda: (
        wire().async_client().chat.completions.create(model="m", messages=MESSAGES, temprature=1)  # type: ignore[call-overload]
    ),
    "async, on the class": lambda: AsyncCompletions.create(model="m", messages=MESSAGES),  # type: ignore[call-overload]
}


def _by_the_module() -> Any:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(openai, "api_key", "none")
        monkeypatch.setattr(openai, "http_client", http.Client(transport=http.MockTransport(wire())))
        found = openai.chat.completions.create(model="m", messages=MESSAGES)
        monkeypatch.setattr("openai._client", None, raising=False)
        return found


@pytest.mark.parametrize("call", CALLED_ODDLY.values(), ids=CALLED_ODDLY.keys())
def test_a_method_that_is_called_oddly_says_the_same(call: Callable[[], Any]) -> None:
    bare = outcome(call)
    with instrumented():
        assert outcome(call) == bare


def test_a_coroutine_has_the_name_of_its_method() -> None:
    def name() -> tuple[str, str]:
        coroutine: Any = wire().async_client().chat.completions.create(model="m", messages=MESSAGES)
        coroutine.close()
        return coroutine.__name__, coroutine.__qualname__

    bare = name()
    with instrumented():
        assert name() == bare


def test_what_another_put_around_an_async_method_is_called_once(recording: Recording) -> None:
    client = wire().async_client()
    calls = []
    inner = AsyncCompletions.create

    def counting(self: Any, **kwargs: Any) -> Any:
        calls.append(kwargs)
        return inner(self, **kwargs)

    recording.exporter.clear()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(AsyncCompletions, "create", counting)
        with instrumented():
            asyncio.run(_awaited(client))
    assert len(calls) == 1


async def _awaited(client: Any) -> None:
    await client.chat.completions.create(model="m", messages=MESSAGES)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_messages_that_contain_themselves_are_refused_by_the_client_alone(
    recording: Recording, stream: bool
) -> None:
    messages: list[Any] = []
    messages.append(messages)
    client = wire().client(base_url="http://unknown.example/v1")
    with pytest.raises(ValueError, match="Circular"):
        client.chat.completions.create(model="m", messages=messages, stream=stream)
    assert recording.attributes["error.type"] == "ValueError"
    assert guard.dropped() == {}


ODD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "a model that is no Unicode": {"model": "gpt-\ud800"},
    "texts that are no Unicode": {"stop": ["\ud800"], "service_tier": "\udfff"},
    "huge numbers": {"seed": 2**64, "n": 10**30, "max_tokens": -(2**63) - 1, "temperature": 10**400},
    "numbers that just fit": {"seed": 2**63 - 1, "max_tokens": -(2**63)},
}


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS.values(), ids=ODD_ARGUMENTS.keys())
def test_a_span_can_be_exported_whatever_was_asked_for(
    recording: Recording, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any]
) -> None:
    with contextlib.suppress(UnicodeEncodeError):  # the client's own
        wire().client().chat.completions.create(**{"model": "m", "messages": MESSAGES, **arguments})
    encode_spans(recording.exporter.get_finished_spans())
    assert caplog.text == ""
    asked = {name: arguments[name] for name in ("seed", "max_tokens") if name in arguments}
    recorded = recording.attributes
    fits = {name: value for name, value in asked.items() if -(2**63) <= value < 2**63}
    assert {name: recorded.get(f"gen_ai.request.{name}") for name in fits} == fits


def test_a_span_can_be_exported_whatever_was_answered(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {**CHAT, "id": "\ud800", "model": "\udfff", "system_fingerprint": "\ud800"}
    odd["choices"] = [{**CHAT["choices"][0], "finish_reason": "\ud800"}]
    Wire(json.dumps(odd)).client().chat.completions.create(model="m", messages=MESSAGES)
    encode_spans(recording.exporter.get_finished_spans())
    assert caplog.text == ""
    assert recording.attributes["gen_ai.response.model"] == "?"


@pytest.mark.skipif(OPENAI < (2, 0), reason="openai 1 itself keeps it")
def test_a_class_that_was_made_for_one_call_is_let_go(recording: Recording) -> None:
    def parse() -> weakref.ref[Any]:
        made = pydantic.create_model("Made", word=(int, ...))
        answer = {
            **CHAT,
            "choices": [{**CHAT["choices"][0], "message": {"role": "assistant", "content": '{"word": 1}'}}],
        }
        client = Wire(json.dumps(answer)).client()
        chat_helpers(client).parse(model="m", messages=MESSAGES, response_format=made)
        return weakref.ref(made)

    reference = parse()
    gc.collect()
    assert reference() is None


def test_what_a_host_put_on_a_response_in_the_meantime_stays(recording: Recording) -> None:
    stream = (
        Wire(sse(CHUNK), content_type=EVENTS)
        .client()
        .chat.completions.create(model="m", messages=MESSAGES, stream=True)
    )
    ours, closed = stream.response.close, []

    def close() -> None:
        closed.append(True)
        ours()

    stream.response.close = close  # type: ignore[method-assign]
    stream.close()
    stream.close()
    assert closed == [True, True]
    assert len(recording.spans) == 1


RAW: dict[str, bytes] = {
    "CRLF": sse(CHUNK, {**CHUNK, "usage": CHAT["usage"]}, "[DONE]").replace(b"\n", b"\r\n"),
    "CR": sse(CHUNK, {**CHUNK, "usage": CHAT["usage"]}, "[DONE]").replace(b"\n", b"\r"),
    "several lines": sse({**CHUNK, "usage": CHAT["usage"]}).replace(b"data: {", b"data: {\ndata:"),
    "no end": sse({**CHUNK, "usage": CHAT["usage"]}).rstrip(b"\n"),
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW.keys())
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_raw_events_are_read_as_they_may_be_written(recording: Recording, data: bytes, size: int) -> None:
    pieces = tuple(data[start : start + size] for start in range(0, len(data), size))
    client = Script(Answer(pieces, content_type=EVENTS)).client()
    with client.chat.completions.with_streaming_response.create(
        model="m", messages=MESSAGES, stream=True
    ) as response:
        assert b"".join(response.iter_bytes()) == data
    assert recording.attributes["gen_ai.usage.output_tokens"] == 5


def test_a_raw_body_that_is_too_large_is_the_callers_alone(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infraprism.openai.raw._LARGEST", 1000)
    answer = body({**CHAT, "padding": "x" * 1000})
    client = Script(answer).client()
    with client.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES) as response:
        assert response.read() == answer.content[0]
    assert recording.attributes["infraprism.cost.status"] == "unpriced"
    assert guard.dropped() == {}


def test_a_coroutine_that_is_closed_in_another_context_closes(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    async def elsewhere() -> None:
        server = Held(None)
        coroutine: Any = server.client().chat.completions.create(model="m", messages=MESSAGES, **WHO)
        first = contextvars.copy_context()
        first.run(coroutine.send, None)
        coroutine.close()

    asyncio.run(elsewhere())
    assert inside.current.get() is None
    assert caplog.text == ""
    assert len(recording.spans) == 1
