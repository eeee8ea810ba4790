"""What became of the records, counted; each drop has a reason."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

#: The spool was at its limit and the oldest went; memory was, where the disk could not be written; the
#: server took the request and rejected some of it; refused it; would not take a single record for its
#: size; a record could not be encoded, or its file vanished before it was sent.
DropReason = Literal[
    "spool_full", "memory_full", "rejected", "refused", "too_large", "not_encoded", "vanished"
]
#: Not dropped, but not sent again by this process: key, permission, address or redirect are wrong.
HeldReason = Literal["unauthorized", "forbidden", "not_found", "redirected", "proxy_authentication"]


class Counts:
    """Counters of one signal in this process. Safe to be used from any thread."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin at 0: in a forked child they are the parent's."""
        self._lock = threading.RLock()  # a collection of garbage may end a span in the middle
        self.sent = 0
        self.retried = 0
        self.adopted = 0
        self.damaged_files = 0
        self.disk_failures = 0
        self.dropped: Counter[DropReason] = Counter()
        self.held: Counter[HeldReason] = Counter()

    def add_sent(self, records: int) -> None:
        """The server has accepted them."""
        with self._lock:
            self.sent += records

    def add_retried(self, records: int) -> None:
        """A request with them failed for a reason that may pass."""
        with self._lock:
            self.retried += records

    def add_adopted(self) -> None:
        """The spool of a dead process was taken over."""
        with self._lock:
            self.adopted += 1

    def add_damaged_file(self) -> None:
        """A file was damaged: its intact records go out, and it is set aside."""
        with self._lock:
            self.damaged_files += 1

    def add_disk_failure(self) -> None:
        """The disk did not take a record; it is kept in memory."""
        with self._lock:
            self.disk_failures += 1

    def drop(self, reason: DropReason, records: int = 1) -> None:
        """Records are lost."""
        with self._lock:
            self.dropped[reason] += records

    def hold(self, reason: HeldReason, records: int) -> None:
        """Records are kept for another process to send."""
        with self._lock:
            self.held[reason] += records
