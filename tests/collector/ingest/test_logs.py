"""`POST /v1/logs`: the events of calls become the rows that their spans would have been."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from infraprism.collector.ingest import logs
from infraprism.collector.ingest.calls import Batch
from infraprism.collector.ingest.spans import read_request
from infraprism.collector.store.embedded import Store
from tests.support.otlp import (
    make_call,
    make_event,
    make_logs_json,
    make_logs_request,
    make_request,
    make_span,
)

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}


def post(client: TestClient, body: bytes, headers: dict[str, str], path: str = "/v1/logs") -> httpx2.Response:
    return client.post(path, content=body, headers=headers)


def stored(store: Store) -> list[Any]:
    with store.reader() as connection:
        return connection.execute("SELECT * FROM calls ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    "span",
    [
        make_call(1, {"infraprism.tag.a": "b", "flag": True, "gen_ai.response.finish_reasons": ["stop"]}),
        make_call(2, parent=1),
        make_call(3, {"infraprism.cost.status": "unpriced", "infraprism.cost.amount": None}),
        make_call(4, {"infraprism.cost.amount": "?", "gen_ai.usage.input_tokens": -1}),
        make_span(5, {"gen_ai.operation.name": "embeddings", "error.type": "NotFoundError"}, is_error=True),
        make_span(6, {"gen_ai.operation.name": "chat"}, name="chat"),
    ],
    ids=lambda span: str(span.span_id[-1]),
)
@pytest.mark.parametrize("service", ["shop", None])
def test_an_event_is_the_same_row_as_its_span(span: Span, service: str | None) -> None:
    of_span = read_request(make_request(span, service_name=service))
    of_event = logs.read_request(make_logs_request(make_event(span), service_name=service))

    assert len(of_span.calls) == 1
    assert of_event == of_span


@pytest.mark.parametrize(
    "record",
    [
        make_event(make_call(1), name="session.start"),
        make_event(make_call(1), name=""),
        make_event(make_span(1, {"session.id": "s-1"})),
        make_event(make_call(1, {"infraprism.cost.counted_in": "00f067aa0ba902b7"})),
        LogRecord(),
    ],
)
def test_a_record_that_is_no_call_is_ignored_and_counted(record: LogRecord) -> None:
    assert logs.read_request(make_logs_request(record)) == Batch(ignored=Counter(no_call=1))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (make_event(make_call(1), {"infraprism.call.started_at": value}), "time_missing")
        for value in (None, "soon", 0, -5, True)
    ]
    + [
        (make_event(make_call(1), {"infraprism.call.started_at": 2**63 - 1}), "ended_before_started"),
        (LogRecord(event_name="infraprism.call", span_id=b"12345678"), "trace_id_invalid"),
        (LogRecord(event_name="infraprism.call", trace_id=b"1234567812345678"), "span_id_invalid"),
    ],
)
def test_one_that_cannot_be_a_row_leaves_its_neighbour_alone(record: LogRecord, reason: str) -> None:
    batch = logs.read_request(make_logs_request(record, make_event(make_call(2))))

    assert [call.span_id for call in batch.calls] == ["0000000000000002"]
    assert batch.rejected == {reason: 1}


@pytest.mark.parametrize("parent", ["no hex", "", 7, None])
def test_a_parent_that_is_none_is_left_out(parent: Any) -> None:
    record = make_event(make_call(1), {"infraprism.call.parent_span_id": parent})

    (call,) = logs.read_request(make_logs_request(record)).calls

    assert call.parent_span_id is None


def test_every_encoding_stores_the_same_rows_as_the_spans(client: TestClient, store: Store) -> None:
    spans = [make_call(1, {"flag": True, "share": 0.5}), make_call(2, parent=1)]
    events = [make_event(span) for span in spans]
    binary = make_logs_request(*events).SerializeToString()
    text = json.dumps(make_logs_json(*events)).encode()
    ways = [
        (make_request(*spans).SerializeToString(), PROTOBUF, "/v1/traces"),
        (binary, PROTOBUF, "/v1/logs"),
        (text, JSON, "/v1/logs"),
        (gzip.compress(binary), {**PROTOBUF, **GZIP}, "/v1/logs"),
        (gzip.compress(text), {**JSON, **GZIP}, "/v1/logs"),
    ]
    found = []
    for body, headers, path in ways:
        answer = post(client, body, headers, path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, headers["Content-Type"])
        assert answer.content == (b"{}" if headers["Content-Type"] == JSON["Content-Type"] else b"")
        found.append(stored(store))
        with store.reader() as connection:
            connection.execute("DELETE FROM calls")
            connection.commit()
    assert len(found[0]) == 2
    assert found == [found[0]] * len(ways)


@pytest.mark.parametrize("order", ["span event", "event span", "event event span", "span event span event"])
def test_a_call_that_comes_both_ways_is_one_row(client: TestClient, store: Store, order: str) -> None:
    bodies = {
        "span": (make_request(make_call(1)).SerializeToString(), "/v1/traces"),
        "event": (make_logs_request(make_event(make_call(1))).SerializeToString(), "/v1/logs"),
    }
    for kind in order.split():
        body, path = bodies[kind]
        assert post(client, body, PROTOBUF, path).status_code == 200

    assert len(stored(store)) == 1
    (session,) = client.get("/v1/analytics/sessions").json()["data"]
    assert (session["call_count"], session["total_cost"]) == (1, 0.0075)
    assert client.get("/v1/status").json() == {
        "calls_stored": 1,
        "spans_stored": 0,
        "repeats_dropped": len(order.split()) - 1,
        "deleted_dropped": 0,
        "calls_counted_elsewhere": 0,
        "spans_ignored": {},
        "spans_rejected": {},
        "calls_from_logs": order.split().count("event"),
        "logs_ignored": {},
        "logs_rejected": {},
        "values_dropped": {},
        "requests_refused": {},
        "requests_ignored": {},
    }


def test_what_was_left_out_is_told_and_counted(client: TestClient) -> None:
    records = [make_event(make_call(1)), make_event(make_call(2, start=0)), LogRecord(event_name="other")]

    answer = post(client, make_logs_request(*records).SerializeToString(), PROTOBUF)

    told = ExportLogsServiceResponse.FromString(answer.content).partial_success
    message = "time_missing: the start time or the end time is missing"
    message += " (1 log records, the first: start_time_unix_nano of span 0000000000000002)"
    assert (told.rejected_log_records, told.error_message) == (1, message)
    status = client.get("/v1/status").json()
    assert (status["calls_stored"], status["calls_from_logs"]) == (1, 1)
    assert (status["logs_ignored"], status["logs_rejected"]) == ({"no_call": 1}, {"time_missing": 1})


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": "xyz"},
        {"timeUnixNano": "soon"},
        {"timeUnixNano": -1},
        {"attributes": 7},
        {"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]},
    ],
)
def test_a_malformed_json_record_leaves_its_neighbour_alone(
    client: TestClient, fields: dict[str, Any]
) -> None:
    document = make_logs_json(make_event(make_call(1)), make_event(make_call(2)))
    document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].update(fields)

    answer = post(client, json.dumps(document).encode(), JSON)

    (field,) = fields
    message = f"malformed: it is not valid OTLP (1 log records, the first: {field})"
    assert answer.json() == {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": message}}
    assert client.get("/v1/status").json()["calls_stored"] == 1


def test_of_the_applications_own_records_nothing_is_read(client: TestClient) -> None:
    document = make_logs_json(make_event(make_call(1), name="app.started"))
    document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0] |= {"traceId": 5, "attributes": 7}

    assert post(client, json.dumps(document).encode(), JSON).json() == {}
    assert client.get("/v1/status").json()["logs_ignored"] == {"no_call": 1}


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"\xff", PROTOBUF, 400, "undecodable"),
        (b"[]", JSON, 400, "undecodable"),
        (b'{"resourceLogs": [7]}', JSON, 400, "undecodable"),
        (b"plain", {**PROTOBUF, **GZIP}, 400, "not_compressed"),
        (b"", {"Content-Type": "text/plain"}, 415, "content_type"),
    ],
)
def test_what_is_no_request_is_refused(
    client: TestClient, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    assert post(client, body, headers).status_code == status
    assert client.get("/v1/status").json()["requests_refused"] == {reason: 1}
