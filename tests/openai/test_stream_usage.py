"""Streams report their usage though the caller did not ask, and the caller does not notice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from infraprism import settings
from infraprism.openai import stream_usage
from tests.support.calls import API_KEY, Recording, adrain, drain, instrumented, sse
from tests.support.versions import chat_helpers, http

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
CHUNK: Any = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}],
}
LAST: Any = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}


class Server:
    """A server that reports usage where it is asked to, as OpenAI does, or refuses to be asked.

    Attributes:
        bodies: the requests' bodies.
    """

    def __init__(self, refuses: str | None = None, status: int = 400) -> None:
        self._refuses = refuses
        self._status = status
        self.bodies: list[Any] = []

    def __call__(self, request: http.Request) -> http.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        options = body.get("stream_options")
        if options is not None and self._refuses is not None:
            return http.Response(self._status, json={"error": {"message": self._refuses}})
        if not body.get("messages"):
            return http.Response(400, json={"error": {"message": "no messages"}})
        if not (options or {}).get("include_usage"):
            return self._events(CHUNK, LAST, "[DONE]")
        null = {"usage": None}
        return self._events(
            {**CHUNK, **null}, {**LAST, **null}, {**LAST, "choices": [], "usage": USAGE}, "[DONE]"
        )

    def _events(self, *events: Any) -> http.Response:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=sse(*events))

    def client(self, base_url: str = "https://api.openai.com/v1") -> OpenAI:
        transport = http.MockTransport(self)
        return OpenAI(
            api_key=API_KEY, base_url=base_url, max_retries=0, http_client=http.Client(transport=transport)
        )

    def async_client(self, base_url: str = "https://api.openai.com/v1") -> AsyncOpenAI:
        http_client = http.AsyncClient(transport=http.MockTransport(self))
        return AsyncOpenAI(api_key=API_KEY, base_url=base_url, max_retries=0, http_client=http_client)


def stream(client: Any, **arguments: Any) -> Any:
    return client.chat.completions.create(
        **{"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True, **arguments}
    )


def shown(chunks: list[Any]) -> list[Any]:
    """Everything a caller can see of chunks."""
    return [(type(chunk), chunk, chunk.to_dict(), chunk.model_fields_set) for chunk in chunks]


@pytest.fixture(autouse=True)
def _nothing_known_of_servers() -> Iterator[None]:
    stream_usage.forget()
    yield
    stream_usage.forget()


@pytest.mark.parametrize(
    "asked", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
async def test_a_stream_has_its_usage_and_the_caller_its_chunks(asked: Any) -> None:
    bare = Server()
    expected = shown(drain(stream(bare.client())))
    server = Server()
    with instrumented() as recording:
        assert shown(drain(stream(server.client(), **asked))) == expected
        assert shown(await adrain(stream(server.async_client(), **asked))) == expected
    assert [body["stream_options"] for body in server.bodies] == [{"include_usage": True}] * 2
    for span in recording.spans:
        assert span["attributes"]["gen_ai.usage.output_tokens"] == 1
        assert span["attributes"]["infraprism.cost.status"] == "priced"


def test_the_callers_own_options_are_kept(recording: Recording) -> None:
    server = Server()
    drain(stream(server.client(), stream_options={"include_obfuscation": False}))
    assert server.bodies[0]["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_a_caller_who_asks_sees_the_usage(recording: Recording) -> None:
    chunks = drain(stream(Server().client(), stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 1
    assert recording.attributes["infraprism.cost.status"] == "priced"


def test_a_helpers_events_and_completion_are_the_bare_clients() -> None:
    def events(client: OpenAI) -> Any:
        with chat_helpers(client).stream(model="gpt-4o-mini", messages=MESSAGES) as helper:
            return [event.to_dict() for event in helper], helper.get_final_completion()

    expected = events(Server().client())
    with instrumented() as recording:
        assert events(Server().client()) == expected
    assert recording.attributes["infraprism.cost.status"] == "priced"


REFUSALS = [
    ("Unrecognized request argument supplied: stream_options", 400),
    ("Extra inputs are not permitted", 422),
    ("Bad Request", 400),
]


@pytest.mark.parametrize(("message", "status"), REFUSALS)
async def test_a_server_that_refuses_the_option_gets_the_callers_request_and_is_not_asked_again(
    recording: Recording, message: str, status: int
) -> None:
    server = Server(message, status)
    client, async_client = (
        make("https://gateway.example/v1") for make in (server.client, server.async_client)
    )
    for _ in range(2):
        assert [chunk.choices[0].delta.content for chunk in drain(stream(client))] == ["Hi", None]
        assert len(await adrain(stream(async_client))) == 2
    assert ["stream_options" in body for body in server.bodies] == [True, False, False, False, False]
    assert all(span["attributes"]["infraprism.cost.status"] == "estimated" for span in recording.spans)
    assert [span["status"] for span in recording.spans] == [("UNSET", None)] * 4


def test_an_error_that_is_the_requests_own_is_raised(recording: Recording) -> None:
    server = Server()
    client = server.client("https://gateway.example/v1")
    with pytest.raises(openai.BadRequestError, match="no messages"):
        stream(client, messages=[])
    assert len(server.bodies) == 2  # nothing was known of the server
    drain(stream(client))
    with pytest.raises(openai.BadRequestError, match="no messages"):
        stream(client, messages=[])
    assert len(server.bodies) == 4  # it takes the option, so the request is wrong
    assert [span["status"][0] for span in recording.spans] == ["ERROR", "UNSET", "ERROR"]


def test_openai_is_not_sent_a_wrong_request_twice(recording: Recording) -> None:
    server = Server()
    with pytest.raises(openai.BadRequestError):
        stream(server.client(), messages=[])
    assert len(server.bodies) == 1


ONCE_ONLY: list[Any] = [
    lambda: iter(MESSAGES),
    lambda: [{"role": "user", "content": iter([{"type": "text", "text": "Hello"}])}],
]


@pytest.mark.parametrize("messages", ONCE_ONLY)
def test_what_can_be_read_only_once_is_never_risked(recording: Recording, messages: Any) -> None:
    server = Server("Bad Request")
    drain(stream(server.client("https://gateway.example/v1"), messages=messages()))
    assert ["stream_options" in body for body in server.bodies] == [False]
    assert server.bodies[0]["messages"][0]["role"] == "user"


def test_raw_events_stay_as_they_are(recording: Recording) -> None:
    server = Server()
    stream_lines = server.client().chat.completions.with_streaming_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    )
    with stream_lines as response:
        list(response.iter_lines())
    raw = server.client().chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    )
    drain(raw.parse())
    stream(server.client(), extra_body={"stream_options": {}}).close()
    assert [body.get("stream_options") for body in server.bodies] == [None, None, {}]


def test_the_setting_turns_it_off(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "current", lambda: settings.Settings(stream_usage=False))
    server = Server()
    drain(stream(server.client()))
    assert "stream_options" not in server.bodies[0]
    assert recording.attributes["infraprism.cost.status"] == "estimated"
