"""Whose call it is: arguments, blocks, the environment; and which trace it is in."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from simulated_openai import SimulatedOpenAI

import infraprism
from infraprism import AsyncInfraPrismOpenAI, InfraPrismOpenAI
from infraprism.sessions import Identity, trace_id_of
from tests.support.calls import API_KEY, Recording, Wire, adrain, drain, instrumented
from tests.support.versions import chat_helpers

MESSAGES: Any = [{"role": "user", "content": "Hello"}]


def chat(client: Any, **who: Any) -> Any:
    return client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **who)


class Plan(enum.StrEnum):
    TEAM = "team"


class Text(str):
    __slots__ = ()


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a float as session": ({"session_id": 1.5}, TypeError, "session_id"),
    "a bool as session": ({"session_id": True}, TypeError, "session_id"),
    "bytes as session": ({"session_id": b"s-1"}, TypeError, "session_id"),
    "an empty session": ({"session_id": ""}, ValueError, "session_id"),
    "a session that is too long": ({"session_id": "x" * 201}, ValueError, "session_id"),
    "a session that is too large": ({"session_id": 10**300}, ValueError, "session_id"),
    "a lone surrogate": ({"session_id": "\ud800"}, ValueError, "session_id"),
    "an object as entity": ({"entity_id": object()}, TypeError, "entity_id"),
    "an empty entity": ({"entity_id": ""}, ValueError, "entity_id"),
    "a number as entity type": ({"entity_type": 1}, TypeError, "entity_type"),
    "a list of tags": ({"tags": ["a"]}, TypeError, "tags"),
    "a number as tag": ({"tags": {"a": 1}}, TypeError, r"tags\['a'\]"),
    "a number as name of a tag": ({"tags": {1: "a"}}, TypeError, "tags: a key"),
    "too many tags": ({"tags": dict.fromkeys(map(str, range(33)), "x")}, ValueError, "tags"),
}
CALLS: dict[str, Callable[..., Any]] = {
    "chat create": chat,
    "chat create, streamed": lambda c, **s: chat(c, stream=True, **s),
    "chat parse": lambda c, **s: chat_helpers(c).parse(model="gpt-4o-mini", messages=MESSAGES, **s),
    "chat stream": lambda c, **s: chat_helpers(c).stream(model="gpt-4o-mini", messages=MESSAGES, **s),
    "responses create": lambda c, **s: c.responses.create(model="gpt-4o-mini", input="Hello", **s),
    "responses parse": lambda c, **s: c.responses.parse(model="gpt-4o-mini", input="Hello", **s),
    "responses stream": lambda c, **s: c.responses.stream(model="gpt-4o-mini", input="Hello", **s),
    "embeddings create": lambda c, **s: c.embeddings.create(
        model="text-embedding-3-small", input="Hello", **s
    ),
    "raw": lambda c, **s: c.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES, **s
    ),
}
bad = pytest.mark.parametrize(("who", "error", "named"), BAD.values(), ids=BAD.keys())
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@bad
def test_a_wrong_argument_is_refused_before_anything_is_sent(
    api: SimulatedOpenAI,
    client: OpenAI,
    recording: Recording,
    who: dict[str, Any],
    error: type[Exception],
    named: str,
) -> None:
    with pytest.raises(error, match=f"^{named}"):
        chat(client, **who)
    assert api.bill() == []
    assert recording.spans == []


@calls
async def test_a_wrong_argument_is_refused_by_every_method(
    api: SimulatedOpenAI,
    client: OpenAI,
    async_client: AsyncOpenAI,
    recording: Recording,
    call: Callable[..., Any],
) -> None:
    with pytest.raises(TypeError, match=r"^session_id must be a str, int or uuid\.UUID, not list$"):
        call(client, session_id=[1])
    with pytest.raises(ValueError, match=r"^entity_id must not be empty$"):
        await adrain(call(async_client, entity_id=""))
    assert api.bill() == []
    assert recording.spans == []


@calls
async def test_every_method_takes_the_arguments(
    client: OpenAI, async_client: AsyncOpenAI, recording: Recording, call: Callable[..., Any]
) -> None:
    who: Any = {"session_id": "s-1", "entity_type": "team", "entity_id": "blue", "tags": {"a": "b"}}
    drain(call(client, **who))
    await adrain(call(async_client, **who))
    assert [identity(span) for span in recording.spans] == [
        {"session": "s-1", "entity": ("team", "blue"), "tags": {"a": "b"}}
    ] * 2


def identity(span: dict[str, Any]) -> dict[str, Any]:
    """Whose a span is, as its attributes say."""
    attributes = span["attributes"]
    assert attributes.get("session.id") == attributes.get("gen_ai.conversation.id")
    prefix = "infraprism.tag."
    return {
        "session": attributes.get("session.id"),
        "entity": (attributes.get("infraprism.entity.type"), attributes.get("infraprism.entity.id")),
        "tags": {k.removeprefix(prefix): v for k, v in attributes.items() if k.startswith(prefix)},
    }


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("conv-123", "conv-123"),
        (42, "42"),
        (-1, "-1"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Plan.TEAM, "team"),
        (Text("conv-123"), "conv-123"),
        ("Gespräch ☎", "Gespräch ☎"),
        ("x" * 200, "x" * 200),
    ],
)
def test_an_id_is_the_apps_own(client: OpenAI, recording: Recording, given: Any, written: str) -> None:
    chat(client, session_id=given, entity_type="customer", entity_id=given)
    assert identity(recording.span) == {"session": written, "entity": ("customer", written), "tags": {}}
    assert type(recording.attributes["session.id"]) is str


def test_a_call_without_a_session_has_none(client: OpenAI, recording: Recording) -> None:
    chat(client)
    chat(client, session_id=None, entity_type=None, entity_id=None, tags=None)
    chat(client, entity_type="team", entity_id="blue")
    nobody = {"session": None, "entity": (None, None), "tags": {}}
    assert [identity(span) for span in recording.spans] == [
        nobody,
        nobody,
        {**nobody, "entity": ("team", "blue")},
    ]
    for span in recording.spans:
        assert not span["attributes"].keys() & {"session.id", "gen_ai.conversation.id"}
        assert not [name for name in span["attributes"] if name.startswith("infraprism.session.")]
    assert len({span["trace_id"] for span in recording.spans}) == 3


def test_only_a_users_id_is_the_user_id(client: OpenAI, recording: Recording) -> None:
    chat(client, entity_type="user", entity_id=7)
    chat(client, entity_type="customer", entity_id=7)
    first, second = (span["attributes"] for span in recording.spans)
    assert first["user.id"] == "7"
    assert "user.id" not in second


def test_a_block_gives_its_calls_its_session_and_a_calls_own_arguments_win(
    client: OpenAI, recording: Recording
) -> None:
    tags = {"feature": "chatbot", "plan": "free"}
    with infraprism.session("outer", entity_type="customer", entity_id="acme", tags=tags):
        chat(client)
        with infraprism.session("inner", tags={"plan": "paid"}):
            chat(client)
            chat(client, session_id="own", entity_id="other", tags={"step": "3"})
            chat(client, entity_type="team")  # another type never inherits the id
        chat(client)
    chat(client)
    acme = ("customer", "acme")
    paid = {"feature": "chatbot", "plan": "paid"}
    assert [identity(span) for span in recording.spans] == [
        {"session": "outer", "entity": acme, "tags": tags},
        {"session": "inner", "entity": acme, "tags": paid},
        {"session": "own", "entity": ("customer", "other"), "tags": {**paid, "step": "3"}},
        {"session": "inner", "entity": ("team", None), "tags": paid},
        {"session": "outer", "entity": acme, "tags": tags},
        {"session": None, "entity": (None, None), "tags": {}},
    ]


async def test_tasks_keep_their_sessions_apart(async_client: AsyncOpenAI, recording: Recording) -> None:
    async def talk(name: str) -> None:
        async with infraprism.session(name):
            for _ in range(3):
                await chat(async_client)

    await asyncio.gather(*(talk(f"s-{number}") for number in range(5)))
    sessions = [span["attributes"]["session.id"] for span in recording.spans]
    assert sorted(sessions) == sorted([f"s-{number}" for number in range(5)] * 3)
    for span in recording.spans:
        assert span["trace_id"] == trace_id_of(Identity(span["attributes"]["session.id"]))


def test_threads_keep_their_sessions_apart(client: OpenAI, recording: Recording) -> None:
    def talk(name: str) -> None:
        with infraprism.session(name):
            for _ in range(3):
                chat(client)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(talk, [f"s-{number}" for number in range(5)]))
    turns = [
        (span["attributes"]["session.id"], span["attributes"]["infraprism.session.turns"])
        for span in recording.spans
    ]
    assert sorted(turns) == [(f"s-{number}", turn) for number in range(5) for turn in (1, 2, 3)]


def test_a_streams_call_belongs_to_the_session_it_was_made_in(client: OpenAI, recording: Recording) -> None:
    with infraprism.session("made-in"):
        stream = chat(client, stream=True)
    with infraprism.session("read-in"):
        list(stream)
    assert identity(recording.span)["session"] == "made-in"


def test_the_calls_of_a_session_share_a_trace(client: OpenAI, recording: Recording) -> None:
    acme: Any = {"entity_type": "customer", "entity_id": "acme"}
    other: Any = {"entity_type": "customer", "entity_id": "other"}
    for who in (acme, other, {}):
        chat(client, session_id="s-1", **who)
        chat(client, session_id="s-1", **who)
        chat(client, session_id="s-2", **who)
    traces = [span["trace_id"] for span in recording.spans]
    assert traces[0::3] == traces[1::3]
    assert len(set(traces)) == 6
    assert {span["parent_id"] for span in recording.spans} == {None}
    assert traces[0] == trace_id_of(Identity("s-1", "customer", "acme"))


def test_a_call_inside_a_span_stays_in_its_trace(client: OpenAI, recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("request") as outer, infraprism.session("s-1", tags={"a": "b"}):
        chat(client)
        with tracer.start_as_current_span("tool"):
            pass
    chat_span, tool, request = recording.spans
    assert chat_span["trace_id"] == tool["trace_id"] == outer.get_span_context().trace_id
    assert chat_span["parent_id"] == tool["parent_id"] == request["span_id"]
    assert (
        identity(chat_span)
        == identity(tool)
        == {
            "session": "s-1",
            "entity": (None, None),
            "tags": {"a": "b"},
        }
    )
    assert request["attributes"] == {}


def test_what_happens_inside_of_a_call_belongs_to_it(client: OpenAI, recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("http")

    def messages() -> Any:
        with tracer.start_as_current_span("inside"):
            yield MESSAGES[0]

    client.chat.completions.create(model="gpt-4o-mini", messages=messages(), session_id="s-1")
    inside, outer = recording.spans
    assert inside["parent_id"] == outer["span_id"]
    assert inside["attributes"] == {"session.id": "s-1", "gen_ai.conversation.id": "s-1"}


def test_the_hosts_own_root_spans_keep_random_traces(client: OpenAI, recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with infraprism.session("s-1"):
        with tracer.start_as_current_span("first"):
            pass
        with tracer.start_as_current_span("second"):
            pass
        chat(client)
    first, second, call = (span["trace_id"] for span in recording.spans)
    assert (first, second) == (1, 2)
    assert call == trace_id_of(Identity("s-1"))


def test_a_sampler_keeps_sessions_whole(api: SimulatedOpenAI) -> None:
    recording = Recording(sampler=TraceIdRatioBased(0.5))
    with instrumented(recording), OpenAI(base_url=api.base_url, api_key=API_KEY) as client:
        for number in range(12):
            for _ in range(2):
                chat(client, session_id=f"s-{number}")
    kept = [span["attributes"]["session.id"] for span in recording.spans]
    assert 0 < len(kept) < 24
    assert {kept.count(session) for session in kept} == {2}


@pytest.mark.parametrize("kind", [OpenAI, InfraPrismOpenAI])
def test_the_arguments_never_reach_the_wire(
    api: SimulatedOpenAI, recording: Recording, kind: type[OpenAI]
) -> None:
    wire = Wire('{"choices": [], "output": [], "data": [{"embedding": [0.5]}]}')
    for call in CALLS.values():
        drain(call(wire.client(kind), session_id="s-1", entity_id="acme", tags={"feature": "chatbot"}))
    assert len(wire.requests) == len(CALLS)
    for word in ("session_id", "s-1", "entity", "acme", "tags", "chatbot", "baggage", "traceparent"):
        assert word not in repr(wire.requests)


async def test_the_arguments_never_reach_the_wire_of_the_async_client(recording: Recording) -> None:
    wire = Wire('{"choices": [], "output": [], "data": [{"embedding": [0.5]}]}')
    client = wire.async_client(AsyncInfraPrismOpenAI)
    for call in CALLS.values():
        await adrain(call(client, session_id="s-1", entity_id="acme", tags={"feature": "chatbot"}))
    assert len(wire.requests) == len(CALLS)
    for word in ("session_id", "s-1", "entity", "acme", "tags", "chatbot"):
        assert word not in repr(wire.requests)


def test_a_call_made_while_another_one_reads_its_messages_is_a_call(
    client: OpenAI, recording: Recording
) -> None:
    def messages() -> Any:
        summary = client.embeddings.create(model="text-embedding-3-small", input="What is Python?")
        yield {"role": "user", "content": f"{len(summary.data)} things"}

    client.chat.completions.create(model="gpt-4o", messages=messages(), session_id="conv-123")
    inner, outer = recording.spans
    assert (inner["name"], outer["name"]) == ("embeddings text-embedding-3-small", "chat gpt-4o")
    assert inner["parent_id"] == outer["span_id"]
    assert [span["attributes"]["session.id"] for span in (inner, outer)] == ["conv-123", "conv-123"]


def test_the_application_is_told_what_a_call_cost(api: SimulatedOpenAI) -> None:
    """Sampled or not, and once its span has ended."""
    told: list[infraprism.CallCost] = []
    for sampler in (None, TraceIdRatioBased(0)):
        remove = infraprism.on_cost(told.append)
        with (
            instrumented(Recording(sampler=sampler)),
            OpenAI(base_url=api.base_url, api_key=API_KEY, max_retries=0) as client,
        ):
            chat(client, session_id="s-1", entity_type="customer", entity_id="acme", tags={"feature": "chat"})
            chat(client)
        remove()
    sampled, unsampled = told[:2], told[2:]
    assert [record._replace(cost=sampled[0].cost) for record in unsampled] == [
        record._replace(cost=sampled[0].cost) for record in sampled
    ]
    first, second = sampled
    assert first.cost.status == "priced"
    assert first.cost.amount is not None
    assert first == infraprism.CallCost(
        "s-1",
        "customer",
        "acme",
        {"feature": "chat"},
        first.cost,
        "127.0.0.1",
        "gpt-4o-mini-2024-07-18",
        "chat",
        infraprism.Totals(first.cost.amount, 1),
    )
    assert (second.session_id, second.totals) == (None, None)


def test_the_application_is_not_told_of_what_is_not_billed(api: SimulatedOpenAI, client: OpenAI) -> None:
    told: list[infraprism.CallCost] = []
    remove = infraprism.on_cost(told.append)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o-mini", messages="none")  # type: ignore[call-overload]
    remove()
    assert told == []
