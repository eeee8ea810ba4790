"""A real collector as a process, for those who share its budgets."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.processes import Process

SECRET = "a secret that is long enough for webhooks"


def clean_environ(**more: str) -> dict[str, str]:
    """The environment without what tells InfraPrism or OpenTelemetry anything, and with `more`."""
    names = ("INFRAPRISM_", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)} | more


class Collector:
    """Where it listens, and its process."""

    def __init__(self, url: str, process: Process) -> None:
        self.url = url
        self.process = process

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the JSON of an answer, its numbers exact."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text, parse_float=Decimal) if text else None


@contextlib.contextmanager
def collecting(database: Path | str, *, port: int = 0, **environ: str) -> Iterator[Collector]:
    """A collector over `database`, a file or an address, for a while."""
    serving = [sys.executable, "-m", "infraprism", "serve", "--port", str(port), "--database", str(database)]
    with Process(serving, clean_environ(**environ)) as process:
        yield Collector(process.wait_for_line(r"http://[\w.:]+\d")[0], process)
