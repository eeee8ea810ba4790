"""What mypy makes of `typing_examples.py`: exactly the errors that its comments announce."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).with_name("typing_examples.py")


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_the_drop_in_clients_are_typed(tmp_path: Path) -> None:
    # The cache is the project's: without it mypy would read all of the client again.
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--hide-error-context",
            str(EXAMPLES),
        ],
        cwd=EXAMPLES.parents[2],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.stderr == ""
    errors = [line for line in result.stdout.splitlines() if ": error: " in line]  # the notes are long
    found = [re.search(rf"{EXAMPLES.name}:(\d+): error: .*\[([\w-]+)\]$", line) for line in errors]
    # A misspelt keyword of an overloaded method is reported twice.
    places = dict.fromkeys((int(match[1]), match[2]) if match else None for match in found)
    announced = [
        (number, comment[1])
        for number, line in enumerate(EXAMPLES.read_text().splitlines(), 1)
        if (comment := re.search(r"# error: ([\w-]+)$", line))
    ]
    assert len(announced) > 10
    assert list(places) == announced, errors
