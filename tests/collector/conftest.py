from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store as EmbeddedStore
from infraprism.collector.store.interface import Store
from infraprism.collector.store.opening import open_store
from tests.support import clickhouse as clickhouse_server


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clickhouse_server.Server]:
    """A ClickHouse server for all tests."""
    with clickhouse_server.running(tmp_path_factory.mktemp("clickhouse")) as (server, _):
        yield server


@pytest.fixture(params=["duckdb", "clickhouse"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind: what a test of it says holds for both."""
    if request.param == "duckdb":
        store = open_store(str(tmp_path / "test.duckdb"))
    else:
        store = open_store(request.getfixturevalue("clickhouse").address())
    yield store
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "test.duckdb")
    yield store
    store.close()


@pytest.fixture
def client(store: Store) -> TestClient:
    """The whole collector over a real database, without a socket."""
    return TestClient(create_app(store), raise_server_exceptions=False)
