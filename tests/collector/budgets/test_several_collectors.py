"""Budgets that several collectors hold, which share a database and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from infraprism.collector.budgets.definitions import Budget, Spender
from infraprism.collector.budgets.reserving import Answer, Ask, Desk
from infraprism.collector.store import budgets, spending
from infraprism.collector.store.budgets import Settlement
from infraprism.collector.store.interface import Store
from infraprism.collector.store.opening import open_store
from tests.support.clickhouse import Server

ACME = Spender(None, "customer", "acme", {})
BUDGET = Budget(amount=Decimal("0.1"), per="entity", action="raise")


@pytest.fixture
def pair(clickhouse: Server) -> Iterator[list[Store]]:
    address = clickhouse.address()
    stores: list[Store] = [open_store(address), open_store(address)]
    yield stores
    for store in stores:
        store.close()


def ask(amount: str, reservation_id: str | None = None) -> Ask:
    return Ask(reservation_id or uuid.uuid4().hex, ACME, Decimal(amount), (BUDGET,))


def reserved(store: Store) -> Decimal:
    account = BUDGET.account(ACME, time.time_ns())
    assert account is not None
    with store.reader() as connection:
        return spending.used(connection, [account], time.time_ns())[account].reserved


def test_what_one_holds_the_other_sees_at_once(pair: list[Store]) -> None:
    first, second = (Desk(store) for store in pair)

    async def run() -> list[bool]:
        held = ask("0.06")
        answers = [await first.reserve(held), await second.reserve(ask("0.05"))]
        await second.settle(Settlement(held.id, time.time_ns()))
        answers.append(await first.reserve(ask("0.1")))
        return [answer.is_allowed for answer in answers]

    assert asyncio.run(run()) == [True, False, True]


def test_many_at_once_never_overrun_a_budget(pair: list[Store]) -> None:
    answers: list[Answer] = []
    begin = threading.Barrier(len(pair))

    async def run(store: Store) -> None:
        desk = Desk(store)
        answers.extend(await asyncio.gather(*(desk.reserve(ask("0.01")) for _ in range(30))))

    def work(store: Store) -> None:
        begin.wait()
        asyncio.run(run(store))

    threads = [threading.Thread(target=work, args=(store,)) for store in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = sum(answer.is_allowed for answer in answers) * Decimal("0.01")
    assert len(answers) == 60
    assert held <= BUDGET.amount
    assert [reserved(store) for store in pair] == [held, held]


def test_a_reservation_and_its_end_that_are_told_to_both_count_once(pair: list[Store]) -> None:
    reservation_id = uuid.uuid4().hex
    desks = [Desk(store) for store in pair]
    ends = [Settlement(reservation_id, 5 + number, "1" * 32, "1" * 16, Decimal(number)) for number in (1, 2)]

    async def run() -> None:
        # Both at the same time, so that neither sees what the other is about to store.
        await asyncio.gather(*(desk.reserve(ask("0.01", reservation_id)) for desk in desks))
        await asyncio.gather(*(desk.settle(end) for desk, end in zip(desks, reversed(ends), strict=True)))

    asyncio.run(run())

    with pair[0].reader() as connection:
        found = connection.execute("SELECT id FROM reservations").fetchall()
        assert found == [(reservation_id,)]
        assert connection.execute(
            "SELECT reservation_id, count(*) FROM settlements GROUP BY 1"
        ).fetchall() == [(reservation_id, 1)]


def test_a_budget_that_is_changed_back_and_forth_is_there_each_time(pair: list[Store]) -> None:
    made = Budget(amount=Decimal(1), id="budget_1", name="a", created_at=1)
    for number, budget in enumerate([made, Budget(amount=Decimal(2), id="budget_1", name="b"), made]):
        with pair[0].reader() as connection:
            (budgets.change if number else budgets.define)(connection, budget)
        with pair[1].reader() as connection:
            assert [one.amount for one in budgets.definitions(connection)] == [budget.amount]
