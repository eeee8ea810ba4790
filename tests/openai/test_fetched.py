"""Responses in the background: pending when created, one call when their usage is fetched, however often."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from openai import NotFoundError, OpenAI
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import suppress_instrumentation

import infraprism
from infraprism import guard, pricing
from infraprism.openai import pending
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import SCOPE, SECONDS, Answers, Recording, Wire, instrumented, sse
from tests.support.versions import has, needs

CREATED_AT = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
WHO: Any = {
    "session_id": "conv-123",
    "entity_type": "customer",
    "entity_id": "acme",
    "tags": {"feature": "report"},
}
WHOSE = {
    "session.id": "conv-123",
    "gen_ai.conversation.id": "conv-123",
    "infraprism.entity.type": "customer",
    "infraprism.entity.id": "acme",
    "infraprism.tag.feature": "report",
}
SESSION_TRACE = trace_id_of(Identity("conv-123", "customer", "acme"))
SERVER = {
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "server.port": 443,
    "openai.api.type": "responses",
    "gen_ai.request.model": "gpt-4o-mini",
}
PENDING = {
    **SERVER,
    **WHOSE,
    "gen_ai.operation.name": "chat",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("queued",),
    "http.response.header.x-request-id": ("req_1",),
    "infraprism.session.cost": "0",
    "infraprism.session.turns": 1,
}
#: 100 tokens at $0.15 and 10 at $0.60 a million.
FETCHED = {
    **SERVER,
    **WHOSE,
    "gen_ai.operation.name": "retrieve_response",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("completed",),
    "openai.response.service_tier": "default",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
    "infraprism.cost.status": "priced",
    "infraprism.cost.amount": "0.000021",
    "gen_ai.usage.cost": 0.000021,
    "infraprism.cost.currency": "USD",
    "infraprism.cost.source": "local",
    "infraprism.cost.price_version": pricing.version(),
    "infraprism.cost.input": "0.000015",
    "infraprism.cost.output": "0.000006",
    "infraprism.cost.quantities": "input=100 output=10",
    "infraprism.session.cost": "0.000021",
    "infraprism.session.turns": 1,
}


def body(status: str, *, background: bool | None = True, response_id: str = "resp_1") -> dict[str, Any]:
    """A response in this state; finished ones have a usage."""
    finished = status not in ("queued", "in_progress")
    usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    return {
        "id": response_id,
        "object": "response",
        "created_at": CREATED_AT,
        "model": "gpt-4o-mini-2024-07-18",
        "status": status,
        "background": background,
        "output": [],
        "error": {"code": "server_error", "message": "the prompt"} if status == "failed" else None,
        "service_tier": "default" if finished else "auto",
        "usage": usage if finished else None,
    }


def answers(*states: str) -> Answers:
    return Answers(*[json.dumps(body(state)) for state in states])


def create(client: Any, **arguments: Any) -> Any:
    # As one asks where the client does not know the argument.
    known = (
        {"background": True}
        if has("responses.create", "background")
        else {"extra_body": {"background": True}}
    )
    return client.responses.create(model="gpt-4o-mini", input="Write it.", **known, **arguments)


def span_of(attributes: dict[str, Any], span_id: int) -> dict[str, Any]:
    return {
        "name": f"{attributes['gen_ai.operation.name']} gpt-4o-mini",
        "kind": "CLIENT",
        "trace_id": SESSION_TRACE,
        "span_id": span_id,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("UNSET", None),
        "attributes": attributes,
        "events": [],
        "links": [],
    }


#: The pending span says what was asked for; `auto` is the tier while nothing was served.
CREATED = span_of({**PENDING, "openai.response.service_tier": "auto"}, 1)


def test_a_polled_response_is_one_call(recording: Recording) -> None:
    before = otel_context.get_current()
    client = answers("queued", "queued", "in_progress", "completed", "completed").client()
    response = create(client, **WHO)
    for _ in range(2):
        client.responses.retrieve(response.id)
    assert recording.spans == [CREATED]
    with infraprism.session("another", tags={"feature": "poller"}):
        for _ in range(3):
            assert client.responses.retrieve(response.id).usage
    assert recording.spans == [CREATED, span_of(FETCHED, 2)]
    assert otel_context.get_current() == before
    durations = {
        dimensions["gen_ai.operation.name"]: count
        for dimensions, (count, _) in recording.metrics()["gen_ai.client.operation.duration"]
    }
    assert durations == {"chat": 1, "retrieve_response": 1}


async def test_an_async_polled_response_is_one_call(recording: Recording) -> None:
    client = answers("queued", "in_progress", "completed").async_client()
    response = await create(client, **WHO)
    for _ in range(3):
        await client.responses.retrieve(response.id)
    assert recording.spans == [CREATED, span_of(FETCHED, 2)]


def test_only_the_price_of_the_day_it_was_created_counts(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "infraprism.openai.charge.price", lambda usage, **what: asked.append(what) or pricing.UNPRICED
    )
    answers("completed").client().responses.retrieve("resp_1")
    assert asked == [
        {
            "provider": "openai",
            "model": "gpt-4o-mini-2024-07-18",
            "service_tier": "default",
            "at": datetime(2026, 11, 20, 12, tzinfo=UTC),
            "batch": False,
            "entity": (None, None),
        }
    ]


def raw(client: OpenAI) -> None:
    client.responses.with_raw_response.retrieve("resp_1").parse()


def raw_streaming(client: OpenAI) -> None:
    with client.responses.with_streaming_response.retrieve("resp_1") as response:
        response.json()


def cancelled(client: OpenAI) -> None:
    client.responses.cancel("resp_1")


@pytest.mark.parametrize(
    "fetch", [raw, raw_streaming, pytest.param(cancelled, marks=needs("responses.cancel"))]
)
def test_every_way_to_fetch_is_seen(recording: Recording, fetch: Callable[[OpenAI], None]) -> None:
    client = answers("queued", "completed").client()
    create(client, **WHO)
    fetch(client)
    fetch(client)
    assert recording.spans == [CREATED, span_of(FETCHED, 2)]


def streamed(client: OpenAI, **arguments: Any) -> None:
    for _ in client.responses.retrieve("resp_1", stream=True, starting_after=1, **arguments):
        pass


def helper(client: OpenAI, **arguments: Any) -> None:
    # The method's overloads know only the client's own arguments.
    stream: Any = client.responses.stream
    with stream(response_id="resp_1", starting_after=1, **arguments) as resumed:
        for _ in resumed:
            pass


@needs("responses.retrieve", "stream")
@pytest.mark.parametrize("resume", [streamed, helper])
def test_a_stream_that_broke_off_is_billed_when_it_is_resumed(
    recording: Recording, resume: Callable[..., None]
) -> None:
    created = {"type": "response.created", "sequence_number": 0, "response": body("queued")}
    more = {"type": "response.queued", "sequence_number": 1, "response": body("queued")}
    last = {"type": "response.completed", "sequence_number": 2, "response": body("completed")}
    # The helper has the stream sent from its beginning, and skips.
    wire = Answers(sse(created, more), sse(created, last), content_type="text/event-stream")
    client = wire.client()
    stream = create(client, stream=True, **WHO)
    next(stream)
    stream.close()
    for _ in range(2):
        resume(client, session_id="another")
    pending_span = {
        **CREATED["attributes"],
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": SECONDS,
    }
    assert recording.spans == [span_of(pending_span, 1), span_of(FETCHED, 2)]


def test_a_stream_in_the_foreground_that_broke_off_is_not_pending(recording: Recording) -> None:
    begun = {"type": "response.created", "response": body("in_progress", background=False)}
    client = Wire(sse(begun), content_type="text/event-stream").client()
    for _ in client.responses.create(model="gpt-4o-mini", input="Write it.", stream=True):
        pass
    assert recording.attributes["infraprism.cost.status"] == "estimated"
    assert pending.origin_of("resp_1") is None


def test_a_response_that_its_create_billed_is_not_billed_again(recording: Recording) -> None:
    client = answers("completed").client()
    create(client)
    create(client)  # a request is billed, whatever id its response has
    client.responses.retrieve("resp_1")
    assert [span["attributes"]["gen_ai.operation.name"] for span in recording.spans] == ["chat", "chat"]


@pytest.mark.parametrize("background", [False, None])
def test_a_response_in_the_foreground_was_billed_where_it_was_created(
    recording: Recording, background: bool | None
) -> None:
    client = Wire(json.dumps(body("completed", background=background))).client()
    client.responses.retrieve("resp_1")
    assert recording.spans == []


def test_a_response_of_another_process_belongs_to_who_fetches_it_first(recording: Recording) -> None:
    client = answers("completed").client()
    who: Any = {**WHO, "session_id": None}
    with infraprism.session("conv-123"):
        client.responses.retrieve("resp_1", **who)
    client.responses.retrieve("resp_1", session_id="another")
    model = "gpt-4o-mini-2024-07-18"  # what was asked for is not known
    assert recording.spans == [
        {
            **span_of(
                {**FETCHED, "gen_ai.request.model": model, "infraprism.session.turns": 0},
                1,
            ),
            "name": f"retrieve_response {model}",
        }
    ]


def test_a_fetch_inside_of_a_span_is_its_child(recording: Recording) -> None:
    client = answers("completed").client()
    with recording.tracer_provider.get_tracer("app").start_as_current_span("poll") as span:
        client.responses.retrieve("resp_1", **WHO)
    fetched, outer = recording.spans
    assert (fetched["trace_id"], fetched["parent_id"]) == (outer["trace_id"], outer["span_id"])
    assert span.get_span_context().trace_id == fetched["trace_id"]


def test_a_response_that_failed_is_an_error_with_what_it_cost(recording: Recording) -> None:
    answers("failed").client().responses.retrieve("resp_1", **WHO)
    assert recording.span["status"] == ("ERROR", "server_error")
    assert recording.attributes["error.type"] == "server_error"
    assert recording.attributes["infraprism.cost.amount"] == "0.000021"


@needs("responses.cancel")
def test_what_brings_no_usage_is_no_call(recording: Recording) -> None:
    without_usage = json.dumps({**body("cancelled"), "usage": None})
    Wire(without_usage).client().responses.cancel("resp_1")
    missing = Wire(json.dumps({"error": {"message": "no such response"}}), status=404).client()
    with pytest.raises(NotFoundError):
        missing.responses.retrieve("resp_1", **WHO)
    assert recording.spans == []


def test_what_is_suppressed_is_not_fetched(recording: Recording) -> None:
    client = answers("completed").client()
    with suppress_instrumentation():
        client.responses.retrieve("resp_1", **WHO)
    assert recording.spans == []
    client.responses.retrieve("resp_1", **WHO)
    assert recording.attributes["gen_ai.response.id"] == "resp_1"


def test_the_session_arguments_are_checked_and_never_sent(recording: Recording) -> None:
    wire = answers("completed")
    client: Any = wire.client()
    with pytest.raises(TypeError, match="session_id"):
        client.responses.retrieve("resp_1", session_id=1.5)
    assert wire.requests == []
    client.responses.retrieve("resp_1", **WHO)
    assert wire.requests[0][:2] == ("GET", "https://api.openai.com/v1/responses/resp_1")


@needs("responses.cancel")
def test_fetching_shows_the_caller_nothing_of_us() -> None:
    def shown(wire: Answers) -> list[Any]:
        client = wire.client()
        created = create(client)
        got = [created, client.responses.retrieve("resp_1"), client.responses.cancel("resp_1")]
        with client.responses.with_streaming_response.retrieve("resp_1") as response:
            return [*got, response.json(), type(response), response.is_closed]

    bare, seen = answers("queued", "in_progress", "completed"), answers("queued", "in_progress", "completed")
    expected = shown(bare)
    with instrumented() as recording:
        assert shown(seen) == expected
    assert len(recording.spans) == 2
    assert seen.requests == bare.requests


def test_threads_that_poll_at_once_make_one_call(recording: Recording) -> None:
    client = answers("completed").client()
    together = threading.Barrier(8)

    def poll() -> None:
        together.wait()
        client.responses.retrieve("resp_1", **WHO)

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recording.attributes == {
        **FETCHED,
        "gen_ai.request.model": "gpt-4o-mini-2024-07-18",
        "infraprism.session.turns": 0,
    }


def test_what_is_remembered_is_bounded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "_REMEMBERED", 2)
    wire = Answers(*[json.dumps(body("queued", response_id=f"resp_{n}")) for n in range(3)])
    client = wire.client()
    for _ in range(3):
        create(client, **WHO)
    assert [pending.origin_of(f"resp_{n}") is None for n in range(3)] == [True, False, False]


@needs("responses.retrieve", "stream")
def test_a_dropped_stream_of_a_fetch_is_no_call_and_no_error(recording: Recording) -> None:
    client = Wire(
        sse({"type": "response.in_progress", "response": body("in_progress")}),
        content_type="text/event-stream",
    ).client()
    next(iter(client.responses.retrieve("resp_1", stream=True)))
    gc.collect()
    assert (recording.spans, guard.dropped()) == ([], {})
