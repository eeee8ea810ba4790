"""Events of calls that are not sampled, in an application that has not configured OpenTelemetry."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry import _logs
from opentelemetry._logs import LogRecord
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from infraprism import guard, settings
from infraprism.tracing import standalone, standalone_events

Received = list[tuple[str, str | None, list[str]]]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has made no provider and dropped nothing yet."""
    for name in ("OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_TIMEOUT", "INFRAPRISM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(guard, "_dropped", type(guard._dropped)())
    settings.current.cache_clear()
    standalone_events.provider.cache_clear()
    before = _logs.get_logger_provider()
    yield
    assert _logs.get_logger_provider() is before, "the global provider is the application's to set"
    settings.current.cache_clear()
    standalone_events.provider.cache_clear()


@pytest.fixture
def collector() -> Iterator[tuple[str, Received]]:
    """A collector that keeps each request's path, Authorization header and names of events."""
    received: Received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = [
                record.event_name
                for resource in ExportLogsServiceRequest.FromString(body).resource_logs
                for scope in resource.scope_logs
                for record in scope.log_records
            ]
            received.append((self.path, self.headers["Authorization"], names))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportLogsServiceResponse().SerializeToString())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def emit() -> None:
    provider = standalone_events.provider()
    assert provider is not None
    provider.get_logger("test").emit(LogRecord(timestamp=1, event_name="infraprism.call"))


def export_one_event() -> None:
    emit()
    provider: Any = standalone_events.provider()
    provider.shutdown()


@pytest.mark.parametrize("none", ["none", " None "])
def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, none: str) -> None:
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", none)
    assert standalone_events.provider() is None


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        ({}, None),
        ({"INFRAPRISM_API_KEY": "ip-secret"}, "Bearer ip-secret"),
        (
            {"INFRAPRISM_API_KEY": "ip-secret", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "authorization=mine"},
            "mine",
        ),
        ({"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "soon"}, None),
    ],
)
def test_events_reach_the_collector_with_the_key(
    monkeypatch: pytest.MonkeyPatch,
    collector: tuple[str, Received],
    environ: dict[str, str],
    header: str | None,
) -> None:
    endpoint, received = collector
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ}.items():
        monkeypatch.setenv(name, value)
    export_one_event()
    assert received == [("/v1/logs", header, ["infraprism.call"])]
    assert guard.dropped() == {}


def test_where_no_collector_answers_that_is_counted_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(standalone, "_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    for _ in range(2):
        export_one_event()
        standalone_events.provider.cache_clear()
    assert guard.dropped() == {"export_failed": 2}
    assert caplog.messages == [
        "infraprism: export_failed (is `infraprism serve` running, or OTEL_EXPORTER_OTLP_ENDPOINT set?);"
        " counted as dropped from now on"
    ]


@pytest.mark.parametrize("made_before", [True, False])
def test_what_a_child_of_multiprocessing_emitted_is_exported_at_its_end(
    monkeypatch: pytest.MonkeyPatch, collector: tuple[str, Received], made_before: bool
) -> None:
    endpoint, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    if made_before:
        standalone_events.provider()
    child = multiprocessing.get_context("fork").Process(target=emit)
    child.start()
    child.join(30)
    assert (child.exitcode, received) == (0, [("/v1/logs", None, ["infraprism.call"])])
