"""A database file in ClickHouse: all of it, once, also when the copy was killed half way."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infraprism.collector.budgets.definitions import Budget, Spender
from infraprism.collector.ingest.calls import Call
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store import budgets, copying, spending
from infraprism.collector.store.budgets import Reservation, Settlement
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import CannotOpenError
from infraprism.collector.store.opening import open_store
from tests.support.clickhouse import PASSWORD, Server
from tests.support.otlp import make_call, make_request, make_span

_ROWS = f"SELECT {', '.join(Call._fields)} FROM calls ORDER BY started_at, trace_id, span_id"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 250 calls and two other spans; of one call only the tokens are known."""
    path = tmp_path / "test.duckdb"
    store = Store(path)
    extreme = {"infraprism.cost.amount": "99999999999999.999999999999999999999999", "session.id": "s\0'\\ü"}
    spans = [make_call(1, extreme), *(make_call(n, {"infraprism.tag.n": f"{n}"}) for n in range(2, 251))]
    others = [make_span(number, {"session.id": "s-1"}) for number in (300, 301)]
    store.submit(read_request(make_request(*spans, *others))).result()
    with store.reader() as connection:
        connection.execute("UPDATE calls SET usage = NULL, cost_quantities = NULL WHERE rowid = 7")
        connection.commit()
    store.close()
    return path


def rows(database: str) -> list[tuple[object, ...]]:
    store = open_store(database)
    try:
        with store.reader() as connection:
            return connection.execute(_ROWS).fetchall()
    finally:
        store.close()


def as_copied(row: tuple[object, ...]) -> tuple[object, ...]:
    """What is not known of an old call is empty."""
    empty = {"cost_quantities": {}, "usage": {}, "usage_unpriced": []}
    return tuple(empty.get(name) if value is None and name in empty else value
                 for name, value in zip(Call._fields, row, strict=True))  # fmt: skip


def test_budgets_come_along(file: Path, clickhouse: Server) -> None:
    spender = Spender("s-1", "customer", "acme", {"plan": "pro"})
    account = Budget(amount=Decimal(1)).account(spender, 5)
    assert account is not None
    rows = [Reservation(str(number), spender, Decimal(number), 5, 2**60) for number in (1, 2)]
    store: Store | Any = Store(file)
    with store.reader() as connection:
        budgets.define(connection, Budget(amount=Decimal("0.1"), id="budget_1", name="x", created_at=1))
        budgets.reserve(connection, rows)
        budgets.settle(connection, [Settlement("1", 6, "1" * 32, "1" * 16, Decimal("0.5"))])
        connection.commit()
    found = []
    target = clickhouse.address()
    for _ in range(2):
        with store.reader() as connection:
            used = spending.used(connection, [account], 7)[account]
            found.append((budgets.definitions(connection), used))
        store.close()
        copying.copy(file, target, lambda *_: None)
        store = open_store(target)
    store.close()
    assert found[0] == found[1]
    assert found[0][1].reserved == 2


def test_everything_is_copied_once(file: Path, clickhouse: Server) -> None:
    target = clickhouse.address()
    told: list[tuple[int, int]] = []

    for _ in range(2):
        copied = copying.copy(file, target, lambda *done: told.append(done))

        total = Decimal("100000000000001.867499999999999999999999")
        assert copied == (
            target.replace(target.split("@")[0], "clickhouse://").replace("://@", "://"),
            250,
            2,
            total,
        )
    assert rows(target) == list(map(as_copied, rows(str(file))))
    assert told[-1][0] == told[-1][1] >= 252


_KILLED = """
import os, signal, sys
from pathlib import Path
from urllib.parse import quote
from infraprism.collector.store import budgets, copying, spending
from infraprism.collector.store.budgets import Reservation, Settlement

copying.CHUNK = 20
def progress(done, total):
    if done >= 100:
        os.kill(os.getpid(), signal.SIGKILL)
copying.copy(Path(sys.argv[1]), sys.argv[2], progress)
"""


def test_a_copy_that_was_killed_goes_on_where_it_stopped(
    file: Path, clickhouse: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = clickhouse.address()
    killed = subprocess.run([sys.executable, "-c", _KILLED, file, target], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    monkeypatch.setattr(copying, "CHUNK", 20)
    sent: list[int] = []

    copied = copying.copy(file, target, lambda done, _: sent.append(done))

    assert (copied.calls, copied.spans) == (250, 2)
    assert [done for done in sent if 2 < done < 100] == []
    assert rows(target) == list(map(as_copied, rows(str(file))))


def test_a_copy_that_is_not_what_was_copied_is_said_to_be_so(file: Path, clickhouse: Server) -> None:
    target = clickhouse.address()
    copying.copy(file, target, lambda done, total: None)
    with open_store(target).changer() as connection:
        connection.execute("DELETE FROM calls WHERE span_id = '0000000000000005'")

    with pytest.raises(copying.CopyError, match="does not hold what the file does"):
        copying.copy(file, target, lambda done, total: None)

    assert copying.copy(file, target, lambda done, total: None).calls == 250


def test_what_cannot_be_reached_is_named_without_its_password(file: Path) -> None:
    for target, problem in (
        (
            f"clickhouse://tester:{PASSWORD}@127.0.0.1:1/x",
            "cannot be read",
        ),
        ("other.duckdb", "the address must be clickhouse://"),
    ):
        with pytest.raises((copying.CopyError, CannotOpenError), match=problem) as caught:
            copying.copy(file, target, lambda done, total: None)
        assert PASSWORD not in str(caught.value)
