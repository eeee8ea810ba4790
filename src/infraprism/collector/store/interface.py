"""What every store can do, and how it fails. The rooms know a store by this."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from infraprism.collector.ingest.calls import Batch

if TYPE_CHECKING:
    from infraprism.collector.store.recosting import Recosting


class CannotOpenError(Exception):
    """The database cannot be used; the message is one line that names it, without its password."""


class QueueFullError(Exception):
    """The writer is behind; send the same batch again later."""


class StoreFailedError(Exception):
    """The batch was not stored; send the same batch again later."""


class ChangeRunningError(Exception):
    """Another change of what is stored has not ended yet."""


class CannotAnswerError(Exception):
    """The store could not answer a question; asking again later may help. The message is one line."""


class Result(Protocol):
    """The rows that a statement found."""

    @property
    def description(self) -> Any:
        """A sequence for each column that begins with its name."""

    def fetchall(self) -> list[Any]:
        """All rows, as tuples."""

    def fetchone(self) -> Any:
        """The next row, or None behind the last one."""


class Connection(Protocol):
    """Where questions are put. Belongs to one thread at a time."""

    def execute(self, query: str, parameters: Mapping[str, Any] = ..., /) -> Result:
        """Run one statement of DuckDB's dialect; `parameters` are bound to its `$names`."""

    def commit(self) -> Any:
        """Let what was changed take effect."""


class Store(Protocol):
    """Calls and spans, durable. Safe to use from any thread."""

    #: Whether other collectors may change the same data.
    is_shared: bool
    #: Since the start.
    calls_stored: int
    spans_stored: int
    repeats_dropped: int
    deleted_dropped: int
    calls_counted_elsewhere: int

    @property
    def place(self) -> str:
        """Where the data is, for people to read: without a password."""

    def submit(self, batch: Batch) -> Future[None]:
        """Queue `batch`; the future is done once its rows are durable, or holds `StoreFailedError`.

        Raises `QueueFullError` when more spans wait than allowed, `StoreFailedError` when closing.
        """

    def probe(self) -> Future[None]:
        """As `submit`, of nothing but the time: done once the store has written."""

    def reader(self) -> AbstractContextManager[Connection]:
        """A connection for questions. What goes wrong in it is raised as `CannotAnswerError`."""

    def changer(self) -> AbstractContextManager[Connection]:
        """A connection for a change of stored rows, which takes effect where it is committed.

        Raises `ChangeRunningError` while another one is on its way.
        """

    def recosting(self) -> AbstractContextManager[Recosting]:
        """For pricing stored calls again. Raises `ChangeRunningError` while another one is on its way."""

    @property
    def closing(self) -> bool:
        """Whether the store is about to let go of its data."""

    def close(self) -> None:
        """Store what is queued, then let go of the data. A change that has not ended is given up."""
