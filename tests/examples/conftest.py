from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The examples are programs, not a package, and the helpers are shared by several folders of tests.
sys.path[:0] = [str(ROOT / "examples"), str(ROOT)]

from simulated_openai import SimulatedOpenAI, serve  # noqa: E402


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    """A simulated API of the test's own, with an empty bill."""
    server = serve()
    yield server
    server.close()
