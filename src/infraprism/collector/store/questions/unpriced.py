"""Calls whose cost is not, or not all, known, and why."""

from __future__ import annotations

from typing import Final

from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions import groups
from infraprism.collector.store.questions.asked import Asked, Row, where
from infraprism.collector.store.questions.filters import Filter
from infraprism.collector.store.questions.metrics import in_period

#: Why, the first that holds.
REASONS: Final = {
    "model_missing": f"provider IS NULL OR {groups.MODEL} IS NULL",
    "price_of_part_missing": "cost_status = 'partial'",
    "usage_missing": "input_tokens IS NULL AND output_tokens IS NULL AND coalesce(cardinality(usage), 0) = 0",
    "price_missing": "true",
}


def calls(connection: Connection, wanted: Filter, limit: int) -> list[Row]:
    """At most `limit` rows by provider, model and reason, those of the most calls first.

    `wanted` has both ends of its period.
    """
    asked = Asked()
    why = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in REASONS.items())
    conditions = ["cost_status IN ('unpriced', 'partial')", *in_period(wanted, asked)]
    return asked.rows(
        connection,
        f"""
        WITH parts AS (
            SELECT provider, {groups.MODEL} AS model, CASE {why} END AS reason,
                session_id, entity_type, entity_id, count(*) AS calls,
                coalesce(sum(input_tokens), 0) AS tokens_in, coalesce(sum(output_tokens), 0) AS tokens_out,
                min(started_at) AS first_at, max(started_at) AS last_at
            FROM calls {where(conditions)} GROUP BY ALL
        )
        SELECT provider, model, reason, sum(calls) AS call_count, count(session_id) AS session_count,
            sum(tokens_in) AS input_tokens, sum(tokens_out) AS output_tokens,
            min(first_at) AS first_seen_at, max(last_at) AS last_seen_at
        FROM parts GROUP BY provider, model, reason
        ORDER BY call_count DESC, coalesce(provider, ''), coalesce(model, ''), reason
        LIMIT {asked.bind(limit)}
        """,
    )
