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
from infraprism_exporter_otlp.frames import Group
from infraprism_exporter_otlp.memory import Memory
from infraprism_exporter_otlp.outbox import MAX_ITEMS, Batch, Outbox
from infraprism_exporter_otlp.segment_reader import Item
from infraprism_exporter_otlp.sender import Sender, Transport
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.spool import Spool

_logger = logging.getLogger(__name__)
#: How long the first of a batch waits for others, seconds.
_DELAY: Final = 1.0
#: How often it is looked for spools of processes that have died since.
_ADOPT_SECONDS: Final = 10.0
#: A disk that did not take a record is tried again after so many seconds.
_DISK_SECONDS: Final = 5.0


class Delivery:
    """Takes records from any thread, and sends them from one of its own.

    Attributes:
        counts: what became of the records.
    """

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self.counts = Counts()
        self._settings = settings
        self._spool = Spool(settings.folder, settings.max_bytes, self.counts, fsync=settings.fsync)
        held = settings.folder / upkeep.HELD
        self._held = Spool(held, settings.max_bytes, self.counts, fsync=settings.fsync)
        self._memory = Memory(self.counts)
        self._sender = Sender(settings, transport, self.counts, self._hold, self._pause)
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
        self._start()

    def _begin(self) -> None:
        self._busy: set[int] = set()  # threads that may hold a lock
        self._late: deque[tuple[Group, bytes]] = deque()
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._starting = threading.Lock()
        self._adopting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_idle = False
        self._is_stopping = False
        self._stop_at = 0.0
        self._finished = 0  # records, since this began
        self._wanted = 0  # of them, that somebody waits for
        self._failures = 0
        self._adopted: Outbox | None = None
        self._adopt_at = 0.0
        self._upkeep_at = 0.0
        self._takes_held = True
        self._is_alone = False  # it has looked, and there was nobody's spool to adopt
        self._in_hand: Batch | None = None

    def write(self, group: Group, item: bytes) -> None:
        """Take one record. Once this returns, the end of the process cannot lose it.

        Where the disk does not take it, it waits in memory.
        """
        me, thread = threading.get_ident(), self._thread
        if me in self._busy or (thread is not None and thread.ident == me):
            # A signal's handler or a collection of garbage ends a span in the middle of what follows.
            self._late.append((group, item))
            return
        with self._undisturbed():
            self._keep(group, item)
            self._keep_late()
            if self._thread is None or self._is_stopping:
                self._start()
            if self._is_idle and self.waiting() >= MAX_ITEMS:
                self._is_idle = False
                self._wake.set()

    def waiting(self) -> int:
        """Records that are not sent yet, as far as this process knows."""
        outbox, batch = self._spool.outbox, self._in_hand
        in_hand = len(batch.items) if batch is not None else 0
        in_hand += len(self._late)
        return in_hand + self._memory.waiting() + (outbox.waiting() if outbox is not None else 0)

    def oldest_age(self) -> float:
        """Seconds since the record that is being sent was written; 0 where none is."""
        batch = self._in_hand
        return max(time.time() - batch.items[0].written_at / 1e9, 0.0) if batch is not None else 0.0

    def flush(self, timeout: float) -> bool:
        """Send what waits now; False where it could not be, at the first attempt and in `timeout` seconds."""
        with self._undisturbed():
            self._start()
        failures, wanted = self._failures, self._finished + self.waiting()
        self._wanted = max(self._wanted, wanted)
        self._wake.set()
        with self._settled:
            self._settled.wait_for(
                lambda: self._finished >= wanted or self._failures > failures or self.waiting() == 0, timeout
            )
        return self._finished >= wanted or self.waiting() == 0

    def deliver_dead(self, timeout: float) -> bool:
        """Wait until what dead processes have left is sent; False where an attempt failed, or time is up."""
        with self._settled:
            self._settled.wait_for(lambda: self._is_alone or self._failures > 0, timeout)
        return self._is_alone

    def close(self, timeout: float | None = None) -> None:
        """Send what can be sent in `timeout` seconds, and leave the rest on disk to who comes next.

        Records that come later are taken all the same.
        """
        thread = self._thread
        if thread is None:
            with self._undisturbed():
                self._release()
            return
        timeout = self._settings.exit_seconds if timeout is None else timeout
        self._stop_at = time.monotonic() + timeout
        self._is_stopping = True
        self._wake.set()
        thread.join(timeout)
        if thread.is_alive():
            return  # in a request: the end of the process gives its spool to the next
        self._thread = None
        left = self.waiting()
        with self._undisturbed():
            self._release()
        if left:
            where = f"{self._memory.waiting()} in memory, the others on disk for the next process"
            _logger.info("%d %s are not delivered: %s", left, self._settings.signal, where)

    def _release(self) -> None:
        batch = self._in_hand
        if batch is not None and batch.outbox is None:
            for item in batch.items:
                self._memory.append(item.group, item.content)
        outbox = self._spool.outbox
        is_delivered = self.waiting() == 0 and (outbox is None or outbox.take() is None)
        self._spool.close(is_delivered=is_delivered)
        self._held.close(is_delivered=False)
        if self._adopted is not None:
            self._adopted.close()
            self._adopted.home.release(remove=False)
        self._sender.close()
        self._begin()

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

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return
            self._is_stopping = False
            thread = threading.Thread(target=self._run, name="infraprism-spool", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is ending: the next process sends
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        has_more = False
        while True:
            if not (has_more or self._is_wanted()):
                self._is_idle = True
                self._wake.wait(_DELAY)
                self._is_idle = False
                self._wake.clear()
            try:
                self._keep_late()
                has_more = self._drain() and self._drain_adopted()
            except Exception:
                _logger.exception("Delivering %s failed; it goes on", self._settings.signal)
                has_more = False
                self._wake.wait(_DELAY)
            if self._is_stopping:
                return

    def _is_wanted(self) -> bool:
        """Whether what waits goes out now, and not only when there is more of it."""
        return self._is_wanted_now() or self.waiting() >= MAX_ITEMS

    def _drain(self) -> bool:
        """Deliver what this process has; False where it was asked to stop."""
        while True:
            batch = self._in_hand = self._in_hand or self._next()
            if batch is None:
                self._wanted = 0
                break
            if not self._deliver(batch):
                return False
            if not self._is_wanted():
                break
        return not self._is_stopping

    def _drain_adopted(self) -> bool:
        """Deliver what dead processes have left, for a while; whether there is more of it."""
        until = time.monotonic() + _DELAY
        while (batch := self._next_adopted()) is not None:
            self._in_hand = batch
            if not self._deliver(batch):
                return False
            if self._is_wanted() or time.monotonic() >= until:
                return True
        return False

    def _deliver(self, batch: Batch) -> bool:
        if not self._sender.send(batch.items, self._timeout):
            return False
        if batch.outbox is not None:
            batch.outbox.done(batch)
        self._in_hand = None
        if batch.outbox is not self._adopted or batch.outbox is None:
            self._finished += len(batch.items)
        self._tell()
        return True

    def _next(self) -> Batch | None:
        batch = self._memory.take()
        if batch is None and self._spool.outbox is not None:
            batch = self._spool.outbox.take()
        return batch

    def _next_adopted(self) -> Batch | None:
        while True:
            if self._adopted is None:
                if time.monotonic() < self._adopt_at:
                    return None
                with self._adopting:
                    home = upkeep.adopt_next(self._settings.folder, held=self._takes_held)
                if home is None:
                    self._takes_held, self._is_alone = False, True
                    self._tell()
                    self._adopt_at = time.monotonic() + _ADOPT_SECONDS
                    self._keep_limit()
                    return None
                self._adopted = Outbox(home, self.counts, is_own=False)
                self.counts.add_adopted()
            batch = self._adopted.take()
            if batch is not None:
                return batch
            adopted, self._adopted = self._adopted, None
            adopted.close()
            adopted.home.release(remove=True)

    def _keep_limit(self) -> None:
        if time.monotonic() >= self._upkeep_at:
            self._upkeep_at = time.monotonic() + _ADOPT_SECONDS
            folder, limit = self._settings.folder, self._settings.max_bytes
            upkeep.keep_limit(folder, limit, self._spool.outbox, self.counts)

    def _timeout(self) -> float:
        if not self._is_stopping:
            return self._settings.timeout
        return max(min(self._settings.timeout, self._stop_at - time.monotonic()), 0.1)

    def _pause(self, seconds: float) -> bool:
        self._failures += 1
        self._wanted = 0  # whoever waits is told that it failed
        self._tell()
        self._keep_late()
        self._keep_limit()
        until = time.monotonic() + seconds
        while not self._is_wanted_now() and (left := until - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()
        return not self._is_stopping

    def _is_wanted_now(self) -> bool:
        return self._is_stopping or self._finished < self._wanted

    def _tell(self) -> None:
        with self._settled:
            self._settled.notify_all()

    def _before_fork(self) -> None:
        # A child closes what it knows of: no file may be open that nobody knows of yet.
        self._busy.add(threading.get_ident())
        self._adopting.acquire()
        self._spool.lock.acquire()

    def _after_fork_in_parent(self) -> None:
        self._spool.lock.release()
        self._adopting.release()
        self._busy.discard(threading.get_ident())

    def _after_fork_in_child(self) -> None:
        """The spool, and what waits, are the parent's; the child begins its own with its first record."""
        adopted = self._adopted
        self._spool.forget()
        self._held.forget()
        self._memory.forget()
        self._sender.forget()
        self.counts.forget()
        if adopted is not None:
            with contextlib.suppress(OSError):
                adopted.close()
                adopted.home.forget()
        self._begin()
