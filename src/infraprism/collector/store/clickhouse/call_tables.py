"""The tables of calls, of other spans, and of what calls cost before."""

from __future__ import annotations

from typing import Final

from infraprism.collector.store.clickhouse.table import Table

_HOUR: Final = "intDiv(started_at, 3600000000000)"
_MONTH: Final = "toYYYYMM(fromUnixTimestamp64Nano(started_at, 'UTC'))"

# Of equal rows, the one with the highest `row_version` is the row. A row that arrives has minus its time, so
# that the first of several stays; one that replaces it has a time.
CALLS: Final = Table(
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
SPANS: Final = Table(
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
RECOSTS: Final = Table(
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
RECOST_CHANGES: Final = Table(
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

#: New costs that a recost has found, until they are in `calls`.
RECOST_COSTS: Final = Table(
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
