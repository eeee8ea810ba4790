"""The embedded store: one DuckDB file, one writer thread, any number of readers.

    submit() ─► queue (bounded by spans) ─► writer thread ─► BEGIN, INSERT what is new, COMMIT ─► acknowledged
                                             takes all that waits: what arrives together is committed together

An acknowledgement means that the commit is on disk: it survives `kill -9`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import duckdb

from infraprism.collector.ingest.calls import Batch
from infraprism.collector.store import backups, deletions, schema, tables
from infraprism.collector.store.interface import (
    CannotAnswerError,
    CannotOpenError,
    ChangeRunningError,
    StoreFailedError,
)
from infraprism.collector.store.queue import QUEUE_SPANS, Write, WriteQueue
from infraprism.collector.store.recosting import EmbeddedRecosting
from infraprism.collector.store.traces import Traces

_log = logging.getLogger(__name__)


class Store:
    """Calls and spans in one DuckDB file. Safe to use from any thread."""

    #: A file is open in one process at a time.
    is_shared = False

    def __init__(self, path: Path, *, queue_spans: int = QUEUE_SPANS) -> None:
        """Open or create the file at `path` and start the writer. Raises `CannotOpenError`."""
        self.path = path.absolute()
        self.calls_stored = 0
        self.spans_stored = 0
        self.repeats_dropped = 0
        #: Delivered again after they had been deleted.
        self.deleted_dropped = 0
        #: Calls that were stored, until it turned out that another call carries their money.
        self.calls_counted_elsewhere = 0
        self._queue = WriteQueue(queue_spans)
        self._readers = 0
        #: Held by whoever changes rows that are there.
        self._change = threading.Lock()
        #: Whether DuckDB has given the file up; only the writer's thread asks.
        self._is_invalid = False
        #: Of how many read.
        self._changed = threading.Condition()
        self._root = _open(self.path)
        self._traces = Traces(self._root)
        self._writer = threading.Thread(target=self._write_until_closed, name="infraprism-store-writer")
        self._writer.start()

    @property
    def place(self) -> str:
        """Where the data is, for people to read."""
        return str(self.path)

    def submit(self, batch: Batch) -> Future[None]:
        """Queue `batch`; the future is done once its rows are durable, or holds `StoreFailedError`.

        Raises `QueueFullError` when more spans wait than allowed, `StoreFailedError` when closing.
        """
        return self._queue.submit(batch)

    def probe(self) -> Future[None]:
        """As `submit`, of nothing but the time: done once the store has written."""
        return self._queue.probe()

    def back_up(self, target: Path) -> backups.Summary:
        """Copy all that is stored to the new file `target`, in one snapshot; the writer goes on meanwhile.

        Raises `ChangeRunningError`, `backups.BackupError`.
        """
        with self.changer() as connection:
            row = connection.execute("SELECT current_database()").fetchone()
            assert row is not None
            return backups.copy(connection, row[0], target)

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for queries, in one snapshot of the data; the writer is not held up.

        What DuckDB cannot do in it is raised as `CannotAnswerError`.
        """
        with self._changed:
            cursor = self._root.cursor()
            self._readers += 1
        try:
            cursor.begin()
            yield cursor
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise CannotAnswerError(f"the store could not answer: {reason}") from error
        finally:
            cursor.close()
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def changer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, in a transaction, for a change of stored rows; it takes effect where it is committed.

        The writer goes on meanwhile. A long change asks `closing` in between. Raises `ChangeRunningError`.
        """
        if not self._change.acquire(blocking=False):
            raise ChangeRunningError
        try:
            with self.reader() as connection:
                yield connection
        finally:
            self._change.release()

    @contextmanager
    def recosting(self) -> Iterator[EmbeddedRecosting]:
        """For pricing stored calls again, which nobody else does meanwhile. Raises as `changer`."""
        with self.changer() as connection:
            yield EmbeddedRecosting(connection)

    @property
    def closing(self) -> bool:
        """Whether the store is about to let go of the file."""
        return self._queue.closing

    def close(self) -> None:
        """Store what is queued, then let go of the file. A change that is not committed yet is given up."""
        self._queue.close()
        self._writer.join()
        with self._change:
            self._root.close()

    def _write_until_closed(self) -> None:
        while writes := self._queue.take():
            self._write(writes)
            self._queue.release(writes)

    def _write(self, writes: list[Write]) -> None:
        try:
            if self._is_invalid:
                self._reopen()
            self._commit([write.batch for write in writes])
        except Exception as error:  # noqa: BLE001 - the writer must outlive whatever one batch brings
            self._is_invalid = self._is_invalid or isinstance(error, duckdb.FatalException)
            if len(writes) > 1 and not self._is_invalid:
                for write in writes:  # the fault may be in one of them
                    self._write([write])
                return
            # Other messages can quote values of the rows.
            is_told = isinstance(error, (duckdb.IOException, duckdb.FatalException, CannotOpenError))
            reason = error if is_told else type(error).__name__
            _log.error("could not store %d batches in %s: %s", len(writes), self.path, reason)
            for write in writes:
                write.done.set_exception(StoreFailedError("the store could not write the batch"))
        else:
            for write in writes:
                write.done.set_result(None)

    def _commit(self, batches: list[Batch]) -> None:
        calls = [call for batch in batches for call in batch.calls]
        spans = [span for batch in batches for span in batch.spans]
        with self._root.cursor() as connection:
            connection.begin()  # closing the connection rolls back what was not committed
            total = len(calls) + len(spans)
            if not total:  # only a probe brings nothing; beside others it is their commit that proves it
                connection.execute("UPDATE probe SET written_at = $now", {"now": time.time_ns()})
            calls, spans = deletions.alive(connection, calls), deletions.alive(connection, spans)
            calls_stored = tables.insert(connection, tables.CALLS, calls)
            spans_stored = tables.insert(connection, tables.SPANS, spans)
            others = self._traces.settle(connection, batches)
            connection.commit()
        self.calls_counted_elsewhere += others
        self.calls_stored += calls_stored
        self.spans_stored += spans_stored
        self.deleted_dropped += total - len(calls) - len(spans)
        self.repeats_dropped += len(calls) + len(spans) - calls_stored - spans_stored

    def _reopen(self) -> None:
        """Start over after a failure (a full disk, mostly) that DuckDB answers by refusing everything.

        Nothing acknowledged is lost: the log on disk is replayed. Raises `CannotOpenError`.
        """
        with self._changed:
            # The file is only really opened anew once nobody holds the failed one.
            self._changed.wait_for(lambda: not self._readers)
            self._root.close()
        self._root = _open(self.path)
        self._is_invalid = False
        _log.warning("opened %s again after a failure", self.path)


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
