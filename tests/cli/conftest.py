from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infraprism import cli, pricing
from tests.support.prices import EXAMPLE, priced_by

Run = Callable[..., tuple[int, str, str]]


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
