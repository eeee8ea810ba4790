"""Every SQL statement of the store, with bound parameters only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from infraprism import semconv
from infraprism.collector.store.interface import Connection

#: The amount is summed as whole units and as fraction: each sum fits its type whatever is stored, so that
#: no amount, however absurd, can make a total overflow.
_SESSIONS: Final = """
    WITH page AS (
        SELECT
            session_id,
            coalesce(entity_type, '') AS entity_type,
            coalesce(entity_id, '') AS entity_id,
            max(ended_at) AS last_activity_at
        FROM calls
        WHERE session_id IS NOT NULL {calls_wanted}
        GROUP BY ALL
        {sessions_wanted}
        ORDER BY last_activity_at DESC, entity_type, entity_id, session_id
        LIMIT $limit
    )
    SELECT
        page.session_id,
        nullif(page.entity_type, '') AS entity_type,
        nullif(page.entity_id, '') AS entity_id,
        min(calls.started_at) AS started_at,
        page.last_activity_at,
        count(*) FILTER (
            list_contains($turn_operations, calls.operation) AND NOT calls.is_error
        ) AS turn_count,
        count(*) AS call_count,
        count(*) FILTER (calls.is_error) AS error_count,
        coalesce(sum(trunc(calls.amount)::BIGINT), 0) AS cost_units,
        coalesce(sum(calls.amount - trunc(calls.amount)), 0) AS cost_fraction,
        count(calls.cost_status) AS with_status,
        count(*) FILTER (calls.cost_status IS NULL AND NOT calls.is_error) AS pending_calls,
        count(*) FILTER (calls.cost_status = 'unpriced') AS unpriced_calls,
        count(*) FILTER (calls.cost_status = 'partial') AS partial_calls,
        count(*) FILTER (calls.cost_status = 'estimated') AS estimated_calls,
        count(*) FILTER (calls.cost_status = 'free') AS free_calls,
        coalesce(sum(calls.input_tokens), 0) AS input_tokens,
        coalesce(sum(calls.output_tokens), 0) AS output_tokens,
        coalesce(sum(calls.cache_read_tokens), 0) AS cached_tokens,
        list(DISTINCT coalesce(calls.response_model, calls.request_model)) AS models,
        list(DISTINCT calls.tags) FILTER (cardinality(calls.tags) > 0) AS tags
    FROM page JOIN calls
        ON calls.session_id = page.session_id
        AND coalesce(calls.entity_type, '') = page.entity_type
        AND coalesce(calls.entity_id, '') = page.entity_id
    GROUP BY page.session_id, page.entity_type, page.entity_id, page.last_activity_at
    ORDER BY page.last_activity_at DESC, page.entity_type, page.entity_id, page.session_id
"""
_SESSION_CALLS: Final = """
    SELECT trace_id, span_id, started_at, ended_at, operation, provider, request_model, response_model,
        service_tier, input_tokens, output_tokens, cache_read_tokens, reasoning_tokens, amount, currency,
        cost_status, cost_source, price_version, cost_parts, is_error, error_type, tags
    FROM calls
    WHERE session_id = $session_id
        AND coalesce(entity_type, '') = $entity_type
        AND coalesce(entity_id, '') = $entity_id
    ORDER BY started_at, ended_at, trace_id, span_id
"""


class Position(NamedTuple):
    """Where a session stands in the list; a page continues behind the last one's."""

    #: Unix nanoseconds.
    last_activity_at: int
    #: Empty for "no entity", here and in `SessionFilter`.
    entity_type: str
    entity_id: str
    session_id: str


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are asked for; None does not ask."""

    session_id: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    #: Sessions whose last activity is at this time or later, in Unix nanoseconds.
    active_since: int | None = None
    after: Position | None = None


def sessions(connection: Connection, wanted: SessionFilter, limit: int) -> list[dict[str, Any]]:
    """At most `limit` sessions, latest activity first, one dict of column values each."""
    parameters: dict[str, Any] = {"limit": limit, "turn_operations": sorted(semconv.TURN_OPERATIONS)}
    calls_wanted = ""
    if wanted.session_id is not None:
        calls_wanted += "AND session_id = $session_id "
        parameters["session_id"] = wanted.session_id
    if wanted.entity_type is not None:
        calls_wanted += "AND coalesce(entity_type, '') = $entity_type "
        parameters["entity_type"] = wanted.entity_type
    if wanted.entity_id is not None:
        calls_wanted += "AND coalesce(entity_id, '') = $entity_id "
        parameters["entity_id"] = wanted.entity_id
    sessions_wanted = []
    if wanted.active_since is not None:
        sessions_wanted.append("max(ended_at) >= $active_since")
        parameters["active_since"] = wanted.active_since
    if wanted.after is not None:
        sessions_wanted.append(
            "(-max(ended_at), coalesce(entity_type, ''), coalesce(entity_id, ''), session_id)"
            " > (-$after_time::BIGINT, $after_type, $after_id, $after_session)"
        )
        for name, value in zip(("time", "type", "id", "session"), wanted.after, strict=True):
            parameters[f"after_{name}"] = value
    having = f"HAVING {' AND '.join(sessions_wanted)}" if sessions_wanted else ""
    return _dicts(connection, _SESSIONS.format(calls_wanted=calls_wanted, sessions_wanted=having), parameters)


def calls_of_session(
    connection: Connection, session_id: str, entity_type: str, entity_id: str
) -> list[dict[str, Any]]:
    """Every call of one session in the order of time, one dict of column values each."""
    return _dicts(
        connection,
        _SESSION_CALLS,
        {"session_id": session_id, "entity_type": entity_type, "entity_id": entity_id},
    )


def _dicts(connection: Connection, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    result = connection.execute(sql, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
