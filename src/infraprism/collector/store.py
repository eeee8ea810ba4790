"""The embedded store: one DuckDB file, one writer thread, any number of readers.

    submit() ─► queue (bounded by spans) ─► writer thread ─► BEGIN, INSERT what is new, COMMIT ─► acknowledged
                                             takes all that waits: what arrives together is committed together

An acknowledgement means that the commit is on disk: it survives `kill -9`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from infraprism.collector import queries, schema
from infraprism.collector.calls import Batch

QUEUE_SPANS: Final = 50_000
#: Rows of one commit; a bound on what the writer holds twice in memory.
COMMIT_SPANS: Final = 20_000

_log = logging.getLogger(__name__)


class CannotOpenError(Exception):
    """The database cannot be used; the message is one line that names the file."""


class QueueFullError(Exception):
    """The writer is behind; send the same batch again later."""


class StoreFailedError(Exception):
    """The batch was not stored; send the same batch again later."""


@dataclass(slots=True)
class _Write:
    batch: Batch
    done: Future[None] = field(default_factory=Future)


class Store:
    """Calls and spans in one DuckDB file. Safe to use from any thread."""

    def __init__(self, path: Path, *, queue_spans: int = QUEUE_SPANS) -> None:
        """Open or create the file at `path` and start the writer. Raises `CannotOpenError`."""
        self.path = path
        self.calls_stored = 0
        self.spans_stored = 0
        self.repeats_dropped = 0
        self._queue_spans = queue_spans
        self._waiting: deque[_Write] = deque()
        self._waiting_spans = 0
        self._closing = False
        self._changed = threading.Condition()
        self._root = _open(path)
        self._writer = threading.Thread(target=self._write_until_closed, name="infraprism-store-writer")
        self._writer.start()

    def submit(self, batch: Batch) -> Future[None]:
        """Queue `batch`; the future is done once its rows are durable, or holds `StoreFailedError`.

        Raises `QueueFullError` when more spans wait than allowed, `StoreFailedError` when closing.
        """
        write = _Write(batch)
        if not len(batch):
            write.done.set_result(None)
            return write.done
        with self._changed:
            if self._closing:
                raise StoreFailedError("the collector is stopping")
            # A batch larger than the whole queue must have a way in: alone.
            if self._waiting_spans and self._waiting_spans + len(batch) > self._queue_spans:
                raise QueueFullError(f"{self._waiting_spans} spans wait to be stored")
            self._waiting.append(write)
            self._waiting_spans += len(batch)
            self._changed.notify()
        return write.done

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for queries, in one snapshot of the data; the writer is not held up."""
        cursor = self._root.cursor()
        try:
            cursor.begin()
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        """Store what is queued, then let go of the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._root.close()

    def _write_until_closed(self) -> None:
        connection = self._root.cursor()
        while writes := self._next_writes():
            try:
                self._commit(connection, [write.batch for write in writes])
            except duckdb.Error as error:
                _log.error("could not store %d batches: %s", len(writes), error)
                failure = StoreFailedError("the store could not write the batch")
                for write in writes:
                    write.done.set_exception(failure)
            else:
                for write in writes:
                    write.done.set_result(None)
            with self._changed:
                self._waiting_spans -= sum(len(write.batch) for write in writes)
        connection.close()

    def _next_writes(self) -> list[_Write]:
        """Everything that waits, up to the size of one commit; empty once closing and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            writes: list[_Write] = []
            spans = 0
            while self._waiting and (not writes or spans + len(self._waiting[0].batch) <= COMMIT_SPANS):
                write = self._waiting.popleft()
                write.done.set_running_or_notify_cancel()
                writes.append(write)
                spans += len(write.batch)
            return writes

    def _commit(self, connection: duckdb.DuckDBPyConnection, batches: list[Batch]) -> None:
        calls = [call for batch in batches for call in batch.calls]
        spans = [span for batch in batches for span in batch.spans]
        connection.begin()
        try:
            calls_stored = queries.insert(connection, queries.CALLS, calls)
            spans_stored = queries.insert(connection, queries.SPANS, spans)
            connection.commit()
        except duckdb.Error:
            connection.rollback()
            raise
        self.calls_stored += calls_stored
        self.spans_stored += spans_stored
        self.repeats_dropped += len(calls) + len(spans) - calls_stored - spans_stored


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        # No extension is ever fetched from the network.
        connection = duckdb.connect(
            path, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        schema.migrate(connection)
    except (duckdb.Error, schema.SchemaTooNewError) as error:
        reason = str(error).splitlines()[0]
        raise CannotOpenError(f"cannot open the database {path}: {reason}") from error
    return connection
