from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store
from tests.support.conversations import fill

TRACE_URL = "http://tracing.example/trace/{trace_id}"


class Collector:
    """A collector that listens, and its store."""

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.url = url


def listen(folder: Path, api_key: str | None = None) -> Iterator[Collector]:
    store = Store(folder / "dashboard.duckdb")
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(store, api_key=api_key, local_only=True, trace_url=TRACE_URL)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Collector(store, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()
        store.close()


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector with conversations of the last days."""
    for collector in listen(tmp_path_factory.mktemp("dashboard")):
        fill(collector.store, time.time_ns())
        yield collector


@pytest.fixture
def empty_collector(tmp_path: Path) -> Iterator[Collector]:
    yield from listen(tmp_path)


@pytest.fixture
def locked_collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector that wants the key `ip-secret`."""
    yield from listen(tmp_path, "ip-secret")
