"""The tables that rows are appended to, and how: as columns, each row once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import duckdb

from infraprism.collector.ingest.calls import Call, Row, SessionSpan, unique
from infraprism.collector.store import columns


@dataclass(frozen=True)
class Table:
    """A table that rows are appended to, once each."""

    name: str
    columns: tuple[str, ...]

    @property
    def insert(self) -> str:
        """Appends the rows of `batch` whose identity is not there yet.

        Only the batch's own stretch of time is searched for repeats, where zone maps keep it cheap; a
        primary key would cost every insert more as the table grows.
        """
        selected = ", ".join(f"{_selected(name)} AS {name}" for name in self.columns)
        return f"""
            INSERT INTO {self.name} ({", ".join(self.columns)})
            SELECT {selected} FROM batch
            WHERE NOT EXISTS (
                SELECT 1 FROM {self.name} AS stored
                WHERE stored.started_at BETWEEN $earliest AND $latest
                    AND stored.started_at = batch.started_at
                    AND stored.trace_id = batch.trace_id
                    AND stored.span_id = batch.span_id
            )
        """  # noqa: S608


_INTEGERS: Final = frozenset(
    {
        "started_at",
        "ended_at",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "effective_from",
    }
)
_BOOLEANS: Final = frozenset(
    {"is_error", "is_batch", "is_priced_here", "is_session_inherited", "is_entity_inherited"}
)
#: Decimals travel as text, which is exact.
_DECIMALS: Final = {"amount": "DECIMAL(38, 24)", "adjustment_percent": "DECIMAL(38, 18)"}
_LISTS: Final = frozenset({"usage_unpriced"})
#: Columns that are maps: their keys and their values travel as two lists of texts.
_MAPS: Final = {
    "tags": "VARCHAR",
    "cost_parts": "DECIMAL(38, 24)",
    "cost_quantities": "DECIMAL(38, 18)",
    "usage": "DECIMAL(38, 18)",
}


def _selected(name: str) -> str:
    if name in _MAPS:
        return f"map({name}_keys, {name}_values::{_MAPS[name]}[])"
    if name in _BOOLEANS:
        return f"{name}::BOOLEAN"
    return f"{name}::{_DECIMALS[name]}" if name in _DECIMALS else name


CALLS: Final = Table("calls", Call._fields)
SPANS: Final = Table("spans", SessionSpan._fields)


def insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> int:
    """Append those of `rows` that are not stored yet; returns how many they were."""
    different = unique(rows)
    if not different:
        return 0
    arrays: dict[str, Any] = {}
    starts: Sequence[int] = ()
    for name, values in zip(table.columns, zip(*different, strict=True), strict=True):
        if name in _MAPS:
            arrays[f"{name}_keys"] = columns.lists(values)
            arrays[f"{name}_values"] = columns.lists([_spelt(value) for value in values])
        else:
            write: Callable[[Any], Any] = _WRITE.get(name) or columns.texts
            arrays[name] = write(values)
        if name == "started_at":
            starts = values
    connection.register("batch", columns.batch(arrays, len(different)))
    try:
        inserted = connection.execute(
            table.insert, {"earliest": min(starts), "latest": max(starts)}
        ).fetchone()
    finally:
        connection.unregister("batch")
    assert inserted is not None
    return int(inserted[0])


def _decimals(values: Sequence[Decimal | None]) -> Any:
    return columns.texts([None if value is None else format(value, "f") for value in values])


def _spelt(values: Mapping[str, Any]) -> Sequence[str]:
    return [value if isinstance(value, str) else format(value, "f") for value in values.values()]


_WRITE: Final[dict[str, Callable[[Any], Any]]] = dict(
    chain(
        ((name, columns.integers) for name in _INTEGERS),
        ((name, columns.booleans) for name in _BOOLEANS),
        ((name, columns.lists) for name in _LISTS),
        ((name, _decimals) for name in _DECIMALS),
    )
)
