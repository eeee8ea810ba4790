"""Running totals of each session, as this process has seen them."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from decimal import Decimal
from typing import NamedTuple

from infraprism import guard
from infraprism.pricing import money

#: A session: entity type, entity id, session id. Two entities with one session id are two sessions.
Key = tuple[str | None, str | None, str]


class Totals(NamedTuple):
    """What a session has cost so far (USD, the known amounts), and how many turns it took."""

    cost: Decimal = money.ZERO
    turns: int = 0


class Ledger:
    """Adds up calls by session; safe for threads and forks, bounded in memory.

    The session that was idle longest makes room when there are more than `capacity`; each is counted as a
    drop of ``session_total_evicted``. What the collector adds up is not affected.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._totals: OrderedDict[Key, Totals] = OrderedDict()
        self._lock = threading.RLock()
        _ledgers.add(self)

    def add(self, key: Key, amount: Decimal, *, turn: bool) -> Totals:
        """Add a call and give the session's totals with it included."""
        totals = self._totals
        with self._lock:
            while True:
                before = totals.get(key, _NOTHING)
                after = Totals(money.EXACT.add(before.cost, amount), before.turns + turn)
                # Garbage collection may have ended an abandoned stream of the same session just now, in
                # this very thread: hence this second look, and the re-entrant lock.
                if totals.get(key, _NOTHING) is before:
                    break
            totals[key] = after
            totals.move_to_end(key)
            evicted = len(totals) > self._capacity
            if evicted:
                totals.popitem(last=False)
        if evicted:
            guard.drop("session_total_evicted", f"more than {self._capacity} sessions in this process")
        return after

    def __getitem__(self, key: Key) -> Totals:
        """The totals of a session; nothing for one that was not seen."""
        with self._lock:
            return self._totals.get(key, _NOTHING)

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.RLock()


_NOTHING = Totals()
_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _after_fork() -> None:
    for ledger in _ledgers:
        ledger._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

#: The process's own ledger: processors share it, so that a session has one total across tracer providers.
process_ledger = Ledger()
