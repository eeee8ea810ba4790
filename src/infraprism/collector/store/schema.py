"""The tables of the store, as numbered migrations; what is released is never edited."""

from __future__ import annotations

from typing import Final

import duckdb

_CALLS_AND_SPANS: Final = """
CREATE TABLE calls (
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    session_id VARCHAR,
    entity_type VARCHAR,
    entity_id VARCHAR,
    tags MAP(VARCHAR, VARCHAR) NOT NULL,
    provider VARCHAR,
    operation VARCHAR,
    request_model VARCHAR,
    response_model VARCHAR,
    service_tier VARCHAR,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_tokens BIGINT,
    reasoning_tokens BIGINT,
    amount DECIMAL(38, 24),
    currency VARCHAR,
    cost_status VARCHAR,
    cost_source VARCHAR,
    price_version VARCHAR,
    cost_parts MAP(VARCHAR, DECIMAL(38, 24)) NOT NULL,
    is_error BOOLEAN NOT NULL,
    error_type VARCHAR,
    service_name VARCHAR,
    attributes VARCHAR NOT NULL
);
CREATE TABLE spans (
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL,
    entity_type VARCHAR,
    entity_id VARCHAR,
    tags MAP(VARCHAR, VARCHAR) NOT NULL,
    is_error BOOLEAN NOT NULL,
    error_type VARCHAR,
    service_name VARCHAR,
    attributes VARCHAR NOT NULL
);
"""

#: What explains a cost, and what becomes of it. Of calls from before, `usage` stays NULL: only their tokens
#: are known. A request of a batch was known by its batch only.
_HISTORY: Final = """
ALTER TABLE calls ADD COLUMN cost_quantities MAP(VARCHAR, DECIMAL(38, 18));
ALTER TABLE calls ADD COLUMN effective_from BIGINT;
ALTER TABLE calls ADD COLUMN adjustment_percent DECIMAL(38, 18);
ALTER TABLE calls ADD COLUMN usage MAP(VARCHAR, DECIMAL(38, 18));
ALTER TABLE calls ADD COLUMN usage_unpriced VARCHAR[];
ALTER TABLE calls ADD COLUMN is_batch BOOLEAN DEFAULT false;
UPDATE calls SET is_batch = true
WHERE contains(attributes, '"infraprism.batch.id":') OR contains(attributes, '"infraprism.batch.custom_id":');
CREATE TABLE recosts (
    id BIGINT NOT NULL,
    recosted_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    model VARCHAR,
    entity_type VARCHAR,
    entity_id VARCHAR,
    unpriced BOOLEAN NOT NULL,
    price_version VARCHAR NOT NULL,
    calls BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    newly_priced BIGINT NOT NULL,
    newly_unpriced BIGINT NOT NULL,
    skipped MAP(VARCHAR, BIGINT) NOT NULL,
    amount_before VARCHAR NOT NULL,
    amount_after VARCHAR NOT NULL
);
CREATE TABLE recost_changes (
    recost_id BIGINT NOT NULL,
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    started_at BIGINT NOT NULL,
    amount DECIMAL(38, 24),
    currency VARCHAR,
    cost_status VARCHAR NOT NULL,
    cost_source VARCHAR,
    price_version VARCHAR,
    cost_parts MAP(VARCHAR, DECIMAL(38, 24)) NOT NULL,
    cost_quantities MAP(VARCHAR, DECIMAL(38, 18)),
    effective_from BIGINT,
    adjustment_percent DECIMAL(38, 18)
);
"""

#: Budgets, and what is spent before it is in `calls`: a reservation is a call to come, its settlement what
#: became of it. One without a trace id says that there was no call, one without an amount that it is unknown.
#: What was sent of a crossing, and when it is sent next, follows from the attempts.
_BUDGETS: Final = """
CREATE TABLE budgets (
    id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    amount DECIMAL(38, 24) NOT NULL,
    per VARCHAR NOT NULL,
    entity_type VARCHAR,
    entity_id VARCHAR,
    value VARCHAR,
    period VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    webhook_url VARCHAR,
    created_at BIGINT NOT NULL
);
CREATE TABLE reservations (
    id VARCHAR NOT NULL,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    amount DECIMAL(38, 24) NOT NULL,
    session_id VARCHAR,
    entity_type VARCHAR,
    entity_id VARCHAR,
    tags MAP(VARCHAR, VARCHAR) NOT NULL
);
CREATE TABLE settlements (
    reservation_id VARCHAR NOT NULL,
    settled_at BIGINT NOT NULL,
    trace_id VARCHAR,
    span_id VARCHAR,
    amount DECIMAL(38, 24)
);
CREATE TABLE budget_crossings (
    id VARCHAR NOT NULL,
    budget_id VARCHAR NOT NULL,
    entity_type VARCHAR NOT NULL,
    entity_id VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    period_start BIGINT NOT NULL,
    crossed_at BIGINT NOT NULL,
    budget_amount DECIMAL(38, 24) NOT NULL,
    spent VARCHAR NOT NULL,
    reserved VARCHAR NOT NULL
);
CREATE TABLE webhook_attempts (
    crossing_id VARCHAR NOT NULL,
    attempted_at BIGINT NOT NULL,
    is_delivered BOOLEAN NOT NULL,
    answer VARCHAR NOT NULL
);
"""

#: Who may ask, what was done to what is stored, and what must not come back.
_ACCESS: Final = """
CREATE TABLE keys (
    id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    scopes VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,
    prefix VARCHAR NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE TABLE audit (
    id BIGINT NOT NULL,
    done_at BIGINT NOT NULL,
    action VARCHAR NOT NULL,
    who VARCHAR NOT NULL,
    key_id VARCHAR,
    target VARCHAR,
    calls BIGINT,
    spans BIGINT,
    costs_before BIGINT
);
CREATE TABLE deleted (
    started_at BIGINT NOT NULL,
    hash VARCHAR NOT NULL
);
CREATE TABLE probe (written_at BIGINT NOT NULL);
INSERT INTO probe VALUES (0);
"""

#: How a call came to its cost and its session, where the collector found them.
_FOUND_HERE: Final = """
ALTER TABLE calls ADD COLUMN is_priced_here BOOLEAN DEFAULT false;
ALTER TABLE calls ADD COLUMN is_session_inherited BOOLEAN DEFAULT false;
ALTER TABLE calls ADD COLUMN is_entity_inherited BOOLEAN DEFAULT false;
"""

#: Migration n (counted from 1) brings the schema from version n - 1 to n.
MIGRATIONS: Final = (_CALLS_AND_SPANS, _HISTORY, _ACCESS, _BUDGETS, _FOUND_HERE)


class SchemaTooNewError(Exception):
    """The file was written by a later release than this one."""


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the database up to the newest schema, each step in a transaction of its own.

    Raises `SchemaTooNewError` when it is already beyond; the file is then left untouched.
    """
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise SchemaTooNewError(
            f"its schema has version {version}, this release knows {len(MIGRATIONS)}; use a newer release"
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.begin()
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        connection.execute(statements)
        connection.execute("INSERT INTO schema_version VALUES ($number)", {"number": number})
        connection.commit()


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    known = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'schema_version'"
    ).fetchone()
    if known is None:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    assert row is not None
    return int(row[0])
