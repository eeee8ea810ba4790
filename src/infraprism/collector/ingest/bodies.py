"""Request bodies within bounds: on the wire and once decompressed."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Final

from starlette.requests import Request

MAX_WIRE_BYTES: Final = 16 * 2**20
MAX_BODY_BYTES: Final = 64 * 2**20


class TooLargeError(ValueError):
    """The body is larger than the collector takes."""


class NotGzipError(ValueError):
    """The body is not what its Content-Encoding says."""


async def read(request: Request) -> bytes:
    """The body as it is on the wire. Raises `TooLargeError` as soon as it is known to be too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WIRE_BYTES:
            raise TooLargeError(f"the body is larger than {MAX_WIRE_BYTES} bytes")
    return bytes(body)


def gunzip(body: bytes) -> bytes:
    """`body` decompressed; never more than the limit is held. Raises `TooLargeError`, `NotGzipError`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            content = stream.read(MAX_BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise NotGzipError("the body is not valid gzip") from None
    if len(content) > MAX_BODY_BYTES:
        raise TooLargeError(f"the decompressed body is larger than {MAX_BODY_BYTES} bytes")
    return content
