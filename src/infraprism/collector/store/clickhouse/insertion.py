"""Rows of calls and spans into ClickHouse: as columns, each batch once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from infraprism.collector.ingest.calls import Call, SessionSpan

VERSION: Final = "row_version"
_TYPES: Final = {
    "trace_id": "String",
    "span_id": "String",
    "started_at": "Int64",
    "ended_at": "Int64",
    "name": "String",
    "attributes": "String",
    "tags": "Map(String, String)",
    "input_tokens": "Nullable(Int64)",
    "output_tokens": "Nullable(Int64)",
    "cache_read_tokens": "Nullable(Int64)",
    "cache_write_tokens": "Nullable(Int64)",
    "reasoning_tokens": "Nullable(Int64)",
    "amount": "Nullable(Decimal(38, 24))",
    "cost_parts": "Map(String, Decimal(38, 24))",
    "is_error": "Bool",
    "cost_quantities": "Map(String, Decimal(38, 18))",
    "effective_from": "Nullable(Int64)",
    "adjustment_percent": "Nullable(Decimal(38, 18))",
    "usage": "Map(String, Decimal(38, 18))",
    "usage_unpriced": "Array(String)",
    "is_batch": "Bool",
    "is_priced_here": "Bool",
    "is_session_inherited": "Bool",
    "is_entity_inherited": "Bool",
    "is_usage_known": "Bool",
    "recost_id": "Int64",
    "chunk": "Int64",
    VERSION: "Int64",
}


def insert(client: Client, table: str, rows: Sequence[Call | SessionSpan], version: int) -> None:
    """Append `rows` and return once they are durable; of equal rows, the highest `version` is the one.

    Safe to repeat after a failure that leaves open whether it happened. Raises `ClickHouseError`, and
    `ValueError` for what it cannot hold.
    """
    if not rows:
        return
    columns = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    insert_columns(client, table, {**columns, VERSION: [version] * len(rows)})


def insert_columns(client: Client, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """As `insert`, of columns by their names; all of them together must be unlike any other insertion."""
    client.insert(
        table,
        list(columns.values()),
        column_names=list(columns),
        column_type_names=[_TYPES.get(name, "Nullable(String)") for name in columns],
        column_oriented=True,
        settings={"insert_deduplication_token": _token(columns)},
    )


def _token(columns: Mapping[str, Sequence[Any]]) -> str:
    """What tells an insertion from all others, and not from itself sent again."""
    names = ("recost_id", "trace_id", "span_id", "started_at", VERSION)
    rows = zip(*(columns[name] for name in names if name in columns), strict=True)
    return hashlib.blake2b(repr(list(rows)).encode(), digest_size=16).hexdigest()
