"""How a session's calls map to traces: joined in one, nested in a span of the session, or linked."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import NoOpTracerProvider
from simulated_openai import SimulatedOpenAI

from infraprism import InfraPrismOpenAI, guard, session, settings
from infraprism.collector.ingest.spans import read_request
from infraprism.openai import patch
from infraprism.sessions import Generation, Identity, trace_id_of, turns
from infraprism.sessions.recent import Recent
from infraprism.tracing import standalone
from tests.support.calls import API_KEY, Recording, Wire, instrumented

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
ACME: Any = {"entity_type": "customer", "entity_id": "acme"}
S_1 = trace_id_of(Identity("s-1"))
ACMES = trace_id_of(Identity("s-1", "customer", "acme"))


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def use(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"INFRAPRISM_{name}", value)
        settings.current.cache_clear()

    yield use
    monkeypatch.undo()
    settings.current.cache_clear()


def chat(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": MESSAGES, **options})


def embed(client: Any, **options: Any) -> Any:
    return client.embeddings.create(model="text-embedding-3-small", input="Hello", **options)


def tree(recording: Recording) -> list[tuple[str, int, str | None]]:
    """Each ended span: its name, its trace, and the name of its parent."""
    names = {span["span_id"]: span["name"] for span in recording.spans}
    return [
        (span["name"], span["trace_id"], names.get(span["parent_id"], span["parent_id"]))
        for span in recording.spans
    ]


def total(recording: Recording, session_id: str = "s-1") -> dict[str, Any]:
    """The attributes of a session's totals, added up from its calls."""
    calls = [
        span["attributes"]
        for span in recording.spans
        if span["attributes"].get("session.id") == session_id
        and "infraprism.cost.amount" in span["attributes"]
    ]
    return {
        "infraprism.session.cost": str(sum(Decimal(call["infraprism.cost.amount"]) for call in calls)),
        "infraprism.session.turns": sum(call["gen_ai.operation.name"] == "chat" for call in calls),
    }


# Nest


def test_a_block_has_one_span_that_ends_with_the_sessions_totals(
    client: OpenAI, recording: Recording
) -> None:
    with session("s-1", **ACME, tags={"feature": "chat"}, mode="nest"):
        chat(client)
        embed(client)
        chat(client, model="gpt-4o")
    assert tree(recording) == [
        ("chat gpt-4o-mini", ACMES, "session customer"),
        ("embeddings text-embedding-3-small", ACMES, "session customer"),
        ("chat gpt-4o", ACMES, "session customer"),
        ("session customer", ACMES, None),
    ]
    block = recording.spans[-1]
    assert (block["kind"], block["status"], block["events"], block["links"]) == (
        "INTERNAL",
        ("UNSET", None),
        [],
        [],
    )
    assert block["scope"] == {**recording.spans[0]["scope"], "name": "infraprism.sessions"}
    assert block["attributes"] == {
        "session.id": "s-1",
        "gen_ai.conversation.id": "s-1",
        "infraprism.entity.type": "customer",
        "infraprism.entity.id": "acme",
        "infraprism.tag.feature": "chat",
        **total(recording),
    }


def test_the_setting_nests_every_block(
    client: OpenAI, recording: Recording, setting: Callable[..., None]
) -> None:
    setting(SESSION_MODE="nest")
    with session("s-1"):
        chat(client)
    with session("s-1", mode="join"):
        chat(client)
    chat(client, session_id="s-1")
    assert tree(recording) == [
        ("chat gpt-4o-mini", S_1, "session"),
        ("session", S_1, None),
        ("chat gpt-4o-mini", S_1, None),
        ("chat gpt-4o-mini", S_1, None),
    ]


def test_the_collector_takes_a_sessions_span_for_no_call(client: OpenAI, recording: Recording) -> None:
    with session("s-1", **ACME, mode="nest"):
        chat(client)
        chat(client)
    batch = read_request(encode_spans(recording.exporter.get_finished_spans()))
    assert [(row.name, row.session_id, row.entity_id) for row in batch.spans] == [
        ("session customer", "s-1", "acme")
    ]
    assert [row.name for row in batch.calls] == ["chat gpt-4o-mini"] * 2
    assert sum(row.amount or 0 for row in batch.calls) == Decimal(
        recording.spans[-1]["attributes"]["infraprism.session.cost"]
    )
    assert (batch.ignored, batch.rejected, batch.values_dropped) == ({}, {}, {})


def test_a_sessions_span_is_not_added_to_its_session(client: OpenAI, recording: Recording) -> None:
    for _ in range(3):
        with session("s-1", mode="nest"):
            chat(client)
    turns = [span["attributes"]["infraprism.session.turns"] for span in recording.spans]
    assert turns == [1, 1, 2, 2, 3, 3]
    assert recording.spans[-1]["attributes"] == {
        "session.id": "s-1",
        "gen_ai.conversation.id": "s-1",
        **total(recording),
    }


def test_another_instrumentations_call_inside_is_still_a_call(client: OpenAI, recording: Recording) -> None:
    with session("s-1", mode="nest"):
        chat(client)
        tracer = recording.tracer_provider.get_tracer("of another client")
        tracer.start_span("chat claude", attributes={"gen_ai.operation.name": "chat"}).end()
    batch = read_request(encode_spans(recording.exporter.get_finished_spans()))
    assert [row.name for row in batch.calls] == ["chat gpt-4o-mini", "chat claude"]


def test_a_session_that_came_to_nothing_has_no_totals(recording: Recording) -> None:
    with session("s-1", mode="nest"):
        pass
    assert recording.span["attributes"] == {"session.id": "s-1", "gen_ai.conversation.id": "s-1"}


def test_what_is_active_around_a_block_is_its_parent(client: OpenAI, recording: Recording) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("request"):
        with session("s-1", mode="nest"):
            chat(client)
            with tracer.start_as_current_span("tool"):
                chat(client)
        chat(client, session_id="s-1")
    assert tree(recording) == [
        ("chat gpt-4o-mini", 1, "session"),
        ("chat gpt-4o-mini", 1, "tool"),
        ("tool", 1, "session"),
        ("session", 1, "request"),
        ("chat gpt-4o-mini", 1, "request"),
        ("request", 1, None),
    ]


def test_a_block_inside_of_one_of_the_same_session_has_no_span(client: OpenAI, recording: Recording) -> None:
    with session("s-1", mode="nest"), session(tags={"step": "2"}), session("s-1"):
        chat(client)
    assert tree(recording) == [("chat gpt-4o-mini", S_1, "session"), ("session", S_1, None)]
    assert recording.spans[0]["attributes"]["infraprism.tag.step"] == "2"


def test_a_block_without_a_session_has_no_span(client: OpenAI, recording: Recording) -> None:
    with session(**ACME, mode="nest"):
        chat(client)
    assert tree(recording) == [("chat gpt-4o-mini", 1, None)]


def test_another_session_inside_of_a_block_is_in_a_trace_of_its_own(
    client: OpenAI, recording: Recording
) -> None:
    with session("s-1", mode="nest"):
        with session("s-2"):
            chat(client)
        chat(client, session_id="s-3")
        chat(client, **ACME)
        chat(client)
        with session("s-2"), session("s-1"):
            chat(client)
    s_2 = trace_id_of(Identity("s-2"))
    assert tree(recording) == [
        ("chat gpt-4o-mini", s_2, "session"),
        ("session", s_2, None),
        ("chat gpt-4o-mini", trace_id_of(Identity("s-3")), None),
        ("chat gpt-4o-mini", ACMES, None),
        ("chat gpt-4o-mini", S_1, "session"),
        ("chat gpt-4o-mini", S_1, "session"),
        ("session", S_1, None),
        ("session", s_2, None),
        ("session", S_1, None),
    ]


def test_another_session_stays_in_what_the_application_has_around_both(
    client: OpenAI, recording: Recording
) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("request"), session("s-1", mode="nest"):
        chat(client, session_id="s-2")
    assert tree(recording)[0] == ("chat gpt-4o-mini", 1, "request")


def test_a_failed_block_says_what_class_of_error_left_it(client: OpenAI, recording: Recording) -> None:
    error = LookupError("what the user said")

    def fail() -> None:
        chat(client)
        raise error

    with pytest.raises(LookupError) as caught, session("s-1", mode="nest"):
        fail()
    assert caught.value is error
    block = recording.spans[-1]
    assert block["status"] == ("ERROR", "LookupError")
    assert block["attributes"]["error.type"] == "LookupError"
    assert block["events"] == []
    assert "what the user said" not in repr(recording.spans)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, SystemExit])
def test_a_block_that_is_interrupted_has_not_failed(recording: Recording, kind: type[BaseException]) -> None:
    with pytest.raises(kind), session("s-1", mode="nest"):
        raise kind
    assert recording.span["status"] == ("UNSET", None)


async def test_tasks_have_their_own_spans(async_client: AsyncOpenAI, recording: Recording) -> None:
    shared = session(**ACME, mode="nest")

    async def talk(name: str) -> None:
        async with session(name), shared:
            await chat(async_client)
            await asyncio.sleep(0)
            await chat(async_client)

    await asyncio.gather(*(talk(f"s-{number}") for number in range(5)))
    assert Counter(tree(recording)) == Counter(
        {
            entry: times
            for number in range(5)
            for trace_id in [trace_id_of(Identity(f"s-{number}", **ACME))]
            for entry, times in (
                (("chat gpt-4o-mini", trace_id, "session customer"), 2),
                (("session customer", trace_id, None), 1),
            )
        }
    )


def test_threads_that_share_an_object_have_their_own_spans(client: OpenAI, recording: Recording) -> None:
    shared = session("s-1", mode="nest")
    everyone_is_inside = threading.Barrier(4)

    def talk(_: int) -> None:
        with shared:
            everyone_is_inside.wait(10)
            chat(client)
            otel_context.attach(otel_context.set_value("not", "given back"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, range(4)))
    blocks = [span["span_id"] for span in recording.spans if span["name"] == "session"]
    parents = [span["parent_id"] for span in recording.spans if span["name"] != "session"]
    assert len(blocks) == 4
    assert sorted(blocks) == sorted(parents)


def test_a_generators_span_ends_with_it_and_takes_no_later_call(
    client: OpenAI, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    def talk() -> Iterator[None]:
        with session("s-1", mode="nest"):
            chat(client)
            yield
            chat(client)

    talking = talk()
    next(talking)
    chat(client)  # as any context that a generator enters, it is its caller's too
    with session("s-2", mode="nest"):
        assert list(talking) == []  # inside of another block, whose session its second call has
        chat(client)
    chat(client)
    s_2 = trace_id_of(Identity("s-2"))
    assert tree(recording) == [
        ("chat gpt-4o-mini", S_1, "session"),
        ("chat gpt-4o-mini", S_1, "session"),
        ("chat gpt-4o-mini", s_2, "session"),
        ("session", S_1, None),
        ("chat gpt-4o-mini", s_2, "session"),
        ("session", s_2, None),
        ("chat gpt-4o-mini", 1, None),
    ]
    assert caplog.messages == []


async def test_a_generator_that_is_closed_elsewhere_ends_its_span_quietly(
    async_client: AsyncOpenAI, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk() -> Any:
        async with session("s-1", mode="nest"):
            await chat(async_client)
            yield

    talking = talk()
    await asyncio.create_task(anext(talking))
    await asyncio.create_task(talking.aclose())
    assert tree(recording) == [("chat gpt-4o-mini", S_1, "session"), ("session", S_1, None)]
    assert recording.spans[-1]["status"] == ("UNSET", None)
    assert caplog.messages == []


def test_a_call_that_outlives_its_block_stays_in_it_and_a_later_one_does_not(
    client: OpenAI, recording: Recording
) -> None:
    with session("s-1", mode="nest"):
        stream = chat(client, stream=True)
        inside = otel_context.get_current()
    list(stream)
    token = otel_context.attach(inside)
    chat(client)
    otel_context.detach(token)
    assert tree(recording) == [
        ("session", S_1, None),
        ("chat gpt-4o-mini", S_1, "session"),
        ("chat gpt-4o-mini", S_1, None),
    ]


def test_where_nothing_is_recorded_a_block_has_no_span(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    with suppress_instrumentation(), session("s-1", mode="nest") as identity:
        assert identity == Identity("s-1")
        assert not trace.get_current_span().get_span_context().is_valid
    monkeypatch.setattr(patch, "_for_good", False)  # by a drop-in client of another test
    patch.remove()
    with session("s-1", mode="nest"):
        assert not trace.get_current_span().get_span_context().is_valid
    assert recording.spans == []


def test_a_provider_that_records_nothing_has_no_spans_of_blocks() -> None:
    recording = Recording()
    recording.tracer_provider = NoOpTracerProvider()  # type: ignore[assignment]
    with instrumented(recording), session("s-1", mode="nest"):
        assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_sampler_decides_for_the_whole_block(api: SimulatedOpenAI) -> None:
    recording = Recording(sampler=ParentBased(ALWAYS_OFF))
    with instrumented(recording), OpenAI(base_url=api.base_url, api_key=API_KEY) as client:
        with session("s-1", mode="nest"):
            chat(client)
        assert recording.spans == []
        assert recording.metrics()["gen_ai.client.operation.cost"][0][1][0] == 1


def test_drop_in_clients_have_spans_of_blocks_without_a_provider(
    api: SimulatedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording()
    monkeypatch.setattr(standalone, "provider", lambda: recording.tracer_provider)
    monkeypatch.setattr(patch, "_for_good", False)
    with InfraPrismOpenAI(base_url=api.base_url, api_key=API_KEY) as client, session("s-1", mode="nest"):
        chat(client)
    monkeypatch.setattr(patch, "_for_good", False)
    patch.remove()
    assert tree(recording) == [("chat gpt-4o-mini", S_1, "session"), ("session", S_1, None)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_leaves_the_span_to_its_parent_and_links_to_the_parents_turn(
    client: OpenAI, recording: Recording
) -> None:
    wire = Wire('{"choices": []}').client()
    with session("s-1", mode="link"):
        chat(wire)
    seen, tell = os.pipe()
    with session("s-1", mode="nest"):
        child = os.fork()
    if child == 0:
        with session("s-1", mode="link"):
            chat(wire)
        found = [(span["name"], len(span["links"])) for span in recording.spans]
        os.write(tell, repr(found).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(seen, 1000).decode() == repr([("chat gpt-4o-mini", 0), ("chat gpt-4o-mini", 1)])
    assert tree(recording) == [("chat gpt-4o-mini", 1, None), ("session", S_1, None)]


def test_a_failure_of_ours_does_not_touch_the_block(
    client: OpenAI, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("content of a prompt")

    monkeypatch.setattr("infraprism.sessions.nesting.next_trace_id", broken)
    with session("s-1", mode="nest") as identity:
        assert identity == Identity("s-1")
    monkeypatch.undo()
    assert (recording.spans, guard.dropped()) == ([], {"telemetry_error": 1})


def test_a_wrong_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mode must be 'join', 'nest' or 'link'$"):
        session("s-1", mode="nested")  # type: ignore[arg-type]


# Link


def links(recording: Recording) -> list[int | None]:
    """For each span, the place in the order of ends of the one it is linked to."""
    place = {span["span_id"]: number for number, span in enumerate(recording.spans)}
    found: list[int | None] = []
    for span in recording.spans:
        targets = [place[link.context.span_id] for link in span["links"]]
        for link in span["links"]:
            assert link.context.trace_id == recording.spans[place[link.context.span_id]]["trace_id"]
        assert len(targets) <= 1
        found.append(targets[0] if targets else None)
    return found


def test_calls_have_their_own_traces_and_are_linked_to_the_turn_before(
    client: OpenAI, recording: Recording, setting: Callable[..., None]
) -> None:
    setting(SESSION_MODE="link")
    for who in ({}, ACME, {}, ACME):
        chat(client, session_id="s-1", **who)
    embed(client, session_id="s-1")
    chat(client, session_id="s-1")
    chat(client)
    assert links(recording) == [None, None, 0, 1, 2, 2, None]
    assert [span["trace_id"] for span in recording.spans] == [1, 2, 3, 4, 5, 6, 7]
    assert {span["parent_id"] for span in recording.spans} == {None}


def test_a_call_inside_of_a_span_stays_there_and_is_a_turn_before(
    client: OpenAI, recording: Recording
) -> None:
    tracer = recording.tracer_provider.get_tracer("host")
    with session("s-1", mode="link"):
        chat(client)
        with tracer.start_as_current_span("request"):
            chat(client)
        chat(client)
    assert links(recording) == [None, None, None, 1]
    assert [span["trace_id"] for span in recording.spans] == [1, 2, 2, 3]


def test_turns_that_are_not_sampled_are_not_linked_to(
    api: SimulatedOpenAI, setting: Callable[..., None]
) -> None:
    setting(SESSION_MODE="link")
    recording = Recording(sampler=ParentBased(ALWAYS_OFF))
    with instrumented(recording), OpenAI(base_url=api.base_url, api_key=API_KEY) as client:
        chat(client, session_id="s-1")
    assert turns.before(Identity("s-1")) == []


def test_a_forgotten_turn_is_not_linked_to(
    client: OpenAI, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_last", Recent(2))
    with session(mode="link"):
        for number in (0, 1, 2, 3, 4, 0):
            chat(client, session_id=f"s-{number}")
    assert links(recording) == [None] * 6


# Join


def test_a_long_session_goes_on_in_another_trace(
    client: OpenAI, recording: Recording, setting: Callable[..., None]
) -> None:
    setting(TRACE_MAX_CALLS="2")
    for _ in range(3):
        chat(client, session_id="s-1")
    with session("s-1", mode="nest"):
        chat(client)  # the block is one, and this the other
    with session("s-1", mode="nest"):
        pass
    first, second, third = (trace_id_of(Identity("s-1"), Generation(0, size)) for size in range(3))
    assert [span["trace_id"] for span in recording.spans] == [first, first, second, second, second, third]


names = st.sampled_from(["a", "b", "ab"])
who = st.fixed_dictionaries(
    {"session_id": names},
    optional={"entity_type": names, "entity_id": names, "mode": st.sampled_from(["join", "nest", "link"])},
)


@pytest.fixture
def wire_client(recording: Recording) -> OpenAI:
    return Wire('{"choices": []}').client()


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(who, st.booleans(), st.booleans()), min_size=2, max_size=5))
def test_two_sessions_never_share_a_trace(
    wire_client: OpenAI, recording: Recording, steps: list[tuple[Any, bool, bool]]
) -> None:
    """Blocks in blocks, calls with arguments of their own in them, in every mode."""
    recording.exporter.clear()

    def go(remaining: list[tuple[Any, bool, bool]]) -> None:
        if not remaining:
            return
        (given, as_block, stays), *rest = remaining
        if as_block:
            with session(**given):
                chat(wire_client)
                if stays:
                    go(rest)
            if not stays:
                go(rest)
        else:
            chat(wire_client, **{name: value for name, value in given.items() if name != "mode"})
            go(rest)

    go(steps)
    whose: dict[int, set[Any]] = {}
    for span in recording.spans:
        known = span["attributes"]
        whose.setdefault(span["trace_id"], set()).add(
            tuple(
                known.get(name) for name in ("session.id", "infraprism.entity.type", "infraprism.entity.id")
            )
        )
    assert {len(sessions) for sessions in whose.values()} == {1}
