"""The SQL of copying a whole store, and of checking one. Nothing of it trusts what it has not counted."""

# ruff: noqa: S608 - names of tables and catalogs cannot be bound: they are our own, and quoted

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from infraprism.collector.store import schema
from infraprism.pricing import money

#: Rows that are copied at a time.
CHUNK: Final = 200_000

#: As whole units and as fraction, as sessions are: each sum fits its type whatever is stored.
_SUMS: Final = "coalesce(sum(trunc(amount)::BIGINT), 0), coalesce(sum(amount - trunc(amount)), 0)"
_BY_SESSION: Final = """
    SELECT coalesce(sum(units), 0), coalesce(sum(fraction), 0), coalesce(sum(calls), 0) FROM (
        SELECT sum(trunc(amount)::BIGINT) AS units, sum(amount - trunc(amount)) AS fraction, count(*) AS calls
        FROM {source}.calls GROUP BY session_id, entity_type, entity_id
    ) AS sessions
"""
#: What must be 0, and what it means where it is not.
_FAULTS: Final = {
    "calls that are stored more than once": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM {source}.calls GROUP BY trace_id, span_id, started_at
        ) AS found WHERE times > 1""",
    "spans that are stored more than once": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM {source}.spans GROUP BY trace_id, span_id, started_at
        ) AS found WHERE times > 1""",
    "calls whose amount contradicts their cost status": """
        SELECT count(*) FROM {source}.calls
        WHERE amount < 0 OR (amount IS NOT NULL AND (cost_status IS NULL OR cost_status = 'unpriced'))
            OR (amount IS NULL AND cost_status IN ('priced', 'estimated', 'partial', 'free'))
            OR (amount IS NULL) <> (currency IS NULL)""",
    "earlier costs of calls that are not there": """
        SELECT count(*) FROM {source}.recost_changes AS changes WHERE NOT EXISTS (
            SELECT 1 FROM {source}.calls AS calls WHERE calls.trace_id = changes.trace_id
                AND calls.span_id = changes.span_id AND calls.started_at = changes.started_at)""",
    "calls that were deleted and are there again": """
        SELECT count(*) FROM {source}.calls AS calls WHERE EXISTS (
            SELECT 1 FROM {source}.deleted AS deleted WHERE deleted.started_at = calls.started_at
                AND deleted.hash = sha256(calls.trace_id || calls.span_id))""",
}


class BackupError(Exception):
    """There is no backup, or it is none; the message is one line."""


class Summary(NamedTuple):
    """By what two copies are compared."""

    calls: int
    spans: int
    #: All rows of all tables.
    rows: int
    #: Exact sum of the known amounts of the calls, in USD.
    total: Decimal


def copy(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    target: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Copy the database of the catalog `source`, as this transaction sees it, to the new file `target`.

    `connection` is in a transaction, which this ends. `progress` is told rows copied and rows in all. The
    file has its name only once it is complete and checked. Raises `BackupError`; there is no target then.
    """
    if target.exists():
        raise BackupError(f"{target} is there already")
    partial = target.with_name(f"{target.name}.partial")
    for left in (partial, partial.with_name(f"{partial.name}.wal")):
        left.unlink(missing_ok=True)
    before = summary(connection, source)
    try:
        connection.execute(f"ATTACH {_text(str(partial))} AS backup")
        connection.execute(f"COPY FROM DATABASE {_name(source)} TO backup (SCHEMA)")
        _copy_rows(connection, source, before.rows, progress)
        if summary(connection, "backup") != before:
            raise BackupError(f"the copy in {target} is not what was copied")
        connection.commit()
        connection.execute("DETACH backup")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(partial, target)
    except (duckdb.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise BackupError(f"cannot write {target}: {reason}") from error
    finally:
        # Of a failure: what a transaction has written to cannot be let go of before it ends.
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        with contextlib.suppress(duckdb.Error):
            connection.execute("DETACH DATABASE IF EXISTS backup")
        partial.unlink(missing_ok=True)
    return before


def open_to_read(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection, in a transaction, that has the file at `path` as the catalog `source`, to read only.

    Raises `BackupError`.
    """
    if not path.is_file():
        raise BackupError(f"{path}: there is no such file")
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    try:
        connection.execute(f"ATTACH {_text(str(path))} AS source (READ_ONLY)")
        connection.begin()
        version = _version(connection)
    except duckdb.Error as error:
        connection.close()
        reason = str(error).splitlines()[0]
        raise BackupError(f"cannot read {path}: {reason}") from error
    if version != len(schema.MIGRATIONS):
        connection.close()
        raise BackupError(
            f"{path}: its schema has version {version}, this release needs {len(schema.MIGRATIONS)};"
            " bring it up to date with `infraprism db migrate`, or use a newer release"
        )
    return connection


def summary(connection: duckdb.DuckDBPyConnection, source: str) -> Summary:
    """Counts and sum of the catalog `source`."""
    units, fraction, calls = _row(connection, f"SELECT {_SUMS}, count(*) FROM {_name(source)}.calls")
    (spans,) = _row(connection, f"SELECT count(*) FROM {_name(source)}.spans")
    rows = sum(
        _row(connection, f"SELECT count(*) FROM {_name(source)}.{_name(table)}")[0]
        for table in _tables(connection, source)
    )
    return Summary(calls, spans, rows, money.EXACT.add(Decimal(units), fraction))


def faults(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """What is wrong with the content of the catalog `source`, a line each; empty where nothing is."""
    found = []
    for meaning, sql in _FAULTS.items():
        (count,) = _row(connection, sql.format(source=_name(source)))
        if count:
            found.append(f"{count} {meaning}")
    units, fraction, calls = _row(connection, _BY_SESSION.format(source=_name(source)))
    whole = summary(connection, source)
    if (calls, money.EXACT.add(Decimal(units), Decimal(fraction))) != (whole.calls, whole.total):
        found.append("the sessions do not add up to their calls: the file is damaged")
    return found


def _copy_rows(
    connection: duckdb.DuckDBPyConnection, source: str, total: int, progress: Callable[[int, int], None]
) -> None:
    done = 0
    for table in _tables(connection, source):
        of, to = f"{_name(source)}.{_name(table)}", f"backup.{_name(table)}"
        (end,) = _row(connection, f"SELECT coalesce(max(rowid) + 1, 0) FROM {of}")
        for first in range(0, end, CHUNK):
            done += _row(
                connection,
                f"INSERT INTO {to} SELECT * FROM {of} WHERE rowid >= {first} AND rowid < {first + CHUNK}",
            )[0]
            progress(done, total)


def _tables(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = $source ORDER BY table_name",
        {"source": source},
    ).fetchall()
    return [name for (name,) in rows]


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    if "schema_version" not in _tables(connection, "source"):
        return 0
    return int(_row(connection, "SELECT coalesce(max(version), 0) FROM source.schema_version")[0])


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _name(catalog: str) -> str:
    return '"' + catalog.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
