"""Calls held against budgets: what is asked for before, what is spent after, and who is refused."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider
from simulated_openai import SimulatedOpenAI

import infraprism
from infraprism import Budget, BudgetExceededError, InfraPrismInstrumentor, Overrun, guard, set_budgets
from infraprism.openai import budget as holding
from infraprism.sessions import Identity, keeper, trace_id_of
from tests.support.calls import SCOPE, Held, Recording, adrain, drain, instrumented, settle, sse
from tests.support.exchanges import CHAT, CHUNK, RESPONSE, USAGE
from tests.support.prices import priced_by
from tests.support.script import Answer, Script, body, events
from tests.support.sockets import Close, speaking
from tests.support.versions import chat_helpers, needs, realtime

DOCUMENT = (Path(__file__).parents[2] / "docs" / "budgets.md").read_text()
#: 8 tokens by the rule; 10 in the answer, and 5 out: $0.15 and $0.60 a million.
MESSAGES: Any = [{"role": "user", "content": "Hi"}]
WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme"}
ACME = Identity("conv-123", "customer", "acme")
ASKS = {"model": "gpt-4o-mini", "messages": MESSAGES, "max_tokens": 100, **WHO}
ASKED = Decimal("0.0000612")
COST = Decimal("0.0000045")


@pytest.fixture(autouse=True)
def _no_budgets() -> Iterator[None]:
    yield
    set_budgets()
    assert not keeper._open


def state() -> tuple[Any, Any]:
    """What the one account has spent and reserved."""
    [book] = keeper._books.values()
    [account] = book.accounts.values()
    return account.spent, account.reserved


def billed(recording: Recording) -> Decimal:
    """What the calls cost, by their spans."""
    amounts = (span["attributes"].get("infraprism.cost.amount", "0") for span in recording.spans)
    return sum(map(Decimal, amounts), Decimal(0))


def chat(client: Any, **arguments: Any) -> Any:
    return client.chat.completions.create(**{**ASKS, **arguments})


class Looking(Script):
    """Keeps what is spent and reserved as each request comes."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers)
        self.seen: list[tuple[Any, Any]] = []

    def __call__(self, request: Any) -> Any:
        self.seen.append(state())
        return super().__call__(request)


class Word(openai.BaseModel):
    word: str


RESPONDS: Any = {"model": "gpt-4o-mini", "input": "Hi", **WHO}
CALLS: dict[str, Callable[[Any], Any]] = {
    "chat": chat,
    "stream": lambda client: chat(client, stream=True),
    "parse": lambda client: chat_helpers(client).parse(response_format=Word, **ASKS),
    "stream helper": lambda client: chat_helpers(client).stream(**ASKS),
    "raw": lambda client: client.chat.completions.with_raw_response.create(**ASKS),
    "streamed raw": lambda client: client.chat.completions.with_streaming_response.create(**ASKS),
    "response": lambda client: client.responses.create(**RESPONDS),
    "response stream": lambda client: client.responses.create(stream=True, **RESPONDS),
    "response helper": lambda client: client.responses.stream(**RESPONDS),
    "embeddings": lambda client: client.embeddings.create(model="text-embedding-3-small", input="Hi", **WHO),
    "speech": lambda client: client.audio.speech.create(model="tts-1", voice="alloy", input="Hi", **WHO),
    "images": lambda client: client.images.generate(model="gpt-image-1", prompt="Hi", **WHO),
}
each = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


# Refused


@each
def test_a_refused_call_is_never_sent(recording: Recording, call: Callable[[Any], Any]) -> None:
    set_budgets(Budget(0, action="raise"))
    server = Script(body(CHAT))
    with pytest.raises(BudgetExceededError):
        drain(call(server.client()))
    assert server.requests == []
    assert recording.attributes["error.type"] == "BudgetExceededError"
    assert guard.dropped() == {"budget_refused": 1}


@each
async def test_a_refused_call_of_the_async_client_is_never_sent(
    recording: Recording, call: Callable[[Any], Any]
) -> None:
    set_budgets(Budget(0, action="raise"))
    server = Script(body(CHAT))
    awaitable = call(server.async_client())  # raises as it is awaited, or entered
    with pytest.raises(BudgetExceededError):
        await adrain(awaitable)
    assert server.requests == []
    assert recording.attributes["error.type"] == "BudgetExceededError"
    assert guard.dropped() == {"budget_refused": 1}


def test_a_refused_call_is_a_failed_span_and_no_turn(recording: Recording) -> None:
    budget = Budget("0.00005", action="raise")
    set_budgets(budget)
    client = Script(body(CHAT)).client()
    chat(client, max_tokens=10)
    with pytest.raises(BudgetExceededError) as raised:
        chat(client)
    assert raised.value.args == (Overrun(budget, ACME, COST, Decimal(0), ASKED),)
    assert str(raised.value) == (
        "budget of $0.00005 per session: $0.0000045 spent, $0 reserved, $0.0000612 asked for"
    )
    refused = recording.spans[1]
    assert refused == {
        "name": "chat gpt-4o-mini",
        "kind": "CLIENT",
        "trace_id": trace_id_of(ACME),
        "span_id": 2,
        "parent_id": None,
        "scope": SCOPE,
        "status": ("ERROR", "BudgetExceededError"),
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.request.max_tokens": 100,
            "openai.api.type": "chat_completions",
            "server.address": "api.openai.com",
            "server.port": 443,
            "session.id": "conv-123",
            "gen_ai.conversation.id": "conv-123",
            "infraprism.entity.type": "customer",
            "infraprism.entity.id": "acme",
            "error.type": "BudgetExceededError",
        },
        "events": [],
        "links": [],
    }
    chat(client, max_tokens=10)
    assert recording.spans[-1]["attributes"]["infraprism.session.turns"] == 2
    assert state() == (2 * COST, 0)


def test_the_context_is_given_back_after_a_refusal(recording: Recording) -> None:
    set_budgets(Budget(0, action="raise"))
    with recording.tracer_provider.get_tracer("app").start_as_current_span("around") as span:
        with pytest.raises(BudgetExceededError):
            chat(Script().client())
        assert trace.get_current_span() is span


def test_a_function_that_refuses_gives_the_caller_its_own_error(recording: Recording) -> None:
    class TooDearError(BudgetExceededError):
        pass

    def refuse(overrun: Overrun) -> None:
        raise TooDearError(overrun)

    set_budgets(Budget(0, action=refuse))
    server = Script(body(CHAT))
    with pytest.raises(TooDearError):
        chat(server.client())
    assert server.requests == []
    assert state() == (0, 0)


def test_a_function_that_is_interrupted_interrupts_the_call(recording: Recording) -> None:
    def interrupt(overrun: Overrun) -> None:
        raise KeyboardInterrupt

    set_budgets(Budget(0, action=interrupt))
    with pytest.raises(KeyboardInterrupt):
        chat(Script().client())
    assert state() == (0, 0)


def test_what_costs_nothing_is_never_refused(recording: Recording) -> None:
    set_budgets(Budget(0, action="raise"))
    Script(body({"id": "m", "model": "m", "results": []})).client().moderations.create(input="Hi", **WHO)
    assert guard.dropped() == {}


# Reserved, and settled


ENDINGS: dict[str, tuple[Answer, Any]] = {
    "answered": (body(CHAT), {}),
    "refused": (body({}, status=400), {}),
    "no usage": (body({**CHAT, "usage": None}), {}),
    "no JSON": (body("<html>", content_type="text/html"), {}),
    "broken": (events(CHUNK)._replace(breaks=ConnectionError("gone")), {"stream": True}),
    "a stream": (events(CHUNK, {**CHUNK, "choices": [], "usage": USAGE}, "[DONE]"), {"stream": True}),
    "a stream without usage": (events(CHUNK, "[DONE]"), {"stream": True}),
}


@pytest.mark.parametrize(("answer", "arguments"), ENDINGS.values(), ids=ENDINGS.keys())
def test_a_call_is_reserved_and_then_spent_at_what_it_cost(
    recording: Recording, answer: Answer, arguments: Any
) -> None:
    set_budgets(Budget(1, action="raise"))
    server = Looking(answer)
    try:
        drain(chat(server.client(), **arguments))
    except (openai.OpenAIError, ConnectionError):
        assert answer.status == 400 or answer.breaks is not None
    assert server.seen == [(0, ASKED)]
    assert state() == (billed(recording), 0)
    assert not keeper._open


def test_retries_are_one_reservation(recording: Recording) -> None:
    set_budgets(Budget(1, action="raise"))
    busy = body({}, status=429, headers={"retry-after-ms": "1"})
    server = Looking(busy, busy, body(CHAT))
    chat(server.client(max_retries=2))
    assert server.seen == [(0, ASKED)] * 3
    assert state() == (COST, 0)


def test_a_request_that_is_sent_again_without_asking_for_usage_is_one_reservation(
    recording: Recording,
) -> None:
    set_budgets(Budget(1, action="raise"))
    server = Looking(body({"error": {"message": "stream_options?"}}, status=400), events(CHUNK, "[DONE]"))
    drain(chat(server.client(base_url="http://own:1/v1"), stream=True))
    # Nobody knows the price of an unknown server's model by its host, but by its name.
    assert server.seen == [(0, ASKED)] * 2
    assert state() == (billed(recording), 0)


def test_a_stream_is_reserved_while_it_is_open(recording: Recording) -> None:
    set_budgets(Budget(1, action="raise"))
    stream = chat(Script(events(CHUNK, CHUNK, "[DONE]")).client(), stream=True)
    next(stream)
    assert state() == (0, ASKED)
    stream.close()
    assert state() == (billed(recording), 0)
    stream = chat(Script(events(CHUNK, CHUNK, "[DONE]")).client(), stream=True)
    next(stream)
    del stream
    gc.collect()
    assert state() == (billed(recording), 0)
    assert len(recording.spans) == 2


@pytest.mark.parametrize("arguments", [{}, {"stream": True}])
async def test_a_cancelled_call_leaves_nothing_reserved(recording: Recording, arguments: Any) -> None:
    set_budgets(Budget(1, action="raise"))
    held = Held(sse(CHUNK) if arguments else None)

    async def read() -> None:
        await adrain(chat(held.client(), **arguments))

    task = asyncio.create_task(read())
    await held.waiting.wait()
    assert state() == (0, ASKED)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state() == (billed(recording), 0)


async def test_a_call_that_is_never_made_reserves_nothing(recording: Recording) -> None:
    set_budgets(Budget(1, action="raise"))
    client = Script(body(CHAT)).async_client()
    chat(client).close()  # not awaited
    with pytest.raises(ValueError, match="session_id"):
        await chat(client, session_id="")
    with pytest.raises(TypeError):
        await client.chat.completions.create(**WHO)
    assert [set(book.accounts) for book in keeper._books.values()] == [{ACME.session}]
    assert state() == (0, 0)


def test_a_call_is_counted_by_the_budgets_in_force_when_it_ends(recording: Recording) -> None:
    stream = chat(Script(events(CHUNK, "[DONE]")).client(), stream=True)
    set_budgets(Budget(1))
    drain(stream)
    assert state() == (billed(recording), 0)


def test_a_call_in_another_instrumentations_span_counts_once(recording: Recording) -> None:
    set_budgets(Budget(1))
    theirs = {"gen_ai.operation.name": "chat", "gen_ai.usage.cost": 1.0, "session.id": "conv-123"}
    tracer = recording.tracer_provider.get_tracer("other")
    with tracer.start_as_current_span("chat gpt-4o-mini", attributes=theirs):
        chat(Script(body(CHAT)).client())
    assert state() == (COST, 0)


@needs("responses.create", "background")
def test_a_response_in_the_background_is_spent_when_it_is_fetched(recording: Recording) -> None:
    set_budgets(Budget(1, action="raise"))
    queued = {**RESPONSE, "status": "queued", "background": True, "usage": None}
    server = Looking(body(queued), body({**RESPONSE, "background": True}))
    client = server.client()
    client.responses.create(background=True, max_output_tokens=100, **RESPONDS)
    assert state() == (0, 0)
    client.responses.retrieve("resp_1")
    assert server.seen == [(0, ASKED), (0, 0)]
    assert state() == (billed(recording), 0) == (COST, 0)


def test_a_request_of_a_batch_is_spent_when_it_is_downloaded(recording: Recording) -> None:
    set_budgets(Budget(1, action="raise"))
    response = {"status_code": 200, "request_id": "req_1", "body": {**CHAT, "created": 1_795_176_060}}
    line = {"id": "batch_req_1", "custom_id": "1", "response": response, "error": None}
    Script(body(json.dumps(line) + "\n")).client().files.content("file-1", **WHO).read()
    settle()
    assert state() == (billed(recording), 0) == (COST / 2, 0)


def test_a_realtime_response_is_spent_when_it_is_done(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    set_budgets(Budget(0), Budget(0, "entity", action="raise"))
    model = {
        "type": "session.created",
        "event_id": "e",
        "session": {"type": "realtime", "model": "gpt-realtime"},
    }
    usage = {"total_tokens": 50, "input_tokens": 12, "output_tokens": 38}
    done = {"id": "resp_1", "object": "realtime.response", "status": "completed", "usage": usage}
    with speaking(model, {"type": "response.done", "event_id": "f", "response": done}, Close()) as speaker:
        connect = realtime(speaker.client()).connect(model="gpt-realtime", **WHO)
        with connect as connection:
            list(connection)
    # 12 tokens at $4 and 38 at $16 a million; nothing was refused.
    assert {
        (*key, account.spent) for book in keeper._books.values() for key, account in book.accounts.items()
    } == {
        ("customer", "acme", "conv-123", Decimal("0.000656")),
        ("customer", "acme", Decimal("0.000656")),
    }
    assert caplog.messages == [
        "infraprism: budget of $0 per session: $0.000656 spent, $0 reserved, $0 asked for; "
        "by 'customer/acme/conv-123'"
    ]


# What a call is estimated at


def asked(call: Callable[[Any], Any]) -> Decimal | None:
    """What the one call asks for."""
    seen: list[Overrun] = []

    def refuse(overrun: Overrun) -> None:
        seen.append(overrun)
        raise BudgetExceededError(overrun)

    set_budgets(Budget(0, action=refuse))
    with pytest.raises(BudgetExceededError):
        drain(call(Script().client()))
    [overrun] = seen
    return overrun.asked


HI = 8 * Decimal("0.00000015")
ESTIMATES: dict[str, tuple[Any, Decimal | None]] = {
    "a limit": ({"max_tokens": 100}, HI + 100 * Decimal("0.0000006")),
    "the newer limit": ({"max_completion_tokens": 50, "max_tokens": 100}, HI + 50 * Decimal("0.0000006")),
    "no limit": ({"max_tokens": openai.NOT_GIVEN}, HI + 4096 * Decimal("0.0000006")),
    "choices": ({"max_tokens": 100, "n": 3}, HI + 300 * Decimal("0.0000006")),
    "nonsense": ({"max_tokens": -1, "n": "many"}, HI + 4096 * Decimal("0.0000006")),
    "more than there is": ({"max_tokens": 10**70, "n": 10**70}, HI + 4096 * Decimal("0.0000006")),
    "an iterator": ({"messages": iter(MESSAGES), "max_tokens": 100}, 100 * Decimal("0.0000006")),
    "a tier": (
        {"model": "gpt-5", "service_tier": "flex", "max_completion_tokens": 100},
        8 * Decimal("0.000000625") + 100 * Decimal("0.000005"),
    ),
    "no price": ({"model": "our-own"}, None),
    "no price of the tier": ({"model": "gpt-5", "service_tier": "scale"}, None),
}


@pytest.mark.parametrize(("arguments", "expected"), ESTIMATES.values(), ids=ESTIMATES.keys())
def test_a_chat_is_estimated(recording: Recording, arguments: Any, expected: Decimal | None) -> None:
    arguments = {"max_tokens": openai.NOT_GIVEN, **arguments}
    assert asked(lambda client: chat(client, **arguments)) == expected


OTHERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a response": (lambda c: c.responses.create(max_output_tokens=100, **RESPONDS), "0.0000612"),
    "a text": (
        lambda c: c.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi", **WHO),
        "0.000044",  # 8 tokens at $1.50 and 16 at $2 a million
    ),
    "embeddings": (CALLS["embeddings"], "0.00000016"),  # 8 tokens at $0.02
    "speech": (CALLS["speech"], "0.00003"),  # 2 characters at $15
    "an image": (CALLS["images"], "0.00004"),  # the prompt alone: 8 tokens at $5
}


@pytest.mark.parametrize(("call", "expected"), OTHERS.values(), ids=OTHERS.keys())
def test_other_calls_are_estimated(recording: Recording, call: Callable[[Any], Any], expected: str) -> None:
    assert asked(call) == Decimal(expected)


@needs("videos.create")
def test_what_a_video_costs_nobody_knows(recording: Recording) -> None:
    assert asked(lambda client: client.videos.create(model="sora-2", prompt="Hi", **WHO)) is None


def test_an_entitys_own_prices_are_asked_for(recording: Recording) -> None:
    own = """
[[adjustments]]
entity_type = "customer"
entity_id = "acme"
percent = "-50"
"""
    with priced_by(own):
        assert asked(chat) == ASKED / 2


# Many at once


TOLD: Any = {"messages": [{"role": "user", "content": "Give me an example."}], "max_tokens": 16}


def outcome(error: BaseException | None) -> str:
    return "made" if error is None else type(error).__name__


def check(recording: Recording, api: SimulatedOpenAI, outcomes: Counter[str], limit: Decimal) -> None:
    spent, reserved = state()
    assert set(outcomes) == {"made", "BudgetExceededError"}, "the limit lies in the midst of the calls"
    assert outcomes.total() == 50
    assert spent == billed(recording) <= limit
    assert reserved == 0
    assert len(api.bill()) == outcomes["made"]
    assert guard.dropped() == {"budget_refused": outcomes["BudgetExceededError"]}


#: About twenty calls of the fifty.
LIMIT = Decimal("0.0003")


def test_fifty_threads_do_not_overrun(api: SimulatedOpenAI, client: OpenAI, recording: Recording) -> None:
    set_budgets(Budget(LIMIT, action="raise"))
    outcomes: Counter[str] = Counter()
    barrier = threading.Barrier(50)

    def call() -> None:
        barrier.wait(60)
        try:
            drain(chat(client, stream=len(threading.current_thread().name) % 2 == 0, **TOLD))
        except BudgetExceededError as error:
            outcomes[outcome(error)] += 1
        else:
            outcomes["made"] += 1

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    check(recording, api, outcomes, LIMIT)


async def test_fifty_tasks_do_not_overrun(
    api: SimulatedOpenAI, async_client: AsyncOpenAI, recording: Recording
) -> None:
    set_budgets(Budget(LIMIT, action="raise"))
    calls = [adrain(chat(async_client, stream=bool(number % 2), **TOLD)) for number in range(50)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    errors = [result if isinstance(result, BaseException) else None for result in results]
    check(recording, api, Counter(map(outcome, errors)), LIMIT)


# Out of order


def test_without_a_tracer_provider_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    set_budgets(Budget(0, action="raise"))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(guard, "_dropped", Counter())
    instrumentor = InfraPrismInstrumentor()
    instrumentor.instrument()
    try:
        assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
        chat(Script(body(CHAT)).client())
    finally:
        instrumentor.uninstrument()
    assert guard.dropped() == {"budget_unchecked": 1}


def test_a_fault_of_ours_lets_the_call_go_on(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    set_budgets(Budget(0, action="raise"))
    monkeypatch.setattr(keeper, "reserve", None)
    monkeypatch.setattr(keeper, "settle", None)
    assert chat(Script(body(CHAT)).client()).id == "chatcmpl-1"
    assert guard.dropped() == {"budget_unchecked": 1, "telemetry_error": 1}
    assert recording.attributes["infraprism.cost.amount"] == "0.0000045"


def test_what_cannot_be_estimated_is_held_all_the_same(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budgets(Budget(0, action="raise"))
    monkeypatch.setattr(holding, "cost_of", None)
    with pytest.raises(BudgetExceededError):
        chat(Script(body(CHAT)).client())
    assert guard.dropped() == {"telemetry_error": 1, "budget_refused": 1}


def test_a_call_that_cannot_begin_leaves_nothing_reserved(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_budgets(Budget(1, action="raise"))
    monkeypatch.setattr("infraprism.openai.engine.Call", None)
    assert chat(Script(body(CHAT)).client()).id == "chatcmpl-1"
    assert state() == (0, 0)
    assert guard.dropped() == {"telemetry_error": 1}


def test_without_budgets_nothing_is_estimated(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hold", "settle", "unrecorded"):
        monkeypatch.setattr(holding, name, None)
    chat(Script(body(CHAT)).client())
    assert guard.dropped() == {}
    assert recording.attributes["infraprism.cost.amount"] == "0.0000045"


def test_the_documented_program_runs(
    api: SimulatedOpenAI,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    [program] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(program, {})
    assert [account.spent for book in keeper._books.values() for account in book.accounts.values()] == [
        billed(recording)
    ] * 3
    exec(program.replace("0.50", "0"), {})
    assert capsys.readouterr().out == f"That was enough: {billed(recording)} of 0 USD spent.\n"


def test_the_drop_in_client_is_held_too() -> None:
    set_budgets(Budget(0, action="raise"))
    with instrumented() as recording, pytest.raises(BudgetExceededError):
        chat(Script().client(infraprism.InfraPrismOpenAI))
    assert recording.attributes["error.type"] == "BudgetExceededError"
