"""OTLP over gRPC, from OpenTelemetry's own exporter's protocol over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from infraprism.collector.access.keyring import Keyring
from infraprism.collector.counters import Counters
from infraprism.collector.ingest.over_grpc import GrpcServer
from infraprism.collector.ingest.receiver import Receiver
from infraprism.collector.store.embedded import Store
from infraprism.collector.store.interface import QueueFullError
from tests.support.otlp import make_call, make_event, make_logs_request, make_request

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
KEY = (("authorization", "Bearer ip-secret"),)


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
async def send(store: Store, counters: Counters) -> AsyncIterator[Callable[..., Any]]:
    server = GrpcServer(Receiver(store, counters), Keyring(store, "ip-secret"))
    port = await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        def call(method: str, body: bytes, metadata: Any = KEY, **options: Any) -> Any:
            return channel.unary_unary(method)(body, metadata=metadata, timeout=20, **options)

        yield call
    await server.stop(1)


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_spans_events_and_metrics(
    send: Callable[..., Any], store: Store, counters: Counters, compression: Any
) -> None:
    spans = make_request(make_call(1), make_call(2, start=0)).SerializeToString()
    events = make_logs_request(make_event(make_call(3))).SerializeToString()

    answer = ExportTraceServiceResponse.FromString(await send(TRACES, spans, compression=compression))
    assert await send(LOGS, events, compression=compression) == b""
    assert await send(METRICS, b"anything") == b""

    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message.startswith("time_missing: ")
    assert (store.calls_stored, counters.calls_from_logs) == (2, 1)
    assert (counters.spans_rejected, counters.requests_ignored) == ({"time_missing": 1}, {"metrics": 1})


async def test_a_key_needs_the_scope(store: Store, counters: Counters) -> None:
    keyring = Keyring(store, None)
    server = GrpcServer(Receiver(store, counters), keyring)
    port = await server.start("127.0.0.1", 0)
    codes = []
    for scope in ("read", "ingest"):
        key, _ = keyring.create(scope, (scope,))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            metadata = (("authorization", f"Bearer {key}"),)
            call = channel.unary_unary(TRACES)(
                make_request(make_call(1)).SerializeToString(), metadata=metadata
            )
            codes.append(await call.code())
    await server.stop(1)

    assert codes == [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.OK]
    assert store.calls_stored == 1


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer ip-other"),)])
@pytest.mark.parametrize("method", [TRACES, LOGS, METRICS])
async def test_the_key_is_asked_for(
    send: Callable[..., Any], store: Store, method: str, metadata: Any
) -> None:
    body = make_request(make_call(1)).SerializeToString()

    assert (await refusal(send(method, body, metadata))).code() is grpc.StatusCode.UNAUTHENTICATED
    assert store.calls_stored == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a\x00" * 60_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (bytes(17 * 2**20), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_what_cannot_be_taken_is_not_sent_again(
    send: Callable[..., Any], body: bytes, code: Any
) -> None:
    error = await refusal(send(TRACES, body))

    assert error.code() is code
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata())


async def test_a_full_queue_says_when_to_try_again(
    send: Callable[..., Any], counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Store, batch: Any) -> None:
        raise QueueFullError("3 spans wait")

    monkeypatch.setattr(Store, "submit", refuse)

    error = await refusal(send(TRACES, make_request(make_call(1)).SerializeToString()))

    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "3 spans wait")
    assert (retry.retry_delay.seconds, status.code) == (1, 14)
    assert counters.requests_refused == {"queue_full": 1}


async def test_requests_that_run_are_finished_at_the_stop(store: Store, counters: Counters) -> None:
    server = GrpcServer(Receiver(store, counters), Keyring(store, None))
    port = await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        body = make_request(*map(make_call, range(1, 2000))).SerializeToString()
        running = asyncio.ensure_future(channel.unary_unary(TRACES)(body, timeout=20))
        while not counters.requests_refused and not store._queue._waiting_spans and not store.calls_stored:
            await asyncio.sleep(0.001)
        await server.stop(10)
        assert await running == b""
    assert store.calls_stored == 1999
