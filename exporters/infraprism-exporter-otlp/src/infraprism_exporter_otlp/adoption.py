"""The spools of dead processes: they are taken over one by one, and kept within the limit."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Final

from infraprism_exporter_otlp import upkeep
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.outbox import Batch, Outbox
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.spool import Spool

#: How often it is looked for spools of processes that have died since.
_SECONDS: Final = 10.0


class Adoption:
    """Gives batches of what dead processes have left. To be used by one thread.

    Attributes:
        lock: held while a spool is adopted.
        is_alone: it has looked, and there was nobody's spool to adopt.
    """

    def __init__(self, settings: Settings, spool: Spool, counts: Counts) -> None:
        self._settings = settings
        self._spool = spool
        self._counts = counts
        self._begin()

    def _begin(self) -> None:
        self.lock = threading.Lock()
        self.is_alone = False
        self._outbox: Outbox | None = None
        self._look_at = 0.0
        self._upkeep_at = 0.0
        self._takes_held = True

    def take(self) -> Batch | None:
        """The next batch; None where there is none now."""
        while True:
            if self._outbox is None:
                if time.monotonic() < self._look_at:
                    return None
                with self.lock:
                    home = upkeep.adopt_next(self._settings.folder, held=self._takes_held)
                if home is None:
                    # What a server does not let in again would come back at once.
                    self._takes_held, self.is_alone = False, True
                    self._look_at = time.monotonic() + _SECONDS
                    self.keep_limit()
                    return None
                self._outbox = Outbox(home, self._counts, is_own=False)
                self._counts.add_adopted()
            batch = self._outbox.take()
            if batch is not None:
                return batch
            outbox, self._outbox = self._outbox, None
            outbox.close()
            outbox.home.release(remove=True)

    def has(self, batch: Batch) -> bool:
        """Whether that batch is a dead process's."""
        return batch.outbox is not None and batch.outbox is self._outbox

    def keep_limit(self) -> None:
        """Drop the oldest where there is too much on disk; looks only now and then."""
        if time.monotonic() >= self._upkeep_at:
            self._upkeep_at = time.monotonic() + _SECONDS
            folder, limit = self._settings.folder, self._settings.max_bytes
            with self.lock:
                upkeep.keep_limit(folder, limit, self._spool.outbox, self._counts)

    def release(self) -> None:
        """Leave what is not delivered to who comes next."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox.home.release(remove=False)
        self._begin()

    def forget(self) -> None:
        """In a forked child: it is the parent's."""
        if self._outbox is not None:
            with contextlib.suppress(OSError):
                self._outbox.close()
                self._outbox.home.forget()
        self._begin()
