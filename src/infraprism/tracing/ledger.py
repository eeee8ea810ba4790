"""Running totals of each session, as this process has seen them."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from decimal import Decimal
from typing import NamedTuple

from infraprism import guard, semconv
from infraprism.pricing import money
from infraprism.sessions import Id, identify
from infraprism.tracing.bag import AttributeValue
from infraprism.tracing.evicted import Evicted

#: A session: entity type, entity id, session id. Two entities with one session id are two sessions.
Key = tuple[str | None, str | None, str]


class Totals(NamedTuple):
    """What a session has cost so far (USD, the known amounts), and how many turns it took.

    Attributes:
        floor: what came before may have been forgotten: it has cost this or more.
    """

    cost: Decimal = money.ZERO
    turns: int = 0
    floor: bool = False

    def attributes(self) -> dict[str, AttributeValue]:
        """The totals as attributes of a call's span; none of a floor, which would pass for a total."""
        if self.floor:
            return {}
        return {semconv.SESSION_COST: money.text(self.cost), semconv.SESSION_TURNS: self.turns}


class Ledger:
    """Adds up calls by session; safe for threads and forks, bounded in memory.

    The session that was idle longest makes room when there are more than `capacity`; each is counted as a
    drop of ``session_total_evicted``. Should it come back, its new totals are a floor; so are, now and then,
    those of a session that was never here. What the collector adds up is not affected.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        # As texts: of 100,000 sessions they take half the memory that objects do.
        self._totals: OrderedDict[str, str] = OrderedDict()
        self._evicted = Evicted()
        self._lock = threading.RLock()
        _ledgers.add(self)

    def add(self, key: Key, amount: Decimal, *, turn: bool) -> Totals:
        """Add a call and give the session's totals with it included."""
        totals, name = self._totals, _name(key)
        with self._lock:
            while True:
                before = totals.get(name)
                known = Totals(floor=name in self._evicted) if before is None else _read(before)
                after = Totals(money.EXACT.add(known.cost, amount), known.turns + turn, known.floor)
                # Garbage collection may have ended an abandoned stream of the same session just now, in
                # this very thread: hence this second look, and the re-entrant lock.
                if totals.get(name) is before:
                    break
            totals[name] = f"{after.cost} {after.turns} {'+' if after.floor else ''}"
            totals.move_to_end(name)
            evicted = len(totals) > self._capacity
            if evicted:
                self._evicted.add(totals.popitem(last=False)[0])
        if evicted:
            guard.drop("session_total_evicted", f"more than {self._capacity} sessions in this process")
        return after

    def get(self, key: Key) -> Totals | None:
        """The totals of a session; None for one that is not known, or not any more."""
        with self._lock:
            kept = self._totals.get(_name(key))
        return None if kept is None else _read(kept)

    def __getitem__(self, key: Key) -> Totals:
        """The totals of a session; nothing for one that is not known."""
        return self.get(key) or _NOTHING

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.RLock()


def _name(key: Key) -> str:
    """A session as one text, no two alike: the lengths say what is whose."""
    kind, entity, session = key
    lengths = f"{-1 if kind is None else len(kind)} {-1 if entity is None else len(entity)} "
    return f"{lengths}{kind or ''}{entity or ''}{session}"


def _read(kept: str) -> Totals:
    cost, turns, floor = kept.split(" ")
    return Totals(Decimal(cost), int(turns), bool(floor))


_NOTHING = Totals()
_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _after_fork() -> None:
    for ledger in _ledgers:
        ledger._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

#: The process's own ledger: processors share it, so that a session has one total across tracer providers.
process_ledger = Ledger()


def session_total(
    session_id: Id, entity_type: str | None = None, entity_id: Id | None = None
) -> Totals | None:
    """What a session of an entity has cost so far, as this process has seen it.

    None where this process knows nothing of it: no call has ended yet, or it was idle longer than 100,000
    others.

    Raises:
        TypeError, ValueError: an argument cannot be an id; the message names it.
    """
    meant = identify(session_id, entity_type, entity_id)
    if meant.session_id is None:
        return None
    return process_ledger.get((meant.entity_type, meant.entity_id, meant.session_id))
