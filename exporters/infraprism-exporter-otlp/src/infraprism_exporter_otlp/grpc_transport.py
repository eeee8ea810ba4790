"""Requests over gRPC, for servers that take nothing else. Needs the extra `grpc`."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import grpc

from infraprism_exporter_otlp.http_transport import TransportError
from infraprism_exporter_otlp.settings import Settings
from infraprism_exporter_otlp.verdicts import Answer

_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
#: What each status means in the table of HTTP; all others are not tried again.
_AS_HTTP: Final = {
    grpc.StatusCode.CANCELLED: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.ABORTED: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.OUT_OF_RANGE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS: HTTPStatus.SERVICE_UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_FOUND,
}
#: gRPC has one status for a request that is too large and for too many: the first is in its words.
_TOO_LARGE: Final = re.compile("larger than max|exceeds maximum size")


class GrpcTransport:
    """Calls the export method of one server. To be used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channel: grpc.Channel | None = None

    def send(self, body: bytes, timeout: float) -> Answer:
        """The answer to one request, in the terms of HTTP. Raises `TransportError`."""
        try:
            if self._channel is None:
                self._channel = self._connect()
            export = self._channel.unary_unary(_METHODS[self._settings.signal])
            metadata = tuple(self._settings.headers.items())
            return Answer(HTTPStatus.OK, {}, export(body, timeout=timeout, metadata=metadata))
        except grpc.RpcError as error:
            status = _AS_HTTP.get(error.code(), HTTPStatus.BAD_REQUEST)
            if status is HTTPStatus.TOO_MANY_REQUESTS and _TOO_LARGE.search(error.details() or ""):
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return Answer(status)
        except (OSError, ValueError) as error:
            raise TransportError(type(error).__name__) from error

    def close(self) -> None:
        """Close the connection."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def forget(self) -> None:
        """In a forked child: the connection is the parent's."""
        self._channel = None

    def _connect(self) -> grpc.Channel:
        url = urlsplit(self._settings.endpoint)
        target = url.netloc or self._settings.endpoint
        compression = grpc.Compression.NoCompression
        if self._settings.compression != "none":
            compression = getattr(grpc.Compression, self._settings.compression.capitalize())
        if url.scheme == "http":
            return grpc.insecure_channel(target, compression=compression)
        files = (self._settings.certificate, self._settings.client_key, self._settings.client_certificate)
        credentials = grpc.ssl_channel_credentials(
            *(Path(name).read_bytes() if name else None for name in files)
        )
        return grpc.secure_channel(target, credentials, compression=compression)
