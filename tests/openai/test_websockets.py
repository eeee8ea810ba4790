"""However a websocket connection ends, its calls end with it, and the host keeps the client's own objects."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

from infraprism import AsyncInfraPrismOpenAI, InfraPrismOpenAI, guard
from infraprism.openai import billed, patch
from infraprism.openai.engine import engine
from infraprism.openai.followers import Follower
from infraprism.openai.websockets import targets
from tests.support.calls import Recording, instrumented
from tests.support.sockets import Close, Hear, Speaker, Vanish, speaking
from tests.support.versions import connection_types, dispatches, needs, realtime

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection, RealtimeConnection

pytestmark = pytest.mark.usefixtures("patience")

MODEL = "gpt-realtime"
SESSION = {"type": "session.created", "event_id": "event_1", "session": {"type": "realtime", "model": MODEL}}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
DONE = {
    "type": "response.done",
    "response": {
        "id": "resp_1",
        "status": "completed",
        "usage": {"input_tokens": 12, "output_tokens": 38, "total_tokens": 50},
    },
}
PRICED = {"status": ("UNSET", None), "usage": 38, "cost": "priced", "error": None}
#: Nothing failed, but nobody was there when the usage came, at the end.
LEFT_EARLY = {"status": ("UNSET", None), "usage": None, "cost": "unpriced", "error": None}


class HostError(Exception):
    pass


def ending(recording: Recording) -> dict[str, Any]:
    """How the one call ended."""
    span = recording.span
    assert span["attributes"]["gen_ai.response.id"] == "resp_1"
    return {
        "status": span["status"],
        "usage": span["attributes"].get("gen_ai.usage.output_tokens"),
        "cost": span["attributes"].get("infraprism.cost.status"),
        "error": span["attributes"].get("error.type"),
    }


def failed(error: str) -> dict[str, Any]:
    return {"status": ("ERROR", error), "usage": None, "cost": "unpriced", "error": error}


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """Spare the collector what other modules have loaded: it runs often here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nothing_billed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billed, "_ids", type(billed._ids)())


@pytest.fixture(autouse=True)
def _no_context_left() -> Iterator[None]:
    """Each test leaves the context as it was."""
    before = otel_context.get_current()
    yield
    assert otel_context.get_current() == before


def connect(speaker: Speaker) -> RealtimeConnection:
    """A connection that has received all that there is."""
    connection = realtime(speaker.client()).connect(model=MODEL, session_id="conv-123").enter()
    for _ in range(2):
        connection.recv()
    return connection


async def aconnect(speaker: Speaker) -> AsyncRealtimeConnection:
    """The same, async."""
    manager = realtime(speaker.async_client()).connect(model=MODEL, session_id="conv-123")
    connection = await manager.enter()
    for _ in range(2):
        await connection.recv()
    return connection


def close_in_the_middle(speaker: Speaker, recording: Recording) -> None:
    connection = connect(speaker)
    assert recording.spans == []
    connection.close()
    assert len(recording.spans) == 1  # at once


def close_twice(speaker: Speaker, recording: Recording) -> None:
    connection = connect(speaker)
    connection.close()
    connection.close()


def close_in_another_thread(speaker: Speaker, recording: Recording) -> None:
    connection = connect(speaker)
    thread = threading.Thread(target=connection.close)
    thread.start()
    thread.join()
    with pytest.raises(ConnectionClosed):
        connection.recv()


def leave_a_with_block(speaker: Speaker, recording: Recording) -> None:
    with realtime(speaker.client()).connect(model=MODEL) as connection:
        for event in connection:
            if event.type == "response.created":
                break
        assert recording.spans == []
    assert len(recording.spans) == 1


def raise_in_a_with_block(speaker: Speaker, recording: Recording) -> None:
    with contextlib.suppress(HostError), realtime(speaker.client()).connect(model=MODEL) as connection:
        for event in connection:
            if event.type == "response.created":
                raise HostError


def raise_in_a_handler(speaker: Speaker, recording: Recording) -> None:
    def fail(event: Any) -> None:
        raise HostError

    with contextlib.suppress(HostError), realtime(speaker.client()).connect(model=MODEL) as connection:
        connection.on("response.created", fail)
        connection.dispatch_events()


def drop(speaker: Speaker, recording: Recording) -> None:
    connection = connect(speaker)
    assert recording.spans == []
    del connection
    gc.collect()
    assert len(recording.spans) == 1


WAYS = [
    close_in_the_middle,
    close_twice,
    close_in_another_thread,
    leave_a_with_block,
    raise_in_a_with_block,
    pytest.param(raise_in_a_handler, marks=dispatches),
    drop,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_call_ends_once_with_its_connection(
    recording: Recording, way: Callable[[Speaker, Recording], None]
) -> None:
    with speaking(SESSION, CREATED) as speaker:
        way(speaker, recording)
    assert ending(recording) == LEFT_EARLY


async def aclose_in_the_middle(speaker: Speaker, recording: Recording) -> None:
    connection = await aconnect(speaker)
    assert recording.spans == []
    await connection.close()
    assert len(recording.spans) == 1


async def aleave_a_with_block(speaker: Speaker, recording: Recording) -> None:
    async with realtime(speaker.async_client()).connect(model=MODEL) as connection:
        async for event in connection:
            if event.type == "response.created":
                break
    assert len(recording.spans) == 1


async def araise_in_a_with_block(speaker: Speaker, recording: Recording) -> None:
    with contextlib.suppress(HostError):
        async with realtime(speaker.async_client()).connect(model=MODEL) as connection:
            async for event in connection:
                if event.type == "response.created":
                    raise HostError


async def acancel_the_reader(speaker: Speaker, recording: Recording) -> None:
    received = asyncio.Event()

    async def read() -> None:
        async with realtime(speaker.async_client()).connect(model=MODEL) as connection:
            async for event in connection:
                if event.type == "response.created":
                    received.set()

    task = asyncio.create_task(read())
    await received.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def adrop(speaker: Speaker, recording: Recording) -> None:
    connection = await aconnect(speaker)
    assert recording.spans == []
    del connection
    gc.collect()
    assert len(recording.spans) == 1


@pytest.mark.parametrize(
    "way",
    [aclose_in_the_middle, aleave_a_with_block, araise_in_a_with_block, acancel_the_reader, adrop],
)
async def test_a_call_ends_once_with_its_async_connection(
    recording: Recording, way: Callable[[Speaker, Recording], Awaitable[None]]
) -> None:
    with speaking(SESSION, CREATED) as speaker:
        await way(speaker, recording)
    assert ending(recording) == LEFT_EARLY


BREAKS: dict[str, tuple[Close | Vanish, type[ConnectionClosed], dict[str, Any]]] = {
    "well": (Close(1000), ConnectionClosedOK, LEFT_EARLY),
    "by a failure of the server": (Close(1011), ConnectionClosedError, failed("ConnectionClosedError")),
    "by the network": (Vanish(), ConnectionClosedError, failed("ConnectionClosedError")),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_connection_that_ends_in_the_middle_ends_the_call(recording: Recording, how: str) -> None:
    step, error, expected = BREAKS[how]
    with speaking(SESSION, CREATED, Hear(), step) as speaker:
        connection = connect(speaker)
        connection.response.cancel()
        with pytest.raises(error):
            connection.recv()
        assert ending(recording) == expected
        connection.close()
    assert len(recording.spans) == 1


@pytest.mark.parametrize("how", BREAKS)
async def test_an_async_connection_that_ends_in_the_middle_ends_the_call(
    recording: Recording, how: str
) -> None:
    step, error, expected = BREAKS[how]
    with speaking(SESSION, CREATED, Hear(), step) as speaker:
        connection = await aconnect(speaker)
        await connection.response.cancel()
        with pytest.raises(error):
            await connection.recv()
        assert ending(recording) == expected
        await connection.close()
    assert len(recording.spans) == 1


async def test_who_stops_waiting_has_not_ended_the_response(recording: Recording) -> None:
    with speaking(SESSION, CREATED, Hear(), DONE, Close()) as speaker:
        connection = await aconnect(speaker)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.02)
        assert recording.spans == []
        await connection.response.cancel()
        assert [event.type async for event in connection] == ["response.done"]
    assert ending(recording) == PRICED


async def test_a_second_reader_is_turned_away_and_nothing_else(recording: Recording) -> None:
    with speaking(SESSION, CREATED, Hear(), DONE, Close()) as speaker:
        connection = await aconnect(speaker)
        reader = asyncio.create_task(connection.recv())
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="recv"):  # websockets says so, in its own class
            await connection.recv()
        assert recording.spans == []
        await connection.response.cancel()
        assert (await reader).type == "response.done"
        await connection.close()
    assert ending(recording) == PRICED


@needs("realtime.connect", "on_reconnecting")
def test_a_connection_that_is_made_again_is_followed_again(recording: Recording) -> None:
    with speaking(SESSION, CREATED, Hear(), DONE, Close(1012)) as speaker:
        manager = realtime(speaker.client()).connect(
            model=MODEL, on_reconnecting=lambda _: None, initial_delay=0.001, max_retries=1
        )
        kinds = []
        with manager as connection, contextlib.suppress(ConnectionClosed):
            for event in connection:
                kinds.append(event.type)
                if event.type == "response.created":
                    connection.response.cancel()
                if len(kinds) == 6:
                    break
    assert kinds == ["session.created", "response.created", "response.done"] * 2
    assert ending(recording) == PRICED  # the same response: it is known


ODD: dict[str, list[Any]] = {
    "no JSON": ['{"type":"response.done", "response": {'],
    "not an object": ['["type", "response.done"]', "1", "null", '""'],
    "no response": [{"type": "response.done"}, {"type": "response.created", "response": None}],
    "a response without anything": [{"type": "response.created", "response": {}}],
    "odd types": [{"type": "response.created", "response": {"id": 7}}, {"type": ["response.done"]}],
    "an odd session": [{"type": "session.created", "session": {"model": 1, "audio": {"input": []}}}],
    "a text that is a trap": [{"text": '"type":"response.done"', "type": "other"}],
    "an error": [{"type": "error", "error": {"type": "invalid_request_error", "event_id": "event_1"}}],
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_event_of_a_response_is_passed_on(recording: Recording, odd: str) -> None:
    with speaking(*ODD[odd], Close()) as speaker, instrumented() as other:
        with realtime(speaker.client()).connect(model=MODEL) as connection:
            received = []
            with contextlib.suppress(ConnectionClosed):
                while True:
                    received.append(connection.recv_bytes())
        assert guard.dropped() == {}
    assert len(received) == len(ODD[odd])
    assert recording.spans == other.spans == []


def test_the_order_of_names_in_an_event_does_not_matter(recording: Recording) -> None:
    done = {"response": DONE["response"], "event_id": "event_2", "type": "response.done"}
    with speaking(SESSION, CREATED, done, Close()) as speaker:
        list(realtime(speaker.client()).connect(model=MODEL).enter())
    assert ending(recording) == PRICED


def test_a_connection_is_the_clients_own(recording: Recording) -> None:
    with speaking(SESSION, CREATED, DONE, Close()) as speaker:
        manager = realtime(speaker.client()).connect(model=MODEL, session_id="conv-123")
        with manager as connection:
            assert type(manager) is connection_types().RealtimeConnectionManager
            assert type(connection) is connection_types().RealtimeConnection
            followed = set(vars(connection)), set(vars(manager))
            list(connection)
    with instrumented():
        pass  # and off again
    with speaking(SESSION, Close()) as speaker:
        manager = realtime(speaker.client()).connect(model=MODEL)
        with manager as connection:
            assert followed == (set(vars(connection)), set(vars(manager)))


async def test_an_async_connection_is_the_clients_own(recording: Recording) -> None:
    with speaking(SESSION, CREATED, DONE, Close()) as speaker:
        manager = realtime(speaker.async_client()).connect(model=MODEL, session_id="conv-123")
        async with manager as connection:
            assert type(manager) is connection_types().AsyncRealtimeConnectionManager
            assert type(connection) is connection_types().AsyncRealtimeConnection


def test_nothing_keeps_a_connection_or_its_client_alive(recording: Recording) -> None:
    with speaking(SESSION, CREATED, DONE) as speaker:
        client = speaker.client()
        connection = realtime(client).connect(model=MODEL, session_id="conv-123").enter()
        for _ in range(3):
            connection.recv()
        connection.close()
        references = [weakref.ref(connection), weakref.ref(client)]
        del connection, client
        gc.collect()  # what is known of the connection goes with it
        gc.collect()  # and now nothing refers to the client
        assert [reference() for reference in references] == [None, None]


def test_a_follower_makes_no_cycle(recording: Recording) -> None:
    with speaking(SESSION, CREATED) as speaker:
        connection = connect(speaker)
        found = [thing for thing in gc.get_objects() if isinstance(thing, Follower)]
        (follower,) = [thing for thing in found if thing._open]
        reference = weakref.ref(follower)
        connection.close()
        del found, follower
        gc.disable()
        try:
            connection.__dict__.clear()  # the client's own cycle
            del connection
            assert reference() is None
        finally:
            gc.enable()


def test_the_hosts_context_is_its_own_while_it_reads(recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with speaking(SESSION, CREATED, DONE, Close()) as speaker, tracer.start_as_current_span("outer"):
        inside = otel_context.get_current()
        with realtime(speaker.client()).connect(model=MODEL) as connection:
            for _ in connection:
                assert otel_context.get_current() == inside


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [({"session_id": ""}, ValueError, "session_id"), ({"tags": ["a"]}, TypeError, "tags")],
)
def test_a_wrong_argument_is_reported_at_once(
    recording: Recording, arguments: Any, error: type[Exception], message: str
) -> None:
    for client in (OpenAI(api_key="sk-1"), AsyncOpenAI(api_key="sk-1")):
        with pytest.raises(error, match=message):
            realtime(client).connect(model=MODEL, **arguments)


def test_a_suppressed_connection_is_not_followed(recording: Recording) -> None:
    with speaking(SESSION, CREATED, DONE, Close()) as speaker:
        with suppress_instrumentation():
            manager = realtime(speaker.client()).connect(model=MODEL, session_id="conv-123")
        with manager as connection:
            list(connection)
    assert recording.spans == []


async def test_the_drop_in_clients_are_followed_by_themselves() -> None:
    recording = Recording()
    with instrumented(recording), speaking(SESSION, CREATED, DONE, Close()) as speaker:
        engine.all_clients = False
        arguments: Any = {"model": MODEL, "session_id": "conv-123"}
        list(realtime(speaker.client(InfraPrismOpenAI)).connect(**arguments).enter())
        assert ending(recording) == PRICED
        billed._ids.clear()
        async with realtime(speaker.async_client(AsyncInfraPrismOpenAI)).connect(**arguments) as connection:
            assert len([event async for event in connection]) == 3
        with pytest.raises(TypeError, match="session_id"):
            realtime(speaker.client()).connect(**arguments)
        list(realtime(speaker.client()).connect(model=MODEL).enter())
    assert [span["attributes"]["session.id"] for span in recording.spans] == ["conv-123"] * 2


def methods() -> list[Any]:
    """Every method that is wrapped, as its class has it, and whether it is the class's own."""
    found = []
    for module, target, _ in targets(engine):
        name, _, method = target.partition(".")
        try:
            resource = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError:
            continue  # of other versions of the client
        if hasattr(resource, method):
            found.append((vars(resource).get(method), getattr(resource, method)))
    assert len(found) >= 12
    return found


def test_nothing_is_left_of_the_instrumentation() -> None:
    own = methods()
    for _ in range(2):
        with instrumented():
            assert not any(one[1] is other[1] for one, other in zip(methods(), own, strict=True))
        assert methods() == own


def test_a_client_that_cannot_connect_has_lost_nothing(recording: Recording) -> None:
    old = ModuleType("old")
    vars(old).update(Responses=type("Responses", (), {}), AsyncResponses=type("AsyncResponses", (), {}))
    for module, target, shell in targets(engine):
        if module == "openai.resources.responses.responses":
            patch._patch(target, shell, old)
    assert vars(old.Responses).keys() == vars(type("Responses", (), {})).keys()
    assert guard.dropped() == {}


def test_a_connection_that_outlives_the_instrumentation_is_left_alone() -> None:
    recording = Recording()
    with speaking(SESSION, CREATED, DONE, Close()) as speaker:
        with instrumented(recording):
            connection = connect(speaker)
            receive = connection.recv_bytes
        assert b"response.done" in receive()
        connection.close()
    assert recording.spans == []


def fail(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("of ours")


def test_a_failure_of_ours_is_not_the_hosts(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "begin_in", fail)
    with (
        speaking(SESSION, CREATED, DONE, Close()) as speaker,
        realtime(speaker.client()).connect(model=MODEL) as connection,
    ):
        assert len(list(connection)) == 3
    assert recording.spans == []
    assert guard.dropped() == {"telemetry_error": 2}  # created, done


@needs("responses.connect")
def test_a_failure_of_ours_is_not_the_hosts_request(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "begin_in", fail)
    with (
        speaking(Hear(), SESSION, Close()) as speaker,
        speaker.client().responses.connect() as lanes,
    ):
        lanes.response.create(model="gpt-4o-mini", input="Hi")
        assert len(list(lanes)) == 1
    assert recording.spans == []
    assert guard.dropped() == {"telemetry_error": 1}
