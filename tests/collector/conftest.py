from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "test.duckdb")
    yield store
    store.close()


@pytest.fixture
def client(store: Store) -> TestClient:
    """The whole collector over a real database, without a socket."""
    return TestClient(create_app(store), raise_server_exceptions=False)
