"""What is deleted is gone, stays away, and leaves only who did it and how much it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.store import deletions
from infraprism.collector.store.embedded import Store
from tests.support.otlp import make_call, make_request, make_span
from tests.support.repriced import RECOSTS, SINCE, make_billed, priced_client

TABLES = ("calls", "spans", "recost_changes")


def send(client: TestClient, *spans: Any) -> None:
    body = make_request(*spans).SerializeToString()
    answer = client.post("/v1/traces", content=body, headers={"Content-Type": "application/x-protobuf"})
    assert answer.status_code == 200


def of(
    entity_id: str | None, session_id: str = "s-1", entity_type: str | None = "customer"
) -> dict[str, Any]:
    return {
        "session.id": session_id,
        "infraprism.entity.type": entity_type,
        "infraprism.entity.id": entity_id,
    }


def counts(store: Store) -> list[int]:
    with store.reader() as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]


def test_a_session_is_deleted_with_its_spans_and_earlier_costs(store: Store, tmp_path: Path) -> None:
    client = priced_client(store, tmp_path)
    send(client, make_billed(1, of("acme")), make_billed(2, of("acme", "s-2")))
    send(client, make_span(3, of("acme")), make_span(4, of("acme", "s-2")))
    assert client.post(RECOSTS, json=SINCE).json()["changed"] == 2
    assert counts(store) == [2, 2, 2]

    answer = client.delete("/v1/analytics/sessions/s-1")

    assert answer.status_code == 200
    assert re.fullmatch(r"20\d\d-.*Z", answer.json()["done_at"])
    assert answer.json() == {
        "id": 1,
        "done_at": answer.json()["done_at"],
        "action": "delete_session",
        "who": "anybody",
        "key_id": None,
        "target": deletions.target("session", "customer", "acme", "s-1"),
        "calls": 1,
        "spans": 1,
        "costs_before": 1,
    }
    assert counts(store) == [1, 1, 1]
    assert client.get("/v1/analytics/sessions/s-1").status_code == 404
    assert client.get("/v1/analytics/sessions/s-2").json()["call_count"] == 1
    assert client.get("/v1/audit").json() == {
        "data": [answer.json()],
        "next_cursor": None,
        "has_more": False,
    }


def test_an_entity_is_deleted_with_all_of_its_sessions(client: TestClient, store: Store) -> None:
    send(client, make_call(1, of("a/b", "s-1")), make_call(2, of("a/b", "s-2")), make_call(3, of("other")))
    send(client, make_call(4, of("a/b", entity_type="team")), make_span(5, of("a/b")))

    answer = client.delete("/v1/analytics/entities/customer/a%2Fb").json()

    assert (answer["action"], answer["calls"], answer["spans"]) == ("delete_entity", 2, 1)
    assert answer["target"] == deletions.target("entity", "customer", "a/b")
    rest = client.get("/v1/analytics/sessions").json()["data"]
    assert {(row["entity_type"], row["entity_id"]) for row in rest} == {
        ("customer", "other"),
        ("team", "a/b"),
    }


@pytest.mark.parametrize("path", ["sessions/s-1", "entities/customer/acme"])
def test_what_is_delivered_again_stays_away(client: TestClient, store: Store, path: str) -> None:
    spans = [make_call(1), make_call(2), make_span(3, of("acme"))]
    send(client, *spans)
    client.delete(f"/v1/analytics/{path}")

    send(client, *spans, make_call(4))

    assert counts(store) == [1, 0, 0]
    status = client.get("/v1/status").json()
    assert (status["deleted_dropped"], status["repeats_dropped"], status["calls_stored"]) == (3, 0, 3)


def test_it_stays_away_after_a_restart_and_its_ids_are_not_kept(tmp_path: Path) -> None:
    for step in (1, 2):
        store = Store(tmp_path / "test.duckdb")
        client = TestClient(create_app(store))
        send(client, make_call(0xABCDEF, of("ada@example.org", "s-secret")))
        if step == 1:
            client.delete("/v1/analytics/sessions/s-secret")
        assert counts(store) == [0, 0, 0]
        with store.reader() as connection:
            kept = str([connection.execute(f"FROM {table}").fetchall() for table in ("deleted", "audit")])
        store.close()
        for name in ("ada", "s-secret", "abcdef"):
            assert name not in kept


def test_an_ambiguous_session_is_not_guessed(client: TestClient, store: Store) -> None:
    send(client, make_call(1, of("acme")), make_span(2, of(None, entity_type=None)))

    answer = client.delete("/v1/analytics/sessions/s-1")
    assert answer.status_code == 409
    assert answer.json()["candidates"] == [
        {"entity_type": None, "entity_id": None},
        {"entity_type": "customer", "entity_id": "acme"},
    ]
    assert counts(store) == [1, 1, 0]

    named = client.delete("/v1/analytics/sessions/s-1", params={"entity_type": "", "entity_id": ""})
    assert (named.status_code, counts(store)) == (200, [1, 0, 0])


def test_a_session_id_may_hold_anything(client: TestClient, store: Store) -> None:
    session_id = "a/b %2F?#\n日本/"
    send(client, make_call(1, of("acme", session_id)))

    assert client.delete(f"/v1/analytics/sessions/{quote(session_id, safe='')}").status_code == 200
    assert counts(store) == [0, 0, 0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/analytics/sessions/s-9", 404),
        ("/v1/analytics/sessions/s-1?entity_id=other", 404),
        ("/v1/analytics/sessions/s-1?force=true", 400),
        ("/v1/analytics/entities/customer/other", 404),
        ("/v1/analytics/entities/customer", 404),
        ("/v1/analytics/entities/customer/", 404),
        ("/v1/analytics/entities/customer/acme?all=1", 400),
    ],
)
def test_what_is_not_there_changes_nothing(client: TestClient, store: Store, path: str, status: int) -> None:
    send(client, make_call(1))

    assert client.delete(path).status_code == status
    assert counts(store) == [1, 0, 0]
    assert client.get("/v1/audit").json()["data"] == []


def test_one_change_at_a_time(client: TestClient, store: Store) -> None:
    send(client, make_call(1))
    with store.changer():
        assert client.delete("/v1/analytics/sessions/s-1").status_code == 409
    assert client.delete("/v1/analytics/sessions/s-1").status_code == 200


def test_the_audit_names_the_key_and_has_pages(store: Store) -> None:
    app = create_app(store, api_key="ip-root")
    text, key = app.state.keyring.create("ada", ("admin", "ingest"))
    client = TestClient(app, headers={"Authorization": f"Bearer {text}"})
    send(client, *(make_call(number, of("acme", f"s-{number}")) for number in (1, 2, 3)))
    for number in (1, 2, 3):
        client.delete(f"/v1/analytics/sessions/s-{number}")

    first = client.get("/v1/audit", params={"limit": 2}).json()
    second = client.get("/v1/audit", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [row["id"] for row in first["data"] + second["data"]] == [4, 3, 2, 1]  # the first made the key
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert {(row["who"], row["key_id"]) for row in first["data"]} == {("ada", key.id)}
    assert client.get("/v1/audit?cursor=x").json()["parameter"] == "cursor"
