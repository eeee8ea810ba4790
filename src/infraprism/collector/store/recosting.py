"""How stored calls get other costs: all of them, or none. What the rooms know of it, and DuckDB's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from infraprism.collector.recosts.repricing import Stored
from infraprism.collector.store import history
from infraprism.collector.store.history import CallFilter, Recost
from infraprism.pricing import Cost

if TYPE_CHECKING:
    import duckdb


class Recosting(Protocol):
    """One recost on its way; what was not committed did not happen."""

    def next_id(self) -> int:
        """The id of this recost."""

    def chunks(self, wanted: CallFilter) -> Iterator[list[Stored]]:
        """The wanted calls, some at a time; those of one chunk are replaced before the next is asked for."""

    def replace(self, recost_id: int, changes: Sequence[tuple[Stored, Cost]]) -> None:
        """Give calls of the last chunk their new costs, and keep those that they had."""

    def commit(self, recost: Recost) -> None:
        """Let what was replaced take effect, and add the row that tells of it."""


class EmbeddedRecosting:
    """In one transaction of DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def next_id(self) -> int:
        """The id of this recost."""
        return history.next_id(self._connection)

    def chunks(self, wanted: CallFilter) -> Iterator[list[Stored]]:
        """The wanted calls, some at a time."""
        return history.chunks(self._connection, wanted)

    def replace(self, recost_id: int, changes: Sequence[tuple[Stored, Cost]]) -> None:
        """Give calls of the last chunk their new costs, and keep those that they had."""
        history.replace(self._connection, recost_id, changes)

    def commit(self, recost: Recost) -> None:
        """Let what was replaced take effect, and add the row that tells of it."""
        history.record(self._connection, recost)
        self._connection.commit()
