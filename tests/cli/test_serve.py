"""`infraprism serve` as a real process on a real socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from infraprism import cli
from tests.support.otlp import make_call, make_request

INFRAPRISM = [sys.executable, "-c", "import sys; from infraprism.cli import main; sys.exit(main())"]


class Served:
    """A running `infraprism serve`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.line = process.stdout.readline()
        found = re.search(r"http://(?:0\.0\.0\.0|127\.0\.0\.1|\[::1\]|localhost):(\d+)", self.line)
        assert found, process.stderr
        self.port = int(found[1])

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def send(self, *spans: Any) -> int:
        body = make_request(*spans).SerializeToString()
        return self.request("POST", "/v1/traces", body, **{"Content-Type": "application/x-protobuf"})[0]

    def sessions(self) -> list[dict[str, Any]]:
        status, body = self.request("GET", "/v1/analytics/sessions")
        assert status == 200
        data: list[dict[str, Any]] = json.loads(body)["data"]
        return data

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit code, and what was printed after the first line."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=20)
        return self.process.returncode, output + errors


@contextmanager
def serve(folder: Path, *flags: str, **environ: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*INFRAPRISM, "serve", *flags],
        cwd=folder,
        env={**os.environ, "INFRAPRISM_PORT": "0", "INFRAPRISM_GRPC_PORT": "off", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()


def refused(folder: Path, *flags: str, **environ: str) -> str:
    """What `infraprism serve` says when it cannot start: one line, exit code 1."""
    result = subprocess.run(
        [*INFRAPRISM, "serve", *flags],
        cwd=folder,
        env={**os.environ, "INFRAPRISM_PORT": "0", "INFRAPRISM_GRPC_PORT": "off", **environ},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_stop_and_on_again(tmp_path: Path, number: int) -> None:
    with serve(tmp_path) as served:
        assert served.line == (
            f"InfraPrism collector listening on http://127.0.0.1:{served.port},"
            f" data in {tmp_path}/infraprism.duckdb\n"
        )
        assert served.send(make_call(1)) == 200
        assert served.request("GET", "/healthz") == (200, b'{"status":"ok"}')
        assert served.stop(number) == (0, "")
    with serve(tmp_path) as served:
        assert served.send(make_call(1), make_call(2)) == 200
        (session,) = served.sessions()
        assert (session["session_id"], session["call_count"], session["total_cost"]) == ("s-1", 2, 0.015)


def test_a_session_id_may_hold_anything(tmp_path: Path) -> None:
    session_id = "a/b %2F?#\n日本/"
    with serve(tmp_path) as served:
        served.send(make_call(1, {"session.id": session_id}))

        status, body = served.request("GET", f"/v1/analytics/sessions/{quote(session_id, safe='')}")

    assert (status, json.loads(body)["session_id"]) == (200, session_id)


def test_the_standard_exporter_delivers_here(tmp_path: Path) -> None:
    with serve(tmp_path, INFRAPRISM_API_KEY="ip-secret") as served:
        exporter = OTLPSpanExporter(
            f"http://127.0.0.1:{served.port}/v1/traces",
            headers={"Authorization": "Bearer ip-secret"},
            compression=Compression.Gzip,
        )
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        attributes = {item.key: item.value.string_value for item in make_call().attributes}
        with provider.get_tracer("test").start_as_current_span("chat gpt-4o", attributes=attributes):
            pass
        provider.shutdown()

        status, body = served.request("GET", "/v1/status", Authorization="Bearer ip-secret")

    assert (status, json.loads(body)["calls_stored"]) == (200, 1)


def test_flags_win_over_the_environment(tmp_path: Path) -> None:
    with serve(
        tmp_path,
        *("--host", "localhost", "--port", "0", "--database", "flag.duckdb"),
        INFRAPRISM_HOST="192.0.2.1",
        INFRAPRISM_PORT="1",
        INFRAPRISM_DATABASE="environment.duckdb",
    ) as served:
        assert served.line.endswith(f"data in {tmp_path}/flag.duckdb\n")
        assert (tmp_path / "flag.duckdb").exists()
        assert not (tmp_path / "environment.duckdb").exists()


def test_the_key_and_the_host_header(tmp_path: Path) -> None:
    with serve(tmp_path, INFRAPRISM_API_KEY="ip-secret") as served:
        assert served.request("GET", "/v1/status")[0] == 401
        assert served.send(make_call(1)) == 401
        assert served.request("GET", "/healthz")[0] == 200
        assert served.request("GET", "/v1/status", Authorization="Bearer ip-secret")[0] == 200
        assert served.request("GET", "/healthz", Host="evil.example")[0] == 403


def test_every_acknowledged_call_survives_a_kill(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    lock = threading.Lock()
    with serve(tmp_path) as served:

        def send_until_killed(worker: int) -> None:
            first = 1_000_000 * worker
            while True:
                numbers = range(first, first + 50)
                try:
                    status = served.send(*(make_call(number) for number in numbers))
                except (OSError, http.client.HTTPException):
                    return
                assert status == 200
                with lock:
                    acknowledged.extend(numbers)
                    if len(acknowledged) >= 3000:
                        served.process.kill()
                first += 50

        workers = [threading.Thread(target=send_until_killed, args=(worker,)) for worker in range(1, 5)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    with serve(tmp_path) as served:
        span_ids: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            query = f"limit=1000{f'&cursor={cursor}' if cursor else ''}"
            status, body = served.request("GET", f"/v1/analytics/sessions/s-1/calls?{query}")
            assert status == 200
            page = json.loads(body)
            span_ids += [int(call["span_id"], 16) for call in page["data"]]
            cursor = page["next_cursor"]

    assert len(acknowledged) >= 3000
    assert len(span_ids) == len(set(span_ids))
    assert set(acknowledged) <= set(span_ids)


def test_what_is_in_the_way_is_named_in_one_line(tmp_path: Path) -> None:
    with serve(tmp_path):
        line = refused(tmp_path)
    assert line.startswith(f"cannot open the database {tmp_path}/infraprism.duckdb: ")
    assert "lock" in line

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(tmp_path, "--port", str(port))
    assert line == f"cannot listen on 127.0.0.1:{port}: Address already in use"

    line = refused(tmp_path, "--database", "missing/x.duckdb")
    assert line.startswith(f"cannot open the database {tmp_path}/missing/x.duckdb: ")

    assert refused(tmp_path, "--host", "0.0.0.0") == (
        "0.0.0.0 can be reached from other machines: make a key with `infraprism keys create`,"
        " set INFRAPRISM_API_KEY, or listen on 127.0.0.1"
    )
    (tmp_path / "prices.toml").write_text("x = 1\ny = 2")
    assert refused(tmp_path, INFRAPRISM_PRICES="prices.toml") == (
        "INFRAPRISM_PRICES cannot be used: prices.toml: line 1: x is not known here;"
        " it can be name, list, prices, aliases, adjustments, display (and 1 more)"
    )
    assert refused(tmp_path, INFRAPRISM_API_KEY="secret") == ("INFRAPRISM_API_KEY must begin with 'ip-'")


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith("infraprism.collector")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "duckdb", None)

    assert cli.main(["serve"]) == 1
    assert capsys.readouterr().err == (
        "infraprism serve needs the collector: pip install 'infraprism[collector]'\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http", "٣"])
def test_a_port_that_is_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", f"--port={port}"])

    assert stopped.value.code == 2
    assert "it must be a port number from 0 to 65535" in capsys.readouterr().err


def test_the_command_itself_loads_no_server_and_no_database() -> None:
    code = (
        "import sys; from infraprism.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'starlette', 'uvicorn', 'duckdb', 'google.protobuf', 'msgspec'} & set(sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (result.returncode, result.stderr) == (0, "")
    assert "serve" in result.stdout


def test_grpc_has_a_port_of_its_own(tmp_path: Path) -> None:
    with serve(tmp_path, "--grpc-port", "0", INFRAPRISM_API_KEY="ip-secret") as served:
        found = re.search(r", OTLP/gRPC on port (\d+)\n$", served.line)
        assert found, served.line
        with grpc.insecure_channel(f"127.0.0.1:{found[1]}") as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            body = make_request(make_call(1)).SerializeToString()
            export(body, metadata=(("authorization", "Bearer ip-secret"),), timeout=20)
        status, answer = served.request("GET", "/v1/status", Authorization="Bearer ip-secret")
        assert (status, json.loads(answer)["calls_stored"]) == (200, 1)
        assert served.stop() == (0, "")


def test_a_grpc_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(tmp_path, "--grpc-port", str(port)) == (
            f"cannot listen on 127.0.0.1:{port}: Address already in use"
        )


def test_the_default_grpc_port_may_be_taken(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # somebody else has it: as well
            stack.enter_context(socket.create_server(("127.0.0.1", 4317)))
        with serve(tmp_path, INFRAPRISM_GRPC_PORT="") as served:
            assert "gRPC" not in served.line
            assert served.send(make_call(1)) == 200
            assert served.stop() == (
                0,
                "cannot listen on 127.0.0.1:4317: Address already in use; going on without OTLP/gRPC"
                " (--grpc-port chooses another port)\n",
            )
