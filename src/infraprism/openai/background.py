"""Work that would hold the caller up, done on a thread of our own, one job after the other."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from infraprism import guard

#: Bytes that jobs may hold while they wait. A job that waits alone may hold any number.
_MOST_WAITING = 256 * 1024 * 1024
#: Seconds that a program which ends waits for the rest.
_PATIENCE = 5.0

_Job = tuple[Callable[[], object], int]

# Re-entrant, because garbage collection may close a half read download at any instruction.
_lock = threading.RLock()
_queue: SimpleQueue[_Job | None] = SimpleQueue()
_thread: threading.Thread | None = None
_waiting = 0
_deadline: float | None = None


def hand_over(work: Callable[[], object], size: int) -> bool:
    """Have `work`, which never raises, done later; False where too much waits already, or the program ends.

    `size`: bytes that it keeps in memory until then.
    """
    global _thread, _waiting
    with _lock:
        if _deadline is not None or (size and _waiting and _waiting + size > _MOST_WAITING):
            return False
        _waiting += size
        _queue.put((work, size))
        if _thread is None:
            _thread = threading.Thread(
                target=_work, args=(_queue,), name="infraprism-background", daemon=True
            )
            _thread.start()
            atexit.register(_finish)
    return True


def give_way() -> bool:
    """Let other threads run; False where the time is up, and what is left is to be given up.

    To be asked after each fraction of a millisecond: else other threads wait for 5 each time they wake up.
    """
    if _deadline is None:
        time.sleep(0)
        return True
    return time.monotonic() < _deadline


def _work(queue: SimpleQueue[_Job | None]) -> None:
    global _waiting
    while (job := queue.get()) is not None:
        work, size = job
        work()
        del work, job
        with _lock:
            _waiting -= size


def _finish() -> None:
    # At exit, before the providers shut down.
    global _deadline
    _deadline = time.monotonic() + _PATIENCE
    _queue.put(None)
    if _thread is not None:
        _thread.join(_PATIENCE + 1)  # a moment more, to count what is given up
        if _thread.is_alive():
            guard.drop("batch_unread", "the program ended while calls of a batch were being exported")


def _after_fork() -> None:
    # The thread did not come along, and what waited is the parent's.
    global _lock, _queue, _thread, _waiting
    _lock, _queue, _thread, _waiting = threading.RLock(), SimpleQueue(), None, 0
    atexit.unregister(_finish)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
