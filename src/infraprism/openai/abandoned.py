"""Ends the calls whose streams and responses were closed or dropped before they were read, or are still open
when the program ends.

The garbage collector finds the dropped ones, and closes their connections, in whatever thread and line it
happens to run, with whatever locks held: ending a span there could wait for ever for a lock that this very
thread holds. So a thread of our own ends them, and who asks for it waits only for a moment.
"""

from __future__ import annotations

import atexit
import os
import threading
from queue import Empty, SimpleQueue
from typing import Protocol
from weakref import WeakSet

from infraprism import guard

#: Seconds. Far more than ending takes; it passes only where the thread is held up by who is waiting for it.
_MOMENT = 0.02


class Open(Protocol):
    """What can be ended: a call, or all those of a connection."""

    def end(self) -> None:
        """End it, unless it has ended; never raises."""


class Ending(Open, Protocol):
    """What knows whether it has ended: a call."""

    @property
    def ended(self) -> bool:
        """Whether it has ended."""


#: `SimpleQueue.put` is made to be called from finalizers.
_queue: SimpleQueue[tuple[Ending, threading.Event]] = SimpleQueue()
_thread: threading.Thread | None = None
#: What a program still holds when it ends, nobody drops in time for the exporters.
_open: WeakSet[Open] = WeakSet()


@guard.guarded("telemetry_error")
def watch() -> None:
    """Be ready to end what is handed over; called where something that can be dropped is given out."""
    global _thread
    if _thread is None:
        _thread = threading.Thread(target=_end_all, args=(_queue,), name="infraprism-abandoned", daemon=True)
        _thread.start()
        atexit.register(_end_rest)


def end_at_exit(one: Open) -> None:
    """Have `one`, which is being watched, ended where it is still there when the program ends."""
    _open.add(one)


def end(call: Ending) -> None:
    """Have `call` ended, unless it has; safe to call from a finalizer."""
    if call.ended:
        return
    ended = threading.Event()
    _queue.put((call, ended))
    if _thread is not None:
        ended.wait(_MOMENT)


def _end_all(queue: SimpleQueue[tuple[Ending, threading.Event]]) -> None:
    while True:
        _end(*queue.get())


def _end(call: Ending, ended: threading.Event) -> None:
    call.end()
    ended.set()


def _end_rest() -> None:
    # At exit, before the providers shut down; from here on nobody waits for the thread, which does not run.
    global _thread
    _thread = None
    _end_open()
    while True:
        try:
            _end(*_queue.get_nowait())
        except Empty:
            return


@guard.guarded("telemetry_error")
def _end_open() -> None:
    for one in list(_open):
        one.end()


def _after_fork() -> None:
    # The thread did not come along, and what waited or is open is the parent's to end.
    global _open, _queue, _thread
    _open, _queue, _thread = WeakSet(), SimpleQueue(), None
    atexit.unregister(_end_rest)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
