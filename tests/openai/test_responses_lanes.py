"""Responses connections: each response is one call, from the request to its end, whole."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed

from infraprism import pricing
from infraprism.openai import billed
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import SCOPE, SECONDS, Recording
from tests.support.sockets import Close, Hear, Speaker, speaking
from tests.support.versions import from_client, needs

pytestmark = needs("responses.connect")
resources = pytest.mark.parametrize(
    "resource", ["responses", pytest.param("beta.responses", marks=needs("beta.responses.connect"))]
)

WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme-corp"}
WHOSE = {
    "session.id": "conv-123",
    "gen_ai.conversation.id": "conv-123",
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme-corp",
}
USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 38,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 50,
}
REQUEST: Any = {"model": "gpt-4o-mini", "input": "Give me an example.", "temperature": 0.5}
#: 12 tokens at $0.15 and 38 at $0.60 a million.
ANSWERED = {
    "openai.response.service_tier": "default",
    "gen_ai.response.finish_reasons": ("completed",),
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 38,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.reasoning.output_tokens": 0,
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.0000246",
    "gen_ai.usage.cost": 0.0000246,
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": pricing.version(),
    "infraprism.cost.input": "0.0000018",
    "infraprism.cost.output": "0.0000228",
    "infraprism.cost.quantities": "input=12 output=38",
    "infraprism.session.cost": "0.0000246",
    "infraprism.session.turns": 1,
}
#: The host asked for it, so it is known what for, and when.
ASKED = {"gen_ai.request.temperature": 0.5, "gen_ai.response.time_to_first_chunk": SECONDS}


def event(kind: str, response_id: str, lane: str | None = None, **facts: Any) -> dict[str, Any]:
    response = {
        "id": response_id,
        "object": "response",
        "created_at": 1764059130,
        "model": "gpt-4o-mini-2024-07-18",
        "status": "in_progress",
        "service_tier": "default",
        "output": [],
        **facts,
    }
    told = {} if lane is None else {"stream_id": lane}
    return {"type": f"response.{kind}", "sequence_number": 0, "response": response, **told}


def created(response_id: str, lane: str | None = None) -> dict[str, Any]:
    return event("created", response_id, lane)


def completed(response_id: str, lane: str | None = None) -> dict[str, Any]:
    return event("completed", response_id, lane, status="completed", usage=USAGE)


def error(**facts: Any) -> dict[str, Any]:
    problem = {"type": "invalid_request_error", "code": "model_not_found", "message": "No such model."}
    return {"type": "error", "error": problem, **facts}


def expected(speaker: Speaker, response_id: str | None = "resp_1", **attributes: Any) -> dict[str, Any]:
    given = {} if response_id is None else {"gen_ai.response.id": response_id}
    return {
        "name": "chat gpt-4o-mini",
        "kind": "CLIENT",
        "trace_id": trace_id_of(Identity("conv-123", "customer", "acme-corp")),
        "span_id": 1,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "events": [],
        "links": [],
        "attributes": {
            **WHOSE,
            **given,
            "gen_ai.operation.name": "chat",
            "openai.api.type": "responses",
            "gen_ai.provider.name": "127.0.0.1",
            "server.address": "127.0.0.1",
            "server.port": urlsplit(speaker.base_url).port,
            "gen_ai.request.model": "gpt-4o-mini",
            **attributes,
        },
    }


MODEL = {"gen_ai.response.model": "gpt-4o-mini-2024-07-18"}


@pytest.fixture(autouse=True)
def _nothing_billed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billed, "_ids", type(billed._ids)())


@resources
def test_a_response_is_one_call(recording: Recording, resource: str) -> None:
    with speaking(Hear(), created("resp_1"), completed("resp_1"), Close()) as speaker:
        client: Any = speaker.client()
        for name in resource.split("."):
            client = getattr(client, name)
        with client.connect(**WHO) as connection:
            connection.response.create(**REQUEST)
            assert [event.type for event in connection] == ["response.created", "response.completed"]
        assert recording.span == expected(speaker, **MODEL, **ANSWERED, **ASKED)
    assert speaker.heard == [{"type": "response.create", **REQUEST}]


@resources
async def test_an_async_response_is_one_call(recording: Recording, resource: str) -> None:
    with speaking(Hear(), created("resp_1"), completed("resp_1"), Close()) as speaker:
        client: Any = speaker.async_client()
        for name in resource.split("."):
            client = getattr(client, name)
        async with client.connect(**WHO) as connection:
            await connection.response.create(**REQUEST)
            assert [event.type async for event in connection] == ["response.created", "response.completed"]
        assert recording.span == expected(speaker, **MODEL, **ANSWERED, **ASKED)
    assert speaker.heard == [{"type": "response.create", **REQUEST}]


def test_a_request_can_be_an_object_of_the_clients(recording: Recording) -> None:
    kind = from_client("openai.types.responses.ResponsesClientEvent")
    request: Any = TypeAdapter(kind).validate_python({"type": "response.create", **REQUEST})
    with speaking(Hear(), created("resp_1"), completed("resp_1"), Close()) as speaker:
        with speaker.client().responses.connect(**WHO) as connection:
            connection.send(event=request)
            list(connection)
        assert recording.span == expected(speaker, **MODEL, **ANSWERED, **ASKED)


def test_input_that_can_be_read_once_is_left_for_the_client(recording: Recording) -> None:
    message: Any = {"role": "user", "content": "Give me an example."}
    with (
        speaking(Hear(), created("resp_1"), completed("resp_1"), Close()) as speaker,
        speaker.client().responses.connect(**WHO) as connection,
    ):
        connection.response.create(model="gpt-4o-mini", tools=iter([{"type": "shell"}]), input=[message])
        list(connection)
    assert speaker.heard[0]["tools"] == [{"type": "shell"}]
    assert recording.attributes["infraprism.cost.status"] == "priced"


def test_one_response_after_another(recording: Recording) -> None:
    one = (Hear(), created("resp_1"), completed("resp_1"), Hear(), created("resp_2"), completed("resp_2"))
    with speaking(*one) as speaker:
        with speaker.client().responses.connect(**WHO) as connection:
            for _ in range(2):
                connection.response.create(**REQUEST)
                assert [connection.recv().type for _ in range(2)][1] == "response.completed"
        totals = {"infraprism.session.cost": "0.0000492", "infraprism.session.turns": 2}
        assert recording.spans == [
            expected(speaker, **MODEL, **ANSWERED, **ASKED),
            {**expected(speaker, "resp_2", **{**MODEL, **ANSWERED, **ASKED, **totals}), "span_id": 2},
        ]


def test_lanes_keep_apart(recording: Recording) -> None:
    from_client("openai.lib.responses_websocket.ResponsesWebSocketSession")
    script = (Hear(), Hear(), created("r_b", "b"), created("r_a", "a"), completed("r_a", "a"))
    with (
        speaking(*script, completed("r_b", "b"), Close()) as speaker,
        speaker.client().responses.connect(**WHO) as connection,
    ):
        for lane, model in (("a", "gpt-4o"), ("b", "gpt-4o-mini")):
            connection.response.create(**{**REQUEST, "model": model, "stream_id": lane})
        list(connection)
    assert [
        (span["name"], span["span_id"], span["attributes"]["gen_ai.response.id"]) for span in recording.spans
    ] == [("chat gpt-4o", 1, "r_a"), ("chat gpt-4o-mini", 2, "r_b")]


def test_a_response_that_nobody_was_seen_asking_for_is_a_call_too(recording: Recording) -> None:
    limits = from_client("openai.lib.responses_websocket.ResponsesWebSocketLimits")(
        max_lanes=2, max_events_per_lane=9, max_events=9, max_bytes_per_lane=9_999, max_bytes=9_999
    )
    with speaking(Hear(), created("resp_1"), completed("resp_1")) as speaker:
        connection = speaker.client().responses.connect(**WHO).enter()
        lanes = from_client("openai.lib.responses_websocket.ResponsesWebSocketSession")
        with lanes(connection, limits=limits) as session:
            session.default.send({"type": "response.create", **REQUEST})
            assert session.default.get_final_response(timeout=5).id == "resp_1"
        served = "gpt-4o-mini-2024-07-18"
        assert recording.span == {
            **expected(speaker, **{**MODEL, **ANSWERED, "gen_ai.request.model": served}),
            "name": f"chat {served}",
        }


def test_a_request_that_is_refused_costs_nothing(recording: Recording) -> None:
    with speaking(Hear(), error(status=400), Close()) as speaker:
        with speaker.client().responses.connect(**WHO) as connection:
            connection.response.create(**REQUEST)
            with pytest.raises(openai.OpenAIError, match="No such model"):
                connection.dispatch_events()
        known = {"gen_ai.request.temperature": 0.5, "error.type": "model_not_found"}
        assert recording.span == {**expected(speaker, None, **known), "status": ("ERROR", "model_not_found")}


def test_a_response_that_breaks_off_with_an_error_may_have_cost_something(recording: Recording) -> None:
    with speaking(Hear(), created("resp_1"), error(sequence_number=1), Close()) as speaker:
        with speaker.client().responses.connect(**WHO) as connection:
            connection.response.create(**REQUEST)
            list(connection)
        known: dict[str, Any] = {
            **MODEL,
            **ASKED,
            "openai.response.service_tier": "default",
            "gen_ai.response.finish_reasons": ("in_progress",),
            "error.type": "model_not_found",
            "infraprism.cost.status": "unpriced",
            "infraprism.session.cost": "0",
            "infraprism.session.turns": 0,
        }
        assert recording.span == {**expected(speaker, **known), "status": ("ERROR", "model_not_found")}


@pytest.mark.parametrize(
    ("kind", "facts", "reason", "status"),
    [
        ("incomplete", {"incomplete_details": {"reason": "steered"}}, "steered", ("UNSET", None)),
        ("failed", {"error": {"code": "server_error", "message": "?"}}, "failed", ("ERROR", "server_error")),
    ],
)
def test_a_response_says_how_it_ended(
    recording: Recording, kind: str, facts: Any, reason: str, status: tuple[str, str | None]
) -> None:
    end = event(kind, "resp_1", status=kind, usage=USAGE, **facts)
    with (
        speaking(Hear(), created("resp_1"), end, Close()) as speaker,
        speaker.client().responses.connect(**WHO) as connection,
    ):
        connection.response.create(**REQUEST)
        list(connection)
    span = recording.span
    assert span["status"] == status
    assert span["attributes"]["gen_ai.response.finish_reasons"] == (reason,)
    assert span["attributes"]["infraprism.cost.amount"] == "0.0000246"


def test_a_request_that_could_not_be_sent_fails(recording: Recording) -> None:
    with speaking(Close()) as speaker, speaker.client().responses.connect(**WHO) as connection:
        list(connection)
        with pytest.raises(ConnectionClosed):
            connection.response.create(**REQUEST)
        unserializable: Any = {**REQUEST, "metadata": {"key": object()}}
        with pytest.raises(TypeError):
            connection.response.create(**unserializable)
    first, second = recording.spans
    assert first["status"] == ("ERROR", "ConnectionClosedOK")
    assert first["attributes"]["infraprism.cost.status"] == "unpriced"
    assert second["status"] == ("ERROR", "TypeError")
    assert "infraprism.cost.status" not in second["attributes"]


def test_a_response_asked_for_is_billed_whatever_its_id(recording: Recording) -> None:
    one = (Hear(), created("resp_1"), completed("resp_1"))
    with (
        speaking(*one, *one, created("resp_1"), completed("resp_1"), Close()) as speaker,
        speaker.client().responses.connect(**WHO) as connection,
    ):
        for _ in range(2):
            connection.response.create(**REQUEST)
            assert [connection.recv().type for _ in range(2)][1] == "response.completed"
        assert len(list(connection)) == 2  # told again: not asked for
    assert [span["attributes"]["infraprism.session.turns"] for span in recording.spans] == [1, 2]


def test_an_end_that_is_told_twice_is_not_that_of_the_next_response(recording: Recording) -> None:
    script = (Hear(), created("resp_1"), completed("resp_1"), Hear(), completed("resp_1"))
    with (
        speaking(*script, completed("resp_2"), Close()) as speaker,
        speaker.client().responses.connect(**WHO) as connection,
    ):
        connection.response.create(**REQUEST)
        for _ in range(2):
            connection.recv()
        connection.response.create(**{**REQUEST, "model": "gpt-4o"})
        assert len(list(connection)) == 2
    assert [(span["name"], span["attributes"]["gen_ai.response.id"]) for span in recording.spans] == [
        ("chat gpt-4o-mini", "resp_1"),
        ("chat gpt-4o", "resp_2"),
    ]
