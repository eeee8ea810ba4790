"""Every answer is the same from either store."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.interface import Store
from tests.support.otlp import make_request

Send = Callable[..., None]


@pytest.fixture
def store(any_store: Store) -> Store:
    return any_store


@pytest.fixture
def send(store: Store) -> Send:
    """Has spans stored."""

    def send(*spans: Any) -> None:
        store.submit(read_request(make_request(*spans))).result()

    return send


def exact(response: httpx2.Response) -> Any:
    """The JSON of an answer with its numbers as they are written."""
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal)
