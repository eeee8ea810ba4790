"""What becomes of spans, by the answers of a real server."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import pytest
from infraprism_exporter_otlp import InfraPrismSpanProcessor
from infraprism_exporter_otlp.counts import Counts
from opentelemetry.sdk.trace import TracerProvider

from tests.exporters.fault_server import Fault, FaultServer


class App:
    """An application that ends spans.

    Attributes:
        counts: what became of them.
    """

    def __init__(self, **options: object) -> None:
        self._processor = InfraPrismSpanProcessor(**options)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self._processor)

    @property
    def counts(self) -> Counts:
        return self._processor._exporter.delivery.counts

    def end_spans(self, count: int) -> None:
        for number in range(count):
            self.provider.get_tracer("test").start_span(f"call {number}").end()

    def flush(self, seconds: float = 10) -> bool:
        return self.provider.force_flush(int(seconds * 1000))


def until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def left_on_disk(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_accepted_spans_leave_nothing_behind(server: FaultServer, directory: Path) -> None:
    app = App()
    app.end_spans(1100)
    assert app.flush()
    app.provider.shutdown()
    assert (len(server.spans), sum(server.spans.values()), app.counts.sent) == (1100, 1100, 1100)
    assert len(server.requests) == 3
    assert left_on_disk(directory) == []


def test_a_span_is_delivered_without_being_asked(server: FaultServer) -> None:
    app = App()
    app.end_spans(1)
    until(lambda: len(server.spans) == 1, 5)
    app.provider.shutdown()


def test_what_fails_for_a_while_is_sent_again(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    server.fault = Fault.STATUS
    server.headers = {"Retry-After": "1"}
    app = App()
    app.end_spans(10)
    until(lambda: len(server.requests) == 2)
    first, second = server.times
    assert 1 <= second - first < 2
    server.fault = Fault.NONE
    until(lambda: app.counts.sent == 10)
    assert (app.counts.retried >= 20, app.counts.dropped) == (True, {})
    assert caplog.text.count("HTTP 503: they are kept and sent again") == 1
    app.provider.shutdown()


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.KILLED_WHILE_ANSWERING, Fault.SLOW])
def test_a_broken_or_endless_answer_is_no_answer(server: FaultServer, fault: Fault) -> None:
    server.fault = fault
    app = App(timeout=0.5)
    app.end_spans(10)
    began = time.monotonic()
    assert not app.flush()
    assert time.monotonic() - began < 5
    server.fault = Fault.NONE
    assert app.flush()
    assert (len(server.spans), app.counts.sent, app.counts.dropped) == (10, 10, {})
    app.provider.shutdown()


def test_a_server_that_asks_for_no_wait_is_not_asked_without_a_pause(server: FaultServer) -> None:
    server.fault = Fault.STATUS
    server.headers = {"Retry-After": "0"}
    app = App()
    app.end_spans(1)
    until(lambda: len(server.requests) == 3)
    assert server.times[2] - server.times[0] >= 1
    server.fault = Fault.NONE
    until(lambda: app.counts.sent == 1)
    app.provider.shutdown()


def test_a_flush_says_that_it_is_done_when_it_is(server: FaultServer) -> None:
    app = App()
    for count in range(1, 200):
        app.end_spans(1)
        assert app.flush()
        assert len(server.spans) == count
    app.provider.shutdown()


def test_a_server_that_is_down_is_waited_for(server: FaultServer) -> None:
    server.down()
    app = App()
    app.end_spans(10)
    assert not app.flush()
    server.up()
    assert app.flush()
    assert sum(server.spans.values()) == 10
    app.provider.shutdown()


def test_a_connection_that_the_server_has_closed_since_is_no_failure(server: FaultServer) -> None:
    app = App()
    app.end_spans(1)
    assert app.flush()
    server.down()
    server.up()
    app.end_spans(1)
    assert app.flush()
    assert (app.counts.sent, app.counts.retried) == (2, 0)
    app.provider.shutdown()


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (401, "unauthorized", "HTTP 401 (unauthorized): check the key"),
        (403, "forbidden", "HTTP 403 (forbidden): check the key"),
        (404, "not_found", "HTTP 404 (not_found): check the endpoint"),
        (308, "redirected", "HTTP 308 (redirected): check the endpoint"),
    ],
)
def test_what_is_not_let_in_waits_for_the_next_process(
    server: FaultServer, status: int, reason: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.fault, server.status = Fault.STATUS, status
    server.headers = {"Location": f"{server.url}/elsewhere"}
    app = App()
    app.end_spans(10)
    assert app.flush()
    time.sleep(1.5)
    assert len(server.requests) == 1
    assert (app.counts.sent, app.counts.dropped, app.counts.held) == (0, {}, {reason: 10})
    assert [said in record.message for record in caplog.records if record.levelno == logging.ERROR] == [True]
    app.provider.shutdown()
    server.fault = Fault.NONE
    later = App()
    until(lambda: len(server.spans) == 10)
    assert sum(server.spans.values()) == 10
    later.provider.shutdown()


def test_what_is_refused_is_dropped_and_counted(server: FaultServer, directory: Path) -> None:
    server.fault, server.status = Fault.STATUS, 400
    app = App()
    app.end_spans(10)
    assert app.flush()
    app.provider.shutdown()
    assert (len(server.requests), app.counts.sent, app.counts.dropped) == (1, 0, {"refused": 10})
    assert left_on_disk(directory) == []


def test_what_is_too_large_is_halved(server: FaultServer) -> None:
    server.largest = 100
    app = App()
    app.end_spans(300)
    assert app.flush()
    assert (len(server.spans), app.counts.sent, app.counts.dropped) == (300, 300, {})
    server.largest = 0
    app.end_spans(2)
    assert app.flush()
    assert app.counts.dropped == {"too_large": 2}
    app.provider.shutdown()


def test_what_the_server_rejects_is_counted(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    server.fault = Fault.PARTIAL
    app = App()
    app.end_spans(10)
    assert app.flush()
    assert (app.counts.sent, app.counts.dropped) == (9, {"rejected": 1})
    assert "the server has rejected 1 of a request: the first is not wanted" in caplog.text
    app.provider.shutdown()


def test_a_shutdown_waits_no_longer_than_it_is_set(server: FaultServer, directory: Path) -> None:
    server.fault = Fault.SLOW
    app = App(exit_seconds=1)
    app.end_spans(10)
    began = time.monotonic()
    app.provider.shutdown()
    assert time.monotonic() - began < 2
    server.fault = Fault.NONE
    assert any(path.suffix == ".segment" for path in left_on_disk(directory))


def test_a_second_shutdown_has_no_more_time_than_the_first(server: FaultServer) -> None:
    server.fault = Fault.SLOW
    app = App(exit_seconds=1)
    app.end_spans(10)
    until(lambda: len(server.requests) == 1)
    began = time.monotonic()
    app._processor.shutdown()
    app._processor.shutdown()  # as by the batch processor that stands beside it
    assert time.monotonic() - began < 1.8
    server.fault = Fault.NONE


def test_a_shutdown_does_not_wait_for_a_server_that_is_down(server: FaultServer) -> None:
    server.down()
    app = App()
    app.end_spans(10)
    assert not app.flush()
    began = time.monotonic()
    app.provider.shutdown()
    assert time.monotonic() - began < 1
    server.up()
    later = App()
    until(lambda: len(server.spans) == 10)
    assert later.counts.adopted == 1
    later.provider.shutdown()


def test_spans_after_a_shutdown_are_not_lost(server: FaultServer) -> None:
    app = App()
    app.end_spans(1)
    app.provider.shutdown()
    app.end_spans(1)
    assert app.flush()
    assert len(server.spans) == 2
    app.provider.shutdown()


def test_a_disk_that_cannot_be_written(
    server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.fault = Fault.STATUS
    (tmp_path / "file").touch()
    app = App(spool_directory=tmp_path / "file" / "spool")  # nobody, root neither, makes a folder in a file
    app.end_spans(600)
    assert not app.flush()
    server.fault = Fault.NONE
    assert app.flush() or app.flush()
    assert (len(server.spans), app.counts.disk_failures, app.counts.dropped) == (600, 600, {})
    assert caplog.text.count("cannot be written (Not a directory)") == 1
    app.provider.shutdown()


def test_memory_is_bounded(server: FaultServer, tmp_path: Path) -> None:
    server.down()
    (tmp_path / "file").touch()
    app = App(spool_directory=tmp_path / "file" / "spool")
    tracer = app.provider.get_tracer("test")
    for number in range(20):
        tracer.start_span("large", attributes={"text": "x" * 2**20, "number": number}).end()
    dropped = app.counts.dropped["memory_full"]
    assert 10 <= dropped <= 13
    server.up()
    until(lambda: app.flush() and app.counts.sent == 20 - dropped)
    app.provider.shutdown()


def test_only_what_has_a_cost_or_a_session(server: FaultServer) -> None:
    app = App(spool_only="costs")
    tracer = app.provider.get_tracer("test")
    for key in ("http.request.method", "session.id", "infraprism.cost.status", "gen_ai.usage.cost"):
        tracer.start_span(key, attributes={key: "1"}).end()
    assert app.flush()
    assert len(server.spans) == 3
    app.provider.shutdown()


def test_a_folder_that_somebody_removes(server: FaultServer, directory: Path) -> None:
    app = App()
    app.end_spans(1)
    assert app.flush()
    shutil.rmtree(directory)
    tracer = app.provider.get_tracer("test")
    for _ in range(5):  # until the file that is still open is full
        tracer.start_span("large", attributes={"text": "x" * 2**20}).end()
    assert app.flush()
    app.end_spans(1)
    assert app.flush()
    assert (len(server.spans) + app.counts.dropped["vanished"], app.counts.disk_failures > 0) == (7, True)
    app.provider.shutdown()
