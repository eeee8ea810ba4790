"""Only requests that name this machine."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from infraprism.collector.access.hosts import is_loopback
from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:4318", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:4318", 200),
        ("[::1]", 200),
        ("evil.example", 403),
        ("evil.example:4318", 403),
        ("localhost.evil.example", 403),
        ("localhost:4318:1", 403),
        ("", 403),
    ],
)
def test_a_local_collector_answers_to_its_own_names_only(store: Store, host: str, status: int) -> None:
    client = TestClient(create_app(store, local_only=True))

    assert client.get("/v1/status", headers={"Host": host}).status_code == status
