"""Keys, as administrators make and revoke them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store

ADMIN = {"Authorization": "Bearer ip-root"}
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def client(store: Store) -> TestClient:
    return TestClient(create_app(store, api_key="ip-root"), headers=ADMIN)


def create(client: TestClient, name: str = "ci", *scopes: str) -> dict[str, Any]:
    answer = client.post("/v1/keys", json={"name": name, "scopes": scopes or ["ingest"]})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_from_its_making_to_its_end(client: TestClient) -> None:
    made = create(client, "ci", "read", "ingest")
    key = made.pop("key")
    assert re.fullmatch(r"ip-[\w-]{32}", key)
    assert TIME.fullmatch(made["created_at"])
    assert made == {
        "id": made["id"],
        "name": "ci",
        "scopes": ["ingest", "read"],
        "prefix": key[:9],
        "created_at": made["created_at"],
        "last_used_at": None,
        "revoked_at": None,
    }
    assert client.get("/v1/keys").json() == {"data": [made], "next_cursor": None, "has_more": False}

    assert client.get("/v1/status", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    (listed,) = client.get("/v1/keys").json()["data"]
    assert TIME.fullmatch(listed["last_used_at"])

    revoked = client.delete(f"/v1/keys/{made['id']}")
    assert revoked.status_code == 200
    assert revoked.json() == client.delete(f"/v1/keys/{made['id']}").json()
    assert TIME.fullmatch(revoked.json()["revoked_at"])
    assert client.get("/v1/status", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_the_audit_tells_who_made_and_revoked_a_key(client: TestClient) -> None:
    first = create(client, "ada", "admin")
    ada = {"Authorization": f"Bearer {first['key']}"}
    second = client.post("/v1/keys", json={"name": "ci", "scopes": ["read"]}, headers=ada).json()
    for _ in range(2):
        client.delete(f"/v1/keys/{second['id']}", headers=ada)
    client.delete("/v1/keys/x", headers=ada)

    rows = client.get("/v1/audit").json()["data"]

    assert all(TIME.fullmatch(row.pop("done_at")) for row in rows)
    nothing = dict.fromkeys(["calls", "spans", "costs_before"])
    assert rows == [
        {
            "id": 3,
            "action": "revoke_key",
            "who": "ada",
            "key_id": first["id"],
            "target": second["id"],
            **nothing,
        },
        {
            "id": 2,
            "action": "create_key",
            "who": "ada",
            "key_id": first["id"],
            "target": second["id"],
            **nothing,
        },
        {
            "id": 1,
            "action": "create_key",
            "who": "INFRAPRISM_API_KEY",
            "key_id": None,
            "target": first["id"],
            **nothing,
        },
    ]
    assert first["key"] not in str(rows)


def test_keys_and_their_ends_outlive_a_restart(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        store = Store(tmp_path / "test.duckdb")
        app = create_app(store, api_key="ip-root")
        client = TestClient(app, headers=ADMIN)
        if not texts:
            kept, revoked = create(client, "kept", "read"), create(client, "revoked", "read")
            client.delete(f"/v1/keys/{revoked['id']}")
            texts = [kept["key"], revoked["key"]]
        statuses = [
            client.get("/v1/status", headers={"Authorization": f"Bearer {text}"}).status_code
            for text in texts
        ]
        app.state.keyring.note_use()
        store.close()
        assert statuses == [200, 401]
    store = Store(tmp_path / "test.duckdb")
    kept_row = (
        TestClient(create_app(store, api_key="ip-root"), headers=ADMIN).get("/v1/keys").json()["data"][0]
    )
    store.close()
    assert TIME.fullmatch(kept_row["last_used_at"])


def test_the_file_holds_no_key(tmp_path: Path) -> None:
    store = Store(tmp_path / "test.duckdb")
    key = create(TestClient(create_app(store, api_key="ip-root"), headers=ADMIN))["key"]
    store.close()

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key[:9].encode() in content
    assert key[3:].encode() not in content
    assert b"ip-root" not in content


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"name": "ci"}, None),
        ({"name": "ci", "scopes": ["write"]}, None),
        ({"name": "ci", "scopes": ["read"], "key": "ip-mine"}, None),
        ({"name": "ci", "scopes": []}, "scopes"),
        ({"name": " ", "scopes": ["read"]}, "name"),
        ({"name": "a\nb", "scopes": ["read"]}, "name"),
        ({"name": "x" * 201, "scopes": ["read"]}, "name"),
    ],
)
def test_what_makes_no_key(client: TestClient, body: dict[str, Any], parameter: str | None) -> None:
    answer = client.post("/v1/keys", json=body)

    assert (answer.status_code, answer.json().get("parameter")) == (400, parameter)
    assert client.get("/v1/keys").json()["data"] == []


def test_no_such_key(client: TestClient) -> None:
    assert client.delete("/v1/keys/x").status_code == 404
