from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from openai import AsyncOpenAI, OpenAI
from simulated_openai import SimulatedOpenAI, serve

from tests.support.calls import API_KEY, Recording, instrumented


@pytest.fixture(scope="session")
def _server() -> Iterator[SimulatedOpenAI]:
    server = serve()
    yield server
    server.close()


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
