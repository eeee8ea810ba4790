"""What reservations are held against is, after everything that may happen, what the store adds up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infraprism.collector.budgets.definitions import Account, Budget, Spender
from infraprism.collector.budgets.known import Known
from infraprism.collector.budgets.reserving import Answer, Ask, Desk
from infraprism.collector.store import spending
from infraprism.collector.store.budgets import Settlement
from infraprism.collector.store.interface import Store
from infraprism.collector.store.opening import open_store
from infraprism.collector.store.spending import Used
from tests.support.otlp import SECOND, make_call
from tests.support.repriced import send

#: Larger than what any of these has in sum, or not.
BUDGETS = [
    Budget(amount=Decimal(amount), per=per, entity_type=only, action="raise")
    for amount in ("0.02", "0.05", "1")
    for per in ("session", "entity", "tag:feature")
    for only in (None, "customer")
]
SPENDERS = [
    Spender(session, entity_type, "acme", {"feature": feature})
    for session in ("s-1", "s-2")
    for entity_type in ("customer", "team")
    for feature in ("a", "b")
]
AMOUNTS = [Decimal(text) for text in ("0", "0.01", "0.000000000000000000000001", "0.03")]
asks = st.tuples(
    st.just("ask"),
    st.lists(
        st.tuples(st.sampled_from(SPENDERS), st.sampled_from(AMOUNTS), st.sampled_from(BUDGETS)), max_size=4
    ),
)
ends = st.tuples(st.sampled_from(["settle", "release", "arrive", "twice"]), st.integers(0, 30))


class Model:
    """The same in plain Python: a list of calls, each with what it was, is, or was refused."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def used(self, account: Account) -> Used:
        rows = [row for row in self.rows if account.counts(row["spender"])]
        spent = sum((row["cost"] for row in rows if row["state"] in ("settled", "arrived")), Decimal(0))
        return Used(spent, sum((row["asked"] for row in rows if row["state"] == "open"), Decimal(0)), 0)


@pytest.fixture(scope="module", params=["duckdb", "clickhouse"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "duckdb":
        store = open_store(str(tmp_path_factory.mktemp("known") / "test.duckdb"))
    else:
        store = open_store(request.getfixturevalue("clickhouse").address())
    yield store
    store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.one_of(asks, ends), max_size=12))
def test_what_is_known_is_what_is_stored(database: Store, steps: Sequence[Any]) -> None:
    model, now = Model(), time.time_ns()
    with database.changer() as connection:
        for table in ("calls", "reservations", "settlements"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    desk = Desk(database)
    desk._known = Known(fresh=3600)  # never read again
    for what, of in steps:
        if what == "ask":
            _ask(desk, model, of)
        elif model.rows:
            _end(desk, database, model, of % len(model.rows), what)
        accounts = [
            account for budget in BUDGETS for who in SPENDERS if (account := budget.account(who, now))
        ]
        expected = {account: model.used(account) for account in accounts}
        with database.reader() as connection:
            assert spending.used(connection, accounts, time.time_ns()) == expected
        assert {account: desk._known[account] for account in desk._known._used} == {
            account: expected[account] for account in desk._known._used
        }


def _ask(desk: Desk, model: Model, of: Sequence[tuple[Spender, Decimal, Budget]]) -> None:
    group = [
        Ask(f"{len(model.rows) + number:032x}", who, amount, (budget,))
        for number, (who, amount, budget) in enumerate(of)
    ]
    for ask, answer in zip(group, desk._handle(group), strict=True):
        [budget] = ask.budgets
        account = budget.account(ask.spender, time.time_ns())
        assert ask.amount is not None
        fits = True
        if account is not None:
            used = model.used(account)
            fits = not ask.amount or used.spent + used.reserved + ask.amount <= budget.amount
        assert isinstance(answer, Answer)
        assert answer.is_allowed == fits
        state = "open" if fits else "over"
        model.rows.append(
            {"spender": ask.spender, "asked": ask.amount, "state": state, "cost": Decimal("0.0075")}
        )


def _end(desk: Desk, store: Store, model: Model, index: int, what: str) -> None:
    row, number = model.rows[index], index + 1
    settlement = Settlement(
        f"{number - 1:032x}", time.time_ns(), f"{number:032x}", f"{number:016x}", row["cost"]
    )
    if what == "arrive" and row["state"] == "settled":
        row["state"] = "arrived"
        who = row["spender"]
        values = {
            "session.id": who.session_id,
            "infraprism.entity.type": who.entity_type,
            "infraprism.entity.id": who.entity_id,
            "infraprism.tag.feature": who.tags["feature"],
        }
        send(store, make_call(number, values, start=time.time_ns() - SECOND, seconds=0.5))
    elif what == "settle" and row["state"] == "open":
        row["state"] = "settled"
        desk._handle([settlement])
    elif what == "release" and row["state"] == "open":
        row["state"] = "over"
        desk._handle([Settlement(settlement.reservation_id, time.time_ns())])
    elif what == "twice" and row["state"] != "open":
        desk._handle([settlement])
