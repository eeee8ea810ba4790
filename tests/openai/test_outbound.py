"""What goes to the model provider, byte for byte: nothing of a session, whatever else is instrumented."""

from __future__ import annotations

import importlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, InternalServerError, OpenAI
from opentelemetry import baggage, propagate, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import format_span_id, format_trace_id

from infraprism import guard, session
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import API_KEY, Recording, adrain, drain, instrumented, sse
from tests.support.versions import chat_helpers, http

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
WHO: Any = {"entity_type": "customer", "entity_id": "acme-secret", "tags": {"feature": "tag-secret"}}
#: What an application puts into its baggage, ours among it.
BAGGAGE = {
    "infraprism.session.id": "conv-secret",
    "infraprism.entity.id": "acme-secret",
    "tenant": "blue",
    "infraprism_like": "kept",
}
REPLY = {
    "id": "r-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {**REPLY, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}


class RawServer:
    """Reads requests off a socket and keeps their bytes; the first `refuses` are to be sent again."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.refuses = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return  # closed
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (line[15:] for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), b"0"
        )
        while len(body) < int(length):
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        kind, answer = b"application/json", json.dumps(REPLY).encode()
        if b'"stream":true' in body.replace(b" ", b""):
            kind, answer = b"text/event-stream", sse(CHUNK, "[DONE]")
        status = b"200 OK"
        if self.refuses:
            self.refuses -= 1
            status, answer = b"503 Later\r\nretry-after-ms: 1", b"{}"
        connection.sendall(
            b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (status, kind, len(answer), answer)
        )

    def headers(self) -> list[dict[str, str]]:
        """The headers of each request, their names in lower case."""
        found = []
        for request in self.requests:
            lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
            found.append({name.lower(): value for name, _, value in (line.partition(": ") for line in lines)})
        return found

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


class Propagating:
    """An instrumentation of the HTTP client: a span for each request, and what is propagated on it."""

    def __init__(self, recording: Recording) -> None:
        self._tracer = recording.tracer_provider.get_tracer("http")
        self._own = {
            (kind, name): getattr(kind, name)
            for kind, name in (
                (http.HTTPTransport, "handle_request"),
                (http.AsyncHTTPTransport, "handle_async_request"),
            )
        }

    def __enter__(self) -> None:
        for (kind, name), own in self._own.items():
            setattr(kind, name, (self._async if "async" in name else self._sync)(own))

    def __exit__(self, *_: object) -> None:
        for (kind, name), own in self._own.items():
            setattr(kind, name, own)

    def _sync(self, own: Any) -> Any:
        def handle(transport: Any, request: Any) -> Any:
            with self._tracer.start_as_current_span(request.method):
                propagate.inject(request.headers)
                return own(transport, request)

        return handle

    def _async(self, own: Any) -> Any:
        async def handle(transport: Any, request: Any) -> Any:
            with self._tracer.start_as_current_span(request.method):
                propagate.inject(request.headers)
                return await own(transport, request)

        return handle


@contextmanager
def opentelemetrys(recording: Recording) -> Iterator[None]:
    """OpenTelemetry's own, where it is installed: see tests/peers/requirements.txt."""
    theirs = pytest.importorskip("opentelemetry.instrumentation.httpx")
    name = "HTTPX2ClientInstrumentor" if http.__name__ == "httpx2" else "HTTPXClientInstrumentor"
    instrumentor = getattr(theirs, name)()
    instrumentor.instrument(
        tracer_provider=recording.tracer_provider, meter_provider=recording.meter_provider
    )
    try:
        yield
    finally:
        instrumentor.uninstrument()


@pytest.fixture(params=[Propagating, opentelemetrys], ids=["propagating", "OpenTelemetry's"])
def http_instrumented(request: pytest.FixtureRequest) -> Callable[[Recording], Any]:
    """The application instruments its HTTP client."""
    instrumentation: Callable[[Recording], Any] = request.param
    return instrumentation


@contextmanager
def carrying(items: dict[str, str]) -> Iterator[None]:
    """The application's baggage."""
    context = otel_context.get_current()
    for name, value in items.items():
        context = baggage.set_baggage(name, value, context)
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def chat(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": MESSAGES, **options})


def raw_stream(client: Any) -> Any:
    return client.chat.completions.with_streaming_response.create(model="gpt-4o-mini", messages=MESSAGES)


#: Calls, and other requests of the client.
REQUESTS: dict[str, Callable[[Any], Any]] = {
    "a call": chat,
    "a call with arguments": lambda client: chat(client, session_id="conv-secret", **WHO),
    "a stream": lambda client: chat(client, stream=True),
    "a helper": lambda client: chat_helpers(client).stream(model="gpt-4o-mini", messages=MESSAGES),
    "raw": lambda client: client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES
    ),
    "embeddings": lambda client: client.embeddings.create(model="text-embedding-3-small", input="Hi"),
    "a fetch": lambda client: client.responses.retrieve("resp_1"),
    "a batch": lambda client: client.batches.retrieve("batch_1"),
    "no call": lambda client: client.models.retrieve("gpt-4o-mini"),
}
SECRETS = (b"secret", b"infraprism.", b"customer", b"session")


@pytest.fixture
def client(server: RawServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key=API_KEY, max_retries=2) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(server: RawServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.base_url, api_key=API_KEY, max_retries=2) as client:
        yield client


@pytest.mark.parametrize("mode", ["join", "nest", "link"])
def test_without_an_http_instrumentation_the_request_is_the_clients_own(
    client: OpenAI, server: RawServer, mode: Any
) -> None:
    chat(client)
    with instrumented(), carrying(BAGGAGE), session("conv-secret", **WHO, mode=mode):
        chat(client)
    bare, ours = server.requests
    assert ours == bare


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
def test_beside_an_http_instrumentation_nothing_of_ours_is_sent(
    client: OpenAI,
    server: RawServer,
    request_of: Callable[[Any], Any],
    http_instrumented: Callable[[Recording], Any],
) -> None:
    recording = Recording()
    with (
        http_instrumented(recording),
        instrumented(recording),
        carrying(BAGGAGE),
        session("conv-secret", **WHO),
    ):
        drain(request_of(client))
        assert dict(baggage.get_all()) == BAGGAGE  # as it was for the application
    (headers,) = server.headers()
    assert headers["baggage"] == "tenant=blue,infraprism_like=kept"
    assert not [word for word in SECRETS if word in server.requests[0]]


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
async def test_nor_by_the_async_client(
    async_client: AsyncOpenAI,
    server: RawServer,
    request_of: Callable[[Any], Any],
    http_instrumented: Callable[[Recording], Any],
) -> None:
    recording = Recording()
    with http_instrumented(recording), instrumented(recording), carrying(BAGGAGE):
        async with session("conv-secret", **WHO):
            await adrain(request_of(async_client))
            assert dict(baggage.get_all()) == BAGGAGE
    (headers,) = server.headers()
    assert headers["baggage"] == "tenant=blue,infraprism_like=kept"
    assert not [word for word in SECRETS if word in server.requests[0]]


def test_nor_when_it_is_sent_again(
    client: OpenAI, server: RawServer, http_instrumented: Callable[[Recording], Any]
) -> None:
    server.refuses = 2
    recording = Recording()
    with http_instrumented(recording), instrumented(recording), carrying(BAGGAGE), session("conv-secret"):
        chat(client)
    assert [headers["baggage"] for headers in server.headers()] == ["tenant=blue,infraprism_like=kept"] * 3
    assert not [word for word in SECRETS if word in b"".join(server.requests)]


def test_baggage_that_was_all_ours_is_not_sent_at_all(
    client: OpenAI, server: RawServer, http_instrumented: Callable[[Recording], Any]
) -> None:
    recording = Recording()
    with (
        http_instrumented(recording),
        instrumented(recording),
        carrying({"infraprism.session.id": "conv-secret"}),
    ):
        chat(client)
    assert "baggage" not in server.headers()[0]


def test_what_an_http_instrumentation_sends_is_what_it_sends_without_ours(
    client: OpenAI, server: RawServer, http_instrumented: Callable[[Recording], Any]
) -> None:
    """Its traceparent is its own span's; the trace is the call's, and its id a keyed hash."""
    recording = Recording()
    items = {"tenant": "blue"}
    with http_instrumented(recording), carrying(items):
        chat(client)
        with instrumented(recording), session("conv-secret", **WHO):
            chat(client)
    bare, ours = server.headers()
    *_, theirs, call = recording.spans
    assert theirs["parent_id"] == call["span_id"]
    trace_id = trace_id_of(Identity("conv-secret", "customer", "acme-secret")) or 0
    assert ours.pop("traceparent").split("-")[:3] == [
        "00",
        format_trace_id(trace_id),
        format_span_id(theirs["span_id"]),
    ]
    del bare["traceparent"]
    assert ours == bare


def test_a_reply_in_flight_does_not_lose_its_call(client: OpenAI, server: RawServer) -> None:
    """The response is still read for the call that is under way."""
    server.refuses = 1
    with instrumented() as recording, carrying(BAGGAGE):
        chat(client, session_id="conv-secret")
    assert recording.attributes["http.request.resend_count"] == 1


def test_a_request_that_fails_gives_the_baggage_back(client: OpenAI, server: RawServer) -> None:
    server.refuses = 3
    with instrumented(), carrying(BAGGAGE):
        with pytest.raises(InternalServerError):
            chat(client)
        assert dict(baggage.get_all()) == BAGGAGE


def test_a_failure_of_ours_does_not_touch_the_request(
    client: OpenAI, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(context: Any) -> Any:
        raise RuntimeError("content of a prompt")

    with instrumented():
        monkeypatch.setattr(importlib.import_module("infraprism.openai.outbound"), "without_baggage", broken)
        client.models.retrieve("gpt-4o-mini")
        assert guard.dropped() == {"telemetry_error": 1}
    assert len(server.requests) == 1


def test_a_span_of_ours_is_current_while_the_request_is_sent(client: OpenAI, server: RawServer) -> None:
    """What is taken out is baggage, and nothing else of the context."""
    recording = Recording()
    with instrumented(recording), carrying(BAGGAGE), session("conv-secret"):
        active: list[int] = []
        client._client.event_hooks["request"] = [
            lambda request: active.append(trace.get_current_span().get_span_context().span_id)
        ]
        chat(client)
    assert active == [recording.span["span_id"]]
