"""Budgets that processes share: the collector is asked, and while it is away each goes on alone."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from simulated_openai import SimulatedOpenAI

from infraprism import Budget, BudgetExceededError, guard, set_budgets
from infraprism.collector.budgets import api as routes
from infraprism.sessions import keeper
from infraprism.sessions.budgets import line, sharing
from infraprism.sessions.budgets.line import Line
from tests.support.calls import Recording
from tests.support.exchanges import CHAT, CHUNK
from tests.support.processes import Process
from tests.support.script import Script, body, events
from tests.support.shared import Collector, clean_environ, collecting

WHO: Any = {"session_id": "conv-123", "entity_type": "customer", "entity_id": "acme"}
ASKS: Any = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 100,
    **WHO,
}
#: As in `test_budgets.py`.
ASKED = Decimal("0.0000612")
COST = Decimal("0.0000045")


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with collecting(tmp_path_factory.mktemp("shared") / "x.duckdb") as collector:
        yield collector


@pytest.fixture(autouse=True)
def _no_budgets() -> Iterator[None]:
    yield
    set_budgets()
    assert not keeper._open


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Line]:
    """Has a collector asked."""

    def use(url: str) -> Line:
        monkeypatch.setattr(sharing, "_line", Line(url, None))
        monkeypatch.setattr(line, "TIMEOUT", 5.0)  # the machine may be slow
        return sharing._connected()

    return use


@pytest.fixture
def defined(collector: Collector) -> Iterator[Callable[..., str]]:
    """Defines budgets of the collector's own for a while; gives their ids."""
    made: list[str] = []

    def define(**budget: Any) -> str:
        made.append(collector.ask("POST", routes.BUDGETS, {"name": "own", **budget})[1]["id"])
        return made[-1]

    yield define
    for budget_id in made:
        collector.ask("DELETE", f"{routes.BUDGETS}/{budget_id}")


def sums(collector: Collector, budget_id: str) -> list[tuple[Any, Any]]:
    state = collector.ask("GET", f"{routes.BUDGETS}/{budget_id}/state")[1]["data"]
    return [(row["spent"], row["reserved"]) for row in state]


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def chat(client: Any, **arguments: Any) -> Any:
    return client.chat.completions.create(**{**ASKS, **arguments})


def test_what_is_reserved_and_spent_is_known_to_all(
    recording: Recording, collector: Collector, defined: Callable[..., str], asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    own = defined(amount=1, per="session", value="conv-shared")
    set_budgets(Budget(1, shared=True))

    class Looking(Script):
        def __call__(self, request: Any) -> Any:
            seen.append(sums(collector, own))
            return super().__call__(request)

    seen: list[Any] = []
    chat(Looking(body(CHAT)).client(), session_id="conv-shared")
    assert seen == [[(0, ASKED)]]
    assert until(lambda: sums(collector, own) == [(COST, 0)])
    assert guard.dropped() == {}


def test_what_another_process_has_reserved_is_taken(
    recording: Recording, collector: Collector, asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    who = {"session_id": "conv-other", "entity_type": "customer", "entity_id": "acme"}
    collector.ask("POST", routes.RESERVATIONS, {"id": os.urandom(16).hex(), "amount": "0.0009", **who})
    budget = Budget("0.00095", action="raise", shared=True)
    set_budgets(budget)
    server = Script(body(CHAT))
    with pytest.raises(BudgetExceededError) as raised:
        chat(server.client(), session_id="conv-other")
    assert server.requests == []
    error = raised.value
    assert (error.budget, error.spent, error.reserved, error.asked) == (budget, 0, Decimal("0.0009"), ASKED)
    assert guard.dropped() == {"budget_refused": 1}
    chat(server.client(), session_id="conv-other", max_tokens=10)


async def test_the_async_client_is_refused_too(
    recording: Recording, collector: Collector, asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    set_budgets(Budget("0.00005", action="raise", shared=True))
    server = Script(body(CHAT))
    with pytest.raises(BudgetExceededError):
        await chat(server.async_client(), session_id="conv-async")
    assert server.requests == []
    assert recording.attributes["error.type"] == "BudgetExceededError"


def test_a_budget_of_the_collectors_own_refuses(
    recording: Recording, collector: Collector, defined: Callable[..., str], asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    defined(amount="0.00001", per="entity", action="raise", period="week", entity_type="robot")
    set_budgets(Budget(1, shared=True))
    with pytest.raises(BudgetExceededError) as raised:
        chat(Script(body(CHAT)).client(), entity_type="robot")
    assert raised.value.budget == Budget(
        "0.00001", per="entity", period="week", action="raise", entity_type="robot", shared=True
    )


def test_a_function_is_told_and_what_it_refuses_is_released(
    recording: Recording, collector: Collector, defined: Callable[..., str], asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    own = defined(amount=1, per="session", value="conv-told")

    def refuse(overrun: Any) -> None:
        told.append(overrun)
        raise BudgetExceededError(overrun)

    told: list[Any] = []
    set_budgets(Budget("0.00005", action=refuse, shared=True))
    with pytest.raises(BudgetExceededError):
        chat(Script(body(CHAT)).client(), session_id="conv-told")
    assert [(overrun.spent, overrun.reserved, overrun.asked) for overrun in told] == [(0, 0, ASKED)]
    assert until(lambda: sums(collector, own) == [])


def test_a_request_that_the_api_refused_is_released(
    recording: Recording, collector: Collector, defined: Callable[..., str], asking: Callable[[str], Line]
) -> None:
    asking(collector.url)
    own = defined(amount=1, per="session", value="conv-refused")
    set_budgets(Budget(1, shared=True))
    with pytest.raises(Exception, match="no"):
        chat(Script(body({"error": {"message": "no"}}, status=400)).client(), session_id="conv-refused")
    assert until(lambda: sums(collector, own) == [])


def test_calls_that_no_shared_budget_counts_are_not_asked_about(
    recording: Recording, asking: Callable[[str], Line]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        asking(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        set_budgets(Budget(1), Budget(1, per="entity", entity_type="team", shared=True))
        chat(Script(body(CHAT)).client())
        nobody.setblocking(False)
        with pytest.raises(BlockingIOError):
            nobody.accept()


def test_a_call_that_was_refused_already_is_not_asked_about(
    recording: Recording, asking: Callable[[str], Line]
) -> None:
    def refuse(overrun: Any) -> None:
        raise BudgetExceededError(overrun)

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        asking(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        set_budgets(Budget("0.00005", action=refuse), Budget(1, per="entity", shared=True))
        with pytest.raises(BudgetExceededError):
            chat(Script(body(CHAT)).client())
        nobody.setblocking(False)
        with pytest.raises(BlockingIOError):
            nobody.accept()
    assert guard.dropped() == {"budget_refused": 1}


def test_a_dead_collector_costs_one_wait_and_each_goes_on_alone(
    recording: Recording, asking: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asking(f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(line, "TIMEOUT", 0.5)
        set_budgets(Budget(str(COST * 20 + ASKED), action="raise", shared=True))
        client = Script(body(CHAT)).client()
        began = time.monotonic()
        for _ in range(21):
            chat(client)
        took = time.monotonic() - began
        with pytest.raises(BudgetExceededError) as raised:
            chat(client)
    assert 0.5 <= took < 5
    assert (raised.value.spent, raised.value.reserved) == (COST * 21, 0)
    assert until(lambda: "budget_unsettled" in guard.dropped())
    dropped = guard.dropped()
    assert dropped.pop("budget_unsettled") == 1  # of the call that was asked about
    assert dropped == {"budget_unshared": 22, "budget_refused": 1}


def test_the_collector_is_asked_again_after_a_while(
    recording: Recording, collector: Collector, asking: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_PAUSE", 0.2)
    connected = asking("http://127.0.0.1:1")  # where nobody listens
    set_budgets(Budget(1, shared=True))
    client = Script(body(CHAT)).client()
    chat(client)
    chat(client)
    assert guard.dropped()["budget_unshared"] == 2
    host, port = collector.url.removeprefix("http://").split(":")
    connected._address = (host, int(port))
    time.sleep(0.5)
    chat(client)
    chat(client)
    assert guard.dropped()["budget_unshared"] == 2


@pytest.mark.parametrize(("key", "dropped"), [("ip-right", {}), ("ip-wrong", {"budget_unshared": 2})])
def test_the_key_is_sent_and_a_wrong_one_is_as_no_collector(
    recording: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    dropped: dict[str, int],
) -> None:
    with collecting(tmp_path / "x.duckdb", INFRAPRISM_API_KEY="ip-right") as collector:
        connected = Line(collector.url, key)
        monkeypatch.setattr(sharing, "_line", connected)
        monkeypatch.setattr(line, "TIMEOUT", 5.0)
        set_budgets(Budget(1, shared=True))
        client = Script(body(CHAT)).client()
        chat(client)
        chat(client)
        connected._reporting.shutdown()  # all is told
    assert {name: count for name, count in guard.dropped().items() if name != "budget_unsettled"} == dropped
    assert ("budget_unsettled" in guard.dropped()) == bool(dropped)


async def test_the_event_loop_goes_on_while_the_collector_is_asked(
    recording: Recording, asking: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asking(f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(line, "TIMEOUT", 1.0)
        set_budgets(Budget(1, shared=True))
        task = asyncio.create_task(chat(Script(body(CHAT)).async_client()))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.01)
            turns += 1
        await task
    assert turns > 20


async def test_a_call_that_is_cancelled_while_it_is_asked_about_was_not_made(
    recording: Recording, asking: Callable[[str], Line]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asking(f"http://127.0.0.1:{silent.getsockname()[1]}")
        set_budgets(Budget(1, shared=True))
        server = Script(body(CHAT))
        task = asyncio.create_task(chat(server.async_client()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert server.requests == []
    assert "infraprism.cost.status" not in recording.attributes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_asks_for_itself_and_settles_nothing_of_its_parents(
    recording: Recording, collector: Collector, defined: Callable[..., str], asking: Callable[[str], Line]
) -> None:
    before = asking(collector.url)
    own = defined(amount=1, per="session", value="conv-forked")
    set_budgets(Budget(1, shared=True))
    chat(Script(body(CHAT)).client(), session_id="conv-forked")  # its threads and connections are there
    parents = chat(Script(events(CHUNK)).client(), session_id="conv-forked", stream=True)
    child = os.fork()
    if not child:
        code = 1
        try:
            made = sharing._line is None
            asking(collector.url)
            chat(Script(body(CHAT)).client(), session_id="conv-forked")
            parents.close()
            sharing._connected()._reporting.shutdown()
            code = 0 if made else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert sharing._line is before
    assert until(lambda: sums(collector, own) == [(COST * 2, ASKED)])
    parents.close()
    assert until(lambda: [reserved for _, reserved in sums(collector, own)] == [0])


#: Calls of one customer at once, until none fits any more; prints how many were made.
PROGRAM = """
import asyncio, sys, threading
import infraprism
from infraprism import Budget, BudgetExceededError, guard
from infraprism.sessions.budgets import line
from openai import AsyncOpenAI, OpenAI

line.TIMEOUT = 20.0
infraprism.set_budgets(Budget(sys.argv[1], per="entity", action="raise", shared=True))
who = dict(model="gpt-4o-mini", max_tokens=100, entity_type="customer", entity_id="acme")
messages = [{"role": "user", "content": "Hi"}]
made = []

def in_a_thread(number):
    client = OpenAI(max_retries=0)
    while True:
        try:
            client.chat.completions.create(messages=messages, session_id=f"s-{number}", **who)
            made.append(1)
        except BudgetExceededError:
            return

async def tasks():
    async with AsyncOpenAI(max_retries=0) as client:
        async def one(number):
            while True:
                try:
                    await client.chat.completions.create(messages=messages, session_id=f"t-{number}", **who)
                    made.append(1)
                except BudgetExceededError:
                    return
        await asyncio.gather(*(one(number) for number in range(13)))

threads = [threading.Thread(target=in_a_thread, args=(number,)) for number in range(12)]
for thread in threads:
    thread.start()
asyncio.run(tasks())
for thread in threads:
    thread.join()
print("MADE", len(made), guard.dropped())
"""


def test_fifty_calls_at_once_in_two_processes_do_not_overrun(api: SimulatedOpenAI, tmp_path: Path) -> None:
    api.reset()
    usd = Decimal("0.004")
    with collecting(tmp_path / "x.duckdb") as collector:
        environ = clean_environ(
            OPENAI_BASE_URL=api.base_url,
            OPENAI_API_KEY="none",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_METRICS_EXPORTER="none",
            INFRAPRISM_COLLECTOR=collector.url,
        )
        launcher = str(Path(sys.executable).with_name("opentelemetry-instrument"))
        command = [launcher, sys.executable, "-c", PROGRAM, str(usd)]
        children = [Process(command, environ) for _ in range(2)]
        for child in children:
            assert child.wait(180) == 0, child.output
        budget = collector.ask("POST", routes.BUDGETS, {"name": "all", "amount": 1, "per": "entity"})[1]
        [row] = collector.ask("GET", f"{routes.BUDGETS}/{budget['id']}/state")[1]["data"]
        sessions = collector.ask("GET", "/v1/analytics/sessions?limit=1000")[1]["data"]
    total = sum((session["total_cost"] for session in sessions), Decimal(0))
    made = [int(child.wait_for_line(r"MADE (\d+) {'budget_refused': 25}$")[1]) for child in children]
    assert len(api.bill()) == sum(made)
    assert min(made) > 0
    assert row["spent"] == total
    assert row["reserved"] == 0
    assert total <= usd
