"""Over gRPC, for servers that take nothing else: the same records, and the same table."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from tests.exporters.test_delivery import App


class Receiver(TraceServiceServicer):
    """Answers as it is told.

    Attributes:
        status: of the answer.
        names: of the spans that were accepted.
        metadata: of the last request.
    """

    def __init__(self) -> None:
        self.status = grpc.StatusCode.OK
        self.names: list[str] = []
        self.metadata: dict[str, str] = {}

    def Export(  # noqa: N802 - the service's own name
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        if self.status is not grpc.StatusCode.OK:
            context.abort(self.status, "not now")
        self.metadata = {key: str(value) for key, value in context.invocation_metadata()}
        self.names += [span.name for span in request.resource_spans[0].scope_spans[0].spans]
        return ExportTraceServiceResponse()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("INFRAPRISM_API_KEY", "ip-secret")
    yield made
    server.stop(None)


def test_spans_are_delivered_with_the_key(receiver: Receiver) -> None:
    app = App()
    app.end_spans(3)
    assert app.flush()
    assert (receiver.names, receiver.metadata["authorization"]) == (
        ["call 0", "call 1", "call 2"],
        "Bearer ip-secret",
    )
    app.provider.shutdown()


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_what_may_pass_is_tried_again(receiver: Receiver, status: grpc.StatusCode) -> None:
    receiver.status = status
    app = App()
    app.end_spans(3)
    assert not app.flush()
    receiver.status = grpc.StatusCode.OK
    assert app.flush()
    assert (len(receiver.names), app.counts.retried) == (3, 3)
    app.provider.shutdown()


def test_what_is_wrong_is_not(receiver: Receiver) -> None:
    receiver.status = grpc.StatusCode.INVALID_ARGUMENT
    app = App()
    app.end_spans(3)
    assert app.flush()
    assert app.counts.dropped == {"refused": 3}
    receiver.status = grpc.StatusCode.UNAUTHENTICATED
    app.end_spans(3)
    assert app.flush()
    assert app.counts.held == {"unauthorized": 3}
    app.provider.shutdown()


def test_what_is_too_large_is_halved(receiver: Receiver) -> None:
    app = App()
    tracer = app.provider.get_tracer("test")
    for number in range(3):  # the server takes 4 MiB
        tracer.start_span(f"large {number}", attributes={"text": "x" * (3 * 2**20)}).end()
    tracer.start_span("too large", attributes={"text": "x" * (5 * 2**20)}).end()
    assert app.flush()
    assert (sorted(receiver.names), app.counts.dropped) == (
        ["large 0", "large 1", "large 2"],
        {"too_large": 1},
    )
    app.provider.shutdown()
