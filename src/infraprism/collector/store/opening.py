"""The store that `--database` names: a file, or the address of a ClickHouse database."""

from __future__ import annotations

from pathlib import Path

from infraprism.collector.store.embedded import Store as EmbeddedStore
from infraprism.collector.store.interface import CannotOpenError, Store


def open_store(database: str) -> Store:
    """Open or create the database. Raises `CannotOpenError`, which tells nothing of a password."""
    if not is_address(database):
        return EmbeddedStore(Path(database))
    try:
        from infraprism.collector.store.clickhouse import address
        from infraprism.collector.store.clickhouse.store import ClickHouseStore
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("infraprism"):
            raise
        raise CannotOpenError("ClickHouse needs its client: pip install 'infraprism[clickhouse]'") from None
    try:
        return ClickHouseStore(address.parse(database))
    except address.AddressError as error:
        raise CannotOpenError(f"cannot open the database: {error}") from None


def is_address(database: str) -> bool:
    """Whether `database` is an address, which may hold a password, and not a file."""
    return "://" in database
