"""`POST /v1/traces`: what is taken, what is refused, and with which words."""

from __future__ import annotations

import gzip
import json
import resource
import zlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import zstandard
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.testclient import TestClient

from infraprism.collector.ingest import bodies, pieces
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import QueueFullError, StoreFailedError
from tests.support.otlp import make_call, make_json, make_request, make_span

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
GZIP = {"Content-Encoding": "gzip"}


def post(client: TestClient, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    return client.post("/v1/traces", content=body, headers=headers)


def stored(store: Store) -> list[Any]:
    with store.reader() as connection:
        return connection.execute("SELECT * FROM calls ORDER BY ALL").fetchall()


def test_every_encoding_stores_the_same_rows(client: TestClient, store: Store) -> None:
    spans = [
        make_call(1, {"flag": True, "share": 0.5}),
        make_span(2, {"gen_ai.operation.name": "chat"}, is_error=True, parent=1),
    ]
    binary = make_request(*spans).SerializeToString()
    text = json.dumps(make_json(*spans)).encode()

    first = post(client, binary, PROTOBUF)
    rows = stored(store)
    with store.reader() as connection:
        connection.execute("DELETE FROM calls")
        connection.commit()
    second = post(client, text, JSON)

    assert rows == stored(store)
    assert len(rows) == 2
    assert (first.status_code, first.headers["content-type"], first.content) == (
        200,
        "application/x-protobuf",
        b"",
    )
    assert (second.status_code, second.headers["content-type"], second.content) == (
        200,
        "application/json",
        b"{}",
    )
    for body, headers in ((gzip.compress(binary), PROTOBUF), (gzip.compress(text), JSON)):
        assert post(client, body, {**headers, **GZIP}).status_code == 200
    assert client.get("/v1/status").json()["repeats_dropped"] == 4


def test_what_was_left_out_is_told_and_counted(client: TestClient) -> None:
    spans = [make_call(1), make_call(2, start=0), make_call(3, {"infraprism.cost.amount": "?"}), make_span(4)]
    message = "time_missing: the start time or the end time is missing"
    message += " (1 spans, the first: start_time_unix_nano of span 0000000000000002)"

    response = ExportTraceServiceResponse.FromString(
        post(client, make_request(*spans).SerializeToString(), PROTOBUF).content
    )

    assert (response.partial_success.rejected_spans, response.partial_success.error_message) == (1, message)
    assert client.get("/v1/status").json() == {
        "calls_stored": 2,
        "spans_stored": 0,
        "repeats_dropped": 0,
        "deleted_dropped": 0,
        "calls_counted_elsewhere": 0,
        "spans_ignored": {"no_call_no_session": 1},
        "spans_rejected": {"time_missing": 1},
        "calls_from_logs": 0,
        "logs_ignored": {},
        "logs_rejected": {},
        "values_dropped": {"amount_invalid": 1},
        "requests_refused": {},
        "requests_ignored": {},
    }


def json_with(**fields: Any) -> bytes:
    document = make_json(make_call(1), make_call(2))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0].update(fields)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": "xyz"},
        {"traceId": 5},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": 1.5},
        {"name": 7},
        {"attributes": 7},
        {"attributes": [None]},
        {"attributes": [{"value": {"stringValue": "no key"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": 2**64}}]},
        {"attributes": [{"key": "a", "value": {"bytesValue": "*"}}]},
        {"attributes": [{"key": "a", "value": {"doubleValue": 10**400}}]},
        {"status": 2},
    ],
)
def test_a_malformed_json_span_leaves_its_neighbour_alone(client: TestClient, fields: dict[str, Any]) -> None:
    (field,) = fields
    answer = post(client, json_with(**fields), JSON)

    assert answer.status_code == 200
    assert answer.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": f"malformed: it is not valid OTLP (1 spans, the first: {field})",
        }
    }
    assert client.get("/v1/status").json()["calls_stored"] == 1


def test_json_fields_that_are_unknown_null_or_numbers(client: TestClient, store: Store) -> None:
    body = json_with(
        startTimeUnixNano=1_735_689_601_000_000_001,
        parentSpanId=None,
        status=None,
        links=[{"traceId": "not looked at"}],
        fromTheFuture={"a": [1]},
    )

    assert post(client, body, JSON).json() == {}
    assert stored(store)[0][2:4] == (None, 1_735_689_601_000_000_001)


def test_half_a_surrogate_pair_becomes_a_question_mark(client: TestClient, store: Store) -> None:
    assert post(client, json_with(name="a\ud800b\U0001f600\0"), JSON).json() == {}
    assert stored(store)[0][5] == "a?b\U0001f600\0"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b'{"resourceSpans": 7}',
        b'{"resourceSpans": [7]}',
        b'{"resourceSpans": [{"scopeSpans": {"a": 1}}]}',
        b"[" * 1_000_000,
        b'{"a":' * 500_000,
        b"9" * 10_000,
        b'{"name": "\xed\xa0\x80"}',
    ],
)
def test_a_body_that_is_no_json_request(client: TestClient, body: bytes) -> None:
    answer = post(client, body, JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert list(answer.json()) == ["message"]


def test_an_attribute_nested_to_absurd_depth_is_malformed(client: TestClient) -> None:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}

    answer = post(client, json_with(attributes=[{"key": "deep", "value": value}]), JSON)

    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.parametrize(
    "body", [b"\xff", b"hello world", make_request(make_call(1)).SerializeToString()[:-3]]
)
def test_a_body_that_is_no_protobuf_request(client: TestClient, body: bytes) -> None:
    answer = post(client, body, PROTOBUF)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "not an ExportTraceServiceRequest" in Status.FromString(answer.content).message


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {**PROTOBUF, "Content-Encoding": "br"},
        {**PROTOBUF, "Content-Encoding": "gzip, gzip"},
    ],
)
def test_other_types_and_encodings_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert post(client, b"", headers).status_code == 415


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_compressed_body_may_consist_of_several_parts(
    client: TestClient, store: Store, encoding: str
) -> None:
    body = make_request(make_call(1), make_call(2)).SerializeToString()
    compress = COMPRESS[encoding]

    answer = post(
        client, compress(body[:700]) + compress(body[700:]), {**PROTOBUF, "Content-Encoding": encoding}
    )

    assert (answer.status_code, len(stored(store))) == (200, 2)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_body_that_is_not_what_its_encoding_says(client: TestClient, encoding: str) -> None:
    whole = COMPRESS[encoding](b"x" * 99)
    others = [other(b"x") for name, other in COMPRESS.items() if name != encoding]
    for body in (b"plain", whole[:-5], whole[:3], whole + b"!", *others):
        assert post(client, body, {**PROTOBUF, "Content-Encoding": encoding}).status_code == 400


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_bomb_is_refused_before_it_is_memory(client: TestClient, encoding: str) -> None:
    bomb = COMPRESS[encoding](bytes(256 * 2**20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = post(client, bomb, {**PROTOBUF, "Content-Encoding": encoding})

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert answer.status_code == 413
    assert grown < 170, "twice the limit, and a piece"


def test_a_protobuf_span_that_is_malformed_leaves_its_neighbours_alone(client: TestClient) -> None:
    marked = make_call(2, name="AAAA")
    body = (
        make_request(make_call(1), marked, make_call(3))
        .SerializeToString()
        .replace(b"AAAA", b"\xff\xff\xff\xff")
    )

    told = ExportTraceServiceResponse.FromString(post(client, body, PROTOBUF).content).partial_success

    assert (told.rejected_spans, told.error_message) == (
        1,
        "malformed: it is not valid OTLP (1 spans, the first: name)",
    )
    assert client.get("/v1/status").json()["calls_stored"] == 2


def test_a_span_that_is_too_large_leaves_its_neighbours_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MAX_ITEM_BYTES", 2000)
    spans = [make_call(1), make_call(2, {"image": "x" * 2000})]

    answer = post(client, make_request(*spans).SerializeToString(), PROTOBUF)

    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (told.rejected_spans, told.error_message.partition(":")[0]) == (1, "too_large")
    assert client.get("/v1/status").json()["calls_stored"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x00" * 60_000,
        b"\x0a\xc0\xa9\x07" + b"\x12\x00" * 60_000,
        b"\x0a\xc4\xa9\x07\x12\xc0\xa9\x07" + b"\x12\x00" * 60_000,
    ],
    ids=["resources", "scopes", "spans"],
)
def test_many_empty_messages_are_refused(client: TestClient, body: bytes) -> None:
    answer = post(client, body, PROTOBUF)

    assert answer.status_code == 413
    assert Status.FromString(answer.content).message == "the request has more than 50000 items"


def test_json_of_many_empty_spans_is_refused(client: TestClient) -> None:
    spans = ",".join(["{}"] * 50_001)
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}'.encode()

    answer = post(client, body, JSON)

    assert (answer.status_code, answer.json()) == (
        413,
        {"message": "the request has more than 50000 items"},
    )


@pytest.mark.parametrize("count", [10_000, 10_001])
def test_a_span_of_very_many_attributes_is_refused_by_itself(client: TestClient, count: int) -> None:
    many = make_span(2, {"session.id": "s", **{str(number): 1 for number in range(count - 1)}})

    answer = post(client, make_request(make_call(1), many).SerializeToString(), PROTOBUF)

    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert told.rejected_spans == count - 10_000
    assert told.error_message in ("", "too_many_attributes: it has more than 10,000 attributes"
                                  " (1 spans, the first: attributes of span 0000000000000002)")  # fmt: skip
    assert client.get("/v1/status").json()["calls_stored"] == 1


def test_requests_that_together_are_too_much_ask_for_patience(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 1500)
    body = make_request(make_call(1), make_call(2)).SerializeToString()
    assert 700 < len(body) < 1500

    answers = [post(client, sent, PROTOBUF) for sent in (body, body * 3, body)]

    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].headers["retry-after"] == "1"
    assert client.get("/v1/status").json()["requests_refused"] == {"no_room": 1}


def test_bodies_over_the_limits(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_WIRE_BYTES", 1000)
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 5000)
    bomb = gzip.compress(bytes(100_000))
    assert len(bomb) < 1000

    on_the_wire = post(client, bytes(1001), PROTOBUF)
    inflated = post(client, bomb, {**PROTOBUF, **GZIP})

    assert (on_the_wire.status_code, inflated.status_code) == (413, 413)
    assert Status.FromString(inflated.content).message == "the decompressed body is larger than 5000 bytes"


def test_a_full_queue_and_a_failing_store_ask_for_patience(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (QueueFullError("3 spans wait"), StoreFailedError("no")):

        def refuse(self: Store, batch: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(Store, "submit", refuse)
        answer = post(client, make_request(make_call(1)).SerializeToString(), PROTOBUF)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_refused_requests_are_counted_by_reason(client: TestClient) -> None:
    post(client, b"", {"Content-Type": "text/plain"})
    post(client, b"", {**PROTOBUF, "Content-Encoding": "br"})
    post(client, b"plain", {**PROTOBUF, **GZIP})
    post(client, b"\xff", PROTOBUF)
    post(client, b"{", JSON)

    assert client.get("/v1/status").json()["requests_refused"] == {
        "content_type": 1,
        "content_encoding": 1,
        "not_compressed": 1,
        "undecodable": 2,
    }


_NAMES = st.sampled_from(
    (
        *("resourceSpans", "resource", "scopeSpans", "spans", "traceId", "spanId", "parentSpanId", "name"),
        *("startTimeUnixNano", "endTimeUnixNano", "attributes", "status", "code", "key", "value", "values"),
        *("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "arrayValue", "kvlistValue"),
        *("session.id", "gen_ai.operation.name", "infraprism.cost.status", "infraprism.cost.amount", "chat"),
    )
)


_JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),  # lone surrogates too
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=_NAMES, value=_JSON_VALUES)
def test_no_json_makes_the_collector_fail(client: TestClient, place: str, value: Any) -> None:
    document = make_json(make_call(1, {"gen_ai.usage.cost": 0.5}), make_call(2))

    def plant(node: Any) -> None:
        """Put `value` wherever the document has `place`."""
        for item in node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else ():
            plant(item)
        if isinstance(node, dict) and place in node:
            node[place] = value

    plant(document)

    assert post(client, json.dumps(document).encode(), JSON).status_code in (200, 400)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 1000), junk=st.binary(max_size=20))
def test_no_bytes_make_the_collector_fail(client: TestClient, cut: int, junk: bytes) -> None:
    body = make_request(make_call(1), make_call(2)).SerializeToString()

    broken = body[:cut] + junk + body[cut + len(junk) :]

    assert post(client, broken, PROTOBUF).status_code in (200, 400)


def test_an_empty_request_is_fine(client: TestClient) -> None:
    assert post(client, b"", PROTOBUF).status_code == 200
    assert post(client, b"{}", JSON).json() == {}


def test_metrics_are_accepted_and_not_kept(client: TestClient) -> None:
    answers = [
        client.post("/v1/metrics", content=body, headers=kind)
        for body, kind in [(b"anything", PROTOBUF), (b"{}", JSON)]
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b""), (200, b"{}")]
    assert client.get("/v1/status").json()["requests_ignored"] == {"metrics": 2}


def field(number: int, content: bytes | int) -> bytes:
    """A field as protobuf writes it; texts of less than 128 bytes, small numbers."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    length = len(content)
    return bytes([number << 3 | 2, length & 127 | 128, length >> 7]) + content


#: Messages of any fields, some of which are the ones of OTLP.
_MESSAGES = st.recursive(
    st.binary(max_size=16) | st.text(max_size=8).map(str.encode),
    lambda inner: st.lists(st.builds(field, st.integers(1, 15), inner | st.integers(0, 127)), max_size=6).map(
        b"".join
    ),
    max_leaves=30,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(span=_MESSAGES, resource=_MESSAGES, around=st.integers(0, 3))
def test_no_protobuf_makes_the_collector_fail(
    client: TestClient, span: bytes, resource: bytes, around: int
) -> None:
    kept = make_call(1).SerializeToString()
    body = span
    for shell in (2, 2, 1)[:around]:
        extra = field(1, resource) if shell == 1 else b""
        body = field(shell, extra + (field(2, kept) if shell == 2 and body is span else b"") + body)

    assert post(client, body, PROTOBUF).status_code in (200, 400)
