"""The host never notices: an instrumented client sends, returns and raises what the bare client does."""

from __future__ import annotations

import enum
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai.resources.responses import Responses
from opentelemetry import context as otel_context

from infraprism import settings
from infraprism.openai import attributes, charge, engine, response, spans
from infraprism.openai import target as targets
from tests.support.calls import Recording, Wire, adrain, drain, instrumented, sse
from tests.support.differential import WHO, check
from tests.support.versions import chat_helpers, http

OMIT = getattr(openai, "omit", openai.NOT_GIVEN)
NO_MODEL = "a response without a model"
MESSAGES: Any = [{"role": "user", "content": "Hello"}]
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [CHOICE],
    "usage": USAGE,
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-mini",
    "output": [],
    "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
}
EMBEDDING = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


class Model(enum.StrEnum):
    SMALL = "gpt-4o-mini"


class OldModel(str, enum.Enum):  # noqa: UP042 - as hosts still write it
    SMALL = "gpt-4o-mini"


@pytest.fixture
def _as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are not asked for their usage: here what is sent is compared to the letter."""
    monkeypatch.setattr(settings, "current", lambda: settings.Settings(stream_usage=False))


def once(*items: Any) -> Iterator[Any]:
    """An iterator that can be read only once."""
    yield from items


def answer(body: Any, **options: Any) -> Callable[[], Wire]:
    return lambda: Wire(body if isinstance(body, str | bytes) else json.dumps(body), **options)


def answer_stream(*events: Any) -> Callable[[], Wire]:
    return lambda: Wire(sse(*events), content_type="text/event-stream; charset=utf-8")


def chat(client: Any, **arguments: Any) -> Any:
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": MESSAGES, **arguments})


TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

ODD_REQUESTS: dict[str, tuple[Callable[..., Any], Any]] = {
    "messages from a generator": (lambda c, **s: chat(c, messages=once(*MESSAGES), **s), CHAT),
    "messages from a one-shot iterator": (lambda c, **s: chat(c, messages=iter(MESSAGES), **s), CHAT),
    "messages in a tuple": (lambda c, **s: chat(c, messages=tuple(MESSAGES), **s), CHAT),
    "messages of an iterator of parts": (
        lambda c, **s: chat(
            c, messages=[{"role": "user", "content": once({"type": "text", "text": "Hello"})}], **s
        ),
        CHAT,
    ),
    "tools from a generator": (lambda c, **s: chat(c, tools=once(TOOL), **s), CHAT),
    "stop in a tuple": (lambda c, **s: chat(c, stop=("a", "b"), **s), CHAT),
    "parameters left out by markers": (
        lambda c, **s: chat(
            c,
            temperature=OMIT,
            n=openai.NOT_GIVEN,
            stop=OMIT,
            stream=OMIT,
            service_tier=openai.NOT_GIVEN,
            **s,
        ),
        CHAT,
    ),
    "parameters that are null": (
        lambda c, **s: chat(c, temperature=None, n=None, stop=None, stream=None, **s),
        CHAT,
    ),
    "parameters of wrong types": (
        lambda c, **s: chat(c, temperature="hot", n=1.5, seed=[1], max_tokens={}, top_p=True, **s),
        CHAT,
    ),
    "a model in a StrEnum": (lambda c, **s: chat(c, model=Model.SMALL, **s), CHAT),
    "a model in a str enum": (lambda c, **s: chat(c, model=OldModel.SMALL, **s), CHAT),
    "a model that is empty": (lambda c, **s: chat(c, model="", **s), CHAT),
    "a model that is null": (lambda c, **s: chat(c, model=None, **s), CHAT),
    "extra headers, query, body and timeout": (
        lambda c, **s: chat(
            c,
            extra_headers={"x-team": "blue", "authorization": "Bearer another"},
            extra_query={"api-version": "1"},
            extra_body={"session_id": "the host's own", "seed": 3, "tags": ["x"]},
            timeout=http.Timeout(5, read=3),
            **s,
        ),
        CHAT,
    ),
    "a header taken away": (
        lambda c, **s: chat(c, extra_headers={"user-agent": openai.Omit()}, **s),
        CHAT,
    ),
    "input in a tuple": (
        lambda c, **s: c.responses.create(model="gpt-4o-mini", input=tuple(MESSAGES), **s),
        RESPONSE,
    ),
    "tools of a response from a generator": (
        lambda c, **s: c.responses.create(
            model="gpt-4o-mini", input="Hello", tools=once({"type": "web_search"}), **s
        ),
        RESPONSE,
    ),
    NO_MODEL: (
        lambda c, **s: c.responses.create(prompt={"id": "pmpt_1"}, **s),
        RESPONSE,
    ),
    "texts to embed in a tuple": (
        lambda c, **s: c.embeddings.create(model="text-embedding-3-small", input=("a", "b"), **s),
        EMBEDDING,
    ),
    "tokens to embed from a generator": (
        lambda c, **s: c.embeddings.create(
            model="text-embedding-3-small", input=once([1, 2]), encoding_format="float", **s
        ),
        EMBEDDING,
    ),
}


@pytest.mark.parametrize(("call", "reply"), ODD_REQUESTS.values(), ids=ODD_REQUESTS.keys())
async def test_an_odd_request_is_sent_as_the_bare_client_sends_it(
    call: Callable[..., Any], reply: Any
) -> None:
    if call is ODD_REQUESTS[NO_MODEL][0] and "prompt" not in inspect.signature(Responses.create).parameters:
        pytest.skip("this client demands a model")
    await check(call, answer(reply))


REFUSED_REQUESTS: dict[str, Callable[..., Any]] = {
    "no messages": lambda c, **s: c.chat.completions.create(model="gpt-4o-mini", **s),
    "no model": lambda c, **s: c.chat.completions.create(messages=MESSAGES, **s),
    "nothing": lambda c, **s: c.embeddings.create(**s),
    "an argument that does not exist": lambda c, **s: chat(c, temprature=1, **s),
    "a positional argument": lambda c, **s: c.chat.completions.create("Hello", **s),
    "messages that are not JSON": lambda c, **s: chat(
        c, messages=[{"role": "user", "content": object()}], **s
    ),
    "stop from a generator": lambda c, **s: chat(c, stop=once("a", "b"), **s),
    "input from a generator": lambda c, **s: c.responses.create(model="m", input=once(*MESSAGES), **s),
    "a class of pydantic's as format": lambda c, **s: chat(c, response_format=openai.BaseModel, **s),
}


@pytest.mark.parametrize("call", REFUSED_REQUESTS.values(), ids=REFUSED_REQUESTS.keys())
async def test_a_request_that_the_client_refuses_is_refused_in_the_same_words(
    call: Callable[..., Any],
) -> None:
    await check(call, answer(CHAT), sent=0)


ODD_RESPONSES: dict[str, Any] = {
    "null choices": {**CHAT, "choices": None},
    "no choices": {key: value for key, value in CHAT.items() if key != "choices"},
    "choices of nulls": {**CHAT, "choices": [None, None]},
    "choices of an object and a null": {**CHAT, "choices": [CHOICE, None]},
    "choices that are a text": {**CHAT, "choices": "none"},
    "no usage": {key: value for key, value in CHAT.items() if key != "usage"},
    "null usage": {**CHAT, "usage": None},
    "usage in texts": {**CHAT, "usage": {"prompt_tokens": "10", "completion_tokens": "5"}},
    "usage in floats": {**CHAT, "usage": {"prompt_tokens": 10.0, "completion_tokens": 5.5}},
    "negative usage": {**CHAT, "usage": {"prompt_tokens": -1, "completion_tokens": 5}},
    "huge usage": {**CHAT, "usage": {"prompt_tokens": 10**30, "completion_tokens": 5}},
    "usage that is a list": {**CHAT, "usage": [10, 5]},
    "usage that is a text": {**CHAT, "usage": "10"},
    "details that are a number": {**CHAT, "usage": {**USAGE, "prompt_tokens_details": 3}},
    "unknown fields": {**CHAT, "cost": {"usd": 3}, "choices": [{**CHOICE, "mood": "good"}]},
    "fields named as a raw response's": {**CHAT, "http_response": {}, "_stream": True, "parse": 1},
    "ids that are numbers": {**CHAT, "id": 1, "model": 2, "service_tier": 3, "system_fingerprint": []},
    "a finish reason that is an object": {
        **CHAT,
        "choices": [{**CHOICE, "finish_reason": {"type": "x"}, "index": "0"}],
    },
    "an error with status 200": {"error": {"message": "overloaded", "type": "server_error"}},
    "a list": [CHAT],
    "a text": '"Hello"',
    "null": "null",
    "an empty object": {},
    "an empty body": "",
    "broken JSON": '{"id": "chatcmpl-1", "cho',
}


@pytest.mark.parametrize("body", ODD_RESPONSES.values(), ids=ODD_RESPONSES.keys())
async def test_an_odd_response_is_returned_as_the_bare_client_returns_it(body: Any) -> None:
    await check(chat, answer(body))


async def test_a_body_that_is_no_json_is_returned_as_text() -> None:
    await check(chat, answer("<html>502</html>", content_type="text/html"))


ODD_RESPONSES_OF_RESPONSES: dict[str, Any] = {
    "null output": {**RESPONSE, "output": None},
    "output of nulls": {**RESPONSE, "output": [None]},
    "output that is a number": {**RESPONSE, "output": 5},
    "no usage": {**RESPONSE, "usage": None},
    "failed": {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "no"}},
    "incomplete for no reason": {**RESPONSE, "status": "incomplete", "incomplete_details": None},
    "a tool that is billed by itself": {
        **RESPONSE,
        "output": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}],
    },
    "status that is a list": {**RESPONSE, "status": ["completed"]},
}


@pytest.mark.parametrize("body", ODD_RESPONSES_OF_RESPONSES.values(), ids=ODD_RESPONSES_OF_RESPONSES.keys())
async def test_an_odd_response_of_the_responses_api_is_returned_as_it_is(body: Any) -> None:
    await check(lambda c, **s: c.responses.create(model="gpt-4o-mini", input="Hello", **s), answer(body))


@pytest.mark.parametrize("body", [{**EMBEDDING, "data": []}, {**EMBEDDING, "usage": None}, {}])
async def test_an_odd_embedding_is_returned_as_it_is(body: Any) -> None:
    await check(
        lambda c, **s: c.embeddings.create(model="text-embedding-3-small", input="a", **s), answer(body)
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [{"error": {"message": "No.", "type": "t", "param": None, "code": "c"}}, {"detail": "No."}, "", "<html>"],
    ids=["OpenAI's", "another's", "empty", "no JSON"],
)
async def test_an_error_is_raised_as_the_bare_client_raises_it(status: int, body: Any) -> None:
    await check(chat, answer(body, status=status))


ODD_STREAMS: dict[str, tuple[Any, ...]] = {
    "as it should be": (CHUNK, {**CHUNK, "choices": [], "usage": USAGE}, "[DONE]"),
    "chunks without choices": ({**CHUNK, "choices": []}, "[DONE]"),
    "chunks with null choices": ({**CHUNK, "choices": None}, "[DONE]"),
    "choices without an index": (
        {**CHUNK, "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]},
        "[DONE]",
    ),
    "choices with a null index": (
        {**CHUNK, "choices": [{"index": None, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ),
    "choices of nulls": ({**CHUNK, "choices": [None]}, "[DONE]"),
    "empty chunks": ({}, {}, "[DONE]"),
    "usage in every chunk": ({**CHUNK, "usage": USAGE}, {**CHUNK, "usage": USAGE}, "[DONE]"),
    "usage in texts": ({**CHUNK, "usage": {"prompt_tokens": "a"}}, "[DONE]"),
    "nothing": (),
    "only the end": ("[DONE]",),
    "no end": (CHUNK,),
    "an error in the middle": (CHUNK, {"error": {"message": "overloaded"}}, CHUNK, "[DONE]"),
    "broken JSON in the middle": (CHUNK, "{", "[DONE]"),
    "null": ("null", "[DONE]"),
}


@pytest.mark.usefixtures("_as_asked")
@pytest.mark.parametrize("events", ODD_STREAMS.values(), ids=ODD_STREAMS.keys())
async def test_an_odd_stream_is_given_as_the_bare_client_gives_it(events: tuple[Any, ...]) -> None:
    await check(lambda c, **s: chat(c, stream=True, **s), answer_stream(*events))


ODD_EVENTS: dict[str, tuple[Any, ...]] = {
    "as it should be": (
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "usage": None}},
        {"type": "response.completed", "response": RESPONSE},
    ),
    "an end without a response": ({"type": "response.completed"},),
    "an end with a null response": ({"type": "response.completed", "response": None},),
    "no type": ({"response": RESPONSE},),
    "a type that is a list": ({"type": [], "response": RESPONSE},),
    "an error": ({"type": "error", "code": "server_error", "message": "no", "param": None},),
}


@pytest.mark.parametrize("events", ODD_EVENTS.values(), ids=ODD_EVENTS.keys())
async def test_odd_events_of_a_response_are_given_as_the_bare_client_gives_them(
    events: tuple[Any, ...],
) -> None:
    await check(
        lambda c, **s: c.responses.create(model="gpt-4o-mini", input="Hello", stream=True, **s),
        answer_stream(*events),
    )


class Reply(openai.BaseModel):
    word: str


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": '{"word": "Hi"}'},
        {"role": "assistant", "content": "no JSON"},
        {"role": "assistant", "content": None, "refusal": "No."},
    ],
    ids=["fits", "does not fit", "refused"],
)
@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_a_reply_is_parsed_as_the_bare_client_parses_it(message: Any, reason: str) -> None:
    body = {**CHAT, "choices": [{**CHOICE, "message": message, "finish_reason": reason}]}
    await check(
        lambda c, **s: chat_helpers(c).parse(
            model="gpt-4o-mini", messages=MESSAGES, response_format=Reply, **s
        ),
        answer(body),
    )


@pytest.mark.usefixtures("_as_asked")
async def test_the_events_of_a_helper_are_the_bare_clients() -> None:
    end = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE}
    await check(
        lambda c, **s: chat_helpers(c).stream(model="gpt-4o-mini", messages=MESSAGES, **s),
        answer_stream({**CHUNK, "choices": [{**CHUNK["choices"][0], "logprobs": None}]}, end, "[DONE]"),  # type: ignore[index]
    )


def test_the_methods_look_like_the_clients_own() -> None:
    def looks(client: Any) -> list[Any]:
        methods = (client.chat.completions.create, chat_helpers(client).stream, client.responses.parse)
        return [
            (
                inspect.signature(method),
                inspect.iscoroutinefunction(method),
                inspect.ismethod(method),
                method.__name__,
                method.__qualname__,
                method.__doc__,
                method.__self__ in (client.chat.completions, chat_helpers(client), client.responses),
            )
            for method in methods
        ]

    wire = Wire("{}")
    bare = looks(wire.client()), looks(wire.async_client())
    with instrumented():
        assert (looks(wire.client()), looks(wire.async_client())) == bare


def _broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("the prompt was: Hello")


BROKEN: dict[str, tuple[Any, str]] = {
    "the price": (charge, "price"),
    "the reading of a response": (response.Reply, "usage"),
    "the attributes": (attributes, "read"),
    "the metrics": (spans, "Measured"),
    "the server": (engine, "server_of"),
    "the target": (engine, "target_of"),
    "the connection": (engine.engine, "_connect"),
    "the call": (engine, "Call"),
    "the dimensions in common": (targets, "_common"),
}


@pytest.mark.parametrize(("where", "name"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_failure_of_ours_never_reaches_the_host(
    where: Any,
    name: str,
    stream: bool,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    targets.target_of.cache_clear()
    make_wire = answer_stream(CHUNK, "[DONE]") if stream else answer(CHAT)
    monkeypatch.setattr(where, name, _broken)
    before = otel_context.get_current()
    wire = make_wire()
    result = drain(chat(wire.client(), stream=stream, **WHO))
    async_wire = make_wire()
    async_result = await adrain(chat(async_wire.async_client(), stream=stream, **WHO))
    assert otel_context.get_current() is before
    monkeypatch.undo()
    targets.target_of.cache_clear()
    assert result == async_result == drain(chat(make_wire().client(), stream=stream))
    assert "Hello" not in caplog.text
    assert "telemetry_error (RuntimeError at test_transparency.py:" in caplog.text
    assert b"session_id" not in wire.requests[0][3] + async_wire.requests[0][3]


async def test_a_failing_tracer_never_reaches_the_host(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = answer(CHAT)()
    chat(wire.client())
    tracer = engine.engine._connect(own_export=False).tracer  # type: ignore[union-attr]
    monkeypatch.setattr(tracer, "start_span", _broken)
    before = otel_context.get_current()
    chat(wire.client(), **WHO)
    await chat(wire.async_client(), **WHO)
    assert otel_context.get_current() is before
    assert len(recording.spans) == 1


def test_a_failing_span_processor_never_reaches_the_host(recording: Recording) -> None:
    class Broken:
        on_start = on_end = _on_ending = _broken

    recording.tracer_provider.add_span_processor(Broken())  # type: ignore[arg-type]
    wire = answer(CHAT)()
    before = otel_context.get_current()
    assert chat(wire.client(), **WHO) == chat(wire.client())
    assert otel_context.get_current() is before


def test_suppressed_instrumentation_records_nothing_and_still_takes_the_arguments(
    recording: Recording,
) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    wire = answer(CHAT)()
    with suppress_instrumentation():
        assert chat(wire.client(), **WHO).usage.total_tokens == 15
    assert recording.spans == []
    assert b"session_id" not in wire.requests[0][3]
