"""The tables on ClickHouse, as numbered migrations of statements that each may run any number of times.

No lock is needed: collectors that start together run the same statements, and what is there already is left
alone. What is released is never edited.

A row is told apart by what `calls` is ordered by. The session is no part of it, since a call may get its
session later; nor is a call ever on another shard for it: the trace tells where a row goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infraprism.collector.store.clickhouse import call_tables, state_tables
from infraprism.collector.store.clickhouse.address import Address
from infraprism.collector.store.clickhouse.table import Table

#: Migration n (counted from 1) brings the schema from version n - 1 to n.
MIGRATIONS: Final = (
    (
        state_tables.SCHEMA_VERSION,
        call_tables.CALLS,
        call_tables.SPANS,
        call_tables.RECOSTS,
        call_tables.RECOST_CHANGES,
        call_tables.RECOST_COSTS,
        state_tables.KEYS,
        state_tables.AUDIT,
        state_tables.DELETED,
        state_tables.PROBE,
        state_tables.COPIES,
    ),
    (
        state_tables.BUDGETS,
        state_tables.RESERVATIONS,
        state_tables.SETTLEMENTS,
        state_tables.CROSSINGS,
        state_tables.ATTEMPTS,
    ),
)


def database(address: Address) -> str:
    """The statement that makes the database."""
    return f"CREATE DATABASE IF NOT EXISTS `{address.database}`{_on_cluster(address)}"


def statements(address: Address, version: int) -> Iterator[str]:
    """The statements of migration `version`, in their order."""
    for table in MIGRATIONS[version - 1]:
        yield from _create(table, address)


def changed(table: str, address: Address) -> str:
    """Where rows of `table` are changed in place: on each host that has some."""
    return f"`{address.database}`.{table}{'_local' if address.cluster else ''}{_on_cluster(address)}"


def _create(table: Table, address: Address) -> Iterator[str]:
    rows = f"{table.name}_local" if address.cluster else table.name
    engine = "ReplacingMergeTree(row_version)"
    # A window of tokens is what lets one insertion be sent twice; replicated tables have one by themselves.
    kept = "non_replicated_deduplication_window = 10000, "
    if address.replicated:
        # A path of its own, since the one by default holds an id that another host would not have.
        path = "/clickhouse/tables/{shard}/{database}/{table}"
        engine = f"ReplicatedReplacingMergeTree('{path}', '{{replica}}', row_version)"
        kept = ""
    lifetime = f" TTL {table.lifetime}" if table.lifetime else ""
    partition = f" PARTITION BY {table.partition}" if table.partition else ""
    yield (
        f"CREATE TABLE IF NOT EXISTS `{address.database}`.{rows}{_on_cluster(address)} ({table.columns})"
        f" ENGINE = {engine}{partition} ORDER BY ({table.order}){lifetime}"
        f" SETTINGS {kept}fsync_after_insert = 1, fsync_part_directory = 1"
    )
    if address.cluster:
        yield (
            f"CREATE TABLE IF NOT EXISTS `{address.database}`.{table.name}{_on_cluster(address)}"
            f" AS `{address.database}`.{rows}"
            f" ENGINE = Distributed('{address.cluster}', '{address.database}', '{rows}', {table.shard})"
        )


def _on_cluster(address: Address) -> str:
    return f" ON CLUSTER `{address.cluster}`" if address.cluster else ""
