"""The way of a record in this process: onto the disk at once, and to the server in the background."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from infraprism_exporter_otlp import upkeep
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.courier import Courier
from infraprism_exporter_otlp.frames import Group
from infraprism_exporter_otlp.memory import Memory
from infraprism_exporter_otlp.segment_reader import Item
from infraprism_exporter_otlp.sender import Transport
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.spool import Spool

_logger = logging.getLogger(__name__)
#: A disk that did not take a record is tried again after so many seconds.
_DISK_SECONDS: Final = 5.0


class Delivery:
    """Takes records from any thread, and sends them from one of its own.

    Attributes:
        counts: what became of the records.
    """

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self.counts = counts = Counts()
        self._settings = settings
        self._spool = Spool(settings.folder, settings.max_bytes, counts, fsync=settings.fsync)
        held = settings.folder / upkeep.HELD
        self._held = Spool(held, settings.max_bytes, counts, fsync=settings.fsync)
        self._memory = Memory(counts)
        self._courier = Courier(
            settings, transport, counts, self._spool, self._memory, self._hold, self._keep_late
        )
        self._disk_is_tried_at = 0.0
        self._was_warned = False
        self._begin()
        if hasattr(os, "register_at_fork"):
            ours = weakref.ref(self)

            def hook(method: Callable[[Delivery], None]) -> Callable[[], None]:
                return lambda: method(it) if (it := ours()) is not None else None

            os.register_at_fork(
                before=hook(Delivery._before_fork),
                after_in_parent=hook(Delivery._after_fork_in_parent),
                after_in_child=hook(Delivery._after_fork_in_child),
            )
        self._courier.start()

    def _begin(self) -> None:
        self._busy: set[int] = set()  # threads that may hold a lock
        self._late: deque[tuple[Group, bytes]] = deque()

    def write(self, group: Group, item: bytes) -> None:
        """Take one record. Once this returns, the end of the process cannot lose it.

        Where the disk does not take it, it waits in memory.
        """
        if threading.get_ident() in self._busy or self._courier.is_this_thread():
            # A signal's handler or a collection of garbage ends a span in the middle of what follows.
            self._late.append((group, item))
            return
        with self._undisturbed():
            self._keep(group, item)
            self._keep_late()
            self._courier.written()

    def waiting(self) -> int:
        """Records that are not sent yet, as far as this process knows."""
        return len(self._late) + self._courier.waiting()

    def oldest_age(self) -> float:
        """Seconds since the record that is being sent was written; 0 where none is."""
        return self._courier.oldest_age()

    def flush(self, timeout: float) -> bool:
        """Send what waits now; False where it could not be, at the first attempt and in `timeout` seconds."""
        with self._undisturbed():
            self._courier.start()
            self._keep_late()
        return self._courier.flush(timeout)

    def deliver_dead(self, timeout: float) -> bool:
        """Wait until what dead processes have left is sent; False where an attempt failed, or time is up."""
        return self._courier.deliver_dead(timeout)

    def close(self) -> None:
        """Send what can be sent in the time that is set, and leave the rest on disk to who comes next.

        Records that come later are taken all the same.
        """
        if not self._courier.stop(self._settings.exit_seconds):
            return  # the end of the process gives its spool to the next
        with self._undisturbed():
            left = self.waiting()
            outbox = self._spool.outbox
            is_delivered = left == 0 and (outbox is None or outbox.take() is None)
            self._courier.release()
            self._spool.close(is_delivered=is_delivered)
            self._held.close(is_delivered=False)
        if left:
            where = f"{self._memory.waiting()} in memory, the others on disk for the next process"
            _logger.info("%d %s are not delivered: %s", left, self._settings.signal, where)

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        me = threading.get_ident()
        self._busy.add(me)
        try:
            yield
        finally:
            self._busy.discard(me)

    def _keep(self, group: Group, item: bytes) -> None:
        if not self._write_to_disk(group, item):
            self._memory.append(group, item)

    def _keep_late(self) -> None:
        with contextlib.suppress(IndexError):
            while self._late:
                self._keep(*self._late.popleft())

    def _write_to_disk(self, group: Group, item: bytes) -> bool:
        if self._disk_is_tried_at and time.monotonic() < self._disk_is_tried_at:
            self.counts.add_disk_failure()
            return False
        try:
            self._spool.append(group, item)
        except OSError as error:
            self.counts.add_disk_failure()
            self._disk_is_tried_at = time.monotonic() + _DISK_SECONDS
            if not self._was_warned:
                self._was_warned = True
                _logger.warning(
                    "The spool %s cannot be written (%s): %s wait in memory, and are lost with the process",
                    self._settings.folder,
                    error.strerror,
                    self._settings.signal,
                )
            return False
        self._disk_is_tried_at = 0.0
        return True

    def _hold(self, items: Sequence[Item]) -> None:
        for item in items:
            try:
                self._held.append(item.group, item.content)
            except OSError:
                self.counts.drop("refused")

    def _before_fork(self) -> None:
        # A child closes what it knows of: no file may be open that nobody knows of yet.
        self._busy.add(threading.get_ident())
        self._courier.adoption.lock.acquire()
        self._spool.lock.acquire()
        self._held.lock.acquire()

    def _after_fork_in_parent(self) -> None:
        self._held.lock.release()
        self._spool.lock.release()
        self._courier.adoption.lock.release()
        self._busy.discard(threading.get_ident())

    def _after_fork_in_child(self) -> None:
        """The spool, and what waits, are the parent's; the child begins its own with its first record."""
        self._spool.forget()
        self._held.forget()
        self._memory.forget()
        self._courier.forget()
        self.counts.forget()
        self._begin()
