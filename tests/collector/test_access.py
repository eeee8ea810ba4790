"""Who may ask."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from infraprism.collector.access import is_loopback
from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store

ROUTES = ["/v1/status", "/v1/analytics/sessions", "/v1/analytics/sessions/s-1", "/nothing"]


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


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ip-wrong", "Basic ip-key", "ip-key", "Bearer ü"]
)
def test_without_the_key_nothing_is_answered(store: Store, path: str, authorization: str | None) -> None:
    client = TestClient(create_app(store, api_key="ip-key"))

    answer = client.get(
        path, headers={"Authorization": authorization.encode()} if authorization is not None else {}
    )

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


def test_with_the_key(store: Store) -> None:
    client = TestClient(create_app(store, api_key="ip-key"))

    assert client.get("/healthz").status_code == 200
    for scheme in ("Bearer", "bearer"):
        assert client.get("/v1/status", headers={"Authorization": f"{scheme} ip-key"}).status_code == 200
    assert client.post("/v1/traces").status_code == 401


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
