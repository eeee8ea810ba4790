"""The SQL of keys. Bound parameters only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infraprism.collector.access.keys import Key
from infraprism.collector.store.interface import Connection

_ALL: Final = f"SELECT {', '.join(Key._fields)} FROM keys ORDER BY created_at, id"  # noqa: S608
_INSERT: Final = f"""
    INSERT INTO keys ({", ".join(Key._fields)}) VALUES ({", ".join(f"${name}" for name in Key._fields)})
"""  # noqa: S608
_REVOKE: Final = "UPDATE keys SET revoked_at = $at WHERE id = $id AND revoked_at IS NULL"
_USED: Final = "UPDATE keys SET last_used_at = $at WHERE id = $id"


def every(connection: Connection) -> list[Key]:
    """All keys that were ever made, the oldest first."""
    rows = connection.execute(_ALL).fetchall()
    return [Key(*row)._replace(scopes=tuple(row[2].split())) for row in rows]


def add(connection: Connection, key: Key) -> None:
    """Keep a new key."""
    connection.execute(_INSERT, key._asdict() | {"scopes": " ".join(key.scopes)})


def revoke(connection: Connection, key_id: str, at: int) -> None:
    """Let the key be of no use any more, since `at` in Unix nanoseconds."""
    connection.execute(_REVOKE, {"id": key_id, "at": at})


def used(connection: Connection, times: Mapping[str, int]) -> None:
    """Note when each key, by its id, was used last, in Unix nanoseconds."""
    for key_id, at in times.items():
        connection.execute(_USED, {"id": key_id, "at": at})
