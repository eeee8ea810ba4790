"""The sessions of `Session` objects that are alive in this process.

No thread watches them: one that was idle for too long is noticed when any is used, or when the process ends.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import uuid
import weakref
from collections import OrderedDict
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from infraprism import guard
from infraprism.sessions import clock
from infraprism.sessions.context import identity_in, session
from infraprism.sessions.identity import Identity
from infraprism.sessions.life import Life


class Slot:
    """What a `Session` object keeps: its session of the moment, and how to begin the next one."""

    __slots__ = ("block", "given", "life", "previous_id", "timeout")

    def __init__(self, given: Identity, timeout: float | None) -> None:
        self.given = given
        self.timeout = timeout
        self.life: Life | None = None
        #: What to enter for it.
        self.block = session()
        self.previous_id: str | None = None


class Living:
    """Who is alive; safe for threads and forks, bounded in memory.

    Args:
        now: the clock, in seconds.
        capacity: how many are watched. The one that was idle longest beyond that is only told to be over if
            it is used again: a drop of ``session_end_unseen``.
    """

    def __init__(self, now: Callable[[], float] = clock.now, capacity: int = 100_000) -> None:
        self._now = now
        self._capacity = capacity
        #: By entity and id; the one that was used last is at the end.
        self._lives: OrderedDict[tuple[str | None, ...], Life] = OrderedDict()
        #: When to look at each again; it may have been used meanwhile.
        self._due: list[tuple[float, int, Life]] = []
        self._order = count()
        self._lock = threading.RLock()
        self._ends_with_process = False
        _all.add(self)

    def use(self, slot: Slot, *, enter: bool = False) -> tuple[Life, session]:
        """The session of `slot` to use now, and its block: a new one where its own is over, or it has none.

        `enter`: the block is about to be entered; `leave` is to follow.
        """
        outer = identity_in()
        begun = evicted = None
        with self._lock:
            now = self._now()
            over = self._notice(slot.life, now)
            life = slot.life
            if life is None or life.is_over:
                life, is_new = self._next(slot, outer)
                begun = life if is_new else None
            life.last_use = now
            life.entered += enter
            self._watch(life)
            if len(self._lives) > self._capacity:
                _, evicted = self._lives.popitem(last=False)
            previous_id, block = slot.previous_id, slot.block
        for other in over:
            other.tell_ended()
        if evicted is not None:
            guard.drop("session_end_unseen", f"more than {self._capacity} sessions in this process")
        if begun is not None:
            begun.tell_started(previous_id)
        return life, block

    def leave(self, life: Life) -> None:
        """A block of `life` was left."""
        with self._lock:
            life.entered -= 1
            life.last_use = self._now()

    def end(self, slot: Slot) -> None:
        """End the session of `slot`, where it has one."""
        with self._lock:
            life, slot.life = slot.life, None
            if life is None:
                return
            slot.previous_id = life.identity.session_id
            if life.is_over:
                return
            self._over(life)
        life.tell_ended()

    def end_all(self) -> None:
        """End all sessions: the process ends."""
        with self._lock:
            lives = list(self._lives.values())
            for life in lives:
                self._over(life)
        for life in lives:
            life.tell_ended()

    def _next(self, slot: Slot, outer: Identity) -> tuple[Life, bool]:
        if slot.life is not None:
            slot.previous_id = slot.life.identity.session_id
        identity = slot.given
        if identity.session_id is None:
            identity = identity._replace(session_id=str(uuid.uuid4()))
        else:
            slot.given = identity._replace(session_id=None)  # that was for the first one
        life = Life(identity.inside(outer), slot.timeout)
        session_id, entity_type, entity_id, _ = life.identity
        slot.block = session(session_id, entity_type=entity_type, entity_id=entity_id, tags=slot.given.tags)
        # Another object may have the same session.
        known = self._lives.get(life.key)
        slot.life = life if known is None else known
        return slot.life, known is None

    def _watch(self, life: Life) -> None:
        if not self._ends_with_process:
            self._ends_with_process = True
            _at_end(self.end_all)
        if self._lives.get(life.key) is not life:
            self._lives[life.key] = life
            if life.timeout is not None:
                self._look_again(life, life.last_use + life.timeout)
        self._lives.move_to_end(life.key)

    def _look_again(self, life: Life, at: float) -> None:
        heappush(self._due, (at, next(self._order), life))
        if len(self._due) > 2 * len(self._lives) + 100:  # mostly of those that are over
            self._due = [entry for entry in self._due if self._lives.get(entry[2].key) is entry[2]]
            heapify(self._due)

    def _notice(self, own: Life | None, now: float) -> list[Life]:
        """The sessions that are over by now: that of the caller first."""
        over = []
        if own is not None and not own.is_over and own.is_idle(now):
            over.append(own)
            self._over(own)
        while self._due and self._due[0][0] < now:
            _, _, life = heappop(self._due)
            if life.is_over or self._lives.get(life.key) is not life:
                continue
            if life.is_idle(now):
                over.append(life)
                self._over(life)
            elif life.timeout is not None:
                self._look_again(life, (now if life.entered else life.last_use) + life.timeout)
        return over

    def _over(self, life: Life) -> None:
        life.is_over = True
        if self._lives.get(life.key) is life:
            del self._lives[life.key]

    def _after_fork(self) -> None:
        # Another thread of the parent may have held the lock.
        self._lock = threading.RLock()
        self._ends_with_process = False
        for life in self._lives.values():
            life.is_ours = False


def _at_end(act: Callable[[], None]) -> None:
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        # Most children of multiprocessing never come to `atexit`. Before what exports is flushed, at 0.
        sys.modules["multiprocessing.util"].Finalize(None, act, exitpriority=10)
    atexit.register(act)


_all: weakref.WeakSet[Living] = weakref.WeakSet()


def _after_fork() -> None:
    for living in _all:
        living._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

#: The process's own.
living = Living()
