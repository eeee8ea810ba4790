"""The thread that delivers: what this process has written, and what dead ones have left."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from infraprism_exporter_otlp.adoption import Adoption
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.memory import Memory
from infraprism_exporter_otlp.outbox import MAX_ITEMS, Batch
from infraprism_exporter_otlp.segment_reader import Item
from infraprism_exporter_otlp.sender import Sender, Transport
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.spool import Spool

_logger = logging.getLogger(__name__)
#: How long the first of a batch waits for others, seconds.
_DELAY: Final = 1.0


class Courier:
    """Takes batches from the spool, from memory and from the spools of dead processes, and has them sent.

    Attributes:
        adoption: of what dead processes have left.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        counts: Counts,
        spool: Spool,
        memory: Memory,
        hold: Callable[[Sequence[Item]], None],
        before_round: Callable[[], None],
    ) -> None:
        """A courier that has not started.

        Args:
            hold: keeps items that a server did not let in.
            before_round: called before batches are taken, and before a wait.
        """
        self._settings = settings
        self._counts = counts
        self._spool = spool
        self._memory = memory
        self._sender = Sender(settings, transport, counts, hold, self._pause)
        self._before_round = before_round
        self.adoption = Adoption(settings, spool, counts)
        self._begin()

    def _begin(self) -> None:
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._starting = threading.Lock()
        self._counting = threading.RLock()  # held while records go from where they wait into the hand, or out
        self._thread: threading.Thread | None = None
        self._is_idle = False
        self._is_stopping = False
        self._stop_at = 0.0
        self._finished = 0  # records, since this began
        self._wanted = 0  # of them, that somebody waits for
        self._failures = 0
        self._in_hand: Batch | None = None

    def start(self) -> None:
        """Begin to deliver, where it does not yet."""
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return
            self._is_stopping = False
            thread = threading.Thread(target=self._run, name="infraprism-spool", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is ending: the next process sends
                thread.start()
                self._thread = thread

    def written(self) -> None:
        """There is one more record."""
        if self._thread is None or self._is_stopping:
            self.start()
        if self._is_idle and self.waiting() >= MAX_ITEMS:
            self._is_idle = False
            self._wake.set()

    def is_this_thread(self) -> bool:
        """Whether it is the courier's own thread that asks."""
        thread = self._thread
        return thread is not None and thread.ident == threading.get_ident()

    def waiting(self) -> int:
        """Records of this process that are not sent yet, as far as it knows."""
        with self._counting:
            outbox, batch = self._spool.outbox, self._in_hand
            in_hand = len(batch.items) if batch is not None and not self.adoption.has(batch) else 0
            return in_hand + self._memory.waiting() + (outbox.waiting() if outbox is not None else 0)

    def oldest_age(self) -> float:
        """Seconds since the record that is being sent was written; 0 where none is."""
        batch = self._in_hand
        return max(time.time() - batch.items[0].written_at / 1e9, 0.0) if batch is not None else 0.0

    def flush(self, timeout: float) -> bool:
        """Send what waits now; False where it could not be, at the first attempt and in `timeout` seconds."""
        with self._counting:
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
            self._settled.wait_for(lambda: self.adoption.is_alone or self._failures > 0, timeout)
        return self.adoption.is_alone

    def stop(self, timeout: float) -> bool:
        """Send what can be sent in `timeout` seconds; False where it is still in a request then."""
        thread = self._thread
        if thread is None:
            return True
        if not self._is_stopping:  # else it was asked before, and has no more time than it had
            self._stop_at = time.monotonic() + timeout
            self._is_stopping = True
        self._wake.set()
        thread.join(max(self._stop_at - time.monotonic(), 0))
        return not thread.is_alive()

    def release(self) -> None:
        """Once stopped: put back what is in hand, and leave the rest to who comes next."""
        batch = self._in_hand
        if batch is not None and batch.outbox is None:
            for item in batch.items:
                self._memory.append(item.group, item.content)
        self.adoption.release()
        self._sender.close()
        self._begin()

    def forget(self) -> None:
        """In a forked child: there is no thread, and what it had is the parent's."""
        self._sender.forget()
        self.adoption.forget()
        self._begin()

    def _run(self) -> None:
        has_more = False
        while True:
            if not (has_more or self._is_wanted()):
                self._is_idle = True
                self._wake.wait(_DELAY)
                self._is_idle = False
                self._wake.clear()
            try:
                self._before_round()
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
            with self._counting:
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
        while (batch := self.adoption.take()) is not None:
            self._in_hand = batch
            if not self._deliver(batch):
                return False
            if self._is_wanted() or time.monotonic() >= until:
                return True
        self._tell()
        return False

    def _deliver(self, batch: Batch) -> bool:
        if not self._sender.send(batch.items, self._timeout):
            return False
        if batch.outbox is not None:
            batch.outbox.done(batch)
        with self._counting:
            self._in_hand = None
            if not self.adoption.has(batch):
                self._finished += len(batch.items)
        self._tell()
        return True

    def _next(self) -> Batch | None:
        batch = self._memory.take()
        if batch is None and self._spool.outbox is not None:
            batch = self._spool.outbox.take()
        return batch

    def _timeout(self) -> float:
        if not self._is_stopping:
            return self._settings.timeout
        return max(min(self._settings.timeout, self._stop_at - time.monotonic()), 0.1)

    def _pause(self, seconds: float) -> bool:
        self._failures += 1
        self._wanted = 0  # whoever waits is told that it failed
        self._tell()
        self._before_round()
        self.adoption.keep_limit()
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
