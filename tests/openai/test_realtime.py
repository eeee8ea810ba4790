"""Realtime connections: each response and each transcription is one call, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

import infraprism
from infraprism import pricing
from infraprism.openai import billed
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import SCOPE, Recording
from tests.support.sockets import Close, Hear, Speaker, Step, speaking
from tests.support.versions import HAS_REALTIME, dispatches, needs, realtime

if TYPE_CHECKING:
    from openai.resources.realtime.realtime import AsyncRealtimeConnection, RealtimeConnection

WHO: Any = {
    "session_id": "conv-123",
    "entity_type": "user",
    "entity_id": 42,
    "tags": {"feature": "voice"},
}
WHOSE = {
    "session.id": "conv-123",
    "gen_ai.conversation.id": "conv-123",
    "infraprism.entity.type": "user",
    "infraprism.entity.id": "42",
    "user.id": "42",
    "infraprism.tag.feature": "voice",
}
SESSION_TRACE = trace_id_of(Identity("conv-123", "user", "42"))

SESSION = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {
        "type": "realtime",
        "model": "gpt-realtime-2025-08-28",
        "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
    },
}
USAGE = {"total_tokens": 50, "input_tokens": 12, "output_tokens": 38}


def created(response_id: str) -> dict[str, Any]:
    response = {"object": "realtime.response", "id": response_id, "status": "in_progress", "usage": None}
    return {"type": "response.created", "event_id": "event_2", "response": response}


def done(response_id: str, **facts: Any) -> dict[str, Any]:
    response = {"id": response_id, "object": "realtime.response", "status": "completed", "usage": USAGE}
    return {"type": "response.done", "event_id": "event_3", "response": {**response, **facts}}


#: As the client knows the event: the beta had another name for it.
DELTA = "response.output_text.delta" if HAS_REALTIME else "response.text.delta"


def delta(text: str) -> dict[str, Any]:
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    return {"type": DELTA, "event_id": "event_4", "delta": text, **place}


def transcribed(item_id: str, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": "event_5",
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item_id,
        "content_index": 0,
        "transcript": "Give me an example.",
        "usage": usage,
    }


#: What the host says here is a trap for who looks for events in texts.
TALK: tuple[Step, ...] = (
    SESSION,
    Hear(),
    created("resp_1"),
    delta('{"type":"response.done"}'),
    done("resp_1"),
    Close(),
)


def expected(speaker: Speaker, **attributes: Any) -> dict[str, Any]:
    """The span of a response: 12 tokens at $4 and 38 at $16 a million."""
    return {
        "name": "chat gpt-realtime",
        "kind": "CLIENT",
        "trace_id": SESSION_TRACE,
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "events": [],
        "links": [],
        "attributes": {
            **WHOSE,
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "127.0.0.1",
            "server.address": "127.0.0.1",
            "server.port": urlsplit(speaker.base_url).port,
            "gen_ai.request.model": "gpt-realtime",
            "gen_ai.response.id": "resp_1",
            "gen_ai.response.model": "gpt-realtime-2025-08-28",
            "gen_ai.response.finish_reasons": ("completed",),
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 38,
            "infraprism.cost.status": "priced",
            "infraprism.cost.amount": "0.000656",
            "gen_ai.usage.cost": 0.000656,
            "infraprism.cost.currency": "USD",
            "infraprism.cost.source": "local",
            "infraprism.cost.price_version": pricing.version(),
            "infraprism.cost.input": "0.000048",
            "infraprism.cost.output": "0.000608",
            "infraprism.cost.quantities": "input=12 output=38",
            "infraprism.session.cost": "0.000656",
            "infraprism.session.turns": 1,
            **attributes,
        },
    }


@pytest.fixture(autouse=True)
def _nothing_billed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billed, "_ids", type(billed._ids)())


@contextmanager
def talking(speaker: Speaker, **arguments: Any) -> Iterator[RealtimeConnection]:
    with (
        speaker.client() as client,
        realtime(client).connect(**{"model": "gpt-realtime", **WHO, **arguments}) as connection,
    ):
        yield connection


@asynccontextmanager
async def atalking(speaker: Speaker, **arguments: Any) -> AsyncIterator[AsyncRealtimeConnection]:
    async with speaker.async_client() as client:
        manager = realtime(client).connect(**{"model": "gpt-realtime", **WHO, **arguments})
        async with manager as connection:
            yield connection


def iterate(connection: Any) -> list[Any]:
    return list(connection)


def receive(connection: Any) -> list[Any]:
    return [connection.recv() for _ in range(4)]


def receive_bytes(connection: Any) -> list[Any]:
    return [connection.parse_event(connection.recv_bytes()) for _ in range(4)]


def receive_bytes_and_pass_them_on(connection: Any) -> list[Any]:
    received = [connection.recv_bytes() for _ in range(4)]
    return [connection.parse_event(message) for message in received]


def dispatch(connection: Any) -> list[Any]:
    events: list[Any] = []
    connection.on("event", events.append)
    connection.dispatch_events()
    return events


def dispatch_once(connection: Any) -> list[Any]:
    events: list[Any] = []
    for kind in ("session.created", "response.created", DELTA, "response.done"):
        connection.once(kind)(events.append)
    connection.dispatch_events()
    return events


async def aiterate(connection: Any) -> list[Any]:
    return [event async for event in connection]


async def areceive(connection: Any) -> list[Any]:
    return [await connection.recv() for _ in range(4)]


async def areceive_bytes(connection: Any) -> list[Any]:
    return [connection.parse_event(await connection.recv_bytes()) for _ in range(4)]


async def adispatch(connection: Any) -> list[Any]:
    events: list[Any] = []

    async def keep(event: Any) -> None:
        events.append(event)

    connection.on("event", keep)
    await connection.dispatch_events()
    return events


ROADS = [
    iterate,
    receive,
    receive_bytes,
    receive_bytes_and_pass_them_on,
    pytest.param(dispatch, marks=dispatches),
    pytest.param(dispatch_once, marks=dispatches),
]
ASYNC_ROADS = [aiterate, areceive, areceive_bytes, pytest.param(adispatch, marks=dispatches)]
#: What the client makes of the script.
KINDS = ["SessionCreatedEvent", "ResponseCreatedEvent", "ResponseTextDeltaEvent", "ResponseDoneEvent"]


@pytest.mark.parametrize("road", ROADS)
def test_a_response_is_one_call_by_every_road(
    recording: Recording, road: Callable[[RealtimeConnection], list[Any]]
) -> None:
    with speaking(*TALK) as speaker:
        with talking(speaker) as connection:
            connection.response.create()
            events = road(connection)
        assert recording.span == expected(speaker)
    assert [type(event).__name__ for event in events] == KINDS
    assert speaker.heard == [{"type": "response.create"}]
    assert speaker.paths == ["/v1/realtime?model=gpt-realtime"]


@pytest.mark.parametrize("road", ASYNC_ROADS)
async def test_a_response_is_one_call_by_every_async_road(
    recording: Recording, road: Callable[[AsyncRealtimeConnection], Awaitable[list[Any]]]
) -> None:
    with speaking(*TALK) as speaker:
        async with atalking(speaker) as connection:
            await connection.response.create()
            events = await road(connection)
        assert recording.span == expected(speaker)
    assert [type(event).__name__ for event in events] == KINDS
    assert speaker.heard == [{"type": "response.create"}]


def test_the_beta_api_is_followed_too(recording: Recording) -> None:
    with speaking(*TALK) as speaker:
        with (
            speaker.client(websocket_base_url=speaker.websocket_base_url) as client,
            client.beta.realtime.connect(model="gpt-realtime", **WHO) as connection,
        ):
            connection.response.create()
            list(connection)
        assert recording.span == expected(speaker)


async def test_the_async_beta_api_is_followed_too(recording: Recording) -> None:
    with speaking(*TALK) as speaker:
        async with speaker.async_client(websocket_base_url=speaker.websocket_base_url) as client:
            connection = await client.beta.realtime.connect(model="gpt-realtime", **WHO).enter()
            await connection.response.create()
            await aiterate(connection)
            await connection.close()
        assert recording.span == expected(speaker)


def test_each_response_is_a_call_of_its_session(recording: Recording) -> None:
    script = (SESSION, created("resp_1"), created("resp_2"), done("resp_2"), done("resp_1"), Close())
    with speaking(*script) as speaker:
        with talking(speaker) as connection:
            list(connection)
        assert recording.spans == [
            {**expected(speaker, **{"gen_ai.response.id": "resp_2"}), "span_id": 2},
            expected(speaker, **{"infraprism.session.cost": "0.001312", "infraprism.session.turns": 2}),
        ]


def test_a_response_is_billed_once(recording: Recording) -> None:
    script = (SESSION, created("resp_1"), done("resp_1"), done("resp_1"), created("resp_1"), done("resp_1"))
    with speaking(*script, Close()) as speaker:
        for _ in range(2):  # as one that joins the same call from the side
            with talking(speaker) as connection:
                assert len(list(connection)) == 6
        assert recording.span == expected(speaker)


def test_two_that_follow_a_response_at_once_bill_it_once(recording: Recording) -> None:
    with (
        speaking(SESSION, created("resp_1"), Hear(), done("resp_1"), Close()) as speaker,
        talking(speaker) as one,
        talking(speaker) as other,
    ):
        for connection in (one, other):
            assert [connection.recv().type for _ in range(2)] == ["session.created", "response.created"]
        for connection in (one, other):
            connection.response.cancel()
            assert connection.recv().type == "response.done"
        assert recording.span == expected(speaker)
    assert len(recording.spans) == 1


ENDINGS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str | None]]] = {
    "cancelled": (
        {"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}},
        {"gen_ai.response.finish_reasons": ("turn_detected",)},
        ("UNSET", None),
    ),
    "incomplete": (
        {"status": "incomplete", "status_details": {"type": "incomplete", "reason": "max_output_tokens"}},
        {"gen_ai.response.finish_reasons": ("max_output_tokens",)},
        ("UNSET", None),
    ),
    "incomplete without a reason": (
        {"status": "incomplete", "status_details": None},
        {"gen_ai.response.finish_reasons": ("incomplete",)},
        ("UNSET", None),
    ),
    "failed": (
        {
            "status": "failed",
            "status_details": {"type": "failed", "error": {"type": "server_error", "code": "overloaded"}},
        },
        {
            "gen_ai.response.finish_reasons": ("failed",),
            "error.type": "overloaded",
            "infraprism.session.turns": 0,
        },
        ("ERROR", "overloaded"),
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_response_says_how_it_ended(recording: Recording, ending: str) -> None:
    facts, attributes, status = ENDINGS[ending]
    with speaking(SESSION, created("resp_1"), done("resp_1", **facts), Close()) as speaker:
        with talking(speaker) as connection:
            list(connection)
        assert recording.span == {**expected(speaker, **attributes), "status": status}


def test_audio_and_what_is_cached_of_it_have_rates_of_their_own(recording: Recording) -> None:
    usage = {
        "total_tokens": 100,
        "input_tokens": 60,
        "output_tokens": 40,
        "input_token_details": {
            "text_tokens": 20,
            "audio_tokens": 40,
            "cached_tokens": 30,
            "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 20},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": 30},
    }
    with speaking(SESSION, created("resp_1"), done("resp_1", usage=usage), Close()) as speaker:
        with talking(speaker) as connection:
            list(connection)
        assert recording.span == expected(
            speaker,
            **{
                "gen_ai.usage.input_tokens": 60,
                "gen_ai.usage.output_tokens": 40,
                "gen_ai.usage.cache_read.input_tokens": 30,
                "infraprism.cost.amount": "0.002772",
                "gen_ai.usage.cost": 0.002772,
                "infraprism.cost.input": "0.00004",
                "infraprism.cost.cache_read": "0.000004",
                "infraprism.cost.cache_read_audio": "0.000008",
                "infraprism.cost.input_audio": "0.00064",
                "infraprism.cost.output": "0.00016",
                "infraprism.cost.output_audio": "0.00192",
                "infraprism.cost.quantities": (
                    "cache_read_audio=20 cache_read=10 input_audio=20 input=10 output_audio=30 output=10"
                ),
                "infraprism.usage.input_audio_tokens": 40,
                "infraprism.usage.output_audio_tokens": 30,
                "infraprism.usage.cache_read_audio_tokens": 20,
                "infraprism.session.cost": "0.002772",
            },
        )


def test_a_response_without_usage_is_unpriced(recording: Recording) -> None:
    with (
        speaking(SESSION, created("resp_1"), done("resp_1", usage=None), Close()) as speaker,
        talking(speaker) as connection,
    ):
        list(connection)
    attributes = recording.attributes
    assert attributes["infraprism.cost.status"] == "unpriced"
    assert "infraprism.cost.amount" not in attributes


@needs("realtime.connect", "call_id")
def test_a_call_joined_in_the_middle_has_the_model_of_its_session(recording: Recording) -> None:
    with speaking(SESSION, done("resp_1"), Close()) as speaker:
        with speaker.client() as client, client.realtime.connect(call_id="rtc_1", **WHO) as connection:
            list(connection)
        model = "gpt-realtime-2025-08-28"
        assert recording.span == {
            **expected(speaker, **{"gen_ai.request.model": model}),
            "name": f"chat {model}",
        }


TOKENS = {"type": "tokens", "total_tokens": 30, "input_tokens": 20, "output_tokens": 10}


@needs("realtime.connect", "call_id")  # and then the model can be left out
def test_a_transcription_is_a_call_that_is_no_turn(recording: Recording) -> None:
    update = {
        "type": "session.updated",
        "event_id": "event_6",
        "session": {
            "type": "transcription",
            "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
        },
    }
    heard = {"type": "input_audio_buffer.committed", "event_id": "event_7", "item_id": "item_1"}
    script = (update, heard, Hear(), transcribed("item_1", TOKENS), transcribed("item_1", TOKENS), Close())
    with speaking(*script) as speaker:
        with (
            speaker.client() as client,
            client.realtime.connect(extra_query={"intent": "transcription"}, **WHO) as connection,
        ):
            assert [connection.recv().type for _ in range(2)] == ["session.updated", heard["type"]]
            connection.input_audio_buffer.append(audio="AAAA")
            list(connection)
        (span,) = recording.exporter.get_finished_spans()
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time > span.start_time  # what the server did with it took its time
        common = ("gen_ai.provider.name", "server.address", "server.port", "infraprism.cost.price_version")
        known = expected(speaker)
        assert recording.span == {
            **known,
            "name": "transcription gpt-4o-transcribe",
            "attributes": {
                **WHOSE,
                **{name: known["attributes"][name] for name in common},
                "gen_ai.operation.name": "transcription",
                "gen_ai.request.model": "gpt-4o-transcribe",
                "gen_ai.usage.input_tokens": 20,
                "gen_ai.usage.output_tokens": 10,
                "infraprism.cost.status": "priced",
                "infraprism.cost.amount": "0.00015",  # at $2.50 and $10 a million
                "gen_ai.usage.cost": 0.00015,
                "infraprism.cost.currency": "USD",
                "infraprism.cost.source": "local",
                "infraprism.cost.input": "0.00005",
                "infraprism.cost.output": "0.0001",
                "infraprism.cost.quantities": "input=20 output=10",
                "infraprism.session.cost": "0.00015",
                "infraprism.session.turns": 0,
            },
        }


def test_a_transcription_can_be_billed_by_the_second(recording: Recording) -> None:
    session = {"type": "realtime", "input_audio_transcription": {"model": "whisper-1"}}  # as the beta has it
    created = {**SESSION, "session": session}
    usage = {"type": "duration", "seconds": 30}
    with (
        speaking(created, transcribed("item_1", usage), Close()) as speaker,
        talking(speaker) as connection,
    ):
        list(connection)
    assert recording.span["name"] == "transcription whisper-1"
    assert recording.attributes["infraprism.cost.audio_seconds"] == "0.003"  # at $0.36 an hour


def test_a_conversation_that_is_transcribed_pays_for_both(recording: Recording) -> None:
    script = (SESSION, created("resp_1"), transcribed("item_1", TOKENS), done("resp_1"), Close())
    with speaking(*script) as speaker, talking(speaker) as connection:
        list(connection)
    assert [(span["name"], span["attributes"]["infraprism.session.cost"]) for span in recording.spans] == [
        ("transcription gpt-4o-transcribe", "0.00015"),
        ("chat gpt-realtime", "0.000806"),
    ]


def test_a_transcription_that_failed_says_so(recording: Recording) -> None:
    failed = {
        "type": "conversation.item.input_audio_transcription.failed",
        "event_id": "event_8",
        "item_id": "item_1",
        "content_index": 0,
        "error": {"type": "invalid_request_error", "code": "audio_unintelligible", "message": "?"},
    }
    with speaking(SESSION, failed, Close()) as speaker, talking(speaker) as connection:
        list(connection)
    span = recording.span
    assert span["status"] == ("ERROR", "audio_unintelligible")
    assert span["attributes"]["infraprism.cost.status"] == "unpriced"


def test_a_response_belongs_to_the_session_that_it_was_connected_in(recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    nobody: Any = dict.fromkeys(WHO)
    with speaking(SESSION, created("resp_1"), done("resp_1"), created("resp_2"), done("resp_2")) as speaker:
        with infraprism.session("conv-1", entity_type="customer", entity_id="acme-corp"):
            manager = realtime(speaker.client()).connect(model="gpt-realtime", **nobody)
        with manager as connection:
            for _ in range(3):
                connection.recv()
            with infraprism.session("conv-2"), tracer.start_as_current_span("turn") as turn:
                for _ in range(2):
                    connection.recv()
    first, second, _ = recording.spans
    assert [
        (span["attributes"]["session.id"], span["attributes"]["infraprism.entity.id"], span["parent_id"])
        for span in (first, second)
    ] == [("conv-1", "acme-corp", None), ("conv-2", "acme-corp", turn.get_span_context().span_id)]
    assert first["trace_id"] == trace_id_of(Identity("conv-1", "customer", "acme-corp"))
