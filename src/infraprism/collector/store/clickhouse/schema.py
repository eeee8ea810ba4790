"""The tables on ClickHouse, as numbered migrations of statements that each may run any number of times.

No lock is needed: collectors that start together run the same statements, and what is there already is left
alone. What is released is never edited.

A row is told apart by what `calls` is ordered by. The session is no part of it, since a call may get its
session later; nor is a call ever on another shard for it: the trace tells where a row goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from infraprism.collector.store.clickhouse.address import Address


@dataclass(frozen=True)
class _Table:
    name: str
    columns: str
    order: str
    #: By which rows find their shard.
    shard: str
    partition: str | None = None
    #: After which rows are dropped.
    lifetime: str | None = None


_HOUR: Final = "intDiv(started_at, 3600000000000)"
_MONTH: Final = "toYYYYMM(fromUnixTimestamp64Nano(started_at, 'UTC'))"

_SCHEMA_VERSION: Final = _Table(
    "schema_version", "version Int64, row_version Int64 DEFAULT 0", "version", "intHash64(version)"
)
# Of equal rows, the one with the highest `row_version` is the row. A row that arrives has minus its time, so
# that the first of several stays; one that replaces it has a time.
_CALLS: Final = _Table(
    "calls",
    """
    trace_id String,
    span_id String,
    parent_span_id Nullable(String),
    started_at Int64,
    ended_at Int64,
    name String,
    session_id Nullable(String),
    entity_type LowCardinality(Nullable(String)),
    entity_id Nullable(String),
    tags Map(String, String),
    provider LowCardinality(Nullable(String)),
    operation LowCardinality(Nullable(String)),
    request_model LowCardinality(Nullable(String)),
    response_model LowCardinality(Nullable(String)),
    service_tier LowCardinality(Nullable(String)),
    input_tokens Nullable(Int64),
    output_tokens Nullable(Int64),
    cache_read_tokens Nullable(Int64),
    cache_write_tokens Nullable(Int64),
    reasoning_tokens Nullable(Int64),
    amount Nullable(Decimal(38, 24)),
    currency LowCardinality(Nullable(String)),
    cost_status LowCardinality(Nullable(String)),
    cost_source LowCardinality(Nullable(String)),
    price_version LowCardinality(Nullable(String)),
    cost_parts Map(String, Decimal(38, 24)),
    is_error Bool,
    error_type LowCardinality(Nullable(String)),
    service_name LowCardinality(Nullable(String)),
    attributes String CODEC(ZSTD),
    cost_quantities Map(String, Decimal(38, 18)),
    effective_from Nullable(Int64),
    adjustment_percent Nullable(Decimal(38, 18)),
    usage Map(String, Decimal(38, 18)),
    usage_unpriced Array(String),
    is_batch Bool,
    is_priced_here Bool,
    is_session_inherited Bool,
    is_entity_inherited Bool,
    is_usage_known Bool DEFAULT true,
    row_version Int64,
    INDEX session_of_call session_id TYPE bloom_filter GRANULARITY 1
    """,
    f"{_HOUR}, trace_id, span_id, started_at",
    "cityHash64(trace_id)",
    _MONTH,
)
_SPANS: Final = _Table(
    "spans",
    """
    trace_id String,
    span_id String,
    parent_span_id Nullable(String),
    started_at Int64,
    ended_at Int64,
    name String,
    session_id String,
    entity_type LowCardinality(Nullable(String)),
    entity_id Nullable(String),
    tags Map(String, String),
    is_error Bool,
    error_type LowCardinality(Nullable(String)),
    service_name LowCardinality(Nullable(String)),
    attributes String CODEC(ZSTD),
    row_version Int64,
    INDEX session_of_span session_id TYPE bloom_filter GRANULARITY 1
    """,
    f"{_HOUR}, trace_id, span_id, started_at",
    "cityHash64(trace_id)",
    _MONTH,
)
_RECOSTS: Final = _Table(
    "recosts",
    """
    id Int64,
    recosted_at Int64,
    since Int64,
    until Nullable(Int64),
    model Nullable(String),
    entity_type Nullable(String),
    entity_id Nullable(String),
    unpriced Bool,
    price_version String,
    calls Int64,
    changed Int64,
    newly_priced Int64,
    newly_unpriced Int64,
    skipped Map(String, Int64),
    amount_before String,
    amount_after String,
    row_version Int64 DEFAULT 0
    """,
    "id",
    "intHash64(id)",
)
_RECOST_CHANGES: Final = _Table(
    "recost_changes",
    """
    recost_id Int64,
    trace_id String,
    span_id String,
    started_at Int64,
    amount Nullable(Decimal(38, 24)),
    currency LowCardinality(Nullable(String)),
    cost_status LowCardinality(String),
    cost_source LowCardinality(Nullable(String)),
    price_version LowCardinality(Nullable(String)),
    cost_parts Map(String, Decimal(38, 24)),
    cost_quantities Map(String, Decimal(38, 18)),
    effective_from Nullable(Int64),
    adjustment_percent Nullable(Decimal(38, 18)),
    row_version Int64 DEFAULT 0
    """,
    "trace_id, span_id, started_at, recost_id",
    "cityHash64(trace_id)",
)

_KEYS: Final = _Table(
    "keys",
    """
    id String,
    name String,
    scopes String,
    hash String,
    prefix String,
    created_at Int64,
    last_used_at Nullable(Int64),
    revoked_at Nullable(Int64),
    row_version Int64 DEFAULT 0
    """,
    "id",
    "cityHash64(id)",
)
_AUDIT: Final = _Table(
    "audit",
    """
    id Int64,
    done_at Int64,
    action String,
    who String,
    key_id Nullable(String),
    target Nullable(String),
    calls Nullable(Int64),
    spans Nullable(Int64),
    costs_before Nullable(Int64),
    row_version Int64 DEFAULT 0
    """,
    "id, done_at",
    "intHash64(id)",
)
_DELETED: Final = _Table(
    "deleted",
    "started_at Int64, hash String, row_version Int64 DEFAULT 0",
    "started_at, hash",
    "cityHash64(hash)",
)
_PROBE: Final = _Table(
    "probe", "place UInt8 DEFAULT 0, written_at Int64, row_version Int64 DEFAULT 0", "place", "place"
)
#: How far a database file has been copied, by table.
_COPIES: Final = _Table(
    "copies",
    "source Int64, name String, row_version Int64",
    "source, name",
    "intHash64(source)",
)
#: New costs that a recost has found, until they are in `calls`.
_RECOST_COSTS: Final = _Table(
    "recost_costs",
    """
    recost_id Int64,
    chunk Int64,
    trace_id String,
    span_id String,
    started_at Int64,
    amount Nullable(Decimal(38, 24)),
    currency LowCardinality(Nullable(String)),
    cost_status LowCardinality(Nullable(String)),
    cost_source LowCardinality(Nullable(String)),
    price_version LowCardinality(Nullable(String)),
    cost_parts Map(String, Decimal(38, 24)),
    cost_quantities Map(String, Decimal(38, 18)),
    effective_from Nullable(Int64),
    adjustment_percent Nullable(Decimal(38, 18)),
    inserted_at DateTime DEFAULT now(),
    row_version Int64 DEFAULT 0
    """,
    "recost_id, chunk, trace_id, span_id, started_at",
    "cityHash64(trace_id)",
    lifetime="inserted_at + INTERVAL 30 DAY",
)

_BUDGETS: Final = _Table(
    "budgets",
    """
    id String,
    name String,
    amount Decimal(38, 24),
    per String,
    entity_type Nullable(String),
    entity_id Nullable(String),
    value Nullable(String),
    period String,
    action String,
    webhook_url Nullable(String),
    created_at Int64,
    row_version Int64 DEFAULT 0
    """,
    "id",
    "cityHash64(id)",
)
# Of what several collectors find at the same time, the first stays.
_RESERVATIONS: Final = _Table(
    "reservations",
    """
    id String,
    started_at Int64,
    expires_at Int64,
    amount Decimal(38, 24),
    session_id Nullable(String),
    entity_type Nullable(String),
    entity_id Nullable(String),
    tags Map(String, String),
    row_version Int64 DEFAULT -started_at
    """,
    "id",
    "cityHash64(id)",
)
_SETTLEMENTS: Final = _Table(
    "settlements",
    """
    reservation_id String,
    settled_at Int64,
    trace_id Nullable(String),
    span_id Nullable(String),
    amount Nullable(Decimal(38, 24)),
    row_version Int64 DEFAULT -settled_at
    """,
    "reservation_id",
    "cityHash64(reservation_id)",
)
_CROSSINGS: Final = _Table(
    "budget_crossings",
    """
    id String,
    budget_id String,
    entity_type String,
    entity_id String,
    value String,
    period_start Int64,
    crossed_at Int64,
    budget_amount Decimal(38, 24),
    spent String,
    reserved String,
    row_version Int64 DEFAULT -crossed_at
    """,
    "id",
    "cityHash64(id)",
)
_ATTEMPTS: Final = _Table(
    "webhook_attempts",
    """
    crossing_id String,
    attempted_at Int64,
    is_delivered Bool,
    answer String,
    row_version Int64 DEFAULT 0
    """,
    "crossing_id, attempted_at",
    "cityHash64(crossing_id)",
)

#: Migration n (counted from 1) brings the schema from version n - 1 to n.
MIGRATIONS: Final = (
    (
        _SCHEMA_VERSION,
        _CALLS,
        _SPANS,
        _RECOSTS,
        _RECOST_CHANGES,
        _RECOST_COSTS,
        _KEYS,
        _AUDIT,
        _DELETED,
        _PROBE,
        _COPIES,
    ),
    (_BUDGETS, _RESERVATIONS, _SETTLEMENTS, _CROSSINGS, _ATTEMPTS),
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


def _create(table: _Table, address: Address) -> Iterator[str]:
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
