"""Appending calls and spans, once each. Bound parameters only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import duckdb

from infraprism.collector.ingest.calls import Call, SessionSpan


@dataclass(frozen=True)
class Table:
    """A table that rows are appended to, once each."""

    name: str
    columns: tuple[str, ...]

    @property
    def insert(self) -> str:
        """Appends the rows of the bound columns whose identity is not there yet.

        Only the batch's own stretch of time is searched for repeats, where zone maps keep it cheap; a
        primary key would cost every insert more as the table grows.
        """
        columns = ", ".join(f"{_column(name)} AS {name}" for name in self.columns)
        return f"""
            INSERT INTO {self.name} ({", ".join(self.columns)})
            SELECT * FROM (SELECT {columns}) AS batch
            WHERE NOT EXISTS (
                SELECT 1 FROM {self.name} AS stored
                WHERE stored.started_at BETWEEN $earliest AND $latest
                    AND stored.started_at = batch.started_at
                    AND stored.trace_id = batch.trace_id
                    AND stored.span_id = batch.span_id
            )
        """  # noqa: S608


_TYPES: Final = {
    "started_at": "BIGINT",
    "ended_at": "BIGINT",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
    "reasoning_tokens": "BIGINT",
    "amount": "DECIMAL(38, 24)",
    "is_error": "BOOLEAN",
    "effective_from": "BIGINT",
    "adjustment_percent": "DECIMAL(38, 18)",
    "usage_unpriced": "VARCHAR[]",
    "is_batch": "BOOLEAN",
}
#: Columns that are maps: their keys and their values are bound as two lists of lists.
_MAPS: Final = {
    "tags": "VARCHAR",
    "cost_parts": "DECIMAL(38, 24)",
    "cost_quantities": "DECIMAL(38, 18)",
    "usage": "DECIMAL(38, 18)",
}


def _column(name: str) -> str:
    if name in _MAPS:
        return f"map(unnest(${name}_keys::VARCHAR[][]), unnest(${name}_values::{_MAPS[name]}[][]))"
    return f"unnest(${name}::{_TYPES.get(name, 'VARCHAR')}[])"


CALLS: Final = Table("calls", Call._fields)
SPANS: Final = Table("spans", SessionSpan._fields)


def insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Call | SessionSpan]) -> int:
    """Append those of `rows` that are not stored yet; returns how many they were."""
    unique: dict[tuple[str, str, int], Call | SessionSpan] = {}
    for row in rows:
        unique.setdefault((row.trace_id, row.span_id, row.started_at), row)
    if not unique:
        return 0
    parameters: dict[str, Any] = {}
    for name, values in zip(table.columns, zip(*unique.values(), strict=True), strict=True):
        if name in _MAPS:
            parameters[f"{name}_keys"] = [list(value) for value in values]
            parameters[f"{name}_values"] = [[_bindable(item) for item in value.values()] for value in values]
        else:
            parameters[name] = [_bindable(value) for value in values]
    parameters["earliest"] = min(parameters["started_at"])
    parameters["latest"] = max(parameters["started_at"])
    inserted = connection.execute(table.insert, parameters).fetchone()
    assert inserted is not None
    return int(inserted[0])


def _bindable(value: object) -> object:
    # A list of decimals would be bound with a scale guessed from its members; their text is exact.
    return format(value, "f") if isinstance(value, Decimal) else value
