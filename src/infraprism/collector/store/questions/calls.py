"""The calls of one session, and its other spans, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from infraprism.collector.store.interface import Connection
from infraprism.collector.store.questions.asked import Asked, Row
from infraprism.collector.store.questions.sessions import Key

_COLUMNS: Final = (
    "trace_id, span_id, parent_span_id, name, started_at, ended_at, operation, provider, request_model,"
    " response_model, service_tier, input_tokens, output_tokens, cache_read_tokens, reasoning_tokens, amount,"
    " currency, cost_status, cost_source, price_version, cost_parts, is_error, error_type, tags"
)
_IN_TIME: Final = "started_at, ended_at, trace_id, span_id"


class Moment(NamedTuple):
    """Where a call or a span stands in its session; times in Unix nanoseconds."""

    started_at: int
    ended_at: int
    trace_id: str
    span_id: str


class Item(NamedTuple):
    """A call or another span of a session, before all else is known of it."""

    started_at: int
    ended_at: int
    trace_id: str
    span_id: str
    parent_span_id: str | None
    is_call: bool
    #: When all that began before had ended; None of the first.
    busy_until: int | None

    @property
    def moment(self) -> Moment:
        """Where it stands."""
        return Moment(*self[:4])


def of_session(connection: Connection, session: Key, limit: int, after: Moment | None = None) -> list[Row]:
    """At most `limit` calls of a session, one dict of column values each."""
    asked = Asked()
    behind = ""
    if after is not None:
        behind = f"AND ({_IN_TIME}) > ({', '.join(map(asked.bind, after))})"
    return asked.rows(
        connection,
        f"SELECT {_COLUMNS} FROM calls WHERE {_of(session, asked)} {behind}"
        f" ORDER BY {_IN_TIME} LIMIT {asked.bind(limit)}",
    )


def trace_ids(connection: Connection, session: Key, limit: int) -> list[str]:
    """At most `limit` traces that the calls of a session are in, the first one first."""
    asked = Asked()
    rows = asked.rows(
        connection,
        f"SELECT trace_id FROM calls WHERE {_of(session, asked)} GROUP BY trace_id"
        f" ORDER BY min(started_at), trace_id LIMIT {asked.bind(limit)}",
    )
    return [row["trace_id"] for row in rows]


def items(connection: Connection, session: Key, limit: int, after: Moment | None = None) -> list[Item]:
    """At most `limit` calls and other spans of a session."""
    asked = Asked()
    behind = ""
    if after is not None:
        behind = f"WHERE ({_IN_TIME}) > ({', '.join(map(asked.bind, after))})"
    both = " UNION ALL ".join(
        f"SELECT {_IN_TIME}, parent_span_id, {is_call} AS is_call FROM {table}"
        f" WHERE {_of(session, asked, table)}"
        for table, is_call in (("calls", "true"), ("spans", "false"))
    )
    rows = asked.rows(
        connection,
        f"""
        SELECT * FROM (
            SELECT *, max(ended_at) OVER (
                ORDER BY {_IN_TIME} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS busy_until
            FROM ({both})
        ) {behind}
        ORDER BY {_IN_TIME} LIMIT {asked.bind(limit)}
        """,
    )
    # Where nothing comes before, ClickHouse says 0.
    return [Item(**{**row, "busy_until": row["busy_until"] or None}) for row in rows]


def parents(connection: Connection, session: Key, items: Sequence[Item]) -> dict[tuple[str, str], str | None]:
    """The parents of `items`, and of all that are above them in the session, by trace id and span id."""
    found = {(item.trace_id, item.span_id): item.parent_span_id for item in items}
    looked_for: set[tuple[str, str]] = set()
    while True:
        above = {(trace_id, parent) for (trace_id, _), parent in found.items() if parent is not None}
        missing = above - found.keys() - looked_for
        if not missing:
            return found
        looked_for |= missing
        for table in ("calls", "spans"):
            asked = Asked()
            named = ", ".join(
                f"({asked.bind(trace_id)}, {asked.bind(span_id)})" for trace_id, span_id in missing
            )
            rows = asked.rows(
                connection,
                f"SELECT trace_id, span_id, parent_span_id FROM {table}"
                f" WHERE {_of(session, asked, table)} AND (trace_id, span_id) IN ({named})",
            )
            found |= {(row["trace_id"], row["span_id"]): row["parent_span_id"] for row in rows}


def shown(connection: Connection, session: Key, first: int, last: int) -> dict[Moment, Row]:
    """What is shown of the calls and the spans that start in this stretch of time, both ends included."""
    found: dict[Moment, Row] = {}
    for table, columns in (("spans", f"{_IN_TIME}, name, is_error, error_type, tags"), ("calls", _COLUMNS)):
        asked = Asked()
        rows = asked.rows(
            connection,
            f"SELECT {columns} FROM {table} WHERE {_of(session, asked, table)}"
            f" AND started_at BETWEEN {asked.bind(first)} AND {asked.bind(last)}",
        )
        for row in rows:
            found[Moment(row["started_at"], row["ended_at"], row["trace_id"], row["span_id"])] = row
    return found


def _of(session: Key, asked: Asked, table: str = "calls") -> str:
    conditions = [
        f"session_id = {asked.bind(session.session_id)}",
        f"coalesce(entity_type, '') = {asked.bind(session.entity_type)}",
        f"coalesce(entity_id, '') = {asked.bind(session.entity_id)}",
    ]
    if table == "calls":  # its time is known, the rest of the table is not read
        first, last = asked.bind(session.started_at), asked.bind(session.last_activity_at)
        conditions.append(f"started_at >= {first} AND ended_at <= {last}")
    return " AND ".join(conditions)
