"""What a host sees of a websocket connection is the same with and without the instrumentation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context

from infraprism import AsyncInfraPrismOpenAI, InfraPrismOpenAI, guard
from infraprism.openai import billed
from tests.openai.test_live import CLOSED, STARTED, USED
from tests.openai.test_realtime import created, delta, done, transcribed
from tests.openai.test_responses_lanes import completed, error
from tests.openai.test_responses_lanes import created as response_created
from tests.support.calls import instrumented
from tests.support.differential import WHO
from tests.support.sockets import Close, Hear, Speaker, Step, Vanish, speaking
from tests.support.versions import dispatches, needs


class Row(NamedTuple):
    """A resource that connects: where it is, with what it is connected, and what the host sends first."""

    path: str
    arguments: dict[str, Any]
    event: Any

    def connect(self, speaker: Speaker, client: Any, who: dict[str, Any]) -> Any:
        """What `connect` gives; the beta resources do not derive the address."""
        if self.path.startswith("beta."):
            client = client.with_options(websocket_base_url=speaker.websocket_base_url)
        for name in self.path.split("."):
            client = getattr(client, name)
        return client.connect(**self.arguments, **who)


ROWS = {
    "realtime": Row("realtime", {"model": "gpt-realtime"}, {"type": "response.create"}),
    "realtime, beta": Row("beta.realtime", {"model": "gpt-realtime"}, {"type": "response.create"}),
    "responses": Row("responses", {}, {"type": "response.create", "model": "gpt-4o-mini", "input": "Hi"}),
    "responses, beta": Row(
        "beta.responses", {}, {"type": "response.create", "model": "gpt-4o-mini", "input": "Hi"}
    ),
    "live": Row("live", {}, {"type": "session.close"}),
}
SCRIPTS: dict[str, tuple[Step, ...]] = {
    "a response": (created("resp_1"), delta("Hi"), done("resp_1")),
    "two responses": (created("resp_1"), created("resp_2"), done("resp_2"), done("resp_1")),
    "a response that failed": (created("resp_1"), done("resp_1", status="failed", usage=None)),
    "an end without a beginning": (done("resp_1"), completed("resp_9")),
    "a transcription": (transcribed("item_1", {"type": "duration", "seconds": 3}),),
    "a response of the Responses API": (response_created("resp_1"), completed("resp_1")),
    "lanes": (response_created("resp_1", "a"), response_created("resp_2", "b"), completed("resp_1", "a")),
    "a live session": (STARTED, USED, CLOSED),
    "an error": (error(), error(status=400), {"type": "error"}, {"type": "error", "error": "text"}),
    "an unknown event": ({"type": "response.unheard_of", "response": {"id": "resp_1"}}, {"kind": 1}),
    "odd usage": (
        created("resp_1"),
        done("resp_1", usage={"input_tokens": "12", "output_tokens": 1e400, "total_tokens": -1}),
        done("resp_2", usage=[1]),
        done("resp_3", usage="none"),
    ),
    "odd ids": (created(7), done(None), done({}), {"type": ["response.done"]}),  # type: ignore[arg-type]
    "odd values": (
        {"type": "response.created", "response": None},
        {"type": "response.done", "response": []},
        {"type": "session.created", "session": {"model": 1, "audio": {"input": []}}},
    ),
    "surrogates": ('{"type": "response.created", "response": {"id": "\\ud800"}}', delta("\ud83d")),
    "no JSON": ('{"type": "response.done", "response": {',),
    "no object": ("[1]", "null", '"text"'),
    "bytes": (json.dumps(created("resp_1")).encode(), b"\xff\xfe"),
    "nothing": (),
    "an empty message": ("", b""),
    "deep": ("[" * 5000,),
    "long": (delta("x" * 200_000),),
}
ENDINGS: dict[str, Step] = {
    "closed": Close(),
    "closed by a fault": Close(1011),
    "going away": Close(1001),
    "vanished": Vanish(),
}


@pytest.fixture(autouse=True)
def _nothing_billed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billed, "_ids", type(billed._ids)())


def shown(error: BaseException) -> Any:
    cause = None if error.__cause__ is None else (type(error.__cause__), str(error.__cause__))
    return type(error), str(error), cause


def receive(connection: Any, out: list[Any]) -> None:
    while True:
        out.append(connection.recv())


def receive_bytes(connection: Any, out: list[Any]) -> None:
    while True:
        out.append(connection.parse_event(connection.recv_bytes()))


def iterate(connection: Any, out: list[Any]) -> None:
    for event in connection:
        out.append(event)  # noqa: PERF402 - what came before an exception counts too


def dispatch(connection: Any, out: list[Any]) -> None:
    for kind in ("event", "error"):
        connection.on(kind, out.append)
    connection.dispatch_events()


def stop_early(connection: Any, out: list[Any]) -> None:
    out.append(connection.recv())
    connection.close()
    connection.close(code=1001, reason="again")
    out.append(connection.recv())


async def areceive(connection: Any, out: list[Any]) -> None:
    while True:
        out.append(await connection.recv())


async def areceive_bytes(connection: Any, out: list[Any]) -> None:
    while True:
        out.append(connection.parse_event(await connection.recv_bytes()))


async def aiterate(connection: Any, out: list[Any]) -> None:
    async for event in connection:
        out.append(event)  # noqa: PERF401


async def adispatch(connection: Any, out: list[Any]) -> None:
    for kind in ("event", "error"):
        connection.on(kind, out.append)
    await connection.dispatch_events()


async def astop_early(connection: Any, out: list[Any]) -> None:
    out.append(await connection.recv())
    await connection.close()
    await connection.close(code=1001, reason="again")
    out.append(await connection.recv())


Read = Callable[[Any, list[Any]], None]
AsyncRead = Callable[[Any, list[Any]], Awaitable[None]]
ROADS: list[Any] = [
    pytest.param(receive, areceive, id="recv"),
    pytest.param(receive_bytes, areceive_bytes, id="recv_bytes"),
    pytest.param(iterate, aiterate, id="iterate"),
    pytest.param(dispatch, adispatch, id="dispatch", marks=dispatches),
]


def sent(speaker: Speaker) -> Any:
    """What the server saw, without what is new in each connection."""
    speaker.wait()
    port = speaker.base_url.rpartition(":")[2].partition("/")[0]
    handshakes = [
        [(name, value.replace(port, "port")) for name, value in headers if name != "Sec-WebSocket-Key"]
        for headers in speaker.handshakes
    ]
    return speaker.paths, handshakes, speaker.heard


def observed(row: Row, script: tuple[Step, ...], read: Read, kind: type[OpenAI], who: dict[str, Any]) -> Any:
    events: list[Any] = []
    raised: Any = None
    with speaking(*script) as speaker:
        try:
            with row.connect(speaker, speaker.client(kind), who) as connection:
                connection.send(row.event)
                read(connection, events)
        except Exception as error:
            raised = shown(error)
        return [(type(event), event) for event in events], raised, type(connection), sent(speaker)


async def aobserved(
    row: Row, script: tuple[Step, ...], read: AsyncRead, kind: type[AsyncOpenAI], who: dict[str, Any]
) -> Any:
    events: list[Any] = []
    raised: Any = None
    with speaking(*script) as speaker:
        try:
            async with row.connect(speaker, speaker.async_client(kind), who) as connection:
                await connection.send(row.event)
                await read(connection, events)
        except Exception as error:
            raised = shown(error)
        return [(type(event), event) for event in events], raised, type(connection), sent(speaker)


async def check(row: Row, script: tuple[Step, ...], read: Read, aread: AsyncRead) -> None:
    dropped = guard.dropped()
    expected = observed(row, script, read, OpenAI, {})
    aexpected = await aobserved(row, script, aread, AsyncOpenAI, {})
    for kind, akind, who in (
        (OpenAI, AsyncOpenAI, {}),
        (OpenAI, AsyncOpenAI, WHO),
        (InfraPrismOpenAI, AsyncInfraPrismOpenAI, WHO),
    ):
        before = otel_context.get_current()
        with instrumented():
            assert observed(row, script, read, kind, who) == expected
            assert await aobserved(row, script, aread, akind, who) == aexpected
        assert otel_context.get_current() == before
    assert guard.dropped() == dropped


def table(cases: Iterable[str]) -> list[Any]:
    """Each row with each case; the roads take turns, so that each row and each case meets all of them."""
    return [
        pytest.param(row, case, *road.values, id=f"{name}-{case}-{road.id}", marks=[needs_it, *road.marks])
        for number, case in enumerate(cases)
        for place, (name, row) in enumerate(ROWS.items())
        for needs_it in [needs(f"{row.path}.connect")]
        for road in [ROADS[(number + place) % len(ROADS)]]
    ]


@pytest.mark.parametrize(("row", "script", "read", "aread"), table(SCRIPTS))
async def test_what_is_said_is_what_the_bare_client_says(
    row: Row, script: str, read: Read, aread: AsyncRead
) -> None:
    await check(row, (Hear(), *SCRIPTS[script], Close()), read, aread)


@pytest.mark.parametrize(("row", "ending", "read", "aread"), table(ENDINGS))
async def test_an_end_is_that_of_the_bare_client(row: Row, ending: str, read: Read, aread: AsyncRead) -> None:
    await check(row, (Hear(), created("resp_1"), ENDINGS[ending]), read, aread)


@pytest.mark.parametrize(
    "row", [pytest.param(ROWS[n], id=n, marks=needs(f"{ROWS[n].path}.connect")) for n in ROWS]
)
async def test_who_leaves_early_leaves_as_with_the_bare_client(row: Row) -> None:
    await check(row, (Hear(), created("resp_1")), stop_early, astop_early)
