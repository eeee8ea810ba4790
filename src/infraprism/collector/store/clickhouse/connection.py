"""Questions put to ClickHouse as they are put to DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client

from infraprism.collector.store.clickhouse import dialect


class Rows:
    """What one statement found."""

    def __init__(self, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        #: As of Python's database interface: of each column, first its name.
        self.description = [(name,) for name in names]
        self._rows = iter(rows)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that were not given out yet."""
        return list(self._rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None behind the last one."""
        return next(self._rows, None)


class ClickHouseConnection:
    """One client, with the ways of DuckDB's connection. Each statement reads what is there then."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def execute(self, query: str, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one question of DuckDB's dialect. Raises `ClickHouseError`."""
        bound = dict(parameters or {})
        translated = dialect.translate(query, dialect.bound(bound))
        result = self._client.query(translated, parameters=bound)
        return Rows(result.column_names, [tuple(row) for row in result.result_rows])
