"""A server that can fail, and an environment in which spools are the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exporters.fault_server import FaultServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """What the environment's endpoint is."""
    made = FaultServer()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    yield made
    made.down()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the spools are."""
    for name in os.environ:
        if name.startswith(("OTEL_", "INFRAPRISM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("INFRAPRISM_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    return tmp_path / "spool"
