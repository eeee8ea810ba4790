"""One HTTP request at a time over a connection that is kept, within a time that nothing can stretch."""

from __future__ import annotations

import base64
import gzip
import io
import socket
import ssl
import time
import zlib
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.verdicts import Answer

#: Of an answer no more is read; where there is more, the connection is not kept.
_MOST_BODY: Final = 64 * 1024
_USER_AGENT: Final = "infraprism-exporter-otlp"


class TransportError(Exception):
    """There was no answer, or not in time."""


class HttpTransport:
    """Posts requests to one URL. To be used by one thread."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ValueError` for an endpoint that is no HTTP URL. Files of certificates are read later."""
        url = urlsplit(settings.endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"the endpoint must be an http:// or https:// URL: {url.hostname or url.path!r}")
        self._settings = settings
        self._url = url
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._connection: HTTPConnection | None = None
        self._headers = {
            "content-type": "application/x-protobuf",
            "user-agent": _USER_AGENT,
            **({} if settings.compression == "none" else {"content-encoding": settings.compression}),
            **settings.headers,
        }

    def send(self, body: bytes, timeout: float) -> Answer:
        """The answer to one request.

        Args:
            body: not compressed.
            timeout: seconds for all of it.
        Raises `TransportError`.
        """
        deadline = time.monotonic() + timeout
        content = _compressed(body, self._settings.compression)
        is_kept = self._connection is not None
        try:
            try:
                return self._post(content, deadline)
            except (HTTPException, OSError):
                # The server may have closed the kept connection since: that says nothing about it now.
                if not is_kept or time.monotonic() >= deadline:
                    raise
                self.close()
                return self._post(content, deadline)
        except (HTTPException, OSError, ValueError) as error:
            self.close()
            raise TransportError(_said(error)) from error

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def forget(self) -> None:
        """In a forked child: the connection is the parent's."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            socket.close(connection.sock.detach())
            connection.sock = None

    def _post(self, content: bytes, deadline: float) -> Answer:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect(deadline)
        connection.response_class = partial(_Response, deadline)  # type: ignore[assignment]
        connection.sock.settimeout(_left(deadline))
        sent = {name: value.encode() for name, value in self._headers.items()}  # UTF-8, as they came
        connection.request("POST", self._target, content, sent)
        response = connection.getresponse()
        body = response.read(_MOST_BODY)
        headers = {name.lower(): value for name, value in response.getheaders()}
        if not response.isclosed() or response.will_close:
            self.close()
        return Answer(response.status, headers, body)

    def _connect(self, deadline: float) -> HTTPConnection:
        url, timeout = self._url, _left(deadline)
        is_tls = url.scheme == "https"
        host, port = str(url.hostname), url.port or (443 if is_tls else 80)
        proxy = None if proxy_bypass(host) else getproxies().get(url.scheme)
        connection: HTTPConnection
        at_host, at_port, credentials = host, port, {}
        if proxy:
            parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            at_host, at_port = str(parts.hostname), parts.port or 80
            if parts.username is not None:
                user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                credentials = {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        if is_tls:
            connection = HTTPSConnection(at_host, at_port, timeout=timeout, context=self._tls())
            if proxy:
                connection.set_tunnel(host, port, credentials)
        else:
            connection = HTTPConnection(at_host, at_port, timeout=timeout)
            if proxy:
                self._target = self._url._replace(netloc=self._url.netloc.rpartition("@")[2]).geturl()
                self._headers |= credentials
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _tls(self) -> ssl.SSLContext:
        # Read at each connection: a certificate that was replaced is found.
        context = ssl.create_default_context(cafile=self._settings.certificate)
        if self._settings.client_certificate:
            context.load_cert_chain(self._settings.client_certificate, self._settings.client_key)
        return context


class _Response(HTTPResponse):
    """A response that is read until a deadline, however slowly the other side sends it."""

    def __init__(self, deadline: float, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_UntilReader(sock, deadline))


class _UntilReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _compressed(body: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(body, mtime=0)
    return zlib.compress(body) if how == "deflate" else body


def _said(error: Exception) -> str:
    """What went wrong, without what a server or a URL may have put into it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "timed out" if isinstance(error, TimeoutError) else type(error).__name__
