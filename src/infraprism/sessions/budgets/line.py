"""The line to the collector: short questions that are given up in time, and reports that nobody waits for.

A collector that does not answer costs one wait, not one a call: after a failure nobody asks for a while, and
then one call tries again. Nothing here goes through the application's clients, or is recorded by them.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

#: Seconds that a call waits for an answer, at most.
TIMEOUT = 0.5
#: Seconds without questions after a failure, doubled with each that follows, up to the longest.
_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
#: Questions that are asked, and reports that are made, at a time; reports that may wait.
_ASKING = 64
_REPORTING = 4
_WAITING = 1_000
#: Connections that are kept open.
_IDLE = 16

Answer = Mapping[str, Any]


class Line:
    """To one collector, at `url`; with its key. Not to be used in a child after a fork."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        self._connection = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._address = (parts.hostname or "", parts.port)
        self._path = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._closed_until = 0.0
        self._pause = 0.0
        self._tries = False
        self._reports = 0
        # Not the caller's thread: a name that is not found would hold it for longer than any time-out.
        self._asking = ThreadPoolExecutor(_ASKING, "infraprism-budgets")
        # Those that wait are made before the program ends.
        self._reporting = ThreadPoolExecutor(_REPORTING, "infraprism-budget-reports")

    def ask(self, path: str, body: Mapping[str, Any]) -> Future[Answer | None] | None:
        """Ask; None where nobody is asked at present. The result is None where there is no answer."""
        return self._asking.submit(self._send, "POST", path, body) if self._is_open() else None

    def late(self) -> None:
        """An answer did not come in time."""
        self._failed()

    def report(self, method: str, path: str, body: Mapping[str, Any] | None) -> Future[Answer | None] | None:
        """Tell the collector, later; None where that is not possible."""
        with self._lock:
            if self._reports >= _WAITING:
                return None
            self._reports += 1
        return self._reporting.submit(self._report, method, path, body)

    def _report(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer | None:
        try:
            return self._send(method, path, body) if self._is_open() else None
        finally:
            with self._lock:
                self._reports -= 1

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer | None:
        from opentelemetry.instrumentation.utils import suppress_instrumentation

        began = time.monotonic()
        content = None if body is None else json.dumps(body).encode()
        try:
            with suppress_instrumentation():
                status, answer = self._exchange(method, self._path + path, content)
        except (OSError, http.client.HTTPException, ValueError):  # an address can be none
            self._failed()
            return None
        if status == 400:  # it is this question that is wrong
            self._worked()
            return None
        if not 200 <= status < 300 or time.monotonic() - began > TIMEOUT:
            self._failed()
        else:
            self._worked()
        return (json.loads(answer, parse_float=Decimal) if answer else {}) if 200 <= status < 300 else None

    def _exchange(self, method: str, path: str, content: bytes | None) -> tuple[int, bytes]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._through(connection, method, path, content)
            except (ConnectionError, http.client.HTTPException):
                connection.close()  # it was closed while it was idle
            except BaseException:
                connection.close()
                raise
        connection = self._connection(*self._address, timeout=TIMEOUT)
        try:
            return self._through(connection, method, path, content)
        except BaseException:
            connection.close()
            raise

    def _through(
        self, connection: http.client.HTTPConnection, method: str, path: str, content: bytes | None
    ) -> tuple[int, bytes]:
        connection.request(method, path, content, self._headers)
        response = connection.getresponse()
        result = response.status, response.read()
        with self._lock:
            if response.will_close or len(self._idle) >= _IDLE:
                connection.close()
            else:
                self._idle.append(connection)
        return result

    def _is_open(self) -> bool:
        with self._lock:
            if not self._pause:
                return True
            if self._tries or time.monotonic() < self._closed_until:
                return False
            self._tries = True
            return True

    def _worked(self) -> None:
        with self._lock:
            self._pause, self._tries = 0.0, False

    def _failed(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._closed_until:
                return  # those that were under way fail with the first
            self._pause = min(self._pause * 2 or _PAUSE, _LONGEST_PAUSE)
            self._closed_until, self._tries = now + self._pause, False
