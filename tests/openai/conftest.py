from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI
from simulated_openai import SimulatedOpenAI, serve

from infraprism import pricing
from infraprism.openai import abandoned
from tests.support.calls import API_KEY, Recording, instrumented


@pytest.fixture(scope="session")
def _server() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


@pytest.fixture(scope="session", autouse=True)
def _price_list() -> None:
    """Load the price list once: a test should not be the one that waits for it."""
    pricing.find("openai", "gpt-4o", None, datetime.now(UTC))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a moment to end what was abandoned: wait until it is done."""
    monkeypatch.setattr(abandoned, "_MOMENT", 10.0)


@pytest.fixture
def api(_server: SimulatedOpenAI) -> SimulatedOpenAI:
    """A simulated API with an empty bill."""
    _server.reset()
    return _server


@pytest.fixture
def recording() -> Iterator[Recording]:
    """What the instrumentation records while the test runs."""
    with instrumented() as recording:
        yield recording


@pytest.fixture
def client(api: SimulatedOpenAI, recording: Recording) -> Iterator[OpenAI]:
    """An instrumented client of the simulated API."""
    with OpenAI(base_url=api.base_url, api_key=API_KEY, max_retries=0) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(api: SimulatedOpenAI, recording: Recording) -> AsyncIterator[AsyncOpenAI]:
    """An instrumented async client of the simulated API."""
    async with AsyncOpenAI(base_url=api.base_url, api_key=API_KEY, max_retries=0) as client:
        yield client
