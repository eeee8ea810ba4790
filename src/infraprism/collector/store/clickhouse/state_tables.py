"""The tables of all that is no call: keys, what was done, budgets, how far the store itself is."""

from __future__ import annotations

from typing import Final

from infraprism.collector.store.clickhouse.table import Table

SCHEMA_VERSION: Final = Table(
    "schema_version", "version Int64, row_version Int64 DEFAULT 0", "version", "intHash64(version)"
)
KEYS: Final = Table(
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
AUDIT: Final = Table(
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
DELETED: Final = Table(
    "deleted",
    "started_at Int64, hash String, row_version Int64 DEFAULT 0",
    "started_at, hash",
    "cityHash64(hash)",
)
PROBE: Final = Table(
    "probe", "place UInt8 DEFAULT 0, written_at Int64, row_version Int64 DEFAULT 0", "place", "place"
)
#: How far a database file has been copied, by table.
COPIES: Final = Table(
    "copies",
    "source Int64, name String, row_version Int64",
    "source, name",
    "intHash64(source)",
)
BUDGETS: Final = Table(
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
RESERVATIONS: Final = Table(
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
SETTLEMENTS: Final = Table(
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
CROSSINGS: Final = Table(
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
ATTEMPTS: Final = Table(
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
