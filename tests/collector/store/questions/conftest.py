from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from infraprism.collector.ingest.calls import Batch, Call, SessionSpan
from infraprism.collector.store.interface import Connection, Store
from infraprism.collector.store.opening import open_store

Kept = Callable[..., "contextmanager[Connection]"]


@pytest.fixture(scope="module", params=["duckdb", "clickhouse"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "duckdb":
        store = open_store(str(tmp_path_factory.mktemp("store") / "test.duckdb"))
    else:
        store = open_store(request.getfixturevalue("clickhouse").address())
    yield store
    store.close()


@pytest.fixture(scope="module")
def kept(database: Store) -> Kept:
    """A connection to a real database that has these calls and spans, and no others."""

    @contextmanager
    def kept(calls: list[Call], spans: list[SessionSpan] = []) -> Iterator[Connection]:  # noqa: B006
        with database.changer() as connection:
            connection.execute("DELETE FROM calls")
            connection.execute("DELETE FROM spans")
            connection.commit()
        database.submit(Batch(calls=list(calls), spans=list(spans))).result()
        with database.reader() as connection:
            yield connection

    return kept
