"""A database file copied into ClickHouse: in chunks that may be sent again, checked at the end."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from infraprism.collector.store import backups
from infraprism.collector.store.interface import CannotOpenError

if TYPE_CHECKING:
    import duckdb
    from clickhouse_connect.driver.client import Client

#: Rows that are read, and sent, at a time.
CHUNK: Final = 20_000
#: Tables in the order in which they are copied: what must not come back first.
_TABLES: Final = (
    "deleted",
    "audit",
    "keys",
    "budgets",
    "reservations",
    "settlements",
    "budget_crossings",
    "webhook_attempts",
    "recosts",
    "recost_changes",
    "spans",
    "calls",
)
_EMPTY: Final[dict[str, Any]] = {"cost_quantities": {}, "usage": {}, "usage_unpriced": []}
_POSITION: Final = """
    SELECT row_version FROM copies WHERE source = {source:Int64} AND name = {name:String}
"""
_SUMS: Final = """
    SELECT (SELECT count() FROM calls WHERE row_version = {version:Int64}),
        (SELECT coalesce(sum(toDecimal256(amount, 24)), 0) FROM calls WHERE row_version = {version:Int64}),
        (SELECT count() FROM spans WHERE row_version = {version:Int64})
"""


class CopyError(Exception):
    """The copy did not end well; the message is one line."""


class Copied(NamedTuple):
    """What the target has of the source."""

    place: str
    calls: int
    spans: int
    #: The exact sum of all known amounts, in USD.
    total: Decimal


def copy(source: Path, target: str, progress: Callable[[int, int], None]) -> Copied:
    """Copy all that is in the file at `source`; what an earlier run has copied is not sent again.

    `progress` is told how many rows are done, of how many. Raises `CopyError`, `BackupError` (the file cannot
    be read) and `CannotOpenError` (the target cannot be used).
    """
    try:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        from infraprism.collector.store.clickhouse import address, clients, migrations
    except ModuleNotFoundError:
        raise CannotOpenError("ClickHouse needs its client: pip install 'infraprism[clickhouse]'") from None
    try:
        place = address.parse(target)
    except address.AddressError as error:
        raise CannotOpenError(f"cannot open the target: {error}") from None
    with closing(backups.open_to_read(source)) as connection:
        try:
            migrations.migrate(place)
            with closing(clients.Clients(place)) as pool, pool.one() as client:
                known_by = zlib.crc32(str(source.absolute()).encode())
                return _copy(connection, client, str(place), known_by, progress)
        except migrations.SchemaTooNewError as error:
            raise CopyError(f"{place}: {error}") from None
        except ClickHouseError as error:
            why = clients.reason(error)
            raise CopyError(f"{place}: {why}; run it again to go on where it stopped") from None


def _copy(
    connection: duckdb.DuckDBPyConnection,
    client: Client,
    place: str,
    source: int,
    progress: Callable[[int, int], None],
) -> Copied:
    ends = {name: _end(connection, name) for name in _TABLES}
    done, total = 0, sum(ends.values())
    # Higher than that of any row that arrived, lower than that of any new cost.
    version = -1 - source
    for name in _TABLES:
        for first in range(_position(client, source, name), ends[name], CHUNK):
            progress(done + first, total)
            _send(connection, client, name, first, version)
            position = {"source": [source], "name": [name], "row_version": [min(first + CHUNK, ends[name])]}
            _insert(client, "copies", position)
        done += ends[name]
        progress(done, total)
    expected = backups.summary(connection, "source")
    calls, found, spans = client.query(_SUMS, parameters={"version": version}).result_rows[0]
    if (calls, spans, found) != (expected.calls, expected.spans, expected.total):
        client.command("TRUNCATE TABLE copies")
        raise CopyError(f"{place} does not hold what the file does; run it again to start over")
    return Copied(place, calls, spans, expected.total)


def _end(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(rowid) + 1, 0) FROM source.{name}").fetchone()  # noqa: S608
    assert row is not None
    return int(row[0])


def _position(client: Client, source: int, name: str) -> int:
    """Behind the last row that was sent."""
    asked = {"source": source, "name": name}
    rows = client.query(_POSITION, parameters=asked).result_rows
    return int(rows[0][0]) if rows else 0


def _send(connection: duckdb.DuckDBPyConnection, client: Client, name: str, first: int, version: int) -> None:
    result = connection.execute(
        f"SELECT * FROM source.{name} WHERE rowid >= $first AND rowid < $end",  # noqa: S608
        {"first": first, "end": first + CHUNK},
    )
    names = [column[0] for column in result.description]
    rows = result.fetchall()
    if not rows:
        return
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True))
    if name == "calls":
        columns["is_usage_known"] = [usage is not None for usage in columns["usage"]]
    if name in ("calls", "spans"):
        columns["row_version"] = [version] * len(rows)
    for column, empty in _EMPTY.items():
        if column in columns:
            columns[column] = [empty if value is None else value for value in columns[column]]
    _insert(client, name, columns)


def _insert(client: Client, name: str, columns: dict[str, Any]) -> None:
    client.insert(
        name,
        list(columns.values()),
        column_names=list(columns),
        column_oriented=True,
        # What was sent before, and is not there any more, is not left out for its likeness.
        settings={"insert_deduplication_token": secrets.token_hex(16)},
    )
