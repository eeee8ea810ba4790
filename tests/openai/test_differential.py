"""Whatever servers answer, however it is read: the host sees of it what it sees with the bare client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context

from infraprism import guard, settings
from infraprism.openai import transport
from tests.support import seen
from tests.support.calls import instrumented
from tests.support.differential import WHO, sent
from tests.support.exchanges import METHODS, Method, odd_answers, odd_streams
from tests.support.script import Answer, Script

Seen = list[Any]
#: Reads the result of a method in one of the ways there are, and writes down what is to be seen.
Way = Callable[[Any, str, tuple[Any, ...], dict[str, Any], Seen], Awaitable[None]]


async def plain(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    got = getattr(resource, name)(*args, **kwargs)
    got = got if hasattr(got, "__aiter__") else await seen.maybe(got)
    if hasattr(got, "_get_page") or hasattr(got, "iter_pages"):
        async for item in seen.items(got):
            out.append(seen.value(item))
    else:
        out.append(seen.value(got))


async def raw(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    got = await seen.maybe(getattr(resource.with_raw_response, name)(*args, **kwargs))
    out.append(seen.raw(got))
    out.append(seen.value(await seen.maybe(got.parse())))
    out.append(got.content)
    out.append(await seen.maybe(got.parse()) is await seen.maybe(got.parse()))


async def read_raw(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    async with seen.entered(getattr(resource.with_streaming_response, name)(*args, **kwargs)) as got:
        out.append(seen.raw(got))
        out.append(await seen.maybe(got.read()))
        out.append(seen.value(await seen.maybe(got.parse())))
    out.append(seen.response(got.http_response))


async def raw_lines(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    async with seen.entered(getattr(resource.with_streaming_response, name)(*args, **kwargs)) as got:
        async for line in seen.items(got.iter_lines()):
            out.append(line)
    out.append(seen.response(got.http_response))


async def _stream(stream: Any, out: Seen) -> None:
    out.append(type(stream))
    try:
        async for chunk in seen.items(stream):
            out.append(seen.value(chunk))
    finally:
        if isinstance(stream, openai.Stream | openai.AsyncStream):
            out.append(seen.response(stream.response))


async def streamed(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    await _stream(await seen.maybe(getattr(resource, name)(*args, stream=True, **kwargs)), out)


async def raw_streamed(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    got = await seen.maybe(getattr(resource.with_raw_response, name)(*args, stream=True, **kwargs))
    out.append(seen.raw(got))
    stream = await seen.maybe(got.parse())
    out.append(await seen.maybe(got.parse()) is stream)
    await _stream(stream, out)


async def parsed_streamed(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    manager = getattr(resource.with_streaming_response, name)(*args, stream=True, **kwargs)
    async with seen.entered(manager) as got:
        await _stream(await seen.maybe(got.parse()), out)


async def lines_streamed(resource: Any, name: str, args: Any, kwargs: Any, out: Seen) -> None:
    await raw_lines(resource, name, args, {**kwargs, "stream": True}, out)


WHOLE_WAYS = (plain, raw, read_raw, raw_lines)
STREAMED_WAYS = (streamed, raw_streamed, parsed_streamed, lines_streamed)


async def show(client: Any, script: Script, method: Method, way: Way, who: Any) -> Any:
    """All that is to be seen of one call, with what was sent."""
    out: Seen = []
    args, kwargs = method.arguments()
    try:
        await way(attrgetter(method.resource)(client), method.name, args, {**kwargs, **who}, out)
    except Exception as error:
        out.append(seen.error(error))
    return out, [sent(*request) for request in script.requests]


class Clients:
    """A client of each kind, whose server can be changed."""

    def __init__(self) -> None:
        self._script = Script(Answer())
        options: Any = {"max_retries": 2}
        relay: Any = Relay(self)
        self.both = [relay.client(OpenAI, **options), relay.async_client(AsyncOpenAI, **options)]

    async def show(self, answers: tuple[Answer, ...], method: Method, way: Way, who: Any) -> list[Any]:
        shown = []
        for client in self.both:
            self.script = Script(*answers)
            shown.append(await show(client, self.script, method, way, who))
        return shown


class Relay(Script):
    def __init__(self, clients: Clients) -> None:
        super().__init__(Answer())
        self._clients = clients

    def __call__(self, request: Any) -> Any:
        return self._clients.script(request)


async def compare(
    method: Method,
    ways: tuple[Way, ...],
    table: dict[str, tuple[Answer, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("INITIAL_RETRY_DELAY", "MAX_RETRY_DELAY"):
        monkeypatch.setattr(f"openai._base_client.{name}", 0)
    before, clients = otel_context.get_current(), Clients()
    resources = map(attrgetter(method.resource), clients.both)
    if not all(hasattr(resource.with_streaming_response, method.name) for resource in resources):
        ways = (plain,)
    cases = [(name, way) for name in table for way in ways]
    bare = [await clients.show(table[name], method, way, {}) for name, way in cases]
    with instrumented() as recording:
        clients = Clients()
        differences, dropped = [], set()
        for (name, way), expected in zip(cases, bare, strict=True):
            if await clients.show(table[name], method, way, WHO if method.takes_session else {}) != expected:
                differences.append((name, way.__name__))
            dropped |= {(name, way.__name__, reason) for reason in guard.dropped()}
            guard._dropped.clear()
        assert differences == []
        if method.spans:
            assert len(recording.spans) == 2 * method.spans * len(cases)
        assert {lost for lost in dropped if lost[2] != "invalid_usage"} == set()
    assert otel_context.get_current() == before
    assert transport.current.get() is None


def _there(name: str) -> bool:
    try:
        attrgetter(name)(OpenAI(api_key="none"))
    except AttributeError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name in METHODS if _there(name)])
@pytest.mark.filterwarnings("ignore")
async def test_odd_answers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = METHODS[name]
    await compare(method, WHOLE_WAYS, odd_answers(method.whole), monkeypatch)


@pytest.mark.parametrize(
    "name", [name for name, method in METHODS.items() if method.streamed and _there(name)]
)
@pytest.mark.filterwarnings("ignore")
async def test_odd_streams(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = METHODS[name]
    answers = {name: (answer,) for name, answer in odd_streams(method.streamed).items()}
    monkeypatch.setattr("infraprism.settings.current", lambda: settings.Settings(stream_usage=False))
    await compare(method, STREAMED_WAYS, answers, monkeypatch)
