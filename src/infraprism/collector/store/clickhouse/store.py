"""The store on ClickHouse: any number of collectors in front of one database; none keeps anything.

    submit() ─► queue (bounded by spans) ─► writer threads ─► INSERT, until it is durable ─► acknowledged

Nobody looks whether a row is there already: of equal rows, reading finds one, and merges drop the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from infraprism.collector.ingest.calls import Batch, unique
from infraprism.collector.store import deletions
from infraprism.collector.store.clickhouse import insertion, migrations, recosting
from infraprism.collector.store.clickhouse.address import Address
from infraprism.collector.store.clickhouse.clients import Clients, of_server, reason
from infraprism.collector.store.clickhouse.connection import ClickHouseConnection
from infraprism.collector.store.clickhouse.recosting import ClickHouseRecosting
from infraprism.collector.store.interface import (
    CannotAnswerError,
    CannotOpenError,
    ChangeRunningError,
    StoreFailedError,
)
from infraprism.collector.store.queue import QUEUE_SPANS, Write, WriteQueue

#: While one waits for the server, the others go on.
WRITERS: Final = 4

_log = logging.getLogger(__name__)


class ClickHouseStore:
    """Calls and spans in a ClickHouse database. Safe to use from any thread."""

    is_shared = True

    def __init__(self, address: Address, *, queue_spans: int = QUEUE_SPANS) -> None:
        """Make what is missing of the tables and start the writers. Raises `CannotOpenError`."""
        self.place = str(address)
        self._address = address
        #: Rows that were sent to be stored: who sends one again is not found out here.
        self.calls_stored = 0
        self.spans_stored = 0
        #: Only those within what was stored together.
        self.repeats_dropped = 0
        self.deleted_dropped = 0
        #: What is known of a call late is not taken into account here.
        self.calls_counted_elsewhere = 0
        try:
            migrations.migrate(address)
            self._clients = Clients(address)
            with self._clients.one() as client:
                recosting.finish(client)
        except ClickHouseError as error:
            raise CannotOpenError(f"cannot open the database {self.place}: {reason(error)}") from None
        except migrations.SchemaTooNewError as error:
            raise CannotOpenError(f"cannot open the database {self.place}: {error}") from None
        #: Held by whoever changes rows that are there.
        self._change = threading.Lock()
        self._counting = threading.Lock()
        self._queue = WriteQueue(queue_spans)
        self._writers = [
            threading.Thread(target=self._write_until_closed, name=f"infraprism-store-writer-{number}")
            for number in range(WRITERS)
        ]
        for writer in self._writers:
            writer.start()

    def submit(self, batch: Batch) -> Future[None]:
        """Queue `batch`; the future is done once its rows are durable, or holds `StoreFailedError`.

        Raises `QueueFullError` when more spans wait than allowed, `StoreFailedError` when closing.
        """
        return self._queue.submit(batch)

    def probe(self) -> Future[None]:
        """As `submit`, of nothing but the time: done once the store has written."""
        return self._queue.probe()

    @contextmanager
    def reader(self) -> Iterator[ClickHouseConnection]:
        """A connection for questions, each of which reads what is there then. Raises `CannotAnswerError`."""
        with self._answering() as client:
            yield ClickHouseConnection(client, self._address)

    @contextmanager
    def changer(self) -> Iterator[ClickHouseConnection]:
        """A connection for a change of stored rows, each statement of which takes effect at once.

        Raises `ChangeRunningError` while this collector makes another one.
        """
        with self._changing() as client:
            yield ClickHouseConnection(client, self._address)

    @contextmanager
    def _changing(self) -> Iterator[Client]:
        if not self._change.acquire(blocking=False):
            raise ChangeRunningError
        try:
            with self._answering() as client:
                yield client
        finally:
            self._change.release()

    @contextmanager
    def _answering(self) -> Iterator[Client]:
        try:
            with self._clients.one() as client:
                yield client
        except ClickHouseError as error:
            _log.warning("%s could not answer: %s", self.place, reason(error))
            raise CannotAnswerError(f"the store could not answer: {reason(error)}") from None

    @contextmanager
    def recosting(self) -> Iterator[ClickHouseRecosting]:
        """For pricing stored calls again. Raises `ChangeRunningError` while this collector does."""
        with self._changing() as client:
            yield ClickHouseRecosting(client)

    @property
    def closing(self) -> bool:
        """Whether the store is about to stop."""
        return self._queue.closing

    def close(self) -> None:
        """Store what is queued, then stop."""
        self._queue.close()
        for writer in self._writers:
            writer.join()
        with self._change:
            self._clients.close()

    def _write_until_closed(self) -> None:
        while writes := self._queue.take():
            self._write(writes)
            self._queue.release(writes)

    def _write(self, writes: list[Write]) -> None:
        try:
            self._commit([write.batch for write in writes])
        except Exception as error:  # noqa: BLE001 - a writer must outlive whatever one batch brings
            if len(writes) > 1 and not of_server(error):
                for write in writes:  # the fault is in one of them
                    self._write([write])
                return
            why = reason(error) if isinstance(error, ClickHouseError) else type(error).__name__
            _log.error("could not store %d batches in %s: %s", len(writes), self.place, why)
            for write in writes:
                write.done.set_exception(StoreFailedError("the store could not write the batch"))
        else:
            for write in writes:
                write.done.set_result(None)

    def _commit(self, batches: list[Batch]) -> None:
        calls = [call for batch in batches for call in batch.calls]
        spans = [span for batch in batches for span in batch.spans]
        version = -time.time_ns()
        unique_calls, unique_spans = unique(calls), unique(spans)
        with self._clients.one() as client:
            connection = ClickHouseConnection(client, self._address)
            if not calls and not spans:  # only a probe brings nothing
                connection.execute("INSERT INTO probe (written_at) VALUES ($now)", {"now": -version})
            own_calls = deletions.alive(connection, unique_calls)
            own_spans = deletions.alive(connection, unique_spans)
            insertion.insert(client, "calls", own_calls, version)
            insertion.insert(client, "spans", own_spans, version)
        with self._counting:
            self.calls_stored += len(own_calls)
            self.spans_stored += len(own_spans)
            different = len(unique_calls) + len(unique_spans)
            self.repeats_dropped += len(calls) + len(spans) - different
            self.deleted_dropped += different - len(own_calls) - len(own_spans)
