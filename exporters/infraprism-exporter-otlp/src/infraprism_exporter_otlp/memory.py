"""Where records wait that the disk did not take: bounded, and the oldest goes first."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.frames import Group
from infraprism_exporter_otlp.outbox import MAX_ITEMS, Batch
from infraprism_exporter_otlp.segment_reader import Item

#: Bytes of encoded records.
MAX_BYTES: Final = 8 * 2**20


class Memory:
    """A queue of records. Safe to be used from any thread."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self.forget()

    def append(self, group: Group, item: bytes) -> None:
        """Keep one more; the oldest go where it is too much."""
        with self._lock:
            self._items.append(Item(group, item, time.time_ns()))
            self._bytes += len(item)
            while self._bytes > MAX_BYTES:
                self._bytes -= len(self._items.popleft().content)
                self._counts.drop("memory_full")

    def take(self) -> Batch | None:
        """The oldest of them; None where there are none."""
        with self._lock:
            items = [self._items.popleft() for _ in range(min(MAX_ITEMS, len(self._items)))]
            self._bytes -= sum(len(item.content) for item in items)
        return Batch(items) if items else None

    def waiting(self) -> int:
        """How many there are."""
        return len(self._items)

    def forget(self) -> None:
        """In a forked child: they are the parent's."""
        self._lock = threading.Lock()
        self._items: deque[Item] = deque()
        self._bytes = 0
