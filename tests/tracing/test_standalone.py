"""The export of an application that has not configured OpenTelemetry."""

import http.server
import logging
import multiprocessing
import socket
import sys
import threading

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from infraprism import guard, settings
from infraprism.tracing import standalone


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A process that has made no provider and dropped nothing yet."""
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TIMEOUT", "INFRAPRISM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    settings.current.cache_clear()
    standalone.provider.cache_clear()
    before = trace.get_tracer_provider()
    yield
    assert trace.get_tracer_provider() is before, "the global provider is the application's to set"
    settings.current.cache_clear()
    standalone.provider.cache_clear()


@pytest.fixture
def collector():
    """A collector that keeps each request's path, Authorization header and names of spans."""
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            names = [
                span.name
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
            received.append((self.path, self.headers["Authorization"], names))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def export_one_span():
    provider = standalone.provider()
    provider.get_tracer("test").start_span("chat").end()
    provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize("none", ["none", " None "])
def test_it_can_be_switched_off(monkeypatch, none):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", none)
    assert standalone.provider() is None


def test_there_is_one_per_process():
    provider = standalone.provider()
    assert standalone.provider() is provider
    provider.shutdown()


@pytest.mark.parametrize(("key", "header"), [(None, None), ("ip-secret", "Bearer ip-secret")])
def test_spans_reach_the_collector_with_the_key(monkeypatch, collector, key, header):
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    if key:
        monkeypatch.setenv("INFRAPRISM_API_KEY", key)
    export_one_span()
    assert received == [("/v1/traces", header, ["chat"])]
    assert guard.dropped() == {}


def test_without_an_exporter_nothing_is_exported_and_that_is_said_once(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert [standalone.provider(), standalone.provider()] == [None, None]
    assert caplog.messages == [
        "infraprism: no_exporter (nothing is exported: install the extra 'sdk' of infraprism);"
        " counted as dropped from now on"
    ]


def test_where_no_collector_answers_that_is_counted_and_said_once(monkeypatch, caplog):
    monkeypatch.setattr(standalone, "_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        export_one_span()
        standalone.provider.cache_clear()
        export_one_span()
    assert guard.dropped() == {"export_failed": 2}
    assert [message for name, level, message in caplog.record_tuples if level >= logging.WARNING] == [
        "infraprism: export_failed (is `infraprism serve` running, or OTEL_EXPORTER_OTLP_ENDPOINT set?);"
        " counted as dropped from now on"
    ]


@pytest.mark.parametrize("seconds", ["soon", "-1", "0"])
def test_a_timeout_that_is_none_is_left_aside(monkeypatch, collector, seconds):
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", seconds)
    export_one_span()
    assert received == [("/v1/traces", None, ["chat"])]


def start_a_span():
    standalone.provider().get_tracer("test").start_span("in a child").end()


@pytest.mark.parametrize(
    ("method", "made_before"),
    # The fork server keeps the environment of its first use: it has one turn.
    [("fork", True), ("fork", False), ("spawn", False), ("forkserver", False)],
)
def test_what_a_child_of_multiprocessing_recorded_is_exported_at_its_end(
    monkeypatch, collector, method, made_before
):
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    if made_before:
        standalone.provider()
    child = multiprocessing.get_context(method).Process(target=start_a_span)
    child.start()
    child.join(30)
    assert (child.exitcode, received) == (0, [("/v1/traces", None, ["in a child"])])
