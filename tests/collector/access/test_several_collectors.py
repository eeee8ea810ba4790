"""Keys that one collector makes or revokes take effect at the others, which have the same database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.access import keyring
from infraprism.collector.app import create_app
from infraprism.collector.store import keys as stored
from infraprism.collector.store.opening import open_store
from tests.support import clickhouse as servers
from tests.support.clickhouse import Server

ADMIN = {"Authorization": "Bearer ip-root"}


@pytest.fixture
def pair(clickhouse: Server) -> Iterator[list[TestClient]]:
    address = clickhouse.address()
    stores = [open_store(address) for _ in range(2)]
    yield [TestClient(create_app(store, api_key="ip-root")) for store in stores]
    for store in stores:
        store.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def create(client: TestClient, **headers: str) -> Any:
    body = {"name": "ci", "scopes": ["read"]}
    answer = client.post("/v1/keys", json=body, headers=headers or ADMIN)
    assert answer.status_code == 201
    return answer.json()


def status(client: TestClient, key: str) -> int:
    return client.get("/v1/status", headers=bearer(key)).status_code


def pause() -> None:
    time.sleep(keyring.FRESH_SECONDS + 0.1)


def test_a_key_made_by_one_is_known_to_the_other(pair: list[TestClient]) -> None:
    first, second = pair
    made = create(first)
    pause()
    assert status(second, made["key"]) == 200

    revoked = second.delete(f"/v1/keys/{made['id']}", headers=ADMIN).json()

    assert status(second, made["key"]) == 401
    pause()
    assert status(first, made["key"]) == 401
    assert first.get("/v1/keys", headers=ADMIN).json()["data"] == [revoked]


def test_a_key_that_was_just_made_by_one_is_revoked_by_the_other(pair: list[TestClient]) -> None:
    made = create(pair[0])
    assert pair[1].delete(f"/v1/keys/{made['id']}", headers=ADMIN).status_code == 200


def test_the_first_key_of_all_closes_both(clickhouse: Server) -> None:
    address = clickhouse.address()
    stores = [open_store(address) for _ in range(2)]
    first, second = (TestClient(create_app(store)) for store in stores)
    assert second.get("/v1/status").status_code == 200
    create(first)
    pause()
    assert second.get("/v1/status").status_code == 401
    for store in stores:
        store.close()


def test_strangers_do_not_have_the_keys_read_each_time(
    pair: list[TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, every = [], stored.every
    monkeypatch.setattr(stored, "every", lambda connection: (reads.append(1), every(connection))[1])
    monkeypatch.setattr(keyring, "FRESH_SECONDS", 3600.0)
    for _ in range(20):
        assert status(pair[0], "ip-nobody") == 401
    assert reads == []
    monkeypatch.setattr(keyring, "FRESH_SECONDS", 0.0)
    assert status(pair[0], "ip-nobody") == 401
    assert reads == [1]


def test_the_last_use_is_the_last_one_at_any(clickhouse: Server) -> None:
    address = clickhouse.address()
    stores = [open_store(address) for _ in range(2)]
    apps = [create_app(store, api_key="ip-root") for store in stores]
    first, second = map(TestClient, apps)
    made = create(first)
    pause()
    for client, app in ((first, apps[0]), (second, apps[1]), (first, None)):
        assert status(client, made["key"]) == 200
        if app is not None:
            app.state.keyring.note_use()
    (before,) = first.get("/v1/keys", headers=ADMIN).json()["data"]
    pause()
    apps[1].state.keyring.note_use()  # has nothing newer
    apps[0].state.keyring.note_use()
    pause()
    (after,) = second.get("/v1/keys", headers=ADMIN).json()["data"]
    assert after["last_used_at"] == before["last_used_at"]
    for store in stores:
        store.close()


def test_what_is_revoked_stays_so_while_the_store_is_away_and_is_stored_later(tmp_path: Path) -> None:
    with servers.running(tmp_path) as (server, process):
        address, port = server.address("keys"), server.port
        store = open_store(address)
        client = TestClient(create_app(store, api_key="ip-root"), raise_server_exceptions=False)
        kept, stolen = create(client), create(client)
        process.stop()
        path = f"/v1/keys/{stolen['id']}"
        pause()
        assert client.delete(path, headers=ADMIN).status_code == 503
        assert [status(client, made["key"]) for made in (kept, stolen)] == [200, 401]
    with servers.running(tmp_path, port):
        pause()
        assert [status(client, made["key"]) for made in (kept, stolen)] == [200, 401]
        assert client.delete(path, headers=ADMIN).status_code == 200
        store.close()
        other = open_store(address)
        assert status(TestClient(create_app(other)), stolen["key"]) == 401
        other.close()
