"""What watches the collector."""

from __future__ import annotations

import re
from concurrent.futures import Future

import pytest
from starlette.testclient import TestClient

from infraprism.collector import health
from infraprism.collector.app import create_app
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import StoreFailedError
from tests.support.otlp import make_call, make_request, make_span


def test_ready_means_that_the_store_has_written(client: TestClient, store: Store) -> None:
    def written_at() -> int:
        with store.reader() as connection:
            return connection.execute("SELECT written_at FROM probe").fetchone()[0]

    before = written_at()
    assert client.get("/readyz").json() == {"status": "ok"}
    after = written_at()
    assert after > before
    assert client.get("/readyz").status_code == 200
    assert written_at() == after  # whoever asks often does not write often


def test_a_store_that_cannot_write_is_not_ready(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "_commit", fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "store_failed"})
    assert client.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert client.get("/readyz").status_code == 200


def test_a_store_that_is_busy_is_not_waited_for(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(store, "probe", Future)

    assert client.get("/readyz").json() == {"status": "store_busy"}


def test_a_collector_that_stops_is_not_ready(store: Store) -> None:
    app = create_app(store)
    app.state.is_stopping = True

    answer = TestClient(app).get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})


def test_a_closed_store_takes_no_probe(store: Store) -> None:
    store.close()
    with pytest.raises(StoreFailedError):
        store.probe()


def test_metrics_say_what_the_status_says(client: TestClient) -> None:
    body = make_request(make_call(1), make_call(1), make_span(2), make_call(3, seconds=-5))
    headers = {"Content-Type": "application/x-protobuf"}
    client.post("/v1/traces", content=body.SerializeToString(), headers=headers)
    client.post("/v1/metrics", content=b"", headers=headers)

    answer = client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    values = {
        name: int(value)
        for name, value in re.findall(r"^infraprism_collector_(\S+) (\d+)$", answer.text, re.M)
    }
    assert values == {
        "calls_stored_total": 1,
        "spans_stored_total": 0,
        "repeats_dropped_total": 1,
        "deleted_dropped_total": 0,
        "calls_counted_elsewhere_total": 0,
        "calls_from_logs_total": 0,
        'spans_ignored_total{reason="no_call_no_session"}': 1,
        'spans_rejected_total{reason="ended_before_started"}': 1,
        'requests_ignored_total{reason="metrics"}': 1,
    }
    names = set(re.findall(r"^# TYPE infraprism_collector_(\w+)_total counter$", answer.text, re.M))
    assert names == set(client.get("/v1/status").json())
