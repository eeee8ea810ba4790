"""The exporter's own settings, seen by a real HTTP server."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from infraprism_exporter_otlp import InfraPrismSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor


class Receiver(HTTPServer):
    """Keeps the headers and bodies of the requests it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


def export_one(exporter: InfraPrismSpanExporter) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("test").start_span("a call").end()
    provider.shutdown()


def test_it_sends_gzip_with_the_bearer_key(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRAPRISM_API_KEY", "ip-secret")
    export_one(InfraPrismSpanExporter())
    [(headers, body)] = receiver.received
    assert (headers["authorization"], headers["content-encoding"]) == ("Bearer ip-secret", "gzip")
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    assert [span.name for span in request.resource_spans[0].scope_spans[0].spans] == ["a call"]


def test_the_standard_variables_win(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFRAPRISM_API_KEY", "ip-secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer other,x-team=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    export_one(InfraPrismSpanExporter(headers={"x-more": "b"}))
    [(headers, _)] = receiver.received
    sent = {name: headers.get(name) for name in ("authorization", "x-team", "x-more", "content-encoding")}
    assert sent == {
        "authorization": "Bearer other",
        "x-team": "a",
        "x-more": "b",
        "content-encoding": None,
    }


def test_no_key_sends_no_authorization(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFRAPRISM_API_KEY", raising=False)
    export_one(InfraPrismSpanExporter())
    [(headers, _)] = receiver.received
    assert "authorization" not in headers


def test_headers_are_sent_as_they_were_written(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-price=%E2%82%AC%201")
    export_one(InfraPrismSpanExporter(headers=[{"name": "x-team", "value": "a"}]))
    [(headers, _)] = receiver.received
    assert (headers["x-price"].encode("latin-1").decode(), headers["x-team"]) == ("€ 1", "a")
