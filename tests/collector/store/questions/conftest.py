from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from infraprism.collector.ingest.calls import Batch, Call, SessionSpan
from infraprism.collector.store.embedded import Store

Kept = Callable[..., "contextmanager[duckdb.DuckDBPyConnection]"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(Path(tmp_path_factory.mktemp("store")) / "test.duckdb")
    yield store
    store.close()


@pytest.fixture(scope="module")
def kept(database: Store) -> Kept:
    """A connection to a real database that has these calls and spans, and no others."""

    @contextmanager
    def kept(calls: list[Call], spans: list[SessionSpan] = []) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: B006
        with database.changer() as connection:
            connection.execute("DELETE FROM calls")
            connection.execute("DELETE FROM spans")
            connection.commit()
        database.submit(Batch(calls=list(calls), spans=list(spans))).result()
        with database.reader() as connection:
            yield connection

    return kept
