"""Batches: a downloaded output file yields its calls, each once, and the download is as it was."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

import infraprism
from infraprism import guard, pricing
from infraprism.openai import attributes, background, batch_output
from infraprism.openai.response import Reply
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import API_KEY, SCOPE, Recording, instrumented, settle
from tests.support.versions import OPENAI, http

BEGAN, CREATED, ENDED = 1_795_176_000, 1_795_176_060, 1_795_179_600  # 20 November 2026
WHO: Any = {
    "session_id": "night-1",
    "entity_type": "customer",
    "entity_id": "acme",
    "tags": {"feature": "report"},
}
WHOSE = {
    "session.id": "night-1",
    "gen_ai.conversation.id": "night-1",
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme",
    "infraprism.tag.feature": "report",
}
SERVER = {"gen_ai.provider.name": "openai", "server.address": "api.openai.com", "server.port": 443}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "input_file_id": "file-in",
    "output_file_id": "file-out",
    "error_file_id": "file-err",
    "status": "completed",
    "created_at": BEGAN - 10,
    "in_progress_at": BEGAN,
    "completed_at": ENDED,
}


def chat(number: int = 1) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes"}}
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": CREATED,
    "completed_at": CREATED + 5,
    "model": "gpt-4o-mini-2024-07-18",
    "status": "completed",
    "background": False,
    "output": [],
    "usage": {"input_tokens": 1000, "output_tokens": 100},
}
EMBEDDING = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
}
COMPLETION = {**chat(), "id": "cmpl-1", "object": "text_completion", "model": "gpt-3.5-turbo-instruct"}
IMAGE = {"created": CREATED, "data": [{"b64_json": "eA=="}], "usage": {"input_tokens": 9, "output_tokens": 9}}


def line(body: Any, number: int = 1, *, status: int = 200, error: Any = None) -> str:
    response = {"status_code": status, "request_id": f"req_{number}", "body": body}
    whole = {
        "id": f"batch_req_{number}",
        "custom_id": f"request-{number}",
        "response": None if body is None else response,
        "error": error,
    }
    return json.dumps(whole)


def lines(count: int) -> str:
    return "".join(f"{line(chat(number), number)}\n" for number in range(count))


class Storage:
    """The API's batches and files."""

    def __init__(self, content: str | bytes, *, compressed: bool = False) -> None:
        self.content = content.encode() if isinstance(content, str) else content
        self.compressed = compressed
        self.requests: list[tuple[str, str]] = []

    def __call__(self, request: http.Request) -> http.Response:
        path = request.url.path.removeprefix("/v1")
        self.requests.append((request.method, str(request.url)))
        if path == "/batches":
            return http.Response(200, json={"object": "list", "data": [BATCH], "has_more": False})
        if path.startswith("/batches/"):
            return http.Response(200, json=BATCH)
        if path == "/files/missing/content":
            return http.Response(404, json={"error": {"message": "no such file"}})
        content = gzip.compress(self.content) if self.compressed else self.content
        headers = {"content-type": "application/octet-stream"}
        if self.compressed:
            headers["content-encoding"] = "gzip"
        return http.Response(200, headers=headers, stream=Pieces(content))

    def client(self) -> OpenAI:
        http_client = http.Client(transport=http.MockTransport(self))
        return OpenAI(api_key=API_KEY, max_retries=0, http_client=http_client)

    def async_client(self) -> AsyncOpenAI:
        http_client = http.AsyncClient(transport=http.MockTransport(self))
        return AsyncOpenAI(api_key=API_KEY, max_retries=0, http_client=http_client)


class Pieces(http.SyncByteStream, http.AsyncByteStream):
    """A body that comes in pieces which end anywhere."""

    def __init__(self, content: bytes) -> None:
        self._pieces = [content[start : start + 100] for start in range(0, len(content), 100)]

    def __iter__(self) -> Any:
        yield from self._pieces

    async def __aiter__(self) -> Any:
        for piece in self._pieces:
            yield piece


def priced(reported: Any, model: str) -> dict[str, Any]:
    """What the span says of the usage, at batch price."""
    usage = pricing.read(reported)
    at = datetime(2026, 11, 20, tzinfo=UTC)
    cost = pricing.price(usage, provider="openai", model=model, service_tier=None, at=at, batch=True)
    return dict(attributes.read(Reply(), usage, cost))


def span_of(found: dict[str, Any], number: int, *, model: str | None, error: str | None = None) -> Any:
    operation = found["gen_ai.operation.name"]
    return {
        "name": operation if model is None else f"{operation} {model}",
        "kind": "CLIENT",
        "trace_id": trace_id_of(Identity("night-1", "customer", "acme")),
        "span_id": number,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None) if error is None else ("ERROR", error),
        "attributes": {
            **SERVER,
            **WHOSE,
            "infraprism.batch.request": True,
            "infraprism.batch.custom_id": f"request-{number}",
            **found,
        },
        "events": [],
        "links": [],
    }


def served(operation: str, model: str, reported: Any, **found: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        **priced(reported, model),
        **found,
    }


MINI = "gpt-4o-mini-2024-07-18"
CHAT = served(
    "chat",
    MINI,
    chat()["usage"],
    **{
        "openai.api.type": "chat_completions",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
    },
)
OF_BATCH = {"infraprism.batch.id": "batch_1"}


def without_totals(recording: Recording) -> list[dict[str, Any]]:
    spans = recording.spans
    for span in spans:
        span["attributes"].pop("infraprism.session.cost", None)
        span["attributes"].pop("infraprism.session.turns", None)
    return spans


def test_every_line_of_an_output_is_a_call(recording: Recording) -> None:
    bodies = [chat(), RESPONSE, EMBEDDING, COMPLETION, IMAGE]
    content = "\n".join(line(body, number) for number, body in enumerate(bodies, 1))
    client: Any = Storage(content).client()
    assert client.files.content("file-out", **WHO).text == content
    settle()
    response = served(
        "chat",
        MINI,
        RESPONSE["usage"],
        **{
            "openai.api.type": "responses",
            "gen_ai.response.id": "resp_1",
            "gen_ai.response.finish_reasons": ("completed",),
        },
    )
    embedding = served("embeddings", "text-embedding-3-small", EMBEDDING["usage"])
    completion = served(
        "text_completion",
        "gpt-3.5-turbo-instruct",
        COMPLETION["usage"],
        **{"gen_ai.response.id": "cmpl-1", "gen_ai.response.finish_reasons": ("stop",)},
    )
    image = {"gen_ai.operation.name": "batch_request", "infraprism.cost.status": "unpriced"}
    turns = [span["attributes"]["infraprism.session.turns"] for span in recording.spans]
    assert turns == [1, 2, 2, 3, 3]
    assert without_totals(recording) == [
        span_of(CHAT, 1, model=MINI),
        span_of(response, 2, model=MINI),
        span_of(embedding, 3, model="text-embedding-3-small"),
        span_of(completion, 4, model="gpt-3.5-turbo-instruct"),
        span_of(image, 5, model=None),
    ]
    times = [(span.start_time, span.end_time) for span in recording.exporter.get_finished_spans()]
    second = 10**9
    assert times[:2] == [
        (CREATED * second, CREATED * second),
        (CREATED * second, (CREATED + 5) * second),
    ]


def test_a_batch_that_was_seen_says_when_and_what(recording: Recording) -> None:
    client: Any = Storage(f"{line(chat())}\n{line(None, 2, error={'code': 'batch_expired'})}\n").client()
    client.batches.retrieve("batch_1")
    client.files.content("file-err", **WHO)
    settle()
    expired = {
        "gen_ai.operation.name": "chat",
        "openai.api.type": "chat_completions",
        "error.type": "batch_expired",
        **OF_BATCH,
    }
    assert without_totals(recording) == [
        span_of({**CHAT, **OF_BATCH}, 1, model=MINI),
        span_of(expired, 2, model=None, error="batch_expired"),
    ]
    for span in recording.exporter.get_finished_spans():
        assert (span.start_time, span.end_time) == (BEGAN * 10**9, ENDED * 10**9)
    metrics = recording.metrics()
    assert "gen_ai.client.operation.duration" not in metrics
    tokens = [value for _, value in metrics["gen_ai.client.token.usage"]]
    assert tokens == [(1, 1000), (1, 100)]


@pytest.mark.parametrize(
    ("endpoint", "operation", "status"),
    [
        ("/v1/moderations", "moderation", "free"),
        ("/v1/images/generations", "image_generation", "unpriced"),
        ("/v1/something/new", "batch_request", "unpriced"),
    ],
)
def test_the_endpoint_says_what_a_response_does_not(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, endpoint: str, operation: str, status: str
) -> None:
    monkeypatch.setitem(BATCH, "endpoint", endpoint)
    monkeypatch.setitem(BATCH, "model", "some-model")
    client = Storage(line({"created": CREATED, "data": [{}], "usage": {"input_tokens": 9}})).client()
    client.batches.retrieve("batch_1")
    client.files.content("file-out")
    settle()
    assert recording.span["name"] == f"{operation} some-model"
    assert recording.attributes["infraprism.cost.status"] == status


def test_a_request_of_a_batch_costs_the_batch_price(recording: Recording) -> None:
    client: Any = Storage(line(chat())).client()
    client.files.content("file-out", **WHO)
    settle()
    # 1,000 tokens at $0.075 and 100 at $0.30 a million.
    assert recording.attributes["infraprism.cost.amount"] == "0.000105"
    assert recording.attributes["infraprism.session.cost"] == "0.000105"


@pytest.mark.parametrize(
    ("failed", "error_type"),
    [
        (
            line({"error": {"code": "rate_limit_exceeded", "message": "the prompt"}}, status=429),
            "rate_limit_exceeded",
        ),
        (line({"error": {"code": None}}, status=400), "400"),
        (line(None, error={"code": "batch_expired", "message": "the prompt"}), "batch_expired"),
        (line(None, error={"message": "the prompt"}), "error"),
    ],
)
def test_a_request_that_failed_is_an_error_without_a_cost(
    recording: Recording, failed: str, error_type: str
) -> None:
    client: Any = Storage(failed).client()
    client.files.content("file-err", **WHO)
    settle()
    found = {"gen_ai.operation.name": "batch_request", "error.type": error_type}
    assert recording.spans == [span_of(found, 1, model=None, error=error_type)]


def whole(client: Any) -> None:
    client.files.content("file-out").read()


def by_keyword(client: Any) -> None:
    assert client.files.content(file_id="file-out").content


def raw(client: Any) -> None:
    client.files.with_raw_response.content("file-out").parse()


def old(client: Any) -> None:
    with pytest.warns(DeprecationWarning, match="content"):
        assert client.files.retrieve_content("file-out").endswith("\n")


def streamed(client: Any) -> None:
    with client.files.with_streaming_response.content("file-out") as response:
        response.stream_to_file(os.devnull)


def streamed_lines(client: Any) -> None:
    with client.files.with_streaming_response.content("file-out") as response:
        assert sum(1 for _ in response.iter_lines()) == 3


def streamed_at_once(client: Any) -> None:
    with client.files.with_streaming_response.content("file-out") as response:
        assert response.read() == response.read()
        assert list(response.iter_bytes())


WAYS = [whole, by_keyword, raw, old, streamed, streamed_lines, streamed_at_once]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_download_is_seen(
    recording: Recording, way: Callable[[Any], None], compressed: bool
) -> None:
    client = Storage(lines(3), compressed=compressed).client()
    with infraprism.session("night-1"):
        way(client)
    settle()
    custom = [span["attributes"]["infraprism.batch.custom_id"] for span in recording.spans]
    assert custom == ["request-0", "request-1", "request-2"]
    assert {span["attributes"]["session.id"] for span in recording.spans} == {"night-1"}
    way(client)
    settle()
    assert len(recording.spans) == 3
    assert guard.dropped() == {}


async def awhole(client: Any) -> None:
    (await client.files.content("file-out")).read()


async def araw(client: Any) -> None:
    (await client.files.with_raw_response.content("file-out")).parse()


async def astreamed(client: Any) -> None:
    async with client.files.with_streaming_response.content("file-out") as response:
        assert [piece async for piece in response.iter_bytes()]


async def astreamed_at_once(client: Any) -> None:
    async with client.files.with_streaming_response.content("file-out") as response:
        await response.read()


@pytest.mark.parametrize("way", [awhole, araw, astreamed, astreamed_at_once])
async def test_every_async_way_to_download_is_seen(recording: Recording, way: Any) -> None:
    client = Storage(lines(3)).async_client()
    for _ in range(2):
        with infraprism.session("night-1"):
            await way(client)
        await asyncio.to_thread(settle)
    assert len(recording.spans) == 3
    assert guard.dropped() == {}


def seen_listed(client: Any) -> None:
    assert [batch.id for batch in client.batches.list()] == ["batch_1"]


def seen_cancelled(client: Any) -> None:
    client.batches.cancel("batch_1")


def seen_raw(client: Any) -> None:
    client.batches.with_raw_response.retrieve("batch_1").parse()


@pytest.mark.parametrize("see", [seen_listed, seen_cancelled, seen_raw])
def test_every_way_to_see_a_batch_is_seen(recording: Recording, see: Callable[[Any], None]) -> None:
    client = Storage(lines(1)).client()
    see(client)
    client.files.content("file-out")
    settle()
    assert recording.attributes["infraprism.batch.id"] == "batch_1"


async def test_an_async_list_can_be_awaited_and_iterated(recording: Recording) -> None:
    client = Storage(lines(1)).async_client()
    assert [batch.id async for batch in client.batches.list()] == ["batch_1"]
    assert [batch.id for batch in (await client.batches.list()).data] == ["batch_1"]
    await client.files.content("file-out")
    await asyncio.to_thread(settle)
    assert recording.attributes["infraprism.batch.id"] == "batch_1"


def test_half_a_stream_is_half_the_calls_and_the_rest_comes_later(recording: Recording) -> None:
    client = Storage(lines(4)).client()
    with client.files.with_streaming_response.content("file-out") as response:
        read = 0
        for piece in response.iter_bytes():
            read += len(piece)
            if read > len(line(chat(0), 0)) + 10:
                break
    settle()
    assert len(recording.spans) == 1
    client.files.content("file-out")
    settle()
    custom = [span["attributes"]["infraprism.batch.custom_id"] for span in recording.spans]
    assert custom == ["request-0", "request-1", "request-2", "request-3"]


def test_a_stream_that_is_not_read_is_not_read_by_us(recording: Recording) -> None:
    client = Storage(lines(4)).client()
    with client.files.with_streaming_response.content("file-out") as response:
        followed = weakref.ref(response.http_response)
    assert response.http_response.is_stream_consumed is False
    del response
    if OPENAI < (3, 0):
        gc.collect()  # httpx makes a cycle of it
    assert followed() is None
    settle()
    assert recording.spans == []


@pytest.mark.parametrize("wait", [settle, lambda: None], ids=["read before", "still waiting to be read"])
def test_a_bigger_file_than_is_remembered_line_by_line_is_read_once(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, wait: Callable[[], None]
) -> None:
    monkeypatch.setattr("infraprism.openai.billed._REMEMBERED", 2)
    client = Storage(lines(5)).client()
    client.files.content("file-out")
    wait()
    client.files.content("file-out")
    settle()
    assert len(recording.spans) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        '{"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n',
        '{"messages": [{"role": "user", "content": "custom_id"}]}\n',
        '{"custom_id": "request-1", "response": "yes"}\n',
        "{" * 100_000,
        '{"custom_id": ' + "[" * 100_000,
        "[]",
        '"custom_id" and "response"',
    ],
    ids=range(10),
)
def test_a_file_of_another_kind_is_left_alone(recording: Recording, content: str | bytes) -> None:
    storage = Storage(content)
    assert storage.client().files.content("file-other").content == storage.content
    settle()
    assert (recording.spans, guard.dropped()) == ([], {})


def test_a_malformed_line_is_counted_and_its_neighbours_are_calls(recording: Recording) -> None:
    broken = ["not json", "[1]", '{"custom_id": "x"}', '{"custom_id": "x", "response": 1}', '{"a": \ud800}']
    content = "\n".join([line(chat(1), 1), *broken, line(chat(2), 2), ""]).encode(errors="surrogatepass")
    Storage(content).client().files.content("file-out")
    settle()
    assert len(recording.spans) == 2
    assert guard.dropped() == {"batch_line_malformed": len(broken)}


@pytest.mark.parametrize(
    "odd",
    [
        {"custom_id": None, "response": {"status_code": 200, "body": None}},
        {"custom_id": "x" * 300, "response": {"status_code": 200, "body": {"object": ["chat"], "id": 5}}},
        {"custom_id": {}, "response": {"status_code": "200", "body": []}, "error": 0},
        {
            "custom_id": "x",
            "response": {"status_code": 200, "body": {**chat(), "created": "soon", "model": 7}},
        },
        {
            "custom_id": "x",
            "response": {"status_code": 200, "body": {**chat(), "created": 1e300, "usage": []}},
        },
        {"custom_id": "\ud800", "response": None, "error": {"code": "\ud800" * 3}},
    ],
    ids=range(6),
)
def test_an_odd_line_is_a_call_that_can_be_exported(recording: Recording, odd: Any) -> None:
    Storage(json.dumps(odd)).client().files.content("file-out")
    settle()
    (span,) = recording.spans
    json.dumps(span["attributes"], ensure_ascii=False).encode()
    assert guard.dropped() == {}


def test_the_download_is_the_clients_own() -> None:
    def shown(storage: Storage) -> list[Any]:
        client = storage.client()
        seen: list[Any] = [client.batches.retrieve("batch_1"), list(client.batches.list())]
        for way in (client.files.content, client.files.with_raw_response.content):
            result: Any = way("file-out")
            seen += [type(result), result.text, result.content]
        with client.files.with_streaming_response.content("file-out") as response:
            seen += [type(response), list(response.iter_bytes(7)), response.is_closed]
            seen += [sorted(vars(response.http_response))]
        with pytest.raises(NotFoundError):
            client.files.content("missing")
        return seen

    bare, seen = Storage(lines(3)), Storage(lines(3))
    expected = shown(bare)
    with instrumented() as recording:
        assert shown(seen) == expected
        settle()
    assert len(recording.spans) == 3
    assert seen.requests == bare.requests


def test_the_session_arguments_are_checked_and_never_sent(recording: Recording) -> None:
    storage = Storage(lines(1))
    client: Any = storage.client()
    with pytest.raises(ValueError, match="entity_id"):
        client.files.content("file-out", entity_id="")
    assert storage.requests == []
    client.files.content("file-out", **WHO)
    assert storage.requests == [("GET", "https://api.openai.com/v1/files/file-out/content")]


def test_what_is_suppressed_is_not_read(recording: Recording) -> None:
    client = Storage(lines(1)).client()
    with suppress_instrumentation():
        client.files.content("file-out")
    settle()
    assert recording.spans == []


def test_the_caller_does_not_wait_and_not_everything_is_kept(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(lines(50))
    client = storage.client()
    go_on = threading.Event()
    monkeypatch.setattr(background, "_MOST_WAITING", len(storage.content) + 1)
    background.hand_over(lambda: go_on.wait(30), 0)
    client.files.content("file-1")  # comes back while nothing is read
    storage.content = (line(chat(50), 50) + "\n").encode()
    client.files.content("file-2")  # one too much
    assert recording.spans == []
    go_on.set()
    settle()
    assert len(recording.spans) == 50
    assert guard.dropped() == {"batch_unread": 1}
    client.files.content("file-2")
    settle()
    assert len(recording.spans) == 51


class Flushed(SpanProcessor):
    """Notes how many spans had ended when it was flushed."""

    def __init__(self) -> None:
        self.ended = 0
        self.at: list[int] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended += 1

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.at.append(self.ended)
        return True


def test_spans_are_exported_before_they_push_out_others(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = Flushed()
    recording.tracer_provider.add_span_processor(flushed)
    monkeypatch.setattr(batch_output, "_EXPORTED_AT_ONCE", 2)
    Storage(lines(5)).client().files.content("file-out")
    settle()
    assert flushed.at == [2, 4, 5]


def in_a_child(client: OpenAI, recording: Recording) -> None:
    before = len(recording.spans)
    client.files.content("file-child")
    settle()
    assert len(recording.spans) == before + 2


def test_a_forked_child_reads_its_own(recording: Recording) -> None:
    storage = Storage(lines(1))
    client = storage.client()
    client.files.content("file-out")  # the parent has its thread
    settle()
    storage.content = lines(3).encode()  # one of which was recorded before the fork
    child = multiprocessing.get_context("fork").Process(target=in_a_child, args=(client, recording))
    child.start()
    child.join(30)
    assert child.exitcode == 0


PROGRAM = """
import json
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from infraprism import InfraPrismInstrumentor, guard
from infraprism.openai import background
from tests.openai.test_batches import Storage, lines

class Counting(SpanExporter):
    seen = 0
    def export(self, spans):
        self.seen += len(spans)
        return SpanExportResult.SUCCESS
    def shutdown(self):
        print(json.dumps([self.seen, guard.dropped()]), flush=True)

background._PATIENCE = float(sys.argv[1])
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Counting()))
trace.set_tracer_provider(provider)
InfraPrismInstrumentor().instrument()
Storage(lines(3000)).client().files.content("file-out")
"""


def ending(patience: float) -> tuple[int, dict[str, int]]:
    """How many spans a program exports that ends right after its download, and what it drops."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(patience)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    exported, dropped = json.loads(result.stdout)
    return exported, dropped


def test_a_program_that_ends_waits_for_the_rest() -> None:
    assert ending(patience=30) == (3000, {})


def test_a_program_that_ends_does_not_wait_for_ever() -> None:
    exported, dropped = ending(patience=0)
    assert exported < 3000
    assert dropped == {"batch_unread": 3000 - exported}
