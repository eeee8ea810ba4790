"""However a call ends: one span, at once, with the right status, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context

from infraprism.openai import inside
from tests.support import seen
from tests.support.calls import Recording, sse
from tests.support.exchanges import CHAT, CHUNK, RESPONSE, TEXT, USAGE
from tests.support.script import EVENTS, Answer, Script, body
from tests.support.versions import OPENAI, http

pytestmark = pytest.mark.usefixtures("patience")


class HostError(Exception):
    pass


class Text(list[Any]):
    """A list that can be referred to weakly."""


#: What a method is asked with, what it answers, whole and streamed.
KINDS: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "chat.completions": (
        "messages",
        CHAT,
        (CHUNK, CHUNK, {**CHUNK, "choices": [], "usage": USAGE}, "[DONE]"),
    ),
    "completions": (
        "prompt",
        TEXT,
        (
            *tuple({**TEXT, "usage": None} for _ in range(2)),
            {**TEXT, "choices": [], "usage": USAGE},
            "[DONE]",
        ),
    ),
    "responses": (
        "input",
        RESPONSE,
        (
            {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "usage": None}},
            {"type": "response.output_text.delta", "delta": "Hi"},
            {"type": "response.completed", "response": RESPONSE},
        ),
    ),
}
ERROR = {"error": {"message": "No.", "code": "overloaded"}}

Made = Callable[..., Any]
Way = Callable[[Made, list[Any]], Awaitable[None]]


async def read_whole(make: Made, kept: list[Any]) -> None:
    kept.append(weakref.ref(await seen.maybe(make())))


async def read_raw(make: Made, kept: list[Any]) -> None:
    raw = await seen.maybe(make("with_raw_response"))
    kept += [weakref.ref(raw), weakref.ref(raw.http_response), weakref.ref(raw.parse())]


async def read_streaming(make: Made, kept: list[Any]) -> None:
    async with seen.entered(make("with_streaming_response")) as raw:
        await seen.maybe(raw.read())
        kept += [weakref.ref(raw), weakref.ref(raw.http_response)]


async def leave_streaming(make: Made, kept: list[Any]) -> None:
    async with seen.entered(make("with_streaming_response")) as raw:
        kept += [weakref.ref(raw), weakref.ref(raw.http_response)]


async def _open(make: Made, kept: list[Any], through: str = "") -> Any:
    stream = await seen.maybe(make(through, stream=True))
    if through:
        kept.append(weakref.ref(stream))
        stream = await seen.maybe(stream.parse())
    kept += [weakref.ref(stream), weakref.ref(stream.response)]
    return stream


async def _next(stream: Any) -> Any:
    return await stream.__anext__() if hasattr(stream, "__anext__") else next(stream)


async def read_stream(make: Made, kept: list[Any]) -> None:
    async for _ in seen.items(await _open(make, kept)):
        pass


async def read_raw_stream(make: Made, kept: list[Any]) -> None:
    async for _ in seen.items(await _open(make, kept, "with_raw_response")):
        pass


async def read_with(make: Made, kept: list[Any]) -> None:
    async with seen.entered(await _open(make, kept)) as stream:
        async for _ in seen.items(stream):
            pass


async def break_with(make: Made, kept: list[Any]) -> None:
    async with seen.entered(await _open(make, kept)) as stream:
        await _next(stream)


async def raise_with(make: Made, kept: list[Any]) -> None:
    with contextlib.suppress(HostError):
        async with seen.entered(await _open(make, kept)) as stream:
            await _next(stream)
            raise HostError


async def close_unread(make: Made, kept: list[Any]) -> None:
    await seen.maybe((await _open(make, kept)).close())


async def close_begun(make: Made, kept: list[Any]) -> None:
    stream = await _open(make, kept)
    await _next(stream)
    await seen.maybe(stream.close())


async def close_the_response(make: Made, kept: list[Any]) -> None:
    stream = await _open(make, kept)
    await _next(stream)
    response = stream.response
    await (response.aclose() if hasattr(stream, "__anext__") else seen.maybe(response.close()))


async def close_the_raw_stream(make: Made, kept: list[Any]) -> None:
    stream = await _open(make, kept, "with_raw_response")
    await _next(stream)
    await seen.maybe(stream.close())


async def close_the_generator(make: Made, kept: list[Any]) -> None:
    stream = await _open(make, kept)
    generator: Any = aiter(stream) if hasattr(stream, "__anext__") else iter(stream)
    await (anext(generator) if hasattr(generator, "__anext__") else seen.maybe(next(generator)))
    await (generator.aclose() if hasattr(generator, "aclose") else seen.maybe(generator.close()))
    await seen.maybe(stream.close())


async def drop_unread(make: Made, kept: list[Any]) -> None:
    await _open(make, kept)


async def drop_begun(make: Made, kept: list[Any]) -> None:
    await _next(await _open(make, kept))


async def drop_the_raw(make: Made, kept: list[Any]) -> None:
    kept.append(weakref.ref(await seen.maybe(make("with_raw_response", stream=True))))


PRICED = ("UNSET", "priced")
ESTIMATED = ("UNSET", "estimated")
UNPRICED = ("UNSET", "unpriced")
#: How the span ends; dropped ones end with the collector, all others when the way is gone.
WAYS: dict[Way, tuple[str, str]] = {
    read_whole: PRICED,
    read_raw: PRICED,
    read_streaming: PRICED,
    leave_streaming: UNPRICED,
    read_stream: PRICED,
    read_raw_stream: PRICED,
    read_with: PRICED,
    break_with: ESTIMATED,
    raise_with: ESTIMATED,
    close_unread: ESTIMATED,
    close_begun: ESTIMATED,
    close_the_response: ESTIMATED,
    close_the_raw_stream: ESTIMATED,
    close_the_generator: ESTIMATED,
    drop_unread: ESTIMATED,
    drop_begun: ESTIMATED,
    drop_the_raw: ESTIMATED,
}
STREAMED = {way for way in WAYS if way not in (read_whole, read_raw, read_streaming, leave_streaming)}
DROPPED = {drop_unread, drop_begun, drop_the_raw}
kinds = pytest.mark.parametrize("kind", KINDS)
clients = pytest.mark.parametrize("client_kind", [OpenAI, AsyncOpenAI], ids=["sync", "async"])


class Asked:
    """Makes the calls of one client, and remembers weakly what it was made of."""

    def __init__(self, kind: str, client_kind: type, answer: Answer) -> None:
        self.argument = KINDS[kind][0]
        self.kind = kind
        script = Script(answer)
        self.client: Any = script.async_client() if client_kind is AsyncOpenAI else script.client()
        self.kept: list[Any] = [weakref.ref(self.client)]

    def __call__(self, through: str = "", **options: Any) -> Any:
        resource = self.client
        for name in filter(None, (*self.kind.split("."), through)):
            resource = getattr(resource, name)
        asked: Any = Text(["Hello"] if self.argument == "prompt" else [{"role": "user", "content": "Hello"}])
        self.kept.append(weakref.ref(asked))
        if options and self.kind != "responses":
            options["stream_options"] = {"include_usage": True}
        return resource.create(**{"model": "gpt-3.5-turbo-instruct", self.argument: asked, **options})


async def collected() -> None:
    for _ in range(6):
        gc.collect()
        await asyncio.sleep(0)


def ended(recording: Recording) -> tuple[Any, ...]:
    span = recording.span
    return span["status"][0], span["attributes"].get("infraprism.cost.status")


@pytest.fixture(autouse=True)
def _nothing_attached() -> Any:
    before = otel_context.get_current()
    yield
    assert otel_context.get_current() == before
    assert inside.current.get() is None


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Any:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _answer(kind: str, streamed: bool) -> Answer:
    _, whole, chunks = KINDS[kind]
    if not streamed:
        return body({**whole, "model": "gpt-3.5-turbo-instruct"})
    return Answer(tuple(map(sse, chunks)), content_type=EVENTS)


@kinds
@clients
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
async def test_a_call_ends_once_and_leaves_nothing(
    recording: Recording, kind: str, client_kind: type, way: Way
) -> None:
    async def run() -> list[Any]:
        asked = Asked(kind, client_kind, _answer(kind, way in STREAMED))
        await way(asked, asked.kept)
        assert otel_context.get_current() == {}
        if way not in DROPPED:
            assert ended(recording) == WAYS[way]  # not only once it is collected
        return asked.kept

    kept = await run()
    await collected()
    assert ended(recording) == WAYS[way]
    if not ((2, 0) <= OPENAI < (3, 14) and client_kind is AsyncOpenAI):  # there the bare client keeps it
        assert [reference() for reference in kept] == [None] * len(kept)


FAILURES: dict[str, tuple[Callable[[Answer], Answer], tuple[str, ...], str]] = {
    "an error event": (
        lambda good: good._replace(content=(good.content[0], good.content[1], sse(ERROR))),
        ("APIError",),
        "estimated",
    ),
    "a connection that breaks": (
        lambda good: good._replace(content=good.content[:2], breaks=http.ReadError("gone")),
        ("APIConnectionError", "ReadError"),
        "estimated",
    ),
    "a server that is too slow": (
        lambda good: good._replace(content=good.content[:2], breaks=http.ReadTimeout("slow")),
        ("APITimeoutError", "ReadTimeout"),
        "estimated",
    ),
    "no answer": (lambda good: Answer(breaks=http.ReadTimeout("slow")), ("APITimeoutError",), "unpriced"),
    "nobody": (lambda good: Answer(breaks=http.ConnectError("no")), ("APIConnectionError",), "unpriced"),
    "a refusal": (lambda good: body(ERROR, status=400), ("BadRequestError",), ""),
}


@kinds
@clients
@pytest.mark.parametrize(("spoil", "errors", "cost"), FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("way", [read_stream, read_with, read_raw_stream], ids=lambda way: way.__name__)
async def test_a_call_that_fails_ends_once_and_leaves_nothing(
    recording: Recording,
    kind: str,
    client_kind: type,
    spoil: Callable[[Answer], Answer],
    errors: tuple[str, ...],
    cost: str,
    way: Way,
) -> None:
    async def run() -> list[Any]:
        asked = Asked(kind, client_kind, spoil(_answer(kind, streamed=True)))
        raised = ""
        try:
            await way(asked, asked.kept)
        except Exception as error:
            raised = type(error).__name__
        assert raised in errors
        assert ended(recording) == ("ERROR", cost or None)
        assert recording.attributes["error.type"] == raised
        return asked.kept

    kept = await run()
    await collected()
    assert len(recording.spans) == 1
    if not (OPENAI < (3, 14) and client_kind is AsyncOpenAI):  # there the bare client keeps the response
        assert [reference() for reference in kept] == [None] * len(kept)


class Waiting(Script):
    """Waits for ever, before or in the middle of its answer."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        super().__init__(Answer())
        self.waits = asyncio.Event()
        self._pieces = pieces

    async def _wait(self) -> None:
        self.waits.set()
        await asyncio.Event().wait()

    async def _answer(self, request: Any) -> Any:
        if not self._pieces:
            await self._wait()
        return http.Response(200, headers={"content-type": EVENTS}, content=self._some())

    async def _some(self) -> Any:
        for piece in self._pieces:
            yield piece
        await self._wait()

    def async_client(self, kind: type[AsyncOpenAI] = AsyncOpenAI, **options: Any) -> AsyncOpenAI:
        http_client = http.AsyncClient(transport=http.MockTransport(self._answer))
        return kind(api_key="none", max_retries=0, http_client=http_client, **options)


@kinds
@pytest.mark.parametrize("begun", [False, True], ids=["before", "during"])
@pytest.mark.parametrize("way", [read_stream, read_with, read_raw_stream], ids=lambda way: way.__name__)
async def test_a_call_that_is_cancelled_ends_once_and_leaves_nothing(
    recording: Recording, kind: str, begun: bool, way: Way
) -> None:
    async def run() -> list[Any]:
        asked = Asked(kind, AsyncOpenAI, Answer())
        server = Waiting(_answer(kind, streamed=True).content[:2] if begun else ())
        asked.client = server.async_client()
        task = asyncio.create_task(way(asked, asked.kept))  # type: ignore[arg-type]
        await asyncio.wait_for(server.waits.wait(), 5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert ended(recording) == ("UNSET", "estimated" if begun else "unpriced")
        return asked.kept

    kept = await run()
    await collected()
    assert len(recording.spans) == 1
    if OPENAI >= (3, 0):
        assert [reference() for reference in kept] == [None] * len(kept)
