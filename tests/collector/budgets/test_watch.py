"""Who is told of crossings, round after round."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from infraprism.collector.budgets import watch, webhooks
from infraprism.collector.budgets.definitions import Budget
from infraprism.collector.budgets.webhooks import Signer
from infraprism.collector.store import budgets, crossings, spending
from infraprism.collector.store.crossings import Crossing
from infraprism.collector.store.interface import Store
from tests.support.shared import SECRET

URL = "https://{}.example.com/hook"


def cross(store: Store, name: str, *sessions: str) -> None:
    """A budget that these sessions have crossed, and a receiver of its own."""
    budget = Budget(amount=Decimal(1), id=f"budget_{name}", name=name, webhook_url=URL.format(name))
    with store.reader() as connection:
        budgets.define(connection, budget)
        keys = [("", "", session) for session in sessions]
        found = [Crossing.of(budget, key, 0, time.time_ns(), spending.NOTHING) for key in keys]
        crossings.record(connection, found)
        connection.commit()


def test_who_takes_nothing_keeps_no_other_from_its_messages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def deliver(url: str, *_: object, allow_private: bool) -> tuple[bool, str]:
        sent.append(url)
        return url != URL.format("dead"), "said"

    monkeypatch.setattr(webhooks, "deliver", deliver)
    monkeypatch.setattr(watch, "_AT_ONCE", 2)
    cross(store, "dead", "s-1", "s-2", "s-3")
    cross(store, "alive", "s-1")
    teller = watch.Watch(store, Signer(SECRET), allow_private=False)
    teller.tell()
    assert sent == [URL.format("dead"), URL.format("alive")]
    teller.tell()  # the second of those that were not tried yet
    assert sent[2:] == [URL.format("dead")]
