"""An HTTP front over ClickHouse's own engine (chdb), for tests: what a ClickHouse server answers a client.

    python -m tests.support.clickhouse_front FOLDER PORT

prints its port (another one for 0), and serves one engine over the data in FOLDER until it is stopped. What a
server does and this does not: clusters, rights, compressed answers.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame
from chdb import ChdbError

from tests.support.clickhouse import PASSWORD, USER

#: What is HTTP's own and no setting of the engine.
_TRANSPORT = {
    "buffer_size",
    "client_protocol_version",
    "compress",
    "database",
    "decompress",
    "enable_http_compression",
    "query",
    "query_id",
    "role",
    "send_progress_in_http_headers",
    "session_id",
    "wait_end_of_query",
}
_INSERT = re.compile(rb"\s*(INSERT\s+INTO\s.+?)\s+FORMAT (\w+) *\n", re.DOTALL | re.IGNORECASE)
_FORMAT = re.compile(rb"\sFORMAT\s+(\w+)\s*$", re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";]+)')


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and content leave together
    server: Front

    def do_POST(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        if self.headers.get("Content-Encoding") == "lz4":
            try:
                body = lz4.frame.decompress(body)
            except RuntimeError:  # its sender has broken off
                self._answer(400, b"Code: 432. DB::Exception: No frame. (UNKNOWN_CODEC)", "432")
                return
        if (form := self.headers.get("Content-Type", "")).startswith("multipart/form-data"):
            fields = _fields(body, form)
            body = fields.pop("query", "").encode(errors="surrogateescape")
            query |= fields
        body = query.get("query", "").encode() + body
        if self.headers.get("Authorization") != self.server.authorization:
            self._answer(403, b"Code: 516. DB::Exception: No. (AUTHENTICATION_FAILED)", "516")
            return
        try:
            content = self._run(query, body)
        except ChdbError as error:
            found = re.search(r"Code: (\d+)\.", str(error))
            self._answer(500, str(error).encode(), found[1] if found else "1000")
        else:
            asked = _FORMAT.search(body)
            self._answer(200, content, shown=asked[1].decode() if asked else "TabSeparated")

    def _run(self, query: dict[str, str], body: bytes) -> bytes:
        connection = chdb.connect(self.server.folder)
        try:
            if database := query.get("database"):
                connection.query(f"USE `{database}`")
            for name, value in query.items():
                if name not in _TRANSPORT and not name.startswith("param_"):
                    connection.query(f"SET {name} = {_quoted(value)}")
            parameters = {name[6:]: value for name, value in query.items() if name.startswith("param_")}
            insert = _INSERT.match(body)
            if insert is None:
                result: bytes = (
                    connection.query(body.decode(), "TabSeparated", params=parameters).bytes() or b""
                )
                return result
            with tempfile.NamedTemporaryFile() as rows:
                rows.write(body[insert.end() :])
                rows.flush()
                sql = f"{insert[1].decode()} FROM INFILE {_quoted(rows.name)} FORMAT {insert[2].decode()}"
                connection.query(sql, "TabSeparated", params=parameters)
            return b""
        finally:
            connection.close()

    def _body(self) -> bytes:
        if length := self.headers.get("Content-Length"):
            return self.rfile.read(int(length))
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _answer(self, status: int, content: bytes, code: str | None = None, shown: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-ClickHouse-Summary", json.dumps({}))
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", code)
        if shown is not None and content:
            self.send_header("X-ClickHouse-Format", shown)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class Front(ThreadingHTTPServer):
    """Serves the engine over the data in `folder`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: str, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder
        self.authorization = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        # The engine lives as long as a connection to it.
        self.engine = chdb.connect(folder)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    found = _BOUNDARY.search(content_type)
    assert found is not None
    fields = {}
    for part in body.split(f"--{found[1]}".encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        assert name is not None
        fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields


def main() -> None:
    """Serve until stopped."""
    front = Front(sys.argv[1], int(sys.argv[2]))
    print(front.server_port, flush=True)
    front.serve_forever()


if __name__ == "__main__":
    main()
