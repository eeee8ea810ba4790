"""Clients of a ClickHouse server: one for each thread at a time, since a shared one mixes up parameters."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import clickhouse_connect
from clickhouse_connect.driver import httputil
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infraprism.collector.store.clickhouse.address import Address

CONNECT_SECONDS: Final = 5
#: The longest answer; an insertion that waits for its copies is one.
ANSWER_SECONDS: Final = 60
#: Kept open at most.
_POOL: Final = 32

_SETTINGS: Final[dict[str, Any]] = {
    # What is read is the newest version of each row, however far the merges are.
    "final": 1,
    "do_not_merge_across_partitions_select_final": 1,
    "use_skip_indexes_if_final": 1,
    # As SQL has it: nothing is NULL, and not 0 or an empty text.
    "aggregate_functions_null_for_empty": 1,
    "join_use_nulls": 1,
    # On a cluster, what is joined may be on another shard.
    "distributed_product_mode": "global",
    "union_default_mode": "DISTINCT",
    "prefer_column_name_to_alias": 1,
    # Spans of any time may come in one batch.
    "max_partitions_per_insert_block": 0,
    # A change is done once it is done everywhere.
    "mutations_sync": 2,
    "lightweight_deletes_sync": 2,
    # An insertion is acknowledged once its rows are there, on every shard.
    "async_insert": 0,
    "insert_deduplicate": 1,
    "distributed_foreground_insert": 1,
    "wait_end_of_query": 1,
}

# The client's own log says more than should be kept: what was asked.
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)


class Clients:
    """All clients of one address. Safe to use from any thread."""

    def __init__(self, address: Address, *, database: bool = True) -> None:
        """`database`: whether the database is there already."""
        self._options: dict[str, Any] = {
            "host": address.host,
            "port": address.port,
            "username": address.user,
            "password": address.password,
            "secure": address.secure,
            "database": address.database if database else "default",
            "connect_timeout": CONNECT_SECONDS,
            "send_receive_timeout": ANSWER_SECONDS,
            # A session of the server would allow one statement at a time.
            "autogenerate_session_id": False,
            "pool_mgr": httputil.get_pool_manager(maxsize=_POOL, num_pools=1),
            "settings": {
                **_SETTINGS,
                **({"insert_quorum": address.quorum} if address.replicated else {}),
            },
        }
        self._free: list[Client] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[Client]:
        """A client that nobody else has meanwhile. Raises `ClickHouseError`."""
        with self._lock:
            client = self._free.pop() if self._free else None
        if client is None:
            client = clickhouse_connect.get_client(**self._options)
        yield client
        with self._lock:
            # One whose block raised is left to the garbage: what it still expects is not known.
            self._free.append(client)

    def close(self) -> None:
        """Close those that are free."""
        with self._lock:
            while self._free:
                self._free.pop().close()
        self._options["pool_mgr"].clear()


def of_server(error: Exception) -> bool:
    """Whether the server failed, or could not be reached; else the fault is in what it was to be sent."""
    return isinstance(error, OperationalError) or getattr(error, "code", None) is not None


def reason(error: ClickHouseError) -> str:
    """Why it failed, in one line without anything of what was asked or stored."""
    code, name = getattr(error, "code", None), getattr(error, "name", None)
    if code is not None:
        return f"error {code}{f' ({name})' if name else ''}"
    return "it cannot be reached"
