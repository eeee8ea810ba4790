from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulated_openai import SimulatedOpenAI, serve


@pytest.fixture
def api() -> Iterator[SimulatedOpenAI]:
    """A simulated API of the test's own, with an empty bill."""
    server = serve()
    yield server
    server.close()
