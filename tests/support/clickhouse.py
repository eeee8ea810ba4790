"""A ClickHouse server for tests: the front over its engine, as a process of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.processes import Process

USER = "tester"
PASSWORD = "sesame&open/now"


class Server:
    """A running server; each test takes databases of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._databases = 0

    def address(self, database: str | None = None, options: str = "") -> str:
        """That of `database`, or of one that nobody had yet."""
        if database is None:
            self._databases += 1
            database = f"test_{self._databases}"
        return f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}{options}"


@contextmanager
def running(folder: Path, port: int = 0) -> Iterator[tuple[Server, Process]]:
    """A server over the data in `folder`, and its process; skips where there is no engine."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs ClickHouse's engine: uv sync --group chdb")
    command = [sys.executable, "-m", "tests.support.clickhouse_front", str(folder), str(port)]
    with Process(command, os.environ) as process:
        listening = process.wait_for_line(r"^(\d+)$")
        yield Server(int(re.sub(r"\D", "", listening[1]))), process
