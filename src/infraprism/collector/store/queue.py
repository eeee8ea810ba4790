"""What waits to be written, bounded by spans; what arrives together is taken together."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from infraprism.collector.ingest.calls import Batch
from infraprism.collector.store.interface import QueueFullError, StoreFailedError

QUEUE_SPANS: Final = 50_000
#: Rows of one commit; a bound on what a writer holds twice in memory.
COMMIT_SPANS: Final = 20_000


@dataclass(slots=True)
class Write:
    """One batch on its way; `done` is what its sender waits for."""

    batch: Batch
    done: Future[None] = field(default_factory=Future)


class WriteQueue:
    """Between those who send and those who write; safe to use from any thread."""

    def __init__(self, spans: int = QUEUE_SPANS) -> None:
        self._most_spans = spans
        self._waiting: deque[Write] = deque()
        self._waiting_spans = 0
        self._closing = False
        self._changed = threading.Condition()

    def submit(self, batch: Batch) -> Future[None]:
        """As `Store.submit`."""
        write = Write(batch)
        write.done.set_running_or_notify_cancel()  # a sender that leaves does not take its spans with it
        if not len(batch) and not batch.links:
            write.done.set_result(None)
            return write.done
        with self._changed:
            if self._closing:
                raise StoreFailedError("the collector is stopping")
            # A batch larger than the whole queue must have a way in: alone.
            if self._waiting_spans and self._waiting_spans + len(batch) > self._most_spans:
                raise QueueFullError(f"{self._waiting_spans} spans wait to be stored")
            self._waiting.append(write)
            self._waiting_spans += len(batch)
            self._changed.notify()
        return write.done

    def probe(self) -> Future[None]:
        """As `Store.probe`: an empty batch that is taken like any other."""
        write = Write(Batch())
        write.done.set_running_or_notify_cancel()
        with self._changed:
            if self._closing:
                raise StoreFailedError("the collector is stopping")
            self._waiting.append(write)
            self._changed.notify()
        return write.done

    def take(self) -> list[Write]:
        """Everything that waits, up to the size of one commit; empty once closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            writes: list[Write] = []
            spans = 0
            while self._waiting and (not writes or spans + len(self._waiting[0].batch) <= COMMIT_SPANS):
                writes.append(self._waiting.popleft())
                spans += len(writes[-1].batch)
            return writes

    def release(self, writes: list[Write]) -> None:
        """Those are written, or have failed: there is room for others."""
        with self._changed:
            self._waiting_spans -= sum(len(write.batch) for write in writes)

    @property
    def closing(self) -> bool:
        """Whether nothing is taken in any more."""
        return self._closing

    def close(self) -> None:
        """Take nothing in any more; what waits is still given out."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
