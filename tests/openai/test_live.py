"""Live connections: the session is a call, and so is each response that it delegates."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

import infraprism
from infraprism import pricing
from infraprism.openai import billed
from infraprism.sessions import Identity, trace_id_of
from tests.openai.test_responses_lanes import completed, created
from tests.support.calls import SCOPE, Recording
from tests.support.sockets import Close, Speaker, speaking
from tests.support.versions import needs

pytestmark = needs("live.connect")

WHO: Any = {"session_id": "conv-123"}
SESSION = {"id": "sess_1", "model": "gpt-live-1", "status": "active", "expires_at": 1764059130}
STARTED = {"type": "session.started", "event_id": "event_1", "session": SESSION}
USED = {"type": "session.usage.updated", "event_id": "event_2", "usage": {"seconds": 4.5}}
CLOSED = {
    "type": "session.closed",
    "event_id": "event_3",
    "session": SESSION,
    "reason": "close_requested",
    "usage": {"seconds": 9.0},
}


def delegated(event: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.event", "event_id": "event_4", "delegation_id": "d_1", "event": event}


def expected(speaker: Speaker, **attributes: Any) -> dict[str, Any]:
    """The span of a session of 9 seconds at $3 an hour."""
    return {
        "name": "chat gpt-live-1",
        "kind": "CLIENT",
        "trace_id": trace_id_of(Identity("conv-123")),
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "events": [],
        "links": [],
        "attributes": {
            "session.id": "conv-123",
            "gen_ai.conversation.id": "conv-123",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "127.0.0.1",
            "server.address": "127.0.0.1",
            "server.port": urlsplit(speaker.base_url).port,
            "gen_ai.request.model": "gpt-live-1",
            "gen_ai.response.id": "sess_1",
            "gen_ai.response.model": "gpt-live-1",
            "gen_ai.response.finish_reasons": ("close_requested",),
            "infraprism.cost.status": "priced",
            "infraprism.cost.amount": "0.0075",
            "gen_ai.usage.cost": 0.0075,
            "infraprism.cost.currency": "USD",
            "infraprism.cost.source": "local",
            "infraprism.cost.price_version": pricing.version(),
            "infraprism.cost.audio_seconds": "0.0075",
            "infraprism.cost.quantities": "audio_seconds=9",
            "infraprism.usage.audio_seconds": 9,
            "infraprism.session.cost": "0.0075",
            "infraprism.session.turns": 1,
            **attributes,
        },
    }


@pytest.fixture(autouse=True)
def _nothing_billed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billed, "_ids", type(billed._ids)())


def test_a_session_is_one_call_however_many_listen(recording: Recording) -> None:
    with speaking(STARTED, USED, CLOSED, Close()) as speaker:
        client = speaker.client()
        with client.live.connect(**WHO) as connection:
            assert len(list(connection)) == 3
        for connect in (client.live.sideband.connect, client.live.forks.connect):
            arguments: Any = {"session_id": "sess_1", "tags": {"from": "the side"}}
            with connect(**arguments) as other:
                assert len(list(other)) == 3
        assert recording.span == expected(speaker)


def test_the_session_that_is_joined_is_not_the_hosts(recording: Recording) -> None:
    with speaking(STARTED, CLOSED, Close()) as speaker:
        arguments: Any = {"session_id": "sess_1", "entity_type": "customer", "entity_id": "acme-corp"}
        with (
            infraprism.session("conv-123"),
            speaker.client().live.sideband.connect(**arguments) as connection,
        ):
            list(connection)
    assert speaker.paths == ["/v1/live/sessions/sess_1/attach"]
    attributes = recording.attributes
    assert attributes["session.id"] == "conv-123"
    assert attributes["infraprism.entity.id"] == "acme-corp"


async def test_an_async_session_is_one_call(recording: Recording) -> None:
    with speaking(STARTED, USED, CLOSED, Close()) as speaker:
        async with speaker.async_client().live.connect(**WHO) as connection:
            assert len([event async for event in connection]) == 3
        assert recording.span == expected(speaker)


def test_a_session_that_breaks_off_has_cost_what_it_reported_at_least(recording: Recording) -> None:
    with speaking(STARTED, USED, Close()) as speaker:
        with speaker.client().live.connect(**WHO) as connection:
            list(connection)
        floor: dict[str, Any] = {
            "infraprism.cost.status": "partial",
            "infraprism.cost.amount": "0.00375",
            "gen_ai.usage.cost": 0.00375,
            "infraprism.cost.audio_seconds": "0.00375",
            "infraprism.cost.quantities": "audio_seconds=4.5",
            "infraprism.usage.audio_seconds": "4.5",
            "infraprism.usage.unpriced": ("session_so_far",),
            "infraprism.session.cost": "0.00375",
        }
        span = expected(speaker, **floor)
        del span["attributes"]["gen_ai.response.finish_reasons"]
        assert recording.span == span


def test_a_session_that_has_reported_nothing_is_unpriced(recording: Recording) -> None:
    with speaking(STARTED, Close()) as speaker, speaker.client().live.connect(**WHO) as connection:
        list(connection)
    assert recording.attributes["infraprism.cost.status"] == "unpriced"


def test_a_delegated_response_is_a_call_of_its_own(recording: Recording) -> None:
    script = (
        STARTED,
        delegated(created("resp_1")),
        delegated({"type": "error", "code": "other"}),
        delegated(completed("resp_1")),
        CLOSED,
    )
    with speaking(*script, Close()) as speaker, speaker.client().live.connect(**WHO) as connection:
        assert len(list(connection)) == 5
    assert [
        (span["name"], span["attributes"]["infraprism.cost.status"], span["status"][0])
        for span in recording.spans
    ] == [("chat gpt-4o-mini-2024-07-18", "priced", "UNSET"), ("chat gpt-live-1", "priced", "UNSET")]
    assert recording.spans[1]["attributes"]["infraprism.session.cost"] == "0.0075246"
