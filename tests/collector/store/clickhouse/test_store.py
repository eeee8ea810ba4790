"""Calls on ClickHouse: what is acknowledged is stored, once, whichever collector took it in."""

from __future__ import annotations

import logging
import random
import threading
from concurrent.futures import wait
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from infraprism.collector.app import create_app
from infraprism.collector.ingest.calls import Batch, Call
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.clickhouse import schema
from infraprism.collector.store.interface import CannotOpenError, Store, StoreFailedError
from infraprism.collector.store.opening import open_store
from tests.support import clickhouse as servers
from tests.support.clickhouse import PASSWORD, Server
from tests.support.otlp import make_call, make_request, make_span

_ROWS = f"SELECT {', '.join(Call._fields)} FROM calls ORDER BY started_at, trace_id"


def batch_of(*spans: Any) -> Batch:
    return read_request(make_request(*spans))


def rows(store: Store, sql: str = _ROWS) -> list[Any]:
    with store.reader() as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def pair(clickhouse: Server) -> Any:
    """Two collectors' stores on one database, which start at the same time."""
    address, opened = clickhouse.address(), []
    threads = [threading.Thread(target=lambda: opened.append(open_store(address))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield opened
    for store in opened:
        store.close()


def test_a_stored_row_is_what_was_read(pair: list[Store]) -> None:
    values = {
        "session.id": "s\0\\'\n\tü\U0001f600",
        "infraprism.tag.feature": "chat\0bot",
        "infraprism.cost.amount": "99999999999999.999999999999999999999999",
        "infraprism.cost.input": "0.000000000000000000000001",
    }
    batch = batch_of(make_call(1, values), make_call(2, {"session.id": None, "infraprism.entity.id": None}))

    pair[0].submit(batch).result()

    assert rows(pair[1]) == [tuple(call) for call in batch.calls]


def test_order_repeats_and_ways_of_delivery_never_change_what_is_stored(pair: list[Store]) -> None:
    spans = [make_call(number, {"infraprism.cost.amount": f"0.{number:024}"}) for number in range(1, 60)]
    tool = make_span(99, {"session.id": "s-1"})
    order = random.Random(3)
    delivered = order.choices(spans, k=60) + spans
    order.shuffle(delivered)

    wait(
        [
            store.submit(batch_of(*delivered[start : start + 7], tool))
            for start in range(0, len(delivered), 7)
            for store in pair
        ]
    )

    total = sum(Decimal(f"0.{number:024}") for number in range(1, 60))
    for store in pair:
        assert rows(store, "SELECT count(*), sum(amount) FROM calls") == [(59, total)]
        assert rows(store, "SELECT count(*) FROM spans") == [(1,)]


def test_the_first_of_two_that_differ_stays_also_where_its_session_is_another(pair: list[Store]) -> None:
    pair[0].submit(batch_of(make_call(1, {"session.id": None}))).result()
    pair[1].submit(batch_of(make_call(1, {"session.id": "s-2"}))).result()

    assert rows(pair[0], "SELECT session_id FROM calls") == [(None,)]


def test_sums_of_the_largest_amounts_are_exact(pair: list[Store]) -> None:
    amount = "99999999999999.999999999999999999999999"
    tokens = 2**62
    values = {"infraprism.cost.amount": amount, "gen_ai.usage.input_tokens": tokens}
    pair[0].submit(batch_of(*(make_call(number, values) for number in range(1, 301)))).result()

    found = rows(pair[0], "SELECT sum(amount), sum(input_tokens) FROM calls")

    assert found == [(Decimal("29999999999999999.999999999999999999999700"), 300 * tokens)]


def test_spans_of_all_times_fit_into_one_batch(pair: list[Store]) -> None:
    starts = [1, 2**63 - 2, *range(10**18, 4 * 10**18, 10**16)]
    spans = [make_call(number, start=start, seconds=0) for number, start in enumerate(starts, start=1)]

    pair[0].submit(batch_of(*spans)).result()

    assert rows(pair[0], "SELECT count(*), min(started_at), max(started_at) FROM calls") == [
        (302, 1, 2**63 - 2)
    ]


def test_a_batch_that_cannot_be_stored_fails_alone(pair: list[Store]) -> None:
    poison = batch_of(make_call(2))
    poison.calls[0] = poison.calls[0]._replace(name="\ud800")

    futures = [pair[0].submit(batch) for batch in (batch_of(make_call(1)), poison, batch_of(make_call(3)))]

    assert [type(future.exception()) for future in futures] == [type(None), StoreFailedError, type(None)]
    assert rows(pair[0], "SELECT count(*) FROM calls") == [(2,)]


def test_a_server_that_goes_asks_for_patience_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Content-Type": "application/x-protobuf"}
    with servers.running(tmp_path) as (server, process):
        store = open_store(server.address("kept"))
        client = TestClient(create_app(store), raise_server_exceptions=False)
        first = make_request(make_call(1, {"session.id": "private"})).SerializeToString()
        assert client.post("/v1/traces", content=first, headers=headers).status_code == 200
        process.stop()
        second = make_request(make_call(2, {"session.id": "private"})).SerializeToString()

        answers = [
            client.post("/v1/traces", content=second, headers=headers),
            client.get("/v1/analytics/sessions"),
            client.get("/readyz"),
        ]

        assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "1")] * 3
        port = server.port
    with servers.running(tmp_path, port):
        assert client.post("/v1/traces", content=second, headers=headers).status_code == 200
        assert client.get("/v1/analytics/sessions").json()["data"][0]["call_count"] == 2
        store.close()
    told = caplog.text + "".join(answer.text for answer in answers)
    assert PASSWORD not in told
    assert "private" not in told


def test_a_database_that_cannot_be_opened_is_named_without_its_password(clickhouse: Server) -> None:
    with pytest.raises(CannotOpenError) as caught:
        open_store(clickhouse.address("test").replace("tester:", "tester:wrong"))
    assert str(caught.value).endswith("/test: error 516 (AUTHENTICATION_FAILED)")
    assert "wrong" not in str(caught.value)


def test_tables_of_a_later_release_are_left_alone(clickhouse: Server) -> None:
    address = clickhouse.address()
    store = open_store(address)
    with store.changer() as connection:
        later = len(schema.MIGRATIONS) + 1
        connection.execute("INSERT INTO schema_version (version) VALUES ($later)", {"later": later})
    store.close()

    with pytest.raises(CannotOpenError, match="use a newer release"):
        open_store(address)
