"""A server for OTLP over HTTP that fails as it is told, and keeps account of what it has accepted."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Fault(Enum):
    NONE = "none"
    #: Takes the request, and ends the connection before it answers.
    KILLED_WHILE_ANSWERING = "killed while answering"
    #: A status, with what headers and body the server has been given.
    STATUS = "status"
    #: Sends a byte of its answer each second, and never comes to an end.
    SLOW = "slow"
    RESET = "reset"
    #: Takes all but the first of each request, and says so.
    PARTIAL = "partial"


class FaultServer:
    """Listens on one port for as long as it exists, up or down.

    Attributes:
        fault: what goes wrong now.
        status, headers: of the answer, where the fault is a status.
        requests: headers and body (as it came) of each request that was read.
        spans: how often each span was accepted, by trace id and span id.
        rejected: how many were rejected from requests that were accepted.
        largest: requests with more records than this are answered 413.
    """

    def __init__(self, forward_to: str | None = None) -> None:
        self._forward_to = urlsplit(forward_to) if forward_to else None
        self._server: _Server | None = None
        self._tls: ssl.SSLContext | None = None
        self.port = 0
        self.keep_requests = True
        self.forget()
        self.up()

    def forget(self) -> None:
        """Begin anew."""
        self.fault, self.status = Fault.NONE, 503
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.paths: Counter[str] = Counter()
        self.spans: Counter[tuple[bytes, bytes]] = Counter()
        self.records: list[Any] = []
        self.rejected = 0
        self.largest = 10**9
        self.times: list[float] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def up(self) -> None:
        """Listen."""
        if self._server is None:
            self._server = _Server(self, self.port)
            self.port = self._server.server_port
            if self._tls is not None:
                self._server.socket = self._tls.wrap_socket(
                    self._server.socket, server_side=True, do_handshake_on_connect=False
                )
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, and end those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.end_connections()

    def certify(self, certificate: Path, key: Path) -> None:
        """Speak TLS with this certificate from now on."""
        self.down()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self.up()

    def accept(self, path: str, headers: dict[str, str], body: bytes, records: Iterable[Any]) -> bytes | None:
        """Take records, and have the one behind take them: the answer's body, None where it would not."""
        if self._forward_to is not None:
            host, port = str(self._forward_to.hostname), self._forward_to.port
            connection = http.client.HTTPConnection(host, port, timeout=30)
            sent = {name: headers[name] for name in ("content-type", "content-encoding") if name in headers}
            try:
                connection.request("POST", path, body, sent)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    return None
            except OSError:
                return None
            finally:
                connection.close()
        for record in records:
            if hasattr(record, "start_time_unix_nano"):
                self.spans[record.trace_id, record.span_id] += 1
            else:
                self.records.append(record)
        return b""


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, owner: FaultServer, port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def do_POST(self) -> None:
        owner = self.server.owner
        fault = owner.fault
        if fault is Fault.RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.times.append(time.monotonic())
        owner.paths[self.path] += 1
        if owner.keep_requests:
            owner.requests.append((headers, body))
        if fault is Fault.SLOW:
            self._dribble()
            return
        if fault is Fault.STATUS:
            self._answer(owner.status, b"", owner.headers)
            return
        content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        records = list(_records(self.path, content))
        if len(records) > owner.largest:
            self._answer(413, b"")
            return
        reply = b""
        if fault is Fault.PARTIAL:
            request = ExportTraceServiceRequest.FromString(content)
            del request.resource_spans[0].scope_spans[0].spans[0]
            records, body = records[1:], request.SerializeToString()
            headers.pop("content-encoding", None)
            owner.rejected += 1
            response = ExportTraceServiceResponse()
            response.partial_success.rejected_spans = 1
            response.partial_success.error_message = "the first is not wanted"
            reply = response.SerializeToString()
        if owner.accept(self.path, headers, body, records) is None:
            self._answer(503, b"")
        elif fault is Fault.KILLED_WHILE_ANSWERING:
            self.close_connection = True
        else:
            self._answer(200, reply)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _dribble(self) -> None:
        self.close_connection = True
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 1000:
            if self.server.owner.fault is not Fault.SLOW:
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.2)

    def log_message(self, *args: object) -> None: ...


def _records(path: str, content: bytes) -> Iterable[Any]:
    if path == "/v1/logs":
        for resource_logs in ExportLogsServiceRequest.FromString(content).resource_logs:
            for scope_logs in resource_logs.scope_logs:
                yield from scope_logs.log_records
        return
    for resource_spans in ExportTraceServiceRequest.FromString(content).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans
