from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infraprism import cli, pricing
from infraprism.cli.services import Service, clean_environment
from tests.support.otlp import make_request
from tests.support.prices import EXAMPLE, priced_by

Run = Callable[..., tuple[int, str, str]]
Start = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command in an empty folder and environment: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("INFRAPRISM_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.main(list(arguments))
        except SystemExit as error:
            code = int(error.code or 0)
        printed = capsys.readouterr()
        return code, _ending_early(printed.out), printed.err

    with priced_by(pricing.Book("none")):  # restores what is in force
        yield run


def _ending_early(text: str) -> str:
    """`text` without the spaces at the ends of its lines, and without empty ones."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines() if line.strip())


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The complete example of the documentation, which the environment names."""
    path = tmp_path / "prices.toml"
    path.write_text(EXAMPLE)
    monkeypatch.setenv("INFRAPRISM_PRICES", "prices.toml")
    return path


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the collector that the command asks by default, and has it store spans."""
    services = []

    def start(prices: str, *spans: Any, key: str | None = None) -> None:
        (tmp_path / "prices.toml").write_text(prices)
        environ = clean_environment() | {"INFRAPRISM_PRICES": str(tmp_path / "prices.toml")}
        environ |= {} if key is None else {"INFRAPRISM_API_KEY": key}
        flags = ("--port", "0", "--database", str(tmp_path / "calls.duckdb"))
        service = Service(["-m", "infraprism", "serve", *flags], environ, tmp_path / "log")
        services.append(service)
        monkeypatch.setenv("INFRAPRISM_PORT", service.url.rpartition(":")[2])
        headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {key}"}
        body = make_request(*spans).SerializeToString()
        urllib.request.urlopen(urllib.request.Request(f"{service.url}/v1/traces", body, headers)).close()

    yield start
    for service in services:
        service.stop()
