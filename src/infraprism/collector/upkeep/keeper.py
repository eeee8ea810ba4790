"""What the collector does by itself from time to time: let old calls expire, note when keys were used."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from infraprism.collector.access.keyring import Keyring
from infraprism.collector.store import deletions
from infraprism.collector.store.deletions import Audit, Deleted
from infraprism.collector.store.interface import ChangeRunningError, Store

#: Rows of each table that one commit deletes: the writer waits for no longer than that.
CHUNK: Final = 10_000
_ROUND_SECONDS: Final = 60
_log = logging.getLogger(__name__)


class Keeper:
    """A thread that keeps the store, once a minute."""

    def __init__(self, store: Store, keyring: Keyring, retention: int | None) -> None:
        """`retention`: nanoseconds for which calls are kept; None keeps them for good."""
        self._store = store
        self._keyring = keyring
        self._retention = retention
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="infraprism-keeper")

    def start(self) -> None:
        """Begin with the first round."""
        self._thread.start()

    def close(self) -> None:
        """End with the commit that is running, and note once more when keys were used."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._round()
            self._stop.wait(_ROUND_SECONDS)
        self._round()

    def _round(self) -> None:
        try:
            self._keyring.note_use()
            if self._retention is not None:
                self.expire(time.time_ns() - self._retention)
        except ChangeRunningError:
            pass  # the next round comes soon
        except Exception as error:  # noqa: BLE001 - the next round must come whatever this one met
            _log.error("upkeep of the store failed: %s", type(error).__name__)

    def expire(self, before: int) -> Deleted:
        """Delete what started before this time (Unix nanoseconds), in small commits; returns how much it was.

        Raises `ChangeRunningError`.
        """
        total = Deleted(0, 0, 0)
        while not self._stop.is_set():
            with self._store.changer() as connection:
                deleted = deletions.expired(connection, before, CHUNK)
                if any(deleted):
                    row = Audit(0, time.time_ns(), "expire", "retention", None, None, *deleted)
                    deletions.record(connection, row)
                connection.commit()
            total = Deleted(*(sum(pair) for pair in zip(total, deleted, strict=True)))
            if max(deleted) < CHUNK:
                break
        return total
