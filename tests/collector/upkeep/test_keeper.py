"""What the collector does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from infraprism.collector.access.keyring import Keyring
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store import deletions
from infraprism.collector.store.deletions import Deleted
from infraprism.collector.store.embedded import Store
from infraprism.collector.upkeep import keeper
from infraprism.collector.upkeep.keeper import Keeper
from tests.support.otlp import NEW_YEAR, SECOND, make_call, make_request, make_span

DAY = 86_400 * SECOND


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(store: Store) -> list[Any]:
    with store.reader() as connection:
        return connection.execute("SELECT started_at FROM calls ORDER BY started_at").fetchall()


def test_old_calls_expire_in_small_commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "CHUNK", 4)
    calls = [make_call(number) for number in range(1, 11)]
    tool = make_span(20, {"session.id": "s-1"}, start=NEW_YEAR)
    store.submit(read_request(make_request(*calls, tool))).result()

    deleted = Keeper(store, Keyring(store, None), None).expire(NEW_YEAR + 10 * SECOND)

    assert deleted == Deleted(9, 1, 0)
    assert kept(store) == [(NEW_YEAR + 10 * SECOND,)]
    with store.reader() as connection:
        rows = deletions.audits(connection, None, 10)
    assert [(row.action, row.who, row.target, row.calls, row.spans) for row in rows] == [
        ("expire", "retention", None, 1, 0),
        ("expire", "retention", None, 4, 0),
        ("expire", "retention", None, 4, 1),
    ]


def test_nothing_to_do_leaves_no_trace(store: Store) -> None:
    assert Keeper(store, Keyring(store, None), None).expire(NEW_YEAR) == Deleted(0, 0, 0)
    with store.reader() as connection:
        assert deletions.audits(connection, None, 10) == []


def test_it_works_by_itself_while_another_change_only_delays_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_ROUND_SECONDS", 0.02)
    now = time.time_ns()
    old, new = make_call(1, start=now - 3 * DAY), make_call(2, start=now)
    store.submit(read_request(make_request(old, new))).result()
    keyring = Keyring(store, None)
    text, _ = keyring.create("ci", ("read",))
    keyring.find(text)
    keeps = Keeper(store, keyring, 2 * DAY)
    with store.changer():
        keeps.start()
        time.sleep(0.1)
        assert len(kept(store)) == 2
    try:
        until(lambda: kept(store) == [(now,)])
    finally:
        keeps.close()
    (key,) = Keyring(store, None).all()
    assert key.last_used_at is not None
