"""Questions and small changes put to ClickHouse as they are put to DuckDB."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client
from sqlglot import exp

from infraprism.collector.store.clickhouse import dialect, schema
from infraprism.collector.store.clickhouse.address import Address


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

    def __init__(self, client: Client, address: Address) -> None:
        self._client = client
        self._address = address

    def execute(self, query: str, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Run one statement of DuckDB's dialect; a change is done at once. Raises `ClickHouseError`."""
        bound = dict(parameters or {})
        tree = dialect.translated(query, dialect.bound(bound))
        match tree:
            case exp.Insert():
                return self._change(dialect.text(tree), bound)
            case exp.Update():
                changes = ", ".join(map(dialect.text, tree.expressions))
                return self._change(
                    f"ALTER TABLE {self._where(tree)} UPDATE {changes} {_condition(tree)}", bound
                )
            case exp.Delete():
                counted = f"SELECT count() FROM {tree.this.name} {_condition(tree)}"  # noqa: S608
                count = self._client.query(counted, parameters=bound).result_rows
                self._change(f"DELETE FROM {self._where(tree)} {_condition(tree)}", bound)  # noqa: S608
                return Rows(("count",), [tuple(row) for row in count])
        result = self._client.query(dialect.text(tree), parameters=bound)
        return Rows(result.column_names, [tuple(row) for row in result.result_rows])

    def commit(self) -> None:
        """What was changed is there already: ClickHouse has no transactions."""

    def _where(self, tree: exp.Expr) -> str:
        return schema.changed(tree.this.name, self._address)

    def _change(self, statement: str, bound: dict[str, Any]) -> Rows:
        # Two that are alike are two, and not one that was sent again.
        alone = {"insert_deduplication_token": secrets.token_hex(16)}
        self._client.command(statement, parameters=bound, settings=alone)
        return Rows((), [])


def _condition(tree: exp.Expr) -> str:
    where = tree.args.get("where")
    return dialect.text(where) if where is not None else "WHERE true"
