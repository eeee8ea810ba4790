"""The SQL of deleting, and of the audit that tells of it. Bound parameters only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from infraprism.collector.ingest.calls import Call, Row, SessionSpan
from infraprism.collector.store.interface import Connection

_OF_SESSION: Final = """session_id = $session_id
    AND coalesce(entity_type, '') = $entity_type AND coalesce(entity_id, '') = $entity_id"""
_OF_ENTITY: Final = "entity_type = $entity_type AND entity_id = $entity_id"
# What came with a deleted row must not be found out from what is kept to know it again.
_REMEMBER: Final = """
    INSERT INTO deleted (started_at, hash)
    SELECT started_at, sha256(trace_id || span_id) FROM {table} WHERE {wanted}
"""
_COSTS_BEFORE: Final = """
    DELETE FROM recost_changes WHERE (trace_id, span_id, started_at) IN (
        SELECT (trace_id, span_id, started_at) FROM calls WHERE {wanted}
    )
"""
# Of budgets: calls that had not arrived, and that somebody crossed one.
_OF_BUDGETS: Final = (
    "DELETE FROM settlements WHERE reservation_id IN (SELECT id FROM reservations WHERE {wanted})",
    "DELETE FROM reservations WHERE {wanted}",
    "DELETE FROM budget_crossings WHERE id IN (SELECT id FROM"
    " (SELECT id, value AS session_id, entity_type, entity_id FROM budget_crossings) WHERE {wanted})",
)
_OWNERS: Final = """
    SELECT DISTINCT coalesce(entity_type, ''), coalesce(entity_id, '')
    FROM (
        SELECT session_id, entity_type, entity_id FROM calls
        UNION ALL SELECT session_id, entity_type, entity_id FROM spans
    ) AS owned
    WHERE session_id = $session_id
    ORDER BY ALL
"""
_EXPIRED: Final = """
    DELETE FROM {table} WHERE rowid IN (
        SELECT rowid FROM {table} WHERE started_at < $before LIMIT $limit
    )
"""
# Asked first: it is almost always the end of it, and far cheaper than to hand over all starts.
_ANY_DELETED: Final = "SELECT 1 FROM deleted WHERE started_at BETWEEN $earliest AND $latest LIMIT 1"
_DELETED: Final = """
    SELECT started_at, hash FROM deleted
    WHERE started_at BETWEEN $earliest AND $latest
        AND started_at IN (SELECT unnest($started_at::BIGINT[]))
"""


class Deleted(NamedTuple):
    """How many rows a deletion took."""

    calls: int
    spans: int
    #: Earlier costs of these calls, from before they were priced again.
    costs_before: int


class Audit(NamedTuple):
    """One row of `audit`; the fields are its columns, in their order."""

    id: int
    #: Unix nanoseconds.
    done_at: int
    action: str
    #: The name of the key, and its id where it is a stored one.
    who: str
    key_id: str | None
    #: SHA-256 of what was deleted, see `target`; the id of a key.
    target: str | None
    #: None where it was no deletion.
    calls: int | None
    spans: int | None
    costs_before: int | None


def owners(connection: Connection, session_id: str) -> list[tuple[str, str]]:
    """Type and id of each entity that has a session of this id; both are empty for "no entity"."""
    return connection.execute(_OWNERS, {"session_id": session_id}).fetchall()


def session(connection: Connection, session_id: str, entity_type: str, entity_id: str) -> Deleted:
    """Delete one session; an empty type and id stand for "no entity"."""
    named = {"session_id": session_id, "entity_type": entity_type, "entity_id": entity_id}
    return _delete(connection, _OF_SESSION, named)


def entity(connection: Connection, entity_type: str, entity_id: str) -> Deleted:
    """Delete all that is of one entity."""
    return _delete(connection, _OF_ENTITY, {"entity_type": entity_type, "entity_id": entity_id})


def expired(connection: Connection, before: int, limit: int) -> Deleted:
    """Delete at most `limit` rows of each table that started before this time, in Unix nanoseconds."""
    bounds = {"before": before, "limit": limit}
    counts = [
        _count(connection, _EXPIRED.format(table=table), bounds)
        for table in ("calls", "spans", "recost_changes")
    ]
    return Deleted(*counts)


def target(*names: str) -> str:
    """What the audit keeps of a name: whoever knows the name can find it, and nobody else can read it."""
    return hashlib.sha256("\0".join(names).encode(errors="replace")).hexdigest()


def record(connection: Connection, audit: Audit) -> Audit:
    """Add a row to the audit under the next id, and return it."""
    row = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM audit").fetchone()
    assert row is not None
    audit = audit._replace(id=int(row[0]))
    connection.execute(
        f"INSERT INTO audit ({', '.join(Audit._fields)})"  # noqa: S608
        f" VALUES ({', '.join(f'${name}' for name in Audit._fields)})",
        audit._asdict(),
    )
    return audit


def audits(connection: Connection, before: int | None, limit: int) -> list[Audit]:
    """The latest rows of the audit, the last one first; `before`: only those with a smaller id."""
    rows = connection.execute(
        f"SELECT {', '.join(Audit._fields)} FROM audit"  # noqa: S608
        " WHERE $before::BIGINT IS NULL OR id < $before::BIGINT ORDER BY id DESC LIMIT $limit",
        {"before": before, "limit": limit},
    ).fetchall()
    return [Audit(*row) for row in rows]


def alive(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Those of `rows` that were not deleted: what is delivered again must not bring them back."""
    if not rows:
        return []
    started_at = [row.started_at for row in rows]
    bounds: dict[str, Any] = {"earliest": min(started_at), "latest": max(started_at)}
    if connection.execute(_ANY_DELETED, bounds).fetchone() is None:
        return list(rows)
    found = set(connection.execute(_DELETED, bounds | {"started_at": started_at}).fetchall())
    return [row for row in rows if (row.started_at, _hash(row)) not in found]


def _hash(row: Call | SessionSpan) -> str:
    return hashlib.sha256((row.trace_id + row.span_id).encode()).hexdigest()


def _delete(connection: Connection, wanted: str, named: dict[str, str]) -> Deleted:
    for table in ("calls", "spans"):
        connection.execute(_REMEMBER.format(table=table, wanted=wanted), named)
    for sql in _OF_BUDGETS:
        connection.execute(sql.format(wanted=wanted), named)
    costs_before = _count(connection, _COSTS_BEFORE.format(wanted=wanted), named)
    calls, spans = (
        _count(connection, f"DELETE FROM {table} WHERE {wanted}", named)  # noqa: S608
        for table in ("calls", "spans")
    )
    return Deleted(calls, spans, costs_before)


def _count(connection: Connection, sql: str, named: dict[str, Any]) -> int:
    row = connection.execute(sql, named).fetchone()
    assert row is not None
    return int(row[0])
